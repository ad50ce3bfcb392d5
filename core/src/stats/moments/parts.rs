//! The state of [`Moments`] as plain numbers.

use super::sums::Sums;
use super::{Moments, NonFinite};
use crate::stats::extent::{Extent, MAX_COUNT, is_sum};
use crate::stats::scale::Scale;
use crate::stats::totals::Totals;

/// The state of [`Moments`] as plain numbers, to be stored elsewhere and shared between machines.
///
/// A number has to come back as it went, to the bit: 17 significant digits do, and so does the shortest form that
/// reads back the same, which Rust prints. All are finite, so all can be JSON.
///
/// What the numbers mean: with y = x * 2^`exponent` for the values x and d = y - `pivot`, the sum of d^k is
/// `sums[k - 1][0] + sums[k - 1][1]`. So states of the same exponent are merged by moving both to a common pivot and
/// adding them in double-double arithmetic, which any machine with IEEE 754 doubles can do; the order makes no
/// difference but for rounding, at some 1e-30 of the first two sums and 1e-23 of the others.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// Number of finite values, at most 2^53: doubles count as far.
    pub count: u64,
    /// Least value, and 0 if there is none.
    pub min: f64,
    /// Largest value, and 0 if there is none.
    pub max: f64,
    /// Values were multiplied by 2 to this power, a multiple of 300; 0 for largest magnitudes from 2^-130 to 2^170.
    pub exponent: i32,
    /// What distances are measured from, near the mean, multiplied like the values.
    pub pivot: f64,
    /// Sums of the first four powers of the distances, each in two parts: rounded, and what rounding took away.
    pub sums: [[f64; 2]; 4],
    /// Number of values that were NaN.
    pub nan: u64,
    /// Number of values that were +∞.
    pub positive_infinities: u64,
    /// Number of values that were -∞.
    pub negative_infinities: u64,
}

/// Numbers that no values can have led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidParts;

impl core::fmt::Display for InvalidParts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no values have such moments")
    }
}

impl core::error::Error for InvalidParts {}

impl Moments {
    /// The state as plain numbers. The policy isn't among them: whoever reads them chooses.
    pub fn to_parts(&self) -> Parts {
        let (min, max) = if self.count == 0 { (0.0, 0.0) } else { (self.min, self.max) };
        Parts {
            count: self.count,
            min,
            max,
            exponent: self.scale.exponent,
            pivot: self.sums.pivot,
            sums: self.sums.powers.to_parts(),
            nan: self.nan,
            positive_infinities: self.positive_infinities,
            negative_infinities: self.negative_infinities,
        }
    }

    /// The state that these numbers describe.
    ///
    /// # Errors
    /// [`InvalidParts`] if a number isn't finite or contradicts another: sums beyond what the count and the extremes
    /// allow, a pivot outside of them, a scale that doesn't suit them.
    pub fn from_parts(parts: &Parts, non_finite: NonFinite) -> Result<Self, InvalidParts> {
        let mut moments = Self::with_policy(non_finite);
        moments.nan = parts.nan;
        moments.positive_infinities = parts.positive_infinities;
        moments.negative_infinities = parts.negative_infinities;
        if parts.count == 0 {
            let empty = Parts {
                nan: parts.nan,
                positive_infinities: parts.positive_infinities,
                negative_infinities: parts.negative_infinities,
                ..Parts::default()
            };
            return if *parts == empty { Ok(moments) } else { Err(InvalidParts) };
        }
        (moments.scale, moments.sums) = checked(parts).ok_or(InvalidParts)?;
        (moments.count, moments.min, moments.max) = (parts.count, parts.min, parts.max);
        Ok(moments)
    }
}

/// The scale and the sums of parts that don't contradict each other.
fn checked(parts: &Parts) -> Option<(Scale, Sums)> {
    let extent = Extent::of(parts.min, parts.max, parts.exponent)?;
    if parts.count > MAX_COUNT || !extent.holds_pivot(parts.pivot) {
        return None;
    }
    let mut bound = parts.count as f64;
    for (odd, sum) in [true, false, true, false].into_iter().zip(parts.sums) {
        bound *= extent.widest();
        if !is_sum(sum, if odd { -bound } else { 0.0 }, bound) {
            return None;
        }
    }
    let sums = Sums { pivot: parts.pivot, powers: Totals::from_parts(parts.sums) };
    // The two extremes alone are half the range from the mean, or one is further.
    let (central, square) = (sums.central(parts.count), extent.range() * extent.range());
    let enough = central.m2.hi >= 0.49 * square && central.m4.hi >= 0.12 * square * square;
    enough.then_some((extent.scale, sums))
}
