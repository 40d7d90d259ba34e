use super::*;

async fn with_configmaps(count: usize) -> Server {
    let server = Server::new().await;
    for i in 0..count {
        let body = json!({"metadata": {"name": format!("c{i}"), "labels": {"even": (i % 2 == 0).to_string()}}});
        server.create("namespaces/default/configmaps", body).await;
    }
    server
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_show_one_revision() {
    let server = with_configmaps(5).await;
    let (_, first) = server.get("namespaces/default/configmaps?limit=2").await;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["c0", "c1"], &json!(3)));
    server.delete("namespaces/default/configmaps/c3").await;
    server.create("namespaces/default/configmaps", json!({"metadata": {"name": "c2a"}})).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = server.get(&format!("namespaces/default/configmaps?limit=2&continue={token}")).await;
    assert_eq!(names(&second), ["c2", "c3"], "as of the first page");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let (_, last) = server.get(&format!("namespaces/default/configmaps?limit=2&continue={token}")).await;
    assert_eq!((names(&last), &last["metadata"]["continue"]), (vec!["c4"], &Value::Null));
}

#[tokio::test]
async fn selectors_choose() {
    let server = with_configmaps(4).await;
    for (query, expected) in [
        ("labelSelector=even%3Dtrue", vec!["c0", "c2"]),
        ("labelSelector=even%20notin%20(true)", vec!["c1", "c3"]),
        ("fieldSelector=metadata.name%3Dc1", vec!["c1"]),
        ("fieldSelector=metadata.name!%3Dc1&labelSelector=even%3Dfalse", vec!["c3"]),
    ] {
        let (_, list) = server.get(&format!("namespaces/default/configmaps?{query}")).await;
        assert_eq!(names(&list), expected, "{query}");
    }
    let refused = server.get("namespaces/default/configmaps?fieldSelector=data.x%3D1").await;
    assert_eq!(
        refusal(refused),
        "400 BadRequest: \"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
    let path = "/api/v1/namespaces/default/configmaps?labelSelector=even%3Dtrue";
    assert_eq!(names(&server.send(Method::DELETE, path, "application/json", "").await.1), ["c0", "c2"]);
    assert_eq!(names(&server.get("configmaps").await.1), ["c1", "c3"]);
}

#[tokio::test]
async fn a_boolean_that_is_not_set_is_false_to_selectors() {
    let server = Server::new().await;
    server.create("nodes", json!({"metadata": {"name": "open"}})).await;
    server.create("nodes", json!({"metadata": {"name": "cordoned"}, "spec": {"unschedulable": true}})).await;
    for (value, expected) in [("false", "open"), ("true", "cordoned")] {
        let (_, list) = server.get(&format!("nodes?fieldSelector=spec.unschedulable%3D{value}")).await;
        assert_eq!(names(&list), [expected]);
    }
    for field in ["spec.hostNetwork%3Dfalse", "status.podIPs%3D", "status.nominatedNodeName%3D"] {
        assert_eq!(server.get(&format!("pods?fieldSelector={field}")).await.0, 200, "{field}");
    }
}

#[tokio::test]
async fn options_that_mean_nothing_are_refused() {
    let server = with_configmaps(0).await;
    let list = "422 Invalid: ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: ";
    for (query, expected) in [
        ("limit=abc", "400 BadRequest: strconv.ParseInt: parsing \"abc\": invalid syntax".to_owned()),
        (
            "resourceVersionMatch=Exact",
            format!("{list}Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ),
        (
            "resourceVersionMatch=x&resourceVersion=1",
            format!("{list}Unsupported value: \"x\": supported values: \"Exact\", \"NotOlderThan\", \"\""),
        ),
    ] {
        assert_eq!(refusal(server.get(&format!("namespaces/default/configmaps?{query}")).await), expected);
    }
}

fn kinds(events: &[Value]) -> Vec<String> {
    let text = |e: &Value| {
        format!("{} {}", e["type"].as_str().unwrap(), e["object"]["metadata"]["name"].as_str().unwrap_or_default())
    };
    events.iter().map(text).collect()
}

#[tokio::test]
async fn a_watch_starts_from_a_revision_or_from_what_there_is() {
    let server = with_configmaps(2).await;
    let from =
        server.get("namespaces/default/configmaps").await.1["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    server.patch("namespaces/default/configmaps/c0", "merge", json!({"data": {"a": "b"}})).await;
    server.patch("namespaces/default/configmaps/c1", "merge", json!({"metadata": {"labels": {"even": "true"}}})).await;
    server.delete("namespaces/default/configmaps/c0").await;
    let path = "namespaces/default/configmaps?watch=true";
    let events = server.watch(&format!("{path}&resourceVersion={from}"), 3).await;
    assert_eq!(kinds(&events), ["MODIFIED c0", "MODIFIED c1", "DELETED c0"]);
    let selected = server.watch(&format!("{path}&resourceVersion={from}&labelSelector=even%3Dtrue"), 3).await;
    assert_eq!(kinds(&selected), ["MODIFIED c0", "ADDED c1", "DELETED c0"], "a label makes it come and go");
    assert_eq!(kinds(&server.watch(path, 1).await), ["ADDED c1"]);
}

#[tokio::test]
async fn a_streaming_list_ends_with_its_bookmark() {
    let server = with_configmaps(2).await;
    let query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    let events = server.watch(&format!("namespaces/default/configmaps?{query}"), 3).await;
    assert_eq!(kinds(&events), ["ADDED c0", "ADDED c1", "BOOKMARK "]);
    assert_eq!(events[2]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let refused = server.get("namespaces/default/configmaps?watch=true&sendInitialEvents=true").await;
    assert_eq!(refused.0, 422);
}

#[tokio::test]
async fn a_revision_that_is_forgotten_or_yet_to_come_is_refused() {
    let server = with_configmaps(1).await;
    let path = "namespaces/default/configmaps/c0";
    for i in 0..1100 {
        server.patch(path, "merge", json!({"data": {"i": i.to_string()}})).await;
    }
    let events = server.watch("configmaps?watch=true&resourceVersion=5", 1).await;
    assert_eq!((&events[0]["type"], &events[0]["object"]["code"]), (&json!("ERROR"), &json!(410)));
    let future = server.get("configmaps?resourceVersion=999999").await;
    assert!(refusal(future).starts_with("504 Timeout: Timeout: Too large resource version: 999999, current:"));
    let refused = server.get("configmaps?resourceVersion=x").await;
    assert_eq!(refused.0, 400);
}

#[tokio::test]
async fn tables_follow_the_servers_version() {
    let path = "/api/v1/namespaces/default/serviceaccounts";
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    for (minor, columns) in [(34, vec!["Name", "Secrets", "Age"]), (35, vec!["Name", "Age"])] {
        let server = Server::of_version(Version { major: 1, minor }).await;
        let request = Request::builder().uri(path).header("accept", accept).body(Body::empty()).unwrap();
        let (_, table) = exchange(&server.router, request).await;
        let names: Vec<_> =
            table["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, columns, "1.{minor}");
        assert_eq!(table["rows"][0]["cells"].as_array().unwrap().len(), columns.len());
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    }
}

#[tokio::test]
async fn yaml_is_read_and_written() {
    let server = Server::new().await;
    let body = "metadata: {name: c}\ndata:\n  a: b\n";
    let (code, _) = server.send(Method::POST, "/api/v1/namespaces/default/configmaps", "application/yaml", body).await;
    assert_eq!(code, 201);
    let request =
        Request::builder().uri("/api/v1/namespaces/default/configmaps/c").header("accept", "application/yaml");
    let (_, text) = exchange(&server.router, request.body(Body::empty()).unwrap()).await;
    assert!(text.as_str().unwrap().contains("data:\n  a: b\n"), "{text}");
}
