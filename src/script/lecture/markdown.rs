//! Plain Markdown → headings, paragraphs and blocks of code, each with its lines; links and anchors beside them.
//! Knows nothing of what code means.

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::item::Lines;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    pub lines: Lines,
    pub kind: BlockKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum BlockKind {
    Heading {
        level: usize,
        text: String,
        anchor: String,
    },
    /// One paragraph or list item; inline code keeps its backticks.
    Prose(String),
    Code(Code),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Code {
    /// The first word of the info string in lower case.
    pub language: String,
    /// The whole info string.
    pub info: String,
    pub style: CodeStyle,
    /// Without line ends, each with its line in the file.
    pub lines: Vec<(usize, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeStyle {
    Fenced,
    /// Never closed.
    Open,
    Indented,
    /// A paragraph that is nothing but inline code.
    Inline,
}

/// A link or an image of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub line: usize,
    pub kind: ReferenceKind,
    pub target: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferenceKind {
    Link,
    Image,
}

/// What a link within the file may point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub line: usize,
    pub name: String,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Page {
    pub blocks: Vec<Block>,
    pub references: Vec<Reference>,
    pub anchors: Vec<Anchor>,
}

pub(super) fn page(text: &str) -> Page {
    let mut reader = PageReader { source: text, ..PageReader::default() };
    reader.line_starts.push(0);
    reader.line_starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES | Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.event(event, range);
    }
    reader.flush(text.len());
    reader.page
}

#[derive(Default)]
struct PageReader<'a> {
    source: &'a str,
    line_starts: Vec<usize>,
    page: Page,
    prose: Prose,
    heading: Option<(Option<String>, String)>,
    code: Option<Code>,
    slugs: HashMap<String, usize>,
    in_table: bool,
}

#[derive(Default)]
struct Prose {
    start: Option<usize>,
    text: String,
}

impl PageReader<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, &range),
            Event::End(end) => self.end(end, range),
            Event::Text(text) => self.text(&text, range.start, false),
            Event::Code(text) => self.text(&text, range.start, true),
            Event::SoftBreak | Event::HardBreak => self.line_break(),
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html, range.start),
            Event::Rule => self.flush(range.start),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        let line = self.line(range.start);
        match tag {
            Tag::Heading { id, .. } => {
                self.flush(range.start);
                self.heading = Some((id.map(|id| id.to_string()), String::new()));
            }
            Tag::CodeBlock(kind) => {
                self.flush(range.start);
                self.code = Some(match kind {
                    CodeBlockKind::Indented => code("", CodeStyle::Indented),
                    CodeBlockKind::Fenced(info) if is_closed(&self.source[range.clone()]) => {
                        code(&info, CodeStyle::Fenced)
                    }
                    CodeBlockKind::Fenced(info) => code(&info, CodeStyle::Open),
                });
            }
            Tag::Link { dest_url, .. } => self.refer(line, ReferenceKind::Link, &dest_url),
            Tag::Image { dest_url, .. } => self.refer(line, ReferenceKind::Image, &dest_url),
            Tag::Table(_) => {
                self.flush(range.start);
                self.in_table = true;
            }
            Tag::Paragraph | Tag::Item | Tag::List(_) | Tag::BlockQuote(_) => self.flush(range.start),
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd, range: Range<usize>) {
        match end {
            TagEnd::Heading(level) => {
                let (id, text) = self.heading.take().unwrap_or_default();
                let anchor = id.unwrap_or_else(|| self.slug(&text));
                let line = self.line(range.start);
                self.page.anchors.push(Anchor { line, name: anchor.clone() });
                let text = text.trim().to_owned();
                self.push(Lines::one(line), BlockKind::Heading { level: level as usize, text, anchor });
            }
            TagEnd::CodeBlock => self.end_code(range),
            TagEnd::Table => self.in_table = false,
            TagEnd::Paragraph | TagEnd::Item => self.flush(range.end),
            _ => {}
        }
    }

    fn end_code(&mut self, range: Range<usize>) {
        let Some(mut code) = self.code.take() else { return };
        let (first, last) = (self.line(range.start), self.line(range.end.saturating_sub(1).max(range.start)));
        while code.lines.last().is_some_and(|(_, text)| text.trim().is_empty()) {
            code.lines.pop();
        }
        if code.style == CodeStyle::Indented {
            code = fence_within(code);
        }
        self.push(Lines { first, last }, BlockKind::Code(code));
    }

    fn text(&mut self, text: &str, offset: usize, is_code: bool) {
        let line = self.line(offset);
        if let Some(code) = &mut self.code {
            for (index, part) in text.split('\n').enumerate() {
                match code.lines.last_mut() {
                    Some((last, line_text)) if index == 0 && *last == line => line_text.push_str(part),
                    _ if index > 0
                        && part.is_empty()
                        && text.ends_with('\n')
                        && index == text.matches('\n').count() => {}
                    _ => code.lines.push((line + index, part.to_owned())),
                }
            }
        } else if let Some((_, heading)) = &mut self.heading {
            heading.push_str(text);
        } else if !self.in_table {
            self.prose.start.get_or_insert(offset);
            let text = if is_code { format!("`{text}`") } else { text.to_owned() };
            self.prose.text.push_str(&text);
        }
    }

    fn line_break(&mut self) {
        match &mut self.heading {
            Some((_, heading)) => heading.push(' '),
            None => self.prose.text.push('\n'),
        }
    }

    /// Anchors and pictures may be HTML.
    fn html(&mut self, html: &str, offset: usize) {
        if html.trim_start().starts_with("<!--") {
            return;
        }
        for (at, line_text) in html.lines().enumerate() {
            let line = self.line(offset) + at;
            for attribute in [" name=", " id="] {
                if let Some(name) = quoted(line_text, attribute) {
                    self.page.anchors.push(Anchor { line, name });
                }
            }
            if let Some(target) = quoted(line_text, " src=").filter(|_| line_text.contains("<img")) {
                self.refer(line, ReferenceKind::Image, &target);
            }
        }
    }

    fn refer(&mut self, line: usize, kind: ReferenceKind, target: &str) {
        self.page.references.push(Reference { line, kind, target: target.to_owned() });
    }

    fn push(&mut self, lines: Lines, kind: BlockKind) {
        self.page.blocks.push(Block { lines, kind });
    }

    fn flush(&mut self, end: usize) {
        let prose = std::mem::take(&mut self.prose);
        let Some(start) = prose.start else { return };
        debug_assert!(start <= end);
        let first = self.line(start);
        let mut paragraph: Vec<(usize, &str)> = Vec::new();
        for (line, text) in (first..).zip(prose.text.trim_end().split('\n')) {
            match whole_code(text) {
                Some(code_line) => {
                    self.paragraph(&std::mem::take(&mut paragraph));
                    self.inline(line, code_line);
                }
                None => paragraph.push((line, text)),
            }
        }
        self.paragraph(&paragraph);
    }

    fn paragraph(&mut self, lines: &[(usize, &str)]) {
        let (Some((first, _)), Some((last, _))) = (lines.first(), lines.last()) else { return };
        let text = lines.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n").trim().to_owned();
        if !text.is_empty() {
            self.push(Lines { first: *first, last: *last }, BlockKind::Prose(text));
        }
    }

    /// A line that is nothing but inline code; such lines below each other are one block.
    fn inline(&mut self, line: usize, text: &str) {
        if let Some(Block { lines, kind: BlockKind::Code(code) }) = self.page.blocks.last_mut()
            && code.style == CodeStyle::Inline
            && lines.last + 1 == line
        {
            lines.last = line;
            code.lines.push((line, text.to_owned()));
            return;
        }
        let code = Code { lines: vec![(line, text.to_owned())], ..code("", CodeStyle::Inline) };
        self.push(Lines::one(line), BlockKind::Code(code));
    }

    /// An anchor as GitHub makes it of a heading: letters and digits in lower case, `-` for blanks; `-1` and so on
    /// where a heading comes again.
    fn slug(&mut self, heading: &str) -> String {
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let times = self.slugs.entry(slug.clone()).or_default();
        *times += 1;
        if *times == 1 { slug } else { format!("{slug}-{}", *times - 1) }
    }

    fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }
}

