//! What pages and the action tell people to type: its YAML is YAML, and each command of this program that stands in them is
//! one that it takes.

use std::path::Path;

use clap::Parser as _;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::Value;

use super::args::Cli;
use super::lint;
use crate::check::{Line, RollUp, read, summary};
use crate::report::pictures;
use crate::script::lecture;

fn project(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The code blocks of a page in one of these languages.
fn blocks(page: &str, languages: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = false;
    for event in Parser::new(page) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if languages.contains(&language.as_ref()) => {
                open = true;
                found.push(String::new());
            }
            Event::Text(text) if open => found.last_mut().unwrap().push_str(&text),
            Event::End(TagEnd::CodeBlock) => open = false,
            _ => {}
        }
    }
    found
}

/// All strings of a document, each with its key.
fn strings<'v>(value: &'v Value, key: &'v str, found: &mut Vec<(&'v str, &'v str)>) {
    match value {
        Value::String(text) => found.push((key, text)),
        Value::Array(values) => values.iter().for_each(|value| strings(value, key, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| strings(value, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Words as a shell has them; what GitHub and a shell put in are numbers that may stand there.
fn words(command: &str) -> Vec<String> {
    let filled = command.replace("${{ matrix.kubernetes }}", "1.36").replace("${{ matrix.part }}", "1");
    let filled = filled.replace("\"$KUBERNETES\"", "1.36");
    assert!(!filled.contains('$'), "{filled}");
    filled.split_whitespace().map(str::to_owned).collect()
}

fn is_taken(words: &[String]) {
    let words = std::iter::once("rehearse".to_owned()).chain(words.iter().cloned());
    let parsed = Cli::try_parse_from(words.clone());
    assert!(parsed.is_ok(), "{:?}: {}", words.collect::<Vec<_>>(), parsed.unwrap_err());
}

#[test]
fn pipelines_in_docs_are_yaml_and_their_commands_are_ours() {
    let action: Value = serde_saphyr::from_str(&project("action.yml")).unwrap();
    let inputs = action["inputs"].as_object().unwrap();
    assert_eq!(action["runs"]["using"], "composite");
    let mut commands = 0;
    let pipelines = blocks(&project("docs/ci.md"), &["yaml"]);
    assert_eq!(pipelines.len(), 3);
    for pipeline in &pipelines {
        let document: Value = serde_saphyr::from_str(pipeline).unwrap();
        let mut found = Vec::new();
        strings(&document, "", &mut found);
        for (key, text) in found {
            let command = (key == "command").then_some(text).or_else(|| text.strip_prefix("rehearse "));
            if let Some(command) = command {
                is_taken(&words(command));
                commands += 1;
            }
        }
        for with in document["jobs"].as_object().into_iter().flat_map(|jobs| jobs.values()) {
            for step in with["steps"].as_array().into_iter().flatten().filter(|step| step["with"].is_object()) {
                assert!(step["with"].as_object().unwrap().keys().all(|key| inputs.contains_key(key)), "{step}");
            }
        }
    }
    assert_eq!(commands, 4);
    // What the action adds itself.
    assert!(project("action.yml").contains("\"${words[@]}\" --dir "));
    is_taken(&words("run all --dir x"));
}

#[test]
fn commands_on_pages_are_ours() {
    let mut commands = 0;
    for page in ["README.md", "docs/ci.md", "docs/reports.md", "docs/terminal.md", "docs/why.md", "docs/checking.md"] {
        for block in blocks(&project(page), &["console", "bash", "sh"]) {
            for line in block.lines().filter_map(|line| line.trim_start_matches("$ ").strip_prefix("rehearse ")) {
                let line = line.split(" #").next().unwrap_or_default().split(" >").next().unwrap_or_default();
                is_taken(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
                commands += 1;
            }
        }
    }
    assert!(commands >= 8, "{commands}");
}

#[test]
fn docs_show_what_check_lint_and_why_print() {
    let items = read(&pictures::recorded("check-items")).unwrap().into_iter().filter_map(|line| match line {
        // One chapter of the lecture, as `--only` would have it.
        Line::Item(item) if item.headings.last().is_some_and(|heading| heading == "For a whole namespace") => {
            Some(*item)
        }
        _ => None,
    });
    let items: Vec<_> = items.collect();
    pictures::is_drawn(
        "check",
        &pictures::of_lines(&summary(&items, &RollUp::new(&items, None), false), pictures::COLUMNS),
    );

    let path = Path::new("tests/lectures/private-images.md");
    let page = lecture::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let found = crate::lint::lint(&page, &Path::exists).into_iter().map(|finding| (path.to_owned(), finding));
    let found: Vec<_> = found.collect();
    let lines = [lint::advice(&found), vec![lint::summary(1, page.items.len(), &found)]].concat();
    pictures::is_drawn("lint", &pictures::of_lines(&lines.join("\n"), 130));

    let snapshot = project("src/why/snapshots/rehearsal__why__tests__a_diagnosis_reads_well.snap");
    let (_, diagnosis) = snapshot.split_once("\n---\n").unwrap();
    pictures::is_drawn("why", &pictures::of_lines(diagnosis, 130));
}

#[test]
fn each_page_has_a_picture_and_each_picture_a_page() {
    let mut unused = files("docs/pictures");
    for page in files("docs").into_iter().filter(|file| file.ends_with(".md")).chain(["README.md".into()]) {
        let text = project(&page);
        let (mut pictures, mut alt) = (0, None::<String>);
        for event in Parser::new(&text) {
            match event {
                Event::Start(Tag::Image { dest_url, .. }) => {
                    let shown = Path::new(&page).parent().unwrap().join(dest_url.as_ref()).display().to_string();
                    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&shown).exists(), "{page} shows no {shown}");
                    unused.retain(|picture| *picture != shown);
                    (pictures, alt) = (pictures + 1, Some(String::new()));
                }
                Event::Text(word) => alt.iter_mut().for_each(|alt| alt.push_str(&word)),
                Event::End(TagEnd::Image) => {
                    let alt = alt.take().unwrap();
                    assert!(alt.split_whitespace().count() > 5, "{page}: `{alt}` does not say what is to be seen");
                }
                _ => {}
            }
        }
        assert!(pictures > 0, "{page} has no picture");
    }
    assert_eq!(unused, Vec::<String>::new(), "no page shows them");
}

/// The files of a folder of the project.
fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    files.map(|entry| format!("{folder}/{}", entry.file_name().to_str().unwrap())).collect()
}
