//! All digits of a binary number.

use core::cmp::Ordering;

/// mantissa * 2^power, to its last digit: every such number with 54 bits down to 2^-1075, half of the least `f64`, up
/// to 2^1024, the first that is none.
#[derive(Debug, Clone)]
pub(super) struct Exact {
    /// Nine digits each, the lowest first.
    limbs: heapless::Vec<u32, LIMBS>,
    /// The whole is limbs * 10^power.
    power: i32,
}

/// 768 digits: 2^54 * 5^1075 has no more.
const LIMBS: usize = 86;
const LIMB: u64 = 1_000_000_000;
const LIMB_DIGITS: u32 = 9;

impl Exact {
    /// O(power^2).
    pub(super) fn new(mantissa: u64, power: i32) -> Self {
        let zeros = mantissa.checked_ilog2().map_or(0, |_| mantissa.trailing_zeros());
        let power = power.saturating_add_unsigned(zeros);
        let mut exact = Self { limbs: heapless::Vec::new(), power: power.min(0) };
        exact.carry(mantissa >> zeros);
        // 2^-n is 5^n * 10^-n. What fits a word beside nine digits is multiplied at once.
        let (base, at_once) = if power < 0 { (5_u64, 14) } else { (2, 33) };
        let mut left = power.unsigned_abs();
        while left > 0 && !exact.limbs.is_empty() {
            let some = left.min(at_once);
            exact.multiply(base.wrapping_pow(some));
            left = left.wrapping_sub(some);
        }
        exact
    }

    fn multiply(&mut self, by: u64) {
        let mut carry = 0;
        for limb in &mut self.limbs {
            let product = u64::from(*limb).wrapping_mul(by).wrapping_add(carry);
            *limb = (product % LIMB) as u32;
            carry = product / LIMB;
        }
        self.carry(carry);
    }

    fn carry(&mut self, mut rest: u64) {
        // There is room for all that the type promises to hold.
        while rest > 0 && self.limbs.push((rest % LIMB) as u32).is_ok() {
            rest /= LIMB;
        }
    }

    /// The power of ten that the first digit counts; 0 for zero.
    pub(super) fn magnitude(&self) -> i32 {
        let Some((last, below)) = self.limbs.split_last() else { return 0 };
        let digits = (below.len() as u32).wrapping_mul(LIMB_DIGITS).wrapping_add(last.checked_ilog10().unwrap_or(0));
        self.power.saturating_add_unsigned(digits)
    }

    /// The digits, each 0 to 9; the first is not 0. None for zero.
    pub(super) fn digits(&self) -> impl Iterator<Item = u8> {
        self.limbs.iter().rev().flat_map(|limb| nine_digits(*limb)).skip_while(|digit| *digit == 0)
    }

    /// How it compares with the number that has these digits, of which the first, not 0, counts 10^magnitude. O(n).
    pub(super) fn cmp(&self, mut digits: impl Iterator<Item = u8>, magnitude: i32) -> Ordering {
        let mut own = self.digits();
        let by_digits = || loop {
            match (own.next(), digits.next()) {
                (None, None) => return Ordering::Equal,
                (one, other) => match one.unwrap_or(0).cmp(&other.unwrap_or(0)) {
                    Ordering::Equal => {}
                    unequal => return unequal,
                },
            }
        };
        self.magnitude().cmp(&magnitude).then_with(by_digits)
    }
}

fn nine_digits(mut limb: u32) -> [u8; LIMB_DIGITS as usize] {
    let mut digits = [0; LIMB_DIGITS as usize];
    for digit in digits.iter_mut().rev() {
        *digit = (limb % 10) as u8;
        limb /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::string::{String, ToString as _};

    fn digits(exact: &Exact) -> String {
        exact.digits().map(|digit| char::from(b'0' + digit)).collect()
    }

    #[test]
    fn every_digit_is_there() {
        for (mantissa, power, expected, magnitude) in [
            (0, 0, "", 0),
            (1, 0, "1", 0),
            (8, -3, "1", 0),
            (5, -1, "25", 0),
            (1, -10, "9765625", -4),
            (1, 64, "18446744073709551616", 19),
            ((1 << 53) + 1, 0, "9007199254740993", 15),
        ] {
            let exact = Exact::new(mantissa, power);
            assert_eq!((digits(&exact).as_str(), exact.magnitude()), (expected, magnitude), "{mantissa} * 2^{power}");
        }
    }

    #[test]
    fn the_ends_of_the_range_fit() {
        // The standard library prints every digit, too.
        for number in [f64::MAX, f64::MIN_POSITIVE, f64::MIN_POSITIVE.next_down(), 5e-324] {
            let printed = format!("{number:.1080}").replace('.', "");
            let bits = number.to_bits();
            let field = (bits >> 52) as i32;
            let mantissa = (bits & ((1 << 52) - 1)) | if field == 0 { 0 } else { 1 << 52 };
            let exact = Exact::new(mantissa, field.max(1) - 1075);
            let trimmed = digits(&exact).trim_end_matches('0').to_string();
            assert_eq!(trimmed, printed.trim_matches('0'), "{number:e}");
        }
        let longest = Exact::new((1 << 54) - 1, -1075);
        assert_eq!((digits(&longest).len(), longest.magnitude()), (768, -308));
    }

    #[test]
    fn compared_to_the_last_digit() {
        let half = Exact::new(1, -1);
        for (digits, magnitude, expected) in [
            ("5", -1, Ordering::Equal),
            ("500", -1, Ordering::Equal),
            ("5", 0, Ordering::Less),
            ("5", -2, Ordering::Greater),
            ("500000000000000000000000000000001", -1, Ordering::Less),
            ("4999999999999999999999", -1, Ordering::Greater),
        ] {
            assert_eq!(half.cmp(digits.bytes().map(|byte| byte & 15), magnitude), expected, "{digits} {magnitude}");
        }
    }
}
