//! The comparison of a lecture's output: which form it has, and what differs, each with its place and class.

use super::grid::{self, Grid};
use super::{Class, Difference, Fidelity, Path, lines, table, tree};

/// What the shown output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputForm {
    /// One or more tables, and lines beside them.
    Table,
    /// JSON or YAML.
    Tree,
    Lines,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypedComparison {
    pub form: OutputForm,
    /// How closely the printed output says what is shown, but for the differences that count.
    pub fidelity: Fidelity,
    /// In the order of the shown output; all of them, also those that differ from run to run.
    pub differences: Vec<Difference>,
}

impl TypedComparison {
    /// The differences that make the printed output say something else.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.class.counts())
    }

    /// Whether the same command may print what is shown a little later: all that differs is a state of the cluster or
    /// what only its shape tells.
    pub(crate) fn may_come(&self) -> bool {
        let mut counted = self.counted().filter(|difference| !difference.class.is_shape()).peekable();
        counted.peek().is_some() && counted.all(|difference| difference.class.may_come())
    }
}

/// Compares what a lecture shows with what was printed.
pub(crate) fn typed(shown: &str, printed: &str) -> TypedComparison {
    let (shown, printed) = (trimmed(shown), trimmed(printed));
    let outcome = trees(&shown, &printed).or_else(|| tables(&shown, &printed));
    let outcome = outcome.unwrap_or_else(|| plain(&shown, &printed));
    let is_exact = shown == printed;
    TypedComparison { fidelity: if is_exact { Fidelity::Exact } else { outcome.fidelity }, ..outcome }
}

/// Without control sequences of colours, carriage returns, and blanks at ends.
fn trimmed(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.trim_matches('\n').lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn trees(shown: &str, printed: &str) -> Option<TypedComparison> {
    let (shown, printed) = (tree::parse(shown)?, tree::parse(printed)?);
    let differences = tree::differences(&shown, &printed);
    let fidelity = if tree::is_subset(&shown, &printed) { Fidelity::Subset } else { Fidelity::Normalised };
    Some(TypedComparison { form: OutputForm::Tree, fidelity, differences })
}

fn plain(shown: &str, printed: &str) -> TypedComparison {
    let found = lines::differences(shown.lines().enumerate(), printed);
    let is_part = found.is_part || found.differences.iter().any(|difference| difference.class == Class::Longer);
    let fidelity = if is_part { Fidelity::Fragments } else { Fidelity::Normalised };
    TypedComparison { form: OutputForm::Lines, fidelity, differences: found.differences }
}

/// None where no table is shown, or rows that no printed table has.
fn tables(shown: &str, printed: &str) -> Option<TypedComparison> {
    let of_printed = grid::grids(printed);
    let of_shown = grid::grids(shown);
    if of_shown.is_empty() {
        return of_printed.iter().find_map(|printed| headless(shown, printed));
    }
    let mut differences = Vec::new();
    let mut is_subset = of_printed.len() > of_shown.len();
    for (at, shown) in of_shown.iter().enumerate() {
        let judged =
            |printed: &Grid| (table::differences(at + 1, shown, printed), printed.rows.len() > shown.rows.len());
        let best = of_printed.iter().map(judged).min_by_key(|(differences, _)| weight(differences));
        let (found, has_more) = best.unwrap_or_else(|| (rows_missing(at + 1, shown), false));
        differences.extend(found);
        is_subset |= has_more;
    }
    let is_beside = |line: usize| !of_shown.iter().any(|grid| (grid.lines.0..grid.lines.1).contains(&line));
    let beside = shown.lines().enumerate().filter(|(line, _)| is_beside(*line));
    differences.extend(lines::differences(beside, printed).differences);
    differences.sort_by_key(|difference| difference.line);
    let fidelity = if is_subset { Fidelity::Subset } else { Fidelity::Normalised };
    Some(TypedComparison { form: OutputForm::Table, fidelity, differences })
}

/// A table without a column in common is another table, whatever else it lacks.
fn weight(differences: &[Difference]) -> usize {
    differences.iter().filter(|difference| difference.class.counts()).count()
}

fn headless(shown: &str, printed: &Grid) -> Option<TypedComparison> {
    let grid = grid::headless(printed, shown)?;
    let differences = table::differences(1, &grid, printed);
    let missing = differences.iter().filter(|difference| difference.class == Class::RowMissing).count();
    let fidelity = if printed.rows.len() > grid.rows.len() { Fidelity::Subset } else { Fidelity::Normalised };
    (missing < grid.rows.len()).then_some(TypedComparison { form: OutputForm::Table, fidelity, differences })
}

/// No table was printed.
fn rows_missing(number: usize, shown: &Grid) -> Vec<Difference> {
    let missing = shown.rows.iter().map(|row| Difference {
        class: Class::RowMissing,
        path: Path::Row { table: number, row: row.cells.first().cloned().unwrap_or_default() },
        line: row.line + 1,
        shown: Some(row.cells.join("   ")),
        printed: None,
    });
    missing.collect()
}
