//! Whether labs notice what is broken, and whether it is noticed where they do not.

use serde_json::Value;

use crate::program::{Finished, Ground};

fn report(run: &Finished) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

/// The demos of the lecture; all labs take minutes, and `make sabotage` plays them.
#[tokio::test]
async fn each_fault_is_caught_by_each_lab_that_it_applies_to() {
    let ground = Ground::alone().await;
    let run = ground.rehearse(&["sabotage", "0", "1", "2", "3", "--json"]).run().await.exits_with(0);
    let report = report(&run);
    let results = report["results"].as_array().unwrap();
    let caught = results.iter().filter(|row| row["outcome"] == "caught");
    let mut faults: Vec<_> = caught.map(|row| row["fault"].as_str().unwrap()).collect();
    assert_eq!(
        (report["caught"].as_u64(), report["of"].as_u64()),
        (Some(faults.len() as u64), Some(faults.len() as u64))
    );
    faults.dedup();
    assert_eq!(faults.len(), 17, "{faults:?}");
    ground.nothing_is_left(ground.sessions().len()).await;
}

/// Labs that no fault is caught by are not well: the suite has to be able to say so.
#[tokio::test]
async fn what_breaks_nothing_is_not_caught() {
    let ground = Ground::new().await;
    let run = ground.rehearse(&["sabotage", "1", "--fault", "nothing"]).run().await.exits_with(1);
    run.says("✗ not caught: the lab is reproduced all the same").says("caught 0/1");
    run.says("stage 1 of 1: nothing is broken, 1 lab …\n").says("stage 1 of 1: caught 0/1 in ");
    // Broken after all that is proved: the lab's last word stands before.
    ground.lab(
        "# Blind\n\n<!-- rehearse:\n  needs cluster\n  needs image docker.io/cloudwithvarjosh/app1:1.0.0\n-->\n\n\
         <!-- rehearse: fails -->\n```bash\nfalse || docker pull docker.io/cloudwithvarjosh/app1:1.0.0; false\n```\n",
    );
    let sabotage = ground.rehearse(&["sabotage", "--fault", "registry-open", "--json"]);
    let run = sabotage.env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(1);
    assert_eq!(report(&run)["results"][0]["outcome"], "not-caught", "{}", run.stdout);
    ground.nothing_is_left(2).await;
}

#[tokio::test]
async fn what_cannot_be_broken_is_said() {
    let ground = Ground::light();
    ground.rehearse(&["sabotage", "--fault", "watch"]).run().await.exits_with(2).says("there are: registry-open, ");
    ground.rehearse(&["sabotage", "--cluster", "context:x"]).run().await.exits_with(2).says("kind or mini");
    ground.rehearse(&["sabotage", "42"]).run().await.exits_with(2).says("42");
    let list = ground.rehearse(&["sabotage", "--list"]).run().await.exits_with(0);
    assert_eq!(list.stdout.lines().count(), 17);
    ground.lab("# Nothing\n\n```bash\necho hello\n```\n");
    let nothing = ground.rehearse(&["sabotage"]).env("REHEARSAL_LABS", ground.labs());
    nothing.run().await.exits_with(2).says("none of the faults applies to lab 7");
    assert_eq!(ground.sessions(), Vec::<String>::new());
}
