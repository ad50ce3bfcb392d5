extern crate std;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::vec::Vec;

use super::*;
use core::ops::ControlFlow;

/// Bytes that an item of one byte takes.
const RECORD: usize = 11;

/// A queue with room for so many items of one byte.
fn queue<const RECORDS: usize, const SLOTS: usize>(overflow: Overflow) -> LeaseQueue<Vec<u8>, [Slot; SLOTS]> {
    let settings = Settings { overflow, ..Settings::DEFAULT };
    LeaseQueue::new(std::vec![0; RECORDS * RECORD], [Slot::FREE; SLOTS], settings, 1)
}

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

/// Puts an item of one byte, and returns what left for it.
fn put(queue: &mut LeaseQueue<Vec<u8>, impl Grow<Slot>>, item: u8) -> Vec<u8> {
    let mut left = Vec::new();
    queue.put(at(0), &[item], |oldest| left.extend_from_slice(oldest)).unwrap();
    left
}

fn lend(queue: &mut LeaseQueue<Vec<u8>, impl Grow<Slot>>, items: u64) -> Vec<Token> {
    let mut tokens = Vec::new();
    let lent = queue.lease(
        at(0),
        items,
        Duration::from_secs(1),
        || 5,
        |item| {
            tokens.extend(item.token);
            ControlFlow::Continue(())
        },
    );
    assert_eq!(lent, Ok(items));
    tokens
}

fn got(queue: &mut LeaseQueue<Vec<u8>, impl Grow<Slot>>) -> Vec<u8> {
    let mut got = Vec::new();
    queue.get(at(0), u64::MAX, |item| {
        got.extend_from_slice(item.data);
        ControlFlow::Continue(())
    });
    got
}

#[test]
fn a_small_item_costs_its_length_and_ten_bytes() {
    let mut queue = LeaseQueue::new([0; 330], [Slot::FREE; 0], Settings::DEFAULT, 1);
    for _ in 0..3 {
        queue.put(at(0), &[7; 100], |_| panic!("there is room for three")).unwrap();
    }
    assert_eq!(queue.counters().stored, 330);
}

#[test]
fn one_item_that_is_never_acknowledged_costs_the_others_nothing() {
    let mut queue = queue::<20, 1>(Overflow::DropOldest);
    assert_eq!(put(&mut queue, 0), [0_u8; 0]);
    let token = lend(&mut queue, 1)[0];
    let mut held: VecDeque<u8> = (1..20).collect();
    held.iter().for_each(|item| assert_eq!(put(&mut queue, *item), [0_u8; 0]));
    for item in 20..=220 {
        held.push_back(item);
        assert_eq!(put(&mut queue, item), [held.pop_front().unwrap()]);
    }
    // It was moved once each time the ring came round, which was ten times.
    assert_eq!(queue.counters().moved, 11 * (RECORD as u64 - 1));
    assert_eq!(held, got(&mut queue));
    assert_eq!(queue.ack(at(0), token), Ok(()));
    assert!(queue.is_empty());
}

#[test]
fn what_is_acknowledged_out_of_order_gives_back_its_room() {
    let mut queue = queue::<4, 3>(Overflow::Reject);
    (0..4).for_each(|item| drop(put(&mut queue, item)));
    let tokens = lend(&mut queue, 3);
    for which in [1, 2, 0] {
        queue.ack(at(0), tokens[which]).unwrap();
    }
    (4..7).for_each(|item| drop(put(&mut queue, item)));
    assert_eq!(queue.counters().moved, 0);
    assert_eq!(queue.put(at(0), &[9], |_| ()), Err(PutError::Full));
    assert_eq!(got(&mut queue), [3, 4, 5, 6]);
}

