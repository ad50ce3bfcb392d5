//! The queue keeps an account of every item.

use std::ops::ControlFlow;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::queue::{Limits, Queue};

use crate::{Placement, capacity, framed, record};

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
                    prop_assert_eq!(queue.peek(), model.held.records.front().map(Vec::as_slice));
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

#[test]
fn a_queue_that_held_nothing_has_no_high_water() {
    let mut queue = Queue::new([0; 8], Limits::NONE);
    queue.reset_high_water();
    assert_eq!(queue.counters().high_water, 0);
}

/// Under a lock that goes on after a panic the account has to be right all the same.
#[test]
fn a_callback_that_panics_leaves_the_account_right() {
    let mut queue = Queue::new([0; 64], Limits { depth: Some(3), bytes: None });
    (0..3_u8).for_each(|item| queue.put(&[item], |_| ()).unwrap());
    let caught = |run: &mut dyn FnMut()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
    assert!(caught(&mut || {
        queue.mget(3, |item| if item == [1] { panic!() } else { ControlFlow::Continue(()) });
    }));
    (3..5_u8).for_each(|item| queue.put(&[item], |_| ()).unwrap_or_default());
    assert!(caught(&mut || queue.put(&[9], |_| panic!()).unwrap()));
    let counters = queue.counters();
    assert_eq!((counters.delivered, counters.overflow), (1, 2));
    assert_eq!(counters.accepted, counters.delivered + counters.depth + counters.overflow);
}
