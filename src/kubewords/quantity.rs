//! Quantities (`apimachinery/pkg/api/resource`): what they are worth, and the one form each is stored in. Pure.

const FORM: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
/// Suffixes of thousands, from a billionth on.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
/// Suffixes of 1,024s.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const ONE: i128 = 1_000_000_000;

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Decimal,
    Binary,
    Exponent,
}

fn parse(text: &str) -> Option<(i128, Format)> {
    let at = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(at);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    if !digits(unsigned) || !digits(fraction) || (unsigned.is_empty() && fraction.is_empty()) {
        return None;
    }
    let (scale, power, format) = if let Some(n) = BINARY.iter().skip(1).position(|known| *known == suffix) {
        (1 << (10 * (n + 1)), 0, Format::Binary)
    } else if let Some(n) = DECIMAL.iter().position(|known| *known == suffix) {
        (1, 3 * (i32::try_from(n).ok()? - 3), Format::Decimal)
    } else {
        (1, suffix.strip_prefix(['e', 'E'])?.parse::<i8>().ok()?.into(), Format::Exponent)
    };
    // More than anything holds, and less than a billionth, are no difference that Kubernetes makes either.
    let fraction = &fraction[..fraction.len().min(18)];
    let magnitude: i128 = format!("0{unsigned}{fraction}").parse().ok()?;
    let power = power + 9 - i32::try_from(fraction.len()).ok()?;
    let shift = 10i128.checked_pow(power.unsigned_abs())?;
    let scaled = magnitude.checked_mul(scale)?;
    let nanos = if power < 0 {
        scaled.div_euclid(shift) + i128::from(scaled % shift != 0)
    } else {
        scaled.checked_mul(shift)?
    };
    let nanos = nanos.min(i128::from(i64::MAX) * ONE);
    Some((if whole.starts_with('-') { -nanos } else { nanos }, format))
}

/// In billionths; zero for what is no quantity.
pub(crate) fn value(text: &str) -> i128 {
    parse(text).map_or(0, |(nanos, _)| nanos)
}

/// In whole units, rounded up; zero for what is no quantity.
pub(crate) fn whole(text: &str) -> i64 {
    i64::try_from(value(text).div_euclid(ONE) + i128::from(value(text) % ONE != 0)).unwrap_or(i64::MAX)
}

/// The form Kubernetes stores: no fraction, and the largest suffix that leaves none.
pub(crate) fn canonical(text: &str) -> Result<String, String> {
    let (nanos, format) = parse(text).ok_or(FORM)?;
    if nanos == 0 {
        return Ok("0".to_owned());
    }
    if format == Format::Binary && nanos % ONE == 0 && nanos.abs() >= 1024 * ONE {
        let (mut left, mut suffix) = (nanos / ONE, 0);
        while left % 1024 == 0 && suffix + 1 < BINARY.len() {
            (left, suffix) = (left / 1024, suffix + 1);
        }
        return Ok(format!("{left}{}", BINARY[suffix]));
    }
    let (mut left, mut suffix) = (nanos, 0);
    while left % 1000 == 0 && suffix + 1 < DECIMAL.len() {
        (left, suffix) = (left / 1000, suffix + 1);
    }
    Ok(match (format, 3 * suffix) {
        (Format::Exponent, 9) => left.to_string(),
        (Format::Exponent, power) => format!("{left}e{}", power as i64 - 9),
        _ => format!("{left}{}", DECIMAL[suffix]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_one_form() {
        for (given, stored) in [
            ("1", "1"),
            ("+1", "1"),
            ("1000m", "1"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("0.0000000001", "1n"),
            ("1000", "1k"),
            ("1500M", "1500M"),
            ("1024Mi", "1Gi"),
            ("0.5Gi", "512Mi"),
            ("512Ki", "512Ki"),
            ("0.5Ki", "512"),
            ("1.5Ki", "1536"),
            ("1e3", "1e3"),
            ("5E-1", "500e-3"),
            ("-1500m", "-1500m"),
            ("0Gi", "0"),
            ("99999999999E", "9223372036854775807"),
        ] {
            assert_eq!(canonical(given).as_deref(), Ok(stored), "{given}");
        }
        for wrong in ["", "Gi", ".", "1 Gi", "1Gb", "--1", "1.2.3", "1e", "one"] {
            assert_eq!(canonical(wrong), Err(FORM.to_owned()), "{wrong}");
        }
        assert_eq!(value("1Gi"), value("1073741824"));
        assert_eq!((whole("1.5Ki"), whole("1500m"), whole("99999999999E")), (1536, 2, i64::MAX));
    }
}
