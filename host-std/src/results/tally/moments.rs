//! What moments add up.

use streamgauge_core::stats::Moments;
use streamgauge_core::stats::moments::NonFinite;

use super::Tally;

/// The moments of what were numbers, and the number of records that were none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MomentsTally {
    /// NaN and infinities are counted and left out.
    pub moments: Moments,
    /// Records without a number.
    pub not_a_number: u64,
}

impl Default for MomentsTally {
    fn default() -> Self {
        Self { moments: Moments::with_policy(NonFinite::LeaveOut), not_a_number: 0 }
    }
}

impl Tally for MomentsTally {
    type Total = Self;

    fn total(&self) -> Self {
        *self
    }
}
