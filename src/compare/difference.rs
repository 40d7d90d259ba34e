//! What differs between a shown and a printed output, with its place and its kind.
//! Knows nothing of verdicts: what a difference means is said by who asked for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How closely printed output says what is shown; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fidelity {
    /// Character by character, but for spaces at line ends.
    Exact,
    /// But for times, ages, ids, digests, addresses, hashes, spacing, and what the shown output leaves out.
    Normalised,
    /// All that is shown, and more of the same: rows, keys.
    Subset,
    /// Each shown line occurs, in this order.
    Fragments,
}

/// What kind of difference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// It differs from run to run: an age, an address, a generated suffix, a node.
    Volatile,
    /// The shown output leaves it out: `...`, `xxxxx`, `<pod-name>`.
    Elided,
    /// The printed line says what is shown, and more before or after it.
    Longer,
    /// It changes while the cluster works, so that it may come yet: STATUS, READY, a field below `status`.
    State,
    /// A cell, a field or the value after a key says something else.
    Value,
    /// A table has a column that is not shown.
    ColumnAdded,
    /// A table lacks a column that is shown.
    ColumnMissing,
    /// A table lacks a row that is shown.
    RowMissing,
    /// A shown line is not there, or is reworded.
    Text,
    /// A shown line comes before one that is shown above it.
    Order,
}

impl Class {
    /// Whether output with such a difference says something else than what is shown.
    pub(crate) fn counts(self) -> bool {
        !matches!(self, Self::Volatile | Self::Elided | Self::Longer)
    }

    /// Whether only the shape of the output differs, not what it says.
    pub(crate) fn is_shape(self) -> bool {
        matches!(self, Self::ColumnAdded | Self::ColumnMissing | Self::Order)
    }

    /// Whether the same command may print what is shown a little later.
    pub(crate) fn may_come(self) -> bool {
        matches!(self, Self::State | Self::RowMissing)
    }
}

/// Where a difference is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "in", rename_all = "kebab-case")]
pub(crate) enum Path {
    /// A cell: the table's number among those shown, from 1; the row's name; the column.
    Cell { table: usize, row: String, column: String },
    /// A whole row.
    Row { table: usize, row: String },
    /// A whole column.
    Column { table: usize, column: String },
    /// A field of JSON or YAML (RFC 6901).
    Field { pointer: String },
    /// A line.
    Line,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell { row, column, .. } => write!(f, "{row} {column}"),
            Self::Row { row, .. } => write!(f, "row {row}"),
            Self::Column { column, .. } => write!(f, "column {column}"),
            Self::Field { pointer } => f.write_str(pointer),
            Self::Line => f.write_str("line"),
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Difference {
    pub class: Class,
    pub path: Path,
    /// The line of the shown output it is about, from 1; for JSON and YAML the first line of the document.
    pub line: usize,
    /// As it is shown; None where nothing of the kind is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// As it was printed; None where nothing of the kind was printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
}

/// In one line, for people.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, printed) = (self.shown.as_deref(), self.printed.as_deref());
        match (self.class, shown, printed) {
            (Class::ColumnAdded, ..) => write!(f, "{} is new", self.path),
            (Class::ColumnMissing, ..) => write!(f, "{} is gone", self.path),
            (Class::RowMissing, ..) => write!(f, "no {}", self.path),
            (Class::Order, Some(shown), _) => write!(f, "`{shown}` comes earlier"),
            (_, Some(shown), Some(printed)) => write!(f, "{}: `{printed}` instead of `{shown}`", self.path),
            (_, Some(shown), None) => write!(f, "{}: no `{shown}`", self.path),
            (_, None, printed) => write!(f, "{}: `{}` is new", self.path, printed.unwrap_or_default()),
        }
    }
}
