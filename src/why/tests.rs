//! The chain, from facts alone: what the words of a kubelet, the objects of a cluster and the answers of a registry come
//! to. The conformance suite and `tests/it/why.rs` ask real clusters.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Node, Secret};
use serde_json::{Value, json};

use super::facts::{Answer, Answered, Facts};
use super::finding::Diagnosis;
use super::links::diagnose;

const IMAGE: &str = "docker.io/o/app:1";
const NO_CREDENTIALS: &str = "Back-off pulling image \"docker.io/o/app:1\": ErrImagePull: failed to pull and unpack image: \
    pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";
const UNAUTHORIZED: &str = "Back-off pulling image \"docker.io/o/app:1\": ErrImagePull: failed to resolve: unexpected \
    status from HEAD request to https://r/v2/o/app/manifests/1: 401 Unauthorized";

/// A pod that waits with these words, and names these secrets.
fn waiting(reason: &str, message: &str, secrets: &[&str]) -> Facts {
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
    let status = json!({"name": "c", "image": IMAGE, "imageID": "", "ready": false, "restartCount": 0,
                        "state": {"waiting": {"reason": reason, "message": message}}});
    let pod = json!({
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"containers": [{"name": "c", "image": IMAGE}], "imagePullSecrets": secrets},
        "status": {"phase": "Pending", "containerStatuses": [status]},
    });
    Facts {
        pod: serde_json::from_value(pod).unwrap(),
        account: Some(Default::default()),
        secrets: Some(vec![]),
        ..Facts::default()
    }
}

fn secret(name: &str, auths: &Value) -> Secret {
    let config = json!({"auths": auths}).to_string().into_bytes();
    Secret {
        metadata: serde_json::from_value(json!({"name": name})).unwrap(),
        type_: Some("kubernetes.io/dockerconfigjson".into()),
        data: Some([(".dockerconfigjson".to_owned(), ByteString(config))].into()),
        ..Secret::default()
    }
}

fn login() -> Value {
    json!({"username": "u", "password": "p"})
}

fn hub(name: &str) -> Secret {
    secret(name, &json!({"https://index.docker.io/v1/": login()}))
}

fn answered(mut facts: Facts, user: Option<&str>, answer: Answer) -> Facts {
    let one = Answered { user: user.map(str::to_owned), answer, words: "its words".into() };
    facts.answers.insert(IMAGE.into(), vec![one]);
    facts
}

fn with(mut facts: Facts, secrets: Vec<Secret>) -> Facts {
    facts.secrets = Some(secrets);
    facts
}

fn cause(facts: &Facts) -> Option<&'static str> {
    diagnose(facts).cause.map(|cause| cause.id)
}

#[test]
fn each_link_breaks_for_its_own_reason() {
    let back_off = |words, secrets: &[&str]| waiting("ImagePullBackOff", words, secrets);
    let named = |words| with(back_off(words, &["s"]), vec![hub("s")]);
    let unreachable = "ErrImagePull: failed to do request: Head \"https://r/v2/\": dial tcp 10.0.0.1:443: i/o timeout";
    let both = secret("s", &json!({"docker.io": login(), "https://index.docker.io/v1/": login()}));
    let mut patched = back_off(NO_CREDENTIALS, &[]);
    patched.account = serde_json::from_value(json!({"imagePullSecrets": [{"name": "s"}]})).ok();
    for (what, facts, expected) in [
        ("plain HTTP", back_off("x: http: server gave HTTP response to HTTPS client", &[]), "registry-plain-http"),
        ("a foreign CA", back_off("x: tls: failed to verify certificate: x509: unknown", &[]), "registry-untrusted"),
        ("no way", back_off(unreachable, &[]), "registry-unreachable"),
        ("too much", back_off("x: 429 Too Many Requests", &[]), "registry-limits"),
        (
            "no such tag, by words",
            named("rpc error: code = NotFound desc = x: docker.io/o/app:1: not found"),
            "image-unknown",
        ),
        ("other processors", named("x: no match for platform in manifest sha256:1"), "platform-missing"),
        ("by the registry, too", answered(named(UNAUTHORIZED), Some("u"), Answer::NoPlatform), "platform-missing"),
        ("nobody vouches", back_off(NO_CREDENTIALS, &[]), "no-secret-named"),
        ("the account does now", patched, "account-patched-late"),
        ("no such secret", back_off(NO_CREDENTIALS, &["s"]), "secret-missing"),
        (
            "for others",
            with(back_off(NO_CREDENTIALS, &["s"]), vec![secret("s", &json!({"ghcr.io": login()}))]),
            "secret-for-other-server",
        ),
        ("wrong, by words", named(UNAUTHORIZED), "login-refused"),
        ("wrong, by the registry", answered(named("ErrImagePull"), Some("u"), Answer::LoginRefused), "login-refused"),
        ("no right", answered(named(NO_CREDENTIALS), Some("u"), Answer::Denied), "not-allowed"),
        (
            "one hides the other",
            answered(with(back_off(UNAUTHORIZED, &["s"]), vec![both]), Some("u"), Answer::LoginRefused),
            "entry-hidden",
        ),
        ("mended meanwhile", answered(named(UNAUTHORIZED), Some("u"), Answer::Served), "waits-for-next-attempt"),
        (
            "public, and it was down",
            answered(back_off("ErrImagePull", &[]), None, Answer::Served),
            "waits-for-next-attempt",
        ),
        ("nobody says why", back_off("Back-off pulling image", &[]), "unexplained"),
        ("a pull is forbidden", waiting("ErrImageNeverPull", "", &[]), "never-pulled"),
    ] {
        assert_eq!(cause(&facts), Some(expected), "{what}");
    }
}

