//! The memory engine of the core behind a lock, and what is done when something has happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::Mutex;
use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::{Defaults, DetachedQueue, Memory, TopicOf};
use streamgauge_core::engine::{
    Command, Dump, Engine as _, Kind, Name, Outcome, Part, QueueChange, Refusal, Sink, TopicSettings,
};
use streamgauge_core::queue::leases::Away;
use streamgauge_core::shared::{Guarded, Shared, Slot, Wake};
use streamgauge_core::time::Time;
use tokio::sync::Notify;

use super::budget::Budget;
use super::kept::Kept;
use super::rooms::{News, Rooms};
use super::timers::Timers;
use super::{ByName, Settings};
use crate::engine::Clock;
use crate::engine::disk::Keeper;
use crate::queues::OverflowLog;

/// The log of a topic, and its subscribers' places.
pub(crate) type TopicLog = TopicOf<Rooms>;

/// Topics and queues that one thread works on.
///
/// Nothing is waited for under its lock: no file is touched there, no socket written, and no waker runs.
pub(crate) struct Shard {
    /// Publishers wait in it for those who send messages on.
    state: Shared<Mutex<Guarded<State, Box<[Slot]>>>>,
    clock: Clock,
    /// Rung when a topic with subscribers has new messages, or one is gone.
    bell: Notify,
    /// Rung when there is something to do earlier than was known.
    alarm: Notify,
    /// Where items go that have to leave a queue.
    overflow: Option<Arc<OverflowLog>>,
    /// Rung when something is published where a gauge stands.
    gauges: Notify,
    /// What all topics and queues share, and gauges too.
    budget: Arc<Budget>,
    defaults: Defaults,
    /// Rung when there are letters for queues of other shards, and when those on their way have arrived.
    letters: Notify,
    handed: Notify,
    /// What keeps it on the disk.
    keeper: Option<Arc<Keeper>>,
    /// Rung when there is something that subscribers don't see yet.
    held_back: Notify,
}

pub(super) struct State {
    pub(super) memory: Memory<Rooms>,
    pub(super) kept: Option<Kept>,
    /// Whether subscribers see something that they did not.
    pub(super) has_released: bool,
    /// An empty one, to take its turn.
    news: News,
    /// Topics with subscribers, and payload bytes published there that nobody has sent on.
    pub(super) unsent: BTreeMap<Name, u64>,
    removed: Vec<Name>,
    /// Topics where gauges stand.
    gauged: BTreeSet<Name>,
    /// Topics where nothing may be published until then: a subscriber asked for it.
    held: ByName<Time>,
    timers: Timers,
    /// Queues with letters for one of another shard, and the one whose letters are on their way.
    letters: BTreeSet<Name>,
    handing: Option<Name>,
    stopping: bool,
    /// Nothing is executed any more.
    pub(super) closed: bool,
}

/// Publishers wait beyond this many bytes that were not sent on, or a quarter of a small log, so that it never runs away
/// from those who keep up: one body more, which may take half of it, still fits.
const MOST_UNSENT: u64 = 1 << 20;

/// When it is tried again to do what is due, if the log had no room for it.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// How those wait who publish.
pub(super) const PUBLISHER: u32 = 0;

impl Shard {
    /// An engine with the topic and the queue `main`, if `has_main`; or one that was kept, and goes on being.
    ///
    /// # Errors
    /// When the budget has no room for these.
    pub(super) fn new(
        settings: &Settings,
        rooms: Rooms,
        overflow: Option<Arc<OverflowLog>>,
        has_main: bool,
    ) -> Result<Self, Refusal> {
        let (clock, budget) = (Clock::new(), Arc::clone(rooms.budget()));
        let mut memory = Memory::with_defaults(rooms, settings.defaults);
        if let Some(topic) = settings.main_topic.filter(|_| has_main) {
            memory.make_topic(&Name::MAIN, topic)?;
        }
        if let Some(queue) = settings.main_queue.filter(|_| has_main) {
            memory.make_queue(&Name::MAIN, queue, clock.now())?;
        }
        Ok(Self::over(memory, None, clock, budget, overflow, settings))
    }

