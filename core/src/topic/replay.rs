//! Messages again, with the times between them kept.

use core::num::{NonZeroU32, NonZeroU64};

use crate::time::Time;

/// How much faster than it happened, in thousandths: 4,000 is four times as fast, 500 half as fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed(NonZeroU32);

impl Speed {
    /// As fast as it happened.
    pub const SAME: Self = Self(NonZeroU32::new(1_000).unwrap());

    /// So many thousandths; `None` for 0, at which nothing would ever come.
    pub const fn from_thousandths(thousandths: u32) -> Option<Self> {
        match NonZeroU32::new(thousandths) {
            Some(thousandths) => Some(Self(thousandths)),
            None => None,
        }
    }
}

/// When each message of a replay is due. The first is due at once.
///
/// ```
/// use streamgauge_core::time::Time;
/// use streamgauge_core::topic::{Replay, Speed};
///
/// let mut replay = Replay::new(Speed::from_thousandths(4_000).unwrap(), Time::from_millis(50_000));
/// assert_eq!(replay.due(Time::from_millis(1_000)), Time::from_millis(50_000));
/// assert_eq!(replay.due(Time::from_millis(3_000)), Time::from_millis(50_500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    speed: Speed,
    began: Time,
    /// When the first message was published.
    first: Option<Time>,
}

impl Replay {
    /// A replay that begins now.
    pub const fn new(speed: Speed, now: Time) -> Self {
        Self { speed, began: now, first: None }
    }

    /// When a message is due that was published at `published`: [`Time::NEVER`] if that is too far to be told. It is
    /// reckoned from the first message, so that roundings don't add up. O(1).
    pub fn due(&mut self, published: Time) -> Time {
        let first = *self.first.get_or_insert(published);
        let passed = published.as_millis().saturating_sub(first.as_millis());
        let thousandths = NonZeroU64::from(self.speed.0);
        // In two steps, so that it does not overflow before the result does.
        let rest = (passed % thousandths).saturating_mul(1_000) / thousandths;
        let scaled = (passed / thousandths).saturating_mul(1_000).saturating_add(rest);
        Time::from_millis(self.began.as_millis().saturating_add(scaled))
    }
}
