//! What is said of a pod: the broken link, what shows it, and what mends it.

use std::fmt;

use serde::Serialize;

/// What a command does to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grade {
    /// It only looks.
    Inspect,
    /// It changes something, and the pod stays.
    Change,
    /// The pod is made anew.
    Destroys,
}

/// A command that looks closer or mends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remedy {
    pub grade: Grade,
    pub command: String,
}

/// What an object or a registry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Observation {
    /// The object or the registry.
    pub of: String,
    /// The field in it, as `kubectl get -o jsonpath` takes it.
    pub path: Option<String>,
    pub says: String,
}

impl Observation {
    pub(super) fn new(of: impl Into<String>, path: &str, says: impl Into<String>) -> Self {
        Self { of: of.into(), path: Some(path.into()).filter(|path: &String| !path.is_empty()), says: says.into() }
    }
}

/// The broken link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BrokenLink {
    /// A stable name: `secret-missing`.
    pub id: &'static str,
    /// One sentence.
    pub says: String,
    pub evidence: Vec<Observation>,
    pub remedies: Vec<Remedy>,
}

impl BrokenLink {
    pub(super) fn new(id: &'static str, says: impl Into<String>) -> Self {
        Self { id, says: says.into(), evidence: Vec::new(), remedies: Vec::new() }
    }

    pub(super) fn shown_by(mut self, evidence: Observation) -> Self {
        self.evidence.push(evidence);
        self
    }

    pub(super) fn mended(mut self, grade: Grade, command: impl Into<String>) -> Self {
        self.remedies.push(Remedy { grade, command: command.into() });
        self
    }
}

/// What was found out about one pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Diagnosis {
    pub pod: String,
    pub namespace: String,
    /// Empty for what is not on the cluster yet.
    pub status: String,
    /// The container whose image does not come.
    pub container: Option<String>,
    pub image: Option<String>,
    /// The links before the broken one: each holds.
    pub holds: Vec<&'static str>,
    /// None where the pod has its images, or waits for nothing of this kind.
    pub cause: Option<BrokenLink>,
    /// What could not be looked at, and when the kubelet tries again.
    pub notes: Vec<String>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pod/{} in {}", self.pod, self.namespace)?;
        if !self.status.is_empty() {
            write!(f, ": {}", self.status)?;
        }
        if let (Some(container), Some(image)) = (&self.container, &self.image) {
            write!(f, " (container {container}, image {image})")?;
        }
        match &self.cause {
            None => write!(f, "\n  ✓ no trouble with its images")?,
            Some(cause) => {
                if !self.holds.is_empty() {
                    write!(f, "\n  ✓ {}", self.holds.join(", "))?;
                }
                write!(f, "\n  ✗ {}: {}", cause.id, cause.says)?;
                for Observation { of, path, says } in &cause.evidence {
                    let path = path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
                    write!(f, "\n      {of}{path}: {says}")?;
                }
                for Remedy { grade, command } in &cause.remedies {
                    let does = match grade {
                        Grade::Inspect => "looks",
                        Grade::Change => "changes",
                        Grade::Destroys => "makes the pod anew",
                    };
                    write!(f, "\n    → {command}   ({does})")?;
                }
            }
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n  • {note}"))
    }
}
