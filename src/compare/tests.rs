//! What lectures show against what real clusters print.

use std::time::{Duration, Instant};

use super::*;

fn summary(shown: &str, printed: &str) -> String {
    let outcome = typed(shown, printed);
    let head = format!("{:?}, {:?}", outcome.form, outcome.fidelity).to_lowercase();
    let difference = |d: &Difference| format!("{} {}: {d}", d.line, serde_json::to_string(&d.class).unwrap());
    std::iter::once(head)
        .chain(outcome.differences.iter().map(difference))
        .collect::<Vec<_>>()
        .join("\n")
        .replace('"', "")
}

const SA: &str = "NAME      AGE\napp1-sa   0s\ndefault   2s\n";
const PODS: &str = "NAME                   READY   STATUS             RESTARTS      AGE\n\
                    web-55b445bb5c-9bkbv   1/1     Running            0             4s\n\
                    web-55b445bb5c-x2x8k   0/1     ImagePullBackOff   2 (3s ago)    4s\n";

#[test]
fn tables_go_by_column_and_row() {
    for (shown, printed, expected) in [
        (SA, SA, "table, exact"),
        ("NAME  AGE\ndefault  5s", SA, "table, subset\n2 volatile: default AGE: `2s` instead of `5s`"),
        (
            "NAME      SECRETS   AGE\ndefault   0         2s",
            SA,
            "table, subset\n1 column-missing: column SECRETS is gone",
        ),
        (
            "NAME      AGE\ndefault   2s",
            "NAME      SECRETS   AGE\ndefault   0         2s",
            "table, normalised\n1 column-added: column SECRETS is new",
        ),
        ("NAME  AGE\nother  5s", SA, "table, subset\n2 row-missing: no row other"),
        (
            "mypod   0/1   ErrImagePull   0   4s",
            "NAME    READY   STATUS             RESTARTS   AGE\nmypod   0/1     ImagePullBackOff   0          7s",
            "table, normalised\n1 state: mypod STATUS: `ImagePullBackOff` instead of `ErrImagePull`\n\
             1 volatile: mypod AGE: `7s` instead of `4s`",
        ),
        // Each replica finds its own row, whatever its suffix.
        (
            "NAME READY STATUS RESTARTS AGE\nweb-6799fc88d8-abcde 0/1 ImagePullBackOff 2 (1m ago) 4s\nweb-6799fc88d8-fghij 1/1 Running 0 4s",
            PODS,
            "table, normalised\n\
             2 volatile: web-6799fc88d8-abcde NAME: `web-55b445bb5c-x2x8k` instead of `web-6799fc88d8-abcde`\n\
             2 volatile: web-6799fc88d8-abcde RESTARTS: `2 (3s ago)` instead of `2 (1m ago)`\n\
             3 volatile: web-6799fc88d8-fghij NAME: `web-55b445bb5c-9bkbv` instead of `web-6799fc88d8-fghij`",
        ),
        (
            "NAME READY STATUS RESTARTS AGE\nweb-xxx 1/1 Running 0 4s\n...",
            PODS,
            "table, subset\n2 elided: web-xxx NAME: `web-55b445bb5c-9bkbv` instead of `web-xxx`",
        ),
        (
            "NAME      TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)        AGE\nweb   LoadBalancer   10.0.0.1   34.1.2.3   80:31999/TCP   1m",
            "NAME   TYPE           CLUSTER-IP     EXTERNAL-IP   PORT(S)        AGE\nweb    LoadBalancer   10.96.12.4     <pending>     80:30500/TCP   5s",
            "table, normalised\n2 volatile: web CLUSTER-IP: `10.96.12.4` instead of `10.0.0.1`\n\
             2 state: web EXTERNAL-IP: `<pending>` instead of `34.1.2.3`\n\
             2 volatile: web PORT(S): `80:30500/TCP` instead of `80:31999/TCP`\n2 volatile: web AGE: `5s` instead of `1m`",
        ),
        (
            "NAME   STATUS   ROLES   AGE   VERSION\nmy-worker   Ready   <none>   9d   v1.29.1",
            "NAME                STATUS   ROLES           AGE   VERSION\nref-control-plane   Ready    control-plane   18m   v1.36.2",
            "table, normalised\n2 volatile: my-worker NAME: `ref-control-plane` instead of `my-worker`\n\
             2 state: my-worker ROLES: `control-plane` instead of `<none>`\n2 volatile: my-worker AGE: `18m` instead of `9d`\n\
             2 volatile: my-worker VERSION: `v1.36.2` instead of `v1.29.1`",
        ),
        (
            "NAME   DATA   AGE\ns   2   1s",
            "NAME   DATA   AGE\ns      1      1s",
            "table, normalised\n2 value: s DATA: `1` instead of `2`",
        ),
        (
            "NAME  AGE\ndefault  5s",
            "No resources found in default namespace.",
            "table, normalised\n2 row-missing: no row default",
        ),
        (
            "NAME  AGE\ndefault  2s",
            "NAME        READY\npod/mypod   1/1\n\nNAME      AGE\ndefault   2s",
            "table, subset",
        ),
        (
            "pod/mypod created\nNAME  AGE\ndefault  2s",
            "pod/mypod configured\nNAME      AGE\ndefault   2s",
            "table, normalised\n1 text: line: no `pod/mypod created`",
        ),
    ] {
        assert_eq!(summary(shown, printed), expected, "{shown}");
    }
}

