//! What a reader is to replace by something of their own: `<your-name>`, `YOUR_PASSWORD`, `{{token}}`. Pure.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::command::Placeholder;

static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    // In angle brackets: a letter first, no bracket, `/`, `=` or quote inside, and something that is no shell around it.
    let angle = r"<(?P<angle>[\p{L}][\p{L}\p{N} ._@:/'-]{0,60})>";
    let braces = r"\{\{\s*(?P<braces>[A-Za-z][\w .-]*)\s*\}\}";
    let square = r"(?:^|[\s=/])\[(?P<square>[A-Za-z]{2,}[ _-][A-Za-z _-]{2,})\]";
    let caps = r"\b(?P<caps>(?:YOUR|MY|ENTER|INSERT|REPLACE)[_-][A-Z0-9_-]*[A-Z0-9]|[A-Z][A-Z0-9_]*_(?:HERE|USERNAME|PASSWORD|EMAIL|USER|SERVER|NAME|TOKEN|URL|ID|KEY)|CHANGE_?ME|REPLACE_?ME)\b";
    let lower = r"(?i:\b(?P<lower>your[_-][a-z0-9]+(?:[_.-][a-z0-9]+)*))";
    let crosses = r"\b(?P<crosses>[xX]{4,}|\*{4,})";
    let letter = r"=(?P<letter>[NXYZ])(?:[`\s]|$)";
    Regex::new(&[angle, braces, square, caps, lower, crosses, letter].join("|")).expect("a pattern of ours")
});

/// The placeholders of a script in the order of their first appearance, each once. What stands in single quotes within
/// Go templates, in here-documents of HTML, or is a variable (`$YOUR_NAME`) is none.
pub(super) fn placeholders(script: &str) -> Vec<Placeholder> {
    let mut found: Vec<Placeholder> = Vec::new();
    for captures in FORMS.captures_iter(script) {
        let Some(inner) = captures.iter().skip(1).flatten().next() else { continue };
        let before = &script[..inner.start()];
        let bracketed = ["angle", "braces"].iter().any(|name| captures.name(name).is_some());
        let (mut text, start) = if bracketed {
            let whole = captures.get(0).map_or(inner.as_str(), |whole| whole.as_str());
            (whole, captures.get(0).map_or(0, |whole| whole.start()))
        } else {
            (inner.as_str(), inner.start())
        };
        if captures.name("square").is_some() {
            text = &script[inner.start() - 1..=inner.end()];
        }
        let is_variable = !bracketed && (before.ends_with(['$', '{']) || script[inner.end()..].starts_with('='));
        let is_redirection = captures.name("angle").is_some() && script[..start].ends_with(['<', '&']);
        let is_markup = captures.name("angle").is_some()
            && script.contains("</")
            && MARKUP.contains(&inner.as_str().to_lowercase().as_str());
        if is_variable || is_redirection || is_markup || found.iter().any(|known| known.text == text) {
            continue;
        }
        found.push(Placeholder { text: text.to_owned(), name: name(inner.as_str()) });
    }
    found
}

/// Whether a manifest's value is one that a reader is to replace: `<PASSWORD>`, `web-<nr>`, `800x`. A text of several
/// lines is none.
pub(crate) fn is_to_be_replaced(value: &str) -> bool {
    let marked = !value.contains('\n')
        && !value.contains("</")
        && placeholders(value).iter().any(|found| found.text.starts_with('<'));
    let digits = value.trim_end_matches(['x', 'X']);
    let crossed = !digits.is_empty() && digits.len() < value.len() && digits.chars().all(|c| c.is_ascii_digit());
    marked || crossed
}

/// The placeholders of an object's names and references: what the API server would refuse or look for in vain. What
/// ConfigMaps carry, and what containers are started with, is anybody's text.
pub(crate) fn of_manifest(object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(object, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_to_be_replaced(text) => {
            found.extend(placeholders(text).into_iter().map(|placeholder| placeholder.text));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(fields) => {
            let is_text = |key: &str| {
                matches!(key, "annotations" | "command" | "args" | "env")
                    || key == "data" && fields.get("kind").is_some_and(|kind| kind == "ConfigMap")
            };
            fields.iter().filter(|(key, _)| !is_text(key)).for_each(|(_, value)| collect(value, found));
        }
        _ => {}
    }
    found.dedup();
}

/// Elements of HTML that stand in pages which a lecture writes to files.
const MARKUP: [&str; 16] =
    ["html", "head", "body", "title", "h1", "h2", "h3", "p", "br", "a", "div", "span", "b", "none", "ul", "li"];

fn name(inner: &str) -> String {
    let words = inner.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// The script with each placeholder in angle brackets, which bash would take for a redirection, as one plain word.
pub(super) fn without_brackets(script: &str, placeholders: &[Placeholder]) -> String {
    let brackets = placeholders.iter().filter(|placeholder| placeholder.text.starts_with(['<', '[', '{']));
    brackets.fold(script.to_owned(), |script, placeholder| script.replace(&placeholder.text, &placeholder.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_in_their_forms() {
        for (script, expected) in [
            ("echo -n <base64-value> | base64 -d", vec!["<base64-value>"]),
            ("kubectl exec <your pod name> -- ls", vec!["<your pod name>"]),
            ("x --docker-password=YOUR_PASSWORD", vec!["YOUR_PASSWORD"]),
            ("docker login -u your-username registry/your_team/app", vec!["your-username", "your_team"]),
            ("--docker-server=DOCKER_REGISTRY_SERVER", vec!["DOCKER_REGISTRY_SERVER"]),
            ("kubectl get {{ name }}", vec!["{{ name }}"]),
            ("kubectl logs <你的Pod> <你的Pod>", vec!["<你的Pod>"]),
            ("docker push [your-name]/app", vec!["[your-name]"]),
            ("token: xxxxxx", vec!["xxxxxx"]),
            ("kubectl rollout undo deploy/web --to-revision=N", vec!["N"]),
        ] {
            let found: Vec<String> = placeholders(script).into_iter().map(|placeholder| placeholder.text).collect();
            assert_eq!(found, expected, "{script}");
        }
    }

    #[test]
    fn what_is_none() {
        for script in [
            "cat <<EOF > x",
            "wc < file > out",
            "echo $YOUR_NAME ${YOUR_NAME}",
            "YOUR_NAME=x",
            "kubectl get po -o go-template='{{.metadata.name}}'",
            "echo '<h1>Hi</h1>' > index.html",
            "diff <(a) <(b)",
            "kubectl get po [a-z]*",
            "[ -f x ] && echo",
        ] {
            assert_eq!(placeholders(script), vec![], "{script}");
        }
    }

    #[test]
    fn bash_reads_what_is_left() {
        let script = "echo -n <base64-value> | base64";
        assert_eq!(without_brackets(script, &placeholders(script)), "echo -n base64-value | base64");
    }
}
