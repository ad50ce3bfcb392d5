//! The fan-out: every subscriber sees every message, from one shared log.

use super::batch::{Batch, Published};
use super::begin::{Asked, asked};
use super::place::{Account, State};
use super::{Delivery, Id, Next, Place, TooManySubscribers, Unsubscribed, Withheld};
use crate::log::{Full, Iter, Log, Position, TooLarge};

/// One log, and a place for each subscriber: a slow one costs nothing but its own lag.
///
/// `S` holds the messages and `C` the places, so the length of `C` is the most subscribers there can be. When the
/// log is full the oldest message leaves, whoever has yet to read it; what that means for a subscriber is told to
/// it ([`Next::Lagged`]) and counted: for each subscriber each message has one fate, and [`Delivery`] adds them up.
///
/// `STAMPED` is for a [`Topic`](super::Topic), which has times and an index as well; this needs neither.
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
pub struct Fanout<S, C, const STAMPED: bool = false> {
    pub(super) log: Log<S, STAMPED>,
    pub(super) places: C,
    pub(super) origin: u64,
    subscribers: usize,
    /// Slots below this index have been used; those of them that are free form a list.
    touched: usize,
    free: Option<u32>,
    pub(super) delivered: u64,
}

impl<S, C> Fanout<S, C> {
    /// No subscriber and no message; the first one will have sequence number 0.
    pub const fn new(storage: S, places: C) -> Self {
        Self::starting_at(storage, places, 0)
    }

    /// As [`new`](Self::new), with `first` as the first message's sequence number.
    pub const fn starting_at(storage: S, places: C, first: u64) -> Self {
        Self::of(storage, places, first)
    }
}

impl<S, C, const STAMPED: bool> Fanout<S, C, STAMPED> {
    pub(super) const fn of(storage: S, places: C, first: u64) -> Self {
        Self {
            log: Log::of(storage, first),
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
    pub const fn log(&self) -> &Log<S, STAMPED> {
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

    /// [`publish`](Self::publish)es a whole batch, or nothing of it. O(messages) and the messages that leave.
    ///
    /// # Errors
    /// [`TooLarge`]: the storage can't hold the longest message. Nothing has changed.
    pub fn publish_all<'m>(&mut self, batch: Batch<impl Iterator<Item = &'m [u8]>>) -> Result<Published, TooLarge> {
        if batch.count() > 0 {
            self.check(batch.longest())?;
        }
        let first = self.log.end().sequence();
        for message in batch.into_messages() {
            self.publish(message)?;
        }
        Ok(Published { first, messages: self.log.end().sequence().wrapping_sub(first) })
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
    /// A `last_seen` below the number of the first message of all is from elsewhere (an earlier life of the server,
    /// say): the subscriber gets everything held, and how much it missed before the first message nobody knows
    /// ([`knows`](Self::knows) tells). One that is yet to come counts as the newest message.
    ///
    /// # Errors
    /// [`TooManySubscribers`].
    pub fn resume(&mut self, last_seen: u64) -> Result<Id, TooManySubscribers> {
        let wanted = match asked(last_seen, self.origin, self.published()) {
            Asked::Known => last_seen.wrapping_add(1),
            Asked::EarlierLife => self.origin,
            Asked::YetToCome => self.log.end().sequence(),
        };
        self.insert_at(self.log.seek(wanted), wanted)
    }
}

impl<S: AsRef<[u8]>, C: AsRef<[Place]> + AsMut<[Place]>, const STAMPED: bool> Fanout<S, C, STAMPED> {
    /// Whether the message numbered `sequence` was published here or may yet be, rather than in an earlier life, whose
    /// numbers were below those of this one. O(1).
    pub const fn knows(&self, sequence: u64) -> bool {
        !matches!(asked(sequence, self.origin, self.published()), Asked::EarlierLife)
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

    /// Counts a message as delivered to somebody whose subscription has ended in the middle of it, and who has the whole
    /// of it now. O(1).
    pub const fn count_delivered(&mut self) {
        self.delivered = self.delivered.wrapping_add(1);
    }

    /// What there is for a subscriber; the message counts as received. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn next(&mut self, id: Id) -> Result<Next<'_>, Unsubscribed> {
        let Account { position, received, lagged, .. } = used(&mut self.places, id)?;
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
        Ok(self.account(id)?.position)
    }

    /// The messages from `position` on. Subscribers at the same position share what is made of them.
    ///
    /// Empty at the end, and for a position that the log has left behind ([`next`](Self::next) tells how far).
    pub const fn messages(&self, position: Position) -> Iter<'_, S, STAMPED> {
        self.log.iter(position)
    }

    /// Moves a subscriber to `to`, a position from [`messages`](Self::messages): what lies between counts as
    /// received. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn advance(&mut self, id: Id, to: Position) -> Result<(), Unsubscribed> {
        let Account { position, received, .. } = used(&mut self.places, id)?;
        let messages = to.sequence().wrapping_sub(position.sequence());
        *received = received.wrapping_add(messages);
        self.delivered = self.delivered.wrapping_add(messages);
        *position = to;
        Ok(())
    }

    /// Moves a subscriber on to `to` without handing it what lies between, as a policy decided, and returns how many
    /// messages that are: the gap that the subscriber has to be told. Those that had left count as lagged, the others
    /// as skipped. Nothing happens if `to` is not ahead. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn skip_to(&mut self, id: Id, to: Position) -> Result<u64, Unsubscribed> {
        let account = used(&mut self.places, id)?;
        let gap = to.sequence().wrapping_sub(account.position.sequence());
        if gap > u64::MAX / 2 {
            return Ok(0);
        }
        let missed = self.log.missed(&account.position).min(gap);
        account.lagged = account.lagged.wrapping_add(missed);
        account.skipped = account.skipped.wrapping_add(gap.wrapping_sub(missed));
        account.position = to;
        Ok(gap)
    }

