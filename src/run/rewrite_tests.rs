use std::path::Path;

use super::*;
use crate::script::{Step, load_all};

fn labs() -> Vec<Lab> {
    load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")).unwrap()
}

fn shared(lab: u32) -> Scope {
    Scope { id: format!("rehearsal-s-lab{lab}"), elsewhere: None }
}

fn remote(lab: u32) -> Scope {
    let elsewhere = Elsewhere {
        host: "ghcr.io".into(),
        path: "team/x".into(),
        username: "robot$ci".into(),
        lecture_username: "cloudwithvarjosh".into(),
    };
    Scope { elsewhere: Some(elsewhere), ..shared(lab) }
}

/// A lab with the given fences: a name makes a file of it.
fn lab(fences: &[(&str, &str)]) -> Lab {
    let step = |(index, (name, text)): (usize, &(&str, &str))| Step {
        line: index + 1,
        heading: String::new(),
        action: match *name {
            "" => Action::Shell((*text).into()),
            name => Action::File { name: name.into(), contents: (*text).into() },
        },
        checks: Vec::new(),
        timeout: Step::DEFAULT_TIMEOUT,
        skip: None,
    };
    let needs = vec![Need::Cluster, Need::Image("docker.io/cloudwithvarjosh/app1:1.0.0".into())];
    let steps = fences.iter().enumerate().map(step).collect();
    Lab { id: 1, slug: "x".into(), title: "x".into(), path: "x".into(), needs, steps }
}

#[test]
fn every_lab_is_confined_and_nothing_of_the_lectures_names_reaches_the_cluster() {
    for lab in labs() {
        for scope in [shared(lab.id), remote(lab.id)] {
            let names = Names::of(&lab, &scope).unwrap();
            for step in &lab.steps {
                let (Action::Shell(text) | Action::File { contents: text, .. }) = &step.action;
                let played = match &step.action {
                    Action::Shell(script) => names.forward(script),
                    Action::File { name, contents } => names.forward_file(name, contents),
                };
                let bare = played.replace("rehearsal-s-lab2-app1-ns", "").replace("rehearsal-s-lab3-app1-ns", "");
                assert!(!bare.contains("app1-ns"), "{played}");
                assert!(!bare.contains("cloudwithvarjosh/app1"), "{played}");
                assert_eq!(bare.contains("index.docker.io"), scope.elsewhere.is_none() && text.contains("index."));
            }
        }
    }
}

#[test]
fn fences_as_they_are_played() {
    let labs = labs();
    let played = |id: u32, scope: Scope| {
        let lab = labs.iter().find(|lab| lab.id == id).unwrap();
        let names = Names::of(lab, &scope).unwrap();
        let texts = lab.steps.iter().map(|step| match &step.action {
            Action::Shell(text) => names.forward(text),
            Action::File { name, contents } => names.forward_file(name, contents),
        });
        format!("{}\n\n{}", names.notes().join("\n"), texts.collect::<Vec<_>>().join("---\n"))
    };
    insta::assert_snapshot!("lab-2-beside-others", played(2, shared(2)));
    insta::assert_snapshot!("lab-1-elsewhere", played(1, remote(1)));
    insta::assert_snapshot!("lab-0-elsewhere", played(0, remote(0)));
}

