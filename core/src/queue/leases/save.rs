//! A queue as bytes: what [`Memory::save`](crate::engine::memory::Memory::save) tells of one.

use embedded_io::Write;

use super::LeaseQueue;
use super::note::{self, Death};
use super::record::{self, Form, Kind, Parts};
use super::slot::Slot;
use super::tree::Tree;
use crate::saved::Output;
use crate::storage::Grow;

/// What stands before a record.
pub(super) const DONE: u8 = 0;
pub(super) const FRESH: u8 = 1;
pub(super) const ASIDE: u8 = 2;
pub(super) const NOTED: u8 = 4;
pub(super) const AWAY: u8 = 8;

/// Bytes of an item that is set aside, about, beside its record: its slot twice, its id, attempts, time and token.
const SAVED_ASIDE: u64 = 32;

impl<S: AsRef<[u8]> + AsMut<[u8]>, L: Grow<Slot>> LeaseQueue<S, L> {
    /// How many bytes [`save`](Self::save) writes, about. O(1).
    pub(crate) fn saved_len(&self) -> u64 {
        let aside = (self.slots.len() as u64).saturating_mul(SAVED_ASIDE);
        aside.saturating_add(self.room.live as u64)
    }

    /// Writes all but the settings. O(n log n).
    ///
    /// Not the time: who is told times that never go back tells a later one.
    pub(crate) fn save<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.numbers(&[self.log.capacity() as u64, self.next_id])?;
        out.word(self.slots.seed())?;
        out.maybe(self.spent, Output::time)?;
        out.numbers(&self.tally.to_array())?;
        out.numbers(&[self.slots.len() as u64, u64::from(self.slots.touched)])?;
        for tree in [&self.back, &self.leased, &self.delayed, &self.dead] {
            self.save_tree(tree, out)?;
        }
        self.slots.free().try_for_each(|slot| out.number(u64::from(slot)))?;
        self.save_records(out)
    }

    fn save_tree<W: Write>(&self, tree: &Tree, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.number(tree.len())?;
        for at in tree.iter(&self.slots) {
            let Some(slot) = self.slots.get(at) else { continue };
            out.numbers(&[u64::from(at), slot.id, u64::from(slot.attempts)])?;
            out.time(slot.key())?;
            out.word(slot.token)?;
        }
        Ok(())
    }

    fn save_records<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        self.log.layout().save(out)?;
        out.number(self.log.len())?;
        // Fresh ones have but the low bits of their ids.
        let (mut least, mut told) = (self.fresh.id, 0_u64);
        for record in self.log.iter(self.log.start()) {
            let Form { is_noted, is_away } = record::form_of(record);
            let form = if is_noted { NOTED } else { 0 } | if is_away { AWAY } else { 0 };
            match Kind::of(record) {
                Kind::Done => {
                    out.byte(DONE)?;
                    out.number(record.len() as u64)?;
                    continue;
                }
                Kind::Fresh(number) => {
                    let id = record::id_from(least, number);
                    out.byte(FRESH | form)?;
                    out.number(id.wrapping_sub(told))?;
                    least = id.wrapping_add(1);
                    told = least;
                }
                Kind::Aside(slot) => {
                    out.byte(ASIDE | form)?;
                    out.number(u64::from(slot))?;
                }
            }
            out.time(record::accepted_at(record, self.clock))?;
            let parts = record::parts(record);
            if is_noted {
                self.save_note(&parts, note::room_of(record), out)?;
            }
            out.text(parts.stored)?;
        }
        Ok(())
    }

    fn save_note<W: Write>(&self, parts: &Parts<'_>, room: u8, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.byte(room)?;
        out.text(parts.reason)?;
        out.maybe(note::death(parts, self.clock), |out, death| {
            let Death { attempts, accepted_at, died_at, .. } = death;
            out.number(u64::from(attempts))?;
            out.time(accepted_at)?;
            out.time(died_at)
        })
    }
}
