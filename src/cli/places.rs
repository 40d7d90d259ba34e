//! Where things are: the labs, and where sessions are written.

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::Error;

#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// The folder with the labs [default: `labs` here or in a folder above]
    #[arg(id = "labs_dir", long = "labs", global = true, value_name = "DIR", env = "REHEARSAL_LABS")]
    pub labs: Option<PathBuf>,
    /// Where sessions and reports are written [default: target/rehearsal beside the labs]
    #[arg(long, global = true, value_name = "DIR", env = "REHEARSAL_DIR")]
    pub dir: Option<PathBuf>,
}

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
    pub(super) fn find(common: &Common) -> Result<Self, Error> {
        let given = |dir: &Option<PathBuf>| dir.clone().filter(|dir| !dir.as_os_str().is_empty());
        let labs = match given(&common.labs) {
            Some(dir) => dir,
            None => {
                let here = std::env::current_dir().map_err(Error::Report)?;
                here.ancestors().map(|dir| dir.join("labs")).find(|labs| labs.is_dir()).ok_or(Error::NoLabs)?
            }
        };
        let project = labs.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let root = given(&common.dir).unwrap_or_else(|| project.join("target/rehearsal"));
        let root = std::path::absolute(root).map_err(Error::Report)?;
        let down = match given(&common.dir) {
            Some(_) => format!("`rehearse down --dir {}`", root.display()),
            None => "`rehearse down`".to_owned(),
        };
        Ok(Self { labs, project, root, down })
    }
}
