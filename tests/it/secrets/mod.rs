//! A lab that prints its password in every form, tokens and a key: none of them reaches an output or a file that stays.

mod artifacts;
mod scan;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;

use self::artifacts::{kept, seen};
use self::scan::{Artifact, Kind, Secret, scan};
use crate::post::Post;
use crate::program::{Finished, Ground, Program, kind_serves};

const LAB: &str = r#"# Careless

<!-- rehearse:
  needs cluster
  needs image docker.io/cloudwithvarjosh/app1:1.0.0
-->

```bash
printf %s "$DOCKER_PASSWORD" > OUTSIDE
cat "$KUBECONFIG" > KUBECONFIG
echo "$DOCKER_PASSWORD"
echo "$DOCKER_PASSWORD" >&2
printf %s "$DOCKER_PASSWORD" | base64
printf %s "cloudwithvarjosh:$DOCKER_PASSWORD" | base64 -w 0
printf '\n%s\033[1m%s\n' "${DOCKER_PASSWORD:0:5}" "${DOCKER_PASSWORD:5}"
printf %s "cloudwithvarjosh:$DOCKER_PASSWORD" | base64 -w 20 | sed 's/^/   /'
printf %s "$DOCKER_PASSWORD" | od -An -v -tx1
kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \
  --docker-username=cloudwithvarjosh --docker-password="$DOCKER_PASSWORD"
kubectl get secret s -o yaml
kubectl get secret s -o jsonpath='{.data.\.dockerconfigjson}' | base64 --decode
kubectl get secret s -o jsonpath='{.data.\.dockerconfigjson}' | base64 --decode | base64
kubectl run leak --image=cloudwithvarjosh/none --env="PASSWORD=$DOCKER_PASSWORD"
kubectl get pod leak -o json
docker login -u cloudwithvarjosh -p "$DOCKER_PASSWORD"
cat "$DOCKER_CONFIG/config.json"
token=$(kubectl create token default)
echo "$token"
printf %s "$token" > TOKENS
kubectl create token default | base64 -w 0
kubectl create secret generic t --from-literal=token="$(kubectl create token default)" -o yaml --dry-run=client
printf -- '-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleS1vZi1zb21lYm9keQ==\n-----END PRIVATE KEY-----\n'
```

A pod gets its image with it, and the run is looked at meanwhile:

<!-- rehearse: expect pod/app: Running -->
```bash
kubectl run app --image=docker.io/cloudwithvarjosh/app1:1.0.0 \
  --overrides='{"spec": {"imagePullSecrets": [{"name": "s"}]}}'
```

LOOK

It fails with the password in its message and its evidence:

<!-- rehearse:
  timeout 2s
  expect pod/leak: Running
  event pod/leak: Nothing "nothing"
-->
```bash
kubectl get pods "$DOCKER_PASSWORD" || kubectl annotate pod leak password="$DOCKER_PASSWORD"
```
"#;

/// A fence that says when it can be looked at, and waits until it has been.
const LOOKED_AT: &str = r#"```bash
for word in here done; do
  exec 3<> MEETING
  echo "$word" >&3
  read -r _ <&3
