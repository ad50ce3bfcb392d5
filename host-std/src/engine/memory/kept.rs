//! A shard whose topics and queues are kept on the disk.
//!
//! What it executes is added to the log under the lock of the shard, so that both are in the same order; whoever asked
//! waits until that is safe, and so do subscribers, whose topics hold back what is not.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{
    Command, Kind, Lease, Name, Outcome, Part, QueueSettings, Refusal, Sink, TopicSettings,
};
use streamgauge_core::queue::leases::Away;
use streamgauge_core::time::Time;

use super::rooms::Rooms;
use super::shard::{Shard, State};
use crate::engine::Mark;
use crate::engine::disk::{
    self, Brings, Executed, FAILED, Failed, Full, Keeper, Notes, Position, Room, SMALL, most_bytes, refusal,
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
    /// Somebody wants to see them.
    is_awaited: bool,
}

/// What a shard has that is kept.
pub(super) struct Kept {
    pub(super) keeper: Arc<Keeper>,
    unreleased: VecDeque<Unreleased>,
    /// Topics with subscribers, and payload bytes among these.
    awaited: BTreeMap<Name, u64>,
}

/// What is done for who asks for items of a queue that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is made, if that may be.
    IsMade,
    /// It stays so, and there is nothing: who waits for items makes no queue.
    Stays,
}

/// Items that are taken at a time on lease, whatever there is room for.
const FEW: u64 = 64;

impl Kept {
    pub(super) const fn new(keeper: Arc<Keeper>) -> Self {
        Self { keeper, unreleased: VecDeque::new(), awaited: BTreeMap::new() }
    }

    /// Remembers that something was published.
    pub(super) fn published(&mut self, memory: &Memory<Rooms>, topic: Name, bytes: u64) {
        let of = memory.topic(&topic);
        let next = of.map_or(0, |topic| topic.log().end().sequence());
        let is_awaited = of.is_some_and(|topic| topic.counters().subscribers > 0);
        if is_awaited {
            *self.awaited.entry(topic).or_default() += bytes;
        }
        self.unreleased.push_back(Unreleased { end: self.keeper.journal().end(), topic, next, bytes, is_awaited });
    }

    /// Payload bytes of a topic that its subscribers will see once they are safe.
    pub(super) fn awaited(&self, topic: &Name) -> u64 {
        self.awaited.get(topic).copied().unwrap_or_default()
    }

    /// The first messages that are safe, if they are, and were not told of before.
    fn released(&mut self, safe: Position) -> Option<Unreleased> {
        let one = self.unreleased.pop_front_if(|one| one.end <= safe)?;
        if one.is_awaited
            && let Entry::Occupied(mut awaited) = self.awaited.entry(one.topic)
        {
            *awaited.get_mut() = awaited.get().saturating_sub(one.bytes);
            if *awaited.get() == 0 {
                awaited.remove();
            }
        }
        Some(one)
    }
}

impl Shard {
    /// Executes a command, unless it would have to wait: for a place in the log, for subscribers, for items that are not at
    /// hand. It is not safe yet.
    pub(super) fn execute_kept_now(
        &self,
        keeper: &Keeper,
        command: &Command<'_>,
        to: &mut dyn Sink,
    ) -> Option<Outcome> {
        let now = self.clock().now();
        // It has its place here: handed out through the lock, so many bytes would be moved each time.
        let mut outcome = None;
        self.update(|state| {
            let has_to_wait = state.has_to_wait(command, now);
            if !has_to_wait && !state.lacks_items(keeper, command, now) {
                outcome = state.execute_kept(keeper, command, now, to);
            }
        });
        outcome
    }

    /// Behind all that was executed so far.
    pub(super) fn mark(&self) -> Mark {
        self.keeper().map_or(Mark::NONE, |keeper| Mark(keeper.journal().end()))
    }

    /// Waits until all is safe that was executed before a mark.
    ///
    /// # Errors
    /// The disk has failed.
    pub(super) async fn safe(&self, mark: Mark) -> Result<(), Refusal> {
        let Some(keeper) = self.keeper() else { return Ok(()) };
        keeper.journal().safe(mark.0).await.map_err(|Failed(_)| Refusal::Busy(FAILED))
    }

