//! Random bits.

/// xoshiro256++ 1.0 (Blackman and Vigna 2019), its state filled by SplitMix64 from a seed.
///
/// Its period is 2^256 - 1. Each draw is O(1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        let mut seed = seed;
        let state = [split_mix(&mut seed), split_mix(&mut seed), split_mix(&mut seed), split_mix(&mut seed)];
        Self { state }
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number from 0 to 1, 1 excluded: a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.bits() >> 11) as f64 * SCALE
    }

    /// A number below `end`, each as likely as any other; 0 for an `end` of 0.
    ///
    /// Lemire's method (2019): one multiplication, and rarely another draw.
    pub fn below(&mut self, end: u64) -> u64 {
        let mut product = u128::from(self.bits()).wrapping_mul(end.into());
        if (product as u64) < end {
            // 2^64 mod end
            let least = end.wrapping_neg().checked_rem(end).unwrap_or(0);
            while (product as u64) < least {
                product = u128::from(self.bits()).wrapping_mul(end.into());
            }
        }
        (product >> 64) as u64
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
const fn split_mix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *seed;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
