//! The shared forms where order is under control: who is woken when, what a dropped future leaves, and the same
//! types under different locks.
#![cfg(not(streamgauge_loom))]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, reason = "the tests are hosted")]

mod executors;
mod gauge;

use core::cell::RefCell;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::sync::Arc;
use std::task::Wake;

use futures_core::Stream;
use streamgauge_core::queue::{Limit, Limits, NoRoom};
use streamgauge_core::shared::*;
use streamgauge_core::stats::{FixedMoments, Moments, Welford};
use streamgauge_core::topic::Place;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn bells<const N: usize>() -> [(Arc<Bell>, Waker); N] {
    core::array::from_fn(|_| {
        let bell = Arc::new(Bell::default());
        (Arc::clone(&bell), Waker::from(bell))
    })
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

fn queue<const SLOTS: usize>() -> SharedQueue<RefCell<QueueState<[u8; 64], [Slot; SLOTS]>>> {
    SharedQueue::new(RefCell::new(QueueState::of([0; 64], Limits::NONE, [Slot::FREE; SLOTS])))
}

type Fanout<const SLOTS: usize> = SharedFanout<RefCell<FanoutState<[u8; 64], [Place; 4], [Slot; SLOTS]>>>;

fn fanout<const SLOTS: usize>() -> Fanout<SLOTS> {
    SharedFanout::new(RefCell::new(FanoutState::of([0; 64], [Place::FREE; 4], [Slot::FREE; SLOTS])))
}

#[test]
fn waiting_consumers_are_woken_one_at_a_time_and_in_order() {
    let queue = queue::<3>();
    let [(bell_a, a), (bell_b, b), (bell_c, c)] = bells();
    let rings = || [bell_a.rings(), bell_b.rings(), bell_c.rings()];
    let mut buffers = [[0; 8]; 3];
    let [one, two, three] = &mut buffers;
    let (mut get_a, mut get_b, mut get_c) = (pin!(queue.get(one)), pin!(queue.get(two)), pin!(queue.get(three)));
    assert!(poll(get_a.as_mut(), &a).is_pending());
    assert!(poll(get_b.as_mut(), &b).is_pending());
    assert!(poll(get_c.as_mut(), &c).is_pending());
    assert_eq!(queue.waiting().unwrap(), 3);
    // A poll without need keeps the place in the line.
    assert!(poll(get_a.as_mut(), &a).is_pending());
    queue.put(b"1", |_| ()).unwrap();
    assert_eq!(rings(), [1, 0, 0]);
    assert_eq!(queue.mput(b"2\n3\n4", b"\n", |_| ()), Ok(3));
    assert_eq!(rings(), [1, 1, 1]);
    assert_eq!(poll(get_c, &c), Poll::Ready(Ok(&b"1"[..])));
    assert_eq!(poll(get_a, &a), Poll::Ready(Ok(&b"2"[..])));
    assert_eq!(poll(get_b, &b), Poll::Ready(Ok(&b"3"[..])));
    assert_eq!(queue.try_get(&mut [0; 8]), Ok(Some(&b"4"[..])));
    assert_eq!(queue.try_get(&mut [0; 8]), Ok(None));
    assert_eq!((queue.waiting().unwrap(), rings()), (0, [1, 1, 1]));
}

#[test]
fn a_future_that_moves_to_another_task_wakes_that_one() {
    let queue = queue::<1>();
    let [(bell_a, a), (bell_b, b)] = bells();
    let mut get = pin!(queue.get_with(<[u8]>::len));
    assert!(poll(get.as_mut(), &a).is_pending());
    assert!(poll(get.as_mut(), &b).is_pending());
    queue.put(b"1", |_| ()).unwrap();
    assert_eq!([bell_a.rings(), bell_b.rings()], [0, 1]);
    assert_eq!(poll(get, &b), Poll::Ready(Ok(1)));
}

#[test]
fn who_was_woken_in_vain_waits_at_the_end_of_the_line() {
    let queue = queue::<2>();
    let [(bell_a, a), (bell_b, b)] = bells();
    let (mut get_a, mut get_b) = (pin!(queue.get_with(<[u8]>::len)), pin!(queue.get_with(<[u8]>::len)));
    assert!(poll(get_a.as_mut(), &a).is_pending());
    assert!(poll(get_b.as_mut(), &b).is_pending());
    queue.put(b"stolen", |_| ()).unwrap();
    assert_eq!(queue.try_get(&mut [0; 8]), Ok(Some(&b"stolen"[..])));
    assert!(poll(get_a.as_mut(), &a).is_pending());
    queue.put(b"for b", |_| ()).unwrap();
    assert_eq!([bell_a.rings(), bell_b.rings()], [1, 1]);
    queue.put(b"a's", |_| ()).unwrap();
    assert_eq!([bell_a.rings(), bell_b.rings()], [2, 1]);
    assert_eq!(poll(get_b, &b), Poll::Ready(Ok(5)));
    assert_eq!(poll(get_a, &a), Poll::Ready(Ok(3)));
}

#[test]
fn a_future_dropped_in_any_state_leaves_nothing_behind() {
    let queue = queue::<3>();
    let [(_, a), (bell_b, b), (bell_c, c)] = bells();
    let (mut get_b, mut get_c) = (Box::pin(queue.get_with(<[u8]>::len)), Box::pin(queue.get_with(<[u8]>::len)));
    {
        let mut first = pin!(queue.get_with(<[u8]>::len));
        assert!(poll(first.as_mut(), &a).is_pending());
        assert!(poll(get_b.as_mut(), &b).is_pending());
        assert!(poll(get_c.as_mut(), &c).is_pending());
        queue.put(b"1", |_| ()).unwrap();
    }
    // The first one was woken and is gone: the item is the next one's business.
    assert_eq!([bell_b.rings(), bell_c.rings()], [1, 0]);
    drop(get_b);
    assert_eq!([bell_b.rings(), bell_c.rings()], [1, 1]);
    drop(get_c);
    assert_eq!((queue.waiting().unwrap(), queue.counters().unwrap().depth), (0, 1));
    // From the middle of the line, and never polled at all.
    let mut all: Vec<_> = (0..3).map(|_| Box::pin(queue.get_with(<[u8]>::len))).collect();
    queue.try_get(&mut [0; 8]).unwrap();
    for get in &mut all {
        assert!(poll(get.as_mut(), &a).is_pending());
    }
    drop(all.remove(1));
    assert_eq!(queue.waiting().unwrap(), 2);
    drop(queue.get_with(<[u8]>::len));
    queue.mput(b"1\n2", b"\n", |_| ()).unwrap();
    assert_eq!(queue.waiting().unwrap(), 0);
    for get in &mut all {
        assert!(poll(get.as_mut(), &a).is_ready());
    }
}

#[test]
fn one_more_than_there_are_slots_is_refused_until_one_leaves() {
    let queue = queue::<1>();
    let mut first = Box::pin(queue.get_with(<[u8]>::len));
    assert!(poll(first.as_mut(), Waker::noop()).is_pending());
    let Poll::Ready(Err(refused)) = poll(pin!(queue.get_with(<[u8]>::len)), Waker::noop()) else { panic!() };
    assert!(matches!(refused, WaitError::TooManyWaiters { limit: 1, .. }));
    drop(first);
    assert!(poll(pin!(queue.get_with(<[u8]>::len)), Waker::noop()).is_pending());
    queue.put(b"", |_| ()).unwrap();
    // What is there at once needs no slot.
    assert!(poll(pin!(queue.get_with(<[u8]>::len)), Waker::noop()).is_ready());
    assert_eq!(refused.to_string(), "all 1 slots for waiting tasks are taken");
}

/// What a waker does when it is dropped may need the lock.
#[test]
fn no_waker_is_dropped_under_the_lock() {
    static LOCKED: AtomicBool = AtomicBool::new(false);
    static TABLE: RawWakerVTable = RawWakerVTable::new(
        |data| RawWaker::new(data, &TABLE),
        |_| (),
        |_| (),
        |_| assert!(!LOCKED.load(Ordering::Relaxed), "dropped under the lock"),
    );
    struct Watched<T>(RefCell<T>);
    impl<T> Lock for Watched<T> {
        type Value = T;
        type Error = Reentered;
        type Answer<R> = Result<R, Reentered>;
        fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, Reentered> {
            LOCKED.store(true, Ordering::Relaxed);
            let result = self.0.with(f);
            LOCKED.store(false, Ordering::Relaxed);
            result
        }
        fn answer<R>(outcome: Result<R, Reentered>) -> Result<R, Reentered> {
            outcome
        }
    }
    // SAFETY: There is no data, and the functions may be called from any thread.
    let waker = unsafe { Waker::new(core::ptr::null(), &TABLE) };
    let queue = SharedQueue::new(Watched(RefCell::new(QueueState::of([0; 64], Limits::NONE, [Slot::FREE; 1]))));
    let mut waiting = Box::pin(queue.get_with(<[u8]>::len));
    assert!(poll(waiting.as_mut(), &waker).is_pending());
    // There is no slot for this one; then the first changes its waker, is woken, waits again, and leaves.
    assert!(poll(pin!(queue.get_with(<[u8]>::len)), &waker).is_ready());
    for other in [Waker::noop(), &waker] {
        assert!(poll(waiting.as_mut(), other).is_pending());
    }
    queue.put(b"taken", |_| ()).unwrap();
    assert_eq!(queue.try_get(&mut [0; 8]), Ok(Some(&b"taken"[..])));
    assert!(poll(waiting.as_mut(), &waker).is_pending());
    drop(waiting);
    assert_eq!(queue.waiting().unwrap(), 0);
}

#[test]
fn an_item_larger_than_the_buffer_stays_for_another_one() {
    let queue = queue::<2>();
    let [(bell_a, a), (bell_b, b)] = bells();
    let (mut small, mut large) = ([0; 1], [0; 2]);
    let (mut get_small, mut get_large) = (pin!(queue.get(&mut small)), pin!(queue.get(&mut large)));
    assert!(poll(get_small.as_mut(), &a).is_pending());
    assert!(poll(get_large.as_mut(), &b).is_pending());
    queue.put(b"22", |_| ()).unwrap();
    let Poll::Ready(Err(Unmet::Because(BufferTooSmall { needed: 2, .. }))) = poll(get_small, &a) else { panic!() };
    assert_eq!([bell_a.rings(), bell_b.rings()], [1, 1]);
    assert_eq!(poll(get_large, &b), Poll::Ready(Ok(&b"22"[..])));
    assert!(queue.put(&[0; 64], |_| ()).is_err_and(|error| matches!(error, Denied::Because(_))));
}

#[test]
fn closing_drains() {
    let (queue, fanout) = (queue::<1>(), fanout::<1>());
    queue.put(b"last", |_| ()).unwrap();
    assert!(!queue.is_closed().unwrap() && !fanout.is_closed().unwrap());
    queue.close().unwrap();
    fanout.close().unwrap();
    assert!(queue.is_closed().unwrap() && fanout.is_closed().unwrap());
    assert_eq!(queue.put(b"late", |_| ()), Err(Denied::Closed));
    assert_eq!(queue.mput(b"late", b"\n", |_| ()), Err(Denied::Closed));
    assert_eq!(poll(pin!(queue.get(&mut [0; 4])), Waker::noop()), Poll::Ready(Ok(&b"last"[..])));
    let closed = Poll::Ready(Err(Unmet::Wait(WaitError::Closed)));
    assert_eq!(poll(pin!(queue.get(&mut [0; 4])), Waker::noop()), closed);
    let counters = queue.counters().unwrap();
    assert_eq!((counters.accepted, counters.delivered, counters.depth), (1, 1, 0));
}

#[test]
fn what_update_puts_wakes_as_many() {
    let queue = queue::<3>();
    let [(bell, waker)] = bells();
    let mut gets: Vec<_> = (0..3).map(|_| Box::pin(queue.get_with(<[u8]>::len))).collect();
    for get in &mut gets {
        assert!(poll(get.as_mut(), &waker).is_pending());
    }
    queue.update(|queue| queue.put(b"1", |_| ()).and_then(|()| queue.put(b"2", |_| ()))).unwrap().unwrap();
    assert_eq!((bell.rings(), queue.waiting().unwrap()), (2, 1));
    queue.update(|queue| queue.reset_high_water()).unwrap();
    assert_eq!((bell.rings(), queue.with(|queue| queue.counters().depth).unwrap()), (2, 2));
}

#[test]
fn every_waiter_is_woken_once_however_many_there_are() {
    const MANY: usize = BATCH * 2 + 3;
    let fanout = fanout::<MANY>();
    let [(bell, waker)] = bells();
    let mut all: Vec<_> = (0..MANY).map(|_| Box::pin(fanout.published(0))).collect();
    for published in &mut all {
        assert!(poll(published.as_mut(), &waker).is_pending());
    }
    assert_eq!(fanout.waiting().unwrap(), MANY);
    assert_eq!(fanout.publish(b"news"), Ok(0));
    assert_eq!((bell.rings(), fanout.waiting().unwrap()), (MANY, 0));
    // A wake-up for everyone is nobody's to pass on.
    drop(all.remove(7));
    assert_eq!(bell.rings(), MANY);
    for published in &mut all {
        assert_eq!(poll(published.as_mut(), &waker), Poll::Ready(Ok(1)));
    }
}

#[test]
fn a_kick_wakes_nobody_else() {
    let fanout = fanout::<4>();
    let [(bell_a, a), (bell_b, b), (bell_p, p)] = bells();
    let (kicked, other) = (fanout.subscribe().unwrap().unwrap(), fanout.subscribe().unwrap().unwrap());
    let (mut next_other, mut next_kicked) =
        (pin!(fanout.next_with(other, <[u8]>::len)), pin!(fanout.next_with(kicked, <[u8]>::len)));
    let mut pump = pin!(fanout.published(0));
    assert!(poll(pump.as_mut(), &p).is_pending());
    assert!(poll(next_other.as_mut(), &b).is_pending());
    assert!(poll(next_kicked.as_mut(), &a).is_pending());
    fanout.unsubscribe(kicked).unwrap().unwrap();
    assert_eq!([bell_a.rings(), bell_b.rings(), bell_p.rings()], [1, 0, 0]);
    assert_eq!(poll(next_kicked, &a), Poll::Ready(Err(Unmet::Because(NoMessage::Unsubscribed))));
    fanout.close().unwrap();
    assert_eq!([bell_a.rings(), bell_b.rings(), bell_p.rings()], [1, 1, 1]);
    assert_eq!(poll(next_other, &b), Poll::Ready(Err(Unmet::Wait(WaitError::Closed))));
    assert_eq!(fanout.publish(b"late"), Err(Denied::Closed));
}

#[test]
fn a_subscriber_is_told_what_it_missed_and_keeps_what_does_not_fit() {
    let fanout = fanout::<1>();
    let id = fanout.subscribe().unwrap().unwrap();
    for _ in 0..3 {
        fanout.publish(&[7; 30]).unwrap();
    }
    let (mut small, mut large) = ([0; 8], [0; 40]);
    let lagged = poll(pin!(fanout.next(id, &mut small)), Waker::noop());
    assert_eq!(lagged, Poll::Ready(Ok(Received::Lagged(1))));
    let too_small = poll(pin!(fanout.next(id, &mut small)), Waker::noop());
    assert!(matches!(too_small, Poll::Ready(Err(Unmet::Because(NoMessage::BufferTooSmall { needed: 30, .. })))));
    let message = poll(pin!(fanout.next(id, &mut large)), Waker::noop());
    assert_eq!(message, Poll::Ready(Ok(Received::Message(&[7; 30][..]))));
    let delivery = fanout.delivery(id).unwrap().unwrap();
    assert_eq!((delivery.published, delivery.received, delivery.lagged, delivery.pending), (3, 1, 1, 1));
    let again = fanout.resume(0).unwrap().unwrap();
    assert_eq!(fanout.delivery(again).unwrap().unwrap().pending, 2);
}

#[test]
fn who_does_not_wait_gets_what_is_there() {
    let fanout = fanout::<0>();
    let id = fanout.subscribe().unwrap().unwrap();
    let next = || fanout.try_next_with(id, <[u8]>::to_vec);
    assert_eq!(next(), Ok(None));
    for message in [[7; 30], [8; 30], [9; 30]] {
        fanout.publish(&message).unwrap();
    }
    assert_eq!(next(), Ok(Some(Received::Lagged(1))));
    assert_eq!(next(), Ok(Some(Received::Message(vec![8; 30]))));
    assert_eq!(next(), Ok(Some(Received::Message(vec![9; 30]))));
    assert_eq!(next(), Ok(None));
    fanout.unsubscribe(id).unwrap().unwrap();
    assert!(next().is_err());
}

#[derive(Clone, Debug, PartialEq)]
struct Total(u64);

impl Merge for Total {
    fn merge(&mut self, part: &Self) {
        self.0 += part.0;
    }
}

#[test]
fn parts_merge_until_the_total_is_closed() {
    let total = SharedMoments::new(RefCell::new(Guarded::new(Total(0), [Slot::FREE; 1])));
    let [(bell, waker)] = bells();
    let mut enough = pin!(total.wait_for(|total| (total.0 >= 5).then_some(total.0)));
    assert!(poll(enough.as_mut(), &waker).is_pending());
    total.merge(&Total(2)).unwrap().unwrap();
    assert_eq!(bell.rings(), 1);
    assert!(poll(enough.as_mut(), &waker).is_pending());
    total.merge(&Total(4)).unwrap().unwrap();
    assert_eq!((bell.rings(), poll(enough, &waker)), (2, Poll::Ready(Ok(6))));
    total.close().unwrap();
    assert_eq!(total.merge(&Total(1)), Ok(Err(Closed)));
    assert_eq!((total.snapshot(), total.with(|total| total.0)), (Ok(Total(6)), Ok(6)));
}

#[test]
fn moments_of_every_kind_are_parts() {
    fn twice<M: Merge + Copy>(part: M) -> M {
        let total = SharedMoments::new(RefCell::new(Guarded::new(part, [Slot::FREE; 0])));
        total.merge(&part).unwrap().unwrap();
        total.snapshot().unwrap()
    }
    let (mut welford, mut moments, mut fixed) = (Welford::new(), Moments::new(), FixedMoments::<i16>::new());
    for x in [1, 5] {
        welford.push(x.into());
        moments.push(x.into());
        fixed.push(x);
    }
    assert_eq!((twice(welford).count(), twice(moments).count(), twice(fixed).count()), (4, 4, 4));
    assert_eq!(twice(welford).mean(), Some(3.0));
}

/// Whatever a closure calls under the lock that it runs under, it is told, and nothing has changed.
#[test]
fn who_comes_back_to_the_lock_is_told() {
    let queue = queue::<2>();
    queue.put(b"first", |_| ()).unwrap();
    let called = core::cell::Cell::new(0);
    let inside = |item: &[u8]| {
        called.set(called.get() + 1);
        let item = item.to_vec();
        assert_eq!(queue.put(b"second", |_| ()), Err(Denied::Reentered));
        assert_eq!(queue.mput(b"a\nb", b"\n", |_| ()), Err(Denied::Reentered));
        assert_eq!(queue.try_put(b"second"), Err(Denied::Reentered));
        assert_eq!(queue.try_get(&mut [0; 8]), Err(Unmet::Wait(WaitError::Reentered)));
        let mut buffer = [0; 8];
        let waited = poll(pin!(queue.get(&mut buffer)), Waker::noop());
        assert_eq!(waited, Poll::Ready(Err(Unmet::Wait(WaitError::Reentered))));
        let waited = poll(pin!(queue.put_when_room(b"second")), Waker::noop());
        assert_eq!(waited, Poll::Ready(Err(Unmet::Wait(WaitError::Reentered))));
        assert_eq!(queue.counters(), Err(Reentered));
        assert_eq!(
            (queue.close(), queue.is_closed(), queue.waiting()),
            (Err(Reentered), Err(Reentered), Err(Reentered))
        );
        assert_eq!(queue.update(|_| panic!("called")), Err::<(), _>(Reentered));
        item
    };
    let mut got = pin!(queue.get_with(inside));
    assert_eq!(poll(got.as_mut(), Waker::noop()), Poll::Ready(Ok(b"first".to_vec())));
    let counters = queue.counters().unwrap();
    assert_eq!((called.get(), counters.accepted, counters.delivered), (1, 1, 1));
    assert_eq!((queue.is_closed(), queue.waiting()), (Ok(false), Ok(0)));

    let fanout = fanout::<1>();
    let id = fanout.subscribe().unwrap().unwrap();
    fanout.publish(b"news").unwrap();
    let inside = |_: &[u8]| {
        assert_eq!(fanout.publish(b"more"), Err(Denied::Reentered));
        assert_eq!(fanout.try_next_with(id, |_| ()), Err(Unmet::Wait(WaitError::Reentered)));
        assert_eq!(fanout.subscribe(), Err(Reentered));
        assert_eq!(fanout.unsubscribe(id), Err(Reentered));
    };
    assert_eq!(fanout.try_next_with(id, inside), Ok(Some(Received::Message(()))));
    assert_eq!(fanout.delivery(id).unwrap().unwrap().received, 1);
    assert_eq!(fanout.with(|fanout| fanout.published()), Ok(1));

    static CRITICAL: SharedMoments<CriticalSection<Guarded<Moments, [Slot; 1]>>> =
        SharedMoments::new(CriticalSection::new(RefCell::new(Guarded::new(Moments::new(), [Slot::FREE; 1]))));
    let inner = CRITICAL.update(|_| CRITICAL.merge(&Moments::new())).unwrap().unwrap();
    assert_eq!(inner, Err(Reentered));
    assert_eq!(CRITICAL.with(|_| CRITICAL.snapshot().is_err()), Ok(true));
    assert_eq!(Reentered.to_string(), "the caller runs under the same lock already");
}

/// Who drops a waiting future under its lock keeps the slot taken, and wakes nobody twice.
#[test]
fn a_future_dropped_under_its_lock_keeps_its_slot() {
    let queue = queue::<1>();
    let mut waits = Box::pin(queue.get_with(<[u8]>::len));
    assert!(poll(waits.as_mut(), Waker::noop()).is_pending());
    queue.with(|_| drop(waits)).unwrap();
    let refused = poll(pin!(queue.get_with(<[u8]>::len)), Waker::noop());
    assert!(matches!(refused, Poll::Ready(Err(WaitError::TooManyWaiters { .. }))));
}

#[test]
fn who_puts_where_there_is_room_lets_nothing_leave() {
    let limits = Limits { depth: Some(2), bytes: Some(10) };
    let queue = SharedQueue::new(RefCell::new(QueueState::of([0; 64], limits, [Slot::FREE; 1])));
    assert_eq!(queue.try_put(b"12345"), Ok(()));
    assert_eq!(queue.try_put(b"123456"), Err(Denied::Because(NoRoom::Full(Limit::Bytes))));
    assert_eq!(queue.try_put(b"1"), Ok(()));
    assert_eq!(queue.try_put(b"1"), Err(Denied::Because(NoRoom::Full(Limit::Depth))));
    // What never fits is refused at once, by the storage as by a limit.
    for never in [11, 100] {
        let item = vec![0; never];
        assert!(
            matches!(queue.try_put(&item), Err(Denied::Because(NoRoom::TooLarge(too_large))) if too_large.len == never)
        );
        let put = poll(pin!(queue.put_when_room(&item)), Waker::noop());
        assert!(matches!(put, Poll::Ready(Err(Unmet::Because(too_large))) if too_large.len == never));
    }
    let counters = queue.counters().unwrap();
    assert_eq!((counters.accepted, counters.overflow, counters.depth), (2, 0, 2));
    assert_eq!(queue.with(|queue| queue.refused()), Ok(2));
    queue.close().unwrap();
    assert_eq!(queue.try_put(b"late"), Err(Denied::Closed));
    let closed = Poll::Ready(Err(Unmet::Wait(WaitError::Closed)));
    assert_eq!(poll(pin!(queue.put_when_room(b"late")), Waker::noop()), closed);
    queue.try_get(&mut [0; 8]).unwrap();
    assert_eq!(poll(pin!(queue.put_when_room(b"late")), Waker::noop()), closed);
}

/// Each kind is woken for what it waits for, in its own order, whoever has waited longer.
#[test]
fn who_waits_for_room_and_who_waits_for_items_are_told_apart() {
    let limits = Limits { depth: Some(1), ..Limits::NONE };
    let queue = SharedQueue::new(RefCell::new(QueueState::of([0; 64], limits, [Slot::FREE; 4])));
    let [(bell_a, a), (bell_b, b), (bell_c, c)] = bells();
    let rings = || [bell_a.rings(), bell_b.rings(), bell_c.rings()];
    queue.put(b"1", |_| ()).unwrap();
    let (mut put_a, mut put_b) = (Box::pin(queue.put_when_room(b"a")), pin!(queue.put_when_room(b"b")));
    assert!(poll(put_a.as_mut(), &a).is_pending());
    assert!(poll(put_b.as_mut(), &b).is_pending());
    assert_eq!(queue.try_get(&mut [0; 8]), Ok(Some(&b"1"[..])));
    assert_eq!(rings(), [1, 0, 0]);
    let mut buffer = [0; 8];
    let mut get_c = pin!(queue.get(&mut buffer));
    assert!(poll(get_c.as_mut(), &c).is_pending());
    // It was woken for the room and is gone: that is for the next one who puts, and not for the one who gets.
    drop(put_a);
    assert_eq!(rings(), [1, 1, 0]);
    assert_eq!(poll(put_b.as_mut(), &b), Poll::Ready(Ok(())));
    assert_eq!(rings(), [1, 1, 1]);
    assert_eq!(poll(get_c, &c), Poll::Ready(Ok(&b"b"[..])));
    assert_eq!(queue.waiting(), Ok(0));
}

/// One who gets has waited longer than those who put, and yet room is their business.
#[test]
fn room_wakes_nobody_who_waits_for_an_item() {
    let limits = Limits { depth: Some(1), ..Limits::NONE };
    let queue = SharedQueue::new(RefCell::new(QueueState::of([0; 64], limits, [Slot::FREE; 4])));
    let [(_, first), (bell_get, getter), (bell_a, a), (bell_b, b)] = bells();
    let rings = || [bell_get.rings(), bell_a.rings(), bell_b.rings()];
    let (mut get_first, mut get) = (pin!(queue.get_with(<[u8]>::len)), pin!(queue.get_with(<[u8]>::len)));
    assert!(poll(get_first.as_mut(), &first).is_pending());
    assert!(poll(get.as_mut(), &getter).is_pending());
    queue.put(b"1", |_| ()).unwrap();
    let (mut put_a, mut put_b) = (Box::pin(queue.put_when_room(b"a")), pin!(queue.put_when_room(b"b")));
    assert!(poll(put_a.as_mut(), &a).is_pending());
    assert!(poll(put_b.as_mut(), &b).is_pending());
    assert_eq!(queue.try_get(&mut [0; 8]), Ok(Some(&b"1"[..])));
    assert_eq!(rings(), [0, 1, 0]);
    drop(put_a);
    assert_eq!(rings(), [0, 1, 1]);
}

/// What left at once, and what a large item leaves room for, is told to as many as may have it.
#[test]
fn room_for_several_wakes_several() {
    let queue = SharedQueue::new(RefCell::new(QueueState::of(
        [0; 64],
        Limits { bytes: Some(4), ..Limits::NONE },
        [Slot::FREE; 3],
    )));
    let [(bell_a, a), (bell_b, b), (bell_c, c)] = bells();
    let rings = || [bell_a.rings(), bell_b.rings(), bell_c.rings()];
    queue.put(b"4444", |_| ()).unwrap();
    let [mut put_a, mut put_b, mut put_c] = [b"22", b"33", b"44"].map(|item| Box::pin(queue.put_when_room(item)));
    assert!(poll(put_a.as_mut(), &a).is_pending());
    assert!(poll(put_b.as_mut(), &b).is_pending());
    assert!(poll(put_c.as_mut(), &c).is_pending());
    queue.try_get(&mut [0; 8]).unwrap();
    assert_eq!(rings(), [1, 0, 0]);
    assert_eq!(poll(put_a.as_mut(), &a), Poll::Ready(Ok(())));
    assert_eq!(rings(), [1, 1, 0]);
    assert_eq!(poll(put_b.as_mut(), &b), Poll::Ready(Ok(())));
    assert_eq!(rings(), [1, 1, 1]);
    assert!(poll(put_c.as_mut(), &c).is_pending());
    queue.update(|queue| queue.mget(2, |_| core::ops::ControlFlow::Continue(()))).unwrap();
    assert_eq!(rings(), [1, 1, 2]);
    assert_eq!(poll(put_c.as_mut(), &c), Poll::Ready(Ok(())));
}

/// A stream ends when nothing more can come, and before that leaves out nothing that went wrong.
#[test]
fn streams_tell_everything_and_end() {
    type Item = Result<Received<heapless::Vec<u8, 4>>, Unmet<NoMessage>>;
    let next =
        |stream: Pin<&mut dyn Stream<Item = Item>>, waker: &Waker| stream.poll_next(&mut Context::from_waker(waker));
    let fanout = fanout::<2>();
    let [(bell, waker)] = bells();
    let (id, kicked) = (fanout.subscribe().unwrap().unwrap(), fanout.subscribe().unwrap().unwrap());
    let (mut messages, mut ends) = (pin!(fanout.messages::<4>(id)), pin!(fanout.messages::<4>(kicked)));
    assert!(next(messages.as_mut(), &waker).is_pending());
    fanout.publish(&[1; 30]).unwrap();
    assert_eq!(bell.rings(), 1);
    let too_large = next(messages.as_mut(), &waker);
    assert!(matches!(too_large, Poll::Ready(Some(Err(Unmet::Because(NoMessage::BufferTooSmall { needed: 30, .. }))))));
    // It stays the next one, until it leaves.
    assert_eq!(next(messages.as_mut(), &waker), too_large);
    fanout.publish(&[2; 40]).unwrap();
    fanout.publish(b"news").unwrap();
    assert_eq!(next(messages.as_mut(), &waker), Poll::Ready(Some(Ok(Received::Lagged(1)))));
    assert!(matches!(next(messages.as_mut(), &waker), Poll::Ready(Some(Err(_)))));
    fanout.publish(&[3; 40]).unwrap();
    fanout.publish(b"last").unwrap();
    assert!(matches!(next(messages.as_mut(), &waker), Poll::Ready(Some(Ok(Received::Lagged(_))))));
    fanout.unsubscribe(kicked).unwrap().unwrap();
    assert_eq!(next(ends.as_mut(), &waker), Poll::Ready(Some(Err(Unmet::Because(NoMessage::Unsubscribed)))));
    assert_eq!(next(ends.as_mut(), &waker), Poll::Ready(None));

    let queue = queue::<1>();
    let mut items = pin!(queue.items::<4>());
    let mut item = |waker: &Waker| items.as_mut().poll_next(&mut Context::from_waker(waker));
    assert!(item(&waker).is_pending());
    queue.put(b"large", |_| ()).unwrap();
    assert_eq!(bell.rings(), 2);
    assert!(matches!(item(&waker), Poll::Ready(Some(Err(Unmet::Because(BufferTooSmall { needed: 5, .. }))))));
    queue.try_get(&mut [0; 8]).unwrap();
    assert!(item(&waker).is_pending());
    queue.mput(b"a\nb", b"\n", |_| ()).unwrap();
    queue.close().unwrap();
    for expected in [b"a", b"b"] {
        assert!(matches!(item(&waker), Poll::Ready(Some(Ok(item))) if item == expected));
    }
    assert_eq!((item(&waker), item(&waker)), (Poll::Ready(None), Poll::Ready(None)));
    assert_eq!(queue.waiting(), Ok(0));
}
