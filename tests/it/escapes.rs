//! A lab that tries to get out of its folder, its cluster and its process, in ways that careless or curious text has, and
//! finds nothing changed and nothing read.

use std::path::Path;

use crate::program::Ground;

/// What a user has lying around, and no fence may read.
const PRIVATE: &str = "this-is-the-users-own";

/// Each attempt is a line of shell; none may print [`PRIVATE`] or leave the file `MARK` anywhere but in the lab's folder.
/// `HOME_OF_USER`, `OTHER` and `OUTSIDE` are folders of the user's, `PROGRAM` is the process that plays.
const ATTEMPTS: &[&str] = &[
    // By programs that are known to run others.
    r#"awk 'BEGIN { system ("touch OUTSIDE/MARK") }'"#,
    r#"echo 'touch OUTSIDE/MARK' | awk '{ print | "sh" }'"#,
    "echo x | sed '1e touch OUTSIDE/MARK'",
    "echo x | sed 'w OUTSIDE/MARK'",
    "echo x | sort -o OUTSIDE/MARK",
    r#"python3 -c 'open("OUTSIDE/MARK", "w")'"#,
    "bash -c 'echo > OUTSIDE/MARK'; eval 'echo > OUTSIDE/MARK'",
    "find . -maxdepth 0 -exec touch OUTSIDE/MARK \\;",
    // By other ways to the same place.
    "ln -s OUTSIDE link-out; echo > link-out/MARK",
    "ln HOME_OF_USER/.kube/config hard && cat hard; echo > hard",
    "cp -r HOME_OF_USER/.ssh here; cat here/*",
    "echo > /tmp/MARK; echo > /etc/MARK; echo > /var/tmp/MARK; echo > /dev/shm/MARK; echo > /usr/MARK",
    "mv OUTSIDE/theirs gone; rm -rf OUTSIDE/theirs; truncate -s 0 OUTSIDE/theirs",
    "mkfifo OUTSIDE/MARK; mkdir OUTSIDE/MARK",
    // What the user has.
    "cat HOME_OF_USER/.kube/config HOME_OF_USER/.ssh/id_ed25519 HOME_OF_USER/.docker/config.json",
    "cat ~root/.bashrc > /dev/null && cat ~/../../../../../../../HOME_OF_USER/.kube/config",
    "cat $(find OTHER -type f)",
    "tar cf - HOME_OF_USER | cat",
    // What the program has.
    "cat ../../stage.json ../stage.json ../../kubeconfig ../../htpasswd",
    "tr '\\0' '\\n' < /proc/PROGRAM/environ",
    "head -c 100 /proc/PROGRAM/mem; dd if=/proc/PROGRAM/mem bs=1 count=1; ls -l /proc/PROGRAM/fd/",
    "env | grep -i 'CREDENTIAL_OF_USER'",
    "gdb -p PROGRAM -batch; strace -p PROGRAM -c -o /dev/null & sleep 0.2",
    // The Engine.
    "curl -s --max-time 5 --unix-socket /var/run/docker.sock http://localhost/info",
    r#"python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("/var/run/docker.sock"); s.send(b"GET /info HTTP/1.0\r\n\r\n"); print(s.recv(9999))'"#,
    "mkdir ctx; ln -s HOME_OF_USER/.kube/config ctx/key; printf 'FROM scratch\\nCOPY . /\\n' > ctx/Dockerfile; docker build -t ctx ctx",
    "docker build -t theirs HOME_OF_USER",
    "docker build -t theirs -f HOME_OF_USER/.kube/config .",
    "rm -rf ~/.docker; ln -s OUTSIDE ~/.docker; echo x | docker login -u x --password-stdin; docker logout",
    // The program's process, and what outlives the fence.
    "kill -9 PROGRAM; kill -9 -PROGRAM; kill -CONT -1 && echo REACHED",
    "kill -STOP PROGRAM; python3 -c 'import os, signal; os.kill(PROGRAM, signal.SIGKILL)'",
    "setsid --fork sh -c 'sleep 3; touch OUTSIDE/MARK'",
    "unshare -rm true && unshare -rm touch OUTSIDE/MARK",
    "mount --bind / . && echo REACHED; chroot / touch OUTSIDE/MARK",
    "mknod disk b 8 0; mknod null c 1 3; echo > null",
];

fn everything_below(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            everything_below(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test]
async fn a_lab_that_tries_to_get_out_changes_nothing_and_reads_nothing() {
    let ground = Ground::new().await;
    let (home, outside, other) =
        (ground.path("home"), ground.path("outside"), ground.path("sessions/20260101-000000-0000"));
    for file in
        ["home/.kube/config", "home/.ssh/id_ed25519", "home/.docker/config.json", "home/.bashrc", "outside/theirs"]
    {
        let path = ground.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, PRIVATE).unwrap();
    }
    // Another session's report; it lives on its own.
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("events.jsonl"), PRIVATE).unwrap();
    let mut lab = "# Out\n\n<!-- rehearse: needs cluster -->\n".to_owned();
    for attempt in ATTEMPTS {
        let attempt = attempt.replace("PROGRAM", "$PPID").replace("OUTSIDE", &outside.display().to_string());
        let attempt = attempt.replace("HOME_OF_USER", &home.display().to_string());
        let attempt = attempt.replace("OTHER", &other.display().to_string());
        lab.push_str(&format!("\n```bash\nset +e\n{attempt}\ntrue\n```\n"));
    }
    ground.lab(&lab);
    let mut before = Vec::new();
    [&home, &outside, &other].into_iter().for_each(|dir| everything_below(dir, &mut before));
    let run = ground.play(&["--json"]).env("HOME", &home).env("KUBECONFIG", home.join(".kube/config"));
    let run = run.env("DOCKER_CONFIG", home.join(".docker")).env("CREDENTIAL_OF_USER", PRIVATE).run().await;
    let run = run.exits_with(0);
    assert!(!run.all().contains(PRIVATE), "{}", run.stdout);
    // The events hold the commands, too.
    let printed: Vec<_> = run.events("step.output").iter().map(|event| event["text"].to_string()).collect();
    for reached in ["REACHED", "ServerVersion"] {
        assert!(!printed.iter().any(|text| text.contains(reached)), "{reached}: {printed:?}");
    }
    let mut after = Vec::new();
    [&home, &outside, &other].into_iter().for_each(|dir| everything_below(dir, &mut after));
    assert_eq!(before, after);
    for folder in ["/tmp", "/etc", "/var/tmp", "/dev/shm", "/usr"] {
        assert!(!Path::new(folder).join("MARK").exists(), "{folder}");
    }
}
