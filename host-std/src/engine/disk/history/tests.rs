//! Histories over a simulated disk: after any crash they have what a model says, and what they say is what is there.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::ops::ControlFlow;

use streamgauge_core::engine::journal::{Call, Message, Retold};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Command, Data, Name, Part, Pieces, TopicSettings};
use streamgauge_core::time::Time;

use super::{Extent, Forged, Histories, History, Reader, Retelling, read_again};
use crate::engine::disk::files::simulated::Simulated;
use crate::engine::disk::log::{self, Position};
use crate::engine::disk::salvage::Salvage;
use crate::engine::disk::space::Space;
use crate::engine::disk::world::{DEFAULTS, Running, World, read, rooms};
use crate::engine::disk::{checkpoint, some_seeds, state, useful_seeds};
use crate::engine::memory::{Budget, Rooms};

/// A folder with messages of some topics, all of which are on the disk.
pub(super) fn used(seed: u64) -> (World, Running) {
    let mut world = World::new(seed);
    let mut running = world.open().expect("the disk works");
    for _ in 0..3 {
        world.run(&mut running).expect("the disk works");
    }
    running.write().unwrap();
    (world, running)
}

#[test]
fn what_is_damaged_is_missing_and_all_else_is_told_under_its_number() {
    useful_seeds(1_500, |seed| {
        let (mut world, running) = used(seed);
        let topics: Vec<Name> = running.histories.of.keys().copied().collect();
        let all_of = |topic: &Name| running.histories.of(topic).map(|history| read(&world.disk, *topic, history));
        let before: Vec<_> = topics.iter().map(|topic| all_of(topic).unwrap_or_default()).collect();
        if topics.is_empty() {
            return false;
        }
        let topic = topics[world.random.below(topics.len() as u64) as usize];
        let Some(history) = running.histories.of(&topic) else { return false };
        let extents: Vec<_> = history.extents().copied().collect();
        let hit = extents[world.random.below(extents.len() as u64) as usize];
        let near: Vec<_> =
            running.histories.all().filter(|(_, extent)| extent.begin.segment == hit.begin.segment).collect();
        let longest =
            read_again(&world.disk, &near, 1).iter().map(|entry| entry.with(|told| told.iter().count())).max();
        let flips = 1 + world.random.below(2);
        for _ in 0..flips {
            let at = u64::from(hit.begin.offset) + world.random.below(u64::from(hit.end - hit.begin.offset));
            world.disk.flip(&hit.begin.file(), 8 * at as usize + world.random.below(8) as usize);
        }
        for (topic, before) in topics.iter().zip(before) {
            let Some(history) = running.histories.of(topic) else { continue };
            let after = read(&world.disk, *topic, history);
            let is_hit =
                |number: &u64| history.at(*number).is_some_and(|extent| extent.begin.segment == hit.begin.segment);
            let (mut left, mut lost) = (after.iter().peekable(), 0);
            for message in &before {
                if left.next_if_eq(&message).is_none() {
                    assert!(is_hit(&message.0), "{} is not where it was damaged", message.0);
                    lost += 1;
                }
            }
            assert_eq!(left.next(), None, "nothing is told that was not");
            // So many messages an entry has; of what is between two losses nobody knows the numbers.
            assert!(Some(lost) <= longest || flips > 1, "{lost} messages are lost");
        }
        true
    });
}

/// A folder with so many messages of a topic, one an entry, as `text` has them, and where each entry begins.
fn one_each(count: u64, text: impl Fn(u64) -> String) -> (Simulated, Histories, Name, Vec<Position>) {
    let disk = Simulated::new(1);
    let mut it = Running::of(
        state::find(&disk, Space::new(1 << 20, u64::MAX), rooms(Budget::telling(1 << 20), 1), DEFAULTS, &mut |_, _| {})
            .unwrap(),
    );
    let (topic, mut places) = (Name::new(b"t").unwrap(), Vec::new());
    for number in 0..count {
        it.make_ahead().unwrap();
        let text = text(number);
        let publish =
            Command::Publish { topic, messages: Pieces::split(Data::Plain(text.as_bytes()), b"\n"), id: None };
        places.push(it.log.tail.end());
        it.execute(&publish, Time::from_millis(1_700_000_000_000 + number), &mut |_: Part<'_>| {
            ControlFlow::Continue(())
        });
        it.write().unwrap();
    }
    (disk, it.histories, topic, places)
}

