//! What a lecture says of itself in its labs' folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::docker::{ContextFile, context};
use crate::registry::ImageRef;

/// The file in the folder of the labs.
const FILE: &str = "lecture.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LectureFile {
    application: Application,
}

/// The application that a lecture's labs build, push and pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// What the lecture calls its image: `docker.io/OWNER/NAME:TAG`.
    pub image: String,
    /// The user the lecture logs in as.
    pub user: String,
    /// The image that its Dockerfile gets as `BASE`, `python:3.9-slim`.
    pub base: String,
    /// The folder with its Dockerfile. In the file it is relative to the file's own folder.
    pub folder: PathBuf,
    /// A text of its files, and what stands in its place: only sabotage sets it.
    #[serde(skip)]
    pub replaced: Option<(String, String)>,
}

impl Application {
    /// Reads `lecture.toml` in the folder of the labs.
    ///
    /// # Errors
    /// Where the file is missing or says something else, or the folder has no Dockerfile.
    pub fn read(labs: &Path) -> Result<Self> {
        let path = labs.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let lecture: LectureFile =
            toml::from_str(&text).map_err(|source| Error::Lecture { path: path.clone(), source: source.into() })?;
        let mut application = lecture.application;
        let wrong = |key, value: &str| Error::Value { path: path.clone(), key, value: value.into() };
        for (key, image) in [("image", &application.image), ("base", &application.base)] {
            ImageRef::parse(image).map_err(|_| wrong(key, image))?;
        }
        if application.user.is_empty() || application.user.contains([':', '\n']) {
            return Err(wrong("user", &application.user));
        }
        let folder = labs.join(&application.folder);
        application.folder = folder.canonicalize().map_err(|source| Error::Read { path: folder.clone(), source })?;
        let dockerfile = application.folder.join("Dockerfile");
        std::fs::metadata(&dockerfile).map_err(|source| Error::Read { path: dockerfile, source })?;
        Ok(application)
    }

    /// The files of its build.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn context(&self) -> Result<Vec<ContextFile>> {
        let mut files = context::collect(&self.folder)?;
        if let Some((text, other)) = &self.replaced {
            for file in &mut files {
                let replaced = std::str::from_utf8(&file.contents).ok().filter(|source| source.contains(text));
                if let Some(replaced) = replaced.map(|source| source.replace(text, other)) {
                    file.contents = replaced.into();
                }
            }
        }
        Ok(files)
    }

    /// Its name on the Engine under which its layers outlive a session.
    pub fn cached(&self) -> String {
        self.named("cache")
    }

    /// Its name on the Engine with another tag.
    pub fn named(&self, tag: &str) -> String {
        let name = self.image.rsplit('/').next().and_then(|name| name.split([':', '@']).next()).unwrap_or_default();
        format!("rehearsal/{name}:{tag}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint as _;

    const GOOD: &str =
        "[application]\nimage = \"docker.io/o/web:2\"\nuser = \"ann\"\nbase = \"node:22\"\nfolder = \"../web\"\n";

    fn read(text: &str) -> Result<Application> {
        let dir = tempfile::tempdir().unwrap();
        let (labs, web) = (dir.path().join("labs"), dir.path().join("web"));
        std::fs::create_dir(&labs).unwrap();
        std::fs::create_dir(&web).unwrap();
        std::fs::write(web.join("Dockerfile"), "ARG BASE\nFROM ${BASE}\n").unwrap();
        std::fs::write(labs.join(FILE), text).unwrap();
        let read = Application::read(&labs)?;
        assert_eq!(read.context()?.len(), 1);
        Ok(read)
    }

    #[test]
    fn another_lecture_is_another_file() {
        let application = read(GOOD).unwrap();
        assert_eq!((application.image.as_str(), application.user.as_str()), ("docker.io/o/web:2", "ann"));
        assert_eq!(application.cached(), "rehearsal/web:cache");
    }

    #[test]
    fn what_is_wrong_in_it_is_said_with_a_hint() {
        for (text, words) in [
            (String::new(), "missing field `application`"),
            (GOOD.replace("user", "usr"), "unknown field `usr`"),
            (GOOD.replace("o/web:2", "O/Web:2"), "image"),
            (GOOD.replace("node:22", ""), "base"),
            (GOOD.replace("ann", "a:b"), "user"),
            (GOOD.replace("../web", "../nowhere"), "nowhere"),
            (GOOD.replace("../web", "."), "Dockerfile"),
            (GOOD.replace("= \"ann\"", "= 3"), "invalid type"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(crate::exec::chain(&error).contains(words), "{words}: {}", crate::exec::chain(&error));
            assert!(error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn the_projects_own_labs_name_their_application() {
        let labs = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs");
        let application = Application::read(&labs).unwrap();
        let paths: Vec<String> = application.context().unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(paths, ["Dockerfile", "app.py"]);
    }
}