done
```
"#;

/// Where a fence tells its secrets, and waits while it is looked at.
struct Confidant {
    password: Post,
    token: Post,
    kubeconfig: Post,
    meeting: Post,
}

impl Confidant {
    fn new(ground: &Ground) -> Self {
        let to = |name: &str| Post::to(&ground.path(name));
        Self { password: to("password"), token: to("token"), kubeconfig: to("kubeconfig"), meeting: Post::meeting() }
    }

    fn lab(&self, text: &str) -> String {
        let text = text
            .replace("LOOK\n", LOOKED_AT)
            .replace("OUTSIDE", self.password.path())
            .replace("TOKENS", self.token.path());
        text.replace("> KUBECONFIG", &format!("> {}", self.kubeconfig.path())).replace("MEETING", self.meeting.path())
    }

    /// Returns once a fence has said the same word.
    async fn meets(&self, word: &'static str) {
        let address = self.meeting.path().trim_start_matches("/dev/tcp/").replace('/', ":");
        let meet = move || {
            let mut stream = TcpStream::connect(address).unwrap();
            writeln!(stream, "{word}").unwrap();
            BufReader::new(stream).read_line(&mut String::new()).unwrap();
        };
        tokio::task::spawn_blocking(meet).await.unwrap();
    }
}

/// What the lab and the run's own files have told.
fn secrets(ground: &Ground, admin: &str) -> Vec<Secret> {
    let read = |name: &str| std::fs::read_to_string(ground.path(name)).unwrap();
    let (token, gateway) = (read("token"), bearer(&read("kubeconfig")));
    let (claims, signature) = token.trim().rsplit_once('.').unwrap();
    assert_ne!(gateway, admin, "a lab is not its cluster's administrator");
    vec![
        Secret::new("password", &read("password")),
        Secret::new("token", claims),
        Secret::new("token's signature", signature),
        Secret::new("gateway's token", &gateway),
        Secret::new("administrator's token or key", admin),
        Secret::new("key", "secret-key-of-somebody"),
    ]
}

/// The token of a kubeconfig.
fn bearer(kubeconfig: &str) -> String {
    let token = kubeconfig.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix("token: "));
    token.expect(kubeconfig).trim_matches('"').to_owned()
}

/// What the administrator of a cluster shows for himself: mini's a token, kind's a client's key, of which a part will do.
fn administrators(kubeconfig: &str) -> String {
    let key = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("client-key-data: "));
    key.map_or_else(|| bearer(kubeconfig), |key| key[400..464].to_owned())
}

/// A run, what was seen of it in between, and what makes its cluster's administrator.
async fn looked_at(ground: &Ground, confidant: &Confidant, program: Program) -> (Finished, Vec<Artifact>, String) {
    let running = program.env("REHEARSAL_LABS", ground.labs()).start();
    let (pid, before) = (running.pid(), ground.sessions());
    let ending = tokio::spawn(running.finish());
    confidant.meets("here").await;
    let session = ground.sessions().into_iter().find(|session| !before.contains(session));
    let session = session.or_else(|| ground.sessions().pop()).unwrap();
    let seen = seen(ground, &session, pid).await;
    let kubeconfig = ground.root().join(&session).join("private/kubeconfig");
    let admin = administrators(&std::fs::read_to_string(kubeconfig).unwrap());
    confidant.meets("done").await;
    (ending.await.unwrap(), seen, admin)
}

fn kinds(artifacts: &[Artifact]) -> BTreeSet<Kind> {
    artifacts.iter().map(|artifact| artifact.kind).collect()
}

fn artifact(kind: Kind, text: &str) -> Artifact {
    Artifact { kind, place: String::new(), text: text.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_a_secret_is_printed_or_kept_or_seen() {
    secrets_stay_secret_on("mini").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_on_kind() {
    if kind_serves("secrets::nor_on_kind").await {
        secrets_stay_secret_on("kind").await;
    }
}

async fn secrets_stay_secret_on(cluster: &str) {
    let ground = Ground::new().await;
    let confidant = Confidant::new(&ground);
    ground.lab(&confidant.lab(LAB));
    let piped = ground.rehearse(&["run", "--cluster", cluster, "--json"]);
    let cast = ground.path("run.cast");
    let terminal = ground.on_a_terminal(&format!("run --cluster {cluster} --verbose --record {}", cast.display()));
    for (kind, program) in [(Kind::Json, piped), (Kind::Terminal, terminal)] {
        let (run, seen, admin) = looked_at(&ground, &confidant, program).await;
        let run = run.exits_with(1);
        run.says("•••").says("to go through Running");
        let mut artifacts = [seen, kept(&ground)].concat();
        artifacts.extend([artifact(kind, &run.stdout), artifact(Kind::Stderr, &run.stderr)]);
        if kind == Kind::Terminal {
            artifacts.push(artifact(Kind::Cast, &std::fs::read_to_string(&cast).unwrap()));
        }
        let others = if kind == Kind::Json { vec![Kind::Terminal, Kind::Cast] } else { vec![Kind::Json] };
        let all: BTreeSet<_> = Kind::OF_RUNS.into_iter().filter(|kind| !others.contains(kind)).collect();
        assert_eq!(kinds(&artifacts), all, "each run has all kinds but the other's output");
        let shown = scan(&artifacts, &secrets(&ground, &admin));
        assert!(shown.is_empty(), "{shown:#?}");
    }
    ground.nothing_is_left(2).await;
}

/// A careless lecture. What a reader is to write instead of `<…>` is the stage's password.
const LECTURE: &str = r#"# Careless

```bash
printf %s "$DOCKER_PASSWORD" > OUTSIDE
kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \
  --docker-username=cloudwithvarjosh --docker-password=<your-password>
echo "$DOCKER_PASSWORD"
```

```bash
kubectl get secret s -o yaml
```

Output:

```
apiVersion: v1
data:
  .dockerconfigjson: eyJhdXRocyI6e319
kind: Secret
```

```bash
kubectl get secret s -o jsonpath='{.data.\.dockerconfigjson}' | base64 --decode
```

Output:

```
{"auths": {"https://index.docker.io/v1/": {"username": "cloudwithvarjosh", "password": "another"}}}
```

```bash
kubectl get secret s -o jsonpath='{.data.\.dockerconfigjson}' | base64 --decode | base64 -w 20
printf %s "$DOCKER_PASSWORD" | od -An -v -tx1
docker login -u cloudwithvarjosh -p <your-password>
cat ~/.docker/config.json
kubectl run leak --image=cloudwithvarjosh/none --env="PASSWORD=$DOCKER_PASSWORD"
kubectl describe pod leak
```

Output:

```
Name: leak
Environment:
  PASSWORD: something else