/// The numbers of all messages that can be read, and how many losses are said.
fn numbers(disk: &Simulated, history: &History) -> (Vec<u64>, usize) {
    let (mut reader, mut lost, mut numbers) = (Reader::new(Name::new(b"t").unwrap(), history.first()), 0, Vec::new());
    while let Some(extent) = history.at(reader.next()) {
        let chunk = reader.read(disk, &extent, u64::MAX, Time::ZERO);
        numbers.extend((0..chunk.len() as u64).map(|at| chunk.first + at));
        lost += chunk.lost.len();
    }
    (numbers, lost)
}

#[test]
fn what_is_whole_between_two_losses_is_told_under_its_number() {
    let (disk, histories, topic, places) = one_each(20, |number| format!("m{number:03}"));
    let history = histories.of(&topic).unwrap();
    // A body, the length of an entry, and two that follow each other.
    for (number, byte) in [(5, 24), (9, 0), (15, 24), (16, 20)] {
        disk.flip(&places[number].file(), 8 * (places[number].offset as usize + byte));
    }
    let left = (0..20).filter(|number| ![5, 9, 15, 16].contains(number)).map(|number| 1_000 + number).collect();
    assert_eq!(numbers(&disk, history), (left, 4));
}

/// Whoever reads them slowly holds little, however many were published at a time.
#[test]
fn many_messages_of_an_entry_are_read_some_at_a_time() {
    const MANY: usize = 60_000;
    let (disk, histories, topic, _) = one_each(2, |_| ["a"; MANY].join("\n"));
    let history = histories.of(&topic).unwrap();
    let (mut reader, mut next) = (Reader::new(topic, history.first()), history.first());
    while let Some(extent) = history.at(reader.next()) {
        let chunk = reader.read(&disk, &extent, u64::MAX, Time::ZERO);
        assert!((1..=20_000).contains(&chunk.len()), "{} messages at once", chunk.len());
        assert_eq!(chunk.first, next);
        assert!((0..chunk.len()).all(|at| chunk.get(at).is_some_and(|(_, message)| message == b"a")));
        next += chunk.len() as u64;
        assert_eq!(reader.next(), next);
    }
    assert_eq!(next, history.first() + 2 * MANY as u64);
}

/// How many messages each of two entries had, only what follows tells; and nothing does if neither end of an extent is there.
#[test]
fn what_has_no_number_for_certain_is_not_told() {
    for (damaged, left) in [
        ([5, 15, 15], vec![0..10, 12..30, 32..40]),
        ([0, 15, 15], vec![2..30, 32..40]),
        ([5, 19, 19], vec![0..10, 12..38]),
        ([5, 6, 19], vec![0..10, 14..38]),
        ([0, 10, 19], vec![]),
    ] {
        let (disk, histories, topic, places) = one_each(20, |number| format!("m{number:03}\nn{number:03}"));
        let damaged = BTreeSet::from(damaged);
        for number in &damaged {
            disk.flip(&places[*number].file(), 8 * (places[*number].offset as usize + 20));
        }
        let left: Vec<u64> = left.into_iter().flatten().map(|number| 1_000 + number).collect();
        assert_eq!(numbers(&disk, histories.of(&topic).unwrap()), (left, damaged.len()), "{damaged:?}");
    }
}

#[test]
fn a_segment_that_was_made_anew_has_none_of_its_old_messages() {
    let (world, mut running) = used(7);
    let topic = *running.histories.of.keys().next().unwrap();
    let history = running.histories.of(&topic).unwrap().clone();
    let oldest = history.extents().next().unwrap().begin.segment;
    running.log.maker.make(Some(oldest)).unwrap();
    let after = read(&world.disk, topic, &history);
    assert!(after.iter().all(|(number, ..)| *number >= history.at(history.first()).unwrap().next()));
    assert!(!after.is_empty());
}

