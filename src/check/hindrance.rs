//! What stands in a command's way that is no fault of the lecture's, told by what was printed; and which pod a command
//! needs. Pure; knows no cluster.

use std::sync::LazyLock;

use regex::Regex;

use crate::kubewords;
use crate::lint;
use crate::script::lecture::{Invocation, LectureCommand};

/// What programs print where the stage lacks something, and what is said of it, with the pattern's groups for `$1`.
static LACKING: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"(mini does not run [\w.]+)", "$1"),
        (r"Metrics API not available", "the stage has no metrics server"),
        (r"no context exists with the name: \x22([^\x22]*)\x22", "the stage has no context `$1`"),
        (r"context \x22([^\x22]*)\x22 does not exist", "the stage has no context `$1`"),
        (r"context was not found for specified context: (\S+)", "the stage has no context `$1`"),
        (r"server localhost:8080 was refused", "the lecture's kubeconfig names a cluster that is not there"),
        (r"(?:Could not resolve host|Temporary failure in name resolution|no such host)", "needs-internet"),
        (r"(?m)^(?:bash: )?(?:line \d+: )?([^\s:]+): command not found", "this machine has no `$1`"),
        (r"the server could not find the requested resource", "the stage's cluster does not serve it"),
    ]
    .into_iter()
    .map(|(pattern, says)| (Regex::new(pattern).expect("a pattern of ours"), says))
    .collect()
});
static NO_KIND: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"no matches for kind "([^"]+)" in version "([^"]+)""#).expect("a pattern of ours"));
static NO_RESOURCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"the server doesn't have a resource type "([^"]+)""#).expect("a pattern of ours"));

/// What the stage lacks, where that is why a command failed.
pub(crate) fn lacking(printed: &str) -> Option<String> {
    if let Some(found) = LACKING.iter().find_map(|(pattern, says)| {
        let captures = pattern.captures(printed)?;
        let mut text = String::new();
        captures.expand(says, &mut text);
        Some(text)
    }) {
        return Some(found);
    }
    if let Some(found) = NO_KIND.captures(printed) {
        // An API version that Kubernetes removed is the lecture's.
        return (!lint::is_removed(&found[2], &found[1]))
            .then(|| format!("the stage's cluster has no {} of {}", &found[1], &found[2]));
    }
    let resource = NO_RESOURCE.captures(printed)?;
    // A name that no table knows may be misspelt.
    kubewords::spelled(&resource[1].to_lowercase()).map(|known| format!("the stage's cluster has no {}", known.plural))
}

/// The file that a command looked for in vain.
pub(crate) fn missing_file(printed: &str) -> Option<&str> {
    static PATH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"the path "([^"]+)" does not exist|(?m)^(?:[\w/]+: )+'?([^\s':]+)'?: No such file or directory|cannot access '([^']+)': No such file|open ([^\s:]+): no such file or directory|error reading ([^\s:,]+): no such file or directory"#)
            .expect("a pattern of ours")
    });
    PATH.captures(printed)?.iter().skip(1).flatten().next().map(|path| path.as_str())
}

/// The name without its kind and without what a controller generated: what pods of its owner begin with.
pub(crate) fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    GENERATED.captures(name).and_then(|captures| captures.get(1)).map_or(name, |stem| stem.as_str())
}

/// The hash of a ReplicaSet's template, and the suffix of a pod.
static GENERATED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(.+?)-(?:[0-9a-f]{8,10}|[0-9]{6,10})-[0-9a-z]{5}$").expect("a pattern of ours"));

/// The words of a script that are names of pods which a controller made.
pub(crate) fn generated_names(script: &str) -> Vec<&str> {
    let words = script.split(|c: char| c.is_whitespace() || matches!(c, '/' | ':' | '"' | '\''));
    words.filter(|word| GENERATED.is_match(word)).collect()
}

/// The file of this machine that a program may not read or write.
pub(crate) fn denied(printed: &str) -> Option<&str> {
    static DENIED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^(?:bash: line \d+: |(?:mkdir|touch|cp|mv|tee|ln|rm|cat|head|tail|ls|grep): (?:cannot [^/\n]*['‘]?)?)(/[^\s:'’]+)['’]?: (?:Permission denied|Read-only file system)$")
            .expect("a pattern of ours")
    });
    Some(DENIED.captures(printed)?.get(1)?.as_str())
}

/// A command that can do nothing before a pod runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedPod {
    /// What the pod's name begins with; empty: any pod.
    pub(crate) pod: String,
    /// It waits for the pod itself.
    pub(crate) waits: bool,
}

/// The options of kubectl whose value is a word of its own.
const WITH_VALUE: [&str; 10] =
    ["-n", "--namespace", "-c", "--container", "-l", "--selector", "--context", "--image", "--timeout", "--for"];

/// Which pod a command needs. A loop around kubectl waits for something that is not known.
pub(crate) fn wanted(command: &LectureCommand) -> Option<WantedPod> {
    let script = command.script.trim_start();
    let is_loop = ["until ", "while "].iter().any(|word| script.starts_with(word)) && script.contains("kubectl");
    let by_loop = || is_loop.then(|| WantedPod { pod: String::new(), waits: true });
    command.invocations.iter().find_map(of_invocation).or_else(by_loop)
}

