//! Numbers as they are written, compared as what they are worth.

use crate::wire::decimal::nearest;
use crate::wire::json::Scanner;

/// A number in a message: its text, of any length. Two are equal when they are worth the same, to the last digit:
/// `1`, `1.0` and `10e-1`; `0` and `-0`.
///
/// One that is 10^(2^63) or more, or as near to zero, equals only what is written the same.
///
/// ```
/// use streamgauge_core::select::Number;
///
/// let number = |text| Number::parse(text).unwrap();
/// assert_eq!(number("1"), number("1.0"));
/// // Which f64 can't tell apart.
/// assert_ne!(number("9007199254740993"), number("9007199254740992"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Number<'m> {
    /// INVARIANT: a valid JSON number.
    raw: &'m str,
}

impl<'m> Number<'m> {
    pub(super) const fn new(raw: &'m str) -> Self {
        Self { raw }
    }

    /// The whole of `text` as a number, if it is one in JSON: `.5`, `+5`, `05` and `NaN` are none. O(n).
    #[must_use]
    pub fn parse(text: &'m str) -> Option<Self> {
        let is_begun = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let mut scanner = Scanner::new(text);
        (is_begun && scanner.value().is_ok_and(|value| value.len() == text.len())).then_some(Self { raw: text })
    }

    /// The number as it is written. O(1).
    #[must_use]
    pub const fn raw(&self) -> &'m str {
        self.raw
    }

    /// The `f64` that is nearest, of two the even one; infinite from 2^1024 - 2^970 on. The same as `str::parse` gives,
    /// on every target. O(n), and a few microseconds at worst for what lies within 10^-18 of the middle of two.
    ///
    /// ```
    /// use streamgauge_core::select::Number;
    ///
    /// let nearest = |text| Number::parse(text).unwrap().to_f64();
    /// assert_eq!([nearest("0.1"), nearest("9007199254740993"), nearest("-1e400")], [0.1, 9007199254740992.0, -f64::INFINITY]);
    /// ```
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        nearest(self.raw)
    }

    /// The whole number that it is, if it is one that fits: `5.0` and `1e3` are, and so is `-0`. O(n).
    ///
    /// ```
    /// use streamgauge_core::select::Number;
    ///
    /// let whole = |text| Number::parse(text).unwrap().to_u64();
    /// assert_eq!([whole("1.5e3"), whole("1.5"), whole("-1")], [Some(1500), None, None]);
    /// ```
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        let (negative, magnitude) = self.whole()?;
        (!negative || magnitude == 0).then_some(magnitude)
    }

    /// The same with a sign. O(n).
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        match self.whole()? {
            (true, magnitude) => 0_i64.checked_sub_unsigned(magnitude),
            (false, magnitude) => magnitude.try_into().ok(),
        }
    }

    /// Whether it is negative, and how much it is without the sign.
    fn whole(&self) -> Option<(bool, u64)> {
        let worth = self.worth()?;
        // How many digits it has in front of the point: a `u64` has no more than 20.
        let mut left = usize::try_from(worth.exponent).ok()?.checked_add(1).filter(|digits| *digits <= 20)?;
        let mut whole = 0_u64;
        for digit in worth.digits() {
            left = left.checked_sub(1)?;
            whole = whole.checked_mul(10)?.checked_add(u64::from(digit & 15))?;
        }
        for _ in 0..left {
            whole = whole.checked_mul(10)?;
        }
        Some((worth.negative, whole))
    }

    /// What it is worth; none where the exponent is beyond an `i64`. O(n).
    pub(crate) fn worth(&self) -> Option<Worth<'m>> {
        let (mantissa, power) = match self.raw.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, Some(power)),
            None => (self.raw, None),
        };
        let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
        let leading = unsigned.trim_start_matches(['0', '.']);
        let digits = leading.trim_end_matches(['0', '.']);
        if digits.is_empty() {
            return Some(Worth { negative: false, digits, exponent: 0 });
        }
        let before_point = unsigned.split_once('.').map_or(unsigned, |(whole, _)| whole).len();
        // The point itself is skipped with the zeros behind it.
        let skipped = unsigned.len().wrapping_sub(leading.len());
        let shift = i64::from(skipped < before_point);
        let of_first = (before_point as i64).wrapping_sub(skipped as i64).wrapping_sub(shift);
        let power = power.map_or(Some(0), |power| power.parse::<i64>().ok())?;
        let exponent = of_first.checked_add(power)?;
        Some(Worth { negative: mantissa.starts_with('-'), digits, exponent })
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
            || match (self.worth(), other.worth()) {
                (Some(one), Some(other)) => {
                    (one.negative, one.exponent) == (other.negative, other.exponent) && one.digits().eq(other.digits())
                }
                _ => false,
            }
    }
}

impl Eq for Number<'_> {}

/// A number as d.ddd * 10^exponent, the first digit and the last not zero; zero has none.
pub(crate) struct Worth<'m> {
    pub(crate) negative: bool,
    /// With a point anywhere.
    digits: &'m str,
    pub(crate) exponent: i64,
}

impl<'m> Worth<'m> {
    pub(crate) fn digits(&self) -> impl Iterator<Item = u8> + use<'m> {
        self.digits.bytes().filter(u8::is_ascii_digit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_same_worth_are_equal() {
        let classes: &[&[&str]] = &[
            &["0", "-0", "0.0", "0e5", "-0.00E-7", "0e99999999999999999999"],
            &["1", "1.0", "10e-1", "0.1e1", "1E0", "1e+0", "0.001e3", "1000e-0003"],
            &["-1", "-1.0", "-0.1e1"],
            &["10", "1e1", "10.0", "100e-1"],
            &["0.1", "1e-1", "0.10"],
            &["100.5", "1.005e2", "1005e-1", "0.1005e3"],
            &["9007199254740993", "9007199254740993.0"],
            &["9007199254740992"],
            &["0.30000000000000004"],
            &["0.3", "3e-1"],
            &["1e9223372036854775807", "10e9223372036854775806"],
            &["1e9223372036854775808"],
            &["10e9223372036854775807"],
            &["1e-99999999999999999999"],
            &["1e-9223372036854775808"],
        ];
        let classes = classes.get(..if cfg!(miri) { 3 } else { classes.len() }).unwrap();
        for (class, texts) in classes.iter().enumerate() {
            for (other_class, others) in classes.iter().enumerate() {
                for (one, other) in texts.iter().flat_map(|one| others.iter().map(move |other| (one, other))) {
                    let equal = Number::parse(one).unwrap() == Number::parse(other).unwrap();
                    assert_eq!(equal, class == other_class, "{one} and {other}");
                }
            }
        }
    }

    #[test]
    fn what_json_does_not_write_is_no_number() {
        for text in ["", "-", ".5", "5.", "+5", "05", "1e", "NaN", " 1", "1 ", "1,", "\"1\"", "[1]", "1e5.0", "0x1"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
