//! Findings as SARIF 2.1.0, which code scanning reads
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>). Pure.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::lint::{Finding, RULES, Severity};
use crate::script::lecture::ReadError;

/// One run of `lint`; what could not be read is a notification of the tool's.
pub(super) fn document(found: &[(PathBuf, Finding)], unreadable: &[(PathBuf, ReadError)]) -> Value {
    let rules = RULES.iter().map(|(rule, _, severity)| {
        json!({
            "id": rule.id(),
            "helpUri": format!("docs/lint.md#{}", rule.id()),
            "defaultConfiguration": {"level": level(*severity)},
        })
    });
    let results = found.iter().map(|(path, finding)| {
        let advice = finding.suggestion.as_ref().map(|advice| format!("\n{advice}")).unwrap_or_default();
        json!({
            "ruleId": finding.rule.id(),
            "level": level(finding.severity),
            "message": {"text": format!("{}{advice}", finding.message)},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri(path)},
                "region": {"startLine": finding.lines.first, "endLine": finding.lines.last},
            }}],
        })
    });
    let notifications = unreadable.iter().map(|(path, error)| {
        json!({
            "level": "error",
            "message": {"text": error.to_string()},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(path)}}}],
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rehearse",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": unreadable.is_empty(),
                "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
            }],
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A path as a relative reference: what an address gives a meaning to is written as its number.
fn uri(path: &Path) -> String {
    let path = path.to_string_lossy();
    let path = path.strip_prefix("./").unwrap_or(&path);
    percent_encoding::utf8_percent_encode(path, PATH).to_string()
}

const PATH: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b':');

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::lint;
    use crate::script::lecture;

    #[test]
    fn each_result_has_its_place_and_a_rule_that_is_declared() {
        let path = PathBuf::from("./docs/a lecture #1.md");
        let text = "# T\n\n```bash\nkubectl apply -f nowhere.yaml\n```\n\n```yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  nmae: x\n```\n";
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("lecture.md");
        std::fs::write(&file, text).unwrap();
        let found: Vec<_> = lint(&lecture::read(&file).unwrap(), &|_| false)
            .into_iter()
            .map(|finding| (path.clone(), finding))
            .collect();
        assert!(!found.is_empty());
        let unreadable = lecture::read(&dir.path().join("gone.md")).unwrap_err();
        let document = document(&found, &[("gone.md".into(), unreadable)]);
        let run = &document["runs"][0];
        let rules: Vec<&Value> =
            run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
        for result in run["results"].as_array().unwrap() {
            assert!(rules.contains(&&result["ruleId"]), "{result}");
            let place = &result["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "docs/a%20lecture%20%231.md");
            assert!(place["region"]["startLine"].as_u64() > Some(0), "{result}");
        }
        assert_eq!(run["results"].as_array().unwrap().len(), found.len());
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }
}
