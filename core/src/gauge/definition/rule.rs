//! What is told when it begins and when it ends.

use core::time::Duration;

use crate::engine::Name;

/// The most rules of a gauge.
pub const MOST_RULES: usize = 4;

/// Something that is told when it begins and when it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Of which result.
    pub statistic: Statistic,
    /// What it has to be.
    pub bound: Bound,
    /// For so long, before it is told that it has begun, and not for so long, before it is told that it has ended: whole
    /// milliseconds.
    pub hold: Duration,
    /// The topic where it is told; `None`: that of the readings.
    pub to: Option<Name>,
}

impl Rule {
    /// Whether it is about [changes](Statistic::Change), which go up or down and have no bound.
    pub(super) const fn is_of_change(&self) -> bool {
        matches!(self.statistic, Statistic::Change)
    }
}

/// What a result has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Above this; it has ended when it is not above the second, which is no more than the first.
    Above(f64, f64),
    /// Below this; it has ended when it is not below the second, which is no less than the first.
    Below(f64, f64),
    /// The mean has gone up since the last pane.
    Up,
    /// The mean has gone down since the last pane.
    Down,
}

/// A result that a rule can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// How many numbers.
    Count,
    /// Their mean.
    Mean,
    /// The variance of the sample.
    Variance,
    /// Its root.
    Stddev,
    /// The least.
    Min,
    /// The largest.
    Max,
    /// Half are no larger.
    P50,
    /// Nine of ten are no larger.
    P90,
    /// 99 of 100 are no larger.
    P99,
    /// 999 of 1000 are no larger.
    P999,
    /// How many different values.
    Distinct,
    /// Messages a second, over a minute.
    Rate,
    /// The correlation of two fields.
    Correlation,
    /// Changes of the mean.
    Change,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Count,
        Self::Mean,
        Self::Variance,
        Self::Stddev,
        Self::Min,
        Self::Max,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::P999,
        Self::Distinct,
        Self::Rate,
        Self::Correlation,
        Self::Change,
    ];

    /// Its name, as a rule has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::Stddev => "stddev",
            Self::Min => "min",
            Self::Max => "max",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Distinct => "distinct",
            Self::Rate => "rate",
            Self::Correlation => "correlation",
            Self::Change => "change",
        }
    }

    /// The result of that name. O(1).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|statistic| statistic.name() == name)
    }

    /// The measure that gives it.
    #[must_use]
    pub const fn measure(self) -> super::Measure {
        use super::Measure;
        match self {
            Self::Count | Self::Mean | Self::Variance | Self::Stddev | Self::Min | Self::Max => Measure::Moments,
            Self::P50 | Self::P90 | Self::P99 | Self::P999 => Measure::Quantiles,
            Self::Distinct => Measure::Distinct,
            Self::Rate => Measure::Rate,
            Self::Correlation => Measure::Pair,
            Self::Change => Measure::Change,
        }
    }
}
