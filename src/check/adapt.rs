//! What is changed in a command before it is played: the lecture's dummy logins become the stage's, and placeholders get
//! what the stage or an earlier output gives for them. Pure; never guesses, and says what it changed.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::script::lecture::{Habit, Invocation, LectureCommand, Placeholder};

/// A command that can be played, and what was changed in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adapted {
    pub(crate) script: String,
    /// In words for people, each change once.
    pub(crate) changes: Vec<String>,
}

/// What is known when a command is adapted.
pub(crate) struct AdaptContext<'a> {
    /// The user of the stage's registry.
    pub(crate) username: &'a str,
    /// What earlier commands printed, the newest last.
    pub(crate) printed: &'a [String],
    /// The words around the command say that its login is wrong on purpose.
    pub(crate) wrong_on_purpose: bool,
}

/// The variables with the stage's login, which fences have in their environment.
const USERNAME: &str = "\"$DOCKER_USERNAME\"";
const PASSWORD: &str = "\"$DOCKER_PASSWORD\"";

static LOGIN_OPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(--docker-(username|password)(?:=|\s+))("[^"]*"|'[^']*'|[^\s\\]+)"#).expect("a literal")
});

/// Adapts a command.
///
/// # Errors
/// The placeholders that nothing is known for.
pub(crate) fn adapt(command: &LectureCommand, known: &AdaptContext<'_>) -> Result<Adapted, Vec<Placeholder>> {
    let mut changes = Vec::new();
    if command.calls("docker", "login") && command.habit == Habit::Asks {
        changes.push("logged in as the stage's user".to_owned());
        let script = format!("docker login -u {USERNAME} --password-stdin <<< {PASSWORD}");
        return Ok(Adapted { script, changes });
    }
    let mut command = command.clone();
    if !known.wrong_on_purpose {
        let script = LOGIN_OPTION.replace_all(&command.script, |found: &Captures<'_>| {
            let (option, which, value) = (&found[1], &found[2], found[3].trim_matches(['"', '\'']));
            let (ours, is_ours) = match which {
                "username" => (USERNAME, value == known.username || value == "$DOCKER_USERNAME"),
                _ => (PASSWORD, value == "$DOCKER_PASSWORD"),
            };
            if is_ours {
                return found[0].to_owned();
            }
            changes.push(format!("the {which} is the stage's"));
            format!("{option}{ours}")
        });
        command.script = script.into_owned();
        // What stood in an option's value has been replaced with it; `$DOCKER_PASSWORD` is the stage's now.
        let without_ours = command.script.replace(USERNAME, "").replace(PASSWORD, "");
        command.placeholders.retain(|placeholder| without_ours.contains(&placeholder.text));
    }
    let script = command.filled(|placeholder| fill(&placeholder.name, known).map(|(value, _)| value))?;
    let filled = command
        .placeholders
        .iter()
        .filter_map(|placeholder| Some(format!("{} from {}", placeholder.text, fill(&placeholder.name, known)?.1)));
    changes.extend(filled);
    let script = match in_own_folder(&command, &script) {
        Some(own) => {
            changes.push("`/tmp` is a folder of the lecture's own".into());
            own
        }
        None => script,
    };
    Ok(Adapted { script: script.trim_end().to_owned(), changes })
}

static TEMPORARY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(^|[\s=>"@,])/tmp(/|[\s"]|$)"#).expect("a literal"));

/// What bash takes as it stands.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"'[^']*/tmp[^']*'").expect("a literal"));

/// The script with this machine's `/tmp` replaced; None where it names none, or means a container's.
fn in_own_folder(command: &LectureCommand, script: &str) -> Option<String> {
    let elsewhere = |invocation: &Invocation| {
        invocation.here_document.as_ref().is_some_and(|text| text.contains("/tmp"))
            || invocation.arguments().iter().any(|word| matches!(word.as_str(), "exec" | "run" | "cp" | "debug"))
    };
    let is_here = command.inside.is_none() && !command.invocations.iter().any(elsewhere) && !QUOTED.is_match(script);
    (is_here && TEMPORARY.is_match(script)).then(|| TEMPORARY.replace_all(script, "${1}$$TMPDIR$2").into_owned())
}

/// The value for a placeholder, and where it is from.
fn fill(name: &str, known: &AdaptContext<'_>) -> Option<(String, &'static str)> {
    let has = |words: &[&str]| words.iter().any(|word| name.split('-').any(|part| part == *word));
    if has(&["base64", "encoded", "dockerconfigjson"]) {
        return known
            .printed
            .iter()
            .rev()
            .find_map(|printed| only_secret_value(printed))
            .map(|value| (value, "an earlier output"));
    }
    if has(&["password", "passwd", "pass", "token", "pword", "pat"]) {
        return Some((PASSWORD.trim_matches('"').to_owned(), "the stage"));
    }
    if has(&["username", "user", "name"]) && has(&["docker", "dockerhub", "hub", "registry", "user", "username"]) {
        return Some((known.username.to_owned(), "the stage"));
    }
    if has(&["email", "mail"]) {
        return Some((format!("{}@example.com", known.username), "the stage"));
    }
    if has(&["server", "registry"]) && !has(&["name"]) {
        return Some(("https://index.docker.io/v1/".to_owned(), "the stage"));
    }
    if has(&["pod"]) {
        return known
            .printed
            .iter()
            .rev()
            .find_map(|printed| only_row(printed))
            .map(|value| (value, "an earlier output"));
    }
    None
}

