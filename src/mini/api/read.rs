//! GET of one object and of lists.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::accept::{Accept, Shape, encode, json_bytes};
use super::{Api, Call};
use crate::mini::Version;
use crate::mini::go_json;
use crate::mini::pipeline::store_error;
use crate::mini::request::Params;
use crate::mini::resource::Resource;
use crate::mini::status::{ApiError, FieldError};
use crate::mini::store::{self, Key, Object, Snapshot};
use crate::mini::table::{Include, partial};

pub(super) fn get(api: &Api, call: &Call, request: &Request) -> Result<Response, ApiError> {
    let accept = Accept::new(request.headers())?;
    let object = api.pipeline.get(call.resource, &call.key())?;
    one(api, call, accept, StatusCode::OK, &object)
}

/// One object in the shape that was asked for.
pub(super) fn one(
    api: &Api,
    call: &Call,
    accept: Accept,
    code: StatusCode,
    object: &Object,
) -> Result<Response, ApiError> {
    Ok(encode(accept, code, Form::new(api, call, accept)?.put(object)))
}

/// How objects are put.
pub(super) struct Form {
    pub resource: &'static Resource,
    shape: Shape,
    include: Include,
    version: Version,
}

impl Form {
    pub(super) fn new(api: &Api, call: &Call, accept: Accept) -> Result<Self, ApiError> {
        let include = match call.params.get("includeObject") {
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            Some("Metadata") | None => Include::Metadata,
            Some(other) if accept.shape == Shape::Table => {
                return Err(ApiError::BadRequest(format!(
                    "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
                )));
            }
            Some(_) => Include::Metadata,
        };
        Ok(Form { resource: call.resource, shape: accept.shape, include, version: api.pipeline.version })
    }

    pub(super) fn put(&self, object: &Object) -> Bytes {
        match self.shape {
            Shape::Table | Shape::Partial => self.shaped(object.value()).to_string().into(),
            _ => object.json().clone(),
        }
    }

    pub(super) fn shaped(&self, object: Value) -> Value {
        match self.shape {
            Shape::Table => {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                self.table(std::iter::once(object), metadata)
            }
            Shape::Partial => partial(&object),
            _ => object,
        }
    }

    fn table(&self, objects: impl Iterator<Item = Value>, metadata: Value) -> Value {
        self.resource.printer.table(self.resource.plural, objects, metadata, self.version, self.include)
    }
}

/// A selection in key order and what the list's `metadata` says about it.
struct Page {
    objects: Vec<Arc<Object>>,
    metadata: Value,
}

pub(super) fn list(api: &Api, call: &Call, request: &Request) -> Result<Response, ApiError> {
    let accept = Accept::new(request.headers())?;
    let page = page(api, call)?;
    let resource = call.resource;
    let body = match accept.shape {
        Shape::Table => {
            let form = Form::new(api, call, accept)?;
            form.table(page.objects.iter().map(|object| object.value()), page.metadata).to_string()
        }
        Shape::Partial => {
            let items: Vec<_> = page.objects.iter().map(|o| partial(&o.value())).collect();
            let kind = "PartialObjectMetadataList";
            json!({"kind": kind, "apiVersion": "meta.k8s.io/v1", "metadata": page.metadata, "items": items}).to_string()
        }
        _ if accept.yaml => {
            String::from_utf8_lossy(&plain(resource, &page.objects, &page.metadata).concat()).into_owned()
        }
        _ => return Ok(pieces(plain(resource, &page.objects, &page.metadata))),
    };
    Ok(encode(accept, StatusCode::OK, body.into()))
}

/// The list as text in pieces: the objects' bytes as they are stored, but for what is the same of all.
pub(super) fn plain(resource: &Resource, objects: &[Arc<Object>], metadata: &Value) -> Vec<Bytes> {
    let kind = format!("{}List", resource.kind);
    let head = json!({"kind": kind, "apiVersion": resource.api_version(), "metadata": metadata});
    let mut head = head.to_string();
    // `metadata` is the last member and an object.
    head.pop();
    head.push_str(",\"items\":[");
    let mut pieces = vec![Bytes::from(head)];
    for (i, object) in objects.iter().enumerate() {
        pieces.push(Bytes::from_static(if i > 0 { b",{" } else { b"{" }));
        pieces.push(object.members());
    }
    pieces.push(Bytes::from_static(b"]}\n"));
    pieces
}

/// An answer in JSON, piece by piece: all of it at once would be there twice.
pub(super) fn pieces(pieces: Vec<Bytes>) -> Response {
    let pieces = futures::stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
    json_bytes(StatusCode::OK, Body::from_stream(pieces))
}

/// Everything `call` selects, without paging.
pub(super) fn select(api: &Api, call: &Call) -> Result<Vec<Arc<Object>>, ApiError> {
    let selector = call.selector()?;
    let snapshot = snapshot(api, call, None, None)?;
    Ok(snapshot.objects.into_iter().filter(|o| selector.matches(o)).collect())
}

