//! The shared forms, under the lock that can't hide a panic in a library of its own.

use core::cell::RefCell;
use core::ops::ControlFlow;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use crate::given::{Storage, bytes, given, keep, storage};
use futures_core::Stream;
use streamgauge_core::shared::{
    FanoutState, Guarded, Lock, QueueState, Reentered, Shared, SharedFanout, SharedMoments, SharedQueue, Slot,
    StaticFanout, StaticMoments, StaticQueue, Wake,
};
use streamgauge_core::stats::Moments;
use streamgauge_core::topic::{Id, Place};

/// A critical section that costs nothing, for the programs are only linked.
struct Nothing;

critical_section::set_impl!(Nothing);

// SAFETY: There is one thread and no interrupt, because nothing ever runs.
unsafe impl critical_section::Impl for Nothing {
    unsafe fn acquire() -> critical_section::RawRestoreState {}

    unsafe fn release((): critical_section::RawRestoreState) {}
}

type Slots = &'static mut [Slot];
type Queue = SharedQueue<RefCell<QueueState<Storage, Slots>>>;
type Fanout = SharedFanout<RefCell<FanoutState<Storage, Cursors, Slots>>>;
type Anything = Shared<RefCell<Guarded<u32, Slots>>>;
type Total = SharedMoments<RefCell<Guarded<Moments, Slots>>>;

/// A mutable slice can't be a fan-out's cursors: it has to lend them as shared ones as well.
type Cursors = [Place; 8];

fn queue() -> &'static Queue {
    given()
}

fn fanout() -> &'static Fanout {
    given()
}

fn total() -> &'static Total {
    given()
}

pub(super) fn slots() -> Slots {
    core::mem::take(given::<Slots>())
}

/// For its size beside its storage.
type FanoutWithoutCursors = SharedFanout<RefCell<FanoutState<Storage, &'static [Place], Slots>>>;

/// Polls once, and drops the future in whatever state it is.
pub(super) fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(given::<Waker>()))
}

fn poll_next<S: Stream>(stream: S) -> Poll<Option<S::Item>> {
    pin!(stream).poll_next(&mut Context::from_waker(given::<Waker>()))
}

roots! {
    queue_put => queue().put(bytes(), |item| keep(item));
    queue_try_put => queue().try_put(bytes());
    queue_put_when_room => keep(poll(queue().put_when_room(bytes())));
    queue_items => keep(poll_next(queue().items::<16>()));
    static_queue_of => keep(StaticQueue::<64, 2>::of(*given()));
    static_fanout_of => keep(StaticFanout::<64, 2, 2>::of());
    static_moments_of => keep(StaticMoments::<Moments, 2>::of(*given::<Moments>()));
    static_queue_put => given::<StaticQueue<64, 2>>().put(bytes(), |item| keep(item));
    queue_mput => queue().mput(bytes(), bytes(), |item| keep(item));
    queue_get => keep(poll(queue().get(storage())));
    queue_get_with => keep(poll(queue().get_with(|item| keep(item))));
    queue_try_get => keep(queue().try_get(storage()));
    queue_close => queue().close();
    queue_is_closed => queue().is_closed();
    queue_counters => queue().counters();
    queue_update => queue().update(|queue| queue.reset_high_water());
    queue_with => queue().with(|queue| queue.counters());
    queue_waiting => queue().waiting();
    queue_new => keep(Queue::new(RefCell::new(QueueState::of(storage(), *given(), slots()))));
    fanout_new => keep(Fanout::new(RefCell::new(FanoutState::of(storage(), *given::<Cursors>(), slots()))));
    moments_new => keep(Total::new(RefCell::new(Guarded::new(*given::<Moments>(), slots()))));
    anything_new => keep(Anything::new(RefCell::new(Guarded::new(*given::<u32>(), slots()))));
    queue_of => keep(QueueState::of(storage(), *given(), slots()));
    fanout_of => keep(FanoutState::of(storage(), *given::<Cursors>(), slots()));
    update_open => keep(given::<Anything>().update_open(|value| {
        keep(value);
        (*given::<u32>(), *given::<Wake>())
    }));
    wait => keep(poll(given::<Anything>().wait(*given(), |value| {
        keep(value);
        *given::<ControlFlow<(u32, Wake)>>()
    })));
    wait_open => keep(poll(given::<Anything>().wait_open(*given(), |value| {
        keep(value);
        *given::<ControlFlow<(u32, Wake)>>()
    })));
    lock_with => RefCell::with(given::<RefCell<u32>>(), |value| *value);
    lock_answer => <RefCell<u32> as Lock>::answer(*given::<Result<u32, Reentered>>());
    fanout_publish => fanout().publish(bytes());
    fanout_subscribe => fanout().subscribe();
    fanout_resume => fanout().resume(*given());
    fanout_unsubscribe => fanout().unsubscribe(*given::<Id>());
    fanout_next => keep(poll(fanout().next(*given::<Id>(), storage())));
    fanout_next_with => keep(poll(fanout().next_with(*given::<Id>(), |message| keep(message))));
    fanout_try_next_with => keep(fanout().try_next_with(*given::<Id>(), |message| keep(message)));
    fanout_messages => keep(poll_next(fanout().messages::<16>(*given::<Id>())));
    fanout_published => keep(poll(fanout().published(*given())));
    fanout_close => fanout().close();
    fanout_delivery => fanout().delivery(*given::<Id>());
    fanout_update => fanout().update(|fanout| fanout.published());
    fanout_with => fanout().with(|fanout| fanout.published());
    fanout_is_closed => fanout().is_closed();
    fanout_waiting => fanout().waiting();
    moments_merge => total().merge(given());
    moments_update => total().update(|moments| moments.push(*given()));
    moments_snapshot => total().snapshot();
    moments_wait_for => keep(poll(total().wait_for(|moments| moments.mean())));
    moments_close => total().close();
    moments_with => total().with(|moments| moments.count());
    anything_with => given::<Anything>().with(|value| *value);
    anything_update => given::<Anything>().update(|value| (*value, *given::<Wake>()));
    anything_close => given::<Anything>().close();
    anything_is_closed => given::<Anything>().is_closed();
    anything_waiting => given::<Anything>().waiting();
    wake => [Wake::several(*given()), Wake::tagged(*given()), Wake::several_of(*given(), *given()).and_several_of(*given(), *given())];
}

sizes! {
    "shared: Slot": Slot;
    "shared: SharedQueue": Queue;
    "shared: SharedFanout": FanoutWithoutCursors;
    "shared: SharedMoments": Total;
}
