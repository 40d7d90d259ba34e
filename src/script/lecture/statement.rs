//! Lines of shell → statements: what belongs together because a quote, a here-document, a continuation, a bracket or a
//! compound command is still open. Pure, linear, and never wrong about the number of lines.

/// Lines `first..=last` of the slice given, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement {
    pub first: usize,
    pub last: usize,
    /// The end of the text came before the statement's.
    pub open: bool,
}

/// The first statement among the lines.
pub(super) fn first<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Statement> {
    Statements { lines: lines.into_iter().enumerate() }.next()
}

/// The statements among the lines; blank lines and comments between them belong to none.
struct Statements<I> {
    lines: std::iter::Enumerate<I>,
}

impl<'a, I: Iterator<Item = &'a str>> Iterator for Statements<I> {
    type Item = Statement;

    fn next(&mut self) -> Option<Statement> {
        let mut state = State::default();
        let mut begun: Option<(usize, usize)> = None;
        for (index, line) in self.lines.by_ref() {
            let idle = line.trim().is_empty() || line.trim_start().starts_with('#');
            if begun.is_none() && idle {
                continue;
            }
            let first = begun.map_or(index, |(first, _)| first);
            begun = Some((first, index));
            if !state.line(line) {
                return Some(Statement { first, last: index, open: false });
            }
        }
        begun.map(|(first, last)| Statement { first, last, open: true })
    }
}

#[derive(Default)]
struct State {
    quote: Option<char>,
    /// Round brackets that are open.
    brackets: usize,
    /// Compound commands that are open, by the word that ends them.
    blocks: Vec<&'static str>,
    /// Here-documents whose text has not ended: the delimiter, and whether tabs before it are allowed.
    documents: Vec<(String, bool)>,
}

/// The word that begins a compound command and the one that ends it.
const BLOCKS: [(&str, &str); 6] =
    [("if", "fi"), ("do", "done"), ("case", "esac"), ("{", "}"), ("select", ""), ("[[", "")];

impl State {
    /// Takes one line; whether the statement goes on.
    fn line(&mut self, line: &str) -> bool {
        if let Some((delimiter, tabs)) = self.documents.first() {
            let text = if *tabs { line.trim_start_matches('\t') } else { line };
            // Inside lists the whole document is often indented; a delimiter alone on its line was meant to end it.
            if text.trim() == delimiter {
                self.documents.remove(0);
            }
            return !self.documents.is_empty() || self.is_open();
        }
        let continued = self.characters(line);
        continued || !self.documents.is_empty() || self.is_open()
    }

    fn is_open(&self) -> bool {
        self.quote.is_some() || self.brackets > 0 || !self.blocks.is_empty()
    }

    /// Whether the line ends in the middle of a command.
    fn characters(&mut self, line: &str) -> bool {
        let mut chars = line.char_indices().peekable();
        let (mut word, mut command_position) = (String::new(), true);
        while let Some((at, c)) = chars.next() {
            match (self.quote, c) {
                (Some('\''), '\'') => self.quote = None,
                (Some('\''), _) => {}
                (_, '\\') => {
                    // A blank after the backslash was not meant.
                    if line[at + 1..].trim().is_empty() {
                        return true;
                    }
                    chars.next();
                    word.push('\\');
                }
                (Some(open), _) => {
                    if open == c {
                        self.quote = None;
                    }
                }
                (None, '\'' | '"') => {
                    self.quote = Some(c);
                    word.push(c);
                }
                (None, '#') if word.is_empty() => break,
                // `<<<` is a word given as input.
                (None, '<') if line[at..].starts_with("<<<") => {
                    chars.nth(1);
                }
                (None, '<') if line[at..].starts_with("<<") => {
                    chars.next();
                    if let Some(document) = delimiter(&line[at + 2..]) {
                        self.documents.push(document);
                    }
                }
                (None, _) if c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')') => {
                    let was_word = !word.is_empty();
                    self.word(&word, command_position);
                    command_position = match c {
                        ';' | '|' | '&' | '(' => true,
                        _ if was_word => KEEPS_POSITION.contains(&word.as_str()),
                        _ => command_position,
                    };
                    word.clear();
                    match c {
                        '(' => self.brackets += 1,
                        // A lone closing bracket is a case's pattern.
                        ')' => self.brackets = self.brackets.saturating_sub(1),
                        _ => {}
                    }
                }
                (None, _) => word.push(c),
            }
        }
        self.word(&word, command_position);
        let end = line.trim_end();
        self.quote.is_none() && (end.ends_with('|') || end.ends_with("&&"))
    }

    fn word(&mut self, word: &str, command_position: bool) {
        if !command_position {
            return;
        }
        if let Some((_, end)) = BLOCKS.iter().find(|(begin, end)| *begin == word && !end.is_empty()) {
            self.blocks.push(end);
        } else if self.blocks.last() == Some(&word) {
            self.blocks.pop();
        }
    }
}

