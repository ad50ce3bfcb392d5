//! An engine over a simulated disk: after any crash its state is one that it had, and at least as late as the last one
//! that somebody was told of.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::ops::ControlFlow;
use std::time::Duration;

use streamgauge_core::engine::journal::{Call, Moved, Moves};
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{
    Command, Data, Id, Kind, Lease, Name, Part, Pieces, QueueChange, QueueSettings, Reason, Settle, Tokens,
    TopicChange, TopicSettings,
};
use streamgauge_core::generate::Rng;
use streamgauge_core::queue::leases::{Away, State};
use streamgauge_core::time::Time;

use super::executed::Executed;
use super::files::simulated::{Faults, Simulated};
use super::history::Histories;
use super::log::{HEADER, Opened, Position, Tail, segments};
use super::shelf::{self, Shelf};
use super::state::{self, Found, Notes};
use super::{call, execute, seeds};
use crate::engine::memory::{Budget, Rooms};

/// What was executed, and what it came to.
pub(super) struct World {
    pub(super) disk: Simulated,
    pub(super) random: Rng,
    now: Time,
    /// The state after each thing that was kept, from what the checkpoint had on, and where the log ended then.
    states: Vec<(Position, u64)>,
    /// Somebody was told of so many of them.
    told: usize,
    tokens: Vec<String>,
    /// Every entry that was added, by its place, and all that was ever put or published.
    entries: BTreeMap<u64, Vec<u8>>,
    pieces: BTreeSet<Vec<u8>>,
}

/// What runs until the disk crashes.
pub(super) struct Running {
    pub(super) memory: Memory<Rooms>,
    pub(super) notes: Notes,
    pub(super) histories: Histories,
    log: Opened<Simulated>,
}

pub(super) const DEFAULTS: Defaults = Defaults {
    auto_create: true,
    topic: TopicSettings { bytes: 2_000, ..TopicSettings::DEFAULT },
    queue: QueueSettings { bytes: 3_000, ..QueueSettings::DEFAULT },
    first: 1_000,
};

/// So little memory that growth is refused now and then, and with twice of it not.
const MEMORY: u64 = 16_000;