    /// An engine that was kept, and goes on being.
    ///
    /// # Errors
    /// When the budget has no room for the topic and the queue `main`, or the disk.
    pub(super) fn kept(
        settings: &Settings,
        (keeper, memory, latest): (Keeper, Memory<Rooms>, Time),
        overflow: Option<Arc<OverflowLog>>,
    ) -> Result<Self, Refusal> {
        let (clock, budget) = (Clock::not_before(latest), Arc::clone(memory.host().budget()));
        let shard = Self::over(memory, Some(Arc::new(keeper)), clock, budget, overflow, settings);
        let now = shard.clock.now();
        let Some(keeper) = &shard.keeper else { return Ok(shard) };
        shard.update(|state| state.make_kept(keeper, settings.main_topic, settings.main_queue, now))?;
        Ok(shard)
    }

    fn over(
        memory: Memory<Rooms>,
        keeper: Option<Arc<Keeper>>,
        clock: Clock,
        budget: Arc<Budget>,
        overflow: Option<Arc<OverflowLog>>,
        settings: &Settings,
    ) -> Self {
        let state = State {
            memory,
            kept: keeper.clone().map(Kept::new),
            has_released: false,
            news: News::default(),
            unsent: BTreeMap::new(),
            removed: Vec::new(),
            gauged: BTreeSet::new(),
            held: ByName::default(),
            timers: Timers::default(),
            letters: BTreeSet::new(),
            handing: None,
            stopping: false,
            closed: false,
        };
        let slots = vec![Slot::FREE; settings.max_waiting].into_boxed_slice();
        Self {
            state: Shared::new(Mutex::new(Guarded::new(state, slots))),
            clock,
            bell: Notify::new(),
            alarm: Notify::new(),
            overflow,
            gauges: Notify::new(),
            budget,
            defaults: settings.defaults,
            letters: Notify::new(),
            handed: Notify::new(),
            keeper,
            held_back: Notify::new(),
        }
    }

    /// What keeps it on the disk.
    pub(crate) const fn keeper(&self) -> Option<&Arc<Keeper>> {
        self.keeper.as_ref()
    }

    /// What topics, queues and gauges share.
    pub(crate) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// The settings of topics that were not told otherwise.
    pub(super) const fn topic_defaults(&self) -> TopicSettings {
        self.defaults.topic
    }

