//! A queue that many tasks put into and get from.

use core::ops::ControlFlow;

use futures_core::Stream;
use heapless::Vec;

use super::stream::Again;
use super::{Denied, Guarded, Lock, Shared, Slot, Unmet, WaitError, Wake};
use crate::log::TooLarge;
use crate::queue::{Counters, NoRoom, Queue};

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
/// In a static, for tasks and interrupt handlers of a microcontroller, it is a [`StaticQueue`](super::StaticQueue).
#[derive(Debug)]
pub struct SharedQueue<L>(Shared<L>);

/// What goes inside the lock of a [`SharedQueue`].
pub type QueueState<S, W> = Guarded<Queue<S>, W>;

/// Who waits for an item.
const GETTER: u32 = 0;
/// Who waits for room.
const PUTTER: u32 = 1;

impl<S, W> QueueState<S, W> {
    /// An empty queue over `storage`, and room for those who wait.
    pub const fn of(storage: S, limits: crate::queue::Limits, slots: W) -> Self {
        Self::new(Queue::new(storage, limits), slots)
    }
}

/// The buffer is smaller than the item, which stays the oldest one of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferTooSmall {
    /// Length of the item in bytes.
    pub needed: usize,
}

impl core::fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the item has {} bytes, more than the buffer", self.needed)
    }
}

impl core::error::Error for BufferTooSmall {}

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
    /// Appends `item` and wakes one who waits for it; what has to leave for it goes to `overflow`, under the lock.
    /// O(1), the items that leave and the tasks that wait.
    ///
    /// # Errors
    /// [`Denied`]; nothing has changed.
    pub fn put(&self, item: &[u8], overflow: impl FnMut(&[u8])) -> Result<(), Denied<TooLarge>> {
        self.0.change(|queue| concerned(queue, |queue| queue.put(item, overflow)))
    }

    /// [`Queue::mput`], which wakes as many as there are pieces. O(pieces and the items that leave) under one lock.
    ///
    /// # Errors
    /// [`Denied`]; nothing has changed.
    pub fn mput(&self, body: &[u8], separator: &[u8], overflow: impl FnMut(&[u8])) -> Result<u64, Denied<TooLarge>> {
        self.0.change(|queue| concerned(queue, |queue| queue.mput(body, separator, overflow)))
    }

    /// Appends `item` and wakes one who waits for it, unless something would have to leave for it.
    /// O(1) and the tasks that wait.
    ///
    /// It may come before those who [wait for room](Self::put_when_room).
    ///
    /// # Errors
    /// [`Denied`]; nothing has changed but the count of what was [refused](Queue::refused).
    pub fn try_put(&self, item: &[u8]) -> Result<(), Denied<NoRoom>> {
        self.0.change(|queue| concerned(queue, |queue| queue.try_put(item)))
    }

    /// Waits until nothing has to leave for `item`, then appends it and wakes one who waits for it.
    /// O(1) and the tasks that wait.
    ///
    /// Each item that leaves the queue wakes one who waits for room, in the order in which they began to wait, and who
    /// has put wakes the next one while there may be more. Who finds too little room waits again at the end: a
    /// large item may see small ones pass, and is sure to fit when the queue is empty. A future that is dropped before
    /// it has completed has put nothing.
    ///
    /// ```
    /// use core::cell::RefCell;
    /// use core::pin::pin;
    /// use core::task::{Context, Poll, Waker};
    /// use streamgauge_core::queue::Limits;
    /// use streamgauge_core::shared::{QueueState, SharedQueue, Slot};
    ///
    /// let limits = Limits { depth: Some(1), ..Limits::NONE };
    /// let queue = SharedQueue::new(RefCell::new(QueueState::of([0; 64], limits, [Slot::FREE; 2])));
    /// queue.put(b"first", |_| ()).unwrap();
    /// let mut context = Context::from_waker(Waker::noop());
    /// let mut put = pin!(queue.put_when_room(b"second"));
    /// assert!(put.as_mut().poll(&mut context).is_pending());
    /// assert_eq!(queue.try_get(&mut [0; 8]), Ok(Some(&b"first"[..])));
    /// assert_eq!(put.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    /// ```
    ///
    /// # Errors
    /// [`Unmet`], at once for an item that will never fit; nothing has changed.
    pub async fn put_when_room(&self, item: &[u8]) -> Result<(), Unmet<TooLarge>> {
        let put = self.0.wait_open(PUTTER, |queue| match concerned(queue, |queue| queue.put_in_room(item)) {
            (Ok(()), wake) => ControlFlow::Break((Ok(()), wake.and_several_of(1, PUTTER))),
            (Err(NoRoom::TooLarge(too_large)), _) => {
                // The room is still there for another one.
                ControlFlow::Break((Err(too_large), Wake::several_of(1, PUTTER)))
            }
            (Err(NoRoom::Full(_)), _) => ControlFlow::Continue(()),
        });
        put.await?.map_err(Unmet::Because)
    }

    /// Waits for an item and copies it into `buffer`. O(1) and the copy.
    ///
    /// What was put before the queue was closed can still be got. Waiting consumers are served in the order in which
    /// they began to wait, though one that doesn't wait may come first; who was woken for what it took waits again at
    /// the end.
    ///
    /// # Errors
    /// [`Unmet`]; no item was taken.
    pub async fn get<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Unmet<BufferTooSmall>> {
        let len = self.0.wait(GETTER, |queue| take_into(queue, buffer)).await?.map_err(Unmet::Because)?;
        Ok(buffer.get(..len).unwrap_or_default())
    }

    /// Waits for an item and lends it to `f`, under the lock.
    ///
    /// # Errors
    /// [`WaitError`]; `f` was not called and no item was taken.
    pub async fn get_with<R>(&self, mut f: impl FnMut(&[u8]) -> R) -> Result<R, WaitError> {
        let taken = self.0.wait(GETTER, |queue| match queue.peek().map(&mut f) {
            Some(result) => {
                queue.get();
                ControlFlow::Break((result, Wake::several_of(1, PUTTER)))
            }
            None => ControlFlow::Continue(()),
        });
        taken.await
    }

    /// The items as they come, each in a copy of at most `N` bytes, until the queue is closed and empty.
    ///
    /// What is wrong with one item is an item of the stream, and doesn't end it: a larger one than `N` bytes stays
    /// the oldest one of the queue, and the stream says so until another consumer has taken it.
    ///
    /// ```
    /// use core::cell::RefCell;
    /// use core::pin::pin;
    /// use core::task::{Context, Poll, Waker};
    /// use futures_core::Stream;
    /// use streamgauge_core::queue::Limits;
    /// use streamgauge_core::shared::{QueueState, SharedQueue, Slot};
    ///
    /// let queue = SharedQueue::new(RefCell::new(QueueState::of([0; 64], Limits::NONE, [Slot::FREE; 2])));
    /// queue.put(b"H3110", |_oldest| ()).unwrap();
    /// queue.close().unwrap();
    ///
    /// let mut items = pin!(queue.items::<16>());
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(matches!(items.as_mut().poll_next(&mut context), Poll::Ready(Some(Ok(item))) if item == b"H3110"));
    /// assert_eq!(items.as_mut().poll_next(&mut context), Poll::Ready(None));
    /// ```
    pub fn items<const N: usize>(&self) -> impl Stream<Item = Result<Vec<u8, N>, Unmet<BufferTooSmall>>> + Unpin {
        let wait = self.0.wait(GETTER, |queue| {
            let mut item = Vec::new();
            // There are as many bytes as there is room for.
            let _ = item.resize(N, 0);
            match take_into(queue, &mut item) {
                ControlFlow::Break((Ok(len), wake)) => {
                    item.truncate(len);
                    ControlFlow::Break((Ok(item), wake))
                }
                ControlFlow::Break((Err(error), wake)) => ControlFlow::Break((Err(error), wake)),
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
            }
        });
        Again::new(wait, |_: &BufferTooSmall| false)
    }

    /// The oldest item if there is one, copied into `buffer`. O(1) and the copy.
    ///
    /// # Errors
    /// [`BufferTooSmall`], or [`WaitError::Reentered`].
    pub fn try_get<'b>(&self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, Unmet<BufferTooSmall>> {
        let taken = self.0.locked(|guarded| match take_into(&mut guarded.value, buffer) {
            // Who took nothing was not woken for what it left.
            ControlFlow::Break((Err(error), _)) => (Some(Err(error)), Wake::NONE),
            ControlFlow::Break((Ok(len), wake)) => (Some(Ok(len)), wake),
            ControlFlow::Continue(()) => (None, Wake::NONE),
        });
        let len = taken.map_err(Into::into)?.transpose().map_err(Unmet::Because)?;
        Ok(len.and_then(|len| buffer.get(..len)))
    }

    /// Refuses what is put from now on, and wakes everyone who waits.
    pub fn close(&self) -> L::Answer<()> {
        self.0.close()
    }

    /// Whether the queue was closed.
    pub fn is_closed(&self) -> L::Answer<bool> {
        self.0.is_closed()
    }

    /// What the queue has done and holds. O(1).
    pub fn counters(&self) -> L::Answer<Counters> {
        self.with(Queue::counters)
    }

    /// Looks at the queue, under the lock.
    pub fn with<R>(&self, f: impl FnOnce(&Queue<S>) -> R) -> L::Answer<R> {
        self.0.with(f)
    }

    /// Does anything else with the queue, under the lock, and wakes as many as there are items that it put
    /// or that left.
    pub fn update<R>(&self, f: impl FnOnce(&mut Queue<S>) -> R) -> L::Answer<R> {
        self.0.update(|queue| concerned(queue, f))
    }

    /// How many tasks wait for items or for room.
    pub fn waiting(&self) -> L::Answer<usize> {
        self.0.waiting()
    }
}

