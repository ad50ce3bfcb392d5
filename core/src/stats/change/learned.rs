//! Mean and sigma as learned from values.

/// Mean and sample standard deviation, by Welford's recurrence over roots instead of squares, so that no finite value
/// is too large or too small for it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Learned {
    pub(super) count: u64,
    /// INVARIANT: finite, and as long as all values were the same, that value.
    pub(super) mean: f64,
    /// INVARIANT: finite, and 0 only as long as all values were the same that it was learned from.
    pub(super) sigma: f64,
}

const LEAST: f64 = f64::from_bits(1);

impl Learned {
    pub(super) const NOTHING: Self = Self { count: 0, mean: 0.0, sigma: 0.0 };

    /// Mean and sigma: with d the distance from the mean before, s² becomes s² (n - 2) / (n - 1) + d² / n.
    pub(super) fn learn(&mut self, x: f64) {
        let apart = (x - self.mean).clamp(-f64::MAX, f64::MAX);
        self.follow(x);
        if self.count < 2 || (apart == 0.0 && self.sigma == 0.0) {
            return;
        }
        let count = self.count as f64;
        let before = self.sigma * libm::sqrt((count - 2.0) / (count - 1.0));
        self.sigma = libm::hypot(before, apart / libm::sqrt(count)).clamp(LEAST, f64::MAX);
    }

    /// The mean only.
    pub(super) fn follow(&mut self, x: f64) {
        self.count = self.count.saturating_add(1);
        let count = self.count as f64;
        let step = (x - self.mean) / count;
        self.mean += if step.is_finite() { step } else { x / count - self.mean / count };
    }

    /// Those of all values. Which of the two is `self` makes no difference, not in a bit.
    pub(super) fn merged(self, other: Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let count = self.count.saturating_add(other.count);
        let (n, n1, n2) = (count as f64, self.count as f64, other.count as f64);
        let (lower, upper) = (self.mean.min(other.mean), self.mean.max(other.mean));
        let mean = (self.mean * (n1 / n) + other.mean * (n2 / n)).max(lower).min(upper);
        if lower == upper && self.sigma == 0.0 && other.sigma == 0.0 {
            return Self { count, mean, sigma: 0.0 };
        }
        let within = |sigma: f64, count: f64| sigma * libm::sqrt((count - 1.0) / (n - 1.0));
        let between = (upper - lower).min(f64::MAX) * libm::sqrt((n1 * n2) / (n * (n - 1.0)));
        let sigma = libm::hypot(libm::hypot(within(self.sigma, n1), within(other.sigma, n2)), between);
        Self { count, mean, sigma: sigma.clamp(LEAST, f64::MAX) }
    }
}
