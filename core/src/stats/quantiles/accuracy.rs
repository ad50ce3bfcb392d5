//! Which magnitudes share a bin, and where bins begin.

use core::num::{NonZeroU32, NonZeroU64};

/// How far an answer may be from the true quantile, relative to the latter: from 0.00001 to 0.5.
///
/// It decides how wide bins are. The number of a bin is the logarithm of its values, multiplied and rounded down; but
/// for a logarithm that is interpolated between powers of two by a cubic, in integers alone: of x = 2^e (1 + s) it is
/// e + ((6/35 s - 3/5) s + 10/7) s (Masson, Rim and Lee, "DDSketch", 2019; the polynomial is that of their code). It
/// grows at least 10/7 times as fast as ln x, so 0.7 / ln((1 + a) / (1 - a)) bins an octave do for the accuracy a, a
/// hundredth more than of an exact logarithm: 35.0 at 1 %.
///
/// ```
/// use streamgauge_core::stats::quantiles::Accuracy;
///
/// const FINE: Accuracy = match Accuracy::new(0.001) {
///     Ok(accuracy) => accuracy,
///     Err(_) => Accuracy::PERCENT,
/// };
/// assert_eq!(FINE.relative(), 0.001);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    relative: f64,
    /// Bins an octave, in units of 2^-[`FRACTION`].
    density: NonZeroU32,
}

/// The accuracy is below 0.00001, above 0.5, or not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidAccuracy;

impl core::fmt::Display for InvalidAccuracy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the accuracy has to be from 0.00001 to 0.5")
    }
}

impl core::error::Error for InvalidAccuracy {}

/// The magnitude of a number, as its bits: they have the order of the magnitudes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Magnitude(pub(super) u64);

const FRACTION: u32 = 12;
/// Bits of a mantissa that decide about its bin.
const STEP_BITS: u32 = 30;
const DROPPED_BITS: u32 = 52 - STEP_BITS;
const LEAST_NORMAL: u64 = 1 << 52;
const INFINITY: u64 = f64::INFINITY.to_bits();
/// Octaves of denormals have so many times as many bins. Their answers are rounded to one of few numbers, by up to half
/// the distance of two; in bins that hold two of them already, there is room for that.
const FINER: u64 = 4;
/// Octaves that the denormals count for.
const FINER_OCTAVES: u64 = 52 * FINER;
/// What the steps of the mantissa and the rounding of the polynomial take from the width of a bin is at most
/// 0.7 * 9 * 2^-32 of its logarithm; the answer's own rounding is far below that.
const SLACK: f64 = 1.0 / (1_u64 << 28) as f64;

impl Accuracy {
    /// One part in a hundred: 1024 bins span 8.8 decades, 2048 bins 17.6.
    pub const PERCENT: Self = match Self::new(0.01) {
        Ok(accuracy) => accuracy,
        Err(_) => Self { relative: 0.01, density: NonZeroU32::MAX },
    };

    /// The accuracy of this relative error. O(1).
    ///
    /// # Errors
    /// [`InvalidAccuracy`] unless 0.00001 <= `relative` <= 0.5.
    pub const fn new(relative: f64) -> Result<Self, InvalidAccuracy> {
        // False of NaN as well.
        let possible = relative >= 0.000_01 && relative <= 0.5;
        let logarithm = 2.0 * inverse_tanh(relative) - SLACK;
        let bins_in_octave = 0.7 / logarithm * (1 << FRACTION) as f64;
        match NonZeroU32::new((bins_in_octave as u32).saturating_add(1)) {
            Some(density) if possible => Ok(Self { relative, density }),
            _ => Err(InvalidAccuracy),
        }
    }

    /// The relative error that was asked for.
    pub const fn relative(self) -> f64 {
        self.relative
    }

    /// The number of a magnitude's bin; it never decreases as magnitudes grow. O(1).
    pub(super) fn index(self, magnitude: Magnitude) -> u32 {
        if magnitude.is_normal() { self.index_of_normal(magnitude) } else { self.index_of_denormal(magnitude) }
    }

    #[inline]
    pub(super) fn index_of_normal(self, Magnitude(bits): Magnitude) -> u32 {
        let octave = (bits >> 52).wrapping_add(FINER_OCTAVES - 1);
        index(octave, steps(bits), self.density.get().into())
    }

    /// The least magnitude whose bin has this number or a higher one; infinity if there is none. O(1).
    pub(super) fn edge(self, index: u32) -> Magnitude {
        let position = u64::from(index) << FRACTION;
        let density = NonZeroU64::from(self.density);
        let denormals = FINER_OCTAVES.wrapping_mul(density.get());
        let Some(position) = position.checked_sub(denormals) else {
            return self.edge_of_denormals(position);
        };
        let first = first_step(position % density, density.get());
        let exponent = (position / density).wrapping_add(1).min(INFINITY >> 52);
        Magnitude((exponent << 52).wrapping_add(first << DROPPED_BITS).min(INFINITY))
    }

    /// The largest magnitude whose bin has this number or a lower one. O(1).
    pub(super) fn last(self, index: u32) -> Magnitude {
        let Magnitude(above) = self.edge(index.saturating_add(1));
        Magnitude(above.saturating_sub(1))
    }

