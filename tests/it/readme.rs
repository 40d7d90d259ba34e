//! What the pages tell readers to type and to open is there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use regex::Regex;

use crate::program::project;

fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    for dir in [project(), project().join("docs")] {
        let found = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(found.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    assert!(pages.contains(&project().join("README.md")));
    pages.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_make_command_is_a_target() {
    let makefile = std::fs::read_to_string(project().join("Makefile")).unwrap();
    let rules = Regex::new(r"(?m)^([a-z][a-z0-9 %-]*):").unwrap();
    let targets: BTreeSet<&str> =
        rules.captures_iter(&makefile).flat_map(|rule| rule.extract::<1>().1[0].split(' ')).collect();
    let command = Regex::new(r"(?m)(?:^|`)make +([a-z][a-z0-9-]*)").unwrap();
    let mut readme = 0;
    for (path, text) in pages() {
        for (_, [target]) in command.captures_iter(&text).map(|found| found.extract()) {
            let pattern = target.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned() + "%";
            let known = targets.contains(target) || targets.contains(pattern.as_str());
            assert!(known, "{}: `make {target}` is no target", path.display());
            readme += usize::from(path.ends_with("README.md"));
        }
    }
    assert!(readme >= 2, "README.md names its two commands");
}

#[test]
fn every_link_within_the_project_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#:]+)(#[^)]*)?\)").unwrap();
    let mut links = 0;
    for (path, text) in pages() {
        for found in link.captures_iter(&text) {
            let target = path.parent().unwrap().join(&found[1]);
            assert!(target.exists(), "{}: {} is not there", path.display(), &found[1]);
            links += 1;
        }
    }
    assert!(links > 0);
}
