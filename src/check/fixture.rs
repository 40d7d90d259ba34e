//! A lecture's text and records of it, for the tests of this room.

use super::{CheckHeader, Correction, Evidence, ItemRecord, Line, RecordKind, RollUp, SCHEMA};
use crate::compare::{Class, Difference, Fidelity, Path};
use crate::event::Verdict;
use crate::script::lecture::Lines;

/// Eleven lines; what is shown stands in a list, in a quote, and after a tab.
pub(super) const LECTURE: &str = "# Delete it\r\n\r\n1. Delete the pod:\r\n\r\n   ```\r\n   pod \"web-6799fc88d8-x2x8k\" deleted\r\n   ```\r\n\r\n> ```\r\n> NAME      SECRETS   AGE\r\n> default   0         5s\r\n> ```\r\n";

pub(super) fn record(id: &str, verdict: Verdict) -> ItemRecord {
    ItemRecord {
        file: "lecture.md".into(),
        id: id.into(),
        headings: vec!["Delete it".into()],
        lines: Lines { first: 6, last: 6 },
        kind: RecordKind::Output,
        text: "pod \"web-6799fc88d8-x2x8k\" deleted".into(),
        verdict,
        fidelity: None,
        reason: None,
        adapted: Vec::new(),
        differences: Vec::new(),
        evidence: Vec::new(),
        correction: None,
        explained_by: Vec::new(),
        blamed: None,
    }
}

/// A record of each verdict, and with each field.
pub(super) fn records() -> Vec<ItemRecord> {
    let with = |id: &str, verdict, reason: &str| ItemRecord { reason: Some(reason.into()), ..record(id, verdict) };
    let drifted = ItemRecord {
        fidelity: Some(Fidelity::Fragments),
        differences: vec![Difference {
            class: Class::Longer,
            path: Path::Line,
            line: 1,
            shown: Some("pod \"web-6799fc88d8-x2x8k\" deleted".into()),
            printed: Some("pod \"web-55b445bb5c-9bkbv\" deleted from default namespace".into()),
        }],
        explained_by: vec!["deleted-from-namespace".into()],
        correction: Some(Correction {
            lines: Lines { first: 6, last: 6 },
            text: "   pod \"web-6799fc88d8-x2x8k\" deleted from default namespace".into(),
            safe: true,
        }),
        ..with(
            "delete-it:2",
            Verdict::Drifted,
            "line: `pod \"web-55b445bb5c-9bkbv\" deleted from default namespace` instead of `pod \"web-6799fc88d8-x2x8k\" deleted`",
        )
    };
    let failed = ItemRecord {
        kind: RecordKind::Command,
        lines: Lines { first: 1, last: 3 },
        text: (1..=9).map(|n| format!("kubectl apply -f pod-{n}.yaml --namespace a-namespace-with-a-rather-long-name --wait")).collect::<Vec<_>>().join("\n"),
        adapted: vec!["`<pod>` is `web-55b445bb5c-9bkbv`".into()],
        blamed: Some("delete-it:1".into()),
        evidence: vec![
            Evidence { of: "stderr".into(), path: None, says: "The Pod \"mypod\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`".into() },
            Evidence { of: "pod/mypod".into(), path: Some(".spec.imagePullSecrets[0].name".into()), says: "regcred".into() },
        ],
        ..with("delete-it:4", Verdict::FailedInSequence, "the pod is there already, and what is to change cannot be changed")
    };
    vec![
        ItemRecord { fidelity: Some(Fidelity::Normalised), ..record("delete-it:1", Verdict::Reproduced) },
        drifted,
        with("delete-it:3", Verdict::Contradicted, "mypod STATUS: `ImagePullBackOff` instead of `Running`"),
        failed,
        with("delete-it:5", Verdict::Skipped, "needs-cloud"),
        with("delete-it:6", Verdict::Skipped, "needs-cloud"),
        with("delete-it:7", Verdict::Manual, "Click"),
        record("delete-it:8", Verdict::NotChecked),
        with("delete-it:9", Verdict::Unproven, "it runs without the secret, too"),
        with("delete-it:10", Verdict::Unstable, "it held once and did not hold again"),
        record("delete-it:11", Verdict::ExpectedFailure),
        with("delete-it:12", Verdict::Failed, "exit code 1"),
        with("delete-it:13", Verdict::Blocked, "Docker does not answer"),
    ]
}

pub(super) fn lines(records: &[ItemRecord]) -> Vec<Line> {
    let check = CheckHeader {
        schema: SCHEMA,
        version: "0.1.0".into(),
        cluster: "mini".into(),
        server_version: "v1.36.0".into(),
        kubectl_version: "v1.36.4".into(),
    };
    let items = records.iter().cloned().map(|record| Line::Item(Box::new(record)));
    [Line::Check(check)].into_iter().chain(items).chain([Line::RollUp(RollUp::new(records, None))]).collect()
}
