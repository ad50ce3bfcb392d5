//! What a queue has between two steps, with the way back to what it had before.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::case::Case;

/// Where an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Not put yet.
    Absent,
    /// In the queue, and never out.
    Fresh,
    /// In the queue again.
    Returned,
    /// On this lease.
    Lent(usize),
    /// On this lease, which is over; it comes back in time.
    Ended(usize),
    /// Perhaps on a lease that nobody knows of.
    Doubtful(usize),
    /// Acknowledged, or given away for good.
    Gone,
}

/// The state of a queue, all of whose changes can be taken back.
#[derive(Debug)]
pub(super) struct State<'a> {
    case: &'a Case,
    pub(super) places: Vec<Place>,
    /// Attempts at each item so far.
    pub(super) attempts: Vec<u64>,
    /// Deliveries of each item that are to come.
    pub(super) due: Vec<usize>,
    /// Times that it will be told of each lease that it is settled now.
    pub(super) unsettled: Vec<usize>,
    /// Doubts that have taken something.
    pub(super) used: Vec<bool>,
    /// Items that were never out, by the end of their put.
    pub(super) fresh: BTreeSet<(Duration, usize)>,
    pub(super) returned: BTreeSet<usize>,
    /// The moment, at the latest, up to which nothing was in the queue again, while something is.
    pub(super) none_returned: Duration,
    /// Of all that is above, and of the steps taken.
    digest: u128,
    trail: Vec<Change>,
}

/// What was before a change.
#[derive(Debug)]
enum Change {
    Place(usize, Place),
    Attempts(usize, u64),
    Due(usize),
    Unsettled(usize),
    Used(usize),
    NoneReturned(Duration),
    Digest(u128),
}

impl<'a> State<'a> {
    /// Nothing has happened.
    pub(super) fn new(case: &'a Case) -> Self {
        Self {
            case,
            places: vec![Place::Absent; case.things.len()],
            attempts: vec![0; case.things.len()],
            due: case.things.iter().map(|thing| thing.deliveries).collect(),
            unsettled: case.leases.iter().map(|lease| lease.settled).collect(),
            used: vec![false; case.doubts.len()],
            fresh: BTreeSet::new(),
            returned: BTreeSet::new(),
            none_returned: Duration::ZERO,
            digest: 0,
            trail: Vec::new(),
        }
    }

    /// A number that two states share only when they are the same, reached by the same steps in any order.
    pub(super) const fn digest(&self) -> u128 {
        self.digest
    }

    /// Where the way back to this state begins.
    pub(super) fn mark(&self) -> usize {
        self.trail.len()
    }

    /// Goes back to an earlier state.
    pub(super) fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            let Some(change) = self.trail.pop() else { break };
            match change {
                Change::Place(thing, place) => self.move_to(thing, place),
                Change::Attempts(thing, attempts) => self.attempts[thing] = attempts,
                Change::Due(thing) => self.due[thing] += 1,
                Change::Unsettled(lease) => self.unsettled[lease] += 1,
                Change::Used(doubt) => self.used[doubt] = false,
                Change::NoneReturned(time) => self.none_returned = time,
                Change::Digest(digest) => self.digest = digest,
            }
        }
    }

    /// The next known attempt at an item.
    pub(super) fn next_attempt(&self, thing: usize) -> Option<u64> {
        let attempts = &self.case.things[thing].attempts;
        attempts.get(attempts.partition_point(|attempt| *attempt <= self.attempts[thing])).copied()
    }

    /// Moves an item.
    pub(super) fn place(&mut self, thing: usize, place: Place) {
        let before = self.places[thing];
        self.trail.push(Change::Place(thing, before));
        self.mix((thing, before));
        self.mix((thing, place));
        self.move_to(thing, place);
    }

    fn move_to(&mut self, thing: usize, place: Place) {
        let put = self.case.things[thing].completed;
        match std::mem::replace(&mut self.places[thing], place) {
            Place::Fresh => _ = self.fresh.remove(&(put, thing)),
            Place::Returned => _ = self.returned.remove(&thing),
            _ => {}
        }
        match place {
            Place::Fresh => _ = self.fresh.insert((put, thing)),
            Place::Returned => _ = self.returned.insert(thing),
            _ => {}
        }
    }

    /// Sets the number of attempts at an item.
    pub(super) fn attempt(&mut self, thing: usize, attempts: u64) {
        let before = std::mem::replace(&mut self.attempts[thing], attempts);
        self.trail.push(Change::Attempts(thing, before));
        self.mix(("attempts", thing, before));
        self.mix(("attempts", thing, attempts));
    }

    /// One delivery of an item less is to come.
    pub(super) fn count_delivery(&mut self, thing: usize) {
        self.trail.push(Change::Due(thing));
        self.due[thing] -= 1;
    }

    /// One settlement of a lease less is to come.
    pub(super) fn count_settlement(&mut self, lease: usize) {
        self.trail.push(Change::Unsettled(lease));
        self.unsettled[lease] -= 1;
    }

    /// A doubt has taken something.
    pub(super) fn spend(&mut self, doubt: usize) {
        self.trail.push(Change::Used(doubt));
        self.used[doubt] = true;
        self.mix(("doubt", doubt));
    }

    /// Something is about to be in the queue again, by `now`.
    pub(super) fn note_return(&mut self, now: Duration) {
        if self.returned.is_empty() {
            let before = std::mem::replace(&mut self.none_returned, now);
            self.trail.push(Change::NoneReturned(before));
            self.mix(("none returned", before));
            self.mix(("none returned", now));
        }
    }

    /// Adds to the digest what is new, and takes out what is no more: which is the same, in any order.
    pub(super) fn mix(&mut self, what: impl Hash) {
        self.trail.push(Change::Digest(self.digest));
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, &what).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        self.digest ^= half(0) << 64 | half(1);
    }
}
