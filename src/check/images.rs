//! The images of others that a lecture takes. Pure.

use serde_json::Value;

use crate::registry::ImageRef;
use crate::script::lecture::{ItemKind, Lecture, LectureItem};

/// The images of Docker Hub that the manifests and commands of some pages name, but for official ones; sorted.
pub(crate) fn hub_images<'a>(pages: impl IntoIterator<Item = &'a Lecture>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for item in pages.into_iter().flat_map(|page| &page.items) {
        match &item.kind {
            ItemKind::Manifest(manifest) => {
                let objects = manifest.documents.iter().filter_map(|document| document.object.as_ref());
                objects.for_each(|object| images_in(object, &mut found));
            }
            ItemKind::Command(command) => {
                for invocation in &command.invocations {
                    found.extend(invocation.values(None, "image").into_iter().map(str::to_owned));
                    let words = invocation.arguments();
                    if invocation.program() == "docker" && words.first().is_some_and(|word| word == "push") {
                        found.extend(words.last().cloned());
                    }
                }
            }
            _ => {}
        }
    }
    let is_theirs = |image: &String| {
        ImageRef::parse(image)
            .is_ok_and(|image| image.registry() == "docker.io" && !image.repository().starts_with("library/"))
    };
    found.retain(is_theirs);
    found.sort();
    found.dedup();
    found
}

/// Whether a lecture pushes an image itself.
pub(crate) fn is_pushed(image: &str, lecture: &Lecture) -> bool {
    let name = image.split([':', '@']).next().unwrap_or(image).trim_start_matches("docker.io/");
    let mut commands = lecture.items.iter().filter_map(LectureItem::command);
    commands.any(|command| command.script.contains("docker push") && command.script.contains(name))
}

fn images_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value.as_str()) {
                    ("image", Some(image)) => found.push(image.to_owned()),
                    _ => images_in(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| images_in(item, found)),
        _ => {}
    }
}
