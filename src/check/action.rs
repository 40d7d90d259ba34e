//! How an item's command is played: as it stands, in another form, or not at all. Pure.

use super::adapt::{self, AdaptContext};
use super::programs::{Programs, Reason};
use crate::script::lecture::{Habit, Invocation, LectureCommand};

/// What is done with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandAction {
    Play {
        script: String,
        adapted: Vec<String>,
    },
    /// `kubectl edit`: the same words with `get`, to be had as JSON; the fragment that follows is put into it.
    Edit {
        script: String,
        get: String,
        adapted: Vec<String>,
    },
    /// Why it is not played.
    Skip(String),
    /// A person does it.
    Manual(String),
}

/// How long a command that never ends is listened to, in seconds.
pub(crate) const LISTENING: u32 = 5;

/// Decides.
pub(crate) fn action(
    command: &LectureCommand,
    session: Option<&LectureCommand>,
    programs: &Programs,
    known: &AdaptContext<'_>,
) -> CommandAction {
    if let Some(reason) = dangerous(command).then_some(Reason::Dangerous).or_else(|| refused(command, programs)) {
        return match reason {
            Reason::NeedsPerson => CommandAction::Manual("an editor or a page for a person".into()),
            reason => CommandAction::Skip(reason.to_string()),
        };
    }
    let adapted = match adapt::adapt(command, known) {
        Ok(adapted) => adapted,
        Err(unknown) => {
            let names: Vec<_> = unknown.iter().map(|placeholder| placeholder.text.as_str()).collect();
            return CommandAction::Skip(format!("needs a value for {}", names.join(", ")));
        }
    };
    // Nothing here needs another user's rights.
    let script = adapted.script.trim_end().replace("sudo ", "");
    let mut changes = adapted.changes;
    if let Some(session) = session {
        changes.push("typed into the session that is open".into());
        return CommandAction::Play { script: typed_into(&session.script, &script), adapted: changes };
    }
    match command.habit {
        Habit::EditsObject => {
            let get = script.replacen(" edit ", " get ", 1) + " -o json";
            changes.push("edited by a program, with the lines that follow".into());
            CommandAction::Edit { script, get, adapted: changes }
        }
        Habit::EditsFile | Habit::Window => CommandAction::Manual("an editor or a page for a person".into()),
        Habit::Session => {
            changes.push("the session is opened and closed; what is typed into it follows".into());
            CommandAction::Play { script: typed_into(&script, "true"), adapted: changes }
        }
        Habit::Endless if ["port-forward", "proxy"].iter().any(|verb| command.calls("kubectl", verb)) => {
            changes.push("it goes on in the background".into());
            CommandAction::Play { script: in_background(&script), adapted: changes }
        }
        Habit::Endless => {
            changes.push(format!("stopped after {LISTENING} s"));
            CommandAction::Play { script: for_a_while(&script), adapted: changes }
        }
        Habit::Plain | Habit::Asks => CommandAction::Play { script, adapted: changes },
    }
}

/// Why one of its programs is not run.
fn refused(command: &LectureCommand, programs: &Programs) -> Option<Reason> {
    if command.inside.is_some() {
        // What is typed into a container's shell runs there.
        return None;
    }
    command.invocations.iter().filter(|invocation| !invocation.program().is_empty()).find_map(|invocation| {
        let listed = programs.refusal(invocation.program());
        listed.or_else(|| needs_internet(invocation).then_some(Reason::NeedsInternet))
    })
}

/// A page or a file of somebody else's host.
fn needs_internet(invocation: &Invocation) -> bool {
    let fetches = match invocation.program() {
        "curl" | "wget" => true,
        "kubectl" | "k" => {
            invocation.arguments().iter().any(|word| matches!(word.as_str(), "apply" | "create" | "replace"))
        }
        _ => false,
    };
    let is_far = |word: &String| {
        let host = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
        host.is_some_and(|host| !["localhost", "127.0.0.1", "[::1]", "$"].iter().any(|near| host.starts_with(near)))
    };
    let option = |word: &&String| !word.starts_with("--docker-server");
    fetches && invocation.arguments().iter().filter(option).any(is_far)
}

