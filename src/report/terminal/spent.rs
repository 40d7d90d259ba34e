//! Where the time of a run went, in lines. Pure.

use std::time::Duration;

use super::line::BOLD;
use crate::event::{Timings, Yardstick};

pub(super) fn lines(timings: Timings, ms: u64, yardstick: Option<Yardstick>) -> Vec<String> {
    let mut lines = vec![String::new(), format!("  {BOLD}time{BOLD:#}            seconds   share")];
    for (what, part) in [
        ("stage", timings.stage_ms),
        ("commands", timings.commands_ms),
        ("cluster", timings.cluster_ms),
        ("our own", timings.own_ms),
    ] {
        let share = part.saturating_mul(100).checked_div(ms).unwrap_or(0);
        lines.push(format!("  {what:<14} {:>8.2}   {share:>4}%", Duration::from_millis(part).as_secs_f64()));
    }
    let telling = Duration::from_micros(timings.telling_us);
    let share = telling.as_secs_f64() * 100.0 / Duration::from_millis(ms.max(1)).as_secs_f64();
    lines.push(format!("  telling it took {:.3} s of CPU time, {share:.2} % of the run", telling.as_secs_f64()));
    let (playing, waits) = (ms.saturating_sub(timings.stage_ms), timings.longest_wait_ms);
    // Of mini there is next to nothing to wait for.
    if waits >= 1000 {
        let [playing, waits, stage, all] =
            [playing, waits, timings.stage_ms, ms].map(|ms| Duration::from_millis(ms).as_secs_f64());
        lines.push(format!(
            "  the longest lab waits {waits:.2} s for the cluster; all labs took {:.2} × that",
            playing / waits
        ));
        lines.push(format!(
            "  stage and those waits are the least, {:.2} s; this run took {:.2} s more",
            stage + waits,
            (all - stage - waits).max(0.0)
        ));
    }
    if let Some(yardstick) = yardstick {
        let [kubectl, docker] = yardstick.bare().map(|bare| bare.as_secs_f64());
        let mut bare = format!("{} × kubectl {kubectl:.2} s", yardstick.kubectl_calls);
        if docker > 0.0 {
            bare += &format!(", {} × docker run and rm {docker:.2} s", yardstick.containers);
        }
        let ratio = Duration::from_millis(playing).as_secs_f64() / (kubectl + docker).max(f64::MIN_POSITIVE);
        lines.push(format!("  bare, one after the other: {bare}; all labs took {ratio:.2} × that"));
    }
    lines
}
