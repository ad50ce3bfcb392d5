//! A named topic of a server: a fan-out with times, an index, settings and counters.

use super::begin::{Asked, asked};
use super::{
    Batch, Begun, Counters, Delivery, Fanout, From, Id, Limit, Missed, Next, OverLimit, Place, Published, Settings,
    TooManySubscribers, Unsubscribed, Withheld,
};
use crate::log::{Index, Iter, Log, Mark, Position};
use crate::storage::Grow;
use crate::time::Time;

/// A [`Fanout`] whose messages have the times at which they were published, and are found by number and by time.
///
/// `S` holds the messages, `C` the subscribers' places, which may [grow](Grow), and `M` the marks of the
/// [index](Index): as many as the log has bytes, divided by 8,192, say. A time costs a byte a message, mostly; an
/// earlier one than before counts as the same.
///
/// ```
/// use streamgauge_core::log::Mark;
/// use streamgauge_core::time::Time;
/// use streamgauge_core::topic::{From, Missed, Next, Place, Settings, Topic};
///
/// let mut topic = Topic::new([0; 64], [Place::FREE; 4], [Mark::FREE; 8], Settings::NONE, 0);
/// for (second, news) in [&b"one"[..], b"two", b"three"].into_iter().enumerate() {
///     topic.publish(news, Time::from_millis(second as u64 * 1_000)).unwrap();
/// }
/// let begun = topic.subscribe_from(From::Time(Time::from_millis(500))).unwrap();
/// assert_eq!((begun.first, begun.missed), (1, Missed::Exactly(0)));
/// assert_eq!(topic.next(begun.id), Ok(Next::Message(b"two")));
/// ```
#[derive(Debug, Clone)]
pub struct Topic<S, C, M> {
    pub(super) fanout: Fanout<S, C, true>,
    pub(super) index: Index<M>,
    settings: Settings,
    /// When the oldest message held was published, if there is any; the newest of all; the newest that has left.
    pub(super) oldest: Time,
    pub(super) newest: Time,
    pub(super) left: Option<Time>,
    /// Where the newest message is, if any is held.
    pub(super) last: Position,
    pub(super) evicted: u64,
    pub(super) expired: u64,
    pub(super) refused: u64,
    pub(super) subscribed: u64,
    /// Numbers that no message has.
    pub(super) skipped: u64,
    /// What subscribers see ends here, if not with the log.
    pub(super) fence: Option<Position>,
}

impl<S, C, M> Topic<S, C, M> {
    /// No message and no subscriber; the first message will have the sequence number `first`.
    pub const fn new(storage: S, places: C, marks: M, settings: Settings, first: u64) -> Self {
        Self::of(Fanout::of(storage, places, first), Index::new(marks), settings)
    }

    pub(super) const fn of(fanout: Fanout<S, C, true>, index: Index<M>, settings: Settings) -> Self {
        Self {
            fanout,
            index,
            settings,
            oldest: Time::ZERO,
            newest: Time::ZERO,
            left: None,
            last: Position::NONE,
            evicted: 0,
            expired: 0,
            refused: 0,
            subscribed: 0,
            skipped: 0,
            fence: None,
        }
    }

    /// The settings. O(1).
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Other settings, from now on. Nobody has to go for a smaller `max_subscribers`. O(1).
    pub const fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// What the topic has done and holds. O(1).
    pub const fn counters(&self) -> Counters {
        let log = &self.fanout.log;
        Counters {
            published: self.published(),
            published_bytes: log.appended(),
            held: log.len(),
            held_bytes: log.bytes(),
            evicted: self.evicted,
            expired: self.expired,
            refused: self.refused,
            delivered: self.fanout.delivered(),
            subscribers: self.fanout.subscribers() as u64,
            subscribed: self.subscribed,
        }
    }

    /// The messages that are held, for reading. O(1).
    pub const fn log(&self) -> &Log<S, true> {
        &self.fanout.log
    }

    /// The sequence number that the first message had, or will have. O(1).
    pub const fn origin(&self) -> u64 {
        self.fanout.origin
    }

    /// Messages published so far.
    const fn published(&self) -> u64 {
        self.fanout.published().wrapping_sub(self.skipped)
    }

