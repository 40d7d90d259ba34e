//! A build's context: the files below a folder, without those that `.dockerignore` takes out.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use regex::Regex;

use super::build::ContextFile;
use super::error::Error;
use crate::files;

/// The patterns of `.dockerignore`, in order: whether each takes out or brings back, and what it means.
struct Ignored(Vec<(bool, Regex)>);

/// The files below `root` that the Engine is sent.
///
/// # Errors
/// Where one cannot be read, or `.dockerignore` has a pattern that is none.
pub(crate) fn collect(root: &Path) -> Result<Vec<ContextFile>, Error> {
    let ignored = Ignored::read(&std::fs::read_to_string(root.join(".dockerignore")).unwrap_or_default())?;
    let mut files = Vec::new();
    below(root, root, &ignored, &mut files)?;
    Ok(files)
}

fn below(root: &Path, dir: &Path, ignored: &Ignored, into: &mut Vec<ContextFile>) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| Error::Context { path, source }
    };
    let mut entries: Vec<_> = std::fs::read_dir(dir).map_err(failed(dir))?.flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        let Ok(relative) = path.strip_prefix(root) else { continue };
        // Where a link leads elsewhere, what is there is not part of the context.
        if files::below(root, &path).is_err() {
            continue;
        }
        if path.is_dir() {
            below(root, &path, ignored, into)?;
        } else if path.is_file() && !ignored.has(&relative.to_string_lossy()) {
            let contents = std::fs::read(&path).map_err(failed(&path))?;
            let mode = path.metadata().map_err(failed(&path))?.permissions().mode();
            // Whether it is a program counts; a umask would only spoil the builder's cache.
            let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
            into.push(ContextFile { mode, ..ContextFile::new(relative.to_string_lossy(), contents) });
        }
    }
    Ok(())
}

impl Ignored {
    /// moby's `patternmatcher`: the last pattern that fits a path or a folder above it counts.
    fn read(text: &str) -> Result<Self, Error> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let patterns = lines.map(|line| {
            let (out, pattern) = line.strip_prefix('!').map_or((true, line), |pattern| (false, pattern));
            let pattern = pattern.trim().trim_start_matches("./").trim_matches('/');
            let wrong = |_| Error::Ignored { pattern: line.to_owned() };
            Ok((out, Regex::new(&format!("^(?:{})(?:/.*)?$", meaning(pattern))).map_err(wrong)?))
        });
        patterns.collect::<Result<_, _>>().map(Self)
    }

    fn has(&self, path: &str) -> bool {
        // Both are always sent: they say how to build.
        let needed = matches!(path, "Dockerfile" | ".dockerignore");
        !needed && self.0.iter().rev().find(|(_, pattern)| pattern.is_match(path)).is_some_and(|(out, _)| *out)
    }
}

/// A pattern of Go's `filepath.Match`, with `**`, as a regular expression.
fn meaning(pattern: &str) -> String {
    if pattern == "." {
        return ".*".to_owned();
    }
    let mut meaning = String::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let (taken, words) = match letter {
            '*' if rest.starts_with("**/") => (3, "(?:.*/)?".to_owned()),
            '*' if rest.starts_with("**") => (2, ".*".to_owned()),
            '*' => (1, "[^/]*".to_owned()),
            '?' => (1, "[^/]".to_owned()),
            '[' if rest.contains(']') => {
                let end = rest.find(']').unwrap_or_default();
                (end + 1, rest[..=end].to_owned())
            }
            letter => (letter.len_utf8(), regex::escape(&rest[..letter.len_utf8()])),
        };
        meaning.push_str(&words);
        rest = &rest[taken..];
    }
    meaning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dockerignore_takes_out_is_not_sent_and_programs_stay_programs() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            (".dockerignore", "# not these\n*.log\n**/*.tmp\n/secret\nlogs\n!logs/keep.log\n[ab].txt\n"),
            ("Dockerfile", "FROM x\n"),
            ("a.log", ""),
            ("a.txt", ""),
            ("c.txt", ""),
            ("deep/er/x.tmp", ""),
            ("deep/er/x.log", ""),
            ("secret/key", ""),
            ("logs/a", ""),
            ("logs/keep.log", ""),
            ("run.sh", "#!/bin/sh\n"),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::set_permissions(dir.path().join("run.sh"), PermissionsExt::from_mode(0o700)).unwrap();
        let files: Vec<_> = collect(dir.path()).unwrap().into_iter().map(|file| (file.path, file.mode)).collect();
        let plain = [".dockerignore", "Dockerfile", "c.txt", "deep/er/x.log", "logs/keep.log"];
        let mut expected: Vec<_> = plain.map(|path| (path.to_owned(), 0o644)).to_vec();
        expected.push(("run.sh".to_owned(), 0o755));
        assert_eq!(files, expected);
    }
}
