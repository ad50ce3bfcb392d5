//! The log, the queue and the fan-out against plain models, under any sequence of operations.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::fanout::{Cursor, Delivery, Fanout, Id, Next, TooManySubscribers, Unsubscribed};
use streamgauge_core::log::{Log, prefix_len};
use streamgauge_core::queue::{Limits, Queue};

/// Where records lie, as the documentation of the log says: one behind the other; what does not fit before the end
/// of the storage goes to its start; an empty log begins anew.
#[derive(Debug, Default)]
struct Placement {
    capacity: usize,
    /// Offset and framed length of each record, and its bytes.
    records: VecDeque<(usize, usize, Vec<u8>)>,
}

impl Placement {
    fn new(capacity: usize) -> Self {
        Self { capacity, records: VecDeque::new() }
    }

    fn can_ever_hold(&self, record: &[u8]) -> bool {
        framed(record) <= self.capacity
    }

    /// Whether `record` found room.
    fn append(&mut self, record: &[u8]) -> bool {
        let needed = framed(record);
        let (Some(front), Some(back)) = (self.records.front(), self.records.back()) else {
            if needed <= self.capacity {
                self.records.push_back((0, needed, record.to_vec()));
            }
            return needed <= self.capacity;
        };
        let (head, tail) = (front.0, back.0 + back.1);
        let wrapped = self.records.iter().zip(self.records.iter().skip(1)).any(|(a, b)| b.0 < a.0);
        let at = if wrapped {
            (tail + needed <= head).then_some(tail)
        } else if tail + needed <= self.capacity {
            Some(tail)
        } else {
            (needed <= head).then_some(0)
        };
        if let Some(at) = at {
            self.records.push_back((at, needed, record.to_vec()));
        }
        at.is_some()
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        Some(self.records.pop_front()?.2)
    }

    fn contents(&self) -> Vec<Vec<u8>> {
        self.records.iter().map(|record| record.2.clone()).collect()
    }

    fn bytes(&self) -> u64 {
        self.records.iter().map(|record| record.2.len() as u64).sum()
    }
}

fn framed(record: &[u8]) -> usize {
    record.len() + prefix_len(record.len())
}

fn capacity() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), Just(1), Just(2), Just(3), Just(7), 4..64_usize, Just(131), 64..700_usize]
}

/// Numbers that the first record may have: far from the wrap, just before it, and on the other side of 2^63.
fn start() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), (0..40_u64).prop_map(|below| u64::MAX - below), Just(u64::MAX / 2), any::<u64>()]
}

fn record() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![4 => 0..6_usize, 4 => 0..40_usize, 1 => 120..135_usize];
    (length, any::<u8>()).prop_map(|(length, seed)| (0..length).map(|i| seed.wrapping_add(i as u8)).collect())
}

#[derive(Debug, Clone)]
enum LogStep {
    Append(Vec<u8>),
    Pop,
    /// A reader reads so many records.
    Read(u8),
    /// A reader goes to the start, to the end, or to a number near the first.
    Seek(i8),
}

