//! What of the log is needed: which segments, and for how much.

use std::collections::{BTreeMap, BTreeSet};

use streamgauge_core::engine::memory::Memory;

use super::history::Histories;
use super::space::ForNeeded;
use super::state;
use crate::engine::memory::Rooms;

/// How many bytes of each segment are needed, about.
pub(super) struct Needed {
    items: BTreeMap<u32, u64>,
    messages: BTreeMap<u32, u64>,
}

/// How much of a log may be needed, so that it can go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room<'a> {
    /// The segment that the log is in: only what is before that can be given back.
    pub(super) now: u32,
    /// Bytes of a segment, and how few are little: who moves these out has the rest of the segment for that.
    pub(super) lengths: &'a Lengths,
    pub(super) little: u64,
    pub(super) space: ForNeeded,
}

/// How long segments are.
#[derive(Debug)]
pub(super) struct Lengths {
    /// Bytes of one that is made now.
    pub(super) segment: u64,
    /// Those of others, made when there was another budget.
    pub(super) others: BTreeMap<u32, u64>,
}

impl Lengths {
    pub(super) fn of(&self, segment: u32) -> u64 {
        self.others.get(&segment).copied().unwrap_or(self.segment)
    }
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
    pub(super) fn sparse(&self, room: &Room<'_>) -> BTreeSet<u32> {
        self.before(room).filter(|(_, bytes)| *bytes <= room.little).map(|(segment, _)| segment).collect()
    }

    /// Those that can be given back, and how many bytes of each are needed.
    fn before(&self, room: &Room<'_>) -> impl Iterator<Item = (u32, u64)> {
        let of = |bytes: &BTreeMap<u32, u64>, segment| bytes.get(&segment).copied().unwrap_or(0);
        let segments = self.segments().into_iter().take_while(|segment| *segment < room.now);
        segments.map(move |segment| (segment, of(&self.items, segment).saturating_add(of(&self.messages, segment))))
    }

    /// Where the log would have no room to go on, the oldest messages leave, whatever their topics keep: nothing else can.
    /// Where little of a segment is needed for them, or for those of some topics, these stay, and are told again. Returns
    /// how many leave.
    pub(super) fn make_room(&mut self, histories: &mut Histories, room: &Room<'_>) -> u64 {
        let mut left = 0;
        while let Some((segment, most)) = self.too_much(room) {
            left += histories.give_up(segment, most);
            self.messages = histories.needed();
        }
        left
    }