#[test]
fn default_is_a_namespace_only_where_nothing_else_can_be_meant() {
    let names = Names::of(&lab(&[("", "kubectl get pods")]), &shared(1)).unwrap();
    for (text, played) in [
        ("kubectl patch serviceaccount default -n default", "kubectl patch serviceaccount default -n rehearsal-s-lab1"),
        ("kubectl get sa default --namespace=default", "kubectl get sa default --namespace=rehearsal-s-lab1"),
        (
            "kubectl get pods --as system:serviceaccount:default:default",
            "kubectl get pods --as system:serviceaccount:rehearsal-s-lab1:default",
        ),
        (
            "kubectl create rolebinding r --role=x --serviceaccount=default:default",
            "kubectl create rolebinding r --role=x --serviceaccount=rehearsal-s-lab1:default",
        ),
        ("kubectl describe ns default", "kubectl describe ns rehearsal-s-lab1"),
        ("kubectl wait --for=create serviceaccount/default", "kubectl wait --for=create serviceaccount/default"),
        ("curl http://web.default.svc/", "curl http://web.rehearsal-s-lab1.svc/"),
        ("curl https://kubernetes.default.svc/", "curl https://kubernetes.default.svc/"),
    ] {
        assert_eq!(names.forward(text), played);
    }
    for (text, played) in [
        ("  namespace: default\n", "  namespace: rehearsal-s-lab1\n"),
        (r#"{"namespace": "default"}"#, r#"{"namespace": "rehearsal-s-lab1"}"#),
        ("serviceAccountName: default", "serviceAccountName: default"),
    ] {
        assert_eq!(names.forward_file("x.yaml", text), played);
    }
}

/// A lab's names with these namespaces, which it creates, and a service `web`.
fn with(namespaces: &str) -> Names {
    let creates: String = namespaces.split(' ').map(|ns| format!("kubectl create ns {ns}\n")).collect();
    Names::of(&lab(&[("", &creates), ("", "kubectl expose deploy web --port 80")]), &shared(1)).unwrap()
}

#[test]
fn a_name_is_rewritten_only_where_it_can_be_nothing_but_a_namespaces() {
    let names = with("dev test nginx app1-ns");
    let long = |text: &str| text.replace('@', "rehearsal-s-lab1-");
    for (text, played) in [
        ("kubectl get pods -n dev 2>/dev/null", "kubectl get pods -n @dev 2>/dev/null"),
        ("kubectl -ndev get po && test -f x", "kubectl -n@dev get po && test -f x"),
        ("kubectl run nginx --image=nginx:1.27 -n \"nginx\"", "kubectl run nginx --image=nginx:1.27 -n \"@nginx\""),
        ("kubectl delete ns 'dev' \\\n  test # dev", "kubectl delete ns '@dev' \\\n  @test # dev"),
        ("kubectl get ns/dev deploy/nginx", "kubectl get ns/@dev deploy/nginx"),
        ("kubectl get pod -ltest=dev --namespace app1-ns", "kubectl get pod -ltest=dev --namespace @app1-ns"),
        (
            "kubectl get pod -A --field-selector metadata.namespace=dev",
            "kubectl get pod -A --field-selector metadata.namespace=@dev",
        ),
        ("kubectl cp app1-ns/test:/dev/x nginx", "kubectl cp @app1-ns/test:/dev/x nginx"),
        (
            "kubectl exec -n test p -- tail -n 5 /etc/nginx/nginx.conf",
            "kubectl exec -n @test p -- tail -n 5 /etc/nginx/nginx.conf",
        ),
        ("x=$(kubectl get po -n dev -o name); echo dev $x", "x=$(kubectl get po -n @dev -o name); echo dev $x"),
        ("echo \"$(kubectl get po -n dev)\" | grep x", "echo \"$(kubectl get po -n @dev)\" | grep x"),
        ("curl http://web.app1-ns.svc.cluster.local:80/test", "curl http://web.@app1-ns.svc.cluster.local:80/test"),
        ("kubectl exec p -- curl -s web.app1-ns", "kubectl exec p -- curl -s web.@app1-ns"),
        ("cat <<EOF\ntest dev\nEOF", "cat <<EOF\ntest dev\nEOF"),
        (
            "cat <<'EOF' | kubectl apply -f -\n{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"dev\",\"name\":\"dev\"}}\nEOF",
            "cat <<'EOF' | kubectl apply -f -\n{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"@dev\",\"name\":\"dev\"}}\nEOF",
        ),
        (
            "kubectl apply -f - <<< '{kind: Namespace, metadata: {name: dev}}'",
            "kubectl apply -f - <<< '{kind: Namespace, metadata: {name: @dev}}'",
        ),
        ("kubectl get pods | xargs -n 1 echo", "kubectl get pods | xargs -n 1 echo"),
        ("kubectl get ns | grep -q dev", "kubectl get ns | grep -q @dev"),
    ] {
        assert_eq!(names.forward(text), long(played));
        let lab = lab(&[("", "kubectl expose po web; kubectl create ns dev"), ("", text)]);
        assert!(Names::of(&lab, &shared(1)).is_ok(), "{text}");
    }
    let manifest = "# test
kind: Namespace
metadata:
  labels: {name: test}
  name: test
---
kind: Pod
metadata: {name: nginx, namespace: nginx, labels: {app: nginx, env: dev, value: x_Y}}
spec:
  containers: [{name: nginx, image: 'nginx:1.27', env: [{name: dev, value: 'http://web.dev'}]}]
---
kind: RoleBinding
subjects: [{kind: ServiceAccount, name: dev, namespace: dev}]
---
kind: NetworkPolicy
spec: {ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: dev}}}]}]}
";
    let played = manifest.replace("  name: test", "  name: @test").replace("namespace: nginx", "namespace: @nginx");
    let played = played.replace("namespace: dev", "namespace: @dev").replace("web.dev", "web.@dev");
    let played = played.replace("metadata.name: dev", "metadata.name: @dev");
    assert_eq!(names.forward_file("x.yaml", manifest), long(&played));
    assert_eq!(
        names.forward_file("Dockerfile", "FROM nginx:1.27\nRUN test -e dev"),
        "FROM nginx:1.27\nRUN test -e dev"
    );
}