    /// Executes a command, and waits until it is safe. Items that are not at hand are loaded.
    pub(super) async fn execute_kept(
        &self,
        keeper: &Arc<Keeper>,
        command: &Command<'_>,
        missing: Missing,
        to: &mut (dyn Sink + Send),
    ) -> Outcome {
        let outcome = match command {
            Command::Get { queue, items, lease } => self.get(keeper, queue, *items, *lease, missing, to).await,
            Command::Peek { queue, .. } => self.peek(keeper, queue, command, to).await,
            command => self.execute_at_hand(keeper, command, missing, to).await.0,
        };
        match self.safe(self.mark()).await {
            Ok(()) => outcome,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// Executes a command as far as items are at hand; returns the first that was not. One that publishes waits while what
    /// was published before is far from being sent on.
    pub(super) async fn execute_at_hand(
        &self,
        keeper: &Keeper,
        command: &Command<'_>,
        missing: Missing,
        to: &mut (dyn Sink + Send),
    ) -> (Outcome, Option<Away>) {
        loop {
            let (bytes, brings) = most_bytes(&self.update(|state| state.bounded(command)));
            if let Err(full) = keeper.journal().room_for(bytes, brings).await {
                return (self.update(|state| state.refuse(command, &full)), None);
            }
            let executing = self.wait(|state| {
                let now = self.clock().now();
                if state.has_to_wait(command, now) {
                    return ControlFlow::Continue(());
                }
                if missing == Missing::Stays && state.lacks_queue(command) {
                    return ControlFlow::Break(Some((Outcome::Told(0), None)));
                }
                let outcome = state.execute_kept(keeper, command, now, to);
                ControlFlow::Break(outcome.map(|outcome| (outcome, state.memory.host_mut().take_missing())))
            });
            match executing.await {
                Some(Some(done)) => return done,
                // Somebody else has taken the room.
                Some(None) => {}
                None => return (Outcome::Refused(Refusal::Busy("too many publishers wait")), None),
            }
        }
    }

    /// Executes a command of the server itself, which waits for nothing.
    pub(super) fn execute_kept_at_once(&self, keeper: &Keeper, command: &Command<'_>) -> Outcome {
        let now = self.clock().now();
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        let outcome = self.update(|state| state.execute_kept(keeper, command, now, sink));
        outcome.unwrap_or(Outcome::Refused(NO_ROOM))
    }

    /// Keeps a note under a name, or keeps it no more, and waits until that is safe.
    ///
    /// # Errors
    /// There is no room for it, or the disk has failed.
    pub(crate) async fn note(&self, name: &Name, note: Option<&[u8]>) -> Result<(), Refusal> {
        if let Some(order) = self.order() {
            return order.note(name, note).await;
        }
        let Some(keeper) = self.keeper() else { return Ok(()) };
        let len = note.map_or(0, <[u8]>::len).saturating_add(SMALL);
        let brings = Brings::more_if(note.is_some());
        let added = self.with_room(keeper, len, brings, |_, room| keeper.note(room, name, note)).await;
        let end = added.map_err(|full| refusal(&full))?;
        keeper.journal().safe(end).await.map_err(|_| Refusal::Busy(FAILED))
    }

    /// Does something under the lock with room for an entry of so many bytes, which is waited for.
    ///
    /// # Errors
    /// There will be none until somebody makes room.
    pub(super) async fn with_room<R>(
        &self,
        keeper: &Keeper,
        bytes: usize,
        brings: Brings,
        mut f: impl FnMut(&mut State, Room<'_>) -> R,
    ) -> Result<R, Full> {
        loop {
            keeper.journal().room_for(bytes, brings).await?;
            let done = self.update(|state| {
                let room = keeper.journal().room_now(bytes, brings)?;
                Some(room.map(|room| f(state, room)))
            });
            if let Some(done) = done {
                return done;
            }
            // Somebody else has taken the room.
        }
    }

    /// The notes that were kept, or handed by the process before this one.
    pub(crate) fn notes(&self) -> Notes {
        let noted = || self.update(|state| state.replica.as_ref().map(|replica| replica.notes().clone()));
        self.keeper().map(|keeper| keeper.notes()).or_else(noted).unwrap_or_else(|| self.left.clone())
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
        self.update(|state| {
            let room = room_now(keeper, SMALL, Brings::Less)?;
            Ok(state.call(keeper, room, now, |memory| f(memory, now)))
        })
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
}

impl State {
    /// Does what is due for a topic or a queue; false if it has to be tried again later.
    pub(super) fn advance_kept(&mut self, keeper: &Keeper, kind: Kind, name: &Name, now: Time) -> bool {
        if !self.memory.is_due(kind, name, now) {
            return true;
        }
        let Some(Ok(room)) = keeper.journal().room_now(SMALL, Brings::Less) else { return false };
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
            self.call(keeper, room_now(keeper, SMALL, Brings::More)?, now, |memory| {
                (memory.make_topic(name, settings), Some(call))
            })?;
        }
        if let Some(settings) = queue.filter(|_| !self.memory.has(Kind::Queue, name)) {
            let call = Call::MakeQueue(*name, settings);
            self.call(keeper, room_now(keeper, SMALL, Brings::More)?, now, |memory| {
                (memory.make_queue(name, settings, now), Some(call))
            })?;
        }
        Ok(())
    }

    /// Whether a command gets items of a queue that is not there.
    fn lacks_queue(&self, command: &Command<'_>) -> bool {
        matches!(command, Command::Get { queue, .. } if !self.memory.has(Kind::Queue, queue))
    }

    /// Executes a command and adds it to the log; `None` if that has no room yet, and nothing has happened.
    fn execute_kept(
        &mut self,
        keeper: &Keeper,
        command: &Command<'_>,
        now: Time,
        to: &mut dyn Sink,
    ) -> Option<Outcome> {
        if self.closed {
            return Some(Outcome::Refused(Refusal::Busy("the server stops")));
        }
        if is_look(command) && !self.memory.is_due_for(command, now) {
            let mut looked = self.execute(command, now, &mut Told { keeper, now, to });
            self.tell(keeper, command, &mut looked, now);
            return Some(looked);
        }
        let bounded;
        let command = match command {
            // The others are copied for nothing.
            Command::Get { .. } => {
                bounded = self.bounded(command);
                &bounded
            }
            command => command,
        };
        let (bytes, brings) = most_bytes(command);
        let room = match keeper.journal().room_now(bytes, brings)? {
            Ok(room) => room,
            Err(full) => return Some(self.refuse(command, &full)),
        };
        let place = room.place();
        let (to, keep) = (&mut Told { keeper, now, to }, |executed: &Executed<'_>| keeper.executed(room, executed));
        let (mut outcome, _) = disk::execute(&mut self.memory, command, now, to, place, keep);
        self.tell(keeper, command, &mut outcome, now);
        Some(outcome)
    }

    /// Refuses a command that the log has no room for. That is counted, and kept with the next checkpoint.
    fn refuse(&mut self, command: &Command<'_>, full: &Full) -> Outcome {
        self.memory.count_refused(command);
        Outcome::Refused(refusal(full))
    }

    /// The same command, of which it is known how long it is at the most in the log.
    fn bounded<'c>(&self, command: &Command<'c>) -> Command<'c> {
        match command {
            Command::Get { queue, items, lease: lease @ Lease::For(_) } => {
                let ready = self.memory.ready(queue);
                let most = self.kept.as_ref().map_or(FEW, |kept| kept.keeper.most_lent());
                Command::Get { queue: *queue, items: (*items).min(ready.max(FEW)).min(most), lease: *lease }
            }
            command => *command,
        }
    }

    /// Lets an outcome tell of the messages of a topic what is kept of them, and not what is in memory.
    fn tell(&self, keeper: &Keeper, command: &Command<'_>, outcome: &mut Outcome, now: Time) {
        if let (Command::TopicStats { topic, .. }, Outcome::TopicStats(stats)) = (command, outcome)
            && let Some(settings) = self.memory.topic_settings(topic)
        {
            keeper.histories().tell(topic, settings, now, stats);
        }
    }

    pub(super) fn call<'c, R>(
        &mut self,
        keeper: &Keeper,
        room: Room<'_>,
        now: Time,
        f: impl FnOnce(&mut Memory<Rooms>) -> (R, Option<Call<'c>>),
    ) -> R {
        disk::call(&mut self.memory, now, room.place(), f, |executed| {
            keeper.executed(room, executed);
        })
    }

    fn release_to(&mut self, safe: Position) {
        let Self { kept: Some(kept), memory, unsent, has_released, .. } = self else { return };
        while let Some(one) = kept.released(safe) {
            // Another topic of that name has other numbers.
            let topic = memory.topic_mut(&one.topic);
            let has_subscribers = topic.as_ref().is_some_and(|topic| topic.counters().subscribers > 0);
            if let Some(topic) = topic {
                topic.release_to(one.next);
                *has_released = true;
            }
            // Publishers that wait for these go on when they are sent, though nobody is there any more.
            if has_subscribers || one.is_awaited {
                *unsent.entry(one.topic).or_default() += one.bytes;
                *has_released = true;
            }
        }
    }
}

/// Takes what an engine tells, where it tells of topics with what is kept of their messages.
struct Told<'a> {
    keeper: &'a Keeper,
    now: Time,
    to: &'a mut dyn Sink,
}

impl Sink for Told<'_> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        let Part::Topic(name, settings, stats) = part else { return self.to.take(part) };
        let mut stats = *stats;
        self.keeper.histories().tell(&name, settings, self.now, &mut stats);
        self.to.take(Part::Topic(name, settings, &stats))
    }
}

/// Room in the log, for who can't wait for it.
fn room_now(keeper: &Keeper, bytes: usize, brings: Brings) -> Result<Room<'_>, Refusal> {
    let room = keeper.journal().room_now(bytes, brings).ok_or(NO_ROOM)?;
    room.map_err(|full| refusal(&full))
}

/// What those are told who can't wait.
const NO_ROOM: Refusal = Refusal::Busy("the log has no room yet");

/// Whether a command only looks.
pub(super) const fn is_look(command: &Command<'_>) -> bool {
    matches!(
        command,
        Command::TopicStats { reset: false, .. }
            | Command::QueueStats { reset: false, .. }
            | Command::Peek { .. }
            | Command::List { .. }
            | Command::Show { .. }
    )
}
