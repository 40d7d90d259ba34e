//! What commands do to a terminal, and which words are programs: two tables and their look-up. Pure.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::command::Habit;
use super::shell::Invocation;

struct Row {
    program: &'static str,
    words: Vec<&'static str>,
    any_of: Vec<&'static str>,
    none_of: Vec<&'static str>,
    habit: Habit,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let rows = include_str!("habits.tsv").lines().filter(|row| !row.starts_with('#'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        let list = |cell: &'static str| cell.split(',').filter(|word| !word.is_empty()).collect::<Vec<_>>();
        Row {
            program: cells[0],
            words: cells[1].split_whitespace().collect(),
            any_of: list(cells[2]),
            none_of: list(cells[3]),
            habit: named(cells[4]),
        }
    })
    .collect()
});

fn named(name: &str) -> Habit {
    match name {
        "edits-object" => Habit::EditsObject,
        "edits-file" => Habit::EditsFile,
        "asks" => Habit::Asks,
        "session" => Habit::Session,
        "endless" => Habit::Endless,
        "window" => Habit::Window,
        _ => Habit::Plain,
    }
}

/// What the table says of a program.
struct Program {
    /// Whether its name is hardly anything else; None where it does not make a line a command.
    sure: Option<bool>,
    fate: &'static str,
}

static PROGRAMS: LazyLock<HashMap<&'static str, Program>> = LazyLock::new(|| {
    let rows = include_str!("programs.tsv").lines().filter(|row| !row.starts_with('#'));
    let cells =
        rows.filter_map(|row| row.split_once('\t').and_then(|(kind, rest)| Some((kind, rest.split_once('\t')?))));
    cells
        .flat_map(|(kind, (fate, names))| {
            let sure = (kind != "rare").then_some(kind == "sure");
            names.split(' ').map(move |name| (name, Program { sure, fate }))
        })
        .collect()
});

/// A program that lectures call.
pub(super) fn is_program(word: &str) -> bool {
    PROGRAMS.get(word).is_some_and(|program| program.sure.is_some())
}

/// A program whose name is hardly anything else.
pub(super) fn is_surely_program(word: &str) -> bool {
    PROGRAMS.get(word).is_some_and(|program| program.sure == Some(true))
}

/// What becomes of a program in a check: `played`, or the reason why it is not run. None where nothing is known of it.
pub(crate) fn fate(program: &str) -> Option<&'static str> {
    PROGRAMS.get(program).map(|program| program.fate)
}

/// What a statement does to its terminal: the first of its programs that is not plain tells.
pub(super) fn habit(script: &str, invocations: &[Invocation]) -> Habit {
    let loops = ["while true", "while :", "while sleep", "until false", "watch -n"];
    if loops.iter().any(|endless| script.trim_start().starts_with(endless)) && !script.contains("break") {
        return Habit::Endless;
    }
    let foreground = invocations.iter().filter(|invocation| !invocation.background);
    foreground.map(of_one).find(|habit| *habit != Habit::Plain).unwrap_or(Habit::Plain)
}

fn of_one(invocation: &Invocation) -> Habit {
    let program = match invocation.program() {
        "k" => "kubectl",
        program => program,
    };
    let limited = program == "timeout";
    let row = ROWS.iter().find(|row| row.program == program && row.fits(invocation));
    match row.map_or(Habit::Plain, |row| row.habit) {
        _ if limited => Habit::Plain,
        // A command that is named is run, and the session ends with it.
        Habit::Session if runs_one_command(invocation) => Habit::Plain,
        habit => habit,
    }
}

impl Row {
    fn fits(&self, invocation: &Invocation) -> bool {
        let mut plain = invocation.arguments().iter().filter(|word| !word.starts_with('-'));
        let begins = self.words.iter().all(|word| plain.next().is_some_and(|given| given == word));
        let present = |option: &&str| match option.strip_prefix("--") {
            Some(long) => {
                let value = invocation.values(None, long);
                invocation.has(None, long) || value.first().is_some_and(|value| *value != "false")
            }
            None if option.starts_with('-') => {
                option.chars().nth(1).is_some_and(|letter| has_letter(invocation, letter))
            }
            None => invocation.arguments().iter().any(|word| word == *option),
        };
        begins && (self.any_of.is_empty() || self.any_of.iter().any(present)) && !self.none_of.iter().any(present)
    }
}

/// `-it` has `i`; `-n` of `-name` is nobody's.
fn has_letter(invocation: &Invocation, letter: char) -> bool {
    let ours = invocation.arguments().iter().take_while(|word| *word != "--");
    let mut short = ours.filter_map(|word| word.strip_prefix('-')).filter(|word| !word.starts_with('-'));
    short.any(|word| word.contains(letter) && word.len() <= 3)
}

