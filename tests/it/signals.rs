//! Interrupts of the real binary, at moments its own event stream tells.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::docker::{ContainerRequest, Docker, labels};
use rehearsal::session;
use rehearsal::wait::{Probe, Wake, until};
use serde_json::json;

use crate::bad_input::gone;
use crate::engine::{SILENT, STUCK, that_goes, with_fault};
use crate::post::Post;
use crate::program::{Ground, containers};

const ENDLESS: &str = "# Endless\n\n<!-- rehearse: timeout 1000s -->\n```bash\nexec sleep 1000\n```\n";

/// As [`ENDLESS`]; its process's id comes by post.
fn endless(post: &Post) -> String {
    ENDLESS.replace("exec", &format!("echo $$ > {}; exec", post.path()))
}

#[tokio::test]
async fn an_interrupt_while_the_stage_comes_up_undoes_it() {
    let ground = Ground::new().await;
    ground.lab(ENDLESS);
    let moments = [
        json!({"type": "session.started"}),
        json!({"type": "stage.part", "part": "registry", "state": "started"}),
        json!({"type": "stage.part", "part": "registry", "state": "ready"}),
        json!({"type": "stage.part", "part": "cluster", "state": "ready"}),
        json!({"type": "stage.part", "part": "image", "detail": "pushing"}),
    ];
    for (moment, signal) in moments.iter().zip([Signal::SIGINT, Signal::SIGTERM].into_iter().cycle()) {
        let mut run = ground.play(&["--json"]).start();
        run.until(moment.clone()).await;
        run.signal(signal);
        let run = run.finish().await.exits_with(130);
        assert!(run.events("lab.started").is_empty(), "{moment}: {}", run.stdout);
        run.says("interrupted");
    }
    ground.nothing_is_left(moments.len()).await;
}

