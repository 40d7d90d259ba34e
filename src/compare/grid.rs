//! Tables as kubectl and docker print them and as authors retype them, read into columns and rows.
//! Knows nothing of what a column means.

use super::volatile::collapsed;

/// A table in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    /// In capitals, single-spaced.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// The lines it takes, from 0: its first, and the one behind its last.
    pub(super) lines: (usize, usize),
    /// False where rows stand without their header.
    pub(super) has_header: bool,
}

/// A row; as many cells as the table has columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// Its line in the text, from 0.
    pub(super) line: usize,
}

/// Columns whose names have a space, which a header with single spaces would take apart.
const OF_TWO_WORDS: &[&str] = &[
    "LAST SEEN",
    "FIRST SEEN",
    "LAST SCHEDULE",
    "NOMINATED NODE",
    "READINESS GATES",
    "CREATED AT",
    "ACCESS MODES",
    "RECLAIM POLICY",
    "CONTAINER ID",
    "IMAGE ID",
    "POD ID",
];
/// The last column of these takes all the words that are left.
const SENTENCES: &[&str] = &["MESSAGE", "COMMAND", "PORTS", "LABELS"];

impl Grid {
    pub(super) fn index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }

    pub(super) fn cell(&self, row: usize, column: &str) -> &str {
        let cell = self.index(column).and_then(|index| self.rows[row].cells.get(index));
        cell.map(String::as_str).unwrap_or_default()
    }
}

/// Every table of a text: a header, and rows up to an empty line or the next header.
pub(super) fn grids(text: &str) -> Vec<Grid> {
    let lines: Vec<&str> = text.lines().collect();
    let mut grids = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(header) = Header::at(&lines, at) else {
            at += 1;
            continue;
        };
        let mut end = at + header.lines;
        let mut rows = Vec::new();
        while end < lines.len() && !lines[end].trim().is_empty() && Header::at(&lines, end).is_none() {
            if !super::elision::is_gap(lines[end]) {
                rows.push(Row { cells: header.cells(lines[end]), line: end });
            }
            end += 1;
        }
        grids.push(Grid { columns: header.names, rows, lines: (at, end), has_header: true });
        at = end;
    }
    grids
}

/// Rows without their header, under the header that was printed: each line must have a cell for each column.
pub(super) fn headless(printed: &Grid, text: &str) -> Option<Grid> {
    let columns = &printed.columns;
    let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let fitting = |(line, text): (usize, &str)| {
        let wide = split(text);
        let cells = if wide.len() == columns.len() { wide } else { worded(text, columns)? };
        Some(Row { cells, line })
    };
    let rows: Vec<Row> = lines().map(fitting).collect::<Option<_>>()?;
    let end = rows.last()?.line + 1;
    (columns.len() > 1).then(|| Grid { columns: columns.clone(), lines: (rows[0].line, end), rows, has_header: false })
}

/// A header, and where its columns begin.
struct Header {
    names: Vec<String>,
    /// In characters.
    starts: Vec<usize>,
    /// One, or two with the line of dashes that `describe` draws.
    lines: usize,
}

impl Header {
    fn at(lines: &[&str], at: usize) -> Option<Self> {
        let line = lines[at];
        let underlined = lines.get(at + 1).is_some_and(|next| is_rule(next)) && line.split_whitespace().count() > 1;
        let names = if underlined { split(&line.to_uppercase()) } else { names(line)? };
        let upper = line.to_uppercase();
        let mut from = 0;
        let starts = names
            .iter()
            .map(|name| {
                let start = upper.get(from..).and_then(|rest| rest.find(name.as_str())).map_or(from, |at| from + at);
                from = start + name.len();
                upper.get(..start).map_or(start, |before| before.chars().count())
            })
            .collect();
        Some(Self { names, starts, lines: if underlined { 2 } else { 1 } })
    }

    /// By wide spaces; where a cell is empty by the columns' places; where an author used single spaces by words.
    fn cells(&self, line: &str) -> Vec<String> {
        let wide = split(line);
        if wide.len() == self.names.len() {
            return wide;
        }
        self.placed(line).or_else(|| worded(line, &self.names)).unwrap_or_else(|| {
            let mut cells = wide;
            cells.resize(self.names.len(), String::new());
            cells
        })
    }

    /// None where a word runs over the beginning of a column.
    fn placed(&self, line: &str) -> Option<Vec<String>> {
        let chars: Vec<char> = line.chars().collect();
        let is_space = |at: usize| chars.get(at).is_none_or(|char| char.is_whitespace());
        let fits = self.starts.iter().all(|start| *start == 0 || is_space(start - 1));
        let ends = self.starts.iter().skip(1).copied().chain([usize::MAX]);
        let cut = |start: usize, end: usize| -> String {
            chars.get(start..end.min(chars.len())).unwrap_or_default().iter().collect()
        };
        fits.then(|| self.starts.iter().zip(ends).map(|(start, end)| cut(*start, end).trim().to_owned()).collect())
    }
}

