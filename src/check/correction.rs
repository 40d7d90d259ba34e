//! Shown text brought up to what was seen, changed in as few places as can be: the lecture's own ages, addresses,
//! hashes, spacing and lead-ins of lists and quotes stay.

use super::Correction;
use crate::compare::{Class, Difference, OutputForm, Path, TypedComparison, put_back};
use crate::script::lecture::Lines;

/// The corrected lines of a shown output. `file` is the whole text of the lecture; `lines` are those of the output in
/// it, without the fence; `wanted` says which differences, by their number, are to be corrected. None where not all of
/// these can be, or where the lines of the file are not the shown ones.
pub(crate) fn output(
    file: &str,
    lines: Lines,
    shown: &str,
    outcome: &TypedComparison,
    wanted: impl Fn(usize, &Difference) -> bool,
    safe: bool,
) -> Option<Correction> {
    let mut corrected: Vec<String> = shown.trim_end_matches('\n').lines().map(str::to_owned).collect();
    let differences: Vec<&Difference> = outcome
        .differences
        .iter()
        .enumerate()
        .filter(|(at, difference)| wanted(*at, difference))
        .map(|(_, d)| d)
        .collect();
    if differences.is_empty() {
        return None;
    }
    // Lines keep their numbers until the last: a line that goes is marked first.
    let mut gone = Vec::new();
    for difference in differences {
        match outcome.form {
            OutputForm::Tree => field(&mut corrected, difference)?,
            OutputForm::Table | OutputForm::Lines => match (&difference.path, difference.class) {
                (Path::Column { column, .. }, Class::ColumnMissing) => {
                    cut_column(&mut corrected, difference.line, column)?
                }
                (Path::Cell { .. }, _) => cell(corrected.get_mut(difference.line - 1)?, difference)?,
                (Path::Line, _) => match &difference.printed {
                    Some(_) => line(corrected.get_mut(difference.line - 1)?, difference)?,
                    None => gone.push(difference.line - 1),
                },
                _ => return None,
            },
        }
    }
    let leads = leads(file, lines, shown)?;
    let kept = leads.iter().zip(&corrected).enumerate().filter(|(at, _)| !gone.contains(at));
    let text: Vec<String> =
        kept.map(|(_, (lead, line))| format!("{lead}{line}").trim_end_matches(' ').to_owned()).collect();
    (!text.is_empty()).then(|| Correction { lines, text: text.join("\n"), safe })
}

/// A command with other words, by [`crate::drift::mended`]; `first` and so on as for [`output`].
pub(crate) fn command(file: &str, lines: Lines, written: &str, mended: &str) -> Option<Correction> {
    let leads = leads(file, lines, written)?;
    let new: Vec<&str> = mended.trim_end_matches('\n').lines().collect();
    let text: Vec<String> = new.iter().zip(&leads).map(|(line, lead)| format!("{lead}{line}")).collect();
    (new.len() == leads.len() && written != mended).then(|| Correction { lines, text: text.join("\n"), safe: true })
}

/// What precedes each shown line in the file: the indentation of a list, the mark of a quote.
fn leads(file: &str, lines: Lines, shown: &str) -> Option<Vec<String>> {
    let raw: Vec<&str> = file.lines().skip(lines.first.checked_sub(1)?).take(lines.last + 1 - lines.first).collect();
    let shown: Vec<&str> = shown.trim_end_matches('\n').lines().collect();
    let lead = |(raw, shown): (&&str, &&str)| Some(raw.trim_end().strip_suffix(shown.trim_end())?.to_owned());
    (raw.len() == shown.len()).then(|| raw.iter().zip(&shown).map(lead).collect())?
}

