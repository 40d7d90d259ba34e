//! Moving lines that have names: what is going on, and since when. Pure.

use super::line::{CYAN, DIM, Line, PLAIN};
use super::screen::{Moving, spinner};

#[derive(Debug, Default)]
pub(super) struct Bars(Vec<Bar>);

#[derive(Debug)]
struct Bar {
    name: String,
    text: String,
    /// When it began, where that is told.
    began_ms: Option<u64>,
}

impl Bars {
    /// Shows this under the name, in place of what was shown under it.
    pub(super) fn set(&mut self, name: &str, text: String, began_ms: Option<u64>) {
        match self.0.iter_mut().find(|bar| bar.name == name) {
            Some(bar) => bar.text = text,
            None => self.0.push(Bar { name: name.to_owned(), text, began_ms }),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|bar| bar.name != name);
    }
}

impl Moving for Bars {
    /// The last ones, where there is no room for all.
    fn lines(&self, (columns, rows): (usize, usize), now_ms: u64) -> Vec<String> {
        let first = self.0.len().saturating_sub(rows.saturating_sub(1).max(1));
        let lines = self.0[first..].iter().map(|bar| {
            let since = bar.began_ms.map(|began| format!(" {:>3}s", now_ms.saturating_sub(began) / 1000));
            let line = Line::new(CYAN, format!("  {}", spinner(now_ms))).and(DIM, since.unwrap_or_default());
            line.and(PLAIN, format!(" {}", bar.text)).within(columns).text()
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_known_by_its_name_and_fits() {
        let mut bars = Bars::default();
        bars.set("step", "sleep 6".into(), Some(1_000));
        (0..5).for_each(|n| bars.set("pod", format!("pod/p  0.{n}0 Pending"), None));
        let shown = |bars: &Bars, size| -> Vec<String> {
            bars.lines(size, 13_400).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
        };
        assert_eq!(shown(&bars, (80, 24)), ["  ⠙  12s sleep 6", "  ⠙ pod/p  0.40 Pending"]);
        assert_eq!(shown(&bars, (12, 2)), ["  ⠙ pod/p  …"]);
        bars.remove("step");
        assert_eq!(shown(&bars, (80, 24)).len(), 1);
    }
}
