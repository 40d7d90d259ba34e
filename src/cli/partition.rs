//! `--partition K/N`: one of several parts of what there is to do, for machines that share it. Pure.

use std::str::FromStr;

use super::printer::Printer;

/// The `part`th of `of` parts, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partition {
    part: usize,
    of: usize,
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            Some(_) => Err("the part is a number from 1 to the number of parts".into()),
            None => Err("say K/N, the Kth of N parts, as in 1/3".into()),
        }
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// What of `items` stands in the part; all of them without one. Each stands in exactly one part, wherever they are dealt
/// out alike.
pub(super) fn part<T>(partition: Option<Partition>, items: Vec<T>) -> Vec<T> {
    let Some(Partition { part, of }) = partition else { return items };
    items.into_iter().skip(part - 1).step_by(of).collect()
}

/// Says that there is nothing to do.
pub(super) fn tell_empty(partition: Option<Partition>, what: &str, printer: &Printer) {
    let part = partition.map(|part| part.to_string()).unwrap_or_default();
    printer.note(&format!("part {part} has no {what}: there are fewer {what}s than parts"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_stands_in_exactly_one_part() {
        for (items, of) in [(0, 3), (2, 3), (7, 3), (9, 1), (5, 5)] {
            let all: Vec<usize> = (0..items).collect();
            let mut dealt: Vec<usize> =
                (1..=of).flat_map(|k| part(Some(format!("{k}/{of}").parse().unwrap()), all.clone())).collect();
            dealt.sort_unstable();
            assert_eq!(dealt, all, "{items} in {of}");
        }
        assert_eq!(part(None, vec![1, 2]), [1, 2]);
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for bad in ["0/3", "4/3", "1/0", "1", "a/b", "", "1/3/5", "-1/3", "99999999999999999999/3"] {
            assert!(bad.parse::<Partition>().is_err(), "{bad}");
        }
    }
}