    #[cold]
    pub(super) fn index_of_denormal(self, Magnitude(bits): Magnitude) -> u32 {
        let octave = bits.checked_ilog2().unwrap_or(0);
        let normalised = bits.wrapping_shl(52_u32.wrapping_sub(octave));
        index(octave.into(), steps(normalised), u64::from(self.density.get()).wrapping_mul(FINER))
    }

    fn edge_of_denormals(self, position: u64) -> Magnitude {
        let density = NonZeroU64::from(self.density).saturating_mul(NonZeroU64::MIN.saturating_add(FINER - 1));
        let first = first_step(position % density, density.get());
        let octave = ((position / density) as u32).min(51);
        // Rounded up, where there are more steps than numbers.
        let offset = (u128::from(first) << octave).wrapping_add((1 << STEP_BITS) - 1) >> STEP_BITS;
        Magnitude((1 << octave) + offset as u64)
    }
}

impl Default for Accuracy {
    /// [`PERCENT`](Self::PERCENT).
    fn default() -> Self {
        Self::PERCENT
    }
}

impl Magnitude {
    #[inline]
    pub(super) const fn of(x: f64) -> Self {
        Self(x.to_bits() & !(1 << 63))
    }

    /// Whether it is that of a finite number, and neither of 0 nor of a denormal.
    #[inline]
    pub(super) const fn is_normal(self) -> bool {
        self.0.wrapping_sub(LEAST_NORMAL) < INFINITY - LEAST_NORMAL
    }

    pub(super) const fn value(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// The magnitude just below.
    pub(super) const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// ½ ln((1 + x) / (1 - x)), or less by up to 1e-14, for 0 <= x <= 0.5.
const fn inverse_tanh(x: f64) -> f64 {
    let (mut sum, mut power, mut odd) = (0.0, x, 1);
    while odd < 45 {
        sum += power / odd as f64;
        power *= x * x;
        odd += 2;
    }
    sum
}

/// The highest bits of the mantissa, without the leading one.
const fn steps(bits: u64) -> u64 {
    (bits >> DROPPED_BITS) & ((1 << STEP_BITS) - 1)
}

/// The octave's beginning and the interpolated logarithm, multiplied by the density and rounded down together.
#[inline]
fn index(octave: u64, step: u64, density: u64) -> u32 {
    let position = octave.wrapping_mul(density).wrapping_add(interpolated(step).wrapping_mul(density) >> 32);
    (position >> FRACTION) as u32
}

/// The cubic of s = `step` / 2^30, in units of 2^-32, below 2^32.
///
/// Each step increases it: by at least 26/35 * 2^2, and rounding takes less than 2 from that.
#[inline]
const fn interpolated(step: u64) -> u64 {
    const A: u64 = (6 << 32) / 35;
    const B: u64 = (3 << 32) / 5;
    // So that the sum is 1, to the bit.
    const C: u64 = (1 << 32) + B - A;
    let slope = C.wrapping_sub(B.wrapping_sub(A.wrapping_mul(step) >> STEP_BITS).wrapping_mul(step) >> STEP_BITS);
    slope.wrapping_mul(step) >> STEP_BITS
}

/// The first step at so many units of density or more from the beginning of its octave; if there is none, the end of
/// the octave. By bisection of the same arithmetic, so that it can't disagree with it.
fn first_step(position: u64, density: u64) -> u64 {
    let (mut below, mut size) = (0_u64, 1_u64 << STEP_BITS);
    // The first step lies from `below` to `below + size`.
    while size > 0 {
        let half = size >> 1;
        let middle = below.wrapping_add(half);
        if interpolated(middle).wrapping_mul(density) >> 32 < position {
            below = middle.wrapping_add(1);
            size = size.wrapping_sub(half).wrapping_sub(1);
        } else {
            size = half;
        }
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of the 2^30 steps take seconds; these are those next to every 2^-10th of an octave.
    #[test]
    fn each_step_increases_the_interpolated_logarithm() {
        let near = if cfg!(miri) { 2 } else { 1_000 };
        for base in (0..1 << STEP_BITS).step_by(1 << 20) {
            for step in base..base + near {
                assert!(interpolated(step) < interpolated(step + 1), "{step}");
            }
        }
        let end = interpolated((1 << STEP_BITS) - 1);
        assert!(end < 1 << 32 && end > (1 << 32) - 8, "{end}");
    }

    #[test]
    fn edges_are_where_the_index_changes() {
        for relative in [0.000_01, 0.001, 0.01, 0.1, 0.5] {
            let accuracy = Accuracy::new(relative).expect("within the limits");
            let highest = accuracy.index(Magnitude(INFINITY - 1));
            let stride = highest as usize / if cfg!(miri) { 20 } else { 5_000 } + 1;
            for index in (1..=highest).step_by(stride).chain([1, 2, 3, highest - 1, highest]) {
                let edge = accuracy.edge(index);
                assert!(accuracy.index(edge) >= index, "{relative} {index}: {edge:?}");
                assert!(accuracy.index(edge.before()) < index, "{relative} {index}: {edge:?}");
                assert_eq!(accuracy.last(index - 1), edge.before());
            }
            assert_eq!(accuracy.index(Magnitude(1)), 0);
            assert_eq!(accuracy.edge(highest + 1).value(), f64::INFINITY);
            assert_eq!(accuracy.edge(u32::MAX).value(), f64::INFINITY);
        }
    }
}
