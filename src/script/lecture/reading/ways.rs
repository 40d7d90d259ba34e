//! Ways to the same end: sections that are options of each other, and commands after `Alternatively, …`.

use std::collections::HashMap;

use super::Reading;
use crate::script::lecture::item::{Alternative, ItemId};

/// Marks the items of each group of ways.
pub(super) fn mark(reading: &mut Reading) {
    let ways = reading.outline.ways();
    let mut groups: HashMap<usize, ItemId> = HashMap::new();
    for at in 0..reading.items.len() {
        if let Some((group, number)) = ways[reading.places[at].section] {
            let group = groups.entry(group).or_insert_with(|| reading.items[at].id.clone()).clone();
            reading.items[at].alternative = Some(Alternative { group, number });
        }
    }
    for at in 1..reading.items.len() {
        if !reading.places[at].instead
            || reading.items[at].command().is_none()
            || reading.items[at].alternative.is_some()
        {
            continue;
        }
        let section = reading.places[at].section;
        let before = (0..at).rev().find(|before| reading.items[*before].command().is_some());
        let Some(before) = before.filter(|before| reading.places[*before].section == section) else { continue };
        let first = match reading.items[before].alternative.clone() {
            Some(first) => first,
            None => Alternative { group: reading.items[before].id.clone(), number: 1 },
        };
        reading.items[at].alternative = Some(Alternative { group: first.group.clone(), number: first.number + 1 });
        reading.items[before].alternative = Some(first);
    }
}
