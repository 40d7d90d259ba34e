//! Text → commands, by `brush-parser`. Knows no program.

use std::ops::Range;

use brush_parser::ast::{self, CommandPrefixOrSuffixItem as Item, CompoundCommand as Compound};
use brush_parser::word::{WordPiece, WordPieceWithSource};
use brush_parser::{ParseError, Parser, ParserOptions};

use super::command::{Command, Redirection, RedirectionKind, Standing, Word};
use crate::hint::Hint;

/// How many bytes a fence may have.
const LENGTH: usize = 1 << 18;
/// How deep what is opened may stand in each other: the parser goes down its own stack with each. Two hundred overflow a
/// thread's two MiB.
const DEPTH: usize = 40;
/// How deep parentheses may: each that is never closed doubles the parser's time.
const PARENTHESES: usize = 12;

/// A fence that is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fence {
    commands: Vec<Command>,
    /// First and last line of each statement: a list of pipes with `&&` and `||` between them.
    statements: Vec<(usize, usize)>,
}

/// Why a fence is no bash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxError {
    #[error("line {line}, column {column} is no bash")]
    Near { line: usize, column: usize },
    #[error("bash would wait for more: something is opened and never closed")]
    Unfinished,
    #[error("a fence of more than {LENGTH} bytes, or with more than {DEPTH} things opened in each other, is not read")]
    TooLarge,
}

impl Hint for SyntaxError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Near { .. } => Some("`bash -n FILE` says what it stumbles over".into()),
            Self::Unfinished => Some("is a quote, a bracket or a here-document still open?".into()),
            Self::TooLarge => Some("what is so long, or so deep, is better put into a file of its own".into()),
        }
    }
}

impl From<ParseError> for SyntaxError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::ParsingNear(at) => Self::Near { line: at.line, column: at.column },
            ParseError::ParsingAtEndOfInput | ParseError::Tokenizing { .. } => Self::Unfinished,
        }
    }
}

impl Fence {
    /// Reads a fence as bash reads it.
    ///
    /// # Errors
    /// [`SyntaxError`] where it is no bash. The commands before the place are not told: bash reads line by line and might
    /// play them.
    pub(crate) fn parse(script: &str) -> Result<Self, SyntaxError> {
        let mut fence = Self::default();
        FenceReader { script, base: Base::whole(script), fence: &mut fence }.read(&Standing::default())?;
        fence.commands.sort_by_key(|command| command.span.start);
        Ok(fence)
    }

    /// The simple commands, in the order of their first words.
    pub(crate) fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The first line of the innermost statement that has `line`: bash places a failure anywhere in a statement of
    /// several lines.
    pub(crate) fn statement_line(&self, line: usize) -> usize {
        let around = self.statements.iter().filter(|(first, last)| (*first..=*last).contains(&line));
        around.map(|(first, _)| *first).max().unwrap_or(line)
    }
}

/// Where what is read stands in the fence.
struct Base {
    /// The byte of each character, and one more.
    bytes: Vec<usize>,
    /// Lines above it.
    line: usize,
    /// All of it counts as one place: it is not written in the fence letter by letter.
    within: Option<Range<usize>>,
}

impl Base {
    fn whole(script: &str) -> Self {
        Self::at(script, 0, 0)
    }

    fn at(script: &str, byte: usize, line: usize) -> Self {
        let bytes = script.char_indices().map(|(at, _)| byte + at).chain([byte + script.len()]).collect();
        Self { bytes, line, within: None }
    }

    fn byte(&self, index: usize) -> usize {
        self.bytes.get(index).or(self.bytes.last()).copied().unwrap_or_default()
    }
}

/// From the first character to behind the last, with their lines.
#[derive(Clone, PartialEq, Eq)]
struct Extent {
    span: Range<usize>,
    lines: (usize, usize),
}

fn around(extents: impl IntoIterator<Item = Option<Extent>>) -> Option<Extent> {
    extents.into_iter().flatten().reduce(|a, b| Extent {
        span: a.span.start.min(b.span.start)..a.span.end.max(b.span.end),
        lines: (a.lines.0.min(b.lines.0), a.lines.1.max(b.lines.1)),
    })
}