fn code(info: &str, style: CodeStyle) -> Code {
    let first =
        info.trim_start_matches(['{', '.', ' ']).split([' ', '\t', ',', '{', '}', ':']).next().unwrap_or_default();
    Code { language: first.to_lowercase(), info: info.trim().to_owned(), style, lines: Vec::new() }
}

/// What a line holds that is one piece of inline code, of more words than one.
fn whole_code(line: &str) -> Option<&str> {
    let inner = line.trim().trim_end_matches(['.', ';', ',']).strip_prefix('`')?.strip_suffix('`')?;
    (!inner.contains('`') && inner.trim().contains(' ')).then_some(inner)
}

/// A fence that is indented too far for CommonMark is one all the same.
fn fence_within(mut indented: Code) -> Code {
    let Some((_, first)) = indented.lines.first() else { return indented };
    let Some(info) = first.trim_start().strip_prefix("```") else { return indented };
    let closed = indented.lines.len() > 1 && indented.lines.last().is_some_and(|(_, last)| last.trim() == "```");
    let style = if closed { CodeStyle::Fenced } else { CodeStyle::Open };
    let mut fence = code(info, style);
    let width = first.len() - first.trim_start().len();
    indented.lines.remove(0);
    if closed {
        indented.lines.pop();
    }
    let outdented = |text: String| {
        let own = text.len() - text.trim_start_matches(' ').len();
        text[own.min(width)..].to_owned()
    };
    fence.lines = indented.lines.into_iter().map(|(line, text)| (line, outdented(text))).collect();
    fence
}

