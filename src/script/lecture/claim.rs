//! What a lecture's prose claims about pods: `the pod transitions to Running`. Knows no cluster.

use super::item::Lines;
use super::words::{Concept, Cues};

/// STATUS words that a sentence may promise, and whether each means that the pod came up.
const STATES: &[(&str, bool)] = &[
    ("Running", true),
    ("Completed", true),
    ("ErrImagePull", false),
    ("ImagePullBackOff", false),
    ("CrashLoopBackOff", false),
    ("ErrImageNeverPull", false),
    ("InvalidImageName", false),
    ("CreateContainerConfigError", false),
];

/// `If`, where it is a word of its own in ASCII letters; the other languages' are among the cues.
const IFS: &[&str] = &["if", "wenn", "si", "se"];

/// A promise about the pods that an item makes or shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The line of the file, 1-based.
    pub(crate) line: usize,
    /// The sentence.
    pub(crate) text: String,
    /// The state as kubectl's STATUS column words it.
    pub(crate) state: &'static str,
}

/// The claims that stand beside an item: in the paragraph that leads to it, and in those after it up to `until`, the
/// line at which the next item or heading begins.
pub(crate) fn claims(text: &str, item: Lines, until: usize) -> Vec<Claim> {
    let lines: Vec<&str> = text.lines().collect();
    let after = (item.last..until.saturating_sub(1).min(lines.len()))
        .skip_while(|at| lines[*at].trim_start().starts_with("```"));
    let after: Vec<usize> = after.take_while(|at| !ends_section(lines[*at])).collect();
    // The lead-in says where the step is to arrive where it ends with a colon.
    let before = lead_in(&lines, item.first);
    let mut found: Vec<Claim> = Vec::new();
    for (at, sentence) in sentences(&lines, before.into_iter()).chain(sentences(&lines, after.into_iter())) {
        if let Some(state) = promised(&sentence)
            && !found.iter().any(|claim| claim.state == state)
        {
            found.push(Claim { line: at + 1, text: sentence, state });
        }
    }
    found
}

fn ends_section(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('#') || line.starts_with('>') || matches!(line, "---" | "***" | "___")
}

/// The paragraph right above the fence whose first line is `first`, where it ends with a colon.
fn lead_in(lines: &[&str], first: usize) -> Vec<usize> {
    let mut at: Vec<usize> = (0..first.saturating_sub(1))
        .rev()
        .skip_while(|at| {
            let line = lines[*at].trim();
            line.is_empty() || line.starts_with("```") || line.starts_with("~~~")
        })
        .take_while(|at| {
            !lines[*at].trim().is_empty() && !ends_section(lines[*at]) && !lines[*at].trim().starts_with("```")
        })
        .collect();
    at.reverse();
    let leads = at.last().is_some_and(|last| lines[*last].trim_end().ends_with([':', '：']));
    if leads { at } else { Vec::new() }
}

/// Sentences of the lines, each with the index of the line it begins on.
fn sentences<'a>(
    lines: &'a [&'a str],
    at: impl Iterator<Item = usize> + 'a,
) -> impl Iterator<Item = (usize, String)> + 'a {
    at.flat_map(move |at| {
        lines[at]
            .split_inclusive(['.', '!', '。', ';'])
            .map(move |part| (at, part.trim().to_owned()))
            .collect::<Vec<_>>()
    })
    .filter(|(_, sentence)| !sentence.is_empty())
}

/// The state that a sentence promises. Advice for a case that should not come, and what is said of another time, is no
/// promise.
fn promised(sentence: &str) -> Option<&'static str> {
    let words: Vec<&str> = sentence.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let named: Vec<_> = STATES.iter().filter(|(state, _)| words.contains(state)).collect();
    let [(state, comes_up)] = named[..] else { return None };
    let cues = Cues::new(sentence);
    let is_conditional =
        cues.has(Concept::Condition) || words.iter().any(|word| IFS.iter().any(|one| word.eq_ignore_ascii_case(one)));
    // `If the image is wrong, the pod is in ErrImagePull` is no promise; `if the login is right, … Running` is one.
    (!cues.has(Concept::Aside) && (*comes_up || !is_conditional)).then_some(*state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, &'static str)> {
        let first = text.lines().position(|line| line.starts_with("```")).unwrap() + 1;
        let lines = text.lines().count();
        let last = text.lines().enumerate().skip(first).find(|(_, line)| line.starts_with("```")).unwrap().0;
        claims(text, Lines { first: first + 1, last }, lines + 1)
            .into_iter()
            .map(|claim| (claim.line, claim.state))
            .collect()
    }

    #[test]
    fn a_promise_stands_before_or_after_its_command() {
        let fence = "```bash\nkubectl get pod p\n```\n";
        assert_eq!(found(&format!("Watch the pod become `Running`:\n\n{fence}")), [(1, "Running")]);
        assert_eq!(found(&format!("Then:\n\n{fence}\nIt is **Running** now.\n")), [(7, "Running")]);
        assert_eq!(found(&format!("It was Running long ago.\n\n{fence}")), [], "no lead-in");
        assert_eq!(found(&format!("{fence}\n---\n\nIt is Running.\n")), [], "another section");
    }

    #[test]
    fn advice_for_a_case_that_should_not_come_is_no_promise() {
        let fence = "```bash\nkubectl get pod p\n```\n";
        for no_promise in [
            "If it is in ErrImagePull, look at the secret.",
            "> It is Running.",
            "If the pod fails with ImagePullBackOff, double-check it.",
            "It goes from ErrImagePull to ImagePullBackOff.",
            "It will never be Running.",
            "Wenn das Bild falsch ist, wartet der Pod mit ErrImagePull.",
            "Warten Sie, bis der Pod Running ist.",
            "如果镜像不存在，Pod 会处于 ErrImagePull。",
            "等待，直到 Pod 变为 Running。",
            "Пока под не Running, подождите.",
            "Espera hasta que el pod esté Running.",
        ] {
            assert_eq!(found(&format!("{fence}\n{no_promise}\n")), [], "{no_promise}");
        }
        for promise in ["Der Pod ist jetzt `Running`.", "Pod 的状态变为 Running。", "Теперь под в состоянии Running."]
        {
            assert_eq!(found(&format!("{fence}\n{promise}\n")), [(5, "Running")], "{promise}");
        }
        assert_eq!(found(&format!("{fence}\nIf the login is right, the pod goes to `Running`.\n")), [(5, "Running")]);
    }
}
