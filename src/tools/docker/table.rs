//! Tables, ages and sizes as docker prints them.

/// Columns as Go's tabwriter sets them for docker: ten characters at least, three between. `width` is a cell's where the
/// reader sees it.
pub(super) fn render(rows: &[Vec<String>], width: impl Fn(&str) -> usize) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(|column| (widest(column) + 3).max(10)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let padded = cells.map(|(at, (cell, &column))| match at + 1 == columns {
            true => cell.clone(),
            false => cell.clone() + &" ".repeat(column.saturating_sub(width(cell))),
        });
        padded.collect::<String>() + "\n"
    };
    rows.iter().map(line).collect()
}

/// `4 seconds ago` (go-units, `HumanDuration`).
pub(super) fn age(seconds: i64) -> String {
    let words = match seconds {
        ..1 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        120..3600 => format!("{} minutes", seconds / 60),
        3600..5400 => "About an hour".to_owned(),
        5400..172_800 => format!("{} hours", (seconds + 1800) / 3600),
        172_800..1_209_600 => format!("{} days", seconds / 86_400),
        1_209_600..5_184_000 => format!("{} weeks", seconds / 604_800),
        5_184_000..63_072_000 => format!("{} months", seconds / 2_592_000),
        _ => format!("{} years", seconds / 31_536_000),
    };
    words + " ago"
}

/// `57.3MB` (go-units, three digits).
pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < units.len() {
        size /= 1000.0;
        unit += 1;
    }
    let digits = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{size:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

/// The first twelve letters of an id.
pub(super) fn short(id: &str) -> &str {
    id.trim_start_matches("sha256:").get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_ages_and_sizes_are_dockers() {
        let rows = [["REPOSITORY", "TAG", "SIZE"], ["a/b", "1.0.0", "57.3MB"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(render(&rows, |cell| cell.len()), "REPOSITORY   TAG       SIZE\na/b          1.0.0     57.3MB\n");
        for (seconds, words) in [(0, "Less than a second"), (59, "59 seconds"), (61, "About a minute")] {
            assert_eq!(age(seconds), format!("{words} ago"));
        }
        assert_eq!((age(3700), age(7200)), ("About an hour ago".into(), "2 hours ago".into()));
        let sizes = [(0, "0B"), (999, "999B"), (57_341_234, "57.3MB"), (1_130_000_000, "1.13GB"), (1_000, "1kB")];
        for (bytes, words) in sizes {
            assert_eq!(size(bytes), words);
        }
    }
}
