//! Signed integers of 640 bits, two's complement, wrapping: enough for every exact moment of 2^64 values of 32 bits.

use super::dd::Dd;

/// The cube of A2 (below 2^570) and the square of A3 times 2^34 (below 2^605) are the largest numbers needed.
const LIMBS: usize = 20;
const BITS: u32 = 32 * LIMBS as u32;

/// A signed integer; its limbs of 32 bits, the least significant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wide([u32; LIMBS]);

impl Wide {
    const ZERO: Self = Self([0; LIMBS]);

    pub(super) fn is_negative(&self) -> bool {
        self.0.last().is_some_and(|&top| top >> 31 == 1)
    }

    /// The bits above the highest one set; `BITS` for 0.
    fn leading_zeros(&self) -> u32 {
        let mut zeros = 0_u32;
        for limb in self.0.iter().rev() {
            zeros = zeros.wrapping_add(limb.leading_zeros());
            if *limb != 0 {
                break;
            }
        }
        zeros
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.plus_with(other, 0, 0)
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.plus_with(other, u32::MAX, 1)
    }

    /// `self` plus `other` with all bits that are set in `flip` flipped, plus `carry`.
    fn plus_with(mut self, other: Self, flip: u32, mut carry: u64) -> Self {
        for (limb, more) in self.0.iter_mut().zip(other.0) {
            carry = carry.wrapping_add(u64::from(*limb)).wrapping_add(u64::from(more ^ flip));
            *limb = carry as u32;
            carry >>= 32;
        }
        self
    }

    pub(super) fn times(self, other: Self) -> Self {
        let mut product = Self::ZERO;
        for (at, &a) in self.0.iter().enumerate() {
            let mut carry = 0_u64;
            for (out, b) in product.0.iter_mut().skip(at).zip(other.0) {
                // At most (2^32 - 1)² + 2 (2^32 - 1) = 2^64 - 1.
                carry = (u64::from(a).wrapping_mul(u64::from(b))).wrapping_add(carry).wrapping_add(u64::from(*out));
                *out = carry as u32;
                carry >>= 32;
            }
        }
        product
    }

    pub(super) fn squared(self) -> Self {
        self.times(self)
    }

    pub(super) fn magnitude(self) -> Self {
        if self.is_negative() { Self::ZERO.minus(self) } else { self }
    }

    pub(super) fn shifted_left(self, bits: u32) -> Self {
        let mut shifted = Self::ZERO;
        let bits_in_limb = bits & 31;
        let mut below = 0_u64;
        for (out, &limb) in shifted.0.iter_mut().skip((bits >> 5) as usize).zip(&self.0) {
            let both = u64::from(limb).wrapping_shl(bits_in_limb) | below;
            *out = both as u32;
            below = both >> 32;
        }
        shifted
    }

    fn shifted_right_once(mut self) -> Self {
        let mut above = 0_u32;
        for limb in self.0.iter_mut().rev() {
            (*limb, above) = (*limb >> 1 | above << 31, *limb & 1);
        }
        self
    }

    /// `self / divisor` rounded down, for numbers that aren't negative; `u128::MAX` if it is more, or the divisor 0.
    /// Shifts and subtracts: as many steps as the quotient has bits.
    pub(super) fn over(mut self, divisor: &Self) -> u128 {
        let steps = divisor.leading_zeros().saturating_sub(self.leading_zeros());
        if divisor.leading_zeros() == BITS || steps >= 128 {
            return u128::MAX;
        }
        let mut divisor = divisor.shifted_left(steps);
        let mut quotient = 0_u128;
        for _ in 0..=steps {
            quotient <<= 1;
            let rest = self.minus(divisor);
            if !rest.is_negative() {
                self = rest;
                quotient |= 1;
            }
            divisor = divisor.shifted_right_once();
        }
        quotient
    }

    /// The nearest double-double, but for some 2^-100 of it.
    pub(super) fn to_dd(self) -> Dd {
        let mut sum = Dd::default();
        for &limb in self.magnitude().0.iter().rev() {
            sum = sum.scaled(32) + Dd::from(f64::from(limb));
        }
        if self.is_negative() { -sum } else { sum }
    }
}

impl From<u128> for Wide {
    fn from(mut value: u128) -> Self {
        let mut wide = Self::ZERO;
        for limb in wide.0.iter_mut().take(4) {
            *limb = value as u32;
            value >>= 32;
        }
        wide
    }
}

impl From<i128> for Wide {
    fn from(value: i128) -> Self {
        let magnitude = Self::from(value.unsigned_abs());
        if value < 0 { Self::ZERO.minus(magnitude) } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(value: i128) -> Wide {
        Wide::from(value)
    }

    #[test]
    fn agrees_with_integers_of_128_bits() {
        let values = [0, 1, -1, 7, -1_000_003, i64::MAX as i128, -(1 << 62), i64::MIN as i128];
        let step = if cfg!(miri) { 3 } else { 1 };
        for a in values.into_iter().step_by(step) {
            for b in values.into_iter().step_by(step) {
                assert_eq!(wide(a).plus(wide(b)), wide(a + b), "{a} + {b}");
                assert_eq!(wide(a).minus(wide(b)), wide(a - b), "{a} - {b}");
                assert_eq!(wide(a).times(wide(b)), wide(a * b), "{a} * {b}");
                assert_eq!(wide(a).is_negative(), a < 0);
                let quotient = a.unsigned_abs().checked_div(b.unsigned_abs()).unwrap_or(u128::MAX);
                assert_eq!(wide(a).magnitude().over(&wide(b).magnitude()), quotient, "|{a}| / |{b}|");
            }
        }
    }

    #[test]
    fn carries_through_every_limb() {
        let all_ones = wide(-1);
        assert_eq!(all_ones.plus(wide(1)), wide(0));
        let top = wide(1).shifted_left(BITS - 2);
        assert!(!top.is_negative());
        assert!(top.plus(top).is_negative());
        let power = wide(3).shifted_left(300);
        assert_eq!(power.over(&wide(1).shifted_left(201)), 3 << 99);
        assert_eq!(power.over(&wide(1)), u128::MAX);
        assert_eq!(power.squared(), wide(9).shifted_left(600));
        assert_eq!(power.shifted_right_once(), wide(3).shifted_left(299));
    }

    #[test]
    fn becomes_a_double_double() {
        let value = -((1_i128 << 100) + 1);
        let Dd { hi, lo } = wide(value).to_dd();
        assert_eq!((hi, lo), (-(libm::scalbn(1.0, 100)), -1.0));
    }
}
