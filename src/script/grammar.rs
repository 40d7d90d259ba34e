//! The words directives are made of: object references, states, durations and quoted texts.
//! Knows no directive by name.

use std::time::Duration;

use super::error::Problem;
use super::model::{AnyOf, ObjectRef};
use crate::kubewords::{self, is_subdomain, status};

/// The candidate that differs in at most two letters, if there is one.
pub(super) fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance * 2 < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `HEAD: TAIL` at the first colon.
pub(super) fn at_colon(text: &str) -> Option<(&str, &str)> {
    let (head, tail) = text.split_once(':')?;
    Some((head.trim(), tail.trim()))
}

/// `KIND/NAME [-n NS]`.
pub(super) fn object_ref(text: &str) -> Result<ObjectRef, Problem> {
    let malformed = || Problem::ObjectRef { found: text.into() };
    let words: Vec<&str> = text.split_whitespace().collect();
    let (reference, namespace) = match words[..] {
        [reference] => (reference, "default"),
        [reference, "-n" | "--namespace", namespace] => (reference, namespace),
        _ => return Err(malformed()),
    };
    let (kind, name) = reference.split_once('/').ok_or_else(malformed)?;
    // A name's beginning may end in what its middle may have.
    let whole = name.strip_suffix('*').map(|begins| format!("{begins}x"));
    if !is_subdomain(whole.as_deref().unwrap_or(name)) || !is_subdomain(namespace) {
        return Err(malformed());
    }
    let known = kubewords::spelled(kind).ok_or_else(|| {
        let spellings: Vec<String> = kubewords::KINDS.iter().flat_map(kubewords::Kind::spellings).collect();
        let near = near(kind, spellings.iter().map(String::as_str)).map(str::to_owned);
        Problem::UnknownKind { kind: kind.into(), near }
    })?;
    Ok(ObjectRef { kind: known.singular(), namespace: namespace.into(), name: name.into() })
}

/// `A, B, C`: at least one.
pub(super) fn states(text: &str) -> Result<Vec<String>, Problem> {
    text.split(',').map(|state| self::state(state.trim())).collect()
}

fn state(text: &str) -> Result<String, Problem> {
    let well_formed = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ":/-".contains(c));
    let near = near(text, status::ALL.iter().copied()).filter(|near| *near != text && !status::ALL.contains(&text));
    match (well_formed, near) {
        (true, None) => Ok(text.into()),
        (_, near) => Err(Problem::State { found: text.into(), near }),
    }
}

/// `90s`, `500ms`, `1m30s`: not negative.
pub(super) fn duration(text: &str) -> Result<Duration, Problem> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| Problem::Duration { found: text.into() })
}

/// `"text"` or `"text" or "text"`; nothing gives an empty [`AnyOf`]. `\"` and `\\` are escapes. None when something
/// else stands there.
pub(super) fn texts(text: &str) -> Result<Option<AnyOf>, Problem> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Ok(Some(AnyOf::default()));
    }
    loop {
        let Some(body) = rest.strip_prefix('"') else {
            return Ok(None);
        };
        let (quoted, after) = unquote(body).ok_or_else(|| Problem::Quote { found: rest.into() })?;
        found.push(quoted);
        rest = after.trim_start();
        if rest.is_empty() {
            return Ok(Some(AnyOf(found)));
        }
        let Some(next) = rest.strip_prefix("or ") else {
            return Ok(None);
        };
        rest = next.trim_start();
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(body: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, &body[at + 1..])),
            '\\' => text.push(chars.next()?.1),
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_references() {
        let pod = |ns: &str, name: &str| ObjectRef { kind: "pod".into(), namespace: ns.into(), name: name.into() };
        assert_eq!(object_ref("pod/mypod"), Ok(pod("default", "mypod")));
        assert_eq!(object_ref(" po/my-pod.v1   -n  app1-ns "), Ok(pod("app1-ns", "my-pod.v1")));
        assert_eq!(object_ref("pods/x --namespace y"), Ok(pod("y", "x")));
        assert_eq!(object_ref("pod/web-*"), Ok(pod("default", "web-*")));
        assert!(pod("y", "web-*").means(&pod("y", "web-1")) && !pod("y", "web-*").means(&pod("y", "we")));
        assert!(!pod("y", "web-*").means(&pod("z", "web-1")) && pod("y", "x").means(&pod("y", "x")));
        for bad in ["", "pod", "pod/", "/x", "pod/MyPod", "pod/x -n", "pod/x y", "pod/a/b", "pod/-x", "pod/x -m y"] {
            assert!(object_ref(bad).is_err(), "{bad}");
        }
        assert_eq!(object_ref("pdo/x"), Err(Problem::UnknownKind { kind: "pdo".into(), near: Some("pod".into()) }));
    }

    #[test]
    fn states_are_words_of_the_status_column() {
        assert_eq!(states("ErrImagePull,  Running"), Ok(vec!["ErrImagePull".into(), "Running".into()]));
        for good in ["Init:0/1", "Init:ErrImagePull", "ExitCode:1", "Signal:9", "Error", "MyOperatorReason"] {
            assert_eq!(states(good), Ok(vec![good.into()]));
        }
        let problem = |text: &str| states(text).unwrap_err();
        assert_eq!(problem("ErrImagePul"), Problem::State { found: "ErrImagePul".into(), near: Some("ErrImagePull") });
        assert_eq!(problem("running"), Problem::State { found: "running".into(), near: Some("Running") });
        assert_eq!(problem("Running,"), Problem::State { found: "".into(), near: None });
        assert_eq!(problem("Not Ready!"), Problem::State { found: "Not Ready!".into(), near: Some("NotReady") });
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "90", "soon", "-5s", "5s ago", "1 fortnight"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quoted_texts() {
        let any = |texts: &[&str]| Ok(Some(AnyOf(texts.iter().map(|t| t.to_string()).collect())));
        assert_eq!(texts(""), any(&[]));
        assert_eq!(texts(r#" "a b" "#), any(&["a b"]));
        assert_eq!(texts(r#""say \"x\" \\" or "or ""#), any(&[r#"say "x" \"#, "or "]));
        assert_eq!(texts("bare"), Ok(None));
        assert_eq!(texts(r#""a" and "b""#), Ok(None));
        assert_eq!(texts(r#""a" or b"#), Ok(None));
        assert_eq!(texts(r#""open"#), Err(Problem::Quote { found: "\"open".into() }));
        assert_eq!(texts(r#""open\"#), Err(Problem::Quote { found: "\"open\\".into() }));
    }
}
