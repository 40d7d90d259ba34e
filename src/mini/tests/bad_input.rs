use super::*;

#[tokio::test]
async fn every_bad_request_gets_a_status() {
    let server = Server::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    let mut said = vec![];
    for (media, body) in [
        ("application/json", "{bad json"),
        ("application/json", "[]"),
        ("application/json", "{\"kind\": \"Secret\"}"),
        ("application/json", "{\"apiVersion\": \"v2\"}"),
        ("application/json", "{\"spec\": {\"containers\": 5}}"),
        ("application/json", "\u{feff}"),
        ("application/yaml", "a: [unclosed"),
        ("text/plain", "{}"),
        ("application/vnd.kubernetes.protobuf", "nonsense"),
    ] {
        let (code, status) = server.send(Method::POST, pods, media, body).await;
        let first = status["message"].as_str().unwrap().lines().next().unwrap().to_owned();
        said.push(format!("{code} {}: {first}", status["reason"].as_str().unwrap_or_default()));
    }
    let account = "/api/v1/namespaces/default/serviceaccounts/default";
    for (media, body) in [
        ("application/json", "{}"),
        ("application/merge-patch+json", "{bad json"),
        ("application/merge-patch+json", "[]"),
        ("application/json-patch+json", "{}"),
        ("application/json-patch+json", r#"[{"op": "remove", "path": "/nope"}]"#),
        ("application/json-patch+json", r#"[{"op": "test", "path": "/kind", "value": "x"}]"#),
        ("application/strategic-merge-patch+json", r#"{"$patch": "nonsense"}"#),
        ("application/strategic-merge-patch+json", r#"{"nope": 1}"#),
    ] {
        let answer = server.send(Method::PATCH, &format!("{account}?fieldValidation=Strict"), media, body).await;
        said.push(refusal(answer));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let server = Server::new().await;
    let send = |method, path| server.send(method, path, "application/json", "");
    for path in ["/nope", "/apis/x.y/v1/namespaces/a/widgets"] {
        assert_eq!(send(Method::GET, path).await, (404, json!("404 page not found\n")), "{path}");
    }
    for (method, path, expected) in [
        (Method::GET, "/api/v1/widgets", "404 NotFound: the server could not find the requested resource"),
        (Method::GET, "/api/v1/namespaces/a/nodes", "404 NotFound: the server could not find the requested resource"),
        (
            Method::DELETE,
            "/api/v1/namespaces",
            "405 MethodNotAllowed: the server does not allow this method on the requested resource",
        ),
        (
            Method::POST,
            "/api/v1/namespaces/a/pods/b/status",
            "405 MethodNotAllowed: the server does not allow this method on the requested resource",
        ),
    ] {
        assert_eq!(refusal(send(method, path).await), expected, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_in_a_request_and_for_a_time_that_may_be() {
    let server = Server::new().await;
    let path = "namespaces/default/serviceaccounts/default/token";
    let unknown = "the object provided is unrecognized (must be of type TokenRequest): ";
    let unfit = "TokenRequest in version \"v1\" cannot be handled as a TokenRequest: ";
    for (body, why) in
        [(json!([]), unknown), (json!(5), unknown), (json!({"spec": 5}), unfit), (json!({"kind": "Pod"}), unfit)]
    {
        let said = refusal(server.post(path, body).await);
        assert!(said.starts_with(&format!("400 BadRequest: {why}")), "{said}");
    }
    for (seconds, detail) in [
        (599, "may not specify a duration less than 10 minutes"),
        ((1 << 32) + 1, "may not specify a duration larger than 2^32 seconds"),
        (i64::MAX, "may not specify a duration larger than 2^32 seconds"),
    ] {
        let refused = server.post(path, json!({"spec": {"expirationSeconds": seconds}})).await;
        let expected =
            "422 Invalid: TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: ";
        assert_eq!(refusal(refused), format!("{expected}{seconds}: {detail}"));
    }
    server.create(path, json!({"spec": {"expirationSeconds": 1i64 << 32}})).await;
}

#[tokio::test]
async fn a_watch_may_be_asked_to_last_for_ever() {
    let server = Server::new().await;
    let events = server.watch(&format!("namespaces?watch=true&timeoutSeconds={}", i64::MAX), 1).await;
    assert_eq!(events[0]["type"], "ADDED");
}

#[tokio::test]
async fn a_body_may_nest_only_so_deep() {
    let server = Server::new().await;
    let path = "/api/v1/namespaces/default/configmaps";
    for (media, body) in [("json", "[".repeat(10_000)), ("yaml", "[".repeat(10_000)), ("yaml", "- ".repeat(1_000))] {
        let (code, _) = server.send(Method::POST, path, &format!("application/{media}"), body).await;
        assert_eq!(code, 400, "{media}");
    }
}

#[tokio::test]
async fn a_body_has_its_limit() {
    let server = Server::new().await;
    let huge = json!({"metadata": {"name": "c"}, "data": {"a": "x".repeat(4 << 20)}});
    let refused = server.post("namespaces/default/configmaps", huge).await;
    assert_eq!(refusal(refused), "413 RequestEntityTooLarge: Request entity too large: limit is 3145728");
    let large = json!({"metadata": {"name": "c"}, "data": {"a": "x".repeat(2 << 20)}});
    let refused = server.post("namespaces/default/configmaps", large).await;
    assert_eq!(
        refusal(refused),
        "422 Invalid: ConfigMap \"c\" is invalid: []: Too long: may not be more than 1048576 bytes"
    );
}

#[tokio::test]
async fn only_what_can_be_sent_is_promised() {
    let server = Server::new().await;
    let request = Request::builder().uri("/api/v1/pods").header("accept", "application/vnd.kubernetes.protobuf");
    let refused = exchange(&server.router, request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        refusal(refused),
        "406 NotAcceptable: only the following media types are accepted: application/json, application/yaml"
    );
}

#[tokio::test]
async fn strange_json_is_no_panic() {
    let server = Server::new().await;
    for body in [
        json!(null),
        json!(5),
        json!({"metadata": 5}),
        json!({"metadata": []}),
        json!({"metadata": {"name": 5}}),
        json!({"spec": null}),
        json!({}),
    ] {
        for kind in ["pods", "secrets", "configmaps", "serviceaccounts", "events"] {
            let (code, answer) = server.post(&format!("namespaces/default/{kind}"), body.clone()).await;
            assert!((400..500).contains(&code), "{kind} {body}: {code} {answer}");
        }
        for kind in ["namespaces", "nodes"] {
            let (code, answer) = server.post(kind, body.clone()).await;
            assert!((400..500).contains(&code), "{kind} {body}: {code} {answer}");
        }
        let (code, _) = server.put("namespaces/default/serviceaccounts/default", body.clone()).await;
        assert!((400..500).contains(&code), "{body}: {code}");
    }
}
