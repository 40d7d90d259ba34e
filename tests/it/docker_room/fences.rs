//! The `docker` of fences: each lab's own images, and docker's words and exit codes.

use std::os::unix::fs::symlink;

use rehearsal::docker::Docker;
use rehearsal::exec::Tool;
use rehearsal::registry::{Client, Credentials, Endpoint, ImageRef};
use rehearsal::tools::docker::{LabDocker, Server, VARIABLE};
use serde_json::{Value, json};

use crate::post::Post;
use crate::program::{Ground, KeptStage};

/// Two labs that call their images alike: each builds its own while the other has, and gets it back from the registry.
fn alike(said: &str, meeting: &str) -> String {
    format!(
        r#"# {said}

<!-- rehearse: needs cluster -->
```bash
printf 'FROM python:3.9-slim\nCMD ["echo", "{said}"]\n' > Dockerfile
docker build -t ours/base:1 .
printf 'FROM ours/base:1\nENV X=1\n' > Dockerfile
docker build -t myapp:1 -t myapp:2 .
meet() {{ exec 3<>{meeting}; echo "$1" >&3; read -r go <&3; exec 3>&-; }}
meet built
echo "$DOCKER_PASSWORD" | docker login -u cloudwithvarjosh --password-stdin
```

<!-- rehearse: prints "1: digest: sha256:" -->
```bash
docker push myapp:1
meet pushed
```

```bash
docker images myapp
docker images -q ours/base:1 | grep -c .
```

```text
REPOSITORY   TAG
myapp        1
myapp        2
1
```

```bash
docker rmi myapp:1 myapp:2
docker run --rm myapp:1
```

```text
Untagged: myapp:1
...
Unable to find image 'myapp:1' locally
Status: Downloaded newer image for myapp:1
{said}
```

A pod finds what its lab has pushed.

<!-- rehearse: expect pod/web: Completed -->
```bash
docker tag myapp:1 ours/web:1
docker push ours/web:1
kubectl create secret docker-registry hub --docker-server=https://index.docker.io/v1/ \
  --docker-username=cloudwithvarjosh --docker-password="$DOCKER_PASSWORD"
kubectl run web --image=ours/web:1 --restart=Never --overrides='{{"spec":{{"imagePullSecrets":[{{"name":"hub"}}]}}}}'
```

```bash
kubectl logs web
```

```text
{said}
```
"#
    )
}

#[tokio::test]
async fn labs_side_by_side_that_call_images_alike_have_each_their_own_and_leave_none() {
    let ground = Ground::new().await;
    let meeting = Post::meeting();
    for (at, said) in [("7-left", "left"), ("8-right", "right")] {
        ground.lab_in(at, &alike(said, meeting.path()));
    }
    let rehearse = |args: &[&str]| ground.rehearse(args).env("REHEARSAL_LABS", ground.labs());
    let stage = KeptStage::brought_up(rehearse(&["up", "--cluster", "mini", "--json"])).await;
    for _ in 0..2 {
        let run = rehearse(&["run", "all", "--json"]).run().await.exits_with(0);
        assert_eq!(run.events("lab.finished").len(), 2);
        // A kept stage has what it had: nothing of theirs on the Engine, nothing in its registry.
        let begin = format!("{}/", stage.registry);
        let images = Docker::connect().await.unwrap().images().await.unwrap();
        let tags: Vec<_> =
            images.into_iter().flat_map(|image| image.tags).filter(|tag| tag.starts_with(&begin)).collect();
        assert_eq!(tags, [format!("{begin}cloudwithvarjosh/app1:1.0.0")]);
        for lab in [7, 8] {
            let image = format!("rehearsal/rehearsal-{}-lab{lab}-library-myapp:1", run.session());
            let mut handle = stage.handle.clone();
            handle["scope"] = json!(format!("{}-lab{lab}", run.session()));
            let pulled = docker(&ground, &handle, &[&["pull", &format!("docker.io/{image}")]]).await;
            assert!(pulled.told.contains("manifest unknown"), "{}", pulled.told);
        }
    }
    rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(3).await;
}

