//! What a detector compares with, and when it gives an alarm.

/// The settings of a [`Detector`](super::Detector).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// What is taken off each distance from the mean, in sigmas: half the shift that matters. Not negative.
    pub drift: f64,
    /// Above which sum there is an alarm, in sigmas; more than 0.
    pub threshold: f64,
    /// What values are compared with.
    pub mean: Mean,
    /// In which unit.
    pub sigma: Sigma,
    /// From how many values mean and sigma are learned, and before how many there is no alarm. At least 2 for sigma
    /// and 1 for the mean; it means nothing if both are given.
    ///
    /// An error in what is learned stays: as far as the mean is off, one side's sum drifts. The median time until a
    /// false alarm (threshold 5, simulated) is 325 values if mean and sigma are known, and 150, 221, 281 and 312 if they
    /// are learned from 30, 100, 300 and 1000. (L. A. Jones, C. W. Champ and S. E. Rigdon, *The run length distribution
    /// of the CUSUM with estimated parameters*, 2004.)
    pub warm_up: u32,
    /// What becomes of that after an alarm.
    pub after_alarm: AfterAlarm,
}

/// What values are compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mean {
    /// This; it stays.
    Given(f64),
    /// The mean of the first values.
    Learned,
    /// The mean of all values up to this one (D. V. Hinkley, *Inference about the change-point from cumulative sum
    /// tests*, 1971). Nothing has to be known of the stream, but a change that is slow enough is followed, not found.
    Running,
}

/// The unit of distances from the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sigma {
    /// This; it stays.
    Given(f64),
    /// The standard deviation of the first values. If they are all the same it is 0, and the first other value is an
    /// alarm: it is infinitely many sigmas away.
    Learned,
}

/// What becomes of what was learned, after an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterAlarm {
    /// It is learned again from the values that follow, and both sums are 0 until then: the next alarm means another
    /// change.
    #[default]
    Relearn,
    /// It stays, a running mean goes on, and the sum of the other side with it: there are alarms for as long as the mean
    /// is elsewhere.
    Keep,
}

/// A setting that means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// The drift is negative or not finite.
    Drift,
    /// The threshold isn't above 0, or not finite.
    Threshold,
    /// The mean that was given isn't finite.
    Mean,
    /// The sigma that was given isn't above 0, or not finite.
    Sigma,
    /// Nothing can be learned from so few values.
    WarmUp,
}

impl core::fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Drift => "the drift is negative or not finite",
            Self::Threshold => "the threshold isn't above 0, or not finite",
            Self::Mean => "the mean isn't finite",
            Self::Sigma => "sigma isn't above 0, or not finite",
            Self::WarmUp => "a mean is learned from at least one value, sigma from two",
        })
    }
}

impl core::error::Error for InvalidSettings {}

impl Default for Settings {
    /// Learned from 100 values.
    fn default() -> Self {
        Self::learned(100)
    }
}

impl Settings {
    /// For shifts of about one sigma from a mean that is known: drift 0.5, threshold 5.
    pub const fn given(mean: f64, sigma: f64) -> Self {
        Self { mean: Mean::Given(mean), sigma: Sigma::Given(sigma), ..Self::learned(0) }
    }

    /// The same from the mean of the first so many values, learned again after an alarm.
    pub const fn learned(warm_up: u32) -> Self {
        Self {
            drift: 0.5,
            threshold: 5.0,
            mean: Mean::Learned,
            sigma: Sigma::Learned,
            warm_up,
            after_alarm: AfterAlarm::Relearn,
        }
    }

    /// The same from the mean of all values, and sigma of the first so many.
    pub const fn page_hinkley(warm_up: u32) -> Self {
        Self { mean: Mean::Running, ..Self::learned(warm_up) }
    }

    pub(super) fn check(&self) -> Result<(), InvalidSettings> {
        if !(self.drift >= 0.0 && self.drift.is_finite()) {
            return Err(InvalidSettings::Drift);
        }
        if !(self.threshold > 0.0 && self.threshold.is_finite()) {
            return Err(InvalidSettings::Threshold);
        }
        let from_mean = match self.mean {
            Mean::Given(mean) if !mean.is_finite() => return Err(InvalidSettings::Mean),
            Mean::Given(_) | Mean::Running => 0,
            Mean::Learned => 1,
        };
        let from_sigma = match self.sigma {
            Sigma::Given(sigma) if !(sigma > 0.0 && sigma.is_finite()) => return Err(InvalidSettings::Sigma),
            Sigma::Given(_) => 0,
            Sigma::Learned => 2,
        };
        if self.warm_up < from_mean.max(from_sigma) { Err(InvalidSettings::WarmUp) } else { Ok(()) }
    }

    /// Number of values that have to be learned from.
    #[inline]
    pub(super) fn needed(&self) -> u64 {
        if self.learns() { self.warm_up.into() } else { 0 }
    }

    #[inline]
    pub(super) fn learns(&self) -> bool {
        !matches!((self.mean, self.sigma), (Mean::Given(_), Sigma::Given(_)))
    }

    pub(super) fn relearns(&self) -> bool {
        self.learns() && self.after_alarm == AfterAlarm::Relearn
    }
}
