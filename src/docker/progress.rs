//! How far a long operation of the engine has come.

/// One sign of life of a long operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, e.g. `Downloading` or `RUN pip install flask`.
    pub step: String,
    /// To what: a layer's id, an output line.
    pub detail: String,
    /// Bytes, where they are counted.
    pub current: Option<u64>,
    /// Bytes in the end, where that is known before.
    pub total: Option<u64>,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str([self.step.as_str(), self.detail.as_str()].map(str::trim).join(" ").trim())?;
        match (self.current, self.total) {
            (Some(current), Some(total)) if total > 0 => write!(f, " {}%", current.saturating_mul(100) / total),
            _ => Ok(()),
        }
    }
}

/// Where progress goes.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);