fn snapshot(api: &Api, call: &Call, at: Option<u64>, after: Option<&Key>) -> Result<Snapshot, ApiError> {
    let namespace = (!call.namespace().is_empty()).then(|| call.namespace());
    let found = api.pipeline.store.list(call.resource.shelf(), namespace, at, after);
    found.map_err(|error| store_error(call.resource, &call.key(), error))
}

fn page(api: &Api, call: &Call) -> Result<Page, ApiError> {
    let params = &call.params;
    let selector = call.selector()?;
    let limit = params.integer("limit")?.and_then(|l| usize::try_from(l).ok()).filter(|l| *l > 0).unwrap_or(usize::MAX);
    params.integer("timeoutSeconds")?;
    check_options(params)?;
    let asked = resource_version(params.get("resourceVersion"))
        .map_err(|why| ApiError::BadRequest(format!("invalid resource version: {why}")))?;
    let token = params.get("continue").map(Continue::decode).transpose()?;
    let (at, after) = match &token {
        Some(_) if asked > 0 => {
            return Err(ApiError::BadRequest(
                "specifying resource version is not allowed when using continue".to_owned(),
            ));
        }
        Some(token) => (Some(token.revision), Some(&token.after)),
        None if params.get("resourceVersionMatch") == Some("Exact") => (Some(asked), None),
        None => (None, None),
    };
    let snapshot = snapshot(api, call, at, after).map_err(|error| match (&token, error) {
        (Some(_), ApiError::Expired(_)) => ApiError::Expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.".to_owned(),
        ),
        (_, other) => other,
    })?;
    if asked > snapshot.revision && at.is_none() {
        let error = store::Error::Future { asked, current: snapshot.revision };
        return Err(store_error(call.resource, &call.key(), error));
    }
    let revision = snapshot.revision;
    let mut objects: Vec<_> = snapshot.objects.into_iter().filter(|o| selector.matches(o)).collect();
    let left = objects.len().saturating_sub(limit);
    objects.truncate(limit);
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let (true, Some(last)) = (left > 0, objects.last()) {
        metadata["continue"] = json!(Continue { revision, after: last.key.clone() }.encode());
        if params.get("labelSelector").is_none() && params.get("fieldSelector").is_none() {
            metadata["remainingItemCount"] = json!(left);
        }
    }
    Ok(Page { objects, metadata })
}

/// What lists may be asked (`ValidateListOptions`).
fn check_options(params: &Params) -> Result<(), ApiError> {
    if params.has("sendInitialEvents") {
        let cause = FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        return Err(ApiError::invalid("ListOptions", "meta.k8s.io", cause));
    }
    let set = |key: &str| params.get(key).filter(|text| !text.is_empty());
    let (Some(found), version) = (set("resourceVersionMatch"), set("resourceVersion")) else { return Ok(()) };
    let field = "resourceVersionMatch";
    let cause = match found {
        _ if version.is_none() => {
            FieldError::forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        _ if set("continue").is_some() => {
            FieldError::forbidden(field, "resourceVersionMatch is forbidden when continue is provided")
        }
        "Exact" if version == Some("0") => {
            FieldError::forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        "Exact" | "NotOlderThan" => return Ok(()),
        other => FieldError::unsupported(field, &json!(other), &["Exact", "NotOlderThan", ""]),
    };
    Err(ApiError::invalid("ListOptions", "meta.k8s.io", cause))
}

/// A client's resourceVersion; absent is 0.
pub(super) fn resource_version(text: Option<&str>) -> Result<u64, String> {
    let Some(text) = text else { return Ok(0) };
    text.parse().map_err(|_| {
        format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax")
    })
}

/// Where the next page of a list begins.
#[derive(Debug, PartialEq)]
struct Continue {
    revision: u64,
    after: Key,
}

impl Continue {
    fn encode(&self) -> String {
        let token =
            json!({"v": "meta.k8s.io/v1", "rv": self.revision, "ns": self.after.namespace, "start": self.after.name});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(text: &str) -> Result<Self, ApiError> {
        let wrong =
            |why: String| ApiError::BadRequest(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|why| wrong(why.to_string().to_lowercase()))?;
        let token: Value = go_json::parse(&bytes).map_err(wrong)?;
        let parse = || {
            let after = Key::new(token["ns"].as_str()?, token["start"].as_str()?);
            Some(Continue { revision: token["rv"].as_u64()?, after })
        };
        parse().ok_or_else(|| wrong("server does not recognize this encoded version".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continue_tokens_round_trip() {
        let token = Continue { revision: 7, after: Key::new("ns", "a") };
        assert_eq!(Continue::decode(&token.encode()).unwrap(), token);
        assert!(Continue::decode("???").is_err());
    }
}
