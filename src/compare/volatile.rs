//! Places in a text that differ from run to run, each with its kind, and how one text's are put into another.
//! Knows nothing of tables or fields.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// What differs from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum VolatileKind {
    Digest,
    Id,
    Uid,
    Time,
    Address,
    Port,
    Node,
    Size,
    Age,
    Hash,
}

/// A place, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) kind: VolatileKind,
}

/// Kubernetes draws generated names from these: no vowels, and nothing that looks like one (apimachinery
/// `pkg/util/rand`).
const GENERATED: &str = "[bcdfghjklmnpqrstvwxz2456789]";
/// Words that could be drawn, but are names.
const WORDS: &[&str] = &["https", "httpd", "grpcs"];
/// An age as kubectl prints it (apimachinery `pkg/util/duration`).
const AGE: &str = r"(?:\d+[smhdy])+";
/// A duration as Go prints it.
const DURATION: &str = r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+";

/// In this order: a place belongs to the first that finds it. Where a pattern has groups, the groups are the places.
static RULES: LazyLock<Vec<(VolatileKind, Regex)>> = LazyLock::new(|| {
    let rules: &[(VolatileKind, String)] = &[
        (VolatileKind::Digest, r"sha256:[0-9a-f]{6,64}\b".into()),
        (VolatileKind::Id, r"\b[0-9a-f]{64}\b".into()),
        (VolatileKind::Uid, r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b".into()),
        (
            VolatileKind::Time,
            r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d(?: [A-Z]{3,4})?| UTC)?".into(),
        ),
        (VolatileKind::Time, r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}".into()),
        (
            VolatileKind::Time,
            r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d(?: [AP]M)?(?: [A-Z]{3,4})?(?: \d{4})?".into(),
        ),
        (VolatileKind::Time, r"\b\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}".into()),
        // The head of a line that klog wrote: day, time, thread.
        (VolatileKind::Time, r"\b[IWEF](\d{4} \d\d:\d\d:\d\d\.\d+ +\d+)\b".into()),
        (VolatileKind::Node, r"Successfully assigned \S+ to (\S+)".into()),
        (VolatileKind::Node, r"(?m)^\s*Node: +(\S+/\S+)".into()),
        (VolatileKind::Node, r"\bip-\d+-\d+-\d+-\d+(?:\.[a-z0-9.-]+)?".into()),
        (VolatileKind::Address, r"https://(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|\[[0-9a-f:]+\])(?::\d+)?".into()),
        (VolatileKind::Address, r"\b\d{1,3}(?:\.\d{1,3}){3}(?::[3-6]\d{4})?\b".into()),
        (VolatileKind::Address, r"\blocalhost:[3-6]\d{4}\b|\[::1?\](?::[3-6]\d{4})?".into()),
        // A node port behind the service's own.
        (VolatileKind::Port, r"\b\d+:(3[0-2]\d{3})/(?:TCP|UDP|SCTP)\b".into()),
        (VolatileKind::Port, r"NodePort: +\S+ +(3[0-2]\d{3})/".into()),
        (VolatileKind::Size, r"Image size: (\d+) bytes".into()),
        (
            VolatileKind::Age,
            format!(r"(?m)^[ \t]*(?:Normal|Warning)[ \t]+\w+[ \t]+({AGE}(?: \(x\d+ over {AGE}\))?|<unknown>)\s"),
        ),
        (VolatileKind::Age, format!(r"(?m)^(?:\S+ +){{1,2}}\d+/\d+ +[A-Z]\S* +\d+(?: \({AGE} ago\))? +({AGE})\s*$")),
        (VolatileKind::Age, format!(r"\b{AGE} ago\b")),
        (
            VolatileKind::Age,
            r"\b(?:About an?|Less than a|\d+) (?:second|minute|hour|day|week|month|year)s?(?: ago)?\b".into(),
        ),
        (VolatileKind::Age, format!(r#"(?:\bpulled|image "[^"]*")\s+in\s+({DURATION})"#)),
        (VolatileKind::Age, format!(r"\b({DURATION}) including waiting\b")),
        (VolatileKind::Age, format!(r"\b[Bb]ack-off ({DURATION}) restarting\b")),
        // Seconds with a fraction are measured, not chosen.
        (VolatileKind::Age, r"\b\d+\.\d+s\b".into()),
        (VolatileKind::Hash, format!(r"[a-z0-9]-({GENERATED}{{5,10}}|\d{{8,10}})-({GENERATED}{{5}})\b")),
        (VolatileKind::Hash, format!(r"[a-z0-9]-({GENERATED}{{8,10}})\b")),
        (VolatileKind::Hash, format!(r"[a-z0-9]-({GENERATED}{{5}})\b")),
        (
            VolatileKind::Hash,
            format!(r"(?:pod-template-hash|controller-revision-hash)[=:] ?(?:\S+-)?({GENERATED}{{5,10}})\b"),
        ),
        // The name of an event.
        (VolatileKind::Hash, r"[a-z0-9]\.([0-9a-f]{16})\b".into()),
    ];
    let compiled = |(kind, rule): &(VolatileKind, String)| (*kind, Regex::new(rule).expect("a literal, tested below"));
    rules.iter().map(compiled).collect()
});

/// Tells in one pass which rules find anything.
static ANY: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(RULES.iter().map(|(_, rule)| rule.as_str())).expect("each of them is a pattern"));

/// The places in a text, in order; none overlaps another.
pub(super) fn spans(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    // Most lines of a long output have none.
    if !text.contains(|c: char| c.is_ascii_digit() || c == '-') && !text.contains(" a") {
        return spans;
    }
    for (kind, rule) in ANY.matches(text).into_iter().map(|at| &RULES[at]) {
        for found in rule.captures_iter(text) {
            let groups: Vec<_> = (1..found.len()).filter_map(|group| found.get(group)).collect();
            let places = if found.len() > 1 { groups } else { found.get(0).into_iter().collect() };
            for place in places.into_iter().filter(|place| is_one(*kind, place.as_str(), &text[place.end()..])) {
                if spans.iter().all(|span| span.range.end <= place.start() || place.end() <= span.range.start) {
                    spans.push(Span { range: place.range(), kind: *kind });
                }
            }
        }
    }
    spans.sort_by_key(|span| span.range.start);
    spans
}

/// What a pattern alone cannot tell.
fn is_one(kind: VolatileKind, place: &str, after: &str) -> bool {
    match kind {
        VolatileKind::Hash => {
            let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
            let drawn = place.len() > 7 || place.bytes().any(|byte| byte.is_ascii_lowercase());
            !goes_on && drawn && !WORDS.contains(&place) || is_first_of_two(place, after)
        }
        // What stands in a configuration: a network, every address.
        VolatileKind::Address => !after.starts_with('/') && !place.starts_with("0.0.0.0"),
        _ => true,
    }
}

/// The hash of a template, before the suffix of a pod.
fn is_first_of_two(place: &str, after: &str) -> bool {
    let suffix = after.strip_prefix('-').map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
    place.bytes().any(|byte| byte.is_ascii_digit()) && suffix.flatten().is_some_and(|suffix| suffix.len() == 5)
}

/// The text with a mark in each place and single spaces.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for Span { range, kind } in spans(text) {
        masked.push_str(&text[from..range.start]);
        masked.push_str(mark(kind));
        from = range.end;
    }
    masked.push_str(&text[from..]);
    collapsed(&masked)
}

