//! Moments by exact rational arithmetic, and how many digits of a computed one are right.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;

/// The exact moments of some `f64` or integers.
pub struct Exact {
    /// Arithmetic mean.
    pub mean: BigRational,
    /// Variance divided by n.
    pub population_variance: BigRational,
    /// Variance divided by n - 1.
    pub sample_variance: Option<BigRational>,
    /// The root of this, with the sign that `skewness_negative` tells, is the skewness g1.
    pub skewness_squared: Option<BigRational>,
    /// Whether the skewness is below 0.
    pub skewness_negative: bool,
    /// Excess kurtosis g2.
    pub excess_kurtosis: Option<BigRational>,
}

/// Sums of the first four powers of some integers.
pub type Sums = [BigInt; 4];

/// Adds the powers of `x`, `times` times.
pub fn add(sums: &mut Sums, x: &BigInt, times: u64) {
    let mut power = BigInt::from(times);
    for sum in sums {
        power *= x;
        *sum += &power;
    }
}

impl Exact {
    /// The moments of finite values, of which there is at least one.
    pub fn of(values: &[f64]) -> Self {
        let (integers, exponent) = integers(values);
        let mut sums = Sums::default();
        integers.iter().for_each(|x| add(&mut sums, x, 1));
        Self::from_sums(values.len() as u64, &sums, exponent)
    }

    /// The moments of `count` integers times 2^`exponent`, whose powers have these sums.
    pub fn from_sums(count: u64, [s1, s2, s3, s4]: &Sums, exponent: i64) -> Self {
        let n = &BigInt::from(count);
        let a2 = &(n * s2 - s1 * s1);
        let a3 = &(n * n * s3 - 3 * n * s1 * s2 + 2 * s1 * s1 * s1);
        let a4 = n * n * n * s4 - 4 * n * n * s1 * s3 + 6 * n * s1 * s1 * s2 - 3 * s1 * s1 * s1 * s1;
        let has_spread = *a2 != BigInt::ZERO;
        let ratio = |a: BigInt, b: BigInt| BigRational::new(a, b);
        Self {
            mean: ratio(s1.clone(), n.clone()) * power_of_two(exponent),
            population_variance: ratio(a2.clone(), n * n) * power_of_two(2 * exponent),
            sample_variance: (count > 1).then(|| ratio(a2.clone(), n * (n - 1)) * power_of_two(2 * exponent)),
            skewness_squared: has_spread.then(|| ratio(a3 * a3, a2 * a2 * a2)),
            skewness_negative: *a3 < BigInt::ZERO,
            excess_kurtosis: has_spread.then(|| ratio(a4 - 3 * a2 * a2, a2 * a2)),
        }
    }

    /// Correct digits of a mean.
    pub fn mean_digits(&self, computed: Option<f64>) -> f64 {
        computed.map_or(0.0, |mean| digits(mean, &self.mean))
    }

    /// Correct digits of a sample variance; absent below two values.
    pub fn variance_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.sample_variance.as_ref(), digits)
    }

    /// Correct digits of a sample standard deviation; absent below two values.
    pub fn stddev_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.sample_variance.as_ref(), root_digits)
    }

    /// Correct digits of a population standard deviation.
    pub fn population_stddev_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, Some(&self.population_variance), root_digits)
    }

    /// Correct digits of a skewness; absent without spread.
    pub fn skewness_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.skewness_squared.as_ref(), |computed, square| {
            let negative = self.skewness_negative;
            let magnitude = approximate(square).sqrt();
            if magnitude < NEAR_ZERO {
                shape_digits((computed - if negative { -magnitude } else { magnitude }).abs())
            } else if (computed < 0.0) == negative {
                root_digits(computed.abs(), square)
            } else {
                0.0
            }
        })
    }

    /// Correct digits of an excess kurtosis; absent without spread.
    pub fn kurtosis_digits(&self, computed: Option<f64>) -> f64 {
        defined(computed, self.excess_kurtosis.as_ref(), |computed, exact| {
            if approximate(exact).abs() < NEAR_ZERO {
                shape_digits(BigRational::from_float(computed).map_or(f64::NAN, |c| approximate(&(c - exact)).abs()))
            } else {
                digits(computed, exact)
            }
        })
    }
}

