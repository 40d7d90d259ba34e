//! The program as people and pipelines meet it: on a terminal, step by step, in a pipe, in an empty folder.

use std::time::Duration;

use rehearsal::wait::{Probe, Wake, until};

use crate::program::Ground;

const TWO: &str = "# Two\n\n## First\n\n```yaml\n# a.yaml\nx: 1\n```\n\n```bash\necho one\n```\n\n## Second\n\n\
                   <!-- rehearse: timeout 5s -->\n```bash\necho two\n```\n";

#[tokio::test]
async fn a_step_is_played_skipped_or_played_anew_as_the_reader_says() {
    let ground = Ground::new().await;
    ground.lab(TWO);
    let args = "run --cluster mini --step";
    let run = ground.typed(&["", "what", "b", "", "s"], args).env("REHEARSAL_LABS", ground.labs()).run().await;
    let run = run.exits_with(0);
    let printed = |text: &str| run.stdout.lines().filter(|line| line.trim() == text).count();
    assert_eq!((printed("one"), printed("two")), (2, 0), "{}", run.stdout);
    assert_eq!(printed("Enter plays · s skips · b back to the start of the demo · q leaves"), 4, "{}", run.stdout);
    run.says("`b` goes back to the start of the demo").says("the reader skipped it").says("reproduced");
    ground.nothing_is_left(1).await;
}

/// A node's label is everybody's: beside others such a lab is put back and played again alone.
const OF_THE_CLUSTER: &str = "# Labels\n\n## First\n\n```bash\nkubectl get namespace default -o name\n```\n\n\
                              ## Second\n\n```bash\nkubectl label nodes --all rehearsal-test=yes\n```\n\n\
                              ```bash\nkubectl get nodes -l rehearsal-test=yes -o name\n```\n";

#[tokio::test]
async fn a_lab_that_wants_the_cluster_to_itself_is_asked_each_step_once() {
    let ground = Ground::new().await;
    ground.lab(OF_THE_CLUSTER);
    let typed = |lines: &[&str]| ground.typed(lines, "run --cluster mini --step").env("REHEARSAL_LABS", ground.labs());
    let run = typed(&["", "", ""]).run().await.exits_with(0);
    assert_eq!(run.stdout.matches("Enter plays").count(), 3, "{}", run.stdout);
    assert!(!run.stdout.contains("played again alone"), "{}", run.stdout);
    run.says("node/mini-control-plane labeled").says("reproduced");
    let run = typed(&["", "", "b", "", ""]).run().await.exits_with(0);
    assert_eq!(run.stdout.matches("Enter plays").count(), 5, "{}", run.stdout);
    ground.play(&[]).run().await.exits_with(0).says("is put back and played again alone: it wants to patch nodes");
    ground.nothing_is_left(3).await;
}

#[tokio::test]
async fn a_reader_who_leaves_or_is_gone_leaves_nothing() {
    let ground = Ground::new().await;
    ground.lab(TWO);
    for lines in [&["", "q"][..], &[""]] {
        let run = ground.typed(lines, "run --cluster mini --step").env("REHEARSAL_LABS", ground.labs());
        let run = run.run().await.exits_with(130);
        run.says("one").says("interrupted; nothing is left");
    }
    ground.nothing_is_left(2).await;
}

#[tokio::test]
async fn where_nobody_can_be_asked_step_is_refused_before_anything_begins() {
    let ground = Ground::light();
    ground.lab(TWO);
    let page = ground.path("lecture.md");
    std::fs::write(&page, TWO).unwrap();
    for args in [&["run", "--step"][..], &["check", page.to_str().unwrap(), "--step"]] {
        let run = ground.rehearse(args).env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(2);
        run.says("there is nobody to ask").says("hint: leave `--step` out");
    }
    let run = ground.on_a_terminal("run --step --json").env("REHEARSAL_LABS", ground.labs()).run().await;
    run.exits_with(2).says("nobody to ask");
    assert_eq!(ground.sessions(), Vec::<String>::new());
}

