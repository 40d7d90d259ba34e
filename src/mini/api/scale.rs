//! The subresource `scale` (`autoscaling/v1 Scale`): how many replicas a workload is to have, as an object of its own
//! (Kubernetes `pkg/registry/apps/deployment/storage`).

use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::accept::{Accept, json};
use super::{Api, Call, body, write};
use crate::mini::label_selector::LabelSelector;
use crate::mini::pipeline::{ObjectPart, patch::Patch};
use crate::mini::status::{ApiError, FieldError};

const TYPE: &str = "io.k8s.api.autoscaling.v1.Scale";

/// What a Scale is to become.
enum Change {
    To(Value),
    By(Patch),
}

pub(super) async fn serve(api: &Api, call: &Call, request: Request) -> Result<Response, ApiError> {
    Accept::new(request.headers())?;
    if call.info.verb == "get" {
        return Ok(json(StatusCode::OK, &scale(&api.pipeline.get(call.resource, &call.key())?.value())));
    }
    let options = write::options(call, request.headers())?;
    let change = match call.info.verb.as_str() {
        "patch" => {
            let (parts, content) = request.into_parts();
            Change::By(Patch::parse(body::media_type(&parts.headers), &body::bytes(content).await?)?)
        }
        _ => Change::To(body::value(request, "Scale").await?),
    };
    let done = api.pipeline.patch(call.resource, &call.key(), ObjectPart::Main, &options, |current| {
        let scale = match &change {
            Change::To(scale) => scale.clone(),
            Change::By(patch) => patch.on_value(&scale(current), TYPE)?,
        };
        Ok((scaled(current, &scale)?, vec![]))
    })?;
    Ok(json(StatusCode::OK, &scale(&done.object.value())))
}

/// The scale of a workload.
fn scale(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let replicas = |part: &str| object[part]["replicas"].as_i64().unwrap_or(0);
    let mut own = serde_json::Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        own.insert(field.to_owned(), metadata[field].clone());
    }
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": own,
        "spec": {"replicas": replicas("spec")},
        "status": {
            "replicas": replicas("status"), "selector": LabelSelector::from_json(&object["spec"]["selector"]).to_string(),
        },
    })
}

/// The workload with the replicas that its scale is to have.
fn scaled(object: &Value, scale: &Value) -> Result<Value, ApiError> {
    let given = &scale["spec"]["replicas"];
    let replicas = match given.as_i64() {
        Some(replicas) => replicas,
        None if given.is_null() => 0,
        None => {
            let why = format!(
                "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal {} into Go struct field ScaleSpec.spec.replicas of type int32",
                crate::mini::schema::word(given)
            );
            return Err(ApiError::BadRequest(why));
        }
    };
    if replicas < 0 {
        let cause = FieldError::invalid("spec.replicas", given, "must be greater than or equal to 0");
        let kind = crate::mini::status::Qualified { name: "Scale", group: "autoscaling" };
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        return Err(ApiError::Invalid { kind, name, causes: vec![cause] });
    }
    let mut object = object.clone();
    object["spec"]["replicas"] = json!(replicas);
    let version = &scale["metadata"]["resourceVersion"];
    if version.as_str().is_some_and(|version| !version.is_empty()) {
        object["metadata"]["resourceVersion"] = version.clone();
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_read_and_written() {
        let object = json!({
            "metadata": {"name": "a", "resourceVersion": "7"}, "status": {"replicas": 1},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}},
        });
        let scale = scale(&object);
        assert_eq!(scale["spec"], json!({"replicas": 2}));
        assert_eq!(scale["status"], json!({"replicas": 1, "selector": "app=a"}));
        let more = scaled(&object, &json!({"spec": {"replicas": 5}, "metadata": {"resourceVersion": "6"}})).unwrap();
        assert_eq!((&more["spec"]["replicas"], &more["metadata"]["resourceVersion"]), (&json!(5), &json!("6")));
        let said = scaled(&object, &json!({"spec": {"replicas": -1}})).unwrap_err().to_string();
        assert_eq!(
            said,
            r#"Scale.autoscaling "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"#
        );
        assert!(scaled(&object, &json!({"spec": {"replicas": "x"}})).is_err());
    }
}
