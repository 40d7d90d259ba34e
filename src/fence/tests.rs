//! What fences are read as.

use super::command::{Command, RedirectionKind, Standing};
use super::parse::SyntaxError;
use super::*;

fn commands(script: &str) -> Vec<Command> {
    let fence = Fence::parse(script).unwrap_or_else(|error| panic!("{script}: {error}"));
    fence.commands().to_vec()
}

/// Words as bash hands them over, `?` where it computes one.
fn words(command: &Command) -> String {
    let words = command.words.iter().map(|word| word.literal.as_deref().unwrap_or("?"));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_simple_command_is_found_with_its_words_and_its_place_in_the_text() {
    for (script, expected) in [
        ("kubectl get pods", &["1 kubectl get pods"][..]),
        ("# a comment\n\nkubectl get \\\n  pods  # why\necho", &["3 kubectl get pods", "5 echo"]),
        ("A=1 B='x y' kubectl get \"a b\" 'c'd\\ e", &["1 kubectl get a b cd e"]),
        ("a | b && c || d; e &", &["1 a", "1 b", "1 c", "1 d", "1 e"]),
        ("x=$(kubectl get \"$(a b)\" | c)\nd", &["1 ", "1 kubectl get ?", "1 a b", "1 c", "2 d"]),
        ("for p in $(a); do\n  b $p\ndone", &["1 a", "2 b ?"]),
        ("if a; then b; elif c; then d; else e; fi", &["1 a", "1 b", "1 c", "1 d", "1 e"]),
        ("while a\ndo\nb\ndone\ncase $x in a) c;; *) d;; esac", &["1 a", "3 b", "5 c", "5 d"]),
        ("f() { a; }\nfunction g { b; }; f", &["1 a", "2 b", "2 f"]),
        ("(a; b) > x; { c; }", &["1 a", "1 b", "1 c"]),
        ("diff <(a) <(b)", &["1 diff ? ?", "1 a", "1 b"]),
        ("[[ -f a ]] && b\n! c\ntime d", &["1 b", "2 c", "3 d"]),
        ("kubectl apply -f - <<EOF\nkind: Pod\nEOF\necho after", &["1 kubectl apply -f -", "4 echo after"]),
        ("cat <<EOF\n$(a)\nEOF", &["1 cat", "2 a"]),
        ("echo `a b` \"c `d`\"", &["1 echo ? ?", "1 a b", "1 d"]),
        ("ls *.yaml {a,b} ~ $'x' $HOME \"é\" 'ü' ", &["1 ls ? ? ? x ? é ü"]),
        ("export A=1 B=2", &["1 export A=1 B=2"]),
        ("{ sleep 1; } &\n((x++)); for ((i=0; i<3; i++)); do a; done", &["1 sleep 1", "2 a"]),
        ("", &[]),
        ("# nothing", &[]),
    ] {
        let found: Vec<_> = commands(script).iter().map(|c| format!("{} {}", c.line, words(c))).collect();
        assert_eq!(found, expected, "{script}");
    }
}

#[test]
fn spans_are_bytes_of_the_fence() {
    let script = "é=1; kubectl get 'ä' > /dev/null 2>&1; y=\"$(docker ps -q)\" echo ü";
    let text: Vec<_> = commands(script).iter().map(|c| script[c.span.clone()].to_owned()).collect();
    assert_eq!(text[1], "kubectl get 'ä' > /dev/null 2>&1", "{text:?}");
    assert_eq!(text[3], "docker ps -q", "{text:?}");
    let kubectl = &commands(script)[1];
    let words: Vec<_> = kubectl.words.iter().map(|word| &script[word.span.clone()]).collect();
    assert_eq!(words, ["kubectl", "get", "'ä'"]);
    let computed = &commands(script)[2];
    assert_eq!(computed.assignments[0].0, "y");
    assert_eq!(&script[computed.assignments[0].1.span.clone()], "\"$(docker ps -q)\"");
}

#[test]
fn where_a_command_stands_is_told() {
    let of = |script: &str, program: &str| {
        commands(script).into_iter().find(|c| c.program() == Some(program)).expect(script).standing
    };
    let none = Standing::default();
    assert_eq!(of("k", "k"), none);
    assert_eq!(of("/usr/bin/k", "k"), none);
    assert_eq!(of("a | k", "k"), Standing { pipe: true, ..none.clone() });
    assert_eq!(of("(k)", "k"), Standing { subshell: true, ..none.clone() });
    assert_eq!(of("a $(k)", "k"), Standing { substitution: true, ..none.clone() });
    assert_eq!(of("k &", "k"), Standing { background: true, ..none.clone() });
    assert_eq!(of("a && k", "k"), Standing { conditional: true, ..none.clone() });
    assert_eq!(of("if k; then a; fi", "k"), none);
    assert_eq!(of("if a; then k; fi", "k"), Standing { conditional: true, ..none.clone() });
    assert_eq!(of("f() { k; }", "k"), Standing { function: Some("f".into()), ..none });
}

#[test]
fn redirections_and_here_documents_are_told() {
    let script = "kubectl apply -f - <<'EOF' >out 2>>log\nname: $X\nEOF\ncat <<-END\n\t$X\nEND\ngrep x <<<\"y\" &>all";
    let commands = commands(script);
    let kind = |command: usize, at: usize| commands[command].redirections[at].kind.clone();
    let RedirectionKind::HereDocument(body) = kind(0, 0) else { panic!("{commands:#?}") };
    assert_eq!(body.literal.as_deref(), Some("name: $X\n"));
    assert_eq!((kind(0, 1), kind(0, 2)), (RedirectionKind::Write, RedirectionKind::Append));
    assert_eq!(commands[0].redirections[2].fd, Some(2));
    assert_eq!(commands[0].redirections[1].target.literal.as_deref(), Some("out"));
    let RedirectionKind::HereDocument(body) = kind(1, 0) else { panic!("{commands:#?}") };
    assert_eq!(body.literal, None, "the shell fills it in");
    assert_eq!((kind(2, 0), kind(2, 1)), (RedirectionKind::HereString, RedirectionKind::Write));
}

#[test]
fn what_is_no_bash_is_an_error_with_its_line() {
    let error = |script: &str| Fence::parse(script).unwrap_err();
    assert_eq!(error("if true"), SyntaxError::Unfinished);
    assert_eq!(error("echo 'never closed"), SyntaxError::Unfinished);
    assert!(matches!(error("echo\nfi\n"), SyntaxError::Near { line: 2, .. }));
    for script in
        ["| a", "a )", "for", "case x in", "cat <<EOF\nnever ended", "$(", "`", "${", "a && && b", "\0", "((("]
    {
        // Whatever it is, it comes back.
        let _ = Fence::parse(script);
    }
}

#[test]
fn what_would_take_the_parser_down_is_refused() {
    let deep = [("(", ")"), ("{ ", "; }"), ("$(", ")"), ("\"$(echo ", ")\""), ("${x:-", "}"), ("if a; then ", "; fi")];
    for (open, close) in deep {
        let script = format!("{}a{}", open.repeat(10_000), close.repeat(10_000));
        assert_eq!(Fence::parse(&script), Err(SyntaxError::TooLarge), "{open}");
    }
    assert_eq!(Fence::parse(&"(".repeat(40)), Err(SyntaxError::TooLarge));
    assert_eq!(Fence::parse(&"a\n".repeat(200_000)), Err(SyntaxError::TooLarge));
    assert!(Fence::parse(&"{ ".repeat(13)).is_err());
    let json = "kubectl patch x -p '{\"a\":{\"b\":{\"c\":{\"d\":[{\"e\":{\"f\":[[1]]}}]}}}}'";
    assert!(Fence::parse(json).is_ok());
}

#[test]
fn a_failure_is_placed_at_the_beginning_of_its_statement() {
    for (script, told, line) in [
        ("a\nb\nc", 2, 2),
        ("ls \\\n  /x \\\n  2>/dev/null", 3, 1),
        ("echo\ntrue |\n  (exit 7) |\n  cat", 4, 2),
        ("(\ncd /\nfalse)", 3, 3),
        ("a &&\n  b &&\n  c", 3, 1),
        ("if a\nthen\n  b\nfi", 3, 3),
        ("a", 9, 9),
    ] {
        assert_eq!(Fence::parse(script).unwrap().statement_line(told), line, "{script}");
    }
}

#[test]
fn kubectl_is_used_where_a_program_is_named_so() {
    for script in [
        "kubectl get pods",
        "echo a | xargs kubectl delete pod",
        "bash -c 'kubectl get pods'",
        "x=$(kubectl get sa)",
        "/usr/local/bin/kubectl get pods",
        "if kubectl (",
    ] {
        assert!(uses_kubectl(script), "{script}");
    }
    for script in ["# kubectl comes later", "echo kubectl-convert", "docker ps", ""] {
        assert!(!uses_kubectl(script), "{script}");
    }
}

#[test]
fn options_are_read_in_each_of_their_forms() {
    let prints = |script: &str, format: &str| Fence::parse(script).unwrap().prints_as(format);
    for script in
        ["get a -o yaml", "get -oyaml a", "get -o=yaml a", "get --output yaml a", "get --output='yaml' \\\n  a"]
    {
        assert!(prints(&format!("kubectl {script}"), "yaml"), "{script}");
        assert!(prints(&format!("A=1 kubectl {script} | head"), "yaml"), "{script}");
        assert!(!prints(&format!("kubectl {script}"), "json"), "{script}");
    }
    assert!(!prints("kubectl get a -o jsonpath={.x}; ls -o yaml", "yaml"));
    assert!(!prints("kubectl exec a -- x -o yaml", "yaml"));
    assert!(!prints("kubectl get a -o $F", "yaml"));
}

#[test]
fn pushed_images_are_those_that_docker_push_names() {
    let script = "docker push a/b:1 && docker image push 'c/d'\n# docker push no/comment\ndocker \\\n  push -q e/f:2;\n\
                  docker push \"$NAME\"\ngit push origin; if x; then docker push g; fi; y=$(docker push h)";
    assert_eq!(Fence::parse(script).unwrap().pushed_images(), ["a/b:1", "c/d", "e/f:2", "g", "h"]);
}

#[test]
fn commands_are_counted_where_one_begins() {
    let count = |script: &str, words: &[&str]| Fence::parse(script).unwrap().calls(words);
    assert_eq!(count("kubectl get pods\nkubectl create ns a && kubectl get \\\n  kubectl", &["kubectl"]), 3);
    assert_eq!(count("echo kubectl | cat; EDITOR='x y' kubectl edit sa", &["kubectl"]), 1);
    assert_eq!(count("docker run -d a\ndocker rm -f a", &["docker", "run"]), 1);
}