#[test]
fn what_is_no_namespace_makes_none() {
    let text = "kubectl exec p -- tail -n 5\nls | xargs -n 1 echo\nkubectl wait --for=delete ns/one # -n two ns three\n\
                kubectl get po -n app1-ns; head -n 4 x; kubectl get po -n kube-system";
    let names = Names::of(&lab(&[("", text)]), &shared(1)).unwrap();
    assert_eq!(names.namespaces().unwrap(), ["rehearsal-s-lab1-app1-ns", "rehearsal-s-lab1-one", "rehearsal-s-lab1"]);
}

#[test]
fn a_name_whose_meaning_cannot_be_told_is_told_with_its_line() {
    for (name, text) in [
        ("", "true\nkubectl get pods | grep web"),
        ("", "true\nkubectl exec p -- curl web"),
        ("", "NS=x\nX=web"),
        ("", "true\nkubectl exec p -- curl other.web"),
        ("", "true\nkubectl create cm c --from-literal=ns=web"),
        ("", "true\nkubectl get po -n w'e'b"),
        ("", "cat > x.txt <<EOF\nweb\nEOF"),
        ("x.py", "x = 'web'"),
        ("x.yaml", "kind: ConfigMap\ndata: {ns: web}"),
        ("x.yaml", "kind: Pod\nspec: {containers: [{args: [--to, web]}]}"),
        ("x.yaml", "kind: Pod\nspec: {namespaces: [web]}"),
    ] {
        let refused = Names::of(&lab(&[("", "kubectl create ns web"), (name, text)]), &shared(1)).unwrap_err();
        let line = if name.is_empty() && !text.starts_with("cat") { 4 } else { 2 };
        let Unconfinable::Reaches { line: told, what } = refused else { panic!("{text}") };
        assert!(what.contains("web") || what.contains("w'e'b"), "{what}");
        assert!(told == line || text.starts_with("cat"), "{text}: {told}");
    }
}

#[test]
fn what_comes_back_is_the_lectures_and_columns_stay_in_place() {
    let lab = lab(&[
        ("p.yaml", "metadata: {namespace: app1-ns}\nspec:\n  image: docker.io/cloudwithvarjosh/app1:1.0.0"),
        ("", "true"),
    ]);
    let names = Names::of(&lab, &remote(1)).unwrap();
    for (seen, shown) in [
        ("namespace/rehearsal-s-lab1-app1-ns created", "namespace/app1-ns created"),
        (
            "NAME                       STATUS\nrehearsal-s-lab1-app1-ns   Active\n",
            "NAME                       STATUS\napp1-ns                    Active\n",
        ),
        ("pod \"mypod\" deleted from rehearsal-s-lab1 namespace", "pod \"mypod\" deleted from default namespace"),
        ("rehearsal-s-lab10 is another lab's", "rehearsal-s-lab10 is another lab's"),
        ("Namespace:        rehearsal-s-lab1\nPriority: 0", "Namespace:        default\nPriority: 0"),
        (
            "Failed to pull image \"ghcr.io/team/x/rehearsal-s-lab1-cloudwithvarjosh-app1:1.0.0\"",
            "Failed to pull image \"docker.io/cloudwithvarjosh/app1:1.0.0\"",
        ),
        (
            "https://ghcr.io/v2/team/x/rehearsal-s-lab1-cloudwithvarjosh-app1/manifests/1.0.0",
            "https://ghcr.io/v2/cloudwithvarjosh/app1/manifests/1.0.0",
        ),
    ] {
        assert_eq!(names.back(seen), shown);
    }
    let pod: k8s_openapi::api::core::v1::Pod =
        serde_json::from_value(serde_json::json!({"metadata": {"name": "p", "namespace": "rehearsal-s-lab1-app1-ns"}}))
            .unwrap();
    assert_eq!(names.object(pod).metadata.namespace.as_deref(), Some("app1-ns"));
}