    /// Counts `messages` of those that a subscriber received as not given to it, for this reason. More than it
    /// received count as all of them. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn withhold(&mut self, id: Id, messages: u64, why: Withheld) -> Result<(), Unsubscribed> {
        let account = used(&mut self.places, id)?;
        let messages = messages.min(account.received);
        account.received = account.received.wrapping_sub(messages);
        self.delivered = self.delivered.wrapping_sub(messages);
        let count = match why {
            Withheld::Sampled => &mut account.sampled_out,
            Withheld::Filtered => &mut account.filtered,
        };
        *count = count.wrapping_add(messages);
        Ok(())
    }

    /// A subscriber's account. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn delivery(&self, id: Id) -> Result<Delivery, Unsubscribed> {
        let account = self.account(id)?;
        Ok(Delivery {
            published: self.log.end().sequence().wrapping_sub(account.since),
            received: account.received,
            lagged: account.lagged.wrapping_add(self.log.missed(&account.position)),
            skipped: account.skipped,
            sampled_out: account.sampled_out,
            filtered: account.filtered,
            pending: self.log.pending(&account.position),
            bytes_behind: self.log.bytes_behind(&account.position),
        })
    }

    fn account(&self, id: Id) -> Result<&Account, Unsubscribed> {
        match self.places.as_ref().get(id.slot as usize) {
            Some(Place { state: State::Used(account), generation }) if *generation == id.generation => Ok(account),
            _ => Err(Unsubscribed),
        }
    }

    /// A subscriber at `position`, whose account begins with the message numbered `wanted`: what lies between has
    /// left, and is the first thing that it is told.
    pub(super) fn insert_at(&mut self, position: Position, wanted: u64) -> Result<Id, TooManySubscribers> {
        self.insert(position, position.sequence().wrapping_sub(wanted))
    }

    pub(super) fn insert(&mut self, position: Position, missed: u64) -> Result<Id, TooManySubscribers> {
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
        let position = position.moved_back(missed);
        place.state = State::Used(Account::new(position));
        self.subscribers = self.subscribers.saturating_add(1);
        Ok(Id { slot, generation: place.generation })
    }
}

pub(super) fn used<C: AsMut<[Place]>>(places: &mut C, id: Id) -> Result<&mut Account, Unsubscribed> {
    match places.as_mut().get_mut(id.slot as usize) {
        Some(Place { state: State::Used(account), generation }) if *generation == id.generation => Ok(account),
        _ => Err(Unsubscribed),
    }
}
