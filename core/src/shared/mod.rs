//! Queue, fan-out and moments that many tasks use through `&self`, and wait for.
//!
//! | type | for |
//! | --- | --- |
//! | [`SharedQueue`] | [`Queue`](crate::queue::Queue): `put`, `async get` |
//! | [`SharedFanout`] | [`Fanout`](crate::topic::Fanout): `publish`, `async next`, `async published` |
//! | [`SharedMoments`] | what [`Merge`]s: partial results of many tasks, `async wait_for` |
//! | [`Shared`] | any other value; the three above are thin layers over it |
//!
//! The lock is the caller's ([`Lock`]), and so is the room for those who wait ([`Slot`]). Nothing here knows an
//! executor: a future stores its [`Waker`] in a slot and is woken through it, be that tokio's, embassy's or a
//! browser's.
//!
//! What holds for all of them:
//! - **No lost message.** Bytes are handed over (copied into the caller's buffer, or lent to a closure) in the very
//!   poll that completes the future, under the lock. A future that is dropped before has taken nothing.
//! - **No lost wake-up.** Whether there is something to wait for is looked at under the same lock under which the
//!   waker is stored. A task that was woken to take one item, and is dropped instead, passes the wake-up on.
//! - **Bounded.** At most as many tasks wait as there are slots; one more is told so
//!   ([`TooManyWaiters`](WaitError::TooManyWaiters)) and may try again, rather than wait for a wake-up that can't
//!   come. Slots are never used without a wait: what is there at once needs none.
//! - **Wakers run unlocked.** They are called, and dropped, when the lock is free; at most [`BATCH`] are collected at
//!   a time. Only [`Waker::clone`](Clone::clone) runs under it.
//! - [`close`](Shared::close) wakes everyone.
//!
//! A future that is leaked ([`core::mem::forget`]) keeps its slot, and the wake-up that may have been in it.

mod lock;
mod moments;
mod queue;
pub mod ring;
mod topic;
mod wait;
mod waiters;

use core::ops::ControlFlow;
use core::task::Waker;

pub use lock::{CriticalSection, Lock};
pub use moments::{Merge, SharedMoments};
pub use queue::{GetError, PutError, QueueState, SharedQueue};
pub use topic::{FanoutState, NextError, PublishError, Received, SharedFanout};
pub use wait::WaitError;
pub use waiters::Slot;

use wait::Wait;
use waiters::Waiters;

/// A value behind a lock, and the tasks that wait for it to change.
///
/// This is Hoare's monitor for `async`: [`update`](Self::update) changes the value and says whom to wake,
/// [`wait`](Self::wait) completes when its closure finds what it is looking for.
///
/// ```
/// use core::cell::RefCell;
/// use core::ops::ControlFlow;
/// use streamgauge_core::shared::{Guarded, Shared, Slot, Wake};
///
/// let gauge = Shared::new(RefCell::new(Guarded::new(0, [Slot::FREE; 4])));
/// let mut high = core::pin::pin!(gauge.wait(0, |&mut level| match level {
///     10.. => ControlFlow::Break((level, Wake::NONE)),
///     _ => ControlFlow::Continue(()),
/// }));
/// let mut context = core::task::Context::from_waker(core::task::Waker::noop());
/// assert!(high.as_mut().poll(&mut context).is_pending());
/// gauge.update(|level| {
///     *level = 12;
///     ((), Wake::ALL)
/// });
/// assert_eq!(high.as_mut().poll(&mut context), core::task::Poll::Ready(Ok(12)));
/// ```
#[derive(Debug)]
pub struct Shared<L> {
    lock: L,
}

/// What goes inside the lock: a value, those who wait for it, and whether it is closed.
#[derive(Debug)]
pub struct Guarded<T, W> {
    value: T,
    waiters: Waiters<W>,
    closed: bool,
}

impl<T, W> Guarded<T, W> {
    /// `value`, and as many tasks that may wait at a time as there are `slots`.
    pub const fn new(value: T, slots: W) -> Self {
        Self { value, waiters: Waiters::new(slots), closed: false }
    }
}

/// Whom a change concerns, among those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    most: usize,
    tag: Option<u32>,
}

impl Wake {
    /// Nobody.
    pub const NONE: Self = Self::several(0);
    /// The one who has waited longest. If it gives up before it has seen the change, the next one is woken.
    pub const ONE: Self = Self::several(1);
    /// Everyone who waits now.
    pub const ALL: Self = Self { most: usize::MAX, tag: None };

