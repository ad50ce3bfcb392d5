//! Covariance, correlation and the regression line of two variables, to the last digit or the one before.

mod marginal;
mod parts;
mod results;
mod variable;

use super::dd::Dd;
use super::moments::NonFinite;
use super::scale::Scale;
use super::totals::{Totals, is_due};
pub use marginal::Marginal;
pub use parts::{InvalidParts, Parts, VariableParts};
use variable::{Shift, Variable, shifted};

/// Rounding errors are folded in as often: what is left of the squares about a line is small beside them.
const BLOCK: u64 = 16;

/// Covariance, correlation and the regression line of a stream of pairs (x, y) of `f64`; and of x and y alone, mean,
/// variance and extremes.
///
/// Every result has at least 15.5 correct digits, for values of any magnitude and order, taken in one by one or split
/// and [merged](Self::merge), unless it is what remains where larger numbers cancel. Then it has the digits that are
/// left. With sx and sy for the standard deviations, and E = 1e-28 (growing with √n beyond a million pairs, to 3e-27
/// at 10⁹), the error of a result with fewer digits is below
///
/// | | | fewer digits where |
/// | --- | --- | --- |
/// | mean | E times the largest value | values cancel to 12 digits |
/// | covariance | E sx sy | abs(r) < 1e-12 |
/// | correlation, r² | E | abs(r) < 1e-12 |
/// | slope | E sy / sx | abs(r) < 1e-12 |
/// | intercept | E (abs(y) + abs(x) sy / sx) of the largest | it is 1e-12 of that |
/// | residual standard deviation | its square: E sy² | it is below 1e-6 sy; below 3e-15 sy it is 0 |
///
/// With sums of some 106 bits that can't be helped: what cancels beyond them was never stored. (Of numbers of few bits
/// they are exact, and so is all that is made of them but for the last rounding.)
///
/// How: as [`Moments`](super::Moments) does. It keeps the sums of the distances from two pivots, of their squares and
/// of their products, in double-double arithmetic; at the 1st, 2nd, 4th, 8th, … pair the pivots move to the means
/// so far. So no difference of sums costs more than a bit, whatever the offset. Each variable has a scale of its own, a
/// power of two, so that products neither overflow nor vanish.
///
/// A pair of which a value isn't finite never enters the sums. It is counted; with [`NonFinite::Poison`] there is no
/// result any more (which of them IEEE 754 would make infinite isn't told), with [`NonFinite::LeaveOut`] results are
/// those of all other pairs.
///
/// Definitions, with C for Σ(x - mean x)(y - mean y) and likewise Cxx and Cyy: population covariance C / n; sample
/// covariance C / (n - 1); Pearson's correlation r = C / √(Cxx Cyy); the least-squares line of y on x has the slope
/// b = C / Cxx and the intercept mean y - b mean x; its residual standard deviation is √((Cyy - b C) / (n - 2)). What is
/// beyond the range of `f64` is infinite, as the nearest `f64` is.
///
/// ```
/// use streamgauge_core::stats::Bivariate;
///
/// let mut here = Bivariate::new();
/// here.push(1e300, 2e-300);
/// here.push(2e300, 4e-300);
/// let mut there = Bivariate::new();
/// there.push(4e300, 5e-300);
/// here.merge(&there);
/// assert_eq!(here.x().mean(), Some(2.3333333333333335e300));
/// assert_eq!(here.sample_covariance(), Some(2.1666666666666665));
/// assert_eq!(here.correlation(), Some(0.9285714285714286));
/// assert_eq!((here.slope(), here.intercept()), (Some(0.0), Some(1.5e-300))); // 9.3e-601 is nearest to 0.
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bivariate {
    count: u64,
    x: Variable,
    y: Variable,
    /// Of the distances of x and y from their pivots.
    products: Totals<f64, 1>,
    nan: u64,
    infinite: u64,
    non_finite: NonFinite,
}

impl Default for Bivariate {
    fn default() -> Self {
        Self::new()
    }
}

impl Bivariate {
    /// Nothing seen yet; a value that isn't finite will poison the results.
    pub const fn new() -> Self {
        Self::with_policy(NonFinite::Poison)
    }

