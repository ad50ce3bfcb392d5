//! A queue that goes on where another one was when that was saved.

use embedded_io::Read;

use super::away::{Away, Size};
use super::counters::Tally;
use super::note::{Death, LONGEST_REASON, Note};
use super::record::{self, Form, HEADER, Kind, NUMBER_BITS};
use super::save::{ASIDE, AWAY, DONE, FRESH, NOTED};
use super::slot::Slot;
use super::{LeaseQueue, Part, Settings, tree};
use crate::log::{Layout, record_len};
use crate::saved::{Broken, Get, Input};
use crate::storage::Grow;
use crate::time::Time;

/// What is known of a record before its item is read.
struct Head {
    kind: Kind,
    accepted: Time,
    note: Option<Noted>,
    is_away: bool,
}

/// A note, and the room that its reason was given.
struct Noted {
    reason: [u8; LONGEST_REASON],
    len: u8,
    room: u8,
    /// Attempts, and when it was put and died.
    past: Option<(u16, Time, Time)>,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// What was saved, in storage of the same length or that `grow` lets have it, for items that may take `most` bytes;
    /// and slots that are as many or grow to as many. O(n log n).
    pub(crate) fn restore<R: Read>(
        (mut storage, most): (S, u64),
        slots: L,
        settings: Settings,
        mut grow: impl FnMut(&mut S) -> bool,
        input: &mut Input<R>,
    ) -> Get<Self, R> {
        let [capacity, next_id] = input.numbers()?;
        while (storage.as_ref().len() as u64) < capacity && most < u64::MAX && grow(&mut storage) {}
        if storage.as_ref().len() as u64 != capacity {
            return Err(Broken::Wrong("there is other room for items than there was"));
        }
        let mut queue = Self::new(storage, slots, settings, input.word()?).growing_to(most);
        if next_id == u64::MAX {
            return Err(Broken::Wrong("no id is left for another item"));
        }
        queue.next_id = next_id;
        queue.spent = input.maybe(Input::time)?;
        queue.clock = queue.spent.unwrap_or(Time::ZERO);
        queue.tally = Tally::from_array(input.numbers()?);
        queue.restore_slots(input)?;
        let aside = queue.restore_records(input)?;
        if aside != queue.slots.used() {
            return Err(Broken::Wrong("an item that is set aside is missing"));
        }
        let mut dead = Part::NONE;
        for (taken, size) in queue.dead.iter(&queue.slots).filter_map(|slot| queue.taken_by(slot)) {
            dead.take(taken, size);
        }
        queue.room.dead = dead;
        if !queue.counters().balanced() {
            return Err(Broken::Wrong("what was accepted is not the sum of what became of it"));
        }
        Ok(queue)
    }

    fn restore_slots<R: Read>(&mut self, input: &mut Input<R>) -> Get<(), R> {
        let [len, touched] = input.numbers()?;
        self.slots.begin(len, touched).ok_or(Broken::Wrong("there are other places for items than there were"))?;
        let trees = [&mut self.back, &mut self.leased, &mut self.delayed, &mut self.dead];
        for (tree, is_leased) in trees.into_iter().zip([false, true, false, false]) {
            for _ in 0..input.number()? {
                let (at, id) = (input.small()?, input.number()?);
                let attempts = input.small()?;
                let mut slot = Slot::of(id).due(input.time()?);
                slot.token = input.word()?;
                slot.attempts = attempts;
                let rank = tree::rank_of(&slot);
                let is_known = tree.find(&self.slots, rank).and_then(|other| self.slots.get(other));
                let is_twice = is_known.is_some_and(|other| tree::rank_of(other) == rank);
                if (slot.token != 0) != is_leased || is_twice || id >= self.next_id {
                    return Err(Broken::Wrong("an item is set aside as none can be"));
                }
                self.slots.occupy(at, slot).ok_or(Broken::Wrong("two items have one place"))?;
                tree.insert(&mut self.slots, at);
            }
        }
        let mut last = None;
        for _ in self.slots.used()..touched {
            let at = input.small()?;
            self.slots.vacate(last, at).ok_or(Broken::Wrong("a free place is none"))?;
            last = Some(at);
        }
        Ok(())
    }

    /// Returns how many of them have a slot.
    fn restore_records<R: Read>(&mut self, input: &mut Input<R>) -> Get<u64, R> {
        let layout = Layout::restore(input)?;
        let (mut aside, mut next_fresh) = (0_u64, 0);
        for _ in 0..input.number()? {
            let kind = input.byte()?;
            if kind == DONE {
                self.restore_done(&layout, input)?;
                continue;
            }
            let head = self.restore_head(kind, &mut next_fresh, input)?;
            let slot = self.restore_record(&layout, &head, input)?;
            aside = aside.wrapping_add(u64::from(slot));
        }
        if self.log.is_laid(&layout) { Ok(aside) } else { Err(Broken::Wrong("the items are not those that were held")) }
    }

