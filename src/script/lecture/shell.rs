//! What a statement of shell starts, by brush's parser. Knows nothing of what programs do.

use brush_parser::ast;
use serde::Serialize;

/// One program and its words; quotes are taken off, variables stay as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Invocation {
    /// The program and its arguments. Assignments before it and `sudo` are not among them.
    pub words: Vec<String>,
    /// The text of a here-document that it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub here_document: Option<String>,
    /// Files that its output is redirected to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// It goes on in the background.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
    /// What it prints goes to the next program.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub piped: bool,
}

impl Invocation {
    /// The program's name without its folder; empty where a statement only assigns.
    pub fn program(&self) -> &str {
        let name = self.words.first().map_or("", String::as_str);
        name.rsplit('/').next().unwrap_or(name)
    }

    /// The words after the program.
    pub fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The values of an option with one value, in the forms `-f x`, `-fx`, `--file x` and `--file=x`.
    pub fn values<'a>(&'a self, short: Option<char>, long: &str) -> Vec<&'a str> {
        let mut values = Vec::new();
        let mut words = self.arguments().iter();
        while let Some(word) = words.next() {
            let after = |option: &str| word.strip_prefix(option);
            let long = after("--").and_then(|word| word.strip_prefix(long));
            let short = short.and_then(|short| after("-").and_then(|word| word.strip_prefix(short)));
            match (long, short) {
                (Some(""), _) | (_, Some("")) => values.extend(words.next().map(String::as_str)),
                (Some(rest), _) => values.extend(rest.strip_prefix('=')),
                (_, Some(rest)) => values.push(rest.strip_prefix('=').unwrap_or(rest)),
                _ => {}
            }
        }
        values
    }

    /// Whether an option stands among the words, alone or with others of one letter: `-it` has `-i`.
    pub fn has(&self, short: Option<char>, long: &str) -> bool {
        let ours = self.arguments().iter().take_while(|word| *word != "--");
        ours.filter_map(|word| word.strip_prefix('-')).any(|word| match word.strip_prefix('-') {
            Some(name) => name == long || name.strip_prefix(long).is_some_and(|rest| rest == "=true"),
            None => short.is_some_and(|short| word.len() <= 4 && word.contains(short)),
        })
    }
}

/// Words that only start the program after them.
const PREFIXES: [&str; 7] = ["sudo", "time", "command", "exec", "nohup", "env", "winpty"];
/// A parser by recursion is not asked about text nested deeper.
const DEEPEST: usize = 24;
const LONGEST: usize = 64 << 10;

/// The programs that a statement starts, in order; or why bash cannot read it.
pub(super) fn invocations(script: &str) -> Result<Vec<Invocation>, String> {
    if script.len() > LONGEST || depth(script) > DEEPEST {
        return Err("it is too long or nested too deeply".into());
    }
    let options = brush_parser::ParserOptions::default();
    let program = brush_parser::Parser::new(script.as_bytes(), &options).parse_program();
    let program = program.map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    program.complete_commands.iter().for_each(|list| of_list(list, &mut found));
    Ok(found)
}