fn of_invocation(invocation: &Invocation) -> Option<WantedPod> {
    if !matches!(invocation.program(), "kubectl" | "k" | "oc") {
        return None;
    }
    let mut words = Vec::new();
    let mut arguments = invocation.arguments().iter().take_while(|word| *word != "--");
    while let Some(word) = arguments.next() {
        match word.as_str() {
            option if WITH_VALUE.contains(&option) => drop(arguments.next()),
            option if option.starts_with('-') => {}
            word => words.push(word),
        }
    }
    // `deployment/web` and `web` are pods whose names begin with `web`; what a variable names is not known.
    let named = |word: Option<&&str>| {
        let name = word.map_or("", |word| word.rsplit('/').next().unwrap_or(word));
        if name.contains(['$', '`']) { String::new() } else { name.to_owned() }
    };
    let waits = |pod: String| Some(WantedPod { pod, waits: true });
    let interactive = ["rm", "attach"].iter().any(|option| invocation.has(None, option))
        || invocation.has(Some('i'), "stdin")
        || invocation.has(Some('t'), "tty");
    match (words.first().copied()?, words.get(1).copied()) {
        ("exec" | "logs" | "attach" | "port-forward", _) => Some(WantedPod { pod: named(words.get(1)), waits: false }),
        ("cp", _) => {
            let pod = words.iter().skip(1).find_map(|word| word.split_once(':')).map(|(pod, _)| pod);
            Some(WantedPod { pod: named(pod.as_ref()), waits: false })
        }
        ("rollout", Some("status")) => waits(named(words.get(2))),
        ("wait", Some(one)) if one.contains('/') => waits(named(words.get(1))),
        ("wait", _) => waits(named(words.get(2))),
        ("run", _) if interactive => waits(named(words.get(1))),
        ("debug", Some(_)) if interactive => {
            let copy = invocation.values(None, "copy-to").first().copied();
            waits(named(copy.or(words.get(1).copied()).as_ref()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::lecture::read_text;

    #[test]
    fn what_the_stage_lacks_is_no_fault_of_the_lectures() {
        for (printed, says) in [
            ("Error from server (MethodNotAllowed): mini does not run services: x", Some("mini does not run services")),
            (
                "error: resource mapping not found: no matches for kind \"NetworkPolicy\" in version \"networking.k8s.io/v1\"",
                Some("the stage's cluster has no NetworkPolicy of networking.k8s.io/v1"),
            ),
            ("no matches for kind \"Ingress\" in version \"extensions/v1beta1\"", None),
            (
                "error: the server doesn't have a resource type \"netpol\"",
                Some("the stage's cluster has no networkpolicies"),
            ),
            ("error: the server doesn't have a resource type \"pood\"", None),
            ("bash: line 1: jqq: command not found", Some("this machine has no `jqq`")),
            ("error: no context exists with the name: \"kind-kind\"", Some("the stage has no context `kind-kind`")),
            ("Error from server (NotFound): pods \"x\" not found", None),
        ] {
            assert_eq!(lacking(printed).as_deref(), says, "{printed}");
        }
    }

    #[test]
    fn a_file_that_is_not_there() {
        assert_eq!(missing_file("error: the path \"a/b.yaml\" does not exist"), Some("a/b.yaml"));
        assert_eq!(missing_file("cat: x.txt: No such file or directory"), Some("x.txt"));
        assert_eq!(missing_file("cp: cannot stat: fine"), None);
        assert_eq!(missing_file("ls: cannot access '/etc/x/': No such file or directory"), Some("/etc/x/"));
        assert_eq!(denied("bash: line 2: /opt/a.txt: Permission denied"), Some("/opt/a.txt"));
        assert_eq!(denied("mkdir: cannot create directory '/opt/a': Permission denied"), Some("/opt/a"));
        assert_eq!(denied("cat: /etc/shadow: Permission denied"), Some("/etc/shadow"));
        assert_eq!(denied("touch: /x: Permission denied in a pod"), None);
    }

    #[test]
    fn names_that_a_controller_generated() {
        assert_eq!(stem("deployment.apps/web"), "web");
        assert_eq!(stem("web-shop-6799fc88d8-x2x8k"), "web-shop");
        assert_eq!(stem("nginx-3137573019-md1u2"), "nginx");
        assert_eq!(stem("my-database-pod"), "my-database-pod");
        assert_eq!(generated_names("kubectl exec pod/web-6799fc88d8-x2x8k -- ls"), ["web-6799fc88d8-x2x8k"]);
    }

    #[test]
    fn which_pod_a_command_needs() {
        for (script, pod, waits) in [
            ("kubectl exec -it web -n shop -- ls -n x", "web", false),
            ("kubectl logs -n shop deployment/web -f", "web", false),
            ("kubectl logs -l app=web", "", false),
            ("kubectl cp web:/tmp/x .", "web", false),
            ("kubectl rollout status deploy/web --timeout=5s", "web", true),
            ("kubectl wait --for=condition=Ready pod/web", "web", true),
            ("kubectl wait pod -l app=web --for condition=Ready", "", true),
            ("kubectl run t --rm -i --image busybox -- true", "t", true),
            ("kubectl debug -it web --image=busybox --target=web -- sh", "web", true),
            ("kubectl debug web -it --copy-to=twin --image=busybox", "twin", true),
            ("kubectl exec $POD -- env", "", false),
            ("until kubectl get pod web | grep Running; do sleep 1; done", "", true),
        ] {
            let lecture = read_text("x.md".as_ref(), format!("# T\n\n```bash\n{script}\n```\n").as_bytes()).unwrap();
            let command = lecture.items.iter().find_map(|item| item.command()).unwrap();
            let expected = WantedPod { pod: pod.into(), waits };
            assert_eq!(wanted(command), Some(expected), "{script}");
        }
    }
}
