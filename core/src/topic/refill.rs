//! Messages for a topic that was restored without.

use super::{Place, Topic};
use crate::log::{Mark, Position};
use crate::time::Time;

impl<S: AsRef<[u8]> + AsMut<[u8]>, C: AsMut<[Place]>, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// Gives a topic that [holds no message](crate::engine::memory::Memory::restore) the newest ones back that it had when
    /// it was saved, with their times, the oldest first; false if it holds one, or never had so many: then nothing has
    /// changed. Those that have no room are the oldest. O(messages).
    ///
    /// ```
    /// use streamgauge_core::log::Mark;
    /// use streamgauge_core::time::Time;
    /// use streamgauge_core::topic::{From, Missed, Place, Settings, Topic};
    ///
    /// let mut topic = Topic::new([0; 64], [Place::FREE; 4], [Mark::FREE; 8], Settings::NONE, 7);
    /// let messages = [(Time::from_millis(1), &b"one"[..]), (Time::from_millis(2), b"two")];
    /// assert!(!topic.refill(messages.into_iter()), "it has had none");
    /// messages.iter().for_each(|(time, message)| drop(topic.publish(message, *time)));
    /// // As after a restart.
    /// topic.skip(0);
    /// assert!(topic.log().is_empty() && topic.refill(messages.into_iter()));
    /// let begun = topic.subscribe_from(From::First).unwrap();
    /// assert_eq!((begun.first, begun.missed), (7, Missed::Exactly(0)));
    /// ```
    pub fn refill<'m>(&mut self, messages: impl Iterator<Item = (Time, &'m [u8])> + Clone) -> bool {
        let add = |(count, bytes): (u64, u64), (_, message): (Time, &[u8])| {
            (count.saturating_add(1), bytes.saturating_add(message.len() as u64))
        };
        let (count, bytes) = messages.clone().fold((0, 0), add);
        if !self.fanout.log.is_empty() || count > self.evicted.saturating_add(self.expired) {
            return false;
        }
        let (newest, end) = (self.newest, self.fanout.log.end().sequence());
        self.fanout.log.rewind(count, bytes);
        self.take_back(count);
        // When the newest that has left was published is not known: not behind the first that is here.
        let first = messages.clone().next().map_or(newest, |(published, _)| published);
        let left = (self.evicted.saturating_add(self.expired) > 0).then_some(first);
        (self.newest, self.last, self.left) = (Time::ZERO, Position::NONE, left);
        for (published, message) in messages {
            while self.try_append(message, published).is_none() && !self.fanout.log.is_empty() {
                self.evict();
            }
        }
        // What never fitted was not its own: the numbers go on where they were all the same.
        let strange = end.wrapping_sub(self.fanout.log.end().sequence());
        self.fanout.log.renumber(strange);
        self.evicted = self.evicted.wrapping_add(strange);
        self.newest = self.newest.max(newest);
        true
    }

    /// So many messages have not left.
    const fn take_back(&mut self, count: u64) {
        let evicted = if count < self.evicted { count } else { self.evicted };
        self.evicted = self.evicted.wrapping_sub(evicted);
        self.expired = self.expired.wrapping_sub(count.wrapping_sub(evicted));
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;
    use std::vec::Vec;

    use super::*;
    use crate::saved::{AtHand, Input, Output};
    use crate::topic::{From, Missed, Next, Settings};

    type Small = Topic<[u8; 256], [Place; 2], [Mark; 4]>;

    fn used(messages: u8) -> Small {
        let mut topic = Topic::new([0; 256], [Place::FREE; 2], [Mark::FREE; 4], Settings::NONE, 40);
        for number in 0..messages {
            topic.publish(&[number; 5], Time::from_millis(1_000 + u64::from(number) * 7)).unwrap();
        }
        topic
    }

    fn restored(topic: &Small) -> Small {
        let mut bytes = Vec::new();
        let Ok(()) = topic.save(&mut Output(&mut bytes));
        let input = &mut Input(AtHand(&bytes[..]));
        Topic::restore([0; 256], [Place::FREE; 2], [Mark::FREE; 4], Settings::NONE, input).unwrap()
    }

    #[test]
    fn it_is_as_if_it_had_never_been_away() {
        for messages in [0, 1, 2, 30, 32, 100, 255] {
            let topic = used(messages);
            let held: Vec<_> = topic.timed(topic.log().start()).collect();
            let mut again = restored(&topic);
            assert!(again.refill(held.iter().copied()));
            assert_eq!(again.timed(again.log().start()).collect::<Vec<_>>(), held);
            assert_eq!(format!("{:?}", again.counters()), format!("{:?}", topic.counters()));
            let ends =
                |topic: &Small| (topic.log().start().sequence(), topic.log().end().sequence(), topic.published_at());
            assert_eq!(ends(&again), ends(&topic));
            // And it goes on.
            let (mut again, mut topic) = (again, topic);
            let missed = |topic: &mut Small| topic.subscribe_from(From::Time(Time::from_millis(1))).unwrap().missed;
            assert_eq!(missed(&mut again), missed(&mut topic), "{messages}: of what has left");
            for one in [&mut again, &mut topic] {
                one.publish(b"next", Time::from_millis(9_000)).unwrap();
                let begun = one.subscribe_from(From::Time(Time::from_millis(8_000))).unwrap();
                assert_eq!((begun.missed, one.next(begun.id)), (Missed::Exactly(0), Ok(Next::Message(b"next"))));
            }
        }
    }

    #[test]
    fn what_can_not_have_been_its_own_changes_nothing_it_counts_on() {
        let mut topic = restored(&used(3));
        let five = [(Time::ZERO, &b"x"[..]); 5];
        assert!(!topic.refill(five.into_iter()));
        assert_eq!(topic.log().end().sequence(), 43);
        let long = [0; 300];
        assert!(topic.refill([(Time::ZERO, &b"a"[..]), (Time::ZERO, &long[..])].into_iter()));
        assert_eq!((topic.log().len(), topic.log().end().sequence()), (0, 43));
        assert!(topic.refill([(Time::ZERO, &b"a"[..])].into_iter()));
        assert!(!topic.refill([(Time::ZERO, &b"a"[..])].into_iter()), "it holds one");
    }
}