fn log_step() -> impl Strategy<Value = LogStep> {
    prop_oneof![
        5 => record().prop_map(LogStep::Append),
        3 => Just(LogStep::Pop),
        3 => any::<u8>().prop_map(|n| LogStep::Read(n % 8)),
        1 => any::<i8>().prop_map(LogStep::Seek),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_log_is_a_list_of_records(capacity in capacity(), first in start(), steps in vec(log_step(), 0..120)) {
        let mut log = Log::starting_at(vec![0; capacity], first);
        let mut model = Placement::new(capacity);
        let (mut popped, mut appended, mut bytes_appended) = (0_u64, 0_u64, 0_u64);
        // A reader, as how many records and bytes there were before its place.
        let (mut reader, mut at, mut bytes_at) = (log.start(), 0_u64, 0_u64);
        for step in steps {
            match step {
                LogStep::Append(record) => {
                    let mut called = false;
                    let outcome = log.append(record.len(), |room| {
                        called = true;
                        room.copy_from_slice(&record);
                    });
                    let fits = model.append(&record);
                    prop_assert_eq!(outcome.is_ok(), fits);
                    prop_assert_eq!(called, fits);
                    prop_assert_eq!(log.can_hold(record.len()), model.can_ever_hold(&record));
                    if let Ok(sequence) = outcome {
                        prop_assert_eq!(sequence, first.wrapping_add(appended));
                        appended += 1;
                        bytes_appended += record.len() as u64;
                    }
                }
                LogStep::Pop => {
                    let expected = model.pop();
                    prop_assert_eq!(log.pop().map(<[u8]>::to_vec), expected.clone());
                    popped += u64::from(expected.is_some());
                }
                LogStep::Read(times) => {
                    for _ in 0..times {
                        let readable = at >= popped && at < appended;
                        let expected = readable.then(|| model.records[(at - popped) as usize].2.clone());
                        prop_assert_eq!(log.read(&mut reader).map(<[u8]>::to_vec), expected.clone());
                        at += u64::from(readable);
                        bytes_at += expected.map_or(0, |record| record.len() as u64);
                    }
                }
                LogStep::Seek(delta) => {
                    let target = popped as i64 + i64::from(delta);
                    reader = log.seek(first.wrapping_add(target as u64));
                    at = (target.max(popped as i64) as u64).min(appended);
                    bytes_at = bytes_appended - model.records.iter().skip((at - popped) as usize).map(|r| r.2.len() as u64).sum::<u64>();
                }
            }
            prop_assert_eq!(log.len(), model.records.len() as u64);
            prop_assert_eq!(log.is_empty(), model.records.is_empty());
            prop_assert_eq!(log.bytes(), model.bytes());
            prop_assert_eq!(log.front(), model.records.front().map(|record| &record.2[..]));
            prop_assert_eq!(log.iter(log.start()).map(<[u8]>::to_vec).collect::<Vec<_>>(), model.contents());
            prop_assert_eq!(log.start().sequence(), first.wrapping_add(popped));
            prop_assert_eq!(log.end().sequence(), first.wrapping_add(appended));
            prop_assert_eq!(reader.sequence(), first.wrapping_add(at));
            prop_assert_eq!(log.missed(&reader), popped.saturating_sub(at));
            prop_assert_eq!(log.pending(&reader), appended - at.max(popped));
            prop_assert_eq!(log.bytes_behind(&reader), bytes_appended - bytes_at);
        }
    }
}

#[derive(Debug, Clone)]
enum QueueStep {
    Put(Vec<u8>),
    Get,
    Peek,
    /// Records that are joined by commas.
    Mput(Vec<Vec<u8>>),
    /// Asks for so many, and takes so many of them.
    Mget(u64, u64),
    ResetHighWater,
}

fn queue_step() -> impl Strategy<Value = QueueStep> {
    prop_oneof![
        6 => record().prop_map(QueueStep::Put),
        3 => Just(QueueStep::Get),
        1 => Just(QueueStep::Peek),
        2 => vec(record(), 0..6).prop_map(QueueStep::Mput),
        2 => (0..6_u64, 0..6_u64).prop_map(|(asked, taken)| QueueStep::Mget(asked, taken)),
        1 => Just(QueueStep::ResetHighWater),
    ]
}

/// The queue as one would write it with all the memory in the world.
#[derive(Debug)]
struct PlainQueue {
    held: Placement,
    limits: Limits,
    accepted: u64,
    delivered: u64,
    overflow: Vec<Vec<u8>>,
    high_water: u64,
}

impl PlainQueue {
    fn put(&mut self, item: &[u8]) -> bool {
        if !self.held.can_ever_hold(item) {
            return false;
        }
        while !self.held.append(item) {
            self.overflow.extend(self.held.pop());
        }
        self.accepted += 1;
        while self.limits.depth.is_some_and(|most| self.held.records.len() as u64 > most)
            || self.limits.bytes.is_some_and(|most| self.held.bytes() > most)
        {
            self.overflow.extend(self.held.pop());
        }
        self.high_water = self.high_water.max(self.held.records.len() as u64);
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_queue_accounts_for_every_item(
        capacity in capacity(),
        depth in proptest::option::of(0..6_u64),
        bytes in proptest::option::of(0..100_u64),
        steps in vec(queue_step(), 0..120),
    ) {
        let limits = Limits { depth, bytes };
        let mut queue = Queue::new(vec![0; capacity], limits);
        let held = Placement::new(capacity);
        let mut model = PlainQueue { held, limits, accepted: 0, delivered: 0, overflow: Vec::new(), high_water: 0 };
        let mut overflow = Vec::new();
        for step in steps {
            match step {
                QueueStep::Put(item) => {
                    let outcome = queue.put(&item, |oldest| overflow.push(oldest.to_vec()));
                    prop_assert_eq!(outcome.is_ok(), model.put(&item));
                }
                QueueStep::Get => {
                    let expected = model.held.pop();
                    prop_assert_eq!(queue.get().map(<[u8]>::to_vec), expected.clone());
                    model.delivered += u64::from(expected.is_some());
                }
                QueueStep::Peek => {
                    prop_assert_eq!(queue.peek(), model.held.records.front().map(|record| &record.2[..]));
                }
                QueueStep::Mput(items) => {
                    let body = items.join(&b","[..]);
                    let pieces: Vec<_> = body.split(|byte| *byte == b',').filter(|piece| !piece.is_empty()).collect();
                    let outcome = queue.mput(&body, b",", |oldest| overflow.push(oldest.to_vec()));
                    if pieces.iter().all(|piece| model.held.can_ever_hold(piece)) {
                        prop_assert_eq!(outcome.ok(), Some(pieces.len() as u64));
                        for piece in pieces {
                            prop_assert!(model.put(piece));
                        }
                    } else {
                        prop_assert!(outcome.is_err());
                    }
                }
                QueueStep::Mget(asked, taken) => {
                    let mut seen = Vec::new();
                    let removed = queue.mget(asked, |item| {
                        if seen.len() as u64 == taken {
                            return ControlFlow::Break(());
                        }
                        seen.push(item.to_vec());
                        ControlFlow::Continue(())
                    });
                    prop_assert_eq!(removed, seen.len() as u64);
                    prop_assert_eq!(removed, asked.min(taken).min(model.held.records.len() as u64));
                    for item in seen {
                        prop_assert_eq!(Some(item), model.held.pop());
                    }
                    model.delivered += removed;
                }
                QueueStep::ResetHighWater => {
                    queue.reset_high_water();
                    model.high_water = 0;
                }
            }
            let counters = queue.counters();
            prop_assert_eq!(counters.accepted, counters.delivered + counters.depth + counters.overflow);
            prop_assert_eq!(counters.accepted, model.accepted);
            prop_assert_eq!(counters.delivered, model.delivered);
            prop_assert_eq!(counters.overflow, model.overflow.len() as u64);
            prop_assert_eq!(counters.depth, model.held.records.len() as u64);
            prop_assert_eq!(counters.bytes, model.held.bytes());
            prop_assert_eq!(counters.high_water, model.high_water);
            prop_assert_eq!(queue.is_empty(), model.held.records.is_empty());
            // Handed out oldest first, each once.
            prop_assert_eq!(&overflow, &model.overflow);
            prop_assert_eq!(queue.iter().map(<[u8]>::to_vec).collect::<Vec<_>>(), model.held.contents());
        }
    }

    #[test]
    fn nothing_leaves_a_queue_whose_items_fit(items in vec(record(), 0..40), spare in 0..3_usize) {
        let room: usize = items.iter().map(|item| framed(item)).sum();
        let mut queue = Queue::new(vec![0; room + spare], Limits::NONE);
        for item in &items {
            queue.put(item, |_| unreachable!("there was room for all")).unwrap();
        }
        prop_assert!(queue.iter().eq(items.iter().map(|item| &item[..])));
    }
}

#[derive(Debug, Clone)]
enum FanoutStep {
    Publish(Vec<u8>),
    Subscribe,
    /// Resumes after the message this many before the newest one.
    Resume(i16),
    /// These pick one of all that ever subscribed.
    Unsubscribe(usize),
    Next(usize),
    /// Reads so many messages at once.
    Batch(usize, usize),
}

fn fanout_step() -> impl Strategy<Value = FanoutStep> {
    prop_oneof![
        6 => record().prop_map(FanoutStep::Publish),
        2 => Just(FanoutStep::Subscribe),
        1 => (-4..60_i16).prop_map(FanoutStep::Resume),
        2 => any::<usize>().prop_map(FanoutStep::Unsubscribe),
        6 => any::<usize>().prop_map(FanoutStep::Next),
        2 => (any::<usize>(), 0..5_usize).prop_map(|(who, n)| FanoutStep::Batch(who, n)),
    ]
}

#[derive(Debug, Clone, Copy)]
struct PlainSubscriber {
    id: Id,
    active: bool,
    /// The number of the message (counted from 0) that it reads next, and where its account began.
    at: u64,
    since: u64,
    received: u64,
    lagged: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_subscriber_accounts_for_every_message(
        capacity in capacity(),
        places in 0..4_usize,
        first in start(),
        steps in vec(fanout_step(), 0..150),
    ) {
        let mut fanout = Fanout::starting_at(vec![0; capacity], vec![Cursor::FREE; places], first);
        prop_assert_eq!(fanout.origin(), first);
        let mut held = Placement::new(capacity);
        let mut messages: Vec<Vec<u8>> = Vec::new();
        let mut all: Vec<PlainSubscriber> = Vec::new();
        let mut delivered = 0;
        for step in steps {
            let published = messages.len() as u64;
            let gone = published - held.records.len() as u64;
            let active = all.iter().filter(|subscriber| subscriber.active).count();
            match step {
                FanoutStep::Publish(message) => {
                    let outcome = fanout.publish(&message);
                    prop_assert_eq!(outcome.is_ok(), held.can_ever_hold(&message));
                    if let Ok(sequence) = outcome {
                        prop_assert_eq!(sequence, first.wrapping_add(published));
                        while !held.append(&message) {
                            held.pop();
                        }
                        messages.push(message);
                    }
                }
                FanoutStep::Subscribe => match fanout.subscribe() {
                    Ok(id) => {
                        prop_assert!(active < places);
                        let (at, since) = (published, published);
                        all.push(PlainSubscriber { id, active: true, at, since, received: 0, lagged: 0 });
                    }
                    Err(TooManySubscribers { limit, .. }) => prop_assert_eq!((limit, active), (places, places)),
                },
                FanoutStep::Resume(back) => {
                    // The number of the last message seen; -1 is the one before the first of all.
                    let last_seen = published as i64 - 1 - i64::from(back);
                    let sequence = first.wrapping_add(last_seen as u64);
                    prop_assert_eq!(fanout.knows(sequence), last_seen >= 0);
                    match fanout.resume(sequence) {
                        Ok(id) => {
                            prop_assert!(active < places);
                            let at = ((last_seen + 1).max(0) as u64).min(published);
                            all.push(PlainSubscriber { id, active: true, at, since: at, received: 0, lagged: 0 });
                        }
                        Err(TooManySubscribers { limit, .. }) => prop_assert_eq!((limit, active), (places, places)),
                    }
                }
                FanoutStep::Unsubscribe(who) => if !all.is_empty() {
                    let index = who % all.len();
                    let before = fanout.delivery(all[index].id);
                    let outcome = fanout.unsubscribe(all[index].id);
                    prop_assert_eq!(outcome.is_ok(), all[index].active);
                    prop_assert_eq!(outcome, before);
                    all[index].active = false;
                },
                FanoutStep::Next(who) => if !all.is_empty() {
                    let index = who % all.len();
                    let subscriber = &mut all[index];
                    let next = fanout.next(subscriber.id);
                    if !subscriber.active {
                        prop_assert_eq!(next, Err(Unsubscribed));
                    } else if subscriber.at < gone {
                        prop_assert_eq!(next, Ok(Next::Lagged(gone - subscriber.at)));
                        subscriber.lagged += gone - subscriber.at;
                        subscriber.at = gone;
                    } else if subscriber.at == published {
                        prop_assert_eq!(next, Ok(Next::Empty));
                    } else {
                        prop_assert_eq!(next, Ok(Next::Message(&messages[subscriber.at as usize])));
                        subscriber.at += 1;
                        subscriber.received += 1;
                        delivered += 1;
                    }
                },
                FanoutStep::Batch(who, most) => if !all.is_empty() {
                    let index = who % all.len();
                    let subscriber = &mut all[index];
                    let position = fanout.position(subscriber.id);
                    prop_assert_eq!(position.is_ok(), subscriber.active);
                    if let Ok(position) = position {
                        let mut rest = fanout.messages(position);
                        let batch: Vec<_> = rest.by_ref().take(most).map(<[u8]>::to_vec).collect();
                        let to = rest.position();
                        let readable = if subscriber.at < gone { 0 } else { published - subscriber.at };
                        prop_assert_eq!(batch.len() as u64, readable.min(most as u64));
                        let at = subscriber.at as usize;
                        prop_assert_eq!(&batch[..], &messages[at..at + batch.len()]);
                        fanout.advance(subscriber.id, to).unwrap();
                        subscriber.at += batch.len() as u64;
                        subscriber.received += batch.len() as u64;
                        delivered += batch.len() as u64;
                    }
                },
            }
            let published = messages.len() as u64;
            let gone = published - held.records.len() as u64;
            prop_assert_eq!(fanout.published(), published);
            prop_assert_eq!(fanout.delivered(), delivered);
            prop_assert_eq!(fanout.subscribers(), all.iter().filter(|subscriber| subscriber.active).count());
            prop_assert_eq!(fanout.log().iter(fanout.log().start()).map(<[u8]>::to_vec).collect::<Vec<_>>(), held.contents());
            for subscriber in &all {
                let delivery = fanout.delivery(subscriber.id);
                if !subscriber.active {
                    prop_assert_eq!(delivery, Err(Unsubscribed));
                    continue;
                }
                let delivery = delivery.unwrap();
                prop_assert_eq!(delivery.received + delivery.lagged + delivery.pending, delivery.published);
                let late = gone.saturating_sub(subscriber.at);
                let expected = Delivery {
                    published: published - subscriber.since,
                    received: subscriber.received,
                    lagged: subscriber.lagged + late,
                    pending: published - subscriber.at.max(gone),
                    bytes_behind: delivery.bytes_behind,
                };
                prop_assert_eq!(delivery, expected);
                let unread: u64 = messages[subscriber.at.max(gone) as usize..].iter().map(|m| m.len() as u64).sum();
                prop_assert!(delivery.bytes_behind >= unread);
                if late == 0 {
                    prop_assert_eq!(delivery.bytes_behind, unread);
                }
            }
        }
    }
}
