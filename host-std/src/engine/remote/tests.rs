//! Gateways over a log that is a list, from a seed: whatever happens in between, all have the same in the end.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{
    Allowance, Command, Data, Engine as _, Id, Kind, Lease, Name, Outcome, Part, Pieces, Prefix, QueueChange,
    QueueSettings, Reason, Settle, Sink, Tokens, TopicSettings,
};
use streamgauge_core::generate::Rng;
use streamgauge_core::queue::leases::State;
use streamgauge_core::time::Time;
use streamgauge_core::topic::From;
use tokio::task::LocalSet;

use super::*;
use crate::engine::memory::{self, Budget, Message, Rooms, Shard};

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
struct Gateway {
    shard: Arc<Shard>,
    order: Arc<Order>,
    next: u64,
}

impl Gateway {
    fn new(number: u64, saved: &[u8]) -> Self {
        let order = Arc::new(Order::new(number, Duration::from_secs(3_600)));
        let shard = Arc::new(Shard::ordered(&settings(), rooms(), Arc::clone(&order), Budget::new(1 << 20), None));
        let (memory, replica, group) = restore(saved, rooms()).unwrap();
        assert_eq!(group, GROUP);
        let next = replica.seen().position + 1;
        shard.join(memory, replica);
        shard.arrive();
        order.set_away(None);
        Self { shard, order, next }
    }

    fn saved(&self) -> Vec<u8> {
        self.shard.saved(GROUP).unwrap()
    }
}

/// What a group begins with.
fn first() -> Vec<u8> {
    save(&mut Memory::with_defaults(rooms(), settings().defaults), &Replica::default(), GROUP)
}

