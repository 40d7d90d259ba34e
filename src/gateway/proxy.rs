//! One request's way to the cluster and its answer's way back.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request as Incoming, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Version};
use http_body_util::{BodyExt, Limited};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body as UpstreamBody;
use serde_json::Value;

use super::body::Forward;
use super::discovery::{Discovery, Key};
use super::error::Refusal;
use super::faults::Struck;
use super::filter::{Sight, WatchLines};
use super::media::{Content, accept_text};
use super::names::LONGEST;
use super::path::{Target, impersonate};
use super::record::Request;
use super::rights::{Reach, acts_on_others, is_immortal, is_renamed};
use super::shared::{KnownNames, Shared};
use super::stream::mapped;
use crate::kubewords::is_system_namespace;
use crate::mini::api::body::bytes;

/// The longest list that is filtered, in bytes; kubectl asks for 500 objects at a time.
const LONGEST_LIST: usize = 64 << 20;
/// The longest request to what runs behind `…/proxy`.
const LONGEST_PROXIED: usize = 64 << 20;

/// The groups whose objects are kinds.
const KINDS: &[&str] = &["apiextensions.k8s.io", "apiregistration.k8s.io"];

/// Marks requests that come from this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside;

pub(crate) async fn serve(State(shared): State<Arc<Shared>>, request: Incoming) -> Response {
    let begun = Instant::now();
    let is_inside = request.extensions().get::<Inside>().is_some();
    let mut record = Request::default();
    if is_inside && shared.blind.is_cancelled() {
        return Refusal::internal("the view of the cluster is cut off").into_response();
    }
    let answered = answer(&shared, request, &mut record).await;
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    if is_inside {
        let blind = shared.blind.clone().cancelled_owned();
        response = response.map(|body| Body::from_stream(body.into_data_stream().take_until(blind)));
    }
    let (response, struck) = match &shared.upstream.faults {
        Some(faults) => faults.strike(response),
        None => (response, Struck::Not),
    };
    record.code = response.status().as_u16();
    match struck {
        Struck::Cut => shared.note_failure(&record, "its answer was cut off"),
        _ if record.code >= 500 => shared.note_failure(&record, &record.code.to_string()),
        Struck::Not | Struck::Replaced => {}
    }
    if !is_inside {
        record.micros = begun.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
        (shared.told)(record);
    }
    response
}

async fn answer(shared: &Arc<Shared>, request: Incoming, record: &mut Request) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let (client, is_own) = client_for(shared, &mut parts)?;
    let target = Target::read(&parts.method, &parts.uri)?;
    *record = Request::new(&target.info);
    shared.demand(shared.reach.right(&target, &shared.known().names), &target)?;
    if is_immortal(&target) {
        return Err(Refusal::forbidden(&target.info, "this namespace may not be deleted"));
    }
    let upgrade = parts.extensions.get::<OnUpgrade>().filter(|_| parts.headers.contains_key(UPGRADE)).cloned();
    let discovered = Discovery::key(&parts).filter(|_| is_own);
    if let Some(known) = discovered.as_ref().and_then(|key| shared.upstream.discovery.answer(key)) {
        return Ok(known);
    }
    let is_verbatim = shared.known().names.is_verbatim();
    let (sent, name) = match (&upgrade, target.info.subresource.as_str()) {
        (Some(_), _) => (Bytes::new(), target.info.name.clone()),
        (None, "proxy") => (proxied(body).await?, target.info.name.clone()),
        (None, _) if is_verbatim => {
            let bytes = bytes(body).await?;
            // The body is read for the record only, and passed on as it came.
            if let (true, Ok(content)) =
                (target.info.verb == "create", Content::read(&mut parts.headers.clone(), &bytes))
            {
                content.value()["metadata"]["name"].as_str().unwrap_or_default().clone_into(&mut record.name);
            }
            (bytes, target.info.name.clone())
        }
        (None, _) => forward(shared, &client, &target, &mut parts.headers, bytes(body).await?, record).await?,
    };
    let KnownNames { names, .. } = shared.known();
    let is_filtered = !is_verbatim && target.is_cluster_wide() && matches!(target.info.verb.as_str(), "list" | "watch");
    let path = target.forward(&names, &name);
    headers(&mut parts.headers, upgrade.is_some());
    impersonate(&mut parts.headers, &names);
    if target.info.is_resource && !target.is_connection() && !is_verbatim {
        accept_text(&mut parts.headers, !is_filtered);
    }
    let mut request = http::Request::new(UpstreamBody::from(sent));
    *request.method_mut() = parts.method;
    *request.uri_mut() = path.parse().map_err(|_| Refusal::bad_request("the path is no URI"))?;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = parts.headers;
    // A server in this process takes the client's own connection for an upgrade.
    *request.extensions_mut() = parts.extensions;
    let mut response = client.send(request).await.map_err(|error| Refusal::unavailable(&error))?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let theirs = response.extensions_mut().remove::<OnUpgrade>();
        if let (Some(ours), Some(theirs)) = (upgrade, theirs) {
            shared.tasks.spawn(carry(shared.clone(), ours, theirs));
        }
        return Ok(response.map(|_| Body::empty()));
    }
    if response.status().is_success() {
        remember(shared, &target, &record.name, &name);
    }
    if let Some(key) = discovered.filter(|_| response.status() == StatusCode::OK) {
        return kept(shared, key, response).await;
    }
    let sight = (is_filtered && response.status().is_success()).then(|| Sight {
        names,
        of_namespaces: target.is_namespaces(),
        system: shared.reach != Reach::Users,
    });
    back(shared, response, sight, target.info.verb == "watch").await
}

