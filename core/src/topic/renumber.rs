//! Other numbers for the messages of a topic, when it is not known any more which ones they had, or which were given.

use super::place::State;
use super::{Place, Topic};
use crate::log::{Mark, Position};

impl<S, C: AsMut<[Place]>, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// Gives every message, and all that come later, a number that is higher by so much. O(places and marks).
    ///
    /// It is for a topic of which up to `by` messages are lost, whoever has seen them. Who comes back and names the last
    /// number that it saw gets all that it has not seen, and up to `by` messages again.
    ///
    /// ```
    /// use streamgauge_core::log::Mark;
    /// use streamgauge_core::time::Time;
    /// use streamgauge_core::topic::{From, Missed, Next, Place, Settings, Topic};
    ///
    /// let mut topic = Topic::new([0; 64], [Place::FREE; 4], [Mark::FREE; 8], Settings::NONE, 0);
    /// // Between these a message was lost, which was number 1: "three" was number 2.
    /// topic.publish(b"one", Time::ZERO).unwrap();
    /// topic.publish(b"three", Time::ZERO).unwrap();
    /// topic.renumber(1);
    /// topic.publish(b"four", Time::ZERO).unwrap();
    /// let who_saw_three = topic.subscribe_from(From::After(2)).unwrap();
    /// assert_eq!(who_saw_three.missed, Missed::Exactly(0));
    /// assert_eq!(topic.next(who_saw_three.id), Ok(Next::Message(b"four")));
    /// ```
    pub fn renumber(&mut self, by: u64) {
        self.fanout.log.renumber(by);
        self.fanout.origin = self.fanout.origin.wrapping_add(by);
        self.index.renumber(by);
        self.last = self.last.renumbered(by);
        self.fence = self.fence.map(|fence| fence.renumbered(by));
        for place in self.fanout.places.as_mut() {
            if let State::Used(account) = &mut place.state {
                account.position = account.position.renumbered(by);
                account.since = account.since.wrapping_add(by);
            }
        }
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, C, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// Leaves out `by` numbers behind the newest message: they may have been given to messages that are lost, and that
    /// somebody has seen. All that is held leaves, as it is for a topic whose messages are kept elsewhere too. O(messages).
    ///
    /// Who comes back and names one of these numbers is told how many more there are, and gets what comes behind them.
    ///
    /// ```
    /// use streamgauge_core::log::Mark;
    /// use streamgauge_core::time::Time;
    /// use streamgauge_core::topic::{From, Missed, Next, Place, Settings, Topic};
    ///
    /// let mut topic = Topic::new([0; 64], [Place::FREE; 4], [Mark::FREE; 8], Settings::NONE, 0);
    /// topic.publish(b"one", Time::ZERO).unwrap();
    /// // Somebody has seen "two" as number 1, and it is lost.
    /// topic.skip(100);
    /// topic.publish(b"three", Time::ZERO).unwrap();
    /// let who_saw_two = topic.subscribe_from(From::After(1)).unwrap();
    /// assert_eq!((who_saw_two.first, who_saw_two.missed), (101, Missed::Exactly(99)));
    /// assert_eq!((topic.counters().published, topic.log().end().sequence()), (2, 102));
    /// ```
    pub fn skip(&mut self, by: u64) {
        while !self.fanout.log.is_empty() {
            self.evict();
        }
        self.fanout.log.renumber(by);
        self.skipped = self.skipped.wrapping_add(by);
        self.last = Position::NONE;
        self.fence = self.fence.map(|_| self.fanout.log.end());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    use super::*;
    use crate::time::Time;
    use crate::topic::Settings;

    #[test]
    fn it_is_as_if_the_numbers_had_been_so_from_the_start() {
        let used = |first| {
            let mut topic = Topic::new([0; 64], [Place::FREE; 2], [Mark::FREE; 4], Settings::NONE, first);
            topic.subscribe().unwrap();
            for number in 0..40_u8 {
                topic.publish(&[number], Time::from_millis(number.into())).unwrap();
            }
            topic.hold();
            topic.publish(b"unseen", Time::from_millis(50)).unwrap();
            topic
        };
        let (mut topic, wanted) = (used(7), used(107));
        topic.renumber(100);
        assert_eq!(format!("{topic:?}"), format!("{wanted:?}"));
    }
}
