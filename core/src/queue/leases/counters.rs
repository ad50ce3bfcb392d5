//! The account of a queue with leases.

use super::LeaseQueue;

/// What a [`LeaseQueue`] has done and holds, as of the latest time that it was told. Counts wrap at 2^64.
///
/// The first nine terms after `accepted` add up to it, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Items that were put.
    pub accepted: u64,
    /// Items whose lease was acknowledged.
    pub acked: u64,
    /// Items that were got for good.
    pub delivered: u64,
    /// Items held that a get would give.
    pub ready: u64,
    /// Items held that can be got later.
    pub delayed: u64,
    /// Items held that are on lease.
    pub leased: u64,
    /// Items that left because of a limit.
    pub overflow: u64,
    /// Items that are dead, whether they are held or were handed on.
    pub dead: u64,
    /// Items that were too old to be handed out.
    pub expired: u64,
    /// Items that left because the queue was emptied, or because what they lay in [elsewhere](super::Away) was lost.
    pub purged: u64,

    /// Dead letters held, a part of `dead`.
    pub letters: u64,
    /// Bytes of the items held.
    pub bytes: u64,
    /// Bytes of the storage that the items take with all that belongs to them.
    pub stored: u64,
    /// Slots that are taken.
    pub slots: u64,
    /// The most items that were ready since the start or the last [`LeaseQueue::reset_high_water`].
    pub high_water: u64,
    /// Leases that were given.
    pub lent: u64,
    /// Leases that ran out.
    pub timed_out: u64,
    /// Leases that were given back.
    pub nacked: u64,
    /// Items that went back on the queue after a lease, at once or delayed.
    pub requeued: u64,
    /// Dead letters that became ready again.
    pub redriven: u64,
    /// Items that were not accepted: too large, or no room or no slot for them.
    pub refused: u64,
    /// Reasons of dead letters that could not be kept, for want of room.
    pub reasons_lost: u64,
    /// Bytes of records that were moved to make room for others.
    pub moved: u64,
}

impl Counters {
    /// Whether the law holds: what was accepted is the sum of what became of it.
    pub const fn balanced(&self) -> bool {
        let left = [self.acked, self.delivered, self.overflow, self.dead, self.expired, self.purged];
        let [a, b, c, d, e, f] = left;
        let gone = a.wrapping_add(b).wrapping_add(c).wrapping_add(d).wrapping_add(e).wrapping_add(f);
        let held = self.ready.wrapping_add(self.delayed).wrapping_add(self.leased);
        self.accepted == gone.wrapping_add(held)
    }
}

/// The counts that are not seen by what is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) acked: u64,
    pub(super) delivered: u64,
    pub(super) overflow: u64,
    /// Dead letters that were handed on.
    pub(super) handed_on: u64,
    pub(super) expired: u64,
    pub(super) purged: u64,
    pub(super) high_water: u64,
    pub(super) lent: u64,
    pub(super) timed_out: u64,
    pub(super) nacked: u64,
    pub(super) requeued: u64,
    pub(super) redriven: u64,
    pub(super) refused: u64,
    pub(super) reasons_lost: u64,
    pub(super) moved: u64,
}

impl Tally {
    pub(super) const NEW: Self = Self {
        accepted: 0,
        acked: 0,
        delivered: 0,
        overflow: 0,
        handed_on: 0,
        expired: 0,
        purged: 0,
        high_water: 0,
        lent: 0,
        timed_out: 0,
        nacked: 0,
        requeued: 0,
        redriven: 0,
        refused: 0,
        reasons_lost: 0,
        moved: 0,
    };

    /// All of them, in the order in which they stand here.
    pub(super) const fn to_array(self) -> [u64; 16] {
        let Self { accepted, acked, delivered, overflow, handed_on, expired, purged, high_water, .. } = self;
        let Self { lent, timed_out, nacked, requeued, redriven, refused, reasons_lost, moved, .. } = self;
        [
            accepted,
            acked,
            delivered,
            overflow,
            handed_on,
            expired,
            purged,
            high_water,
            lent,
            timed_out,
            nacked,
            requeued,
            redriven,
            refused,
            reasons_lost,
            moved,
        ]
    }

    /// Those of [`to_array`](Self::to_array).
    pub(super) const fn from_array(counts: [u64; 16]) -> Self {
        let [accepted, acked, delivered, overflow, handed_on, expired, purged, high_water, ..] = counts;
        let [.., lent, timed_out, nacked, requeued, redriven, refused, reasons_lost, moved] = counts;
        Self {
            accepted,
            acked,
            delivered,
            overflow,
            handed_on,
            expired,
            purged,
            high_water,
            lent,
            timed_out,
            nacked,
            requeued,
            redriven,
            refused,
            reasons_lost,
            moved,
        }
    }
}

/// Adds one, beyond 2^64 from the start.
pub(super) const fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

impl<S, L> LeaseQueue<S, L> {
    /// What the queue has done and holds. O(1).
    pub const fn counters(&self) -> Counters {
        let Tally { accepted, acked, delivered, overflow, expired, purged, high_water, lent, timed_out, .. } =
            self.tally;
        let Tally { handed_on, nacked, requeued, redriven, refused, reasons_lost, moved, .. } = self.tally;
        Counters {
            accepted,
            acked,
            delivered,
            ready: self.ready(),
            delayed: self.delayed.len(),
            leased: self.leased.len(),
            overflow,
            dead: handed_on.wrapping_add(self.dead.len()),
            expired,
            purged,
            letters: self.dead.len(),
            bytes: self.room.bytes,
            stored: self.room.live as u64,
            slots: self.slots.used(),
            high_water,
            lent,
            timed_out,
            nacked,
            requeued,
            redriven,
            refused,
            reasons_lost,
            moved,
        }
    }

    /// Lets the high-water mark start again from nothing: the next item that becomes ready sets it.
    pub const fn reset_high_water(&mut self) {
        self.tally.high_water = 0;
    }

    /// To be called when an item has become ready.
    pub(super) const fn has_risen(&mut self) {
        if self.tally.high_water < self.ready() {
            self.tally.high_water = self.ready();
        }
    }
}