/// The names in a header; None where the line is none.
fn names(line: &str) -> Option<Vec<String>> {
    let is_name = |cell: &String| {
        cell.starts_with(|c: char| c.is_ascii_uppercase())
            && cell.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || " -_/().:%".contains(c))
    };
    let cells = split(line);
    // Custom columns may be called anything in capitals, so wide cells are taken as they are.
    let is_wide = cells.len() > 1 && cells.iter().all(is_name);
    let names: Vec<String> = if is_wide {
        cells
            .iter()
            .flat_map(|cell| if cell.split(' ').count() > 2 { apart(cell) } else { vec![cell.clone()] })
            .collect()
    } else {
        apart(&collapsed(line))
    };
    let is_header = is_wide || names.len() > 2 && names.iter().all(is_name) && names.iter().any(|name| name == "NAME");
    is_header.then_some(names)
}

/// Words as names of columns, two of them where they belong together.
fn apart(cell: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = cell;
    while !rest.is_empty() {
        let together = OF_TWO_WORDS
            .iter()
            .find(|name| rest.strip_prefix(**name).is_some_and(|after| after.is_empty() || after.starts_with(' ')));
        let end = together.map_or_else(|| rest.find(' ').unwrap_or(rest.len()), |name| name.len());
        names.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    names
}

fn is_rule(line: &str) -> bool {
    line.contains("--") && line.chars().all(|c| c == '-' || c.is_whitespace())
}

/// Cells are two or more spaces, or a tab, apart: some hold a single space.
fn split(line: &str) -> Vec<String> {
    let line = line.replace('\t', "  ").replace('\u{a0}', " ");
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(String::from).collect()
}

/// A row with single spaces: what stands in parentheses belongs to the word before, what is left to a last column
/// that holds sentences.
fn worded(line: &str, columns: &[String]) -> Option<Vec<String>> {
    let mut cells: Vec<String> = Vec::new();
    let mut open = false;
    for word in line.split_whitespace() {
        let joins = open || word.starts_with('(');
        match cells.last_mut().filter(|_| joins) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => cells.push(word.to_owned()),
        }
        open = joins && !word.ends_with(')');
    }
    if cells.len() > columns.len() && columns.last().is_some_and(|last| SENTENCES.contains(&last.as_str())) {
        let rest = cells.split_off(columns.len() - 1).join(" ");
        cells.push(rest);
    }
    (cells.len() == columns.len()).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> String {
        let table = |grid: &Grid| {
            let rows = grid.rows.iter().map(|row| format!("{}: {}", row.line, row.cells.join("|")));
            std::iter::once(grid.columns.join("|")).chain(rows).collect::<Vec<_>>().join("\n")
        };
        grids(text).iter().map(table).collect::<Vec<_>>().join("\n--\n")
    }

    #[test]
    fn tables_are_read_however_they_are_spaced() {
        for (text, expected) in [
            ("NAME    READY   STATUS\nmypod   0/1     Pending\n", "NAME|READY|STATUS\n1: mypod|0/1|Pending"),
            (
                "NAME READY STATUS RESTARTS AGE\nmypod 1/1 Running 2 (3s ago) 5s",
                "NAME|READY|STATUS|RESTARTS|AGE\n1: mypod|1/1|Running|2 (3s ago)|5s",
            ),
            ("NAME\tREADY\tSTATUS\nmypod\t1/1\tRunning", "NAME|READY|STATUS\n1: mypod|1/1|Running"),
            (
                "LAST SEEN TYPE REASON OBJECT NAME MESSAGE\n5s Normal Pulled pod/p p Successfully pulled it",
                "LAST SEEN|TYPE|REASON|OBJECT|NAME|MESSAGE\n1: 5s|Normal|Pulled|pod/p|p|Successfully pulled it",
            ),
            (
                "CURRENT   NAME       CLUSTER    AUTHINFO   NAMESPACE\n*         kind-ref   kind-ref   kind-ref   \n          other      o          o          ns",
                "CURRENT|NAME|CLUSTER|AUTHINFO|NAMESPACE\n1: *|kind-ref|kind-ref|kind-ref|\n2: |other|o|o|ns",
            ),
            (
                "Events:\n  Type    Reason     Age   From      Message\n  ----    ------     ----  ----      -------\n  Normal  Scheduled  5s    kubelet   Pulling it\n",
                "TYPE|REASON|AGE|FROM|MESSAGE\n3: Normal|Scheduled|5s|kubelet|Pulling it",
            ),
            (
                "NAME        READY\npod/mypod   1/1\n\nNAME                     AGE\nserviceaccount/default   3s",
                "NAME|READY\n1: pod/mypod|1/1\n--\nNAME|AGE\n4: serviceaccount/default|3s",
            ),
            ("NAME  AGE\na  1s\n...\nb  2s", "NAME|AGE\n1: a|1s\n3: b|2s"),
            ("HELLO WORLD\nand more", ""),
            ("pod/mypod created", ""),
        ] {
            assert_eq!(summary(text), expected, "{text}");
        }
    }

    #[test]
    fn rows_without_a_header_take_the_printed_one() {
        let printed = &grids("NAME   READY   STATUS   RESTARTS   AGE\nmypod   0/1   ErrImagePull   0   7s")[0];
        let rows = |text: &str| headless(printed, text).map(|grid| grid.rows.len());
        assert_eq!(rows("mypod   0/1   ErrImagePull   0   4s"), Some(1));
        assert_eq!(rows("mypod 0/1 ErrImagePull 0 4s\n\nother 1/1 Running 0 2s"), Some(2));
        assert_eq!(rows("No resources found"), None);
    }
}
