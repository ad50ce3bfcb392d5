//! A shard whose topics and queues are kept on the disk.
//!
//! What it executes is added to the log under the lock of the shard, so that both are in the same order; whoever asked
//! waits until that is safe, and so do subscribers, whose topics hold back what is not.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{
    Command, Kind, Lease, Name, Outcome, Part, QueueSettings, Refusal, Sink, TopicSettings,
};
use streamgauge_core::time::Time;

use super::rooms::Rooms;
use super::shard::{Shard, State, published_to};
use crate::engine::disk::{
    self, Executed, FAILED, Failed, Keeper, Notes, Position, Reserved, SMALL, most_bytes, refusal,
};

/// Messages that subscribers don't see yet.
#[derive(Debug)]
pub(super) struct Unreleased {
    /// They are safe when the log is, up to here.
    end: Position,
    topic: Name,
    /// The number of the next one.
    next: u64,
    bytes: u64,
}

/// What a shard has that is kept.
pub(super) struct Kept {
    pub(super) keeper: Arc<Keeper>,
    unreleased: VecDeque<Unreleased>,
}

/// Items that are taken at a time on lease, whatever there is room for.
const FEW: u64 = 64;

impl Kept {
    pub(super) const fn new(keeper: Arc<Keeper>) -> Self {
        Self { keeper, unreleased: VecDeque::new() }
    }

    /// Remembers that something was published.
    pub(super) fn published(&mut self, memory: &Memory<Rooms>, topic: Name, bytes: u64) {
        let next = memory.topic(&topic).map_or(0, |topic| topic.log().end().sequence());
        self.unreleased.push_back(Unreleased { end: self.keeper.journal().end(), topic, next, bytes });
    }
}

impl Shard {
    /// Executes a command that needs no place in the log and no waiting; `None` if that is not so.
    pub(super) fn look_now(&self, keeper: &Keeper, command: &Command<'_>, to: &mut impl Sink) -> Option<Outcome> {
        if !is_look(command) {
            return None;
        }
        let now = self.clock().now();
        let mut outcome = None;
        self.update(|state| {
            let is_safe = keeper.journal().safe_until() >= keeper.journal().end();
            if is_safe && !state.memory.is_due_for(command, now) {
                let looked = state.execute(command, now, &mut Told { keeper, now, to });
                outcome = Some(state.told(keeper, command, looked, now));
            }
        });
        outcome
    }

    /// Executes a command, and waits until it is safe. One that publishes waits while what was published before is far
    /// from being sent on.
    pub(super) async fn execute_kept(
        &self,
        keeper: &Keeper,
        command: &Command<'_>,
        to: &mut (impl Sink + Send),
    ) -> Outcome {
        let bounded = self.bounded(command);
        let (bytes, is_growth) = most_bytes(&bounded);
        let mut room = match keeper.journal().room_for(bytes, is_growth).await {
            Ok(room) => Some(room),
            Err(full) => return Outcome::Refused(refusal(&full)),
        };
        let executed = self
            .wait(|state| {
                let now = self.clock().now();
                if published_to(command).is_some_and(|topic| state.has_to_wait(topic, now)) {
                    return ControlFlow::Continue(());
                }
                let Some(room) = room.take() else { return ControlFlow::Continue(()) };
                ControlFlow::Break(state.execute_kept(keeper, room, &bounded, now, to))
            })
            .await;
        let Some((outcome, end)) = executed else {
            return Outcome::Refused(Refusal::Busy("too many publishers wait"));
        };
        match keeper.journal().safe(end).await {
            Ok(()) => outcome,
            Err(Failed(_)) => Outcome::Refused(Refusal::Busy(FAILED)),
        }
    }