/// Shape below this is judged by its absolute error.
const NEAR_ZERO: f64 = 1e-6;

/// An answer where there is none, or none where there is one, has no digits.
pub(crate) fn defined(
    computed: Option<f64>,
    exact: Option<&BigRational>,
    digits: impl Fn(f64, &BigRational) -> f64,
) -> f64 {
    match (computed, exact) {
        (None, None) => MOST,
        (Some(computed), Some(exact)) => digits(computed, exact),
        _ => 0.0,
    }
}

const MOST: f64 = 16.0;

fn from_error(relative: f64) -> f64 {
    // NaN, of a result that isn't finite, has no digits.
    if relative.is_nan() { 0.0 } else { (-relative.log10()).clamp(0.0, MOST) }
}

fn shape_digits(absolute: f64) -> f64 {
    if absolute <= 1e-15 { MOST } else { from_error(absolute) }
}

/// How many decimal digits of `computed` are right: -log10 of the relative error, from 0 to 16. Beyond the range of
/// `f64` infinity is right, and below the normal numbers what is nearest.
pub fn digits(computed: f64, exact: &BigRational) -> f64 {
    if computed.is_infinite() {
        let same_sign = (computed > 0.0) == (*exact > zero());
        return if same_sign && approximate(exact).is_infinite() { MOST } else { 0.0 };
    }
    let Some(computed) = BigRational::from_float(computed) else { return 0.0 };
    let error = computed - exact;
    if error == zero() || error.abs() <= power_of_two(-1075) {
        MOST
    } else if *exact == zero() {
        0.0
    } else {
        from_error(approximate(&(error / exact)).abs())
    }
}

/// The same for a root, given the exact square.
pub fn root_digits(computed: f64, square: &BigRational) -> f64 {
    let Some(root) = BigRational::from_float(computed) else {
        let largest = power_of_two(1024);
        return if computed > 0.0 && *square >= &largest * &largest { MOST } else { 0.0 };
    };
    if *square == zero() {
        return if root == zero() { MOST } else { 0.0 };
    }
    let error = &root * &root - square;
    // Twice the relative error; half the least subnormal number is no error.
    let relative = approximate(&(&error / square)).abs() / 2.0;
    let least = power_of_two(-1074) * root;
    if error.abs() <= least { MOST } else { from_error(relative) }
}

/// A decimal number such as -1.5e+300, exactly.
pub fn decimal(text: &str) -> Option<BigRational> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
    let mantissa = format!("{whole}{fraction}").parse::<BigInt>().ok()?;
    Some(BigRational::from_integer(mantissa) * BigRational::from_integer(BigInt::from(10)).pow(exponent))
}

/// Nearest `f64`, more or less.
pub fn approximate(value: &BigRational) -> f64 {
    num_traits::ToPrimitive::to_f64(value).unwrap_or(f64::NAN)
}

pub(crate) fn power_of_two(exponent: i64) -> BigRational {
    let power = BigInt::from(1) << exponent.unsigned_abs();
    if exponent < 0 { BigRational::new(1.into(), power) } else { BigRational::from_integer(power) }
}

fn zero() -> BigRational {
    BigRational::from_integer(BigInt::ZERO)
}

/// The finite values as integers times two to one exponent.
pub(crate) fn integers(values: &[f64]) -> (Vec<BigInt>, i64) {
    let parts: Vec<(i64, i64)> = values.iter().map(|&x| mantissa(x)).collect();
    let used = parts.iter().filter(|(mantissa, _)| *mantissa != 0).map(|(_, exponent)| *exponent);
    let least = used.min().unwrap_or(0);
    let integer = |(mantissa, exponent): (i64, i64)| {
        if mantissa == 0 { BigInt::ZERO } else { BigInt::from(mantissa) << (exponent - least) }
    };
    (parts.into_iter().map(integer).collect(), least)
}

/// `x` as mantissa and exponent of two.
fn mantissa(x: f64) -> (i64, i64) {
    assert!(x.is_finite());
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let magnitude = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    (if x < 0.0 { -magnitude } else { magnitude }, exponent.max(1) - 1075)
}
