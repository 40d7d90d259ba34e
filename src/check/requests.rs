//! What the gateway saw of a lecture's items: which of them made which object, and what stood in the way of another.
//! Pure.

use std::collections::BTreeMap;

use crate::gateway::Request;

/// An object as the lecture names it: group, plural, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectKey {
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ObjectKey {
    /// As kubectl takes it: `deployments.apps`.
    pub(crate) fn kind(&self) -> String {
        if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) }
    }
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.resource, self.name)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " in {}", self.namespace) }
    }
}

/// Which item made which object, by the item's number.
#[derive(Debug, Default)]
pub(crate) struct Makers(BTreeMap<ObjectKey, usize>);

fn key(request: &Request) -> Option<ObjectKey> {
    (!request.resource.is_empty() && !request.name.is_empty() && request.subresource.is_empty()).then(|| ObjectKey {
        group: request.group.clone(),
        resource: request.resource.clone(),
        namespace: request.namespace.clone(),
        name: request.name.clone(),
    })
}

impl Makers {
    /// Takes note of what the item `item` made and removed.
    pub(crate) fn note(&mut self, item: usize, requests: &[Request]) {
        for request in requests {
            let Some(key) = key(request) else { continue };
            match (request.verb.as_str(), request.code) {
                // A server-side apply that creates answers 201, too.
                ("create" | "patch" | "update", 201) => {
                    self.0.insert(key, item);
                }
                ("delete", 200 | 202) => {
                    self.0.remove(&key);
                    if key.resource == "namespaces" {
                        self.0.retain(|made, _| made.namespace != key.name);
                    }
                }
                _ => {}
            }
        }
    }

    /// The object that refused requests were about, and the earlier item that made it: it exists already (409), or may
    /// not be changed so (422).
    pub(crate) fn in_the_way(&self, requests: &[Request]) -> Option<(ObjectKey, usize, u16)> {
        let refused = requests.iter().filter(|request| matches!(request.code, 409 | 422));
        refused.filter_map(|request| Some((key(request)?, request.code))).find_map(|(key, code)| {
            let item = *self.0.get(&key)?;
            Some((key, item, code))
        })
    }
}

/// Whether the requests changed anything.
pub(crate) fn changed_something(requests: &[Request]) -> bool {
    requests.iter().any(|request| {
        matches!(request.verb.as_str(), "create" | "patch" | "update" | "delete" | "deletecollection")
            && (200..300).contains(&request.code)
            && !request.resource.ends_with("reviews")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(verb: &str, resource: &str, name: &str, code: u16) -> Request {
        let namespaced = resource != "namespaces";
        Request {
            verb: verb.into(),
            resource: resource.into(),
            namespace: if namespaced { "demo".into() } else { String::new() },
            name: name.into(),
            code,
            ..Request::default()
        }
    }

    #[test]
    fn who_made_what_is_in_the_way() {
        let mut makers = Makers::default();
        makers.note(3, &[request("get", "pods", "p", 404), request("create", "pods", "p", 201)]);
        let (key, item, code) = makers.in_the_way(&[request("patch", "pods", "p", 422)]).unwrap();
        assert_eq!((key.to_string().as_str(), item, code), ("pods/p in demo", 3, 422));
        assert_eq!(makers.in_the_way(&[request("patch", "pods", "other", 422)]), None, "nobody here made it");
        assert_eq!(makers.in_the_way(&[request("get", "pods", "p", 404)]), None, "nothing is in the way");
    }

    #[test]
    fn what_went_is_in_nobodys_way() {
        let mut makers = Makers::default();
        makers.note(1, &[request("create", "pods", "p", 201), request("create", "secrets", "s", 201)]);
        makers.note(2, &[request("delete", "pods", "p", 200)]);
        assert_eq!(makers.in_the_way(&[request("create", "pods", "p", 409)]), None);
        makers.note(3, &[request("delete", "namespaces", "demo", 200)]);
        assert_eq!(makers.in_the_way(&[request("create", "secrets", "s", 409)]), None);
    }

    #[test]
    fn looking_changes_nothing() {
        assert!(!changed_something(&[request("get", "pods", "p", 200), request("patch", "pods", "p", 422)]));
        assert!(changed_something(&[request("patch", "pods", "p", 200)]));
    }
}
