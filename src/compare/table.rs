//! What differs between a shown table and a printed one: columns by name, rows by NAME.
//! Knows nothing of other output.

use super::grid::Grid;
use super::same::Said;
use super::{Class, Difference, Path, Sameness};

/// Columns whose cells differ from run to run, or with the machine.
const VOLATILE: &[&str] = &[
    "AGE",
    "LAST SEEN",
    "FIRST SEEN",
    "LAST SCHEDULE",
    "DURATION",
    "CREATED",
    "CREATED AT",
    "IP",
    "NODE",
    "NOMINATED NODE",
    "CLUSTER-IP",
    "EXTERNAL-IP",
    "INTERNAL-IP",
    "ADDRESS",
    "ENDPOINTS",
    "OS-IMAGE",
    "KERNEL-VERSION",
    "CONTAINER-RUNTIME",
    "CONTAINER ID",
    "IMAGE ID",
    "SIZE",
    "CPU(CORES)",
    "CPU%",
    "CPU(%)",
    "MEMORY(BYTES)",
    "MEMORY%",
    "MEMORY(%)",
];
/// Columns that change while the cluster works.
const STATE: &[&str] = &[
    "STATUS",
    "READY",
    "RESTARTS",
    "PHASE",
    "UP-TO-DATE",
    "AVAILABLE",
    "CURRENT",
    "COMPLETIONS",
    "ACTIVE",
    "TARGETS",
    "REPLICAS",
    "APPROVED",
    "CONDITION",
];
/// What a node is called and runs differs with the machine; a table of nodes has both columns.
const OF_NODES: &[&str] = &["ROLES", "VERSION"];
const VOLATILE_OF_NODES: &[&str] = &["NAME", "ROLES", "VERSION"];
/// Columns that name a row, the first set that a table has.
const KEYS: &[&[&str]] =
    &[&["NAMESPACE", "NAME"], &["NAME"], &["REASON", "OBJECT"], &["REASON"], &["REPOSITORY", "TAG"], &["NAMES"]];

/// What a shown table, the `number`th of its output, and a printed one differ in.
pub(super) fn differences(number: usize, shown: &Grid, printed: &Grid) -> Vec<Difference> {
    let mut differences = columns(number, shown, printed);
    let common: Vec<&str> = shown.columns.iter().map(String::as_str).filter(|c| printed.index(c).is_some()).collect();
    let words = |grid: &Grid| -> Vec<Vec<Said>> {
        let row = |row| common.iter().map(|column| Said::new(grid.cell(row, column))).collect();
        (0..grid.rows.len()).map(row).collect()
    };
    let sides = Sides { number, shown, printed, common: &common, of_shown: words(shown), of_printed: words(printed) };
    differences.extend(sides.rows());
    differences
}

fn columns(number: usize, shown: &Grid, printed: &Grid) -> Vec<Difference> {
    let line = shown.lines.0 + 1;
    let told = |class, column: &String| {
        let path = Path::Column { table: number, column: column.clone() };
        let (shown, printed) = if class == Class::ColumnMissing { (Some(column), None) } else { (None, Some(column)) };
        Difference { class, path, line, shown: shown.cloned(), printed: printed.cloned() }
    };
    let missing = shown.columns.iter().filter(|column| printed.index(column).is_none());
    let added = printed.columns.iter().filter(|column| shown.index(column).is_none());
    missing.map(|c| told(Class::ColumnMissing, c)).chain(added.map(|c| told(Class::ColumnAdded, c))).collect()
}

struct Sides<'a> {
    number: usize,
    shown: &'a Grid,
    printed: &'a Grid,
    /// Columns that both have, as shown.
    common: &'a [&'a str],
    of_shown: Vec<Vec<Said>>,
    of_printed: Vec<Vec<Said>>,
}

