//! Tables as kubectl prints them: columns by name, rows by NAME.
//! Knows nothing of other output.

use super::comparison::{Comparison, Summary};
use super::text::normalised;
use crate::compare::Fidelity;

/// Columns whose cells differ from run to run.
const VOLATILE: &[&str] = &["AGE", "RESTARTS", "LAST SEEN", "FIRST SEEN", "DURATION", "IP", "NODE", "CREATED"];
/// Columns that name a row.
const KEYS: &[&str] = &["NAMESPACE", "NAME"];

#[derive(Debug)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The same rows without what differs from run to run.
    steady: Vec<Vec<String>>,
}

/// None unless both are, or hold, tables.
pub(super) fn compare(shown: &str, printed: &str) -> Option<Comparison> {
    let printed = tables(printed);
    let judged = printed.iter().filter_map(|printed| {
        let shown = whole(shown).or_else(|| headless(&printed.columns, shown))?;
        Some(judge(&shown, printed))
    });
    judged.min_by_key(Comparison::rank)
}

fn judge(shown: &Table, printed: &Table) -> Comparison {
    let gone: Vec<&String> = shown.columns.iter().filter(|column| !printed.columns.contains(column)).collect();
    let common: Vec<&str> = shown.columns.iter().map(String::as_str).filter(|c| printed.index(c).is_some()).collect();
    if common.is_empty() {
        let header = |table: &Table| table.columns.join("   ");
        let diff = format!("- {}\n+ {}", header(shown), header(printed));
        return Comparison::Contradicted(Summary::new("another table", diff));
    }
    let differences = (0..shown.rows.len()).flat_map(|row| row_differences(shown, row, printed, &common)).collect();
    if let Some(contradicted) = Comparison::contradicted_by(differences) {
        return contradicted;
    }
    if let Some(column) = gone.first() {
        let diff = format!("- {}\n+ {}", shown.columns.join("   "), printed.columns.join("   "));
        return Comparison::Drifted(Summary::new(format!("column `{column}` is gone"), diff));
    }
    let same_shape = shown.columns == printed.columns && shown.rows.len() == printed.rows.len();
    Comparison::Reproduced(if same_shape { Fidelity::Normalised } else { Fidelity::Subset })
}

fn row_differences(shown: &Table, row: usize, printed: &Table, common: &[&str]) -> Vec<Summary> {
    let steady: Vec<&str> = common.iter().copied().filter(|column| !VOLATILE.contains(column)).collect();
    let named: Vec<&str> = steady.iter().copied().filter(|column| KEYS.contains(column)).collect();
    let key = if named.is_empty() { &steady } else { &named };
    let same = |other: usize, column: &str| shown.steady(row, column) == printed.steady(other, column);
    let twins = || (0..printed.rows.len()).filter(|other| key.iter().all(|column| same(*other, column)));
    // A watched table has a row for each state that an object went through.
    let whole = || twins().find(|other| steady.iter().all(|column| same(*other, column)));
    let Some(twin) = whole().or_else(|| twins().next()) else {
        let name = key.iter().map(|column| shown.cell(row, column)).collect::<Vec<_>>().join(" ");
        return vec![Summary::new(format!("no row `{name}`"), format!("- {}", shown.rows[row].join("   ")))];
    };
    let name = key.iter().map(|column| shown.cell(row, column)).collect::<Vec<_>>().join("/");
    let differing = steady.into_iter().filter(|column| !same(twin, column));
    differing
        .map(|column| {
            let (shown, printed) = (shown.cell(row, column), printed.cell(twin, column));
            let diff = format!("- {name} {column}: {shown}\n+ {name} {column}: {printed}");
            Summary::new(format!("{name} has {column} `{printed}` instead of `{shown}`"), diff)
        })
        .collect()
}

impl Table {
    fn new(columns: Vec<String>, rows: Vec<Vec<String>>) -> Self {
        let steady = rows.iter().map(|row| row.iter().map(|cell| normalised(cell)).collect()).collect();
        Table { columns, rows, steady }
    }

    fn index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }

    fn cell(&self, row: usize, column: &str) -> &str {
        self.index(column).and_then(|index| self.rows[row].get(index)).map(String::as_str).unwrap_or_default()
    }

    fn steady(&self, row: usize, column: &str) -> &str {
        self.index(column).and_then(|index| self.steady[row].get(index)).map(String::as_str).unwrap_or_default()
    }
}

/// The text as one table, header first.
fn whole(text: &str) -> Option<Table> {
    let header = text.lines().next().filter(|line| is_header(line))?;
    let rows = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    Some(Table::new(cells(header), rows.map(|line| row(header, line)).collect()))
}

/// Rows shown without their header, under the header that was printed.
fn headless(columns: &[String], text: &str) -> Option<Table> {
    let rows: Vec<Vec<String>> = text.lines().filter(|line| !line.trim().is_empty()).map(cells).collect();
    let fits = columns.len() > 1 && rows.iter().all(|row| row.len() == columns.len());
    fits.then(|| Table::new(columns.to_vec(), rows))
}

/// Every table in the text: a header, and rows up to an empty line or the next header.
fn tables(text: &str) -> Vec<Table> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|at| is_header(lines[*at])).collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let blocks = starts.iter().zip(ends).map(|(start, end)| {
        let block = lines[*start..end].iter().take_while(|line| !line.trim().is_empty());
        block.copied().collect::<Vec<_>>().join("\n")
    });
    blocks.filter_map(|block| whole(&block)).collect()
}

/// Two or more names in capitals, two or more spaces apart.
fn is_header(line: &str) -> bool {
    let name = |cell: &String| {
        cell.starts_with(|c: char| c.is_ascii_uppercase())
            && cell.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || " -_/().:%".contains(c))
    };
    let cells = cells(line);
    cells.len() > 1 && cells.iter().all(name)
}

/// Cells are two or more spaces apart: some hold a single one.
fn cells(line: &str) -> Vec<String> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(String::from).collect()
}

/// The cells of a row; by the header's columns where one of them is empty.
fn row(header: &str, line: &str) -> Vec<String> {
    let columns = cells(header);
    let plain = cells(line);
    if plain.len() == columns.len() {
        return plain;
    }
    let mut from = 0;
    let starts: Vec<usize> = columns
        .iter()
        .map(|column| {
            let start = header[from..].find(column.as_str()).map_or(from, |at| from + at);
            from = start + column.len();
            header[..start].chars().count()
        })
        .collect();
    let chars: Vec<char> = line.chars().collect();
    let cut = |start: usize, end: usize| chars.get(start..end.min(chars.len())).unwrap_or_default().iter().collect();
    let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end): (_, usize)| -> String { cut(*start, end) })
        .map(|c| c.trim().into())
        .collect()
}
