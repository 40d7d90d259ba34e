//! What to do next about an error. Knows no error: each answers for itself, in a match without a catch-all arm, so that a
//! new variant cannot be forgotten.

/// An error that says what to do next.
pub trait Hint {
    /// One line that says what to do next. Returns None where the error itself says all there is to say.
    fn hint(&self) -> Option<String>;
}