#[test]
fn an_image_is_called_otherwise_and_others_are_not() {
    let lab = lab(&[("", "true")]);
    let beside = Names::of(&lab, &shared(1)).unwrap();
    let played = "docker.io/rehearsal/rehearsal-s-lab1-cloudwithvarjosh-app1:1.0.0";
    assert_eq!(beside.image("cloudwithvarjosh/app1:1.0.0"), played);
    assert_eq!(beside.image("nginx"), "nginx");
    for (text, expected) in [
        ("image: cloudwithvarjosh/app1:1.0.0", format!("image: {played}")),
        ("image: quay.io/cloudwithvarjosh/app1:1.0.0", "image: quay.io/cloudwithvarjosh/app1:1.0.0".into()),
        ("image: cloudwithvarjosh/app12:1", "image: cloudwithvarjosh/app12:1".into()),
    ] {
        assert_eq!(beside.forward_file("x.yaml", text), expected);
    }
    let run = "kubectl run x --image=docker.io/cloudwithvarjosh/app1:1.0.0";
    assert_eq!(beside.forward(run), format!("kubectl run x --image={played}"));
    assert_eq!(beside.forward("kubectl apply -f app1-ns.yaml"), "kubectl apply -f app1-ns.yaml");
    assert_eq!(Names::default().forward("x -n default"), "x -n default");
    assert_eq!(Names::default().namespaces(), None);
}

/// Why a lab of these fences is refused, at which line.
fn refused(fences: &[(&str, &str)]) -> (usize, String) {
    match Names::of(&lab(fences), &shared(1)) {
        Err(Unconfinable::Reaches { line, what }) => (line, what),
        other => panic!("{fences:?}: {other:?}"),
    }
}

