//! The queue with leases as one would write it with all the memory and time in the world.

use std::collections::VecDeque;
use std::time::Duration;

use streamgauge_core::queue::leases::{Counters, Overflow, Settings, State, Token};

use crate::framed;

/// What stands in front of each item.
const HEADER: usize = 9;

/// What stands behind one that died, beside the reason.
const NOTE: usize = 14;

#[derive(Debug, Clone)]
pub(super) struct Plain {
    pub(super) id: u64,
    pub(super) data: Vec<u8>,
    pub(super) accepted_at: u64,
    pub(super) attempts: u16,
    /// Whether it was ever set aside.
    pub(super) slot: bool,
    /// Bytes behind it for what is known of its death.
    pub(super) extra: usize,
    pub(super) token: Option<Token>,
    pub(super) state: State,
    /// When the lease or the delay is over, or when it died.
    pub(super) until: u64,
    pub(super) reason: Vec<u8>,
    pub(super) died: Option<Death>,
}

/// How it died in another queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) attempts: u16,
    pub(super) accepted_at: u64,
    pub(super) died_at: u64,
    pub(super) reason: Vec<u8>,
}

impl Death {
    pub(super) fn extra(&self) -> usize {
        self.reason.len() + NOTE
    }
}

impl Plain {
    fn stored(&self) -> usize {
        framed(&vec![0; HEADER + self.data.len() + self.extra])
    }
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) items: Vec<Plain>,
    pub(super) settings: Settings,
    pub(super) capacity: usize,
    pub(super) most_slots: u64,
    pub(super) clock: u64,
    pub(super) next_id: u64,
    /// Counted as the queue does; what is held is filled in by `counters`.
    pub(super) done: Counters,
}

