//! What kubectl finds out about a cluster before it does anything, found out once and given to each lab: kubectl keeps it
//! in a folder that is named after the server, and each lab has a server of its own. Knows no lab.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

use crate::exec::Tool;

/// One cluster's discovery, found out when it is first asked for.
#[derive(Debug, Default)]
pub struct Discovery {
    folder: OnceCell<Option<PathBuf>>,
}

impl Discovery {
    /// Puts what is known of the cluster into `cache`, kubectl's cache folder, for the server of `kubeconfig`. What comes
    /// of it is only faster, so that a failure is none.
    ///
    /// `kubectl` is asked about the cluster of `own`, a kubeconfig, and keeps what it learns below `kept`.
    pub async fn seed(&self, kubectl: &Path, own: &Path, kept: &Path, server: &str, cache: &Path) {
        let found = self.folder.get_or_init(async || {
            let tool = Tool::new(kubectl).args(["api-resources", "--output", "name"]).env("KUBECONFIG", own);
            tool.env("KUBECACHEDIR", kept).run_ok().await.ok()?;
            let servers = fs::read_dir(kept.join("discovery")).ok()?;
            servers.flatten().map(|entry| entry.path()).next()
        });
        let Some(found) = found.await else { return };
        let to = cache.join("discovery").join(folder_name(server));
        let _ = copy(found, &to);
    }
}

/// What kubectl calls a server's folder: the address without its scheme, of letters, digits, `.` and `_`
/// (client-go, `computeDiscoverCacheDir`).
fn folder_name(server: &str) -> String {
    let bare = server.trim_start_matches("https://").trim_start_matches("http://");
    bare.chars().map(|c| if c.is_ascii_alphanumeric() || "_.()/".contains(c) { c } else { '_' }).collect()
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, at) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if entry.is_dir() {
            copy(&entry, &at)?;
        } else {
            fs::copy(&entry, &at)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_called_as_kubectl_calls_them() {
        assert_eq!(folder_name("https://127.0.0.1:45123"), "127.0.0.1_45123");
        assert_eq!(folder_name("https://k8s.example.com:6443/clusters/a"), "k8s.example.com_6443/clusters/a");
    }
}
