//! Names back, in a stream of bytes: what is played is replaced wherever it stands, correct over the borders of chunks.
//! Nothing is held back but an end that may be the beginning of a name. Knows no names, only pairs of texts.

use aho_corasick::{AhoCorasick, Input, MatchKind};
use bytes::{Bytes, BytesMut};

/// Texts and what replaces them. Of two that begin at the same place the longer wins. A text that ends in a letter or a
/// digit is not replaced where another follows: `lab1` is not the beginning of `lab10`.
#[derive(Debug, Default)]
pub(crate) struct Replacer {
    automaton: Option<AhoCorasick>,
    pairs: Vec<(Vec<u8>, Bytes)>,
    /// The bytes that texts begin with.
    firsts: Vec<u8>,
    longest: usize,
}

/// What a stream has yet to decide.
#[derive(Debug, Default)]
pub(crate) struct Pending(Bytes);

impl Replacer {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        let pairs: Vec<(Vec<u8>, Bytes)> = pairs.into_iter().map(|(from, to)| (from.into_bytes(), to.into())).collect();
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(pairs.iter().map(|(from, _)| from));
        let mut firsts: Vec<u8> = pairs.iter().filter_map(|(from, _)| from.first().copied()).collect();
        firsts.sort_unstable();
        firsts.dedup();
        let longest = pairs.iter().map(|(from, _)| from.len()).max().unwrap_or_default();
        // The automaton of a lab's few names is never too large.
        Self { automaton: automaton.ok(), pairs, firsts, longest }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let bytes = Pending::default().last(self, Bytes::copy_from_slice(text.as_bytes()));
        // Names replaced by names: still UTF-8.
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The texts as replaced in `data`; from the second on it is undecided, unless it is the stream's end.
    fn replaced(&self, data: &Bytes, is_end: bool) -> (Bytes, usize) {
        let Some(automaton) = &self.automaton else { return (data.clone(), data.len()) };
        let undecided = if is_end { Vec::new() } else { self.undecided(data) };
        let held = |done: usize| undecided.iter().copied().find(|at| *at >= done).unwrap_or(data.len());
        let (mut out, mut done, mut at) = (BytesMut::new(), 0, 0);
        let mut until = held(0);
        while let Some(found) = automaton.find(Input::new(&data[..]).range(at..)) {
            if found.start() >= until {
                break;
            }
            at = found.start() + 1;
            let Some((from, to)) = self.at(data, found.start()) else { continue };
            out.extend_from_slice(&data[done..found.start()]);
            out.extend_from_slice(to);
            done = found.start() + from.len();
            at = done;
            until = held(done);
        }
        if done == 0 {
            return (data.slice(..until), until);
        }
        out.extend_from_slice(&data[done..until]);
        (out.freeze(), until)
    }

    /// The longest text at `start` that does not go on as another name.
    fn at(&self, data: &[u8], start: usize) -> Option<&(Vec<u8>, Bytes)> {
        let here = self.pairs.iter().filter(|(from, _)| data[start..].starts_with(from));
        here.filter(|(from, _)| !goes_on(data, start + from.len())).max_by_key(|(from, _)| from.len())
    }

    /// Where the end of `data` may be the beginning of a text, or one that goes on.
    fn undecided(&self, data: &[u8]) -> Vec<usize> {
        let from = data.len().saturating_sub(self.longest);
        let begins = |at: &usize| {
            self.firsts.contains(&data[*at]) && self.pairs.iter().any(|(text, _)| text.starts_with(&data[*at..]))
        };
        (from..data.len()).filter(begins).collect()
    }
}

/// Whether a name that ends before `end` goes on.
fn goes_on(data: &[u8], end: usize) -> bool {
    let is = |at: usize| data.get(at).is_some_and(u8::is_ascii_alphanumeric);
    is(end - 1) && is(end)
}

impl Pending {
    /// The next chunk as far as it is decided.
    pub(crate) fn next(&mut self, replacer: &Replacer, chunk: Bytes) -> Bytes {
        let data = self.with(chunk);
        let (out, until) = replacer.replaced(&data, false);
        self.0 = data.slice(until..);
        out
    }

    /// The last chunk, and all that was pending.
    pub(crate) fn last(&mut self, replacer: &Replacer, chunk: Bytes) -> Bytes {
        replacer.replaced(&self.with(chunk), true).0
    }

    fn with(&mut self, chunk: Bytes) -> Bytes {
        let pending = std::mem::take(&mut self.0);
        if pending.is_empty() { chunk } else { [pending, chunk].concat().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replacer() -> Replacer {
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        Replacer::new(vec![
            pair("r-lab1-", ""),
            pair("r-lab1", "default"),
            pair("hub/r-lab1-o-app", "o/app"),
            pair("r-lab1-o-app", "o/app"),
        ])
    }

    const TEXTS: &[(&str, &str)] = &[
        ("", ""),
        ("nothing of it", "nothing of it"),
        ("r-lab1", "default"),
        ("r-lab10", "r-lab10"),
        ("\"r-lab1\",\"r-lab1-demo\"", "\"default\",\"demo\""),
        ("hub/r-lab1-o-app:1 hub/r-lab1-o-apps hub/r-lab", "o/app:1 hub/o-apps hub/r-lab"),
        ("r-r-lab1-r-lab1", "r-default"),
        ("rr-lab1", "rdefault"),
        ("hub/hub/r-lab1-o-app", "hub/o/app"),
        ("r-lab1-r-lab1-", ""),
    ];

    #[test]
    fn texts_are_replaced_wherever_chunks_end() {
        for (text, expected) in TEXTS.iter().copied() {
            assert_eq!(replacer().text(text), expected);
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let mut pending = Pending::default();
                    let mut out = pending.next(&replacer(), bytes.slice(..first)).to_vec();
                    out.extend(pending.next(&replacer(), bytes.slice(first..second)));
                    out.extend(pending.last(&replacer(), bytes.slice(second..)));
                    assert_eq!(String::from_utf8(out).unwrap(), expected, "{text} cut at {first} and {second}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_a_names_beginning_is_not_held_back() {
        let mut pending = Pending::default();
        let line = Bytes::from_static(b"a line of r-lab1-demo's log\n");
        assert_eq!(pending.next(&replacer(), line), "a line of demo's log\n");
        assert!(pending.0.is_empty());
    }
}
