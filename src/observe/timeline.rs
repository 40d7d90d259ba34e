//! A trace in one line: `pod/mypod  0.00 Pending · 0.03 ContainerCreating · 0.61 ErrImagePull`.
//! Knows no terminal: no colour, no width.

use std::fmt;
use std::time::Duration;

use super::trace::{Trace, TraceState};
use crate::kubewords::status::{ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF};

/// States as one shows them: no two alike in a row, and of the kubelet's endless to and fro between an error and
/// its back-off only the first of each.
pub(super) fn folded(states: &[TraceState]) -> Vec<(&TraceState, usize)> {
    let mut folded: Vec<(&TraceState, usize)> = Vec::new();
    for state in states {
        let same = |(seen, _): &&mut (&TraceState, usize)| seen.status == state.status;
        let again = match is_pull_trouble(&state.status) {
            true => folded.iter_mut().rev().take_while(|(seen, _)| is_pull_trouble(&seen.status)).find(same),
            false => folded.last_mut().filter(same),
        };
        match again {
            Some((_, times)) => *times += 1,
            None => folded.push((state, 1)),
        }
    }
    folded
}

fn is_pull_trouble(status: &str) -> bool {
    matches!(status.trim_start_matches("Init:"), ERR_IMAGE_PULL | IMAGE_PULL_BACK_OFF)
}

/// Three digits' worth of seconds: `0.03`, `12.1`, `184`.
fn seconds(at: Duration) -> String {
    let seconds = at.as_secs_f64();
    let decimals = match seconds {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{seconds:.decimals$}")
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.object)?;
        for (index, (state, times)) in folded(&self.states).into_iter().enumerate() {
            let between = if index == 0 { "" } else { " ·" };
            write!(f, "{between} {state}")?;
            if times > 1 && is_pull_trouble(&state.status) {
                write!(f, " ×{times}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", seconds(self.at), self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::{state, trace};

    #[test]
    fn a_trace_in_one_line() {
        let mut seen = trace(&[(0.0, "Pending"), (0.034, "ContainerCreating"), (0.61, "ErrImagePull")]);
        seen.states[0].node = None;
        let mut scheduled = state(0.01, "Pending");
        scheduled.node = Some("n".into());
        seen.states.insert(1, scheduled);
        assert_eq!(seen.to_string(), "pod/mypod  0.00 Pending · 0.03 ContainerCreating · 0.61 ErrImagePull");
        for (at, status) in [(12.06, "ImagePullBackOff"), (26.1, "ErrImagePull"), (40.1, "ImagePullBackOff")] {
            seen.record(state(at, status));
        }
        seen.record(state(183.7, "Running"));
        seen.record(state(200.0, "ImagePullBackOff"));
        assert_eq!(
            seen.to_string(),
            "pod/mypod  0.00 Pending · 0.03 ContainerCreating · 0.61 ErrImagePull ×2 · 12.1 ImagePullBackOff ×2 \
             · 184 Running · 200 ImagePullBackOff"
        );
        seen.object.namespace = "app1-ns".into();
        seen.states.clear();
        assert_eq!(seen.to_string(), "pod/mypod -n app1-ns ");
    }
}