#[tokio::test]
async fn a_lecture_is_checked_step_by_step() {
    let ground = Ground::new().await;
    let page = ground.path("lecture.md");
    std::fs::write(
        &page,
        "# T\n\n## A\n\n```bash\nkubectl get ns default -o name\n```\n\n## B\n\n```bash\nkubectl get sa -o name\n```\n",
    )
    .unwrap();
    let args = format!("check {} --cluster mini --step", page.display());
    let run = ground.typed(&["", "b", "", "s"], &args).run().await.exits_with(0);
    let printed = run.stdout.lines().filter(|line| line.trim() == "namespace/default").count();
    assert_eq!(printed, 2, "{}", run.stdout);
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn a_reader_of_the_pipe_that_leaves_changes_nothing() {
    let ground = Ground::new().await;
    ground.lab(TWO);
    // Neither stream has a reader to the end.
    for (view, sessions) in [("--verbose", 1), ("--timings", 2)] {
        let run = format!("$REHEARSE run --cluster mini {view} 2> >(true) | head -1; exit ${{PIPESTATUS[0]}}");
        ground.shell(&run).env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(0);
        ground.has_told("\"session.finished\"", sessions).await;
        ground.has_told("two", sessions).await;
    }
    ground.nothing_is_left(2).await;
}

/// The window goes in mid-run: its program is told by SIGHUP, and nothing can be written any more.
#[tokio::test]
async fn a_window_that_is_closed_ends_the_run_in_order() {
    let ground = Ground::new().await;
    ground.lab("# Long\n\n```bash\necho begun\nsleep 100\n```\n");
    for (view, sessions) in [("", 1), ("--verbose", 2)] {
        let code = ground.path("code");
        let _ = std::fs::remove_file(&code);
        // The window's shell goes with it; the one within tells how the program ended.
        let run = format!("$REHEARSE run --cluster mini {view} --timings");
        let shell = format!("(trap : HUP; {run}; echo $? > {}); true", code.display());
        let window = ground.window(&shell).env("REHEARSAL_LABS", ground.labs()).start();
        ground.has_told("\"step.started\"", sessions).await;
        window.signal(nix::sys::signal::Signal::SIGKILL);
        let ended = async || match std::fs::read_to_string(&code) {
            Ok(code) if code.ends_with('\n') => Probe::Done(code),
            other => Probe::Pending(format!("{other:?}")),
        };
        let every = Wake::Every(Duration::from_millis(20));
        let code = until("the run to end", Duration::from_secs(60), every, ended).await.unwrap();
        assert_eq!(code, "130\n", "{view}");
        ground.has_told("\"session.finished\"", sessions).await;
        ground.nothing_is_left(sessions).await;
    }
}

#[tokio::test]
async fn a_window_is_resized_as_its_owner_likes() {
    let ground = Ground::new().await;
    let step = format!("```bash\necho {}; sleep 0.4\n```\n\n", "wide ".repeat(40));
    ground.lab(&format!("# {}\n\n{}", "Resized ".repeat(15), step.repeat(6)));
    let sizes = "for size in '20 5' '80 24' '1 1' '300 90' '20 9' '80 24' '9 2' '100 30'; do \
                 sleep 0.5; stty cols ${size% *} rows ${size#* }; done";
    for view in ["", "--verbose"] {
        let shell = format!("stty cols 80 rows 24; ({sizes}) & $REHEARSE run --cluster mini {view}");
        let run = ground.window(&shell).env("REHEARSAL_LABS", ground.labs()).run().await.exits_with(0);
        assert!(!run.stdout.contains("panicked"), "{}", run.stdout);
        run.says("reproduced in ");
    }
    ground.nothing_is_left(2).await;
}

#[tokio::test]
async fn what_a_step_prints_commands_nobodys_pipeline() {
    let ground = Ground::new().await;
    ground.lab("# Loud\n\n```bash\necho '::error::mine'; echo '  ::add-mask::e'; echo '##[command]x'; exit 3\n```\n");
    for args in [&["--verbose"][..], &[], &["--json"]] {
        let run =
            ground.play(args).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "").run().await.exits_with(1);
        let commands: Vec<&str> = run
            .stdout
            .lines()
            .chain(run.stderr.lines())
            .filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
            .collect();
        assert_eq!(commands.len(), 1, "{commands:#?}");
        assert!(commands[0].starts_with("::error file="), "{commands:?}");
        assert!(args != ["--json"] || run.stdout.lines().all(|line| line.starts_with("{\"at_ms\"")), "{}", run.stdout);
    }
    ground.nothing_is_left(3).await;
}

#[tokio::test]
async fn a_first_lab_holds_as_it_stands() {
    let ground = Ground::new().await;
    let folder = ground.path("empty");
    std::fs::create_dir(&folder).unwrap();
    ground.rehearse(&["init"]).within(&folder).run().await.exits_with(0).says("labs/1-private-image/README.md");
    ground.rehearse(&["init"]).within(&folder).run().await.exits_with(2).says("is there already");
    let run = ground.rehearse(&["run", "--cluster", "mini"]).within(&folder).run().await.exits_with(0);
    run.says("✓ Lab 1: Run a private image  reproduced");
    let page = "labs/1-private-image/README.md";
    ground.rehearse(&["check", page, "--cluster", "mini"]).within(&folder).run().await.exits_with(0);
}

#[tokio::test]
async fn parts_are_checked_and_one_without_anything_is_no_failure() {
    let ground = Ground::light();
    ground.lab(TWO);
    for bad in ["0/2", "3/2", "x"] {
        ground.play(&["--partition", bad]).run().await.exits_with(2).says("--partition");
    }
    ground.play(&["--partition", "2/2"]).run().await.exits_with(0).says("part 2/2 has no lab");
    assert_eq!(ground.sessions(), Vec::<String>::new());
}

/// What is known to have made a step fail is told with what mends it, not with what its signs may mean.
#[tokio::test]
async fn the_hint_is_the_causes() {
    let ground = Ground::new().await;
    ground.lab(
        "# Misspelt\n\n<!-- rehearse:\n  needs cluster\n  needs image docker.io/cloudwithvarjosh/app1:1.0.0\n-->\n\n\
         <!-- rehearse:\n  timeout 3s\n  expect pod/app: Running\n-->\n```bash\n\
         kubectl create secret docker-registry regcred --docker-server=https://index.docker.io/v1/ \
         --docker-username=cloudwithvarjosh --docker-password=\"$DOCKER_PASSWORD\"\n\
         kubectl run app --image=docker.io/cloudwithvarjosh/app1:1.0.0 \
         --overrides='{\"spec\": {\"imagePullSecrets\": [{\"name\": \"regcreds\"}]}}'\n```\n",
    );
    let run = ground.rehearse(&["run", "--cluster", "mini"]).env("REHEARSAL_LABS", ground.labs());
    let run = run.run().await.exits_with(1);
    run.says("names the pull secret regcreds, which its namespace does not have (it has regcred)");
    run.says("hint: a pull secret counts in its own namespace and under its own name only");
}
