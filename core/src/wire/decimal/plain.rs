//! A number as people and programs write it on a line of its own.

use super::nearest;

/// The `f64` nearest to the whole of `text`, as the standard library's `str::parse` has it: what JSON calls a number, and
/// beside it `.5`, `5.`, `+5`, `05`, and `inf`, `infinity` and `nan` in any case. O(n).
pub(crate) fn plain(text: &str) -> Option<f64> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = if is_decimal(unsigned.as_bytes()) { nearest(unsigned) } else { word(unsigned)? };
    Some(if is_negative { -magnitude } else { magnitude })
}

/// What stands for no finite number.
fn word(text: &str) -> Option<f64> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("inf") || is("infinity") {
        return Some(f64::INFINITY);
    }
    is("nan").then_some(f64::NAN)
}

/// Whether it is digits, with a point anywhere, and perhaps an exponent.
fn is_decimal(text: &[u8]) -> bool {
    let (whole, mut rest) = digits(text);
    let mut are_some = whole > 0;
    if let [b'.', behind @ ..] = rest {
        let (fraction, behind) = digits(behind);
        are_some |= fraction > 0;
        rest = behind;
    }
    if let [b'e' | b'E', power @ ..] = rest {
        let unsigned = if let [b'+' | b'-', unsigned @ ..] = power { unsigned } else { power };
        let (power, behind) = digits(unsigned);
        return are_some && power > 0 && behind.is_empty();
    }
    are_some && rest.is_empty()
}

/// How many digits are at the front, and what is behind them.
fn digits(text: &[u8]) -> (usize, &[u8]) {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (len, text.get(len..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// Both are NaN, or the same to the bit.
    fn are_same(one: Option<f64>, other: Option<f64>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan(),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    #[test]
    fn it_is_what_the_standard_library_reads() {
        for text in [
            "0",
            "-0",
            "+0",
            ".33",
            "-.33",
            "5.",
            "+5",
            "01",
            "-007.50",
            "1e5",
            "1.e5",
            ".5e-3",
            "+1E+05",
            "1e400",
            "-1e400",
            "00000000000000000000000001.5",
            "0.00000000000000000000000000012345678901234567890123",
            "9007199254740993",
            "9007199254740992.99999999999999999999",
            ".30000000000000004",
            "2.4703282292062327e-324",
            "5e-324",
            "179769313486231580793728971405301e277",
            "inf",
            "-Inf",
            "+INFINITY",
            "nan",
            "-NaN",
            "",
            "+",
            "-",
            ".",
            "-.",
            "e5",
            ".e5",
            "1e",
            "1e+",
            "1e5.0",
            "1 ",
            " 1",
            "--1",
            "+-1",
            "1_0",
            "0x10",
            "infinit",
            "1..2",
            "1,5",
            "é",
        ] {
            assert!(are_same(plain(text), text.parse().ok()), "{text}: {:?}", plain(text));
        }
    }
}
