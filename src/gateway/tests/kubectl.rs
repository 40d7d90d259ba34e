//! A real kubectl through a gateway: what it prints is what it prints on a cluster of the lab's own.

use super::*;
use crate::mini::tests::kubectl::kubectl;
use crate::registry::Credentials;

const IMAGE: &str = "docker.io/o/app:1";

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: mypod
spec:
  containers:
  - name: app
    image: o/app:1
    args: [http://web.demo.svc:80]
  imagePullSecrets:
  - name: regcred
";

/// Arguments, exit code, what is printed among other things. Played in order.
const PLAYED: &[(&str, i32, &str)] = &[
    ("get ns", 0, "NAME              STATUS   AGE\ndefault           Active"),
    ("create ns demo", 0, "namespace/demo created"),
    ("create ns demo", 1, "Error from server (AlreadyExists): namespaces \"demo\" already exists"),
    ("create ns default", 1, "namespaces \"default\" already exists"),
    ("delete ns default", 1, "namespaces \"default\" is forbidden: this namespace may not be deleted"),
    ("get ns demo", 0, "NAME   STATUS   AGE\ndemo   Active   "),
    (
        "get ns -o name",
        0,
        "namespace/default\nnamespace/demo\nnamespace/kube-node-lease\nnamespace/kube-public\nnamespace/kube-system\n",
    ),
    ("get ns -l kubernetes.io/metadata.name=demo -o name", 0, "namespace/demo\n"),
    ("get ns --field-selector metadata.name=demo -o name", 0, "namespace/demo\n"),
    ("get ns demo --show-labels", 0, "kubernetes.io/metadata.name=demo\n"),
    ("get ns nope", 1, "Error from server (NotFound): namespaces \"nope\" not found"),
    ("-n nope apply -f {pod}", 1, "namespaces \"nope\" not found"),
    ("wait --for=create sa/default --timeout=10s", 0, "serviceaccount/default condition met"),
    ("-n demo wait --for=create sa/default --timeout=10s", 0, "serviceaccount/default condition met"),
    (
        "-n demo create secret docker-registry regcred --docker-username=o --docker-password=right",
        0,
        "secret/regcred created",
    ),
    ("-n demo get secret regcred -o jsonpath={.metadata.namespace}", 0, "demo"),
    ("-n demo create sa app1-sa", 0, "serviceaccount/app1-sa created"),
    (
        "-n demo patch sa default -p {\"imagePullSecrets\":[{\"name\":\"regcred\"}]}",
        0,
        "serviceaccount/default patched\n",
    ),
    ("-n demo apply -f {pod}", 0, "pod/mypod created"),
    ("-n demo wait --for=condition=Ready pod/mypod --timeout=30s", 0, "pod/mypod condition met"),
    ("-n demo apply -f {pod}", 0, "pod/mypod unchanged"),
    ("-n demo diff -f {pod}", 0, ""),
    (
        "-n demo get pod mypod -o jsonpath={.spec.containers[0].image}|{.spec.containers[0].args[0]}",
        0,
        "o/app:1|http://web.demo.svc:80",
    ),
    ("-n demo get pods", 0, "NAME    READY   STATUS    RESTARTS   AGE\nmypod   1/1     Running   0          "),
    (
        "get pods -A",
        0,
        "NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE\ndemo        mypod   1/1     Running   0          ",
    ),
    ("-n demo describe pod mypod", 0, "Successfully pulled image \"o/app:1\""),
    ("-n demo describe pod mypod", 0, "Namespace:        demo\n"),
    ("-n demo get events", 0, "Normal   Scheduled   pod/mypod   Successfully assigned demo/mypod to mini"),
    ("-n demo logs mypod", 0, "started"),
    ("-n demo logs nope", 1, "pods \"nope\" not found in namespace \"demo\""),
    ("-n demo exec mypod -- id", 1, "error executing command in container"),
    (
        "-n demo get pods --as=system:serviceaccount:demo:app1-sa",
        1,
        "User \"system:serviceaccount:demo:app1-sa\" cannot list resource \"pods\" in API group \"\" in the namespace \"demo\"",
    ),
    ("-n demo create role r --verb=list --resource=pods", 0, "role.rbac.authorization.k8s.io/r created"),
    (
        "-n demo create rolebinding b --role=r --serviceaccount=demo:app1-sa",
        0,
        "rolebinding.rbac.authorization.k8s.io/b created",
    ),
    ("-n demo get rolebinding b -o jsonpath={.subjects[0].namespace}", 0, "demo"),
    ("-n demo auth can-i list pods --as=system:serviceaccount:demo:app1-sa", 0, "yes"),
    ("auth can-i list pods --as=system:serviceaccount:demo:app1-sa", 1, "no"),
    ("-n demo get pods -o name --as=system:serviceaccount:demo:app1-sa", 0, "pod/mypod"),
    (
        "create clusterrole reader --verb=list --resource=pods",
        0,
        "clusterrole.rbac.authorization.k8s.io/reader created",
    ),
    (
        "create clusterrole view --verb=list --resource=pods",
        1,
        "clusterroles.rbac.authorization.k8s.io \"view\" already exists",
    ),
    ("get clusterrole reader -o name", 0, "clusterrole.rbac.authorization.k8s.io/reader"),
    (
        "create clusterrolebinding readers --clusterrole=reader --serviceaccount=demo:app1-sa",
        0,
        "clusterrolebinding.rbac.authorization.k8s.io/readers created",
    ),
    ("get clusterrolebinding readers -o jsonpath={.roleRef.name}", 0, "reader"),
    ("auth can-i list pods --as=system:serviceaccount:demo:app1-sa", 0, "yes"),
    ("-n kube-system get pods", 0, "No resources found in kube-system namespace."),
    ("-n demo apply --server-side --dry-run=server -f {pod}", 0, "pod/mypod serverside-applied (server dry run)"),
    ("-n demo annotate pod mypod a=b", 0, "pod/mypod annotated"),
    (
        "-n demo patch pod mypod --type=json -p [{\"op\":\"test\",\"path\":\"/metadata/namespace\",\"value\":\"demo\"},{\"op\":\"add\",\"path\":\"/metadata/annotations/c\",\"value\":\"d\"}]",
        0,
        "pod/mypod patched",
    ),
    ("-n demo create configmap c --from-literal=host=web.default.svc", 0, "configmap/c created"),
    ("-n demo get configmap c -o jsonpath={.data.host}", 0, "web.default.svc"),
    ("-n demo delete pod mypod --timeout=30s", 0, "pod \"mypod\" deleted"),
    ("delete ns demo --timeout=30s", 0, "namespace \"demo\" deleted"),
    ("get ns demo", 1, "Error from server (NotFound): namespaces \"demo\" not found"),
    ("create ns abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz", 1, "must be no more than 46 characters"),
    ("label node mini a=b", 1, "nodes \"mini\" is forbidden: it changes the cluster beyond the lab's own namespaces"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_prints_what_it_prints_on_a_cluster_of_the_labs_own() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::start().await;
    let played = Names::new(ID).with_image(IMAGE).image(IMAGE);
    cluster.runtime.serve(&played, Some(Credentials::new("o", "right")));
    let other = cluster.lab(Names::new("rehearsal-s-lab10"), Reach::Ours { alone: false }).await.0;
    send(&other.client(), Method::POST, "/api/v1/namespaces", &json!({"metadata": {"name": "demo"}})).await;
    let (gateway, told) = cluster.lab(Names::new(ID).with_image(IMAGE), Reach::Ours { alone: false }).await;
    let (kubeconfig, pod) = (dir.path().join("kubeconfig"), dir.path().join("pod.yaml"));
    std::fs::write(&kubeconfig, gateway.kubeconfig()).unwrap();
    std::fs::write(&pod, POD).unwrap();
    let mut wrong = vec![];
    for (line, code, expected) in PLAYED {
        let args: Vec<String> = line.split(' ').map(|arg| arg.replace("{pod}", pod.to_str().unwrap())).collect();
        let output = kubectl(&args, &kubeconfig).await;
        let printed = format!("{}{}", output.stdout, output.stderr);
        if output.code != *code || !printed.contains(expected) || printed.contains(ID) {
            wrong.push(format!("kubectl {line}: {} instead of {code}\n{printed}", output.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(gateway.needs_alone().as_deref(), Some("patch nodes mini"));
    let made = ["clusterroles/rehearsal-s-lab1-reader", "clusterrolebindings/rehearsal-s-lab1-readers"];
    assert_eq!(gateway.made(), made.map(|made| format!("/apis/rbac.authorization.k8s.io/v1/{made}")));
    let told = told.lock().unwrap().clone();
    let created = told.iter().find(|request| request.verb == "create" && request.resource == "secrets").unwrap();
    assert_eq!((created.namespace.as_str(), created.name.as_str(), created.code), ("demo", "regcred", 201));
    // The other lab's namespace of the same name is there still.
    let (code, _) = send(&other.client(), Method::GET, "/api/v1/namespaces/demo", &Value::Null).await;
    assert_eq!(code, 200);
    gateway.close().await;
    other.close().await;
    cluster.mini.close().await;
}
