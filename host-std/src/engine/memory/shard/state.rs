//! What is under the lock of a shard, and what follows from what has happened there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Command, Engine as _, Kind, Name, Outcome, Refusal, Sink};
use streamgauge_core::queue::leases::Away;
use streamgauge_core::time::Time;
use tokio::sync::Notify;

use crate::engine::memory::ByName;
use crate::engine::memory::kept::Kept;
use crate::engine::memory::rooms::{News, Rooms};
use crate::engine::memory::timers::Timers;
use crate::engine::remote::{Order, Replica};

pub(in crate::engine::memory) struct State {
    pub(in crate::engine::memory) memory: Memory<Rooms>,
    pub(in crate::engine::memory) kept: Option<Kept>,
    /// Where others have the same: what is due is proposed there; and how far it has been followed.
    pub(in crate::engine::memory) order: Option<Arc<Order>>,
    pub(in crate::engine::memory) replica: Option<Replica>,
    /// Whether subscribers see something that they did not.
    pub(in crate::engine::memory) has_released: bool,
    /// An empty one, to take its turn.
    pub(in crate::engine::memory) news: News,
    /// Topics with subscribers, and payload bytes published there, and safe, that nobody has sent on.
    pub(in crate::engine::memory) unsent: BTreeMap<Name, u64>,
    pub(in crate::engine::memory) removed: Vec<Name>,
    /// Topics where gauges stand.
    pub(in crate::engine::memory) gauged: BTreeSet<Name>,
    /// Topics where nothing may be published until then: a subscriber asked for it.
    pub(in crate::engine::memory) held: ByName<Time>,
    pub(in crate::engine::memory) timers: Timers,
    /// Queues with letters for one of another shard.
    pub(in crate::engine::memory) letters: BTreeSet<Name>,
    pub(in crate::engine::memory) stopping: bool,
    /// Nothing is executed any more.
    pub(in crate::engine::memory) closed: bool,
}

/// Publishers wait beyond this many bytes that were not sent on, or a quarter of a small log, so that it never runs away
/// from those who keep up: one body more, which may take half of it, still fits.
const MOST_UNSENT: u64 = 1 << 20;

/// When it is tried again to do what is due, if the log had no room for it.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// What is left to be done when the lock is free.
#[derive(Default)]
pub(super) struct After {
    pub(super) published: bool,
    pub(super) held_back: bool,
    pub(super) gauged: bool,
    pub(super) earlier: bool,
    pub(super) overflow: bool,
    pub(super) left: Vec<(Name, Away)>,
    pub(super) letters: bool,
    pub(super) waiting: Vec<Arc<Notify>>,
    pub(super) gone: Vec<Arc<Notify>>,
}

impl State {
    pub(super) fn new(memory: Memory<Rooms>, kept: Option<Kept>, order: Option<Arc<Order>>) -> Self {
        Self {
            memory,
            kept,
            order,
            replica: None,
            has_released: false,
            news: News::default(),
            unsent: BTreeMap::new(),
            removed: Vec::new(),
            gauged: BTreeSet::new(),
            held: ByName::default(),
            timers: Timers::default(),
            letters: BTreeSet::new(),
            stopping: false,
            closed: false,
        }
    }

    pub(in crate::engine::memory) fn execute(
        &mut self,
        command: &Command<'_>,
        now: Time,
        to: &mut dyn Sink,
    ) -> Outcome {
        if self.closed {
            return Outcome::Refused(Refusal::Busy("the server stops"));
        }
        self.memory.execute(command, now, to)
    }

    /// [`Shard::may_use`](super::Shard::may_use).
    pub(in crate::engine::memory) fn may_use(&self, topic: &Name) -> Result<(), Refusal> {
        let may = self.memory.has(Kind::Topic, topic) || self.memory.defaults().auto_create;
        if may { Ok(()) } else { Err(Refusal::Missing(Kind::Topic, *topic)) }
    }

