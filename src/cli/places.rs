//! Where things are: the labs, and where sessions are written.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use clap::Args;
use include_dir::{Dir, File, include_dir};

use super::error::Error;
use crate::files::write_below;

#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// The folder with the labs [default: `labs` here or in a folder above, else the program's own]
    #[arg(id = "labs_dir", long = "labs", global = true, value_name = "DIR", env = "REHEARSAL_LABS")]
    pub labs: Option<PathBuf>,
    /// Where sessions and reports are written [default: target/rehearsal of the project around, else rehearsal/sessions
    /// in the user's state folder]
    #[arg(long, global = true, value_name = "DIR", env = "REHEARSAL_DIR")]
    pub dir: Option<PathBuf>,
}

/// The labs that the program brings, and what they build.
static LABS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/labs");
static APPLICATION: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/docker/app1");

/// Where things are.
pub(super) struct Places {
    pub labs: PathBuf,
    /// The folder the labs are in.
    pub project: PathBuf,
    pub root: PathBuf,
    /// The command, for people, that removes what sessions there have left.
    pub down: String,
}

impl Places {
    /// The labs that are named, else those of the project around, else the program's own, which are then written to the
    /// user's state folder. Sessions are written below a project's `target`, elsewhere in the state folder.
    ///
    /// # Errors
    /// Where a folder is needed and cannot be made.
    pub(super) fn find(common: &Common) -> Result<Self, Error> {
        let given = |dir: &Option<PathBuf>| dir.clone().filter(|dir| !dir.as_os_str().is_empty());
        let labs = match given(&common.labs) {
            Some(dir) => dir,
            None => {
                let here = std::env::current_dir().map_err(Error::Report)?;
                let around =
                    here.ancestors().map(|dir| dir.join("labs")).find(|labs| labs.join("lecture.toml").is_file());
                around.map_or_else(brought, Ok)?
            }
        };
        let project = labs.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let root = match given(&common.dir) {
            Some(dir) => dir,
            // A `target` is made beside a crate's files and nobody else's.
            None if project.join("Cargo.toml").is_file() => project.join("target/rehearsal"),
            None => state()?.join("sessions"),
        };
        let root = std::path::absolute(root).map_err(Error::Report)?;
        let down = match given(&common.dir) {
            Some(_) => format!("`rehearse down --dir {}`", root.display()),
            None => "`rehearse down`".to_owned(),
        };
        Ok(Self { labs, project, root, down })
    }
}

/// The user's folder for what this program keeps (XDG Base Directory Specification, `$XDG_STATE_HOME`).
fn state() -> Result<PathBuf, Error> {
    let named = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let at_home = || std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".local/state"));
    Ok(named.or_else(at_home).ok_or(Error::NoState)?.join("rehearsal"))
}

/// Writes the program's own labs, each version's to a folder of their own, where they are not there yet.
fn brought() -> Result<PathBuf, Error> {
    let own = state()?.join(format!("lecture-{:016x}", digest(&LABS) ^ digest(&APPLICATION).rotate_left(1)));
    write(&LABS, &own.join("labs"), &own)?;
    write(&APPLICATION, &own.join("docker/app1"), &own)?;
    Ok(own.join("labs"))
}

/// All files of a folder and those below.
fn files<'d>(dir: &'d Dir<'d>) -> Vec<&'d File<'d>> {
    dir.files().chain(dir.dirs().flat_map(files)).collect()
}

/// Tells one version's files from another's.
fn digest(dir: &Dir<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    files(dir).iter().for_each(|file| (file.path(), file.contents()).hash(&mut hasher));
    hasher.finish()
}

fn write(dir: &Dir<'_>, to: &Path, own: &Path) -> Result<(), Error> {
    for file in files(dir) {
        let path = to.join(file.path());
        if std::fs::read(&path).is_ok_and(|there| there == file.contents()) {
            continue;
        }
        let failed = |_| Error::NotWritable { path: path.clone() };
        std::fs::create_dir_all(own).map_err(failed)?;
        write_below(own, &path, file.contents(), 0o644).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Application;
    use crate::script;

    #[test]
    fn the_labs_that_the_program_brings_are_those_of_the_project() {
        let own = tempfile::tempdir().unwrap();
        write(&LABS, &own.path().join("labs"), own.path()).unwrap();
        write(&APPLICATION, &own.path().join("docker/app1"), own.path()).unwrap();
        let labs = script::load_all(&own.path().join("labs")).unwrap();
        let project = script::load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")).unwrap();
        let names = |labs: &[script::Lab]| labs.iter().map(|lab| lab.slug.clone()).collect::<Vec<_>>();
        assert_eq!(names(&labs), names(&project), "a new lab is seen when this file is compiled again: touch it");
        assert!(Application::read(&own.path().join("labs")).is_ok());
        // What somebody has changed there is put right.
        std::fs::write(own.path().join("labs/lecture.toml"), "").unwrap();
        write(&LABS, &own.path().join("labs"), own.path()).unwrap();
        assert!(Application::read(&own.path().join("labs")).is_ok());
    }
}
