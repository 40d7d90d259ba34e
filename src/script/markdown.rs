//! Markdown → the few blocks a script is made of, each with its 1-based line.
//! Knows nothing of directives: a comment is its lines.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use super::error::Problem;

#[derive(Debug, PartialEq)]
pub(super) struct Block {
    pub line: usize,
    pub kind: BlockKind,
}

#[derive(Debug, PartialEq)]
pub(super) enum BlockKind {
    Heading(String),
    /// All prose between two other blocks.
    Prose(String),
    /// `language` is the info string's first word in lower case; `body` ends with a newline unless empty.
    Fence {
        language: String,
        body: String,
    },
    /// The inside of one HTML comment: non-blank lines, trimmed.
    Comment(Vec<(usize, String)>),
}

/// All blocks in the order of the file. The error comes with its line.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, (usize, Problem)> {
    let mut reader = LabReader { source: text, ..LabReader::default() };
    reader.line_starts.push(0);
    reader.line_starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    for (event, range) in TextMergeWithOffset::new(Parser::new_ext(text, Options::empty()).into_offset_iter()) {
        reader.event(event, range)?;
    }
    reader.flush_prose();
    Ok(reader.blocks)
}

/// What the events between a start and its end are collected into.
#[derive(Default)]
struct LabReader<'a> {
    source: &'a str,
    line_starts: Vec<usize>,
    blocks: Vec<Block>,
    prose: String,
    prose_line: usize,
    heading: Option<String>,
    fence: Option<(String, String)>,
    html: Vec<(usize, String)>,
}

impl LabReader<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), (usize, Problem)> {
        let line = self.line(range.start);
        match event {
            Event::Start(Tag::Heading { .. }) => self.heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let text = self.heading.take().unwrap_or_default();
                self.push(line, BlockKind::Heading(text));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let language = info.split_whitespace().next().unwrap_or_default().to_lowercase();
                self.fence = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, body)) = self.fence.take() {
                    if !is_closed(&self.source[range]) {
                        return Err((line, Problem::OpenFence));
                    }
                    self.push(line, BlockKind::Fence { language, body });
                }
            }
            Event::Html(html) => self.html.extend((line..).zip(html.lines().map(String::from))),
            Event::End(TagEnd::HtmlBlock) => self.comments()?,
            Event::InlineHtml(html) => {
                self.html.extend((line..).zip(html.lines().map(String::from)));
                self.comments()?;
            }
            Event::Text(text) => self.text(line, &text)?,
            Event::Code(text) => self.text(line, &text.replace("<!--", ""))?,
            Event::SoftBreak | Event::HardBreak => self.text(line, "\n")?,
            Event::End(TagEnd::Paragraph | TagEnd::Item) => self.text(line, "\n")?,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, line: usize, text: &str) -> Result<(), (usize, Problem)> {
        if let Some((_, body)) = &mut self.fence {
            body.push_str(text);
        } else if let Some(heading) = &mut self.heading {
            heading.push_str(text);
        } else {
            // CommonMark reads an inline comment that never ends as plain text.
            if text.split("<!--").skip(1).any(|after| after.trim_start().starts_with("rehearse")) {
                return Err((line, Problem::OpenComment));
            }
            if self.prose.is_empty() {
                self.prose_line = line;
            }
            self.prose.push_str(text);
        }
        Ok(())
    }

    /// Cuts the comments out of the HTML collected so far.
    fn comments(&mut self) -> Result<(), (usize, Problem)> {
        let mut open: Option<(usize, Vec<(usize, String)>)> = None;
        for (line, html) in std::mem::take(&mut self.html) {
            let mut rest = html.as_str();
            loop {
                let Some((_, lines)) = &mut open else {
                    let Some((_, after)) = rest.split_once("<!--") else {
                        break;
                    };
                    open = Some((line, Vec::new()));
                    rest = after;
                    continue;
                };
                let (inside, after) = match rest.split_once("-->") {
                    Some((inside, after)) => (inside, Some(after)),
                    None => (rest, None),
                };
                if !inside.trim().is_empty() {
                    lines.push((line, inside.trim().to_string()));
                }
                let Some(after) = after else { break };
                if let Some((line, lines)) = open.take() {
                    self.push(line, BlockKind::Comment(lines));
                }
                rest = after;
            }
        }
        match open {
            Some((line, _)) => Err((line, Problem::OpenComment)),
            None => Ok(()),
        }
    }

    fn push(&mut self, line: usize, kind: BlockKind) {
        self.flush_prose();
        self.blocks.push(Block { line, kind });
    }

    fn flush_prose(&mut self) {
        let text = std::mem::take(&mut self.prose).trim().to_string();
        if !text.is_empty() {
            self.blocks.push(Block { line: self.prose_line, kind: BlockKind::Prose(text) });
        }
    }

    fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }
}

/// Whether a fence's source ends with its closing line; CommonMark closes an open one silently at the end.
fn is_closed(source: &str) -> bool {
    let fence_char = if source.trim_start().starts_with('~') { '~' } else { '`' };
    let length = |line: &str| line.chars().take_while(|c| *c == fence_char).count();
    let Some((opening, rest)) = source.trim().split_once('\n') else {
        return false;
    };
    // The last line may carry the marker of a quote around it.
    let last = rest.lines().next_back().unwrap_or_default();
    let last = last.trim_start_matches([' ', '\t', '>']).trim_end();
    !last.is_empty() && last.chars().all(|c| c == fence_char) && length(last) >= length(opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(text: &str) -> String {
        match blocks(text) {
            Err((line, problem)) => format!("{line}: {problem}"),
            Ok(blocks) => blocks.iter().map(|b| format!("{}: {:?}\n", b.line, b.kind)).collect(),
        }
    }

    #[test]
    fn blocks_of_a_guide() {
        insta::assert_snapshot!(listing(concat!(
            "# Title with `code`\n",
            "Prose, with *emphasis*,\ntwo lines and `<!-- rehearse: no -->`.\n\n",
            "Another paragraph: <!-- inline -->\n",
            "```bash\necho one\n\necho two\n```\n",
            "<!-- rehearse:\n  expect a\n\n  never b\n-->\n",
            "<!-- one --> <!-- two -->\n",
            "<details>\n<!-- inside -->\n</details>\n\n",
            "````Yaml title=\"x\"\n# pod.yaml\n```\n````\n",
            "    indented code is prose\n\n",
            "~~~\ntilde\n~~~\n",
            "1. item\n   - nested:\n\n     <!-- rehearse: fails\n     prints x -->\n     ```sh\n     indented\n       more\n     ```\n",
            "> ```text\n> quoted\n> ```\n",
            "```console\n```\n",
            "Setext\n======\nend",
        )));
    }

    #[test]
    fn what_is_never_closed() {
        for (text, expected) in [
            ("a\n\n```bash\necho\n", "3: fence is never closed"),
            ("```bash", "1: fence is never closed"),
            ("````bash\necho\n```\n", "1: fence is never closed"),
            ("- x\n  ```bash\n  echo\n\nafter", "2: fence is never closed"),
            ("~~~\n```\n", "1: fence is never closed"),
            ("a\n\n<!-- rehearse: fails\n\n```bash\n```\n", "3: comment is never closed"),
            ("words <!-- rehearse: fails\n\n```bash\n```\n", "1: comment is never closed"),
        ] {
            assert_eq!(listing(text).trim_end(), expected, "{text:?}");
        }
    }
}
