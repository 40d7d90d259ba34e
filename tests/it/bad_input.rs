//! Bad input and bad environments: the exit code, the place, the hint, and nothing left behind.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use nix::sys::signal::kill;
use nix::unistd::Pid;
use rehearsal::docker::Docker;
use rehearsal::exec::which;
use rehearsal::wait::{Probe, Wake, until};
use serde_json::json;

use crate::engine::{DISK_FULL, with_fault};
use crate::post::Post;
use crate::program::{Finished, Ground, kind_serves};

const HARMLESS: &str = "# Harmless\n\n```bash\ntrue\n```\n";
const CLUSTER: &str = "# With a cluster\n\n<!-- rehearse: needs cluster -->\n\n```bash\nkubectl get pods\n```\n";

/// Exit code 2 with an error that says `error`, a hint that says `hint`, and no session.
#[track_caller]
fn refused(ground: &Ground, run: Finished, error: &str, hint: &str) {
    let run = run.exits_with(2);
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    let (before, after) = run.stderr.split_once("hint: ").unwrap_or_else(|| panic!("no hint: {}", run.stderr));
    assert!(before.contains(error), "no `{error}` in {before}");
    assert!(after.contains(hint), "no `{hint}` in {after}");
    assert_eq!(ground.sessions(), Vec::<String>::new());
}

#[tokio::test]
async fn a_lab_that_cannot_be_read_is_refused_with_its_line() {
    for (text, line, error, hint) in [
        ("<!-- rehearse: expct pod/a: Running -->\n```bash\ntrue\n```\n", 3, "unknown directive `expct`", "`expect`"),
        (
            "<!-- rehearse:\n  expect mypod: Running\n-->\n```bash\ntrue\n```\n",
            4,
            "malformed object reference `mypod`",
            "write `pod/NAME`",
        ),
        (
            "<!-- rehearse:\n  expect pdo/mypod: Running\n-->\n```bash\ntrue\n```\n",
            4,
            "unknown kind `pdo`",
            "did you mean `pod`?",
        ),
        ("<!-- rehearse: timeout soon -->\n```bash\ntrue\n```\n", 3, "malformed duration `soon`", "`90s`"),
        (
            "```bash\ntrue\n```\n\n```yaml\n# pod.yaml\nkind: Pod\n  name: [\n```\n",
            10,
            "`pod.yaml` is not YAML",
            "YAML",
        ),
        ("```bash\ntrue\n", 3, "fence is never closed", "close it"),
        ("<!-- rehearse: prints \"a\" -->\n", 3, "not followed by a shell fence", "right above its fence"),
        ("<!-- rehearse:\n", 3, "comment is never closed", "-->"),
    ] {
        let ground = Ground::light();
        let file = ground.lab(&format!("# Bad\n\n{text}"));
        let run = ground.play(&[]).run().await;
        refused(&ground, run, &format!("{}:{line}: ", file.display()), hint);
        let run = ground.play(&["--json"]).run().await;
        assert_eq!(run.stdout, "");
        refused(&ground, run, error, hint);
    }
}

#[tokio::test]
async fn labs_that_are_not_there() {
    let ground = Ground::light();
    ground.lab(HARMLESS);
    for labs in [&["9"][..], &["all", "9"]] {
        refused(&ground, ground.play(labs).run().await, "no lab `9`", "labs are 7 (test)");
    }
    let missing = ground.path("nowhere");
    let run = ground.play(&[]).env("REHEARSAL_LABS", &missing).run().await;
    refused(&ground, run, &format!("cannot read {}", missing.display()), "--labs DIR");
    let empty = ground.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let run = ground.play(&[]).env("REHEARSAL_LABS", &empty).run().await;
    refused(&ground, run, &format!("no lab in {}", empty.display()), "NUMBER-slug/README.md");
}

