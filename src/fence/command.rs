//! One simple command of a fence, with its words and where it stands. Knows no parser.

use std::ops::Range;

/// A simple command: assignments, words and redirections, of which each may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Bytes of the fence from its first word or redirection to its last; bodies of here-documents are outside.
    pub span: Range<usize>,
    /// The line, from 1, of the first of them.
    pub line: usize,
    /// `NAME=VALUE` in front of the program; an array's value is what stands between its parentheses.
    pub assignments: Vec<(String, Word)>,
    /// The program and its arguments.
    pub words: Vec<Word>,
    pub redirections: Vec<Redirection>,
    pub standing: Standing,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub span: Range<usize>,
    /// The word as it is written, quotes included.
    pub written: String,
    /// The word as bash hands it to the program, quotes removed. None where bash computes it: variables, substitutions,
    /// patterns, braces, `~`.
    pub literal: Option<String>,
}

/// `2>FILE`, `<<EOF` and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirection {
    /// The descriptor, where one is written.
    pub fd: Option<i32>,
    pub kind: RedirectionKind,
    /// The file, the descriptor, the string; of a here-document its delimiter.
    pub target: Word,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedirectionKind {
    Read,
    /// `>`, `>|`, `<>`, `&>`.
    Write,
    /// `>>`, `&>>`.
    Append,
    /// `<&`, `>&`.
    Duplicate,
    /// `<<<`.
    HereString,
    /// Its body; literal where the shell leaves it as it is.
    HereDocument(Word),
}

/// Where a command stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// One of several commands of a pipe.
    pub pipe: bool,
    /// Within `( … )`.
    pub subshell: bool,
    /// Within `$( … )`, backquotes, `<( … )` or `>( … )`.
    pub substitution: bool,
    /// The function whose body it is part of: it is played when, and if, that is called.
    pub function: Option<String>,
    /// Followed by `&`, or part of what is.
    pub background: bool,
    /// Part of `if`, `case` or a loop, or behind `&&` or `||`: it may be played never, or more than once.
    pub conditional: bool,
}

impl Command {
    /// The program's name without its folder; None where there is none, or it is computed.
    pub(crate) fn program(&self) -> Option<&str> {
        let name = self.words.first()?.literal.as_deref()?;
        Some(name.rsplit('/').next().unwrap_or(name))
    }

    /// The words behind the program.
    pub(crate) fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// Whether the command's first words are literally these; the program may be given with its folder.
    pub(crate) fn begins_with(&self, words: &[&str]) -> bool {
        let literal = |at: usize| match at {
            0 => self.program(),
            _ => self.words.get(at).and_then(|word| word.literal.as_deref()),
        };
        words.iter().enumerate().all(|(at, word)| literal(at) == Some(*word))
    }

    /// The value of an option, in each of the forms `-o VALUE`, `-oVALUE`, `-o=VALUE`, `--output VALUE` and
    /// `--output=VALUE`, the last where it is given several times; None where it is not given, or computed.
    pub(crate) fn option(&self, short: char, long: &str) -> Option<&str> {
        let mut value = None;
        let mut words = self.arguments().iter();
        while let Some(word) = words.next() {
            let Some(literal) = word.literal.as_deref() else { continue };
            if literal == "--" {
                break;
            }
            let behind_long = literal.strip_prefix("--").and_then(|rest| rest.strip_prefix(long));
            let behind_short = literal.strip_prefix('-').and_then(|rest| rest.strip_prefix(short));
            match behind_long.or(behind_short) {
                Some("") => value = words.next().and_then(|word| word.literal.as_deref()),
                Some(rest) if behind_long.is_some() => value = rest.strip_prefix('=').or(value),
                Some(rest) => value = Some(rest.strip_prefix('=').unwrap_or(rest)),
                None => {}
            }
        }
        value
    }
}
