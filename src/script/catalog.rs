//! Labs on disk: `labs/N-slug/README.md`, loaded and found by number or name.
//! Knows nothing of what is in a guide.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::assemble;
use super::error::{Problem, ScriptError};
use super::model::{Action, GUIDE, Lab, Need, Step};
use crate::fence;

impl Lab {
    /// Reads the lab in a folder named `N-slug`.
    pub(crate) fn load(dir: &Path) -> Result<Lab, ScriptError> {
        let (id, slug) = folder_name(dir).ok_or_else(|| ScriptError::FolderName { path: dir.into() })?;
        let path = dir.join(GUIDE);
        let text = read(&path).map_err(|error| match error {
            ScriptError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
                ScriptError::NoGuide { dir: dir.into() }
            }
            error => error,
        })?;
        let mut guide = assemble::guide(&text).map_err(|problems| {
            let at = |(line, problem)| ScriptError::At { file: path.clone(), line, problem };
            together(problems.into_iter().map(at).collect())
        })?;
        if guide.steps.is_empty() {
            return Err(ScriptError::NoSteps { file: path });
        }
        // Who says `kubectl` means a cluster.
        if !guide.needs.contains(&Need::Cluster) && guide.steps.iter().any(uses_kubectl) {
            guide.needs.push(Need::Cluster);
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
}

fn uses_kubectl(step: &Step) -> bool {
    matches!(&step.action, Action::Shell(script) if step.skip.is_none() && fence::uses_kubectl(script))
}

/// Every lab below a folder, by number. Files and hidden folders are passed over.
///
/// # Errors
/// All that is wrong with any of them.
pub(crate) fn load_all(labs: &Path) -> Result<Vec<Lab>, ScriptError> {
    load(labs, &[])
}

/// The labs below a folder that are called one of `names`, as in [`find`], by number; all where none is named, or
/// `all` is. What is wrong with others does not matter.
///
/// # Errors
/// All that is wrong with any of those asked for; a name that no folder has.
pub(crate) fn load(labs: &Path, names: &[String]) -> Result<Vec<Lab>, ScriptError> {
    let mut dirs = folders(labs).map_err(|source| ScriptError::Read { path: labs.into(), source })?;
    if dirs.is_empty() {
        return Err(ScriptError::NoLabs { dir: labs.into() });
    }
    if !names.is_empty() && !names.iter().any(|name| name == "all") {
        let called = |dir: &Path, name: &str| folder_name(dir).is_some_and(|(id, slug)| is_called(id, slug, name));
        if let Some(name) = names.iter().find(|name| !dirs.iter().any(|dir| called(dir, name))) {
            return Err(unknown(name, dirs.iter().filter_map(|dir| folder_name(dir))));
        }
        dirs.retain(|dir| names.iter().any(|name| called(dir, name)));
    }
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for dir in dirs {
        match Lab::load(&dir) {
            Ok(lab) => found.push(lab),
            Err(ScriptError::Several(errors)) => wrong.extend(errors),
            Err(error) => wrong.push(error),
        }
    }
    if !wrong.is_empty() {
        return Err(together(wrong));
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
pub(crate) fn find<'a>(labs: &'a [Lab], name: &str) -> Result<&'a Lab, ScriptError> {
    let found = labs.iter().find(|lab| is_called(lab.id, &lab.slug, name));
    found.ok_or_else(|| unknown(name, labs.iter().map(|lab| (lab.id, lab.slug.as_str()))))
}

fn is_called(id: u32, slug: &str, name: &str) -> bool {
    let number = name.strip_prefix("lab-").unwrap_or(name);
    number.parse() == Ok(id) || name == slug || split_name(name) == Some((id, slug))
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = (u32, &'a str)>) -> ScriptError {
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    let known = known.into_iter().map(|(id, slug)| format!("{id} ({slug})")).collect();
    ScriptError::UnknownLab { asked: name.into(), known }
}

/// One error of several, of which there is at least one.
fn together(mut errors: Vec<ScriptError>) -> ScriptError {
    match errors.len() {
        1 => errors.remove(0),
        _ => ScriptError::Several(errors),
    }
}

fn folder_name(dir: &Path) -> Option<(u32, &str)> {
    split_name(dir.file_name()?.to_str()?)
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
    let at = |end: usize, bytes: &[u8], problem| {
        let line = bytes[..end].iter().filter(|byte| **byte == b'\n').count() + 1;
        ScriptError::At { file: path.into(), line, problem }
    };
    if let Some(nul) = bytes.iter().position(|byte| *byte == 0) {
        return Err(at(nul, &bytes, Problem::Nul));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| at(error.utf8_error().valid_up_to(), error.as_bytes(), Problem::NotUtf8))?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests;
