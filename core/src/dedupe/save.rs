//! Remembered ids, saved and restored: each in its place, as the places decide who leaves.

use core::time::Duration;

use embedded_io::{Read, Write};

use super::{Counters, Dedupe, Entry, places};
use crate::saved::{Broken, Get, Input, Output};
use crate::storage::Grow;

/// Bytes of an id, about: where it stands, its hash, when it was seen, and what it is answered.
const SAVED_ID: u64 = 32;

impl<S: AsRef<[Entry]>> Dedupe<S> {
    /// How many bytes [`save`](Self::save) writes, about. O(1).
    pub(crate) const fn saved_len(&self) -> u64 {
        self.counters.held.saturating_mul(SAVED_ID)
    }

    /// Writes all but the window.
    pub(crate) fn save<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        let Counters { held, expired, evicted, forgotten, .. } = self.counters;
        let [first, second] = self.key;
        out.word(first)?;
        out.word(second)?;
        out.numbers(&[expired, evicted, forgotten, self.entries.as_ref().len() as u64, held])?;
        let mut next = 0_u64;
        for (at, entry) in (0..).zip(self.entries.as_ref()).filter(|(_, entry)| !entry.is_free()) {
            out.number(at - next)?;
            next = at + 1;
            let [first, second] = entry.hash;
            out.word(first)?;
            out.word(second)?;
            out.time(entry.seen)?;
            out.number(entry.value)?;
        }
        Ok(())
    }
}

impl<S: Grow<Entry>> Dedupe<S> {
    /// What was saved, in storage that has as many places or grows to as many.
    pub(crate) fn restore<R: Read>(entries: S, window: Duration, input: &mut Input<R>) -> Get<Self, R> {
        let key = [input.word()?, input.word()?];
        let [expired, evicted, forgotten, len, held] = input.numbers()?;
        let remembered = held.wrapping_add(expired).wrapping_add(evicted).wrapping_add(forgotten);
        let counters = Counters { remembered, held, expired, evicted, forgotten };
        let mut seen = Self { entries, key, window, counters };
        while (seen.entries.as_ref().len() as u64) < len && seen.entries.grow() {}
        if seen.entries.as_ref().len() as u64 != len {
            return Err(Broken::Wrong("there is other room for ids than there was"));
        }
        seen.entries.as_mut().fill(Entry::FREE);
        let mut next = 0_usize;
        for _ in 0..held {
            let at = next.checked_add(input.size()?);
            let entry = Entry { hash: [input.word()?, input.word()?], seen: input.time()?, value: input.number()? };
            let place = at.filter(|at| !entry.is_free() && places(entry.hash, len as usize).any(|place| place == *at));
            let place = place.filter(|_| seen.find(entry.hash).is_none());
            let place = place.and_then(|at| Some((at, seen.entries.as_mut().get_mut(at)?)));
            let Some((at, place)) = place else { return Err(Broken::Wrong("an id is where it can't be")) };
            *place = entry;
            next = at.saturating_add(1);
        }
        Ok(seen)
    }
}
