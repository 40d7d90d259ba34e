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
                let played = names.forward(text);
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
            Action::File { contents, .. } => names.forward(contents),
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
        ("  namespace: default\n", "  namespace: rehearsal-s-lab1\n"),
        (r#"{"namespace": "default"}"#, r#"{"namespace": "rehearsal-s-lab1"}"#),
        ("--as system:serviceaccount:default:default", "--as system:serviceaccount:rehearsal-s-lab1:default"),
        ("kubectl describe ns default", "kubectl describe ns rehearsal-s-lab1"),
        ("kubectl wait --for=create serviceaccount/default", "kubectl wait --for=create serviceaccount/default"),
        ("serviceAccountName: default", "serviceAccountName: default"),
    ] {
        assert_eq!(names.forward(text), played);
    }
}

#[test]
fn what_comes_back_is_the_lectures_and_columns_stay_in_place() {
    let lab =
        lab(&[("p.yaml", "metadata: {namespace: app1-ns}\nimage: docker.io/cloudwithvarjosh/app1:1.0.0"), ("", "x")]);
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
    let lab = lab(&[("", "x")]);
    let beside = Names::of(&lab, &shared(1)).unwrap();
    let played = "docker.io/rehearsal/rehearsal-s-lab1-cloudwithvarjosh-app1:1.0.0";
    assert_eq!(beside.image("cloudwithvarjosh/app1:1.0.0"), played);
    assert_eq!(beside.image("nginx"), "nginx");
    for (text, expected) in [
        ("image: cloudwithvarjosh/app1:1.0.0", format!("image: {played}")),
        ("--image=docker.io/cloudwithvarjosh/app1:1.0.0", format!("--image={played}")),
        ("image: quay.io/cloudwithvarjosh/app1:1.0.0", "image: quay.io/cloudwithvarjosh/app1:1.0.0".into()),
        ("image: cloudwithvarjosh/app12:1", "image: cloudwithvarjosh/app12:1".into()),
        ("kubectl apply -f app1-ns.yaml", "kubectl apply -f app1-ns.yaml".into()),
    ] {
        assert_eq!(beside.forward(text), expected);
    }
    assert_eq!(Names::default().forward("x -n default"), "x -n default");
    assert_eq!(Names::default().namespaces(), None);
}

#[test]
fn what_reaches_beyond_its_namespaces_is_refused_with_its_line() {
    for command in [
        "kubectl delete pods --all -A",
        "kubectl label node worker disk=ssd",
        "kubectl create clusterrole x --verb=get --resource=pods",
        "kubectl delete pod x -n kube-system",
        "kubectl drain worker",
        "NS=x\nkubectl create ns $NS",
        "kubectl create ns --dry-run=client app1-ns",
        "kubectl delete ns one two",
        "kubectl delete \\\n  pods --all --all-namespaces",
        "kubectl apply -f https://example.com/x.yaml",
        "kubectl --context prod get pods",
        "KUBECONFIG=x kubectl get pods",
        "helm install x y",
    ] {
        let refused = Names::of(&lab(&[("", "true"), ("", command)]), &shared(1)).unwrap_err();
        assert!(matches!(refused, Unconfinable::Reaches { line: 2, .. }), "{command}");
    }
    for manifest in [
        "kind: ClusterRole\nmetadata: {name: x}",
        "kind: Pod\n---\nkind: Pod\nmetadata: {namespace: kube-system}",
        "kind: List\nitems: [{kind: PersistentVolume}]",
    ] {
        assert!(Names::of(&lab(&[("x.yaml", manifest)]), &shared(1)).is_err(), "{manifest}");
    }
    for command in [
        "kubectl get pods -A",
        "kubectl get nodes",
        "kubectl get pods -o custom-columns=KIND:.kind",
        "kubectl create secret docker-registry s --docker-server=x --docker-username=y",
        "kubectl create rolebinding r --clusterrole=view --serviceaccount=default:x",
    ] {
        assert!(Names::of(&lab(&[("", command)]), &shared(1)).is_ok(), "{command}");
    }
    let long = lab(&[("", &format!("kubectl create ns {}", "n".repeat(60)))]);
    assert!(matches!(Names::of(&long, &shared(1)), Err(Unconfinable::TooLong(_))));
}
