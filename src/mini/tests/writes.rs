use super::*;

#[tokio::test]
async fn a_created_pod_is_complete() {
    let server = Server::new().await;
    let mut made = server.create("namespaces/default/pods", pod("a")).await;
    let volume = made["spec"]["volumes"][0]["name"].as_str().unwrap().to_owned();
    assert!(volume.starts_with("kube-api-access-"));
    for (path, value) in
        [("/metadata/uid", "UID"), ("/metadata/creationTimestamp", "TIME"), ("/metadata/resourceVersion", "REVISION")]
    {
        *made.pointer_mut(path).unwrap() = json!(value);
    }
    let text = serde_json::to_string_pretty(&made).unwrap().replace(&volume, "kube-api-access-xxxxx");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn pull_secrets_come_from_the_account_once_and_only_if_the_pod_names_none() {
    let server = Server::new().await;
    let account = "namespaces/default/serviceaccounts/default";
    let before = server.create("namespaces/default/pods", pod("before")).await;
    assert!(before["spec"]["imagePullSecrets"].is_null());
    let secrets = json!({"imagePullSecrets": [{"name": "regcred"}]});
    assert_eq!(server.patch(account, "strategic-merge", secrets.clone()).await.0, 200);
    let after = server.create("namespaces/default/pods", pod("after")).await;
    assert_eq!(after["spec"]["imagePullSecrets"], json!([{"name": "regcred"}]));
    let mut own = pod("own");
    own["spec"]["imagePullSecrets"] = json!([{"name": "mine"}]);
    let own = server.create("namespaces/default/pods", own).await;
    assert_eq!(own["spec"]["imagePullSecrets"], json!([{"name": "mine"}]));
    assert!(server.get("namespaces/default/pods/before").await.1["spec"]["imagePullSecrets"].is_null());
}

#[tokio::test]
async fn the_token_is_not_mounted_where_it_is_not_wanted() {
    let server = Server::new().await;
    let mut quiet = pod("quiet");
    quiet["spec"]["automountServiceAccountToken"] = json!(false);
    assert!(server.create("namespaces/default/pods", quiet).await["spec"]["volumes"].is_null());
    let account = json!({"metadata": {"name": "quiet"}, "automountServiceAccountToken": false});
    server.create("namespaces/default/serviceaccounts", account).await;
    let mut loud = pod("loud");
    loud["spec"]["serviceAccountName"] = json!("quiet");
    loud["spec"]["automountServiceAccountToken"] = json!(true);
    assert!(
        server.create("namespaces/default/pods", loud).await["spec"]["volumes"].is_array(),
        "the pod's word counts first"
    );
}

#[tokio::test]
async fn refusals_are_worded_as_kubernetes_does() {
    let server = Server::new().await;
    server.create("namespaces/default/pods", pod("a")).await;
    let mut said = vec![];
    let mut unknown = pod("b");
    unknown["spec"]["serviceAccountName"] = json!("nope");
    said.push(server.post("namespaces/default/pods", unknown).await);
    said.push(server.post("namespaces/default/pods", pod("a")).await);
    said.push(server.post("namespaces/nope/pods", pod("a")).await);
    said.push(server.get("namespaces/default/pods/nope").await);
    said.push(server.post("namespaces/default/pods", pod("Bad_Name")).await);
    said.push(
        server
            .post(
                "namespaces/default/pods",
                json!({"metadata": {"name": "e"}, "spec": {"containers": [{"name": "a"}]}}),
            )
            .await,
    );
    said.push(
        server.post("namespaces/default/pods", json!({"spec": {"containers": [{"name": "a", "image": "b"}]}})).await,
    );
    said.push(
        server
            .post(
                "namespaces/default/secrets",
                json!({"metadata": {"name": "s"}, "type": "kubernetes.io/dockerconfigjson"}),
            )
            .await,
    );
    let other = json!({"metadata": {"name": "x", "namespace": "other"}});
    said.push(server.post("namespaces/default/secrets", other).await);
    let stale = json!({"metadata": {"name": "default", "resourceVersion": "1"}});
    said.push(server.put("namespaces/default/serviceaccounts/default", stale).await);
    said.push(server.put("namespaces/default/serviceaccounts/default", json!({"metadata": {"name": "x"}})).await);
    said.push(
        server
            .patch(
                "namespaces/default/serviceaccounts/default",
                "strategic-merge",
                json!({"imagePullSecrets": "regcred"}),
            )
            .await,
    );
    said.push(server.delete("namespaces/default").await);
    let sets = "/apis/apps/v1/namespaces/default/statefulsets";
    said.push(server.send(Method::POST, sets, "application/json", "{}").await);
    said.push(server.send(Method::POST, "/api/v1/namespaces/default/pods/a", "application/json", "{}").await);
    insta::assert_snapshot!(said.into_iter().map(refusal).collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn a_pod_on_a_node_goes_gracefully_others_at_once() {
    let server = Server::new().await;
    server.create("namespaces/default/pods", pod("loose")).await;
    let (code, gone) = server.delete("namespaces/default/pods/loose").await;
    assert_eq!((code, &gone["kind"]), (200, &json!("Pod")));
    assert_eq!(server.get("namespaces/default/pods/loose").await.0, 404);

    server.create("namespaces/default/pods", pod("bound")).await;
    let binding = json!({"metadata": {"name": "bound"}, "target": {"kind": "Node", "name": "n"}});
    assert_eq!(server.post("namespaces/default/pods/bound/binding", binding.clone()).await.0, 201);
    assert_eq!(
        refusal(server.post("namespaces/default/pods/bound/binding", binding).await),
        "409 Conflict: Operation cannot be fulfilled on pods \"bound\": pod bound is already assigned to node \"n\""
    );
    let (_, marked) = server.delete("namespaces/default/pods/bound").await;
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    let (_, again) = server.delete("namespaces/default/pods/bound").await;
    assert_eq!(again["metadata"]["resourceVersion"], marked["metadata"]["resourceVersion"], "nothing left to do");
    let (_, shorter) = server.delete("namespaces/default/pods/bound?gracePeriodSeconds=1").await;
    assert_eq!(shorter["metadata"]["deletionGracePeriodSeconds"], 1);
    server.delete("namespaces/default/pods/bound?gracePeriodSeconds=0").await;
    assert_eq!(server.get("namespaces/default/pods/bound").await.0, 404);
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_are_gone() {
    let server = Server::new().await;
    let held = json!({"metadata": {"name": "c", "finalizers": ["a.b/c"]}});
    server.create("namespaces/default/configmaps", held).await;
    let path = "namespaces/default/configmaps/c";
    let (_, marked) = server.delete(path).await;
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let more = json!({"metadata": {"finalizers": ["a.b/c", "d.e/f"]}});
    assert_eq!(server.patch(path, "merge", more).await.0, 422);
    assert_eq!(server.patch(path, "merge", json!({"metadata": {"finalizers": null}})).await.0, 200);
    assert_eq!(server.get(path).await.0, 404);
}

#[tokio::test]
async fn a_namespace_waits_for_finalize_and_takes_nothing_new() {
    let server = Server::new().await;
    let space = server.create("namespaces", json!({"metadata": {"name": "demo"}})).await;
    assert_eq!(space["metadata"]["labels"]["kubernetes.io/metadata.name"], "demo");
    let (_, mut going) = server.delete("namespaces/demo").await;
    assert_eq!(going["status"]["phase"], "Terminating");
    let refused = server.post("namespaces/demo/configmaps", json!({"metadata": {"name": "c"}})).await;
    assert_eq!(refused.1["details"]["causes"][0]["reason"], "NamespaceTerminating");
    assert_eq!(
        refusal(refused),
        "403 Forbidden: configmaps \"c\" is forbidden: unable to create new content in namespace demo because it is being terminated"
    );
    going["spec"]["finalizers"] = json!([]);
    assert_eq!(server.put("namespaces/demo/finalize", going).await.0, 200);
    assert_eq!(server.get("namespaces/demo").await.0, 404);
}

#[tokio::test]
async fn status_and_spec_are_written_apart() {
    let server = Server::new().await;
    let mut made = server.create("namespaces/default/pods", pod("a")).await;
    made["status"]["phase"] = json!("Running");
    made["spec"]["nodeName"] = json!("smuggled");
    let (_, updated) = server.put("namespaces/default/pods/a/status", made.clone()).await;
    assert_eq!((&updated["status"]["phase"], &updated["spec"]["nodeName"]), (&json!("Running"), &Value::Null));
    let (_, patched) = server.patch("namespaces/default/pods/a", "merge", json!({"status": {"phase": "Failed"}})).await;
    assert_eq!(patched["status"]["phase"], "Running");
}

/// What server-side apply takes.
fn configuration(pod: Value) -> String {
    let mut whole = json!({"apiVersion": "v1", "kind": "Pod"});
    whole.as_object_mut().unwrap().extend(pod.as_object().unwrap().clone());
    whole.to_string()
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let server = Server::new().await;
    let revision = server.api.pipeline.store.revision();
    let (code, made) = server.post("namespaces/default/pods?dryRun=All", pod("a")).await;
    assert_eq!((code, &made["status"]["phase"]), (201, &json!("Pending")));
    let apply = configuration(pod("b"));
    let path = "/api/v1/namespaces/default/pods/b?dryRun=All&fieldManager=kubectl";
    let (code, _) = server.send(Method::PATCH, path, "application/apply-patch+yaml", apply).await;
    assert_eq!(code, 201);
    server.delete("namespaces/default/serviceaccounts/default?dryRun=All").await;
    assert_eq!(server.api.pipeline.store.revision(), revision);
}

#[tokio::test]
async fn a_patch_may_name_the_uid_and_not_change_it() {
    let server = Server::new().await;
    let created = server.create("namespaces/default/configmaps", json!({"metadata": {"name": "c"}})).await;
    let path = "namespaces/default/configmaps/c";
    let patch = |uid: &Value| server.patch(path, "merge", json!({"metadata": {"uid": uid}}));
    assert_eq!(patch(&created["metadata"]["uid"]).await.0, 200);
    assert_eq!(
        refusal(patch(&json!("zz")).await),
        "422 Invalid: ConfigMap \"c\" is invalid: metadata.uid: Invalid value: \"zz\": field is immutable"
    );
    assert_eq!(
        refusal(server.patch(path, "strategic-merge", json!({"data": {"a": 1}})).await),
        "422 Invalid:  \"\" is invalid: patch: Invalid value: \"map[data:map[a:1]]\": cannot convert int64 to string"
    );
}

#[tokio::test]
async fn an_applied_configuration_is_created_under_its_own_name() {
    let server = Server::new().await;
    let path = "/api/v1/namespaces/default/pods/b?fieldManager=kubectl";
    let refused = server.send(Method::PATCH, path, "application/apply-patch+yaml", configuration(pod("a"))).await;
    let expected = "400 BadRequest: the name of the object (a) does not match the name on the URL (b)";
    assert_eq!(refusal(refused), expected);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_no_write() {
    let server = Server::new().await;
    let path = "namespaces/default/serviceaccounts/default";
    let (_, before) = server.get(path).await;
    for (kind, patch) in [("strategic-merge", json!({"imagePullSecrets": []})), ("merge", json!({"secrets": null}))] {
        let (code, after) = server.patch(path, kind, patch).await;
        assert_eq!((code, &after), (200, &before));
    }
}

#[tokio::test]
async fn names_are_generated_and_secrets_take_plain_text() {
    let server = Server::new().await;
    let body = json!({"metadata": {"generateName": "s-"}, "stringData": {"a": "b"}});
    let secret = server.create("namespaces/default/secrets", body).await;
    assert_eq!(secret["metadata"]["name"].as_str().unwrap().len(), 7);
    assert_eq!(
        (&secret["type"], &secret["data"]["a"], &secret["stringData"]),
        (&json!("Opaque"), &json!("Yg=="), &Value::Null)
    );
}

#[tokio::test]
async fn generation_counts_changes_of_the_spec_from_1_34_on() {
    for (minor, expected) in [(33, Value::Null), (34, json!(2))] {
        let server = Server::of_version(Version { major: 1, minor }).await;
        server.create("namespaces/default/pods", pod("a")).await;
        let image = json!({"spec": {"containers": [{"name": "app", "image": "a:2"}]}});
        let (_, patched) = server.patch("namespaces/default/pods/a", "strategic-merge", image).await;
        assert_eq!(patched["metadata"]["generation"], expected, "1.{minor}");
    }
}
