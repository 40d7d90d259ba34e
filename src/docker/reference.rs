//! Names of images, taken apart as the engine's API wants them.

/// `repository` and `tag` (or digest); a name without either means `latest`.
pub(super) fn split_reference(name: &str) -> (&str, &str) {
    if let Some((repository, digest)) = name.split_once('@') {
        return (repository, digest);
    }
    match name.rsplit_once(':') {
        // A colon before a slash belongs to the registry's port.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_splits_at_its_tag_not_at_the_registrys_port() {
        for (name, parts) in [
            ("registry:2", ("registry", "2")),
            ("python", ("python", "latest")),
            ("127.0.0.1:5000/a/b", ("127.0.0.1:5000/a/b", "latest")),
            ("127.0.0.1:5000/a/b:1.0.0", ("127.0.0.1:5000/a/b", "1.0.0")),
            ("a@sha256:0f", ("a", "sha256:0f")),
        ] {
            assert_eq!(split_reference(name), parts, "{name}");
        }
    }
}