/// Milliseconds, of which a part counts as a whole one.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl Model {
    pub(super) fn new(capacity: usize, most_slots: u64, settings: Settings) -> Self {
        let done = Counters::default();
        Self { items: Vec::new(), settings, capacity, most_slots, clock: 0, next_id: 0, done }
    }

    /// So many milliseconds from now; what is due in the year 10,889 never is.
    pub(super) const fn after(&self, millis: u64) -> u64 {
        match self.clock.saturating_add(millis) {
            0xffff_ffff_ffff.. => u64::MAX,
            until => until,
        }
    }

    pub(super) fn told(&mut self, now: u64) {
        self.clock = self.clock.max(now);
    }

    /// The items of this state, in the order in which they are dealt with.
    pub(super) fn of(&self, state: State) -> Vec<&Plain> {
        let mut items: Vec<_> = self.items.iter().filter(|item| item.state == state).collect();
        items.sort_by_key(|item| (if state == State::Ready { 0 } else { item.until }, item.id));
        items
    }

    pub(super) fn first(&self, state: State) -> Option<u64> {
        Some(self.of(state).first()?.id)
    }

    pub(super) fn item(&mut self, id: u64) -> &mut Plain {
        self.items.iter_mut().find(|item| item.id == id).expect("it is held")
    }

    pub(super) fn remove(&mut self, id: u64) -> Plain {
        let at = self.items.iter().position(|item| item.id == id).expect("it is held");
        self.items.remove(at)
    }

    fn number(&self, state: State) -> u64 {
        self.items.iter().filter(|item| item.state == state).count() as u64
    }

    pub(super) fn slots(&self) -> u64 {
        self.items.iter().filter(|item| item.slot).count() as u64
    }

    fn stored(&self, which: impl Fn(&Plain) -> bool) -> usize {
        self.items.iter().filter(|item| which(item)).map(Plain::stored).sum()
    }

    fn bytes(&self, which: impl Fn(&Plain) -> bool) -> u64 {
        self.items.iter().filter(|item| which(item)).map(|item| item.data.len() as u64).sum()
    }

    pub(super) fn counters(&self) -> Counters {
        let mut counters = self.done;
        counters.ready = self.number(State::Ready);
        counters.delayed = self.number(State::Delayed);
        counters.leased = self.number(State::Leased);
        counters.letters = self.number(State::Dead);
        counters.dead += counters.letters;
        counters.bytes = self.bytes(|_| true);
        counters.stored = self.stored(|_| true) as u64;
        counters.slots = self.slots();
        counters
    }

    /// Whether what there is may be too little for a record of an item of `len` bytes, wherever the records lie: it is
    /// enough for sure if putting all together is worth it.
    pub(super) fn may_lack_room(&self, needed: usize) -> bool {
        let free = self.capacity - self.stored(|_| true);
        needed > free || free < self.capacity / 8
    }

    pub(super) fn surely_lacks_room(&self, needed: usize) -> bool {
        needed > self.capacity - self.stored(|_| true)
    }

    pub(super) fn can_ever_hold(&self, len: usize) -> bool {
        needed(len) <= self.capacity
    }

    pub(super) fn is_beyond(&self, items: u64, bytes: u64) -> bool {
        self.is_beyond_depth(items) || self.is_beyond_bytes(bytes)
    }

    pub(super) fn is_beyond_depth(&self, items: u64) -> bool {
        let held = self.items.len() as u64 - self.number(State::Dead);
        self.settings.limits.depth.is_some_and(|most| held + items > most)
    }

    pub(super) fn is_beyond_bytes(&self, bytes: u64) -> bool {
        self.settings.limits.bytes.is_some_and(|most| self.bytes(|_| true) + bytes > most)
    }

    pub(super) fn is_beyond_alone(&self, len: usize) -> bool {
        let limits = self.settings.limits;
        self.settings.overflow == Overflow::DropOldest
            && (limits.depth.is_some_and(|most| most == 0) || limits.bytes.is_some_and(|most| len as u64 > most))
    }

    /// Whether there is room if all leave that may.
    pub(super) fn could_make_room(&self, len: usize, extra: usize) -> bool {
        let leased = |item: &Plain| item.state == State::Leased;
        let limits = self.settings.limits;
        let beyond = limits.depth.is_some_and(|most| self.number(State::Leased) >= most)
            || limits.bytes.is_some_and(|most| self.bytes(leased) + len as u64 > most);
        (!beyond || self.is_beyond_alone(len)) && self.stored(leased) + needed(len + extra) <= self.capacity
    }

    pub(super) fn rise(&mut self) {
        self.done.high_water = self.done.high_water.max(self.number(State::Ready));
    }

    pub(super) fn bring_back(&mut self, id: u64) {
        let item = self.item(id);
        (item.state, item.until, item.token) = (State::Ready, 0, None);
        self.rise();
    }

    pub(super) fn is_worn(&mut self, id: u64) -> bool {
        let attempts = self.item(id).attempts;
        self.settings.max_attempts.is_some_and(|most| attempts >= most)
    }

    /// `lost` is whether the queue says that there was no room for the reason; what that says is checked.
    pub(super) fn bury(&mut self, id: u64, at: u64, reason: &[u8], lost: bool) {
        let reason = &reason[..reason.len().min(128)];
        let item = self.item(id);
        (item.state, item.until, item.token) = (State::Dead, at, None);
        (item.reason, item.died) = (Vec::new(), None);
        let has_room = item.extra > 0 && reason.len() <= item.extra - NOTE;
        if has_room || reason.is_empty() {
            assert!(!lost, "there was room for the reason");
            item.reason = reason.to_vec();
            return;
        }
        let needed = framed(&vec![0; HEADER + item.data.len() + reason.len() + NOTE]);
        if lost {
            assert!(self.may_lack_room(needed), "a reason was lost");
            self.done.reasons_lost += 1;
        } else {
            assert!(!self.surely_lacks_room(needed), "a reason has no room");
            let item = self.item(id);
            (item.extra, item.reason) = (reason.len() + NOTE, reason.to_vec());
        }
    }

    pub(super) fn is_too_old(&self, item: &Plain) -> bool {
        self.settings.ttl.is_some_and(|ttl| item.accepted_at.saturating_add(millis(ttl)) <= self.clock)
    }

    /// Does one of the things that are due.
    pub(super) fn step(&mut self) -> bool {
        let due = |model: &Self, state| {
            let first = model.first(state)?;
            let until = model.items.iter().find(|item| item.id == first)?.until;
            (until <= model.clock).then_some((first, until))
        };
        if let Some((id, until)) = due(self, State::Leased) {
            self.done.timed_out += 1;
            if self.is_worn(id) {
                self.bury(id, until, b"", false);
            } else {
                self.done.requeued += 1;
                self.bring_back(id);
            }
            return true;
        }
        if let Some((id, _)) = due(self, State::Delayed) {
            self.bring_back(id);
            return true;
        }
        self.expire_one()
    }

    /// Lets go of the oldest ready item if it is too old.
    pub(super) fn expire_one(&mut self) -> bool {
        let Some(oldest) = self.of(State::Ready).first().map(|item| (item.id, self.is_too_old(item))) else {
            return false;
        };
        if oldest.1 {
            self.remove(oldest.0);
            self.done.expired += 1;
        }
        oldest.1
    }

    pub(super) fn settle(&mut self) {
        while self.step() {}
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        let timers = [State::Leased, State::Delayed].map(|state| self.of(state).first().map(|item| item.until));
        let too_old = self
            .settings
            .ttl
            .and_then(|ttl| Some(self.of(State::Ready).first()?.accepted_at.saturating_add(millis(ttl))));
        timers.into_iter().chain([too_old]).flatten().min()
    }

    fn accept(&mut self, data: &[u8], died: Option<Death>, delay: u64) {
        let delayed = delay > 0 && !self.is_beyond_alone(data.len());
        self.items.push(Plain {
            id: self.next_id,
            data: data.to_vec(),
            accepted_at: self.clock,
            attempts: 0,
            slot: delayed,
            extra: died.as_ref().map_or(0, Death::extra),
            token: None,
            state: if delayed { State::Delayed } else { State::Ready },
            until: if delayed { self.after(delay) } else { 0 },
            reason: Vec::new(),
            died,
        });
        self.next_id += 1;
        self.done.accepted += 1;
    }

    /// Does what the queue did with a put of `data` that it accepted, which may have died elsewhere before, and checks
    /// that it may: `left` is what it handed over.
    pub(super) fn put(&mut self, data: &[u8], died: Option<Death>, delay: u64, mut left: VecDeque<Vec<u8>>) {
        let needed = needed(data.len() + died.as_ref().map_or(0, Death::extra));
        let (len, alone) = (data.len(), self.is_beyond_alone(data.len()));
        if alone {
            while self.first(State::Ready).is_some() {
                self.leaves(false, &mut left);
            }
        } else if self.settings.overflow == Overflow::DropOldest {
            while self.is_beyond_depth(1) {
                self.leaves(false, &mut left);
            }
            while self.is_beyond_bytes(len as u64) {
                self.leaves(true, &mut left);
            }
        }
        // What else leaves before it is for want of room in the storage.
        while self.surely_lacks_room(needed) || left.len() > usize::from(alone) {
            assert!(self.may_lack_room(needed), "an item left though there was room");
            self.leaves(true, &mut left);
        }
        self.accept(data, died, delay);
        if alone {
            self.leaves(false, &mut left);
        }
        assert!(left.is_empty(), "no more leaves than has to");
        if delay == 0 || alone {
            self.rise();
        }
    }

    fn leaves(&mut self, or_dead: bool, left: &mut VecDeque<Vec<u8>>) {
        let dead = self.first(State::Dead).filter(|_| or_dead);
        let next =
            dead.or_else(|| self.first(State::Ready)).or(self.first(State::Delayed)).expect("something may leave");
        assert_eq!(left.pop_front(), Some(self.remove(next).data), "it leaves in its turn");
        self.done.overflow += 1;
    }
}

/// Bytes of the storage that an item of `len` bytes takes.
pub(super) fn needed(len: usize) -> usize {
    framed(&vec![0; HEADER + len])
}
