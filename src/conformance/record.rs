//! What a case left behind, as a file holds it: one line for each thing that a difference can be shown of.
//! Knows nothing of clusters.

use serde::{Deserialize, Serialize};

use super::words::Words;
use crate::observe::{Redactor, Trace};
use crate::place::Printed;

/// A case's record: equal on every cluster that behaves the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CaseRecord {
    pub case: String,
    pub seen: Vec<Observation>,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Observation {
    /// What a pod went through: states and events, each once, in the order they first came.
    Pod { pod: String, states: Vec<String>, events: Vec<String> },
    /// What a command printed, both streams in their order.
    Command { command: String, exit: i32, output: Vec<String> },
    /// Anything else: a question and its answer.
    Fact { fact: String, is: String },
}

impl Observation {
    pub(crate) fn pod(trace: &Trace, words: &Words) -> Self {
        // Names first: the redactor would take an address out of them.
        let mut trace = trace.clone();
        let messages = trace.states.iter_mut().filter_map(|state| state.message.as_mut());
        for message in messages.chain(trace.events.iter_mut().map(|event| &mut event.message)) {
            *message = words.text(message);
        }
        let redacted = Redactor::default().trace(&trace);
        let state = |state: &crate::observe::RedactedState| {
            // What stood there when the deletion came depends on the moment.
            let message = state.message.as_deref().filter(|_| state.status != "Terminating");
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            format!("{} {} {}{message}", state.phase, state.ready, state.status)
        };
        let event = |event: &crate::observe::RedactedEvent| {
            format!("{} {} ({}) {}", event.type_, event.reason, event.component, event.message)
        };
        // Messages that differ only in what the words take out are one.
        let mut events: Vec<String> = Vec::new();
        for line in redacted.events.iter().map(event) {
            if !events.contains(&line) {
                events.push(line);
            }
        }
        Self::Pod { pod: trace.object.name.clone(), states: redacted.states.iter().map(state).collect(), events }
    }

    pub(crate) fn command(command: &str, printed: &Printed, words: &Words) -> Self {
        let output = words.text(&printed.all).lines().map(str::to_owned).collect();
        Self::Command { command: words.text(command), exit: printed.code, output }
    }
}

impl CaseRecord {
    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        // Strings and numbers always serialize.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}
