//! The directives: one table of words, each with its usage and its parser.
//! Knows nothing of Markdown; it is given the inside of a comment, line by line.

use std::time::Duration;

use super::error::Problem;
use super::grammar::{at_colon, duration, near, object_ref, states, texts};
use super::model::{AnyOf, CheckKind, Need, ObjectRef, Without};

/// One directive, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Directive {
    Need(Need),
    Check(CheckKind),
    Timeout(Duration),
    Skip(String),
    RotatePassword,
    HubOnly,
}

/// A row of the grammar. `parse` is given what follows the word.
pub(super) struct Rule {
    pub word: &'static str,
    pub usage: &'static str,
    parse: fn(&Rule, &str) -> Result<Directive, Problem>,
}

const WITHOUT: &str =
    "without secret|patch|serviceAccountName|right-password|right-server|right-namespace pod/NAME [-n NS]: STATE";

pub(super) const RULES: &[Rule] = &[
    Rule { word: "needs", usage: "needs cluster | image REF | no-image REF", parse: needs },
    Rule { word: "expect", usage: "expect pod/NAME [-n NS]: STATE, STATE", parse: expect },
    Rule { word: "never", usage: "never pod/NAME [-n NS]: STATE, STATE [for 2s]", parse: never },
    Rule { word: "event", usage: "event KIND/NAME [-n NS]: REASON [\"text\" or \"text\"]", parse: event },
    Rule { word: "pulled", usage: "pulled pod/NAME [-n NS]", parse: pulled },
    Rule { word: "without", usage: WITHOUT, parse: without },
    Rule { word: "fails", usage: "fails [\"text\" or \"text\"]", parse: fails },
    Rule { word: "prints", usage: "prints \"text\" [or \"text\"]", parse: prints },
    Rule { word: "prints-credentials", usage: "prints-credentials", parse: prints_credentials },
    Rule { word: "timeout", usage: "timeout 90s", parse: timeout },
    Rule { word: "rotate-password", usage: "rotate-password", parse: rotate_password },
    Rule { word: "hub-only", usage: "hub-only", parse: hub_only },
    Rule { word: "skip", usage: "skip REASON", parse: skip },
];

/// One line of a comment → the rule it follows and what it says.
pub(super) fn parse(line: &str) -> Result<(&'static Rule, Directive), Problem> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rule = RULES.iter().find(|rule| rule.word == word).ok_or_else(|| Problem::UnknownDirective {
        word: word.into(),
        near: near(word, RULES.iter().map(|rule| rule.word)),
    })?;
    Ok((rule, (rule.parse)(rule, rest.trim())?))
}

impl Rule {
    fn arguments(&self, expected: &'static str, found: &str) -> Problem {
        Problem::Arguments { word: self.word, usage: self.usage, expected, found: found.into() }
    }

    fn pod(&self, text: &str) -> Result<ObjectRef, Problem> {
        let object = object_ref(text)?;
        match object.kind.as_str() {
            "pod" => Ok(object),
            _ => Err(Problem::NotAPod { word: self.word, kind: object.kind }),
        }
    }

    fn after_colon<'a>(&self, text: &'a str) -> Result<(&'a str, &'a str), Problem> {
        at_colon(text).ok_or_else(|| self.arguments("`:` after the object", text))
    }

    fn quoted(&self, text: &str) -> Result<AnyOf, Problem> {
        texts(text)?.ok_or_else(|| self.arguments("\"quoted text\"", text))
    }
}

fn needs(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let need = match words[..] {
        ["cluster"] => Need::Cluster,
        ["image", reference] => Need::Image(reference.into()),
        ["no-image", reference] => Need::NoImage(reference.into()),
        _ => return Err(rule.arguments("cluster, image REF or no-image REF", rest)),
    };
    Ok(Directive::Need(need))
}

fn expect(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    let (object, tail) = rule.after_colon(rest)?;
    Ok(Directive::Check(CheckKind::Expect { object: rule.pod(object)?, states: states(tail)? }))
}

fn never(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    let (object, tail) = rule.after_colon(rest)?;
    let (tail, window) = match tail.rsplit_once(" for ") {
        Some((tail, window)) => (tail, Some(duration(window.trim())?)),
        None => (tail, None),
    };
    Ok(Directive::Check(CheckKind::Never { object: rule.pod(object)?, states: states(tail)?, window }))
}

fn event(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    let (object, tail) = rule.after_colon(rest)?;
    let (reason, text) = tail.split_once(char::is_whitespace).unwrap_or((tail, ""));
    if reason.is_empty() || !reason.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(rule.arguments("an event's REASON", reason));
    }
    Ok(Directive::Check(CheckKind::Event {
        object: object_ref(object)?,
        reason: reason.into(),
        contains: rule.quoted(text)?,
    }))
}

