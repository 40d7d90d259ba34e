//! A real kubectl against the whole of mini. Commands are the record's; what must be printed is the part of it that
//! does not depend on kubectl's own version.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::exec::{Output, Tool};
use crate::mini::{Mini, MiniOptions};
use crate::registry::Credentials;

const IMAGE: &str = "localhost:5001/cloudwithvarjosh/app1:1.0.0";

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: mypod
spec:
  containers:
  - name: app
    image: localhost:5001/cloudwithvarjosh/app1:1.0.0
  imagePullSecrets:
  - name: regcred
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app1
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app1
  template:
    metadata:
      labels:
        app: app1
    spec:
      terminationGracePeriodSeconds: 0
      imagePullSecrets:
      - name: regcred
      containers:
      - name: app1
        image: localhost:5001/cloudwithvarjosh/app1:1.0.0
";

const UPDATE_REFUSED: &str = "The Pod \"mypod\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Arguments, exit code, and what is printed among other things. `{x}` is a file of [`files`]. Played in order.
const PLAYED: &[(&str, i32, &str)] = &[
    ("create ns demo", 0, "namespace/demo created"),
    ("create ns demo", 1, "Error from server (AlreadyExists): namespaces \"demo\" already exists"),
    (
        "create namespace Demo_1",
        1,
        "The Namespace \"Demo_1\" is invalid: metadata.name: Invalid value: \"Demo_1\": a lowercase RFC 1123 label must consist of",
    ),
    ("get ns demo", 0, "NAME   STATUS   AGE\ndemo   Active   "),
    ("get ns nope", 1, "Error from server (NotFound): namespaces \"nope\" not found"),
    ("-n demo get pods", 0, "No resources found in demo namespace."),
    ("-n nope apply -f {pod}", 1, "Error from server (NotFound): error when creating"),
    ("-n demo wait --for=create sa/default --timeout=10s", 0, "serviceaccount/default condition met"),
    ("-n demo get sa", 0, "NAME      AGE\ndefault   "),
    (
        "-n demo create secret docker-registry regcred --docker-server=localhost:5001 --docker-username=varjosh --docker-password=right",
        0,
        "secret/regcred created",
    ),
    (
        "-n demo create secret docker-registry regcred --docker-server=localhost:5001 --docker-username=varjosh --docker-password=right",
        1,
        "error: failed to create secret secrets \"regcred\" already exists",
    ),
    ("-n demo get secret", 0, "regcred   kubernetes.io/dockerconfigjson   1      "),
    ("-n demo describe secret regcred", 0, ".dockerconfigjson:  "),
    ("-n demo create sa app1-sa", 0, "serviceaccount/app1-sa created"),
    (
        "-n demo patch serviceaccount default -p {\"imagePullSecrets\":[{\"name\":\"regcred\"}]}",
        0,
        "serviceaccount/default patched\n",
    ),
    (
        "-n demo patch serviceaccount default -p {\"imagePullSecrets\":[{\"name\":\"regcred\"}]}",
        0,
        "serviceaccount/default patched (no change)",
    ),
    (
        "-n demo patch sa default -p {\"imagePullSecrets\":\"regcred\"}",
        1,
        "The request is invalid: patch: Invalid value: \"map[imagePullSecrets:regcred]\": cannot restore slice from string",
    ),
    (
        "-n demo patch sa default -p {bad",
        1,
        "Error from server (BadRequest): invalid character 'b' looking for beginning of object key string",
    ),
    ("-n demo describe sa default", 0, "Image pull secrets:  regcred"),
    (
        "-n demo patch sa default --type=json -p [{\"op\":\"remove\",\"path\":\"/imagePullSecrets\"}]",
        0,
        "serviceaccount/default patched",
    ),
    ("-n demo apply -f {pod}", 0, "pod/mypod created"),
    ("-n demo wait --for=condition=Ready pod/mypod --timeout=30s", 0, "pod/mypod condition met"),
    ("-n demo get pods", 0, "NAME    READY   STATUS    RESTARTS   AGE\nmypod   1/1     Running   0          "),
    ("-n demo get pod/mypod -o name", 0, "pod/mypod\n"),
    ("-n demo get pods -o custom-columns=SEC:.spec.imagePullSecrets[*].name", 0, "SEC\nregcred\n"),
    ("-n demo apply -f {pod}", 0, "pod/mypod unchanged"),
    ("-n demo apply -f {renamed-secret}", 1, UPDATE_REFUSED),
    ("-n demo apply -f {typo}", 1, "strict decoding error: unknown field \"spec.imagePullSecretz\""),
    ("-n demo create -f {pod}", 1, "pods \"mypod\" already exists"),
    ("-n demo describe pod mypod", 0, "Successfully pulled image \"localhost:5001/cloudwithvarjosh/app1:1.0.0\""),
    ("-n demo get events", 0, "Normal   Scheduled   pod/mypod   Successfully assigned demo/mypod to mini"),
    ("-n demo logs mypod", 0, "started"),
    ("-n demo logs nope", 1, "pods \"nope\" not found in namespace \"demo\""),
    ("-n demo exec nope -- id", 1, "Error from server (NotFound): pods \"nope\" not found"),
    (
        "-n demo exec mypod -- id",
        1,
        "error: Internal error occurred: Internal error occurred: error executing command in container:",
    ),
    ("-n demo get all", 0, "NAME        READY   STATUS    RESTARTS   AGE\npod/mypod   1/1     Running   0          "),
    ("-n demo create service clusterip s --tcp=80", 1, "mini does not run services"),
    (
        "get svc",
        0,
        "NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\nkubernetes   ClusterIP   10.96.0.1    <none>        443/TCP   ",
    ),
    ("get foo", 1, "error: the server doesn't have a resource type \"foo\""),
    ("-n demo create token default -o jsonpath={.kind}{\"\\n\"}", 0, "TokenRequest\n"),
    ("auth can-i get pods --as=bob", 1, "no"),
    (
        "-n demo get pods --as=bob",
        1,
        "Error from server (Forbidden): pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"demo\"",
    ),
    ("explain pod.spec.imagePullSecrets.name", 0, "FIELD: name <string>"),
    ("-n demo apply --server-side --dry-run=server -f {pod}", 0, "pod/mypod serverside-applied (server dry run)"),
    ("-n demo edit sa default", 0, "serviceaccount/default edited"),
    ("-n demo get sa default -o jsonpath={.imagePullSecrets}{\"\\n\"}", 0, "[{\"name\":\"regcred\"}]"),
    ("-n demo create role r --verb=get --resource=pods", 0, "role.rbac.authorization.k8s.io/r created"),
    ("-n demo create configmap c --from-literal=a=b", 0, "configmap/c created"),
    ("-n demo run hopeless --image=localhost:5001/none:1", 0, "pod/hopeless created"),
    (
        "-n demo wait --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImagePull pod/hopeless --timeout=30s",
        0,
        "pod/hopeless condition met",
    ),
    ("-n demo logs hopeless", 1, "container \"hopeless\" in pod \"hopeless\" is waiting to start: "),
    ("-n demo delete pod mypod hopeless --timeout=30s", 0, "pod \"mypod\" deleted"),
    ("-n demo delete secret nope", 1, "Error from server (NotFound): secrets \"nope\" not found"),
    ("delete ns demo --timeout=30s", 0, "namespace \"demo\" deleted"),
    ("get ns demo", 1, "Error from server (NotFound): namespaces \"demo\" not found"),
];