/// Words after which another command begins.
const KEEPS_POSITION: [&str; 9] = ["if", "then", "else", "elif", "do", "while", "until", "{", "!"];

/// The delimiter in what follows `<<`, and whether tabs may stand before it.
fn delimiter(rest: &str) -> Option<(String, bool)> {
    let (rest, tabs) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
    let word: String = rest.trim_start().chars().take_while(|c| !c.is_whitespace() && !";|&)<>".contains(*c)).collect();
    let word = word.trim_matches(['\'', '"', '\\']);
    let begins = word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '!');
    begins.then(|| (word.to_owned(), tabs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let lines: Vec<&str> = text.lines().collect();
        let found = Statements { lines: lines.iter().copied().enumerate() };
        found.map(|s| lines[s.first..=s.last].join("⏎") + if s.open { "…" } else { "" }).collect()
    }

    #[test]
    fn statements_are_cut_where_they_end() {
        for (text, expected) in [
            ("a\n\n# c\nb", vec!["a", "b"]),
            ("a \\\n  -b \\ \n  -c\nd", vec!["a \\⏎  -b \\ ⏎  -c", "d"]),
            ("cat <<EOF > x\na'b\n\n# c\nEOF\nb", vec!["cat <<EOF > x⏎a'b⏎⏎# c⏎EOF", "b"]),
            (
                "cat <<-'EOF' | kubectl apply -f -\n\tx\n\tEOF\nb",
                vec!["cat <<-'EOF' | kubectl apply -f -⏎\tx⏎\tEOF", "b"],
            ),
            ("echo '{\n a\n}'\nb", vec!["echo '{⏎ a⏎}'", "b"]),
            ("for i in 1 2; do\n  echo $i\ndone\nb", vec!["for i in 1 2; do⏎  echo $i⏎done", "b"]),
            ("while true; do date; done\nb", vec!["while true; do date; done", "b"]),
            ("if a; then\n b\nelse\n c\nfi\nd", vec!["if a; then⏎ b⏎else⏎ c⏎fi", "d"]),
            ("f() {\n  a\n}\nf", vec!["f() {⏎  a⏎}", "f"]),
            ("a |\n  b\nc &&\nd", vec!["a |⏎  b", "c &&⏎d"]),
            ("x=$(a \\\n  b)\nc", vec!["x=$(a \\⏎  b)", "c"]),
            ("echo it\\'s\nb", vec!["echo it\\'s", "b"]),
            ("echo done\necho if\nb", vec!["echo done", "echo if", "b"]),
            (
                "kubectl patch x -p '{\"a\": {\"b\": \"c\"}}'\nb",
                vec!["kubectl patch x -p '{\"a\": {\"b\": \"c\"}}'", "b"],
            ),
            ("cat <<EOF\nnever", vec!["cat <<EOF⏎never…"]),
            ("echo 'x", vec!["echo 'x…"]),
            ("cat <<< x\nb", vec!["cat <<< x", "b"]),
            ("a & b\n! c", vec!["a & b", "! c"]),
        ] {
            assert_eq!(cut(text), expected, "{text}");
        }
    }
}