fn pulled(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    Ok(Directive::Check(CheckKind::Pulled { object: rule.pod(rest)? }))
}

fn without(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    let (what, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let known = Without::WORDS.iter().find(|(word, _)| *word == what);
    let (_, what) = known.ok_or_else(|| rule.arguments("what to take away", what))?;
    let (object, tail) = rule.after_colon(rest.trim())?;
    let (what, object) = (*what, rule.pod(object)?);
    Ok(Directive::Check(CheckKind::Without { what, object, states: states(tail)? }))
}

fn fails(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    Ok(Directive::Check(CheckKind::Fails { contains: rule.quoted(rest)? }))
}

fn prints(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    let contains = rule.quoted(rest)?;
    match contains.0.is_empty() {
        true => Err(rule.arguments("\"quoted text\"", rest)),
        false => Ok(Directive::Check(CheckKind::Prints { contains })),
    }
}

fn prints_credentials(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    match rest {
        "" => Ok(Directive::Check(CheckKind::PrintsCredentials)),
        _ => Err(rule.arguments("nothing more", rest)),
    }
}

fn timeout(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    match duration(rest)? {
        Duration::ZERO => Err(rule.arguments("more than no time at all", rest)),
        timeout => Ok(Directive::Timeout(timeout)),
    }
}

fn skip(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    match rest {
        "" => Err(rule.arguments("a reason", rest)),
        reason => Ok(Directive::Skip(reason.into())),
    }
}

fn rotate_password(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    match rest {
        "" => Ok(Directive::RotatePassword),
        _ => Err(rule.arguments("nothing more", rest)),
    }
}

fn hub_only(rule: &Rule, rest: &str) -> Result<Directive, Problem> {
    match rest {
        "" => Ok(Directive::HubOnly),
        _ => Err(rule.arguments("nothing more", rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint as _;

    #[test]
    fn a_check_reads_back_as_it_is_shown() {
        for line in [
            "expect pod/mypod: ErrImagePull, ImagePullBackOff, Running",
            "expect pod/app1-pod -n app1-ns: Running",
            "expect pod/x: Init:0/1",
            "expect pod/web-*: Running",
            "never pod/oldpod -n app1-ns: Running for 2s",
            "never pod/oldpod: Running, Completed",
            "event pod/mypod: Failed \"a: \\\"b\\\"\" or \"c\"",
            "event serviceaccount/x: Created",
            "pulled pod/mypod",
            "without secret pod/mypod: ErrImagePull",
            "without right-server pod/app1-pod -n app1-ns: ErrImagePull, ImagePullBackOff",
            "fails",
            "fails \"denied\" or \"no basic auth credentials\"",
            "prints \"Hello, Docker!\"",
            "prints-credentials",
        ] {
            let (_, Directive::Check(check)) = parse(line).unwrap() else { panic!("{line} is a check") };
            assert_eq!(check.to_string(), line);
        }
    }

    #[test]
    fn the_rest_of_the_grammar() {
        let said = |line: &str| parse(line).unwrap().1;
        assert_eq!(said("needs cluster"), Directive::Need(Need::Cluster));
        assert_eq!(said("needs image docker.io/a/b:1"), Directive::Need(Need::Image("docker.io/a/b:1".into())));
        assert_eq!(said("needs no-image a/b"), Directive::Need(Need::NoImage("a/b".into())));
        assert_eq!(said("timeout 90s"), Directive::Timeout(Duration::from_secs(90)));
        assert_eq!(said("rotate-password"), Directive::RotatePassword);
        assert_eq!(said("hub-only"), Directive::HubOnly);
        assert_eq!(said("skip needs a browser"), Directive::Skip("needs a browser".into()));
    }

    #[test]
    fn what_is_not_understood_is_named_with_a_hint() {
        let mut shown = String::new();
        for line in [
            "expct pod/x: Running",
            "frobnicate",
            "expect pod/x",
            "expect pod/x:",
            "expect mypod: Running",
            "expect sa/x: Running",
            "expect pdo/x: Running",
            "expect pod/x: Runing",
            "never pod/x: Running for ever",
            "event pod/x: \"text\"",
            "event pod/x: Failed text",
            "pulled pod/X",
            "without",
            "without password pod/x: ErrImagePull",
            "without secret pod/x",
            "without secret deployment/x: ErrImagePull",
            "prints",
            "prints Hello",
            "prints \"Hello",
            "prints-credentials now",
            "needs",
            "needs images a",
            "timeout",
            "timeout 0s",
            "timeout 90",
            "skip",
            "rotate-password now",
            "hub-only please",
            "expect pod/*-x: Running",
        ] {
            let Err(problem) = parse(line) else { panic!("{line} must not parse") };
            let hint = problem.hint().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            shown += &format!("{line}\n  {problem}{hint}\n");
        }
        insta::assert_snapshot!(shown);
    }
}
