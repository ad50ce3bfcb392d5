//! The fan-out: every subscriber sees every message, from one shared log.

use crate::log::{Full, Iter, Log, Position};
use crate::queue::TooLarge;

/// One log, and a place for each subscriber: a slow one costs nothing but its own lag.
///
/// `S` holds the messages and `C` the places, so the length of `C` is the most subscribers there can be. When the
/// log is full the oldest message leaves, whoever has yet to read it; what that means for a subscriber is told to
/// it ([`Next::Lagged`]) and counted. At any time, for each subscriber,
/// [`received`](Delivery::received) `+` [`lagged`](Delivery::lagged) `+` [`pending`](Delivery::pending) `==`
/// [`published`](Delivery::published).
///
/// ```
/// use streamgauge_core::topic::{Place, Fanout, Next};
///
/// let mut fanout = Fanout::new([0; 8], [Place::FREE; 4]);
/// let villager = fanout.subscribe().unwrap();
/// for news in [&b"one"[..], b"two", b"three"] {
///     fanout.publish(news).unwrap();
/// }
/// // "one" and "two" had to leave: eight bytes hold no more than "three" and its length.
/// assert_eq!(fanout.next(villager), Ok(Next::Lagged(2)));
/// assert_eq!(fanout.next(villager), Ok(Next::Message(b"three")));
/// assert_eq!(fanout.next(villager), Ok(Next::Empty));
/// ```
#[derive(Debug, Clone)]
pub struct Fanout<S, C> {
    log: Log<S>,
    places: C,
    origin: u64,
    subscribers: usize,
    /// Slots below this index have been used; those of them that are free form a list.
    touched: usize,
    free: Option<u32>,
    delivered: u64,
}

/// Room for one subscriber.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    state: State,
    generation: u32,
}

impl Place {
    /// A place that no subscriber has.
    pub const FREE: Self = Self { state: State::Free { next: None }, generation: 0 };
}

#[derive(Debug, Clone, Copy)]
enum State {
    Free { next: Option<u32> },
    Used { position: Position, since: u64, received: u64, lagged: u64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Free { next: None }
    }
}

/// A subscriber. An id that was given back is never mistaken for the next one in its place
/// (until 2^32 subscribers have had that place).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    slot: u32,
    generation: u32,
}

impl Id {
    /// The index of its place.
    pub(crate) const fn slot(&self) -> u32 {
        self.slot
    }
}

/// What [`Fanout::next`] has for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'a> {
    /// The oldest message that the subscriber has not seen.
    Message(&'a [u8]),
    /// So many messages left before the subscriber read them; the next call goes on after them.
    Lagged(u64),
    /// The subscriber has seen everything.
    Empty,
}

/// A subscriber's account. Counts wrap at 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Messages published since it subscribed (or since the message it resumed from).
    pub published: u64,
    /// Messages handed to it.
    pub received: u64,
    /// Messages that left before it read them.
    pub lagged: u64,
    /// Messages in the log that it has yet to read.
    pub pending: u64,
    /// Payload bytes published since it subscribed that it has neither read nor been told it lost. Of what had left
    /// the log before it resumed nobody knows the size.
    pub bytes_behind: u64,
}

/// Every place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooManySubscribers {
    /// How many there are, and can be.
    pub limit: usize,
}

impl core::fmt::Display for TooManySubscribers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "all {} subscriber places are taken", self.limit)
    }
}

impl core::error::Error for TooManySubscribers {}

/// The id belongs to nobody: it was unsubscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribed;

impl core::fmt::Display for Unsubscribed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the subscription has ended")
    }
}

impl core::error::Error for Unsubscribed {}

impl<S, C> Fanout<S, C> {
    /// No subscriber and no message; the first one will have sequence number 0.
    pub const fn new(storage: S, places: C) -> Self {
        Self::starting_at(storage, places, 0)
    }

    /// As [`new`](Self::new), with `first` as the first message's sequence number.
    pub const fn starting_at(storage: S, places: C, first: u64) -> Self {
        Self {
            log: Log::starting_at(storage, first),
            places,
            origin: first,
            subscribers: 0,
            touched: 0,
            free: None,
            delivered: 0,
        }
    }

    /// Number of subscribers. O(1).
    pub const fn subscribers(&self) -> usize {
        self.subscribers
    }

    /// Messages published so far. O(1).
    pub const fn published(&self) -> u64 {
        self.log.end().sequence().wrapping_sub(self.origin)
    }

    /// Messages handed to subscribers so far, over all of them. O(1).
    pub const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// The sequence number that the first message had, or will have.
    pub const fn origin(&self) -> u64 {
        self.origin
    }

