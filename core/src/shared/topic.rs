//! A fan-out that many tasks publish to and subscribe to.

use core::ops::ControlFlow;

use futures_core::Stream;
use heapless::Vec;

use super::stream::Again;
use super::{Denied, Guarded, Lock, Shared, Slot, Unmet, WaitError, Wake};
use crate::log::TooLarge;
use crate::topic::{Delivery, Fanout, Id, Next, Place, TooManySubscribers, Unsubscribed};

/// A [`Fanout`] shared by any number of publishers and subscribers; each message goes to all of these.
///
/// The account of each subscriber ([`Delivery`]) adds up at any time, whatever is dropped when.
///
/// ```
/// use core::cell::RefCell;
/// use streamgauge_core::topic::Place;
/// use streamgauge_core::shared::{FanoutState, Received, SharedFanout, Slot};
///
/// let state = FanoutState::of([0; 64], [Place::FREE; 4], [Slot::FREE; 4]);
/// let fanout = SharedFanout::new(RefCell::new(state));
/// let villager = fanout.subscribe().unwrap().unwrap();
/// fanout.publish(b"news").unwrap();
///
/// let mut buffer = [0; 16];
/// let mut next = core::pin::pin!(fanout.next(villager, &mut buffer));
/// let mut context = core::task::Context::from_waker(core::task::Waker::noop());
/// let received = next.as_mut().poll(&mut context);
/// assert_eq!(received, core::task::Poll::Ready(Ok(Received::Message(&b"news"[..]))));
/// ```
#[derive(Debug)]
pub struct SharedFanout<L>(Shared<L>);

/// What goes inside the lock of a [`SharedFanout`].
pub type FanoutState<S, C, W> = Guarded<Fanout<S, C>, W>;

impl<S, C, W> FanoutState<S, C, W> {
    /// No message and no subscriber, and room for those who wait.
    pub const fn of(storage: S, places: C, slots: W) -> Self {
        Self::new(Fanout::new(storage, places), slots)
    }
}

/// What a subscriber gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<M> {
    /// The oldest message that it has not seen.
    Message(M),
    /// So many messages left before it read them; the next call goes on after them.
    Lagged(u64),
}

/// Why a subscriber is not given a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoMessage {
    /// The subscription has ended, perhaps by another's doing.
    Unsubscribed,
    /// The buffer is smaller than the message, which stays the next one.
    #[non_exhaustive]
    BufferTooSmall {
        /// Length of the message in bytes.
        needed: usize,
    },
}

impl From<Unsubscribed> for NoMessage {
    fn from(_: Unsubscribed) -> Self {
        Self::Unsubscribed
    }
}

impl core::fmt::Display for NoMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unsubscribed => Unsubscribed.fmt(f),
            Self::BufferTooSmall { needed } => write!(f, "the message has {needed} bytes, more than the buffer"),
        }
    }
}

impl core::error::Error for NoMessage {}

/// The tag of those who wait for a message whoever it is for: no subscriber has that place.
const ANY: u32 = u32::MAX;

impl<L> SharedFanout<L> {
    /// Shares what `lock` protects.
    pub const fn new(lock: L) -> Self {
        Self(Shared::new(lock))
    }
}

