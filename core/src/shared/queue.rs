//! A queue that many tasks put into and get from.

use core::ops::ControlFlow;

use super::{Closed, Guarded, Lock, Shared, Slot, WaitError, Wake};
use crate::queue::{Counters, Queue, TooLarge};

/// A [`Queue`] shared by any number of producers and consumers; each item goes to one of these.
///
/// `accepted == delivered + depth + overflow` at any time, whatever is dropped when.
///
/// ```
/// use core::cell::RefCell;
/// use streamgauge_core::queue::Limits;
/// use streamgauge_core::shared::{QueueState, SharedQueue, Slot};
///
/// let queue = SharedQueue::new(RefCell::new(QueueState::of([0; 64], Limits::NONE, [Slot::FREE; 2])));
/// queue.put(b"H3110", |_oldest| ()).unwrap();
///
/// let mut buffer = [0; 16];
/// let mut get = core::pin::pin!(queue.get(&mut buffer));
/// let mut context = core::task::Context::from_waker(core::task::Waker::noop());
/// assert_eq!(get.as_mut().poll(&mut context), core::task::Poll::Ready(Ok(&b"H3110"[..])));
/// ```
///
/// In a static, for tasks and interrupt handlers of a microcontroller:
/// ```
/// # use core::cell::RefCell;
/// # use streamgauge_core::{queue::Limits, shared::{CriticalSection, QueueState, SharedQueue, Slot}};
/// static QUEUE: SharedQueue<CriticalSection<QueueState<[u8; 1024], [Slot; 4]>>> = SharedQueue::new(
///     CriticalSection::new(RefCell::new(QueueState::of([0; 1024], Limits::NONE, [Slot::FREE; 4]))),
/// );
/// ```
#[derive(Debug)]
pub struct SharedQueue<L>(Shared<L>);

/// What goes inside the lock of a [`SharedQueue`].
pub type QueueState<S, W> = Guarded<Queue<S>, W>;

impl<S, W> QueueState<S, W> {
    /// An empty queue over `storage`, and room for those who wait.
    pub const fn of(storage: S, limits: crate::queue::Limits, slots: W) -> Self {
        Self::new(Queue::new(storage, limits), slots)
    }
}

/// Why an item was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError {
    /// The storage could not hold it even if the queue were empty.
    TooLarge(TooLarge),
    /// The queue was closed.
    Closed,
}

/// Why there is no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// The buffer is smaller than the item, which stays the oldest one of the queue.
    #[non_exhaustive]
    BufferTooSmall {
        /// Length of the item in bytes.
        needed: usize,
    },
    /// The queue is empty, and closed or waited for by too many.
    Wait(WaitError),
}

impl<L> SharedQueue<L> {
    /// Shares what `lock` protects.
    pub const fn new(lock: L) -> Self {
        Self(Shared::new(lock))
    }
}

