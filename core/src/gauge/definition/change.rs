//! What is taken for a change.

use crate::stats::change::Settings;

/// What is taken for a change: the settings of [`change`](super::Measure::Change).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Changes {
    /// Half the shift to be found, in standard deviations.
    pub drift: f64,
    /// How much has to add up, in standard deviations.
    pub threshold: f64,
    /// Mean and standard deviation are learned from so many values.
    pub learn: u32,
}

impl Changes {
    /// Finds a shift of one standard deviation after some ten values, and takes chance for one in some 465.
    pub const DEFAULT: Self = Self { drift: 0.5, threshold: 5.0, learn: 100 };
}

impl Changes {
    /// The same for a detector.
    pub(in crate::gauge) const fn settings(&self) -> Settings {
        let Self { drift, threshold, learn } = *self;
        Settings { drift, threshold, ..Settings::learned(learn) }
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::DEFAULT
    }
}
