//! What an entry of the log tells of a topic.

use std::ops::Range;

use streamgauge_core::engine::journal::{Call, Entry, Retold, items_in};
use streamgauge_core::engine::{Command, Name};
use streamgauge_core::time::Time;

use super::Extent;
use crate::engine::disk::body::Body;
use crate::engine::disk::log::Position;

/// Messages in an entry: what was published, or what is told again.
pub(super) struct Told<'b> {
    pub(super) topic: Name,
    pub(super) count: u64,
    /// The low half of the number that the first one had when the entry was written, where that is said.
    pub(super) number: Option<u32>,
    at: Time,
    retold: Option<Retold<'b>>,
    /// The end of the body, in which they are.
    entry: &'b [u8],
    body: &'b [u8],
}

impl<'b> Told<'b> {
    /// Those that a body of an entry has, if it is of that kind.
    pub(super) fn read(body: &'b [u8]) -> Option<Self> {
        let Some(Body::Executed { number, entry, .. }) = Body::read(body) else { return None };
        let Entry { now: at, call, .. } = Entry::decode(entry, Time::ZERO).ok()?;
        match call {
            Call::Execute(Command::Publish { topic, messages, .. }) if !messages.are_bare() => {
                Some(Self { topic, count: messages.count(), number, at, retold: None, entry, body })
            }
            Call::Retell(topic, retold) => {
                let (count, number) = (retold.iter().count() as u64, Some(retold.first as u32));
                Some(Self { topic, count, number, at, retold: Some(retold), entry, body })
            }
            _ => None,
        }
    }

    /// Whether these are messages of an extent, if their entry is in that place: what is told again may lie between others
    /// of its topic, and is not of their extent.
    pub(super) fn is_of(&self, extent: &Extent, at: Position) -> bool {
        let is_in = at.segment == extent.begin.segment && (extent.begin.offset..extent.end).contains(&at.offset);
        is_in && (self.retold.is_none() || (extent.is_retold && at == extent.begin))
    }

    /// Their payload bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.messages().map(|(_, item)| item.len() as u64).sum()
    }

    /// When the first and the last of them were published.
    pub(super) fn span(&self) -> (Time, Time) {
        let mut times = self.messages().map(|(at, _)| at);
        let first = times.next().unwrap_or(self.at);
        times.fold((first, first), |(since, until), at| (since.min(at), until.max(at)))
    }

    /// When each was published, and where in the body it is.
    pub(super) fn messages(&self) -> impl Iterator<Item = (Time, Range<usize>)> {
        let before = self.body.len() - self.entry.len();
        let retold = self.retold.into_iter().flat_map(|retold| retold.iter().map(|message| message.at));
        let times = retold.chain(std::iter::repeat(self.at));
        times.zip(items_in(self.entry)).map(move |(at, item)| (at, before + item.start..before + item.end))
    }
}
