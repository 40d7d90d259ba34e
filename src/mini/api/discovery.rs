//! `/`, `/version`, `/api`, `/apis` and who issues tokens: what there is, plain and aggregated (apiserver
//! `pkg/endpoints/discovery`).

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::HOST;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Api;
use super::accept::{Accept, Shape, answer, json, json_bytes, text};
use crate::mini::auth::ISSUER;
use crate::mini::resource::{Resource, Serving, Subresource};
use crate::mini::resources;
use crate::mini::runtime::architecture;
use crate::mini::schema::openapi;
use crate::mini::status::ApiError;

/// `/version`. The git version says that this is mini.
pub(super) async fn version(State(api): State<Arc<Api>>) -> Response {
    let version = api.pipeline.version;
    let info = json!({
        "major": version.major.to_string(), "minor": version.minor.to_string(),
        "emulationMajor": version.major.to_string(), "emulationMinor": version.minor.to_string(),
        "gitVersion": format!("v{version}.0+mini"), "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    });
    json(StatusCode::OK, &info)
}

/// `/openapi/v2`: kubectl asks for it where version 3 does not know a kind. An empty document, in the one form it
/// reads, has it go on and say that there is no such kind.
pub(super) async fn openapi_v2() -> Response {
    answer(StatusCode::OK, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", "")
}

/// Groups and their versions in the table's order, the core group left out.
fn named_groups() -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<(&str, &str)> = vec![];
    for resource in resources::all().filter(|r| !r.group.is_empty()) {
        if !groups.contains(&(resource.group, resource.version)) {
            groups.push((resource.group, resource.version));
        }
    }
    groups
}

fn of_group(group: &str, version: &str) -> impl Iterator<Item = &'static Resource> {
    let mut all: Vec<_> = resources::all().filter(|r| r.group == group && r.version == version).collect();
    all.sort_by_key(|r| r.plural);
    all.into_iter()
}

pub(super) async fn core(request: Request) -> Result<Response, ApiError> {
    if Accept::new(request.headers())?.shape == Shape::Discovery {
        return Ok(aggregated(&[("", "v1")]));
    }
    let body = json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []});
    Ok(json(StatusCode::OK, &body))
}

pub(super) async fn groups(request: Request) -> Result<Response, ApiError> {
    if Accept::new(request.headers())?.shape == Shape::Discovery {
        return Ok(aggregated(&named_groups()));
    }
    let groups: Vec<_> = named_groups().iter().map(|(group, version)| describe_group(group, version)).collect();
    Ok(json(StatusCode::OK, &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})))
}

pub(super) async fn group(Path(name): Path<String>) -> Result<Response, ApiError> {
    let Some((group, version)) = named_groups().into_iter().find(|(group, _)| *group == name) else {
        return Ok(nowhere());
    };
    let mut body = describe_group(group, version);
    body["kind"] = json!("APIGroup");
    body["apiVersion"] = json!("v1");
    Ok(json(StatusCode::OK, &body))
}

fn describe_group(group: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

pub(super) async fn core_resources() -> Result<Response, ApiError> {
    resource_list("", "v1")
}

pub(super) async fn resources(Path((group, version)): Path<(String, String)>) -> Result<Response, ApiError> {
    resource_list(&group, &version)
}

fn resource_list(group: &str, version: &str) -> Result<Response, ApiError> {
    let mut list = vec![];
    for resource in of_group(group, version) {
        list.push(describe(resource));
        list.extend(resource.subresources.iter().map(|s| describe_subresource(resource, s)));
    }
    if list.is_empty() {
        return if is_group(group) { Err(ApiError::NoSuchResource) } else { Ok(nowhere()) };
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut body =
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list});
    // The core group's list is as old as Kubernetes is, and says nothing of a version.
    if let Some(body) = body.as_object_mut().filter(|_| group.is_empty()) {
        body.shift_remove("apiVersion");
    }
    Ok(json(StatusCode::OK, &body))
}

fn describe(resource: &Resource) -> Value {
    let mut out = json!({
        "name": resource.plural, "singularName": resource.singular(), "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": resource.verbs,
    });
    other_names(&mut out, resource);
    if resource.serving != Serving::Review {
        out["storageVersionHash"] = json!(storage_version_hash(resource));
    }
    out
}

