//! What there is to say about an object, before it is an ObjectEvent object. Pure.

/// An event about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectEvent {
    pub warning: bool,
    pub reason: &'static str,
    pub message: String,
    /// `spec.containers{NAME}`; None for the object itself.
    pub field_path: Option<String>,
}

impl ObjectEvent {
    #[must_use]
    pub(crate) fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { warning: false, reason, message: message.into(), field_path: None }
    }

    #[must_use]
    pub(crate) fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::normal(reason, message) }
    }

    #[must_use]
    pub(crate) fn about(self, field_path: &str) -> Self {
        Self { field_path: Some(field_path.to_owned()), ..self }
    }

    /// `Normal` or `Warning`.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }
}
