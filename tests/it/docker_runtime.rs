//! Mini's Docker runtime against a real engine and a real registry that asks for credentials.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, PostParams};
use rehearsal::docker::registry::{Auth, RegistryContainer, RegistryRequest};
use rehearsal::docker::{AuthConfig, Docker, labels};
use rehearsal::images::{REGISTRY, ensure};
use rehearsal::mini::runtime::docker::DockerRuntime;
use rehearsal::mini::runtime::{Confinement, ContainerSpec, ExecSpec, LogOptions, Runtime as _};
use rehearsal::mini::{Mini, MiniOptions, Version};
use rehearsal::registry::{Credentials, access_log};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

const IMAGE: &str = "docker.io/cloudwithvarjosh/runtime:1.0.0";

/// The stage's registry with one image in it.
struct RuntimeGround {
    docker: Docker,
    registry: RegistryContainer,
    credentials: Credentials,
    labels: BTreeMap<String, String>,
    host: String,
}

impl RuntimeGround {
    async fn start() -> Self {
        let docker = Docker::connect().await.expect("a Docker Engine is part of the project's ground");
        let credentials = Credentials::fresh("varjosh");
        let session = format!("test-runtime-{:08x}", rand::random::<u32>());
        let labels = BTreeMap::from([(labels::SESSION.to_owned(), session)]);
        let request = RegistryRequest {
            image: ensure(&docker, REGISTRY, &|_| {}).await.unwrap().image,
            auth: Auth::Basic {
                htpasswd: format!("{}\n", credentials.htpasswd().unwrap()).into(),
                realm: "test".into(),
            },
            labels: labels.clone(),
            port: None,
            layers: None,
        };
        let registry = RegistryContainer::start(&docker, request).await.unwrap();
        let host = registry.addr.to_string();
        let python = ensure(&docker, "python:3.9-slim", &|_| {}).await.unwrap().image;
        let name = format!("{host}/cloudwithvarjosh/runtime:1.0.0");
        docker.tag(&python, &name).await.unwrap();
        let Credentials { username, password } = credentials.clone();
        let login = AuthConfig { username, password, server: host.clone() };
        docker.push(&name, Some(login), &|_| {}).await.unwrap();
        docker.remove_image(&name).await.unwrap();
        Self { docker, registry, credentials, labels, host }
    }

    fn runtime(&self) -> DockerRuntime {
        DockerRuntime::new(self.docker.clone(), self.host.clone(), self.labels.clone()).unwrap()
    }

    fn auth(&self, password: Option<&str>) -> Option<Credentials> {
        Some(Credentials::new(&self.credentials.username, password.unwrap_or(self.credentials.password.expose())))
    }
}

