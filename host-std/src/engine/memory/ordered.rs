//! A shard whose topics and queues others have too: what is executed is ordered by a log that all of them write.
//!
//! Whoever asks proposes it there and waits; what comes from the log is executed, whoever proposed it. Nothing else
//! changes topics and queues, so that all have the same: what is due is proposed as well, looks are answered here, and
//! subscribers, whom only this process knows, have their places from a budget of its own.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::engine::journal::{Call, Entry, Numbers};
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Allowance, Command, Engine as _, Kind, Name, Outcome, Part, Refusal, Sink, Tokens};
use streamgauge_core::queue::leases::State::Ready;
use streamgauge_core::time::Time;
use streamgauge_core::topic::From;

use super::kept::is_look;
use super::rooms::{Drawn, Rooms};
use super::shard::{Shard, State, published_to};
use crate::engine::remote::{AWAY, Group, Head, Order, Proposal, Replica, Seen, Stop, TOO_LATE, Told, save};

/// What is due is proposed again after so long, if that has not come to anything: the engine's clock may be behind.
const AGAIN: Duration = Duration::from_millis(500);

/// So long a message of the log is on its way, mostly.
const LATE: Duration = Duration::from_secs(1);

/// How often who joins looks whether it has.
const LOOK: Duration = Duration::from_millis(100);

/// A message of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// Its number.
    pub(crate) position: u64,
    /// When the engine took it.
    pub(crate) at: Time,
    pub(crate) bytes: &'a [u8],
}

impl Shard {
    /// Executes a look at what this gateway has, unless something is due there that the others can be told of.
    pub(super) fn look(&self, command: &Command<'_>, to: &mut dyn Sink) -> Option<Outcome> {
        let mut outcome = None;
        self.update(|state| {
            let Some(now) = state.replica.as_ref().filter(|replica| replica.has_arrived()).map(Replica::now) else {
                outcome = Some(Outcome::Refused(AWAY));
                return;
            };
            let is_look = match command {
                Command::Dump { queue } => state.memory.has(Kind::Queue, queue),
                command => is_look(command),
            };
            if !is_look || state.closed {
                return;
            }
            if !state.memory.is_due_for(command, now) {
                outcome = Some(state.execute(command, now, to));
            } else if self.order().is_some_and(|order| !order.is_there()) {
                let then = state.before_due(command, now);
                outcome = Some(state.execute(command, then, to));
            }
        });
        outcome
    }