/// The beginning of the digest of group, version and kind (apiserver `StorageVersionHash`).
fn storage_version_hash(resource: &Resource) -> String {
    let of = format!("{}/{}/{}", resource.group, resource.version, resource.kind);
    STANDARD.encode(&Sha256::digest(of)[..8])
}

/// Whether a resource of that group is served.
pub(super) fn is_group(name: &str) -> bool {
    resources::all().any(|resource| resource.group == name)
}

/// The answer to a path that nobody serves.
pub(super) fn nowhere() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// `/`: what is served beside the objects.
pub(super) async fn root() -> Response {
    let mut paths: Vec<String> = PATHS.iter().map(|path| (*path).to_owned()).collect();
    for (group, version) in named_groups() {
        paths.extend([format!("/apis/{group}"), format!("/apis/{group}/{version}")]);
    }
    paths.sort();
    paths.dedup();
    json(StatusCode::OK, &json!({"paths": paths}))
}

const PATHS: &[&str] = &[
    "/.well-known/openid-configuration",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/",
    "/healthz",
    "/livez",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/openid/v1/jwks",
    "/readyz",
    "/version",
];

/// Who issues the tokens of ServiceAccounts (OpenID Connect Discovery 1.0).
pub(super) async fn openid_configuration(request: Request) -> Response {
    let own = request.uri().authority().map(ToString::to_string);
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = own.or(host).unwrap_or_else(|| "localhost".to_owned());
    let configuration = json!({
        "issuer": ISSUER, "jwks_uri": format!("https://{host}/openid/v1/jwks"), "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["EdDSA"],
    });
    json(StatusCode::OK, &configuration)
}

/// The keys that those tokens are signed with.
pub(super) async fn key_set(State(api): State<Arc<Api>>) -> Response {
    answer(StatusCode::OK, "application/jwk-set+json", api.authenticator.tokens.key_set().to_string())
}

fn other_names(out: &mut Value, resource: &Resource) {
    for (key, list) in [("shortNames", resource.short), ("categories", resource.categories)] {
        if !list.is_empty() {
            out[key] = json!(list);
        }
    }
}

fn describe_subresource(resource: &Resource, sub: &Subresource) -> Value {
    let mut out = json!({
        "name": format!("{}/{}", resource.plural, sub.name), "singularName": "", "namespaced": resource.namespaced,
        "kind": sub.kind, "verbs": sub.verbs,
    });
    if !sub.group.is_empty() {
        out["group"] = json!(sub.group);
        out["version"] = json!(sub.version);
    }
    out
}

/// `apidiscovery.k8s.io/v2 APIGroupDiscoveryList`.
fn aggregated(groups: &[(&str, &str)]) -> Response {
    let items = groups.iter().map(|(group, version)| {
        let resources: Vec<_> = of_group(group, version).map(discovery).collect();
        let metadata = if group.is_empty() { json!({"creationTimestamp": null}) } else { json!({"name": group, "creationTimestamp": null}) };
        json!({"metadata": metadata, "versions": [{"version": version, "freshness": "Current", "resources": resources}]})
    });
    let items: Vec<Value> = items.collect();
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    let media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    answer(StatusCode::OK, media, list.to_string())
}

fn discovery(resource: &'static Resource) -> Value {
    let kind = |kind: &str, group: &str, version: &str| json!({"group": group, "version": version, "kind": kind});
    let subresources: Vec<_> = resource
        .subresources
        .iter()
        .map(|s| {
            let group = if s.group.is_empty() { resource.group } else { s.group };
            json!({"subresource": s.name, "responseKind": kind(s.kind, group, s.version), "verbs": s.verbs})
        })
        .collect();
    let mut out = json!({
        "resource": resource.plural, "responseKind": kind(resource.kind, resource.group, resource.version),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular(), "verbs": resource.verbs,
    });
    other_names(&mut out, resource);
    if !subresources.is_empty() {
        out["subresources"] = json!(subresources);
    }
    out
}

pub(super) async fn openapi_index() -> Response {
    json(StatusCode::OK, &openapi::index())
}

pub(super) async fn openapi(Path(path): Path<String>) -> Result<Response, ApiError> {
    let document = openapi::find(&path).ok_or(ApiError::NoSuchResource)?;
    Ok(json_bytes(StatusCode::OK, document.json.clone()))
}
