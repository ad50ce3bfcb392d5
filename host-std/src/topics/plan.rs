//! What a subscriber asked for beyond every message as it comes.

use std::convert::Infallible;
use std::sync::Arc;

use streamgauge_core::endpoints::Subscription;
use streamgauge_core::log::Position;
use streamgauge_core::select::{HashKey, Selection};
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Decision, Extent, Id, Lag, LagPolicy, OnLag, Pacer, Replay, Withheld};

use crate::engine::memory::TopicLog as Messages;

/// Policy, rate, replay, extent and selection of one subscriber.
///
/// Whoever has none is served with all others, and costs nothing more; whoever has one is served message by message.
pub(super) struct Plan {
    pub(super) on_lag: OnLag,
    policy: LagPolicy,
    /// When it lacks no more bytes it has caught up.
    pub(super) near: u64,
    /// The number of the first message that was published after it came.
    next: u64,
    pacer: Option<Pacer>,
    replay: Option<Replay>,
    pub(super) extent: Extent,
    selection: Selection,
    key: Arc<HashKey>,
    /// The message of this number was found to be for the subscriber: that is not asked again while it is sent.
    decided: Option<u64>,
    /// Its socket was full since it last had everything: only then its lag is its own fault.
    pub(super) was_full: bool,
    /// When its next message is due.
    pub(super) wakes_at: Option<Time>,
    /// Messages that it has yet to be told it won't get.
    pub(super) gap: u64,
}

/// How many messages are passed over before others get their turn.
const TURN: usize = 16;

/// When one that may lag by `limit` lacks no more bytes, it has caught up with what it asked for, and has to keep up: half of
/// it, so that it isn't sent away at the next message.
pub(super) const fn near(limit: u64) -> u64 {
    limit / 2
}

/// What there is for a subscriber with a plan.
pub(super) enum Step {
    /// The message at this position.
    Send(Position),
    /// Nothing before something is published, or the time that the plan says.
    Wait,
    /// There may be more, when others had their turn.
    Again,
    /// All that it wanted was sent.
    End,
}

impl Plan {
    /// The plan of a subscription to these messages. `None` for every message as it comes.
    pub(super) fn of(
        subscription: &Subscription,
        selection: Selection,
        key: &Arc<HashKey>,
        messages: &Messages,
        max_lag: u64,
        now: Time,
    ) -> Option<Box<Self>> {
        let Subscription { follow, limit, on_lag, max_lag: own, rate, speed, .. } = *subscription;
        let is_plain = follow && limit.is_none() && on_lag == OnLag::Kick && own.is_none();
        if is_plain && rate.is_none() && speed.is_none() && selection.is_empty() {
            return None;
        }
        let mut extent = if follow { Extent::ALL } else { Extent::ALL.until(messages.visible_end().sequence()) };
        if let Some(limit) = limit {
            extent = extent.limit(limit);
        }
        let limit = own.unwrap_or(max_lag);
        let limit = match on_lag {
            OnLag::Kick => limit,
            // One body more, and what publishers are let ahead, and the log still has what is half sent.
            _ => limit.min(messages.log().capacity() as u64 / 4),
        };
        Some(Box::new(Self {
            on_lag,
            policy: LagPolicy::new(on_lag, limit),
            // What is published later is not for who doesn't follow.
            near: if follow { near(limit) } else { 0 },
            next: messages.log().end().sequence(),
            pacer: rate.map(Pacer::new),
            replay: speed.map(|speed| Replay::new(speed, now)),
            extent,
            selection,
            key: Arc::clone(key),
            decided: None,
            was_full: false,
            wakes_at: None,
            gap: 0,
        }))
    }

    /// For how long it has held publishers, in seconds.
    pub(super) fn blocked(&self) -> f64 {
        self.policy.blocked().as_secs_f64()
    }

    /// What to do about its lag. One whose socket takes everything is not asked.
    pub(super) fn decide(&mut self, lag: Lag, now: Time) -> Decision {
        let own = self.was_full || self.on_lag == OnLag::Latest;
        self.policy.decide(if own { lag } else { Lag::default() }, now)
    }

    /// What to do about one at `position` that is catching up. What it asked for is not its lag, and no publisher waits
    /// for it; but it can't go on when what it is half sent has left the log.
    pub(super) fn decide_behind(&self, messages: &Messages, position: &Position) -> Decision {
        let log = messages.log();
        if !self.outlives_gaps() {
            return if log.missed(position) > 0 { Decision::SendAway } else { Decision::Go };
        }
        let (start, held, behind) = (log.start().sequence(), log.bytes(), log.bytes_behind(position));
        let is_full = start != messages.origin() || held > log.capacity() as u64 / 4 * 3;
        let is_near_the_start = held.saturating_sub(behind) < held / 8;
        if self.was_full && log.end().sequence() != self.next && is_full && is_near_the_start {
            // No more than it has to lose.
            return Decision::MoveOn { keep: behind.saturating_sub(held / 8) };
        }
        Decision::Go
    }

    /// Whether it goes on when the log has left it behind.
    pub(super) const fn outlives_gaps(&self) -> bool {
        matches!(self.on_lag, OnLag::Skip | OnLag::Latest)
    }

    /// Goes on to the next message that is for the subscriber; counts what is not. O(messages passed over), at most
    /// [`TURN`].
    pub(super) fn step(&mut self, id: Id, messages: &mut Messages, now: Time) -> Step {
        self.wakes_at = None;
        for _ in 0..TURN {
            let Ok(position) = messages.position(id) else { return Step::End };
            let sequence = position.sequence();
            if self.extent.is_over(sequence) {
                return Step::End;
            }
            if sequence == messages.visible_end().sequence() {
                self.was_full = false;
                return Step::Wait;
            }
            if self.decided == Some(sequence) {
                return Step::Send(position);
            }
            if let Some(replay) = &mut self.replay
                && let Some((published, _)) = messages.timed(position).next()
            {
                let due = replay.due(published);
                if due > now {
                    self.wakes_at = Some(due);
                    return Step::Wait;
                }
            }
            let mut rest = messages.messages(position);
            let Some(message) = rest.next() else { return Step::Wait };
            let after = rest.position();
            let why = if self.selection.apply(message).is_err() {
                Withheld::Filtered
            } else if self.pacer.as_mut().is_some_and(|pacer| !pacer.takes(now)) {
                Withheld::Sampled
            } else {
                self.decided = Some(sequence);
                return Step::Send(position);
            };
            let _ = messages.advance(id, after);
            let _ = messages.withhold(id, 1, why);
        }
        Step::Again
    }

    /// A message as the subscriber gets it, put into `edited` if that is not as it came. The same each time, so that
    /// one that is half sent can be made again.
    pub(super) fn edit<'m>(&mut self, message: &'m [u8], edited: &'m mut Vec<u8>) -> &'m [u8] {
        let Ok(selected) = self.selection.apply(message) else { return b"" };
        if selected.unchanged().is_some() {
            return message;
        }
        edited.clear();
        let mut length = Length(0);
        let Ok(()) = selected.write(&self.key, &mut length) as Result<(), Infallible>;
        // A `Vec` that grows would double.
        edited.reserve_exact(length.0);
        let Ok(()) = selected.write(&self.key, edited) as Result<(), Infallible>;
        edited
    }
}

/// Counts what is written.
struct Length(usize);

impl embedded_io::ErrorType for Length {
    type Error = Infallible;
}

impl embedded_io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
