//! Flags as the original tools take them.

use core::fmt::Display;
use core::ops::RangeInclusive;
use core::str::FromStr;
use core::time::Duration;
use std::ffi::OsString;

use crate::client::{BadUrl, Url};

/// Turns `_` into `-` in the names of options, so that `--max_depth=3` is `--max-depth=3`.
///
/// Values stay as they are, and so does everything behind `--`. O(n).
///
/// ```
/// let args = ["simplequeue", "--max_depth=1_0", "--overflow_log", "a_b", "--", "--c_d"];
/// let args = streamgauge::terminal::flags::normalise(args.into_iter().map(Into::into));
/// assert_eq!(args, ["simplequeue", "--max-depth=1_0", "--overflow-log", "a_b", "--", "--c_d"]);
/// ```
pub fn normalise(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut options = true;
    args.map(|arg| {
        options &= arg != "--";
        match arg.to_str() {
            Some(text) if options && text.starts_with("--") => {
                let (name, value) = text.split_at(text.find('=').unwrap_or(text.len()));
                OsString::from(name.replace('_', "-") + value)
            }
            _ => arg,
        }
    })
    .collect()
}

/// Reads a number of bytes: `4096`, `64KiB`, `64k` and `64K` (all 1024), `64kB` and `64KB` (1000),
/// and the same with M and G.
///
/// # Errors
/// What is wrong, in words.
///
/// ```
/// use streamgauge::terminal::flags::bytes;
/// assert_eq!(bytes("64MiB"), Ok(64 << 20));
/// assert_eq!(bytes("1.5 MB"), Err("`1.5 MB` is not a number of bytes, such as 65536 or 64MiB".into()));
/// ```
pub fn bytes(text: &str) -> Result<usize, String> {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => 0,
    };
    if factor == 0 || number.is_empty() {
        return Err(format!("`{text}` is not a number of bytes, such as 65536 or 64MiB"));
    }
    let bytes = number.parse().ok().and_then(|number: usize| number.checked_mul(factor));
    bytes.ok_or_else(|| format!("`{text}` is more bytes than any machine has"))
}

/// Reads a whole number of which any will do.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "must be a whole number, 0 or more".to_owned())
}

/// Reads a whole number within bounds.
pub(crate) fn within<N: FromStr + PartialOrd + Display>(text: &str, bounds: RangeInclusive<N>) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
}

/// Reads a port.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    within(text, 0..=u16::MAX)
}

/// Reads a number of things.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    const MOST: usize = 1 << 24;
    let number = text.parse().ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("must be a number up to {MOST}"))
}

/// Reads a number of things of which there has to be one.
pub(crate) fn some(text: &str) -> Result<usize, String> {
    at_least_one(count(text)?)
}

/// Reads a number of bytes of which there has to be one.
pub(crate) fn some_bytes(text: &str) -> Result<usize, String> {
    at_least_one(bytes(text)?)
}

fn at_least_one(number: usize) -> Result<usize, String> {
    if number > 0 { Ok(number) } else { Err("must be at least 1, or nothing could be served".to_owned()) }
}

/// Reads a share of a whole.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

/// Reads the address of a server, of which flags say what is meant there.
pub(crate) fn server(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|bad: BadUrl| bad.to_string())?;
    if url.has_query() {
        return Err(format!(
            "`{text}`: what stands behind the ? would count for nothing; --topic and --queue say a name"
        ));
    }
    Ok(url)
}

/// The longest time that a flag may say, 100 years: what comes to an end after it can still be told by the clock.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Reads a number of seconds, such as `0.5`.
pub(crate) fn seconds_or_zero(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    at_most(LONGEST, duration.ok_or("must be a number of seconds")?)
}

/// Reads a number of seconds above 0, such as `0.5`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    // As a clock counts it: less than a nanosecond is nothing.
    let duration = duration.filter(|duration| !duration.is_zero());
    at_most(LONGEST, duration.ok_or("must be a number of seconds above 0")?)
}

fn at_most(longest: Duration, time: Duration) -> Result<Duration, String> {
    if time <= longest { Ok(time) } else { Err(format!("must be {} seconds at most", longest.as_secs())) }
}

/// Reads a time above 0, such as `1s`, `500ms` or `0.5`, which are seconds.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let time = streamgauge_core::wire::units::duration(text.as_bytes()).filter(|time| !time.is_zero());
    at_most(LONGEST, time.ok_or_else(|| format!("`{text}` is not a time above 0, such as 500ms, 1s or 2m"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_change() {
        let normal = |args: &[&str]| normalise(args.iter().map(Into::into));
        assert_eq!(
            normal(&["a_b", "-c_d", "--e_f_g", "h_i", "--j_k=l_m=n_o"]),
            ["a_b", "-c_d", "--e-f-g", "h_i", "--j-k=l_m=n_o"]
        );
        assert_eq!(normal(&["--a_b", "--", "--a_b"]), ["--a-b", "--", "--a_b"]);
    }

    #[test]
    fn units_are_read() {
        for (text, value) in
            [("0", 0), ("7b", 7), ("1k", 1024), ("1 KiB", 1024), ("1kB", 1000), ("2M", 2 << 20), ("3GB", 3_000_000_000)]
        {
            assert_eq!(bytes(text), Ok(value), "{text}");
        }
        for text in ["", "k", "-1", "1T", "1 k b", "99999999999999999999", "18446744073709551615k"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_of_a_server_says_no_name() {
        assert_eq!(server("http://a/b").unwrap().target(), "/b");
        for (text, why) in [("http://a/?queue=jobs", "--queue"), ("http://a?", "behind the ?"), ("a", "no http://")] {
            let error = server(text).unwrap_err();
            assert!(error.contains(why) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_what_would_be_one() {
        assert_eq!((number("0"), port("65535"), within("5", 1..=5)), (Ok(0), Ok(65_535), Ok(5)));
        for text in ["", "-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(number(text), Err("must be a whole number, 0 or more".to_owned()), "{text}");
            assert_eq!(port(text), Err("must be a whole number from 0 to 65535".to_owned()), "{text}");
            assert_eq!(within(text, 1..=5_u8), Err("must be a whole number from 1 to 5".to_owned()), "{text}");
        }
    }

    #[test]
    fn a_share_is_no_more_than_all() {
        assert_eq!((share("0"), share("0.25"), share("1")), (Ok(0.0), Ok(0.25), Ok(1.0)));
        for text in ["", "-0.1", "1.1", "NaN", "25%"] {
            assert_eq!(share(text), Err("must be a number from 0 to 1".to_owned()), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["", "0", "-1s", "1 s", "soon"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_would_never_end_is_told_what_does() {
        let years = Ok(Duration::from_secs(3_153_600_000));
        for read in [seconds, seconds_or_zero, time] {
            assert_eq!(read("3153600000"), years);
            assert_eq!(read("3153600001"), Err("must be 3153600000 seconds at most".to_owned()));
        }
        assert_eq!(seconds("1e19"), Err("must be 3153600000 seconds at most".to_owned()));
        assert_eq!(seconds_or_zero("0"), Ok(Duration::ZERO));
        for text in ["", "0", "-1", "NaN", "inf", "1e20", "1s"] {
            assert_eq!(seconds(text), Err("must be a number of seconds above 0".to_owned()), "{text}");
        }
    }
}
