//! Exact sums of the powers of samples, wide enough for 2^64 - 1 of them.

use crate::stats::wide::Wide;

/// Sums of the first four powers of numbers of 32 bits; they wrap.
///
/// The third and fourth powers have more than 64 bits: their low 64 bits and what is above are summed apart, so that
/// no carry has to pass between the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    s1: i128,
    s2: u128,
    s3_low: u128,
    s3_high: i128,
    s4_low: u128,
    s4_high: u128,
}

impl Sums {
    pub(super) const NONE: Self = Self { s1: 0, s2: 0, s3_low: 0, s3_high: 0, s4_low: 0, s4_high: 0 };

    /// The sums of one number.
    ///
    /// With x² = 2^32 h + l every product is one of 32 bits by 32, of which a Cortex-M has an instruction; one of 64
    /// bits by 64 would be a call.
    #[inline]
    pub(super) fn of(x: i32) -> Self {
        let wide = i64::from(x);
        let square = wide.wrapping_mul(wide) as u64;
        let (high, low) = (square >> 32, square & 0xffff_ffff);
        let cube_low = i128::from(wide.wrapping_mul(low as i64));
        let cube = cube_low.wrapping_add(i128::from(wide.wrapping_mul(high as i64)) << 32);
        let fourth = (u128::from(high.wrapping_mul(high)) << 64)
            .wrapping_add(u128::from(high.wrapping_mul(low)) << 33)
            .wrapping_add(u128::from(low.wrapping_mul(low)));
        Self {
            s1: x.into(),
            s2: square.into(),
            s3_low: (cube as u64).into(),
            s3_high: cube >> 64,
            s4_low: (fourth as u64).into(),
            s4_high: fourth >> 64,
        }
    }

    #[inline]
    pub(super) fn add(&mut self, other: &Self) {
        self.s1 = self.s1.wrapping_add(other.s1);
        self.s2 = self.s2.wrapping_add(other.s2);
        self.s3_low = self.s3_low.wrapping_add(other.s3_low);
        self.s3_high = self.s3_high.wrapping_add(other.s3_high);
        self.s4_low = self.s4_low.wrapping_add(other.s4_low);
        self.s4_high = self.s4_high.wrapping_add(other.s4_high);
    }

    #[inline]
    pub(super) fn subtract(&mut self, other: &Self) {
        self.s1 = self.s1.wrapping_sub(other.s1);
        self.s2 = self.s2.wrapping_sub(other.s2);
        self.s3_low = self.s3_low.wrapping_sub(other.s3_low);
        self.s3_high = self.s3_high.wrapping_sub(other.s3_high);
        self.s4_low = self.s4_low.wrapping_sub(other.s4_low);
        self.s4_high = self.s4_high.wrapping_sub(other.s4_high);
    }

    pub(super) fn s1(&self) -> i128 {
        self.s1
    }

    /// The sums of the first to the fourth power.
    pub(super) fn powers(&self) -> [Wide; 4] {
        let s3 = Wide::from(self.s3_low).plus(Wide::from(self.s3_high).shifted_left(64));
        let s4 = Wide::from(self.s4_low).plus(Wide::from(self.s4_high).shifted_left(64));
        [Wide::from(self.s1), Wide::from(self.s2), s3, s4]
    }
}
