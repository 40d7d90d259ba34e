//! `rehearse init`: a first lab, with what it builds, in a folder that has none.

use std::io::ErrorKind;
use std::path::PathBuf;

use clap::Args;

use super::error::Error;
use super::exit::ExitCode;
use super::printer::Printer;
use crate::hint::Hint;

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder [default: this one]
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    pub dir: PathBuf,
}

/// The files, and where they go.
const FILES: [(&str, &str); 3] = [
    ("labs/lecture.toml", include_str!("init_files/lecture.toml")),
    ("labs/1-private-image/README.md", include_str!("init_files/README.md")),
    ("hello/Dockerfile", include_str!("init_files/Dockerfile")),
];

pub(super) fn init(args: &InitArgs, printer: &Printer) -> ExitCode {
    match try_init(args) {
        Ok(written) if printer.json => {
            printer.result(&serde_json::json!(written).to_string());
            ExitCode::Passed
        }
        Ok(written) => {
            written.iter().for_each(|path| printer.result(&path.display().to_string()));
            printer.note("now `rehearse run` plays the lab; its page is what students read");
            ExitCode::Passed
        }
        Err(error) => printer.error(&error, error.hint(), ExitCode::Environment),
    }
}

/// Writes all files, or none.
fn try_init(args: &InitArgs) -> Result<Vec<PathBuf>, Error> {
    let paths = || FILES.iter().map(|(name, _)| args.dir.join(name));
    if let Some(path) = paths().find(|path| path.symlink_metadata().is_ok()) {
        return Err(Error::Exists { path });
    }
    if let Some(path) = ["labs", "hello"].map(|name| args.dir.join(name)).into_iter().find(|dir| dir.exists()) {
        return Err(Error::Exists { path });
    }
    for (path, (_, text)) in paths().zip(FILES) {
        let unwritable = |error: std::io::Error| match error.kind() {
            ErrorKind::AlreadyExists => Error::Exists { path: path.clone() },
            _ => Error::NotWritable { path: path.clone() },
        };
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(unwritable)?;
        let mut file = std::fs::File::create_new(&path).map_err(unwritable)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(unwritable)?;
    }
    Ok(paths().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Application;
    use crate::script;

    #[test]
    fn what_is_written_are_labs_and_nothing_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let args = InitArgs { dir: dir.path().join("new") };
        assert_eq!(try_init(&args).unwrap().len(), FILES.len());
        let labs = script::load_all(&args.dir.join("labs")).unwrap();
        assert_eq!((labs.len(), labs[0].id), (1, 1));
        let application = Application::read(&args.dir.join("labs")).unwrap();
        assert!(labs[0].needs.contains(&script::Need::Image(application.image)));
        assert!(matches!(try_init(&args), Err(Error::Exists { .. })));
        for name in ["labs", "hello/Dockerfile"] {
            let dir = tempfile::tempdir().unwrap();
            let there = dir.path().join(name);
            std::fs::create_dir_all(there.parent().unwrap()).unwrap();
            std::fs::write(&there, "mine").unwrap();
            assert!(try_init(&InitArgs { dir: dir.path().into() }).is_err(), "{name}");
            assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else was written");
        }
    }
}
