//! Reads the log of a distribution registry: who asked for which manifest, and what the answer was.
//! Pure; the caller fetches the lines. The registry writes each request twice: as a combined-log line on
//! stdout, which never names the user, and as several logrus lines on stderr, tied together by a request id. Only
//! the latter are read. Lines that name the user of a *served* request are of level debug: a registry whose log is
//! to prove anything runs with `REGISTRY_LOG_LEVEL=debug`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

/// A request the registry answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When it was answered, by the registry's clock.
    pub time: Timestamp,
    /// `GET`, `HEAD`, `PUT`, …
    pub method: String,
    /// Without the registry's host.
    pub repository: String,
    /// Tag or digest for a manifest, digest for a blob.
    pub reference: String,
    /// Whether it asked for a manifest; else it did for a blob.
    pub is_manifest: bool,
    /// Of HTTP.
    pub status: u16,
    /// The authenticated user, or for a refusal the one who tried; None when anonymous.
    pub user: Option<String>,
    /// As the client calls itself; empty where it does not.
    pub user_agent: String,
    /// Where the request came from, without the port.
    pub remote: Option<IpAddr>,
}

impl LogEntry {
    /// Whether it was asked by mini's node.
    #[must_use]
    pub fn is_minis(&self) -> bool {
        self.user_agent == super::client::NODE_AGENT
    }
}

/// The requests for manifests and blobs in a log, in the order they were answered. Lines that say nothing of one
/// are passed over.
#[must_use]
pub fn parse(log: &str) -> Vec<LogEntry> {
    let mut reader = LogReader::default();
    let mut entries = reader.read(log);
    entries.extend(reader.read("\n"));
    entries
}

/// Reads a log as it comes.
#[derive(Debug, Default)]
pub struct LogReader {
    /// A line that has not come to its end.
    rest: String,
    /// What is known of requests that have not been answered.
    open: BTreeMap<String, Fields>,
}

impl LogReader {
    /// The requests that were answered, by the next piece of the log.
    #[must_use]
    pub fn read(&mut self, piece: &str) -> Vec<LogEntry> {
        self.rest.push_str(piece);
        let Some(end) = self.rest.rfind('\n') else { return Vec::new() };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        lines.lines().filter_map(|line| entry(fields(line), &mut self.open)).collect()
    }
}

/// Adds a line to what is known of its request; the line that tells the answer closes it.
fn entry(line: Fields, open: &mut BTreeMap<String, Fields>) -> Option<LogEntry> {
    let id = line.get("http.request.id")?.clone();
    let message = line.get("msg")?.clone();
    let request = open.entry(id.clone()).or_default();
    request.extend(line);
    if let Some(user) = message.strip_prefix("error authenticating user ") {
        let user = user.split(['"', ':']).find(|part| !part.is_empty())?.to_owned();
        request.insert("auth.user.name".to_owned(), user);
    }
    let refused = message.starts_with("error authorizing context");
    if !refused && !message.starts_with("response completed") {
        return None;
    }
    let request = open.remove(&id)?;
    let get = |key: &str| request.get(key).cloned();
    Some(LogEntry {
        time: get("time")?.parse().ok()?,
        method: get("http.request.method")?,
        repository: get("vars.name")?,
        reference: get("vars.reference").or_else(|| get("vars.digest"))?,
        is_manifest: request.contains_key("vars.reference"),
        status: if refused { 401 } else { get("http.response.status")?.parse().ok()? },
        user: get("auth.user.name"),
        user_agent: get("http.request.useragent").unwrap_or_default(),
        remote: get("http.request.remoteaddr").and_then(|at| at.parse::<SocketAddr>().ok()).map(|at| at.ip()),
    })
}

type Fields = BTreeMap<String, String>;

/// A logrus line in either of its formats, as fields; empty when it is neither.
fn fields(line: &str) -> Fields {
    if line.starts_with('{') {
        let parsed: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap_or_default();
        let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return parsed.into_iter().map(|(key, value)| (key, text(value))).collect();
    }
    let mut fields = BTreeMap::new();
    let mut rest = line;
    while let Some((key, value)) = rest.split_once('=') {
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, after) = value.split_once(' ').unwrap_or((value, ""));
                (value.to_owned(), after)
            }
        };
        fields.insert(key.trim().to_owned(), value);
        rest = after;
    }
    fields
}

/// Reads up to the closing quote; Go's `%q` escapes quotes and backslashes.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(char),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by docker-registry 2.8.2; shortened by fields that are not read.
    const LOG: &str = r#"
