//! The users of a registry that runs and knows them by their passwords: a file in its container, which it reads again
//! once the file's time is another (distribution `registry/auth/htpasswd/access.go`). Knows no user.

use std::io::{Cursor, Read as _};
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures::TryStreamExt as _;

use super::Docker;
use super::error::{Error, Result, failed, failed_for};
use super::registry::HTPASSWD;

impl Docker {
    /// Puts in the place of the registry's users what `edit` makes of their lines. One that asks nobody for a login has no
    /// such file, and stays as it is.
    ///
    /// # Errors
    /// Where the engine does not hand the file out or take it.
    pub async fn edit_htpasswd(&self, registry: &str, edit: impl FnOnce(&str) -> String) -> Result<()> {
        let options = DownloadFromContainerOptionsBuilder::new().path(HTPASSWD).build();
        let archive = self.api.download_from_container(registry, Some(options)).try_collect::<Vec<Bytes>>().await;
        let archive = match archive.map_err(failed_for("reading", "file", HTPASSWD)) {
            Ok(chunks) => chunks.concat(),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        let cannot = |source| Error::Context { path: HTPASSWD.into(), source };
        let (users, written) = unpacked(&archive).map_err(cannot)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let archive = packed(&edit(&users), now.max(written + 1)).map_err(cannot)?;
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let upload = self.api.upload_to_container(registry, Some(options), bollard::body_full(archive.into()));
        upload.await.map_err(failed("changing the registry's users"))
    }
}

/// The file in an archive, and its time in seconds.
fn unpacked(archive: &[u8]) -> std::io::Result<(String, u64)> {
    let mut archive = tar::Archive::new(Cursor::new(archive));
    let mut entry = archive.entries()?.next().ok_or(std::io::ErrorKind::NotFound)??;
    let (mut text, written) = (String::new(), entry.header().mtime()?);
    entry.read_to_string(&mut text)?;
    Ok((text, written))
}

/// The file beside the old one, and then in its place: whoever is asked meanwhile finds either whole.
fn packed(users: &str, written: u64) -> std::io::Result<Vec<u8>> {
    let (mut tar, fresh) = (tar::Builder::new(Vec::new()), format!("{HTPASSWD}.new"));
    let header = |size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_size(size as u64);
        header.set_mode(0o644);
        header.set_mtime(written);
        header
    };
    let inside = |path: &str| path.trim_start_matches('/').to_owned();
    tar.append_data(&mut header(users.len()), inside(&fresh), users.as_bytes())?;
    let mut link = header(0);
    link.set_entry_type(tar::EntryType::Link);
    tar.append_link(&mut link, inside(HTPASSWD), inside(&fresh))?;
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_back_as_it_was_packed() {
        assert_eq!(unpacked(&packed("u:hash\n", 7).unwrap()).unwrap(), ("u:hash\n".to_owned(), 7));
        assert_eq!(unpacked(&[]).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
