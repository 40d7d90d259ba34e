//! What a request asks for, read off its path and query (apiserver `pkg/endpoints/request/requestinfo.go`). Pure.

use http::Method;
use percent_encoding::percent_decode_str;

use super::status::ApiError;

/// A parsed request; what somebody may or may not do is put as one too. For paths that are no resource only `verb` and `path` are set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestInfo {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; lower-case method else.
    pub verb: String,
    pub path: String,
    pub is_resource: bool,
    pub group: String,
    pub version: String,
    /// Empty for cluster-scoped requests and for all namespaces.
    pub namespace: String,
    pub resource: String,
    pub name: String,
    pub subresource: String,
}

impl RequestInfo {
    pub(crate) fn parse(method: &Method, path: &str, params: &Params) -> Self {
        let path = percent_decode_str(path).decode_utf8_lossy();
        let mut info =
            RequestInfo { verb: method.as_str().to_lowercase(), path: path.clone().into_owned(), ..Default::default() };
        let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        let rest = match parts.as_slice() {
            ["api", version, rest @ ..] => {
                info.version = (*version).to_owned();
                rest
            }
            ["apis", group, version, rest @ ..] => {
                info.group = (*group).to_owned();
                info.version = (*version).to_owned();
                rest
            }
            _ => return info,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, "status" | "finalize"] => (*namespace, rest),
            ["namespaces", namespace, inner @ ..] if !inner.is_empty() => (*namespace, inner),
            ["namespaces", namespace] => (*namespace, rest),
            _ => ("", rest),
        };
        let [resource, tail @ ..] = rest else {
            return info;
        };
        info.is_resource = true;
        info.namespace = namespace.to_owned();
        info.resource = (*resource).to_owned();
        info.name = tail.first().copied().unwrap_or_default().to_owned();
        info.subresource = tail.get(1).copied().unwrap_or_default().to_owned();
        info.verb = verb(method, &info.name, params.flag("watch")).to_owned();
        info
    }

    /// Where objects of a resource are looked for: cluster-scoped kinds have no namespace, `namespaces/NAME`
    /// itself included.
    pub(crate) fn storage_namespace(&self, namespaced: bool) -> &str {
        if namespaced { &self.namespace } else { "" }
    }
}

fn verb(method: &Method, name: &str, watch: bool) -> &'static str {
    match (method.as_str(), name.is_empty()) {
        ("GET" | "HEAD", true) if watch => "watch",
        ("GET" | "HEAD", true) => "list",
        ("GET" | "HEAD", false) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "deletecollection",
        ("DELETE", false) => "delete",
        _ => "",
    }
}

/// The query, in order, with repeats.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub Vec<(String, String)>);

impl Params {
    pub(crate) fn new(uri: &http::Uri) -> Self {
        axum::extract::Query::try_from_uri(uri).map_or_else(|_| Params::default(), |q| Params(q.0))
    }

    /// The first value of `key`, empty ones left out.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Whether `key` is there, with a value or without.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    /// As apimachinery reads a flag: only its absence, `false` and `0` are false.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.all(key).next().is_some_and(|text| text != "0" && !text.eq_ignore_ascii_case("false"))
    }

    /// As [`Self::number`], in the words of who cannot read it.
    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            let far = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let why = if far { "value out of range" } else { "invalid syntax" };
            text.parse().map_err(|_| ApiError::BadRequest(format!("strconv.ParseInt: parsing {text:?}: {why}")))
        };
        self.get(key).filter(|text| !text.is_empty()).map(parse).transpose()
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: Method, path: &str) -> RequestInfo {
        RequestInfo::parse(&method, path, &Params::default())
    }

    #[test]
    fn paths_are_taken_apart() {
        for (method, path, verb, namespace, resource, name, subresource) in [
            (Method::GET, "/api/v1/namespaces", "list", "", "namespaces", "", ""),
            (Method::GET, "/api/v1/namespaces/a", "get", "a", "namespaces", "a", ""),
            (Method::PUT, "/api/v1/namespaces/a/finalize", "update", "a", "namespaces", "a", "finalize"),
            (Method::GET, "/api/v1/namespaces/a/pods", "list", "a", "pods", "", ""),
            (Method::DELETE, "/api/v1/namespaces/a/pods", "deletecollection", "a", "pods", "", ""),
            (Method::GET, "/api/v1/namespaces/a/pods/p/log", "get", "a", "pods", "p", "log"),
            (Method::GET, "/api/v1/namespaces/a/secrets/a%3Ab", "get", "a", "secrets", "a:b", ""),
            (Method::PATCH, "/apis/rbac.authorization.k8s.io/v1/clusterroles/x", "patch", "", "clusterroles", "x", ""),
        ] {
            let info = parse(method, path);
            let got = (
                info.verb.as_str(),
                info.namespace.as_str(),
                info.resource.as_str(),
                info.name.as_str(),
                info.subresource.as_str(),
            );
            assert_eq!(got, (verb, namespace, resource, name, subresource), "{path}");
            assert!(info.is_resource);
        }
        assert!(!parse(Method::GET, "/apis/apps/v1").is_resource);
        assert!(!parse(Method::GET, "/healthz").is_resource);
    }
}
