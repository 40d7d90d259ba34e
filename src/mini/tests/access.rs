use super::*;

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

async fn as_account(server: &Server, token: &str, path: &str) -> (u16, Value) {
    let request = Request::builder().uri(path).header("authorization", format!("Bearer {token}"));
    exchange(&server.guarded, request.body(Body::empty()).unwrap()).await
}

async fn token(server: &Server) -> String {
    let issued = server
        .create("namespaces/default/serviceaccounts/default/token", json!({"spec": {"expirationSeconds": 600}}))
        .await;
    issued["status"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_authenticates_its_account_and_roles_give_it_rights() {
    let server = Server::new().await;
    let token = token(&server).await;
    let pods = "/api/v1/namespaces/default/pods";
    let denied = as_account(&server, &token, pods).await;
    assert_eq!(
        refusal(denied),
        "403 Forbidden: pods is forbidden: User \"system:serviceaccount:default:default\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
    );
    let role =
        json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]});
    assert_eq!(server.send(Method::POST, &format!("{ROLES}/roles"), "application/json", role.to_string()).await.0, 201);
    let binding = json!({
        "metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    });
    assert_eq!(
        server.send(Method::POST, &format!("{ROLES}/rolebindings"), "application/json", binding.to_string()).await.0,
        201
    );
    assert_eq!(as_account(&server, &token, pods).await.0, 200);
    assert_eq!(as_account(&server, &token, "/api/v1/pods").await.0, 403, "not at the cluster scope");
    assert_eq!(as_account(&server, &token, "/api/v1/namespaces/default/secrets").await.0, 403);
    assert_eq!(as_account(&server, &token, "/version").await.0, 200);
    let path = as_account(&server, &token, "/metrics").await;
    assert_eq!(
        refusal(path),
        "403 Forbidden: forbidden: User \"system:serviceaccount:default:default\" cannot get path \"/metrics\""
    );
}

#[tokio::test]
async fn a_token_is_for_the_audiences_that_it_names() {
    let server = Server::new().await;
    let spec = json!({"spec": {"audiences": ["api", "vault"]}});
    let issued = server.create("namespaces/default/serviceaccounts/default/token", spec).await;
    let token = issued["status"]["token"].as_str().unwrap();
    assert_eq!(as_account(&server, token, "/version").await.0, 401, "it is not for this API server");
    let review = async |token: &str, audiences: Value| {
        let spec = json!({"spec": {"token": token, "audiences": audiences}}).to_string();
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        server.send(Method::POST, path, "application/json", spec).await.1["status"].clone()
    };
    let status = review(token, json!(["api", "other"])).await;
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!(["api"])));
    for (token, audiences) in [(token, json!(["other"])), (token, json!([])), ("admin", json!(["api"]))] {
        assert_eq!(review(token, audiences).await["authenticated"], Value::Null);
    }
    assert_eq!(review("admin", Value::Null).await["authenticated"], json!(true));
}

#[tokio::test]
async fn no_token_a_forged_one_or_one_whose_account_is_gone_is_401() {
    let server = Server::new().await;
    let token = token(&server).await;
    let (head, rest) = token.split_once('.').unwrap();
    let forged = format!("{head}.x{rest}");
    for wrong in ["", "nonsense", "a.b.c", &forged] {
        assert_eq!(refusal(as_account(&server, wrong, "/version").await), "401 Unauthorized: Unauthorized", "{wrong}");
    }
    assert_eq!(as_account(&server, "admin", "/api/v1/secrets").await.0, 200);
    assert_eq!(as_account(&server, &token, "/version").await.0, 200);
    server.delete("namespaces/default/serviceaccounts/default").await;
    server.create("namespaces/default/serviceaccounts", json!({"metadata": {"name": "default"}})).await;
    assert_eq!(as_account(&server, &token, "/version").await.0, 401, "another account of the same name");
}

#[tokio::test]
async fn a_token_for_another_audience_is_401() {
    let server = Server::new().await;
    let path = "namespaces/default/serviceaccounts/default/token";
    let issued = server.create(path, json!({"spec": {"audiences": ["x"]}})).await;
    let token = issued["status"]["token"].as_str().unwrap();
    assert_eq!(as_account(&server, token, "/version").await.0, 401);
}

