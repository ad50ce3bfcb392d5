//! The memory engine of the core behind a lock, and what is done when something has happened in it.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Shard`] | the engine of one thread, which executes |
//! | `state` | what is under the lock, and what follows from what happens there |
//! | `sending` | for who sends messages on |
//! | `queues` | clients that wait, queues that move, letters on their way |

mod queues;
mod sending;
mod state;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::Mutex;
use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::{Defaults, Memory, TopicOf};
use streamgauge_core::engine::{Command, Dump, Engine as _, Kind, Name, Outcome, Part, Refusal, Sink, TopicSettings};
use streamgauge_core::queue::leases::Away;
use streamgauge_core::shared::{Guarded, Shared, Slot, Wake};
use streamgauge_core::time::Time;
use tokio::sync::Notify;

use super::Settings;
use super::budget::Budget;
use super::handed::Handed;
use super::kept::{Kept, Missing};
use super::rooms::Rooms;
use crate::engine::Clock;
use crate::engine::disk::{Keeper, Notes};
use crate::engine::remote::{AWAY, Order};
use crate::queues::OverflowLog;
use state::After;
pub(super) use state::State;

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
    /// What orders it with others.
    order: Option<Arc<Order>>,
    /// Rung when there is a note of another gateway more or less.
    pub(super) noted: Notify,
    /// Rung when there is something that subscribers don't see yet.
    held_back: Notify,
    /// Notes of the process before this one.
    pub(super) left: Notes,
    /// Held by who looks at items on the disk: what that takes is counted once.
    pub(super) looks: tokio::sync::Mutex<()>,
}

/// How those wait who publish, or put.
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
        let memory = settings.begin(rooms, has_main, clock.now())?;
        Ok(Self::over(memory, (None, None), clock, budget, overflow, settings))
    }

    /// One that goes on with what another process has held.
    pub(super) fn after(left: Handed, settings: &Settings, overflow: Option<Arc<OverflowLog>>) -> Self {
        let Handed { memory, notes, at } = left;
        let budget = Arc::clone(memory.host().budget());
        let shard = Self::over(memory, (None, None), Clock::not_before(at), budget, overflow, settings);
        Self { left: notes, ..shard }
    }

    /// One without anything yet, which is ordered with others; what this process alone has is of that budget.
    pub(crate) fn ordered(
        settings: &Settings,
        rooms: Rooms,
        order: Arc<Order>,
        local: Arc<Budget>,
        overflow: Option<Arc<OverflowLog>>,
    ) -> Self {
        let memory = Memory::with_defaults(rooms, settings.defaults);
        Self::over(memory, (None, Some(order)), Clock::new(), local, overflow, settings)
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
        let shard = Self::over(memory, (Some(Arc::new(keeper)), None), clock, budget, overflow, settings);
        let now = shard.clock.now();
        let Some(keeper) = &shard.keeper else { return Ok(shard) };
        shard.update(|state| state.make_kept(keeper, settings.main_topic, settings.main_queue, now))?;
        Ok(shard)
    }

    fn over(
        memory: Memory<Rooms>,
        (keeper, order): (Option<Arc<Keeper>>, Option<Arc<Order>>),
        clock: Clock,
        budget: Arc<Budget>,
        overflow: Option<Arc<OverflowLog>>,
        settings: &Settings,
    ) -> Self {
        let state = State::new(memory, keeper.clone().map(Kept::new), order.clone());
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
            order,
            noted: Notify::new(),
            held_back: Notify::new(),
            left: Notes::new(),
            looks: tokio::sync::Mutex::default(),
        }
    }

    /// What keeps it on the disk.
    pub(crate) const fn keeper(&self) -> Option<&Arc<Keeper>> {
        self.keeper.as_ref()
    }

    /// Where items go that have to leave a queue.
    pub(super) const fn overflow(&self) -> Option<&Arc<OverflowLog>> {
        self.overflow.as_ref()
    }

    /// What orders it with others.
    pub(crate) const fn order(&self) -> Option<&Arc<Order>> {
        self.order.as_ref()
    }

    /// What topics, queues and gauges share; where others have the same topics and queues, what is only here.
    pub(crate) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// The settings of topics that were not told otherwise.
    pub(super) const fn topic_defaults(&self) -> TopicSettings {
        self.defaults.topic
    }

    /// Whether a topic may be used: it is there, or its first use would make it. Who only asks makes none.
    ///
    /// # Errors
    /// It is not there, and only names that were made are used.
    pub(crate) fn may_use(&self, topic: &Name) -> Result<(), Refusal> {
        self.update(|state| state.may_use(topic))
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

    /// Executes a command. One that publishes waits while what was published before is far from being sent on, and one that
    /// puts while dead letters take its room that are about to leave.
    pub(crate) async fn execute(&self, command: &Command<'_>, to: &mut (dyn Sink + Send)) -> Outcome {
        if let Some(keeper) = &self.keeper {
            return self.execute_kept(keeper, command, Missing::IsMade, to).await;
        }
        if let Some(order) = &self.order {
            return self.execute_ordered(order, command, to).await;
        }
        let executing = self.wait(|state| {
            let now = self.clock.now();
            if state.has_to_wait(command, now) {
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(state.execute(command, now, to))
        });
        executing.await.unwrap_or(Outcome::Refused(Refusal::Busy("too many publishers wait")))
    }

    /// Executes a command, unless it would have to wait: then nothing has happened. It may not be safe yet.
    pub(super) fn execute_now(&self, command: &Command<'_>, to: &mut dyn Sink) -> Option<Outcome> {
        if let Some(keeper) = &self.keeper {
            return self.execute_kept_now(keeper, command, to);
        }
        if self.order.is_some() {
            return self.look(command, to);
        }
        let now = self.clock.now();
        // It has its place here: handed out through the lock, so many bytes would be moved each time.
        let mut outcome = None;
        self.update(|state| {
            if !state.has_to_wait(command, now) {
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
        if let Some(order) = &self.order {
            let is_proposed = order.propose_later(Call::Execute(*command));
            return if is_proposed { Outcome::Changed } else { Outcome::Refused(AWAY) };
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

    /// Copies the next items of a walk that are at hand, each with a newline, as far as `most` bytes hold them, and one
    /// item at least; whether there may be more, and the next one if it is not at hand.
    pub(super) fn dump_now(&self, dump: &mut Dump, piece: &mut Vec<u8>, most: usize) -> (bool, Option<Away>) {
        self.with(|memory| {
            memory.host_mut().take_missing();
            let more = memory.dump(dump, |item| {
                let len = item.len().saturating_add(1);
                if !piece.is_empty() && piece.len().saturating_add(len) > most {
                    return ControlFlow::Break(());
                }
                // Nothing to spare: what it takes is counted.
                piece.reserve_exact(len);
                piece.extend_from_slice(item);
                piece.push(b'\n');
                ControlFlow::Continue(())
            });
            (more, memory.host_mut().take_missing())
        })
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
        if let Some(order) = &self.order {
            order.set_away(Some("the server stops".to_owned()));
        }
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
            // They stay on the disk until the next checkpoint at least.
            after.left.iter().for_each(|(queue, away)| log.push_absent(queue, *away));
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

/// The topic that a command publishes to, if it does.
pub(crate) const fn published_to<'c>(command: &'c Command<'_>) -> Option<&'c Name> {
    match command {
        Command::Publish { topic, messages, .. } if messages.count() > 0 => Some(topic),
        _ => None,
    }
}
