//! What is executed: of everything some.

use std::ops::ControlFlow;
use std::time::Duration;

use streamgauge_core::engine::journal::{Call, Moved, Moves};
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{
    Command, Data, Id, Kind, Lease, Name, Outcome, Part, Pieces, Published, QueueChange, Reason, Settle, Sink, Tokens,
    TopicChange,
};
use streamgauge_core::queue::leases;
use streamgauge_core::time::Time;

use super::{Change, Running, State, World};
use crate::engine::disk::body::Body;
use crate::engine::disk::log::{HEADER, Position};
use crate::engine::disk::{call, execute, most_bytes, shelf};
use crate::engine::memory::Rooms;

/// Bytes of a segment that no entry has.
const BESIDE: u32 = 100;

/// Bytes of an entry that moves items or makes time go on, at the most.
const LONG: usize = 1_000;

/// Where what was kept lies, if anything was; and what it did to topics.
pub(super) type Kept = (Option<Position>, Option<Change>);

impl Running {
    /// Executes a command, and adds what has to be kept of it to the log; returns where that lies.
    pub(in super::super) fn execute(
        &mut self,
        command: &Command<'_>,
        now: Time,
        sink: &mut dyn Sink,
    ) -> (Outcome, Option<Position>) {
        let most = HEADER + most_bytes(command).0;
        let place = self.begin(most);
        let Self { memory, histories, log, .. } = self;
        let (outcome, kept) = execute(memory, command, now, sink, place, |executed| {
            assert_eq!(log.tail.append(|out| executed.write(out)), Some(place));
            let end = log.tail.end();
            assert!((end.offset - place.offset) as usize <= most, "{command:?} takes more than {most}");
            executed.lies((place, end), histories);
        });
        (outcome, kept.map(|()| place))
    }

    /// Where an entry will be, of so many bytes or as many as a segment has.
    fn begin(&mut self, most: usize) -> Position {
        let most = most.min((self.log.maker.capacity() - BESIDE) as usize);
        assert!(self.log.tail.has_room(most));
        self.log.tail.begin(most)
    }

    /// Does something else with the engine.
    pub(in super::super) fn call<'c, R>(
        &mut self,
        now: Time,
        f: impl FnOnce(&mut Memory<Rooms>) -> (R, Option<Call<'c>>),
    ) -> (R, Option<Position>) {
        let place = self.begin(LONG);
        let (mut kept, Self { memory, histories, log, .. }) = (None, self);
        let result = call(memory, now, place, f, |executed| {
            kept = log.tail.append(|out| executed.write(out));
            executed.lies((place, log.tail.end()), histories);
        });
        (result, kept)
    }
}

impl World {
    /// Executes something, and adds what has to be kept to the log.
    pub(in super::super) fn step(&mut self, it: &mut Running) {
        let jump = [0, 1, 1, 10, 1_000, 40_000][self.random.below(6) as usize];
        self.now = self.now.after(Duration::from_millis(self.random.below(jump + 1)));
        let (queue, topic) = (self.name(b"ab"), self.name(b"st"));
        let before = self.states.last().map_or(Time::ZERO, |state| state.at);
        let mut at = self.now;
        let (place, change) = match self.random.below(60) {
            0..3 => {
                // It does not say when.
                at = before;
                (Some(self.note(it, queue)), None)
            }
            3..6 => (self.relocate(it, queue), None),
            6..14 => (self.advance(it, queue), None),
            14..20 => self.retell(it),
            _ => self.ask(it, queue, topic),
        };
        self.remember(it, place, (at, change));
        for queue in [b"a", b"b"].map(|name| Name::new(name).expect("a name")) {
            let show = Command::QueueStats { queue, reset: false };
            if it.memory.has(Kind::Queue, &queue) && !it.memory.is_due_for(&show, self.now) {
                it.execute(&show, self.now, &mut is_lawful);
            }
        }
    }

    /// The state that it has led to: another one, if anything was kept.
    fn remember(&mut self, it: &Running, place: Option<Position>, (at, change): (Time, Option<Change>)) {
        if let Some((place, entry)) = place.and_then(|place| Some((place, it.log.tail.group().from(place)?))) {
            self.entries.insert(place.number(), entry.to_vec());
        }
        let hash = it.hash(|away| {
            let item = self.item(away);
            assert!(self.pieces.contains(&item), "{away:?} is nothing that was put");
            item
        });
        match self.states.last() {
            Some(last) if place.is_none() => assert_eq!(last.hash, hash, "what changes something is kept"),
            _ => self.states.push(State { hash, at, change }),
        }
    }

