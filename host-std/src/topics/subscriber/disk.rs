//! A subscriber that begins with what was published before it came, until it has caught up; first from the disk, if that
//! is where it begins.

use std::convert::Infallible;

use streamgauge_core::topic::{Delivery, Id};

use super::{End, Subscriber};
use crate::engine::memory::TopicLog as Messages;
use crate::topics::past::{Ahead, Past, Step as Catch};
use crate::topics::plan::near;

/// A subscriber that is served from the disk goes on with the topic when it lacks no more bytes: there it has to keep up.
const NEAR: u64 = 256 << 10;

impl Subscriber {
    /// It begins with what was published before it came.
    pub(in crate::topics) const fn begin_behind(&mut self) {
        self.is_catching_up = true;
    }

    /// Whether what it lacks is not its lag yet, as it is so far behind and may lag by `max_lag`.
    pub(in crate::topics) const fn is_catching_up(&mut self, behind: u64, max_lag: u64) -> bool {
        self.is_catching_up &= behind > near(max_lag);
        self.is_catching_up
    }

    /// Serves it from the disk at first.
    pub(in crate::topics) fn begin_in(&mut self, past: Box<Past>) {
        (self.id, self.is_alone) = (past.id, true);
        self.past = Some(past);
    }

    /// What it has while it is served from the disk.
    pub(in crate::topics) fn past(&self) -> Option<&Past> {
        self.past.as_deref()
    }

    /// Does something with the log that it is served from: its own, or that of the topic.
    pub(in crate::topics) fn on_its_log<R>(
        &mut self,
        messages: &mut Messages,
        f: impl FnOnce(&mut Self, &mut Messages) -> R,
    ) -> R {
        let Some(mut past) = self.past.take() else { return f(self, messages) };
        let result = f(self, &mut past.log);
        if past.has_room() {
            past.bell().notify_one();
        }
        self.past = Some(past);
        result
    }

    /// Puts what was read into its log, as far as there is room; or lets it go on with the topic, when that has what it
    /// gets next, and it is not too far behind there.
    pub(in crate::topics) fn catch_up(&mut self, live: &mut Messages, ahead: &mut Ahead, max_lag: u64) -> Catch {
        let Some(past) = &mut self.past else { return Catch::Nothing };
        if !matches!(self.end, End::Open | End::WhenSent) {
            return Catch::Wait;
        }
        let is_drained = past.is_drained() && self.sent_of_next == 0;
        while let Some((published, message)) = ahead.chunk.get(ahead.taken) {
            let missing = (ahead.chunk.first + ahead.taken as u64).saturating_sub(past.next());
            if missing > 0 {
                // Behind all that it has yet to get.
                if !past.is_drained() || self.sent_of_next > 0 {
                    return Catch::Wait;
                }
                self.miss(missing);
                return self.catch_up(live, ahead, max_lag);
            }
            match past.log.fill(past.id, message, published) {
                Ok(true) => ahead.taken += 1,
                // It is longer than any that is published now.
                Ok(false) if past.is_drained() => ahead.taken += 1,
                _ => return Catch::Wait,
            }
        }
        let (next, end, start) = (ahead.reader.next(), live.visible_end().sequence(), live.log().start().sequence());
        let is_there = (start..=end).contains(&next);
        let is_near = is_there && (next == end || live.log().bytes_behind(&live.seek(next)) <= NEAR.min(max_lag / 2));
        if is_near || ahead.is_all {
            if !is_drained || !past.is_drained() {
                return Catch::Wait;
            }
            // Of what is neither here nor there it is told.
            let next = next.clamp(start, end);
            let missing = next.saturating_sub(past.next());
            if missing > 0 {
                self.miss(missing);
            }
            self.go_on(live);
            return Catch::Nothing;
        }
        if past.has_room() { Catch::Read } else { Catch::Wait }
    }

    /// Tells it that messages are missing.
    fn miss(&mut self, missing: u64) {
        let Some(past) = &mut self.past else { return };
        past.skip(missing);
        if let Some(plan) = &mut self.plan {
            plan.gap = plan.gap.saturating_add(missing);
            return;
        }
        let mut gap = Vec::new();
        let Ok(()) = self.stream.gap(missing, &mut gap) as Result<(), Infallible>;
        self.words.push(&gap);
    }

    /// Goes on with the topic, having all that is in its own log.
    fn go_on(&mut self, live: &mut Messages) {
        let Some((id, next, account)) = self.end_of_past() else { return };
        let _ = live.go_on(id, next, &account);
        if let Some(plan) = &mut self.plan {
            plan.was_full = false;
        }
    }

    /// Its place in the topic from now on, what it gets next there, and its account so far; if it was served from the disk.
    pub(in crate::topics) fn end_of_past(&mut self) -> Option<(Id, u64, Delivery)> {
        let past = self.past.take()?;
        let account = past.account();
        (self.id, self.is_alone) = (past.live, false);
        Some((past.live, past.next() - account.pending, account))
    }
}
