//! What other tools than GitHub make of Markdown, taken out line by line: front matter, Hugo's and Jekyll's tags, MDX,
//! HTML around fences, admonitions and tabs that indent, Remark's slides. Every line keeps its number. Pure.

use std::sync::LazyLock;

use regex::Regex;

use super::item::{Note, NoteKind};

/// The text with every line in its place, ready for CommonMark.
pub(super) struct Plain {
    pub text: String,
    pub title: Option<String>,
    pub notes: Vec<Note>,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a pattern of ours"));
    };
}

// `{{< highlight bash "hl_lines=2" >}}`, `{% highlight yaml %}`.
pattern!(HIGHLIGHT, r#"^\s*(?:\{\{[<%]|\{%)-?\s*highlight\s+"?([A-Za-z0-9_+-]+)[^}]*\}\}?\s*$"#);
pattern!(HIGHLIGHT_END, r"^\s*(?:\{\{[<%]\s*/\s*highlight|\{%-?\s*endhighlight)[^}]*\}\}?\s*$");
// `{{< code_sample file="pods/simple.yaml" >}}`, `{% include note.html %}`, `--8<-- "part.md"`, `!INCLUDE "x.md"`.
pattern!(
    INCLUDE,
    r#"^\s*(?:\{\{[<%]\s*\S*(?:code|include|readfile|codenew|code_sample)\S*\s+(?:file=)?"?([^"\s%>}]+)|\{%-?\s*include(?:_relative)?\s+([^\s%]+)|--8<--\s+"([^"]+)"|!INCLUDE\s+"([^"]+)"|<!--\s*@?include:?\s*([^\s>]+))"#
);
pattern!(TEMPLATE_TAG, r"\{\{[<%].*?[>%]\}\}|\{%.*?%\}");
pattern!(ADMONITION, r#"^(\s*)(?:!!!|\?\?\?\+?|===)\s*(?:[^\s"]+\s*)?(?:"([^"]*)")?.*$"#);
pattern!(CONTAINER, r"^\s*:::+.*$");
pattern!(MODULE, r#"^(?:import\s.*\sfrom\s+["'].*|import\s+["'].*|export\s+(?:const|default|function)\s.*)$"#);
pattern!(
    HTML,
    r"(?i)</?(?:details|summary|div|span|p|br|center|section|figure|table|tbody|thead|tr|td|th|ul|ol|li|b|i|u|strong|em|font|sub|sup|kbd|small|hr|blockquote)(?:\s[^<>]*)?/?>|</?[A-Z][A-Za-z.]*(?:\s[^<>]*)?/?>"
);
pattern!(SLIDE_PROPERTY, r"^(?:class|layout|name|template|count|background-image|exclude):\s*\S");

pub(super) fn plain(text: &str) -> Plain {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let (title, front) = front_matter(&lines);
    lines[..front].fill("");
    let deck = is_deck(&lines);
    let mut writer = Writer { deck, ..Writer::default() };
    for (index, line) in lines.into_iter().enumerate() {
        let line = writer.line(index + 1, line);
        writer.out.push(line);
    }
    Plain { text: writer.out.join("\n"), title, notes: writer.notes }
}

/// The title in a YAML (`---`) or TOML (`+++`) head, and how many lines the head takes.
fn front_matter(lines: &[&str]) -> (Option<String>, usize) {
    let mark = lines[0].trim_end();
    if !matches!(mark, "---" | "+++") || lines.get(1).is_none_or(|line| line.trim().is_empty()) {
        return (None, 0);
    }
    let Some(end) = lines.iter().skip(1).take(200).position(|line| line.trim_end() == mark) else { return (None, 0) };
    let head = &lines[1..=end];
    if !head.iter().any(|line| line.contains([':', '='])) {
        return (None, 0);
    }
    let title = head.iter().find_map(|line| {
        let rest = line.strip_prefix("title")?.trim_start().strip_prefix([':', '='])?;
        Some(rest.trim().trim_matches(['"', '\'']).to_owned())
    });
    (title.filter(|title| !title.is_empty()), end + 2)
}

/// Slides are cut by `---` right under text, which CommonMark takes for a heading's underline.
fn is_deck(lines: &[&str]) -> bool {
    let property = |pair: &[&str]| matches!(pair[0].trim_end(), "---" | "--" | "") && SLIDE_PROPERTY.is_match(pair[1]);
    let cuts = lines.iter().filter(|line| line.trim_end() == "---").count();
    cuts >= 2 && (lines.windows(2).any(property) || lines.iter().any(|line| line.trim_end() == "???"))
}

#[derive(Default)]
struct Writer {
    deck: bool,
    out: Vec<String>,
    notes: Vec<Note>,
    /// The fence that is open, by its mark.
    fence: Option<String>,
    /// How far the inside of an admonition is indented too much.
    indent: Vec<usize>,
}

impl Writer {
    fn line(&mut self, number: usize, line: &str) -> String {
        let line = self.outdented(line);
        let bare = line.trim_start_matches([' ', '\t', '>']);
        if let Some(mark) = &self.fence {
            let ends = bare.starts_with(mark.as_str()) && bare.trim_end().trim_start_matches(&mark[..1]).is_empty();
            if ends {
                self.fence = None;
            } else if mark == HIGHLIGHT_MARK && HIGHLIGHT_END.is_match(&line) {
                self.fence = None;
                return HIGHLIGHT_MARK.to_owned();
            }
            return line;
        }
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark)) {
            let length = bare.len() - bare.trim_start_matches(&mark[..1]).len();
            // A line like ```` ```code``` ```` is no fence.
            if mark == "~~~" || !bare[length..].contains('`') {
                self.fence = Some(mark[..1].repeat(length));
            }
            return line;
        }
        if let Some(language) = HIGHLIGHT.captures(&line) {
            self.fence = Some(HIGHLIGHT_MARK.to_owned());
            return format!("{HIGHLIGHT_MARK}{}", &language[1]);
        }
        self.prose(number, line)
    }

    fn prose(&mut self, number: usize, line: String) -> String {
        if let Some(include) = INCLUDE.captures(&line)
            && let Some(target) = include.iter().skip(1).flatten().next()
        {
            self.notes.push(Note { line: number, kind: NoteKind::Include { target: target.as_str().to_owned() } });
        }
        if self.deck && matches!(line.trim_end(), "---" | "--" | "???") || CONTAINER.is_match(&line) {
            return String::new();
        }
        if MODULE.is_match(&line) && self.out.iter().all(|above| above.is_empty()) {
            return String::new();
        }
        if let Some(found) = ADMONITION.captures(&line)
            && (line.contains('"') || line.split_whitespace().count() == 2)
        {
            self.indent.push(found[1].len());
            return format!("{}{}", &found[1], found.get(2).map_or("", |title| title.as_str()));
        }
        if line.contains("{{") || line.contains("{%") {
            return TEMPLATE_TAG.replace_all(&line, "").into_owned();
        }
        if line.contains('<')
            && !line.trim_start().starts_with("<!--")
            && HTML.replace_all(&line, "").trim() != line.trim()
        {
            let words = HTML.replace_all(&line, "");
            let code = words.contains('`') && !words.trim_start().starts_with(['`', '~']);
            return if code { line } else { words.into_owned() };
        }
        line
    }

    /// Takes back the four columns by which MkDocs indents what is inside an admonition or a tab.
    fn outdented(&mut self, line: &str) -> String {
        let width = line.len() - line.trim_start_matches(' ').len();
        if !line.trim().is_empty() {
            while self.indent.last().is_some_and(|outer| width < outer + 4) {
                self.indent.pop();
            }
        }
        let excess = self.indent.len() * 4;
        line[excess.min(width)..].to_owned()
    }
}

const HIGHLIGHT_MARK: &str = "~~~~~~";

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(text: &str) -> String {
        let plain = plain(text);
        assert_eq!(plain.text.split('\n').count(), text.split('\n').count(), "{:?}", plain.text);
        plain.text
    }

    #[test]
    fn heads_are_taken_off() {
        let read = plain("---\ntitle: \"Pull secrets\"\nweight: 3\n---\n# Other\n");
        assert_eq!((read.title.as_deref(), read.text.as_str()), (Some("Pull secrets"), "\n\n\n\n# Other\n"));
        assert_eq!(plain("+++\ntitle = 'T'\n+++\nx").title.as_deref(), Some("T"));
        assert_eq!(listing("---\n\nA rule above\n\n---\n"), "---\n\nA rule above\n\n---\n");
    }

    #[test]
    fn tags_of_site_makers_become_fences_or_nothing() {
        let text = "{{< highlight bash >}}\nkubectl get pods\n{{< /highlight >}}\n{% highlight yaml %}\na: b\n{% endhighlight %}\n{{% tab name=\"x\" %}}\nText {{< glossary x >}}.";
        assert_eq!(listing(text), "~~~~~~bash\nkubectl get pods\n~~~~~~\n~~~~~~yaml\na: b\n~~~~~~\n\nText .");
        let notes = plain("{{< codenew file=\"pods/a.yaml\" >}}\n--8<-- \"part.md\"\n{% include x.html %}").notes;
        assert_eq!(notes.len(), 3);
    }

    #[test]
    fn html_around_fences_is_taken_off_but_placeholders_stay() {
        let text = "<details><summary>Solution</summary>\n```bash\necho <details>\n```\n</details>\n<TabItem value=\"x\">\nUse <your-name>.";
        assert_eq!(listing(text), "Solution\n```bash\necho <details>\n```\n\n\nUse <your-name>.");
    }

    #[test]
    fn what_admonitions_indent_comes_back() {
        let text = "!!! note \"Hint\"\n    Text\n\n    ```bash\n    ls\n    ```\n=== \"Linux\"\n    x\nafter";
        assert_eq!(listing(text), "Hint\nText\n\n```bash\nls\n```\nLinux\nx\nafter");
        assert_eq!(listing(":::tip\nText\n:::"), "\nText\n");
    }

    #[test]
    fn slides_are_cut_without_making_headings() {
        let text = "class: center\n# A\ntext\n---\nname: b\n# B\nmore\n--\nlast\n???\nnotes\n---\nend";
        assert_eq!(listing(text), "class: center\n# A\ntext\n\nname: b\n# B\nmore\n\nlast\n\nnotes\n\nend");
        assert_eq!(listing("text\n---\nmore"), "text\n---\nmore");
    }
}
