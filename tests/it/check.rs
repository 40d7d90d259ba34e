//! `rehearse check`: a lecture that nobody annotated, with the mistakes that lectures have, played on mini.

use serde_json::Value;

use crate::program::{Ground, project};

const LECTURE: &str = "tests/lectures/private-images.md";

/// What stands in the snapshot of an item: where it is, what is said of it, and who is blamed.
fn line(item: &Value) -> String {
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let (first, kind, verdict) = (&item["lines"]["first"], text("kind"), text("verdict"));
    let blamed = item["blamed"].as_str().map(|blamed| format!(" blames {blamed}")).unwrap_or_default();
    let rules: Vec<_> = item["explained_by"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let rules = if rules.is_empty() { String::new() } else { format!(" by {}", rules.join(", ")) };
    format!("{first:>4} {kind:<12} {verdict}{blamed}{rules}")
}

#[tokio::test]
async fn each_item_of_a_lecture_gets_the_verdict_that_a_reader_would_give() {
    let ground = Ground::new().await;
    let lecture = project().join(LECTURE);
    let lecture = lecture.to_str().unwrap();
    let patch = ground.path("safe.patch");
    let run = ground.rehearse(&["check", lecture, "--cluster", "mini", "--json", "--patch", patch.to_str().unwrap()]);
    // The lesson has mistakes: it fails.
    let run = run.run().await.exits_with(1);
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let items: Vec<String> = lines.iter().filter(|line| line["type"] == "item").map(line).collect();
    insta::assert_snapshot!("a-lecture", items.join("\n"));
    let page = ground.root().join(&ground.sessions()[0]).join("report.html");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("pod/web without secret"), "the twin of what runs by its secret");
    // Only what drifted is corrected without being asked.
    let patch = std::fs::read_to_string(patch).unwrap();
    assert!(patch.contains("-NAME      SECRETS   AGE") && !patch.contains("acne"), "{patch}");
    ground.nothing_is_left(1).await;
}

/// On a node that has the image, releases before 1.35 ask for no credentials: what runs there proves nothing.
#[tokio::test]
async fn a_lecture_is_told_where_two_releases_part() {
    let ground = Ground::new().await;
    let lecture = project().join("tests/lectures/workload.md");
    let lecture = lecture.to_str().unwrap();
    let run = ground.rehearse(&["check", lecture, "--cluster", "mini", "--kubernetes-version", "1.33,1.36", "--json"]);
    let run = run.run().await.exits_with(0);
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let items: Vec<String> = lines.iter().filter(|line| line["type"] == "item").map(line).collect();
    let (old, new) = items.split_at(items.len() / 2);
    let parts: Vec<&str> = run.stderr.lines().filter(|line| line.contains(" parts from ")).collect();
    let parts = parts.join("\n").replace(lecture, "LECTURE");
    insta::assert_snapshot!("two-releases", format!("1.33\n{}\n1.36\n{}\n{parts}", old.join("\n"), new.join("\n")));
    ground.nothing_is_left(2).await;
}
