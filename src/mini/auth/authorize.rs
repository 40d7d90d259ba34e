//! Whether a request may pass, and as whom: impersonation, then RBAC.

use http::HeaderMap;

use super::User;
use super::rbac::authorize;
use crate::mini::pipeline::Pipeline;
use crate::mini::request::RequestInfo;
use crate::mini::resources;
use crate::mini::status::{ApiError, Qualified};

/// The user a request is meant to come from, if that user may make it.
pub(crate) fn admit(
    pipeline: &Pipeline,
    user: User,
    headers: &HeaderMap,
    info: &RequestInfo,
) -> Result<User, ApiError> {
    let user = impersonated(pipeline, user, headers)?;
    let Err(reason) = authorize(pipeline, &user, info) else { return Ok(user) };
    let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
    if !info.is_resource {
        return Err(ApiError::ForbiddenPath {
            user: user.name,
            verb: info.verb.clone(),
            path: info.path.clone(),
            reason,
        });
    }
    let resource = resources::find(&info.group, &info.version, &info.resource).ok_or(ApiError::NoSuchResource)?;
    let why = info.denial(&user) + &reason;
    Err(ApiError::Forbidden { resource: resource.qualified(), name: info.name.clone(), why })
}

/// `--as`, `--as-group`: each name must be allowed to the one who asks.
fn impersonated(pipeline: &Pipeline, user: User, headers: &HeaderMap) -> Result<User, ApiError> {
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
        let wanted = RequestInfo {
            is_resource: true,
            verb: "impersonate".to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..RequestInfo::default()
        };
        if authorize(pipeline, &user, &wanted).is_err() {
            let resource = Qualified { name: resource, group: "" };
            return Err(ApiError::Forbidden { resource, name: name.to_owned(), why: wanted.denial(&user) });
        }
    }
    let mut as_user = match account {
        Some((namespace, name)) if groups.is_empty() => User::service_account(namespace, name),
        _ => User { name: name.clone(), groups, ..User::default() },
    };
    if name != "system:anonymous" && !as_user.groups.iter().any(|g| g == "system:authenticated") {
        as_user.groups.push("system:authenticated".to_owned());
    }
    Ok(as_user)
}
