//! Items that lie elsewhere now, on their way into an entry.

use embedded_io::Write;

use super::packed::{Packed, Unpack};
use crate::log::prefix_len;
use crate::queue::leases::Away;
use crate::saved::{AtHand, Counted, Get, Input, Output};

/// An item that moves: where its record is in its queue, where it lay, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved<'a> {
    /// As [`elsewhere`](crate::engine::memory::Memory::elsewhere) told.
    pub record: u64,
    /// As that told, too.
    pub from: Away,
    /// The item.
    pub data: &'a [u8],
}

/// Items of a queue that move: they lie in this entry from now on.
#[derive(Debug, Clone, Copy)]
pub struct Moves<'a>(Packed<'a, Moved<'a>>);

impl<'a> Moves<'a> {
    /// These.
    pub const fn of(items: &'a [Moved<'a>]) -> Self {
        Self(Packed::Slice(items))
    }

    /// Those of an entry; `None` if something else is there. O(n).
    pub(super) fn in_bytes(bytes: &'a [u8]) -> Option<Self> {
        Packed::in_bytes(bytes).ok().map(Self)
    }

    /// Each. O(n) for all.
    pub fn iter(&self) -> impl Iterator<Item = Moved<'a>> + use<'a> {
        self.0.iter()
    }

    pub(super) fn encode<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        self.iter().try_for_each(|moved| moved.encode(out))
    }

    /// Bytes that all of them take in an entry. O(n).
    pub fn encoded_len(&self) -> u64 {
        self.iter().fold(0, |sum, moved| sum.saturating_add(moved.encoded_len()))
    }
}

impl Moved<'_> {
    fn encode<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.number(self.record)?;
        out.word(self.from.place)?;
        out.number(u64::from(self.from.back))?;
        out.text(self.data)
    }

    /// Bytes that it takes in an entry, at the end of which its item is. O(1).
    pub(in crate::engine) fn encoded_len(&self) -> u64 {
        let mut head = Counted::default();
        let Ok(()) = Moved { data: &[], ..*self }.encode(&mut Output(&mut head));
        let item = prefix_len(self.data.len()).saturating_sub(prefix_len(0)).saturating_add(self.data.len());
        head.0.saturating_add(item as u64)
    }
}

impl<'a> Unpack<'a> for Moved<'a> {
    fn unpack(input: &mut Input<AtHand<'a>>, _: Option<Self>) -> Get<Self, AtHand<'a>> {
        let (record, place, back) = (input.number()?, input.word()?, input.small()?);
        let len = input.small::<u32>()?;
        let data = input.lend(len as usize)?;
        Ok(Self { record, from: Away { place, back, len }, data })
    }
}