/// A lab's `cloudwithvarjosh/app1` is its own, though the stage has one of that name.
#[tokio::test]
async fn what_a_lab_has_built_and_pushed_is_gone_from_a_kept_stage_which_has_its_own_still() {
    let ground = Ground::new().await;
    let app = "cloudwithvarjosh/app1:1.0.0";
    let login = "echo \"$DOCKER_PASSWORD\" | docker login -u cloudwithvarjosh --password-stdin";
    let build = format!("echo FROM scratch > Dockerfile; echo ENV A=1 >> Dockerfile; docker build -t own:1 -t {app} .");
    ground.lab(&format!("# Own\n\n```bash\n{build}\n{login}\ndocker push own:1\ndocker push {app}\n```\n"));
    let rehearse = |args: &[&str]| ground.rehearse(args).env("REHEARSAL_LABS", ground.labs());
    let stage = KeptStage::brought_up(rehearse(&["up", "--cluster", "mini", "--json"])).await;
    let run = rehearse(&["run", "all", "--json"]).run().await.exits_with(0);
    run.says("the stage that is up");
    let mut handle = stage.handle;
    handle["scope"] = json!(format!("{}-lab7", run.session()));
    let left = docker(&ground, &handle, &[&["images"]]).await;
    assert_eq!(left.told.lines().count(), 1, "{}", left.told);
    for image in ["own:1", app] {
        let pulled = docker(&ground, &handle, &[&["pull", image]]).await;
        assert!(pulled.code == 1 && pulled.told.contains("manifest unknown"), "{}", pulled.told);
    }
    // What the stage serves under the name itself is what it has always served.
    let endpoint = Endpoint { host: handle["registry"].as_str().unwrap().into() };
    let image = ImageRef::parse(&format!("docker.io/{app}")).unwrap();
    let credentials = Credentials::new(handle["username"].as_str().unwrap(), handle["password"].as_str().unwrap());
    let session = Client::reaching(&endpoint).unwrap().session(endpoint, image, Some(credentials));
    assert_eq!(session.resolve().await.unwrap().digest, handle["app_digest"].as_str().unwrap());
    rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(2).await;
}

/// What came of the last of several calls.
struct Called {
    code: i32,
    told: String,
    /// What had been pushed until then.
    pushed: Vec<String>,
}

/// Our `docker` for a lab on a stage of this description, for one who has logged in.
async fn docker(ground: &Ground, handle: &Value, calls: &[&[&str]]) -> Called {
    let program = ground.path("docker");
    let _ = symlink(env!("CARGO_BIN_EXE_rehearse"), &program);
    let server = Server::start(LabDocker {
        handle: serde_json::from_value(handle.clone()).unwrap(),
        docker: Docker::connect().await.unwrap(),
        folder: ground.dir.path().into(),
        config: ground.path("config.json"),
        pushes: Box::new(|_| {}),
    });
    let server = server.await.unwrap();
    let login = ["login", "-u", handle["username"].as_str().unwrap(), "-p", handle["password"].as_str().unwrap()];
    let mut called = Called { code: 0, told: String::new(), pushed: Vec::new() };
    for args in [&login[..]].iter().chain(calls) {
        let tool = Tool::new(&program).args(*args).env(VARIABLE, server.place()).cwd(ground.dir.path());
        let tool = tool.run().await.unwrap();
        (called.code, called.told) = (tool.code, tool.stdout + &tool.stderr);
    }
    called.pushed = server.take_pushed();
    server.close().await;
    called
}

#[tokio::test]
async fn where_a_registry_of_the_users_plays_the_hub_its_name_is_as_good() {
    let ground = Ground::new().await;
    let KeptStage { registry, password, mut handle, .. } = ground.up().await;
    let refused = docker(&ground, &handle, &[&["logout", &registry]]).await;
    let why = format!("error: {registry} is not played: the stage's registry stands for docker.io only\n");
    assert_eq!((refused.code, refused.told), (1, why));
    handle["remote"] = json!({"host": registry, "path": "team"});
    handle["scope"] = json!("a-run-lab1");
    for server in [registry.clone(), format!("https://{registry}/"), "https://index.docker.io/v1/".to_owned()] {
        let login = ["login", "-u", "cloudwithvarjosh", "-p", &password, &server];
        let login = docker(&ground, &handle, &[&login]).await;
        assert_eq!((login.code, login.told.as_str()), (0, "Login Succeeded\n"), "{server}");
    }
    let other = docker(&ground, &handle, &[&["login", "-u", "a", "-p", "b", "ghcr.io"]]).await;
    assert!(other.code == 1 && other.told.contains("ghcr.io is not played"), "{}", other.told);
    // What the lab does not need goes below the given folder, as what it needs does.
    let folder = ground.path("context");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("Dockerfile"), "FROM scratch\nENV A=1\n").unwrap();
    let outside = docker(&ground, &handle, &[&["build", "-t", "ann/app:2", "/etc"]]).await;
    assert!(outside.code == 1 && outside.told.contains("out of the lab's folder"), "{}", outside.told);
    let build = ["build", "-t", "ann/app:1", "context"];
    let built = docker(&ground, &handle, &[&build]).await;
    assert_eq!(built.code, 0, "{}", built.told);
    let pushed = docker(&ground, &handle, &[&build, &["push", "ann/app:1"]]).await;
    let told = pushed.told.contains("[docker.io/ann/app]\n1: digest: sha256:");
    assert!(pushed.code == 0 && told, "{}", pushed.told);
    assert_eq!(pushed.pushed, [format!("{registry}/team/rehearsal-a-run-lab1-ann-app:1")]);
    let listed = docker(&ground, &handle, &[&build, &["images"]]).await.told;
    assert!(listed.contains("\nann/app      1         ") && !listed.contains("cloudwithvarjosh"), "{listed}");
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(1).await;
}