    /// The oldest segment of which messages have to leave, and how many bytes of them may stay.
    fn too_much(&self, room: &Room<'_>) -> Option<(u32, u64)> {
        let items = |segment: &u32| self.items.get(segment).copied().unwrap_or(0);
        let mut messages = self.messages.keys().take_while(|segment| **segment < room.now);
        if self.before(room).map(|(segment, _)| room.lengths.of(segment)).sum::<u64>() > room.space.most_meanwhile {
            return messages.find(|segment| items(segment) == 0).map(|segment| (*segment, 0));
        }
        let (mut solid, mut loose) = (0_u64, 0_u64);
        for (segment, bytes) in self.before(room) {
            let (sum, more) =
                if bytes > room.little { (&mut solid, room.lengths.of(segment)) } else { (&mut loose, bytes) };
            *sum = sum.saturating_add(more);
        }
        let packed = loose.next_multiple_of(room.lengths.segment);
        if packed.saturating_add(solid) <= room.space.most {
            return None;
        }
        let of = |segment: &u32| self.messages.get(segment).copied().unwrap_or(0);
        let is_solid = |segment| items(segment) <= room.little && items(segment) + of(segment) > room.little;
        messages.find(|segment| is_solid(*segment)).map(|segment| (*segment, room.little - items(segment)))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use streamgauge_core::engine::memory::Defaults;
    use streamgauge_core::engine::{Command, Data, Name, Part, Pieces, TopicSettings};
    use streamgauge_core::time::Time;

    use super::*;
    use crate::engine::disk::files::simulated::Simulated;
    use crate::engine::disk::space::Space;
    use crate::engine::disk::world::{DEFAULTS, Running, rooms};
    use crate::engine::memory::Budget;

    const SEGMENT: u32 = 1 << 20;

    /// A log of many segments: a topic that fills them, and one with a message now and then, both of which keep all.
    fn filled() -> Running {
        let topic = TopicSettings { bytes: 1 << 30, ..TopicSettings::DEFAULT };
        let rooms = rooms(Budget::telling(64 << 20), 1).keeping(1 << 20);
        let found = state::find(
            &Simulated::new(1),
            Space::new(SEGMENT, u64::MAX),
            rooms,
            Defaults { topic, ..DEFAULTS },
            &mut |_, _| {},
        );
        let mut it = Running::of(found.unwrap());
        let long = vec![7; 100_000];
        for (number, text) in (0..200).flat_map(|number| [(number, &long[..]), (number, b"short")]) {
            it.make_ahead().unwrap();
            let topic = Name::new(if text.len() > 9 { b"greedy" } else { b"modest" }).unwrap();
            let publish = Command::Publish { topic, messages: Pieces::whole(Data::Plain(text)), id: None };
            it.execute(&publish, Time::from_millis(number), &mut |_: Part<'_>| ControlFlow::Continue(()));
            it.write().unwrap();
        }
        it
    }

    fn lengths() -> Lengths {
        Lengths { segment: SEGMENT.into(), others: BTreeMap::new() }
    }

    fn kept(it: &Running, topic: &[u8]) -> u64 {
        let history = it.histories.of(&Name::new(topic).unwrap());
        history.map_or(0, |history| history.extents().map(|extent| extent.count).sum())
    }

    #[test]
    fn who_has_most_of_a_segment_leaves_first_and_others_only_where_there_is_no_room_at_all() {
        let mut it = filled();
        let now = it.log.tail.end().segment;
        let lengths = lengths();
        let room = |most: u64, most_meanwhile: u64| {
            let segment = lengths.segment;
            Room {
                now,
                lengths: &lengths,
                little: segment / 8,
                space: ForNeeded { most: most * segment, most_meanwhile: most_meanwhile * segment },
            }
        };
        let before = u64::from(now) - 1;
        let mut needed = Needed::of(&it.memory, &it.histories);
        assert_eq!((needed.segments().len() as u64, needed.sparse(&room(0, 0)).len()), (before + 1, 0));
        assert_eq!(needed.make_room(&mut it.histories, &room(before, before)), 0);

        // What is left of the others has room in one segment.
        let left = needed.make_room(&mut it.histories, &room(6, before));
        assert_eq!((left, kept(&it, b"greedy"), kept(&it, b"modest")), (200 - kept(&it, b"greedy"), 200 - left, 200));
        assert!((50..70).contains(&kept(&it, b"greedy")), "{left} have left");
        let sparse = needed.sparse(&room(6, before));
        assert!(sparse.iter().copied().eq(1..=now - 6), "{sparse:?}");
        assert_eq!(needed.make_room(&mut it.histories, &room(6, before)), 0);

        // As if they could not be told again.
        let left = needed.make_room(&mut it.histories, &room(6, 8));
        assert_eq!((left, kept(&it, b"modest")), (200 - kept(&it, b"modest"), 200 - left));
        assert!(needed.segments().into_iter().eq(now - 8..=now));
    }

    #[test]
    fn a_longer_segment_takes_as_much_as_it_has() {
        let mut it = filled();
        let now = it.log.tail.end().segment;
        let (before, mut lengths) = (u64::from(now) - 1, lengths());
        lengths.others.insert(1, 3 * lengths.segment);
        let most = before * lengths.segment;
        let space = ForNeeded { most, most_meanwhile: most };
        let room = Room { now, lengths: &lengths, little: lengths.segment / 8, space };
        let mut needed = Needed::of(&it.memory, &it.histories);
        let left = needed.make_room(&mut it.histories, &room);
        assert!(left > 0 && needed.segments().into_iter().eq(2..=now), "the first one makes room enough");
    }

    #[test]
    fn messages_beside_items_that_stay_are_of_no_use_to_who_needs_room() {
        let mut it = filled();
        let now = it.log.tail.end().segment;
        let lengths = lengths();
        let (segment, little) = (lengths.segment, lengths.segment / 8);
        let space = ForNeeded { most: segment, most_meanwhile: 40 * segment };
        let room = Room { now, lengths: &lengths, little, space };
        let mut needed = Needed::of(&it.memory, &it.histories);
        needed.items = (1..now).map(|segment| (segment, room.little + 1)).collect();
        assert_eq!((needed.make_room(&mut it.histories, &room), kept(&it, b"greedy")), (0, 200));
        needed.items = (1..now).map(|segment| (segment, 1)).collect();
        assert!(needed.make_room(&mut it.histories, &room) > 150);
        assert_eq!(kept(&it, b"modest"), 200);
    }
}