/// The mark of a generated suffix.
pub(super) const HASH: &str = "\u{1}hash";

/// A mark that no text contains.
fn mark(kind: VolatileKind) -> &'static str {
    match kind {
        VolatileKind::Digest => "\u{1}digest",
        VolatileKind::Id => "\u{1}id",
        VolatileKind::Uid => "\u{1}uid",
        VolatileKind::Time => "\u{1}time",
        VolatileKind::Address => "\u{1}address",
        VolatileKind::Port => "\u{1}port",
        VolatileKind::Node => "\u{1}node",
        VolatileKind::Size => "\u{1}size",
        VolatileKind::Age => "\u{1}age",
        VolatileKind::Hash => HASH,
    }
}

/// Each run of white space as one space, no-break spaces among them; none at the ends.
pub(super) fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What was printed, with the shown text's own ages, addresses, hashes and other volatile words in their places, so
/// that only what really changed differs. The nth of a kind takes the place of the nth; what has no counterpart stays.
pub(crate) fn put_back(shown: &str, printed: &str) -> String {
    let of_shown = spans(shown);
    let mut taken = [0usize; 10];
    let mut replacements: Vec<(Range<usize>, &str)> = Vec::new();
    for span in spans(printed) {
        let nth = &mut taken[span.kind as usize];
        if let Some(counterpart) = of_shown.iter().filter(|other| other.kind == span.kind).nth(*nth) {
            replacements.push((span.range, &shown[counterpart.range.clone()]));
        }
        *nth += 1;
    }
    replacements.sort_by_key(|(range, _)| Reverse(range.start));
    let mut text = printed.to_owned();
    for (range, replacement) in replacements {
        text.replace_range(range, replacement);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_marked_and_nothing_else() {
        for (text, expected) in [
            ("web-6799fc88d8-x2x8k", "web-#hash-#hash"),
            ("nginx-deployment-3066724191-mwzsm", "nginx-deployment-#hash-#hash"),
            ("replicaset.apps/dep-55b445bb5c", "replicaset.apps/dep-#hash"),
            ("kube-proxy-jfds7", "kube-proxy-#hash"),
            ("default-token-4f8xz", "default-token-#hash"),
            ("my-https web-0 app1-sa my-nginx pod-22222 v1-24", "my-https web-0 app1-sa my-nginx pod-22222 v1-24"),
            ("dockerhub-secret redis-master mysql-client", "dockerhub-secret redis-master mysql-client"),
            ("pod-template-hash=55b445bb5c", "pod-template-hash=#hash"),
            ("10.96.0.1 10.0.0.0/16 0.0.0.0:80 127.0.0.1:8080", "#address 10.0.0.0/16 0.0.0.0:80 #address:8080"),
            ("at https://127.0.0.1:38113/api", "at https://127.0.0.1:38113/api"),
            ("80:31234/TCP 8080/TCP", "80:#port/TCP 8080/TCP"),
            ("2026-11-23T22:18:23Z uid d9ea1cb1-a86d-4ab3-89e8-48ed11300f13", "#time uid #uid"),
            ("x@sha256:02d156d58144 in 5s", "x@#digest in 5s"),
            ("  Normal  Pulled  5s (x2 over 1m)  kubelet  timeout 5s", "Normal Pulled #age kubelet timeout 5s"),
            ("mypod   0/1   ErrImagePull   0   4s", "mypod 0/1 ErrImagePull 0 #age"),
            ("python  3.9-slim  abc  2 weeks ago  125MB", "python 3.9-slim abc #age 125MB"),
            ("E1123 22:19:37.595134    3814 memcache.go:265] x", "E#time memcache.go:265] x"),
            (
                "cpu: 100m, timeout=30s, cloudwithvarjosh@gmail.com, app1:1.0.0",
                "cpu: 100m, timeout=30s, cloudwithvarjosh@gmail.com, app1:1.0.0",
            ),
        ] {
            assert_eq!(masked(text).replace('\u{1}', "#"), expected, "{text}");
        }
    }

    #[test]
    fn what_the_lecture_had_is_put_back() {
        for (shown, printed, expected) in [
            (
                "pod \"web-6799fc88d8-x2x8k\" deleted",
                "pod \"web-55b445bb5c-9bkbv\" deleted from default namespace",
                "pod \"web-6799fc88d8-x2x8k\" deleted from default namespace",
            ),
            ("pulled in 2s", "a pulled in 196ms (196ms including waiting)", "a pulled in 2s (196ms including waiting)"),
            ("IP: 10.1.2.3", "IP: 10.244.0.63 and 10.244.0.64", "IP: 10.1.2.3 and 10.244.0.64"),
        ] {
            assert_eq!(put_back(shown, printed), expected);
        }
    }
}
