//! What holds of the sources as a whole: a room uses only those above it in ARCHITECTURE.md's table, or to its left; each
//! error says what to do next.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::program::project;

/// The rooms in the order of the table, row by row.
fn table() -> Vec<String> {
    let text = std::fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let names = rows.take_while(|line| line.starts_with('|')).map(|row| row.split('|').nth(1).unwrap().to_owned());
    names.flat_map(|names| names.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The rooms that `tokens` name: `crate::ROOM`, `crate::{ROOM, …}`, and as many `super` as lead to the crate's root.
/// `depth` is how many modules the tokens stand below that root.
fn uses(tokens: TokenStream, depth: usize, found: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => ident.to_string(),
        _ => String::new(),
    };
    let colons = |at: usize| {
        [at, at + 1].iter().all(|at| matches!(tokens.get(*at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':'))
    };
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            let module = at >= 2 && word(at - 2) == "mod" && group.delimiter() == Delimiter::Brace;
            uses(group.stream(), depth + usize::from(module), found);
        }
        let supers = (0..).take_while(|n| word(at + 3 * n) == "super" && colons(at + 3 * n + 1)).count();
        // A path's later words are looked at from its first.
        let first = at < 3 || !colons(at - 2);
        let rest = match word(at).as_str() {
            "crate" if colons(at + 1) => at + 3,
            "super" if first && supers == depth => at + 3 * supers,
            _ => continue,
        };
        match tokens.get(rest) {
            Some(TokenTree::Group(group)) => {
                let mut begins = true;
                for token in group.stream() {
                    if let (true, TokenTree::Ident(ident)) = (begins, &token) {
                        found.insert(ident.to_string());
                    }
                    begins = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',');
                }
            }
            _ => {
                found.insert(word(rest));
            }
        }
    }
}

/// Every file below `folder` with how many modules it stands below the crate's root.
fn sources(folder: &Path, depth: usize) -> Vec<(std::path::PathBuf, usize)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path, depth + 1));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.clone(), depth + usize::from(!path.ends_with("mod.rs"))));
        }
    }
    files
}

/// What of `room`, which stands in `table`, is not above it there.
fn misplaced(room: &str, text: &str, depth: usize, table: &[String]) -> Vec<String> {
    let place = |room: &str| table.iter().position(|known| known == room);
    let mut found = BTreeSet::new();
    uses(text.parse().unwrap(), depth, &mut found);
    found.into_iter().filter(|used| place(used).is_some_and(|used| Some(used) > place(room))).collect()
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let (source, table) = (project().join("src"), table());
    let root = std::fs::read_to_string(source.join("lib.rs")).unwrap();
    let modules = root.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'));
    let (modules, rooms): (BTreeSet<_>, BTreeSet<_>) = (modules.collect(), table.iter().map(String::as_str).collect());
    assert_eq!(rooms, modules, "the table and src/lib.rs name the same rooms");
    let mut wrong = Vec::new();
    for (path, depth) in sources(&source, 0) {
        let within = path.strip_prefix(&source).unwrap();
        let room = within.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if !rooms.contains(room) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let used = misplaced(room, &text, depth, &table);
        wrong.extend(used.into_iter().map(|used| format!("{} uses `{used}`, which is not above it", within.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_way_to_name_a_room_is_seen() {
    let table: Vec<String> = ["low", "high", "top"].map(str::to_owned).into();
    for (text, depth, expected) in [
        ("use crate::high::Thing;", 1, vec!["high"]),
        ("use crate::{low, top::{self, high}, high as other};", 1, vec!["high", "top"]),
        ("fn f() { g(crate::top::h()) }", 1, vec!["top"]),
        ("use super::super::high;", 2, vec!["high"]),
        ("use super::high;", 2, vec![]),
        ("mod tests { use super::super::high; }", 1, vec!["high"]),
        ("/// See crate::top.\nconst WORDS: &str = \"crate::top\"; // crate::high", 1, vec![]),
    ] {
        assert_eq!(misplaced("low", text, depth, &table), expected, "{text}");
        assert!(misplaced("top", text, depth, &table).is_empty(), "{text}");
    }
}

/// Errors that nobody is told: mini's own, which become answers of its API, and what `docker` says in docker's words.
const UNTOLD: [&str; 7] = [
    "mini/api/stream/spdy.rs",
    "mini/runtime/mod.rs",
    "mini/status.rs",
    "mini/store/mod.rs",
    "registry/error.rs",
    "registry/keyring.rs",
    "tools/docker/play.rs",
];

/// The names of a file's error types, of those that have a hint, and of those whose hint has a catch-all arm.
fn hints(tokens: TokenStream, found: &mut [BTreeSet<String>; 3]) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let text: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    let word = |at: usize| text.get(at).map_or("", String::as_str);
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let words = group.stream().to_string().replace(' ', "");
        if words.starts_with("derive(") && words.contains("thiserror::Error") {
            let kind = (at..text.len()).find(|at| ["enum", "struct"].contains(&word(*at)));
            found[0].extend(kind.map(|kind| word(kind + 1).to_owned()));
        }
        if at >= 4 && [word(at - 4), word(at - 3), word(at - 2)] == ["impl", "Hint", "for"] {
            found[1].insert(word(at - 1).to_owned());
            let arms = group.stream().to_string();
            if arms.split_once("match self {").is_some_and(|(_, arms)| has_catch_all(arms)) {
                found[2].insert(word(at - 1).to_owned());
            }
        }
        hints(group.stream(), found);
    }
}

/// Whether `_ =>` stands among the arms of a match, of which `arms` is the text after its opening brace.
fn has_catch_all(arms: &str) -> bool {
    let mut depth = 0;
    let level = |c: char| match c {
        '{' | '(' | '[' => 1,
        '}' | ')' | ']' => -1,
        _ => 0,
    };
    arms.char_indices().any(|(at, c)| {
        depth += level(c);
        depth == 0 && c == '_' && arms[at + 1..].trim_start().starts_with("=>")
    })
}

#[test]
fn every_error_says_what_to_do_next() {
    let source = project().join("src");
    let mut wrong = Vec::new();
    for (path, _) in sources(&source, 0) {
        let within = path.strip_prefix(&source).unwrap().display().to_string();
        let mut found = <[BTreeSet<String>; 3]>::default();
        hints(std::fs::read_to_string(&path).unwrap().parse().unwrap(), &mut found);
        let [errors, with, careless] = found;
        let untold = UNTOLD.contains(&within.as_str());
        wrong.extend(errors.difference(&with).filter(|_| !untold).map(|name| format!("{within}: {name} has no hint")));
        wrong.extend(careless.iter().map(|name| format!("{within}: the hint of {name} has a catch-all arm")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_catch_all_arm_is_found() {
    let error = "#[derive(Debug, thiserror::Error)] pub enum Error { A, B } ";
    for (text, expected) in [
        ("", [1, 0, 0]),
        ("impl Hint for Error { fn hint(&self) { match self { Self::A => 1, _ => None } } }", [1, 1, 1]),
        (
            "impl Hint for Error { fn hint(&self) { match self { Self::A => match x { _ => 2 }, Self::B => 1 } } }",
            [1, 1, 0],
        ),
    ] {
        let mut found = <[BTreeSet<String>; 3]>::default();
        hints(format!("{error}{text}").parse().unwrap(), &mut found);
        assert_eq!(found.map(|names| names.len()), expected, "{text}");
    }
}
