//! What makes segments ahead.

use std::fs::File;
use std::time::Duration;

use super::{Full, Shared, State};
use crate::engine::disk::files::Directory;
use crate::engine::disk::log::{Made, Maker};

/// When it is looked again at what the disk has, where it lacked room, or where something is kept that others may need.
const AGAIN: Duration = Duration::from_secs(1);

/// Bytes that a sync makes safe on average, from which on zeros are not worth while: they would be as many bytes again, and
/// what a sync writes of the file's map is some thousand.
const LONG: u64 = 64 << 10;

/// How much a sync makes safe.
#[derive(Debug, Default)]
struct Pace {
    /// Syncs until a segment was made last.
    before: Option<u64>,
}

impl Pace {
    /// Whether syncs make much safe, as far as is known when another segment is made: since one was made last, about a
    /// segment was filled.
    fn are_long(&mut self, syncs: u64, capacity: u32) -> bool {
        let before = self.before.replace(syncs);
        before.is_some_and(|before| syncs.saturating_sub(before).saturating_mul(LONG) <= capacity.into())
    }
}

impl Shared {
    /// Makes segments, until the log is closed.
    pub(super) fn make(&self, mut maker: Maker<Directory>) {
        let mut pace = Pace::default();
        loop {
            let (old, unneeded, is_closing) = {
                let mut state = self.state.lock();
                if state.has_nothing_to_make() {
                    if state.lacks_room().is_some() || state.space.has_reserve() {
                        self.turned.wait_for(&mut state, AGAIN);
                    } else {
                        self.turned.wait(&mut state);
                    }
                }
                let is_closing = state.is_closing;
                let needs_one = !state.tail.has_next() && !is_closing;
                state.is_making = true;
                let old = if needs_one { state.space.take_from_reserve() } else { None };
                (old, state.unneeded(old), is_closing)
            };
            self.remove(&maker, unneeded);
            if is_closing {
                return;
            }
            let free = maker.folder().free().ok();
            self.state.lock().space.has_free(free);
            self.make_one(&mut maker, old, &mut pace);
            let mut state = self.state.lock();
            state.is_making = false;
            self.changed.notify_waiters();
            if state.full.is_some() && state.useless.is_empty() && !state.space.has_reserve() && !state.is_closing {
                self.turned.wait_for(&mut state, AGAIN);
            }
        }
    }

    fn remove(&self, maker: &Maker<Directory>, segments: Vec<u32>) {
        if segments.is_empty() {
            return;
        }
        let mut freed = 0_u64;
        if let Err(error) = maker.remove(segments, |bytes| freed += bytes) {
            tracing::warn!(%error, "files of the log that are not needed any more can't be removed");
        }
        self.state.lock().space.give_back(freed);
    }

    fn make_one(&self, maker: &mut Maker<Directory>, old: Option<u32>, pace: &mut Pace) {
        if self.state.lock().tail.has_next() {
            return;
        }
        let are_long = pace.are_long(self.times.all().count, maker.capacity());
        let made = match old.map(|old| (old, maker.make(Some(old)))) {
            Some((_, Ok(made))) => Ok((made, 0)),
            // One that is not as long, where there was another budget when it was made, or that a repair has put aside.
            Some((old, Err(_))) => {
                self.remove(maker, vec![old]);
                self.make_anew(maker, are_long)
            }
            None => self.make_anew(maker, are_long),
        };
        let mut state = self.state.lock();
        match made {
            Ok((made, bytes)) => {
                state.space.take(bytes);
                state.full = None;
                state.tail.set_next(made.fresh);
                state.made.push(made);
            }
            Err(full) => {
                if state.full.as_ref() != Some(&full) {
                    tracing::warn!(why = %full, "no other segment of the log can be made");
                }
                state.full = Some(full);
            }
        }
    }

    /// Makes a segment of a file that was not there before; and how many bytes that takes.
    fn make_anew(&self, maker: &mut Maker<Directory>, are_long: bool) -> Result<(Made<File>, u64), Full> {
        if let Some(full) = self.state.lock().lacks_room() {
            return Err(full);
        }
        let made = if are_long { maker.reserve() } else { maker.make(None) }?;
        Ok((made, maker.capacity().into()))
    }
}

impl State {
    fn has_nothing_to_make(&self) -> bool {
        self.tail.has_next() && self.useless.is_empty() && self.too_many() == 0 && !self.is_closing
    }

    /// The segments to be removed, when another one was made of `old` or is made anew.
    fn unneeded(&mut self, old: Option<u32>) -> Vec<u32> {
        let more = if old.is_some() { 0 } else { self.another() };
        let too_many = if self.is_closing { usize::MAX } else { self.space.too_many(more) };
        let mut unneeded = std::mem::take(&mut self.useless);
        unneeded.extend(std::iter::from_fn(|| self.space.take_from_reserve()).take(too_many));
        unneeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_for_short_syncs() {
        let (mut pace, capacity) = (Pace::default(), 1 << 20);
        assert!(!pace.are_long(0, capacity), "nothing is known");
        assert!(pace.are_long(16, capacity));
        assert!(!pace.are_long(16 + 17, capacity));
        assert!(pace.are_long(16 + 17, capacity), "one that is filled between two syncs");
    }
}
