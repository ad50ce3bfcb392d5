//! A number of JSON, as far as 64 bits hold it.

/// A number read up to its 19th significant digit: mantissa * 10^power, and more where it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub(crate) negative: bool,
    /// The significant digits, 19 of them where there are more; 0 only for zero.
    pub(crate) mantissa: u64,
    /// Saturates.
    pub(crate) power: i32,
    /// There are more digits, of which one is not zero: it is worth less than one more in the mantissa.
    pub(crate) is_cut: bool,
}

impl Scanned {
    /// Of a valid number of JSON. O(n).
    #[inline]
    pub(crate) fn of(number: &str) -> Self {
        let bytes = number.as_bytes();
        let (negative, unsigned) = match bytes {
            [b'-', unsigned @ ..] => (true, unsigned),
            unsigned => (false, unsigned),
        };
        let mut digits = Digits { mantissa: 0, dropped: 0, is_cut: false };
        let mut rest = digits.take(unsigned);
        let mut behind_point = 0;
        if let [b'.', fraction @ ..] = rest {
            rest = digits.take(fraction);
            behind_point = fraction.len().wrapping_sub(rest.len()) as i64;
        }
        let power = if let [b'e' | b'E', power @ ..] = rest { exponent(power) } else { 0 };
        let power = digits.dropped.wrapping_sub(behind_point).saturating_add(power);
        let power = power.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        Self { negative, mantissa: digits.mantissa, power, is_cut: digits.is_cut }
    }

    /// The power of ten that its first significant digit counts; saturates.
    pub(super) fn magnitude(&self) -> i32 {
        self.power.saturating_add_unsigned(self.mantissa.checked_ilog10().unwrap_or(0))
    }
}

/// Digits, before the point and behind it.
struct Digits {
    mantissa: u64,
    /// How many the mantissa lacks.
    dropped: i64,
    is_cut: bool,
}

impl Digits {
    /// The digits at the front; what is behind them.
    #[inline]
    fn take<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        const NINETEEN_DIGITS: u64 = 1_000_000_000_000_000_000;
        let mut rest = text;
        while let [byte, behind @ ..] = rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            if self.mantissa < NINETEEN_DIGITS {
                self.mantissa = self.mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            } else {
                self.dropped = self.dropped.wrapping_add(1);
                self.is_cut |= digit != 0;
            }
            rest = behind;
        }
        rest
    }
}

/// The number behind the `e`, saturating.
fn exponent(text: &[u8]) -> i64 {
    let negative = text.first() == Some(&b'-');
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    let exponent = digits.fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit & 15)));
    if negative { exponent.saturating_neg() } else { exponent }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn nineteen_digits_count() {
        for (number, mantissa, power, is_cut) in [
            ("0", 0, 0, false),
            ("0.00", 0, -2, false),
            ("12.50", 1250, -2, false),
            ("0.00012", 12, -5, false),
            ("9999999999999999999", 9_999_999_999_999_999_999, 0, false),
            ("99999999999999999990", 9_999_999_999_999_999_999, 1, false),
            ("99999999999999999990.1", 9_999_999_999_999_999_999, 1, true),
            ("0.123456789012345678901", 1_234_567_890_123_456_789, -19, true),
            ("1e5", 1, 5, false),
            ("1.5E+3", 15, 2, false),
            ("1.5e-3", 15, -4, false),
            ("1e99999999999999999999", 1, i32::MAX, false),
            ("1.25e-99999999999999999999", 125, i32::MIN, false),
        ] {
            for (sign, negative) in [("", false), ("-", true)] {
                let number = std::format!("{sign}{number}");
                assert_eq!(Scanned::of(&number), Scanned { negative, mantissa, power, is_cut }, "{number}");
            }
        }
    }
}