/// Reads one text: the fence, or what stands in a substitution.
struct FenceReader<'a> {
    script: &'a str,
    base: Base,
    fence: &'a mut Fence,
}

impl FenceReader<'_> {
    fn read(&mut self, standing: &Standing) -> Result<(), SyntaxError> {
        if self.script.len() > LENGTH || nests_too_deep(self.script) {
            return Err(SyntaxError::TooLarge);
        }
        let program = Parser::new(self.script.as_bytes(), &ParserOptions::default()).parse_program()?;
        for list in &program.complete_commands {
            self.list(list, standing);
        }
        Ok(())
    }

    fn extent(&self, span: &brush_parser::SourceSpan) -> Extent {
        let written = self.base.byte(span.start.index)..self.base.byte(span.end.index);
        let lines = (self.base.line + span.start.line, self.base.line + span.end.line);
        Extent { span: self.base.within.clone().unwrap_or(written), lines }
    }

    fn list(&mut self, list: &ast::CompoundList, standing: &Standing) -> Option<Extent> {
        let items: Vec<_> = list.0.iter().map(|item| self.statement(item, standing)).collect();
        around(items)
    }

    fn statement(&mut self, item: &ast::CompoundListItem, standing: &Standing) -> Option<Extent> {
        let ast::CompoundListItem(list, separator) = item;
        let background = standing.background || matches!(separator, ast::SeparatorOperator::Async);
        let first = Standing { background, ..standing.clone() };
        let later = Standing { conditional: true, ..first.clone() };
        let mut extents = vec![self.pipeline(&list.first, &first)];
        for next in &list.additional {
            let (ast::AndOr::And(pipeline) | ast::AndOr::Or(pipeline)) = next;
            extents.push(self.pipeline(pipeline, &later));
        }
        let extent = around(extents);
        self.fence.statements.extend(extent.as_ref().map(|extent| extent.lines));
        extent
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline, standing: &Standing) -> Option<Extent> {
        let standing = Standing { pipe: standing.pipe || pipeline.seq.len() > 1, ..standing.clone() };
        let commands: Vec<_> = pipeline.seq.iter().map(|command| self.command(command, &standing)).collect();
        around(commands)
    }

    fn command(&mut self, command: &ast::Command, standing: &Standing) -> Option<Extent> {
        match command {
            ast::Command::Simple(simple) => self.simple(simple, standing),
            ast::Command::Compound(compound, redirections) => {
                let extent = self.compound(compound, standing);
                let redirected = self.redirect_list(redirections.as_ref(), standing);
                around([extent, redirected])
            }
            ast::Command::Function(function) => {
                let standing = Standing { function: Some(function.fname.value.clone()), ..standing.clone() };
                let name = function.fname.loc.as_ref().map(|span| self.extent(span));
                let body = self.compound(&function.body.0, &standing);
                let redirected = self.redirect_list(function.body.1.as_ref(), &standing);
                around([name, body, redirected])
            }
            ast::Command::ExtendedTest(test, redirections) => {
                let extent = self.extent(&test.loc);
                self.test(&test.expr, standing);
                let redirected = self.redirect_list(redirections.as_ref(), standing);
                around([Some(extent), redirected])
            }
        }
    }

    /// What the words of `[[ … ]]` substitute.
    fn test(&mut self, test: &ast::ExtendedTestExpr, standing: &Standing) {
        use ast::ExtendedTestExpr as Test;
        match test {
            Test::And(a, b) | Test::Or(a, b) => [a, b].into_iter().for_each(|test| self.test(test, standing)),
            Test::Not(test) | Test::Parenthesized(test) => self.test(test, standing),
            Test::UnaryTest(_, word) => {
                self.extent_of(word, standing);
            }
            Test::BinaryTest(_, a, b) => {
                self.extent_of(a, standing);
                self.extent_of(b, standing);
            }
        }
    }

    fn compound(&mut self, compound: &ast::CompoundCommand, standing: &Standing) -> Option<Extent> {
        let maybe = Standing { conditional: true, ..standing.clone() };
        let own = ast::SourceLocation::location(compound).map(|span| self.extent(&span));
        let inner = match compound {
            Compound::Arithmetic(_) => None,
            Compound::BraceGroup(group) => self.list(&group.list, standing),
            Compound::Subshell(shell) => self.list(&shell.list, &Standing { subshell: true, ..standing.clone() }),
            Compound::ArithmeticForClause(clause) => self.list(&clause.body.list, &maybe),
            Compound::ForClause(clause) => {
                let values: Vec<_> =
                    clause.values.iter().flatten().map(|word| self.extent_of(word, standing)).collect();
                around(values.into_iter().chain([self.list(&clause.body.list, &maybe)]))
            }
            Compound::CaseClause(clause) => {
                let value = self.extent_of(&clause.value, standing);
                let cases = clause.cases.iter().filter_map(|case| case.cmd.as_ref());
                let cases: Vec<_> = cases.map(|list| self.list(list, &maybe)).collect();
                around(cases.into_iter().chain([value]))
            }
            Compound::IfClause(clause) => {
                let mut extents = vec![self.list(&clause.condition, standing), self.list(&clause.then, &maybe)];
                for other in clause.elses.iter().flatten() {
                    extents.extend(other.condition.as_ref().map(|condition| self.list(condition, &maybe)));
                    extents.push(self.list(&other.body, &maybe));
                }
                around(extents)
            }
            Compound::WhileClause(clause) | Compound::UntilClause(clause) => {
                around([self.list(&clause.0, &maybe), self.list(&clause.1.list, &maybe)])
            }
            Compound::Coprocess(process) => {
                self.command(&process.body, &Standing { background: true, ..standing.clone() })
            }
        };
        around([own, inner])
    }

    fn simple(&mut self, simple: &ast::SimpleCommand, standing: &Standing) -> Option<Extent> {
        let mut command = Command {
            span: 0..0,
            line: 0,
            assignments: Vec::new(),
            words: Vec::new(),
            redirections: Vec::new(),
            standing: standing.clone(),
        };
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        let mut extents: Vec<_> = prefix.map(|item| self.item(item, true, &mut command)).collect();
        if let Some(word) = &simple.word_or_name {
            extents.push(self.extent_of(word, standing));
            command.words.push(self.word(word));
        }
        let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
        extents.extend(suffix.map(|item| self.item(item, false, &mut command)).collect::<Vec<_>>());
        let extent = around(extents)?;
        (command.span, command.line) = (extent.span.clone(), extent.lines.0);
        self.fence.commands.push(command);
        Some(extent)
    }

    /// Puts one item of a simple command where it belongs. Behind the program an assignment is a word like others.
    fn item(&mut self, item: &Item, before: bool, command: &mut Command) -> Option<Extent> {
        let standing = command.standing.clone();
        match item {
            Item::IoRedirect(redirect) => {
                let (redirection, extent) = self.redirection(redirect, &standing);
                command.redirections.extend(redirection);
                extent
            }
            Item::Word(word) => {
                command.words.push(self.word(word));
                self.extent_of(word, &standing)
            }
            Item::AssignmentWord(assignment, word) => {
                let whole = self.word(word);
                let extent = self.extent_of(word, &standing).or(Some(self.extent(&assignment.loc)));
                if before {
                    command.assignments.push(assigned(assignment, whole));
                } else {
                    command.words.push(whole);
                }
                extent
            }
            Item::ProcessSubstitution(_, shell) => {
                let extent = self.extent(&shell.loc);
                let written = self.script_at(&extent.span);
                self.list(&shell.list, &Standing { substitution: true, ..standing });
                command.words.push(Word { span: extent.span.clone(), written, literal: None });
                Some(extent)
            }
        }
    }

    fn redirect_list(&mut self, list: Option<&ast::RedirectList>, standing: &Standing) -> Option<Extent> {
        let list = list.into_iter().flat_map(|list| &list.0);
        let extents: Vec<_> = list.map(|redirect| self.redirection(redirect, standing).1).collect();
        around(extents)
    }

    fn redirection(
        &mut self,
        redirect: &ast::IoRedirect,
        standing: &Standing,
    ) -> (Option<Redirection>, Option<Extent>) {
        use ast::IoFileRedirectKind as Kind;
        let (fd, kind, target) = match redirect {
            ast::IoRedirect::File(fd, kind, target) => {
                let kind = match kind {
                    Kind::Read => RedirectionKind::Read,
                    Kind::Write | Kind::Clobber | Kind::ReadAndWrite => RedirectionKind::Write,
                    Kind::Append => RedirectionKind::Append,
                    Kind::DuplicateInput | Kind::DuplicateOutput => RedirectionKind::Duplicate,
                };
                match target {
                    ast::IoFileRedirectTarget::Filename(word) | ast::IoFileRedirectTarget::Duplicate(word) => {
                        (*fd, kind, word)
                    }
                    ast::IoFileRedirectTarget::Fd(to) => {
                        let written = to.to_string();
                        let target = Word { span: 0..0, literal: Some(written.clone()), written };
                        return (Some(Redirection { fd: *fd, kind, target }), None);
                    }
                    ast::IoFileRedirectTarget::ProcessSubstitution(_, shell) => {
                        let extent = self.extent(&shell.loc);
                        self.list(&shell.list, &Standing { substitution: true, ..standing.clone() });
                        let written = self.script_at(&extent.span);
                        let target = Word { span: extent.span.clone(), written, literal: None };
                        return (Some(Redirection { fd: *fd, kind, target }), Some(extent));
                    }
                }
            }
            ast::IoRedirect::HereDocument(fd, document) => {
                (*fd, RedirectionKind::HereDocument(self.body(document, standing)), &document.here_end)
            }
            ast::IoRedirect::HereString(fd, word) => (*fd, RedirectionKind::HereString, word),
            ast::IoRedirect::OutputAndError(word, append) => {
                let kind = if *append { RedirectionKind::Append } else { RedirectionKind::Write };
                (None, kind, word)
            }
        };
        let extent = self.extent_of(target, standing);
        (Some(Redirection { fd, kind, target: self.word(target) }), extent)
    }

    /// The body of a here-document, which has no quotes.
    fn body(&mut self, document: &ast::IoHereDocument, standing: &Standing) -> Word {
        let written = document.doc.value.clone();
        let span = document.doc.loc.as_ref().map_or(0..0, |span| self.extent(span).span);
        if !document.requires_expansion {
            return Word { span, literal: Some(written.clone()), written };
        }
        let pieces = brush_parser::word::parse_heredoc(&written, &ParserOptions::default()).unwrap_or_default();
        let line = document.doc.loc.as_ref().map_or(0, |span| span.start.line.saturating_sub(1));
        self.substitutions(&pieces, &written, &span, line, standing);
        let literal = literal(&pieces, true);
        Word { span, written, literal }
    }

    fn word(&self, word: &ast::Word) -> Word {
        let span = word.loc.as_ref().map_or(0..0, |span| self.extent(span).span);
        let pieces = brush_parser::word::parse(&word.value, &ParserOptions::default());
        let literal = pieces.ok().and_then(|pieces| literal(&pieces, false));
        Word { span, written: word.value.clone(), literal }
    }

    /// Where a word stands; what it substitutes is read, too.
    fn extent_of(&mut self, word: &ast::Word, standing: &Standing) -> Option<Extent> {
        let extent = word.loc.as_ref().map(|span| self.extent(span));
        if word.value.contains(['`', '$']) {
            let pieces = brush_parser::word::parse(&word.value, &ParserOptions::default()).unwrap_or_default();
            let (span, line) = extent.as_ref().map_or((0..0, 0), |extent| (extent.span.clone(), extent.lines.0 - 1));
            self.substitutions(&pieces, &word.value, &span, line, standing);
        }
        extent
    }

    fn substitutions(
        &mut self,
        pieces: &[WordPieceWithSource],
        written: &str,
        span: &Range<usize>,
        line: usize,
        standing: &Standing,
    ) {
        for piece in pieces {
            let script = match &piece.piece {
                WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                    self.substitutions(inner, written, span, line, standing);
                    continue;
                }
                WordPiece::CommandSubstitution(script) | WordPiece::BackquotedCommandSubstitution(script) => script,
                _ => continue,
            };
            let base = match written.find(script.as_str()).filter(|_| self.script_at(span) == *written) {
                Some(at) => {
                    let above = written[..at].matches('\n').count();
                    Base { within: self.base.within.clone(), ..Base::at(script, span.start + at, line + above) }
                }
                None => Base { within: Some(span.clone()), ..Base::at(script, span.start, line) },
            };
            let standing = Standing { substitution: true, ..standing.clone() };
            // What stands in a substitution is bash's to judge when it gets there; the fence around it is read all the same.
            let _ = FenceReader { script, base, fence: self.fence }.read(&standing);
        }
    }

    /// The fence's own letters at a span; empty where they are not those of this text.
    fn script_at(&self, span: &Range<usize>) -> String {
        let first = self.base.bytes.first().copied().unwrap_or_default();
        let at = span.start.checked_sub(first).zip(span.end.checked_sub(first));
        at.and_then(|(from, to)| self.script.get(from..to)).unwrap_or_default().to_owned()
    }
}

