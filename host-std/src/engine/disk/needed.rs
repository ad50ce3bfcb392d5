//! What of the log is needed: which segments, and for how much.

use std::collections::{BTreeMap, BTreeSet};

use streamgauge_core::engine::memory::Memory;

use super::history::Histories;
use super::state;
use crate::engine::memory::Rooms;

/// How many bytes of each segment are needed, about.
pub(super) struct Needed {
    items: BTreeMap<u32, u64>,
    messages: BTreeMap<u32, u64>,
}

/// How much of a log may be needed, so that it can go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// The segment that the log is in: only what is before that can be given back.
    pub(super) now: u32,
    /// Bytes of a segment, and how few are little: who moves these out has the rest of the segment for that.
    pub(super) segment: u64,
    pub(super) little: u64,
    /// As many segments as may be needed when what can be moved was moved, and until then.
    pub(super) most: usize,
    pub(super) most_meanwhile: usize,
}

impl Needed {
    pub(super) fn of(memory: &Memory<Rooms>, histories: &Histories) -> Self {
        Self { items: state::needed(memory), messages: histories.needed() }
    }

    /// All that something is needed of.
    pub(super) fn segments(&self) -> BTreeSet<u32> {
        self.items.keys().chain(self.messages.keys()).copied().collect()
    }

    /// Those that are needed for little: it is to be moved, and they are given back.
    pub(super) fn sparse(&self, room: &Room) -> BTreeSet<u32> {
        self.before(room).filter(|(_, bytes)| *bytes <= room.little).map(|(segment, _)| segment).collect()
    }

    /// Those that can be given back, and how many bytes of each are needed.
    fn before(&self, room: &Room) -> impl Iterator<Item = (u32, u64)> {
        let of = |bytes: &BTreeMap<u32, u64>, segment| bytes.get(&segment).copied().unwrap_or(0);
        let segments = self.segments().into_iter().take_while(|segment| *segment < room.now);
        segments.map(move |segment| (segment, of(&self.items, segment).saturating_add(of(&self.messages, segment))))
    }

    /// Where the log would have no room to go on, the oldest messages leave, whatever their topics keep: nothing else can.
    /// Where little of a segment is needed for them, or for those of some topics, these stay, and are told again. Returns
    /// how many leave.
    pub(super) fn make_room(&mut self, histories: &mut Histories, room: &Room) -> u64 {
        let mut left = 0;
        while let Some((segment, most)) = self.too_much(room) {
            left += histories.give_up(segment, most);
            self.messages = histories.needed();
        }
        left
    }

    /// The oldest segment of which messages have to leave, and how many bytes of them may stay.
    fn too_much(&self, room: &Room) -> Option<(u32, u64)> {
        let items = |segment: &u32| self.items.get(segment).copied().unwrap_or(0);
        let mut messages = self.messages.keys().take_while(|segment| **segment < room.now);
        if self.before(room).count() > room.most_meanwhile {
            return messages.find(|segment| items(segment) == 0).map(|segment| (*segment, 0));
        }
        let (mut solid, mut loose) = (0, 0_u64);
        for (_, bytes) in self.before(room) {
            if bytes > room.little { solid += 1 } else { loose = loose.saturating_add(bytes) }
        }
        let packed = usize::try_from(loose.div_ceil(room.segment)).unwrap_or(usize::MAX);
        if packed.saturating_add(solid) <= room.most {
            return None;
        }
        let of = |segment: &u32| self.messages.get(segment).copied().unwrap_or(0);
        let is_solid = |segment| items(segment) <= room.little && items(segment) + of(segment) > room.little;
        messages.find(|segment| is_solid(*segment)).map(|segment| (*segment, room.little - items(segment)))
    }
}