    /// Executes a command of the server itself, which waits for nothing.
    pub(super) fn execute_kept_at_once(&self, keeper: &Keeper, command: &Command<'_>) -> Outcome {
        let (bytes, is_growth) = most_bytes(command);
        let room = match room_now(keeper, bytes, is_growth) {
            Ok(room) => room,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        let now = self.clock().now();
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        self.update(|state| state.execute_kept(keeper, room, command, now, sink).0)
    }

    /// Keeps a note under a name, or keeps it no more, and waits until that is safe.
    ///
    /// # Errors
    /// There is no room for it, or the disk has failed.
    pub(crate) async fn note(&self, name: &Name, note: Option<&[u8]>) -> Result<(), Refusal> {
        match self.keeper() {
            Some(keeper) => keeper.note(name, note).await,
            None => Ok(()),
        }
    }

    /// The notes that were kept.
    pub(crate) fn notes(&self) -> Notes {
        self.keeper().map(|keeper| keeper.notes()).unwrap_or_default()
    }

    /// Does something small with the engine, and adds what that was to the log.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) fn with_call<R>(
        &self,
        f: impl FnOnce(&mut Memory<Rooms>, Time) -> (R, Option<Call<'static>>),
    ) -> Result<R, Refusal> {
        let now = self.clock().now();
        let Some(keeper) = self.keeper() else { return Ok(self.with(|memory| f(memory, now).0)) };
        let room = room_now(keeper, SMALL, false)?;
        Ok(self.update(|state| state.call(keeper, room, now, |memory| f(memory, now))))
    }

    /// Lets subscribers see what is safe, for ever.
    pub(crate) async fn release(&self) {
        let Some(keeper) = self.keeper() else { return std::future::pending().await };
        loop {
            let first = self.update(|state| state.kept.as_ref()?.unreleased.front().map(|one| one.end));
            match first {
                Some(end) if keeper.journal().safe(end).await.is_ok() => {
                    let safe = keeper.journal().safe_until();
                    self.update(|state| state.release_to(safe));
                }
                // Nobody is told of anything any more.
                Some(_) => std::future::pending().await,
                None => self.held_back().await,
            }
        }
    }

    /// Makes checkpoints whenever much was added to the log, for ever.
    pub(crate) async fn keep_checkpoints(&self) {
        let Some(keeper) = self.keeper() else { return std::future::pending().await };
        loop {
            tokio::time::sleep(CHECK).await;
            if keeper.is_checkpoint_due()
                && let Err(error) = self.checkpoint(keeper).await
            {
                tracing::warn!(%error, "no checkpoint could be made, and the log becomes longer");
                // What did not fit may do so when more was taken; each try copies the state.
                tokio::time::sleep(3 * CHECK).await;
            }
        }
    }

    /// Waits until nothing can be kept any more; for ever, where nothing is.
    pub(crate) async fn failed(&self) -> String {
        match self.keeper() {
            Some(keeper) => keeper.journal().failed().await.0,
            None => std::future::pending().await,
        }
    }

    /// Ends: nothing is executed any more, and what was is in a checkpoint.
    pub(crate) async fn finish(&self) {
        let Some(keeper) = self.keeper() else { return };
        if let Err(error) = self.checkpoint(keeper).await {
            tracing::warn!(%error, "no checkpoint could be made at the end: the next start reads the log");
        }
        let keeper = Arc::clone(keeper);
        let _ = tokio::task::spawn_blocking(move || keeper.journal().close()).await;
    }

    /// Makes a checkpoint.
    ///
    /// # Errors
    /// The disk is full, or doesn't work: the last one is there still.
    pub(crate) async fn checkpoint(&self, keeper: &Arc<Keeper>) -> std::io::Result<()> {
        let now = self.clock().now();
        let saved = self.update(|state| keeper.saved(&state.memory, now));
        keeper.journal().safe(saved.from).await.map_err(|Failed(error)| std::io::Error::other(error))?;
        let keeper = Arc::clone(keeper);
        let written = tokio::task::spawn_blocking(move || keeper.checkpoint(saved)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }

    /// The same command, of which it is known how long it is at the most in the log.
    fn bounded<'c>(&self, command: &Command<'c>) -> Command<'c> {
        match command {
            Command::Get { queue, items, lease: lease @ Lease::For(_) } => {
                let ready = self.update(|state| state.memory.ready(queue));
                Command::Get { queue: *queue, items: (*items).min(ready.max(FEW)), lease: *lease }
            }
            command => *command,
        }
    }
}

/// How often it is looked whether there should be another checkpoint.
const CHECK: std::time::Duration = std::time::Duration::from_secs(1);

impl State {
    /// Does what is due for a topic or a queue; false if it has to be tried again later.
    pub(super) fn advance_kept(&mut self, keeper: &Keeper, kind: Kind, name: &Name, now: Time) -> bool {
        if !self.memory.is_due(kind, name, now) {
            return true;
        }
        let Some(Ok(room)) = keeper.journal().try_room_for(SMALL, false) else { return false };
        self.call(keeper, room, now, |memory| (memory.advance(kind, name, now), Some(Call::Advance(kind, *name))));
        true
    }

