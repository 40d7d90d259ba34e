//! POST, PUT, PATCH and DELETE.

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::accept::{Accept, json};
use super::{Api, Call, body, read};
use crate::mini::auth;
use crate::mini::pipeline::{DeleteOptions, Deleted, ObjectPart, WriteOptions, Writer, Written, patch, place};
use crate::mini::resource::Propagation;
use crate::mini::schema::{self, FieldValidation};
use crate::mini::status::{ApiError, FieldError};

pub(super) fn options(call: &Call, headers: &HeaderMap) -> Result<WriteOptions, ApiError> {
    let field_validation = match call.params.get("fieldValidation") {
        Some("Strict") => FieldValidation::Strict,
        Some("Ignore") => FieldValidation::Ignore,
        Some("Warn") | None => FieldValidation::Warn,
        Some(other) => {
            let supported = ["", "Ignore", "Strict", "Warn"];
            return Err(invalid_option(FieldError::unsupported("fieldValidation", &json!(other), &supported)));
        }
    };
    let agent = headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let named = call.params.get("fieldManager").filter(|name| !name.is_empty());
    let name = named.unwrap_or_else(|| agent.split('/').next().unwrap_or_default());
    let writer = Writer {
        name: name.chars().take(MAX_MANAGER).collect(),
        subresource: call.info.subresource.clone(),
        force: call.params.flag("force"),
        ..Writer::default()
    };
    Ok(WriteOptions { dry_run: dry_run(call.params.get("dryRun"))?, field_validation, writer })
}

/// The longest name of a field manager.
const MAX_MANAGER: usize = 128;

fn invalid_option(cause: FieldError) -> ApiError {
    ApiError::invalid("CreateOptions", "meta.k8s.io", cause)
}

fn dry_run(text: Option<&str>) -> Result<bool, ApiError> {
    match text {
        None => Ok(false),
        Some("All") => Ok(true),
        Some(other) => Err(invalid_option(FieldError::unsupported("dryRun", &json!([other]), &["All"]))),
    }
}

fn written(api: &Api, call: &Call, accept: Accept, written: &Written) -> Result<Response, ApiError> {
    let code = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = read::one(api, call, accept, code, &written.object)?;
    for warning in &written.warnings {
        if let Ok(value) = HeaderValue::from_str(&format!("299 - {warning:?}")) {
            response.headers_mut().append(http::header::WARNING, value);
        }
    }
    Ok(response)
}

pub(super) async fn create(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    let (accept, options) = (Accept::new(request.headers())?, options(call, request.headers())?);
    if !call.info.name.is_empty() {
        return Err(ApiError::MethodNotAllowed);
    }
    if call.resource.namespaced && call.namespace().is_empty() {
        return Err(ApiError::BadRequest("an empty namespace may not be set during creation".to_owned()));
    }
    let body = body::value(request, call.resource.kind).await?;
    let done = api.pipeline.create(call.resource, call.namespace(), body, &options)?;
    written(api, call, accept, &done)
}

/// Answers a review (of access, of a token): a create whose object is not stored.
pub(super) async fn review(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    let field_validation = options(call, request.headers())?.field_validation;
    let body = body::value(request, call.resource.kind).await?;
    let (mut body, _) = schema::decode(call.resource, body, field_validation)?;
    if call.resource.namespaced {
        place(call.resource, call.namespace(), &mut body)?;
    }
    let answer = auth::review(&api.pipeline, &api.authenticator, call.resource, &call.user, body)?;
    Ok(json(StatusCode::CREATED, &answer))
}

fn part(call: &Call) -> ObjectPart {
    match call.info.subresource.as_str() {
        "status" => ObjectPart::Status,
        "finalize" => ObjectPart::Finalize,
        "ephemeralcontainers" => ObjectPart::EphemeralContainers,
        _ => ObjectPart::Main,
    }
}

pub(super) async fn update(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    let (accept, options) = (Accept::new(request.headers())?, options(call, request.headers())?);
    let body = body::value(request, call.resource.kind).await?;
    let done = api.pipeline.update(call.resource, &call.key(), part(call), body, &options)?;
    written(api, call, accept, &done)
}

pub(super) async fn patch(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    let accept = Accept::new(request.headers())?;
    let (parts, body) = request.into_parts();
    let media = body::media_type(&parts.headers).to_owned();
    let bytes = body::bytes(body).await?;
    let options = options(call, &parts.headers)?;
    patch_options(call, media == APPLY)?;
    let patch = patch::Patch::parse(&media, &bytes)?;
    let done = patch.apply(&api.pipeline, call.resource, &call.key(), part(call), &options)?;
    written(api, call, accept, &done)
}

const APPLY: &str = "application/apply-patch+yaml";

