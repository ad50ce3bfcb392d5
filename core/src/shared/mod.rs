//! Queue, fan-out, moments and gauges that many tasks use through `&self`, and wait for.
//!
//! | type | for |
//! | --- | --- |
//! | [`SharedQueue`] | [`Queue`](crate::queue::Queue): `put`, `try_put`, `async put_when_room`, `async get` |
//! | [`SharedFanout`] | [`Fanout`](crate::topic::Fanout): `publish`, `async next`, `async published` |
//! | [`SharedMoments`] | what [`Merge`]s: partial results of many tasks, `async wait_for` |
//! | [`SharedGauge`] | [`Gauge`](crate::gauge::Gauge): `take`, `tell`, `merge`, `async wait_for` |
//! | [`Shared`] | any other value; the four above are thin layers over it |
//!
//! As statics of a microcontroller the first three are [`StaticQueue`], [`StaticFanout`] and [`StaticMoments`].
//!
//! What is waited for again and again is also a [`Stream`](futures_core::Stream)
//! ([`items`](SharedQueue::items), [`messages`](SharedFanout::messages)). A stream can't lend, since it may be polled
//! on while the caller has what it gave: so its items are copies, in a [`heapless::Vec`] of a size that the caller
//! chooses. Who would rather not copy has [`get_with`](SharedQueue::get_with) and
//! [`next_with`](SharedFanout::next_with).
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
//! - **No lock waits for itself.** A closure that comes back to the lock it runs under is told so
//!   ([`Reentered`]), by every lock that can see it ([`Lock`]).
//!
//! A future that is leaked ([`core::mem::forget`]) keeps its slot, and the wake-up that may have been in it. So does
//! one that is dropped by a closure under its own lock.

mod denied;
mod gauge;
mod lock;
mod moments;
mod queue;
pub mod ring;
mod statics;
mod stream;
mod topic;
mod wait;
mod waiters;

use core::ops::ControlFlow;
use core::task::Waker;

pub use denied::{Denied, Unmet};
pub use gauge::{SharedGauge, TakeError};
pub use lock::{CriticalSection, Lock, Reentered};
pub use moments::{Merge, SharedMoments};
pub use queue::{BufferTooSmall, QueueState, SharedQueue};
pub use statics::{StaticFanout, StaticMoments, StaticQueue};
pub use topic::{FanoutState, NoMessage, Received, SharedFanout};
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
    first: Few,
    second: Few,
}

/// So many of those with a tag, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Few {
    most: usize,
    tag: Option<u32>,
}

impl Few {
    const NONE: Self = Self { most: 0, tag: None };
}

impl Wake {
    /// Nobody.
    pub const NONE: Self = Self::several(0);
    /// The one who has waited longest. If it gives up before it has seen the change, the next one is woken.
    pub const ONE: Self = Self::several(1);
    /// Everyone who waits now.
    pub const ALL: Self = Self::several(usize::MAX);

    /// Those `n` who have waited longest, each as with [`ONE`](Self::ONE).
    pub const fn several(n: usize) -> Self {
        Self { first: Few { most: n, tag: None }, second: Few::NONE }
    }

    /// Those `n` with this tag who have waited longest. If one gives up before it has seen the change, the next one
    /// with this tag is woken. O(waiting) for each of them.
    pub const fn several_of(n: usize, tag: u32) -> Self {
        Self { first: Few { most: n, tag: Some(tag) }, second: Few::NONE }
    }

    /// Everyone who waits with this tag, without a wake-up for the others. O(waiting) for each of them.
    pub const fn tagged(tag: u32) -> Self {
        Self::several_of(usize::MAX, tag)
    }

