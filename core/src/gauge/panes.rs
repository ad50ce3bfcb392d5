//! Which panes there are, which are over, and where in the ring each one is.

use core::time::Duration;

use super::definition::{Definition, Every, millis};
use crate::time::Time;

/// What is known of one pane, beside what is measured in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pane {
    /// Which one is in this place of the ring.
    number: u64,
    came: Came,
}

/// Messages, their bytes, and when they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// INVARIANT: not behind `last`, unless there are no messages.
    first: Time,
    last: Time,
}

impl Came {
    /// Nothing.
    pub(super) const NOTHING: Self = Self { messages: 0, bytes: 0, first: Time::NEVER, last: Time::ZERO };

    /// So many messages that were all at one time.
    pub(super) const fn at(time: Time, messages: u64, bytes: u64) -> Self {
        Self { messages, bytes, first: time, last: time }
    }

    /// So many messages that were not before `from` nor after `to`.
    pub(super) fn between(from: Time, to: Time, messages: u64, bytes: u64) -> Self {
        Self { messages, bytes, first: from.min(to), last: to }
    }

    /// The times of the first and the last of them, not of those that came first and last.
    pub(super) fn times(&self) -> Option<(Time, Time)> {
        (self.messages > 0).then_some((self.first, self.last))
    }

    /// These messages came, too.
    pub(super) fn add(&mut self, more: &Self) {
        self.messages = self.messages.saturating_add(more.messages);
        self.bytes = self.bytes.saturating_add(more.bytes);
        if let Some((first, last)) = more.times() {
            (self.first, self.last) = (self.first.min(first), self.last.max(last));
        }
    }
}

impl Pane {
    /// No pane.
    pub const EMPTY: Self = Self { number: u64::MAX, came: Came::NOTHING };

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// What is measured in it.
    pub(super) const fn came(&self) -> &Came {
        &self.came
    }
}

/// The panes in a ring: each is told once it is over, in their order, and stays as long as a reading reaches back.
#[derive(Debug, Clone)]
pub(super) struct Panes<P> {
    ring: P,
    every: Every,
    /// Whether a field says when a message was, and for how long panes that are over stay open.
    lateness: Option<Duration>,
    /// The first that has not been told.
    open: Option<u64>,
    /// The newest with a message in it.
    newest: u64,
    /// The latest time of a message.
    latest: Time,
}

/// Where a message belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belongs {
    /// To this place of the ring; `fresh` if what is there is of an earlier pane.
    Row { row: usize, fresh: bool },
    /// To a pane that has been told.
    Late,
    /// To one for which there is room only when others have been told.
    Ahead,
}

impl<P: AsRef<[Pane]> + AsMut<[Pane]>> Panes<P> {
    pub(super) fn new(mut ring: P, every: Every, definition: &Definition) -> Self {
        ring.as_mut().fill(Pane::EMPTY);
        let lateness = definition.time.map(|_| definition.lateness);
        Self { ring, every, lateness, open: None, newest: 0, latest: Time::ZERO }
    }

    /// The pane of a message that was at `time`, and before which there were so many.
    fn number(&self, time: Time, messages: u64) -> u64 {
        match self.every {
            Every::Time(pane) => time.as_millis().checked_div(millis(pane)).unwrap_or(0),
            Every::Messages(pane) => messages.checked_div(pane).unwrap_or(0),
        }
    }

    /// Begins, if it has not, with the pane of now; where a field tells the time, with that of the first message, or as
    /// much earlier as others may be late.
    pub(super) fn begin(&mut self, time: Time, messages: u64) {
        if self.open.is_none() {
            self.latest = time;
            self.open = Some(self.current(time, messages));
            self.newest = self.number(time, messages);
        }
    }

    /// The latest time of a message, once there was one.
    pub(super) fn latest(&self) -> Option<Time> {
        self.open.map(|_| self.latest)
    }

    /// The first pane that is not over.
    fn current(&self, now: Time, messages: u64) -> u64 {
        let time = match self.lateness {
            None => now,
            Some(lateness) => Time::from_millis(self.latest.as_millis().saturating_sub(millis(lateness))),
        };
        self.number(time, messages)
    }

    /// How many messages come before the pane of now is over, as far as messages alone tell; at least one.
    pub(super) fn until_over(&self, messages: u64) -> u64 {
        match self.every {
            Every::Time(_) => u64::MAX,
            Every::Messages(pane) => pane.saturating_sub(messages.checked_rem(pane).unwrap_or(0)).max(1),
        }
    }

