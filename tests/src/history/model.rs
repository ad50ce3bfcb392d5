//! A queue with leases, one step after another, each of which can be taken back.
//!
//! Items that were never out have no order among them here. Which put was first shows only in which item goes out first,
//! so that is where it is asked: an item may go out when no other is there whose put had ended before its own began. In
//! whatever order they then go out, moments for their puts in that order can be found; for an order of intervals that is
//! so when each two can be in it. So no order of puts has ever to be guessed.
//!
//! Nor has a lease that runs out to be guessed at: that is done when its item is given away again, or somebody is told
//! that the lease is over. Until then an item on lease forbids least of all.

use std::time::Duration;

use super::case::{Act, Case, Lease};
use super::state::{Place, State};
use super::{Returns, Rules};

/// Why a step can't be now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The item is not in the queue, but here.
    Elsewhere(Place),
    /// This one has to go out before it.
    Behind(usize),
    /// The queue has this one.
    Holds(usize),
    /// There was an attempt of that number.
    Attempted(u64),
    /// An attempt of that number is still to come.
    Skips(u64),
    /// Somebody will be given the item later, but this is the end of it.
    GivenLater,
    /// The lease is not over.
    Lives,
    /// The lease is over: the item is elsewhere.
    Over(Place),
}

/// The queue, and what it does.
#[derive(Debug)]
pub(super) struct Model<'a> {
    case: &'a Case,
    returns: Returns,
    state: State<'a>,
}

impl<'a> Model<'a> {
    pub(super) fn new(case: &'a Case, rules: &Rules) -> Self {
        Self { case, returns: rules.returns, state: State::new(case) }
    }