#[tokio::test]
async fn a_command_line_that_is_not_understood() {
    let ground = Ground::light();
    for (args, error) in [
        (&["run", "--cluster", "nonsense"][..], "`nonsense` is no cluster; one of: auto, mini, kind, context:NAME"),
        (&["run", "--registry-port", "70000"], "70000 is not in 0..=65535"),
        (&["rnu"], "unrecognized subcommand 'rnu'"),
    ] {
        let run = ground.rehearse(args).run().await.exits_with(2);
        assert!(run.stderr.contains(error), "{}", run.stderr);
        assert!(ground.sessions().is_empty());
    }
}

/// A PATH with nothing but these programs on it.
fn only(ground: &Ground, programs: &[&str]) -> PathBuf {
    let bin = ground.path("bin");
    std::fs::create_dir(&bin).unwrap();
    for program in programs {
        let found = which(program, &std::env::var_os("PATH").unwrap()).unwrap();
        symlink(found, bin.join(program)).unwrap();
    }
    bin
}

#[tokio::test]
async fn a_kubectl_that_does_not_serve() {
    let ground = Ground::light();
    ground.lab(CLUSTER);
    let version = r#"echo '{"clientVersion":{"major":"1","minor":"29+","gitVersion":"v1.29.3-x"}}'"#;
    for (script, error) in [
        (version, "says it is kubectl v1.29.3-x; labs need 1.32 or newer"),
        ("echo Segmentation fault >&2; exit 139", "does not work as kubectl"),
        ("echo hello", "says it is kubectl of no version"),
    ] {
        let kubectl = ground.path("kubectl");
        std::fs::write(&kubectl, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&kubectl, PermissionsExt::from_mode(0o755)).unwrap();
        let run = ground.play(&[]).env("REHEARSAL_KUBECTL", &kubectl).run().await;
        refused(&ground, run, &format!("{} {error}", kubectl.display()), "make setup");
    }
}

#[tokio::test]
async fn no_kubectl_at_all() {
    let ground = Ground::light();
    ground.lab(CLUSTER);
    // Not this project's own kubectl either.
    let _ = std::fs::remove_file(ground.path(".tools"));
    let path = only(&ground, &["bash"]);
    refused(&ground, ground.play(&[]).env("PATH", path).run().await, "`kubectl` is not on PATH", "make setup");
}