    /// The pane that is to be told next, if there is one.
    pub(super) fn over(&self, now: Time, messages: u64) -> Option<u64> {
        self.open.filter(|open| *open < self.current(now, messages))
    }

    /// When the next pane is over, as far as time alone tells.
    pub(super) fn next_over(&self) -> Option<Time> {
        match (self.every, self.lateness) {
            (Every::Time(pane), None) => {
                let (_, end) = self.bounds_of(self.open?, pane);
                Some(end)
            }
            _ => None,
        }
    }

    /// The pane has been told; `back` is how many panes a reading of the last ones reaches back to.
    pub(super) fn told(&mut self, pane: u64, now: Time, messages: u64, back: Option<u64>) {
        let next = pane.saturating_add(1);
        // Behind the newest there is nothing to be told, however long nothing came. Where a field tells the time nothing
        // was told meanwhile: the silence is, until a reading is empty, and its end.
        let (silent, end) = self.lateness.map_or((0, 0), |_| (back.unwrap_or(0), 1));
        let is_behind = next > self.newest.saturating_add(silent);
        let jump = self.current(now, messages).saturating_sub(end);
        self.open = Some(if is_behind { jump.max(next) } else { next });
    }

    /// Where a message belongs that was at `time`; `back` is how many panes a reading of the last ones reaches back to, if
    /// it does: those before the one that is told next stay until it is.
    pub(super) fn belongs(&mut self, time: Time, messages: u64, back: Option<u64>) -> Belongs {
        let number = self.number(time, messages);
        self.latest = self.latest.max(time);
        if self.open.is_some_and(|open| number < open) {
            return Belongs::Late;
        }
        let rows = self.ring.as_ref().len() as u64;
        let open = self.open.unwrap_or(number);
        if number.saturating_sub(open) > rows.saturating_sub(back.unwrap_or(1)) {
            return Belongs::Ahead;
        }
        self.newest = self.newest.max(number);
        let row = number.checked_rem(rows).unwrap_or(0) as usize;
        let fresh = self.ring.as_ref().get(row).is_some_and(|pane| pane.number != number);
        Belongs::Row { row, fresh }
    }

    /// Counts messages in a row that they belong to, which is made that of their pane.
    pub(super) fn count(&mut self, row: usize, time: Time, messages: u64, more: &Came) {
        let number = self.number(time, messages);
        let Some(pane) = self.ring.as_mut().get_mut(row) else { return };
        if pane.number != number {
            *pane = Pane { number, came: Came::NOTHING };
        }
        pane.came.add(more);
    }

    /// Where a pane is in the ring, if anything came in it.
    pub(super) fn row_of(&self, number: u64) -> Option<usize> {
        let row = number.checked_rem(self.ring.as_ref().len() as u64)? as usize;
        self.ring.as_ref().get(row).filter(|pane| pane.number == number).map(|_| row)
    }

    /// Forgets what was in a row.
    pub(super) fn forget(&mut self, row: usize) {
        if let Some(pane) = self.ring.as_mut().get_mut(row) {
            *pane = Pane::EMPTY;
        }
    }

    /// What is known of the pane in a row.
    pub(super) fn get(&self, row: usize) -> Pane {
        self.ring.as_ref().get(row).copied().unwrap_or(Pane::EMPTY)
    }

    /// The panes that a reading reaches back to: the newest with a message or the one of now, and so many before it.
    pub(super) fn window(&self, back: Option<u64>, now: Time, messages: u64) -> (u64, u64) {
        let newest = self.newest.max(if self.lateness.is_some() { 0 } else { self.number(now, messages) });
        (back.map_or(0, |back| newest.saturating_sub(back)), newest)
    }

    /// When a pane begins and when it ends, if that is a matter of time.
    pub(super) fn bounds(&self, number: u64) -> Option<(Time, Time)> {
        match self.every {
            Every::Time(pane) => Some(self.bounds_of(number, pane)),
            Every::Messages(_) => None,
        }
    }

    fn bounds_of(&self, number: u64, pane: Duration) -> (Time, Time) {
        let begin = Time::from_millis(number.saturating_mul(millis(pane)));
        (begin, begin.after(pane))
    }
}