    /// Makes a topic, unless there is one of that name.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn make_topic(&self, name: &Name, settings: TopicSettings) -> Result<(), Refusal> {
        if self.state.with(|state| state.memory.has(Kind::Topic, name)) {
            return Ok(());
        }
        let name = *name;
        self.with_call(|memory, _| {
            let made = memory.make_topic(&name, settings);
            let call = made.is_ok().then_some(Call::MakeTopic(name, settings));
            (made, call)
        })?
    }

    /// Gauges stand in these topics.
    pub(crate) fn set_gauged(&self, topics: BTreeSet<Name>) {
        self.state.update(|state| (state.gauged = topics, Wake::NONE));
    }

    /// Waits until something is published where a gauge stands.
    pub(crate) async fn gauged(&self) {
        self.gauges.notified().await;
    }

    /// Its clock.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Executes a command. One that publishes waits while what was published before is far from being sent on.
    pub(super) async fn execute(&self, command: &Command<'_>, to: &mut (impl Sink + Send)) -> Outcome {
        if let Some(keeper) = &self.keeper {
            return self.execute_kept(keeper, command, to).await;
        }
        let executing = self.wait(|state| {
            let now = self.clock.now();
            if published_to(command).is_some_and(|topic| state.has_to_wait(topic, now)) {
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(state.execute(command, now, to))
        });
        executing.await.unwrap_or(Outcome::Refused(Refusal::Busy("too many publishers wait")))
    }

    /// Executes a command, unless it would have to wait: then nothing has happened. It may not be safe yet.
    pub(super) fn execute_now(&self, command: &Command<'_>, to: &mut impl Sink) -> Option<Outcome> {
        if let Some(keeper) = &self.keeper {
            return self.execute_kept_now(keeper, command, to);
        }
        let now = self.clock.now();
        // It has its place here: handed out through the lock, so many bytes would be moved each time.
        let mut outcome = None;
        self.update(|state| {
            if !published_to(command).is_some_and(|topic| state.has_to_wait(topic, now)) {
                outcome = Some(state.execute(command, now, to));
            }
        });
        outcome
    }

    /// Executes a command, whoever would have to wait.
    pub(super) fn execute_at_once(&self, command: &Command<'_>) -> Outcome {
        if let Some(keeper) = &self.keeper {
            return self.execute_kept_at_once(keeper, command);
        }
        let now = self.clock.now();
        self.with(|memory| memory.execute(command, now, &mut |_: Part<'_>| ControlFlow::Continue(())))
    }

    /// Does something with the engine under the lock, and then what follows from it. What is kept is not changed so.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Memory<Rooms>) -> R) -> R {
        self.update(|state| f(&mut state.memory))
    }

    /// Does something under the lock, and then what follows from it.
    pub(super) fn update<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut after = None;
        let result = self.state.update(|state| {
            let result = f(state);
            after = state.heed_news();
            (result, Wake::NONE)
        });
        self.run(after);
        result
    }

    /// Waits among the publishers until `f` breaks, with what it breaks with; `None` if there are too many.
    pub(super) async fn wait<R>(&self, mut f: impl FnMut(&mut State) -> ControlFlow<R>) -> Option<R> {
        let mut after = None;
        let waiting = self.state.wait(PUBLISHER, |state| match f(state) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(result) => {
                after = state.heed_news();
                ControlFlow::Break((result, Wake::NONE))
            }
        });
        let result = waiting.await;
        self.run(after);
        // It is never closed, and has a place for every connection.
        result.ok()
    }

    /// Waits until there is something that subscribers don't see yet.
    pub(super) async fn held_back(&self) {
        self.held_back.notified().await;
    }

    /// Copies the next items of a walk, each with a newline, as far as `most` bytes hold them, and one item at least;
    /// whether there may be more.
    pub(crate) fn dump(&self, dump: &mut Dump, piece: &mut Vec<u8>, most: usize) -> bool {
        self.with(|memory| {
            memory.dump(dump, |item| {
                let len = item.len().saturating_add(1);
                if !piece.is_empty() && piece.len().saturating_add(len) > most {
                    return ControlFlow::Break(());
                }
                // Nothing to spare: what it takes is counted.
                piece.reserve_exact(len);
                piece.extend_from_slice(item);
                piece.push(b'\n');
                ControlFlow::Continue(())
            })
        })
    }

    /// Topics with subscribers where something was published since the last call, and whether those are gone whose
    /// topic is: for who sends messages on. Publishers go on.
    pub(crate) fn take_unsent(&self) -> (Vec<Name>, Vec<Name>) {
        self.state.update(|state| {
            let unsent = std::mem::take(&mut state.unsent);
            let removed = std::mem::take(&mut state.removed);
            let wake = if unsent.is_empty() { Wake::NONE } else { Wake::tagged(PUBLISHER) };
            ((unsent.into_keys().collect(), removed), wake)
        })
    }

    /// Lets publishers of a topic wait until then at most; with `None` they go on.
    pub(crate) fn hold(&self, topic: &Name, until: Option<Time>) {
        self.state.update(|state| match until {
            Some(until) => {
                state.held.insert(*topic, until);
                ((), Wake::NONE)
            }
            None => {
                let wake = if state.held.remove(topic).is_some() { Wake::tagged(PUBLISHER) } else { Wake::NONE };
                ((), wake)
            }
        });
    }

    /// How many bytes were published that nobody has sent on.
    pub(crate) fn unsent(&self) -> u64 {
        self.state.with(|state| state.unsent.values().sum())
    }

    /// Waits until [`take_unsent`](Self::take_unsent) has something, or somebody [rings](Self::ring).
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Lets who sends messages on look whether there is something to do.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Publishers wait for nobody any more.
    pub(crate) fn stop(&self) {
        self.state.update(|state| {
            state.stopping = true;
            ((), Wake::ALL)
        });
    }

    /// Executes nothing any more: what is here is what is left.
    pub(crate) fn close(&self) {
        self.state.update(|state| (state.closed = true, Wake::NONE));
    }

    /// Whether the end has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.state.with(|state| state.stopping)
    }

    /// Does what is due, for ever.
    pub(crate) async fn keep_time(&self) {
        loop {
            let now = self.clock.now();
            let next = loop {
                let next = self.update(|state| {
                    let next = state.timers.take_due(now);
                    if let Ok((kind, name)) = &next {
                        state.advance(*kind, name, now);
                    }
                    next
                });
                match next {
                    Ok(_) => tokio::task::yield_now().await,
                    Err(next) => break next,
                }
            };
            let due = next.and_then(|time| self.clock.instant(time));
            let sleep = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {}
                () = self.alarm.notified() => {}
            }
        }
    }

    /// Counts one more client that waits for items of a queue, and returns what is rung for it.
    pub(super) fn begin_to_wait(&self, queue: Name) -> Arc<Notify> {
        self.state.update(|state| {
            let waiting = state.memory.host_mut().waiting.entry(queue).or_default();
            waiting.clients += 1;
            (Arc::clone(&waiting.bell), Wake::NONE)
        })
    }

    /// Counts one less. If the bell was rung for it, another has to know.
    pub(super) fn end_to_wait(&self, queue: &Name) {
        let bell = self.state.update(|state| {
            let all = &mut state.memory.host_mut().waiting;
            let Some(waiting) = all.get_mut(queue) else { return (None, Wake::NONE) };
            waiting.clients -= 1;
            if waiting.clients == 0 {
                all.remove(queue);
                return (None, Wake::NONE);
            }
            (Some(Arc::clone(&waiting.bell)), Wake::NONE)
        });
        if let Some(bell) = bell {
            bell.notify_one();
        }
    }

    /// Whether it has a queue.
    pub(super) fn has_queue(&self, name: &Name) -> bool {
        self.state.with(|state| state.memory.has(Kind::Queue, name))
    }

    /// The shard that a queue has moved to.
    pub(super) fn moved_to(&self, name: &Name) -> Option<usize> {
        self.state.with(|state| state.memory.host().moved.get(name).copied())
    }

    /// Remembers that a queue has moved to another shard.
    pub(super) fn remember_move(&self, name: Name, to: usize) {
        self.state.update(|state| (state.memory.host_mut().moved.insert(name, to), Wake::NONE));
    }

    /// Forgets it again.
    pub(super) fn forget_move(&self, name: &Name) {
        self.state.update(|state| (state.memory.host_mut().moved.remove(name), Wake::NONE));
    }

    /// Queues with letters for one of another shard; waits until there are any.
    pub(super) async fn with_letters(&self) -> BTreeSet<Name> {
        loop {
            let some = self.state.update(|state| (std::mem::take(&mut state.letters), Wake::NONE));
            if !some.is_empty() {
                return some;
            }
            self.letters.notified().await;
        }
    }

    /// Whether letters of a queue are on their way to another shard: until they have arrived, they are here too.
    pub(super) fn is_handing(&self, queue: &Name) -> bool {
        self.state.with(|state| state.handing.as_ref() == Some(queue))
    }

    /// Waits until the letters that are on their way have arrived.
    pub(super) async fn handed(&self, queue: &Name) {
        while self.is_handing(queue) {
            self.handed.notified().await;
        }
    }

    /// Says whose letters are on their way.
    pub(super) fn set_handing(&self, queue: Option<Name>) {
        self.state.update(|state| (state.handing = queue, Wake::NONE));
        if queue.is_none() {
            self.handed.notify_waiters();
        }
    }

    /// Takes a queue out, if it is here; those who wait for its items look again, and follow it.
    pub(super) fn detach(&self, name: &Name) -> Option<DetachedQueue<Rooms>> {
        let (queue, bell) = self.state.update(|state| {
            let queue = state.memory.detach_queue(name);
            let bell = state.memory.host().waiting.get(name).map(|waiting| Arc::clone(&waiting.bell));
            ((queue, bell), Wake::NONE)
        });
        if let Some(bell) = bell {
            bell.notify_waiters();
        }
        queue
    }

    /// Goes on with a queue, if there is one, and changes it; or makes it. When that is refused, gives the queue back.
    pub(super) fn adopt(
        &self,
        name: &Name,
        queue: Option<DetachedQueue<Rooms>>,
        change: &QueueChange,
    ) -> (Outcome, Option<DetachedQueue<Rooms>>) {
        let is_guest = queue.is_some();
        if let Some(queue) = queue {
            self.attach(name, queue);
        }
        let set = Command::SetQueue { name: *name, change: *change };
        let now = self.clock.now();
        let outcome = self.with(|memory| memory.execute(&set, now, &mut |_: Part<'_>| ControlFlow::Continue(())));
        let is_refused = is_guest && matches!(outcome, Outcome::Refused(_));
        (outcome, if is_refused { self.detach(name) } else { None })
    }

    /// Goes on with a queue that another shard had.
    pub(super) fn attach(&self, name: &Name, queue: DetachedQueue<Rooms>) {
        let now = self.clock.now();
        if self.with(|memory| memory.attach_queue(name, queue, now).is_err()) {
            // Nobody makes a queue but its home, which knows that it has moved.
            tracing::error!(%name, "a queue that moved was there already, and its items are gone");
        }
    }

    /// Hands the items on that had to leave and are on the disk, where they stay until the next checkpoint at least.
    fn log_left(&self, log: &OverflowLog, left: &[(Name, Away)]) {
        let Some(keeper) = &self.keeper else { return };
        let mut item = Vec::new();
        for (queue, away) in left {
            match keeper.shelf().fetch(away, &mut item) {
                Ok(()) => log.push(queue, &item),
                Err(error) => tracing::error!(%queue, %error, "an item that had to leave can't be read"),
            }
        }
    }

    fn run(&self, after: Option<After>) {
        let Some(after) = after else { return };
        if after.published {
            self.bell.notify_one();
        }
        if after.gauged {
            self.gauges.notify_one();
        }
        if after.earlier {
            self.alarm.notify_one();
        }
        if let Some(log) = &self.overflow
            && (after.overflow || !after.left.is_empty())
        {
            self.log_left(log, &after.left);
            log.wake();
        }
        if after.letters {
            self.letters.notify_one();
        }
        if after.held_back {
            self.held_back.notify_one();
        }
        after.waiting.into_iter().for_each(|bell| bell.notify_one());
        after.gone.into_iter().for_each(|bell| bell.notify_waiters());
    }
}

/// What is left to be done when the lock is free.
#[derive(Default)]
struct After {
    published: bool,
    held_back: bool,
    gauged: bool,
    earlier: bool,
    overflow: bool,
    left: Vec<(Name, Away)>,
    letters: bool,
    waiting: Vec<Arc<Notify>>,
    gone: Vec<Arc<Notify>>,
}

impl State {
    pub(super) fn execute(&mut self, command: &Command<'_>, now: Time, to: &mut impl Sink) -> Outcome {
        if self.closed {
            return Outcome::Refused(Refusal::Busy("the server stops"));
        }
        self.memory.execute(command, now, to)
    }

    /// Does what is due for a topic or a queue.
    fn advance(&mut self, kind: Kind, name: &Name, now: Time) {
        match self.kept.as_ref().map(|kept| Arc::clone(&kept.keeper)) {
            None => self.memory.advance(kind, name, now),
            Some(keeper) => {
                if !self.advance_kept(&keeper, kind, name, now) {
                    self.timers.set(now.after(AGAIN), kind, *name);
                }
            }
        }
    }

    /// Whether who publishes to a topic has to wait.
    pub(super) fn has_to_wait(&self, topic: &Name, now: Time) -> bool {
        let is_held = !self.stopping && self.held.get(topic).is_some_and(|until| now < *until);
        is_held || self.is_far_behind(topic)
    }

    fn is_far_behind(&self, topic: &Name) -> bool {
        let Some(unsent) = self.unsent.get(topic).filter(|_| !self.stopping) else { return false };
        let bytes = self.memory.topic(topic).map_or(0, |topic| topic.log().capacity() as u64);
        *unsent > MOST_UNSENT.min(bytes / 4)
    }

    /// Takes note of what has happened in the engine, if anything has.
    fn heed_news(&mut self) -> Option<After> {
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

/// The topic that a command publishes to, if it does.
pub(crate) const fn published_to<'c>(command: &'c Command<'_>) -> Option<&'c Name> {
    match command {
        Command::Publish { topic, messages, .. } if messages.count() > 0 => Some(topic),
        _ => None,
    }
}