#[test]
fn what_reaches_beyond_its_namespaces_is_refused_with_its_line_and_reason() {
    for (command, reason) in [
        ("kubectl delete pods --all -A", "objects of all namespaces"),
        ("kubectl -A delete pods --all", "option not understood: `--all-namespaces`"),
        ("kubectl delete pods --all-namespaces=true --all", "objects of all namespaces"),
        ("kubectl delete \\\n  pods --all --all-namespaces", "objects of all namespaces"),
        ("kubectl --all-namespaces=true delete pods --all", "option not understood: `--all-namespaces`"),
        ("kubectl label node worker disk=ssd", "may be in no namespace: `node`"),
        ("kubectl delete --wait=false pv x", "may be in no namespace: `pv`"),
        ("kubectl delete pod,pv --all", "may be in no namespace: `pv`"),
        ("kubectl delete pod/x pv/y", "may be in no namespace: `pv`"),
        ("kubectl delete PV x", "may be in no namespace: `PV`"),
        ("kubectl delete secrets.example.com x", "may be in no namespace: `secrets.example.com`"),
        ("kubectl delete all --all", "may be in no namespace: `all`"),
        ("kubectl create clusterrole x --verb=get --resource=pods", "may be in no namespace: `clusterrole`"),
        ("kubectl debug node/worker", "may be in no namespace: `node`"),
        ("kubectl delete pod x -n kube-system", "cluster's own namespaces: `kube-system`"),
        ("kubectl -n kube-system create configmap x", "cluster's own namespaces: `kube-system`"),
        ("kubectl --namespace kube-system delete pod x", "cluster's own namespaces: `kube-system`"),
        ("kubectl --namespace=kube-system delete pod x", "cluster's own namespaces: `kube-system`"),
        ("kubectl -nkube-system delete pod x", "cluster's own namespaces: `kube-system`"),
        ("kubectl delete pod x -n \"kube-system\"", "cluster's own namespaces: `kube-system`"),
        ("kubectl exec -n kube-system p -- rm x", "cluster's own namespaces: `kube-system`"),
        ("kubectl exec -itnkube-system p -- rm x", "cluster's own namespaces: `kube-system`"),
        ("kubectl cp x kube-system/p:/x", "cluster's own namespaces"),
        ("kubectl delete ns kube-system", "cluster's own namespaces"),
        ("kubectl create ns kube-mine", "cluster's own namespaces"),
        ("kubectl delete ns --all", "namespaces by a pattern"),
        ("kubectl delete ns -l a=b", "namespaces by a pattern"),
        ("kubectl delete pod,ns x", "names a namespace in a way not understood"),
        ("kubectl create ns Prod", "names a namespace in a way not understood: `Prod`"),
        ("kubectl delete -f https://example.com/x.yaml", "manifest from elsewhere: `https://example.com/x.yaml`"),
        ("kubectl apply -f ./x.yaml", "manifest from elsewhere: `x.yaml`"),
        ("kubectl apply -k https://example.com/x", "not looked into: `--kustomize`"),
        ("kubectl drain worker", "changes the cluster itself: `drain`"),
        ("kubectl frobnicate x", "does something not understood: `frobnicate`"),
        ("kubectl delete pod x --frobnicate", "option not understood: `--frobnicate`"),
        ("kubectl --context prod get pods", "by itself: `--context`"),
        ("kubectl -s https://x get pods", "by itself: `--server`"),
        ("kubectl get --raw /api", "by itself: `--raw`"),
        ("kubectl config use-context prod", "changes the kubeconfig: `use-context`"),
        ("KUBECONFIG=x kubectl get pods", "chooses a kubeconfig"),
        ("export KUBECONFIG=x", "chooses a kubeconfig"),
        ("kubectl get secrets -A", "reads secrets of other namespaces"),
        ("kubectl -n kube-system get -o yaml secret/x", "reads secrets of other namespaces"),
        ("kubectl describe pods,secrets.v1. -A", "reads secrets of other namespaces"),
        ("NS=x; kubectl create ns $NS", "the name of a namespace: `$NS`"),
        ("kubectl delete pod x -n \"${NS}\"", "the name of a namespace: `${NS}`"),
        ("kubectl get pod -n $(cat ns)", "the name of a namespace: `$(cat ns)`"),
        ("kubectl delete pod x -n `cat ns`", "the name of a namespace: ``cat ns``"),
        ("kubectl delete \"$KIND\" x", "computes a kind: `$KIND`"),
        ("kubectl delete pod{,s} x", "computes a kind: `pod{`"),
        ("kubectl delete pod {x,y}", "has `{x,y}` without quotes, which may become any words"),
        ("kubectl \"$VERB\" pod x", "computes what kubectl does: `$VERB`"),
        ("kubectl \"--$X\" get pods", "computes an option: `--$X`"),
        ("kubectl delete pod $POD", "has `$POD` without quotes"),
        ("\"$K\" delete ns prod", "computes a command: `$K`"),
        ("kubectl get ns -o name | xargs kubectl delete", "gives `kubectl` words that cannot be told"),
        ("alias k=kubectl; k delete ns prod", "runs `alias`"),
        ("k delete ns prod", "runs `k`"),
        ("k() { kubectl \"$@\"; }", "has `k(`, which is not looked into"),
        ("docker () { true; }", "has `(` in a place not understood"),
        ("bash x.sh", "runs `bash`"),
        ("sh -c 'kubectl delete ns prod'", "runs `sh`"),
        ("source x.sh", "runs `source`"),
        (". ./x.sh", "runs `.`"),
        ("eval \"kubectl delete ns prod\"", "runs `eval`"),
        ("echo 'delete ns prod' | sudo kubectl", "runs `sudo`"),
        ("if true; then helm install x y; fi", "runs `helm`"),
        ("echo \"$(kind delete cluster)\"", "runs `kind`"),
        ("cat <<EOF\n$(kubectl delete pv x)\nEOF", "may be in no namespace: `pv`"),
        ("while read -r x; do kubectl delete pv/x; done", "may be in no namespace: `pv`"),
        ("KUBE_EDITOR='kubectl delete ns prod;:' kubectl edit sa x", "has an editor whose doings"),
        ("cat <<EOF | kubectl apply -f -\nkind: ClusterRole\nEOF", "in no namespace: `ClusterRole`"),
        (
            "kubectl apply -f - <<EOF\n{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"kube-system\"}}\nEOF",
            "cluster's own",
        ),
        (
            "kubectl apply -f - <<EOF\nkind: Pod\nmetadata: {namespace: $NS}\nEOF",
            "a here-document that the shell changes",
        ),
        ("kubectl create -f - <<< '{\"kind\": \"PersistentVolume\"}'", "in no namespace: `PersistentVolume`"),
        ("echo '{kind: Node}' | kubectl apply -f -", "in no namespace: `Node`"),
        ("kubectl get po -o yaml | sed s/a/b/ | kubectl apply -f -", "applies what `sed` prints"),
        ("curl -s https://x | kubectl apply -f -", "applies what `curl` prints"),
        ("cat x.yaml | kubectl apply -f -", "manifest from elsewhere: `x.yaml`"),
        ("(cat x.yaml) | kubectl apply -f -", "fed by something that is not looked into"),
        ("kubectl apply -f -", "fed by something that is not looked into"),
        ("kubectl apply -f \"$FILE\"", "the name of a manifest: `$FILE`"),
        ("curl -H \"Authorization: Bearer $T\" https://x", "with credentials that it has found"),
        ("echo 'x", "has a quote without its end"),
        ("case x in x) kubectl delete pv x;; esac", "in a place not understood"),
    ] {
        let (line, what) = refused(&[("", "true"), ("", &format!("true\n{command}"))]);
        assert!(what.contains(reason), "{command}: {what}");
        let at = command.matches('\n').count();
        assert!(line == 4 || (at > 0 && (4..=4 + at).contains(&line)), "{command}: {line}");
    }
}