#[test]
fn a_dump_goes_on_after_all_items_were_moved() {
    let mut queue = queue::<6, 2>(Overflow::Reject);
    (0..6).for_each(|item| drop(put(&mut queue, item)));
    let tokens = lend(&mut queue, 2);
    queue.ack(at(0), tokens[1]).unwrap();
    put(&mut queue, 6);
    // Now there is a hole behind what is ready.
    queue.ack(at(0), tokens[0]).unwrap();
    let (mut mark, mut seen) = (queue.mark(), Vec::new());
    let mut few = |queue: &LeaseQueue<Vec<u8>, [Slot; 2]>, mark: &mut Mark, few: usize| {
        queue.dump(mark, |item| {
            if seen.len() == few {
                return ControlFlow::Break(());
            }
            seen.extend_from_slice(item.data);
            ControlFlow::Continue(())
        })
    };
    assert!(!few(&queue, &mut mark, 3));
    assert_eq!(queue.compacted, 0);
    put(&mut queue, 7);
    assert_eq!(queue.compacted, 1);
    assert!(few(&queue, &mut mark, 10));
    assert_eq!(seen, [2, 3, 4, 5, 6]);
    assert_eq!(got(&mut queue), [2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_full_queue_is_not_put_in_order_for_a_few_bytes() {
    let mut queue = queue::<100, 2>(Overflow::Reject);
    (0..100).for_each(|item| drop(put(&mut queue, item)));
    for _ in 0..50 {
        let tokens = lend(&mut queue, 2);
        queue.ack(at(0), tokens[1]).unwrap();
        _ = queue.put(at(0), &[1], |_| ());
        queue.ack(at(0), tokens[0]).unwrap();
        _ = queue.put(at(0), &[1], |_| ());
    }
    assert!(queue.compacted <= 8, "{}", queue.compacted);
}

#[test]
fn without_a_slot_nothing_is_lent_or_delayed() {
    let mut queue = queue::<4, 1>(Overflow::DropOldest);
    (0..2).for_each(|item| drop(put(&mut queue, item)));
    lend(&mut queue, 1);
    let lease = queue.lease(at(0), 1, Duration::from_secs(1), || 5, |_| panic!("there is no slot"));
    assert_eq!(lease, Err(NoSlot { slots: 1 }));
    let put = queue.put_with(at(0), 1, Duration::from_secs(1), |_| (), |_| ());
    assert_eq!(put, Err(PutError::NoSlot(NoSlot { slots: 1 })));
    assert_eq!((queue.counters().refused, queue.counters().leased), (1, 1));
}

/// Under a lock that goes on after a panic the account has to be right all the same.
#[test]
fn a_callback_that_panics_leaves_the_account_right() {
    let mut queue = queue::<8, 8>(Overflow::DropOldest);
    (0..8).for_each(|item| drop(put(&mut queue, item)));
    let caught = |run: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    caught(&mut || {
        queue.get(at(0), 3, |item| if item.data == [1] { panic!() } else { ControlFlow::Continue(()) });
    });
    caught(&mut || {
        let each = |item: Item<'_>| if item.data == [2] { panic!() } else { ControlFlow::Continue(()) };
        _ = queue.lease(at(0), 3, Duration::from_secs(1), || 5, each);
    });
    put(&mut queue, 8);
    caught(&mut || _ = queue.put(at(0), &[9], |_| panic!()));
    caught(&mut || _ = queue.put_with(at(0), 1, Duration::ZERO, |_| panic!(), |_| ()));
    let counters = queue.counters();
    assert!(counters.balanced(), "{counters:?}");
    assert_eq!((counters.accepted, counters.delivered, counters.leased, counters.overflow), (9, 1, 1, 1));
    assert_eq!(counters.stored, counters.bytes * RECORD as u64);
    assert_eq!(got(&mut queue), [3, 4, 5, 6, 7, 8]);
}

/// If all leases end at once, nobody waits for all of them to be dealt with, and no token is worth anything all the same.
#[test]
fn what_is_due_at_once_is_done_in_many_turns() {
    const ITEMS: usize = 3 * MOST;
    const MOST: usize = super::due::MOST_STEPS as usize;
    let settings = Settings { ttl: Some(Duration::from_secs(60)), ..Settings::DEFAULT };
    let storage = std::vec![0; (ITEMS + 1) * RECORD];
    let slots = crate::storage::Fixed(std::vec![Slot::FREE; ITEMS]);
    let mut queue = LeaseQueue::new(storage, slots, settings, 1);
    (0..ITEMS).for_each(|_| assert!(put(&mut queue, 1).is_empty()));
    let tokens = lend(&mut queue, ITEMS as u64);
    queue.put(at(30_000), &[2], |_| panic!("there is room")).unwrap();
    // More is not done at this time, whoever asks.
    for _ in 0..2 {
        queue.peek(at(30_000), State::Ready, 1, |_| ControlFlow::Continue(()));
        assert_eq!((queue.counters().timed_out, queue.ready()), (MOST as u64, MOST as u64 + 1));
        assert!(queue.counters().balanced());
        assert!(queue.next_due() < Some(at(30_000)), "the rest is due");
    }
    assert!(tokens.iter().all(|token| queue.ack(at(30_000), *token) == Err(LeaseOver)));
    while queue.advance(at(30_000), 1_000).more {}
    assert_eq!((queue.counters().timed_out, queue.ready()), (ITEMS as u64, ITEMS as u64 + 1));
    // What is too old leaves some at a time, and is never handed out.
    let mut got = Vec::new();
    let mut turns = 0;
    while got.is_empty() {
        turns += 1;
        queue.get(at(60_000), 5, |item| {
            got.extend_from_slice(item.data);
            ControlFlow::Continue(())
        });
    }
    assert_eq!((&got[..], queue.counters().expired), (&[2][..], ITEMS as u64));
    assert!(turns > 1, "all of it at once");
}

#[test]
fn letters_and_items_are_moved_some_at_a_time() {
    let settings = Settings { max_attempts: Some(1), ..Settings::DEFAULT };
    let mut queue = LeaseQueue::new(std::vec![0; 20 * RECORD], [Slot::FREE; 10], settings, 1);
    (0..10).for_each(|item| drop(put(&mut queue, item)));
    for token in lend(&mut queue, 5) {
        queue.nack(at(0), token, Duration::ZERO, b"").unwrap();
    }
    assert_eq!((queue.redrive(at(0), 2), queue.counters().letters), (2, 3));
    assert_eq!([queue.purge(at(0), 6), queue.purge(at(0), 3), queue.purge(at(0), 3)], [6, 3, 1]);
    assert!(queue.is_empty());
}

/// Letters that nobody looks after must not fill the storage until each new item leaves at once.
#[test]
fn dead_letters_leave_before_what_is_still_to_be_done() {
    let mut queue = queue::<10, 8>(Overflow::DropOldest);
    queue.set_settings(Settings { max_attempts: Some(1), ..Settings::DEFAULT });
    (0..8).for_each(|item| drop(put(&mut queue, item)));
    for token in lend(&mut queue, 8) {
        queue.nack(at(0), token, Duration::ZERO, b"").unwrap();
    }
    let left: Vec<u8> = (8..20).flat_map(|item| put(&mut queue, item)).collect();
    assert_eq!(left, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let counters = queue.counters();
    assert!(counters.balanced() && (counters.overflow, counters.dead) == (10, 0), "{counters:?}");
    assert_eq!(got(&mut queue), (10..20).collect::<Vec<u8>>());
}

/// What is ready leaves with an item that is beyond a limit by itself, and is often room enough for it.
#[test]
fn no_letter_leaves_for_an_item_that_does_so_at_once() {
    let mut queue = queue::<10, 8>(Overflow::DropOldest);
    queue.set_settings(Settings { max_attempts: Some(1), ..Settings::DEFAULT });
    (0..10).for_each(|item| drop(put(&mut queue, item)));
    for token in lend(&mut queue, 5) {
        queue.nack(at(0), token, Duration::ZERO, b"").unwrap();
    }
    queue.set_settings(Settings { limits: Limits { depth: Some(0), bytes: None }, ..*queue.settings() });
    assert_eq!(put(&mut queue, 10), [5, 6, 7, 8, 9, 10]);
    assert_eq!((queue.counters().letters, queue.counters().overflow), (5, 6));
}

/// However much is moved out of their way, the lengths of many items are looked at a few times.
#[test]
fn room_for_many_items_is_found_in_a_few_looks_at_each() {
    // Behind those that stay is room for most of the items, and where the acknowledged ones were for the others.
    const STAY: usize = 300;
    const ACKED: usize = 300;
    const FREE: usize = 400;
    const ITEMS: usize = ACKED + FREE - 50;
    let settings = Settings { overflow: Overflow::Reject, ..Settings::DEFAULT };
    let mut queue =
        LeaseQueue::new(std::vec![0; (STAY + ACKED + FREE) * RECORD], [Slot::FREE; STAY + ACKED], settings, 1);
    (0..STAY + ACKED).for_each(|_| drop(put(&mut queue, 7)));
    for token in lend(&mut queue, (STAY + ACKED) as u64).split_off(STAY) {
        queue.ack(at(0), token).unwrap();
    }
    let looks = std::cell::Cell::new(0);
    let items = (0..ITEMS).map(|_| {
        looks.set(looks.get() + 1);
        &[8][..]
    });
    assert_eq!(queue.mput(at(0), items, |_| panic!("it is refused before that")), Ok(ITEMS as u64));
    assert!(queue.counters().moved > 0, "nothing was in their way");
    assert!(looks.get() <= 10 * ITEMS, "{} looks", looks.get());
}

/// Slots that grow by one at a time, as far as they may.
struct Growing(Vec<Slot>);

impl AsRef<[Slot]> for Growing {
    fn as_ref(&self) -> &[Slot] {
        &self.0
    }
}

impl AsMut<[Slot]> for Growing {
    fn as_mut(&mut self) -> &mut [Slot] {
        &mut self.0
    }
}

impl Grow<Slot> for Growing {
    fn grow(&mut self) -> bool {
        self.0.push(Slot::FREE);
        true
    }
}

/// What a batch would need that can't be put is not taken from others.
#[test]
fn a_batch_that_does_not_fit_takes_no_slots() {
    let mut queue = LeaseQueue::new(std::vec![0; 20 * RECORD], Growing(Vec::new()), Settings::DEFAULT, 1);
    let mut check = |last| {
        let checked = queue.check_many(at(0), [1, 1, last].into_iter(), Duration::from_secs(1));
        (checked.is_ok(), queue.slots.len())
    };
    assert_eq!(check(1_000), (false, 0));
    assert_eq!(check(1), (true, 3));
}

#[test]
fn a_mark_is_of_one_queue() {
    let mut queue = queue::<6, 2>(Overflow::Reject);
    let mut other = LeaseQueue::new(std::vec![0; 90], [Slot::FREE; 2], Settings::DEFAULT, 2);
    for item in 0..3 {
        put(&mut queue, item);
        put(&mut other, item);
    }
    let mut mark = queue.mark();
    assert!(!queue.dump(&mut mark, |_| ControlFlow::Break(())));
    assert!(other.dump(&mut mark, |item| panic!("{item:?} is of another queue")));
}

/// However near to the last number ids are.
#[test]
fn each_item_is_shown_once_wherever_ids_begin() {
    let mut queue = queue::<8, 8>(Overflow::DropOldest).starting_at(u64::MAX);
    (0..3).for_each(|item| drop(put(&mut queue, item)));
    lend(&mut queue, 2);
    for (state, expected) in [(State::Ready, 1), (State::Leased, 2)] {
        let mut shown = 0;
        queue.peek(at(0), state, 10, |_| {
            shown += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(shown, expected, "{state:?}");
    }
    assert_eq!(got(&mut queue), [2]);
}
