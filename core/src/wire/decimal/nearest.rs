//! The `f64` that is nearest to a number of JSON.
//!
//! Most numbers have few digits and a small power of ten: one division is right (Clinger 1990). For others the product
//! with a power of ten is taken to 128 bits, between two bounds that nearly always round to the same (the idea of
//! Eisel and Lemire, arXiv 2101.11408, but with a table of 25 powers, not 651). Where they don't, the middle between
//! two `f64` lies within the bounds, and the number is compared with it, digit by digit.

use core::cmp::Ordering;

use super::exact::Exact;
use super::powers::power_of_five;
use super::scanned::Scanned;

/// The nearest `f64` of a valid number of JSON, of two the even one; infinite from 2^1024 - 2^970 on. O(n).
#[inline]
pub(crate) fn nearest(number: &str) -> f64 {
    let scanned = Scanned::of(number);
    let magnitude = short(&scanned).unwrap_or_else(|| long(&scanned, number));
    if scanned.negative { -magnitude } else { magnitude }
}

/// What both factors, or dividend and divisor, are exact for: then the processor rounds once, and right.
#[inline]
fn short(scanned: &Scanned) -> Option<f64> {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ];
    let mantissa = scanned.mantissa as f64;
    let is_exact = scanned.mantissa <= 1 << f64::MANTISSA_DIGITS;
    // Nor is there more than one rounding where there is nothing to multiply.
    if scanned.is_cut || !is_exact && scanned.power != 0 {
        return None;
    }
    let power = *POWERS.get(scanned.power.unsigned_abs() as usize)?;
    Some(if scanned.power < 0 { mantissa / power } else { mantissa * power })
}

fn long(scanned: &Scanned, number: &str) -> f64 {
    if scanned.mantissa == 0 {
        return 0.0;
    }
    let Some(estimate) = Estimate::of(scanned) else {
        return if scanned.power < 0 { 0.0 } else { f64::INFINITY };
    };
    let (below, power) = match estimate.round() {
        Rounded::To(nearest) => return nearest,
        Rounded::Between { below, power } => (below, power),
    };
    let middle = Exact::new(below.wrapping_mul(2).wrapping_add(1), power.wrapping_sub(1));
    let digits = number.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).filter(u8::is_ascii_digit);
    let digits = digits.map(|byte| byte & 15).skip_while(|digit| *digit == 0);
    let is_above = match middle.cmp(digits, scanned.magnitude()) {
        Ordering::Less => true,
        Ordering::Equal => below & 1 == 1,
        Ordering::Greater => false,
    };
    compose(below.wrapping_add(u64::from(is_above)), power)
}

/// A number from `least` * 2^power on and below (`least` + `slack`) * 2^power. `least` has 118
/// to 120 bits.
struct Estimate {
    least: u128,
    slack: u128,
    power: i32,
}

enum Rounded {
    To(f64),
    /// It may be on either side of the middle of `below` * 2^power and the next one.
    Between {
        below: u64,
        power: i32,
    },
}

impl Estimate {
    /// `None` if it is zero or infinite by far.
    fn of(scanned: &Scanned) -> Option<Self> {
        let (large, small) = power_of_five(scanned.power)?;
        let zeros = [scanned.mantissa, small].map(u64::leading_zeros);
        // Neither is zero; the masks only say so.
        let [mantissa_zeros, small_zeros] = zeros.map(|zeros| zeros & 63);
        let small = u128::from(small << small_zeros);
        let product = u128::from(scanned.mantissa << mantissa_zeros).wrapping_mul(small);
        // What a cut number may be worth more.
        let more = if scanned.is_cut { small << mantissa_zeros } else { 0 };
        // Rounded down, from a power that was rounded down: in all it lacks less than two, and what was cut.
        let high = high_half(product, large.leading);
        // Eight bits less, so that nothing below overflows.
        let zeros = mantissa_zeros.wrapping_add(small_zeros) as i32;
        let power = i32::from(large.shift).wrapping_add(scanned.power).wrapping_sub(zeros).wrapping_add(128 + 8);
        Some(Self { least: high >> 8, slack: (more >> 8).wrapping_add(3), power })
    }

    fn round(&self) -> Rounded {
        /// That of the least `f64`.
        const LOWEST: i32 = f64::MIN_EXP - f64::MANTISSA_DIGITS as i32;
        let bits = u128::BITS.wrapping_sub(self.least.leading_zeros()) as i32;
        let power = self.power.wrapping_add(bits).wrapping_sub(f64::MANTISSA_DIGITS as i32).max(LOWEST);
        // 65 at least; from 124 on it is below half of the least `f64`.
        let shift = power.wrapping_sub(self.power);
        if shift > 123 {
            return Rounded::To(0.0);
        }
        let shift = shift as u32 & 63;
        let below = ((self.least >> 64) as u64) >> shift;
        let half = u128::from((1_u64 << shift) >> 1) << 64;
        let rest = self.least & half.wrapping_mul(2).wrapping_sub(1);
        if rest.wrapping_add(self.slack) <= half {
            Rounded::To(compose(below, power))
        } else if rest > half {
            Rounded::To(compose(below.wrapping_add(1), power))
        } else {
            Rounded::Between { below, power }
        }
    }
}

/// mantissa * 2^power, of which the power is the least, or the mantissa has 53 bits, or is 2^53.
fn compose(mantissa: u64, power: i32) -> f64 {
    const INFINITY: u64 = f64::INFINITY.to_bits();
    // The mantissa's highest bit adds one to the exponent, and so does a 54th.
    let exponent = u64::from(power.wrapping_add(1074).clamp(0, 2047).unsigned_abs());
    f64::from_bits((exponent << 52).wrapping_add(mantissa).min(INFINITY))
}

/// The upper 128 bits of a product, rounded down.
#[inline]
const fn high_half(one: u128, other: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (high, low) = (one >> 64, one & LOW);
    let (other_high, other_low) = (other >> 64, other & LOW);
    // No sum can overflow: (2^64 - 1)^2 + 2 * (2^64 - 1) = 2^128 - 1.
    let middle = high.wrapping_mul(other_low).wrapping_add(low.wrapping_mul(other_low) >> 64);
    let carried = low.wrapping_mul(other_high).wrapping_add(middle & LOW);
    high.wrapping_mul(other_high).wrapping_add(middle >> 64).wrapping_add(carried >> 64)
}
