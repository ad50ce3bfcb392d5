//! Items that lie elsewhere now, on their way into an entry.

use embedded_io::Write;

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
pub struct Moves<'a>(Kept<'a>);

#[derive(Debug, Clone, Copy)]
enum Kept<'a> {
    Items(&'a [Moved<'a>]),
    /// As they are encoded.
    Bytes(&'a [u8]),
}

impl<'a> Moves<'a> {
    /// These.
    pub const fn of(items: &'a [Moved<'a>]) -> Self {
        Self(Kept::Items(items))
    }

    /// Those of an entry; `None` if something else is there. O(n).
    pub(super) fn in_bytes(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Input(AtHand(bytes));
        while !input.rest().is_empty() {
            decode(&mut input).ok()?;
        }
        Some(Self(Kept::Bytes(bytes)))
    }

    /// Each. O(n) for all.
    pub fn iter(&self) -> impl Iterator<Item = Moved<'a>> + use<'a> {
        let (items, bytes) = match self.0 {
            Kept::Items(items) => (items, &[][..]),
            Kept::Bytes(bytes) => (&[][..], bytes),
        };
        let mut input = Input(AtHand(bytes));
        items.iter().copied().chain(core::iter::from_fn(move || decode(&mut input).ok()))
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

fn decode<'a>(input: &mut Input<AtHand<'a>>) -> Get<Moved<'a>, AtHand<'a>> {
    let (record, place, back) = (input.number()?, input.word()?, input.small()?);
    let len = input.small::<u32>()?;
    let data = input.lend(len as usize)?;
    Ok(Moved { record, from: Away { place, back, len }, data })
}
