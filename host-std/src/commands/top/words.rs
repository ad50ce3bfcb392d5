//! Numbers as people say them, in few characters.

use jiff::Timestamp;

/// What stands where nothing is known.
pub(super) const NONE: &str = "-";

/// A number of things: `1,234`, and `12.3M` from a hundred thousand on.
pub(super) fn count(number: u64) -> String {
    if number < 100_000 {
        return match number {
            0..1000 => number.to_string(),
            _ => format!("{},{:03}", number / 1000, number % 1000),
        };
    }
    let (mut value, mut unit) = (number as f64, "");
    for larger in ["K", "M", "G", "T", "P", "E"] {
        // What would be rounded to 1000 is one of the next.
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$}{unit}")
}

/// How many a second.
pub(super) fn rate(value: Option<f64>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) if value < 9.95 => format!("{value:.1}"),
        Some(value) => count(value.round() as u64),
    }
}

/// A number of bytes: `1.5 MiB`.
pub(super) fn bytes(number: u64) -> String {
    let (mut size, mut unit) = (number as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if size < 1023.5 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    let decimals = usize::from(unit != "B" && size < 99.95 && (size * 10.0).round() % 10.0 != 0.0);
    format!("{size:.decimals$} {unit}")
}

/// How long something is, in seconds.
pub(super) fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..1.0 => (seconds.max(0.0) * 1000.0, "ms"),
        ..90.0 => (seconds, "s"),
        ..5_400.0 => (seconds / 60.0, "min"),
        ..129_600.0 => (seconds / 3600.0, "h"),
        _ => (seconds / 86_400.0, "d"),
    };
    format!("{value:.0} {unit}")
}

/// How long ago a time was that a server has told.
pub(super) fn age(time: Option<&str>, now: Timestamp) -> String {
    seconds_since(time, now).map_or_else(|| NONE.to_owned(), duration)
}

pub(super) fn seconds_since(time: Option<&str>, now: Timestamp) -> Option<f64> {
    let time: Timestamp = time?.parse().ok()?;
    Some(now.duration_since(time).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let counts = [0, 999, 1_000, 99_999, 100_000, 999_499, 999_500, 12_345_678, u64::MAX].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "99,999", "100K", "999K", "1.00M", "12.3M", "18.4E"]);
        assert_eq!([None, Some(0.0), Some(0.04), Some(9.94), Some(9.96)].map(rate), ["-", "0", "0.0", "9.9", "10"]);
        let sizes = [0, 1023, 1024, 1536, (1 << 20) - 1, 336 << 20, 1 << 30, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB", "336 MiB", "1 GiB", "16384 PiB"]);
        let times = [-1.0, 0.25, 89.0, 90.0, 7_200.0, 864_000.0].map(duration);
        assert_eq!(times, ["0 ms", "250 ms", "89 s", "2 min", "2 h", "10 d"]);
    }

    #[test]
    fn what_is_no_time_has_no_age() {
        let now = "2026-11-26T14:00:10Z".parse().unwrap();
        assert_eq!(age(Some("2026-11-26T14:00:00Z"), now), "10 s");
        assert_eq!(age(Some("2026-11-26T14:00:11Z"), now), "0 ms");
        assert_eq!(age(Some("yesterday"), now), NONE);
        assert_eq!(age(None, now), NONE);
    }
}