```
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_a_careless_lecture_tells_no_secret() {
    let ground = Ground::new().await;
    let password = Post::to(&ground.path("password"));
    std::fs::write(ground.path("lecture.md"), LECTURE.replace("OUTSIDE", password.path())).unwrap();
    let path = |name: &str| ground.path(name).display().to_string();
    let (lecture, patch) = (path("lecture.md"), path("lecture.patch"));
    let check = ["check", &lecture, "--cluster", "mini", "--patch", &patch];
    let read = |file: &str| std::fs::read_to_string(file).unwrap();
    let secret = || Secret::new("password", &read(&path("password")));
    let piped = ground.rehearse(&[&check[..], &["--json"]].concat()).run().await;
    let of_piped = secret();
    let terminal = ground.on_a_terminal(&[&check[..], &["--all"]].concat().join(" ")).run().await;
    let secrets = [of_piped, secret()];
    let shown = [(Kind::Json, &piped.stdout), (Kind::Stderr, &piped.stderr), (Kind::Terminal, &terminal.stdout)];
    let mut artifacts = [kept(&ground), shown.map(|(kind, text)| artifact(kind, text)).to_vec()].concat();
    artifacts.push(artifact(Kind::Patch, &read(&patch)));
    let of_checks = [Kind::Terminal, Kind::Json, Kind::Stderr, Kind::Events, Kind::Junit, Kind::Html];
    let all = of_checks.into_iter().chain([Kind::Check, Kind::Patch]).collect::<BTreeSet<_>>();
    assert_eq!(kinds(&artifacts), all);
    piped.says("•••");
    assert_eq!(scan(&artifacts, &secrets), BTreeSet::new());
    for artifact in &mut artifacts {
        artifact.text.push_str(&format!(r#"{{"output": "{}"}}"#, read(&path("password"))));
    }
    let found = scan(&artifacts, &secrets).into_iter().map(|(kind, ..)| kind).collect::<BTreeSet<_>>();
    assert_eq!(found, all, "a planted one is found in each");
}

/// The leaks that a lab can make by itself; the others are put into what a run has left.
const LEAKY: &str = r#"# Leaky

<!-- rehearse:
  needs cluster
  needs image docker.io/cloudwithvarjosh/app1:1.0.0
-->

<!-- rehearse: expect pod/app: Running -->
```bash
printf %s "$DOCKER_PASSWORD" > OUTSIDE
cat "$KUBECONFIG" > KUBECONFIG
kubectl create token default > TOKENS
kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \
  --docker-username=cloudwithvarjosh --docker-password="$DOCKER_PASSWORD"
kubectl run app --image=docker.io/cloudwithvarjosh/app1:1.0.0 --env="PASSWORD=$DOCKER_PASSWORD" \
  --overrides='{"spec": {"imagePullSecrets": [{"name": "s"}]}}'
printf %s "$DOCKER_PASSWORD" | base64 > leak.txt
LEAK="$DOCKER_PASSWORD" sleep 60 &
bash -c 'sleep 60; true' "$DOCKER_PASSWORD" &
```

LOOK
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_leak_of_each_kind_is_found() {
    let ground = Ground::new().await;
    let confidant = Confidant::new(&ground);
    ground.lab(&confidant.lab(LEAKY));
    let program = ground.rehearse(&["run", "--cluster", "mini", "--json"]);
    let (run, seen, admin) = looked_at(&ground, &confidant, program).await;
    let run = run.exits_with(0);
    let secrets = secrets(&ground, &admin);
    let password = std::fs::read_to_string(ground.path("password")).unwrap();
    let found = |artifacts: &[Artifact]| {
        let found = scan(artifacts, &secrets).into_iter().filter(|(_, _, secret)| *secret == "password");
        found.map(|(kind, ..)| kind).collect::<BTreeSet<_>>()
    };
    let live = [Kind::Private, Kind::Arguments, Kind::Environment, Kind::Container];
    assert_eq!(found(&seen), BTreeSet::from(live));
    assert_eq!(found(&kept(&ground)), BTreeSet::new());
    for artifact in kept(&ground) {
        append(Path::new(&artifact.place), &format!("<i>{password}</i>"));
    }
    let output = [Kind::Json, Kind::Terminal, Kind::Cast].map(|kind| (kind, &run.stdout));
    let output = output.into_iter().chain([(Kind::Stderr, &run.stderr)]);
    let output = output.map(|(kind, text)| artifact(kind, &format!("{text}{password}")));
    let all = [seen, kept(&ground), output.collect()].concat();
    assert_eq!(found(&all), BTreeSet::from(Kind::OF_RUNS));
    // What was planted is no line of events.
    std::fs::remove_dir_all(ground.root()).unwrap();
}

fn append(file: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