/// What only server-side apply may be asked, and must (`ValidatePatchOptions`).
fn patch_options(call: &Call, apply: bool) -> Result<(), ApiError> {
    let manager = call.params.get("fieldManager").unwrap_or_default();
    let strange = manager.chars().enumerate().find(|(_, char)| char.is_control());
    let cause = if apply && manager.is_empty() {
        FieldError::required("fieldManager", "is required for apply patch")
    } else if !apply && call.params.has("force") {
        FieldError::forbidden("force", "may not be specified for non-apply patch")
    } else if let Some((at, char)) = strange {
        let detail = format!("invalid character U+{:04X} (at position {at})", u32::from(char));
        FieldError::invalid("fieldManager", &json!(manager), detail)
    } else {
        return Ok(());
    };
    Err(ApiError::invalid("PatchOptions", "meta.k8s.io", cause))
}

/// `DeleteOptions` from body and query; the query wins.
async fn delete_options(call: &Call, request: Request) -> Result<DeleteOptions, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = body::bytes(body).await?;
    let body = match body::media_type(&parts.headers) {
        _ if bytes.is_empty() => Value::Null,
        "application/yaml" => body::yaml(&bytes).map_err(ApiError::BadRequest)?,
        "application/json" => body::json(&bytes).map_err(ApiError::BadRequest)?,
        "application/vnd.kubernetes.protobuf" => super::protobuf::decode(&bytes)?,
        _ => return Err(ApiError::UnsupportedMediaType { accepted: body::READS }),
    };
    of_body(call, &body)
}

pub(super) fn of_body(call: &Call, body: &Value) -> Result<DeleteOptions, ApiError> {
    let kind = body["kind"].as_str().unwrap_or_default();
    if !matches!(kind, "" | "DeleteOptions") {
        let version = body["apiVersion"].as_str().unwrap_or("v1");
        return Err(ApiError::BadRequest(format!(
            "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/apis/meta/internalversion/scheme/register.go:27\""
        )));
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let dry = call.params.get("dryRun").or_else(|| body["dryRun"][0].as_str());
    let grace = call.params.integer("gracePeriodSeconds")?.or_else(|| body["gracePeriodSeconds"].as_i64());
    Ok(DeleteOptions {
        grace_period_seconds: grace,
        uid: text(&body["preconditions"]["uid"]),
        resource_version: text(&body["preconditions"]["resourceVersion"]),
        propagation: propagation(call, body)?,
        dry_run: dry_run(dry)?,
    })
}

/// The policy for dependents; `orphanDependents` is its older form.
fn propagation(call: &Call, body: &Value) -> Result<Option<Propagation>, ApiError> {
    let policy = call.params.get("propagationPolicy").or_else(|| body["propagationPolicy"].as_str());
    let orphan = call.params.get("orphanDependents").map(|text| text == "true").or(body["orphanDependents"].as_bool());
    if policy.is_some() && orphan.is_some() {
        let value = json!(policy.unwrap_or_default());
        let detail = "orphanDependents and deletionPropagation cannot be both set";
        let cause = FieldError::invalid("propagationPolicy", &value, detail);
        return Err(ApiError::invalid("DeleteOptions", "meta.k8s.io", cause));
    }
    match policy {
        None => Ok(orphan.map(|orphan| if orphan { Propagation::Orphan } else { Propagation::Background })),
        Some("Orphan") => Ok(Some(Propagation::Orphan)),
        Some("Background") => Ok(Some(Propagation::Background)),
        Some("Foreground") => Ok(Some(Propagation::Foreground)),
        Some(other) => {
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            let cause = FieldError::unsupported("propagationPolicy", &json!(other), &supported);
            Err(ApiError::invalid("DeleteOptions", "meta.k8s.io", cause))
        }
    }
}

pub(super) async fn delete(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    let accept = Accept::new(request.headers())?;
    let options = delete_options(call, request).await?;
    let object = match api.pipeline.delete(call.resource, &call.key(), &options)? {
        Deleted::Gone(object) if call.resource.strategy.returns_deleted() => object,
        Deleted::Marked(object) => object,
        Deleted::Gone(object) => {
            let mut details =
                json!({"name": call.info.name, "kind": call.resource.plural, "uid": object.value()["metadata"]["uid"]});
            if !call.resource.group.is_empty() {
                details["group"] = json!(call.resource.group);
            }
            let status =
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
            return Ok(json(StatusCode::OK, &status));
        }
    };
    read::one(api, call, accept, StatusCode::OK, &object)
}

pub(super) async fn delete_collection(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    Accept::new(request.headers())?;
    let options = delete_options(call, request).await?;
    let mut items = vec![];
    for object in read::select(api, call)? {
        match api.pipeline.delete(call.resource, &object.key, &options) {
            Ok(Deleted::Gone(object) | Deleted::Marked(object)) => items.push(object),
            // Another request has deleted it meanwhile.
            Err(ApiError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let metadata = json!({"resourceVersion": api.pipeline.store.revision().to_string()});
    Ok(read::pieces(read::plain(call.resource, &items, &metadata)))
}