#[tokio::test]
async fn no_docker() {
    let ground = Ground::light();
    ground.lab(HARMLESS);
    let run = ground.play(&[]).env("DOCKER_HOST", "unix:///nonexistent.sock").run().await;
    refused(&ground, run, "no docker socket at /nonexistent.sock", "make setup");
    let dead = ground.path("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    let run = ground.play(&[]).env("DOCKER_HOST", format!("unix://{}", dead.display())).run().await;
    refused(&ground, run, "does not answer", "start it");
}

#[tokio::test]
async fn no_kind() {
    let ground = Ground::light();
    ground.lab(HARMLESS);
    let path = only(&ground, &["bash"]);
    let run = ground.rehearse(&["run", "--cluster", "kind"]).env("PATH", path).env("REHEARSAL_LABS", ground.labs());
    let run = run.run().await;
    refused(&ground, run, "`kind` is not on PATH", "--cluster mini");
}

#[tokio::test]
async fn what_only_kind_has_asks_for_kind() {
    let ground = Ground::light();
    ground.lab(HARMLESS);
    let run = ground.play(&["--workers", "2"]).run().await;
    refused(&ground, run, "`--workers` is for kind, not for mini", "--cluster kind");
    let path = only(&ground, &["bash"]);
    let run = ground.rehearse(&["run", "--reuse", "mine"]).env("PATH", path).env("REHEARSAL_LABS", ground.labs());
    refused(&ground, run.run().await, "`kind` is not on PATH", "--cluster mini");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written() {
    let ground = Ground::light();
    ground.lab(HARMLESS);
    std::fs::write(ground.path("file"), "").unwrap();
    let run = ground.play(&[]).env("REHEARSAL_DIR", ground.path("file/sessions")).run().await;
    refused(&ground, run, "cannot write", "--dir DIR");
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let ground = Ground::new().await;
    ground.lab(HARMLESS);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let run = ground.play(&["--registry-port", &port.to_string(), "--json"]).run().await.exits_with(2);
    let taken = format!("port {port} on 127.0.0.1 is already taken");
    assert!(run.events("session.failed")[0]["message"].as_str().unwrap().ends_with(&taken));
    assert_eq!(run.events("lab.finished")[0]["verdict"], "blocked");
    run.says("error: the registry did not come up").says(&taken);
    run.says(&format!("hint: see who listens there: `ss -ltnp 'sport = :{port}'`"));
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn a_disk_that_is_full() {
    let ground = Ground::new().await;
    ground.lab(HARMLESS);
    let (host, failed) = with_fault(ground.dir.path(), DISK_FULL);
    let run = ground.play(&[]).env("DOCKER_HOST", host).run().await.exits_with(2);
    assert!(*failed.borrow() > 0);
    run.says("error: the image did not come up").says("no space left on docker's disk while building").says("hint: ");
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn a_fence_that_fails() {
    let ground = Ground::new().await;
    let file = ground.lab("# Failing\n\n```bash\necho one\nfalse\necho two\n```\n\n```bash\necho three\n```\n");
    let run = ground.play(&[]).run().await.exits_with(1);
    run.says("  `false` exited with 1\n").says(&format!("  {}:5\n", file.display())).says("    > one\n");
    assert!(!run.all().contains("> two") && !run.all().contains("three"), "{}", run.stdout);
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn a_fence_that_hangs_is_killed_with_its_children() {
    let ground = Ground::new().await;
    let pid = ground.path("pid");
    let post = Post::to(&pid);
    let fence = format!("(exec sleep 1000) & echo $! > {}; echo begun; wait", post.path());
    ground.lab(&format!("# Hanging\n\n<!-- rehearse: timeout 1s -->\n```bash\n{fence}\n```\n"));
    let run = ground.play(&["--json"]).run().await.exits_with(1);
    let failure = &run.events("lab.finished")[0]["failure"];
    assert_eq!(failure["message"], "`bash` did not end within 1s; it had printed: begun");
    gone(&pid).await;
    ground.nothing_is_left(1).await;
}

/// Waits until the process whose id stands in a file has ended.
pub(crate) async fn gone(file: &std::path::Path) {
    let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A dead child whose parent has not asked after it is a zombie.
    let probe = async || match kill(Pid::from_raw(pid), None).is_err() || stat().contains(") Z ") {
        true => Probe::Done(()),
        false => Probe::Pending(stat()),
    };
    let every = Wake::Every(std::time::Duration::from_millis(10));
    until("the process to end", std::time::Duration::from_secs(5), every, probe).await.unwrap();
}

#[tokio::test]
async fn an_expectation_that_does_not_come_true() {
    let ground = Ground::new().await;
    let pod = "kubectl run stuck --image=cloudwithvarjosh/app1:1.0.0";
    let file = ground.lab(&format!(
        "# Expecting\n\n<!-- rehearse: needs cluster -->\n\n<!-- rehearse:\n  timeout 3s\n  expect pod/stuck: Running\n-->\n\
         ```bash\n{pod}\n```\n"
    ));
    let run = ground.play(&[]).run().await.exits_with(1);
    run.says(&format!("{}:7  expect pod/stuck: Running: timed out after ", file.display()));
    run.says("last seen: pod/stuck is ").says("Warning Failed x").says("no basic auth credentials");

    ground.lab(&format!(
        "# Expecting\n\n<!-- rehearse: needs cluster -->\n\n```bash\n{pod}\n```\n\n\
         <!-- rehearse:\n  timeout 2s\n  expect pod/ghost: Running\n-->\n```bash\nkubectl get pods\n```\n"
    ));
    let run = ground.play(&["--json"]).run().await.exits_with(1);
    let failure = &run.events("lab.finished")[0]["failure"];
    assert_eq!(failure["line"], json!(11));
    let message = failure["message"].as_str().unwrap();
    assert!(message.starts_with("expect pod/ghost: Running: timed out after "), "{message}");
    assert!(message.ends_with("last seen: pod/ghost never appeared"), "{message}");
    let evidence = failure["evidence"].to_string();
    assert!(evidence.contains("pod/stuck  "), "what was there instead is told: {evidence}");

    // The pod fails after its command has ended.
    ground.lab(&format!(
        "# Excluding\n\n<!-- rehearse: needs cluster -->\n\n<!-- rehearse: never pod/stuck: ErrImagePull -->\n\
         ```bash\n{pod}\n```\n"
    ));
    let run = ground.play(&["--json"]).run().await.exits_with(1);
    let message = run.events("lab.finished")[0]["failure"]["message"].to_string();
    assert!(message.contains("never pod/stuck: ErrImagePull: pod/stuck was ErrImagePull at "), "{message}");
    ground.nothing_is_left(3).await;
}

#[tokio::test]
async fn what_a_fence_leaves_running_ends_with_its_lab() {
    let ground = Ground::new().await;
    let pid = ground.path("pid");
    let post = Post::to(&pid);
    let left = "setsid --fork sh -c 'echo $$ > pid; exec sleep 1000' > /dev/null 2>&1\nuntil [ -s pid ]; do :; done";
    ground.lab(&format!("# Left\n\n```bash\n{left}\ncat pid > {}\n```\n", post.path()));
    ground.play(&[]).run().await.exits_with(0);
    gone(&pid).await;
}

#[tokio::test]
async fn preflight_says_what_a_run_would_and_changes_nothing() {
    let ground = Ground::light();
    ground.lab(HARMLESS);
    let preflight =
        |args: &[&str]| ground.rehearse(&[&["preflight"], args].concat()).env("REHEARSAL_LABS", ground.labs());
    let good = preflight(&["--cluster", "mini", "--kubernetes-version", "1.34"]).run().await.exits_with(0);
    good.says("✓ cluster          mini, as Kubernetes 1.34");
    let bad = preflight(&["--cluster", "context:none"]).env("KUBECONFIG", ground.path("none")).run().await;
    bad.exits_with(2)
        .says("✗ cluster")
        .says("✗ registry         `--cluster context:NAME` needs `--registry HOST[/PATH]`");
    std::fs::write(ground.path("file"), "").unwrap();
    let bad = preflight(&[]).env("REHEARSAL_DIR", ground.path("file/sessions")).run().await.exits_with(2);
    bad.says("file cannot be written");
    assert!(!ground.root().exists());
}

#[tokio::test]
async fn a_kind_cluster_that_does_not_come_up_leaves_its_logs_and_nothing_else() {
    if !kind_serves("a_kind_cluster_that_does_not_come_up_leaves_its_logs_and_nothing_else").await {
        return;
    }
    let ground = Ground::new().await;
    ground.lab(HARMLESS);
    let config = ground.path("kind.yaml");
    let patch = "kubeadmConfigPatches:\n- |\n  kind: KubeletConfiguration\n  evictionHard: nonsense\n";
    std::fs::write(&config, patch).unwrap();
    let run = ground.rehearse(&["run", "--cluster", "kind", "--kind-config", config.to_str().unwrap()]);
    let run = run.env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(2);
    run.says("KubeletConfiguration.evictionHard").says("its nodes' logs:");
    let logs = ground.root().join(&ground.sessions()[0]).join("kind-logs");
    assert!(logs.join("kind-create.log").is_file() && logs.read_dir().unwrap().count() > 1);
    ground.nothing_is_left(1).await;
    let left = Docker::connect().await.unwrap().containers("io.x-k8s.kind.cluster").await.unwrap();
    let session = &ground.sessions()[0];
    assert!(!left.iter().any(|node| node.labels.values().any(|cluster| cluster.contains(session.as_str()))));
}

#[tokio::test]
async fn a_stage_that_cannot_be_asked_for_opens_no_session() {
    let ground = Ground::light();
    ground.lab(HARMLESS);
    let up = ground.rehearse(&["up", "--foreground", "--cluster", "mini", "--registry", "ghcr.io/me"]);
    let run = up.env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(2);
    run.says("`--registry` goes with `--cluster context:NAME` only");
    assert_eq!(ground.sessions(), Vec::<String>::new());
}