    /// When the last message was published, if any was. O(1).
    pub const fn published_at(&self) -> Option<Time> {
        if self.published() == 0 { None } else { Some(self.newest) }
    }

    /// When the oldest message has to leave because of its age, if any has: the time to call
    /// [`expire`](Self::expire). O(1).
    pub const fn expires_at(&self) -> Option<Time> {
        match self.settings.max_age {
            Some(age) if !self.fanout.log.is_empty() => Some(self.oldest.after(age)),
            _ => None,
        }
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, C, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// Whether a message of `len` bytes would be published. O(1).
    ///
    /// # Errors
    /// [`OverLimit`] names the limit that it is over.
    pub fn check(&self, len: usize) -> Result<(), OverLimit> {
        if len > self.settings.max_message_bytes {
            return Err(OverLimit { len, limit: Limit::MessageBytes, most: self.settings.max_message_bytes });
        }
        if !self.fanout.log.can_hold(len) {
            return Err(OverLimit { len, limit: Limit::LogBytes, most: self.fanout.log.capacity() });
        }
        Ok(())
    }

    /// Makes `message` the newest one, and returns its sequence number. O(1) and the messages that leave.
    ///
    /// # Errors
    /// [`OverLimit`]: nothing has changed, but that it is counted.
    pub fn publish(&mut self, message: &[u8], now: Time) -> Result<u64, OverLimit> {
        self.check(message.len()).inspect_err(|_| self.refused = self.refused.wrapping_add(1))?;
        self.expire(now);
        Ok(self.append(message, now))
    }

    /// [`publish`](Self::publish)es a whole batch, or nothing of it. O(messages) and the messages that leave.
    ///
    /// # Errors
    /// [`OverLimit`] for the longest message: nothing has changed, but that all are counted as refused.
    pub fn publish_all<'m>(
        &mut self,
        batch: Batch<impl Iterator<Item = &'m [u8]>>,
        now: Time,
    ) -> Result<Published, OverLimit> {
        let refused = self.refused.wrapping_add(batch.count());
        if batch.count() > 0 {
            self.check(batch.longest()).inspect_err(|_| self.refused = refused)?;
        }
        self.expire(now);
        let first = self.fanout.log.end().sequence();
        for message in batch.into_messages() {
            // It fits, unless the iterator gave others before.
            self.check(message.len())?;
            self.append(message, now);
        }
        Ok(Published { first, messages: self.fanout.log.end().sequence().wrapping_sub(first) })
    }

    /// Counts messages as refused that were not even published, because somebody knew better.
    pub(crate) const fn count_refused(&mut self, messages: u64) {
        self.refused = self.refused.wrapping_add(messages);
    }

    /// Counts subscribers that were admitted in an earlier life of the server.
    pub(crate) const fn count_subscribed(&mut self, subscribers: u64) {
        self.subscribed = self.subscribed.wrapping_add(subscribers);
    }

    /// Lets messages leave that are too old, and returns how many did. O(1) and the messages that leave.
    pub fn expire(&mut self, now: Time) -> u64 {
        let before = self.expired;
        while self.expires_at().is_some_and(|at| at <= now) {
            self.pop();
            self.expired = self.expired.wrapping_add(1);
        }
        self.expired.wrapping_sub(before)
    }

    /// Appends a message that fits.
    fn append(&mut self, message: &[u8], now: Time) -> u64 {
        loop {
            let (end, alone) = (self.fanout.log.end().sequence(), self.fanout.log.is_empty());
            match self.try_append(message, now) {
                Some(sequence) => return sequence,
                None if alone => return end,
                None => self.evict(),
            }
        }
    }

    /// Appends a message, if there is room as it is.
    pub(super) fn try_append(&mut self, message: &[u8], now: Time) -> Option<u64> {
        let now = self.newest.max(now);
        let (at, alone) = (self.fanout.log.end(), self.fanout.log.is_empty());
        // The time of the oldest is known without a stamp.
        let stamp = if alone { 0 } else { now.as_millis().saturating_sub(self.newest.as_millis()) };
        let fill = |room: &mut [u8]| {
            // As long as the room, which the compiler does not see.
            if let Some(message) = message.get(..room.len()) {
                room.copy_from_slice(message);
            }
        };
        let sequence = self.fanout.log.append_stamped(stamp, message.len(), fill).ok()?;
        if alone {
            self.oldest = now;
        }
        (self.newest, self.last) = (now, at);
        self.index.note(&self.fanout.log, at, now);
        Some(sequence)
    }

