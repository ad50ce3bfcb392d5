//! Histories over a simulated disk: after any crash they have what a model says, and what they say is what is there.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::ops::ControlFlow;
use std::time::Duration;

use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Command, Data, Kind, Name, Part, Pieces, QueueSettings, TopicChange, TopicSettings};
use streamgauge_core::generate::Rng;
use streamgauge_core::time::Time;

use super::{Histories, History, Reader};
use crate::engine::disk::files::simulated::{Faults, Simulated};
use crate::engine::disk::keeper::{Last, unneeded};
use crate::engine::disk::log::{Opened, segments};
use crate::engine::disk::state::{self, Found, Notes, StateError};
use crate::engine::disk::{execute, some_seeds};
use crate::engine::memory::{Budget, Rooms};

/// Segments are short, so that there are many, and so are the logs in memory.
const SEGMENT: u32 = 1_500;
const LIMIT: u64 = 3_000;

const DEFAULTS: Defaults = Defaults {
    auto_create: true,
    topic: TopicSettings { bytes: LIMIT, ..TopicSettings::DEFAULT },
    queue: QueueSettings { bytes: 3_000, ..QueueSettings::DEFAULT },
    first: 1_000,
};

/// A message that was published, and whether it may have left because of its age.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    number: u64,
    at: Time,
    text: Vec<u8>,
    is_old: bool,
}

/// What was published, by topic.
type Model = BTreeMap<Name, Vec<Message>>;

struct World {
    disk: Simulated,
    random: Rng,
    now: Time,
    /// Each state that there was since the last start, and what was published by then.
    states: Vec<(u64, Model)>,
    told: usize,
    made: u64,
}

struct Running {
    memory: Memory<Rooms>,
    histories: Histories,
    log: Opened<Simulated>,
    last: Last,
}

fn rooms() -> Rooms {
    let budget = Budget::telling(1 << 20);
    budget.refuse_again(Some(Vec::new()));
    Rooms::alone(budget)
}