/// A Deployment's life, as the records of a real cluster tell it.
const ROLLED_OUT: &[(&str, i32, &str)] = &[
    ("apply -f {deployment}", 0, "deployment.apps/app1 created"),
    (
        "rollout status deploy/app1 --watch=false",
        0,
        "Waiting for deployment \"app1\" rollout to finish: 0 of 2 updated replicas are available...",
    ),
    ("rollout history deploy/app1", 0, "deployment.apps/app1 \nREVISION  CHANGE-CAUSE\n1         <none>\n"),
    (
        "wait --for=condition=Available deploy/app1 --timeout=1s",
        1,
        "error: timed out waiting for the condition on deployments/app1",
    ),
    (
        "create secret docker-registry regcred --docker-server=localhost:5001 --docker-username=varjosh --docker-password=right",
        0,
        "secret/regcred created",
    ),
    ("rollout status deploy/app1 --timeout=30s", 0, "deployment \"app1\" successfully rolled out"),
    ("get deploy", 0, "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\napp1   2/2     2            2           "),
    ("get rs", 0, "DESIRED   CURRENT   READY   AGE\n"),
    ("get deploy -o wide", 0, "CONTAINERS   IMAGES                                       SELECTOR\n"),
    ("get deploy -o wide", 0, "app1         localhost:5001/cloudwithvarjosh/app1:1.0.0   app=app1"),
    (
        "describe deploy app1",
        0,
        "Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable",
    ),
    (
        "describe deploy app1",
        0,
        "Available      True    MinimumReplicasAvailable\n  Progressing    True    NewReplicaSetAvailable",
    ),
    ("describe deploy app1", 0, "(2/2 replicas created)"),
    ("describe deploy app1", 0, "deployment-controller  Scaled up replica set app1-"),
    (
        "describe rs",
        0,
        "Controlled By:  Deployment/app1\nReplicas:       2 current / 2 desired\nPods Status:    2 Running / 0 Waiting / 0 Succeeded / 0 Failed",
    ),
    ("describe rs", 0, "replicaset-controller  Created pod: app1-"),
    ("logs deploy/app1", 0, "started"),
    ("set image deploy/app1 app1=localhost:5001/cloudwithvarjosh/app1:9.9.9", 0, "deployment.apps/app1 image updated"),
    (
        "rollout status deploy/app1 --timeout=1s",
        1,
        "Waiting for deployment \"app1\" rollout to finish: 1 out of 2 new replicas have been updated...\nerror: timed out waiting for the condition",
    ),
    (
        "rollout undo deploy/app1",
        0,
        "deployment.apps/app1 rolled back\nWarning: resource deployments/app1 was previously managed with 'kubectl apply'.",
    ),
    ("rollout status deploy/app1 --timeout=30s", 0, "deployment \"app1\" successfully rolled out"),
    ("rollout history deploy/app1", 0, "2         <none>\n3         <none>\n"),
    ("rollout undo deploy/app1 --to-revision=1", 1, "error: unable to find specified revision 1 in history"),
    (
        "rollout undo deploy/app1 --to-revision=3",
        0,
        "deployment.apps/app1 skipped rollback (current template already matches revision 3)",
    ),
    ("rollout pause deploy/app1", 0, "deployment.apps/app1 paused"),
    ("rollout pause deploy/app1", 1, "error: deployments.apps \"app1\" is already paused"),
    (
        "rollout restart deploy/app1",
        1,
        "error: deployments.apps \"app1\" can't restart paused deployment (run rollout resume first)",
    ),
    ("scale deploy/app1 --replicas=3", 0, "deployment.apps/app1 scaled"),
    ("rollout resume deploy/app1", 0, "deployment.apps/app1 resumed"),
    ("rollout restart deploy/app1", 0, "deployment.apps/app1 restarted"),
    ("rollout status deploy/app1 --timeout=30s", 0, "deployment \"app1\" successfully rolled out"),
    ("get deploy app1 -o jsonpath={.spec.template.metadata.annotations}", 0, "kubectl.kubernetes.io/restartedAt"),
    ("scale deploy/app1 --replicas=1 --current-replicas=2", 1, "error: Expected replicas to be 2, was 3"),
    ("apply -f {deployment}", 0, "deployment.apps/app1 configured"),
    ("get rs -o jsonpath={.items[*].metadata.ownerReferences[*].kind}", 0, "Deployment Deployment Deployment"),
    ("delete deploy app1 --cascade=foreground --timeout=30s", 0, "deployment.apps \"app1\" deleted"),
    ("get deploy,rs,pods", 0, "No resources found in default namespace."),
    (
        "create deployment made --image=localhost:5001/cloudwithvarjosh/app1:1.0.0 --port=80",
        0,
        "deployment.apps/made created",
    ),
    ("create job made --image=localhost:5001/none:1 -- python", 0, "job.batch/made created"),
    ("get job", 0, "NAME   STATUS    COMPLETIONS   DURATION   AGE\nmade   Running   0/1           "),
    ("describe job made", 0, "Pods Statuses:    1 Active (0 Ready) / 0 Succeeded / 0 Failed"),
    ("delete job,deploy made --timeout=30s", 0, "deployment.apps \"made\" deleted"),
    ("run target --image=localhost:5001/none:1", 0, "pod/target created"),
    ("debug target --image=localhost:5001/other:1 -c dbg --attach=false", 0, ""),
    (
        "wait --for=jsonpath={.status.ephemeralContainerStatuses[0].state.waiting.reason}=ErrImagePull pod/target --timeout=30s",
        0,
        "pod/target condition met",
    ),
    (
        "debug target --image=localhost:5001/other:1 -c target --attach=false",
        1,
        "spec.ephemeralContainers[1].name: Duplicate value: \"target\"",
    ),
    ("debug target --copy-to=copy --image=localhost:5001/other:1 --attach=false", 0, ""),
    ("delete pod target copy --timeout=30s", 0, "pod \"copy\" deleted"),
    ("delete deploy nosuch", 1, "Error from server (NotFound): deployments.apps \"nosuch\" not found"),
];

