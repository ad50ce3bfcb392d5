//! Gateways over a log that is a list, from a seed: whatever happens in between, all have the same in the end, which is what
//! one memory comes to that executes the same, and all who asked were told of it.

mod question;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use streamgauge_core::engine::journal::{Call, Entry};
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Command, Engine as _, Id, Kind, Name, Outcome, Part, QueueSettings, TopicSettings};
use streamgauge_core::generate::Rng;
use streamgauge_core::time::Time;
use tokio::task::LocalSet;

use self::question::{Question, counted};
use super::replica::Digest;
use super::*;
use crate::engine::disk::{Notes, is_lawful};
use crate::engine::memory::{self, Budget, Drawn, Message, Rooms, Shard};

const MEMORY: u64 = 4 << 20;
const GROUP: Group = Group { memory: MEMORY, max_names: 8 };

fn settings() -> memory::Settings {
    let defaults = Defaults {
        topic: TopicSettings { bytes: 2_000, max_message_bytes: 400, ..TopicSettings::DEFAULT },
        queue: QueueSettings { bytes: 3_000, max_item_bytes: 400, ..QueueSettings::DEFAULT },
        first: 100,
        ..Defaults::default()
    };
    memory::Settings { defaults, main_topic: None, main_queue: None, max_names: 8, max_waiting: 100 }
}

fn rooms() -> Rooms {
    Rooms::of_group(Budget::new(MEMORY), Budget::new(1 << 20), 8)
}

/// A gateway, and how far it has read.
pub(super) struct Gateway {
    pub(super) shard: Arc<Shard>,
    pub(super) order: Arc<Order>,
    pub(super) next: u64,
    asked: Rc<RefCell<Asked>>,
}

/// What clients of a gateway have asked, since it began.
#[derive(Default)]
struct Asked {
    /// Those who wait.
    waiting: usize,
    /// What the others were told that was in the log, in its order.
    told: Vec<Told>,
}

/// What became of a command, and what was told of it.
type Told = (Outcome, Vec<String>);

impl Gateway {
    pub(super) fn new(number: u64, saved: &[u8]) -> Self {
        let it = Self::joining(number, saved);
        it.shard.arrive();
        it.order.set_away(None);
        it
    }

    /// One that has yet to read what the others did since.
    pub(super) fn joining(number: u64, saved: &[u8]) -> Self {
        let order = Arc::new(Order::new(number, Duration::from_secs(3_600)));
        let shard = Arc::new(Shard::ordered(&settings(), rooms(), Arc::clone(&order), Budget::new(1 << 20), None));
        let saved = Saved::read(saved).unwrap();
        assert_eq!(saved.group, GROUP);
        let (memory, replica) = saved.restore(rooms()).unwrap();
        let next = replica.seen().position + 1;
        shard.join(memory, replica);
        Self { shard, order, next, asked: Rc::default() }
    }

    pub(super) fn saved(&self) -> Vec<u8> {
        self.shard.saved(GROUP).unwrap()
    }
}

/// What a group begins with.
pub(super) fn first() -> Vec<u8> {
    save(&mut Memory::with_defaults(rooms(), settings().defaults), &Replica::default(), GROUP)
}