    fn item(&self, away: &leases::Away) -> Vec<u8> {
        let mut item = Vec::new();
        assert!(shelf::copy(&self.entries[&away.place], away, &mut item));
        item
    }

    fn note(&mut self, it: &mut Running, name: Name) -> Position {
        let note: Option<&[u8]> = if self.odds(2) { Some(b"{}") } else { None };
        match note {
            Some(note) => drop(it.notes.insert(name, note.into())),
            None => drop(it.notes.remove(&name)),
        }
        it.log.tail.append(|out| Body::write_note(&name, note, out)).expect("there is room")
    }

    fn relocate(&mut self, it: &mut Running, queue: Name) -> Option<Position> {
        let mut found = Vec::new();
        it.memory.elsewhere(|of, record, from| found.extend((*of == queue).then_some((record, from))));
        found.truncate(self.random.below(4) as usize);
        let found: Vec<_> = found.into_iter().map(|(record, from)| (record, from, self.item(&from))).collect();
        let moved: Vec<_> =
            found.iter().map(|(record, from, data)| Moved { record: *record, from: *from, data }).collect();
        let moves = Moves::of(&moved);
        let (gone, kept) = it.call(self.now, |memory| {
            let gone = memory.relocate(&queue, &moves);
            (gone, (!moved.is_empty()).then_some(Call::Move(queue, moves)))
        });
        assert_eq!((gone, kept.is_some()), (0, !moved.is_empty()), "all are where they were");
        kept
    }

    fn advance(&mut self, it: &mut Running, queue: Name) -> Option<Position> {
        let now = self.now;
        if !it.memory.is_due(Kind::Queue, &queue, now) {
            return None;
        }
        let ((), kept) = it.call(now, |memory| {
            memory.advance(Kind::Queue, &queue, now);
            ((), Some(Call::Advance(Kind::Queue, queue)))
        });
        assert!(kept.is_some());
        kept
    }

    fn ask(&mut self, it: &mut Running, queue: Name, topic: Name) -> Kept {
        let count = 1 + self.random.below(4);
        let texts: Vec<_> = (self.made..self.made + count)
            .map(|number| format!("{number}-{}", "y".repeat(self.random.below(60) as usize)))
            .collect();
        self.made += count;
        self.pieces.extend(texts.iter().map(|text| text.clone().into_bytes()));
        let (text, tokens) = (texts.join("x"), self.tokens.join("\n"));
        let command = self.command(queue, topic, text.as_bytes(), &tokens);
        let (mut tokens, mut left) = (Vec::new(), self.random.below(5));
        let sink = &mut |part: Part<'_>| {
            if let Part::Item(item) = part {
                let Some(less) = u64::checked_sub(left, 1) else { return ControlFlow::Break(()) };
                left = less;
                tokens.extend(item.item.token.map(|token| token.to_string()));
            }
            ControlFlow::Continue(())
        };
        let (outcome, place) = it.execute(&command, self.now, sink);
        self.tokens.extend(tokens);
        if self.tokens.len() > 8 {
            self.tokens.drain(..4);
        }
        let max_age = it.memory.topic_settings(&topic).and_then(|settings| settings.max_age);
        let changed = |first, texts| Change::Changed { topic, first, texts, at: self.now, max_age };
        let change = match (command, outcome) {
            (Command::Publish { .. }, Outcome::Published(Published { first, duplicates: 0, .. })) => {
                Some(changed(first, texts))
            }
            (Command::SetTopic { .. }, _) => Some(changed(0, Vec::new())),
            (Command::Remove { kind: Kind::Topic, name }, _) => Some(Change::Removed(name)),
            _ => None,
        };
        (place, change)
    }

    fn name(&mut self, of: &[u8]) -> Name {
        Name::new(&[of[self.random.below(of.len() as u64) as usize]]).expect("a name")
    }

    fn command<'a>(&mut self, queue: Name, topic: Name, text: &'a [u8], tokens: &'a str) -> Command<'a> {
        let id = self.odds(4).then(|| Id::cut(&[b'0' + self.random.below(4) as u8]));
        let pieces = Pieces::split(Data::Plain(text), b"x");
        let span = Duration::from_millis(1 + self.random.below(5_000));
        if self.publishes && self.odds(2) {
            return Command::Publish { topic, messages: pieces, id };
        }
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
            _ => Command::Peek { queue, state: leases::State::Ready, items: 3 },
        }
    }
}

/// What is told of a queue: whatever was accepted is somewhere.
pub(in crate::engine) fn is_lawful(part: Part<'_>) -> ControlFlow<()> {
    if let Part::QueueStats(stats) | Part::Queue(_, _, stats) = part {
        assert!(stats.counters.balanced(), "{stats:?}");
    }
    ControlFlow::Continue(())
}