    /// These, and those `n` with this tag as well: where two kinds wait for two things that one change can bring.
    /// Only the last call counts.
    #[must_use]
    pub const fn and_several_of(self, n: usize, tag: u32) -> Self {
        Self { first: self.first, second: Few { most: n, tag: Some(tag) } }
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
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> L::Answer<R> {
        L::answer(self.lock.with(|guarded| f(&guarded.value)))
    }

    /// Changes the value, and wakes those whom `f` names beside its result.
    ///
    /// The time under the lock is that of `f`, and O([`BATCH`]) for collecting wakers ([`Wake::tagged`]: times those
    /// who wait); for more of these the lock is taken again.
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> (R, Wake)) -> L::Answer<R> {
        L::answer(self.locked(|guarded| f(&mut guarded.value)))
    }

    /// Changes the value as [`update`](Self::update) does, unless it is closed.
    ///
    /// # Errors
    /// [`Closed`]; `f` was not called then.
    pub fn update_open<R>(&self, f: impl FnOnce(&mut T) -> (R, Wake)) -> L::Answer<Result<R, Closed>> {
        L::answer(self.locked_open(f))
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
        Wait::new(self, tag, true, f)
    }

    /// [`wait`](Self::wait), for one who changes the value: `f` is not called when it is closed.
    ///
    /// # Errors
    /// [`WaitError`]: closed, or more tasks than slots.
    pub fn wait_open<R, F>(&self, tag: u32, f: F) -> impl Future<Output = Result<R, WaitError>> + Unpin
    where
        F: FnMut(&mut T) -> ControlFlow<(R, Wake)>,
    {
        Wait::new(self, tag, false, f)
    }

    /// Wakes everyone; who finds nothing from now on gets [`WaitError::Closed`] instead of waiting.
    pub fn close(&self) -> L::Answer<()> {
        L::answer(self.locked(|guarded| {
            guarded.closed = true;
            ((), Wake::ALL)
        }))
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> L::Answer<bool> {
        L::answer(self.lock.with(|guarded| guarded.closed))
    }

    /// How many tasks wait and have not been woken.
    pub fn waiting(&self) -> L::Answer<usize> {
        L::answer(self.lock.with(|guarded| guarded.waiters.waiting()))
    }

    /// As [`update_open`](Self::update_open), for those who have an error for each way to fail.
    fn locked_open<R>(&self, f: impl FnOnce(&mut T) -> (R, Wake)) -> Result<Result<R, Closed>, L::Error> {
        self.locked(|guarded| {
            if guarded.closed {
                return (Err(Closed), Wake::NONE);
            }
            let (result, wake) = f(&mut guarded.value);
            (Ok(result), wake)
        })
    }

    /// The same where `f` can fail as well.
    fn change<R, E>(&self, f: impl FnOnce(&mut T) -> (Result<R, E>, Wake)) -> Result<R, Denied<E>> {
        self.locked_open(f).map_err(Into::into)??.map_err(Denied::Because)
    }

    /// Runs `f` under the lock, and the wakers it asks for when the lock is free.
    fn locked<R>(&self, f: impl FnOnce(&mut Guarded<T, W>) -> (R, Wake)) -> Result<R, L::Error> {
        let mut batch = Batch::new();
        let (result, mut rest) = self.lock.with(|guarded| {
            let (result, wake) = f(guarded);
            // Whoever begins to wait later has seen the change: without this bound two who wake each other, and wait
            // again, could keep a third one here for ever.
            let waiting = guarded.waiters.waiting();
            let mut rest = [wake.first, wake.second].map(|few| Rest {
                most: few.most.min(waiting),
                tag: few.tag,
                for_all: few.most == usize::MAX,
            });
            rest.iter_mut().filter(|rest| rest.most > 0).for_each(|rest| rest.collect(guarded, &mut batch));
            (result, rest)
        })?;
        // As many as there may be were collected: with none there is nobody.
        if batch.is_empty() {
            return Ok(result);
        }
        loop {
            batch.drain(..).for_each(Waker::wake);
            if rest.iter().all(|rest| rest.most == 0) {
                return Ok(result);
            }
            self.lock.with(|guarded| rest.iter_mut().for_each(|rest| rest.collect(guarded, &mut batch)))?;
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
