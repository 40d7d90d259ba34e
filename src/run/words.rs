//! Shell text → simple commands in words, quotes and escapes resolved, each byte of a word with its place in the text.
//! Knows as much of bash as fences use, and says so of the rest; knows no command.

use std::ops::Range;

/// A word as the command gets it, except for what only the shell can tell.
#[derive(Debug, Clone, Default)]
pub struct Word {
    /// Expansions stand in it as they are written.
    pub text: String,
    /// Where each byte of it was written.
    at: Vec<Range<usize>>,
    /// Bytes that an expansion or a pattern makes.
    made: Vec<bool>,
    /// Whether the shell may make several words of it, or none.
    pub splits: bool,
    /// Whether there are quotes or escapes in it.
    quoted: bool,
}

/// A word or a part of one, such as an option's value.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    word: &'a Word,
    from: usize,
    to: usize,
}

impl Word {
    fn push(&mut self, c: char, at: Range<usize>, made: bool) {
        self.text.push(c);
        self.at.resize(self.text.len(), at);
        self.made.resize(self.text.len(), made);
    }

    pub fn whole(&self) -> Part<'_> {
        Part { word: self, from: 0, to: self.text.len() }
    }

    /// Whether it is exactly this, whatever the shell does.
    pub fn is(&self, text: &str) -> bool {
        self.text == text && !self.whole().is_made()
    }

    /// `NAME=value` in the name's and the value's part.
    pub fn assignment(&self) -> Option<(&str, Part<'_>)> {
        let (name, _) = self.text.split_once('=')?;
        let bare = name.strip_suffix('+').unwrap_or(name);
        let starts = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_name = starts && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_name.then(|| (bare, self.whole().after(name.len() + 1)))
    }
}

impl<'a> Part<'a> {
    pub fn text(&self) -> &'a str {
        &self.word.text[self.from..self.to]
    }

    pub fn is_made(&self) -> bool {
        self.word.made[self.from..self.to].contains(&true)
    }

    /// Its pieces that stand as they are.
    pub fn literals(self) -> impl Iterator<Item = Self> {
        let mut from = self.from;
        self.word.made[self.from..self.to].chunk_by(PartialEq::eq).filter_map(move |piece| {
            from += piece.len();
            (!piece[0]).then_some(Self { word: self.word, from: from - piece.len(), to: from })
        })
    }

    pub fn splits(&self) -> bool {
        self.word.splits
    }

    /// Without its first `bytes`.
    pub fn after(self, bytes: usize) -> Self {
        Self { from: self.from + bytes, ..self }
    }

    /// Its first `bytes`.
    pub fn first(self, bytes: usize) -> Self {
        Self { to: self.from + bytes, ..self }
    }

    pub fn split(self, at: char) -> impl Iterator<Item = Self> {
        let start = self.text().as_ptr() as usize;
        self.text().split(at).map(move |piece| {
            let from = piece.as_ptr() as usize - start;
            self.after(from).first(piece.len())
        })
    }

    /// Where it was written; an empty one nowhere.
    pub fn span(&self) -> Range<usize> {
        match self.word.at.get(self.from..self.to) {
            Some([first, .., last]) => first.start..last.end,
            Some([only]) => only.clone(),
            _ => 0..0,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Redirect {
    /// Without the descriptor: `<`, `>`, `<<<`…
    pub operator: String,
    pub target: Word,
    pub body: Option<Body>,
}

/// A here-document.
#[derive(Debug, Clone)]
pub struct Body {
    pub span: Range<usize>,
    /// Whether the shell changes it.
    pub made: bool,
}

/// Where a command's input comes from, as far as its pipeline says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    Nothing,
    /// A command, by its number.
    Command(usize),
    Unclear,
}

/// A simple command: words with what stands around them.
#[derive(Debug, Clone)]
pub struct Command {
    pub at: usize,
    pub assignments: Vec<Word>,
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    pub feed: Feed,
    /// Whether its output goes to another command.
    pub piped: bool,
}

/// Where text is not understood, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub at: usize,
    pub what: String,
}