/// The value of an HTML attribute.
fn quoted(html: &str, attribute: &str) -> Option<String> {
    let value = html.split_once(attribute)?.1;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split_once(quote).map(|(value, _)| value.to_owned())
}

/// Whether a fence's source ends with its closing line; CommonMark closes an open one silently at the end.
fn is_closed(source: &str) -> bool {
    let mark = if source.trim_start().starts_with('~') { '~' } else { '`' };
    let length = |line: &str| line.chars().take_while(|c| *c == mark).count();
    let Some((opening, rest)) = source.trim().split_once('\n') else { return false };
    // The last line may carry the marker of a quote around it.
    let last = rest.lines().next_back().unwrap_or_default().trim_start_matches([' ', '\t', '>']).trim_end();
    !last.is_empty() && last.chars().all(|c| c == mark) && length(last) >= length(opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(text: &str) -> String {
        let page = page(text);
        let blocks = page.blocks.iter().map(|block| format!("{}: {:?}\n", block.lines, block.kind));
        let references = page.references.iter().map(|r| format!("{}: {:?} {}\n", r.line, r.kind, r.target));
        let anchors = page.anchors.iter().map(|a| format!("{}: #{}\n", a.line, a.name));
        blocks.chain(references).chain(anchors).collect()
    }

    #[test]
    fn blocks_of_a_page() {
        insta::assert_snapshot!(listing(concat!(
            "# A `title`, *really*\n\nOne\ntwo with `code`.\n\n`kubectl get pods`\n\n",
            "1. item\n   ```sh\n   a\n     b\n\n   c\n   ```\n2. `ls -l`\n   - nested [link](x.md#y)\n\n",
            "        ```bash\n        deep\n        ```\n\n",
            "> quote\n> ```\n> out\n> ```\n\n    indented\n      more\n\n",
            "| a | b |\n|---|---|\n| `c d` | ![p](i.png) |\n\n",
            "## A title really\n## A `title` really\n<a name=\"old\"></a>\n<img alt=\"x\" src=\"y.png\">\n\n",
            "### Same {#own}\n```yaml title=\"pod.yaml\"\n\ta: b\n```\n```bash\nopen\n",
        )));
    }
}
