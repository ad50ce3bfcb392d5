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
        const NINETEEN_DIGITS: u64 = 1_000_000_000_000_000_000;
        let bytes = number.as_bytes();
        let (negative, digits) = match bytes {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (mut mantissa, mut is_cut) = (0_u64, false);
        // Digits that the mantissa lacks, and digits behind the point.
        let (mut dropped, mut behind_point) = (0_i64, None::<i64>);
        let mut power = 0;
        let mut rest = digits.iter();
        while let Some(&byte) = rest.next() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                if byte == b'.' {
                    behind_point = Some(0);
                    continue;
                }
                power = exponent(rest.as_slice());
                break;
            }
            if mantissa < NINETEEN_DIGITS {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            } else {
                dropped = dropped.wrapping_add(1);
                is_cut |= digit != 0;
            }
            behind_point = behind_point.map(|digits| digits.wrapping_add(1));
        }
        let power = dropped.wrapping_sub(behind_point.unwrap_or(0)).saturating_add(power);
        Self { negative, mantissa, power: power.clamp(i32::MIN.into(), i32::MAX.into()) as i32, is_cut }
    }

    /// The power of ten that its first significant digit counts; saturates.
    pub(super) fn magnitude(&self) -> i32 {
        self.power.saturating_add_unsigned(self.mantissa.checked_ilog10().unwrap_or(0))
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
