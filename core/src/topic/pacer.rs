//! At most so many messages a second.

use crate::time::Time;

/// Takes at most so many messages in any second, evenly spread over what comes.
///
/// It is a bucket that fills with the time, and holds as little as takes nothing from the rate: one message and what a
/// millisecond adds, so that no burst gets more. Times have milliseconds.
///
/// ```
/// use streamgauge_core::time::Time;
/// use streamgauge_core::topic::Pacer;
///
/// let mut pacer = Pacer::new(2);
/// let taken = (0..2_000).step_by(100).filter(|ms| pacer.takes(Time::from_millis(*ms)));
/// assert_eq!(taken.collect::<Vec<_>>(), [0, 500, 1_000, 1_500]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacer {
    per_second: u32,
    /// In thousandths of a message.
    credit: u64,
    last: Time,
}

const MESSAGE: u64 = 1_000;

/// Less than a message: with it and all that 1,000 milliseconds add no second has one more than the rate.
const MOST_LEFT: u64 = MESSAGE - 1;

impl Pacer {
    /// At most `per_second` messages a second; none at 0.
    pub const fn new(per_second: u32) -> Self {
        Self { per_second, credit: u64::MAX, last: Time::ZERO }
    }

    /// Whether to take a message that comes now. What it doesn't take has to be counted as
    /// [`Withheld::Sampled`](super::Withheld::Sampled). A time that goes back counts as the last one. O(1).
    pub fn takes(&mut self, now: Time) -> bool {
        let rate = u64::from(self.per_second);
        let passed = now.as_millis().saturating_sub(self.last.as_millis());
        self.last = self.last.max(now);
        self.credit = self.credit.saturating_add(passed.saturating_mul(rate)).min(MOST_LEFT.saturating_add(rate));
        match self.credit.checked_sub(MESSAGE) {
            Some(rest) => {
                self.credit = rest;
                true
            }
            None => false,
        }
    }
}
