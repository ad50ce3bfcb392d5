//! What a checkpoint holds of histories.
//!
//! How many topics have one (4 bytes); of each the length of its name (a byte), its name, when the newest message was
//! published that has left, in milliseconds (8 bytes), how many extents it has (4 bytes), and each: first number, count and payload bytes (8 each), segment, begin and end (4 each), when the first and
//! the last message were published, in milliseconds (8 each), and whether they are told again there (0 or 1). All
//! little-endian.

use std::collections::VecDeque;

use streamgauge_core::engine::Name;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::time::Time;

use super::{Extent, Histories, History};
use crate::engine::disk::log::Position;
use crate::engine::memory::Rooms;

/// What was saved is no history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forged;

/// Bytes of an extent.
const EXTENT: usize = 53;

impl Histories {
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.of.len() as u32).to_le_bytes());
        for (name, history) in &self.of {
            let name = name.as_bytes();
            out.push(name.len() as u8);
            out.extend_from_slice(name);
            out.extend_from_slice(&history.left().as_millis().to_le_bytes());
            out.extend_from_slice(&(history.extents().count() as u32).to_le_bytes());
            history.extents().for_each(|extent| out.extend_from_slice(&bytes_of(extent)));
        }
    }

    /// What was saved; `fill` gives its bytes in their order.
    ///
    /// # Errors
    /// Those of `fill`, or it is nothing that is ever saved.
    pub(crate) fn restore<E: From<Forged>>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut histories = Self::default();
        let mut number = [0; 4];
        fill(&mut number)?;
        for _ in 0..u32::from_le_bytes(number) {
            let mut len = [0; 1];
            fill(&mut len)?;
            let mut name = vec![0; len[0].into()];
            fill(&mut name)?;
            let name = Name::new(&name).map_err(|_| Forged)?;
            let mut left = [0; 8];
            fill(&mut left)?;
            fill(&mut number)?;
            let mut extents = VecDeque::new();
            for _ in 0..u32::from_le_bytes(number) {
                let mut bytes = [0; EXTENT];
                fill(&mut bytes)?;
                let extent = extent_of(&bytes)
                    .filter(|next| extents.back().is_none_or(|last: &Extent| next.first >= last.next()));
                extents.push_back(extent.ok_or(Forged)?);
            }
            histories.of.insert(name, History::of(extents, Time::from_millis(u64::from_le_bytes(left))));
        }
        Ok(histories)
    }

    /// Whether none of them has numbers that its topic has yet to give.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn check(&self, memory: &Memory<Rooms>) -> Result<(), Forged> {
        let is_of = |(name, history): (&Name, &History)| {
            let next = memory.topic(name).map(|topic| topic.log().end().sequence());
            next.is_some_and(|next| history.next().is_none_or(|end| end <= next))
        };
        if self.of.iter().all(is_of) { Ok(()) } else { Err(Forged) }
    }
}

fn bytes_of(extent: &Extent) -> [u8; EXTENT] {
    let Extent { first, count, bytes, begin, end, since, until, is_retold } = extent;
    let long = [first, count, bytes].map(|number| number.to_le_bytes());
    let short = [begin.segment, begin.offset, *end].map(u32::to_le_bytes);
    let times = [since, until].map(|time| time.as_millis().to_le_bytes());
    let last = [u8::from(*is_retold)];
    let mut all = [0; EXTENT];
    let from = long.iter().flatten().chain(short.iter().flatten()).chain(times.iter().flatten()).chain(&last);
    all.iter_mut().zip(from).for_each(|(to, byte)| *to = *byte);
    all
}

/// `None` for what can't be one.
fn extent_of(bytes: &[u8; EXTENT]) -> Option<Extent> {
    let long = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let short = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let begin = Position { segment: short(24)?, offset: short(28)? };
    let times = [long(36)?, long(44)?].map(Time::from_millis);
    let extent = Extent {
        first: long(0)?,
        count: long(8)?,
        bytes: long(16)?,
        begin,
        end: short(32)?,
        since: times[0],
        until: times[1],
        is_retold: bytes.ends_with(&[1]),
    };
    // They lie in there, so what many of them have together is a number still.
    let has_room = extent.end.checked_sub(begin.offset).is_some_and(|len| extent.bytes < u64::from(len));
    let is_one =
        bytes.last().is_some_and(|last| *last <= 1) && extent.count > 0 && has_room && extent.since <= extent.until;
    (is_one && extent.first.checked_add(extent.count).is_some()).then_some(extent)
}
