//! The API beside a real API server: the same requests, and what it answered to them.

use std::sync::LazyLock;

use http::HeaderMap;
use regex::Regex;

use super::*;

const REQUESTS: &str = include_str!("raw/requests.txt");
const ANSWERS: &str = include_str!("raw/answers.jsonl");

/// Requests, by how they begin, that are answered otherwise, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("GET /.well-known/openid-configuration", "the key is an Ed25519 one, and the address our own"),
    ("GET /api/v1/namespaces/default/configmaps Accept=application/json;as=Table;v=v9", "mini sends no protobuf"),
    ("POST /api/v1/namespaces/default/configmaps Content-Type=application/yaml a: [", "the YAML parser's own words"),
    (
        "POST /api/v1/namespaces/default/configmaps?fieldValidation=Strict {\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"1\",\"a\"",
        "of a field that is there twice the last one counts",
    ),
    (
        "PATCH /api/v1/namespaces/default/configmaps/a?fieldManager=m Content-Type=application/apply-patch+yaml a: [",
        "the YAML parser's own words",
    ),
    ("DELETE /api/v1/namespaces/default/pods/p?gracePeriodSeconds=0", "a pod that goes at once is not marked before"),
];

struct Sent {
    text: String,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: String,
}

fn requests() -> Vec<Sent> {
    let mut all: Vec<Sent> = vec![];
    for line in REQUESTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split(' ');
        let method = words.next().filter(|word| word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase()));
        match (method, all.last_mut()) {
            (Some(method), _) => {
                let path = words.next().unwrap().to_owned();
                let header = |word: &str| {
                    let (name, value) = word.split_once('=').unwrap();
                    (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
                };
                let headers = words.map(header).collect();
                all.push(Sent {
                    text: line.to_owned(),
                    method: method.parse().unwrap(),
                    path,
                    headers,
                    body: String::new(),
                });
            }
            (None, Some(sent)) => {
                sent.text = format!("{} {line}", sent.text);
                sent.body = if sent.body.is_empty() { line.to_owned() } else { format!("{}\n{line}", sent.body) };
            }
            (None, None) => panic!("a body without a request: {line}"),
        }
    }
    all
}

/// What no two servers have alike, replaced in texts.
static OWN: LazyLock<[(Regex, &str); 7]> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (r"kube-api-access-\w{5}", "kube-api-access"),
        (r"in record \(\d+\)", "in record (N)"),
        (r"current: \d+", "current: N"),
        // Without the fields' managers, which are in it.
        (r#"patch: Invalid value: "\{.*\}": "#, "patch: Invalid value: OBJECT: "),
        (r#"^Invalid value: "\{.*\}": "#, "Invalid value: OBJECT: "),
    ]
    .map(|(pattern, word)| (Regex::new(pattern).unwrap(), word))
});

fn comparable(value: &mut Value) {
    match value {
        Value::String(text) => {
            for (pattern, word) in &*OWN {
                *text = pattern.replace_all(text, *word).into_owned();
            }
        }
        Value::Array(list) => {
            list.iter_mut().for_each(comparable);
            // Kubernetes may tell a fault twice.
            list.dedup();
        }
        Value::Object(map) => {
            map.values_mut().for_each(comparable);
            for own in ["resourceVersion", "managedFields"] {
                map.shift_remove(own);
            }
            // Ages differ from one answer to the next.
            if let Some(cells) = map.get_mut("cells").and_then(Value::as_array_mut) {
                cells.retain(|cell| !cell.as_str().is_some_and(|cell| cell.ends_with('s') && cell.len() < 4));
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_request_is_answered_as_a_real_server_answers_it() {
    let server = Server::new().await;
    let (sent, answers): (_, Vec<&str>) = (requests(), ANSWERS.lines().collect());
    assert_eq!(sent.len(), answers.len());
    let mut differ = vec![];
    for (sent, answer) in sent.into_iter().zip(answers) {
        let mut request = Request::builder().method(sent.method).uri(&sent.path);
        *request.headers_mut().unwrap() = sent.headers;
        if !sent.body.is_empty() && !request.headers_ref().unwrap().contains_key("content-type") {
            request = request.header("content-type", "application/json");
        }
        let response = server.router.clone().oneshot(request.body(Body::from(sent.body)).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let warnings = response.headers().get_all("warning").iter();
        let warnings: Vec<_> = warnings.map(|value| value.to_str().unwrap().to_owned()).collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        let mut ours = json!({"code": code, "answer": body});
        if !warnings.is_empty() {
            ours["warnings"] = json!(warnings);
        }
        let mut theirs: Value = serde_json::from_str(answer).unwrap();
        // The body of an answer to HEAD is not sent.
        if sent.text.starts_with("HEAD ") {
            ours["answer"] = json!("");
        }
        comparable(&mut ours);
        comparable(&mut theirs);
        if ours != theirs {
            differ.push((sent.text, ours, theirs));
        }
    }
    let explained = |text: &str| OTHERWISE.iter().any(|(begin, _)| text.starts_with(begin));
    let unexplained: Vec<_> = differ.iter().filter(|(text, ..)| !explained(text)).collect();
    for (text, ours, theirs) in &unexplained {
        eprintln!("{text}\n  ours   {ours}\n  theirs {theirs}");
    }
    assert!(unexplained.is_empty(), "{} of them are answered otherwise", unexplained.len());
    for (begin, why) in OTHERWISE {
        assert!(differ.iter().any(|(text, ..)| text.starts_with(begin)), "{begin} is answered alike: {why}");
    }
}