/// All messages of a topic that are on the disk.
fn read(disk: &Simulated, topic: Name, history: &History) -> Vec<(u64, Time, Vec<u8>)> {
    let (mut reader, mut all) = (Reader::new(topic, history.first()), Vec::new());
    while let Some(extent) = history.at(reader.next()) {
        let chunk = reader.read(disk, &extent, u64::MAX, Time::ZERO);
        let mut number = chunk.first;
        while let Some((at, text)) = chunk.get((number - chunk.first) as usize) {
            all.push((number, at, text.to_vec()));
            number += 1;
        }
    }
    all
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Rng::new(seed);
        let disk = Simulated::new(random.bits());
        Self { disk, random, now: Time::from_millis(1_000_000), states: Vec::new(), told: 0, made: 0 }
    }

    fn odds(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    fn open(&mut self) -> Option<Running> {
        let found = match state::find(&self.disk, SEGMENT, rooms(), DEFAULTS) {
            Ok(found) => found,
            Err(_) if self.disk.is_crashed() => return None,
            Err(StateError::Io(_)) => return None,
            Err(error) => panic!("{error}"),
        };
        let Found { memory, histories, log, latest, .. } = found;
        self.now = self.now.max(latest);
        let running = Running { memory, histories, log, last: Last::none(0) };
        let state = running.state();
        let there = self.states.iter().rposition(|(known, _)| *known == state);
        let there = there.or_else(|| self.states.is_empty().then_some(0)).expect("a state that there was");
        assert!(there + 1 >= self.told, "somebody was told of more");
        let model = self.states.get(there).map(|(_, model)| model.clone()).unwrap_or_default();
        self.is_as_the_model_says(&running, &model);
        self.states = vec![(state, model)];
        self.told = 1;
        Some(running)
    }

    /// What is kept is the end of what was published, and as much of it as there has to be.
    fn is_as_the_model_says(&self, it: &Running, model: &Model) {
        for (topic, published) in model {
            let Some(history) = it.histories.of(topic) else {
                assert!(published.iter().all(|message| message.is_old), "{topic}: nothing is kept of {published:?}");
                continue;
            };
            let kept = read(&self.disk, *topic, history);
            if self.disk.is_crashed() {
                return;
            }
            let left = published.len().checked_sub(kept.len()).expect("nothing is kept twice");
            let expected: Vec<_> = published[left..].iter().map(|it| (it.number, it.at, it.text.clone())).collect();
            assert_eq!(kept, expected, "{topic}");
            let behind: u64 = expected.iter().map(|(.., text)| text.len() as u64).sum();
            let has_enough = behind >= LIMIT || published[..left].iter().all(|message| message.is_old);
            assert!(has_enough, "{topic}: {left} of {} have left", published.len());
            let oldest = history.extents().next().map_or(0, |extent| extent.bytes);
            assert!(behind - oldest < LIMIT, "{topic}: {behind} bytes are kept");
            let counted: u64 = history.extents().map(|extent| extent.count).sum();
            assert_eq!((counted, history.first()), (kept.len() as u64, kept[0].0));
        }
        let known = |name: &Name| model.contains_key(name);
        assert!(it.histories.of.keys().all(known), "what is removed has no history");
    }

    fn step(&mut self, it: &mut Running) {
        self.now = self.now.after(Duration::from_millis(self.random.below(200)));
        let topic = Name::new(&[b"abc"[self.random.below(3) as usize]]).unwrap();
        let count = 1 + self.random.below(4);
        let texts: Vec<_> = (self.made..self.made + count)
            .map(|number| format!("{number}-{}", "x".repeat(self.random.below(120) as usize)))
            .collect();
        self.made += count;
        let text = texts.join("\n");
        let pieces = Pieces::split(Data::Plain(text.as_bytes()), b"\n");
        let age = (!self.odds(2)).then(|| Duration::from_millis(1 + self.random.below(3_000)));
        let command = match self.random.below(12) {
            0..8 => Command::Publish { topic, messages: pieces, id: None },
            8 | 9 => Command::Put { queue: topic, items: pieces, delay: Duration::ZERO, id: None },
            10 => Command::SetTopic { name: topic, change: TopicChange { max_age: Some(age), ..Default::default() } },
            _ if self.odds(3) => Command::Remove { kind: Kind::Topic, name: topic },
            _ => Command::TopicStats { topic, reset: true },
        };
        let mut model = self.states.last().map(|(_, model)| model.clone()).unwrap_or_default();
        let Running { memory, histories, log, .. } = it;
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        let place = log.tail.begin(2_000);
        let (_, kept) = execute(memory, &command, self.now, sink, place, |executed| {
            let begin = log.tail.append(|out| executed.write(out)).expect("there is room");
            executed.lies((begin, log.tail.end()), histories);
        });
        if kept.is_none() {
            return;
        }
        match command {
            Command::Publish { .. } => {
                let first = memory.topic(&topic).unwrap().log().end().sequence() - count;
                let numbered = (first..).zip(texts);
                let messages =
                    numbered.map(|(number, text)| Message { number, at: self.now, text: text.into(), is_old: false });
                model.entry(topic).or_default().extend(messages);
            }
            Command::Remove { .. } => drop(model.remove(&topic)),
            _ => {}
        }
        if let (Some(messages), Some(settings)) = (model.get_mut(&topic), memory.topic_settings(&topic)) {
            let is_old = |at: Time| settings.max_age.is_some_and(|age| at.after(age) <= self.now);
            messages.iter_mut().for_each(|message| message.is_old |= is_old(message.at));
        }
        self.states.push((it.state(), model));
    }

    fn run(&mut self, it: &mut Running) -> std::io::Result<()> {
        for _ in 0..self.random.below(80) {
            if !it.log.tail.has_next() {
                let made = it.log.maker.make(0, None)?;
                it.log.tail.set_next(made.fresh);
                it.log.segments.adopt(made);
            }
            self.step(it);
            if self.odds(3) {
                let group = it.log.tail.take(true);
                it.log.segments.write(group)?;
                self.told = self.states.len();
            }
            if self.odds(20) {
                self.checkpoint(it)?;
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, it: &mut Running) -> std::io::Result<()> {
        let (from, needed) = (it.log.tail.end(), it.histories.segments());
        let group = it.log.tail.take(true);
        it.log.segments.write(group)?;
        self.told = self.states.len();
        state::write(&self.disk, &state::saved(&it.memory, &Notes::new(), &it.histories), from)?;
        let unneeded = unneeded(segments(&self.disk)?, &it.last, from, &needed);
        (it.last.from, it.last.needed) = (from, needed);
        it.log.maker.remove(unneeded)?;
        // Nothing else is left before it.
        let left = segments(&self.disk)?.into_iter().filter(|segment| *segment < from.segment);
        assert!(left.eq(it.last.needed.range(..from.segment).copied()));
        Ok(())
    }
}

impl Running {
    fn state(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        state::saved(&self.memory, &Notes::new(), &self.histories).hash(&mut hasher);
        hasher.finish()
    }
}

#[test]
fn after_any_crash_what_is_kept_is_what_was_published_in_its_order() {
    some_seeds(4_000, |seed| {
        let mut world = World::new(seed);
        for _ in 0..5 {
            if world.odds(3) {
                world.disk.set_faults(Faults { short: 4, write: 60, sync: 60, full: 60 });
            }
            world.disk.crash_after(1 + world.random.below(400));
            if let Some(mut running) = world.open() {
                let _ = world.run(&mut running);
            }
            if world.odds(4) { world.disk.set_working() } else { world.disk.restart() }
        }
        world.open().expect("the disk works");
    });
}

/// A folder with messages of some topics, all of which are on the disk.
fn used(seed: u64) -> (World, Running) {
    let mut world = World::new(seed);
    let mut running = world.open().expect("the disk works");
    while world.states.len() < 60 {
        world.run(&mut running).expect("the disk works");
    }
    let group = running.log.tail.take(true);
    running.log.segments.write(group).unwrap();
    (world, running)
}

#[test]
fn what_is_damaged_is_missing_and_all_else_is_told_under_its_number() {
    some_seeds(1_500, |seed| {
        let (mut world, running) = used(seed);
        let topics: Vec<Name> = running.histories.of.keys().copied().collect();
        let all_of = |topic: &Name| running.histories.of(topic).map(|history| read(&world.disk, *topic, history));
        let before: Vec<_> = topics.iter().map(|topic| all_of(topic).unwrap_or_default()).collect();
        if topics.is_empty() {
            return;
        }
        let topic = topics[world.random.below(topics.len() as u64) as usize];
        let Some(history) = running.histories.of(&topic) else { return };
        let extents: Vec<_> = history.extents().copied().collect();
        let hit = extents[world.random.below(extents.len() as u64) as usize];
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
            assert!(lost <= 4 || flips > 1, "{lost} messages are lost");
        }
    });
}

#[test]
fn a_segment_that_was_made_anew_has_none_of_its_old_messages() {
    let (world, mut running) = used(7);
    let topic = *running.histories.of.keys().next().unwrap();
    let history = running.histories.of(&topic).unwrap().clone();
    let oldest = history.extents().next().unwrap().begin.segment;
    running.log.maker.make(0, Some(oldest)).unwrap();
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
    let Found { mut memory, mut histories, mut log, .. } = state::find(&disk, 4 << 20, keeping(), defaults).unwrap();
    let (name, text, now) = (Name::new(b"large").unwrap(), vec![7; 512 << 10], Time::from_millis(1));
    let publish = |log: &mut Opened<Simulated>, memory: &mut Memory<Rooms>, histories: &mut Histories| {
        if !log.tail.has_next() {
            let made = log.maker.make(0, None).unwrap();
            log.tail.set_next(made.fresh);
            log.segments.adopt(made);
        }
        let publish = Command::Publish { topic: name, messages: Pieces::whole(Data::Plain(&text)), id: None };
        let (place, sink) = (log.tail.end(), &mut |_: Part<'_>| ControlFlow::Continue(()));
        execute(memory, &publish, now, sink, place, |executed| {
            let begin = log.tail.append(|out| executed.write(out)).expect("there is room");
            executed.lies((begin, log.tail.end()), histories);
        });
        let group = log.tail.take(true);
        log.segments.write(group).unwrap();
    };
    for _ in 0..200 {
        publish(&mut log, &mut memory, &mut histories);
    }
    assert!(memory.topic(&name).unwrap().log().bytes() <= 16 << 20, "few of them are in memory");
    let from = log.tail.end();
    let saved = state::saved(&memory, &Notes::new(), &histories);
    assert!(saved.len() < 10_000, "a checkpoint has none of them");
    state::write(&disk, &saved, from).unwrap();
    for _ in 0..3 {
        publish(&mut log, &mut memory, &mut histories);
    }
    let before = disk.read();
    let found = state::find(&disk, 4 << 20, keeping(), defaults).unwrap();
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
    assert!(histories.of(&name) == Some(history));
}