/// The value of a Secret's only key, in the printed YAML or JSON of that Secret.
fn only_secret_value(printed: &str) -> Option<String> {
    let object: Value = serde_saphyr::from_str(printed).ok()?;
    let data = object.get("data")?.as_object()?;
    match data.values().collect::<Vec<_>>()[..] {
        [value] => value.as_str().map(str::to_owned),
        _ => None,
    }
}

/// The name in a printed table with one row.
fn only_row(printed: &str) -> Option<String> {
    let mut lines = printed.lines().filter(|line| !line.trim().is_empty());
    let header = lines.next()?;
    let (row, more) = (lines.next()?, lines.next());
    let is_table = header.starts_with("NAME ") && header.contains("STATUS");
    (is_table && more.is_none()).then(|| row.split_whitespace().next().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::lecture::read_text;

    /// The lecture's only command, adapted.
    fn adapted(script: &str, printed: &[&str]) -> Result<Adapted, Vec<String>> {
        let lecture = read_text("x.md".as_ref(), format!("# T\n\n```bash\n{script}\n```\n").as_bytes()).unwrap();
        let command = lecture.items.iter().find_map(|item| item.command()).unwrap().clone();
        let printed: Vec<String> = printed.iter().map(|text| (*text).to_owned()).collect();
        let known = AdaptContext { username: "me", printed: &printed, wrong_on_purpose: false };
        adapt(&command, &known).map_err(|unknown| unknown.into_iter().map(|placeholder| placeholder.name).collect())
    }

    #[test]
    fn a_dummy_login_becomes_the_stages() {
        let secret = "kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \\\n  \
                      --docker-username=you --docker-password 'hunter two' --docker-email=you@example.com";
        let adapted = adapted(secret, &[]).unwrap();
        assert_eq!(
            adapted.script,
            "kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \\\n  \
             --docker-username=\"$DOCKER_USERNAME\" --docker-password \"$DOCKER_PASSWORD\" --docker-email=you@example.com"
        );
        assert_eq!(adapted.changes, ["the username is the stage's", "the password is the stage's"]);
    }

    #[test]
    fn what_is_temporary_is_the_lectures_own_unless_it_is_a_containers() {
        assert_eq!(adapted("kubectl get po > /tmp/a.txt", &[]).unwrap().script, "kubectl get po > $TMPDIR/a.txt");
        assert_eq!(adapted("cd /tmp", &[]).unwrap().script, "cd $TMPDIR");
        assert_eq!(adapted("kubectl exec web -- ls /tmp/a", &[]).unwrap().script, "kubectl exec web -- ls /tmp/a");
    }

    #[test]
    fn an_option_whose_value_is_a_placeholder_is_replaced_once() {
        let secret =
            "kubectl create secret docker-registry s --docker-username=DOCKER_USER --docker-password=DOCKER_PASSWORD";
        assert_eq!(
            adapted(secret, &[]).unwrap().script,
            "kubectl create secret docker-registry s --docker-username=\"$DOCKER_USERNAME\" --docker-password=\"$DOCKER_PASSWORD\""
        );
    }

    #[test]
    fn the_stages_own_user_is_no_change() {
        assert_eq!(
            adapted("kubectl create secret docker-registry s --docker-username=me", &[]).unwrap().changes,
            [""; 0]
        );
    }

    #[test]
    fn a_placeholder_is_filled_from_what_was_printed_or_not_at_all() {
        let secret = "apiVersion: v1\nkind: Secret\ndata:\n  .dockerconfigjson: e30=\n";
        let decode = "echo -n <base64-value> | base64 --decode";
        assert_eq!(adapted(decode, &[secret, "other"]).unwrap().script, "echo -n e30= | base64 --decode");
        assert_eq!(
            adapted(decode, &["data:\n  a: x\n  b: y\n"]).unwrap_err(),
            ["base64-value"],
            "which of two is a guess"
        );
        let pods = "NAME   READY   STATUS\nweb-1   1/1   Running\n";
        assert_eq!(adapted("kubectl logs <pod-name>", &[pods]).unwrap().script, "kubectl logs web-1");
        assert_eq!(adapted("kubectl logs <pod-name>", &[]).unwrap_err(), ["pod-name"]);
    }
}