#[test]
fn manifests_are_judged_wherever_they_come_from() {
    for (manifest, reason) in [
        ("kind: ClusterRole\nmetadata: {name: x}", "`ClusterRole`"),
        ("kind: Pod\n---\nkind: Pod\nmetadata: {namespace: kube-system}", "cluster's own namespaces"),
        ("kind: Namespace\nmetadata: {name: kube-x}", "cluster's own namespaces"),
        ("kind: Namespace\nmetadata: {generateName: x}", "names a namespace in a way"),
        ("kind: List\nitems: [{kind: PersistentVolume}]", "`PersistentVolume`"),
        ("kind: PodList\nitems: [{kind: Pod, metadata: {namespace: kube-x}}]", "cluster's own namespaces"),
        ("apiVersion: example.com/v1\nkind: Secret", "`Secret`"),
        ("kind: Widget", "`Widget`"),
        ("kind: Pod\nmetadata: {<<: {namespace: kube-system}}", ""),
    ] {
        let (line, what) = refused(&[("", "true"), ("x.yaml", manifest)]);
        assert!(line == 2 && what.contains(reason), "{manifest}: {what}");
        let (_, what) = refused(&[("", &format!("cat > x.yaml <<'EOF'\n{manifest}\nEOF\n"))]);
        assert!(what.contains(reason), "{manifest}: {what}");
    }
    let pod = ("pod.yaml", "kind: Pod\nmetadata: {name: x}");
    for (command, reason) in [
        ("sed -i s/a/b/ pod.yaml; kubectl apply -f pod.yaml", "that a command has changed: `pod.yaml`"),
        ("echo 'metadata: {namespace: prod}' >> pod.yaml; kubectl apply -f pod.yaml", "has changed: `pod.yaml`"),
        ("curl -O https://x/pod.yaml; kubectl apply -f ./pod.yaml", "has changed: `pod.yaml`"),
        ("cp /x/*.yaml .; kubectl apply -f pod.yaml", "has changed: `pod.yaml`"),
        ("wget https://x/other.yaml; kubectl apply -f .", "manifest from elsewhere: `.`"),
        ("cd ..; kubectl apply -f pod.yaml", "manifest from elsewhere: `pod.yaml in another folder`"),
    ] {
        let (_, what) = refused(&[pod, ("", command)]);
        assert!(what.contains(reason), "{command}: {what}");
    }
    for command in [
        "kubectl apply -f pod.yaml",
        "kubectl apply -f ./pod.yaml,pod.yaml",
        "kubectl apply -f .",
        "kubectl create --filename=pod.yaml",
        "cat pod.yaml | kubectl apply -f -",
        "kubectl apply -f - < pod.yaml",
        "sed s/a/b/ pod.yaml; kubectl apply -f pod.yaml",
        "cat > y.yaml <<EOF\nkind: Pod\nEOF\nkubectl apply -f y.yaml",
        "tee y.yaml <<EOF\nkind: Pod\nEOF\nkubectl apply -f y.yaml",
        "kubectl create deploy x --image=y --dry-run=client -o yaml > d.yaml; kubectl apply -f d.yaml",
        "kubectl create ns web --dry-run=client -o yaml | kubectl apply -f -",
    ] {
        assert!(Names::of(&lab(&[pod, ("", command)]), &shared(1)).is_ok(), "{command}");
    }
}

