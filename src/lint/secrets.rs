//! Credentials that look as if they opened something. Their text is never repeated in a finding.

use std::sync::LazyLock;

use regex::Regex;

use super::finding::{Finding, Rule};
use crate::script::lecture::Lecture;

/// Forms that services give their credentials; what people make up has another.
static FORMS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"\bAKIA[0-9A-Z]{16}\b", "an AWS access key"),
        (r"\bgh[pousr]_[A-Za-z0-9]{36,}\b", "a GitHub token"),
        (r"\bgithub_pat_[A-Za-z0-9_]{50,}\b", "a GitHub token"),
        (r"\bglpat-[A-Za-z0-9_-]{20,}\b", "a GitLab token"),
        (r"\bdckr_pat_[A-Za-z0-9_-]{20,}", "a Docker Hub token"),
        (r"\bxox[abprs]-[A-Za-z0-9-]{20,}", "a Slack token"),
        (r"\bAIza[0-9A-Za-z_-]{35}\b", "a Google API key"),
        (r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----", "a private key"),
        (r"\beyJhbGciOi[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}", "a signed token"),
    ]
    .into_iter()
    .map(|(pattern, what)| (Regex::new(pattern).expect("a pattern of ours"), what))
    .collect()
});

/// Of one character again and again, or told by its words to be an example.
fn is_made_up(text: &str) -> bool {
    let mut letters: Vec<char> = text.chars().skip(8).collect();
    letters.sort_unstable();
    letters.dedup();
    let words = ["EXAMPLE", "example", "xxxx", "XXXX", "your", "YOUR", "1234567890"];
    letters.len() < 6 && text.len() < 60 || words.iter().any(|word| text.contains(word))
}

pub(super) fn check(lecture: &Lecture, findings: &mut Vec<Finding>) {
    for (at, line) in lecture.text.lines().enumerate() {
        if line.len() < 20 {
            continue;
        }
        for (form, what) in FORMS.iter() {
            let Some(found) = form.find(line) else { continue };
            let key = found.as_str().starts_with("-----");
            // A key's lines are left out in most lectures; one that has none opens nothing.
            let has_lines = !key || lecture.text.lines().nth(at + 1).is_some_and(|next| next.trim().len() >= 60);
            if has_lines && (key || !is_made_up(found.as_str())) {
                let message = format!("this looks like {what} that opens something");
                findings.push(Finding::at(
                    Rule::RealSecret,
                    at + 1,
                    message,
                    Some("revoke it, and write a placeholder".into()),
                ));
            }
        }
    }
}