fn files(dir: &Path) -> Vec<(&'static str, String)> {
    let manifests = [
        ("{pod}", POD.to_owned()),
        ("{renamed-secret}", POD.replace("regcred", "other")),
        ("{deployment}", DEPLOYMENT.to_owned()),
        ("{typo}", POD.replace("imagePullSecrets", "imagePullSecretz")),
    ];
    let write = |(name, text): (&'static str, String)| {
        let path = dir.join(format!("{}.yaml", name.trim_matches(['{', '}'])));
        std::fs::write(&path, text).unwrap();
        (name, path.to_str().unwrap().to_owned())
    };
    manifests.map(write).into()
}

/// The kubectl that `make setup` has found or fetched; without one the test fails.
pub(crate) async fn kubectl(args: &[String], kubeconfig: &Path) -> Output {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/kubectl");
    let found = if fetched.exists() { fetched.into() } else { "kubectl".into() };
    let program = std::env::var_os("REHEARSAL_KUBECTL").unwrap_or(found);
    let editor = r#"sed -i "$ a imagePullSecrets:\n- name: regcred""#;
    let cache = kubeconfig.with_extension("cache");
    let tool = Tool::new(program)
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .env("KUBE_EDITOR", editor)
        .env("KUBECACHEDIR", cache);
    tool.timeout(Duration::from_secs(40)).run().await.expect("`make setup` gets kubectl")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_prints_what_it_prints_against_a_real_cluster() {
    play(PLAYED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_rolls_out_as_on_a_real_cluster() {
    play(ROLLED_OUT).await;
}

async fn play(lines: &[(&str, i32, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let runtime = Arc::new(NullRuntime::new());
    runtime.serve(IMAGE, Some(Credentials::new("varjosh", "right")));
    let version = Version { major: 1, minor: 36 };
    let options = MiniOptions { node_name: "mini".into(), version, timelapse: 10.0, runtime };
    let mini = Mini::start(options).await.unwrap();
    let kubeconfig = dir.path().join("kubeconfig");
    std::fs::write(&kubeconfig, mini.kubeconfig()).unwrap();
    let mut wrong = vec![];
    for (line, code, expected) in lines {
        let args = line
            .split(' ')
            .map(|arg| files.iter().find(|(name, _)| *name == arg).map_or(arg, |(_, path)| path).to_owned());
        let output = kubectl(&args.collect::<Vec<_>>(), &kubeconfig).await;
        let printed = format!("{}{}", output.stdout, output.stderr);
        if output.code != *code || !printed.contains(expected) {
            wrong.push(format!("kubectl {line}: {} instead of {code}\n{printed}", output.code));
        }
    }
    mini.close().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