fn depth(script: &str) -> usize {
    let (mut now, mut most) = (0usize, 0);
    for c in script.chars() {
        match c {
            '(' | '{' | '[' | '`' => now += 1,
            ')' | '}' | ']' => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    let words = script.split_whitespace().filter(|word| matches!(*word, "if" | "while" | "until" | "for" | "case"));
    most.max(words.count())
}

fn of_list(list: &ast::CompoundList, found: &mut Vec<Invocation>) {
    for ast::CompoundListItem(and_or, separator) in &list.0 {
        let begun = found.len();
        for (_, pipeline) in and_or {
            for (index, command) in pipeline.seq.iter().enumerate() {
                let before = found.len();
                of_command(command, found);
                if index + 1 < pipeline.seq.len() {
                    found[before..].iter_mut().for_each(|invocation| invocation.piped = true);
                }
            }
        }
        if matches!(separator, ast::SeparatorOperator::Async) {
            found[begun..].iter_mut().for_each(|invocation| invocation.background = true);
        }
    }
}

fn of_command(command: &ast::Command, found: &mut Vec<Invocation>) {
    match command {
        ast::Command::Simple(simple) => found.extend(of_simple(simple)),
        ast::Command::Compound(compound, _) => of_compound(compound, found),
        ast::Command::Function(function) => of_compound(&function.body.0, found),
        ast::Command::ExtendedTest(..) => {}
    }
}

fn of_compound(compound: &ast::CompoundCommand, found: &mut Vec<Invocation>) {
    use ast::CompoundCommand as C;
    match compound {
        C::BraceGroup(group) => of_list(&group.list, found),
        C::Subshell(subshell) => of_list(&subshell.list, found),
        C::ForClause(clause) => of_list(&clause.body.list, found),
        C::ArithmeticForClause(clause) => of_list(&clause.body.list, found),
        C::CaseClause(clause) => {
            clause.cases.iter().filter_map(|case| case.cmd.as_ref()).for_each(|l| of_list(l, found))
        }
        C::IfClause(clause) => {
            of_list(&clause.condition, found);
            of_list(&clause.then, found);
            for branch in clause.elses.iter().flatten() {
                branch.condition.iter().for_each(|list| of_list(list, found));
                of_list(&branch.body, found);
            }
        }
        C::WhileClause(clause) | C::UntilClause(clause) => {
            of_list(&clause.0, found);
            of_list(&clause.1.list, found);
        }
        C::Arithmetic(_) | C::Coprocess(_) => {}
    }
}

fn of_simple(simple: &ast::SimpleCommand) -> Option<Invocation> {
    let mut invocation = Invocation::default();
    invocation.words.extend(simple.word_or_name.as_ref().map(unquoted));
    let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
    for item in simple.prefix.iter().flat_map(|prefix| &prefix.0).chain(suffix) {
        match item {
            ast::CommandPrefixOrSuffixItem::Word(word) => invocation.words.push(unquoted(word)),
            ast::CommandPrefixOrSuffixItem::AssignmentWord(_, word) if !invocation.words.is_empty() => {
                let is_after = simple.suffix.iter().flat_map(|suffix| &suffix.0).any(|other| std::ptr::eq(other, item));
                if is_after {
                    invocation.words.push(unquoted(word));
                }
            }
            ast::CommandPrefixOrSuffixItem::IoRedirect(redirect) => redirected(redirect, &mut invocation),
            _ => {}
        }
    }
    while invocation.words.first().is_some_and(|word| PREFIXES.contains(&word.as_str())) {
        invocation.words.remove(0);
        while invocation.words.first().is_some_and(|word| word.starts_with('-') || word.contains('=')) {
            invocation.words.remove(0);
        }
    }
    Some(invocation)
}

fn redirected(redirect: &ast::IoRedirect, invocation: &mut Invocation) {
    use ast::IoFileRedirectKind as Kind;
    match redirect {
        ast::IoRedirect::File(fd, kind, ast::IoFileRedirectTarget::Filename(name)) => {
            let out = fd.is_none_or(|fd| fd == 1) && matches!(kind, Kind::Write | Kind::Append | Kind::Clobber);
            if out {
                invocation.writes.push(unquoted(name));
            }
        }
        ast::IoRedirect::HereDocument(_, document) => invocation.here_document = Some(document.doc.value.clone()),
        ast::IoRedirect::OutputAndError(name, _) => invocation.writes.push(unquoted(name)),
        _ => {}
    }
}

fn unquoted(word: &ast::Word) -> String {
    brush_parser::unquote_str(&word.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<String> {
        invocations(script).unwrap().iter().map(|invocation| invocation.words.join("·")).collect()
    }

    #[test]
    fn programs_and_their_words() {
        for (script, expected) in [
            ("kubectl get pods -n 'a b'", vec!["kubectl·get·pods·-n·a b"]),
            ("A=1 sudo -E kubectl apply -f x", vec!["kubectl·apply·-f·x"]),
            ("export A=1", vec!["export·A=1"]),
            ("kubectl get po | grep x && echo y; z", vec!["kubectl·get·po", "grep·x", "echo·y", "z"]),
            ("for i in 1 2; do kubectl get $i; done", vec!["kubectl·get·$i"]),
            ("if a; then b; else c; fi", vec!["a", "b", "c"]),
            ("f() { a; }", vec!["a"]),
        ] {
            assert_eq!(words(script), expected, "{script}");
        }
    }

    #[test]
    fn files_here_documents_and_the_background() {
        let found = invocations("cat <<EOF | kubectl apply -f - > log.txt &\na: b\nEOF\n").unwrap();
        assert_eq!((found[0].here_document.as_deref(), found[0].piped), (Some("a: b\n"), true));
        assert_eq!((found[1].writes.as_slice(), found[1].background), (["log.txt".to_owned()].as_slice(), true));
        assert_eq!(found[1].values(Some('f'), "filename"), ["-"]);
    }

    #[test]
    fn options_in_their_forms() {
        let one = |script: &str| invocations(script).unwrap().remove(0);
        for script in [
            "kubectl apply -f a",
            "kubectl apply -fa",
            "kubectl apply --filename=a",
            "kubectl apply --filename a",
            "kubectl apply -f=a",
        ] {
            assert_eq!(one(script).values(Some('f'), "filename"), ["a"], "{script}");
        }
        assert!(one("kubectl exec -it a -- sh").has(Some('i'), "stdin"));
        assert!(!one("kubectl exec a -- sh -i").has(Some('i'), "stdin"));
    }

    #[test]
    fn what_bash_cannot_read_is_told_and_never_overflows() {
        assert!(invocations("echo 'x").is_err());
        assert!(invocations("if then").is_err());
        for bomb in ["(", "{ ", "$(", "`", "[[ ( ", "if "] {
            assert!(invocations(&bomb.repeat(20_000)).is_err());
        }
    }
}