#[test]
fn events_of_describe_are_a_table() {
    let printed = "Name:  mypod\nEvents:\n  Type    Reason     Age   From               Message\n  \
                   ----    ------     ----  ----               -------\n  \
                   Normal  Scheduled  5s    default-scheduler  Successfully assigned demo/mypod to ref-control-plane\n  \
                   Normal  Pulling    5s    kubelet            spec.containers{app}: Pulling image \"app1:1.0.0\"\n";
    let shown = "Events:\n  Type    Reason     Age   From               Message\n  ----    ------     ----  ----   -------\n  \
                 Normal  Scheduled  12s   default-scheduler  Successfully assigned demo/mypod to minikube\n  \
                 Normal  Pulling    11s   kubelet            Pulling image \"app1:1.0.0\"";
    assert_eq!(
        summary(shown, printed),
        "table, normalised\n4 volatile: Scheduled AGE: `5s` instead of `12s`\n\
         4 volatile: Scheduled MESSAGE: `Successfully assigned demo/mypod to ref-control-plane` instead of \
         `Successfully assigned demo/mypod to minikube`\n5 volatile: Pulling AGE: `5s` instead of `11s`\n\
         5 value: Pulling MESSAGE: `spec.containers{app}: Pulling image app1:1.0.0` instead of `Pulling image app1:1.0.0`"
    );
}

#[test]
fn json_and_yaml_go_by_field() {
    let printed = "apiVersion: v1\nimagePullSecrets:\n- name: other\n- name: regcred\nkind: ServiceAccount\nmetadata:\n  \
                   creationTimestamp: \"2026-11-23T22:18:23Z\"\n  name: default\n  uid: a\nstatus:\n  phase: Pending\n";
    for (shown, expected) in [
        ("imagePullSecrets:\n- name: regcred\n", "tree, subset"),
        ("...\nimagePullSecrets:\n- name: regcred\n...", "tree, subset"),
        ("  uid: b\n  name: default", "tree, subset\n1 volatile: /metadata/uid: `a` instead of `b`"),
        ("kind: Service...", "tree, subset\n1 elided: /kind: `ServiceAccount` instead of `Service...`"),
        ("{\"kind\": \"ServiceAccount\",\n...\n}", "tree, subset"),
        ("secrets:\n- name: x\n", "tree, subset\n1 value: /secrets: no `[{name:x}]`"),
        (
            "imagePullSecrets:\n- name: nope\n",
            "tree, subset\n1 value: /imagePullSecrets/0/name: `other` instead of `nope`",
        ),
        ("status:\n  phase: Running", "tree, subset\n1 state: /status/phase: `Pending` instead of `Running`"),
        ("metadata:\n  name: \"default\"\n  labels: {a: b}", "tree, subset\n1 value: /metadata/labels: no `{a:b}`"),
    ] {
        assert_eq!(summary(shown, printed), expected, "{shown}");
    }
    let config = |email: &str, auth: &str| {
        format!("{{\"auths\": {{\"https://index.docker.io/v1/\": {{\"email\": \"{email}\", \"auth\": \"{auth}\"}}}}}}")
    };
    assert_eq!(
        summary(&config("someones@example.com", "Y2x..."), &config("someone@example.com", "Y2xvdWQ=")),
        "tree, subset\n1 value: /auths/https:~1~1index.docker.io~1v1~1/email: `someone@example.com` instead of `someones@example.com`\n\
         1 elided: /auths/https:~1~1index.docker.io~1v1~1/auth: `Y2xvdWQ=` instead of `Y2x...`"
    );
    assert_eq!(summary("port: 80", "port: \"80\""), "tree, subset\n1 value: /port: `80` instead of `80`");
}