time="2026-11-23T23:08:45.408706612Z" level=info msg="redis not configured" go.version=go1.19.8
127.0.0.1 - - [23/Nov/2026:23:08:46 +0000] "HEAD /v2/o/app1/manifests/1.0.0?ns=docker.io HTTP/1.1" 401 164 "" "curl/7.88.1"
time="2026-11-23T23:08:46.509015891Z" level=warning msg="error authorizing context: basic authentication challenge for realm \"basic-realm\": invalid authorization credential" go.version=go1.19.8 http.request.host="127.0.0.1:5077" http.request.id=a6 http.request.method=HEAD http.request.uri="/v2/o/app1/manifests/1.0.0?ns=docker.io" http.request.useragent=curl/7.88.1 vars.name=o/app1 vars.reference=1.0.0
time="2026-11-23T23:08:46.520065952Z" level=info msg="authorized request" http.request.id=04 http.request.method=HEAD http.request.useragent=curl/7.88.1 vars.name=o/app1 vars.reference=1.0.0
time="2026-11-23T23:08:46.520249435Z" level=error msg="response completed with error" auth.user.name=u err.code="manifest unknown" err.detail="unknown tag=1.0.0" http.request.id=04 http.request.method=HEAD http.request.useragent=curl/7.88.1 http.response.duration=2.352979ms http.response.status=404 http.response.written=95 vars.name=o/app1 vars.reference=1.0.0
time="2026-11-23T23:08:46.530749416Z" level=error msg="error authenticating user \"u\": authentication failure" http.request.id=aa http.request.method=HEAD http.request.useragent=curl/7.88.1 vars.name=o/app1 vars.reference=1.0.0
time="2026-11-23T23:08:46.530868854Z" level=warning msg="error authorizing context: basic authentication challenge for realm \"basic-realm\": authentication failure" http.request.id=aa http.request.method=HEAD http.request.remoteaddr="172.17.0.1:39806" http.request.useragent="rehearsal-mini/0.1 (x)" vars.name=o/app1 vars.reference=1.0.0
time="2026-11-23T23:50:06.439371844Z" level=debug msg="authorizing request" http.request.id=e3 http.request.method=HEAD http.request.uri=/v2/o/app1/manifests/1 http.request.useragent=curl/7.88.1 vars.name=o/app1 vars.reference=1
time="2026-11-23T23:50:06.441073292Z" level=debug msg=GetImageManifest auth.user.name=u http.request.id=e3 http.request.method=HEAD http.request.useragent=curl/7.88.1 vars.name=o/app1 vars.reference=1
time="2026-11-23T23:50:06.441135335Z" level=debug msg="filesystem.GetContent(\"/x/link\")" auth.user.name=u http.request.id=e3 trace.duration="33.52µs" vars.name=o/app1 vars.reference=1
time="2026-11-23T23:50:06.441393039Z" level=info msg="response completed" http.request.id=e3 http.request.method=HEAD http.request.uri=/v2/o/app1/manifests/1 http.request.useragent=curl/7.88.1 http.response.duration=2.530124ms http.response.status=200 http.response.written=262
time="2026-11-23T23:08:46.541472639Z" level=info msg="response completed" http.request.id=83 http.request.method=GET http.request.uri=/v2/ http.response.status=200 http.response.written=2
{"auth.user.name":"u","http.request.id":"b1","http.request.method":"GET","http.request.useragent":"x","http.response.status":200,"level":"info","msg":"response completed","time":"2026-11-23T23:08:47Z","vars.digest":"sha256:00","vars.name":"o/app1"}
"#;

    #[test]
    fn requests_are_read_with_their_users() {
        let entries = parse(LOG);
        let short: Vec<_> = entries.iter().map(|e| (e.status, e.user.as_deref(), e.reference.as_str())).collect();
        assert_eq!(
            short,
            [
                (401, None, "1.0.0"),
                (404, Some("u"), "1.0.0"),
                (401, Some("u"), "1.0.0"),
                (200, Some("u"), "1"),
                (200, Some("u"), "sha256:00"),
            ]
        );
        let mut reader = LogReader::default();
        let pieces = LOG.as_bytes().chunks(7).map(|piece| String::from_utf8_lossy(piece).into_owned());
        let in_pieces: Vec<_> = pieces.flat_map(|piece| reader.read(&piece)).collect();
        assert_eq!(in_pieces.len(), entries.len(), "however it comes");
        assert_eq!(entries[2].remote, Some([172, 17, 0, 1].into()));
        assert_eq!(entries[2].user_agent, "rehearsal-mini/0.1 (x)");
        assert_eq!(entries[0].time.to_string(), "2026-11-23T23:08:46.509015891Z");
    }
}