#[tokio::test]
async fn view_shows_pods_but_no_secrets() {
    let server = Server::new().await;
    let binding = json!({"metadata": {"name": "v"}, "roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "User", "name": "eve"}]});
    server.send(Method::POST, &format!("{ROLES}/rolebindings"), "application/json", binding.to_string()).await;
    let as_eve = |path: &'static str| {
        let request = Request::builder().uri(path).header("impersonate-user", "eve").body(Body::empty()).unwrap();
        exchange(&server.router, request)
    };
    assert_eq!(as_eve("/api/v1/namespaces/default/pods").await.0, 200);
    assert_eq!(as_eve("/api/v1/namespaces/default/secrets").await.0, 403);
    assert_eq!(as_eve("/api/v1/namespaces/kube-system/pods").await.0, 403);
}

#[tokio::test]
async fn an_account_is_told_who_it_is() {
    let server = Server::new().await;
    let token = token(&server).await;
    let (_, account) = server.get("namespaces/default/serviceaccounts/default").await;
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let request = Request::builder().method(Method::POST).uri(path).header("authorization", format!("Bearer {token}"));
    let (_, review) = exchange(&server.guarded, request.body(Body::from("{}")).unwrap()).await;
    let info = &review["status"]["userInfo"];
    assert_eq!(info["uid"], account["metadata"]["uid"]);
    let credential = info["extra"]["authentication.kubernetes.io/credential-id"][0].as_str().unwrap();
    assert!(credential.starts_with("JTI="), "{review}");
}

#[tokio::test]
async fn a_binding_to_a_role_that_is_not_there_is_told() {
    let server = Server::new().await;
    let binding = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "nope"}, "subjects": [{"kind": "User", "name": "eve"}]});
    server.send(Method::POST, &format!("{ROLES}/rolebindings"), "application/json", binding.to_string()).await;
    let reason = "RBAC: role.rbac.authorization.k8s.io \"nope\" not found";
    let request = Request::builder().uri("/api/v1/namespaces/default/pods").header("impersonate-user", "eve");
    assert_eq!(
        refusal(exchange(&server.router, request.body(Body::empty()).unwrap()).await),
        format!(
            "403 Forbidden: pods is forbidden: User \"eve\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\": {reason}"
        )
    );
    let asked = json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let request = Request::builder().method(Method::POST).uri(path).header("impersonate-user", "eve");
    let (_, answer) = exchange(&server.router, request.body(Body::from(asked.to_string())).unwrap()).await;
    assert_eq!(answer["status"], json!({"allowed": false, "reason": reason}));
}

#[tokio::test]
async fn admin_edit_and_view_are_kubernetes_own() {
    let server = Server::new().await;
    let role = async |name: &str| {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}");
        server.send(Method::GET, &path, "application/json", Body::empty()).await.1
    };
    let allows = |role: &Value, group: &str, resource: &str, verb: &str| {
        let has = |rule: &Value, field: &str, wanted: &str| rule[field].as_array().unwrap().contains(&json!(wanted));
        let rules = role["rules"].as_array().unwrap();
        rules.iter().any(|r| has(r, "apiGroups", group) && has(r, "resources", resource) && has(r, "verbs", verb))
    };
    let (view, edit, admin) = (role("view").await, role("edit").await, role("admin").await);
    assert!(allows(&view, "batch", "jobs", "get") && !allows(&view, "apps", "jobs", "get"));
    assert!(!allows(&view, "", "secrets", "get") && allows(&edit, "", "secrets", "get"));
    assert!(!allows(&edit, "", "resourcequotas", "create") && !allows(&edit, "", "namespaces", "update"));
    assert!(!allows(&edit, "rbac.authorization.k8s.io", "roles", "create"));
    assert!(allows(&admin, "rbac.authorization.k8s.io", "roles", "create"));
    assert_eq!(view["metadata"]["annotations"], json!({"rbac.authorization.kubernetes.io/autoupdate": "true"}));
    assert_eq!(view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"], "true");
}

#[tokio::test]
async fn only_those_allowed_may_impersonate_and_reviews_answer() {
    let server = Server::new().await;
    let token = token(&server).await;
    let request = Request::builder()
        .uri("/version")
        .header("authorization", format!("Bearer {token}"))
        .header("impersonate-user", "root");
    let denied = exchange(&server.guarded, request.body(Body::empty()).unwrap()).await;
    assert!(refusal(denied).starts_with("403 Forbidden: users \"root\" is forbidden: User \"system:serviceaccount:default:default\" cannot impersonate resource \"users\""));
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}).to_string();
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    for (user, allowed) in [(None, true), (Some("bob"), false)] {
        let mut request = Request::builder().method(Method::POST).uri(path);
        if let Some(user) = user {
            request = request.header("impersonate-user", user);
        }
        let (_, answer) = exchange(&server.router, request.body(Body::from(review.clone())).unwrap()).await;
        assert_eq!(answer["status"]["allowed"], allowed);
    }
}