#[test]
fn a_secret_that_is_missing_is_no_trouble_beside_one_that_fits() {
    let facts = with(waiting("ImagePullBackOff", UNAUTHORIZED, &["gone", "s"]), vec![hub("s")]);
    assert_eq!(cause(&facts), Some("login-refused"));
}

#[test]
fn what_is_spelt_nearly_so_or_stands_elsewhere_is_named() {
    let mut facts = with(waiting("ImagePullBackOff", NO_CREDENTIALS, &["regcerd"]), vec![hub("regcred")]);
    let says = |facts: &Facts| diagnose(facts).to_string();
    assert!(says(&facts).contains("secret/regcred .metadata.name: is there, spelt otherwise"), "{}", says(&facts));
    facts.elsewhere = [("regcerd".to_owned(), vec!["shop".to_owned()])].into();
    assert!(says(&facts).contains("is in shop only"), "{}", says(&facts));
}

#[test]
fn who_may_not_read_secrets_is_told_so_and_nothing_false() {
    let mut facts = waiting("ImagePullBackOff", UNAUTHORIZED, &["s"]);
    facts.secrets = None;
    let Diagnosis { cause, notes, .. } = diagnose(&facts);
    assert_eq!(cause.map(|cause| cause.id), Some("unexplained"));
    assert!(notes[0].starts_with("you may not read the secrets of n"), "{notes:?}");
}

#[test]
fn pods_without_trouble_have_no_cause() {
    let with_state = |phase: &str, state: Value| {
        let mut facts = waiting("", "", &["gone"]);
        let status = facts.pod.status.as_mut().unwrap();
        status.phase = Some(phase.into());
        status.container_statuses.as_mut().unwrap()[0].state = serde_json::from_value(state).unwrap();
        facts
    };
    for (what, facts) in [
        ("it runs without the secret that it names", with_state("Running", json!({"running": {}}))),
        ("it is done", with_state("Succeeded", json!({"terminated": {"exitCode": 0, "reason": "Completed"}}))),
        (
            "it crashes",
            with_state("Running", json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}})),
        ),
        ("a volume is missing", with_state("Pending", json!({"waiting": {"reason": "ContainerCreating"}}))),
        ("a config is missing", with_state("Pending", json!({"waiting": {"reason": "CreateContainerConfigError"}}))),
    ] {
        assert_eq!(cause(&facts), None, "{what}");
    }
}

#[test]
fn a_manifest_is_walked_without_a_kubelets_words() {
    let manifest = |secrets: &[&str]| {
        let mut facts = waiting("", "", secrets);
        facts.pod.status = None;
        facts
    };
    assert_eq!(cause(&manifest(&["s"])), Some("secret-missing"));
    let right = || with(manifest(&["s"]), vec![hub("s")]);
    assert_eq!(cause(&answered(right(), Some("u"), Answer::Served)), None);
    assert_eq!(cause(&answered(right(), Some("u"), Answer::LoginRefused)), Some("login-refused"));
    assert_eq!(cause(&answered(manifest(&[]), None, Answer::LoginRefused)), Some("no-secret-named"));
    assert_eq!(cause(&right()), None, "nobody could be asked");
}

#[test]
fn a_diagnosis_reads_well() {
    let mut facts = with(waiting("ImagePullBackOff", UNAUTHORIZED, &["s"]), vec![hub("s")]);
    facts.node = serde_json::from_value::<Node>(json!({"metadata": {"name": "node"}})).ok();
    facts.events =
        serde_json::from_value(json!([{"metadata": {}, "involvedObject": {}, "reason": "Pulling", "count": 3}]))
            .unwrap();
    insta::assert_snapshot!(diagnose(&facts));
    insta::assert_json_snapshot!(diagnose(&facts));
}
