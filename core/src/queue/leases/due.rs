//! What happens when time passes.

use super::LeaseQueue;
use super::counters::count;
use super::slot::Slot;
use super::take::Next;
use crate::storage::Grow;
use crate::time::Time;

/// Things that are due that are done on the way of something else, so that nobody waits for more: if a million leases
/// end at once, the next request does not do what the timer can do in many turns.
pub(super) const MOST_STEPS: u64 = if cfg!(miri) { 64 } else { 4_096 };

/// What [`LeaseQueue::advance`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Advanced {
    /// Items that became ready, because a lease or a delay is over.
    pub ready: u64,
    /// Items that died, because their last lease is over.
    pub dead: u64,
    /// Items that were too old.
    pub expired: u64,
    /// Whether there is more to be done.
    pub more: bool,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// Does what is due: ends the leases and the delays that are over, and lets go of the oldest ready items if they
    /// are too old; in at most so many steps, one an item. O(steps log n).
    ///
    /// A delayed item is not too old before its delay is over, nor one on lease before that is.
    pub fn advance(&mut self, now: Time, steps: u64) -> Advanced {
        self.told(now);
        let mut done = Advanced::default();
        for _ in 0..steps {
            if !self.step(&mut done) {
                return done;
            }
        }
        done.more = self.next_due().is_some_and(|due| due <= self.clock);
        done
    }

    /// When [`advance`](Self::advance) is to be called next, for the host's timer; `None` if time changes nothing.
    /// O(1).
    pub fn next_due(&mut self) -> Option<Time> {
        let keys = [self.leased.first_key(&self.slots), self.delayed.first_key(&self.slots)];
        let timers = keys.into_iter().flatten();
        let too_old = self.settings.ttl.and_then(|ttl| {
            let offset = self.oldest_ready()?.offset;
            Some(self.accepted_at(offset).after(ttl))
        });
        timers.chain(too_old).min().filter(|due| *due < Time::NEVER)
    }

    /// Whether something is due by then, so that a look would change the queue. O(1).
    pub(crate) fn is_due(&mut self, now: Time) -> bool {
        let now = self.clock.max(now);
        self.next_due().is_some_and(|due| due <= now)
    }

    /// Does what is due, but no more than [`MOST_STEPS`] at any one time: the rest stays due, as
    /// [`next_due`](Self::next_due) tells.
    pub(super) fn settle(&mut self, now: Time) {
        self.told(now);
        let timers = self.leased.first().is_some() || self.delayed.first().is_some();
        if self.spent == Some(self.clock) || !(timers || self.settings.ttl.is_some()) {
            return;
        }
        let mut done = Advanced::default();
        for _ in 0..MOST_STEPS {
            if !self.step(&mut done) {
                return;
            }
        }
        self.spent = Some(self.clock);
    }

    /// The ready item that is to be handed out; those before it that are too old leave, each a step.
    pub(super) fn next_ready(&mut self, steps: &mut u64) -> Option<Next> {
        loop {
            let next = self.oldest_ready()?;
            if !self.is_too_old(&next) {
                return Some(next);
            }
            *steps = steps.checked_sub(1)?;
            self.expire(&next);
        }
    }

    fn is_too_old(&self, next: &Next) -> bool {
        self.settings.ttl.is_some_and(|ttl| self.accepted_at(next.offset).after(ttl) <= self.clock)
    }

    /// Does one of the things that are due, and returns whether there was one.
    fn step(&mut self, done: &mut Advanced) -> bool {
        let now = self.clock;
        let due = |key: Option<Time>| key.is_some_and(|key| is_due(key, now));
        if let Some(slot) = self.leased.first().filter(|_| due(self.leased.first_key(&self.slots))) {
            let over = self.slots.get(slot).map_or(now, Slot::key);
            self.end_lease(slot);
            count(&mut self.tally.timed_out);
            if self.is_worn(slot) {
                self.bury(slot, over, b"");
                done.dead += 1;
            } else {
                self.bring_back(slot);
                count(&mut self.tally.requeued);
                done.ready += 1;
            }
            return true;
        }
        if let Some(slot) = self.delayed.first().filter(|_| due(self.delayed.first_key(&self.slots))) {
            self.delayed.remove(&mut self.slots, slot);
            self.bring_back(slot);
            done.ready += 1;
            return true;
        }
        if self.settings.ttl.is_none() {
            return false;
        }
        let Some(oldest) = self.oldest_ready().filter(|oldest| self.is_too_old(oldest)) else { return false };
        self.expire(&oldest);
        done.expired += 1;
        true
    }

    /// Lets go of a ready item that is too old.
    pub(super) fn expire(&mut self, next: &Next) {
        let size = self.size_at(next.offset);
        self.leave(next, size);
        count(&mut self.tally.expired);
    }
}

/// Whether the time has come of what is due at `key`.
pub(super) fn is_due(key: Time, now: Time) -> bool {
    key <= now && key < Time::NEVER
}