/// What happens.
struct World {
    random: Rng,
    now: Time,
    log: Vec<(Time, Vec<u8>)>,
    gateways: Vec<Gateway>,
    saved: Vec<Vec<u8>>,
    made: u64,
    asked: usize,
    /// Answers, and tokens that were lent.
    answers: Rc<RefCell<(Vec<Outcome>, Vec<String>)>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let saved = vec![first()];
        let gateways = (0..3).map(|number| Gateway::new(number, &saved[0])).collect();
        let now = Time::from_millis(1_000_000);
        let random = Rng::new(seed);
        Self { random, now, log: Vec::new(), gateways, saved, made: 0, asked: 0, answers: Rc::default() }
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
        match self.below(20) {
            0..8 => self.ask(who),
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
                self.gateways[who] = Gateway::new(number, &self.saved[at]);
                self.asked = usize::MAX;
            }
            _ => drop(self.gateways[who].order.propose_to_save()),
        }
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }

    /// A message for the log, if anything has gathered there.
    fn write(&mut self, who: usize) {
        let key = [self.random.below(u64::MAX), self.random.below(u64::MAX)];
        let gateway = &self.gateways[who];
        let Some(batch) = gateway.order.take(gateway.shard.seen(), key) else { return };
        // The engine's clock may be set back.
        let jump = [1, 20, 2_000, 70_000][self.below(4)];
        self.now = self.now.after(Duration::from_millis(self.random.below(jump)));
        let at = if self.below(9) == 0 { Time::from_millis(self.now.as_millis() - 900) } else { self.now };
        self.gateways[who].order.taken(&batch);
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
    async fn read_one(&mut self, who: usize) {
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

    /// A client asks, and waits for the answer.
    fn ask(&mut self, who: usize) {
        let (queue, topic) = (self.name(b"abc"), self.name(b"stuv"));
        self.made += 1;
        self.asked = self.asked.saturating_add(1);
        let more = "y".repeat(self.below(300));
        let data = format!("{} {more}", self.made).into_bytes();
        let id = (self.below(3) == 0).then(|| Id::cut(&[b'i', b'0' + self.below(8) as u8]));
        let delay = Duration::from_millis([0, 0, 30_000][self.below(3)]);
        let kind = self.below(14);
        let (items, number) = (1 + self.random.below(3), self.below(4));
        let answers = Rc::clone(&self.answers);
        let tokens = {
            let (_, tokens) = &*answers.borrow();
            let from = tokens.len().saturating_sub(3);
            tokens[from..].join("\n")
        };
        let shard = Arc::clone(&self.gateways[who].shard);
        tokio::task::spawn_local(async move {
            let pieces = Pieces::whole(Data::Plain(&data));
            let tokens = Tokens::new(tokens.as_bytes());
            let command = match kind {
                0..3 => Command::Put { queue, items: pieces, delay, id },
                3..5 => Command::Publish { topic, messages: pieces, id },
                5 => Command::Get { queue, items, lease: Lease::None },
                6..8 => Command::Get { queue, items, lease: Lease::For(Some(Duration::from_secs(items * 20))) },
                8 => Command::Settle { queue, tokens, how: Settle::Ack },
                9 => {
                    let reason = Reason::cut(b"no");
                    Command::Settle { queue, tokens, how: Settle::Nack { delay, reason } }
                }
                10 => Command::SetQueue {
                    name: queue,
                    change: QueueChange {
                        topic: Some((number > 0).then_some(topic)),
                        max_attempts: Some(Some(2)),
                        dead_letter: Some((number > 1).then(|| Name::new(b"d").unwrap())),
                        ..QueueChange::default()
                    },
                },
                11 => [
                    Command::Pause { queue },
                    Command::Resume { queue },
                    Command::Empty { queue },
                    Command::Redrive { queue },
                ][number],
                12 => [
                    Command::QueueStats { queue, reset: true },
                    Command::TopicStats { topic, reset: true },
                    Command::Remove { kind: Kind::Topic, name: topic },
                    Command::Remove { kind: Kind::Queue, name: queue },
                ][number],
                _ => [
                    Command::Peek { queue, state: State::Leased, items: 9 },
                    Command::List { kind: Kind::Queue, prefix: Prefix::cut(b"") },
                    Command::Show { kind: Kind::Topic, name: topic },
                    Command::QueueStats { queue, reset: false },
                ][number],
            };
            let mut lent = Vec::new();
            let sink = &mut |part: Part<'_>| {
                if let Part::Item(item) = part {
                    lent.extend(item.item.token.map(|token| token.to_string()));
                }
                ControlFlow::Continue(())
            };
            let outcome = shard.execute(&command, sink).await;
            let (all, tokens) = &mut *answers.borrow_mut();
            all.push(outcome);
            tokens.extend(lent);
        });
    }

    /// Everything is written and read everywhere.
    async fn settle(&mut self) {
        for _ in 0..20 {
            for who in 0..self.gateways.len() {
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
}

fn in_a_world(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    LocalSet::new().block_on(&runtime, test());
}

#[test]
fn all_gateways_have_the_same_whoever_asked_and_whoever_was_killed() {
    crate::engine::disk::some_seeds(300, |seed| {
        in_a_world(async || {
            let mut world = World::new(seed);
            let steps = 20 + world.below(150);
            for _ in 0..steps {
                world.step().await;
            }
            world.settle().await;
            let (answers, _) = &*world.answers.borrow();
            assert!(world.asked > 100_000 || answers.len() == world.asked, "somebody was not answered");
            let all: Vec<_> = world.gateways.iter().map(Gateway::saved).collect();
            assert!(all.iter().all(|one| *one == all[0]), "they differ");
            let held: Vec<_> = world.gateways.iter().map(|gateway| gateway.shard.memory()).collect();
            assert!(held.iter().all(|one| *one == held[0]), "they hold {held:?}");
        });
    });
}

#[test]
fn a_gateway_that_came_to_something_else_stops() {
    in_a_world(async || {
        let mut world = World::new(7);
        let queue = Name::new(b"a").unwrap();
        let ask = async |world: &mut World, command: Command<'static>| {
            let shard = Arc::clone(&world.gateways[1].shard);
            let sink = |_: Part<'_>| ControlFlow::Continue(());
            tokio::task::spawn_local(async move { shard.execute(&command, &mut { sink }).await });
            tokio::task::yield_now().await;
            world.write(1);
            for who in 0..2 {
                let gateway = &mut world.gateways[who];
                let (at, bytes) = &world.log[gateway.next as usize - 1];
                let message = Message { position: gateway.next, at: *at, bytes };
                gateway.next += 1;
                gateway.shard.apply(&gateway.order, message).await?;
            }
            Ok::<_, Stop>(())
        };
        let items = Pieces::whole(Data::Plain(b"x"));
        ask(&mut world, Command::Put { queue, items, delay: Duration::ZERO, id: None }).await.unwrap();
        // One of them loses what the other has: it is found out behind the first answer that tells.
        let get = Command::Get { queue, items: 1, lease: Lease::None };
        world.gateways[0]
            .shard
            .with(|memory| memory.execute(&get, Time::ZERO, &mut |_: Part<'_>| ControlFlow::Continue(())));
        ask(&mut world, get).await.unwrap();
        assert_eq!(ask(&mut world, get).await, Err(Stop::Diverged(2)));
    });
}

#[test]
fn what_somebody_else_publishes_there_does_nothing_at_any_gateway() {
    in_a_world(async || {
        let mut world = World::new(5);
        for foreign in [&b""[..], b"{}", &[b'x'; 200]] {
            world.ask(0);
            world.log.push((world.now, foreign.to_vec()));
            world.settle().await;
        }
        let all: Vec<_> = world.gateways.iter().map(Gateway::saved).collect();
        assert!(all.iter().all(|one| *one == all[0]), "they differ");
        assert_eq!(world.gateways[0].next, world.log.len() as u64 + 1);
        // What a newer version writes is not passed over.
        let newer = Message { position: world.gateways[0].next, at: world.now, bytes: &[2; 99] };
        let Gateway { shard, order, .. } = &world.gateways[0];
        assert_eq!(shard.apply(order, newer).await, Err(Stop::Unknown(newer.position)));
    });
}

#[test]
fn who_has_seen_more_elsewhere_waits_until_it_has_come_here() {
    in_a_world(async || {
        let mut world = World::new(3);
        let topic = Name::new(b"t").unwrap();
        let [ahead, behind] = [0, 1].map(|who| Arc::clone(&world.gateways[who].shard));
        let publish = Command::Publish { topic, messages: Pieces::whole(Data::Plain(b"x")), id: None };
        for _ in 0..3 {
            let shard = Arc::clone(&ahead);
            tokio::task::spawn_local(async move {
                shard.execute(&publish, &mut { |_: Part<'_>| ControlFlow::Continue(()) }).await
            });
            tokio::task::yield_now().await;
            world.write(0);
        }
        for _ in 0..3 {
            world.read_one(0).await;
        }
        world.read_one(1).await;
        let first = behind.with(|memory| memory.topic(&topic).map(|topic| topic.origin())).unwrap();
        // What it has of one message: who goes on behind that, and with the next one, finds all.
        for (from, here) in [
            (From::Now, true),
            (From::First, true),
            (From::Time(Time::from_millis(u64::MAX)), true),
            (From::After(first), true),
            (From::Sequence(first + 1), true),
            (From::After(first + 1), false),
            (From::Sequence(first + 2), false),
        ] {
            assert_eq!(behind.has_at_hand(&topic, from), here, "{from:?}");
            assert!(ahead.has_at_hand(&topic, from), "{from:?}");
        }
        let seen = From::After(first + 2);
        let order = Arc::clone(&world.gateways[1].order);
        let waits = {
            let behind = Arc::clone(&behind);
            tokio::task::spawn_local(async move { behind.prepare(&order, &topic, seen).await })
        };
        tokio::task::yield_now().await;
        world.write(1);
        for _ in 0..2 {
            world.read_one(1).await;
            tokio::task::yield_now().await;
            assert!(!waits.is_finished());
        }
        world.read_one(1).await;
        assert_eq!(waits.await.unwrap(), Ok(()));
        assert!(behind.has_at_hand(&topic, seen));
    });
}

#[test]
fn what_can_not_be_proposed_says_why_and_nothing_is_left_behind() {
    in_a_world(async || {
        let gateway = Gateway::new(1, &first());
        let put = |data| Command::Put {
            queue: Name::MAIN,
            items: Pieces::whole(Data::Plain(data)),
            delay: Duration::ZERO,
            id: None,
        };
        gateway.order.set_longest(1_000);
        let long = vec![b'x'; 2_000];
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        let outcome = gateway.shard.execute(&put(&long), sink).await;
        assert!(matches!(outcome, Outcome::Refused(streamgauge_core::engine::Refusal::TooLarge { .. })), "{outcome:?}");
        assert!(gateway.order.take(Seen::default(), [0; 2]).is_none());
        gateway.order.set_away(Some("a test".to_owned()));
        assert_eq!(gateway.shard.execute(&put(b"x"), sink).await, Outcome::Refused(AWAY));
        gateway.order.set_away(None);
        let shard = Arc::clone(&gateway.shard);
        let asked = tokio::task::spawn_local(async move {
            let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
            shard.execute(&put(b"x"), sink).await
        });
        tokio::task::yield_now().await;
        let batch = gateway.order.take(Seen::default(), [0; 2]).unwrap();
        gateway.order.refuse(&batch, UNKNOWN);
        assert_eq!(asked.await.unwrap(), Outcome::Refused(UNKNOWN));
        // As much waits as there is room for, and no more; what the engine has taken makes room.
        let advance = || gateway.order.propose(Call::Advance(Kind::Queue, Name::MAIN));
        let waiting = (0..).take_while(|_| advance()).count();
        assert!((100_000..1_000_000).contains(&waiting), "{waiting}");
        let batch = gateway.order.take(Seen::default(), [0; 2]).unwrap();
        assert!(!advance());
        gateway.order.taken(&batch);
        assert!(advance());
        while let Some(batch) = gateway.order.take(Seen::default(), [0; 2]) {
            gateway.order.taken(&batch);
        }
        // Whoever goes is forgotten.
        let shard = Arc::clone(&gateway.shard);
        let asked = tokio::task::spawn_local(async move {
            let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
            shard.execute(&put(b"x"), sink).await
        });
        tokio::task::yield_now().await;
        asked.abort();
        let _ = asked.await;
        assert!(gateway.order.is_idle());
    });
}

/// Has so much room for items, of which it keeps what it is asked to, and writes down what is told.
struct Bounded {
    most: u64,
    kept: Vec<u64>,
    items: Vec<Vec<u8>>,
}

impl Sink for Bounded {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        if let Part::Item(item) = part {
            self.items.push(item.item.data.into());
        }
        ControlFlow::Continue(())
    }

    fn allowance(&self) -> Allowance {
        Allowance { bytes: 10, first: self.most, beside: 0, factor: 1 }
    }

    fn keep(&mut self, bytes: u64) -> u64 {
        self.kept.push(bytes);
        bytes.max(5).min(self.most)
    }
}

#[test]
fn an_item_for_which_there_is_no_room_stays_where_it_is() {
    in_a_world(async || {
        let mut world = World::new(11);
        let queue = Name::new(b"a").unwrap();
        let ask = async |world: &mut World, who: usize, command: Command<'static>, most| {
            let shard = Arc::clone(&world.gateways[who].shard);
            let asked = tokio::task::spawn_local(async move {
                let mut sink = Bounded { most, kept: Vec::new(), items: Vec::new() };
                (shard.execute(&command, &mut sink).await, sink.items, sink.kept)
            });
            tokio::task::yield_now().await;
            while !asked.is_finished() {
                world.write(who);
                while world.gateways[who].next as usize <= world.log.len() {
                    world.read_one(who).await;
                }
                tokio::task::yield_now().await;
            }
            asked.await.unwrap()
        };
        const ITEM: &[u8] = b"an item of twenty by";
        let items = Pieces::whole(Data::Plain(ITEM));
        let put = Command::Put { queue, items, delay: Duration::ZERO, id: None };
        ask(&mut world, 0, put, 0).await;
        for lease in [Lease::For(None), Lease::None] {
            let get = Command::Get { queue, items: 2, lease };
            let refused = Outcome::Refused(told::TOO_LONG);
            assert_eq!(ask(&mut world, 0, get, 19).await, (refused, vec![], vec![20]), "{lease:?}");
            assert_eq!(world.gateways[0].shard.with(|memory| memory.ready(&queue)), 1, "{lease:?}");
        }
        // As much is kept as is needed: one that has it knows, and another one finds out.
        let get = Command::Get { queue, items: 2, lease: Lease::None };
        assert_eq!(ask(&mut world, 0, get, 99).await, (Outcome::Told(1), vec![ITEM.to_vec()], vec![20]));
        ask(&mut world, 0, put, 0).await;
        assert_eq!(ask(&mut world, 1, get, 99).await, (Outcome::Told(1), vec![ITEM.to_vec()], vec![0, 20]));
        for who in [0, 2] {
            while world.gateways[who].next as usize <= world.log.len() {
                world.read_one(who).await;
            }
        }
        let all: Vec<_> = world.gateways.iter().map(Gateway::saved).collect();
        assert!(all.iter().all(|one| *one == all[0]), "they differ");
    });
}
