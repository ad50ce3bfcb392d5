//! Which of several queues to ask next.

use core::time::Duration;
use streamgauge_core::reader::{Poll, Round};

/// The queues of a reader. Each is asked in its turn; one that fails is skipped for a while, twice as long each time.
pub(super) struct Pool {
    members: Vec<Member>,
    next: usize,
    pause: Duration,
}

struct Member {
    round: Round,
    failure: Option<Failure>,
}

struct Failure {
    at: Duration,
    skip: Duration,
}

/// What to do next. Times are those of a clock that only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Get(usize),
    Depth(usize),
    Wait(Duration),
}

impl Pool {
    /// The longest time for which a failing queue is skipped, in pauses.
    const MOST: u32 = 12;

    /// `interval` is how often an empty queue is asked, `pause` how long a failing one is skipped at first, and how
    /// often all of them are asked if all fail.
    pub(super) fn new(queues: usize, interval: Duration, pause: Duration) -> Self {
        let members = (0..queues).map(|_| Member { round: Round::new(interval), failure: None });
        Self { members: members.collect(), next: 0, pause }
    }

    pub(super) fn choose(&mut self, now: Duration) -> Choice {
        let all_fail = self.members.iter().all(|member| member.failure.is_some());
        let mut wait = Duration::MAX;
        for offset in 0..self.members.len() {
            let index = (self.next + offset) % self.members.len();
            let Some(member) = self.members.get(index) else { break };
            let again = member.failure.as_ref().map(|failure| {
                let skip = if all_fail { self.pause } else { failure.skip };
                failure.at.saturating_add(skip)
            });
            let poll = match again {
                Some(again) if now < again => Poll::Wait(again),
                // Whether it works again is seen by asking for an item.
                Some(_) => Poll::Get,
                None => member.round.poll(now),
            };
            match poll {
                Poll::Wait(until) => wait = wait.min(until),
                Poll::Get => {
                    self.next = index + 1;
                    return Choice::Get(index);
                }
                Poll::Depth => return Choice::Depth(index),
            }
        }
        Choice::Wait(wait)
    }

    /// Where to put an item that came from `origin`, in the order of preference.
    pub(super) fn for_put(&self, origin: usize) -> Vec<usize> {
        let others = (0..self.members.len()).map(|offset| (origin + offset) % self.members.len());
        let (works, fails): (Vec<_>, Vec<_>) = others.partition(|index| self.works(*index));
        [works, fails].concat()
    }

    /// Whether it has answered, when it was last asked.
    pub(super) fn works(&self, index: usize) -> bool {
        self.members.get(index).is_some_and(|member| member.failure.is_none())
    }

    pub(super) fn round(&mut self, index: usize) -> Option<&mut Round> {
        self.members.get_mut(index).map(|member| &mut member.round)
    }

    /// It has answered.
    pub(super) fn handle_success(&mut self, index: usize) {
        if let Some(member) = self.members.get_mut(index) {
            member.failure = None;
        }
    }

    /// It has not.
    pub(super) fn handle_failure(&mut self, index: usize, now: Duration) {
        let pause = self.pause;
        if let Some(member) = self.members.get_mut(index) {
            let skip = member.failure.as_ref().map_or(pause, |failure| failure.skip.saturating_mul(2));
            member.failure = Some(Failure { at: now, skip: skip.min(pause.saturating_mul(Self::MOST)) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_failing_queue_is_skipped_and_asked_again_later() {
        let mut pool = Pool::new(2, Duration::from_millis(500), at(5));
        assert_eq!(pool.choose(at(0)), Choice::Get(0));
        pool.handle_failure(0, at(0));
        for second in 0..5 {
            assert_eq!(pool.choose(at(second)), Choice::Get(1), "{second}");
            assert_eq!(pool.for_put(0), [1, 0]);
        }
        assert_eq!(pool.choose(at(5)), Choice::Get(0));
        pool.handle_failure(0, at(5));
        for second in 6..15 {
            assert_eq!(pool.choose(at(second)), Choice::Get(1), "{second}");
        }
        assert_eq!(pool.choose(at(15)), Choice::Get(0));
        pool.handle_success(0);
        assert_eq!([pool.choose(at(15)), pool.choose(at(15))], [Choice::Get(1), Choice::Get(0)]);
    }

    #[test]
    fn all_failing_are_asked_as_often_as_one() {
        let mut pool = Pool::new(2, Duration::from_millis(500), at(5));
        for _ in 0..6 {
            pool.handle_failure(0, at(100));
            pool.handle_failure(1, at(101));
        }
        assert_eq!(pool.choose(at(104)), Choice::Wait(at(105)));
        assert_eq!(pool.choose(at(105)), Choice::Get(0));
    }

    #[test]
    fn an_empty_queue_leaves_room_for_the_other() {
        let mut pool = Pool::new(2, Duration::from_millis(500), at(5));
        pool.round(0).unwrap().handle_empty(at(0));
        assert_eq!([pool.choose(at(0)), pool.choose(at(0))], [Choice::Get(1), Choice::Get(1)]);
        pool.round(1).unwrap().handle_waiting(at(20), at(0));
        assert_eq!(pool.choose(at(0)), Choice::Depth(1));
    }
}
