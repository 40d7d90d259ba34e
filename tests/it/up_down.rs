//! A stage that is kept up between runs, and runs beside each other.

use std::time::Duration;

use nix::sys::signal::Signal;
use rehearsal::wait::{Probe, Wake, until};
use serde_json::json;

use crate::bad_input::gone;
use crate::post::Post;
use crate::program::{Finished, Ground, containers};

fn notes(run: &Finished) -> Vec<String> {
    run.events("note").iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

fn played_on(run: &Finished, session: &str) -> bool {
    notes(run).contains(&format!("using the stage that is up: session {session}"))
}

#[tokio::test]
async fn a_stage_is_brought_up_used_again_and_taken_down() {
    let ground = Ground::new().await;
    ground.rehearse(&["down"]).run().await.exits_with(0).says("nothing is up");

    let stage = ground.up().await;
    let session = stage.session.as_str();
    assert_eq!(containers(session).await.len(), 1, "the registry");
    // The stage is there already; its words for people name the kubeconfig, not the password.
    let up = ground.rehearse(&["up", "--cluster", "mini"]).run().await.exits_with(0);
    up.says(&format!("export KUBECONFIG={}", stage.kubeconfig));

    // Lab 0 uses names on the Engine, lab 1 names in the cluster: nothing of the first run is in the second's way.
    for _ in 0..2 {
        let run = ground.rehearse(&["run", "0", "1", "--json"]).run().await.exits_with(0);
        assert!(played_on(&run, session), "{:?}", notes(&run));
    }
    // The kubelet ends a pod's container after the pod is gone.
    let only_the_registry = async || match containers(session).await {
        left if left.len() == 1 => Probe::Done(()),
        left => Probe::Pending(format!("{left:?}")),
    };
    let every = Wake::Every(Duration::from_millis(50));
    until("the labs' containers to go", Duration::from_secs(10), every, only_the_registry).await.unwrap();

    let down = ground.rehearse(&["down"]).run().await.exits_with(0);
    down.says(&format!("took down the stage of session {session}"));
    ground.nothing_is_left(3).await;
}

#[tokio::test]
async fn a_stage_whose_folder_was_deleted_goes_by_itself() {
    let ground = Ground::new().await;
    let stage = ground.up().await;
    let session = stage.session.as_str();
    std::fs::remove_dir_all(ground.root()).unwrap();
    let gone = async || match containers(session).await {
        left if left.is_empty() => Probe::Done(()),
        left => Probe::Pending(format!("{left:?}")),
    };
    let every = Wake::Every(Duration::from_millis(50));
    until("the forgotten stage to go", Duration::from_secs(30), every, gone).await.unwrap();
}

#[tokio::test]
async fn a_container_that_a_failed_lab_left_is_gone_before_the_next_run() {
    let ground = Ground::new().await;
    let image = "docker.io/cloudwithvarjosh/app1:1.0.0";
    let needs = format!("<!-- rehearse: needs image {image} -->");
    let login = "echo \"$DOCKER_PASSWORD\" | docker login -u cloudwithvarjosh --password-stdin";
    let run = format!("docker pull {image}\ndocker run -d --name app1 {image}\nfalse");
    ground.lab(&format!("# Left\n\n{needs}\n\n```bash\n{login}\n{run}\n```\n"));
    let play = || ground.play(&["--keep", "--json"]).run();
    let first = play().await.exits_with(1);
    let session =
        notes(&first).into_iter().find_map(|n| Some(n.split_once("stage that is up: session ")?.1.to_owned()));
    assert_eq!(containers(&session.unwrap()).await.len(), 1, "the registry");
    // A name that is taken would be another failure.
    let second = play().await.exits_with(1);
    assert_eq!(second.says("`false` exited with 1").events("lab.finished").len(), 1);
    ground.rehearse(&["down"]).env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(0);
    ground.nothing_is_left(3).await;
}

#[tokio::test]
async fn keep_leaves_a_stage_that_the_next_run_plays_on_even_after_an_interrupt() {
    let ground = Ground::new().await;
    let pod = "kubectl run left --image=cloudwithvarjosh/app1:1.0.0; kubectl create ns left";
    let pid = ground.path("pid");
    let post = Post::to(&pid);
    let play = |seconds| {
        let fence = format!("{pod}\necho $$ > {}\nexec sleep {seconds}", post.path());
        ground.lab(&format!("# Left\n\n<!-- rehearse: needs cluster -->\n\n```bash\n{fence}\n```\n"));
        ground.play(&["--keep", "--json"])
    };
    let first = play("0").run().await.exits_with(0);
    let using = notes(&first).into_iter().find_map(|n| Some(n.split_once("stage that is up: session ")?.1.to_owned()));
    let session = using.expect("it plays on the stage that it leaves");

    let mut second = play("50").start();
    second.until(json!({"type": "object.state", "status": "ImagePullBackOff"})).await;
    second.signal(Signal::SIGINT);
    let second = second.finish().await.exits_with(130);
    assert!(played_on(&second, &session));
    gone(&pid).await;

    // What the interrupted run had created would be in the way of its like.
    let third = play("0").run().await.exits_with(0);
    assert!(played_on(&third, &session));
    ground.rehearse(&["down"]).env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(0);
    ground.nothing_is_left(4).await;
}

#[tokio::test]
async fn runs_beside_each_other_do_not_meet() {
    let ground = Ground::new().await;
    let play = || ground.rehearse(&["run", "1", "--cluster", "mini", "--json"]);
    let (one, other) = tokio::join!(play().run(), play().run());
    assert_ne!(one.exits_with(0).session(), other.exits_with(0).session());
    ground.nothing_is_left(2).await;

    // On a stage that is kept, the second brings up one of its own.
    let stage = ground.up().await;
    let mut one = play().start();
    one.until(json!({"type": "lab.started"})).await;
    let other = play().run().await.exits_with(0);
    let one = one.finish().await.exits_with(0);
    assert!(played_on(&one, &stage.session));
    assert!(notes(&other).contains(&"the stage that is up is another run's just now: bringing up another".to_owned()));
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(5).await;
}

#[tokio::test]
async fn a_stage_that_is_up_serves_who_asks_for_it_and_nobody_else() {
    let ground = Ground::new().await;
    ground.lab("# Here\n\n<!-- rehearse: needs cluster -->\n\n```bash\nkubectl version\n```\n");
    let rehearse = |args: &[&str]| ground.rehearse(args).env("REHEARSAL_LABS", ground.labs());
    let older = ["--cluster", "mini", "--kubernetes-version", "1.34"];
    rehearse(&[&["up"], &older[..]].concat()).run().await.exits_with(0);
    rehearse(&["up"]).run().await.exits_with(0).says("the stage is up: mini v1.34.0");
    let refused = rehearse(&["up", "--cluster", "mini", "--timelapse", "7"]).run().await.exits_with(2);
    refused.says("error: another stage is up: mini --kubernetes-version 1.34").says("hint: `rehearse down`");
    for (args, on) in [(&[][..], "v1.34.0"), (&older, "v1.34.0"), (&["--cluster=mini", "--timelapse=7"], "v1.36.0")] {
        let run = rehearse(&[&["run", "--json"], args].concat()).run().await.exits_with(0);
        assert_eq!(run.events("stage.ready")[0]["server_version"], on, "{args:?}");
    }
    // What is on this machine is not asked for through a proxy.
    rehearse(&["run"]).env("HTTPS_PROXY", "http://127.0.0.1:9").run().await.exits_with(0).says("the stage that is up");
    rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(5).await;
}

/// A lab without needs is played beside others, and ends what it started: nothing of theirs.
#[tokio::test]
async fn a_lab_that_ends_ends_no_other() {
    let ground = Ground::new().await;
    ground.lab_in("1-quick", "# Quick\n\n```bash\necho hi\n```\n");
    ground.lab_in("2-slow", "# Slow\n\n```bash\nsleep 1\necho done\n```\n\n```text\ndone\n```\n");
    ground.play(&["all"]).run().await.exits_with(0);
}

/// What labs leave behind in the cluster and in their kubeconfig is in nobody's way afterwards.
#[tokio::test]
async fn a_lab_finds_a_kept_stage_as_the_one_before_found_it() {
    let ground = Ground::new().await;
    ground.lab(
        "# Elsewhere\n\n```bash\nkubectl create ns foo\nkubectl config set-context --current --namespace=foo\n\
         kubectl create role r --verb=get --resource=pods\nkubectl create role r -n default --verb=get --resource=pods\n\
         kubectl create clusterrole r --verb=get --resource=pods\nkubectl create cm c -n default --from-literal=a=b\n```\n",
    );
    let labs = ground.labs().display().to_string();
    ground.rehearse(&["up", "--cluster", "mini", "--labs", &labs]).run().await.exits_with(0);
    for _ in 0..2 {
        ground.play(&[]).run().await.exits_with(0);
    }
    ground.rehearse(&["down"]).run().await.exits_with(0);
}

#[tokio::test]
async fn two_who_bring_a_stage_up_get_one() {
    let ground = Ground::new().await;
    let up = || ground.rehearse(&["up", "--cluster", "mini", "--json"]).run();
    let (one, other) = tokio::join!(up(), up());
    assert_eq!(one.exits_with(0).stdout, other.exits_with(0).stdout);
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(1).await;
}
