//! The file that a block of code is: by its first line, its info string, a sentence, a heading. Pure.

use std::sync::LazyLock;

use regex::Regex;

use super::item::{FileName, NamedBy};
use super::markdown::Code;

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    let extension = "ya?ml|json|toml|py|js|ts|go|java|rb|php|sh|conf|cfg|ini|env|properties|html|css|txt|md|tf|xml|sql|crt|key|pem|csr|cnf|service|gradle|mod|rs|cs|tpl|j2";
    Regex::new(&format!(
        r"(?:^|[\s`'\x22(\[*/“‘:：「『《（]|[^\x00-\x7F])((?:[A-Za-z0-9_.~$-]+/|\./|/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.(?:{extension})|(?:[A-Za-z0-9_.-]+/)*(?:Dockerfile(?:\.[A-Za-z0-9_-]+)?|Containerfile|Makefile|Vagrantfile|Jenkinsfile|\.dockerignore|\.env))(?:$|[^A-Za-z0-9_/.-]|\.(?:\s|$))"
    ))
    .expect("a pattern of ours")
});
static INFO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:title|file|filename|name|label)\s*[=:]\s*["']?([^"'\s}]+)["']?|^[A-Za-z]+[:\s]([\w./-]+\.\w+|Dockerfile)$"#).expect("a pattern of ours")
});

/// File names in a text, in order.
pub(super) fn names(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(captures) = NAME.captures_at(text, rest) {
        let Some(name) = captures.get(1) else { break };
        rest = name.end();
        // The last part of an address is no file of the lecture's.
        if !name.as_str().starts_with("//") && !text[..name.start()].ends_with("/") {
            found.push(name.as_str());
        }
    }
    found
}

/// Extensions that a language's files have; a language that is not here takes any.
const EXTENSIONS: &[(&[&str], &[&str])] = &[
    (&["yaml", "yml"], &[".yaml", ".yml"]),
    (&["json"], &[".json"]),
    (&["python", "py"], &[".py"]),
    (&["javascript", "js", "node"], &[".js"]),
    (&["typescript", "ts"], &[".ts"]),
    (&["go", "golang"], &[".go", ".mod"]),
    (&["java"], &[".java"]),
    (&["html"], &[".html"]),
    (&["dockerfile", "docker"], &["Dockerfile", "Containerfile"]),
    (&["bash", "sh", "shell"], &[".sh", ".env"]),
    (&["toml"], &[".toml"]),
    (&["hcl", "terraform", "tf"], &[".tf"]),
    (&["sql"], &[".sql"]),
    (&["nginx"], &[".conf"]),
];

/// Whether a file of that name may be of that language.
pub(super) fn fits(name: &str, language: &str) -> bool {
    let known = EXTENSIONS.iter().find(|(languages, _)| languages.contains(&language));
    match known {
        Some((_, extensions)) => extensions.iter().any(|extension| name.contains(extension)),
        None => true,
    }
}

/// What a block says of itself: its info string, or a comment at its top that is a name alone.
pub(super) fn by_itself(code: &Code, language: &str) -> Option<FileName> {
    if let Some(captures) = INFO.captures(&code.info)
        && let Some(name) = captures.iter().skip(1).flatten().next()
        && !names(name.as_str()).is_empty()
    {
        return Some(FileName { name: name.as_str().to_owned(), by: NamedBy::Fence });
    }
    // `# Step 1` may stand above `# vi pod.yaml`.
    let lines = code.lines.iter().map(|(_, line)| line.trim()).filter(|line| !line.is_empty());
    let comment = |line| ["#", "//", "<!--", "--", ";"].iter().find_map(|mark| str::strip_prefix(line, mark));
    lines.map_while(comment).find_map(|comment| {
        let comment = comment.trim_matches(['#', '/', '-', '>', ' ', '=', '*', '<', '!']);
        let name = *names(comment).first()?;
        let others = comment.replace(name, "");
        let words = others.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).count();
        (words <= 3 && fits(name, language)).then(|| FileName { name: name.to_owned(), by: NamedBy::Comment })
    })
}

/// The name that a text gives to a block of that language; the one after `after` words where there are several.
pub(super) fn in_text<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    names(text).into_iter().find(|name| fits(name, language))
}

#[cfg(test)]
mod tests {
    use super::super::markdown::CodeStyle;
    use super::*;

    #[test]
    fn names_in_texts() {
        for (text, expected) in [
            ("Create `pod.yaml`:", vec!["pod.yaml"]),
            ("Save the following as `Dockerfile` in the same directory as `app.py`:", vec!["Dockerfile", "app.py"]),
            ("创建pod.yaml文件", vec!["pod.yaml"]),
            ("Step 1: Application Code – app.py", vec!["app.py"]),
            ("See https://example.com/a/pod.yaml or manifests/web/pod.yml.", vec!["manifests/web/pod.yml"]),
            ("Version 1.2.yaml-like and foo.bar", vec![]),
            ("vi ~/k8s/pod.yaml", vec!["~/k8s/pod.yaml"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_block_says_of_itself() {
        let named = |info: &str, first: &str| {
            let lines = vec![(1, first.to_owned())];
            let code = Code { language: "yaml".into(), info: info.into(), style: CodeStyle::Fenced, lines };
            by_itself(&code, "yaml").map(|file| file.name)
        };
        assert_eq!(named("yaml", "# pod.yaml").as_deref(), Some("pod.yaml"));
        assert_eq!(named("yaml", "# filename: k8s/pod.yaml").as_deref(), Some("k8s/pod.yaml"));
        assert_eq!(named("yaml", "# this is applied later from pod.yaml by us").as_deref(), None);
        assert_eq!(named("yaml title=\"pod.yaml\"", "a: b").as_deref(), Some("pod.yaml"));
        assert_eq!(named("yaml:pod.yaml", "a: b").as_deref(), Some("pod.yaml"));
        assert_eq!(named("yaml", "# app.py").as_deref(), None);
    }
}
