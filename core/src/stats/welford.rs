//! Mean and variance as the textbooks update them.

/// Mean and variance by Welford's recurrence, with Chan's merge.
///
/// What *The Art of Computer Programming* (Knuth, volume 2, 4.2.2) teaches after B. P. Welford, *Note on a method for
/// calculating corrected sums of squares and products*, 1962. It never cancels catastrophically, but loses a digit for
/// each that mean and standard deviation are apart, and each value waits for the division of the one before.
/// [`Moments`](super::Moments) costs little more and loses none. A value that isn't finite makes every result `None`
/// from then on, and so do values that are further apart than there are numbers, or the squares of whose distances are beyond
/// them: [`Moments`](super::Moments) has results for these, too.
///
/// ```
/// use streamgauge_core::stats::Welford;
///
/// let mut seen = Welford::new();
/// for x in [1.0, 2.0, 4.0, 8.0] {
///     seen.push(x);
/// }
/// assert_eq!(seen.mean(), Some(3.75));
/// assert_eq!(seen.population_variance(), Some(7.1875));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Welford {
    count: u64,
    mean: f64,
    /// Sum of the squares of the distances from the mean.
    m2: f64,
}

impl Welford {
    /// Nothing seen yet.
    pub const fn new() -> Self {
        Self { count: 0, mean: 0.0, m2: 0.0 }
    }

    /// Takes a value in. O(1), one division.
    #[inline]
    pub fn push(&mut self, x: f64) {
        self.count = self.count.saturating_add(1);
        let delta = x - self.mean;
        self.mean += delta / self.count as f64;
        self.m2 += delta * (x - self.mean);
    }

    /// Takes in what `other` has seen (Chan, Golub and LeVeque, *Updating formulae and a pairwise algorithm for
    /// computing sample variances*, 1979). O(1).
    pub fn merge(&mut self, other: &Self) {
        // Without these two an infinite square of the distance would be multiplied by no values.
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let count = self.count.saturating_add(other.count);
        let delta = other.mean - self.mean;
        let share = other.count as f64 / count as f64;
        self.mean += delta * share;
        self.m2 += other.m2 + delta * delta * self.count as f64 * share;
        self.count = count;
    }

    /// Number of values seen; it stays at `u64::MAX` once there.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Arithmetic mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0 && self.mean.is_finite()).then_some(self.mean)
    }

    /// Variance of the values themselves (divided by n); `None` without values.
    pub fn population_variance(&self) -> Option<f64> {
        self.over(self.count)
    }

    /// Unbiased estimate of the variance that the values are a sample of (divided by n - 1); `None` below two values.
    pub fn sample_variance(&self) -> Option<f64> {
        self.over(self.count.saturating_sub(1))
    }

    /// Square root of the [sample variance](Self::sample_variance).
    pub fn sample_stddev(&self) -> Option<f64> {
        self.sample_variance().map(libm::sqrt)
    }

    fn over(&self, divisor: u64) -> Option<f64> {
        (divisor > 0 && self.m2.is_finite()).then(|| self.m2 / divisor as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Welford;

    fn of(values: &[f64]) -> Welford {
        let mut seen = Welford::new();
        values.iter().for_each(|x| seen.push(*x));
        seen
    }

    #[test]
    #[cfg_attr(miri, ignore = "libm takes square roots with inline assembly")]
    fn whole_or_in_two_parts_the_results_are_those_of_the_definition() {
        // Every step and every result is exact.
        let values = [2.0, 4.0, 9.0, 9.0, 1.0, 5.0, 4.0, 14.0];
        for cut in 0..=values.len() {
            let mut seen = of(&values[..cut]);
            seen.merge(&of(&values[cut..]));
            assert_eq!((seen.count(), seen.mean()), (8, Some(6.0)));
            let near = |found: Option<f64>, exact: f64| found.is_some_and(|found| (found - exact).abs() < 1e-13);
            assert!(near(seen.population_variance(), 16.5), "{cut}");
            assert!(near(seen.sample_variance(), 132.0 / 7.0), "{cut}");
            assert!(near(seen.sample_stddev(), libm::sqrt(132.0 / 7.0)), "{cut}");
        }
    }

    #[test]
    fn too_few_values_and_what_is_not_finite_have_no_results() {
        let results =
            |seen: Welford| [seen.mean(), seen.population_variance(), seen.sample_variance(), seen.sample_stddev()];
        assert_eq!(results(of(&[])), [None; 4]);
        assert_eq!(results(of(&[3.0])), [Some(3.0), Some(0.0), None, None]);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(results(of(&[1.0, bad, 1.0])), [None; 4]);
        }
        let mut nothing = of(&[]);
        nothing.merge(&of(&[]));
        assert_eq!(nothing, Welford::default());
    }

    #[test]
    fn nothing_adds_nothing_even_to_a_mean_whose_square_is_infinite() {
        let large = of(&[1e200]);
        let (mut before, mut after) = (Welford::new(), large);
        before.merge(&large);
        after.merge(&Welford::new());
        assert_eq!([before, after], [large; 2]);
        assert_eq!(after.population_variance(), Some(0.0));
    }
}