    /// Nothing seen yet.
    pub const fn with_policy(non_finite: NonFinite) -> Self {
        Self { count: 0, x: Variable::NONE, y: Variable::NONE, products: Totals::ZERO, nan: 0, infinite: 0, non_finite }
    }

    /// Takes a pair in. O(1), without division except at the 1st, 2nd, 4th, 8th, … pair.
    #[inline]
    pub fn push(&mut self, x: f64, y: f64) {
        let in_range = self.x.reaches(x) && self.y.reaches(y);
        if !in_range && !self.admit(x, y) {
            return;
        }
        let (dx, dy) = (self.x.add(x), self.y.add(y));
        self.products.add([dx.times(dy)]);
        self.count = self.count.saturating_add(1);
        if is_due(self.count, BLOCK) {
            self.settle();
        }
    }

    /// Takes in what `other` has seen. O(1).
    ///
    /// `a.merge(&b)` and `b.merge(&a)` give the same state to the bit (but for the policy below, and the sign of an
    /// extreme that is 0). Merging several in another order gives sums that differ by some 1e-30 of their size: results
    /// may differ in the last digit. Counts of what isn't finite add up; if either poisons, the outcome does.
    pub fn merge(&mut self, other: &Self) {
        self.nan = self.nan.saturating_add(other.nan);
        self.infinite = self.infinite.saturating_add(other.infinite);
        if other.non_finite == NonFinite::Poison {
            self.non_finite = NonFinite::Poison;
        }
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            (self.count, self.x, self.y, self.products) = (other.count, other.x, other.y, other.products);
            return;
        }
        let mut other = *other;
        let (x, y) = (self.x.scale.wider(other.x.scale), self.y.scale.wider(other.y.scale));
        self.rescale(x, y);
        other.rescale(x, y);
        let x = self.x.centre(self.count).joint(other.x.centre(other.count));
        let y = self.y.centre(self.count).joint(other.y.centre(other.count));
        self.move_pivots(x, y);
        other.move_pivots(x, y);
        self.x.absorb(&other.x);
        self.y.absorb(&other.y);
        self.products.absorb(&other.products);
        self.count = self.count.saturating_add(other.count);
    }

    /// Number of pairs seen of which both values are finite; it stays at `u64::MAX` once there, like all counts.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Number of pairs of which either value was NaN.
    pub const fn nan(&self) -> u64 {
        self.nan
    }

    /// Number of pairs of which either value was infinite, and neither NaN.
    pub const fn infinite(&self) -> u64 {
        self.infinite
    }

    /// What becomes of results once a value wasn't finite.
    pub const fn non_finite(&self) -> NonFinite {
        self.non_finite
    }

    /// Counts what isn't finite, and prepares for a value larger than all before; whether the pair may enter the sums.
    #[cold]
    fn admit(&mut self, x: f64, y: f64) -> bool {
        if !(x.is_finite() && y.is_finite()) {
            let counter = if x.is_nan() || y.is_nan() { &mut self.nan } else { &mut self.infinite };
            *counter = counter.saturating_add(1);
            return false;
        }
        self.rescale(self.x.scale_for(x), self.y.scale_for(y));
        true
    }

    fn rescale(&mut self, x: Scale, y: Scale) {
        let exponent = self.x.rescale(x).saturating_add(self.y.rescale(y));
        if exponent != 0 {
            self.products.set(self.products.dds().map(|sum| sum.scaled(exponent)));
        }
    }

    /// What is due now and then: rounding errors are folded in, and the pivots move.
    fn settle(&mut self) {
        self.x.sums.settle();
        self.y.sums.settle();
        self.products.settle();
        if self.count.is_power_of_two() {
            let [x, y] = [&self.x, &self.y].map(|variable| variable.centre(self.count).mean().hi);
            self.move_pivots(x, y);
        }
    }

    fn move_pivots(&mut self, x: f64, y: f64) {
        let count = Dd::from(self.count);
        let (x, y): (Shift, Shift) = (self.x.move_pivot(count, x), self.y.move_pivot(count, y));
        self.products.set(self.products.dds().map(|sum| shifted(sum, count, x, y)));
    }
}
