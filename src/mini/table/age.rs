//! Ages as kubectl prints them (apimachinery `pkg/util/duration.HumanDuration`). Pure.

use jiff::Timestamp;
use serde_json::Value;

/// A time of the API, whole seconds or micros.
pub(crate) fn parse_time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// The age of something since `then`, `<unknown>` without one.
pub(crate) fn age(then: &Value, now: Timestamp) -> String {
    parse_time(then).map_or_else(|| "<unknown>".to_owned(), |then| human(now.as_second() - then.as_second()))
}

/// Two units at most, coarser as it grows.
pub(super) fn human(seconds: i64) -> String {
    let (minutes, hours, days, years) = (seconds / 60, seconds / 3600, seconds / 86_400, seconds / 31_536_000);
    let two = |big: i64, unit: char, small: i64, sub: char| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{sub}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(years, 'y', days % 365, 'd'),
        _ => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn ages_get_coarser() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (310, "5m10s"),
            (1080, "18m"),
            (10_800, "3h"),
            (14_460, "4h1m"),
            (90_000, "25h"),
            (180_000, "2d2h"),
            (-5, "<invalid>"),
        ];
        for (seconds, printed) in cases {
            assert_eq!(human(seconds), printed);
        }
    }
}