/// Changes the queue, and names as many who wait for items as were put, and as many who wait for room as have left.
fn concerned<S, R>(queue: &mut Queue<S>, change: impl FnOnce(&mut Queue<S>) -> R) -> (R, Wake) {
    let before = queue.counters();
    let result = change(queue);
    let after = queue.counters();
    let left = |counters: Counters| counters.accepted.wrapping_sub(counters.depth);
    let [put, left] = [after.accepted.wrapping_sub(before.accepted), left(after).wrapping_sub(left(before))]
        .map(|items| usize::try_from(items).unwrap_or(usize::MAX));
    (result, Wake::several_of(put, GETTER).and_several_of(left, PUTTER))
}

/// Moves the oldest item into `buffer`, if there is one and it fits.
fn take_into<S: AsRef<[u8]>>(
    queue: &mut Queue<S>,
    buffer: &mut [u8],
) -> ControlFlow<(Result<usize, BufferTooSmall>, Wake)> {
    let Some(item) = queue.peek() else { return ControlFlow::Continue(()) };
    let len = item.len();
    let Some(room) = buffer.get_mut(..len) else {
        // The item is still there for one with a larger buffer.
        return ControlFlow::Break((Err(BufferTooSmall { needed: len }), Wake::several_of(1, GETTER)));
    };
    room.copy_from_slice(item);
    queue.get();
    ControlFlow::Break((Ok(len), Wake::several_of(1, PUTTER)))
}
