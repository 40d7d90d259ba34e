//! JUnit XML, as GitLab, Jenkins and GitHub's actions read it: a suite for each lab or lecture, a case for each step or
//! item. What makes the program exit with an error is a failure or an error there, and nothing else is.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::model::{CaseReport, SessionReport, SuiteReport, beside_cause};
use super::text::plain;
use crate::event::Verdict;

/// The sessions as one document.
///
/// # Errors
/// Where it cannot be serialised.
pub(super) fn junit(sessions: &[SessionReport]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("rehearse");
    for session in sessions {
        // Where there are several, only their names tell one version's suites from another's.
        let of = session.stage.as_ref().filter(|_| sessions.len() > 1).map(|stage| &stage.server_version);
        let suites = session.suites.iter().map(|suite| test_suite(suite, session, of));
        report.add_test_suites(suites);
        if let Some((message, hint)) = session.failed.as_ref().filter(|_| session.suites.is_empty()) {
            let status = failed(NonSuccessKind::Error, "blocked", message, hint.as_slice());
            report.add_test_suite(alone("rehearse", TestCase::new("the stage", status)));
        }
    }
    report.set_time(Duration::from_millis(sessions.iter().filter_map(|s| Some(s.end?.ms)).sum()));
    report.to_string()
}

fn text(text: &str) -> XmlString {
    XmlString::new(plain(text))
}

fn alone(name: &str, case: TestCase) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_test_case(case);
    suite
}

fn test_suite(suite: &SuiteReport, session: &SessionReport, of: Option<&String>) -> TestSuite {
    let of = of.map(|version| format!(" ({version})")).unwrap_or_default();
    let mut out = TestSuite::new(text(&format!("{}{of}", suite.title)));
    out.set_time(Duration::from_millis(suite.ms));
    out.extra.insert("file".into(), text(&suite.file));
    let stage = session.stage.iter();
    let known = stage.flat_map(|s| [("cluster", &s.cluster), ("kubernetes", &s.server_version)]);
    let known = [("session", &session.id), ("rehearse", &session.version)].into_iter().chain(known);
    let began = session.at.iter().map(|at| ("began", at));
    let tools = session.tools.iter().map(|(name, version)| (name.as_str(), version));
    out.add_properties(known.chain(began).chain(tools).map(|(name, value)| Property::new(name, text(value))));
    out.add_test_cases(suite.cases.iter().map(|case| test_case(case, suite)));
    if let Some(failure) = suite.own_failure() {
        let rest = beside_cause(failure);
        let status = failed(kind(suite.verdict), &word(suite.verdict), failure.cause(), &rest);
        out.add_test_case(placed(TestCase::new("the lab as a whole", status), suite, failure.line));
    } else if suite.verdict.is_none() {
        let status = failed(NonSuccessKind::Error, "incomplete", "the run ended before this had", &[]);
        out.add_test_case(placed(TestCase::new("its end", status), suite, 1));
    }
    out
}

fn placed(mut case: TestCase, suite: &SuiteReport, line: usize) -> TestCase {
    case.set_classname(text(&suite.file));
    case.extra.insert("file".into(), text(&suite.file));
    case.extra.insert("line".into(), line.to_string().into());
    case
}

fn test_case(case: &CaseReport, suite: &SuiteReport) -> TestCase {
    let cause = case.cause();
    let cause_or_word = || cause.clone().unwrap_or_else(|| word(case.verdict));
    let fails = |kind| failed(kind, &word(case.verdict), &cause_or_word(), &case.evidence());
    let skipped = || {
        let mut status = TestCaseStatus::skipped();
        status.set_message(text(&cause_or_word()));
        status
    };
    let status = match case.verdict {
        Some(Verdict::Reproduced | Verdict::ExpectedFailure | Verdict::Drifted) => TestCaseStatus::success(),
        // A check ends well with these: what a lecture says came out, as far as can be told.
        Some(Verdict::Unproven | Verdict::Unstable) if case.item.is_some() => TestCaseStatus::success(),
        Some(Verdict::Manual | Verdict::Skipped | Verdict::NotChecked | Verdict::FailedInSequence) => skipped(),
        Some(Verdict::Unproven | Verdict::Unstable | Verdict::Contradicted | Verdict::Failed) => {
            fails(NonSuccessKind::Failure)
        }
        Some(Verdict::Blocked) | None => fails(NonSuccessKind::Error),
    };
    let heading = if case.heading.is_empty() { String::new() } else { format!("{}: ", case.heading) };
    let name = format!("line {}: {heading}{}", case.line, case.name());
    let passed_with_a_word = matches!(status, TestCaseStatus::Success { .. }) && cause.is_some();
    let line = case.failure.as_ref().map_or(case.line, |failure| failure.line);
    let mut out = placed(TestCase::new(text(&name), status), suite, line);
    if let Some(ms) = case.ms {
        out.set_time(Duration::from_millis(ms));
    }
    if passed_with_a_word {
        out.set_system_out(text(&format!("{}: {}", word(case.verdict), cause_or_word())));
    } else if !case.output.is_empty() && case.verdict.is_some_and(|verdict| verdict.fails()) {
        out.set_system_out(text(&case.output));
    }
    out
}

fn kind(verdict: Option<Verdict>) -> NonSuccessKind {
    if verdict == Some(Verdict::Blocked) { NonSuccessKind::Error } else { NonSuccessKind::Failure }
}

fn word(verdict: Option<Verdict>) -> String {
    verdict.map_or_else(|| "incomplete".to_owned(), |verdict| verdict.to_string())
}

fn failed(kind: NonSuccessKind, type_: &str, message: &str, rest: &[String]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(type_).set_message(text(message.lines().next().unwrap_or_default()));
    // Some readers show the text only.
    let lines = std::iter::once(message).chain(rest.iter().map(String::as_str));
    status.set_description(text(&lines.collect::<Vec<_>>().join("\n")));
    status
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{blocked, checked, failed, failed_events, session};
    use super::*;

    #[test]
    fn a_failure_is_its_cause_and_a_text_of_others_is_text() {
        let xml = junit(&[failed()]).unwrap();
        assert!(!xml.contains("<script") && !xml.contains(['\u{1b}', '\u{0}']), "{xml}");
        insta::assert_snapshot!("a-run", xml);
        insta::assert_snapshot!("a-check", junit(&[checked()]).unwrap());
        insta::assert_snapshot!("no-engine", junit(&[blocked()]).unwrap());
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let mut events = failed_events();
        events.truncate(events.len() - 5);
        let xml = junit(&[session(&events)]).unwrap();
        assert!(xml.contains(r#"message="the run ended before this had" type="incomplete""#), "{xml}");
    }
}
