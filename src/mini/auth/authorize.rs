//! In front of every handler: impersonation, then authorization (apiserver `pkg/endpoints/filters`).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use super::User;
use super::rbac::{Attributes, authorize};
use crate::mini::api::{Api, Params, RequestInfo};
use crate::mini::resources;
use crate::mini::status::{ApiError, Qualified};

/// Answers 403, or lets the request through as the user it is meant to come from.
pub async fn filter(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    match admit(&api, &request) {
        Ok(user) => {
            request.extensions_mut().insert(user);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

fn admit(api: &Api, request: &Request) -> Result<User, ApiError> {
    // The layer in front has authenticated every request.
    let user = request.extensions().get::<User>().cloned().ok_or(ApiError::Unauthorized)?;
    let user = impersonated(api, user, request.headers())?;
    let info = RequestInfo::parse(request.method(), request.uri().path(), &Params::of(request.uri()));
    let wanted = attributes(&info);
    if authorize(&api.registry, &user, &wanted).is_some() {
        return Ok(user);
    }
    if !info.is_resource {
        return Err(ApiError::ForbiddenPath { user: user.name, verb: info.verb, path: info.path });
    }
    let resource = resources::find(&info.group, &info.version, &info.resource).ok_or(ApiError::NoSuchResource)?;
    Err(ApiError::Forbidden { resource: resource.qualified(), name: info.name, why: wanted.denial(&user) })
}

fn attributes(info: &RequestInfo) -> Attributes {
    Attributes {
        verb: info.verb.clone(),
        group: info.group.clone(),
        resource: info.resource.clone(),
        subresource: info.subresource.clone(),
        namespace: info.namespace.clone(),
        name: info.name.clone(),
        path: if info.is_resource { String::new() } else { info.path.clone() },
    }
}

/// `--as`, `--as-group`: each name must be allowed to the one who asks.
fn impersonated(api: &Api, user: User, headers: &HeaderMap) -> Result<User, ApiError> {
    let texts = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
    };
    let groups = texts("impersonate-group");
    let Some(name) = texts("impersonate-user").into_iter().next() else {
        if groups.is_empty() {
            return Ok(user);
        }
        return Err(ApiError::BadRequest("requested impersonation of groups without impersonating a user".to_owned()));
    };
    let account: Option<(&str, &str)> =
        name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let who = match account {
        Some((namespace, name)) => ("serviceaccounts", namespace, name),
        None => ("users", "", name.as_str()),
    };
    let asked = std::iter::once(who).chain(groups.iter().map(|group| ("groups", "", group.as_str())));
    for (resource, namespace, name) in asked {
        let wanted = Attributes {
            verb: "impersonate".to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        if authorize(&api.registry, &user, &wanted).is_none() {
            let resource = Qualified { name: resource, group: "" };
            return Err(ApiError::Forbidden { resource, name: name.to_owned(), why: wanted.denial(&user) });
        }
    }
    let mut as_user = match account {
        Some((namespace, name)) if groups.is_empty() => User::service_account(namespace, name),
        _ => User { name: name.clone(), groups },
    };
    if name != "system:anonymous" && !as_user.groups.iter().any(|g| g == "system:authenticated") {
        as_user.groups.push("system:authenticated".to_owned());
    }
    Ok(as_user)
}
