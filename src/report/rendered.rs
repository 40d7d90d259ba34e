//! Reports of whole runs: read from events' files, written beside them.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::model::SessionReport;
use super::{EVENTS, github, html, junit, read};
use crate::hint::Hint;
use crate::secret::private_file;

/// What is known of one or several runs.
pub(crate) struct Rendered {
    sessions: Vec<SessionReport>,
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
#[error("{} was not written", path.display())]
pub(crate) struct NotWritten {
    path: PathBuf,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Hint for NotWritten {
    fn hint(&self) -> Option<String> {
        Some("is its folder there and yours, and has the disk room? `rehearse report EVENTS` writes it again".into())
    }
}

impl Rendered {
    /// Reads events' files, or sessions' folders with one.
    ///
    /// # Errors
    /// Where one tells of no run.
    pub(crate) fn read(sources: &[PathBuf]) -> Result<Self, read::Error> {
        let file = |source: &PathBuf| if source.is_dir() { source.join(EVENTS) } else { source.clone() };
        let sessions = sources.iter().map(|source| Ok(SessionReport::new(read::read(&file(source))?)));
        Ok(Self { sessions: sessions.collect::<Result<_, _>>()? })
    }

    /// Writes `report.html` and `junit.xml` for their owner alone; each is tried.
    pub(crate) fn write(&self, into: &Path) -> [Result<PathBuf, NotWritten>; 2] {
        let xml = junit::junit(&self.sessions).map_err(Into::into);
        [("report.html", Ok(html::page(&self.sessions))), ("junit.xml", xml)].map(|(name, text)| {
            let path = into.join(name);
            let write = |text: String| Ok(private_file(&path)?.write_all(text.as_bytes())?);
            match text.and_then(write) {
                Ok(()) => Ok(path),
                Err(source) => Err(NotWritten { path, source }),
            }
        })
    }

    /// GitHub's workflow commands, one a line; files below `workspace` are named from there.
    pub(crate) fn annotations(&self, workspace: &str) -> Vec<String> {
        self.sessions.iter().flat_map(|session| github::annotations(session, workspace)).collect()
    }

    /// The summary for GitHub, in Markdown.
    pub(crate) fn summary(&self, workspace: &str) -> String {
        self.sessions.iter().map(|session| github::summary(session, workspace)).collect()
    }

    /// Runs that were cut off, or of which not everything could be read.
    pub(crate) fn incomplete(&self) -> usize {
        self.sessions.iter().filter(|session| !session.is_complete()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{failed_events, lines};
    use super::*;

    #[test]
    fn what_cannot_be_written_does_not_keep_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(EVENTS), lines(&failed_events())).unwrap();
        std::fs::create_dir(dir.path().join("report.html")).unwrap();
        let [page, xml] = Rendered::read(&[dir.path().to_owned()]).unwrap().write(dir.path());
        assert!(page.unwrap_err().to_string().ends_with("report.html was not written"));
        assert!(std::fs::read_to_string(xml.unwrap()).unwrap().contains("<testsuites"));
    }
}
