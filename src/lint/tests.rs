//! Each rule finds its trap, and nothing in its neighbourhood.

use std::path::Path;

use super::finding::RULES;
use super::*;
use crate::script::lecture::read_text;

fn found(text: &str) -> Vec<String> {
    let lecture = read_text(Path::new("l.md"), text.as_bytes()).unwrap();
    let findings = lint(&lecture, &|path| path == Path::new("there.png"));
    findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|f| format!("{} {}", f.lines, f.rule.id()))
        .collect()
}

#[test]
fn each_rule_is_explained() {
    let page = include_str!("../../docs/lint.md");
    for (rule, id, severity) in RULES {
        assert!(
            page.contains(&format!("\n## {id}\n\n*{severity}*")),
            "{rule:?}: no heading `## {id}` with *{severity}* in docs/lint.md"
        );
        assert_eq!((rule.id(), serde_json::to_value(rule).unwrap()), (id, id.into()));
    }
    assert_eq!(page.matches("\n## ").count(), RULES.len());
}

const POD: &str = "```yaml\n# pod.yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    image: a:1\n```\n";

#[test]
fn what_cannot_change_is_found_unless_it_was_deleted() {
    let apply = "```bash\nkubectl apply -f pod.yaml\n```\n";
    let other = POD.replace("spec:\n", "spec:\n  imagePullSecrets:\n  - name: s\n");
    assert_eq!(found(&format!("{POD}{apply}{other}{apply}")), ["16-26 immutable-field"]);
    let delete = "```bash\nkubectl delete pod p\n```\n";
    for fine in [
        format!("{POD}{apply}{delete}{other}{apply}"),
        format!("{POD}{apply}{}{apply}", POD.replace("a:1", "a:2")),
        format!("{POD}{apply}{}{apply}", other.replace("name: p", "name: q")),
        format!("{POD}{apply}{}{apply}", other.replace("name: p", "name: p\n  namespace: web")),
        format!("{POD}{apply}{apply}"),
        format!("{POD}{apply}```bash\nkubectl delete -f pod.yaml\n```\n{other}{apply}"),
        format!("{POD}{apply}```bash\nkubectl delete pods --all\n```\n{other}{apply}"),
    ] {
        assert_eq!(found(&fine), [""; 0], "{fine}");
    }
}

#[test]
fn what_a_reader_may_leave_out_is_no_other_file() {
    let claim = |class: &str| {
        format!("```yaml\nkind: PersistentVolumeClaim\napiVersion: v1\nmetadata: {{name: s}}\nspec: {{{class}}}\n```\n")
    };
    let text = format!(
        "# T\n\nSave it as `s.yaml`:\n\n{}\n```bash\nkubectl apply -f s.yaml\n```\n\nIf there is a default class, it \
         may be left out:\n\n{}\n## All\n\n```bash\nkubectl apply -f s.yaml\nkubectl apply -f web.yaml\n```\n",
        claim("storageClassName: fast"),
        claim("")
    );
    let is_found = |text: &str| found(text).iter().any(|finding| finding.ends_with("immutable-field"));
    assert!(!is_found(&text));
    assert!(is_found(&text.replace("If there is a default class, it may be left out", "Then")));
}

#[test]
fn places_that_a_kind_does_not_have() {
    let edit = |kind: &str, lead: &str, fields: &str| {
        format!("```bash\nkubectl edit {kind} x\n```\n\n{lead}\n\n```yaml\n{fields}\n```\n")
    };
    let secrets = "imagePullSecrets:\n- name: s";
    assert_eq!(found(&edit("serviceaccount", "Add under `spec`:", secrets)), ["5-9 no-such-field"]);
    assert_eq!(found(&edit("sa", "Add under spec:", secrets)), ["5-9 no-such-field"]);
    assert_eq!(found(&edit("pod", "Add:", secrets)), ["8-9 no-such-field"]);
    for fine in [
        edit("sa", "Add:", secrets),
        edit("pod", "Add under `spec`:", secrets),
        edit("deployment", "Add under `spec.template.spec`:", secrets),
        edit("widget", "Add under `spec`:", secrets),
    ] {
        assert_eq!(found(&fine), [""; 0], "{fine}");
    }
}

