//! Covariance, correlation and regression by exact rational arithmetic.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;

use crate::exact::{Exact, approximate, defined, digits, integers, power_of_two, root_digits};

/// The exact results of some pairs of `f64`.
pub struct ExactPairs {
    /// x alone.
    pub x: Exact,
    /// y alone.
    pub y: Exact,
    /// Covariance divided by n.
    pub population_covariance: BigRational,
    /// Covariance divided by n - 1.
    pub sample_covariance: Option<BigRational>,
    /// The square of Pearson's r, which has the sign of the covariance.
    pub r_squared: Option<BigRational>,
    /// Slope and intercept of the regression of y on x.
    pub line: Option<(BigRational, BigRational)>,
    /// The square of the standard deviation of y about the line.
    pub residual_variance: Option<BigRational>,
}

impl ExactPairs {
    /// The results of pairs of finite values, of which there is at least one.
    pub fn of(pairs: &[(f64, f64)]) -> Self {
        let (xs, ys): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ((x_integers, x_exponent), (y_integers, y_exponent)) = (integers(&xs), integers(&ys));
        let n = &BigInt::from(pairs.len());
        let dot = |a: &[BigInt], b: &[BigInt]| a.iter().zip(b).map(|(a, b)| a * b).sum::<BigInt>();
        let (sum_x, sum_y) = (x_integers.iter().sum::<BigInt>(), y_integers.iter().sum::<BigInt>());
        // n times the central sums.
        let xx = n * dot(&x_integers, &x_integers) - &sum_x * &sum_x;
        let yy = n * dot(&y_integers, &y_integers) - &sum_y * &sum_y;
        let xy = n * dot(&x_integers, &y_integers) - &sum_x * &sum_y;
        let over =
            |sum: &BigInt, divisor: BigInt, exponent| BigRational::new(sum.clone(), divisor) * power_of_two(exponent);
        let (more_than_one, more_than_two) = (pairs.len() > 1, pairs.len() > 2);
        let (x_varies, y_varies) = (xx.is_positive(), yy.is_positive());
        let line = x_varies.then(|| {
            let scaled = BigRational::new(xy.clone(), xx.clone());
            let intercept = (BigRational::from(sum_y) - &scaled * sum_x) / n * power_of_two(y_exponent);
            (scaled * power_of_two(y_exponent - x_exponent), intercept)
        });
        Self {
            x: Exact::of(&xs),
            y: Exact::of(&ys),
            population_covariance: over(&xy, n * n, x_exponent + y_exponent),
            sample_covariance: more_than_one.then(|| over(&xy, n * (n - 1), x_exponent + y_exponent)),
            r_squared: (x_varies && y_varies).then(|| BigRational::new(&xy * &xy, &xx * &yy)),
            line,
            residual_variance: (more_than_two && x_varies).then(|| {
                let divisor = &xx * n * (n - 2);
                over(&(&xx * &yy - &xy * &xy), divisor, 2 * y_exponent)
            }),
        }
    }

    /// Correct digits of a sample covariance; absent below two pairs.
    pub fn covariance_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.sample_covariance.as_ref(), digits)
    }

    /// Correct digits of a correlation; absent without spread.
    pub fn correlation_digits(&self, computed: Option<f64>) -> f64 {
        let negative = self.population_covariance.is_negative();
        defined(computed, self.r_squared.as_ref(), |computed, square| {
            let same_sign = computed == 0.0 || (computed < 0.0) == negative;
            if same_sign { root_digits(computed.abs(), square) } else { 0.0 }
        })
    }

    /// Correct digits of an r²; absent without spread.
    pub fn r_squared_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.r_squared.as_ref(), digits)
    }

    /// Correct digits of a slope; absent without spread of x.
    pub fn slope_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.line.as_ref().map(|line| &line.0), digits)
    }

    /// Correct digits of an intercept; absent without spread of x.
    pub fn intercept_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.line.as_ref().map(|line| &line.1), digits)
    }

    /// Correct digits of a residual standard deviation; absent without spread of x, or below three pairs.
    pub fn residual_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.residual_variance.as_ref(), root_digits)
    }

    /// Pearson's r, rounded; 0 where there is none.
    pub fn correlation(&self) -> f64 {
        let strength = self.r_squared.as_ref().map_or(0.0, |square| approximate(square).sqrt());
        if self.population_covariance.is_negative() { -strength } else { strength }
    }
}
