//! How right each result is.

use num_rational::BigRational;
use num_traits::Signed;
use streamgauge_core::stats::Bivariate;
use streamgauge_tests::exact::digits;
use streamgauge_tests::exact_pairs::ExactPairs;

/// E of the documentation: an error of so much, of what cancels, may be left.
const CANCELLED: f64 = 1e-28;

pub(super) struct Judged {
    pub(super) what: &'static str,
    /// Correct digits.
    pub(super) digits: f64,
    /// Whether the error is below what cancelling may leave.
    pub(super) is_cancelled: bool,
}

/// Every result of `seen`.
pub(super) fn judge(seen: &Bivariate, exact: &ExactPairs) -> [Judged; 17] {
    let (x, y) = (seen.x(), seen.y());
    let (xx, yy) = (&exact.x.population_variance, &exact.y.population_variance);
    let (slope, intercept) = exact.line.as_ref().map(|(slope, intercept)| (slope, intercept)).unzip();
    let slopes_squared = if xx.is_positive() { yy / xx } else { exactly(0.0) };
    let (xs_squared, ys_squared) = (largest(x.min(), x.max()), largest(y.min(), y.max()));
    let intercepts_squared = &ys_squared + &xs_squared * &slopes_squared;
    let population_covariance = Some(&exact.population_covariance);
    let judged = |what, digits, is_cancelled| Judged { what, digits, is_cancelled };
    let near = |what, digits, computed, exact, unit| judged(what, digits, is_within(computed, exact, unit));
    let plain = |what, digits| judged(what, digits, false);
    [
        near("mean of x", exact.x.mean_digits(x.mean()), x.mean(), Some(&exact.x.mean), xs_squared),
        near("mean of y", exact.y.mean_digits(y.mean()), y.mean(), Some(&exact.y.mean), ys_squared),
        plain("variance of x", exact.x.variance_digits(x.sample_variance())),
        plain("variance of y", exact.y.variance_digits(y.sample_variance())),
        plain("deviation of x", exact.x.stddev_digits(x.sample_stddev())),
        plain("deviation of y", exact.y.stddev_digits(y.sample_stddev())),
        plain("population variance of x", population_digits(x.population_variance(), xx)),
        plain("population variance of y", population_digits(y.population_variance(), yy)),
        plain("population deviation of x", exact.x.population_stddev_digits(x.population_stddev())),
        plain("population deviation of y", exact.y.population_stddev_digits(y.population_stddev())),
        near(
            "covariance",
            exact.covariance_digits(seen.sample_covariance()),
            seen.sample_covariance(),
            exact.sample_covariance.as_ref(),
            xx * yy,
        ),
        near(
            "population covariance",
            population_digits(seen.population_covariance(), &exact.population_covariance),
            seen.population_covariance(),
            population_covariance,
            xx * yy,
        ),
        judged(
            "correlation",
            exact.correlation_digits(seen.correlation()),
            seen.correlation().is_some_and(|r| (r - exact.correlation()).abs() < CANCELLED),
        ),
        near("r²", exact.r_squared_digits(seen.r_squared()), seen.r_squared(), exact.r_squared.as_ref(), exactly(1.0)),
        near("slope", exact.slope_digits(seen.slope()), seen.slope(), slope, slopes_squared),
        near("intercept", exact.intercept_digits(seen.intercept()), seen.intercept(), intercept, intercepts_squared),
        judged(
            "residual deviation",
            exact.residual_digits(seen.residual_stddev()),
            seen.residual_stddev().zip(exact.residual_variance.as_ref()).is_some_and(|(root, variance)| {
                root.is_finite() && (square(&exactly(root)) - variance).abs() <= exactly(CANCELLED) * yy
            }),
        ),
    ]
}

fn population_digits(computed: Option<f64>, exact: &BigRational) -> f64 {
    computed.map_or(0.0, |computed| digits(computed, exact))
}

/// The square of the larger magnitude.
fn largest(min: Option<f64>, max: Option<f64>) -> BigRational {
    let squares = [min, max].map(|x| square(&exactly(x.expect("an extreme"))));
    let [least, largest] = squares;
    least.max(largest)
}

/// Whether the error is below E times the root of `unit`; an infinite result may be any of which the error isn't in the
/// range of `f64`.
fn is_within(computed: Option<f64>, exact: Option<&BigRational>, unit: BigRational) -> bool {
    computed.zip(exact).is_some_and(|(computed, exact)| {
        let error = if computed.is_finite() { exactly(computed) - exact } else { exactly(f64::MAX) };
        square(&error) <= square(&exactly(CANCELLED)) * unit
    })
}

fn exactly(x: f64) -> BigRational {
    BigRational::from_float(x).expect("a finite number")
}

fn square(x: &BigRational) -> BigRational {
    x * x
}
