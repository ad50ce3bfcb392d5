//! The extremes of a slice.

use crate::stats::dd::Lanes;

/// The least and the largest of a block.
pub(super) struct Bounds {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Bounds {
    /// `None` if a value isn't finite.
    pub(super) fn of(block: &[f64]) -> Option<Self> {
        const WIDTH: usize = 8;
        let lesser = |a: f64, b: f64| if b < a { b } else { a };
        let larger = |a: f64, b: f64| if b > a { b } else { a };
        let mut min = Lanes::<WIDTH>::from(f64::INFINITY);
        let mut max = Lanes::<WIDTH>::from(f64::NEG_INFINITY);
        // 0 times a finite number is 0; times anything else it is NaN, which sums keep.
        let mut zeros = Lanes::<WIDTH>::default();
        let (rows, rest) = block.as_chunks::<WIDTH>();
        for row in rows {
            let row = Lanes(*row);
            zeros = zeros + row * Lanes::default();
            min = min.zip(row, lesser);
            max = max.zip(row, larger);
        }
        let all_finite = zeros.0.iter().all(|&zero| zero == 0.0) && rest.iter().all(|x| x.is_finite());
        all_finite.then(|| Self {
            min: min.0.iter().chain(rest).copied().fold(f64::INFINITY, lesser),
            max: max.0.iter().chain(rest).copied().fold(f64::NEG_INFINITY, larger),
        })
    }

    /// The largest magnitude.
    pub(super) fn magnitude(&self) -> f64 {
        self.max.abs().max(self.min.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a row of eight, and in the rest behind them.
    #[test]
    fn are_found_wherever_they_are() {
        for at in 0..20 {
            let mut block: [f64; 20] = core::array::from_fn(|index| index as f64 + 0.5);
            for (extreme, magnitude) in [(-30.0, 30.0), (40.0, 40.0)] {
                block[at] = extreme;
                let bounds = Bounds::of(&block).unwrap();
                let (min, max) = (block.iter().copied().reduce(f64::min), block.iter().copied().reduce(f64::max));
                assert_eq!((Some(bounds.min), Some(bounds.max), bounds.magnitude()), (min, max, magnitude));
            }
            for extreme in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                block[at] = extreme;
                assert!(Bounds::of(&block).is_none(), "{extreme} at {at}");
            }
        }
    }
}
