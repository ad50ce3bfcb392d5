//! A subscriber that is behind all that a topic holds: it is served from another topic, which is filled with what it has
//! yet to get, until it has caught up.

use super::fanout::used;
use super::{Delivery, Id, Place, Topic, Unsubscribed};
use crate::log::Mark;
use crate::storage::Grow;
use crate::time::Time;

impl<S: AsRef<[u8]> + AsMut<[u8]>, C: Grow<Place>, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// Makes `message` the newest one, unless it is too large or one would have to leave for it that the subscriber has
    /// yet to get; whether it did. O(1) and the messages that leave.
    ///
    /// ```
    /// use streamgauge_core::log::Mark;
    /// use streamgauge_core::storage::Fixed;
    /// use streamgauge_core::time::Time;
    /// use streamgauge_core::topic::{Next, Place, Settings, Topic};
    ///
    /// let mut past = Topic::new([0; 12], Fixed([Place::FREE]), [Mark::FREE; 1], Settings::NONE, 40);
    /// let villager = past.subscribe().unwrap();
    /// assert_eq!(past.fill(villager, b"extra", Time::ZERO), Ok(true));
    /// assert_eq!(past.fill(villager, b"H3110", Time::ZERO), Ok(false));
    /// assert_eq!(past.next(villager), Ok(Next::Message(b"extra")));
    /// assert_eq!(past.fill(villager, b"H3110", Time::ZERO), Ok(true));
    /// ```
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn fill(&mut self, id: Id, message: &[u8], published: Time) -> Result<bool, Unsubscribed> {
        let position = self.position(id)?;
        loop {
            if self.try_append(message, published).is_some() {
                return Ok(true);
            }
            // The oldest is the one that it gets next.
            if self.fanout.log.is_empty() || self.fanout.log.start().sequence() == position.sequence() {
                return Ok(false);
            }
            self.evict();
        }
    }

    /// Lets a subscriber that was served from elsewhere go on here with the message numbered `sequence`, and with the
    /// account that it had there. O(log n) and a short walk.
    ///
    /// Of the account, what was done counts: what is pending follows from the place.
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn go_on(&mut self, id: Id, sequence: u64, account: &Delivery) -> Result<(), Unsubscribed> {
        let to = self.seek(sequence);
        let here = used(&mut self.fanout.places, id)?;
        let Delivery { received, lagged, skipped, sampled_out, filtered, .. } = *account;
        self.fanout.delivered = self.fanout.delivered.wrapping_add(received).wrapping_sub(here.received);
        let done = received.wrapping_add(skipped).wrapping_add(sampled_out).wrapping_add(filtered);
        here.since = sequence.wrapping_sub(done).wrapping_sub(lagged);
        here.position = to.moved_back(to.sequence().wrapping_sub(sequence));
        (here.received, here.lagged, here.skipped) = (received, lagged, skipped);
        (here.sampled_out, here.filtered) = (sampled_out, filtered);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Rng;
    use crate::topic::{From, Next, Settings, Withheld};

    #[test]
    fn who_catches_up_gets_each_message_once_and_its_account_adds_up() {
        let mut random = Rng::new(1);
        for _ in 0..300 {
            let (mut past, mut head) = (
                Topic::new([0; 40], [Place::FREE; 1], [Mark::FREE; 1], Settings::NONE, 100),
                Topic::new([0; 30], [Place::FREE; 2], [Mark::FREE; 1], Settings::NONE, 100),
            );
            let message = |number: u64| [number as u8; 6];
            let newest = 103 + random.below(60);
            for number in 100..newest {
                head.publish(message(number).get(..(number % 7) as usize).unwrap(), Time::ZERO).unwrap();
            }
            let there = head.subscribe_from(From::Sequence(100)).unwrap().id;
            let (here, last) = (past.subscribe().unwrap(), head.log().start().sequence());
            let to = last + random.below(newest + 1 - last);
            let (mut filled, mut expected) = (100, 100);
            while expected < to {
                while filled < to
                    && past.fill(here, message(filled).get(..(filled % 7) as usize).unwrap(), Time::ZERO).unwrap()
                {
                    filled += 1;
                }
                let len = (expected % 7) as usize;
                assert_eq!(past.next(here), Ok(Next::Message(message(expected).get(..len).unwrap())));
                if random.below(3) == 0 {
                    past.withhold(here, 1, Withheld::Filtered).unwrap();
                }
                expected += 1;
            }
            head.go_on(there, to, &past.delivery(here).unwrap()).unwrap();
            while let Next::Message(text) = head.next(there).unwrap() {
                assert_eq!(text, message(expected).get(..(expected % 7) as usize).unwrap());
                expected += 1;
            }
            let account = head.delivery(there).unwrap();
            assert_eq!((expected, account.published, account.lagged), (newest, newest - 100, 0));
            assert_eq!(account.received + account.filtered, newest - 100);
            assert_eq!(head.counters().delivered, account.received);
        }
    }
}
