use super::*;
use crate::mini::resource::Serving;
use crate::mini::resources;

const GAPS: &str = include_str!("../../../GAPS.md");

/// The questions of the first table, with the code each is answered with.
fn questions() -> Vec<(Method, &'static str, u16)> {
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let (method, path) = cells.get(2)?.strip_prefix('`')?.strip_suffix('`')?.split_once(' ')?;
        Some((method.parse().ok()?, path, cells.get(3)?.parse().ok()?))
    };
    GAPS.lines().filter_map(row).collect()
}

#[tokio::test]
async fn what_gaps_says_is_refused_is_refused() {
    let server = Server::new().await;
    let questions = questions();
    assert!(questions.len() > 20, "the table was read");
    for (method, path, code) in questions {
        let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let (answer, _) = server.send(method.clone(), path, media, "{}").await;
        assert_eq!(answer, code, "{method} {path}");
    }
}

#[test]
fn every_kind_that_is_only_listed_stands_in_gaps() {
    for resource in resources::all().filter(|r| r.serving == Serving::Empty) {
        let prefix = if resource.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", resource.group) };
        let scope = if resource.namespaced { "/namespaces/default" } else { "" };
        let path = format!("{prefix}/{}{scope}/{}", resource.version, resource.plural);
        assert!(questions().iter().any(|(method, p, _)| *method == Method::POST && *p == path), "{path}");
    }
}
