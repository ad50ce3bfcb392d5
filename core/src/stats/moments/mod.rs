//! Moments of `f64` values to the last digit or the one before, whatever the data.

mod bounds;
mod parts;
mod results;
mod sums;

use super::scale::Scale;
use super::totals::{Totals, is_due};
use bounds::Bounds;
pub use parts::{InvalidParts, Parts};
use sums::Sums;

/// Slices are checked for what can't enter the sums a block at a time; rounding errors are folded in as often.
const BLOCK: usize = 256;

/// What becomes of results once a value was NaN or infinite. Such values never enter the sums; they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NonFinite {
    /// As in IEEE 754: infinities of one sign make the mean infinite; whatever would be NaN is `None`.
    #[default]
    Poison,
    /// They are left out: results are those of the finite values.
    LeaveOut,
}

/// Count, mean, variance, skewness, kurtosis, least and largest of a stream of `f64`.
///
/// Every result has at least 15.5 correct digits (an absolute error below 1e-15 where skewness or kurtosis is below
/// 1e-6), for values of any magnitude and order, taken in one by one, from slices, or split and
/// [merged](Self::merge).
///
/// How: it keeps the sums of the first four powers of the distances from a pivot, in double-double arithmetic. At the
/// 2nd, 4th, 8th, … value the pivot moves to the mean so far, so n (mean - pivot)² never exceeds the sum of squares
/// about the mean, and taking the difference of the two costs a bit of the 106, not all of them. (A mean of values that
/// cancel is right to some 1e-30 of the largest.) Values are multiplied
/// by a power of two chosen from the largest magnitude seen, so that fourth powers neither overflow nor vanish.
///
/// Definitions: population variance m2 = Σ(x - mean)² / n; sample variance divides by n - 1; skewness is
/// g1 = m3 / m2^1.5, excess kurtosis g2 = m4 / m2² - 3. A variance beyond the range of `f64` is infinite, as the
/// nearest `f64` is; its root isn't.
///
/// ```
/// use streamgauge_core::stats::Moments;
///
/// let mut here = Moments::new();
/// here.extend_from_slice(&[1e300, 2e300]);
/// let mut there = Moments::new();
/// there.push(4e300);
/// there.push(8e300);
/// here.merge(&there);
/// assert_eq!(here.mean(), Some(3.75e300));
/// assert_eq!(here.excess_kurtosis(), Some(-1.0989792060491494));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    count: u64,
    sums: Sums,
    scale: Scale,
    min: f64,
    max: f64,
    nan: u64,
    positive_infinities: u64,
    negative_infinities: u64,
    non_finite: NonFinite,
}

impl Default for Moments {
    fn default() -> Self {
        Self::new()
    }
}

impl Moments {
    /// Nothing seen yet; a value that isn't finite will poison the results.
    pub const fn new() -> Self {
        Self::with_policy(NonFinite::Poison)
    }

    /// Nothing seen yet.
    pub const fn with_policy(non_finite: NonFinite) -> Self {
        Self {
            count: 0,
            sums: Sums { pivot: 0.0, powers: Totals::ZERO },
            scale: Scale::NONE,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            nan: 0,
            positive_infinities: 0,
            negative_infinities: 0,
            non_finite,
        }
    }

    /// Takes a value in. O(1), without division except at the 2nd, 4th, 8th, … value.
    #[inline]
    pub fn push(&mut self, x: f64) {
        // False of NaN as well.
        let in_range = x.abs() <= self.scale.limit;
        if !in_range && !self.admit(x) {
            return;
        }
        self.sums.powers.add_powers(x * self.scale.factor, self.sums.pivot);
        self.min = if x < self.min { x } else { self.min };
        self.max = if x > self.max { x } else { self.max };
        self.count = self.count.saturating_add(1);
        if is_due(self.count, BLOCK as u64) {
            self.settle();
        }
    }

