//! Moments of integer and fixed-point samples, exact.

mod sums;

use core::marker::PhantomData;

use super::dd::Dd;
use super::wide::Wide;
use sums::Sums;

/// A type of sample: `i16` or `i32`.
pub trait Sample: Copy + Into<i32> + TryFrom<i64> + sealed::Sealed {}

impl Sample for i16 {}
impl Sample for i32 {}

mod sealed {
    /// The sums are wide enough for these types.
    pub trait Sealed {}
    impl Sealed for i16 {}
    impl Sealed for i32 {}
}

/// Count, mean, variance, skewness and kurtosis of `i16` or `i32` samples in exact integer arithmetic.
///
/// A sample of any format Qm.n is an integer with `FRACTION` = n bits after the point: `FixedMoments<i32, 16>` is for
/// Q15.16, `FixedMoments<i16, 15>` for Q0.15, `FixedMoments<i32>` for integers. Formats that differ don't merge: that
/// is a type error.
///
/// It keeps the plain sums of the first four powers, wide enough for 2^64 - 1 samples of any size. So taking in,
/// [removing](Self::remove) (a sliding window is a `push` and a `remove`) and [merging](Self::merge) are additions: bit
/// for bit the same in any order. Nothing is divided and nothing rounded until a result is read. All additions wrap, so
/// that even beyond 2^64 - 1 samples removing undoes taking in, but at a count that wrapped to 0; results are then those
/// of the count modulo 2^64.
///
/// The `*_raw` results are integers in units of the last bit of the format, rounded to the nearest, halves away from
/// zero, from the exact value: off by at most half a unit, without floating point. The others are `f64` in the units of
/// the values, with at least 15.5 correct digits.
///
/// ```
/// use streamgauge_core::stats::FixedMoments;
///
/// let mut window = FixedMoments::<i32>::new();
/// for x in [1000, 1, 2, 4, 8] {
///     window.push(x);
/// }
/// window.remove(1000)?;
/// assert_eq!(window.mean_raw(), Some(4)); // 3.75
/// assert_eq!(window.mean(), Some(3.75));
/// assert_eq!(window.population_variance(), Some(7.1875));
/// # Ok::<(), streamgauge_core::stats::fixed::NothingToRemove>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedMoments<T, const FRACTION: u32 = 0> {
    count: u64,
    sums: Sums,
    sample: PhantomData<T>,
}

impl<T: Sample, const FRACTION: u32> Default for FixedMoments<T, FRACTION> {
    fn default() -> Self {
        Self::new()
    }
}

/// There is no sample left to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingToRemove;

impl core::fmt::Display for NothingToRemove {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no sample is left to be removed")
    }
}

impl core::error::Error for NothingToRemove {}

/// Multiples of n² or the like: A2 = n S2 - S1², A3 = n² S3 - 3 n S1 S2 + 2 S1³,
/// A4 = n³ S4 - 4 n² S1 S3 + 6 n S1² S2 - 3 S1⁴. Then variance = A2 / n², skewness = A3 / A2^1.5,
/// kurtosis = A4 / A2².
struct Central {
    a2: Wide,
    a3: Wide,
    a4: Wide,
}

/// Bits after the point of the raw skewness and kurtosis, which are Q48.16.
const SHAPE_FRACTION: u32 = 16;

impl<T: Sample, const FRACTION: u32> FixedMoments<T, FRACTION> {
    /// No samples yet.
    pub const fn new() -> Self {
        Self { count: 0, sums: Sums::NONE, sample: PhantomData }
    }

    /// Takes a sample in. O(1): six multiplications and some additions of integers.
    #[inline]
    pub fn push(&mut self, x: T) {
        self.count = self.count.wrapping_add(1);
        self.sums.add(&Sums::of(x.into()));
    }

    /// Removes a sample that was taken in before: the state is to the bit as if it had never been. O(1).
    ///
    /// Whether this very value was ever taken in isn't known; if it wasn't, results have no meaning.
    ///
    /// # Errors
    /// [`NothingToRemove`] if the count is 0; nothing has changed.
    #[inline]
    pub fn remove(&mut self, x: T) -> Result<(), NothingToRemove> {
        self.count = self.count.checked_sub(1).ok_or(NothingToRemove)?;
        self.sums.subtract(&Sums::of(x.into()));
        Ok(())
    }