impl<L, S, C, W> SharedFanout<L>
where
    L: Lock<Value = FanoutState<S, C, W>>,
    S: AsRef<[u8]> + AsMut<[u8]>,
    C: AsRef<[Place]> + AsMut<[Place]>,
    W: AsMut<[Slot]>,
{
    /// Makes `message` the newest one, wakes everyone who waits, and returns its sequence number.
    /// O(1), the messages that leave and the tasks that wait.
    ///
    /// # Errors
    /// [`Denied`]; nothing has changed.
    pub fn publish(&self, message: &[u8]) -> Result<u64, Denied<TooLarge>> {
        self.0.change(|fanout| match fanout.publish(message) {
            Ok(sequence) => (Ok(sequence), Wake::ALL),
            refused => (refused, Wake::NONE),
        })
    }

    /// A new subscriber, who will see what is published from now on. O(1).
    ///
    /// # Errors
    /// [`TooManySubscribers`].
    pub fn subscribe(&self) -> L::Answer<Result<Id, TooManySubscribers>> {
        self.0.update(|fanout| (fanout.subscribe(), Wake::NONE))
    }

    /// [`Fanout::resume`]. O(messages held).
    ///
    /// # Errors
    /// [`TooManySubscribers`].
    pub fn resume(&self, last_seen: u64) -> L::Answer<Result<Id, TooManySubscribers>> {
        self.0.update(|fanout| (fanout.resume(last_seen), Wake::NONE))
    }

    /// Ends a subscription, one's own or another's, whose [`next`](Self::next) then says so, and returns its final
    /// account. O(tasks that wait).
    ///
    /// # Errors
    /// [`Unsubscribed`] if it had ended before.
    pub fn unsubscribe(&self, id: Id) -> L::Answer<Result<Delivery, Unsubscribed>> {
        self.0.update(|fanout| (fanout.unsubscribe(id), Wake::tagged(id.slot())))
    }

    /// Waits for what the subscriber has not seen, and copies it into `buffer`. O(1) and the copy.
    ///
    /// # Errors
    /// [`Unmet`]; no message was taken.
    pub async fn next<'b>(&self, id: Id, buffer: &'b mut [u8]) -> Result<Received<&'b [u8]>, Unmet<NoMessage>> {
        let next = self.0.wait(id.slot(), |fanout| {
            next_of(fanout, id, |message| {
                let len = message.len();
                let room = buffer.get_mut(..len).ok_or(NoMessage::BufferTooSmall { needed: len })?;
                room.copy_from_slice(message);
                Ok(len)
            })
        });
        match next.await?.map_err(Unmet::Because)? {
            Received::Message(len) => Ok(Received::Message(buffer.get(..len).unwrap_or_default())),
            Received::Lagged(n) => Ok(Received::Lagged(n)),
        }
    }

    /// Waits for what the subscriber has not seen, and lends it to `f`, under the lock.
    ///
    /// # Errors
    /// [`Unmet`]; `f` was not called.
    pub async fn next_with<R>(&self, id: Id, mut f: impl FnMut(&[u8]) -> R) -> Result<Received<R>, Unmet<NoMessage>> {
        let next = self.0.wait(id.slot(), |fanout| next_of(fanout, id, |message| Ok(f(message))));
        next.await?.map_err(Unmet::Because)
    }

    /// A subscriber's messages as they come, each in a copy of at most `N` bytes, until it has seen everything and the
    /// fan-out is closed.
    ///
    /// What it missed is an item of the stream ([`Received::Lagged`]), and so is an error. Only
    /// [`NoMessage::Unsubscribed`] is the last one; a message of more than `N` bytes stays the next one until it has
    /// left.
    pub fn messages<const N: usize>(
        &self,
        id: Id,
    ) -> impl Stream<Item = Result<Received<Vec<u8, N>>, Unmet<NoMessage>>> + Unpin {
        let wait = self.0.wait(id.slot(), move |fanout| {
            next_of(fanout, id, |message| {
                Vec::from_slice(message).map_err(|_| NoMessage::BufferTooSmall { needed: message.len() })
            })
        });
        Again::new(wait, |why: &NoMessage| *why == NoMessage::Unsubscribed)
    }

    /// Lends what the subscriber has not seen to `f`, under the lock, if there is anything. O(1) and `f`.
    ///
    /// # Errors
    /// [`NoMessage::Unsubscribed`], or [`WaitError::Reentered`]; `f` was not called.
    pub fn try_next_with<R>(
        &self,
        id: Id,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<Received<R>>, Unmet<NoMessage>> {
        let next = self.0.locked(|guarded| (next_of(&mut guarded.value, id, |message| Ok(f(message))), Wake::NONE));
        match next.map_err(Into::into)? {
            ControlFlow::Break((next, _)) => next.map(Some).map_err(Unmet::Because),
            ControlFlow::Continue(()) => Ok(None),
        }
    }

    /// Waits until the number of messages published is another one than `seen`, and returns it.
    ///
    /// For one who serves many subscribers: begin with 0 and go on with what it returned, and no message passes
    /// unnoticed, however many come between.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn published(&self, seen: u64) -> Result<u64, WaitError> {
        let published = self.0.wait(ANY, |fanout| match fanout.published() {
            published if published != seen => ControlFlow::Break((published, Wake::NONE)),
            _ => ControlFlow::Continue(()),
        });
        published.await
    }

    /// Refuses what is published from now on, and wakes everyone who waits.
    ///
    /// Subscribers still get what they have not seen.
    pub fn close(&self) -> L::Answer<()> {
        self.0.close()
    }

    /// Whether the fan-out was closed.
    pub fn is_closed(&self) -> L::Answer<bool> {
        self.0.is_closed()
    }

    /// A subscriber's account. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn delivery(&self, id: Id) -> L::Answer<Result<Delivery, Unsubscribed>> {
        self.with(|fanout| fanout.delivery(id))
    }

    /// Looks at the fan-out, under the lock.
    pub fn with<R>(&self, f: impl FnOnce(&Fanout<S, C>) -> R) -> L::Answer<R> {
        self.0.with(f)
    }

    /// Does anything else with the fan-out, under the lock, and wakes everyone who waits.
    pub fn update<R>(&self, f: impl FnOnce(&mut Fanout<S, C>) -> R) -> L::Answer<R> {
        self.0.update(|fanout| (f(fanout), Wake::ALL))
    }

    /// How many tasks wait in [`next`](Self::next) or [`published`](Self::published).
    pub fn waiting(&self) -> L::Answer<usize> {
        self.0.waiting()
    }
}

/// Breaks with what there is for a subscriber. A message counts as received once `take` has taken it.
fn next_of<S, C, R>(
    fanout: &mut Fanout<S, C>,
    id: Id,
    take: impl FnOnce(&[u8]) -> Result<R, NoMessage>,
) -> ControlFlow<(Result<Received<R>, NoMessage>, Wake)>
where
    S: AsRef<[u8]>,
    C: AsRef<[Place]> + AsMut<[Place]>,
{
    let next = fanout.position(id).map_err(NoMessage::from).and_then(|position| {
        let mut messages = fanout.messages(position);
        if let Some(message) = messages.next() {
            let taken = take(message)?;
            let after = messages.position();
            fanout.advance(id, after)?;
            return Ok(Some(Received::Message(taken)));
        }
        match fanout.next(id)? {
            Next::Lagged(n) => Ok(Some(Received::Lagged(n))),
            Next::Message(_) | Next::Empty => Ok(None),
        }
    });
    match next.transpose() {
        Some(next) => ControlFlow::Break((next, Wake::NONE)),
        None => ControlFlow::Continue(()),
    }
}
