//! What to do about a subscriber that lags.

use core::time::Duration;

use crate::time::Time;

/// What a subscriber asked for in case it lags beyond its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLag {
    /// It is sent away.
    #[default]
    Kick,
    /// It is told the gap, and goes on with what is newer.
    Skip,
    /// It only ever gets the newest message, whatever the limit.
    Latest,
    /// Publishers wait so long for it; if it still lags then, it is sent away.
    Block(Duration),
}

/// How far a subscriber is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Payload bytes that it has yet to get ([`Delivery::bytes_behind`](super::Delivery::bytes_behind)).
    pub bytes: u64,
    /// Messages in the log that it has yet to get.
    pub messages: u64,
}

impl core::convert::From<&super::Delivery> for Lag {
    fn from(delivery: &super::Delivery) -> Self {
        Self { bytes: delivery.bytes_behind, messages: delivery.pending }
    }
}

/// What has to be done about a subscriber now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Nothing: it keeps up.
    Go,
    /// Send it away.
    SendAway,
    /// Move it on, so that it is so many bytes behind at most
    /// ([`Topic::within`](super::Topic::within)), and tell it the gap.
    MoveOn {
        /// Payload bytes that stay to be sent.
        keep: u64,
    },
    /// Move it on to the newest message ([`Topic::newest`](super::Topic::newest)), and tell it the gap.
    Newest,
    /// Publish nothing for now: ask again when it has taken something, and at this time.
    Hold(Time),
}

/// The policy of one subscriber, which decides whenever it is asked.
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::time::Time;
/// use streamgauge_core::topic::{Decision, Lag, LagPolicy, OnLag};
///
/// let mut policy = LagPolicy::new(OnLag::Block(Duration::from_secs(1)), 100);
/// let lag = Lag { bytes: 101, messages: 3 };
/// let until = Time::from_millis(6_000);
/// assert_eq!(policy.decide(lag, Time::from_millis(5_000)), Decision::Hold(until));
/// assert_eq!(policy.decide(lag, Time::from_millis(5_999)), Decision::Hold(until));
/// assert_eq!(policy.decide(lag, until), Decision::SendAway);
/// assert_eq!(policy.blocked(), Duration::from_secs(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LagPolicy {
    on_lag: OnLag,
    limit: u64,
    /// When it began to hold publishers, if it does.
    since: Option<Time>,
    blocked: Duration,
}

impl LagPolicy {
    /// The policy of a subscriber that may lag by `limit` payload bytes.
    pub const fn new(on_lag: OnLag, limit: u64) -> Self {
        Self { on_lag, limit, since: None, blocked: Duration::ZERO }
    }

    /// What to do about a subscriber that is so far behind now. O(1).
    pub fn decide(&mut self, lag: Lag, now: Time) -> Decision {
        let over = lag.bytes > self.limit;
        match self.on_lag {
            OnLag::Latest if lag.messages > 1 => Decision::Newest,
            OnLag::Kick if over => Decision::SendAway,
            // Half of it, so that it is not moved on again at the next message.
            OnLag::Skip if over => Decision::MoveOn { keep: self.limit / 2 },
            OnLag::Block(patience) if over => {
                let since = *self.since.get_or_insert(now);
                let until = since.after(patience);
                if now < until {
                    return Decision::Hold(until);
                }
                self.release(now);
                Decision::SendAway
            }
            _ => {
                self.release(now);
                Decision::Go
            }
        }
    }

    /// For how long it has held publishers, up to the last time it was asked while it did not. O(1).
    pub const fn blocked(&self) -> Duration {
        self.blocked
    }

    fn release(&mut self, now: Time) {
        if let Some(since) = self.since.take() {
            self.blocked = self.blocked.saturating_add(now.since(since));
        }
    }
}