/// Before a command, and no part of it.
const KEYWORDS: &[&str] = &["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"];
const ENDS: &[&str] = &["fi", "done", "}"];
/// The rehearsal's own, which hold no blanks.
const OURS: &[&str] = &["DOCKER_USERNAME", "DOCKER_PASSWORD"];

/// All simple commands of a script, those in substitutions before the one that they stand in.
///
/// # Errors
/// What is not understood.
pub fn commands(script: &str) -> Result<Vec<Command>, Refused> {
    let mut reader = Reader { text: script, at: 0, end: script.len(), commands: Vec::new(), pending: Vec::new() };
    reader.list(None)?;
    match reader.pending.is_empty() {
        true => Ok(reader.commands),
        false => reader.refuse("has a here-document that does not end"),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    commands: Vec<Command>,
    /// Here-documents whose bodies are to come: of which command, and which redirection.
    pending: Vec<(usize, usize)>,
}

impl Reader<'_> {
    fn refuse<T>(&self, what: impl Into<String>) -> Result<T, Refused> {
        Err(Refused { at: self.at, what: what.into() })
    }

    fn rest(&self) -> &str {
        &self.text[self.at..self.end]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, start: &str) -> bool {
        let takes = self.rest().starts_with(start);
        self.at += if takes { start.len() } else { 0 };
        takes
    }

    fn blanks(&mut self) {
        while self.take(" ") || self.take("\t") || self.take("\\\n") {}
    }

    /// Commands up to the end, or up to what closes a substitution.
    fn list(&mut self, closer: Option<char>) -> Result<(), Refused> {
        let (mut feed, mut last) = (Feed::Nothing, None);
        loop {
            self.blanks();
            let Some(c) = self.peek() else {
                return if closer.is_some() { self.refuse("has a substitution that does not end") } else { Ok(()) };
            };
            if Some(c) == closer {
                self.at += 1;
                return if self.pending.is_empty() { Ok(()) } else { self.refuse("has a here-document in brackets") };
            }
            match c {
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '\n' => {
                    self.at += 1;
                    self.bodies()?;
                    // A pipeline goes on after its line's end.
                    if feed == Feed::Nothing {
                        last = None;
                    }
                }
                '|' if !self.rest().starts_with("||") => {
                    self.at += 1;
                    self.take("&");
                    feed = last.map_or(Feed::Unclear, Feed::Command);
                    if let Some(command) = last.and_then(|last: usize| self.commands.get_mut(last)) {
                        command.piped = true;
                    }
                }
                '(' if !self.rest().starts_with("((") && (last.is_none() || feed != Feed::Nothing) => {
                    self.at += 1;
                    self.list(Some(')'))?;
                    (feed, last) = (Feed::Nothing, None);
                }
                ';' | '&' | '|' if !self.rest().starts_with(";;") && !self.rest().starts_with("&>") => {
                    self.at += 1;
                    let _ = c != ';' && self.take(c.encode_utf8(&mut [0; 4]));
                    (feed, last) = (Feed::Nothing, None);
                }
                '(' | ')' | ';' => return self.refuse(format!("has `{c}` in a place not understood")),
                _ => {
                    last = self.simple(feed, closer)?;
                    feed = Feed::Nothing;
                }
            }
        }
    }

    /// One command; None where it was only the end of a compound one.
    fn simple(&mut self, feed: Feed, closer: Option<char>) -> Result<Option<usize>, Refused> {
        let mut command = Command {
            at: self.at,
            assignments: Vec::new(),
            words: Vec::new(),
            redirects: Vec::new(),
            feed,
            piped: false,
        };
        let (mut ends, mut here) = (false, Vec::new());
        loop {
            self.blanks();
            let Some(c) = self.peek() else { break };
            let testing = command.words.first().is_some_and(|word| word.is("[["));
            if testing && "&|<>()".contains(c) {
                self.at += 1;
                continue;
            }
            if let Some(redirect) = self.redirect(closer)? {
                if redirect.operator.starts_with("<<") && redirect.operator != "<<<" {
                    here.push(command.redirects.len());
                }
                command.redirects.push(redirect);
                continue;
            }
            let substitutes = self.rest().starts_with("<(") || self.rest().starts_with(">(");
            if Some(c) == closer || (";&|()<>\n".contains(c) && !substitutes) || (c == '#') {
                break;
            }
            let word = self.word(closer)?;
            if self.peek() == Some('(') {
                return self.refuse(format!("has `{}(`, which is not looked into", word.text));
            }
            let first = command.words.is_empty() && command.assignments.is_empty() && !word.quoted;
            match word.text.as_str() {
                keyword if first && KEYWORDS.contains(&keyword) => command.at = self.at,
                end if first && ENDS.contains(&end) => ends = true,
                _ if command.words.is_empty() && word.assignment().is_some() => command.assignments.push(word),
                "]]" if testing => {
                    command.words.push(word);
                    break;
                }
                _ => command.words.push(word),
            }
        }
        if command.words.is_empty() && command.assignments.is_empty() && command.redirects.is_empty() {
            return Ok(None);
        }
        if ends && !command.words.is_empty() {
            return self.refuse(format!("has `{}` after the end of a loop or group", command.words[0].text));
        }
        let index = self.commands.len();
        self.pending.extend(here.into_iter().map(|redirect| (index, redirect)));
        self.commands.push(command);
        Ok((!ends).then_some(index))
    }

    fn redirect(&mut self, closer: Option<char>) -> Result<Option<Redirect>, Refused> {
        let digits = self.rest().len() - self.rest().trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let rest = &self.rest()[digits..];
        let operators = ["<<<", "<<-", "<<", "<&", "<>", "<", ">>", ">&", ">|", ">", "&>>", "&>"];
        let Some(operator) = operators.into_iter().find(|operator| rest.starts_with(operator)) else {
            return Ok(None);
        };
        if rest.starts_with("<(") || rest.starts_with(">(") || (digits > 0 && operator.starts_with('&')) {
            return Ok(None);
        }
        self.at += digits + operator.len();
        self.blanks();
        let target = self.word(closer)?;
        Ok(Some(Redirect { operator: operator.into(), target, body: None }))
    }

    /// The here-documents that begin after this line.
    fn bodies(&mut self) -> Result<(), Refused> {
        for (command, redirect) in std::mem::take(&mut self.pending) {
            let (start, redirected) = (self.at, self.commands[command].redirects[redirect].clone());
            let strips = redirected.operator == "<<-";
            let mut end = start;
            loop {
                let Some(line) = self.text[end..self.end].split_inclusive('\n').next() else {
                    return self.refuse("has a here-document that does not end");
                };
                let shown = line.trim_end_matches('\n');
                let shown = if strips { shown.trim_start_matches('\t') } else { shown };
                if shown == redirected.target.text {
                    self.at = end + line.len();
                    break;
                }
                end += line.len();
            }
            let made = strips || (!redirected.target.quoted && self.text[start..end].contains(['$', '`', '\\']));
            if !redirected.target.quoted {
                self.substitutions(start..end)?;
            }
            self.commands[command].redirects[redirect].body = Some(Body { span: start..end, made });
        }
        Ok(())
    }

    /// The commands within text that is treated as in double quotes.
    fn substitutions(&mut self, span: Range<usize>) -> Result<(), Refused> {
        let (after, end) = (std::mem::replace(&mut self.at, span.start), std::mem::replace(&mut self.end, span.end));
        let mut ignored = Word::default();
        while let Some(c) = self.peek() {
            match c {
                '\\' => self.at += 1 + self.rest().chars().nth(1).map_or(0, char::len_utf8),
                '$' | '`' => self.expansion(&mut ignored, true)?,
                _ => self.at += c.len_utf8(),
            }
        }
        (self.at, self.end) = (after, end);
        Ok(())
    }

    fn word(&mut self, closer: Option<char>) -> Result<Word, Refused> {
        let mut word = Word::default();
        while let Some(c) = self.peek() {
            let at = self.at;
            match c {
                _ if Some(c) == closer => break,
                '<' | '>' if self.rest()[1..].starts_with('(') => {
                    self.at += 2;
                    self.list(Some(')'))?;
                    self.written(at, &mut word);
                }
                c if " \t\n;&|<>()".contains(c) => break,
                '\\' if self.take("\\\n") => {}
                '\\' => {
                    self.at += 1;
                    let Some(escaped) = self.peek() else { return self.refuse("ends with a backslash") };
                    self.at += escaped.len_utf8();
                    word.push(escaped, at..self.at, false);
                    word.quoted = true;
                }
                '\'' => {
                    self.at += 1;
                    let Some(length) = self.rest().find('\'') else {
                        return self.refuse("has a quote without its end");
                    };
                    for (offset, c) in self.text[at + 1..at + 1 + length].char_indices() {
                        word.push(c, at + 1 + offset..at + 1 + offset + c.len_utf8(), false);
                    }
                    self.at += length + 1;
                    word.quoted = true;
                }
                '"' => self.double_quoted(&mut word)?,
                '$' | '`' => self.expansion(&mut word, false)?,
                _ => {
                    self.at += c.len_utf8();
                    let makes =
                        c == '*' || c == '?' || (c == '[' && word.text.bytes().any(|b| b != b'[')) || self.braces(c);
                    word.splits |= c == '{' && makes;
                    word.push(c, at..self.at, makes);
                }
            }
        }
        Ok(word)
    }

    /// Whether `{` begins alternatives; what follows it is next.
    fn braces(&self, c: char) -> bool {
        let word = self.rest().split(|c: char| c.is_whitespace()).next().unwrap_or_default();
        c == '{' && word.split_once('}').is_some_and(|(inner, _)| inner.contains(',') || inner.contains(".."))
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Refused> {
        word.quoted = true;
        self.at += 1;
        loop {
            let at = self.at;
            match self.peek() {
                None => return self.refuse("has a quote without its end"),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') if self.take("\\\n") => {}
                Some('\\') if self.rest()[1..].starts_with(['$', '`', '"', '\\']) => {
                    let escaped = self.text.as_bytes()[at + 1] as char;
                    self.at += 2;
                    word.push(escaped, at..self.at, false);
                }
                Some('$' | '`') => self.expansion(word, true)?,
                Some(c) => {
                    self.at += c.len_utf8();
                    word.push(c, at..self.at, false);
                }
            }
        }
    }

    /// `$…` or a command in backticks; a `$` that begins nothing is itself.
    fn expansion(&mut self, word: &mut Word, quoted: bool) -> Result<(), Refused> {
        let start = self.at;
        let ours = |name: &str| OURS.contains(&name);
        let name =
            |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        if self.take("`") {
            self.list(Some('`'))?;
        } else if self.take("$((") {
            self.skip_to("))")?;
        } else if self.take("$(") {
            self.list(Some(')'))?;
        } else if self.take("${") {
            self.skip_to("}")?;
        } else if !quoted && (self.rest().starts_with("$'") || self.rest().starts_with("$\"")) {
            return self.refuse("has quotes after `$`");
        } else {
            self.at += 1;
            match self.peek() {
                Some(c) if c.is_ascii_alphabetic() || c == '_' => self.at += name(self.rest()),
                Some(c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => self.at += 1,
                _ => {
                    word.push('$', start..self.at, false);
                    return Ok(());
                }
            }
        }
        let written = self.text[start..self.at].trim_start_matches(['$', '{']).trim_end_matches('}');
        word.splits |= !quoted && !ours(written);
        self.written(start, word);
        Ok(())
    }

    /// Over text that may hold no commands.
    fn skip_to(&mut self, close: &str) -> Result<(), Refused> {
        match self.rest().split_once(close) {
            Some((inner, _)) if !inner.contains("$(") && !inner.contains(['`', '{']) => {
                self.at += inner.len() + close.len();
                Ok(())
            }
            _ => self.refuse("has an expansion not understood"),
        }
    }

    /// What was read since `start` is a part of the word that the shell makes.
    fn written(&self, start: usize, word: &mut Word) {
        for (offset, c) in self.text[start..self.at].char_indices() {
            word.push(c, start + offset..start + offset + c.len_utf8(), true);
        }
    }
}
