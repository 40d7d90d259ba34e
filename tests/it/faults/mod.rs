//! The fault table: a stage's life is broken off at each of its boundaries, in each way, and what is left is counted, once
//! the program has said what is. Boundaries are seen in the session's own folder: its events and its ledger.

mod blow;
mod cell;
mod left;
mod moment;
mod theirs;

use std::fmt::Write as _;

use futures::StreamExt as _;
use futures::stream;

use self::blow::{Blow, Next};
use self::cell::{Cell, Outcome};
use self::moment::Moment;
use self::theirs::Theirs;
use crate::program::{kind_serves, project};

/// Cells side by side: each has a folder and a $TMPDIR of its own.
const BESIDE: usize = 3;

/// Plays cells and prints a line for each; all of them must leave nothing and say nothing that is false.
async fn play(table: &str, cells: Vec<Cell>, beside: usize) {
    // Beside what was built, for whoever wants to see the table.
    let file = project().join("target").join(format!("faults-{table}.txt"));
    let (mut outcomes, mut report) = (Vec::new(), String::new());
    let mut played = stream::iter(cells).map(Cell::play).buffer_unordered(beside);
    while let Some(outcome) = played.next().await {
        writeln!(report, "{outcome}").unwrap();
        std::fs::write(&file, &report).unwrap();
        outcomes.push(outcome);
    }
    let bad: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.is_good()).collect();
    let left: usize = outcomes.iter().map(|outcome| outcome.left.len()).sum();
    let unsaid = outcomes.iter().filter(|outcome| outcome.wrong.is_some()).count();
    writeln!(report, "{} cells, {left} things left, {unsaid} false sentences", outcomes.len()).unwrap();
    std::fs::write(&file, &report).unwrap();
    assert!(bad.is_empty(), "{report}");
}

/// The ways in which a run is broken off at `moments`: each moment is interrupted in one way after the other, and killed
/// with one sequel after the other.
fn spread(args: &'static [&'static str], moments: &[Moment]) -> Vec<Cell> {
    let ways = Blow::ORDERLY.iter().cycle();
    let sequels = Next::ALL.iter().cycle();
    let each = moments.iter().zip(ways.zip(sequels));
    let cells = each.flat_map(|(moment, (blow, next))| {
        [Cell::run(args, moment.clone(), *blow, Next::Nothing), Cell::run(args, moment.clone(), Blow::Kill, *next)]
    });
    cells.collect()
}

/// All ways at all `moments`.
fn crossed(args: &'static [&'static str], moments: &[Moment]) -> Vec<Cell> {
    let each = moments.iter().flat_map(|moment| {
        let orderly = Blow::ORDERLY.iter().map(|blow| Cell::run(args, moment.clone(), *blow, Next::Nothing));
        let killed = Next::ALL.iter().map(|next| Cell::run(args, moment.clone(), Blow::Kill, *next));
        orderly.chain(killed).collect::<Vec<_>>()
    });
    each.collect()
}

const MINI: &[&str] = &["run", "1", "--cluster", "mini"];
const MINI_UP: &[&str] = &["up", "--cluster", "mini"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_stage_on_mini() {
    let moments = [
        Moment::event(r#"{"type": "session.started"}"#),
        Moment::part("registry", "started", ""),
        Moment::part("registry", "progress", "starting"),
        Moment::part("registry", "ready", ""),
        Moment::part("image", "progress", "pushing"),
        Moment::part("cluster", "ready", ""),
        Moment::event(r#"{"type": "step.started"}"#),
        Moment::event(r#"{"type": "object.state", "status": "ErrImagePull"}"#),
        Moment::event(r#"{"type": "object.state", "status": "Running"}"#),
        Moment::event(r#"{"type": "lab.finished"}"#),
    ];
    let mut cells = spread(MINI, &moments);
    cells.push(Cell::run(MINI_UP, Moment::owed("engine"), Blow::Interrupt, Next::Nothing));
    cells.push(Cell::run(MINI_UP, Moment::owed("engine"), Blow::Kill, Next::Down));
    cells.push(Cell::stage(MINI_UP, Blow::Kill, Next::Down));
    cells.push(Cell::stage(MINI_UP, Blow::Kill, Next::Run));
    cells.push(Cell::stage(MINI_UP, Blow::LockGone, Next::Down));
    cells.push(Cell::lowered(MINI_UP, Blow::Interrupt, Next::Down));
    cells.push(Cell::lowered(MINI_UP, Blow::Kill, Next::Down));
    cells.push(Cell::lowered(MINI_UP, Blow::Twice, Next::Nothing));
    play("mini", cells, BESIDE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_on_a_cluster_of_the_users() {
    let theirs = Theirs::context().await;
    let moments = [
        Moment::part("cluster", "ready", ""),
        Moment::event(r#"{"type": "object.state", "status": "ErrImagePull"}"#),
        Moment::event(r#"{"type": "lab.finished"}"#),
    ];
    let cells = spread(&["run", "1"], &moments).into_iter().map(|cell| cell.on(&theirs)).collect();
    play("context", cells, 2).await;
    theirs.close().await;
}

const KIND: &[&str] = &["run", "1", "--cluster", "kind"];
const KIND_UP: &[&str] = &["up", "--cluster", "kind"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_stage_on_kind() {
    if !kind_serves("nothing_is_left_of_a_stage_on_kind").await {
        return;
    }
    let moments = [
        Moment::owed("kind_cluster"),
        Moment::part("cluster", "progress", "Preparing nodes"),
        Moment::part("cluster", "progress", "Starting control-plane"),
        Moment::part("cluster", "progress", "telling the nodes where docker.io is"),
        Moment::event(r#"{"type": "object.state", "status": "ErrImagePull"}"#),
        Moment::event(r#"{"type": "lab.finished"}"#),
    ];
    let mut cells = crossed(KIND, &moments);
    cells.push(Cell::run(KIND_UP, Moment::owed("kind_cluster"), Blow::Interrupt, Next::Nothing));
    cells.push(Cell::run(KIND_UP, Moment::owed("kind_cluster"), Blow::Kill, Next::Down));
    cells.push(Cell::stage(KIND_UP, Blow::Kill, Next::Down));
    cells.push(Cell::stage(KIND_UP, Blow::LockGone, Next::Down));
    cells.push(Cell::lowered(KIND_UP, Blow::Interrupt, Next::Down));
    cells.push(Cell::lowered(KIND_UP, Blow::Twice, Next::Nothing));
    play("kind", cells, BESIDE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_on_a_kind_cluster_of_the_users() {
    if !kind_serves("nothing_is_left_on_a_kind_cluster_of_the_users").await {
        return;
    }
    let theirs = Theirs::kind().await;
    let moments = [
        Moment::owed("nodes"),
        Moment::event(r#"{"type": "object.state", "status": "ErrImagePull"}"#),
        Moment::event(r#"{"type": "lab.finished"}"#),
    ];
    let mut cells: Vec<Cell> = crossed(&["run", "1"], &moments).into_iter().map(|cell| cell.on(&theirs)).collect();
    cells.push(Cell::whole(&["run", "1"]).on(&theirs));
    // Each wants docker.io to be its own.
    play("reuse", cells, 1).await;
    theirs.close().await;
}
