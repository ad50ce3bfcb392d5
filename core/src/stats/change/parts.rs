//! The state of a [`Detector`] as plain numbers.

use super::learned::Learned;
use super::{Detector, Excursion, InvalidSettings, Mean, Settings};

/// The state of a [`Detector`] but for its settings, as plain numbers, to be stored elsewhere and shared between machines.
/// All are finite, and have to come back to the bit (17 significant digits do).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// Number of values that mean and sigma were learned from; a running mean goes on with it.
    pub learned: u64,
    /// The mean as learned; 0 without values.
    pub mean: f64,
    /// Sigma as learned; 0 below two values.
    pub sigma: f64,
    /// The sum for a larger mean.
    pub up: Excursion,
    /// The sum for a lesser mean.
    pub down: Excursion,
    /// How often the mean has become larger.
    pub alarms_up: u64,
    /// How often the mean has become less.
    pub alarms_down: u64,
    /// Number of finite values.
    pub count: u64,
    /// Number of values that were NaN.
    pub nan: u64,
    /// Number of values that were +∞.
    pub positive_infinities: u64,
    /// Number of values that were -∞.
    pub negative_infinities: u64,
}

/// Numbers that no values can have led to, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidParts {
    /// The settings are wrong.
    Settings(InvalidSettings),
    /// A sum is not a number, negative, above the threshold, or without values; or nothing has been learned yet.
    Sum,
    /// Mean or sigma are not finite, or there are too few values for them, or nothing was to be learned.
    Learned,
    /// There are more alarms, or values in a sum or to learn from, than there were values.
    Count,
}

impl core::fmt::Display for InvalidParts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Settings(settings) => settings.fmt(f),
            Self::Sum => f.write_str("no values have led to such sums"),
            Self::Learned => f.write_str("no values have such a mean and sigma"),
            Self::Count => f.write_str("so few values can't have led to this"),
        }
    }
}

impl core::error::Error for InvalidParts {}

impl Detector {
    /// The state as plain numbers. O(1).
    pub const fn to_parts(&self) -> Parts {
        Parts {
            learned: self.learned.count,
            mean: self.learned.mean,
            sigma: self.learned.sigma,
            up: self.up,
            down: self.down,
            alarms_up: self.alarms_up,
            alarms_down: self.alarms_down,
            count: self.count,
            nan: self.nan,
            positive_infinities: self.positive_infinities,
            negative_infinities: self.negative_infinities,
        }
    }

    /// The state that these numbers describe. O(1).
    ///
    /// # Errors
    /// [`InvalidParts`] if the settings are wrong or a number contradicts another.
    pub fn from_parts(settings: Settings, parts: &Parts) -> Result<Self, InvalidParts> {
        let mut detector = Self::new(settings).map_err(InvalidParts::Settings)?;
        check_learned(&settings, parts)?;
        let is_learning = parts.learned < settings.needed();
        for side in [parts.up, parts.down] {
            let in_range = side.sum >= 0.0 && side.sum <= settings.threshold && (side.sum > 0.0) == (side.values > 0);
            if !in_range || (is_learning && side.sum > 0.0) {
                return Err(InvalidParts::Sum);
            }
        }
        // A count that went no further says nothing about the others.
        if parts.count < u64::MAX && !has_values_enough(&settings, parts) {
            return Err(InvalidParts::Count);
        }
        detector.learned = Learned { count: parts.learned, mean: parts.mean, sigma: parts.sigma };
        (detector.up, detector.down) = (parts.up, parts.down);
        (detector.alarms_up, detector.alarms_down) = (parts.alarms_up, parts.alarms_down);
        (detector.count, detector.nan) = (parts.count, parts.nan);
        detector.positive_infinities = parts.positive_infinities;
        detector.negative_infinities = parts.negative_infinities;
        Ok(detector)
    }
}

fn check_learned(settings: &Settings, parts: &Parts) -> Result<(), InvalidParts> {
    let finite = parts.mean.is_finite() && parts.sigma.is_finite() && parts.sigma >= 0.0;
    let enough = match parts.learned {
        0 => parts.mean == 0.0 && parts.sigma == 0.0,
        1 => parts.sigma == 0.0,
        _ => settings.learns(),
    };
    if finite && enough && (parts.learned == 0 || settings.learns()) { Ok(()) } else { Err(InvalidParts::Learned) }
}

fn has_values_enough(settings: &Settings, parts: &Parts) -> bool {
    let alarms = u128::from(parts.alarms_up).saturating_add(parts.alarms_down.into());
    // Before each alarm as much was learned, and after it began anew.
    let for_each = if settings.relearns() { u128::from(settings.needed()).saturating_add(1) } else { 1 };
    let gone =
        alarms.saturating_mul(for_each).saturating_add(if settings.relearns() { parts.learned.into() } else { 0 });
    // What is kept goes on from the first value.
    let all_learned = settings.learns()
        && !settings.relearns()
        && (settings.mean == Mean::Running || parts.learned < settings.needed());
    gone <= parts.count.into()
        && parts.learned <= parts.count
        && parts.up.values.max(parts.down.values) <= parts.count
        && (!all_learned || (parts.learned == parts.count))
        && (parts.learned >= settings.needed() || settings.relearns() || alarms == 0)
}
