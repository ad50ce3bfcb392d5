//! What is read from [`Bivariate`] of x and y together.

use super::Bivariate;
use super::marginal::over_counts;
use crate::stats::dd::Dd;
use crate::stats::moments::NonFinite;

/// n times the sums of the products of the distances from the means: n is divided by only where it has to be, as what
/// isn't divided stays exact as long as it fits.
pub(super) struct Central {
    pub(super) xx: Dd,
    pub(super) yy: Dd,
    pub(super) xy: Dd,
}

/// Of the squares of y so much is left by rounding where all pairs lie on a line: 2^-96.
const NOTHING: f64 = f64::EPSILON * f64::EPSILON * 256.0;

impl Bivariate {
    /// Covariance of the pairs themselves (divided by n); `None` without pairs.
    pub fn population_covariance(&self) -> Option<f64> {
        self.covariance(0)
    }

    /// Unbiased estimate of the covariance that the pairs are a sample of (divided by n - 1); `None` below two pairs.
    pub fn sample_covariance(&self) -> Option<f64> {
        self.covariance(1)
    }

    /// Pearson's correlation r, from -1 to 1; `None` if x or y has no spread.
    pub fn correlation(&self) -> Option<f64> {
        Some(self.r()?.hi.clamp(-1.0, 1.0))
    }

    /// r², the share of the variance of y that the regression line explains; `None` if x or y has no spread.
    pub fn r_squared(&self) -> Option<f64> {
        let r = self.r()?;
        Some((r * r).hi.clamp(0.0, 1.0))
    }

    /// Slope of the regression line of y on x; `None` if x has no spread.
    pub fn slope(&self) -> Option<f64> {
        Some(self.line()?.1.to_f64(self.x.scale.exponent.saturating_sub(self.y.scale.exponent)))
    }

    /// Where the regression line of y on x passes x = 0; `None` if x has no spread.
    pub fn intercept(&self) -> Option<f64> {
        let (_, slope) = self.line()?;
        let [x, y] = [self.x, self.y].map(|variable| variable.centre(self.count));
        // The pivots first: they may cancel.
        let of_pivots = Dd::from(y.pivot).minus_product(x.pivot, slope);
        let intercept = of_pivots + (y.sum - slope * x.sum).over(Dd::from(self.count));
        Some(intercept.to_f64(self.y.scale.exponent.saturating_neg()))
    }

    /// Standard deviation of y about the regression line: the root of the sum of squares over n - 2; 0 if all pairs lie on
    /// it. `None` if x has no spread, or below three pairs.
    pub fn residual_stddev(&self) -> Option<f64> {
        let (Central { xx, yy, xy }, slope) = self.line()?;
        // About a line of slope b through the means the squares are (yy - b xy) - b (xy - b xx). Where b is the best slope
        // rounded, they are more than about the best line by (xy - b xx)² / xx.
        let b = slope.hi;
        let rest = xy.minus_product(b, xx);
        let squares = yy.minus_product(b, xy).minus_product(b, rest) - rest.over(xx) * rest;
        let squares = if squares.hi > yy.hi * NOTHING { squares } else { Dd::default() };
        let residual = over_counts(squares, self.count, 2)?;
        Some(residual.sqrt().to_f64(self.y.scale.exponent.saturating_neg()))
    }

    fn covariance(&self, less: u64) -> Option<f64> {
        let covariance = over_counts(self.central()?.xy, self.count, less)?;
        Some(covariance.to_f64(self.x.scale.exponent.saturating_add(self.y.scale.exponent).saturating_neg()))
    }

    fn r(&self) -> Option<Dd> {
        let Central { xx, yy, xy } = self.central()?;
        (xx.hi > 0.0 && yy.hi > 0.0).then(|| xy.over(xx.sqrt() * yy.sqrt()))
    }

    /// The central sums, and the slope of scaled values.
    fn line(&self) -> Option<(Central, Dd)> {
        let central = self.central()?;
        (central.xx.hi > 0.0).then(|| {
            let slope = central.xy.over(central.xx);
            (central, slope)
        })
    }

    fn central(&self) -> Option<Central> {
        Some(self.central_of(self.seen()?))
    }

    pub(super) fn central_of(&self, count: u64) -> Central {
        let ([x, _], [y, _], [products]) = (self.x.sums.dds(), self.y.sums.dds(), self.products.dds());
        let xy = Dd::from(count) * products - x * y;
        Central { xx: self.x.spread(count), yy: self.y.spread(count), xy }
    }

    /// The count, if it isn't 0 and results aren't poisoned.
    pub(super) fn seen(&self) -> Option<u64> {
        let is_poisoned = self.non_finite == NonFinite::Poison && (self.nan | self.infinite) != 0;
        (self.count > 0 && !is_poisoned).then_some(self.count)
    }
}
