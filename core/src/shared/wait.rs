//! The one future that everything here waits with.

use core::marker::PhantomData;
use core::ops::ControlFlow;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::{Guarded, Lock, Shared, Slot, Wake};

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
}

impl core::fmt::Display for WaitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Closed => super::Closed.fmt(f),
            Self::TooManyWaiters { limit } => write!(f, "all {limit} slots for waiting tasks are taken"),
        }
    }
}

impl core::error::Error for WaitError {}

impl<'a, L, T, W, F> Wait<'a, L, T, W, F>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
{
    pub(super) const fn new(shared: &'a Shared<L>, tag: u32, f: F) -> Self {
        Self { shared, tag, key: None, f, value: PhantomData }
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
        let Self { shared, tag, key, f, .. } = self.get_mut();
        // A waker may be dropped only when the lock is free.
        let mut old_waker = None;
        shared.locked(|guarded| {
            let (outcome, wake) = match (f(&mut guarded.value), *key) {
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
        let _old_waker = self.shared.locked(|guarded| {
            let (waker, passes_on) = guarded.waiters.leave(key);
            (waker, if passes_on { Wake::ONE } else { Wake::NONE })
        });
    }
}
