//! What runs in a pod is reached through a lab's gateway: commands, files, ports. Streams pass as they are; what is printed
//! of them is in the lecture's names.

use crate::program::{Ground, kind_serves};

const LAB: &str = r#"# Streams

<!-- rehearse:
  needs cluster
  needs image docker.io/cloudwithvarjosh/app1:1.0.0
-->

<!-- rehearse: expect pod/app -n team: Running -->
```bash
kubectl create namespace team
kubectl create secret docker-registry s -n team --docker-server=https://index.docker.io/v1/ \
  --docker-username=cloudwithvarjosh --docker-password="$DOCKER_PASSWORD"
kubectl run app -n team --image=docker.io/cloudwithvarjosh/app1:1.0.0 --env=SPACE=web.team.svc.cluster.local \
  --overrides='{"spec": {"imagePullSecrets": [{"name": "s"}]}}'
```

```bash
kubectl exec -n team app -- cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo
kubectl exec -n team app -- sh -c 'echo $SPACE; hostname; exit 3' || echo $?
echo hello | kubectl exec -i -n team app -- tr a-z A-Z
```

```text
team
web.team.svc.cluster.local
app
3
HELLO
```

```bash
head -c 3000000 /dev/urandom > there.bin
kubectl cp there.bin team/app:/tmp/there.bin
kubectl cp team/app:/tmp/there.bin back.bin > /dev/null
cmp there.bin back.bin && echo same
```

```text
same
```

```bash
kubectl port-forward -n team pod/app :5000 > forward.log & forward=$!
port=; while [ -z "$port" ]; do port=$(sed -n 's/.*127.0.0.1:\([0-9]*\) ->.*/\1/p' forward.log); done
python3 -c "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:$port/').read().decode())"
kill $forward
```

```text
Hello, Docker!
```

<!-- rehearse: fails "NotFound" -->
```bash
kubectl exec -n team nobody -- true
```
"#;

async fn streams_on(cluster: &str) {
    let ground = Ground::new().await;
    ground.lab(LAB);
    let run = ground.rehearse(&["run", "--cluster", cluster, "--json"]).env("REHEARSAL_LABS", ground.labs());
    let run = run.run().await.exits_with(0);
    assert_eq!(run.events("lab.finished")[0]["verdict"], "reproduced", "{}", run.stdout);
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn pods_are_reached_on_mini() {
    streams_on("mini").await;
}

#[tokio::test]
async fn pods_are_reached_on_kind() {
    if kind_serves("streams::pods_are_reached_on_kind").await {
        streams_on("kind").await;
    }
}

/// A pod that runs, and does something else than the lab says.
const TALKS: &str = r#"# Talks

<!-- rehearse:
  needs cluster
  needs image docker.io/cloudwithvarjosh/app1:1.0.0
-->

<!-- rehearse:
  timeout 3s
  expect pod/app: Running, Completed
-->
```bash
kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \
  --docker-username=cloudwithvarjosh --docker-password="$DOCKER_PASSWORD"
kubectl run app --image=docker.io/cloudwithvarjosh/app1:1.0.0 \
  --overrides='{"spec": {"imagePullSecrets": [{"name": "s"}]}}' \
  --command -- sh -c 'echo said from within; sleep 60'
```
"#;

#[tokio::test]
async fn what_a_pod_has_logged_is_evidence() {
    let ground = Ground::new().await;
    ground.lab(TALKS);
    let run = ground.rehearse(&["run", "--cluster", "mini"]).env("REHEARSAL_LABS", ground.labs());
    let run = run.run().await.exits_with(1);
    run.says("pod/app has logged:").says("said from within");
    ground.nothing_is_left(1).await;
}