    /// Takes in all samples of `other`. O(1), exact, the same in any order.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.sums.add(&other.sums);
    }

    /// Number of samples.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Arithmetic mean in units of the last bit; `None` without samples.
    pub fn mean_raw(&self) -> Option<T> {
        let (sum, count) = (self.sums.s1(), u128::from(self.count));
        let doubled = sum.unsigned_abs().checked_mul(2)?.checked_add(count)?;
        let magnitude = i64::try_from(doubled.checked_div(count.wrapping_mul(2))?).ok()?;
        T::try_from(magnitude.wrapping_mul(sum.signum() as i64)).ok()
    }

    /// Variance of the samples themselves (divided by n), in units of 2^-(2 `FRACTION`); `None` without samples.
    pub fn population_variance_raw(&self) -> Option<u64> {
        self.variance_raw(0)
    }

    /// Unbiased estimate of the variance that the samples are drawn from (divided by n - 1), in units of
    /// 2^-(2 `FRACTION`); `None` below two samples.
    pub fn sample_variance_raw(&self) -> Option<u64> {
        self.variance_raw(1)
    }

    /// Square root of the exact population variance, in units of the last bit.
    pub fn population_stddev_raw(&self) -> Option<u32> {
        self.stddev_raw(0)
    }

    /// Square root of the exact sample variance, in units of the last bit.
    pub fn sample_stddev_raw(&self) -> Option<u32> {
        self.stddev_raw(1)
    }

    /// Skewness g1 in units of 2^-16; `None` without spread.
    pub fn skewness_raw(&self) -> Option<i64> {
        let Central { a2, a3, .. } = self.spread()?;
        // Twice the result is the root of 2^34 A3² / A2³; roots of integers may be rounded down twice.
        let square = a3.squared().shifted_left(2 * (SHAPE_FRACTION + 1)).over(&a2.squared().times(a2));
        let magnitude = i64::try_from(halved(square.isqrt())).unwrap_or(i64::MAX);
        Some(if a3.is_negative() { magnitude.wrapping_neg() } else { magnitude })
    }

    /// Excess kurtosis g2 in units of 2^-16, halves rounded up; `None` without spread.
    pub fn excess_kurtosis_raw(&self) -> Option<i64> {
        let Central { a2, a4, .. } = self.spread()?;
        let doubled = a4.shifted_left(SHAPE_FRACTION + 1).over(&a2.squared());
        // Kurtosis is below the count, so that beyond 2^47 samples of the utmost skewness it may not fit.
        Some(i64::try_from(halved(doubled)).unwrap_or(i64::MAX).saturating_sub(3 << SHAPE_FRACTION))
    }

    /// Arithmetic mean; `None` without samples.
    pub fn mean(&self) -> Option<f64> {
        let mean = (self.count > 0).then(|| Wide::from(self.sums.s1()).to_dd().over(Dd::from(self.count)))?;
        Some(mean.to_f64(scale(1, FRACTION)))
    }

    /// Variance of the samples themselves (divided by n); `None` without samples.
    pub fn population_variance(&self) -> Option<f64> {
        Some(self.variance(0)?.to_f64(scale(2, FRACTION)))
    }

    /// Unbiased estimate of the variance that the samples are drawn from (divided by n - 1); `None` below two samples.
    pub fn sample_variance(&self) -> Option<f64> {
        Some(self.variance(1)?.to_f64(scale(2, FRACTION)))
    }

    /// Square root of the [population variance](Self::population_variance).
    pub fn population_stddev(&self) -> Option<f64> {
        Some(self.variance(0)?.sqrt().to_f64(scale(1, FRACTION)))
    }

    /// Square root of the [sample variance](Self::sample_variance).
    pub fn sample_stddev(&self) -> Option<f64> {
        Some(self.variance(1)?.sqrt().to_f64(scale(1, FRACTION)))
    }

    /// Skewness g1 = m3 / m2^1.5; `None` without spread.
    pub fn skewness(&self) -> Option<f64> {
        let Central { a2, a3, .. } = self.spread()?;
        let a2 = a2.to_dd();
        Some(a3.to_dd().over(a2).over(a2.sqrt()).hi)
    }

    /// Excess kurtosis g2 = m4 / m2² - 3; `None` without spread.
    pub fn excess_kurtosis(&self) -> Option<f64> {
        let Central { a2, a4, .. } = self.spread()?;
        // The difference first: it is exact.
        let square = a2.squared();
        let three = Wide::from(3_u128);
        Some(a4.minus(square.times(three)).to_dd().over(square.to_dd()).hi)
    }

    /// n S2 - S1², and n (n - `less`); `None` if the latter is 0.
    fn variance_ratio(&self, less: u64) -> Option<(Wide, u128)> {
        let divisor = u128::from(self.count).checked_mul(u128::from(self.count.checked_sub(less)?))?;
        let a2 = self.a2();
        (divisor > 0 && !a2.is_negative()).then_some((a2, divisor))
    }

    fn variance_raw(&self, less: u64) -> Option<u64> {
        let (a2, divisor) = self.variance_ratio(less)?;
        u64::try_from(halved(a2.shifted_left(1).over(&Wide::from(divisor)))).ok()
    }

    fn stddev_raw(&self, less: u64) -> Option<u32> {
        let (a2, divisor) = self.variance_ratio(less)?;
        u32::try_from(halved(a2.shifted_left(2).over(&Wide::from(divisor)).isqrt())).ok()
    }

    fn variance(&self, less: u64) -> Option<Dd> {
        let (a2, divisor) = self.variance_ratio(less)?;
        Some(a2.to_dd().over(Wide::from(divisor).to_dd()))
    }

    fn a2(&self) -> Wide {
        let [s1, s2, ..] = self.sums.powers();
        Wide::from(u128::from(self.count)).times(s2).minus(s1.squared())
    }

    /// The central sums, if A2 is above 0.
    fn spread(&self) -> Option<Central> {
        let [n, three] = [u128::from(self.count), 3].map(Wide::from);
        let [s1, s2, s3, s4] = self.sums.powers();
        let a2 = self.a2();
        if a2.is_negative() || a2 == Wide::from(0_u128) {
            return None;
        }
        let square = s1.squared();
        let n_s2 = n.times(s2);
        let a3 = n.squared().times(s3).minus(s1.times(three.times(n_s2).minus(square.shifted_left(1))));
        // n³ S4 - 4 n² S1 S3 + 3 S1² (2 n S2 - S1²)
        let outer = n.squared().times(n.times(s4).minus(s1.times(s3).shifted_left(2)));
        let a4 = outer.plus(three.times(square).times(n_s2.shifted_left(1).minus(square)));
        (!a4.is_negative()).then_some(Central { a2, a3, a4 })
    }
}

/// Half of what was rounded down from twice the exact value: the nearest integer to it, halves away from zero.
fn halved(doubled: u128) -> u128 {
    (doubled >> 1).saturating_add(doubled & 1)
}

/// The exponent that takes the `power`th power of a raw value to the units of the values.
fn scale(power: u32, fraction: u32) -> i32 {
    i32::try_from(fraction.saturating_mul(power)).unwrap_or(i32::MAX).saturating_neg()
}
