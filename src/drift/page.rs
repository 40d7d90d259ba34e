//! A rule in words, and the table as a page of documentation.

use super::rule::{Component, DriftRule, Verified, rules};

/// What the rule of this id says, of which versions, and where it is written down; None where there is none.
pub(crate) fn sentence(id: &str) -> Option<String> {
    let rule = rules().iter().find(|rule| rule.id == id)?;
    let (program, versions, verified) = (title(rule.component), versions(rule), how(rule.verified));
    Some(format!("{id}: {} ({program}, {versions}; {}, {verified})", rule.what, rule.source))
}

/// `docs/drift.md`.
#[cfg(test)]
pub(crate) fn page() -> String {
    use std::fmt::Write as _;

    let mut page = String::from(HEAD);
    for rule in rules() {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} |",
            rule.id,
            rule.what,
            title(rule.component),
            versions(rule),
            rule.source,
            how(rule.verified)
        );
    }
    page
}

#[cfg(test)]
const HEAD: &str = "\
# What drifts

Lectures show what the programs of their day printed. `rehearse check` explains a difference that it saw by one of these
rules, and then calls the item *drifted* instead of *contradicted*. A rule never makes a difference. Where the program is
older than a change, the rule is read the other way round. Versions are those of the program that prints: the API server
and its kubelets, kubectl, containerd, Docker. `src/drift/rules.toml` is the table; this page is made from it.

![An item of a lecture in the report: it drifted, because kubectl prints no column SECRETS any more, with the rule and the suggested correction](pictures/drift.svg)

Verified: *run* means that both sides were run, *source* that it was read in the program's source, *note* that release
notes or documentation say so.

| rule | what changed | program | versions | source | verified |
|---|---|---|---|---|---|
";

fn title(component: Component) -> &'static str {
    match component {
        Component::Server => "server",
        Component::Kubectl => "kubectl",
        Component::Containerd => "containerd",
        Component::Docker => "docker",
    }
}

fn how(verified: Verified) -> &'static str {
    match verified {
        Verified::Run => "run",
        Verified::Source => "source",
        Verified::Note => "note",
    }
}

fn versions(rule: &DriftRule) -> String {
    match (rule.since, rule.until) {
        (Some(since), Some(until)) => format!("{since} until {until}"),
        (Some(since), None) => format!("{since} on"),
        (None, _) => "any".into(),
    }
}
