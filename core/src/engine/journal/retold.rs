//! Messages that lie elsewhere now, on their way into an entry.

use embedded_io::Write;

use super::packed::{Packed, Unpack};
use crate::saved::{AtHand, Counted, Get, Input, Output};
use crate::time::Time;

/// A message of a topic: when it was published, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// When it was published.
    pub at: Time,
    /// The message.
    pub data: &'a [u8],
}

/// Messages of a topic with consecutive numbers that are told again: they lie in this entry from now on. What is in memory
/// of a topic does not change; who has them nowhere but in entries knows where to look.
#[derive(Debug, Clone, Copy)]
pub struct Retold<'a> {
    /// The number of the first of them.
    pub first: u64,
    /// Where the first one lay, as its host numbers [places](crate::engine::memory::Host::place).
    pub from: u64,
    /// What was behind the last one there.
    pub behind: u64,
    messages: Packed<'a, Message<'a>>,
}

impl<'a> Retold<'a> {
    /// These, from a number on, which lay between two places.
    pub const fn of(first: u64, (from, behind): (u64, u64), messages: &'a [Message<'a>]) -> Self {
        Self { first, from, behind, messages: Packed::Slice(messages) }
    }

    /// Those of an entry, to its end. O(n).
    pub(super) fn decode(input: &mut Input<AtHand<'a>>) -> Get<Self, AtHand<'a>> {
        let (first, from, behind) = (input.number()?, input.word()?, input.word()?);
        let messages = Packed::in_bytes(input.lend(input.rest().len())?)?;
        Ok(Self { first, from, behind, messages })
    }

    pub(super) fn encode<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.number(self.first)?;
        out.word(self.from)?;
        out.word(self.behind)?;
        let mut before = Time::ZERO;
        self.iter().try_for_each(|Message { at, data }| {
            out.number(at.as_millis().wrapping_sub(before.as_millis()))?;
            before = at;
            out.text(data)
        })
    }

    /// Each. O(n) for all.
    pub fn iter(&self) -> impl Iterator<Item = Message<'a>> + use<'a> {
        self.messages.iter()
    }

    /// Bytes that all of it takes in an entry. O(n).
    pub fn encoded_len(&self) -> u64 {
        let mut counted = Counted::default();
        let Ok(()) = self.encode(&mut Output(&mut counted));
        counted.0
    }

    /// The messages as they are encoded: nothing, where they are not.
    pub(super) const fn at_hand(&self) -> &'a [u8] {
        match self.messages {
            Packed::Slice(_) => &[],
            Packed::Bytes(bytes) => bytes,
        }
    }
}

/// The data of the first of some encoded messages, and what is behind it.
pub(super) fn take_data<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut input = Input(AtHand(rest));
    let Message { data, .. } = Message::unpack(&mut input, None).ok()?;
    *rest = input.rest();
    Some(data)
}

impl<'a> Unpack<'a> for Message<'a> {
    fn unpack(input: &mut Input<AtHand<'a>>, before: Option<Self>) -> Get<Self, AtHand<'a>> {
        let before = before.map_or(Time::ZERO, |message| message.at);
        let at = Time::from_millis(before.as_millis().wrapping_add(input.number()?));
        let len = input.size()?;
        Ok(Self { at, data: input.lend(len)? })
    }
}