    /// The messages that are held, for reading.
    pub const fn log(&self) -> &Log<S> {
        &self.log
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, C> Fanout<S, C> {
    /// Whether a message of `len` bytes fits into the storage at all.
    ///
    /// # Errors
    /// [`TooLarge`] if it doesn't; [`publish`](Self::publish) would say the same.
    pub fn check(&self, len: usize) -> Result<(), TooLarge> {
        if self.log.can_hold(len) { Ok(()) } else { Err(TooLarge { len, capacity: self.log.capacity() }) }
    }

    /// Makes `message` the newest one, and returns its sequence number. O(1) and the messages that leave.
    ///
    /// # Errors
    /// [`TooLarge`]: the storage can't hold the message. Nothing has changed.
    pub fn publish(&mut self, message: &[u8]) -> Result<u64, TooLarge> {
        self.check(message.len())?;
        loop {
            match self.log.append(message.len(), |room| room.copy_from_slice(message)) {
                Ok(sequence) => return Ok(sequence),
                Err(Full) => drop(self.log.pop()),
            }
        }
    }
}

impl<S: AsRef<[u8]>, C: AsRef<[Place]> + AsMut<[Place]>> Fanout<S, C> {
    /// A new subscriber, who will see what is published from now on. O(1).
    ///
    /// # Errors
    /// [`TooManySubscribers`].
    pub fn subscribe(&mut self) -> Result<Id, TooManySubscribers> {
        self.insert(self.log.end(), 0)
    }

    /// A subscriber who saw everything up to the message numbered `last_seen`. It goes on after it; what has left
    /// the log meanwhile is its first [`Next::Lagged`]. O(messages held).
    ///
    /// A `last_seen` before the first message of all is from elsewhere (an earlier life of the server, say): the
    /// subscriber gets everything held. One that is yet to come counts as the newest message.
    ///
    /// # Errors
    /// [`TooManySubscribers`].
    pub fn resume(&mut self, last_seen: u64) -> Result<Id, TooManySubscribers> {
        let wanted = if self.knows(last_seen) { last_seen.wrapping_add(1) } else { self.origin };
        let position = self.log.seek(wanted);
        let missed = position.sequence().wrapping_sub(wanted);
        // Nothing, if what is wanted is yet to come.
        self.insert(position, missed.cast_signed().max(0).cast_unsigned())
    }

    /// Whether the message numbered `sequence` was (or will be) published here, rather than before the origin.
    pub const fn knows(&self, sequence: u64) -> bool {
        sequence.wrapping_sub(self.origin) <= u64::MAX / 2
    }

    /// Ends the subscription and returns its final account. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`] if it had ended before.
    pub fn unsubscribe(&mut self, id: Id) -> Result<Delivery, Unsubscribed> {
        let delivery = self.delivery(id)?;
        let place = self.places.as_mut().get_mut(id.slot as usize).ok_or(Unsubscribed)?;
        place.state = State::Free { next: self.free };
        place.generation = place.generation.wrapping_add(1);
        self.free = Some(id.slot);
        self.subscribers = self.subscribers.saturating_sub(1);
        Ok(delivery)
    }

    /// What there is for a subscriber; the message counts as received. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn next(&mut self, id: Id) -> Result<Next<'_>, Unsubscribed> {
        let State::Used { position, received, lagged, .. } = used(&mut self.places, id)? else {
            return Err(Unsubscribed);
        };
        let missed = self.log.missed(position);
        if missed > 0 {
            *lagged = lagged.wrapping_add(missed);
            *position = self.log.start();
            return Ok(Next::Lagged(missed));
        }
        match self.log.read(position) {
            None => Ok(Next::Empty),
            Some(message) => {
                *received = received.wrapping_add(1);
                self.delivered = self.delivered.wrapping_add(1);
                Ok(Next::Message(message))
            }
        }
    }

    /// Where a subscriber stands, for reading many messages at once from [`messages`](Self::messages). O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn position(&self, id: Id) -> Result<Position, Unsubscribed> {
        match self.state(id)? {
            State::Used { position, .. } => Ok(*position),
            State::Free { .. } => Err(Unsubscribed),
        }
    }

    /// The messages from `position` on. Subscribers at the same position share what is made of them.
    ///
    /// Empty at the end, and for a position that the log has left behind ([`next`](Self::next) tells how far).
    pub fn messages(&self, position: Position) -> Iter<'_, S> {
        self.log.iter(position)
    }

    /// Moves a subscriber to `to`, a position from [`messages`](Self::messages): what lies between counts as
    /// received. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn advance(&mut self, id: Id, to: Position) -> Result<(), Unsubscribed> {
        let State::Used { position, received, .. } = used(&mut self.places, id)? else {
            return Err(Unsubscribed);
        };
        let messages = to.sequence().wrapping_sub(position.sequence());
        *received = received.wrapping_add(messages);
        self.delivered = self.delivered.wrapping_add(messages);
        *position = to;
        Ok(())
    }

    /// A subscriber's account. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn delivery(&self, id: Id) -> Result<Delivery, Unsubscribed> {
        let State::Used { position, since, received, lagged } = self.state(id)? else {
            return Err(Unsubscribed);
        };
        Ok(Delivery {
            published: self.log.end().sequence().wrapping_sub(*since),
            received: *received,
            lagged: lagged.wrapping_add(self.log.missed(position)),
            pending: self.log.pending(position),
            bytes_behind: self.log.bytes_behind(position),
        })
    }

    fn state(&self, id: Id) -> Result<&State, Unsubscribed> {
        let place = self.places.as_ref().get(id.slot as usize).ok_or(Unsubscribed)?;
        if place.generation == id.generation { Ok(&place.state) } else { Err(Unsubscribed) }
    }

    fn insert(&mut self, position: Position, missed: u64) -> Result<Id, TooManySubscribers> {
        let places = self.places.as_mut();
        let full = TooManySubscribers { limit: places.len() };
        let slot = match self.free {
            Some(slot) => slot,
            None => u32::try_from(self.touched).map_err(|_| full)?,
        };
        let place = places.get_mut(slot as usize).ok_or(full)?;
        match (self.free, place.state) {
            (Some(_), State::Free { next }) => self.free = next,
            _ => self.touched = self.touched.saturating_add(1),
        }
        let since = position.sequence().wrapping_sub(missed);
        place.state = State::Used { position: position.moved_back(missed), since, received: 0, lagged: 0 };
        self.subscribers = self.subscribers.saturating_add(1);
        Ok(Id { slot, generation: place.generation })
    }
}

fn used<C: AsMut<[Place]>>(places: &mut C, id: Id) -> Result<&mut State, Unsubscribed> {
    let place = places.as_mut().get_mut(id.slot as usize).ok_or(Unsubscribed)?;
    if place.generation == id.generation { Ok(&mut place.state) } else { Err(Unsubscribed) }
}
