//! What an author leaves out of shown output, in the ways authors do.
//! Knows nothing of what may differ from run to run.

use std::sync::LazyLock;

use regex::Regex;

/// `...`, `…`, `[...]`, `<name>`, `xxxxx`, `***`.
static ELISION: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\[\.{3}\]|\.{3,}|…|<[A-Za-z][^<>]*>|\b(?:x{3,}|y{3,}|z{3,})\b|X{3,}|\*{3,}";
    Regex::new(pattern).expect("a literal, tested below")
});

/// Lines that stand for any lines.
static GAP: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)^\W*(\.{3,}|…|(\. ){2,}\.|((the )?(rest|remaining|other) )?(of )?(the )?(output|lines?|content)?[ :]*(is |was )?(snip|snipped|omitted|truncated|elided|cut|shortened))\W*$";
    Regex::new(pattern).expect("a literal, tested below")
});

/// What kubectl itself prints in angle brackets.
const PRINTED: &[&str] = &[
    "none", "unset", "unknown", "pending", "nil", "invalid", "nodes", "empty", "error", "no value", "host", "default",
];
/// Pages that are shown as curl prints them.
const HTML: &[&str] = &[
    "html", "head", "body", "title", "style", "script", "div", "span", "p", "a", "b", "i", "em", "h1", "h2", "h3",
    "hr", "br", "center", "meta", "link", "pre", "ul", "li", "table", "tr", "td",
];

/// Whether a shown line stands for any number of lines.
pub(super) fn is_gap(line: &str) -> bool {
    GAP.is_match(line.trim())
}

/// What a command leaves out: run as it stands, it prints something else than what is shown.
pub(crate) fn left_out(command: &str) -> Option<&str> {
    static LEFT_OUT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"X{3,}|\w(?:\.{3}|…)").expect("a literal"));
    LEFT_OUT.find(command).map(|found| found.as_str())
}

/// What a text with elisions stands for, as a pattern; None where nothing is left out.
pub(super) fn pattern(text: &str) -> Option<Regex> {
    compiled(text, true)
}

/// The same for a part of a line.
pub(super) fn fragment(text: &str) -> Option<Regex> {
    compiled(text, false)
}

fn compiled(text: &str, whole: bool) -> Option<Regex> {
    let mut pattern = String::from(if whole { "(?s)^" } else { "" });
    let (mut from, mut found) = (0, false);
    for place in ELISION.find_iter(text).filter(|place| leaves_out(place.as_str())) {
        found = true;
        pattern.push_str(&regex::escape(&text[from..place.start()]));
        pattern.push_str(stands_for(place.as_str()));
        from = place.end();
    }
    pattern.push_str(&regex::escape(&text[from..]));
    pattern.push_str(if whole { "$" } else { "" });
    found.then(|| Regex::new(&pattern).ok()).flatten()
}

fn leaves_out(elision: &str) -> bool {
    let Some(name) = elision.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return true };
    let tag = name.split([' ', '/']).next().unwrap_or_default().to_ascii_lowercase();
    !PRINTED.contains(&name) && !HTML.contains(&tag.as_str())
}

fn stands_for(elision: &str) -> &'static str {
    match elision.as_bytes().first() {
        Some(b'<' | b'*') => r"\S+",
        Some(b'x' | b'X' | b'y' | b'z') => "[A-Za-z0-9\u{1}-]+",
        _ => ".*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stands_for_what_is_there() {
        for (shown, printed, same) in [
            ("auth: Y2x...", "auth: Y2xvdWQ=", true),
            ("token <token> --ca <hash>", "token abc.def --ca sha256:00", true),
            ("pod/web-xxxxx created", "pod/web-9bkbv created", true),
            ("password: ****", "password: hunter2", true),
            ("kind: ...Account", "kind: ServiceAccount", true),
            ("kind: Service...X", "kind: ServiceAccount", false),
            ("<pod> deleted", "mypod created", false),
        ] {
            assert_eq!(pattern(shown).unwrap().is_match(printed), same, "{shown}");
        }
        for nothing in ["Labels: <none>", "<h1>Welcome</h1>", "EXTERNAL-IP <pending>", "index.html", "a..b", "2 > 1"] {
            assert!(pattern(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn a_command_may_leave_something_out() {
        assert_eq!(left_out("echo eyJhdXRoXXXX | base64 -d"), Some("XXXX"));
        assert_eq!(left_out("echo eyJhdXRo... | base64 -d"), Some("o..."));
        for whole in ["kubectl get pods", "ls ../x", "echo {1..3}", "kubectl get pods ...", "XX"] {
            assert_eq!(left_out(whole), None, "{whole}");
        }
    }

    #[test]
    fn gaps_are_lines_of_their_own() {
        for gap in ["...", "  …", "[...]", "# ...", "// ...", "<output omitted>", "[output truncated]", "--- snip ---"]
        {
            assert!(is_gap(gap), "{gap}");
        }
        for line in ["Normal ... Pulled", "output", "file truncated at 5", "..a", ""] {
            assert!(!is_gap(line), "{line}");
        }
    }
}
