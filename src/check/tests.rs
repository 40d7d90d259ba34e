//! Records in and out, their sum, and what is written from them.

use super::correction::{command, output};
use super::fixture::{LECTURE, lines, record, records};
use super::verdict::Judgement;
use super::*;
use crate::compare::{Class, Difference, TypedComparison, typed};
use crate::drift::{CommandOutput, Explanation, Versions, explain};
use crate::event::Verdict;
use crate::files::is_made;
use crate::script::lecture::Lines;

fn json(lines: &[Line]) -> String {
    lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
}

#[test]
fn records_are_read_as_they_were_written() {
    let written = lines(&records());
    assert_eq!(read(&json(&written)).unwrap(), written);
    insta::assert_snapshot!(json(&written));
}

#[test]
fn what_is_no_record_is_named() {
    let check = json(&lines(&[])[..1]);
    for (text, error) in [
        ("", "it does not begin with the check that made it"),
        ("{}\n", "line 1 is no record of a check"),
        (&format!("{check}\n\nhello"), "line 4 is no record of a check"),
        (&check.replace("\"schema\":1", "\"schema\":7"), "the records have form 7; this program reads form 1"),
        (&json(&lines(&[])[1..]), "it does not begin with the check that made it"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn the_schema_in_docs_is_the_records_own_and_they_keep_to_it() {
    let schema = serde_json::to_value(schema()).unwrap();
    is_made("docs/check.schema.json", &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for line in lines(&records()) {
        let value = serde_json::to_value(&line).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{value}: {errors:?}");
    }
    for wrong in [r#"{"type":"item","file":"a"}"#, r#"{"type":"other"}"#] {
        assert!(!validator.is_valid(&serde_json::from_str(wrong).unwrap()), "{wrong}");
    }
}

#[test]
fn the_whole_has_the_verdict_that_decides_how_it_ends() {
    use Verdict::*;
    for (verdicts, min, expected) in [
        (&[][..], None, Reproduced),
        (&[Reproduced, NotChecked], None, Reproduced),
        (&[NotChecked], Some(10), NotChecked),
        (&[Drifted, Manual, NotChecked], None, Drifted),
        (&[FailedInSequence, Contradicted, Drifted], None, Contradicted),
        (&[FailedInSequence], None, FailedInSequence),
    ] {
        let records: Vec<_> = verdicts.iter().map(|verdict| record("a", *verdict)).collect();
        assert_eq!(RollUp::new(&records, min).verdict(), expected, "{verdicts:?}");
    }
}

#[test]
fn the_sum_says_how_a_check_ends() {
    let end = |verdicts: &[Verdict], min| {
        let records: Vec<_> = verdicts.iter().map(|verdict| record("a", *verdict)).collect();
        RollUp::new(&records, min).end
    };
    use Verdict::*;
    for (verdicts, min, expected) in [
        (&[][..], None, CheckEnd::Passed),
        (&[], Some(100), CheckEnd::TooFew),
        (&[Reproduced, ExpectedFailure], Some(100), CheckEnd::Passed),
        (&[Reproduced, Skipped, NotChecked, Manual], None, CheckEnd::Passed),
        (&[Reproduced, Skipped, NotChecked, Manual], Some(25), CheckEnd::Passed),
        (&[Reproduced, Skipped, NotChecked, Manual], Some(26), CheckEnd::TooFew),
        (&[Reproduced, Drifted], None, CheckEnd::Warned),
        (&[Unproven], None, CheckEnd::Warned),
        (&[Unstable], None, CheckEnd::Warned),
        (&[Drifted, Contradicted], None, CheckEnd::Failed),
        (&[Failed, Skipped], Some(100), CheckEnd::Failed),
        (&[FailedInSequence], None, CheckEnd::Failed),
        (&[Failed, Blocked], None, CheckEnd::Blocked),
    ] {
        assert_eq!(end(verdicts, min), expected, "{verdicts:?}");
        assert_eq!(expected.passed(), matches!(expected, CheckEnd::Passed | CheckEnd::Warned));
    }
    insta::assert_snapshot!(RollUp::new(&records(), None), @r"
    1 reproduced · 1 expected-failure · 1 drifted · 1 manual · 2 skipped · 1 not-checked · 1 unproven · 1 unstable · 1 contradicted · 1 failed · 1 failed-in-sequence · 1 blocked
    checked 8 of 13 items (61 %); not checked: 1 blocked: Docker does not answer, 1 manual: Click, 1 not-checked, 2 skipped: needs-cloud
    ");
}

#[test]
fn people_read_what_does_not_hold_in_80_columns() {
    let told = summary(&records(), &RollUp::new(&records(), None), false);
    let plain = anstream::adapter::strip_str(&told).to_string();
    assert!(told.contains("\u{1b}["));
    for line in plain.lines() {
        assert!(textwrap::core::display_width(line) <= 80, "{line}");
    }
    insta::assert_snapshot!(plain);
    let all = summary(&records(), &RollUp::new(&records(), None), true);
    assert_eq!(all.lines().count(), told.lines().count() + 2, "what holds takes a line each");
}

#[test]
fn what_changed_since_is_told() {
    let before = records();
    let mut now = before.clone();
    now[0].verdict = Verdict::Drifted;
    now[2].verdict = Verdict::Reproduced;
    // Moved below another heading.
    now[3] = ItemRecord { id: "elsewhere:1".into(), verdict: Verdict::Failed, ..now[3].clone() };
    now.remove(12);
    now.push(ItemRecord { text: "new".into(), ..record("delete-it:20", Verdict::Failed) });
    let (before, mut now) = (lines(&before), lines(&now));
    let Line::Check(check) = &mut now[0] else { panic!() };
    check.server_version = "v1.37.0".into();
    let changes = changes(&before, &now);
    let told: Vec<_> = changes.iter().map(|c| format!("{} {c}", if c.is_worse() { "worse" } else { "  " })).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
       server is v1.37.0, was v1.36.0
    worse lecture.md:6 is drifted, was reproduced
       lecture.md:6 is reproduced, was contradicted: mypod STATUS: `ImagePullBackOff` instead of `Running`
       lecture.md:1 is failed, was failed-in-sequence: the pod is there already, and what is to change cannot be changed
    worse lecture.md:6 is new: failed
       lecture.md has no delete-it:13 any more; it was blocked
    ");
    assert!(super::changes(&before, &before).is_empty());
}

fn judged(command: &str, shown: &str, printed: &str) -> (TypedComparison, Vec<Explanation>, Judgement) {
    let outcome = typed(shown, printed);
    let versions = Versions::new("v1.36.0", "v1.36.4");
    let explanations = explain(&CommandOutput { command, printed, differences: &outcome.differences }, &versions);
    let judgement = judge(command, &outcome, &explanations);
    (outcome, explanations, judgement)
}

#[test]
fn outputs_are_judged_by_what_differs_and_what_explains_it() {
    let sa = "NAME      AGE\ndefault   2s";
    for (command, shown, printed, expected) in [
        ("kubectl get sa", "NAME  AGE\ndefault  5s", sa, "reproduced Normalised"),
        (
            "kubectl get sa -n x",
            "NAME  SECRETS  AGE\ndefault  0  5s",
            sa,
            "drifted Normalised serviceaccount-secrets-column: column SECRETS is gone",
        ),
        ("kubectl get x", "NAME  SECRETS  AGE\ndefault  0  5s", sa, "drifted Normalised: column SECRETS is gone"),
        (
            "kubectl get sa",
            "NAME  SECRETS  AGE\nother  0  5s",
            sa,
            "contradicted serviceaccount-secrets-column: no row other",
        ),
        (
            "kubectl delete pod mypod",
            "pod \"mypod\" deleted",
            "pod \"mypod\" deleted from default namespace",
            "drifted Fragments deleted-from-namespace: line: `pod \"mypod\" deleted from default namespace` instead of `pod \"mypod\" deleted`",
        ),
        (
            "kubectl rollout status deploy/x",
            "rolled out",
            "successfully rolled out",
            "drifted Fragments: line: `successfully rolled out` instead of `rolled out`",
        ),
        (
            "kubectl describe pod mypod",
            "pull access denied",
            "  Warning  Failed: pull access denied, x",
            "reproduced Fragments",
        ),
        (
            "kubectl get pod",
            "NAME  STATUS\nmypod  Running",
            "NAME  STATUS\nmypod  Pending",
            "contradicted: mypod STATUS: `Pending` instead of `Running`",
        ),
    ] {
        let (_, _, judged) = judged(command, shown, printed);
        let fidelity = judged.fidelity.map(|fidelity| format!(" {fidelity:?}")).unwrap_or_default();
        let by: String = judged.explained_by.iter().map(|id| format!(" {id}")).collect();
        let reason = judged.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        assert_eq!(format!("{}{fidelity}{by}{reason}", judged.verdict), expected, "{shown}");
    }
}

/// The correction of what is explained in a shown output at these lines of the fixture's lecture.
fn corrected(command: &str, shown: &str, printed: &str, file: &str, lines: (usize, usize)) -> Option<Correction> {
    let (outcome, explanations, _) = judged(command, shown, printed);
    let lines = Lines { first: lines.0, last: lines.1 };
    let wanted = |at: usize, difference: &Difference| {
        difference.class.counts()
            || difference.class == Class::Longer && explanations.iter().any(|e| e.differences.contains(&at))
    };
    output(file, lines, shown, &outcome, wanted, true)
}

#[test]
fn a_patch_changes_what_drifted_and_nothing_else() {
    let deleted = corrected(
        "kubectl delete pod web-6799fc88d8-x2x8k",
        "pod \"web-6799fc88d8-x2x8k\" deleted",
        "pod \"web-55b445bb5c-9bkbv\" deleted from default namespace",
        LECTURE,
        (6, 6),
    );
    let accounts = corrected(
        "kubectl get sa",
        "NAME      SECRETS   AGE\ndefault   0         5s",
        "NAME      AGE\ndefault   2m",
        LECTURE,
        (10, 11),
    );
    let corrections = [deleted, accounts].map(|correction| ItemRecord { correction, ..record("a", Verdict::Drifted) });
    let source = PatchSource { file: "lecture.md", text: LECTURE };
    let diff = patch(source, &corrections).unwrap();
    insta::assert_snapshot!(diff.replace('\r', "␍"));
    let applied = diffy::apply(LECTURE, &diffy::Patch::from_str(&diff).unwrap()).unwrap();
    let expected = LECTURE
        .replace("x2x8k\" deleted", "x2x8k\" deleted from default namespace")
        .replace("SECRETS   AGE", "AGE")
        .replace("0         5s", "5s");
    assert_eq!(applied, expected);
    assert_eq!(patch(source, &records()[..1]), Ok(String::new()));
}

#[test]
fn corrections_keep_the_lectures_spacing() {
    for (command, shown, printed, expected) in [
        (
            "kubectl get pods",
            "NAME      READY   STATUS    RESTARTS   AGE\nmypod     1/1     Running   0          5s",
            "NAME    READY   STATUS         RESTARTS   AGE\nmypod   0/1     ErrImagePull   0          9s",
            Some("NAME      READY   STATUS    RESTARTS   AGE\nmypod     0/1     ErrImagePull  0          5s"),
        ),
        (
            "kubectl describe pod p",
            "Name:     p\nImage:    app1:1.0.0\nNode:     minikube/10.0.0.1",
            "Name:             p\nImage:            app1:1.0.1\nNode:             kind/172.18.0.2",
            Some("Name:     p\nImage:    app1:1.0.1\nNode:     minikube/10.0.0.1"),
        ),
        (
            "kubectl get cm x -o json",
            "{\n  \"email\": \"someones@example.com\",\n  \"auth\": \"Y2x...\"\n}",
            "{\"email\": \"someone@example.com\", \"auth\": \"Y2xv\"}",
            Some("{\n  \"email\": \"someone@example.com\",\n  \"auth\": \"Y2x...\"\n}"),
        ),
        // The same value twice under one name: no guess.
        ("kubectl get x -o yaml", "a:\n  n: 1\nb:\n  n: 1", "a:\n  n: 1\nb:\n  n: 2", None),
        ("kubectl get sa", "NAME  AGE\nother  5s", "NAME  AGE\ndefault  5s", None),
        ("kubectl get sa", "NAME  AGE\ndefault  5s", "NAME  AGE\ndefault  9s", None),
    ] {
        let lines = (1, shown.lines().count());
        let correction = corrected(command, shown, printed, shown, lines);
        assert_eq!(correction.map(|correction| correction.text).as_deref(), expected, "{shown}");
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_not_patched() {
    let with = |first, last| {
        let correction = Some(Correction { lines: Lines { first, last }, text: "x".into(), safe: true });
        [ItemRecord { correction, ..record("a", Verdict::Drifted) }]
    };
    let source = PatchSource { file: "lecture.md", text: "one\ntwo" };
    for (first, last) in [(0, 1), (2, 1), (2, 3), (9, 9)] {
        assert!(
            matches!(patch(source, &with(first, last)), Err(PatchError::Changed { lines: 2, .. })),
            "{first}-{last}"
        );
    }
    let last = patch(source, &with(2, 2)).unwrap();
    assert_eq!(diffy::apply(source.text, &diffy::Patch::from_str(&last).unwrap()).unwrap(), "one\nx");
    assert_eq!(
        output("other text", Lines { first: 1, last: 1 }, "a: 1", &typed("a: 1", "a: 2"), |_, _| true, true),
        None
    );
}

#[test]
fn a_command_is_mended_in_its_place() {
    let file = "- do:\n\n  ```sh\n  kubectl exec -it mypod \\\n    -n x sh\n  ```\n";
    let written = "kubectl exec -it mypod \\\n  -n x sh";
    let mended = "kubectl exec -it mypod \\\n  -n x -- sh";
    let correction = command(file, Lines { first: 4, last: 5 }, written, mended).unwrap();
    assert_eq!(correction.text, "  kubectl exec -it mypod \\\n    -n x -- sh");
    assert_eq!(command(file, Lines { first: 4, last: 5 }, written, written), None);
}