    /// Those `n` who have waited longest, each as with [`ONE`](Self::ONE).
    pub const fn several(n: usize) -> Self {
        Self { most: n, tag: None }
    }

    /// Everyone who waits with this tag, without a wake-up for the others. O(waiting) for each of them.
    pub const fn tagged(tag: u32) -> Self {
        Self { most: usize::MAX, tag: Some(tag) }
    }
}

/// The most wakers that are collected under one hold of the lock.
pub const BATCH: usize = 16;

impl<L> Shared<L> {
    /// Shares what `lock` protects.
    pub const fn new(lock: L) -> Self {
        Self { lock }
    }
}

impl<L, T, W> Shared<L>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
{
    /// Looks at the value.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.lock.with(|guarded| f(&guarded.value))
    }

    /// Changes the value, and wakes those whom `f` names beside its result.
    ///
    /// The time under the lock is that of `f`, and O([`BATCH`]) for collecting wakers ([`Wake::tagged`]: times those
    /// who wait); for more of these the lock is taken again.
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> (R, Wake)) -> R {
        self.locked(|guarded| f(&mut guarded.value))
    }

    /// Changes the value as [`update`](Self::update) does, unless it is closed.
    ///
    /// # Errors
    /// [`Closed`]; `f` was not called then.
    pub fn update_open<R>(&self, f: impl FnOnce(&mut T) -> (R, Wake)) -> Result<R, Closed> {
        self.locked(|guarded| {
            if guarded.closed {
                return (Err(Closed), Wake::NONE);
            }
            let (result, wake) = f(&mut guarded.value);
            (Ok(result), wake)
        })
    }

    /// Waits until `f` breaks, with the result and whom to wake after it.
    ///
    /// `f` sees the value under the lock, at the first poll and after each wake-up; so it should be short. A waiter
    /// that was woken by [`Wake::ONE`] and breaks without having used up the change names the next one.
    /// `tag` is what [`Wake::tagged`] looks for.
    ///
    /// The future may be dropped at any time: it has taken nothing, and a wake-up that was meant for one passes to
    /// the next. Polled again after it has completed, it waits anew.
    ///
    /// # Errors
    /// [`WaitError`]: closed, or more tasks than slots.
    pub fn wait<R, F>(&self, tag: u32, f: F) -> impl Future<Output = Result<R, WaitError>> + Unpin
    where
        F: FnMut(&mut T) -> ControlFlow<(R, Wake)>,
    {
        Wait::new(self, tag, f)
    }

    /// Wakes everyone; who finds nothing from now on gets [`WaitError::Closed`] instead of waiting.
    pub fn close(&self) {
        self.locked(|guarded| {
            guarded.closed = true;
            ((), Wake::ALL)
        });
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.lock.with(|guarded| guarded.closed)
    }

    /// How many tasks wait and have not been woken.
    pub fn waiting(&self) -> usize {
        self.lock.with(|guarded| guarded.waiters.waiting())
    }

    /// Runs `f` under the lock, and the wakers it asks for when the lock is free.
    fn locked<R>(&self, f: impl FnOnce(&mut Guarded<T, W>) -> (R, Wake)) -> R {
        let mut batch = Batch::new();
        let (result, mut wake) = self.lock.with(|guarded| {
            let (result, wake) = f(guarded);
            // Whoever begins to wait later has seen the change: without this bound two who wake each other, and wait
            // again, could keep a third one here for ever.
            let most = wake.most.min(guarded.waiters.waiting());
            let mut rest = Rest { most, tag: wake.tag, for_all: wake.most == usize::MAX };
            rest.collect(guarded, &mut batch);
            (result, rest)
        });
        loop {
            batch.drain(..).for_each(Waker::wake);
            if wake.most == 0 {
                return result;
            }
            self.lock.with(|guarded| wake.collect(guarded, &mut batch));
        }
    }
}

type Batch = heapless::Vec<Waker, BATCH>;

/// Who has yet to be woken.
struct Rest {
    most: usize,
    tag: Option<u32>,
    for_all: bool,
}

impl Rest {
    fn collect<T, W: AsMut<[Slot]>>(&mut self, guarded: &mut Guarded<T, W>, batch: &mut Batch) {
        while self.most > 0 && !batch.is_full() {
            match guarded.waiters.pop(self.tag, self.for_all) {
                Some(waker) => {
                    // There is room: the loop asks.
                    let _ = batch.push(waker);
                    self.most = self.most.saturating_sub(1);
                }
                None => self.most = 0,
            }
        }
    }
}

/// The value was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl core::fmt::Display for Closed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("it is closed")
    }
}

impl core::error::Error for Closed {}