#[test]
fn fields_are_decoded_strictly() {
    let wrong = POD.replace("    image: a:1\n", "    image: a:1\n    imagePullSecrets:\n    - name: s\n");
    assert_eq!(found(&wrong), ["11 unknown-field"]);
    assert_eq!(found(&POD.replace("image: a:1", "image: 5")), ["10 wrong-type"]);
    assert_eq!(found(&POD.replace("  name: p", "\tname: p")), ["6 not-yaml"]);
    assert_eq!(found(&POD.replace("apiVersion: v1", "apiVersion: example.com/v1")), [""; 0]);
    let finding = |text: &str| {
        let lecture = read_text(Path::new("l.md"), text.as_bytes()).unwrap();
        let findings = lint(&lecture, &|_| true);
        findings.into_iter().find(|finding| finding.rule == Rule::UnknownField).unwrap().suggestion
    };
    assert_eq!(finding(&wrong).as_deref(), Some("it belongs at `spec.imagePullSecrets`"));
    assert_eq!(finding(&POD.replace("image: a", "imagee: a")).as_deref(), Some("did you mean `image`?"));
}

#[test]
fn outputs_are_compared_with_each_other() {
    let shown = |secrets: &str| {
        format!(
            "```bash\nkubectl get sa -n a\n```\nOutput:\n```\nNAME      SECRETS   AGE\ndefault   {secrets}         5s\n```\n"
        )
    };
    assert_eq!(found(&(shown("0") + &shown("1"))), ["15 outputs-disagree"]);
    assert_eq!(found(&(shown("0") + &shown("0"))), [""; 0]);
    assert_eq!(found(&(shown("0") + &shown("1").replace("-n a", "-n b"))), [""; 0]);
    let typed = "```bash\nkubectl create secret docker-registry s --docker-email=someone@example.com\nkubectl get secret s -o json\n```\nOutput:\n```json\n{\"email\": \"someones@example.com\"}\n```\n";
    assert_eq!(found(typed), ["7 almost-the-same"]);
    assert_eq!(found(&typed.replace("someones", "someone")), [""; 0]);
    assert_eq!(found(&typed.replace("someones@", "support@")), [""; 0]);
}

#[test]
fn what_clusters_and_bases_no_longer_have() {
    let ingress = "```yaml\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: i\n```\n";
    assert_eq!(found(ingress), ["2-5 removed-api"]);
    assert_eq!(found(&ingress.replace("extensions/v1beta1", "networking.k8s.io/v1")), [""; 0]);
    let here = "```bash\ncat <<EOF | kubectl apply -f -\napiVersion: batch/v1beta1\nkind: CronJob\nEOF\n```\n";
    assert_eq!(found(here), ["2-5 removed-api"]);
    assert_eq!(found("```dockerfile\nFROM python:3.9-slim\nRUN true\n```\n"), ["2 end-of-life-base"]);
}

#[test]
fn secrets_that_open_something_are_never_repeated() {
    let token = format!("ghp_{}", "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5");
    let text = format!("```bash\necho {token}\n```\n");
    let lecture = read_text(Path::new("l.md"), text.as_bytes()).unwrap();
    let findings = lint(&lecture, &|_| true);
    assert_eq!(findings[0].rule, Rule::RealSecret);
    assert!(!format!("{findings:?}").contains(&token[..12]));
    for fine in ["AKIAIOSFODNN7EXAMPLE", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "YOUR_PASSWORD", "password11"] {
        assert_eq!(found(&format!("```bash\necho {fine}\n```\n")), [""; 0], "{fine}");
    }
}

#[test]
fn companions() {
    assert_eq!(found("# A b\n[x](#a-b) [y](#c)\n"), ["2 broken-anchor"]);
    assert_eq!(found("![x](there.png) ![y](gone.png) ![z](https://a/b.png)\n"), ["1 missing-image"]);
    assert_eq!(found("[x](gone.md) [y](mailto:a@b.c) [z](/docs/x)\n"), ["1 missing-file"]);
    assert_eq!(found("```bash\nkubectl apply -f gone.yaml\n```\n"), ["2 missing-file"]);
    assert_eq!(
        found("```bash\nkubectl create x --dry-run=client -o yaml > made.yaml\nkubectl apply -f made.yaml\n```\n"),
        [""; 0]
    );
    assert_eq!(
        found(&format!(
            "{}```bash\nkubectl apply -f privte-pod.yaml\n```\n",
            POD.replace("pod.yaml", "private-pod.yaml")
        )),
        ["13 misspelt-file", "13 missing-file"]
    );
    assert_eq!(found("```bash\nkubectl get pods\n"), ["1 open-fence"]);
    assert_eq!(found("```bash\nkubectl\u{a0}get pods\n```\n"), ["2 odd-blanks"]);
}
