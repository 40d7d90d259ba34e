//! All labs, end to end: the real binary, Docker, registry, kubectl and application. Mini and kind must give the same
//! snapshots.

use std::collections::BTreeMap;
use std::path::Path;

use rehearsal::observe::{Redacted, Redactor, Trace};
use serde_json::Value;

use crate::program::{Finished, Ground, Podman, kind_serves, project};

#[derive(serde::Deserialize)]
struct Line {
    lab: u32,
    trace: Trace,
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The numbers of all labs, as their folders have them.
pub(crate) fn all() -> Vec<u32> {
    let folders = std::fs::read_dir(project().join("labs")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut all: Vec<u32> = folders.filter_map(|name| name.to_str()?.split_once('-')?.0.parse().ok()).collect();
    all.sort_unstable();
    all
}

/// Labs of which not all is played on a registry of the user's own, or whose images' names are spelled out there.
const OF_THE_HUB: [u32; 3] = [7, 8, 9];

/// Each lab's traces without what differs from run to run. Which of two pods that were made at once is heard of first is
/// chance.
fn traces(sessions: &Path, session: &str) -> BTreeMap<u32, Vec<Redacted>> {
    let mut traces: BTreeMap<u32, Vec<Redacted>> = BTreeMap::new();
    for line in lines(&sessions.join(session).join("traces.jsonl")) {
        let line: Line = serde_json::from_value(line).unwrap();
        traces.entry(line.lab).or_default().push(Redactor::default().trace(&line.trace));
    }
    let object = |trace: &Redacted| {
        let object = serde_json::to_value(trace).unwrap()["object"].take();
        ["kind", "namespace", "name"].map(|part| object[part].to_string())
    };
    traces.values_mut().for_each(|traces| traces.sort_by_cached_key(object));
    traces
}

/// `labs` were finished, in whatever order, each as its text says, and the report tells the same as the output.
pub(crate) fn all_reproduced(run: &Finished, sessions: &Path, labs: &[u32]) {
    let session = run.session();
    let finished = run.events("lab.finished");
    let mut told: Vec<_> = finished.iter().map(|e| (e["lab"].as_u64(), e["verdict"].clone())).collect();
    let mut expected: Vec<_> = labs.iter().map(|lab| (Some(u64::from(*lab)), Value::from("reproduced"))).collect();
    told.sort_by_key(|(lab, _)| *lab);
    expected.sort_by_key(|(lab, _)| *lab);
    assert_eq!(told, expected, "{}", run.stdout);
    let printed: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines(&sessions.join(session).join("events.jsonl")), printed);
}

/// The traces are what they always were: on every cluster, whatever was played before. The registry's answers stand in
/// them where its log is the stage's to read.
pub(crate) fn as_ever(sessions: &Path, run: &Finished, has_log: bool) {
    for (lab, mut traces) in traces(sessions, &run.session()) {
        let answers: Vec<_> = traces.iter_mut().map(|trace| std::mem::take(&mut trace.registry)).collect();
        let place = if !has_log && OF_THE_HUB.contains(&lab) { "-elsewhere" } else { "" };
        insta::assert_yaml_snapshot!(format!("lab-{lab}{place}"), traces);
        match has_log {
            true => insta::assert_yaml_snapshot!(format!("lab-{lab}-registry"), answers),
            false => assert!(answers.iter().all(Vec::is_empty), "{answers:?}"),
        }
    }
}

async fn all_labs(cluster: &str) {
    let ground = Ground::new().await;
    let run = ground.rehearse(&["run", "all", "--cluster", cluster, "--json"]).run().await.exits_with(0);
    all_reproduced(&run, &ground.root(), &all());
    assert_eq!(run.events("stage.ready")[0]["cluster"], cluster);
    as_ever(&ground.root(), &run, true);
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn labs_on_mini() {
    all_labs("mini").await;
}

#[tokio::test]
async fn labs_on_kind() {
    if kind_serves("labs_on_kind").await {
        all_labs("kind").await;
    }
}

/// Podman in Docker's place, with no image at first: the same traces.
#[tokio::test]
async fn labs_on_podman() {
    let ground = Ground::new().await;
    let Some(podman) = Podman::start("labs_on_podman").await else { return };
    let run = ground.rehearse(&["run", "all", "--cluster", "mini", "--json"]).env("DOCKER_HOST", &podman.host);
    let run = run.run().await.exits_with(0);
    all_reproduced(&run, &ground.root(), &all());
    as_ever(&ground.root(), &run, true);
}

#[tokio::test]
async fn each_lab_alone_and_in_any_order() {
    let ground = Ground::new().await;
    let run = ground.rehearse(&["run", "2", "--cluster", "mini", "--json"]).run().await.exits_with(0);
    all_reproduced(&run, &ground.root(), &[2]);
    as_ever(&ground.root(), &run, true);
    let run = ground.rehearse(&["run", "lab-3", "image-pull-secrets", "--cluster", "mini", "--json"]);
    let run = run.run().await.exits_with(0);
    all_reproduced(&run, &ground.root(), &[3, 1]);
    as_ever(&ground.root(), &run, true);
    ground.nothing_is_left(2).await;
}

const IMAGE: &str = "docker.io/cloudwithvarjosh/app1:1.0.0";

/// Pods without a node: nothing happens to them but what the steps do.
#[tokio::test]
async fn a_pod_that_is_gone_proves_nothing() {
    let ground = Ground::new().await;
    let nowhere = r#"--overrides='{"spec": {"nodeSelector": {"no": "node"}}}'"#;
    ground.lab(&format!(
        "# Gone\n\n<!-- rehearse: needs cluster -->\n\n\
         <!-- rehearse: skip for readers -->\n```bash\nfalse\n```\n\n\
         <!-- rehearse:\n  expect pod/p: Pending\n  event pod/r: FailedScheduling\n-->\n\
         ```bash\nfor pod in p r; do kubectl run $pod --image=x {nowhere}; done\n```\n\n\
         <!-- rehearse: fails -->\n```bash\nfalse\n```\n\n\
         <!-- rehearse: expect pod/p: Pending, Deleted -->\n```bash\nkubectl delete pod p\n```\n\n\
         <!-- rehearse:\n  timeout 3s\n  expect pod/r: Pending\n-->\n```bash\nkubectl delete pod r\n```\n",
    ));
    let run = ground.play(&["--json"]).run().await.exits_with(1);
    let steps: Vec<_> = run.events("step.finished").iter().map(|step| step["verdict"].clone()).collect();
    assert_eq!(steps, ["skipped", "reproduced", "expected-failure", "reproduced", "failed"], "{}", run.stdout);
    let message = run.events("lab.finished")[0]["failure"]["message"].to_string();
    assert!(message.contains("expect pod/r: Pending") && message.contains("pod/r is Deleted"), "{message}");
    ground.nothing_is_left(1).await;
}

/// What people bring: docker configs of every kind, and what they do about pods that will not pull.
#[tokio::test]
async fn what_keeps_pods_from_pulling() {
    let ground = Ground::new().await;
    ground.lab(include_str!("causes.md"));
    let run = ground.play(&["--json"]).run().await.exits_with(0);
    assert_eq!(run.events("lab.finished")[0]["verdict"], "reproduced", "{}", run.stdout);
    ground.nothing_is_left(1).await;
}

/// What is not there was not refused: that the same credentials pull the image later shows nothing about them.
#[tokio::test]
async fn a_pull_is_proved_by_a_refusal_alone() {
    let ground = Ground::new().await;
    let pod = format!("kubectl run mypod --image={IMAGE}");
    let lab = |first: &str| {
        format!(
            "# Proof\n\n<!-- rehearse:\n  needs cluster\n  needs no-image {IMAGE}\n-->\n\n{first}\
             ```bash\nkubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \
             --docker-username=cloudwithvarjosh --docker-password=\"$DOCKER_PASSWORD\"\n\
             kubectl wait --for=create serviceaccount/default --timeout=30s\n\
             kubectl patch serviceaccount default -p '{{\"imagePullSecrets\": [{{\"name\": \"s\"}}]}}'\n```\n\n\
             <!-- rehearse: expect pod/mypod: ErrImagePull -->\n```bash\n{pod}\n```\n\n\
             ```bash\nkubectl delete pod mypod\necho \"$DOCKER_PASSWORD\" | docker login -u cloudwithvarjosh --password-stdin\n\
             docker build -t cloudwithvarjosh/app1:1.0.0 .\ndocker push cloudwithvarjosh/app1:1.0.0\n```\n\n\
             <!-- rehearse: pulled pod/mypod -->\n```bash\n{pod}\n```\n"
        )
    };
    let verdict = |run: &Finished| run.events("lab.finished")[0]["verdict"].clone();
    ground.lab(&lab(""));
    let run = ground.play(&["--json"]).run().await.exits_with(1);
    assert_eq!(verdict(&run), "unproven", "{}", run.stdout);
    ground.lab(&lab(&format!(
        "<!-- rehearse: expect pod/early: ErrImagePull -->\n```bash\nkubectl run early --image={IMAGE}\n```\n\n"
    )));
    let run = ground.play(&["--json"]).run().await.exits_with(0);
    assert_eq!(verdict(&run), "reproduced", "{}", run.stdout);
    ground.nothing_is_left(2).await;
}

/// A twin that is as named proves its step; one that has nothing to lose proves nothing.
#[tokio::test]
async fn a_pod_that_runs_is_proved_by_its_twin() {
    let ground = Ground::new().await;
    let secret = "kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \
                  --docker-username=cloudwithvarjosh --docker-password=\"$DOCKER_PASSWORD\"";
    let pod =
        format!(r#"kubectl run p --image={IMAGE} --overrides='{{"spec": {{"imagePullSecrets": [{{"name": "s"}}]}}}}'"#);
    for (twin, verdict, code, detail) in [
        ("right-server pod/p: ErrImagePull, ImagePullBackOff", "reproduced", 0, "no basic auth credentials"),
        ("patch pod/p: ErrImagePull", "unproven", 1, "lists no pull secret that could be taken away"),
    ] {
        ground.lab(&format!(
            "# Twin\n\n<!-- rehearse:\n  needs cluster\n  needs image {IMAGE}\n-->\n\n\
             <!-- rehearse:\n  expect pod/p: Running\n  without {twin}\n-->\n```bash\n{secret}\n{pod}\n```\n"
        ));
        let run = ground.play(&["--json"]).run().await.exits_with(code);
        assert_eq!(run.events("lab.finished")[0]["verdict"], verdict, "{}", run.stdout);
        let checks = run.events("check");
        let told = checks.iter().find(|check| check["check"].to_string().contains("without")).unwrap();
        assert!(told["detail"].as_str().unwrap().contains(detail), "{told}");
    }
    ground.nothing_is_left(2).await;
}

/// An editor that kubectl starts asks for the terminal, which stops whoever is in its background.
#[tokio::test]
async fn a_lab_with_an_editor_on_a_terminal() {
    let ground = Ground::new().await;
    let run = ground.on_a_terminal("run 3 --cluster mini --verbose").run().await.exits_with(0);
    run.says("serviceaccount/app2-sa edited");
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn what_people_read() {
    let ground = Ground::new().await;
    let run = ground.rehearse(&["run", "1", "--cluster", "mini", "--verbose"]).run().await.exits_with(0);
    assert_eq!(run.stderr, "");
    run.says("ErrImagePull · ");
    // Below the working folder a path is shown from there.
    let root = ground.root();
    let shown = root.strip_prefix(project()).unwrap_or(&root).display().to_string();
    let output = run.stdout.replace(&root.display().to_string(), "<sessions>").replace(&shown, "<sessions>");
    let output = output.replace(&project().display().to_string(), "<project>");
    insta::with_settings!({filters => vec![
        // How often the kubelet has tried by then, and what it has just said, is the moment's.
        (r"(?m)^    pod/\S+  (\d|…).*\n(      .*\n)?", ""),
        (r"(?ms)^(  \$ kubectl describe [^\n]*\n).*?(^    (✓|… ))", "$1    <description>\n$2"),
        (r"… \d+ lines more", "… more lines"),
        (r"(STATUS) +(RESTARTS +AGE\n +mypod +0/1 +)(ErrImagePull|ImagePullBackOff) +", "$1   $2<trouble>   "),
        // A coincidence of ages makes a table's comparison exact.
        (r"(prints as shown  )(exact|normalised)", "$1<fidelity>"),
        // kubectl names the namespace since 1.34.
        (r" deleted from \S+ namespace", " deleted"),
        (r"[\d.]+ ?m?s\b", "<time>"),
        (r"sha256:[0-9a-f]{12,}", "sha256:<digest>"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
        (r"(?m)^  . (registry|image|cluster) .*\n", ""),
        (r"(?m)^  • .*stand-in.*\n", ""),
    ]}, { insta::assert_snapshot!(output) });
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn outside_of_a_project_the_program_plays_its_own_labs_and_leaves_the_folder_alone() {
    let ground = Ground::new().await;
    // Below no project: a folder above with labs would be taken for one.
    let (here, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kubectl = project().join(".tools/bin/kubectl");
    let away = |args: &[&str]| {
        let away = ground.rehearse(args).within(here.path()).env("XDG_STATE_HOME", state.path());
        if kubectl.exists() { away.env("REHEARSAL_KUBECTL", &kubectl) } else { away }
    };
    away(&["list"]).run().await.exits_with(0).says("image-pull-secrets");
    let run = away(&["run", "1", "--cluster", "mini", "--json"]).run().await.exits_with(0);
    all_reproduced(&run, &state.path().join("rehearsal/sessions"), &[1]);
    assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 0);
}
