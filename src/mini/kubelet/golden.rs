//! Golden tests of the pure kubelet: a pod and a scripted node in, status and events out, on a fixed clock.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, PodStatus, Secret};
use serde_json::{Value, json};

use super::image::TrackedAuthConfig;
use super::pass::{self, Answer, Ask, Pass, StartError, SyncOutcome};
use super::records::PullRecords;
use super::state::{Node, PodState};
use super::status::{self, Life};
use crate::mini::Version;
use crate::mini::events::{Correlator, ObjectEvent, Write};
use crate::mini::runtime::{Exit, Image, PullError, Started};
use crate::registry::Credentials;

const IMAGE: &str = "localhost:5001/cloudwithvarjosh/app1:a";
const NO_CREDENTIALS: &str = "failed to pull and unpack image \"localhost:5001/cloudwithvarjosh/app1:a\": failed to resolve reference \"localhost:5001/cloudwithvarjosh/app1:a\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";

/// When the recorded kubelet synced the pod without credentials.
const RECORDED: [f64; 31] = [
    0.6, 0.8, 12.1, 26.1, 40.1, 52.1, 65.1, 78.1, 92.1, 104.1, 117.1, 130.1, 144.1, 157.1, 172.1, 184.1, 195.1, 209.1,
    221.1, 235.1, 248.1, 262.1, 276.1, 291.1, 305.1, 320.1, 333.1, 345.1, 359.1, 374.1, 388.1,
];

/// A node that answers asks from a script, and writes down what the kubelet says.
struct Scene {
    node: Node,
    pod: Pod,
    state: PodState,
    records: PullRecords,
    images: BTreeMap<String, Image>,
    secrets: Vec<Secret>,
    missing: Vec<String>,
    /// Whom the registry serves; with None anybody.
    login: Option<Credentials>,
    refuse_start: Option<StartError>,
    correlator: Correlator,
    log: String,
    last: Option<SyncOutcome>,
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + (seconds * 1000.0).round() as i64).unwrap()
}