    /// Does what is due for a topic or a queue.
    pub(super) fn advance(&mut self, kind: Kind, name: &Name, now: Time) {
        if let Some(order) = self.order.clone() {
            return self.propose_due(&order, kind, name, now);
        }
        match self.kept.as_ref().map(|kept| Arc::clone(&kept.keeper)) {
            None => self.memory.advance(kind, name, now),
            Some(keeper) => {
                if !self.advance_kept(&keeper, kind, name, now) {
                    self.timers.set(now.after(AGAIN), kind, *name);
                }
            }
        }
    }

    /// Whether a command has to wait: one that publishes, or one that puts where dead letters are about to leave, itself or
    /// through a topic. What would be lost for want of room has it then.
    pub(in crate::engine::memory) fn has_to_wait(&self, command: &Command<'_>, now: Time) -> bool {
        match command {
            Command::Put { queue, items, .. } => self.memory.has_to_wait(queue, items),
            Command::Publish { topic, messages, .. } if messages.count() > 0 => {
                self.holds_back(topic, now) || self.memory.has_to_wait_to_feed(topic, messages)
            }
            _ => false,
        }
    }

    /// Whether who publishes to a topic has to wait.
    pub(in crate::engine::memory) fn holds_back(&self, topic: &Name, now: Time) -> bool {
        let is_held = !self.stopping && self.held.get(topic).is_some_and(|until| now < *until);
        is_held || self.is_far_behind(topic)
    }

    pub(in crate::engine::memory) fn is_far_behind(&self, topic: &Name) -> bool {
        if self.stopping {
            return false;
        }
        let not_safe = self.kept.as_ref().map_or(0, |kept| kept.awaited(topic));
        let unsent = not_safe + self.unsent.get(topic).copied().unwrap_or_default();
        if unsent == 0 {
            return false;
        }
        let bytes = self.memory.topic(topic).map_or(0, |topic| topic.log().capacity() as u64);
        unsent > MOST_UNSENT.min(bytes / 4)
    }

    /// Takes note of what has happened in the engine, if anything has.
    pub(super) fn heed_news(&mut self) -> Option<After> {
        let has_released = std::mem::take(&mut self.has_released);
        if !self.memory.host_mut().swap_news(&mut self.news) && !has_released {
            return None;
        }
        let mut after = After { published: has_released, gauged: has_released, ..After::default() };
        let waiting = &self.memory.host().waiting;
        let News { published, ready, due, removed, letters, overflow, left } = &mut self.news;
        for (name, bytes) in published.drain(..) {
            if let Some(kept) = &mut self.kept {
                kept.published(&self.memory, name, bytes);
                after.held_back = true;
                continue;
            }
            after.gauged |= self.gauged.contains(&name);
            if self.memory.topic(&name).is_some_and(|topic| topic.counters().subscribers > 0) {
                *self.unsent.entry(name).or_default() += bytes;
                after.published = true;
            }
        }
        for name in ready.drain(..) {
            after.waiting.extend(waiting.get(&name).map(|waiting| Arc::clone(&waiting.bell)));
        }
        for (kind, name) in removed.drain(..) {
            self.timers.forget(kind, name);
            match kind {
                Kind::Topic => {
                    self.removed.push(name);
                    after.published = true;
                }
                // Who waits for its items looks where there may be another one of that name.
                Kind::Queue => after.gone.extend(waiting.get(&name).map(|waiting| Arc::clone(&waiting.bell))),
            }
        }
        // Behind what was removed: one of the same name may have been made since.
        for (time, kind, name) in due.drain(..) {
            after.earlier |= self.timers.set(time, kind, name);
        }
        if !letters.is_empty() {
            self.letters.extend(letters.drain(..));
            after.letters = true;
        }
        after.overflow = std::mem::take(overflow);
        after.left = std::mem::take(left);
        Some(after)
    }
}
