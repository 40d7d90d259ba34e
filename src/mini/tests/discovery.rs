use super::*;

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let server = Server::new().await;
    for path in ["/version", "/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"] {
        let (code, plain) = get(&server, path).await;
        assert_eq!(code, 200, "{path}");
        assert_eq!(get(&server, &format!("{path}/")).await, (200, plain), "{path}");
    }
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    server.send(Method::GET, path, "application/json", Body::empty()).await
}

#[tokio::test]
async fn what_there_is_is_told_as_a_real_server_tells_it() {
    let server = Server::new().await;
    let (_, root) = get(&server, "/").await;
    for path in ["/api", "/apis/apps/v1", "/openid/v1/jwks", "/version"] {
        assert!(root["paths"].as_array().unwrap().contains(&json!(path)), "{path}");
    }
    let (_, core) = get(&server, "/api/v1").await;
    assert_eq!((&core["kind"], &core["apiVersion"]), (&json!("APIResourceList"), &Value::Null));
    let hash = |name: &str| {
        let all = core["resources"].as_array().unwrap().iter();
        all.clone().find(|resource| resource["name"] == name).unwrap()["storageVersionHash"].clone()
    };
    assert_eq!((hash("pods"), hash("configmaps")), (json!("xPOwRZ+Yhw8="), json!("qFsyl6wFWjQ=")));
    let (_, keys) = get(&server, "/openid/v1/jwks").await;
    assert_eq!(keys["keys"][0]["kty"], "OKP");
}

#[tokio::test]
async fn a_token_is_reviewed() {
    let server = Server::new().await;
    let path = "namespaces/default/serviceaccounts/default/token";
    let token = server.create(path, json!({})).await["status"]["token"].clone();
    let review = async |token: Value| {
        let body = json!({"spec": {"token": token}}).to_string();
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        server.send(Method::POST, path, "application/json", body).await.1["status"].clone()
    };
    let status = review(token).await;
    assert_eq!(status["authenticated"], true);
    assert_eq!(status["user"]["username"], "system:serviceaccount:default:default");
    assert_eq!(review(json!("nonsense")).await, json!({"user": {}, "error": "invalid bearer token"}));
}

#[tokio::test]
async fn people_read_it_indented() {
    let server = Server::new().await;
    let text = async |query: &str, agent: &str| {
        let request = Request::get(format!("/api/v1/namespaces/default{query}")).header("user-agent", agent);
        let response = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    for (query, agent, indented) in [
        ("", "kubectl/v1.36.2", false),
        ("?pretty=true", "kubectl/v1.36.2", true),
        ("", "curl/8.5.0", true),
        ("", "Mozilla/5.0 (X11)", true),
        ("?pretty=false", "curl/8.5.0", false),
    ] {
        let text = text(query, agent).await;
        assert_eq!(text.starts_with("{\n  \"kind\": \"Namespace\","), indented, "{query} {agent}: {text}");
        assert_eq!(text.ends_with("}\n"), !indented, "{query} {agent}");
    }
}
