//! How much a token may send: so many messages and bytes a second.
//!
//! Each is a bucket that holds what may be sent in a second, and fills as time goes by. A request is let in while no bucket
//! is in debt, and charged when it is known what it came to: so one large request is never refused for its size alone, and
//! whoever sends more than its share waits it off. A bucket is the generic cell rate algorithm (ITU-T I.371, A.1): one
//! number, the time when it is full again, which all threads share without a lock.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What may be sent in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rates {
    /// Messages and items.
    pub(crate) messages: Option<NonZeroU64>,
    /// Bytes of bodies.
    pub(crate) bytes: Option<NonZeroU64>,
}

impl Rates {
    pub(super) const fn is_none(&self) -> bool {
        self.messages.is_none() && self.bytes.is_none()
    }
}

/// What of that is left.
#[derive(Debug)]
pub(super) struct Quota {
    rates: Rates,
    began: Instant,
    messages: Bucket,
    bytes: Bucket,
}

/// A rate that is spent, and for how long nothing is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Debt {
    /// `messages` or `bytes`.
    pub(crate) what: &'static str,
    /// How many there may be in a second.
    pub(crate) rate: u64,
    pub(crate) left: Duration,
}

impl Quota {
    /// Nothing is spent. `now` is when that is.
    pub(super) fn new(rates: Rates, now: Instant) -> Self {
        Self { rates, began: now, messages: Bucket::default(), bytes: Bucket::default() }
    }

    /// The debt that has to be waited off, if there is one: the longer one of two.
    pub(super) fn debt(&self, now: Instant) -> Option<Debt> {
        let now = self.nanos(now);
        let debt = |what, rate: Option<NonZeroU64>, bucket: &Bucket| {
            let left = bucket.debt(now)?;
            Some(Debt { what, rate: rate?.get(), left: Duration::from_nanos(left) })
        };
        let messages = debt("messages", self.rates.messages, &self.messages);
        let bytes = debt("bytes", self.rates.bytes, &self.bytes);
        messages.into_iter().chain(bytes).max_by_key(|debt| debt.left)
    }

    /// Takes out what was sent.
    pub(super) fn charge(&self, messages: u64, bytes: u64, now: Instant) {
        let now = self.nanos(now);
        for (rate, bucket, amount) in
            [(self.rates.messages, &self.messages, messages), (self.rates.bytes, &self.bytes, bytes)]
        {
            if let Some(rate) = rate.filter(|_| amount > 0) {
                bucket.charge(rate, amount, now);
            }
        }
    }

    /// Nanoseconds since it began: these last for 584 years.
    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// How much a bucket holds, as the time that it takes to fill it.
const DEPTH: u64 = 1_000_000_000;

/// When it is full again, if nothing more is taken out, in nanoseconds.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

impl Bucket {
    /// How long it takes until nothing is owed; `None` if nothing is.
    fn debt(&self, now: u64) -> Option<u64> {
        let full = self.0.load(Ordering::Relaxed);
        full.checked_sub(now.saturating_add(DEPTH)).filter(|left| *left > 0)
    }

    fn charge(&self, rate: NonZeroU64, amount: u64, now: u64) {
        // A division of 128 bits costs as much as all the rest, and only tens of gigabytes need one.
        let nanos = match amount.checked_mul(DEPTH) {
            Some(product) => product / rate,
            None => u64::try_from(u128::from(amount) * u128::from(DEPTH) / u128::from(rate.get())).unwrap_or(u64::MAX),
        };
        // Nothing else is read because of it, so no order is needed: each charge only has to be there once.
        let charged = |full: u64| Some(full.max(now).saturating_add(nanos));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(messages: u64, bytes: u64) -> (Quota, Instant) {
        let now = Instant::now();
        (Quota::new(Rates { messages: NonZeroU64::new(messages), bytes: NonZeroU64::new(bytes) }, now), now)
    }

    #[test]
    fn a_second_may_be_sent_at_once_and_then_the_rate() {
        let (quota, start) = quota(10, 0);
        let at = |millis| start + Duration::from_millis(millis);
        for _ in 0..10 {
            assert_eq!(quota.debt(start), None);
            quota.charge(1, 1 << 40, start);
        }
        assert_eq!(quota.debt(start), None, "nothing is owed yet");
        quota.charge(1, 0, start);
        let left = |millis| quota.debt(at(millis)).map(|debt| debt.left.as_millis());
        assert_eq!((left(0), left(99), left(100)), (Some(100), Some(1), None));
        // Over a minute as many are let in as the rate has it.
        let sent = (0..60_000).filter(|millis| {
            left(*millis).is_none() && {
                quota.charge(1, 0, at(*millis));
                true
            }
        });
        let sent = sent.count();
        assert!((590..=601).contains(&sent), "{sent}");
    }

    #[test]
    fn what_was_not_sent_is_not_saved_up() {
        let (quota, start) = quota(10, 0);
        let later = start + Duration::from_secs(60);
        quota.charge(30, 0, later);
        assert_eq!(quota.debt(later).map(|debt| debt.left), Some(Duration::from_secs(2)));
    }

    #[test]
    fn the_longer_debt_counts_and_has_its_name() {
        let (quota, start) = quota(1, 1000);
        quota.charge(2, 5000, start);
        let debt = quota.debt(start).unwrap();
        assert_eq!((debt.what, debt.rate, debt.left), ("bytes", 1000, Duration::from_secs(4)));
        quota.charge(u64::MAX, u64::MAX, start);
        quota.charge(u64::MAX, u64::MAX, start + Duration::from_secs(1));
        assert!(quota.debt(start).is_some(), "what is more than time lasts is owed for ever");
    }

    #[test]
    fn threads_share_it() {
        let (quota, start) = quota(1_000, 0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| quota.charge(1, 0, start)));
            }
        });
        assert_eq!(quota.debt(start).map(|debt| debt.left), Some(Duration::from_secs(39)));
    }
}