/// What could destroy something that is not the lecture's. The confinement stops it, too; it is said before.
fn dangerous(command: &LectureCommand) -> bool {
    let beyond = |word: &String| {
        matches!(word.as_str(), "/" | "/*" | "~" | "~/" | "~/*" | "$HOME" | "$HOME/" | "$HOME/*" | "..")
            || ["/etc", "/usr", "/var", "/home", "/root", "/bin", "/lib", "/boot", "/dev/sd", "../"]
                .iter()
                .any(|place| word.starts_with(place))
    };
    let mut piped_from_far = false;
    command.invocations.iter().any(|invocation| {
        let is_shell = matches!(invocation.program(), "sh" | "bash" | "zsh");
        let from_far = piped_from_far;
        piped_from_far = invocation.piped && matches!(invocation.program(), "curl" | "wget");
        let removes =
            matches!(invocation.program(), "rm" | "mv" | "chmod") && invocation.arguments().iter().any(beyond);
        let socket = invocation.arguments().iter().any(|word| word.contains("docker.sock"));
        removes || socket || (is_shell && from_far)
    })
}

/// A session's own command with its terminal taken away and `typed` as what is typed.
fn typed_into(session: &str, typed: &str) -> String {
    let mut without_terminal = session.trim_end().to_owned();
    for (with, without) in
        [(" -it ", " -i "), (" -ti ", " -i "), (" --tty ", " "), (" -t ", " "), (" --stdin --tty ", " -i ")]
    {
        without_terminal = without_terminal.replacen(with, without, 1);
    }
    format!("{without_terminal} <<'REHEARSED'\n{typed}\nREHEARSED")
}

/// What ends by itself after a while, and is no failure for that.
fn for_a_while(script: &str) -> String {
    let quoted = script.replace('\'', r"'\''");
    format!("timeout {LISTENING} bash -c '{quoted}' || [ $? = 124 ]")
}

/// Goes on until the lecture's end; the next command finds it listening.
fn in_background(script: &str) -> String {
    let script = script.trim_end_matches('&').trim_end();
    format!(
        "{script} > .background 2>&1 &\ntimeout 10 bash -c 'until grep -q . .background; do read -t 0.1 <> <(:) || :; done'\ncat .background"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::lecture::read_text;

    fn decided(script: &str) -> CommandAction {
        let lecture = read_text("x.md".as_ref(), format!("# T\n\n```bash\n{script}\n```\n").as_bytes()).unwrap();
        let command = lecture.items.iter().find_map(|item| item.command()).unwrap().clone();
        action(
            &command,
            None,
            &Programs::default(),
            &AdaptContext { username: "me", printed: &[], wrong_on_purpose: false },
        )
    }

    #[test]
    fn what_is_not_played_says_why() {
        for (script, reason) in [
            ("rm -rf ~", "dangerous"),
            ("curl -sSL https://example.com/install | sh", "dangerous"),
            ("curl --unix-socket /var/run/docker.sock http://x/info", "dangerous"),
            ("sudo systemctl restart docker", "needs-host"),
            ("aws ecr get-login-password", "needs-cloud"),
            ("kubectl apply -f https://example.com/x.yaml", "needs-internet"),
            ("kind create cluster", "needs-cluster"),
            ("kubectl get pod <which-one>", "needs a value for <which-one>"),
        ] {
            assert_eq!(decided(script), CommandAction::Skip(reason.into()), "{script}");
        }
        assert!(matches!(decided("vim pod.yaml"), CommandAction::Manual(_)));
    }

    #[test]
    fn what_wants_a_terminal_is_played_without_one() {
        let CommandAction::Play { script, .. } = decided("kubectl exec -it web -- sh") else { panic!() };
        assert_eq!(script, "kubectl exec -i web -- sh <<'REHEARSED'\ntrue\nREHEARSED");
        let CommandAction::Play { script, .. } = decided("kubectl get pods -w") else { panic!() };
        assert_eq!(script, "timeout 5 bash -c 'kubectl get pods -w' || [ $? = 124 ]");
        let CommandAction::Edit { get, .. } = decided("kubectl edit sa default -n demo") else { panic!() };
        assert_eq!(get, "kubectl get sa default -n demo -o json");
        assert!(matches!(decided("curl http://localhost:8080/"), CommandAction::Play { .. }));
    }
}