/// The cluster's own credentials for the lab's token, and whether it is that; another's token is passed on as it is.
fn client_for(shared: &Shared, parts: &mut Parts) -> Result<(Client, bool), Refusal> {
    if parts.extensions.remove::<Inside>().is_some() {
        return Ok((shared.upstream.client.clone(), true));
    }
    let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, token) = given.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(Refusal::unauthorized());
    }
    if token.trim() != shared.token.expose() {
        return Ok((shared.upstream.bare.clone(), false));
    }
    parts.headers.remove(AUTHORIZATION);
    Ok((shared.upstream.client.clone(), true))
}

/// The body in the cluster's names, and what the object is called there.
async fn forward(
    shared: &Shared,
    client: &Client,
    target: &Target,
    headers: &mut HeaderMap,
    bytes: Bytes,
    record: &mut Request,
) -> Result<(Bytes, String), Refusal> {
    let mut content = match bytes.is_empty() {
        true => None,
        false => Some(Content::read(headers, &bytes)?),
    };
    let object = content.as_ref().map_or(&Value::Null, Content::value);
    if record.name.is_empty() && target.info.verb == "create" {
        object["metadata"]["name"].as_str().unwrap_or_default().clone_into(&mut record.name);
    }
    created_namespace(shared, target, &record.name)?;
    refers(shared, client, target, object).await?;
    let name = own_name(shared, client, target, object, &record.name).await?;
    let names = shared.known().names;
    let mut mapping = Forward::new(&names);
    match &mut content {
        None => return Ok((bytes, name)),
        Some(Content::Object(object)) => {
            mapping.object(&target.info.resource, object);
            if name != record.name && object["metadata"]["name"].is_string() {
                object["metadata"]["name"] = name.clone().into();
            }
        }
        Some(Content::JsonPatch(operations)) => mapping.json_patch(&target.info.resource, operations),
    }
    let configs = mapping.configs;
    if !configs.is_empty() {
        shared.learn(|names| configs.iter().for_each(|(played, written)| names.learn_config(played, written)));
    }
    Ok((content.map_or(bytes, |content| content.value().to_string().into()), name))
}

/// Refuses a namespace that would be the system's, or have too long a name.
fn created_namespace(shared: &Shared, target: &Target, name: &str) -> Result<(), Refusal> {
    let names = shared.known().names;
    if !target.is_namespaces() || target.info.verb != "create" {
        return Ok(());
    }
    if is_system_namespace(name) {
        return shared.demand(shared.reach.beyond(), target);
    }
    if names.namespace(name).len() > LONGEST && name.len() <= LONGEST {
        return Err(Refusal::long_namespace(name, LONGEST - names.shortened_by()));
    }
    Ok(())
}

/// A role that a binding names and that is not there yet is the lab's own, made later.
async fn refers(shared: &Shared, client: &Client, target: &Target, object: &Value) -> Result<(), Refusal> {
    let role = &object["roleRef"];
    let (Some("ClusterRole"), Some(name)) = (role["kind"].as_str(), role["name"].as_str()) else { return Ok(()) };
    let names = shared.known().names;
    if shared.reach == Reach::Users || names.has_made("clusterroles", name) {
        return Ok(());
    }
    let roles = format!("/apis/{}/{}/clusterroles", target.info.group, target.info.version);
    if !exists(client, &roles, name).await? {
        shared.learn(|names| names.learn_made("clusterroles", name));
    }
    Ok(())
}

/// What the object of a request is called on the cluster. A cluster-scoped one of the lab's making has a name of its
/// own there; one that is there already is not the lab's to change.
async fn own_name(
    shared: &Shared,
    client: &Client,
    target: &Target,
    object: &Value,
    name: &str,
) -> Result<String, Refusal> {
    let (info, names) = (&target.info, shared.known().names);
    let is_renamed = target.is_cluster_wide() && is_renamed(&info.group, &info.resource);
    if !is_renamed || name.is_empty() || shared.reach == Reach::Users {
        return Ok(name.to_owned());
    }
    if acts_on_others(object) {
        shared.demand(shared.reach.beyond(), target)?;
    }
    let is_read = info.verb == "get";
    if names.has_made(&info.resource, name) || is_read && name.starts_with(super::names::ALL_LABS) {
        return Ok(names.cluster_scoped(name));
    }
    if is_read {
        return Ok(name.to_owned());
    }
    let kind = format!("/apis/{}/{}/{}", info.group, info.version, info.resource);
    if !exists(client, &kind, name).await? {
        return Ok(names.cluster_scoped(name));
    }
    // A create is told that it is there already.
    if info.verb != "create" {
        shared.demand(shared.reach.beyond(), target)?;
    }
    Ok(name.to_owned())
}