    /// Makes sure that there is what a server has from the start, in an engine that was kept.
    pub(super) fn make_kept(
        &mut self,
        keeper: &Keeper,
        topic: Option<TopicSettings>,
        queue: Option<QueueSettings>,
        now: Time,
    ) -> Result<(), Refusal> {
        let name = &Name::MAIN;
        if let Some(settings) = topic.filter(|_| !self.memory.has(Kind::Topic, name)) {
            let call = Call::MakeTopic(*name, settings);
            self.call(keeper, room_now(keeper, SMALL, true)?, now, |memory| {
                (memory.make_topic(name, settings), Some(call))
            })?;
        }
        if let Some(settings) = queue.filter(|_| !self.memory.has(Kind::Queue, name)) {
            let call = Call::MakeQueue(*name, settings);
            self.call(keeper, room_now(keeper, SMALL, true)?, now, |memory| {
                (memory.make_queue(name, settings, now), Some(call))
            })?;
        }
        Ok(())
    }

    /// Executes a command and adds it to the log, and returns where that ends then.
    fn execute_kept(
        &mut self,
        keeper: &Keeper,
        room: Reserved<'_>,
        command: &Command<'_>,
        now: Time,
        to: &mut impl Sink,
    ) -> (Outcome, Position) {
        if self.closed {
            return (Outcome::Refused(Refusal::Busy("the server stops")), Position::ZERO);
        }
        let keep = |executed: &Executed<'_>| keeper.executed(room, executed);
        let (outcome, end) = disk::execute(&mut self.memory, command, now, &mut Told { keeper, now, to }, keep);
        let end = end.unwrap_or_else(|| keeper.journal().end());
        (self.told(keeper, command, outcome, now), end)
    }

    /// An outcome that tells of the messages of a topic what is kept of them, and not what is in memory.
    fn told(&self, keeper: &Keeper, command: &Command<'_>, mut outcome: Outcome, now: Time) -> Outcome {
        if let (Command::TopicStats { topic, .. }, Outcome::TopicStats(stats)) = (command, &mut outcome)
            && let Some(settings) = self.memory.topic_settings(topic)
        {
            keeper.histories().tell(topic, settings, now, stats);
        }
        outcome
    }

    fn call<R>(
        &mut self,
        keeper: &Keeper,
        room: Reserved<'_>,
        now: Time,
        f: impl FnOnce(&mut Memory<Rooms>) -> (R, Option<Call<'static>>),
    ) -> R {
        disk::call(&mut self.memory, now, f, |executed| {
            keeper.executed(room, executed);
        })
    }

    fn release_to(&mut self, safe: Position) {
        let Self { kept: Some(Kept { unreleased, .. }), memory, unsent, has_released, .. } = self else { return };
        while let Some(one) = unreleased.pop_front_if(|one| one.end <= safe) {
            // Another topic of that name has other numbers.
            let Some(topic) = memory.topic_mut(&one.topic) else { continue };
            topic.release_to(one.next);
            if topic.counters().subscribers > 0 {
                *unsent.entry(one.topic).or_default() += one.bytes;
            }
            *has_released = true;
        }
    }
}

/// Takes what an engine tells, where it tells of topics with what is kept of their messages.
struct Told<'a, S> {
    keeper: &'a Keeper,
    now: Time,
    to: &'a mut S,
}

impl<S: Sink> Sink for Told<'_, S> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        let Part::Topic(name, settings, stats) = part else { return self.to.take(part) };
        let mut stats = *stats;
        self.keeper.histories().tell(&name, settings, self.now, &mut stats);
        self.to.take(Part::Topic(name, settings, &stats))
    }
}

/// Room in the log, for who can't wait for it.
fn room_now(keeper: &Keeper, bytes: usize, is_growth: bool) -> Result<Reserved<'_>, Refusal> {
    match keeper.journal().try_room_for(bytes, is_growth) {
        Some(Ok(room)) => Ok(room),
        Some(Err(full)) => Err(refusal(&full)),
        None => Err(Refusal::Busy("the log has no room yet")),
    }
}

/// Whether a command only looks.
const fn is_look(command: &Command<'_>) -> bool {
    matches!(
        command,
        Command::TopicStats { reset: false, .. }
            | Command::QueueStats { reset: false, .. }
            | Command::Peek { .. }
            | Command::List { .. }
            | Command::Show { .. }
    )
}
