//! The queue: no item is lost or doubled, and nobody sleeps while there is one.

use core::pin::pin;
use core::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use streamgauge_core::queue::Limits;
use streamgauge_core::shared::{BufferTooSmall, Denied, QueueState, SharedQueue, Slot, Unmet, WaitError};

use crate::{Mutex, model, spawn};

type Queue<const SLOTS: usize> = SharedQueue<Mutex<QueueState<[u8; 16], [Slot; SLOTS]>>>;

fn queue<const SLOTS: usize>(limits: Limits) -> Arc<Queue<SLOTS>> {
    Arc::new(SharedQueue::new(Mutex::new(QueueState::of([0; 16], limits, [Slot::FREE; SLOTS]))))
}

fn get<const SLOTS: usize>(queue: &Queue<SLOTS>) -> u8 {
    block_on(queue.get(&mut [0; 4])).unwrap()[0]
}

fn assert_conserved<const SLOTS: usize>(queue: &Queue<SLOTS>) {
    let counters = queue.counters();
    assert_eq!(counters.accepted, counters.delivered + counters.depth + counters.overflow);
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn overflow_against_get() {
    model("overflow_against_get", None, 250, || {
        let queue = queue::<1>(Limits { depth: Some(1), ..Limits::NONE });
        let put = |items: [u8; 2]| {
            move |queue: &Queue<1>| {
                let mut lost = Vec::new();
                for item in items {
                    queue.put(&[item], |oldest| lost.push(oldest[0])).unwrap();
                }
                lost
            }
        };
        let (a, b) = (spawn(&queue, put([1, 2])), spawn(&queue, put([3, 4])));
        let mut buffer = [0; 4];
        let mut seen: Vec<u8> = Vec::new();
        for _ in 0..2 {
            seen.extend(queue.try_get(&mut buffer).unwrap().unwrap_or_default());
        }
        let delivered = seen.len() as u64;
        seen.extend(a.join().unwrap().into_iter().chain(b.join().unwrap()));
        let counters = queue.counters();
        assert_eq!((counters.accepted, counters.delivered), (4, delivered));
        assert_eq!(counters.overflow, seen.len() as u64 - delivered);
        assert_conserved(&queue);
        seen.extend(queue.try_get(&mut buffer).unwrap().unwrap_or_default());
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3, 4]);
    });
}

#[test]
fn each_item_wakes_one() {
    model("each_item_wakes_one", Some(4), 1500, || {
        let queue = queue::<2>(Limits::NONE);
        let (a, b) = (spawn(&queue, get::<2>), spawn(&queue, get::<2>));
        queue.put(b"1", |_| ()).unwrap();
        queue.put(b"2", |_| ()).unwrap();
        let mut seen = [a.join().unwrap(), b.join().unwrap()];
        seen.sort_unstable();
        assert_eq!(&seen, b"12");
        assert_conserved(&queue);
    });
}

#[test]
fn several_items_wake_several() {
    model("several_items_wake_several", Some(4), 1000, || {
        let queue = queue::<2>(Limits::NONE);
        let (a, b) = (spawn(&queue, get::<2>), spawn(&queue, get::<2>));
        queue.mput(b"1\n2", b"\n", |_| ()).unwrap();
        let mut seen = [a.join().unwrap(), b.join().unwrap()];
        seen.sort_unstable();
        assert_eq!(&seen, b"12");
        assert_conserved(&queue);
    });
}

/// One begins to get and gives up; another one still gets the item.
#[test]
fn a_dropped_get_passes_its_wake_up_on() {
    model("a_dropped_get_passes_its_wake_up_on", Some(4), 1500, || {
        let queue = queue::<2>(Limits::NONE);
        let fickle = spawn(&queue, |queue| {
            let mut buffer = [0; 4];
            let taken = match pin!(queue.get(&mut buffer)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(item) => Some(item.unwrap()[0]),
                Poll::Pending => None,
            };
            if let Some(item) = taken {
                queue.put(&[item], |_| ()).unwrap();
            }
        });
        let producer = spawn(&queue, |queue| queue.put(b"1", |_| ()).unwrap());
        assert_eq!(get(&queue), b'1');
        fickle.join().unwrap();
        producer.join().unwrap();
        assert_conserved(&queue);
    });
}

/// One can't take the item, because its buffer is too small; another one is told in its place.
#[test]
fn who_cannot_take_the_item_passes_its_wake_up_on() {
    model("who_cannot_take_the_item_passes_its_wake_up_on", Some(4), 1000, || {
        let queue = queue::<2>(Limits::NONE);
        let small = spawn(&queue, |queue| block_on(queue.get(&mut [0; 1])).map(<[u8]>::len));
        let large = spawn(&queue, |queue| {
            assert_eq!(block_on(queue.get(&mut [0; 2])), Ok(&b"22"[..]));
            queue.close();
        });
        queue.put(b"22", |_| ()).unwrap();
        let small = small.join().unwrap();
        assert!(matches!(
            small,
            Err(Unmet::Because(BufferTooSmall { needed: 2, .. }) | Unmet::Wait(WaitError::Closed))
        ));
        large.join().unwrap();
        assert_conserved(&queue);
    });
}

/// With one slot and two who wait, one may be refused, but what was promised to the other one comes.
#[test]
fn who_finds_no_slot_is_told() {
    model("who_finds_no_slot_is_told", Some(4), 350, || {
        let queue = queue::<1>(Limits::NONE);
        let try_both = |queue: &Queue<1>| match block_on(queue.get(&mut [0; 4])) {
            Ok(_) => 1,
            Err(Unmet::Wait(WaitError::TooManyWaiters { limit, .. })) => {
                assert_eq!(limit, 1);
                0
            }
            Err(error) => panic!("{error}"),
        };
        let (a, b) = (spawn(&queue, try_both), spawn(&queue, try_both));
        queue.mput(b"1\n2", b"\n", |_| ()).unwrap();
        let taken = a.join().unwrap() + b.join().unwrap();
        assert!(taken > 0);
        assert_eq!(queue.counters().delivered, taken);
        assert_conserved(&queue);
    });
}

