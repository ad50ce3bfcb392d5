//! Topics that have the readings of a gauge.

use crate::engine::Name;

/// What stands before the name of a gauge in that of its topic.
const PREFIX: &[u8] = b"gauge.";

/// The topic of a gauge's readings: `gauge.` and its name. `None` if that is too long for a name.
#[must_use]
pub fn readings(gauge: &Name) -> Option<Name> {
    Name::of(PREFIX.iter().chain(gauge.as_bytes()).copied()).ok()
}

/// The gauge whose [readings] a topic has, if it is called so.
///
/// ```
/// use streamgauge_core::engine::Name;
/// use streamgauge_core::gauge::{readings, whose_readings};
///
/// let load = Name::new(b"load").unwrap();
/// assert_eq!(whose_readings(&readings(&load).unwrap()), Some(load));
/// assert_eq!(whose_readings(&load), None);
/// ```
#[must_use]
pub fn whose_readings(topic: &Name) -> Option<Name> {
    Name::new(topic.as_bytes().strip_prefix(PREFIX)?).ok()
}
