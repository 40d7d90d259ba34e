//! Files that the program and a fence share. Whatever a fence has put in the way, a symbolic link or a pipe, the program
//! neither leaves the lab's folder nor waits there. Knows no fence.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// Writes `contents` to `path`, in a folder below `root` that is made where it is missing. A link of that name is
/// replaced, not followed. `mode` has the file's permissions.
///
/// # Errors
/// Where it cannot be written, or would stand outside of `root`.
pub(crate) fn write_below(root: &Path, path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(root);
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    below(root, there)?;
    fs::create_dir_all(folder)?;
    let folder = below(root, folder)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    // Beside it first: what is renamed takes the place of a link.
    let mut beside = name.to_owned();
    beside.push(format!(".{:08x}", rand::random::<u32>()));
    let (beside, at) = (folder.join(beside), folder.join(name));
    let written = OpenOptions::new().create_new(true).write(true).mode(mode).open(&beside);
    let written = written.and_then(|mut file| file.write_all(contents)).and_then(|()| fs::rename(&beside, &at));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// `path` without links in it.
///
/// # Errors
/// Where it is not there, or not below `root`.
pub(crate) fn below(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let (root, path) = (root.canonicalize()?, path.canonicalize()?);
    if path.starts_with(&root) {
        return Ok(path);
    }
    let why = format!("{} leads out of the lab's folder", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// At most `limit` bytes of a plain file, as text.
///
/// # Errors
/// Where there is no such file, or it is a link, a pipe or a device.
pub(crate) fn read_plain(path: &Path, limit: u64) -> io::Result<String> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a file of the project that is made by a test is as it would be made now. `REHEARSAL_UPDATE_DOCS=1` makes it anew.
#[cfg(test)]
pub(crate) fn is_made(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("REHEARSAL_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let made = std::fs::read_to_string(&path).unwrap_or_default();
    // Neither may be short.
    assert!(made == text, "{file} is not as it would be made: REHEARSAL_UPDATE_DOCS=1 cargo test makes it anew");
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_written_or_read_outside_of_the_labs_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("lab"), dir.path().join("outside"));
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("file"), "theirs").unwrap();
        symlink(outside.join("file"), root.join("pod.yaml")).unwrap();
        symlink(&outside, root.join("folder")).unwrap();
        write_below(&root, &root.join("pod.yaml"), b"ours", 0o644).unwrap();
        write_below(&root, &root.join("new/folder/pod.yaml"), b"ours", 0o644).unwrap();
        assert_eq!(fs::read_to_string(root.join("pod.yaml")).unwrap(), "ours");
        assert!(write_below(&root, &root.join("folder/x"), b"ours", 0o644).is_err());
        assert!(write_below(&root, &root.join("folder/new/x"), b"ours", 0o644).is_err());
        assert!(write_below(&root, &root.join("../x"), b"ours", 0o644).is_err());
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        symlink(outside.join("file"), root.join("link")).unwrap();
        nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for name in ["link", "pipe", "folder", "nothing"] {
            assert!(read_plain(&root.join(name), 100).is_err(), "{name}");
        }
        assert_eq!(read_plain(&root.join("pod.yaml"), 2).unwrap(), "ou");
    }
}