    /// Lets the oldest message leave for a newer one.
    pub(super) fn evict(&mut self) {
        self.pop();
        self.evicted = self.evicted.wrapping_add(1);
    }

    fn pop(&mut self) {
        let _ = self.fanout.log.pop();
        self.left = Some(self.oldest);
        if let Some((stamp, _)) = self.fanout.log.read_stamped(&mut self.fanout.log.start()) {
            self.oldest = Time::from_millis(self.oldest.as_millis().saturating_add(stamp));
        }
        self.index.forget(&self.fanout.log);
    }
}

impl<S: AsRef<[u8]>, C, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// The place of the message numbered `sequence`, of the oldest one held if it has left, or the end if it is yet to
    /// come. O(log n) and a short walk.
    pub fn seek(&self, sequence: u64) -> Position {
        self.index.seek(&self.fanout.log, sequence)
    }

    /// The place of the first message held that was published at `time` or later, or the end. O(log n) and a short
    /// walk.
    pub fn seek_time(&self, time: Time) -> Position {
        self.index.find(&self.fanout.log, self.oldest, |_, published| published >= time).position
    }

    /// The first place that is at most so many payload bytes before the end, or where what [may be
    /// seen](Self::visible_end) ends, if that is before it. O(log n) and a short walk.
    pub fn within(&self, bytes: u64) -> Position {
        let log = &self.fanout.log;
        let place = self.index.find(log, self.oldest, |position, _| log.bytes_behind(position) <= bytes).position;
        if self.visible_from(&place) > 0 { place } else { self.visible_end() }
    }

    /// The messages from `position` on that [may be seen](Self::visible_end), and when each was published. Empty at the end, and for a position that the log
    /// has left behind. O(log n) and a short walk, then O(1) a message.
    pub fn timed(&self, position: Position) -> Timed<'_, S> {
        let log = &self.fanout.log;
        let known = log.pending(&position) > 0 && log.missed(&position) == 0;
        let ahead = position.sequence().wrapping_sub(log.start().sequence());
        let found = self.index.find(log, self.oldest, |place, _| {
            !known || place.sequence().wrapping_sub(log.start().sequence()) >= ahead
        });
        let left = self.visible_from(&position);
        Timed { log, position, time: found.time.unwrap_or(self.newest), begun: !known, left }
    }
}

impl<S: AsRef<[u8]>, C: Grow<Place>, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// A new subscriber, who will see what is published from now on. O(1), and what it costs to grow.
    ///
    /// # Errors
    /// [`TooManySubscribers`].
    pub fn subscribe(&mut self) -> Result<Id, TooManySubscribers> {
        self.admit(self.fanout.log.end(), 0)
    }

    /// A new subscriber, who begins where it asks to; what it missed is its first [`Next::Lagged`]. O(log n) and a
    /// short walk.
    ///
    /// # Errors
    /// [`TooManySubscribers`].
    pub fn subscribe_from(&mut self, from: From) -> Result<Begun, TooManySubscribers> {
        let (position, missed) = self.place_of(from);
        let (Missed::Exactly(told) | Missed::AtLeast(told)) = missed;
        let id = self.admit(position, told)?;
        Ok(Begun { id, first: position.sequence(), missed })
    }

    fn place_of(&self, from: From) -> (Position, Missed) {
        let log = &self.fanout.log;
        let (start, end, origin) = (log.start(), log.end(), self.fanout.origin);
        let left = start.sequence().wrapping_sub(origin);
        let numbered = |sequence: u64, wanted: u64| match asked(sequence, origin, self.fanout.published()) {
            Asked::Known => {
                let position = self.seek(wanted);
                (position, Missed::Exactly(position.sequence().wrapping_sub(wanted)))
            }
            Asked::EarlierLife => (start, Missed::AtLeast(left)),
            Asked::YetToCome => (end, Missed::Exactly(0)),
        };
        match from {
            From::Now => (end, Missed::Exactly(0)),
            From::First => (start, Missed::Exactly(left)),
            From::Sequence(sequence) => numbered(sequence, sequence),
            From::After(sequence) => numbered(sequence, sequence.wrapping_add(1)),
            From::Time(time) => match self.left {
                // One of that time has left at least, and it is not known when those before it were published.
                Some(left) if left >= time => (start, Missed::AtLeast(1)),
                _ => (self.seek_time(time), Missed::Exactly(0)),
            },
        }
    }

    fn admit(&mut self, position: Position, missed: u64) -> Result<Id, TooManySubscribers> {
        if self.fanout.subscribers() >= self.settings.max_subscribers {
            return Err(TooManySubscribers { limit: self.settings.max_subscribers });
        }
        let id = match self.fanout.insert(position, missed) {
            Err(_) if self.fanout.places.grow() => self.fanout.insert(position, missed)?,
            inserted => inserted?,
        };
        self.subscribed = self.subscribed.wrapping_add(1);
        Ok(id)
    }
}

