//! What a request asks for, and the same request in the cluster's names: path, query and headers. The path that goes on
//! is put together from what was understood, so that nothing can be meant that was not read. Pure.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::body::NAME_LABEL;
use super::error::Refusal;
use super::names::Names;
use crate::mini::request::{Params, RequestInfo};

/// What stands in a path segment and in a query as it is (RFC 3986, unreserved).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request as its client means it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// In the lecture's names.
    pub(crate) info: RequestInfo,
    pub(crate) params: Params,
    /// The path's parts, decoded.
    segments: Vec<String>,
    /// What follows the subresource `proxy`, as it came: it is another server's.
    rest: String,
}

impl Target {
    /// Reads a request's line.
    ///
    /// # Errors
    /// Where the path can be read in two ways.
    pub(crate) fn read(method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let mut params = Params::new(uri);
        let (path, rest) = proxied(uri.path());
        let parts = path.trim_matches('/').split('/').filter(|_| path != "/");
        let mut segments: Vec<String> = parts
            .map(|part| percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| Refusal::bad_request("the path is not UTF-8"))?;
        if segments.iter().any(|part| matches!(part.as_str(), "" | "." | "..") || part.contains(['/', '\0'])) {
            return Err(Refusal::bad_request("the path has a part that is no name"));
        }
        let watched = legacy_watch(&mut segments);
        if watched {
            params.0.push(("watch".to_owned(), "true".to_owned()));
        }
        let mut info = RequestInfo::parse(method, &joined(&segments), &params);
        // `/api/v1/watch/…/NAME` is a watch of one object.
        if watched && !info.name.is_empty() {
            params.0.push(("fieldSelector".to_owned(), format!("metadata.name={}", info.name)));
            segments.pop();
            info = RequestInfo::parse(method, &joined(&segments), &params);
        }
        Ok(Self { info, params, segments, rest: rest.to_owned() })
    }

    /// Whether the request asks about namespaces themselves.
    pub(crate) fn is_namespaces(&self) -> bool {
        self.info.resource == "namespaces" && self.info.group.is_empty()
    }

    /// Whether the object or the list is of no namespace, or of all of them.
    pub(crate) fn is_cluster_wide(&self) -> bool {
        self.info.is_resource && self.info.namespace.is_empty()
    }

    /// Whether the request opens a connection to a container or a service, by whatever verb.
    pub(crate) fn is_connection(&self) -> bool {
        matches!(self.info.subresource.as_str(), "exec" | "attach" | "portforward" | "proxy")
    }

    /// Path and query in the cluster's names; `name` is what the object is called there.
    pub(crate) fn forward(&self, names: &Names, name: &str) -> String {
        let mut segments = self.segments.clone();
        if self.info.is_resource {
            let group = if self.info.group.is_empty() { 2 } else { 3 };
            let is_nested = !self.info.namespace.is_empty();
            if is_nested && let Some(namespace) = segments.get_mut(group + 1) {
                *namespace = names.namespace(namespace);
            }
            let at = if is_nested && !self.is_namespaces() { group + 3 } else { group + 1 };
            if let Some(segment) = segments.get_mut(at).filter(|_| !self.is_namespaces()) {
                name.clone_into(segment);
            }
        }
        let mut out = format!("{}{}", joined(&segments), self.rest);
        for (at, (key, value)) in self.params.0.iter().enumerate() {
            let value = self.parameter(key, value, names);
            out.push(if at == 0 { '?' } else { '&' });
            out.extend(utf8_percent_encode(key, ESCAPED));
            out.push('=');
            out.extend(utf8_percent_encode(&value, ESCAPED));
        }
        out
    }

    fn parameter(&self, key: &str, value: &str, names: &Names) -> String {
        match key {
            "fieldSelector" => self.field_selector(value, names),
            "labelSelector" => label_selector(value, names),
            // Rows without objects cannot be told whose they are.
            "includeObject" if value == "None" && self.is_cluster_wide() => "Metadata".to_owned(),
            // What `kubectl exec` runs may name a service.
            "command" => names.hosts(value).unwrap_or_else(|| value.to_owned()),
            _ => value.to_owned(),
        }
    }

