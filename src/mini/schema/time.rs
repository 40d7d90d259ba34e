//! Times (RFC 3339), and what Go says of text that is none. Pure.

/// The text after its leading digits.
fn digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// Go's `time.Parse` of RFC 3339, with exactly six decimals where `micro`.
pub(super) fn fault(text: &str, micro: bool) -> Option<String> {
    let decimals = if micro { ".000000" } else { "" };
    let layout = format!("2006-01-02T15:04:05{decimals}Z07:00");
    let mut rest = text;
    for element in ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", decimals, "Z07:00"] {
        let fits = |form: &&str| {
            let same = |(f, b): (u8, u8)| if f.is_ascii_digit() { b.is_ascii_digit() } else { f == b };
            rest.len() >= form.len() && form.bytes().zip(rest.bytes()).all(same)
        };
        let forms = if element == "Z07:00" { ["Z", "+07:00", "-07:00"] } else { [element; 3] };
        let Some(form) = forms.iter().find(|form| fits(form)) else {
            return Some(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}"));
        };
        rest = &rest[form.len()..];
        // Decimals are taken after the seconds wherever the layout has none.
        if element == "05" && !micro && rest.starts_with('.') && digits(&rest[1..]).len() < rest.len() - 1 {
            rest = digits(&rest[1..]);
        }
    }
    if !rest.is_empty() {
        return Some(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    text.parse::<jiff::Timestamp>().err()?;
    let ranges =
        [(5..7, 1..=12, "month"), (11..13, 0..=23, "hour"), (14..16, 0..=59, "minute"), (17..19, 0..=59, "second")];
    let wrong =
        ranges.into_iter().find(|(at, range, _)| !text[at.clone()].parse().is_ok_and(|n: u8| range.contains(&n)));
    Some(format!("parsing time {text:?}: {} out of range", wrong.map_or("day", |(.., name)| name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for good in ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05+01:00"] {
            assert_eq!(fault(good, false), None, "{good}");
        }
        assert_eq!(fault("2026-01-02T03:04:05.000006Z", true), None);
        for (bad, micro, wrong) in [
            ("", false, r#" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006""#),
            ("2026-1-02", false, r#" as "2006-01-02T15:04:05Z07:00": cannot parse "1-02" as "01""#),
            ("2026-01-02T03:04:05", false, r#" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00""#),
            ("2026-01-02T03:04:05Z", true, r#" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000""#),
            ("2026-01-02T03:04:05Z!", false, r#": extra text: "!""#),
            ("2026-13-02T03:04:05Z", false, ": month out of range"),
            ("2026-02-30T03:04:05Z", false, ": day out of range"),
            ("2026-02-20T24:04:05Z", false, ": hour out of range"),
            ("é026-02-20", false, r#" as "2006-01-02T15:04:05Z07:00": cannot parse "é026-02-20" as "2006""#),
        ] {
            assert_eq!(fault(bad, micro).unwrap(), format!("parsing time {bad:?}{wrong}"));
        }
    }
}
