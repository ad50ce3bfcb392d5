//! The one future that everything here waits with.

use core::marker::PhantomData;
use core::ops::ControlFlow;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::{Guarded, Lock, Reentered, Shared, Slot, Wake};

/// The future of [`Shared::wait`].
///
/// It has a slot from its first poll that has to wait until it completes or is dropped.
pub(super) struct Wait<'a, L, T, W, F>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
{
    shared: &'a Shared<L>,
    tag: u32,
    /// Whether `f` is asked even when the value is closed.
    drains: bool,
    key: Option<u32>,
    f: F,
    value: PhantomData<fn(T, W)>,
}

/// Why a wait ended without what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The value was closed, and what is waited for will not come.
    Closed,
    /// Every slot is taken; the caller may try again when another one has stopped waiting.
    #[non_exhaustive]
    TooManyWaiters {
        /// How many slots there are.
        limit: usize,
    },
    /// The caller runs under the same lock already.
    Reentered,
}

impl core::fmt::Display for WaitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Closed => super::Closed.fmt(f),
            Self::TooManyWaiters { limit } => write!(f, "all {limit} slots for waiting tasks are taken"),
            Self::Reentered => Reentered.fmt(f),
        }
    }
}

impl core::error::Error for WaitError {}

impl<'a, L, T, W, F> Wait<'a, L, T, W, F>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
{
    pub(super) const fn new(shared: &'a Shared<L>, tag: u32, drains: bool, f: F) -> Self {
        Self { shared, tag, drains, key: None, f, value: PhantomData }
    }
}

// Nothing in it is ever pinned: `f` is called, not polled.
impl<L, T, W, F> Unpin for Wait<'_, L, T, W, F>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
{
}

impl<L, T, W, R, F> Future for Wait<'_, L, T, W, F>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
    F: FnMut(&mut T) -> ControlFlow<(R, Wake)>,
{
    type Output = Result<R, WaitError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, tag, drains, key, f, .. } = self.get_mut();
        // A waker may be dropped only when the lock is free.
        let mut old_waker = None;
        let polled = shared.locked(|guarded| {
            let (outcome, wake) = match (
                if *drains || !guarded.closed { f(&mut guarded.value) } else { ControlFlow::Continue(()) },
                *key,
            ) {
                (ControlFlow::Break((result, wake)), _) => (Poll::Ready(Ok(result)), wake),
                (ControlFlow::Continue(()), _) if guarded.closed => (Poll::Ready(Err(WaitError::Closed)), Wake::NONE),
                (ControlFlow::Continue(()), Some(key)) => {
                    old_waker = guarded.waiters.wait_on(key, cx.waker());
                    (Poll::Pending, Wake::NONE)
                }
                (ControlFlow::Continue(()), None) => match guarded.waiters.enter(*tag, cx.waker()) {
                    Ok(entered) => {
                        *key = Some(entered);
                        (Poll::Pending, Wake::NONE)
                    }
                    Err(limit) => (Poll::Ready(Err(WaitError::TooManyWaiters { limit })), Wake::NONE),
                },
            };
            if outcome.is_ready()
                && let Some(key) = key.take()
            {
                (old_waker, _) = guarded.waiters.leave(key);
            }
            (outcome, wake)
        });
        polled.unwrap_or_else(|error| {
            let Reentered = error.into();
            Poll::Ready(Err(WaitError::Reentered))
        })
    }
}

impl<L, T, W, F> Drop for Wait<'_, L, T, W, F>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
{
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        // A waker may be dropped only when the lock is free. Under the caller's own lock the slot stays taken.
        let _old_waker = self.shared.locked(|guarded| guarded.waiters.leave(key));
    }
}