/// Shells, which go on until they are left.
const SHELLS: [&str; 8] = ["sh", "bash", "ash", "zsh", "/bin/sh", "/bin/bash", "/bin/ash", "/bin/zsh"];

/// `kubectl exec -it x -- ls` and `ssh host ls` run one command; with a shell, or with nothing, they are a session.
fn runs_one_command(invocation: &Invocation) -> bool {
    let words = invocation.arguments();
    if let Some(at) = words.iter().position(|word| word == "--") {
        return is_one_command(&words[at + 1..]);
    }
    if invocation.program() == "ssh" {
        return words.iter().filter(|word| !word.starts_with('-')).count() > 1 && !invocation.has(Some('i'), "-");
    }
    let shell = words.iter().rposition(|word| SHELLS.contains(&word.as_str()));
    match shell {
        Some(at) => is_one_command(&words[at..]),
        // `docker exec -it NAME ls`, `docker run -it IMAGE` (its own entry point, often a shell).
        None if words.first().is_some_and(|word| word == "exec") => true,
        None => invocation.here_document.is_some(),
    }
}

fn is_one_command(command: &[String]) -> bool {
    let shell = command.first().is_some_and(|word| SHELLS.contains(&word.as_str()));
    !command.is_empty()
        && (!shell || command.iter().any(|word| word.starts_with('-') && word.ends_with('c')))
        && !command
            .first()
            .is_some_and(|word| matches!(word.as_str(), "mysql" | "psql" | "redis-cli" | "mongo" | "mongosh"))
}

#[cfg(test)]
mod tests {
    use super::super::shell::invocations;
    use super::*;

    #[test]
    fn each_row_is_whole() {
        let rows = include_str!("habits.tsv").lines().filter(|row| !row.starts_with('#'));
        for row in rows {
            let cells: Vec<&str> = row.split('\t').collect();
            assert_eq!(cells.len(), 5, "{row}");
            assert!(cells[4] == "plain" || named(cells[4]) != Habit::Plain, "{row}");
        }
    }

    #[test]
    fn what_commands_do_to_a_terminal() {
        for (script, expected) in [
            ("kubectl get pods", Habit::Plain),
            ("kubectl get pods -w", Habit::Endless),
            ("kubectl get pods -n web", Habit::Plain),
            ("kubectl -n web get pods --watch", Habit::Endless),
            ("timeout 5 kubectl get pods -w", Habit::Plain),
            ("kubectl get pods --watch=false", Habit::Plain),
            ("kubectl edit sa default -n app1-ns", Habit::EditsObject),
            ("k edit sa default", Habit::EditsObject),
            ("kubectl exec -it web -- sh", Habit::Session),
            ("kubectl exec -it web -- /bin/bash", Habit::Session),
            ("kubectl exec -it web -- ls /", Habit::Plain),
            ("kubectl exec -it web -- sh -c 'ls'", Habit::Plain),
            ("kubectl exec web -- ls", Habit::Plain),
            ("kubectl run tmp -it --rm --image=busybox -- sh", Habit::Session),
            ("kubectl run tmp -it --rm --image=busybox", Habit::Session),
            ("kubectl run tmp -it --rm --image=busybox -- nslookup web", Habit::Plain),
            ("kubectl port-forward pod/a 80:80", Habit::Endless),
            ("kubectl port-forward pod/a 80:80 &", Habit::Plain),
            ("docker login", Habit::Asks),
            ("docker login -u a -p b", Habit::Plain),
            ("echo x | docker login -u a --password-stdin", Habit::Plain),
            ("docker run -d -p 80:80 nginx", Habit::Plain),
            ("docker run -it ubuntu bash", Habit::Session),
            ("docker exec -it web ls", Habit::Plain),
            ("kubectl logs -f web", Habit::Endless),
            ("kubectl apply -f web.yaml", Habit::Plain),
            ("watch kubectl get po", Habit::Endless),
            ("while true; do curl x; done", Habit::Endless),
            ("sudo vim /etc/hosts", Habit::EditsFile),
            ("ssh node01", Habit::Session),
            ("ssh node01 ls", Habit::Plain),
            ("tail -f x.log", Habit::Endless),
            ("tail -n 5 x.log", Habit::Plain),
        ] {
            assert_eq!(habit(script, &invocations(script).unwrap()), expected, "{script}");
        }
    }

    #[test]
    fn no_program_stands_in_two_rows() {
        let rows = include_str!("programs.tsv").lines().filter(|row| !row.starts_with('#'));
        let mut all: Vec<&str> = rows.flat_map(|row| row.rsplit('\t').next().unwrap_or_default().split(' ')).collect();
        all.sort_unstable();
        let doubled: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
    }
}