impl<S: AsRef<[u8]>, C: AsRef<[Place]> + AsMut<[Place]>, M> Topic<S, C, M> {
    /// [`Fanout::next`]. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn next(&mut self, id: Id) -> Result<Next<'_>, Unsubscribed> {
        if self.fence.is_some() {
            let position = self.fanout.position(id)?;
            if self.visible_from(&position) == 0 && self.fanout.log.missed(&position) == 0 {
                return Ok(Next::Empty);
            }
        }
        self.fanout.next(id)
    }

    /// [`Fanout::position`]. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn position(&self, id: Id) -> Result<Position, Unsubscribed> {
        self.fanout.position(id)
    }

    /// [`Fanout::messages`], as far as they [may be seen](Self::visible_end). O(1).
    pub const fn messages(&self, position: Position) -> Iter<'_, S, true> {
        self.fanout.messages(position).at_most(self.visible_from(&position))
    }

    /// [`Fanout::advance`]. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn advance(&mut self, id: Id, to: Position) -> Result<(), Unsubscribed> {
        self.fanout.advance(id, to)
    }

    /// [`Fanout::skip_to`]. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn skip_to(&mut self, id: Id, to: Position) -> Result<u64, Unsubscribed> {
        self.fanout.skip_to(id, to)
    }

    /// [`Fanout::withhold`]. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn withhold(&mut self, id: Id, messages: u64, why: Withheld) -> Result<(), Unsubscribed> {
        self.fanout.withhold(id, messages, why)
    }

    /// [`Fanout::delivery`]. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn delivery(&self, id: Id) -> Result<Delivery, Unsubscribed> {
        self.fanout.delivery(id)
    }

    /// [`Fanout::unsubscribe`]. O(1).
    ///
    /// # Errors
    /// [`Unsubscribed`].
    pub fn unsubscribe(&mut self, id: Id) -> Result<Delivery, Unsubscribed> {
        self.fanout.unsubscribe(id)
    }

    /// [`Fanout::count_delivered`]. O(1).
    pub const fn count_delivered(&mut self) {
        self.fanout.count_delivered();
    }
}

/// Iterator over messages and their times, from [`Topic::timed`].
#[derive(Debug)]
pub struct Timed<'a, S> {
    log: &'a Log<S, true>,
    position: Position,
    /// Of the message at `position` before the iterator has begun, and of the one before it afterwards.
    time: Time,
    begun: bool,
    /// How many it gives at the most.
    left: u64,
}

impl<S> Timed<'_, S> {
    /// Where the next message will be read. O(1).
    pub const fn position(&self) -> Position {
        self.position
    }
}

impl<'a, S: AsRef<[u8]>> Iterator for Timed<'a, S> {
    type Item = (Time, &'a [u8]);

    fn next(&mut self) -> Option<(Time, &'a [u8])> {
        self.left = self.left.checked_sub(1)?;
        let (stamp, message) = self.log.read_stamped(&mut self.position)?;
        if self.begun {
            self.time = Time::from_millis(self.time.as_millis().saturating_add(stamp));
        }
        self.begun = true;
        Some((self.time, message))
    }
}