/// `NAME=VALUE` as its two parts.
fn assigned(assignment: &ast::Assignment, whole: Word) -> (String, Word) {
    let name = match &assignment.name {
        ast::AssignmentName::VariableName(name) => name.clone(),
        ast::AssignmentName::ArrayElementName(name, index) => format!("{name}[{index}]"),
    };
    let before = whole.written.find('=').map_or(0, |at| at + 1);
    let array = matches!(assignment.value, ast::AssignmentValue::Array(_));
    let literal = whole.literal.filter(|_| !array).and_then(|text| Some(text.split_once('=')?.1.to_owned()));
    let span = (whole.span.start + before).min(whole.span.end)..whole.span.end;
    let written = whole.written[before..].to_owned();
    (name, Word { span, written, literal })
}

/// The text that bash makes of a word without computing anything. Of `quoted` text nothing is a pattern.
fn literal(pieces: &[WordPieceWithSource], quoted: bool) -> Option<String> {
    let mut text = String::new();
    for piece in pieces {
        match &piece.piece {
            WordPiece::Text(plain) if quoted || !plain.contains(['*', '?', '[', '{']) => text.push_str(plain),
            WordPiece::SingleQuotedText(plain) => text.push_str(plain),
            WordPiece::AnsiCQuotedText(plain) if !plain.contains('\\') => text.push_str(plain),
            WordPiece::DoubleQuotedSequence(inner) => text.push_str(&literal(inner, true)?),
            // A backslash in front of a newline takes both away.
            WordPiece::EscapeSequence(escape) => text.push_str(escape.strip_prefix('\\')?.trim_start_matches('\n')),
            _ => return None,
        }
    }
    Some(text)
}

/// Whether more is opened in each other than the parser can bear. Quotes do not count: what stands in them may be too much,
/// and never too little.
fn nests_too_deep(script: &str) -> bool {
    let apart = |c: char| c.is_whitespace() || c == ';';
    let words = script.split(apart).map(|word| match word {
        "if" | "for" | "while" | "until" | "case" => 1,
        "fi" | "done" | "esac" => -1,
        _ => 0,
    });
    let open = |opening: &'static str, closing: &'static str| {
        script.chars().map(move |letter| i32::from(opening.contains(letter)) - i32::from(closing.contains(letter)))
    };
    deepest(open("(", ")")) > PARENTHESES || deepest(words) + deepest(open("({[`", ")}]")) > DEPTH
}

/// The greatest sum on the way, where a sum never falls below zero.
fn deepest(steps: impl Iterator<Item = i32>) -> usize {
    let sums = steps.scan(0_i32, |sum, step| {
        *sum = (*sum + step).max(0);
        Some(*sum)
    });
    usize::try_from(sums.max().unwrap_or_default()).unwrap_or_default()
}
