//! How much of a topic a subscriber wants.

/// Where a subscription ends by itself: after so many messages (`limit=N`), or behind the message that was the newest
/// when it began (`follow=0`).
///
/// ```
/// use streamgauge_core::topic::Extent;
///
/// // The next message published would have number 7: 6 is the last one wanted.
/// let mut extent = Extent::ALL.limit(3).until(7);
/// assert!(!extent.is_over(6));
/// extent.count(1);
/// assert!(extent.is_over(7));
/// extent.count(2);
/// assert!(extent.is_over(6));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    left: Option<u64>,
    end: Option<u64>,
}

impl Extent {
    /// Everything, for ever.
    pub const ALL: Self = Self { left: None, end: None };

    /// At most `messages` are given to it.
    #[must_use]
    pub const fn limit(mut self, messages: u64) -> Self {
        self.left = Some(messages);
        self
    }

    /// Nothing from the message numbered `end` on: the number after the newest, to end there.
    #[must_use]
    pub const fn until(mut self, end: u64) -> Self {
        self.end = Some(end);
        self
    }

    /// Takes note that so many messages were given to the subscriber; those withheld from it don't count. O(1).
    pub const fn count(&mut self, messages: u64) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(messages);
        }
    }

    /// How many more it may get, if that is limited. O(1).
    pub const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether the subscription ends before the message numbered `next`. O(1).
    pub const fn is_over(&self, next: u64) -> bool {
        let enough = matches!(self.left, Some(0));
        let behind = match self.end {
            Some(end) => next.wrapping_sub(end) <= u64::MAX / 2,
            None => false,
        };
        enough || behind
    }
}