/// docker 28's words, its streams and exit codes, against an Engine.
const WORDS: &str = r#"# Words

```bash
says() { # CODE WORDS COMMAND...
  local code=0 words; words=$("${@:3}" 2>&1 >/dev/null) || code=$?
  [ "$code $words" = "$1 $2" ] || { echo "$*: $code $words"; exit 9; }
}
daemon="Error response from daemon:"
says 1 "$daemon No such container: nosuch" docker rm nosuch
says 0 "$daemon No such container: nosuch" docker rm -f nosuch
says 1 "$daemon No such container: nosuch" docker stop nosuch
says 1 "$daemon No such container: nosuch" docker logs nosuch
says 1 "$daemon No such container: nosuch" docker port nosuch
says 1 "$daemon No such container: nosuch" docker exec nosuch true
says 1 "$daemon No such image: nosuch:latest" docker rmi nosuch
says 0 "$daemon No such image: nosuch:1" docker rmi -f nosuch:1
says 1 "$daemon No such image: nosuch:1" docker tag nosuch:1 b:1
says 1 "Error: No such object: nosuch" docker inspect nosuch
says 1 "An image does not exist locally with the tag: nosuch" docker push nosuch:1
docker run -d --memory 1g x 2>&1 | grep -x "unknown flag: --memory" || true
printf 'FROM python:3.9-slim\nARG GIVEN=default\nARG NONE=default\nENV GIVEN=$GIVEN NONE=$NONE\n' > Dockerfile
export GIVEN=env
docker build --build-arg GIVEN --build-arg NONE -t words:1 . > /dev/null 2>&1
printenv='echo $GIVEN $NONE $HERE; echo err >&2; exit 7'
code=0; HERE=here docker run --rm -e HERE -e NONE words:1 sh -c "$printenv" || code=$?
echo "exit $code"
id=$(docker run -d --name web -p 127.0.0.1::80 words:1 sh -c 'echo started; exec sleep 100')
until docker logs web | grep started; do sleep 0.1; done
docker ps | grep -o ' web$'
docker inspect web | grep -o '"Name": "/web"'
docker exec "$id" sh -c 'echo inside; exit 3' || echo "exit $?"
echo piped | docker exec -i web cat
docker exec -it web sh || echo "exit $?"
docker rm web 2>&1 | grep -o "You cannot remove a running container" || true
docker run -d --name web words:1 2>&1 | grep -o 'docker: Error response from daemon: Conflict. The container name "/web"' || true
docker stop -t 0 "${id:0:12}" | grep -c .
docker rm web
docker run -d --rm --name gone words:1 true > /dev/null
until [ -z "$(docker ps -aq)" ]; do sleep 0.1; done
```

```text
unknown flag: --memory
env default here
err
exit 7
started
 web
"Name": "/web"
inside
exit 3
piped
the input device is not a TTY
exit 1
You cannot remove a running container
docker: Error response from daemon: Conflict. The container name "/web"
1
web
```
"#;

#[tokio::test]
async fn docker_in_fences_says_what_docker_says() {
    let ground = Ground::new().await;
    ground.lab(WORDS);
    ground.play(&[]).run().await.exits_with(0);
    ground.nothing_is_left(1).await;
}