/// A reader that is told where to end goes on there, and one that wants what is newer begins there.
#[test]
fn it_is_read_as_far_as_it_may_be_and_from_a_time_on() {
    some_seeds(500, |seed| {
        let (mut world, running) = used(seed);
        let Some(topic) = running.histories.of.keys().next().copied() else { return };
        let Some(history) = running.histories.of(&topic) else { return };
        let all = read(&world.disk, topic, history);
        let since = all[world.random.below(all.len() as u64) as usize].1;
        let mut got = Vec::new();
        let mut reader = Reader::new(topic, history.since(since).unwrap().first);
        let mut end = all[0].0;
        while let Some(extent) = history.at(reader.next()) {
            let chunk = reader.read(&world.disk, &extent, end, since);
            got.extend((0..chunk.len()).map(|at| chunk.first + at as u64));
            assert!(got.last().is_none_or(|last| *last < end));
            end += world.random.below(6);
        }
        let expected: Vec<_> = all.iter().filter(|(_, at, _)| *at >= since).map(|(number, ..)| *number).collect();
        assert_eq!(got, expected);
    });
}

#[test]
fn an_extent_has_no_more_bytes_than_it_has_room_for() {
    let (_, running) = used(7);
    let mut saved = Vec::new();
    running.histories.save(&mut saved);
    let restored = |saved: &[u8]| {
        let mut rest = saved;
        Histories::restore(|bytes| rest.read_exact(bytes).map_err(|_| Forged).map(drop))
    };
    assert_eq!(restored(&saved).as_ref(), Ok(&running.histories));
    // Behind the number of topics, a name of a byte, a time, the number of extents, and two numbers of the first one.
    saved[4 + 2 + 8 + 4 + 16..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(restored(&saved), Err(Forged));
}

/// All that is read to be told again, and that is damaged is left where it is.
#[test]
fn what_is_told_again_is_what_was_told() {
    some_seeds(500, |seed| {
        let (mut world, running) = used(seed);
        let extents: Vec<_> = running.histories.all().collect();
        let Some((_, hit)) = extents.get(world.random.below(extents.len().max(1) as u64) as usize).copied() else {
            return;
        };
        let most = 1 + world.random.below(500);
        let first_of = |piece: &Retelling| (piece.topic, piece.with(|retold| (retold.first, retold.iter().count())));
        let entries: BTreeSet<_> = read_again(&world.disk, &extents, 1).iter().map(first_of).collect();
        let told = |disk: &Simulated| {
            let mut all = Vec::new();
            for piece in read_again(disk, &extents, most) {
                piece.with(|retold| {
                    let messages: Vec<_> = retold.iter().map(|message| (message.at, message.data.to_vec())).collect();
                    let bytes = messages.iter().map(|(_, data)| data.len() as u64).sum::<u64>();
                    let has_room = bytes <= most || entries.contains(&first_of(&piece));
                    assert!(has_room, "{bytes} bytes are told at once, of {most}");
                    let numbered = (retold.first..).zip(messages);
                    all.extend(numbered.map(|(number, (at, data))| (piece.topic, number, at, data)));
                });
            }
            all
        };
        let mut expected = Vec::new();
        for (topic, history) in &running.histories.of {
            let all = read(&world.disk, *topic, history).into_iter();
            expected.extend(all.map(|(number, at, data)| (*topic, number, at, data)));
        }
        assert!(told(&world.disk) == expected, "all of them, as they were");
        let at = u64::from(hit.begin.offset) + world.random.below(u64::from(hit.end - hit.begin.offset));
        world.disk.flip(&hit.begin.file(), 8 * at as usize + world.random.below(8) as usize);
        let is_whole = |(topic, number, ..): &(Name, u64, Time, Vec<u8>)| {
            let history = running.histories.of(topic).unwrap();
            let extent = history.at(*number).unwrap();
            let lost = read(&world.disk, *topic, history);
            (extent.first..extent.next()).all(|number| lost.iter().any(|(there, ..)| *there == number))
        };
        expected.retain(is_whole);
        assert!(told(&world.disk) == expected, "all but those of damaged extents");
    });
}

/// Only those lie elsewhere from now on that lie where they are said to, all of them and nothing else.
#[test]
fn what_does_not_lie_where_it_is_said_to_stays_where_it_is() {
    let (_, running) = used(7);
    let history = running.histories.of.values().max_by_key(|history| history.extents().count()).unwrap();
    let [one, two] = [0, 1].map(|at| *history.extents().nth(at).unwrap());
    let behind = |extent: &Extent| extent.begin.with_offset(extent.end);
    let data = vec![0; (one.bytes + two.bytes) as usize];
    // So many messages of an extent, which have all of its bytes or some.
    let messages = |count: u64, bytes: u64| -> Vec<Message<'_>> {
        let len = |number| if number == 0 { bytes as usize } else { 0 };
        (0..count).map(|number| Message { at: one.since, data: &data[..len(number)] }).collect()
    };
    let retold = |first, from: Position, behind: Position, messages: &[Message<'_>]| {
        let mut changed = history.clone();
        let retold = Retold::of(first, (from.number(), behind.number()), messages);
        changed.retell(&retold, Position { segment: 99, offset: 5 }, 9);
        assert_eq!(changed != *history, history.has(&retold));
        (changed != *history).then_some(changed)
    };
    let all = messages(one.count, one.bytes);
    let changed = retold(one.first, one.begin, behind(&one), &all).expect("they lie there");
    let there = changed.extents().next().unwrap();
    assert_eq!((there.first, there.count, there.bytes), (one.first, one.count, one.bytes));
    assert_eq!((there.begin, there.end), (Position { segment: 99, offset: 5 }, 9));
    assert_eq!(changed.clone().give_up(98), 0, "what lies behind is not older");
    assert!(changed.clone().give_up(two.begin.segment) >= one.count + two.count, "what is older leaves first");
    let both = messages(one.count + two.count, one.bytes + two.bytes);
    let changed = retold(one.first, one.begin, behind(&two), &both).expect("they lie there");
    assert_eq!(changed.extents().count() + 1, history.extents().count());
    let some = messages(one.count - 1, one.bytes);
    let at = Position { offset: one.end - 1, ..one.begin };
    let changed = retold(one.first, one.begin, at, &some).expect("they lie there");
    let rest = changed.extents().nth(1).unwrap();
    assert_eq!((rest.first, rest.count, rest.begin, rest.end), (one.next() - 1, 1, at, one.end));
    for (first, from, behind, messages) in [
        (one.first + 1, one.begin, behind(&one), &*all),
        (one.first, one.begin.after(1), behind(&one), &all),
        (one.first, Position { segment: 0, ..one.begin }, behind(&one), &all),
        (one.first, one.begin, at, &all),
        (one.first, one.begin, behind(&one).after(1), &all),
        (one.first, one.begin, behind(&one), &some),
        (one.first, one.begin, one.begin, &some),
        (one.first, one.begin, Position { segment: 0, ..at }, &some),
        (one.first, one.begin, behind(&one), &messages(one.count, one.bytes - 1)),
        (one.first, one.begin, at, &messages(one.count - 1, one.bytes + 1)),
        (one.first, one.begin, behind(&one), &both),
        (one.first, one.begin, behind(&one), &[]),
    ] {
        assert_eq!(retold(first, from, behind, messages), None, "{first} {from} {behind}");
    }
}

