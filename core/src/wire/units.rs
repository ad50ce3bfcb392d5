//! Durations, sizes and times as people write them.

use core::fmt;
use core::time::Duration;

use embedded_io::Write;

use super::digits::{self, Head, MOST_DECIMALS};
use crate::time::Time;

/// Reads a duration: a number of seconds, or a number with `ms`, `s`, `m`, `h` or `d` behind it; parts behind a point
/// count to the nanosecond. O(n).
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::wire::units::duration;
///
/// assert_eq!(duration(b"1.5"), Some(Duration::from_millis(1500)));
/// assert_eq!(duration(b"500ms"), Some(Duration::from_millis(500)));
/// assert_eq!(duration(b"2h"), Some(Duration::from_secs(7200)));
/// assert_eq!(duration(b"2 h"), None);
/// ```
#[must_use]
pub fn duration(text: &[u8]) -> Option<Duration> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let nanos_a_unit: u64 = match unit {
        b"ms" => 1_000_000,
        b"" | b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        b"d" => 86_400_000_000_000,
        _ => return None,
    };
    let (whole, parts) = match number.iter().position(|byte| *byte == b'.') {
        Some(point) => (number.get(..point)?, number.get(point.wrapping_add(1)..)?),
        None => (number, &b"0"[..]),
    };
    if !parts.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut nanos = u128::from(decimal(whole)?).checked_mul(u128::from(nanos_a_unit))?;
    // Behind the ninth digit nothing is left of a second, and eighteen of them are below 2^64.
    let parts = parts.get(..18).unwrap_or(parts);
    let scale = 10_u128.checked_pow(u32::try_from(parts.len()).ok()?)?;
    nanos =
        nanos.checked_add(u128::from(decimal(parts)?).checked_mul(u128::from(nanos_a_unit))?.checked_div(scale)?)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// Writes a number in decimal digits, with one write. O(1).
///
/// ```
/// use streamgauge_core::wire::units::write_decimal;
///
/// let mut out = Vec::new();
/// write_decimal(1_024, &mut out).unwrap();
/// assert_eq!(out, b"1024");
/// ```
///
/// # Errors
/// Those of `out`.
pub fn write_decimal<W: Write>(number: u64, out: &mut W) -> Result<(), W::Error> {
    out.write_all(digits::decimal(number, &mut [0; MOST_DECIMALS]))
}

/// Reads a number of bytes, or of KiB, MiB, GiB (powers of 1024; `K`, `M` and `G` alone say the same), or kB, MB, GB
/// (powers of 1000). O(n).
///
/// ```
/// use streamgauge_core::wire::units::size;
///
/// assert_eq!(size(b"8MiB"), Some(8 << 20));
/// assert_eq!(size(b"8MB"), Some(8_000_000));
/// assert_eq!(size(b"8 potatoes"), None);
/// ```
#[must_use]
pub fn size(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let is = |name: &[u8]| unit.eq_ignore_ascii_case(name);
    let factor: u64 = if is(b"") || is(b"b") {
        1
    } else if is(b"k") || is(b"kib") {
        1 << 10
    } else if is(b"m") || is(b"mib") {
        1 << 20
    } else if is(b"g") || is(b"gib") {
        1 << 30
    } else if is(b"kb") {
        1_000
    } else if is(b"mb") {
        1_000_000
    } else if is(b"gb") {
        1_000_000_000
    } else {
        return None;
    };
    decimal(number)?.checked_mul(factor)
}

/// The value of decimal digits, of which there has to be one. O(n).
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = if digit.is_ascii_digit() { u64::from(digit & 15) } else { return None };
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Reads a time of RFC 3339, such as `2012-03-16T18:40:47.5Z` or with an offset, to the millisecond, as one since the
/// beginning of Unix time. `None` for anything else, and for times before that. O(n).
///
/// ```
/// use streamgauge_core::time::Time;
/// use streamgauge_core::wire::units::{rfc3339, Rfc3339};
///
/// let time = rfc3339(b"2012-03-16T19:40:47.5+01:00").unwrap();
/// assert_eq!(time, Time::from_millis(1_331_923_247_500));
/// assert_eq!(format!("{}", Rfc3339(time)), "2012-03-16T18:40:47.500Z");
/// ```
#[must_use]
pub fn rfc3339(text: &[u8]) -> Option<Time> {
    let number = |from: usize, to: usize| decimal(text.get(from..to)?);
    let is = |at: usize, bytes: &[u8]| text.get(at).is_some_and(|byte| bytes.contains(byte));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // A leap second counts as the first of the next minute.
    let in_range = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut millis = 0;
    if let [b'.', behind @ ..] = rest {
        let digits = behind.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(behind.len());
        let (parts, zone) = behind.split_at_checked(digits)?;
        let mut padded = *b"000";
        padded.iter_mut().zip(parts).for_each(|(to, digit)| *to = *digit);
        millis = decimal(&padded).filter(|_| digits > 0)?;
        rest = zone;
    }
    let offset_minutes = match rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (decimal(&[*h1, *h2])?, decimal(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ahead = hours.wrapping_mul(60).wrapping_add(minutes).cast_signed();
            if *sign == b'+' { ahead } else { ahead.wrapping_neg() }
        }
        _ => return None,
    };
    let minutes = days_before(year, month, day)?.checked_mul(1440)?.checked_add((hour * 60 + minute).cast_signed())?;
    let seconds = minutes.checked_sub(offset_minutes)?.checked_mul(60)?.checked_add(second.cast_signed())?;
    u64::try_from(seconds).ok()?.checked_mul(1_000)?.checked_add(millis).map(Time::from_millis)
}

const fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of Unix time to a date (H. Hinnant, "chrono-compatible low-level date algorithms", 2013).
fn days_before(year: u64, month: u64, day: u64) -> Option<i64> {
    // Years begin in March: so the day that is added in some is the last one.
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    days.cast_signed().checked_sub(719_468)
}

/// A time since the beginning of Unix time, as RFC 3339 writes it, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub Time);

impl Rfc3339 {
    pub(crate) fn text(self) -> Head {
        let millis = self.0.as_millis();
        let (days, in_day) = (millis / 86_400_000, millis % 86_400_000);
        // The reverse of `days_before`.
        let days = days.saturating_add(719_468);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
        let (second, millis) = (in_day / 1_000 % 60, in_day % 1_000);
        let mut text = Head::new();
        text.push_decimal_of::<4>(year);
        let digit = |number: u64| b'0' | (number % 10) as u8;
        let two = |number: u64| [digit(number / 10), digit(number)];
        let ([month, m], [day, d], [hour, h]) = (two(month), two(day), two(hour));
        let ([minute, min], [second, s], [tenth, hundredth]) = (two(minute), two(second), two(millis / 10));
        text.push(&[b'-', month, m, b'-', day, d, b'T', hour, h, b':', minute, min, b':', second, s]);
        text.push(&[b'.', tenth, hundredth, digit(millis), b'Z']);
        text
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    extern crate std;

    #[test]
    fn durations_and_sizes_are_exact_or_nothing() {
        assert_eq!(duration(b"0.0000000019"), Some(Duration::from_nanos(1)));
        assert_eq!(duration(b"1.25m"), Some(Duration::from_secs(75)));
        assert_eq!(duration(b"18446744073709551615"), Some(Duration::from_secs(u64::MAX)));
        for wrong in [
            "",
            "s",
            ".",
            "1.",
            ".5",
            "1.2.3",
            "1.000000000000000000.5",
            "-1",
            "1e3",
            "18446744073709551616",
            "5000000000000000000h",
        ] {
            assert_eq!(duration(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!([size(b"0"), size(b"7b"), size(b"3k"), size(b"3KB")], [Some(0), Some(7), Some(3072), Some(3000)]);
        for wrong in ["", "k", "1.5k", "-1", "18446744073709551616", "99999999999G"] {
            assert_eq!(size(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn times_come_back_as_they_were_written() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2026-11-24T03:00:00.001Z", 1_795_489_200_001),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(rfc3339(text.as_bytes()), Some(Time::from_millis(millis)), "{text}");
            assert_eq!(format!("{}", Rfc3339(Time::from_millis(millis))), text);
        }
        assert_eq!(format!("{}", Rfc3339(Time::from_millis(253_402_300_800_000))), "10000-01-01T00:00:00.000Z");
        assert_eq!(format!("{}", Rfc3339(Time::NEVER)), "584556019-04-03T14:25:51.615Z");
        assert_eq!(rfc3339(b"1970-01-01T01:00:00+01:00"), Some(Time::ZERO));
        assert_eq!(rfc3339(b"2016-12-31T23:59:60Z"), rfc3339(b"2017-01-01T00:00:00Z"));
        for wrong in [
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00:00",
            "2023-01-01T00:00:00.Z",
            "2023-01-01",
            "0000-01-01T00:00:00Z",
        ] {
            assert_eq!(rfc3339(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_time_is_read_as_it_is_written(millis in 0_u64..253_402_300_800_000) {
            let time = Time::from_millis(millis);
            proptest::prop_assert_eq!(rfc3339(format!("{}", Rfc3339(time)).as_bytes()), Some(time));
        }
    }
}
