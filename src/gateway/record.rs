//! What is known of each request afterwards. Bodies, headers and queries are not: they hold secrets.

use crate::event::Event;
use crate::mini::request::RequestInfo;

/// A request that was answered, in the lecture's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, …; the method in lower case where the path is no resource's.
    pub(crate) verb: String,
    /// The group of the resource, empty for the core's.
    pub(crate) group: String,
    /// The plural; empty where the path is no resource's.
    pub(crate) resource: String,
    pub(crate) subresource: String,
    /// Empty: cluster-scoped, or all namespaces.
    pub(crate) namespace: String,
    /// The object's name, or the path that is no resource's.
    pub(crate) name: String,
    /// The answer's HTTP status.
    pub(crate) code: u16,
    /// From the request's arrival to the head of its answer, in microseconds.
    pub(crate) micros: u64,
}

impl Request {
    pub(crate) fn new(info: &RequestInfo) -> Self {
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

    /// What is told of it among the events of `lab`.
    #[must_use]
    pub fn event(self, lab: u32) -> Event {
        let part = |before: &str, text: &str| if text.is_empty() { String::new() } else { format!("{before}{text}") };
        let resource = format!("{}{}{}", self.resource, part(".", &self.group), part("/", &self.subresource));
        let Self { verb, namespace, name, code, micros, .. } = self;
        Event::Request { lab, verb, resource, namespace, name, code, micros }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_no_more_than_who_what_and_how_it_ended() {
        let info = RequestInfo {
            verb: "get".into(),
            path: "/apis/apps/v1/namespaces/demo/deployments/d/scale".into(),
            is_resource: true,
            group: "apps".into(),
            version: "v1".into(),
            namespace: "demo".into(),
            resource: "deployments".into(),
            name: "d".into(),
            subresource: "scale".into(),
        };
        let record = Request { code: 200, micros: 7, ..Request::new(&info) };
        let line = serde_json::to_string(&record.event(3)).unwrap();
        insta::assert_snapshot!(line, @r#"{"type":"request","lab":3,"verb":"get","resource":"deployments.apps/scale","namespace":"demo","name":"d","code":200,"micros":7}"#);
    }
}
