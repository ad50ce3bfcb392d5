//! Answers, and how far they can be off.

use super::super::rank::nearest_rank;
use super::accuracy::Magnitude;
use super::{DdSketch, Summary};

/// A quantile, and what is certain about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The answer of least relative error for all that the quantile can be: 2 l u / (l + u) between l and u; 0 if it
    /// can be on either side of 0.
    pub estimate: f64,
    /// The quantile is certainly not below this.
    pub lower: f64,
    /// The quantile is certainly not above this.
    pub upper: f64,
    /// |`estimate` - quantile| is certainly not above this times |quantile|. It is 0 if the answer is exact.
    pub error: f64,
}

/// A number of values that is known within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// There are at least so many.
    pub lower: u64,
    /// There are at most so many.
    pub upper: u64,
}

impl<S: AsRef<[u32]>> DdSketch<S> {
    /// The `q` quantile: the value of rank ⌈`q` n⌉ among the n finite values (1 is the least, and the rank is at least
    /// 1; the product is rounded to `f64`). The least, the greatest and zeros are exact. O(bins).
    ///
    /// The error of the answer is at most the [accuracy](Self::accuracy), unless the quantile is among the
    /// [collapsed](Self::collapsed) or next to two full bins: then it can be more, and the answer says so.
    ///
    /// `None` without finite values, or unless 0 <= `q` <= 1.
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let count = self.count();
        let rank = nearest_rank(q, count)?;
        if count == u64::MAX {
            // There may have been more, so ranks mean nothing.
            return Some(Quantile::between(self.min()?, self.max()?));
        }
        let Summary { sides: [positive, negative], zeros, .. } = self.summary;
        let below_zero = negative.total;
        let accuracy = self.accuracy();
        if rank <= below_zero {
            // The least value has the greatest magnitude.
            let rank = below_zero.saturating_sub(rank).saturating_add(1);
            let (least, greatest) = negative.at_rank(self.negative_bins(), accuracy, rank);
            return Some(Quantile::between(-greatest.value(), -least.value()));
        }
        let rank = rank.saturating_sub(below_zero);
        if rank <= zeros {
            return Some(Quantile::between(0.0, 0.0));
        }
        let rank = rank.saturating_sub(zeros);
        let (least, greatest) = positive.at_rank(self.positive_bins(), accuracy, rank);
        Some(Quantile::between(least.value(), greatest.value()))
    }

    /// How many of the finite values are `x` or less: their cumulative distribution, times their number. O(bins).
    ///
    /// `None` if `x` is NaN.
    pub fn at_most(&self, x: f64) -> Option<Bounds> {
        let count = self.count();
        let (min, max) = (self.min().unwrap_or(f64::INFINITY), self.max().unwrap_or(f64::NEG_INFINITY));
        if x.is_nan() {
            return None;
        }
        if x < min || x >= max {
            let all = if x < min { 0 } else { count };
            return Some(Bounds { lower: all, upper: all });
        }
        if count == u64::MAX {
            return Some(Bounds { lower: 1, upper: count });
        }
        let magnitude = Magnitude::of(x);
        let Summary { sides: [positive, negative], zeros, .. } = self.summary;
        let below_zero = negative.total;
        if x < 0.0 {
            let nearer = negative.at_most(self.negative_bins(), self.accuracy(), magnitude.before());
            let (lower, upper) = (below_zero.saturating_sub(nearer.upper), below_zero.saturating_sub(nearer.lower));
            return Some(Bounds { lower, upper });
        }
        let positive = positive.at_most(self.positive_bins(), self.accuracy(), magnitude);
        let others = below_zero.saturating_add(zeros);
        let (lower, upper) = (others.saturating_add(positive.lower), others.saturating_add(positive.upper));
        Some(Bounds { lower, upper })
    }

    /// The largest relative error that any answer can have at present: the [accuracy](Self::accuracy), or more if
    /// values [collapsed](Self::collapsed) or more than one bin is full. O(bins).
    pub fn error(&self) -> f64 {
        match (self.count(), self.min(), self.max()) {
            (u64::MAX, Some(min), Some(max)) => Quantile::between(min, max).error.max(self.accuracy().relative()),
            _ => {
                let [positive, negative] = &self.summary.sides;
                let negative = negative.error(self.negative_bins(), self.accuracy());
                negative.max(positive.error(self.positive_bins(), self.accuracy()))
            }
        }
    }
}

impl Quantile {
    /// The answer for what lies between two numbers.
    pub(super) fn between(lower: f64, upper: f64) -> Self {
        if upper < 0.0 {
            let Self { estimate, lower: nearest, upper: furthest, error } = Self::between(-upper, -lower);
            return Self { estimate: -estimate, lower: -furthest, upper: -nearest, error };
        }
        if lower <= 0.0 {
            let error = if lower == upper { 0.0 } else { 1.0 };
            return Self { estimate: 0.0, lower, upper, error };
        }
        // Neither the product nor the sum, which can overflow.
        let estimate = (lower * (2.0 / (1.0 + lower / upper))).max(lower).min(upper);
        let error = ((estimate - lower) / lower).max((upper - estimate) / upper);
        // Rounded up: differences and quotients can be half a last digit too small each.
        Self { estimate, lower, upper, error: error * (1.0 + 4.0 * f64::EPSILON) }
    }
}