fn pod(spec: Value) -> Pod {
    let metadata = json!({"name": "mypod", "namespace": "sc-a", "uid": "0001", "generation": 1});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

fn one_container(extra: Value) -> Value {
    let mut container = json!({"name": "app", "image": IMAGE, "imagePullPolicy": "IfNotPresent"});
    container.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({"containers": [container]})
}

fn secret(name: &str, kind: &str, key: &str, contents: &str) -> Secret {
    let mut secret = Secret { type_: Some(kind.into()), ..Secret::default() };
    (secret.metadata.name, secret.metadata.uid) = (Some(name.into()), Some(format!("uid-{name}")));
    secret.data = Some(BTreeMap::from([(key.to_owned(), ByteString(contents.into()))]));
    secret
}

fn pull_secret(name: &str, password: &str) -> Secret {
    let config = Credentials::new("varjosh", password).dockerconfigjson(&["localhost:5001"]);
    secret(name, "kubernetes.io/dockerconfigjson", ".dockerconfigjson", &config)
}

impl Scene {
    fn new(spec: Value) -> Self {
        let node = Node {
            name: "mini-control-plane".into(),
            ip: "172.18.0.2".into(),
            version: Version { major: 1, minor: 36 },
            scheme: "containerd",
            timelapse: 1.0,
        };
        Self {
            node,
            pod: pod(spec),
            state: PodState::new(at(0.0), 1.0),
            records: PullRecords::default(),
            images: BTreeMap::new(),
            secrets: Vec::new(),
            missing: Vec::new(),
            login: Some(Credentials::new("varjosh", "right")),
            refuse_start: None,
            correlator: Correlator::new(1.0),
            log: String::new(),
            last: None,
        }
    }

    fn events(&mut self, seconds: f64, events: Vec<ObjectEvent>) {
        for event in events {
            let about = event.field_path.clone().unwrap_or_default();
            let (kind, reason) = (event.kind(), event.reason);
            match self.correlator.correlate(event, at(seconds)) {
                None => {}
                Some((key, Write::Create { event, .. })) => {
                    self.correlator.created(&key, "e".into());
                    writeln!(self.log, "{seconds:>6.1}   {kind} {reason} {about} {}", event.message).unwrap();
                }
                Some((_, Write::Patch { count, message, .. })) => {
                    let short = message.split(':').next().unwrap();
                    writeln!(self.log, "{seconds:>6.1}   {kind} {reason} x{count} {short}").unwrap();
                }
            }
        }
    }

    fn status(&mut self, seconds: f64, status: &PodStatus) {
        let states: Vec<_> = status
            .init_container_statuses
            .iter()
            .flatten()
            .chain(status.container_statuses.iter().flatten())
            .map(|status| {
                let state = status.state.clone().unwrap_or_default();
                let text = match (state.waiting, state.running, state.terminated) {
                    (Some(waiting), ..) => {
                        format!("{} {}", waiting.reason.unwrap(), waiting.message.unwrap_or_default())
                    }
                    (_, Some(_), _) => "running".into(),
                    (.., Some(ended)) => format!("{} {}", ended.reason.unwrap(), ended.exit_code),
                    _ => unreachable!(),
                };
                format!("{}[{}] {}", status.name, status.restart_count, text.trim())
            })
            .collect();
        let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready").unwrap().status.clone();
        let (phase, states) = (status.phase.as_deref().unwrap(), states.join("; "));
        writeln!(self.log, "{seconds:>6.1} {phase} ready={ready} {states}").unwrap();
    }

    fn pull(
        &mut self,
        image: &str,
        logins: Vec<TrackedAuthConfig>,
    ) -> Result<(Image, Option<TrackedAuthConfig>), PullError> {
        let good = logins.into_iter().find(|login| self.login.as_ref() == Some(&login.credentials));
        if self.login.is_some() && good.is_none() {
            return Err(PullError { message: NO_CREDENTIALS.into() });
        }
        let name = image.rsplit_once(':').unwrap().0;
        let repo_digest = format!("{name}@sha256:{}", "0".repeat(64));
        let pulled = Image { id: "sha256:1".into(), repo_digest, size: 3_066_995, user: String::new() };
        self.images.insert(image.to_owned(), pulled.clone());
        Ok((pulled, good))
    }

    /// One sync at the given second; what it asks is answered at once.
    fn sync(&mut self, seconds: f64) -> PodStatus {
        let pull_secrets = (self.secrets.clone(), &self.missing[..]);
        let (mut pass, status, events) = Pass::begin(&self.node, &self.pod, &mut self.state, pull_secrets, at(seconds));
        self.status(seconds, &status);
        self.events(seconds, events);
        let mut answer = Answer::Begin;
        let mut now = seconds;
        loop {
            let step = pass.step(&self.node, &self.pod, &mut self.state, &mut self.records, answer, at(now));
            self.events(seconds, step.events);
            answer = match step.ask {
                Ask::Image { image } => Answer::Image(self.images.get(&image).cloned()),
                Ask::Pull { image, logins } => {
                    let took = Duration::from_millis(123);
                    now += took.as_secs_f64();
                    Answer::Pulled { result: self.pull(&image, logins), took, waited: took }
                }
                Ask::Start { container } => Answer::Started(match self.refuse_start.take() {
                    Some(error) => Err(error),
                    None => Ok(Started { id: format!("id-{container}"), ip: "10.244.0.5".into() }),
                }),
                Ask::Stop { .. } => Answer::Stopped(Exit { code: 137, oom_killed: false }),
                Ask::Done(outcome) => {
                    self.last = Some(outcome);
                    return status;
                }
            };
        }
    }

    fn exit(&mut self, container: &str, code: i32, seconds: f64) {
        pass::ended(&mut self.state, container, Exit { code, oom_killed: false }, at(seconds));
    }

    /// The times at which an event of this reason was written.
    fn times(&self, reason: &str) -> Vec<f64> {
        let lines = self.log.lines().filter(|line| line.split_whitespace().nth(2) == Some(reason));
        lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
    }
}

/// The record `a-no-credentials`: states, events, attempts and their times, at the recorded syncs.
#[test]
fn without_credentials_as_recorded() {
    let mut scene = Scene::new(one_container(json!({})));
    for seconds in RECORDED {
        scene.sync(seconds);
    }
    assert_eq!(scene.times("Pulling"), [0.6, 12.1, 40.1, 92.1, 184.1]);
    let backoff = scene.times("BackOff");
    assert_eq!(backoff[..6], [0.8, 26.1, 52.1, 65.1, 78.1, 104.1]);
    assert_eq!(backoff.last(), Some(&320.1), "the burst of 25 is spent, as recorded");
    insta::assert_snapshot!(scene.log);
}

#[test]
fn with_the_right_secret_as_recorded() {
    let mut scene = Scene::new(one_container(json!({})));
    scene.secrets = vec![pull_secret("other", "wrong"), pull_secret("regcred", "right")];
    scene.sync(0.6);
    assert_eq!(scene.last, Some(SyncOutcome::Changed));
    let status = scene.sync(1.0);
    assert_eq!(scene.last, Some(SyncOutcome::Settled));
    insta::assert_snapshot!(scene.log);
    insta::assert_yaml_snapshot!(status);
}

#[test]
fn a_secret_that_appears_later_heals_the_pod_at_the_next_attempt() {
    let mut scene = Scene::new(one_container(json!({})));
    scene.missing = vec!["regcred".into()];
    for seconds in [0.6, 1.5, 13.2, 26.1] {
        scene.sync(seconds);
    }
    (scene.missing, scene.secrets) = (Vec::new(), vec![pull_secret("regcred", "right")]);
    for seconds in [37.1, 37.2] {
        scene.sync(seconds);
    }
    insta::assert_snapshot!(scene.log);
}

#[test]
fn secrets_of_another_type_server_or_key_do_not_count() {
    let config = Credentials::new("varjosh", "right").dockerconfigjson(&["localhost:5002"]);
    for secret in [
        secret("opaque", "Opaque", ".dockerconfigjson", &config.replace("5002", "5001")),
        secret("key", "kubernetes.io/dockerconfigjson", "config.json", &config.replace("5002", "5001")),
        secret("server", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", &config),
        secret("empty", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", "{}"),
    ] {
        let mut scene = Scene::new(one_container(json!({})));
        scene.secrets = vec![secret];
        scene.sync(0.6);
        assert_eq!(scene.state.failures["app"].reason, "ErrImagePull");
        assert_eq!(scene.state.failures["app"].message, NO_CREDENTIALS);
    }
}

#[test]
fn policy_never_as_recorded() {
    let mut scene = Scene::new(one_container(json!({"imagePullPolicy": "Never"})));
    for seconds in [0.5, 1.1, 15.6, 26.6] {
        scene.sync(seconds);
    }
    assert_eq!(scene.last, Some(SyncOutcome::Failed));
    insta::assert_snapshot!(scene.log);
}

/// A sync that cannot mount the pod's volumes ends before its first step.
#[test]
fn there_is_no_sandbox_before_the_volumes_are_mounted() {
    let mut scene = Scene::new(one_container(json!({})));
    let ready = |status: &PodStatus| {
        let conditions = status.conditions.iter().flatten();
        conditions.into_iter().find(|c| c.type_ == "PodReadyToStartContainers").unwrap().status.clone()
    };
    for seconds in [0.6, 12.1] {
        let (_, status, _) = Pass::begin(&scene.node, &scene.pod, &mut scene.state, (vec![], &[]), at(seconds));
        assert_eq!(ready(&status), "False");
    }
    scene.sync(24.1);
    assert_eq!(ready(&scene.sync(24.2)), "True");
}

#[test]
fn an_image_of_roots_is_not_run_where_root_must_not() {
    let mut scene = Scene::new(one_container(json!({"securityContext": {"runAsNonRoot": true}})));
    scene.login = None;
    scene.sync(0.6);
    let said = "container has runAsNonRoot and image will run as root (pod: \"mypod_sc-a(0001)\", container: app)";
    assert!(scene.log.contains(&format!("Warning Failed spec.containers{{app}} Error: {said}")), "{}", scene.log);
    scene.sync(12.1);
    assert_eq!(scene.last, Some(SyncOutcome::Failed));
    assert!(scene.log.contains(&format!("app[0] CreateContainerConfigError {said}")), "{}", scene.log);
    assert!(!scene.log.contains("Created"));
}

#[test]
fn a_name_that_is_none() {
    let mut scene = Scene::new(one_container(json!({"image": "docker.io/Cloud/app1::1"})));
    for seconds in [0.5, 1.1] {
        scene.sync(seconds);
    }
    insta::assert_snapshot!(scene.log);
}

/// The semantics of an image on the node: since 1.35 only for who could have pulled it; before, for all.
#[test]
fn an_image_on_the_node_by_version() {
    let image = Image { id: "sha256:1".into(), repo_digest: "r@sha256:1".into(), size: 1, user: String::new() };
    let reason = |minor: u32, secrets: Vec<Secret>, policy: &str, preloaded: bool| {
        let mut scene = Scene::new(one_container(json!({"imagePullPolicy": policy})));
        scene.node.version.minor = minor;
        scene.images.insert(IMAGE.into(), image.clone());
        if !preloaded {
            let mut first = Scene::new(one_container(json!({})));
            first.secrets = vec![pull_secret("regcred", "right")];
            first.sync(0.0);
            scene.records = first.records;
        }
        scene.secrets = secrets;
        scene.sync(0.6);
        scene.state.failures.get("app").map_or(String::new(), |failure| failure.reason.to_string())
            + if scene.log.contains("Pulling") { " pulled" } else { "" }
    };
    let (right, copy, wrong) =
        (pull_secret("regcred", "right"), pull_secret("copy", "right"), pull_secret("w", "wrong"));
    assert_eq!(reason(34, vec![], "IfNotPresent", false), "");
    assert_eq!(reason(34, vec![], "Never", false), "");
    assert_eq!(reason(36, vec![], "IfNotPresent", true), "");
    assert_eq!(reason(36, vec![], "IfNotPresent", false), "ErrImagePull pulled");
    assert_eq!(reason(36, vec![], "Never", false), "ErrImageNeverPull");
    assert_eq!(reason(36, vec![right.clone()], "Never", false), "");
    assert_eq!(reason(36, vec![right.clone()], "IfNotPresent", false), "");
    assert_eq!(reason(36, vec![copy], "IfNotPresent", false), "");
    assert_eq!(reason(36, vec![wrong], "IfNotPresent", false), "ErrImagePull pulled");
    assert_eq!(reason(36, vec![right], "Always", false), " pulled");
}

#[test]
fn a_crashing_container_backs_off() {
    let mut scene = Scene::new(one_container(json!({})));
    scene.login = None;
    scene.sync(0.6);
    for (exit, syncs) in [(1.0, &[1.1][..]), (2.0, &[2.1, 13.0]), (14.0, &[14.1, 25.0, 38.0])] {
        scene.exit("app", 1, exit);
        for seconds in syncs {
            scene.sync(*seconds);
        }
    }
    insta::assert_snapshot!(scene.log);
}

#[test]
fn restart_policies() {
    let phase = |policy: &str, code: i32| {
        let mut spec = one_container(json!({}));
        spec["restartPolicy"] = policy.into();
        let mut scene = Scene::new(spec);
        scene.login = None;
        scene.sync(0.6);
        scene.exit("app", code, 1.0);
        let status = scene.sync(1.1);
        (status.phase.unwrap(), scene.state.containers["app"].restarts)
    };
    assert_eq!(phase("Always", 0), ("Running".into(), 1));
    assert_eq!(phase("OnFailure", 0), ("Succeeded".into(), 0));
    assert_eq!(phase("OnFailure", 3), ("Running".into(), 1));
    assert_eq!(phase("Never", 0), ("Succeeded".into(), 0));
    assert_eq!(phase("Never", 3), ("Failed".into(), 0));
}

#[test]
fn a_changed_image_restarts_the_container() {
    let mut scene = Scene::new(one_container(json!({})));
    scene.login = None;
    scene.sync(0.6);
    scene.sync(0.9);
    scene.pod.spec.as_mut().unwrap().containers[0].image = Some("localhost:5001/cloudwithvarjosh/app1:b".into());
    scene.sync(3.0);
    scene.sync(3.1);
    insta::assert_snapshot!(scene.log);
}

#[test]
fn init_containers_run_one_after_the_other() {
    let mut spec = one_container(json!({}));
    spec["initContainers"] = json!([{"name": "one", "image": "a/b:1"}, {"name": "two", "image": "a/b:1"}]);
    let mut scene = Scene::new(spec);
    scene.login = None;
    scene.sync(0.6);
    scene.sync(0.7);
    scene.exit("one", 0, 1.0);
    scene.sync(1.0);
    scene.exit("two", 0, 2.0);
    scene.sync(2.0);
    scene.sync(2.1);
    insta::assert_snapshot!(scene.log);
}

#[test]
fn containers_that_cannot_be_made_or_started() {
    let mut scene = Scene::new(one_container(json!({})));
    scene.login = None;
    scene.refuse_start = Some(StartError::Config("secret \"nope\" not found".into()));
    scene.sync(0.6);
    scene.refuse_start = Some(StartError::Runtime("exec: \"nope\": executable file not found in $PATH".into()));
    scene.sync(12.0);
    scene.sync(12.1);
    insta::assert_snapshot!(scene.log);
}

/// The record `a2`: a pod that never ran is deleted.
#[test]
fn a_stuck_pod_is_deleted_as_recorded() {
    let mut scene = Scene::new(one_container(json!({})));
    scene.sync(0.7);
    scene.sync(1.1);
    for life in [Life::Terminating, Life::Terminated] {
        let status = status::generate(&scene.node, &scene.pod, &mut scene.state, life, at(2.0));
        scene.status(2.0, &status);
    }
    insta::assert_snapshot!(scene.log);
}