/// All of it, with the items that are in the log.
fn state_of(
    memory: &Memory<Rooms>,
    notes: &Notes,
    histories: &Histories,
    mut item: impl FnMut(&Away) -> Vec<u8>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    state::saved(memory, notes, histories).hash(&mut hasher);
    memory.elsewhere(|_, _, away| item(&away).hash(&mut hasher));
    hasher.finish()
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Rng::new(seed);
        let disk = Simulated::new(random.bits());
        Self {
            disk,
            random,
            now: Time::from_millis(1_000_000),
            states: Vec::new(),
            told: 0,
            tokens: Vec::new(),
            entries: BTreeMap::new(),
            pieces: BTreeSet::new(),
        }
    }

    fn odds(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    /// Goes on with what is on the disk, which has to be a state that there was.
    pub(super) fn open(&mut self) -> Option<Running> {
        let memory = [MEMORY, 2 * MEMORY][self.random.below(2) as usize];
        let budget = Budget::telling(memory);
        budget.refuse_again(Some(Vec::new()));
        let rooms = Rooms::alone(budget).keeping(0);
        let found = match state::find(&self.disk, 4_000, rooms, DEFAULTS) {
            Ok(found) => found,
            Err(_) if self.disk.is_crashed() => return None,
            Err(state::StateError::Io(_)) => return None,
            Err(error) => panic!("{error}"),
        };
        let Found { memory, notes, histories, log, latest, .. } = found;
        let shelf = Shelf::new(self.disk.copied(), None);
        let state = state_of(&memory, &notes, &histories, |away| {
            let mut item = Vec::new();
            shelf.fetch(away, &mut item).unwrap_or_else(|error| panic!("{error}"));
            item
        });
        let there = self.states.iter().rposition(|(_, known)| *known == state);
        let there = there.or_else(|| self.states.is_empty().then_some(0)).expect("a state that there was");
        assert!(there + 1 >= self.told, "state {there}, and somebody was told of {}", self.told);
        self.states.truncate(there);
        self.states.push((log.tail.end(), state));
        self.told = self.states.len();
        // The machine's clock may have been set back.
        self.now = latest.max(Time::from_millis(self.now.as_millis() - self.random.below(1_000)));
        Some(Running { memory, notes, histories, log })
    }

    pub(super) fn run(&mut self, it: &mut Running) -> std::io::Result<()> {
        for _ in 0..self.random.below(40) {
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
            if self.odds(25) {
                let from = it.log.tail.end();
                let group = it.log.tail.take(true);
                it.log.segments.write(group)?;
                self.told = self.states.len();
                state::write(&self.disk, &state::saved(&it.memory, &it.notes, &it.histories), from)?;
                let mut needed = it.histories.segments();
                needed.extend(state::needed(&it.memory).into_keys());
                let is_unused = |segment: &u32| *segment < from.segment && !needed.contains(segment);
                it.log.maker.remove(segments(&self.disk)?.into_iter().filter(is_unused))?;
            }
        }
        Ok(())
    }

    /// Executes something, and adds what has to be kept to the log.
    fn step(&mut self, it: &mut Running) {
        let jump = [0, 1, 1, 10, 1_000, 40_000][self.random.below(6) as usize];
        self.now = self.now.after(Duration::from_millis(self.random.below(jump + 1)));
        let (now, queue, topic) = (self.now, self.name(b"ab"), self.name(b"st"));
        let Running { memory, notes, histories, log } = it;
        let mut keep = |tail: &mut Tail, executed: &Executed<'_>| {
            let begin = tail.append(|out| executed.write(out))?;
            executed.lies((begin, tail.end()), histories);
            Some((begin, tail.end()))
        };
        let (mut added, mut before) = (false, log.tail.end());
        if self.odds(20) {
            let note: Option<&[u8]> = if self.random.bits().is_multiple_of(2) { Some(b"{}") } else { None };
            match note {
                Some(note) => drop(notes.insert(queue, note.into())),
                None => drop(notes.remove(&queue)),
            }
            log.tail.append(|out| super::body::Body::write_note(&queue, note, out)).unwrap();
            added = true;
        } else if self.odds(20) {
            let mut found = Vec::new();
            memory.elsewhere(|of, record, from| found.extend((*of == queue).then_some((record, from))));
            found.truncate(self.random.below(4) as usize);
            let data = found.iter().map(|(_, from)| {
                let mut item = Vec::new();
                assert!(shelf::copy(&self.entries[&from.place], from, &mut item));
                item
            });
            let data: Vec<_> = data.collect();
            let moved = found.iter().zip(&data);
            let moved: Vec<_> =
                moved.map(|((record, from), data)| Moved { record: *record, from: *from, data }).collect();
            let moves = Moves::of(&moved);
            before = log.tail.begin(2_000);
            let relocate = |memory: &mut Memory<Rooms>| {
                let gone = memory.relocate(&queue, &moves);
                (gone, (!found.is_empty()).then_some(Call::Move(queue, moves)))
            };
            let gone = call(memory, now, before, relocate, |executed| added = keep(&mut log.tail, executed).is_some());
            assert_eq!((gone, added), (0, !found.is_empty()), "all are where they were");
        } else if self.odds(6) {
            if memory.is_due(Kind::Queue, &queue, now) {
                let advance = |memory: &mut Memory<Rooms>| {
                    memory.advance(Kind::Queue, &queue, now);
                    ((), Some(Call::Advance(Kind::Queue, queue)))
                };
                call(memory, now, log.tail.end(), advance, |executed| added = keep(&mut log.tail, executed).is_some());
                assert!(added);
            }
        } else {
            let text: Vec<u8> = (0..self.random.below(120)).map(|_| b'a' + self.random.below(26) as u8).collect();
            self.pieces.extend(text.split(|byte| *byte == b'x').map(<[u8]>::to_vec));
            let tokens = self.tokens.join("\n");
            let command = self.command(queue, topic, &text, &tokens);
            assert!(log.tail.has_room(HEADER + super::most_bytes(&command).0.min(2_000)));
            let (mut tokens, mut left) = (Vec::new(), self.random.below(5));
            let sink = &mut |part: Part<'_>| {
                if let Part::Item(item) = part {
                    let Some(less) = u64::checked_sub(left, 1) else { return ControlFlow::Break(()) };
                    left = less;
                    tokens.extend(item.item.token.map(|token| token.to_string()));
                }
                ControlFlow::Continue(())
            };
            before = log.tail.begin(HEADER + super::most_bytes(&command).0.min(2_000));
            let (_, kept) = execute(memory, &command, now, sink, before, |executed| {
                let kept = keep(&mut log.tail, executed);
                if let Some((begin, end)) = kept {
                    let len = (end.offset - begin.offset) as usize;
                    assert!(len <= HEADER + super::most_bytes(&command).0, "{command:?} takes {len}");
                }
                kept.is_some()
            });
            self.tokens.extend(tokens);
            if self.tokens.len() > 8 {
                self.tokens.drain(..4);
            }
            assert_ne!(kept, Some(false));
            added = kept == Some(true);
        }
        if let Some(entry) = log.tail.group().from(before).filter(|_| added) {
            self.entries.insert(before.number(), entry.to_vec());
        }
        let state = state_of(memory, notes, histories, |away| {
            let mut item = Vec::new();
            assert!(shelf::copy(&self.entries[&away.place], away, &mut item));
            assert!(self.pieces.contains(&item), "{away:?} is nothing that was put");
            item
        });
        match self.states.last_mut() {
            Some((_, last)) if !added => assert_eq!(*last, state, "what changes something is kept"),
            _ => self.states.push((log.tail.end(), state)),
        }
        for queue in [b"a", b"b"].map(|name| Name::new(name).unwrap()) {
            let show = Command::QueueStats { queue, reset: false };
            if memory.has(Kind::Queue, &queue) && !memory.is_due_for(&show, now) {
                let law = &mut |part: Part<'_>| {
                    if let Part::QueueStats(stats) = part {
                        assert!(stats.counters.balanced(), "{stats:?}");
                    }
                    ControlFlow::Continue(())
                };
                execute(memory, &show, now, law, Position::ZERO, |_| ());
            }
        }
    }

    fn name(&mut self, of: &[u8]) -> Name {
        Name::new(&[of[self.random.below(of.len() as u64) as usize]]).unwrap()
    }

    fn command<'a>(&mut self, queue: Name, topic: Name, text: &'a [u8], tokens: &'a str) -> Command<'a> {
        let id = self.odds(4).then(|| Id::cut(&[b'0' + self.random.below(4) as u8]));
        let pieces = Pieces::split(Data::Plain(text), b"x");
        let span = Duration::from_millis(1 + self.random.below(5_000));
        match self.random.below(24) {
            0..5 => Command::Put { queue, items: pieces, delay: if self.odds(4) { span } else { Duration::ZERO }, id },
            5..9 => Command::Publish { topic, messages: pieces, id },
            9 => Command::Get { queue, items: 1 + self.random.below(4), lease: Lease::None },
            10..14 => Command::Get { queue, items: 1 + self.random.below(4), lease: Lease::For(Some(span)) },
            14..17 => {
                let how = match self.random.below(3) {
                    0 => Settle::Ack,
                    1 => Settle::Nack { delay: span, reason: Reason::cut(b"why") },
                    _ => Settle::Touch(Some(span)),
                };
                Command::Settle { queue, tokens: Tokens::new(tokens.as_bytes()), how }
            }
            17 => Command::Redrive { queue },
            18 => [Command::Pause { queue }, Command::Resume { queue }, Command::Empty { queue }]
                [self.random.below(3) as usize],
            19 => Command::SetQueue {
                name: queue,
                change: QueueChange {
                    topic: Some(self.odds(2).then_some(topic)),
                    max_depth: Some(self.odds(2).then(|| self.random.below(9))),
                    max_attempts: Some(self.odds(2).then_some(2)),
                    ttl: Some(self.odds(3).then_some(span)),
                    dead_letter: Some(self.odds(3).then(|| Name::new(b"b").unwrap()).filter(|name| *name != queue)),
                    ..QueueChange::default()
                },
            },
            20 => Command::SetTopic {
                name: topic,
                change: TopicChange { max_age: Some(self.odds(2).then_some(span)), ..TopicChange::default() },
            },
            21 => {
                let (kind, name) = if self.odds(2) { (Kind::Topic, topic) } else { (Kind::Queue, queue) };
                Command::Remove { kind, name }
            }
            22 => Command::QueueStats { queue, reset: self.odds(2) },
            _ => Command::Peek { queue, state: State::Ready, items: 3 },
        }
    }
}