    /// Executes a command when it has its turn. One that publishes waits while what was published before is far from being
    /// sent on here.
    pub(super) async fn execute_ordered(
        &self,
        order: &Order,
        command: &Command<'_>,
        to: &mut (dyn Sink + Send),
    ) -> Outcome {
        if let Some(outcome) = self.look(command, to) {
            return outcome;
        }
        if let Some(topic) = published_to(command) {
            let is_close = |state: &mut State| {
                if state.holds_back(topic, self.clock().now()) {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            if self.wait(is_close).await.is_none() {
                return Outcome::Refused(Refusal::Busy("too many publishers wait"));
            }
        }
        // What leaves its queue has its room by then, and no more is kept than that while the log is waited for.
        let most = to.allowance();
        let mut wanted = self.update(|state| state.expected(command, &most));
        loop {
            let kept = to.keep(wanted);
            let allowance = Allowance { bytes: most.bytes.min(kept), first: most.first.min(kept), ..most };
            match order.execute(command, allowance).await {
                // Others took what was expected, and behind that is a longer item.
                Ok(answer) if answer.needed() > wanted => wanted = answer.needed(),
                Ok(answer) => return answer.tell(to),
                Err(refusal) => return Outcome::Refused(refusal),
            }
        }
    }

    /// Whether there is a topic, with what a subscriber has seen of it elsewhere.
    pub(crate) fn has_at_hand(&self, topic: &Name, from: From) -> bool {
        self.has_joined() && self.update(|state| state.has_come_to(topic, from)) == Some(true)
    }

    /// Makes sure that there is a topic for who subscribes to it, if it may be made, and that what the subscriber has seen of
    /// it elsewhere has come here: else it would get that again. O(1) when it has; else as long as the log takes to bring
    /// back what is proposed now, and whatever is before it.
    ///
    /// # Errors
    /// It may not be made, or the engine is away.
    pub(crate) async fn prepare(&self, order: &Order, topic: &Name, from: From) -> Result<(), Refusal> {
        if !self.has_joined() {
            return Err(AWAY);
        }
        let (come_to, may_use) = self.update(|state| (state.has_come_to(topic, from), state.may_use(topic)));
        match come_to {
            Some(true) => Ok(()),
            Some(false) => order.call(Call::Advance(Kind::Topic, *topic)).await,
            None => {
                may_use?;
                order.call(Call::Subscribe(*topic, false)).await
            }
        }
    }

    /// Whether it has what the others have.
    pub(crate) fn has_joined(&self) -> bool {
        self.update(|state| state.replica.as_ref().is_some_and(Replica::has_arrived))
    }

    /// It has executed all that there was. Items that have to leave from now on are logged: nobody here has done so before.
    pub(crate) fn arrive(&self) {
        if !self.has_joined() {
            let log = self.overflow().cloned();
            self.update(|state| state.memory.host_mut().set_overflow(log));
            self.with_replica(Replica::arrive);
        }
    }

    /// Begins with what was saved.
    pub(crate) fn join(&self, memory: Memory<Rooms>, replica: Replica) {
        self.update(|state| {
            let waiting = std::mem::take(&mut state.memory.host_mut().waiting);
            state.memory = memory;
            state.memory.host_mut().waiting = waiting;
            state.replica = Some(replica);
        });
        self.noted.notify_one();
    }

    /// How far it has followed the log.
    pub(crate) fn seen(&self) -> Seen {
        self.update(|state| state.replica.as_ref().map(Replica::seen)).unwrap_or_default()
    }

    /// The state behind the last message.
    pub(crate) fn saved(&self, group: Group) -> Option<Vec<u8>> {
        self.update(|state| Some(save(&mut state.memory, state.replica.as_ref()?, group)))
    }

    /// Whether the state should be saved, as so much was added to the log.
    pub(crate) fn is_to_be_saved(&self, least: u64) -> bool {
        self.update(|state| state.replica.as_ref().is_some_and(|replica| replica.is_to_be_saved(least)))
    }

    /// Bytes of memory that topics, queues and gauges hold, and may hold.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let (own, most) = (self.budget().held(), self.budget().bytes());
        if self.order().is_none() {
            return (own, most);
        }
        let (together, of) = self.update(|state| {
            let budget = state.memory.host().budget();
            (budget.held(), budget.bytes())
        });
        (own + together, most + of)
    }

    /// No message will come that was published earlier; not even from the log that orders what others publish, as far as
    /// that is on time.
    pub(crate) fn settled(&self) -> Time {
        let now = self.clock().now();
        let Some(executed) = self.time_of_log() else { return now };
        if !self.has_joined() {
            // What comes was published before, and executed by others long ago.
            return executed;
        }
        executed.max(Time::from_millis(now.as_millis().saturating_sub(LATE.as_millis() as u64)))
    }

    /// When that time is [settled](Self::settled) at the latest, by the clock; or when to ask again, as it has not joined the
    /// others yet.
    pub(crate) fn settles(&self, time: Time) -> Time {
        match self.order() {
            None => time,
            Some(_) if self.has_joined() => time.after(LATE),
            Some(_) => time.after(LATE).max(self.clock().now().after(LOOK)),
        }
    }

    /// When the last message was taken that was executed here, by the engine's clock, if others have the same topics and
    /// queues: nothing of these may change by another clock.
    pub(crate) fn time_of_log(&self) -> Option<Time> {
        self.update(|state| state.replica.as_ref().map(Replica::now))
    }

    /// Waits until there is a note more or less.
    pub(crate) async fn noted(&self) {
        self.noted.notified().await;
    }

    /// Executes a message of the log, and answers whoever waits for it here; whether it is for this gateway to save the
    /// state behind it.
    ///
    /// # Errors
    /// It can't be followed any more.
    pub(crate) async fn apply(&self, order: &Order, message: Message<'_>) -> Result<bool, Stop> {
        let Message { position, at, bytes } = message;
        let unknown = || Stop::Unknown(position);
        if !Head::is_in(bytes) {
            tracing::warn!("message {position} of the log is no gateway's, and does nothing");
            self.with_replica(|replica| replica.end(position));
            return Ok(false);
        }
        let (head, mut rest) = Head::read(bytes).ok_or_else(unknown)?;
        let now = self.with_replica(|replica| replica.begin(at, head.seen, bytes.len()))?;
        order.heard(now);
        let (is_own, mut number, mut has_to_save) = (head.gateway == order.gateway(), head.first, false);
        while !rest.is_empty() {
            let (until, proposal) = Proposal::next(&mut rest).ok_or_else(unknown)?;
            let asked = if is_own { order.asked(number) } else { None };
            if now > until {
                if asked.is_some() {
                    order.answer(number, Err(TOO_LATE));
                }
                number += 1;
                continue;
            }
            match proposal {
                Proposal::Execute(allowance, entry) => {
                    let call = Entry::decode(entry, Time::ZERO).map_err(|_| unknown())?.call;
                    let call = match (call, &asked) {
                        (Call::Execute(Command::Settle { queue, how, .. }), Some(Some(tokens))) => {
                            Call::Execute(Command::Settle { queue, how, tokens: Tokens::new(tokens) })
                        }
                        (call, _) => call,
                    };
                    self.keep_pace(&call).await;
                    let mut told = Told::new(allowance, asked.is_some());
                    let drawn = Drawn::of(head.key, number);
                    let outcome = self.update(|state| state.apply(&call, now, drawn, &mut told));
                    if asked.is_some() {
                        order.answer(number, Ok(told.answer(outcome)));
                    }
                }
                Proposal::Note(name, note) => self.take_note(name, Some(note)),
                Proposal::NoNote(name) => self.take_note(name, None),
                Proposal::Save => has_to_save |= self.with_replica(Replica::begins_to_save) && is_own,
                Proposal::Saved(at) => self.with_replica(|replica| replica.has_saved(at)),
            }
            if asked.is_some() && !matches!(proposal, Proposal::Execute(..)) {
                order.answer(number, Ok(Told::NOTHING.answer(Outcome::Changed)));
            }
            number += 1;
        }
        self.with_replica(|replica| replica.end(position));
        Ok(has_to_save)
    }

    /// Waits while what was published to a topic is far from being sent on: nobody who keeps up is left behind.
    async fn keep_pace(&self, call: &Call<'_>) {
        let Call::Execute(command) = call else { return };
        let Some(topic) = published_to(command) else { return };
        let is_close = |state: &mut State| {
            if state.is_far_behind(topic) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let _ = self.wait(is_close).await;
    }

    fn take_note(&self, name: Name, note: Option<&[u8]>) {
        self.with_replica(|replica| replica.note(name, note));
        self.noted.notify_one();
    }

    fn with_replica<R>(&self, f: impl FnOnce(&mut Replica) -> R) -> R {
        self.update(|state| f(state.replica.get_or_insert_default()))
    }
}

impl State {
    fn apply(&mut self, call: &Call<'_>, now: Time, drawn: Drawn, told: &mut Told) -> Outcome {
        self.memory.host_mut().draw_of(Some(drawn));
        let made = |made: Result<(), Refusal>| made.map_or_else(Outcome::Refused, |()| Outcome::Changed);
        let memory = &mut self.memory;
        let outcome = match call {
            Call::Execute(command) => memory.execute(command, now, told),
            Call::Advance(kind, name) => {
                if memory.is_due(*kind, name, now) {
                    memory.advance(*kind, name, now);
                }
                Outcome::Changed
            }
            Call::MakeTopic(name, _) if memory.has(Kind::Topic, name) => Outcome::Changed,
            Call::MakeTopic(name, settings) => made(memory.make_topic(name, *settings)),
            Call::Subscribe(name, _) => {
                let subscribe = Call::Subscribe(*name, false);
                let entry = Entry { now, random: Numbers::of(&[]), taken: 0, call: subscribe };
                match memory.replay(&entry) {
                    Ok(()) => Outcome::Changed,
                    Err(_) => Outcome::Refused(Refusal::Busy("there is no room for this topic")),
                }
            }
            _ => Outcome::Refused(Refusal::NotImplemented("no gateway proposes this")),
        };
        self.memory.host_mut().draw_of(None);
        if let Some(replica) = &mut self.replica {
            replica.came_to(&outcome);
        }
        outcome
    }

    /// The last time before `now` at which a look finds nothing due. O(log time) of what it takes to find that out.
    fn before_due(&mut self, look: &Command<'_>, now: Time) -> Time {
        let (mut not_due, mut due) = (0, now.as_millis());
        while due - not_due > 1 {
            let middle = not_due + (due - not_due) / 2;
            let is_due = self.memory.is_due_for(look, Time::from_millis(middle));
            *(if is_due { &mut due } else { &mut not_due }) = middle;
        }
        Time::from_millis(not_due)
    }

    /// About how many bytes of items a command would tell, by what this gateway has.
    fn expected(&mut self, command: &Command<'_>, most: &Allowance) -> u64 {
        let look = match command {
            Command::Get { queue, items, .. } => Command::Peek { queue: *queue, state: Ready, items: *items },
            look @ Command::Peek { .. } => *look,
            _ => return 0,
        };
        // A look at another time would change what is there.
        let Some(now) = self.replica.as_ref().map(Replica::now) else { return 0 };
        let mut bytes = 0_u64;
        if !self.memory.is_due_for(&look, now) {
            self.memory.execute(&look, now, &mut |part: Part<'_>| {
                let Part::Item(item) = part else { return ControlFlow::Continue(()) };
                bytes = bytes.saturating_add(most.cost(item.item.data.len()));
                if bytes > most.bytes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        }
        bytes
    }

    /// Whether a topic has come to the message behind which a subscriber wants to go on; `None` if there is no such topic.
    fn has_come_to(&self, topic: &Name, from: From) -> Option<bool> {
        let end = self.memory.topic(topic)?.log().end().sequence();
        Some(match from {
            From::After(seen) => seen < end,
            From::Sequence(wanted) => wanted <= end,
            From::Now | From::First | From::Time(_) => true,
        })
    }

    /// Proposes what is due for a topic or a queue; it is looked at again later whether it was done.
    pub(super) fn propose_due(&mut self, order: &Arc<Order>, kind: Kind, name: &Name, now: Time) {
        if self.memory.is_due(kind, name, now) {
            order.propose(Call::Advance(kind, *name));
            self.timers.set(now.after(AGAIN), kind, *name);
        }
    }
}