/// Behind a loss those that were told again are where they were told, or where they lay before.
#[test]
fn what_was_told_again_behind_a_loss_is_there_after_a_repair() {
    some_seeds(500, |seed| {
        let (mut world, mut running) = used(seed);
        state::write(&world.disk, &running.saved(), running.log.tail.end()).unwrap();
        let extents: Vec<_> = running.histories.all().collect();
        let before: Vec<_> = running.histories.of.iter().map(|(topic, of)| read(&world.disk, *topic, of)).collect();
        let mut entries = Vec::new();
        for piece in read_again(&world.disk, &extents, 1 + world.random.below(500)) {
            running.make_ahead().unwrap();
            let told = piece.with(|retold| {
                let ((), place) = running.call(Time::ZERO, |_| ((), Some(Call::Retell(piece.topic, retold))));
                (place.unwrap(), retold.encoded_len())
            });
            entries.push(told);
            running.write().unwrap();
        }
        if entries.is_empty() {
            return;
        }
        let (at, len) = entries[world.random.below(entries.len() as u64) as usize];
        world.disk.flip(&at.file(), 8 * (u64::from(at.offset) + world.random.below(len)) as usize);
        let reader = checkpoint::Reader::open(&world.disk).unwrap().unwrap();
        let from = reader.from();
        let mut salvage = Salvage::of(state::restore(reader, rooms(Budget::telling(1 << 20), 1)).unwrap());
        log::read(&world.disk, from, |step| {
            salvage.take(step);
            ControlFlow::Continue(())
        })
        .unwrap();
        let salvaged = salvage.finish();
        for ((topic, history), before) in running.histories.of.iter().zip(before) {
            let after = salvaged.histories.of(topic).map(|history| read(&world.disk, *topic, history));
            let after = after.unwrap_or_default();
            // What lies in smaller parts may leave sooner.
            let least: u64 = history.extents().map(|extent| extent.count).sum();
            assert!(before.ends_with(&after) && after.len() as u64 >= least, "{topic}: all of them, as they were");
        }
    });
}

