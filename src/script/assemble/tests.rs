//! Guides as text → steps, or the line and the words of what is wrong with them.

use std::time::Duration;

use super::*;
use crate::hint::Hint as _;
use crate::script::ObjectRef;

fn listing(text: &str) -> String {
    match guide(text) {
        Err(problems) => {
            let shown = problems.iter().map(|(line, problem)| {
                let hint = problem.hint().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
                format!("{line}: {problem}{hint}")
            });
            shown.collect::<Vec<_>>().join("\n")
        }
        Ok(guide) => guide.steps.iter().map(|step| format!("{}\n", outline(step))).collect(),
    }
}

/// A step in short: line, what is played, and what hangs on it.
pub(in crate::script) fn outline(step: &Step) -> String {
    let mut shown = match &step.action {
        Action::Shell(command) => format!("{} $ {}", step.line, command.trim_end().replace('\n', "\n     ")),
        Action::File { name, contents } => {
            format!("{} {name} ({} lines)", step.line, contents.lines().count())
        }
    };
    if step.timeout != Step::DEFAULT_TIMEOUT {
        shown += &format!("\n  {:?} at most", step.timeout);
    }
    if let Some(reason) = &step.skip {
        shown += &format!("\n  skipped: {reason}");
    }
    for check in &step.checks {
        shown += &format!("\n  {} {}", check.line, check.kind);
        if let CheckKind::Output { expected } = &check.kind {
            shown += &format!("\n     {}", expected.trim_end().replace('\n', "\n     "));
        }
    }
    shown
}

#[test]
fn fences_become_steps_in_order() {
    let text = r#"# The title
<!-- rehearse: needs cluster -->
<!-- an ordinary comment: rehearse: expect nothing -->
<!-- rehearse this part twice -->

```yaml
# a/pod.yaml
kind: Pod
---
kind: Secret
```

```yaml
kind: NoName
```

```Dockerfile
# Dockerfile
FROM scratch
```

```Dockerfile
# Use a small base
FROM scratch
```

```json
# config.json
{"a": 1}
```

## A step

<!-- rehearse:
  timeout 90s
  expect pod/a: Running

  never pod/b -n c: Running for 2s
-->
```bash
kubectl apply -f a/pod.yaml \
  --wait
```
It prints:
```
pod/a created
```
```text
not output: something stands between
```

```sh
one
```
Prose that ends otherwise.
```console
not output either
```

<!-- rehearse: skip needs a browser -->
```shell
xdg-open https://hub.docker.com
```
"#;
    let guide = guide(text).unwrap();
    assert_eq!(guide.title.as_deref(), Some("The title"));
    assert_eq!(guide.needs, [Need::Cluster]);
    assert_eq!(guide.steps.last().unwrap().heading, "A step");
    let Action::File { contents, .. } = &guide.steps[2].action else { panic!("the JSON file") };
    assert_eq!(contents, "{\"a\": 1}\n", "JSON has no comments");
    insta::assert_snapshot!(listing(text));
}

#[test]
fn structured_output_is_compared_in_its_own_language() {
    for (command, language, compared) in [
        ("kubectl get sa default -o yaml", "yaml", true),
        ("kubectl get sa default -oyaml | head", "yml", true),
        ("kubectl get sa default --output=json", "json", true),
        ("kubectl get sa default -o json", "yaml", false),
        ("kubectl apply -f pod.yaml", "yaml", false),
        ("kubectl get sa -o jsonpath={.a}", "json", false),
    ] {
        let guide = guide(&format!("```bash\n{command}\n```\n\n```{language}\n{{}}\n```\n")).unwrap();
        assert_eq!(guide.steps[0].checks.len(), usize::from(compared), "{command}, {language}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let mut all = String::new();
    for text in [
        "\n<!-- rehearse: expct pod/x: Running -->\n```bash\nx\n```",
        "<!-- rehearse:\n fails\n\n frobnicate\n-->\n```bash\nx\n```",
        "<!-- reherse: fails -->\n```bash\nx\n```",
        "<!-- rehearse fails -->\n```bash\nx\n```",
        "<!-- rehearse: fails -->\n## Next\n```bash\nx\n```",
        "```bash\nx\n```\n<!-- rehearse: pulled pod/x -->\n",
        "<!-- rehearse: expect pod/x: Running -->\n```yaml\n# pod.yaml\nkind: Pod\n```\n```bash\nx\n```",
        "```bash\nx\n```\n<!-- rehearse: needs cluster -->\n",
        "text\n\n```yaml\n# pod.yaml\nkind: Pod\nmetadata: {name: x\n```\n",
        "```yaml\n# pod.yaml\nkind: Pod\n  name: x\n```\n",
        "- item\n\n  ```yaml\n  # pod.yaml\n  a: 1\n  a: 2\n  ```\n",
        "```yaml\n# ../pod.yaml\nkind: Pod\n```\n",
        "```yaml\n# /etc/pod.yaml\nkind: Pod\n```\n",
        "```bash\nx\n",
    ] {
        all += &format!("{}\n", listing(text));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let problems = listing(
        "<!-- rehearse:\n expct pod/x: Running\n prints\n fails\n-->\n## Next\n```yaml\n# a.yaml\n- [\n```\n\
         ```bash\nx\n```\n<!-- rehearse: needs cluster -->\n<!-- rehearse: timeout soon -->\n",
    );
    let lines: Vec<_> = problems.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["2", "3", "4", "9", "14", "15"], "{problems}");
}

#[test]
fn a_later_file_of_the_same_name_is_another_step() {
    let fence = |image: &str| format!("```yaml\n# pod.yaml\nimage: {image}\n```\n");
    let steps = guide(&(fence("a") + &fence("b"))).unwrap().steps;
    let contents: Vec<_> = steps.iter().map(|step| &step.action).collect();
    assert_eq!(contents.len(), 2);
    assert_ne!(contents[0], contents[1]);
}

#[test]
fn a_never_looks_on_after_the_command_unless_the_step_expects_something_of_that_pod() {
    let window = |checks: &str, name: &str| {
        let guide = guide(&format!("<!-- rehearse:\n{checks}\n-->\n```bash\nx\n```\n")).unwrap();
        let pod = ObjectRef { kind: "pod".into(), namespace: "default".into(), name: name.into() };
        guide.steps[0].never_window(&pod)
    };
    assert_eq!(window("never pod/a: Running", "a"), Duration::from_secs(2));
    assert_eq!(window("never pod/a: Running\nexpect pod/a: ErrImagePull", "a"), Duration::ZERO);
    assert_eq!(window("never pod/a: Running\nexpect pod/b: ErrImagePull", "a"), Duration::from_secs(2));
    assert_eq!(window("never pod/a: Running\nexpect pod/a -n b: ErrImagePull", "a"), Duration::from_secs(2));
}

#[test]
fn a_file_cut_off_anywhere_is_read_or_refused_at_a_line_it_has() {
    let whole = include_str!("../../../labs/3-custom-service-account/README.md");
    for end in (0..whole.len()).step_by(13).filter(|end| whole.is_char_boundary(*end)) {
        let text = &whole[..end];
        for (line, problem) in guide(text).err().unwrap_or_default() {
            assert!((1..=text.lines().count()).contains(&line), "{problem} at {line} of {text}");
        }
    }
}