    /// Takes many values in, at less than half the cost of one by one. O(n).
    pub fn extend_from_slice(&mut self, mut values: &[f64]) {
        while !values.is_empty() {
            // Up to where the pivot moves next.
            let room = usize::try_from(self.until_move()).unwrap_or(usize::MAX).min(BLOCK).min(values.len());
            let Some((block, rest)) = values.split_at_checked(room) else { return };
            values = rest;
            match Bounds::of(block) {
                Some(bounds) if room > sums::LANES && bounds.magnitude() <= self.scale.limit => {
                    self.sums.add_slice(block, self.scale.factor);
                    self.min = self.min.min(bounds.min);
                    self.max = self.max.max(bounds.max);
                    self.count = self.count.saturating_add(room as u64);
                    self.settle();
                }
                _ => block.iter().for_each(|&x| self.push(x)),
            }
        }
    }

    /// Takes in what `other` has seen. O(1).
    ///
    /// `a.merge(&b)` and `b.merge(&a)` give the same state to the bit (but for the policy below, and the sign of an
    /// extreme that is 0). Merging several in
    /// another order gives sums that differ by some 1e-30 of their size (third and fourth powers 1e-23): results may differ
    /// in the last digit.
    /// Counts of what isn't finite add up; if either poisons, the outcome does.
    pub fn merge(&mut self, other: &Self) {
        self.nan = self.nan.saturating_add(other.nan);
        self.positive_infinities = self.positive_infinities.saturating_add(other.positive_infinities);
        self.negative_infinities = self.negative_infinities.saturating_add(other.negative_infinities);
        if other.non_finite == NonFinite::Poison {
            self.non_finite = NonFinite::Poison;
        }
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            (self.count, self.sums, self.scale) = (other.count, other.sums, other.scale);
        } else {
            let mut others = other.sums;
            if other.scale.reaches_beyond(&self.scale) {
                self.rescale(other.scale);
            } else {
                others.scale(self.scale.exponent.saturating_sub(other.scale.exponent));
            }
            self.sums = self.sums.merged(self.count, others, other.count);
            self.count = self.count.saturating_add(other.count);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Number of finite values seen; it stays at `u64::MAX` once there, like all counts.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Number of values that were NaN.
    pub const fn nan(&self) -> u64 {
        self.nan
    }

    /// Number of values that were +∞.
    pub const fn positive_infinities(&self) -> u64 {
        self.positive_infinities
    }

    /// Number of values that were -∞.
    pub const fn negative_infinities(&self) -> u64 {
        self.negative_infinities
    }

    /// What becomes of results once a value wasn't finite.
    pub const fn non_finite(&self) -> NonFinite {
        self.non_finite
    }

    /// Counts what isn't finite, and prepares for a value larger than all before; whether it may enter the sums.
    #[cold]
    fn admit(&mut self, x: f64) -> bool {
        if !x.is_finite() {
            let counter = match x {
                f64::INFINITY => &mut self.positive_infinities,
                f64::NEG_INFINITY => &mut self.negative_infinities,
                _ => &mut self.nan,
            };
            *counter = counter.saturating_add(1);
            return false;
        }
        self.rescale(Scale::for_magnitude(x.abs()));
        if self.count == 0 {
            self.sums.pivot = x * self.scale.factor;
        }
        true
    }

    fn rescale(&mut self, scale: Scale) {
        self.sums.scale(scale.exponent.saturating_sub(self.scale.exponent));
        self.scale = scale;
    }

    /// How many values more until the pivot moves: at least one.
    fn until_move(&self) -> u64 {
        let next = self.count.saturating_add(1).checked_next_power_of_two().unwrap_or(u64::MAX);
        next.saturating_sub(self.count).max(1)
    }

    /// What is due now and then: rounding errors are folded in, and the pivot moves.
    fn settle(&mut self) {
        self.sums.powers.settle();
        if self.count.is_power_of_two() {
            self.sums.move_pivot(self.count, self.sums.mean(self.count).hi);
        }
    }
}