#[test]
fn close_wakes_everyone_and_loses_nothing() {
    model("close_wakes_everyone_and_loses_nothing", Some(4), 2000, || {
        let queue = queue::<2>(Limits::NONE);
        let drain = |queue: &Queue<2>| match block_on(queue.get(&mut [0; 4])) {
            Ok(_) => 1,
            Err(error) => {
                assert_eq!(error, Unmet::Wait(WaitError::Closed));
                0
            }
        };
        let (a, b) = (spawn(&queue, drain), spawn(&queue, drain));
        queue.put(b"1", |_| ()).unwrap();
        queue.close();
        assert_eq!(queue.put(b"2", |_| ()), Err(Denied::Closed));
        assert_eq!(a.join().unwrap() + b.join().unwrap(), 1);
        assert_conserved(&queue);
    });
}

/// Puts that wait for room, against gets that make it: nothing leaves unseen, and nobody sleeps while there is room.
#[test]
fn a_put_that_waits_against_a_get() {
    model("a_put_that_waits_against_a_get", Some(4), 500, || {
        let queue = queue::<2>(Limits { depth: Some(1), ..Limits::NONE });
        let putter = spawn(&queue, |queue| {
            for item in [b"1", b"2"] {
                block_on(queue.put_when_room(item)).unwrap();
            }
        });
        let seen = [get(&queue), get(&queue)];
        putter.join().unwrap();
        assert_eq!(&seen, b"12");
        assert_eq!(queue.counters().overflow, 0);
        assert_conserved(&queue);
    });
}

/// The room of one item, which two want: both have it in the end, one after the other.
#[test]
fn two_putters_and_one_room() {
    model("two_putters_and_one_room", Some(4), 10000, || {
        let queue = queue::<3>(Limits { depth: Some(1), ..Limits::NONE });
        queue.put(b"0", |_| ()).unwrap();
        let put = |item: &'static [u8]| spawn(&queue, move |queue: &Queue<3>| block_on(queue.put_when_room(item)));
        let (a, b) = (put(b"1"), put(b"2"));
        assert_eq!(queue.try_get(&mut [0; 4]), Ok(Some(&b"0"[..])));
        let mut seen = [get(&queue), 0];
        assert_eq!((a.join().unwrap(), b.join().unwrap()), (Ok(()), Ok(())));
        seen[1] = get(&queue);
        seen.sort_unstable();
        assert_eq!(&seen, b"12");
        assert_eq!(queue.counters().overflow, 0);
        assert_conserved(&queue);
    });
}

/// A large item leaves, and two small ones have room: whoever of them puts tells the other one.
#[test]
fn who_has_put_tells_the_next_one() {
    model("who_has_put_tells_the_next_one", Some(4), 900, || {
        let queue = queue::<2>(Limits { bytes: Some(2), ..Limits::NONE });
        queue.put(b"00", |_| ()).unwrap();
        let put = |item: &'static [u8]| spawn(&queue, move |queue: &Queue<2>| block_on(queue.put_when_room(item)));
        let (a, b) = (put(b"1"), put(b"2"));
        assert_eq!(queue.try_get(&mut [0; 4]), Ok(Some(&b"00"[..])));
        assert_eq!((a.join().unwrap(), b.join().unwrap()), (Ok(()), Ok(())));
        assert_eq!(queue.counters().depth, 2);
        assert_conserved(&queue);
    });
}

/// One begins to wait for room and gives up; another one still gets it.
#[test]
fn a_dropped_put_passes_its_wake_up_on() {
    model("a_dropped_put_passes_its_wake_up_on", Some(4), 400, || {
        let queue = queue::<2>(Limits { depth: Some(1), ..Limits::NONE });
        queue.put(b"0", |_| ()).unwrap();
        let fickle = spawn(&queue, |queue| {
            match pin!(queue.put_when_room(b"1")).poll(&mut Context::from_waker(Waker::noop())) {
                // It has put after all: then it makes room again.
                Poll::Ready(put) => {
                    put.unwrap();
                    assert_eq!(queue.try_get(&mut [0; 4]), Ok(Some(&b"1"[..])));
                }
                Poll::Pending => (),
            }
        });
        let steady = spawn(&queue, |queue| block_on(queue.put_when_room(b"2")));
        // Nobody else takes anything, so that a wake-up which is lost is not made up for.
        queue.update(|queue| assert!(queue.get().is_some()));
        fickle.join().unwrap();
        assert_eq!(steady.join().unwrap(), Ok(()));
        assert_eq!(queue.counters().depth, 1);
        assert_conserved(&queue);
    });
}

#[test]
fn close_wakes_who_waits_for_room() {
    model("close_wakes_who_waits_for_room", Some(4), 2000, || {
        let queue = queue::<2>(Limits { depth: Some(1), ..Limits::NONE });
        queue.put(b"0", |_| ()).unwrap();
        let put = |item: &'static [u8]| spawn(&queue, move |queue: &Queue<2>| block_on(queue.put_when_room(item)));
        let (a, b) = (put(b"1"), put(b"2"));
        queue.close();
        queue.try_get(&mut [0; 4]).unwrap();
        let closed = Err(Unmet::Wait(WaitError::Closed));
        assert_eq!((a.join().unwrap(), b.join().unwrap()), (closed, closed));
        assert_eq!(queue.counters().depth, 0);
        assert_conserved(&queue);
    });
}
