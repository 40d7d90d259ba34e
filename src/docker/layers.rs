//! Layers kept between sessions: the engine compresses an image anew for each registry that does not have its
//! layers, two seconds of every warm start. So a registry begins with the layers of the last one, never with its
//! manifests: what it serves is what was pushed to it. Knows no image names.

use std::io::{Cursor, Error as IoError};
use std::path::{Component, Path};

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures::TryStreamExt;

use super::Docker;
use super::error::{Error, Result, failed};

/// Where a registry keeps its data.
pub(super) const DATA: &str = "/var/lib/registry";

/// Where, below [`DATA`] and in a copy, the blob of a digest lies (distribution's storage/paths.go).
fn blob(copy: &Path, digest: &str) -> Option<std::path::PathBuf> {
    let hex = digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64)?;
    Some(copy.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data"))
}

/// Whether the copy has all of these layers.
pub(crate) fn has(copy: &Path, digests: &[String]) -> bool {
    digests.iter().all(|digest| blob(copy, digest).is_some_and(|path| path.is_file()))
}

impl Docker {
    /// Replaces the copy in `to` with the layers of a running registry.
    pub async fn keep_layers(&self, registry: &str, to: &Path) -> Result<()> {
        let options = DownloadFromContainerOptionsBuilder::new().path(DATA).build();
        let chunks: Vec<Bytes> = self
            .api
            .download_from_container(registry, Some(options))
            .try_collect()
            .await
            .map_err(failed("reading the registry's layers"))?;
        let written = to.to_owned();
        let unpacked = tokio::task::spawn_blocking(move || unpack(&chunks.concat(), &written)).await;
        let cannot = |source| Error::Context { path: to.display().to_string(), source };
        unpacked.map_err(|panicked| cannot(IoError::other(panicked)))?.map_err(cannot)
    }
}

/// Unpacks blobs and the links by which repositories name their layers; into a folder beside, then in one step.
fn unpack(archive: &[u8], to: &Path) -> std::io::Result<()> {
    let parent = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let fresh = parent.join(format!(".layers-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&fresh);
    let mut archive = tar::Archive::new(Cursor::new(archive));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        // The archive's first component is the folder's own name.
        let inside: std::path::PathBuf = path.components().skip(1).collect();
        let tame = inside.components().all(|part| matches!(part, Component::Normal(_)));
        let passing =
            inside.components().any(|part| ["_manifests", "_uploads"].iter().any(|name| part.as_os_str() == *name));
        if tame && !passing && entry.header().entry_type().is_file() {
            let target = fresh.join(&inside);
            std::fs::create_dir_all(target.parent().unwrap_or(&fresh))?;
            entry.unpack(&target)?;
        }
    }
    // Two sessions may do this at once: the layers are the same, so either may win.
    let _ = std::fs::remove_dir_all(to);
    match std::fs::rename(&fresh, to) {
        Ok(()) => Ok(()),
        Err(_) => std::fs::remove_dir_all(&fresh),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_kept_and_manifests_are_not() {
        let mut builder = tar::Builder::new(Vec::new());
        let hex = "ab".repeat(32);
        for path in [
            format!("registry/docker/registry/v2/blobs/sha256/ab/{hex}/data"),
            format!("registry/docker/registry/v2/repositories/o/app1/_layers/sha256/{hex}/link"),
            "registry/docker/registry/v2/repositories/o/app1/_manifests/tags/1.0.0/current/link".to_owned(),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, &b"x"[..]).unwrap();
        }
        let root = tempfile::tempdir().unwrap();
        let copy = root.path().join("cache/layers");
        for _ in 0..2 {
            unpack(builder.get_ref(), &copy).unwrap();
        }
        assert!(has(&copy, &[format!("sha256:{hex}")]));
        assert!(!has(&copy, &[format!("sha256:{}", "cd".repeat(32))]));
        assert!(!has(&copy, &["sha256:../..".to_owned()]));
        let repository = copy.join("docker/registry/v2/repositories/o/app1");
        assert!(repository.join("_layers").is_dir());
        assert!(!repository.join("_manifests").exists());
    }
}
