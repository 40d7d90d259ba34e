//! Pods' subresources that are not parts of the object: binding and eviction.

use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::accept::json;
use super::{Api, Call, body, write};
use crate::mini::pipeline::ObjectPart;
use crate::mini::status::ApiError;

/// Puts a pod on a node (Kubernetes `BindingREST.setPodNodeAndMetadata`).
pub(super) async fn bind(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    let binding = body::value(request, "Binding").await?;
    let given = binding["metadata"]["name"].as_str().unwrap_or_default();
    if given != call.info.name {
        return Err(ApiError::BadRequest("name in URL does not match name in Binding object".to_owned()));
    }
    let node = binding["target"]["name"].as_str().unwrap_or_default().to_owned();
    if node.is_empty() {
        return Err(ApiError::BadRequest("target.name: Required value".to_owned()));
    }
    let pinned = binding["metadata"]["uid"].as_str();
    let conflict =
        |why: String| ApiError::Conflict { resource: call.resource.qualified(), name: call.info.name.clone(), why };
    let scheduled = |pod: &Value| {
        let pinned = ("UID", pinned.filter(|uid| !uid.is_empty()), &pod["metadata"]["uid"]);
        ApiError::precondition(call.resource.qualified(), (call.namespace(), &call.info.name), pinned)?;
        if pod["metadata"]["deletionTimestamp"].is_string() {
            return Err(conflict(format!("pod {} is being deleted, cannot be assigned to a host", call.info.name)));
        }
        if let Some(taken) = pod["spec"]["nodeName"].as_str().filter(|n| !n.is_empty()) {
            return Err(conflict(format!("pod {} is already assigned to node {taken:?}", call.info.name)));
        }
        let mut pod = pod.clone();
        pod["spec"]["nodeName"] = json!(node);
        let now = crate::mini::pipeline::now();
        let condition =
            json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
        let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.retain(|c| c["type"] != "PodScheduled");
        conditions.push(condition);
        pod["status"]["conditions"] = Value::Array(conditions);
        Ok((pod, vec![]))
    };
    api.pipeline.patch(call.resource, &call.key(), ObjectPart::Whole, &Default::default(), scheduled)?;
    Ok(success())
}

/// `kubectl drain`: a deletion; mini has no disruption budgets that could stand against it.
pub(super) async fn evict(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    let eviction = body::value(request, "Eviction").await?;
    let kind = eviction["kind"].as_str().filter(|kind| !kind.is_empty() && *kind != "Eviction");
    if let Some(kind) = kind {
        return Err(ApiError::BadRequest(format!(
            "{kind} in version \"v1\" cannot be handled as a Eviction: converting (v1.{kind}) to (policy.Eviction): unknown conversion"
        )));
    }
    let options = write::of_body(call, &eviction["deleteOptions"])?;
    api.pipeline.delete(call.resource, &call.key(), &options)?;
    Ok(success())
}

fn success() -> Response {
    let success = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    json(StatusCode::CREATED, &success)
}