async fn exists(client: &Client, kind: &str, name: &str) -> Result<bool, Refusal> {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let request = http::Request::get(format!("{kind}/{name}")).body(UpstreamBody::empty());
    let request = request.map_err(|_| Refusal::bad_request("the name is none"))?;
    let response = client.send(request).await.map_err(|error| Refusal::unavailable(&error))?;
    Ok(response.status().is_success())
}

/// A cluster-scoped object of the lab's making is found again, and removed later.
fn remember(shared: &Shared, target: &Target, name: &str, played: &str) {
    let info = &target.info;
    if KINDS.contains(&info.group.as_str()) && !matches!(info.verb.as_str(), "get" | "list" | "watch") {
        shared.upstream.discovery.forget();
    }
    let is_write = matches!(info.verb.as_str(), "create" | "patch" | "update") && !target.params.flag("dryRun");
    if !is_write || !target.is_cluster_wide() || name == played || target.params.get("dryRun").is_some() {
        return;
    }
    shared.learn(|names| names.learn_made(&info.resource, name));
    shared.add_made(format!("/apis/{}/{}/{}/{played}", info.group, info.version, info.resource));
}

/// What the server serves, kept for whoever asks next. No lab's names are in it.
async fn kept(shared: &Shared, key: Key, response: http::Response<UpstreamBody>) -> Result<Response, Refusal> {
    let (mut parts, body) = response.into_parts();
    let body = Limited::new(body, LONGEST_LIST).collect().await;
    let body =
        body.map_err(|error| Refusal::internal(&format!("the cluster's answer cannot be read: {error}")))?.to_bytes();
    shared.upstream.discovery.keep(key, &parts.headers, body.clone());
    [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].iter().for_each(|name| drop(parts.headers.remove(name)));
    parts.extensions.clear();
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn proxied(body: Body) -> Result<Bytes, Refusal> {
    let collected = Limited::new(body, LONGEST_PROXIED).collect().await;
    collected.map(|body| body.to_bytes()).map_err(|error| Refusal::bad_request(&error.to_string()))
}

/// Takes out what is between the client and the gateway only.
fn headers(headers: &mut HeaderMap, is_upgrade: bool) {
    let keep_alive = HeaderName::from_static("keep-alive");
    let hop = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, TE, TRAILER, EXPECT, ACCEPT_ENCODING, keep_alive];
    hop.iter().for_each(|name| drop(headers.remove(name)));
    if !is_upgrade {
        headers.remove(CONNECTION);
        headers.remove(UPGRADE);
    }
}

/// The answer in the lecture's names; filtered where the lab does not see all of it.
async fn back(
    shared: &Arc<Shared>,
    response: http::Response<UpstreamBody>,
    sight: Option<Sight>,
    is_watch: bool,
) -> Result<Response, Refusal> {
    let (mut parts, body) = response.into_parts();
    let known = shared.known();
    [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].iter().for_each(|name| drop(parts.headers.remove(name)));
    for value in parts.headers.values_mut() {
        let mapped =
            value.to_str().ok().filter(|text| text.contains(known.names.id())).map(|text| known.back.text(text));
        if let Some(mapped) = mapped.and_then(|text| text.parse().ok()) {
            *value = mapped;
        }
    }
    parts.extensions.clear();
    let (body, lines) = match sight {
        Some(sight) if is_watch => (body, Some(WatchLines::new(sight))),
        Some(sight) => {
            let list = Limited::new(body, LONGEST_LIST).collect().await;
            let list =
                list.map_err(|error| Refusal::internal(&format!("the cluster's list cannot be read: {error}")))?;
            (UpstreamBody::from(sight.list(list.to_bytes())), None)
        }
        None => (body, None),
    };
    Ok(Response::from_parts(parts, mapped(shared.clone(), body, lines)))
}

/// Carries an upgraded connection both ways until either side ends it.
async fn carry(shared: Arc<Shared>, ours: OnUpgrade, theirs: OnUpgrade) {
    let Ok((ours, theirs)) = tokio::try_join!(ours, theirs) else { return };
    let (mut ours, mut theirs): (TokioIo<Upgraded>, TokioIo<Upgraded>) = (TokioIo::new(ours), TokioIo::new(theirs));
    tokio::select! {
        () = shared.shutdown.cancelled() => {}
        // Either side's end is both sides' end.
        _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs) => {}
    }
}