#[test]
fn after_any_crash_the_state_is_one_that_there_was_and_nothing_told_is_lost() {
    seeds(|seed| {
        let mut world = World::new(seed);
        for _ in 0..4 {
            let operations = 1 + world.random.below(150);
            if world.odds(3) {
                world.disk.set_faults(Faults { short: 4, write: 40, sync: 40, full: 40 });
            }
            world.disk.crash_after(operations);
            if let Some(mut running) = world.open() {
                let _ = world.run(&mut running);
            }
            if world.odds(4) { world.disk.set_working() } else { world.disk.restart() }
        }
        world.open().expect("the disk works");
    });
}

#[test]
fn what_is_lost_of_the_log_is_named_and_nothing_goes_on_without_it() {
    let mut world = World::new(3);
    let mut running = world.open().unwrap();
    let begin = running.log.tail.end();
    for _ in 0..20 {
        world.step(&mut running);
        let group = running.log.tail.take(true);
        running.log.segments.write(group).unwrap();
    }
    world.disk.flip(&format!("{:010}.log", begin.segment), begin.offset as usize * 8 + 100);
    let budget = Budget::telling(MEMORY);
    budget.refuse_again(Some(Vec::new()));
    let found = state::find(&world.disk, 4_000, Rooms::alone(budget).keeping(0), DEFAULTS);
    let Err(state::StateError::Damaged(damage)) = found else { panic!("it goes on") };
    assert_eq!(damage.len(), 1);
    assert_eq!(damage[0].at, begin);
}