#[tokio::test]
async fn an_interrupt_during_a_fence_ends_the_fence_and_removes_everything() {
    let ground = Ground::new().await;
    let pid = ground.path("pid");
    let post = Post::to(&pid);
    ground.lab(&endless(&post));
    let mut run = ground.play(&["--json"]).start();
    run.until(json!({"type": "step.started"})).await;
    written(&pid).await;
    run.signal(Signal::SIGINT);
    let run = run.finish().await.exits_with(130);
    assert_eq!(run.events("session.failed")[0]["message"], "interrupted; nothing is left");
    assert_eq!(run.events("lab.finished")[0]["verdict"], "blocked");
    gone(&pid).await;
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn an_interrupt_while_the_engine_is_silent() {
    for command in [&["run"][..], &["preflight"], &["setup"], &["up", "--foreground"], &["down"], &["conformance"]] {
        let ground = Ground::light();
        ground.lab(ENDLESS);
        let (host, mut asked) = with_fault(ground.dir.path(), SILENT);
        let run = ground.rehearse(command).env("DOCKER_HOST", host).env("REHEARSAL_LABS", ground.labs()).start();
        asked.wait_for(|count| *count > 0).await.unwrap();
        let begun = std::time::Instant::now();
        run.signal(Signal::SIGINT);
        let code = if command[0] == "up" { 0 } else { 130 };
        run.finish().await.exits_with(code);
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{command:?} waited for the engine");
        assert_eq!(ground.sessions(), Vec::<String>::new());
    }
}

/// Waits until a fence has written its process id.
async fn written(file: &std::path::Path) {
    use rehearsal::wait::{Probe, Wake, until};
    use std::time::Duration;
    let probe = async || match std::fs::read_to_string(file) {
        Ok(text) if text.ends_with('\n') => Probe::Done(()),
        other => Probe::Pending(format!("{other:?}")),
    };
    until("the fence", Duration::from_secs(10), Wake::Every(Duration::from_millis(5)), probe).await.unwrap();
}

#[tokio::test]
async fn an_interrupt_while_kubectl_waits_for_a_pod() {
    let ground = Ground::new().await;
    ground.lab(
        "# Waiting\n\n<!-- rehearse: needs cluster -->\n\n```bash\n\
         kubectl run stuck --image=cloudwithvarjosh/app1:1.0.0\n\
         kubectl wait pod/stuck --for=condition=Ready --timeout=600s\n```\n",
    );
    let mut run = ground.play(&["--json"]).start();
    run.until(json!({"type": "object.state", "object": "pod/stuck", "status": "ImagePullBackOff"})).await;
    run.signal(Signal::SIGINT);
    run.finish().await.exits_with(130);
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn a_second_interrupt_ends_a_clean_up_that_hangs_and_down_makes_up_for_it() {
    let ground = Ground::new().await;
    ground.lab(ENDLESS);
    let (host, mut stuck) = with_fault(ground.dir.path(), STUCK);
    let mut run = ground.play(&["--json"]).env("DOCKER_HOST", host).start();
    let session = run.until(json!({"type": "session.started"})).await["session"].as_str().unwrap().to_owned();
    run.until(json!({"type": "step.started"})).await;
    run.signal(Signal::SIGINT);
    stuck.wait_for(|count| *count > 0).await.unwrap();
    run.signal(Signal::SIGINT);
    run.finish().await.exits_with(130).says("interrupted twice; there is left: ");
    assert!(!containers(&session).await.is_empty(), "the fault was none");
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn a_terminal_that_hangs_up_again_and_again_hurries_no_clean_up() {
    let ground = Ground::new().await;
    ground.lab(ENDLESS);
    let mut run = ground.play(&["--json"]).start();
    run.until(json!({"type": "step.started"})).await;
    let pid = Pid::from_raw(run.pid());
    let hanging_up = async || match kill(pid, Signal::SIGHUP) {
        Ok(()) => Probe::Pending("it runs".into()),
        Err(_) => Probe::Done(()),
    };
    let hanging_up =
        until("the run to end", Duration::from_secs(60), Wake::Every(Duration::from_millis(5)), hanging_up);
    let (run, ended) = tokio::join!(run.finish(), hanging_up);
    ended.unwrap();
    let run = run.exits_with(130);
    assert_eq!(run.events("session.failed")[0]["message"], "interrupted; nothing is left");
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn what_a_killed_run_left_goes_at_the_next_start_or_with_down() {
    for next in [&["down"][..], &["run", "--cluster", "mini"]] {
        let ground = Ground::new().await;
        let pid = ground.path("pid");
        let post = Post::to(&pid);
        ground.lab(&endless(&post));
        let mut run = ground.play(&["--json"]).start();
        run.until(json!({"type": "step.started"})).await;
        written(&pid).await;
        run.signal(Signal::SIGKILL);
        let killed = run.finish().await;
        assert_eq!(killed.code, None);
        assert!(ground.root().join(killed.session()).join("private").exists());
        ground.lab("# Harmless\n\n```bash\ntrue\n```\n");
        ground.rehearse(next).env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(0);
        gone(&pid).await;
        ground.nothing_is_left(if next == ["down"] { 1 } else { 2 }).await;
    }
}

#[tokio::test]
async fn an_engine_that_goes_during_clean_up_is_told_and_down_makes_up_for_it() {
    let ground = Ground::new().await;
    ground.lab(ENDLESS);
    let (host, gone) = that_goes(ground.dir.path());
    let mut run = ground.play(&["--json"]).env("DOCKER_HOST", &host).start();
    let session = run.until(json!({"type": "session.started"})).await["session"].as_str().unwrap().to_owned();
    run.until(json!({"type": "step.started"})).await;
    gone.cancel();
    run.signal(Signal::SIGINT);
    let run = run.finish().await.exits_with(130);
    run.says("interrupted; what is left could not be seen").says("; `rehearse down --dir ");
    assert!(!containers(&session).await.is_empty(), "the fault was none");
    ground.rehearse(&["down"]).env("DOCKER_HOST", &host).run().await.exits_with(2).says("no docker socket");
    let _back = that_goes(ground.dir.path());
    ground
        .rehearse(&["down"])
        .env("DOCKER_HOST", &host)
        .run()
        .await
        .exits_with(0)
        .says("removed what the dead session");
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn down_leaves_a_living_run_alone_and_says_so() {
    let ground = Ground::new().await;
    ground.lab(ENDLESS);
    let mut run = ground.play(&["--json"]).start();
    let session = run.until(json!({"type": "session.started"})).await["session"].as_str().unwrap().to_owned();
    run.until(json!({"type": "step.started"})).await;
    let down = ground.rehearse(&["down"]).run().await.exits_with(0);
    down.says(&format!("left alone: session {session}, which process {} plays", run.pid()));
    assert!(!containers(&session).await.is_empty());
    run.signal(Signal::SIGINT);
    run.finish().await.exits_with(130).says("interrupted; nothing is left");
    ground.nothing_is_left(1).await;
}

/// Another user's session on the same Engine, whose process is no more: not ours to judge.
#[tokio::test]
async fn another_users_session_is_left_alone_and_told() {
    let ground = Ground::new().await;
    let ours = session::lock_dir();
    let mine: u32 = ours.file_name().unwrap().to_str().unwrap().strip_prefix("rehearsal-").unwrap().parse().unwrap();
    let id = format!("20260101-000000-{:04x}", std::process::id() % 0x10000);
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let owner = ours.with_file_name(format!("rehearsal-{}", mine + 1)).join(format!("{id}@{host}.lock"));
    let owner = owner.display().to_string();
    // Any image will do, and lab 0's layers are there.
    ground.rehearse(&["setup"]).run().await.exits_with(0);
    let docker = Docker::connect().await.unwrap();
    let request = ContainerRequest {
        image: "rehearsal/app1:cache".into(),
        labels: labels::of_session(&id, &owner),
        ..ContainerRequest::default()
    };
    let theirs = docker.run(request).await.unwrap();
    let down = ground.rehearse(&["down"]).run().await;
    let left = containers(&id).await;
    docker.remove(&theirs.id).await.unwrap();
    down.exits_with(0).says(&format!("left alone: session {id}, which is another user's or another host's"));
    assert_eq!(left, [theirs.id]);
}
