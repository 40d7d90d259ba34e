//! What is known of each request afterwards. Bodies, headers and queries are not: they hold secrets.

use crate::mini::request::RequestInfo;

/// A request that was answered, in the lecture's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, …; the method in lower case where the path is no resource's.
    pub verb: String,
    /// The group of the resource, empty for the core's.
    pub group: String,
    /// The plural; empty where the path is no resource's.
    pub resource: String,
    pub subresource: String,
    /// Empty: cluster-scoped, or all namespaces.
    pub namespace: String,
    /// The object's name, or the path that is no resource's.
    pub name: String,
    /// The answer's HTTP status.
    pub code: u16,
    /// From the request's arrival to the head of its answer, in microseconds.
    pub micros: u64,
}

impl Request {
    pub(crate) fn of(info: &RequestInfo) -> Self {
        let namespace = if info.resource == "namespaces" { String::new() } else { info.namespace.clone() };
        Self {
            verb: info.verb.clone(),
            group: info.group.clone(),
            resource: info.resource.clone(),
            subresource: info.subresource.clone(),
            namespace,
            name: if info.is_resource { info.name.clone() } else { info.path.clone() },
            code: 0,
            micros: 0,
        }
    }
}
