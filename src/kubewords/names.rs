//! What names must look like, and which namespaces are a cluster's own.

/// Whether it is an RFC 1123 subdomain of at most 253 characters, as most names are.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(has_label_form)
}

/// Whether it has the form of an RFC 1123 label, however long it is.
pub(crate) fn has_label_form(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(|b| alphanumeric(*b)) && bytes.last().is_some_and(|b| alphanumeric(*b));
    ends && bytes.iter().all(|b| alphanumeric(*b) || *b == b'-')
}

/// Whether a namespace is the cluster's own: Kubernetes keeps `kube-` for itself, and kind puts its volumes' provisioner
/// into `local-path-storage`.
pub(crate) fn is_system_namespace(name: &str) -> bool {
    name.starts_with("kube-") || name == "local-path-storage"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_form_and_a_length() {
        for (name, label_form, subdomain) in [
            ("app1-ns", true, true),
            ("my-pod.v1", false, true),
            ("", false, false),
            ("-x", false, false),
            ("x-", false, false),
            ("MyPod", false, false),
            ("a..b", false, false),
            (&"a".repeat(63), true, true),
            (&"a".repeat(64), true, true),
            (&"a".repeat(254), true, false),
        ] {
            assert_eq!((has_label_form(name), is_subdomain(name)), (label_form, subdomain), "{name}");
        }
    }

    #[test]
    fn a_clusters_own_namespaces() {
        for (name, own) in
            [("kube-system", true), ("local-path-storage", true), ("default", false), ("kubeapps", false)]
        {
            assert_eq!(is_system_namespace(name), own, "{name}");
        }
    }
}