#[tokio::test]
async fn pulls_and_runs_from_the_stages_registry_and_leaves_nothing() {
    let ground = RuntimeGround::start().await;
    let runtime = ground.runtime();
    assert!(runtime.image_status(IMAGE).await.is_none(), "the engine's images are not the node's");

    let mut refusals = Vec::new();
    for (image, auth) in [
        (IMAGE, None),
        (IMAGE, ground.auth(Some("wrong"))),
        ("cloudwithvarjosh/runtime:9.9.9", ground.auth(None)),
        ("quay.io/cloudwithvarjosh/runtime:1.0.0", ground.auth(None)),
    ] {
        let error = runtime.pull(image, auth).await.unwrap_err();
        refusals.push(error.message.replace(&ground.host, "HOST"));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    failed to pull and unpack image "docker.io/cloudwithvarjosh/runtime:1.0.0": failed to resolve reference "docker.io/cloudwithvarjosh/runtime:1.0.0": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials
    failed to pull and unpack image "docker.io/cloudwithvarjosh/runtime:1.0.0": failed to resolve reference "docker.io/cloudwithvarjosh/runtime:1.0.0": unexpected status from HEAD request to http://HOST/v2/cloudwithvarjosh/runtime/manifests/1.0.0?ns=docker.io: 401 Unauthorized
    rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/cloudwithvarjosh/runtime:9.9.9": failed to resolve reference "docker.io/cloudwithvarjosh/runtime:9.9.9": docker.io/cloudwithvarjosh/runtime:9.9.9: not found
    failed to pull and unpack image "quay.io/cloudwithvarjosh/runtime:1.0.0": failed to resolve reference "quay.io/cloudwithvarjosh/runtime:1.0.0": failed to do request: Head "https://quay.io/v2/cloudwithvarjosh/runtime/manifests/1.0.0": dial tcp: lookup quay.io: no such host (this node reaches only the stage's registry)
    "#);

    let image = runtime.pull(IMAGE, ground.auth(None)).await.unwrap();
    assert!(image.repo_digest.starts_with("docker.io/cloudwithvarjosh/runtime@sha256:"), "{image:?}");
    assert!(image.size > 1_000_000 && image.id.starts_with("sha256:"));
    assert_eq!(runtime.image_status("cloudwithvarjosh/runtime:1.0.0").await, Some(image));

    let script = "trap 'exit 7' TERM; cat /etc/conf/greeting; echo $NAME; while :; do sleep 0.05; done";
    let spec = ContainerSpec {
        pod_namespace: "default".into(),
        pod_name: "mypod".into(),
        pod_uid: "0001".into(),
        name: "app".into(),
        image: IMAGE.into(),
        command: vec!["/bin/sh".into(), "-c".into(), script.into()],
        env: vec![("NAME".into(), "class".into())],
        files: BTreeMap::from([("/etc/conf/greeting".to_owned(), "hello ".into())]),
        ..ContainerSpec::default()
    };
    let started = runtime.start(spec.clone()).await.unwrap();
    assert!(started.ip.parse::<std::net::IpAddr>().is_ok(), "{started:?}");
    let mut output = runtime.logs(&started.id, LogOptions { follow: true, ..LogOptions::default() }).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"class\n") {
        seen.extend(output.next().await.expect("the greeting and the name").unwrap());
    }
    assert_eq!(String::from_utf8(seen).unwrap(), "hello class\n");

    let command = ["sh", "-c", "hostname; exit 3"].map(str::to_owned).to_vec();
    let session = runtime.exec(&started.id, ExecSpec { command, ..ExecSpec::default() }).await.unwrap();
    let output: Vec<_> = session.output.try_collect().await.unwrap();
    let text = output.concat_bytes();
    assert_eq!((String::from_utf8(text).unwrap().as_str(), session.exit_code.await.unwrap()), ("mypod\n", 3));

    let script = "read line; echo heard $line; read line; echo then $line";
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let reader = ContainerSpec { command, stdin: true, stdin_once: true, ..spec.clone() };
    let reader = runtime.start(reader).await.unwrap();
    let mut session = runtime.attach(&reader.id, true).await.unwrap();
    session.stdin.write_all(b"one\n").await.unwrap();
    // The input ends with the client's: the second line never comes.
    session.stdin.shutdown().await.unwrap();
    let output: Vec<_> = session.output.try_collect().await.unwrap();
    assert_eq!(String::from_utf8(output.concat_bytes()).unwrap(), "heard one\nthen\n");
    assert_eq!(session.exit_code.await.unwrap(), 0);
    assert!(runtime.attach("nosuch", false).await.is_err());

    let (ended, stopped) = tokio::join!(runtime.wait(&started.id), runtime.stop(&started.id, Duration::from_secs(10)));
    stopped.unwrap();
    assert_eq!(ended.unwrap().code, 7, "its own code, though it is removed at once");
    runtime.stop(&started.id, Duration::ZERO).await.unwrap();

    let failing = ContainerSpec { command: vec!["/nosuchcmd".into()], ..spec.clone() };
    let error = runtime.start(failing).await.unwrap_err().to_string();
    assert!(error.contains("/nosuchcmd") && error.contains("no such file or directory"), "{error}");
    assert!(error.starts_with("failed to create containerd task: failed to create shim task: OCI runtime "), "{error}");

    let limits = "touch /cache/f && echo $(id -u):$(id -g) $(ls /cache) && grep CapPrm /proc/self/status";
    let confined = ContainerSpec {
        command: vec!["/bin/sh".into(), "-c".into(), limits.into()],
        directories: vec!["/cache".into()],
        confinement: Confinement {
            user: Some("65534:65533".into()),
            drop: vec!["ALL".into()],
            memory: Some(64 << 20),
            ..Confinement::default()
        },
        ..spec.clone()
    };
    let started = runtime.start(confined).await.unwrap();
    assert_eq!(runtime.wait(&started.id).await.unwrap().code, 0);
    let output = runtime.logs(&started.id, LogOptions::default()).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(String::from_utf8(output.concat()).unwrap(), "65534:65533 f\nCapPrm:\t0000000000000000\n");

    let log = ground.registry.logs(false).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat();
    let entries = access_log::parse(&String::from_utf8_lossy(&log));
    let mut requests = entries.iter().filter(|entry| entry.repository == "cloudwithvarjosh/runtime");
    let refused = requests.any(|entry| entry.status == 401);
    let served = requests.any(|entry| entry.status == 200 && entry.user.as_deref() == Some("varjosh"));
    assert!(refused && served, "{entries:#?}");
    assert!(!String::from_utf8_lossy(&log).contains(ground.credentials.password.expose()));

    let running = runtime.start(ContainerSpec { command: vec!["sleep".into(), "60".into()], ..spec }).await.unwrap();
    runtime.close().await.unwrap();
    ground.registry.stop().await.unwrap();
    let session = format!("{}={}", labels::SESSION, ground.labels[labels::SESSION]);
    let left = ground.docker.containers(&session).await.unwrap();
    assert!(left.iter().all(|container| container.id != running.id) && left.is_empty(), "{left:?}");
}

/// The whole of mini over the engine: a pod without credentials fails, its secret heals it, and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_on_mini_runs_once_its_secret_is_there() {
    let ground = RuntimeGround::start().await;
    let runtime = Arc::new(ground.runtime());
    let version = Version { major: 1, minor: 36 };
    let options = MiniOptions { node_name: "mini".into(), version, timelapse: 100.0, runtime: runtime.clone() };
    let mini = Mini::start(options).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(mini.client(), "default");
    let spec = json!({
        "imagePullSecrets": [{"name": "regcred"}],
        "containers": [{"name": "app", "image": "cloudwithvarjosh/runtime:1.0.0", "command": ["sleep", "600"]}],
    });
    let pod = serde_json::from_value(json!({"metadata": {"name": "mypod"}, "spec": spec})).unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let waiting = |reason: &'static str| move |pod: Option<&Pod>| state(pod) == Some(reason.to_owned());
    until(&pods, waiting("ImagePullBackOff")).await;
    let config = ground.credentials.dockerconfigjson(&["https://index.docker.io/v1/"]);
    let secret = json!({
        "metadata": {"name": "regcred"}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config},
    });
    let secrets: Api<Secret> = Api::namespaced(mini.client(), "default");
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    let pod = until(&pods, waiting("running")).await.unwrap();
    let status = pod.status.unwrap().container_statuses.unwrap().remove(0);
    let id = status.container_id.unwrap();
    let id = id.strip_prefix("docker://").unwrap();
    let command = ["sh", "-c", "cat /var/run/secrets/kubernetes.io/serviceaccount/namespace"].map(str::to_owned);
    let exec = runtime.exec(id, ExecSpec { command: command.to_vec(), ..ExecSpec::default() }).await.unwrap();
    let output: Vec<_> = exec.output.try_collect().await.unwrap();
    assert_eq!(output.concat_bytes(), b"default");
    // `sleep` as PID 1 ignores SIGTERM: only the shortened grace period lets it go this soon.
    pods.delete("mypod", &DeleteParams::default()).await.unwrap();
    until(&pods, |pod| pod.is_none()).await;
    mini.close().await;
    runtime.close().await.unwrap();
    ground.registry.stop().await.unwrap();
    let session = format!("{}={}", labels::SESSION, ground.labels[labels::SESSION]);
    assert!(ground.docker.containers(&session).await.unwrap().is_empty());
}

trait ConcatBytes {
    fn concat_bytes(self) -> Vec<u8>;
}

impl ConcatBytes for Vec<(u8, bytes::Bytes)> {
    fn concat_bytes(self) -> Vec<u8> {
        self.into_iter().flat_map(|(_, bytes)| bytes).collect()
    }
}

/// The waiting reason of a pod's container, or `running`.
fn state(pod: Option<&Pod>) -> Option<String> {
    let state = pod?.status.as_ref()?.container_statuses.as_ref()?.first()?.state.clone()?;
    if state.running.is_some() { Some("running".to_owned()) } else { state.waiting?.reason }
}

async fn until(pods: &Api<Pod>, wanted: impl Fn(Option<&Pod>) -> bool) -> Option<Pod> {
    let waiting = kube::runtime::wait::await_condition(pods.clone(), "mypod", wanted);
    match tokio::time::timeout(Duration::from_secs(30), waiting).await {
        Ok(found) => found.unwrap(),
        Err(_) => panic!("mypod is {:#?}", pods.get_opt("mypod").await.unwrap().and_then(|pod| pod.status)),
    }
}
