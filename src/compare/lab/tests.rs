//! Output of real clusters against what guides show.

use super::{Comparison, compare};

fn summary(shown: &str, printed: &str) -> String {
    match compare(shown, printed) {
        Comparison::Reproduced(fidelity) => format!("reproduced, {fidelity:?}").to_lowercase(),
        Comparison::Drifted(summary) => format!("drifted: {}\n{}", summary.what, summary.diff),
        Comparison::Contradicted(summary) => format!("contradicted: {}\n{}", summary.what, summary.diff),
    }
}

const SA: &str = "NAME      AGE\napp1-sa   0s\ndefault   2s\n";

#[test]
fn tables_go_by_column_and_row() {
    for (shown, printed, expected) in [
        (SA, SA, "reproduced, exact"),
        ("NAME  AGE\ndefault  5s\napp1-sa  3m", SA, "reproduced, normalised"),
        ("NAME  AGE\ndefault  5s", SA, "reproduced, subset"),
        (
            "NAME      SECRETS   AGE\ndefault   0         5s",
            SA,
            "drifted: column `SECRETS` is gone\n- NAME   SECRETS   AGE\n+ NAME   AGE",
        ),
        ("NAME  AGE\ndefault  5s", "NAME      SECRETS   AGE\ndefault   0         5s", "reproduced, subset"),
        ("NAME  AGE\nother  5s", SA, "contradicted: no row `other`\n- other   5s"),
        (
            "NAME  READY  STATUS  RESTARTS  AGE\nmypod  1/1  Running  0  1s",
            "NAME    READY   STATUS             RESTARTS      AGE\nmypod   1/1     Running            2 (3s ago)    9m",
            "reproduced, normalised",
        ),
        (
            "NAME  READY  STATUS  RESTARTS  AGE\nmypod  1/1  Running  0  1s",
            "NAME    READY   STATUS             RESTARTS   AGE\nmypod   0/1     ImagePullBackOff   0          9m",
            "contradicted: mypod has READY `0/1` instead of `1/1`; mypod has STATUS `ImagePullBackOff` instead of `Running`\n\
             - mypod READY: 1/1\n+ mypod READY: 0/1\n- mypod STATUS: Running\n+ mypod STATUS: ImagePullBackOff",
        ),
        (
            "mypod   0/1   ErrImagePull   0   4s",
            "NAME    READY   STATUS         RESTARTS   AGE\nmypod   0/1     ErrImagePull   0          7s",
            "reproduced, normalised",
        ),
        (
            "NAME  PULL-SECRETS\noldpod  <none>",
            "NAME     PULL-SECRETS\nmypod    dockerhub-secret\noldpod   <none>",
            "reproduced, subset",
        ),
        ("NAME  AGE\ndefault  1s", &format!("serviceaccount/default condition met\n{SA}"), "reproduced, subset"),
        (
            "NAME  AGE\nserviceaccount/default  1s",
            "NAME        READY\npod/mypod   1/1\n\nNAME                     AGE\nserviceaccount/default   3s",
            "reproduced, normalised",
        ),
        (
            "NAME  CPU\nmypod  100m",
            "NAME    CPU\nmypod   900m",
            "contradicted: mypod has CPU `900m` instead of `100m`\n- mypod CPU: 100m\n+ mypod CPU: 900m",
        ),
        (
            "NAME  READY  STATUS\nmypod  0/1  ErrImagePull\nmypod  0/1  ImagePullBackOff",
            "NAME    READY   STATUS\nmypod   0/1     Pending\nmypod   0/1     ErrImagePull\nmypod   0/1     ImagePullBackOff",
            "reproduced, subset",
        ),
        (
            "LAST SEEN  REASON  MESSAGE\n2s  Pulled  Successfully pulled image \"x\" in 1.2s (1.2s including waiting).",
            "LAST SEEN   REASON   MESSAGE\n5s          Pulled   Successfully pulled image \"x\" in 96ms (98ms including waiting).",
            "reproduced, normalised",
        ),
        ("CPU  MEMORY\n1m  2Mi", SA, "contradicted: another table\n- CPU   MEMORY\n+ NAME   AGE"),
    ] {
        assert_eq!(summary(shown, printed), expected, "{shown}");
    }
}

#[test]
fn empty_cells_go_by_the_place_of_the_column() {
    let printed = "NAME         SHORTNAMES   NAMESPACED   KIND\nbindings                  true         Binding\n";
    let shown = "NAME        SHORTNAMES   NAMESPACED   KIND\nbindings                 true         Binding\n";
    assert_eq!(summary(shown, printed), "reproduced, normalised");
}