/// What happens.
pub(super) struct World {
    random: Rng,
    pub(super) now: Time,
    pub(super) log: Vec<(Time, Vec<u8>)>,
    pub(super) gateways: Vec<Gateway>,
    saved: Vec<Vec<u8>>,
    made: u64,
    /// What those were told who asked gateways that were killed, by the gateway.
    of_killed: Vec<(u64, Rc<RefCell<Asked>>)>,
    /// Of messages of the log whose clients were told that nobody knows: the gateway, and the first proposal.
    unknown: BTreeSet<(u64, u64)>,
    /// Tokens that were lent, and the queue of each.
    tokens: Rc<RefCell<Vec<(Name, String)>>>,
    /// How often each kind of question was answered with what it asks for, or refused as it is by a gateway alone.
    pub(super) counted: Rc<RefCell<BTreeMap<String, u64>>>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let saved = vec![first()];
        Self {
            random: Rng::new(seed),
            now: Time::from_millis(1_000_000),
            log: Vec::new(),
            gateways: (0..3).map(|number| Gateway::new(number, &saved[0])).collect(),
            saved,
            made: 0,
            of_killed: Vec::new(),
            unknown: BTreeSet::new(),
            tokens: Rc::default(),
            counted: Rc::default(),
        }
    }

    fn below(&mut self, most: usize) -> usize {
        self.random.below(most as u64) as usize
    }

    fn name(&mut self, of: &[u8]) -> Name {
        let at = self.below(of.len());
        Name::new(&of[at..=at]).unwrap()
    }

    async fn step(&mut self) {
        let who = self.below(self.gateways.len());
        match self.below(21) {
            0..8 => self.ask(who),
            8 if self.below(4) == 0 => self.write_unheard(who),
            8..12 => self.write(who),
            12..17 => self.read(who).await,
            17 => {
                let (queue, gateway) = (self.name(b"ab"), &self.gateways[who]);
                gateway.order.propose(Call::Advance(Kind::Queue, queue));
            }
            18 if self.below(5) == 0 => {
                // It is killed, and begins anew.
                let number = 1_000 + self.random.below(u64::MAX - 1_000);
                let at = self.below(self.saved.len());
                let killed = std::mem::replace(&mut self.gateways[who], Gateway::new(number, &self.saved[at]));
                self.of_killed.push((killed.order.gateway(), killed.asked));
            }
            18 => self.note(who),
            19 => {
                let is_away = self.below(6) == 0;
                self.gateways[who].order.set_away(is_away.then(|| "a test".to_owned()));
            }
            _ => _ = self.gateways[who].order.propose_to_save(),
        }
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }

    /// A message for the log, if anything has gathered there.
    pub(super) fn write(&mut self, who: usize) {
        if let Some(batch) = self.take(who) {
            self.gateways[who].order.taken(&batch);
            self.push(&batch);
        }
    }

    /// The same, of which nobody knows whether it came there.
    fn write_unheard(&mut self, who: usize) {
        let Some(batch) = self.take(who) else { return };
        if self.below(2) == 0 {
            self.push(&batch);
        }
        let (head, _) = Head::read(&batch.bytes).unwrap();
        self.unknown.insert((head.gateway, head.first));
        self.gateways[who].order.refuse(&batch, UNKNOWN);
    }

    fn take(&mut self, who: usize) -> Option<order::Batch> {
        let key = [self.random.below(u64::MAX), self.random.below(u64::MAX)];
        let gateway = &self.gateways[who];
        gateway.order.take(gateway.shard.seen(), key)
    }

    fn push(&mut self, batch: &order::Batch) {
        // The engine's clock may be set back.
        let jump = [1, 1, 20, 20, 2_000, 2_000, 70_000][self.below(7)];
        self.now = self.now.after(Duration::from_millis(self.random.below(jump)));
        let at = if self.below(9) == 0 { Time::from_millis(self.now.as_millis() - 900) } else { self.now };
        self.log.push((at, batch.bytes.to_vec()));
    }

    /// Some messages of the log.
    async fn read(&mut self, who: usize) {
        let some = 1 + self.below(4);
        for _ in 0..some {
            self.read_one(who).await;
        }
    }

    /// The next message of the log, if there is one.
    pub(super) async fn read_one(&mut self, who: usize) {
        let gateway = &mut self.gateways[who];
        let Some((at, bytes)) = self.log.get(gateway.next as usize - 1) else { return };
        let message = Message { position: gateway.next, at: *at, bytes };
        let has_to_save = gateway.shard.apply(&gateway.order, message).await.unwrap();
        gateway.next += 1;
        if has_to_save {
            self.saved.push(gateway.saved());
            gateway.order.propose_saved(message.position);
        }
    }

    /// What clients have asked the first gateway since comes to all of them, as one message, and they are told.
    pub(super) async fn round(&mut self) {
        tokio::task::yield_now().await;
        self.write(0);
        for who in 0..self.gateways.len() {
            self.read_one(who).await;
        }
        tokio::task::yield_now().await;
    }

    /// A client asks, and waits for the answer.
    pub(super) fn ask(&mut self, who: usize) {
        let (queue, topic) = (self.name(b"ab"), self.name(b"stu"));
        self.made += 1;
        let more = "y".repeat(self.below(300));
        let data = format!("{} {more}", self.made).into_bytes();
        let id = (self.below(3) == 0).then(|| Id::cut(&[b'i', b'0' + self.below(8) as u8]));
        let delay = Duration::from_millis([0, 0, 30_000][self.below(3)]);
        let kind = self.below(17);
        let (items, number) = (1 + self.random.below(3), self.below(4));
        let before = self.below(3);
        let lent = self.tokens.borrow().iter().rev().nth(before).cloned();
        let question = Question { kind, number, queue, topic, items, delay, data, lent, id };
        let Gateway { shard, asked, .. } = &self.gateways[who];
        let (shard, asked) = (Arc::clone(shard), Rc::clone(asked));
        let (all_tokens, all) = (Rc::clone(&self.tokens), Rc::clone(&self.counted));
        asked.borrow_mut().waiting += 1;
        tokio::task::spawn_local(async move {
            let command = question.command();
            let (mut lent, mut told) = (Vec::new(), Vec::new());
            let sink = &mut |part: Part<'_>| {
                if let Part::Item(item) = part {
                    lent.extend(item.item.token.map(|token| (question.queue, token.to_string())));
                }
                told.push(format!("{part:?}"));
                is_lawful(part)
            };
            let (outcome, is_logged) = {
                let mut executing = pin!(shard.execute(&command, sink));
                // What is answered at once is in no log.
                match poll_fn(|context| Poll::Ready(executing.as_mut().poll(context))).await {
                    Poll::Ready(outcome) => (outcome, false),
                    Poll::Pending => (executing.await, true),
                }
            };
            if let Some(name) = counted(&command, &outcome) {
                *all.borrow_mut().entry(name).or_default() += 1;
            }
            all_tokens.borrow_mut().extend(lent);
            let mut asked = asked.borrow_mut();
            asked.waiting -= 1;
            // What came too late is proposed again, and the engine may be away by then.
            if is_logged && ![UNKNOWN, order::UNKNOWN_ITEMS, AWAY].map(Outcome::Refused).contains(&outcome) {
                // Which tokens are over is told as they were written, which is not in the log.
                told.retain(|_| !matches!(command, Command::Settle { .. }));
                asked.told.push((outcome, told));
            }
        });
    }

    /// A gateway keeps a note, or keeps it no more.
    fn note(&mut self, who: usize) {
        let (name, note) = (self.name(b"no"), self.below(3) > 0);
        self.made += 1;
        let text = self.made.to_string();
        let Gateway { order, asked, .. } = &self.gateways[who];
        let (order, asked, all) = (Arc::clone(order), Rc::clone(asked), Rc::clone(&self.counted));
        asked.borrow_mut().waiting += 1;
        tokio::task::spawn_local(async move {
            let noted = order.note(&name, note.then_some(text.as_bytes())).await;
            let mut asked = asked.borrow_mut();
            asked.waiting -= 1;
            if noted.is_ok() {
                *all.borrow_mut().entry("Note".to_owned()).or_default() += 1;
                asked.told.push((Outcome::Changed, Vec::new()));
            }
        });
    }

    /// Everything is written and read everywhere.
    pub(super) async fn settle(&mut self) {
        for _ in 0..20 {
            for who in 0..self.gateways.len() {
                self.gateways[who].order.set_away(None);
                self.write(who);
            }
            for who in 0..self.gateways.len() {
                while (self.gateways[who].next as usize) <= self.log.len() {
                    self.read(who).await;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Executes all that is in the log; returns what that comes to, and what those have to be told who asked for it, by
    /// the gateway.
    fn replayed(&self) -> (Vec<u8>, BTreeMap<u64, Vec<Told>>) {
        let (mut memory, _) = Saved::read(&self.saved[0]).unwrap().restore(rooms()).unwrap();
        let (mut now, mut notes, mut told) = (Time::ZERO, Notes::new(), BTreeMap::<u64, Vec<Told>>::new());
        for (at, bytes) in &self.log {
            now = now.max(*at);
            let (head, mut rest) = Head::read(bytes).unwrap();
            for number in head.first.. {
                if rest.is_empty() {
                    break;
                }
                let (until, proposal) = Proposal::next(&mut rest).unwrap();
                if now > until {
                    continue;
                }
                let one = match proposal {
                    Proposal::Note(name, note) => {
                        notes.insert(name, note.into());
                        Some((Outcome::Changed, Vec::new()))
                    }
                    Proposal::NoNote(name) => {
                        notes.remove(&name);
                        Some((Outcome::Changed, Vec::new()))
                    }
                    Proposal::Execute(allowance, entry) => {
                        memory.host_mut().draw_of(Some(Drawn::of(head.key, number)));
                        match Entry::decode(entry, Time::ZERO).unwrap().call {
                            Call::Execute(command) => {
                                assert_eq!(allowance, streamgauge_core::engine::Allowance::ALL);
                                Some(executed(&mut memory, &command, now))
                            }
                            Call::Advance(kind, name) => {
                                if memory.is_due(kind, &name, now) {
                                    memory.advance(kind, &name, now);
                                }
                                None
                            }
                            other => panic!("nobody asked for {other:?}"),
                        }
                    }
                    Proposal::Save | Proposal::Saved(_) => None,
                };
                if !self.unknown.contains(&(head.gateway, head.first)) {
                    told.entry(head.gateway).or_default().extend(one);
                }
            }
        }
        memory.host_mut().draw_of(None);
        let Seen { position, digest } = self.gateways[0].shard.seen();
        assert_eq!(position, self.log.len() as u64);
        let saved = save(&mut memory, &Replica::at(position, now, Digest(digest), notes), GROUP);
        for queue in [&b"a"[..], b"b", b"c", b"d"].map(|name| Name::new(name).unwrap()) {
            executed(&mut memory, &Command::QueueStats { queue, reset: false }, now);
        }
        (saved, told)
    }
}

fn executed(memory: &mut Memory<Rooms>, command: &Command<'_>, now: Time) -> Told {
    let mut told = Vec::new();
    let outcome = memory.execute(command, now, &mut |part: Part<'_>| {
        told.push(format!("{part:?}"));
        is_lawful(part)
    });
    told.retain(|_| !matches!(command, Command::Settle { .. }));
    (outcome, told)
}

pub(super) fn in_a_world(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    LocalSet::new().block_on(&runtime, test());
}

/// Each of these comes to something so often, in so many seeds.
const SEEDS: u64 = 300;
const LEAST: u64 = 30;
const KINDS: [&str; 25] = [
    "Put",
    "Publish",
    "Get",
    "Ack",
    "Nack",
    "Touch",
    "SetQueue",
    "SetTopic",
    "Pause",
    "Resume",
    "Empty",
    "Redrive",
    "QueueStats",
    "TopicStats",
    "Remove",
    "PeekReady",
    "PeekLeased",
    "PeekDelayed",
    "Dump",
    "List",
    "Show",
    "Note",
    "UNKNOWN",
    "AWAY",
    "killed",
];

#[test]
fn all_gateways_have_what_one_comes_to_and_all_who_asked_are_told_whoever_was_killed() {
    let (counted, seeds) = (Mutex::new(BTreeMap::<String, u64>::new()), AtomicU64::new(0));
    crate::engine::disk::some_seeds(SEEDS, |seed| {
        in_a_world(async || {
            let mut world = World::new(seed);
            let steps = 50 + world.below(250);
            for _ in 0..steps {
                world.step().await;
            }
            world.settle().await;
            let (state, mut told) = world.replayed();
            for (who, gateway) in world.gateways.iter().enumerate() {
                assert!(gateway.saved() == state, "gateway {who} has something else");
                let asked = gateway.asked.borrow();
                assert_eq!(asked.waiting, 0, "somebody was not answered");
                assert_eq!(asked.told, told.remove(&gateway.order.gateway()).unwrap_or_default());
            }
            for (number, asked) in &world.of_killed {
                let told = told.remove(number).unwrap_or_default();
                assert!(told.starts_with(&asked.borrow().told), "{told:?}");
            }
            let held: Vec<_> = world.gateways.iter().map(|gateway| gateway.shard.memory()).collect();
            assert!(held.iter().all(|one| *one == held[0]), "they hold {held:?}");
            seeds.fetch_add(1, Ordering::Relaxed);
            let mut counted = counted.lock().unwrap();
            *counted.entry("killed".to_owned()).or_default() += world.of_killed.len() as u64;
            for (name, times) in &*world.counted.borrow() {
                *counted.entry(name.clone()).or_default() += times;
            }
        });
    });
    let counted = counted.into_inner().unwrap();
    println!("{counted:?}");
    let is_rare = |kind: &str| counted.get(kind).is_none_or(|times| *times < LEAST);
    assert!(seeds.into_inner() < SEEDS || !KINDS.iter().any(|kind| is_rare(kind)), "too few of some: {counted:?}");
}
