//! The state of [`Bivariate`] as plain numbers.

use super::results::Central;
use super::variable::Variable;
use super::{Bivariate, NonFinite};
use crate::stats::dd::Dd;
use crate::stats::extent::{Extent, MAX_COUNT, is_sum};
use crate::stats::totals::Totals;

/// The state of [`Bivariate`] as plain numbers, to be stored elsewhere and shared between machines.
///
/// As with [the parts of `Moments`](crate::stats::moments::Parts) a number has to come back as it went, to the bit, and
/// all are finite.
///
/// What the numbers mean: with dx and dy for the distances of the scaled values from their pivots, as
/// [`VariableParts`] has them, the sum of dx dy is `products[0] + products[1]`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// Number of pairs of finite values, at most 2^53: doubles count as far.
    pub count: u64,
    /// x alone.
    pub x: VariableParts,
    /// y alone.
    pub y: VariableParts,
    /// Sum of the products of the distances, in two parts: rounded, and what rounding took away.
    pub products: [f64; 2],
    /// Number of pairs of which either value was NaN.
    pub nan: u64,
    /// Number of pairs of which either value was infinite, and neither NaN.
    pub infinite: u64,
}

/// What [`Parts`] has of one variable: with v = value * 2^`exponent` and d = v - `pivot`, the sum of d^k is
/// `sums[k - 1][0] + sums[k - 1][1]`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VariableParts {
    /// Least value, and 0 if there is none.
    pub min: f64,
    /// Largest value, and 0 if there is none.
    pub max: f64,
    /// Values were multiplied by 2 to this power, a multiple of 300; 0 for largest magnitudes from 2^-130 to 2^170.
    pub exponent: i32,
    /// What distances are measured from, near the mean, multiplied like the values.
    pub pivot: f64,
    /// Sums of the distances and of their squares, each in two parts: rounded, and what rounding took away.
    pub sums: [[f64; 2]; 2],
}

/// Which numbers no pairs can have led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidParts {
    /// The count is beyond 2^53, or it is 0 and there are numbers of values nevertheless.
    Count,
    /// A number of x isn't finite or contradicts another.
    X,
    /// A number of y isn't finite or contradicts another.
    Y,
    /// The sum of products isn't finite, or makes x and y more than perfectly correlated.
    Products,
}

impl core::fmt::Display for InvalidParts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Count => "no pairs have such a count",
            Self::X => "no values of x have such extremes and sums",
            Self::Y => "no values of y have such extremes and sums",
            Self::Products => "no x and y have such a sum of products",
        })
    }
}

impl core::error::Error for InvalidParts {}

impl Bivariate {
    /// The state as plain numbers. The policy isn't among them: whoever reads them chooses.
    pub fn to_parts(&self) -> Parts {
        let of = |variable: &Variable| {
            let (min, max) = if self.count == 0 { (0.0, 0.0) } else { (variable.min, variable.max) };
            let (exponent, sums) = (variable.scale.exponent, variable.sums.to_parts());
            VariableParts { min, max, exponent, pivot: variable.pivot, sums }
        };
        let [products] = self.products.to_parts();
        let (x, y) = (of(&self.x), of(&self.y));
        Parts { count: self.count, x, y, products, nan: self.nan, infinite: self.infinite }
    }

    /// The state that these numbers describe. O(1).
    ///
    /// # Errors
    /// [`InvalidParts`] tells which numbers aren't finite or contradict others: sums beyond what the count and the
    /// extremes allow, a pivot outside of them, a scale that doesn't suit them, a correlation beyond 1.
    pub fn from_parts(parts: &Parts, non_finite: NonFinite) -> Result<Self, InvalidParts> {
        let &Parts { count, x, y, products, nan, infinite } = parts;
        let nothing = Self { nan, infinite, ..Self::with_policy(non_finite) };
        if count == 0 {
            return if *parts == nothing.to_parts() { Ok(nothing) } else { Err(InvalidParts::Count) };
        }
        if count > MAX_COUNT {
            return Err(InvalidParts::Count);
        }
        let x = x.checked(count).ok_or(InvalidParts::X)?;
        let y = y.checked(count).ok_or(InvalidParts::Y)?;
        let pair = Self { count, x, y, products: Totals::from_parts([products]), ..nothing };
        if pair.has_possible_products(products) { Ok(pair) } else { Err(InvalidParts::Products) }
    }

    /// Whether the variables can have this sum of products: the root of the products of their squares is the most, about
    /// the pivots and about the means.
    fn has_possible_products(&self, products: [f64; 2]) -> bool {
        let most = |xx: Dd, yy: Dd| libm::sqrt(xx.hi) * libm::sqrt(yy.hi) * (1.0 + 1e-9);
        let ([_, xx], [_, yy]) = (self.x.sums.dds(), self.y.sums.dds());
        let bound = most(xx, yy);
        let Central { xx, yy, xy } = self.central_of(self.count);
        is_sum(products, -bound, bound) && xy.hi.abs() <= most(xx, yy)
    }
}

impl VariableParts {
    /// The variable, if the numbers don't contradict each other.
    fn checked(&self, count: u64) -> Option<Variable> {
        let extent = Extent::of(self.min, self.max, self.exponent)?;
        let n = count as f64;
        let widest = extent.widest();
        let [sum, squares] = self.sums;
        let possible = extent.holds_pivot(self.pivot)
            && is_sum(sum, -n * widest, n * widest)
            && is_sum(squares, 0.0, n * widest * widest);
        if !possible {
            return None;
        }
        let sums = Totals::from_parts(self.sums);
        let variable = Variable { scale: extent.scale, min: self.min, max: self.max, pivot: self.pivot, sums };
        // The two extremes alone are half the range from the mean, or one is further; and all values together are at
        // most as far as if half of them were at either extreme.
        let (spread, square) = (variable.spread(count).hi, extent.range() * extent.range());
        let within = spread >= 0.49 * n * square && spread <= 0.250_001 * n * n * square;
        within.then_some(variable)
    }
}