#[test]
fn what_stays_within_or_only_looks_is_played() {
    for command in [
        "kubectl get pods -A",
        "kubectl get nodes",
        "command -v kubectl && command kubectl get pods",
        "kubectl -n kube-system get pods -o wide",
        "kubectl logs -f -n kube-system x",
        "kubectl get pods -o custom-columns=KIND:.kind",
        "kubectl get pods -o jsonpath='{.items[*].metadata.name}' | tr ' ' '\\n' | sort",
        "kubectl auth can-i create pods --as=system:serviceaccount:web:x -n web",
        "kubectl version; kubectl api-resources; kubectl explain pod.spec --recursive; kubectl config view --minify",
        "kubectl create secret docker-registry s --docker-server=x --docker-username=y",
        "kubectl create secret docker-registry s --docker-password=$DOCKER_PASSWORD",
        "kubectl create rolebinding r --clusterrole=view --serviceaccount=default:x",
        "kubectl create rolebinding r --clusterrole=view --user=jane",
        "kubectl create ns --dry-run=client app1-ns",
        "kubectl delete ns one two",
        "kubectl delete ns one && kubectl delete pods --all -n one || true",
        "kubectl delete configmap mine -n \"web\"",
        "kubectl label ns/web a=b c-",
        "kubectl label --overwrite pods --all a=b",
        "kubectl set image deployment/web nginx=nginx:1.27",
        "kubectl set env deployment/x A=b",
        "kubectl rollout restart deploy/x && kubectl rollout status deploy/x",
        "kubectl patch sa default -p '{\"imagePullSecrets\": []}'",
        "kubectl patch pod x --type=json -p='[{\"op\": \"remove\", \"path\": \"/a\"}]'",
        "KUBE_EDITOR='sed -i \"$ a x\"' kubectl edit sa x",
        "POD=$(kubectl get pods -o name | head -n 1)\nkubectl logs $POD -p\nkubectl exec \"$POD\" -it -- sh -c 'ls; id'",
        "kubectl run x --rm -it --image=y --restart=Never -- wget -qO- http://x",
        "for i in 1 2 3; do kubectl get pods; sleep 1; done | tail -n 1",
        "if [ \"$x\" = y ]; then echo no; fi; [[ -f a && ( -n b ) ]] && echo yes",
        "until kubectl get sa default >/dev/null 2>&1; do sleep 0.1; done",
        "timeout 5 kubectl get pods -w &\nwait || true",
        "kubectl port-forward svc/x 8080:80 & sleep 1; curl -s localhost:8080; kill %1",
        "kubectl get secret s -o jsonpath='{.data.\\.dockerconfigjson}' | base64 -d | jq .auths",
        "diff <(kubectl get pods) <(kubectl get pods -n web)",
        "export A=b; echo ${A:-c} $((1 + 2)) $? > out.txt",
    ] {
        let names = Names::of(&lab(&[("", command)]), &shared(1));
        assert!(names.is_ok(), "{command}: {names:?}");
    }
    let long = lab(&[("", &format!("kubectl create ns {}", "n".repeat(60)))]);
    assert!(matches!(Names::of(&long, &shared(1)), Err(Unconfinable::TooLong(_))));
}

#[test]
fn no_beginning_of_a_fence_makes_reading_it_fail_or_stand_still() {
    let fence = "if ! [[ -f \"a b\" && $x =~ 'y' ]]; then X=$(cat <<-'E' | tr a b 2>&1 \\\n -c)\n\tü\nE\n) ( a; b ) fi\r\n\
                 kubectl -n\"ü${A:-b}\"c get po -o=jsonpath={.a[*]} `date` <(ls) $((1+2)) &>>x; # ende\nfor i in {1..3}; do :; done";
    for (at, _) in fence.char_indices() {
        let _ = Names::of(&lab(&[("", &fence[..at])]), &shared(1));
        let _ = Names::of(&lab(&[("", &fence[at..])]), &shared(1));
    }
}
