//! How many messages and bytes a second a stream has.

mod decayed;
mod parts;

use core::time::Duration;

use crate::time::Time;
use decayed::Decayed;
pub use parts::{InvalidParts, Parts};

/// Messages and bytes of a stream: how many, and how many a second over the last 1, 5 and 15 minutes.
///
/// The rates are exponentially decayed, as load averages are. With events of weight w at the times t, the rate over
/// τ is Σ w e^(-(now - t) / τ) / τ: to all digits but the last of an `f64`, however many events there were and however
/// long ago, unless more than `u64::MAX` of weight comes within one millisecond, which is what counts of it then. Nothing is sampled, so nothing depends on when the rates are read, and a rate falls while nothing comes.
///
/// As with load averages a stream begins at 0: one of a steady r a second reads r (1 - e^(-age / τ)), which is 63 % of
/// r after τ, and 98 % after 4 τ. Whoever knows since when it was looked at has the rate over that time by
/// [`PerSecond::since_start`].
///
/// How: the sums are kept relative to the last whole multiple of τ (so weights only grow within τ, by less than e), in
/// double-double, as *forward decay* (G. Cormode, V. Shkapenyuk, D. Srivastava and B. Xu, 2009), and all that is ever
/// multiplied is by whole powers of 1/e, in double-double too. Rounding does not add up.
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::stats::Rate;
/// use streamgauge_core::time::Time;
///
/// let mut seen = Rate::new();
/// let start = Time::from_millis(1_790_000_000_000);
/// for second in 0..60 {
///     seen.push(start.after(Duration::from_secs(second)), 350);
/// }
/// let now = start.after(Duration::from_secs(60));
/// assert_eq!((seen.messages(), seen.bytes()), (60, 21_000));
/// let messages = seen.messages_per_second(now);
/// assert!((messages.one_minute - 0.627).abs() < 1e-3);
/// assert!((messages.since_start(Duration::from_secs(60)).one_minute - 0.992).abs() < 1e-3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// That of the latest event.
    latest: Time,
    messages: Decayed,
    bytes: Decayed,
}

/// Rates over three lengths of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PerSecond {
    /// Decayed to 1/e within a minute.
    pub one_minute: f64,
    /// Decayed to 1/e within five minutes.
    pub five_minutes: f64,
    /// Decayed to 1/e within fifteen minutes.
    pub fifteen_minutes: f64,
}

impl Default for Rate {
    fn default() -> Self {
        Self::new()
    }
}

impl Rate {
    /// Nothing seen yet.
    pub const fn new() -> Self {
        Self { latest: Time::ZERO, messages: Decayed::NOTHING, bytes: Decayed::NOTHING }
    }

    /// A message of so many bytes. O(1): additions of integers while the time is that of the message before, three
    /// exponentials when it isn't. A message that comes late counts as what it is: one of an earlier time.
    #[inline]
    pub fn push(&mut self, at: Time, bytes: u64) {
        self.push_many(at, 1, bytes);
    }

    /// So many messages at once, and bytes of all of them. O(1), like one.
    #[inline]
    pub fn push_many(&mut self, at: Time, messages: u64, bytes: u64) {
        if at != self.latest {
            if messages == 0 && bytes == 0 {
                return;
            }
            if at < self.latest {
                let shares = decayed::shares(at, self.latest);
                self.messages.add_late(messages, shares);
                self.bytes.add_late(bytes, shares);
                return;
            }
            self.advance(at);
        }
        self.messages.add(messages);
        self.bytes.add(bytes);
    }

    /// Takes in what `other` has seen, of the same stream or another. O(1).
    ///
    /// `a.merge(&b)` and `b.merge(&a)` give the same to the bit; merging several in another order may change the last
    /// digit of a rate.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = *other;
            return;
        }
        let mut other = *other;
        if self.latest < other.latest {
            self.advance(other.latest);
        } else if other.latest < self.latest {
            other.advance(self.latest);
        }
        self.messages.merge(&other.messages);
        self.bytes.merge(&other.bytes);
    }

    /// Number of messages; it stays at `u64::MAX` once there, like all counts.
    pub const fn messages(&self) -> u64 {
        self.messages.total
    }

    /// Number of bytes of all messages.
    pub const fn bytes(&self) -> u64 {
        self.bytes.total
    }

    /// When the latest message came; `None` if none did.
    pub fn latest(&self) -> Option<Time> {
        (!self.is_empty()).then_some(self.latest)
    }

    /// Messages a second at a time; one before the latest message's is taken for that. O(1), six exponentials. What
    /// less than 1e-270 messages are left of is 0.
    pub fn messages_per_second(&self, now: Time) -> PerSecond {
        self.at(now).messages.per_second(now.max(self.latest))
    }

    /// Bytes a second at a time, like [messages](Self::messages_per_second).
    pub fn bytes_per_second(&self, now: Time) -> PerSecond {
        self.at(now).bytes.per_second(now.max(self.latest))
    }

    fn is_empty(&self) -> bool {
        self.messages.total == 0 && self.bytes.total == 0
    }

    /// The same, seen at `now`.
    fn at(&self, now: Time) -> Self {
        let mut seen = *self;
        seen.advance(now.max(self.latest));
        seen
    }

    /// Goes on to a time that isn't before the latest.
    fn advance(&mut self, to: Time) {
        let (weights, decay) = (decayed::weights(self.latest), decayed::decay(self.latest, to));
        for stream in [&mut self.messages, &mut self.bytes] {
            stream.settle(weights);
            stream.decay(decay);
        }
        self.latest = to;
    }
}

impl PerSecond {
    /// The rates over the time that was looked at, which began `age` ago: what each decayed rate of a steady stream
    /// is below it, 1 - e^(-age / τ), divided out. Less than a millisecond counts as one. O(1), three exponentials.
    ///
    /// The younger the stream, the more a single message weighs: one message, one second ago, is about one a second.
    #[must_use]
    pub fn since_start(self, age: Duration) -> Self {
        let millis = age.as_secs_f64().max(1e-3) * 1e3;
        let [one, five, fifteen] = decayed::SPANS.map(|span| -libm::expm1(-millis / span.get() as f64));
        Self {
            one_minute: self.one_minute / one,
            five_minutes: self.five_minutes / five,
            fifteen_minutes: self.fifteen_minutes / fifteen,
        }
    }
}