    /// What it has, and what leads back.
    pub(super) const fn state(&self) -> &State<'a> {
        &self.state
    }

    /// Goes back to an earlier state.
    pub(super) fn undo(&mut self, mark: usize) {
        self.state.undo(mark);
    }

    /// Takes the step of this number at a moment that is `now` at the latest. Where it can't be taken, what was done of
    /// it has to be taken back.
    pub(super) fn step(&mut self, step: usize, now: Duration) -> Result<(), Refusal> {
        self.state.mix(("step", step));
        match self.case.steps[step].act {
            Act::Put(thing) => self.state.place(thing, Place::Fresh),
            Act::Empty => {
                let first = self.state.returned.first().copied().or(self.state.fresh.first().map(|(_, thing)| *thing));
                return first.map_or(Ok(()), |thing| Err(Refusal::Holds(thing)));
            }
            Act::Get(thing) => {
                self.deliver(thing, now)?;
                self.finish(thing)?;
            }
            Act::Lease(lease) => {
                let (thing, attempt) = (self.case.leases[lease].thing, self.case.leases[lease].attempt);
                self.deliver(thing, now)?;
                match self.state.next_attempt(thing) {
                    Some(next) if next == attempt => {}
                    Some(next) if next < attempt => return Err(Refusal::Skips(next)),
                    _ => return Err(Refusal::Attempted(self.state.attempts[thing])),
                }
                self.state.attempt(thing, attempt);
                self.state.place(thing, Place::Lent(lease));
            }
            Act::Ack(lease) => {
                let thing = self.settle(lease)?;
                self.finish(thing)?;
            }
            Act::Nack(lease) => {
                let thing = self.settle(lease)?;
                self.give_back(thing, lease, now);
            }
            Act::Gone(lease) => return self.find_over(lease, now),
        }
        Ok(())
    }

    /// Whether a step would only forbid others: it puts something in the queue. The others take something out, or
    /// change nothing.
    pub(super) fn adds(&self, step: usize, now: Duration) -> bool {
        match self.case.steps[step].act {
            Act::Put(_) | Act::Nack(_) => true,
            Act::Get(_) | Act::Lease(_) | Act::Empty | Act::Ack(_) => false,
            Act::Gone(lease) => {
                let thing = self.case.leases[lease].thing;
                self.state.places[thing] == Place::Lent(lease) && !self.can_be_acked(lease, now)
            }
        }
    }

    /// Calls whose answer nobody heard that can have taken an item by `now`, as far as that explains anything: nobody
    /// will be given it, or it comes back with an attempt that nobody knows of. One that was never out can have been
    /// taken before others came back that are in front of it now: it went unmissed.
    ///
    /// Of calls that explain as much only that one is told which can explain least of the rest.
    pub(super) fn takers(&self, thing: usize, now: Duration) -> Vec<usize> {
        let times = &self.case.things[thing];
        let is_fresh = self.state.places[thing] == Place::Fresh;
        let until = if is_fresh && !self.state.returned.is_empty() { self.state.none_returned } else { now };
        if is_fresh && (times.invoked > until || self.state.fresh.first().is_some_and(|(end, _)| *end < times.invoked))
        {
            return Vec::new();
        }
        let doubts = self.case.doubts.iter().enumerate().take_while(|(_, doubt)| doubt.invoked <= until);
        let unused = doubts.filter(|(number, _)| !self.state.used[*number]);
        if self.state.due[thing] == 0 {
            // A get has no other use; of leases the last one has the least, which are two where their times differ.
            let unused: Vec<_> = unused.collect();
            let last_over = unused.iter().max_by_key(|(_, doubt)| (doubt.over, doubt.invoked));
            let last_asked = unused.last().filter(|_| last_over.is_some_and(|(_, doubt)| doubt.over < Duration::MAX));
            let mut takers: Vec<_> = last_over.into_iter().chain(last_asked).map(|(number, _)| *number).collect();
            takers.dedup();
            return takers;
        }
        if self.state.next_attempt(thing).is_some_and(|next| next == self.state.attempts[thing] + 1) {
            return Vec::new();
        }
        let (over, lasting): (Vec<_>, Vec<_>) =
            unused.filter(|(_, doubt)| doubt.over <= times.last_seen).partition(|(_, doubt)| doubt.over <= now);
        over.last().into_iter().chain(&lasting).map(|(number, _)| *number).collect()
    }

    /// Lets such a call take an item.
    pub(super) fn take(&mut self, doubt: usize, thing: usize) {
        self.state.spend(doubt);
        self.state.attempt(thing, self.state.attempts[thing] + 1);
        self.state.place(thing, if self.state.due[thing] == 0 { Place::Gone } else { Place::Doubtful(doubt) });
    }

    /// Sees whether an item can go out, from wherever it is.
    fn deliver(&mut self, thing: usize, now: Duration) -> Result<(), Refusal> {
        self.state.count_delivery(thing);
        let place = self.state.places[thing];
        let is_here = match place {
            Place::Fresh => {
                let earliest = self.state.fresh.first().filter(|(end, _)| *end < self.case.things[thing].invoked);
                let first = self.state.returned.first().or(earliest.map(|(_, other)| other));
                return first.map_or(Ok(()), |other| Err(Refusal::Behind(*other)));
            }
            Place::Returned | Place::Ended(_) => true,
            Place::Lent(lease) => self.state.unsettled[lease] == 0 && self.can_come_back(lease, now),
            Place::Doubtful(doubt) => self.case.doubts[doubt].over <= now,
            Place::Absent | Place::Gone => false,
        };
        if is_here { Ok(()) } else { Err(Refusal::Elsewhere(place)) }
    }

    /// Whether a lease can be over without an answer that says so.
    fn can_come_back(&self, lease: usize, now: Duration) -> bool {
        let lease = &self.case.leases[lease];
        lease.over <= now || lease.nacked.is_some_and(|invoked| invoked <= now)
    }

    /// Whether a lease can have been acknowledged without an answer.
    fn can_be_acked(&self, lease: usize, now: Duration) -> bool {
        let Lease { acked, thing, .. } = self.case.leases[lease];
        self.state.due[thing] == 0 && acked.is_some_and(|invoked| invoked <= now)
    }

    fn finish(&mut self, thing: usize) -> Result<(), Refusal> {
        self.state.place(thing, Place::Gone);
        if self.state.due[thing] == 0 { Ok(()) } else { Err(Refusal::GivenLater) }
    }

    /// The item of a lease that somebody was told of that it is settled now.
    fn settle(&mut self, lease: usize) -> Result<usize, Refusal> {
        self.state.count_settlement(lease);
        let thing = self.case.leases[lease].thing;
        let place = self.state.places[thing];
        if place == Place::Lent(lease) { Ok(thing) } else { Err(Refusal::Over(place)) }
    }

    fn give_back(&mut self, thing: usize, lease: usize, now: Duration) {
        self.state.note_return(now);
        let place = match self.returns {
            Returns::AtOnce => Place::Returned,
            Returns::InTime => Place::Ended(lease),
        };
        self.state.place(thing, place);
    }

    /// Lets a lease be over, of which somebody is told that it is.
    fn find_over(&mut self, lease: usize, now: Duration) -> Result<(), Refusal> {
        let thing = self.case.leases[lease].thing;
        let place = self.state.places[thing];
        if self.state.attempts[thing] < self.case.leases[lease].attempt {
            // It has not begun.
            return Err(Refusal::Elsewhere(place));
        } else if place != Place::Lent(lease) {
            return Ok(());
        }
        if self.state.unsettled[lease] > 0 {
            Err(Refusal::Lives)
        } else if self.can_be_acked(lease, now) {
            self.state.place(thing, Place::Gone);
            Ok(())
        } else if self.can_come_back(lease, now) {
            self.give_back(thing, lease, now);
            Ok(())
        } else {
            Err(Refusal::Lives)
        }
    }
}