#[test]
fn json_and_yaml_go_by_key() {
    let printed = "apiVersion: v1\nimagePullSecrets:\n- name: other\n- name: regcred\nkind: ServiceAccount\nmetadata:\n  \
                   creationTimestamp: \"2026-11-23T22:18:23Z\"\n  name: default\n  uid: a\n";
    for (shown, expected) in [
        ("imagePullSecrets:\n- name: regcred\n", "reproduced, subset"),
        ("metadata:\n  uid: b\n  creationTimestamp: now\n", "reproduced, subset"),
        ("{\"kind\": \"ServiceAccount\"}", "reproduced, subset"),
        ("kind: Service...\n", "reproduced, subset"),
        ("kind: ...Account\napiVersion: v...\n", "reproduced, subset"),
        (
            "kind: Service...X\n",
            "contradicted: `.kind` is \"ServiceAccount\" instead of \"Service...X\"\n\
             - .kind: \"Service...X\"\n+ .kind: \"ServiceAccount\"",
        ),
        ("secrets:\n- name: x\n", "contradicted: no `.secrets`\n- .secrets: [{\"name\":\"x\"}]"),
        (
            "imagePullSecrets:\n- name: nope\n",
            "contradicted: `.imagePullSecrets[0].name` is \"other\" instead of \"nope\"\n\
             - .imagePullSecrets[0].name: \"nope\"\n+ .imagePullSecrets[0].name: \"other\"",
        ),
    ] {
        assert_eq!(summary(shown, printed), expected, "{shown}");
    }
    let digest = |digit: &str| format!("image: x@sha256:{}\n", digit.repeat(64));
    for (shown, printed, expected) in [
        ("cpu: 100m", "cpu: 100m ", "reproduced, exact"),
        ("a: 1\nb: 2", "b: 2\na: 1", "reproduced, normalised"),
        (&digest("a"), &digest("b"), "reproduced, normalised"),
        (
            "message: Successfully pulled image \"x\" in 2s",
            "message: Successfully pulled image \"x\" in 96ms",
            "reproduced, normalised",
        ),
        (
            "cpu: 100m",
            "cpu: 900m",
            "contradicted: `.cpu` is \"900m\" instead of \"100m\"\n- .cpu: \"100m\"\n+ .cpu: \"900m\"",
        ),
        (
            "timeout: 30s",
            "timeout: 1h",
            "contradicted: `.timeout` is \"1h\" instead of \"30s\"\n- .timeout: \"30s\"\n+ .timeout: \"1h\"",
        ),
        ("a:\n  b: 1", "a:\nb: 1", "contradicted: `.a` is null instead of {\"b\":1}\n- .a: {\"b\":1}\n+ .a: null"),
    ] {
        assert_eq!(summary(shown, printed), expected, "{shown}");
    }
    assert_eq!(summary("[{\"a\": 1}, {\"a\": 2}]", "[{\"a\": 1}]"), "contradicted: no `[1]`\n- [1]: {\"a\":2}");
}

#[test]
fn other_output_goes_by_line() {
    let events =
        "Normal  Pulled  4s  kubelet  Successfully pulled image \"x\" in 103ms.\nNormal  Started  4s  kubelet  up";
    for (shown, printed, expected) in [
        ("pod/mypod created", "pod/mypod created\n", "reproduced, exact"),
        ("", "", "reproduced, exact"),
        ("", "x\n", "contradicted: something was printed\n+x"),
        ("Hello, Docker!", "Hello, Docker!\n% \n", "reproduced, fragments"),
        ("pulled in 3s", "pulled   in 196ms", "reproduced, normalised"),
        ("mypod   1/1   Running   0   2s", "mypod   1/1   Running   0   9m5s", "reproduced, normalised"),
        ("mypod 100m", "mypod 900m", "contradicted: no line `mypod 100m`\n-mypod 100m\n+mypod 900m"),
        (
            "delay=0s timeout=1s",
            "delay=0s timeout=5s",
            "contradicted: no line `delay=0s timeout=1s`\n-delay=0s timeout=1s\n+delay=0s timeout=5s",
        ),
        ("image \"x\" in 2s.\n...\nkubelet up", events, "reproduced, fragments"),
        ("pod \"mypod\" deleted", "pod \"mypod\" deleted from default namespace", "reproduced, fragments"),
        (
            "pods mypod deleted",
            "pods mypod was deleted",
            "drifted: new words in `pods mypod deleted`\n-pods mypod deleted\n+pods mypod was deleted",
        ),
        ("b\na", "a\nb", "drifted: the lines come in another order\n+a\n b\n-a"),
        (
            "pod/mypod created",
            "pod/mypod unchanged",
            "contradicted: no line `pod/mypod created`\n-pod/mypod created\n+pod/mypod unchanged",
        ),
    ] {
        assert_eq!(summary(shown, printed), expected, "{shown}");
    }
    let long: String = (0..40).map(|n| format!("line {n}\n")).collect();
    assert!(summary("other", &long).ends_with("… 29 more lines"), "{}", summary("other", &long));
}

#[test]
fn a_megabyte_of_lines_is_compared_before_anyone_waits() {
    let began = std::time::Instant::now();
    let told = summary("no such line", &"y\n".repeat(200_000));
    assert!(told.starts_with("contradicted: no line `no such line`\n-no such line\n+y\n"), "{told}");
    assert!(told.ends_with("\n… 199989 more lines"), "{told}");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
