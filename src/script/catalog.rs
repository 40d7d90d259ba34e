//! Labs on disk: `labs/N-slug/README.md`, loaded and found by number or name.
//! Knows nothing of what is in a guide.

use std::path::{Path, PathBuf};

use super::assemble;
use super::error::{Problem, ScriptError};
use super::model::Lab;

/// GitHub shows it as the folder's page.
const GUIDE: &str = "README.md";

impl Lab {
    /// Reads the lab in a folder named `N-slug`.
    pub fn load(dir: &Path) -> Result<Lab, ScriptError> {
        let folder_name = || ScriptError::FolderName { path: dir.into() };
        let name = dir.file_name().and_then(|name| name.to_str()).ok_or_else(folder_name)?;
        let (id, slug) = split_name(name).ok_or_else(folder_name)?;
        let path = dir.join(GUIDE);
        let text = read(&path)?;
        let guide =
            assemble::guide(&text).map_err(|(line, problem)| ScriptError::At { file: path.clone(), line, problem })?;
        if guide.steps.is_empty() {
            return Err(ScriptError::NoSteps { file: path });
        }
        Ok(Lab {
            id,
            slug: slug.into(),
            title: guide.title.unwrap_or_else(|| slug.into()),
            path,
            needs: guide.needs,
            steps: guide.steps,
        })
    }

    fn is_called(&self, name: &str) -> bool {
        let number = name.strip_prefix("lab-").unwrap_or(name);
        number.parse() == Ok(self.id) || name == self.slug || split_name(name) == Some((self.id, &self.slug))
    }
}

/// Every lab below a folder, by number. Files and hidden folders are passed over.
pub fn load_all(labs: &Path) -> Result<Vec<Lab>, ScriptError> {
    let mut found = Vec::new();
    for dir in folders(labs).map_err(|source| ScriptError::Read { path: labs.into(), source })? {
        found.push(Lab::load(&dir)?);
    }
    if found.is_empty() {
        return Err(ScriptError::NoLabs { dir: labs.into() });
    }
    found.sort_by(|a, b| (a.id, &a.path).cmp(&(b.id, &b.path)));
    match found.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => {
            Err(ScriptError::SameNumber { id: pair[0].id, first: pair[0].path.clone(), second: pair[1].path.clone() })
        }
        None => Ok(found),
    }
}

/// The lab called `2`, `lab-2`, `2-slug` or `slug`.
pub fn find<'a>(labs: &'a [Lab], name: &str) -> Result<&'a Lab, ScriptError> {
    labs.iter().find(|lab| lab.is_called(name)).ok_or_else(|| ScriptError::UnknownLab {
        asked: name.into(),
        known: labs.iter().map(|lab| format!("{} ({})", lab.id, lab.slug)).collect(),
    })
}

fn split_name(name: &str) -> Option<(u32, &str)> {
    let (id, slug) = name.split_once('-')?;
    let digits = id.chars().all(|c| c.is_ascii_digit());
    (digits && !slug.is_empty()).then_some((id.parse().ok()?, slug))
}

fn folders(labs: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(labs)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Text without its byte-order mark and carriage returns: fences are played by bash.
fn read(path: &Path) -> Result<String, ScriptError> {
    let bytes = std::fs::read(path).map_err(|source| ScriptError::Read { path: path.into(), source })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        ScriptError::At {
            file: path.into(),
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            problem: Problem::NotUtf8,
        }
    })?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests;
