//! What a valid JSON value says.

use core::iter::FusedIterator;
use core::str::Chars;
use core::time::Duration;

use crate::wire::decimal::Scanned;

/// Whether Python takes a valid value for true: not null, false, zero or empty. O(n) at worst.
///
/// A number counts as it is written: one that is too small for a double is not zero here.
pub(crate) fn is_truthy(value: &str) -> bool {
    match value.as_bytes() {
        [b'n' | b'f', ..] => false,
        [b'"', rest @ ..] => rest.len() > 1,
        [b'{' | b'[', ..] => {
            let inside = value.get(1..value.len().saturating_sub(1)).unwrap_or_default();
            !inside.bytes().all(|byte| byte.is_ascii_whitespace())
        }
        [b't', ..] => true,
        number => {
            let mantissa = number.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
            mantissa.into_iter().any(|byte| matches!(byte, b'1'..=b'9'))
        }
    }
}

/// Whether a valid string, written with quotes and escapes, says `text`. O(n).
///
/// Half of a surrogate pair is JSON, but no text: a string with one says nothing.
pub(crate) fn says(string: &str, text: &str) -> bool {
    if string.as_bytes().contains(&b'\\') {
        text_of(string).is_some_and(|said| said.eq(text.chars().map(Some)))
    } else {
        inside(string) == Some(text)
    }
}

/// What a valid string, written with quotes and escapes, says, with `None` for half a surrogate pair; `None` for another
/// kind of value. O(1), and O(n) for all of it.
pub(crate) fn text_of(string: &str) -> Option<impl Iterator<Item = Option<char>>> {
    let mut written = inside(string)?.chars();
    Some(core::iter::from_fn(move || match written.next()? {
        '\\' => Some(unescape(&mut written)),
        char => Some(Some(char)),
    }))
}

fn inside(string: &str) -> Option<&str> {
    string.strip_prefix('"')?.strip_suffix('"')
}

/// The characters of a valid string: what `Text::chars` returns.
#[derive(Debug, Clone)]
pub struct Decode<'a> {
    written: Chars<'a>,
}

impl<'a> Decode<'a> {
    /// Of what stands between the quotes.
    pub(crate) fn new(inside: &'a str) -> Self {
        Self { written: inside.chars() }
    }
}

impl Iterator for Decode<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.written.next()? {
            '\\' => Some(unescape(&mut self.written).unwrap_or(char::REPLACEMENT_CHARACTER)),
            itself => Some(itself),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let written = self.written.as_str().len();
        // `\ud83d\ude00` is one, and takes twelve.
        (written / 12, Some(written))
    }
}

impl FusedIterator for Decode<'_> {}

/// The character behind a backslash; none for half a surrogate pair, and then what follows it is still to come.
fn unescape(written: &mut Chars<'_>) -> Option<char> {
    Some(match written.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => match hex(written)? {
            high @ 0xd800..=0xdbff => {
                let mut ahead = written.clone();
                if (ahead.next(), ahead.next()) != (Some('\\'), Some('u')) {
                    return None;
                }
                let low @ 0xdc00..=0xdfff = hex(&mut ahead)? else { return None };
                *written = ahead;
                char::from_u32(0x1_0000 + ((high & 0x3ff) << 10) + (low & 0x3ff))?
            }
            code => char::from_u32(code)?,
        },
        itself => itself,
    })
}

fn hex(written: &mut Chars<'_>) -> Option<u32> {
    let mut code = 0;
    for _ in 0..4 {
        code = (code << 4) | written.next()?.to_digit(16)?;
    }
    Some(code)
}

/// A valid number of seconds, of which 19 digits count, to the nanosecond below; what is negative is zero, and what a
/// `Duration` can't hold its greatest value. `None` for a value that is no number. O(n).
// Its callers would take 8 KiB more with a copy each.
#[inline(never)]
pub(crate) fn seconds(value: &str) -> Option<Duration> {
    if !matches!(value.as_bytes().first()?, b'-' | b'0'..=b'9') {
        return None;
    }
    let Scanned { negative, mantissa, power, .. } = Scanned::of(value);
    if negative || mantissa == 0 {
        return Some(Duration::ZERO);
    }
    let mut nanos = u128::from(mantissa);
    let power = power.saturating_add(9);
    for _ in 0..power {
        let Some(more) = nanos.checked_mul(10) else { return Some(Duration::MAX) };
        nanos = more;
    }
    // Nothing is left of 19 digits after as many steps.
    for _ in power.max(-20)..0 {
        nanos /= 10;
    }
    let whole = u64::try_from(nanos / 1_000_000_000).ok();
    Some(whole.map_or(Duration::MAX, |whole| {
        Duration::from_secs(whole).saturating_add(Duration::from_nanos((nanos % 1_000_000_000) as u64))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_written() {
        let nanos = |seconds, nanos| Some(Duration::new(seconds, nanos));
        for (text, expected) in [
            ("0", nanos(0, 0)),
            ("1331923247", nanos(1_331_923_247, 0)),
            ("1331923247.25", nanos(1_331_923_247, 250_000_000)),
            ("1.33192324725e9", nanos(1_331_923_247, 250_000_000)),
            ("133192324725E-2", nanos(1_331_923_247, 250_000_000)),
            ("0.0000000019", nanos(0, 1)),
            ("1e-400", nanos(0, 0)),
            ("-5", nanos(0, 0)),
            ("0e999999999999999999999", nanos(0, 0)),
            ("1e30", Some(Duration::MAX)),
            ("1e999999999999999999999", Some(Duration::MAX)),
            ("28446744073709551616", Some(Duration::MAX)),
            ("123456789012345678901234567890e-20", nanos(1_234_567_890, 123_456_789)),
            ("10000000000000000005", nanos(10_000_000_000_000_000_000, 0)),
            ("null", None),
            ("\"1\"", None),
            ("[1]", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn escapes_say_what_they_mean() {
        for (written, meant) in [
            (r#""data""#, "data"),
            (r#""d\u0061t\u0061""#, "data"),
            (r#""\ud83d\ude00 \/\\\"\n\t\b\f\r""#, "😀 /\\\"\n\t\u{8}\u{c}\r"),
            (r#""é""#, "é"),
            (r#""""#, ""),
        ] {
            assert!(says(written, meant), "{written}");
            assert!(!says(written, &[meant, "x"].concat()), "{written}");
        }
        assert!(!says(r#""\ud83d""#, "\u{fffd}"));
        assert!(!says(r#""\ud83dx""#, "x"));
        assert!(!says(r#""\udc00""#, ""));
        assert!(!says("5", "5"));
    }

    #[test]
    fn half_a_pair_is_replaced() {
        for (written, meant) in [
            (r"\ud83d\ude00\ud83d", "😀\u{fffd}"),
            (r"\ud83dx", "\u{fffd}x"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\u0061", "\u{fffd}a"),
            (r"\ude00\ud83d\ude00", "\u{fffd}😀"),
        ] {
            assert!(Decode::new(written).eq(meant.chars()), "{written}");
        }
    }
}