impl<L, S, W> SharedQueue<L>
where
    L: Lock<Value = QueueState<S, W>>,
    S: AsRef<[u8]> + AsMut<[u8]>,
    W: AsMut<[Slot]>,
{
    /// Appends `item` and wakes one who waits; what has to leave for it goes to `overflow`, under the lock.
    /// O(1) and the items that leave.
    ///
    /// # Errors
    /// [`PutError`]; nothing has changed.
    pub fn put(&self, item: &[u8], overflow: impl FnMut(&[u8])) -> Result<(), PutError> {
        self.0.update_open(|queue| match queue.put(item, overflow) {
            Ok(()) => (Ok(()), Wake::ONE),
            Err(too_large) => (Err(PutError::TooLarge(too_large)), Wake::NONE),
        })?
    }

    /// [`Queue::mput`], which wakes as many as there are pieces. O(pieces and the items that leave) under one lock.
    ///
    /// # Errors
    /// [`PutError`]; nothing has changed.
    pub fn mput(&self, body: &[u8], separator: &[u8], overflow: impl FnMut(&[u8])) -> Result<u64, PutError> {
        self.0.update_open(|queue| match queue.mput(body, separator, overflow) {
            Ok(pieces) => (Ok(pieces), Wake::several(usize::try_from(pieces).unwrap_or(usize::MAX))),
            Err(too_large) => (Err(PutError::TooLarge(too_large)), Wake::NONE),
        })?
    }

    /// Waits for an item and copies it into `buffer`. O(1) and the copy.
    ///
    /// What was put before the queue was closed can still be got. Waiting consumers are served in the order in which
    /// they began to wait, though one that doesn't wait may come first; who was woken for what it took waits again at
    /// the end.
    ///
    /// # Errors
    /// [`GetError`]; no item was taken.
    pub async fn get<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], GetError> {
        let len = self.0.wait(0, |queue| take_into(queue, buffer)).await.map_err(GetError::Wait)??;
        Ok(buffer.get(..len).unwrap_or_default())
    }

    /// Waits for an item and lends it to `f`, under the lock.
    ///
    /// # Errors
    /// [`WaitError`]; `f` was not called and no item was taken.
    pub async fn get_with<R>(&self, mut f: impl FnMut(&[u8]) -> R) -> Result<R, WaitError> {
        let taken = self.0.wait(0, |queue| match queue.peek().map(&mut f) {
            Some(result) => {
                queue.get();
                ControlFlow::Break((result, Wake::NONE))
            }
            None => ControlFlow::Continue(()),
        });
        taken.await
    }

    /// The oldest item if there is one, copied into `buffer`. O(1) and the copy.
    ///
    /// # Errors
    /// [`GetError::BufferTooSmall`].
    pub fn try_get<'b>(&self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, GetError> {
        let taken = self.0.update(|queue| match take_into(queue, buffer) {
            ControlFlow::Break((taken, _)) => (Some(taken), Wake::NONE),
            ControlFlow::Continue(()) => (None, Wake::NONE),
        });
        let len = taken.transpose()?;
        Ok(len.and_then(|len| buffer.get(..len)))
    }

    /// Refuses what is put from now on, and wakes everyone who waits.
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether the queue was closed.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// What the queue has done and holds. O(1).
    pub fn counters(&self) -> Counters {
        self.with(Queue::counters)
    }

    /// Looks at the queue, under the lock.
    pub fn with<R>(&self, f: impl FnOnce(&Queue<S>) -> R) -> R {
        self.0.with(f)
    }

    /// Does anything else with the queue, under the lock, and wakes as many as there are items that it put.
    pub fn update<R>(&self, f: impl FnOnce(&mut Queue<S>) -> R) -> R {
        self.0.update(|queue| {
            let before = queue.counters().accepted;
            let result = f(queue);
            let put = queue.counters().accepted.wrapping_sub(before);
            (result, Wake::several(usize::try_from(put).unwrap_or(usize::MAX)))
        })
    }

    /// How many tasks wait in [`get`](Self::get).
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

/// Moves the oldest item into `buffer`, if there is one and it fits.
fn take_into<S: AsRef<[u8]>>(queue: &mut Queue<S>, buffer: &mut [u8]) -> ControlFlow<(Result<usize, GetError>, Wake)> {
    let Some(item) = queue.peek() else { return ControlFlow::Continue(()) };
    let len = item.len();
    let Some(room) = buffer.get_mut(..len) else {
        // The item is still there for one with a larger buffer.
        return ControlFlow::Break((Err(GetError::BufferTooSmall { needed: len }), Wake::ONE));
    };
    room.copy_from_slice(item);
    queue.get();
    ControlFlow::Break((Ok(len), Wake::NONE))
}

impl From<Closed> for PutError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl core::fmt::Display for PutError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLarge(too_large) => too_large.fmt(f),
            Self::Closed => Closed.fmt(f),
        }
    }
}

impl core::error::Error for PutError {}

impl core::fmt::Display for GetError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => write!(f, "the item has {needed} bytes, more than the buffer"),
            Self::Wait(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GetError {}