impl Sides<'_> {
    /// Each shown row takes the printed row of its name that it is most like; one row is taken once.
    fn rows(&self) -> Vec<Difference> {
        let mut taken = vec![false; self.printed.rows.len()];
        let mut found: Vec<Option<usize>> = vec![None; self.shown.rows.len()];
        // Rows that are equal find each other before any takes another's.
        for perfect in [true, false] {
            for (row, twin) in found.iter_mut().enumerate().filter(|(_, twin)| twin.is_none()) {
                *twin = self.twin(row, &taken, perfect).inspect(|twin| taken[*twin] = true);
            }
        }
        let told = found.iter().enumerate().map(|(row, twin)| match twin {
            Some(twin) => self.cells(row, *twin),
            None => vec![self.missing(row)],
        });
        told.flatten().collect()
    }

    fn twin(&self, row: usize, taken: &[bool], perfect: bool) -> Option<usize> {
        let key = self.key();
        let free = (0..self.printed.rows.len()).filter(|twin| !taken[*twin]);
        let named = free.filter(|twin| {
            key.iter().all(|column| self.sameness(row, *twin, *column) != Sameness::Other || self.is_volatile(*column))
        });
        let worth = |twin: &usize| self.cells(row, *twin).iter().filter(|d| d.class.counts()).count();
        let best = named.map(|twin| (worth(&twin), twin)).min()?;
        (!perfect || best.0 == 0).then_some(best.1)
    }

    /// The common columns that name a row, by their place among them.
    fn key(&self) -> Vec<usize> {
        let place = |name: &&str| self.common.iter().position(|column| column == name);
        let key = KEYS.iter().find_map(|set| set.iter().map(place).collect::<Option<Vec<_>>>());
        key.unwrap_or_else(|| (0..self.common.len().min(1)).collect())
    }

    fn cells(&self, row: usize, twin: usize) -> Vec<Difference> {
        (0..self.common.len()).filter_map(|column| self.cell(row, twin, column)).collect()
    }

    fn cell(&self, row: usize, twin: usize, column: usize) -> Option<Difference> {
        let (shown, printed) = (&self.of_shown[row][column], &self.of_printed[twin][column]);
        let sameness = self.sameness(row, twin, column);
        let class = match sameness {
            Sameness::Equal => return None,
            // A word of kubectl's in place of an address means that there is none yet.
            _ if self.is_volatile(column) && is_word(&shown.plain) == is_word(&printed.plain) => Class::Volatile,
            _ if self.is_volatile(column) => Class::State,
            Sameness::Volatile | Sameness::Elided => sameness.class()?,
            Sameness::Other if STATE.contains(&self.common[column]) => Class::State,
            Sameness::Other => Class::Value,
        };
        let path = Path::Cell { table: self.number, row: self.name(row), column: self.common[column].to_owned() };
        let (shown, printed) = (Some(shown.plain.clone()), Some(printed.plain.clone()));
        Some(Difference { class, path, line: self.shown.rows[row].line + 1, shown, printed })
    }

    fn sameness(&self, row: usize, twin: usize, column: usize) -> Sameness {
        self.of_shown[row][column].in_words_of(&self.of_printed[twin][column])
    }

    fn is_volatile(&self, column: usize) -> bool {
        let is_of_nodes = OF_NODES.iter().all(|column| self.printed.index(column).is_some());
        let column = self.common[column];
        VOLATILE.contains(&column) || is_of_nodes && VOLATILE_OF_NODES.contains(&column)
    }

    fn missing(&self, row: usize) -> Difference {
        let path = Path::Row { table: self.number, row: self.name(row) };
        let shown = Some(self.shown.rows[row].cells.join("   "));
        Difference { class: Class::RowMissing, path, line: self.shown.rows[row].line + 1, shown, printed: None }
    }

    fn name(&self, row: usize) -> String {
        let cells = self.key().into_iter().map(|column| self.of_shown[row][column].plain.as_str());
        cells.collect::<Vec<_>>().join("/")
    }
}

/// `<none>`, `<pending>`.
fn is_word(cell: &str) -> bool {
    cell.starts_with('<')
}
