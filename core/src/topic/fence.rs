//! Messages that nobody may see yet, because they could still be lost.

use super::Topic;
use crate::log::{Mark, Position};

impl<S, C, M> Topic<S, C, M> {
    /// Keeps what is published from now on from subscribers until it is [released](Self::release_to): it is numbered and
    /// counted, but they read as if it were not there. O(1).
    ///
    /// That it leaves is told: who would have got it [lags](super::Next::Lagged) by it.
    ///
    /// ```
    /// use streamgauge_core::log::Mark;
    /// use streamgauge_core::time::Time;
    /// use streamgauge_core::topic::{Next, Place, Settings, Topic};
    ///
    /// let mut topic = Topic::new([0; 64], [Place::FREE; 4], [Mark::FREE; 1], Settings::NONE, 0);
    /// let villager = topic.subscribe().unwrap();
    /// topic.hold();
    /// topic.publish(b"extra", Time::ZERO).unwrap();
    /// topic.publish(b"extra", Time::ZERO).unwrap();
    /// assert_eq!(topic.next(villager), Ok(Next::Empty));
    /// // The message numbered 0 is on the disk, and 1 not yet.
    /// topic.release_to(1);
    /// assert_eq!(topic.next(villager), Ok(Next::Message(b"extra")));
    /// assert_eq!(topic.next(villager), Ok(Next::Empty));
    /// ```
    pub const fn hold(&mut self) {
        if self.fence.is_none() {
            self.fence = Some(self.fanout.log.end());
        }
    }

    /// The same from the first message that there is. O(1).
    pub const fn hold_all(&mut self) {
        self.fence = Some(self.fanout.log.start());
    }

    /// Lets subscribers see everything, now and later. O(1).
    pub const fn release(&mut self) {
        self.fence = None;
    }

    /// Where what subscribers see ends: the end of the log, unless something is [held](Self::hold). O(1).
    pub const fn visible_end(&self) -> Position {
        match &self.fence {
            Some(fence) if self.fanout.log.missed(fence) > 0 => self.fanout.log.start(),
            Some(fence) => *fence,
            None => self.fanout.log.end(),
        }
    }

    /// How many messages from there on may be seen, if there are as many.
    pub(super) const fn visible_from(&self, position: &Position) -> u64 {
        match &self.fence {
            None => u64::MAX,
            Some(fence) => match fence.sequence().wrapping_sub(position.sequence()) {
                // It is behind the fence.
                0x8000_0000_0000_0000.. => 0,
                ahead => ahead,
            },
        }
    }
}

impl<S: AsRef<[u8]>, C, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// Lets subscribers see the messages before the one numbered `sequence`, if they are [held](Self::hold); what they
    /// have seen they still do. O(1) for all messages there are, otherwise O(log n) and a short walk.
    pub fn release_to(&mut self, sequence: u64) {
        let Some(fence) = self.fence else { return };
        let ahead = sequence.wrapping_sub(fence.sequence());
        if ahead > 0 && ahead <= u64::MAX / 2 {
            self.fence = Some(self.seek(sequence));
        }
    }

    /// The place of the newest message that may be seen, for a subscriber that only wants that one; the end of those if
    /// none is held. O(1), but for a topic that [holds](Self::hold) some back O(log n) and a short walk.
    pub fn newest(&self) -> Position {
        let (log, end) = (&self.fanout.log, self.visible_end());
        if end.sequence() == log.start().sequence() {
            return end;
        }
        if end.sequence() == log.end().sequence() { self.last } else { self.seek(end.sequence().wrapping_sub(1)) }
    }
}
