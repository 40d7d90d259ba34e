//! Notes that have the same reason are one. Pure.

/// What is noted, and why.
#[derive(Debug, Default)]
pub(super) struct Notes(Option<(Vec<String>, String)>);

impl Notes {
    /// Takes a note; gives the one before it, where that has another reason.
    pub(super) fn take(&mut self, text: &str) -> Option<String> {
        let (what, why) = text.split_once(": ").unwrap_or((text, ""));
        match &mut self.0 {
            Some((noted, reason)) if reason == why && !why.is_empty() => {
                noted.push(what.to_owned());
                None
            }
            _ => {
                let before = self.end();
                self.0 = Some((vec![what.to_owned()], why.to_owned()));
                before
            }
        }
    }

    /// The last one.
    pub(super) fn end(&mut self) -> Option<String> {
        let (what, why) = self.0.take()?;
        let colon = if why.is_empty() { "" } else { ": " };
        Some(format!("{}{colon}{why}", what.join(", ")))
    }
}