/// Puts the printed words into a line, with the spaces of the shown one.
fn line(line: &mut String, difference: &Difference) -> Option<()> {
    let new = put_back(difference.shown.as_deref()?, difference.printed.as_deref()?);
    let indent: String = line.chars().take_while(|char| char.is_whitespace()).collect();
    let mut rest = line.trim_start();
    let mut text = indent;
    for (at, word) in new.split(' ').enumerate() {
        if at > 0 {
            let after = rest.trim_start_matches(|char: char| !char.is_whitespace());
            let gap = &after[..after.len() - after.trim_start().len()];
            text.push_str(if gap.is_empty() { " " } else { gap });
            rest = after.trim_start();
        }
        text.push_str(word);
    }
    *line = text;
    Some(())
}

/// Puts the printed cell in place of the shown one; what follows stays in its column where there is room.
fn cell(line: &mut String, difference: &Difference) -> Option<()> {
    let shown = difference.shown.as_deref()?;
    let new = put_back(shown, difference.printed.as_deref()?);
    let at = only(line, shown)?;
    let after = &line[at + shown.len()..];
    let gap = after.len() - after.trim_start_matches(' ').len();
    let is_last = after.trim().is_empty();
    let width = shown.chars().count() + gap;
    let written = new.chars().count();
    let spaces = if is_last { 0 } else { width.saturating_sub(written).max(gap.min(2)) };
    let rest = after[gap..].to_owned();
    *line = format!("{}{new}{}{rest}", &line[..at], " ".repeat(spaces));
    Some(())
}

/// Takes a column out of the lines of its table; None where a cell runs over its edge.
fn cut_column(lines: &mut [String], header: usize, column: &str) -> Option<()> {
    let head: Vec<char> = lines.get(header - 1)?.chars().collect();
    let name: Vec<char> = column.chars().collect();
    let is_edge = |at: usize| head.get(at).is_none_or(|char| *char == ' ');
    let start = (0..head.len())
        .find(|at| head[*at..].starts_with(&name) && (*at == 0 || is_edge(at - 1)) && is_edge(at + name.len()))?;
    let next = (start + name.len()..head.len()).find(|at| head[*at] != ' ');
    let end = lines[header - 1..]
        .iter()
        .position(|line| line.trim().is_empty())
        .map_or(lines.len(), |rows| header - 1 + rows);
    let cut = |line: &String| -> Option<String> {
        let chars: Vec<char> = line.chars().collect();
        let is_free = |at: usize| at == 0 || chars.get(at - 1).is_none_or(|char| *char == ' ');
        let stop = next.unwrap_or(chars.len());
        (is_free(start) && is_free(stop)).then(|| chars.iter().take(start).chain(chars.iter().skip(stop)).collect())
    };
    let new: Vec<String> = lines[header - 1..end].iter().map(cut).collect::<Option<_>>()?;
    for (line, new) in lines[header - 1..end].iter_mut().zip(new) {
        *line = new.trim_end().to_owned();
    }
    Some(())
}

/// Changes the one line that holds the field's name and shown value.
fn field(lines: &mut [String], difference: &Difference) -> Option<()> {
    let Path::Field { pointer } = &difference.path else { return None };
    let (shown, new) = (difference.shown.as_deref()?, difference.printed.as_deref()?);
    let name = pointer.rsplit('/').find(|token| token.parse::<usize>().is_err())?.replace("~1", "/").replace("~0", "~");
    let new = put_back(shown, new);
    let holds = |line: &String| line.contains(&name) && only(line, shown).is_some();
    let mut holding = lines.iter_mut().filter(|line| holds(line));
    let (line, other) = (holding.next()?, holding.next());
    if other.is_some() || new.contains('\n') {
        return None;
    }
    let at = only(line, shown)?;
    line.replace_range(at..at + shown.len(), &new);
    Some(())
}

/// Where `part` stands as a word of its own, if it does so once.
fn only(line: &str, part: &str) -> Option<usize> {
    let is_word = |char: Option<char>| char.is_some_and(|c| c.is_alphanumeric() || "-_.@/".contains(c));
    let mut found = line
        .match_indices(part)
        .map(|(at, _)| at)
        .filter(|at| !is_word(line[..*at].chars().next_back()) && !is_word(line[at + part.len()..].chars().next()));
    let at = found.next()?;
    (found.next().is_none() && !part.is_empty()).then_some(at)
}