    fn restore_done<R: Read>(&mut self, layout: &Layout, input: &mut Input<R>) -> Get<(), R> {
        let len = input.size()?;
        let done = |room: &mut [u8]| record::write_header(room, Kind::Done, Form::default(), Time::ZERO);
        if len < HEADER || self.log.lay(layout, 0, len, done).is_err() {
            return Err(Broken::Wrong(MISLAID));
        }
        self.room.waste = self.room.waste.wrapping_add(record_len(len).unwrap_or_default());
        Ok(())
    }

    /// `next` is the id that the next fresh item has at least.
    fn restore_head<R: Read>(&mut self, kind: u8, next: &mut u64, input: &mut Input<R>) -> Get<Head, R> {
        let number = input.number()?;
        let kind_of = match kind & !(NOTED | AWAY) {
            FRESH => {
                let is_first = self.fresh.len == 0;
                let id = next.checked_add(number).filter(|id| *id < self.next_id);
                let id = id.filter(|_| is_first || number >> NUMBER_BITS == 0);
                let id = id.ok_or(Broken::Wrong("an item has a number that it can't have"))?;
                if is_first {
                    self.fresh.id = id;
                }
                *next = id.saturating_add(1);
                Kind::fresh(id)
            }
            ASIDE => {
                let slot = u32::try_from(number).ok().filter(|slot| self.slots.awaits_record(*slot));
                Kind::Aside(slot.ok_or(Broken::Wrong("an item is set aside in no place"))?)
            }
            _ => return Err(Broken::Wrong("a record is of no kind")),
        };
        let accepted = input.time()?;
        self.clock = self.clock.max(accepted);
        let note = if kind & NOTED > 0 { Some(self.restore_note(input)?) } else { None };
        Ok(Head { kind: kind_of, accepted, note, is_away: kind & AWAY > 0 })
    }

    fn restore_note<R: Read>(&mut self, input: &mut Input<R>) -> Get<Noted, R> {
        let (room, len) = (input.byte()?, input.small::<u8>()?);
        let mut reason = [0; LONGEST_REASON];
        let text = reason.get_mut(..usize::from(len)).filter(|_| len <= room);
        input.fill(text.ok_or(Broken::Wrong("a reason has no room"))?)?;
        let past = input.maybe(|input| {
            let attempts = input.small()?;
            if attempts == 0 {
                Err(Broken::Wrong("a dead item was never lent"))
            } else {
                Ok((attempts, input.time()?, input.time()?))
            }
        })?;
        if let Some((_, accepted, died)) = past {
            self.clock = self.clock.max(accepted).max(died);
        }
        Ok(Noted { reason, len, room, past })
    }

    /// Reads the item of a record, and returns whether it has a slot.
    fn restore_record<R: Read>(&mut self, layout: &Layout, head: &Head, input: &mut Input<R>) -> Get<bool, R> {
        let len = input.size()?;
        let room = head.note.as_ref().map_or(0, Noted::room);
        let whole = record::record_len(len, room).ok_or(Broken::Wrong(MISLAID))?;
        if head.is_away && len != Away::LEN {
            return Err(Broken::Wrong("an item lies nowhere"));
        }
        let (mut read, mut size) = (Ok(()), Size::here(len));
        let form = Form { is_noted: head.note.is_some(), is_away: head.is_away };
        let laid = self.log.lay(layout, 0, whole, |record| {
            record::write_header(record, head.kind, form, head.accepted);
            if let Some(noted) = &head.note {
                noted.write(record);
            }
            read = input.fill(record.get_mut(HEADER..HEADER.saturating_add(len)).unwrap_or_default());
            size = record::held(record).size();
        });
        read?;
        let place = laid.map_err(|_| Broken::Wrong(MISLAID))?;
        let taken = record_len(whole).unwrap_or_default();
        self.room.take(taken, size);
        let Kind::Aside(slot) = head.kind else {
            if self.fresh.len == 0 {
                self.fresh.at = place;
            }
            self.fresh.len = self.fresh.len.wrapping_add(1);
            return Ok(false);
        };
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.set_offset(place.offset());
            if slot.token != 0 {
                self.room.leased.take(taken, size);
            }
        }
        Ok(true)
    }
}

const MISLAID: &str = "an item does not lie where it lay";

impl Noted {
    /// Bytes that it takes behind an item.
    fn room(&self) -> usize {
        Note::EMPTY.len().saturating_add(usize::from(self.room))
    }

    /// Writes it to the end of a record.
    fn write(&self, record: &mut [u8]) {
        let reason = self.reason.get(..usize::from(self.len)).unwrap_or_default();
        let note = match self.past {
            Some((attempts, accepted_at, died_at)) => Note::of_death(&Death { attempts, reason, accepted_at, died_at }),
            None => Note::of_reason(reason),
        };
        if let Some(room) = record.last_mut() {
            *room = self.room;
        }
        note.replace(record);
    }
}
