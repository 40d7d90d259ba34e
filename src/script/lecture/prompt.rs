//! Shell prompts before commands: `$ `, `root@host:~# `, `PS C:\> ` and their like. Pure.

use std::sync::LazyLock;

use regex::Regex;

/// A line without its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prompted<'a> {
    pub command: &'a str,
    pub kind: PromptKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PromptKind {
    /// Certainly one.
    Shell,
    /// `# `, which is a comment's beginning, too.
    Hash,
    /// `> `, which continues a command, or quotes.
    Angle,
    /// PowerShell's or cmd's.
    Windows,
}

/// In the order tried.
static PROMPTS: LazyLock<Vec<(Regex, PromptKind)>> = LazyLock::new(|| {
    [
        (r"^\s*PS(?: [A-Za-z]:[^>]*)?>\s*", PromptKind::Windows),
        (r"^[A-Za-z]:\\[^>]*>\s*", PromptKind::Windows),
        // [root@host ~]# and (venv) [user@host dir]$
        (r"^\s*(?:\([\w.-]+\)\s*)?\[[\w.-]+[@ ][^\]]{0,60}\]\s?[$#%]\s*", PromptKind::Shell),
        // user@host:~/dir$ and root@pod-abc:/#
        (r"^\s*(?:\([\w.-]+\)\s*)?[\w.-]+@[\w.-]+\s?(?::?\s?[~/]?[^\s$#%:]*)?\s?[$#%❯➜]\s*", PromptKind::Shell),
        // bash-5.1# , sh-4.2$ , controlplane $ , host:~ user$
        (r"^\s*(?:ba|z)?sh-\d[\d.]*[$#]\s*", PromptKind::Shell),
        (r"^\s*[a-zA-Z][\w-]{1,30}(?::[~/]\S*)?(?: \w+)? ?[$❯] \s*", PromptKind::Shell),
        // ~ $ , /app # , ~/dir (main) $
        (r"^\s*[~/][\w./-]*(?: \([\w/.-]+\))? ?[$#%❯➜] ?\s*", PromptKind::Shell),
        (r"^\s*(?:❯|➜|λ|⚡|▶)(?:\s+~)?\s+", PromptKind::Shell),
        (r"^\s*[$%] +", PromptKind::Shell),
        (r"^\s*# ?", PromptKind::Hash),
        (r"^\s*> ?", PromptKind::Angle),
    ]
    .into_iter()
    .map(|(pattern, kind)| (Regex::new(pattern).expect("a pattern of ours"), kind))
    .collect()
});

/// Whether a prompt tells of a folder from the root on, `root@web:/etc#`: that of another machine, or a container's.
pub(super) fn is_elsewhere(line: &str) -> bool {
    static ELSEWHERE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\s*[\w.-]+@[\w.-]+:/\S*\s?[$#]").expect("a pattern of ours"));
    ELSEWHERE.is_match(line)
}

/// The line without its prompt, where it has one. `$kubectl` has one, `$HOME/x` has none: a program's name tells.
pub(super) fn prompted(line: &str) -> Option<Prompted<'_>> {
    if !line.contains(['$', '#', '%', '>', '❯', '➜', 'λ', '⚡', '▶']) {
        return None;
    }
    if let Some(rest) = line.trim_start().strip_prefix('$')
        && super::habit::is_program(rest.split_whitespace().next().unwrap_or_default())
    {
        return Some(Prompted { command: rest.trim_start(), kind: PromptKind::Shell });
    }
    // `echo $ x`: a program stands where a host would.
    if super::habit::is_program(line.split_whitespace().next().unwrap_or_default()) {
        return None;
    }
    let (found, kind) = PROMPTS.iter().find_map(|(pattern, kind)| Some((pattern.find(line)?, *kind)))?;
    Some(Prompted { command: &line[found.end()..], kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_known() {
        for (line, command) in [
            ("$ kubectl get pods", "kubectl get pods"),
            ("$kubectl get pods", "kubectl get pods"),
            ("~ $ ls", "ls"),
            ("~$ ls", "ls"),
            ("/ # wget x", "wget x"),
            ("root@master:~# kubectl get no", "kubectl get no"),
            ("[root@k8s-master01 ~]# kubectl get no", "kubectl get no"),
            ("[root@k8s-master01 yaml]#kubectl get no", "kubectl get no"),
            ("user@host:/tmp/x$ ls", "ls"),
            ("user@mac ~ % ls", "ls"),
            ("controlplane $ k get po", "k get po"),
            ("controlplane:~$ k get po", "k get po"),
            ("bash-5.1# id", "id"),
            ("❯ kubectl get po", "kubectl get po"),
            ("➜  ~ kubectl get po", "kubectl get po"),
        ] {
            let found = prompted(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((found.command, found.kind), (command, PromptKind::Shell), "{line}");
        }
        for (line, command) in [("PS> ls", "ls"), ("PS C:\\Users\\x> ls -l", "ls -l"), ("C:\\> dir", "dir")] {
            assert_eq!(prompted(line), Some(Prompted { command, kind: PromptKind::Windows }), "{line}");
        }
        assert_eq!(prompted("# ls").map(|p| p.kind), Some(PromptKind::Hash));
        assert_eq!(prompted("> x").map(|p| p.kind), Some(PromptKind::Angle));
    }

    #[test]
    fn what_is_no_prompt_stays() {
        for line in [
            "$HOME/bin/x",
            "kubectl get pods",
            "echo $ x",
            "export A=$(kubectl get x)",
            "kubectl apply -f a.yaml # comment",
            "echo a > b",
            "NAME   READY",
            "pod/a created",
            "curl http://a/b#c",
        ] {
            assert_eq!(prompted(line), None, "{line}");
        }
    }
}