/// Many bytes are kept, and a start reads few of them.
#[test]
fn a_start_reads_only_what_came_after_the_checkpoint() {
    let disk = Simulated::new(1);
    let topic = TopicSettings { bytes: 1 << 30, ..TopicSettings::DEFAULT };
    let defaults = Defaults { topic, ..DEFAULTS };
    let keeping = || {
        let budget = Budget::telling(32 << 20);
        budget.refuse_again(Some(Vec::new()));
        Rooms::alone(budget).keeping(1 << 20)
    };
    let mut it =
        Running::of(state::find(&disk, Space::new(4 << 20, u64::MAX), keeping(), defaults, &mut |_, _| {}).unwrap());
    let (name, text, now) = (Name::new(b"large").unwrap(), vec![7; 512 << 10], Time::from_millis(1));
    let publish = |it: &mut Running| {
        it.make_ahead().unwrap();
        let publish = Command::Publish { topic: name, messages: Pieces::whole(Data::Plain(&text)), id: None };
        it.execute(&publish, now, &mut |_: Part<'_>| ControlFlow::Continue(()));
        it.write().unwrap();
    };
    (0..200).for_each(|_| publish(&mut it));
    assert!(it.memory.topic(&name).unwrap().log().bytes() <= 16 << 20, "few of them are in memory");
    let saved = it.saved();
    assert!(saved.len() < 10_000, "a checkpoint has none of them");
    state::write(&disk, &saved, it.log.tail.end()).unwrap();
    (0..3).for_each(|_| publish(&mut it));
    let before = disk.read();
    let found = state::find(&disk, Space::new(4 << 20, u64::MAX), keeping(), defaults, &mut |_, _| {}).unwrap();
    let read = disk.read() - before;
    assert!(read < 10 << 20, "{read} bytes were read");
    assert_eq!(found.entries, 3);
    assert_eq!(found.memory.topic(&name).unwrap().log().len(), 3);
    let history = found.histories.of(&name).unwrap();
    assert_eq!(history.extents().map(|extent| extent.count).sum::<u64>(), 203);
    // Each is longer than what is read at a time.
    let mut reader = Reader::new(name, 1_100);
    let mut chunk = reader.read(&disk, &history.at(1_100).unwrap(), u64::MAX, Time::ZERO);
    while chunk.len() == 0 {
        chunk = reader.read(&disk, &history.at(1_100).unwrap(), u64::MAX, Time::ZERO);
    }
    assert_eq!((chunk.first, chunk.get(0)), (1_100, Some((now, &*text))));
    assert!(it.histories.of(&name) == Some(history));
}