#[test]
fn other_output_goes_by_line() {
    let refused = "Events:\n  Warning  Failed  3s (x2 over 9s)  kubelet  Failed to pull image \"docker.io/o/app1:1\": failed to \
                   resolve reference \"docker.io/o/app1:1\": pull access denied, repository does not exist or may require \
                   authorization: server message: insufficient_scope: authorization failed\n  Warning  Failed  3s  kubelet  x";
    let part = "Warning Failed 3s (x2 over 9s) kubelet Failed to pull image docker.io/o/app1:1: failed to resolve reference \
                docker.io/o/app1:1: pull access denied, repository does not exist or may require authorization: server \
                message: insufficient_scope: authorization failed";
    for (shown, printed, expected) in [
        ("pod/mypod created", "pod/mypod created\n", "lines, exact"),
        (
            "Failed to pull image \"docker.io/o/app1:1\":\npull access denied, repository does not exist or may require authorization:\nserver message: insufficient_scope: authorization failed",
            refused,
            &format!(
                "lines, fragments\n1 longer: line: `{part}` instead of `Failed to pull image docker.io/o/app1:1:`\n\
                 2 longer: line: `{part}` instead of `pull access denied, repository does not exist or may require authorization:`\n\
                 3 longer: line: `{part}` instead of `server message: insufficient_scope: authorization failed`"
            ),
        ),
        (
            "pod \"mypod\" deleted",
            "pod \"mypod\" deleted from default namespace",
            "lines, fragments\n1 longer: line: `pod mypod deleted from default namespace` instead of `pod mypod deleted`",
        ),
        (
            "deployment.apps/web scaled to 1",
            "deployment.apps/web scaled to 12",
            "lines, normalised\n1 text: line: `deployment.apps/web scaled to 12` instead of `deployment.apps/web scaled to 1`",
        ),
        (
            "Status:  Running\nIP:  10.1.2.3",
            "Name:    mypod\nStatus:           Pending\nIP:               10.244.0.63",
            "lines, fragments\n1 state: line: `Status: Pending` instead of `Status: Running`\n\
             2 volatile: line: `IP: 10.244.0.63` instead of `IP: 10.1.2.3`",
        ),
        (
            "pod/a created\npod/b created   # <- this one is new",
            "pod/b created\npod/a created",
            "lines, normalised\n2 order: `pod/b created # <- this one is new` comes earlier",
        ),
        ("first\n...\nlast", "first\nsecond\nlast", "lines, fragments"),
        ("pod/mypod created", "pod/mypod unchanged", "lines, fragments\n1 text: line: no `pod/mypod created`"),
        ("\u{1b}[32mok\u{1b}[0m", "ok", "lines, exact"),
        ("", "x", "lines, fragments"),
        ("x", "", "lines, normalised\n1 text: line: no `x`"),
    ] {
        assert_eq!(summary(shown, printed), expected, "{shown}");
    }
}

#[test]
fn only_states_and_rows_may_come_yet() {
    for (shown, printed, expected) in [
        ("mypod 1/1 Running 0 4s", "NAME READY STATUS RESTARTS AGE\nmypod 0/1 Pending 0 7s", true),
        ("NAME  SECRETS  AGE\nnew  0  1s", SA, true),
        ("NAME  SECRETS  AGE\ndefault  0  1s", SA, false),
        ("NAME  DATA  STATUS\na  1  Bound", "NAME  DATA  STATUS\na  2  Pending", false),
        (SA, SA, false),
    ] {
        assert_eq!(typed(shown, printed).may_come(), expected, "{shown}");
    }
}

#[test]
fn large_outputs_are_compared_before_anyone_waits() {
    let began = Instant::now();
    assert_eq!(typed("no such line", &"y z\n".repeat(100_000)).differences[0].class, Class::Text);
    let rows: String = (0..2000).map(|n| format!("pod-{n}  0/1  Pending  0  5s\n")).collect();
    let table = format!("NAME  READY  STATUS  RESTARTS  AGE\n{rows}");
    assert_eq!(typed(&table.replace("5s", "6s"), &table).differences.len(), 2000);
    let deep = "a:\n".repeat(2) + &"- ".repeat(2000) + "b: 1";
    typed(&deep, &deep.replace("b: 1", "b: 2"));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