    fn field_selector(&self, selector: &str, names: &Names) -> String {
        let of_namespace = selector.split(',').any(|term| matches!(term.split_once('='), Some((key, "Namespace" | "=Namespace")) if key.ends_with("bject.kind")));
        let term = |term: &str| {
            let Some(at) = term.find(['=', '!']) else { return term.to_owned() };
            let value = term[at..].trim_start_matches(['!', '=']);
            let (field, operator) = (&term[..at], &term[at..term.len() - value.len()]);
            let played = match field {
                _ if field.ends_with(".namespace") => names.namespace(value),
                "metadata.name" if self.is_namespaces() => names.namespace(value),
                "metadata.name" if self.is_cluster_wide() => names.referred(&self.info.resource, value),
                "involvedObject.name" if of_namespace => names.namespace(value),
                _ => value.to_owned(),
            };
            format!("{field}{operator}{played}")
        };
        selector.split(',').map(term).collect::<Vec<_>>().join(",")
    }
}

/// The names in selectors on the label that every namespace has.
fn label_selector(selector: &str, names: &Names) -> String {
    let mut depth = 0;
    let outside = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    let term = |term: &str| {
        let Some(rest) = term
            .trim()
            .strip_prefix(NAME_LABEL)
            .filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
        else {
            return term.to_owned();
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match rest.split_once('(') {
            Some((operator, list)) => {
                let list = list.trim_end().trim_end_matches(')').split(',').map(|name| names.namespace(name.trim()));
                format!("{NAME_LABEL}{operator}({})", list.collect::<Vec<_>>().join(","))
            }
            None => {
                let value = rest.trim_start_matches(|c: char| !is_name(c));
                format!("{NAME_LABEL}{}{}", &rest[..rest.len() - value.len()], names.namespace(value.trim()))
            }
        }
    };
    selector.split(outside).map(term).collect::<Vec<_>>().join(",")
}

/// Names of ServiceAccounts in impersonation headers (`--as`, `--as-group`).
pub(crate) fn impersonate(headers: &mut HeaderMap, names: &Names) {
    for header in ["impersonate-user", "impersonate-group"] {
        let header = HeaderName::from_static(header);
        let played: Vec<HeaderValue> = headers
            .get_all(&header)
            .iter()
            .map(|value| {
                let name = value.to_str().ok().map(|name| names.account(name));
                name.and_then(|name| name.parse().ok()).unwrap_or_else(|| value.clone())
            })
            .collect();
        headers.remove(&header);
        for value in played {
            headers.append(header.clone(), value);
        }
    }
}

/// A path's part up to the subresource `proxy` of a pod, a service or a node, and what is for the server behind it.
fn proxied(path: &str) -> (&str, &str) {
    let mut ends = path.match_indices("/proxy");
    let found = ends.find(|(at, word)| {
        let whole = path[at + word.len()..].is_empty() || path[at + word.len()..].starts_with('/');
        let segments = path[..*at].trim_matches('/').split('/').count();
        // `/api/v1/nodes/NAME/proxy`, `/api/v1/namespaces/NS/pods/NAME/proxy`.
        whole && matches!(segments, 4 | 6)
    });
    match found {
        Some((at, word)) => path.split_at(at + word.len()),
        None => (path, ""),
    }
}

/// Takes `watch` out of `/api/v1/watch/…`, an old way to say `?watch=true`.
fn legacy_watch(segments: &mut Vec<String>) -> bool {
    let at = match segments.first().map(String::as_str) {
        Some("api") => 2,
        Some("apis") => 3,
        _ => return false,
    };
    let is = segments.get(at).is_some_and(|part| part == "watch") && segments.len() > at + 1;
    if is {
        segments.remove(at);
    }
    is
}

fn joined(segments: &[String]) -> String {
    let path =
        segments.iter().fold(String::new(), |path, part| path + "/" + &utf8_percent_encode(part, ESCAPED).to_string());
    if path.is_empty() { "/".to_owned() } else { path }
}
