//! The conformance suite as a user runs it: the same expected records on mini and on kind.

use serde_json::Value;

use crate::program::{Finished, Ground, kind_serves};

/// Nothing failed and no more than `skipped` cases were skipped; how many need a newer kubectl than there is.
fn passed(run: &Finished, skipped: &[&str]) -> usize {
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, cases) = lines.split_last().unwrap();
    // An older kubectl words things otherwise: that is said, and says nothing of the cluster.
    let (unsaid, cases): (Vec<_>, Vec<_>) =
        cases.iter().partition(|line| line["detail"].as_str().unwrap().starts_with("skipped: needs kubectl"));
    if !unsaid.is_empty() {
        use std::io::Write;
        writeln!(std::io::stderr(), "skipped: {} conformance cases: {}", unsaid.len(), unsaid[0]["detail"]).unwrap();
    }
    let of = |result: &str| -> Vec<&str> {
        let lines = cases.iter().filter(|line| line["result"] == result);
        lines.map(|line| line["case"].as_str().unwrap()).collect()
    };
    assert_eq!(of("skipped"), skipped, "{}", run.stdout);
    // A real cluster under load may need a second try.
    let (passed, unstable) = (of("passed").len(), of("unstable").len());
    assert_eq!(passed + unstable + skipped.len(), cases.len(), "{}", run.stdout);
    assert!(unstable == 0 || summary["cluster"] != "mini", "{}", run.stdout);
    assert_eq!(summary["passed"], passed);
    unsaid.len()
}

/// Every case that was played has left its record, and no record has what must not be in it.
fn recorded(ground: &Ground, cluster: &str, count: usize) {
    let records = std::fs::read_dir(ground.root().join("conformance").join(cluster)).unwrap();
    let texts: Vec<_> = records.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert_eq!(texts.len(), count);
    let home = ground.dir.path().display().to_string();
    assert!(texts.iter().all(|text| !text.contains(&home) && !text.contains("control-plane")));
}

async fn all_cases(cluster: &str) {
    let ground = Ground::new().await;
    let run = ground.rehearse(&["conformance", "--cluster", cluster, "--json"]).run().await.exits_with(0);
    let unsaid = passed(&run, &["on-node-unverified"]);
    recorded(&ground, cluster, rehearsal::conformance::all().len() - 1 - unsaid);
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn conformance_on_mini() {
    all_cases("mini").await;
}

#[tokio::test]
async fn conformance_on_kind() {
    if kind_serves("conformance_on_kind").await {
        all_cases("kind").await;
    }
}

/// Before 1.35 an image on the node was everybody's, and some words were others.
#[tokio::test]
async fn conformance_on_mini_as_an_older_release() {
    let ground = Ground::new().await;
    let cases = ["on-node-unverified", "on-node-verified", "right-credentials", "policy-if-not-present"];
    let run = ["conformance", "--cluster", "mini", "--kubernetes-version", "1.34", "--json"];
    let run = ground.rehearse(&[&run[..], &cases].concat()).run().await.exits_with(0);
    passed(&run, &["on-node-verified"]);
    let dir = ground.root().join("conformance");
    // Against records of another behaviour the difference is shown, and is a failure.
    std::fs::create_dir(dir.join("other")).unwrap();
    for case in ["right-credentials", "on-node-unverified"] {
        let text = std::fs::read_to_string(dir.join(format!("mini/{case}.json"))).unwrap();
        let text = if case == "right-credentials" { text.replace("Running 1/1", "Running 0/1") } else { text };
        std::fs::write(dir.join(format!("other/{case}.json")), text).unwrap();
    }
    let diff = ground.rehearse(&["conformance", "--diff", "mini", "other"]).run().await.exits_with(1);
    diff.says("right-credentials\n    line 9, \"pod\": \"mypod\"\n    - \"Running 1/1 Running\"\n    + \"Running 0/1 Running\"");
    diff.says("1 of 3 cases are equal on mini (-) and other (+)");
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn a_case_that_is_none_and_records_that_are_not_there() {
    let ground = Ground::light();
    let run = ground.rehearse(&["conformance", "nope"]).run().await.exits_with(2);
    assert!(
        run.stderr.contains("error: no case is called `nope`\nhint: `rehearse conformance --list`"),
        "{}",
        run.stderr
    );
    let run = ground.rehearse(&["conformance", "--diff", "mini", "kind"]).run().await.exits_with(2);
    assert!(run.stderr.contains("cannot read the records in"), "{}", run.stderr);
    let run = ground.rehearse(&["conformance", "--list", "--json"]).run().await.exits_with(0);
    let cases: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(cases.as_array().unwrap().len(), rehearsal::conformance::all().len());
}
