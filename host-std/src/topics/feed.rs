//! The subscribers of one topic: who lacks something, who waits for its socket, and what they are sent.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use streamgauge_core::engine::Short;
use streamgauge_core::log::Position;
use streamgauge_core::time::Time;
use streamgauge_core::topic::Decision;
use tokio::sync::Notify;

use super::frames::Frames;
use super::hub::Venue;
use super::lists::Lists;
use super::past::Past;
use super::places::Places;
use super::subscriber::{Next, Send, Sent, Subscriber};
use crate::engine::memory::TopicLog as Messages;

/// The subscribers of one topic.
///
/// It works on the topic's fan-out, wherever that is kept, in steps: [`load`](Self::load) looks for what the next few
/// subscribers are sent, [`write`](Self::write) needs the fan-out no longer and writes it to their sockets, and
/// [`settle`](Self::settle) moves them on. Before the first of them and behind the last,
/// [`follow_plans`](Self::follow_plans) looks at all who have a plan. Wakers are handed out ([`Aftermath`]), to be woken
/// when no lock is held.
pub(super) struct Feed {
    venue: Arc<Venue>,
    subscribers: Lists<Subscriber, 5>,
    /// A subscriber with more than so many bytes unsent, whose socket is full, is sent away.
    max_lag: u64,
    /// The place of nobody whose socket is full is before this one, unless it is catching up.
    farthest_behind: Option<Position>,
    /// The same for those that are catching up.
    farthest_catching_up: Option<Position>,
    /// The keys of those with a plan.
    planned: BTreeSet<usize>,
    /// Until when nothing may be published, as a subscriber asked for.
    hold: Option<Time>,
    /// When there is something to do though nothing is published.
    alarm: Option<Time>,
    loads: Vec<Load>,
    aftermath: Aftermath,
    /// Bytes for the rests of messages that subscribers are still sent when they have lost their place in the log.
    farewells: Places,
    stage: Stage,
}

/// It has everything that was published when it was last looked at.
const READY: usize = 0;
/// There is, or may be, something for it.
const DUE: usize = 1;
/// It is being written to.
const LOADED: usize = 2;
/// Its socket is full.
const BLOCKED: usize = 3;
/// Its task has yet to notice that it is over.
const OVER: usize = 4;

/// How many subscribers are written to before others get their turn on the thread.
pub(super) const SLICE: usize = 64;

struct Load {
    key: usize,
    send: Send,
    written: std::io::Result<usize>,
}

/// What is left to do when no lock is held any longer.
#[derive(Default)]
#[must_use]
pub(super) struct Aftermath {
    wakers: Vec<Waker>,
    kicked: Vec<SentAway>,
}

/// A subscriber that was sent away, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentAway {
    pub(super) peer: SocketAddr,
    pub(super) name: Short<64>,
    pub(super) pending: u64,
    pub(super) at: jiff::Timestamp,
}

impl Aftermath {
    pub(super) fn sent_away(&self) -> &[SentAway] {
        &self.kicked
    }

    /// Does it.
    pub(super) fn run(self) {
        self.wakers.into_iter().for_each(Waker::wake);
        for SentAway { peer, pending, .. } in self.kicked {
            tracing::warn!(%peer, pending, "kicked a slow subscriber");
        }
    }
}

/// How far the server is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Ending,
    Ended,
}

impl Feed {
    pub(super) const fn new(venue: Arc<Venue>, max_lag: u64, farewells: Places) -> Self {
        Self {
            venue,
            subscribers: Lists::new(),
            max_lag,
            farthest_behind: None,
            farthest_catching_up: None,
            planned: BTreeSet::new(),
            hold: None,
            alarm: None,
            loads: Vec::new(),
            aftermath: Aftermath { wakers: Vec::new(), kicked: Vec::new() },
            farewells,
            stage: Stage::Open,
        }
    }

    /// What those that come now share with the others.
    pub(super) const fn venue(&self) -> &Arc<Venue> {
        &self.venue
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// How many subscribers there may be something for.
    pub(super) fn due(&self) -> usize {
        self.subscribers.len(DUE)
    }

    /// What is to be done once the lock is free.
    pub(super) fn aftermath(&mut self) -> Aftermath {
        std::mem::take(&mut self.aftermath)
    }

    /// Takes a subscriber in, and returns the key to it.
    pub(super) fn insert(&mut self, mut subscriber: Subscriber) -> usize {
        match self.stage {
            Stage::Open => {}
            Stage::Ending => subscriber.end_when_sent(),
            Stage::Ended => _ = subscriber.over(),
        }
        let is_planned = subscriber.plan.is_some();
        let key = self.subscribers.insert(DUE, subscriber);
        if is_planned {
            self.planned.insert(key);
        }
        key
    }

    /// Gives a subscriber back, and its socket.
    pub(super) fn remove(&mut self, key: usize) -> Option<Subscriber> {
        self.planned.remove(&key);
        self.subscribers.remove(key)
    }

    /// Does something for a subscriber that is served from the disk, if it is the one with this bell and is not over; if that
    /// has something for it, it is its turn.
    pub(super) fn with_past<R>(
        &mut self,
        key: usize,
        bell: &Arc<Notify>,
        f: impl FnOnce(&mut Subscriber) -> R,
    ) -> Option<R> {
        let is_ready = self.subscribers.list_of(key) == Some(READY);
        let one = self.subscribers.get_mut(key)?;
        let is_it = one.past().is_some_and(|past| Arc::ptr_eq(past.bell(), bell));
        if !is_it || one.is_over() {
            return None;
        }
        let next = |one: &Subscriber| one.past().map(Past::next);
        let before = next(one);
        let result = f(one);
        if is_ready && (next(one) != before || one.is_over()) {
            self.subscribers.move_to(DUE, key);
        }
        Some(result)
    }

    /// Something was published: everyone who had everything lacks it.
    pub(super) fn published(&mut self) {
        self.subscribers.move_all(READY, DUE);
    }

    /// Looks for what up to `most` of those who lack something are sent, and sends away who is too slow; returns how
    /// many these are. O([`SLICE`]), and what encoding costs; if the one farthest behind may be too slow, O(full
    /// sockets) more.
    pub(super) fn load(&mut self, messages: &mut Messages, frames: &mut Frames, most: usize, now: Time) -> u64 {
        let mut kicked = self.kick_the_slow(messages);
        let mut passed_over = 0;
        frames.begin();
        while self.loads.len() + passed_over < most
            && let Some(key) = self.subscribers.first(DUE)
        {
            let Some(subscriber) = self.subscribers.get_mut(key) else { break };
            match subscriber.on_its_log(messages, |one, log| one.next(log, frames, now)) {
                Next::Send(send) => {
                    self.loads.push(Load { key, send, written: Ok(0) });
                    self.subscribers.move_to(LOADED, key);
                }
                Next::Nothing => self.subscribers.move_to(READY, key),
                Next::Again => {
                    passed_over += 1;
                    self.subscribers.move_to(DUE, key);
                }
                Next::Missed => kicked += u64::from(self.kick(key, messages)),
                Next::Over => self.over(key),
                Next::Later => break,
            }
        }
        kicked
    }

    /// Writes what was loaded.
    pub(super) fn write(&mut self, frames: &Frames) {
        for load in &mut self.loads {
            if let Some(subscriber) = self.subscribers.get_mut(load.key) {
                load.written = subscriber.write(load.send, frames);
            }
        }
    }

    /// Moves those who were written to on, and sends away whose socket is full though they lack too much; returns how
    /// many these are.
    pub(super) fn settle(&mut self, messages: &mut Messages, now: Time) -> u64 {
        let mut kicked = 0;
        let mut loads = std::mem::take(&mut self.loads);
        for Load { key, send, written } in loads.drain(..) {
            let Some(subscriber) = self.subscribers.get_mut(key) else { continue };
            let sent = subscriber.on_its_log(messages, |one, log| one.settle(send, written, log));
            match sent {
                Sent::Whole => self.subscribers.move_to(DUE, key),
                Sent::Everything => self.subscribers.move_to(READY, key),
                Sent::Part => {
                    kicked += u64::from(self.block(key, messages));
                    // Publishers may have to wait for it before the others had their turn.
                    kicked += self.follow_plan(key, messages, now);
                }
                Sent::Over => self.over(key),
            }
        }
        self.loads = loads;
        kicked
    }

    /// Until when nothing may be published.
    pub(super) const fn hold(&self) -> Option<Time> {
        self.hold
    }

    /// When there is something to do though nothing is published.
    pub(super) const fn alarm(&self) -> Option<Time> {
        self.alarm
    }

    /// Lets those have their turn whose time has come. O(plans).
    pub(super) fn wake(&mut self, now: Time) {
        for key in &self.planned {
            let is_due =
                |one: &mut Subscriber| one.plan.as_ref().and_then(|plan| plan.wakes_at).is_some_and(|at| at <= now);
            if self.subscribers.list_of(*key) == Some(READY) && self.subscribers.get_mut(*key).is_some_and(is_due) {
                self.subscribers.move_to(DUE, *key);
            }
        }
    }

    /// Moves those on, or sends those away, who lag and have a plan for it; returns how many were sent away. O(plans): what
    /// a publish costs would grow with their square if that were done for each few of them.
    pub(super) fn follow_plans(&mut self, messages: &mut Messages, now: Time) -> u64 {
        (self.hold, self.alarm) = (None, None);
        // Who is sent away stays among them until its task is gone.
        let planned = std::mem::take(&mut self.planned);
        let kicked = planned.iter().map(|key| self.follow_plan(*key, messages, now)).sum();
        self.planned = planned;
        kicked
    }

    /// Moves one on, or sends it away, if it lags and has a plan for it; returns how many were sent away. O(1), and the
    /// messages that it is moved on by.
    fn follow_plan(&mut self, key: usize, messages: &mut Messages, now: Time) -> u64 {
        let Some(one) = self.subscribers.get_mut(key).filter(|one| one.plan.is_some()) else { return 0 };
        let decision = match one.past() {
            // No publisher has left it behind.
            Some(_) => Decision::Go,
            None => one.mind_the_lag(messages, now, Some(&self.farewells)),
        };
        let wakes_at = one.plan.as_ref().and_then(|plan| plan.wakes_at);
        let mut kicked = 0;
        match decision {
            Decision::SendAway => kicked = u64::from(self.kick(key, messages)),
            Decision::Hold(until) => {
                self.hold = self.hold.max(Some(until));
                self.alarm = earlier(self.alarm, Some(until));
            }
            Decision::Go | Decision::MoveOn { .. } | Decision::Newest => {}
        }
        if self.subscribers.list_of(key) == Some(READY) {
            self.alarm = earlier(self.alarm, wakes_at);
        }
        kicked
    }

    /// Counts a second for everyone. O(subscribers).
    pub(super) fn tick(&mut self) {
        for list in [READY, BLOCKED] {
            let mut keys: Vec<usize> = self.subscribers.iter(list).map(|(key, _)| key).collect();
            keys.retain(|key| self.subscribers.get_mut(*key).is_some_and(|one| one.tick(list == BLOCKED)));
            for key in keys {
                self.subscribers.move_to(DUE, key);
            }
        }
        // Who is served without a pause is no exception.
        let due: Vec<usize> = self.subscribers.iter(DUE).map(|(key, _)| key).collect();
        for key in due {
            self.subscribers.get_mut(key).map(Subscriber::loses_its_token);
        }
    }

    /// Lets every stream end as soon as its subscriber has everything.
    pub(super) fn end_when_sent(&mut self) {
        self.stage = Stage::Ending;
        self.for_each(Subscriber::end_when_sent);
        self.published();
    }

    /// Ends every stream now.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Ended;
        self.end_all();
    }

    /// Ends every stream now, and says why where that can be said.
    pub(super) fn end_because(&mut self, why: &str) {
        self.for_each(|subscriber| subscriber.say_goodbye(why));
        self.stage = Stage::Ended;
        self.end_all();
    }

    fn end_all(&mut self) {
        self.for_each(|subscriber| _ = subscriber.over());
        for list in [READY, DUE, BLOCKED] {
            while let Some(key) = self.subscribers.first(list) {
                self.over(key);
            }
        }
    }

    fn for_each(&mut self, mut f: impl FnMut(&mut Subscriber)) {
        for list in [READY, DUE, LOADED, BLOCKED] {
            let keys: Vec<usize> = self.subscribers.iter(list).map(|(key, _)| key).collect();
            keys.into_iter().for_each(|key| self.subscribers.get_mut(key).map_or((), &mut f));
        }
    }

    /// Every subscriber, in the order of their keys. O(n log n).
    pub(super) fn subscribers(&self) -> Vec<&Subscriber> {
        let lists = [READY, DUE, LOADED, BLOCKED, OVER];
        let mut all: Vec<_> = lists.iter().flat_map(|list| self.subscribers.iter(*list)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all.into_iter().map(|(_, subscriber)| subscriber).collect()
    }

    /// Whether subscriber `key` is gone; otherwise its task is woken when it may be, when the client says something,
    /// and when a full socket has room again. [`due`](Self::due) tells whether there is something to do after it.
    pub(super) fn poll(&mut self, key: usize, cx: &mut Context<'_>) -> Poll<()> {
        let list = self.subscribers.list_of(key);
        let Some(subscriber) = self.subscribers.get_mut(key) else { return Poll::Ready(()) };
        subscriber.set_waker(cx);
        let heard = subscriber.read(cx);
        if subscriber.is_over() {
            return Poll::Ready(());
        }
        let free = list == Some(BLOCKED) && subscriber.poll_writable(cx).is_ready();
        if free || (heard && list == Some(READY)) {
            self.subscribers.move_to(DUE, key);
        }
        Poll::Pending
    }

    /// Waits for the socket of a subscriber, which its task has to do; or sends it away, and says so.
    fn block(&mut self, key: usize, messages: &mut Messages) -> bool {
        self.subscribers.move_to(BLOCKED, key);
        let Some(subscriber) = self.subscribers.get_mut(key) else { return false };
        self.aftermath.wakers.extend(subscriber.waker());
        if subscriber.past().is_some() {
            return false;
        }
        if let Some(plan) = &mut subscriber.plan {
            plan.was_full = true;
            return false;
        }
        let Ok(position) = messages.position(subscriber.id) else { return false };
        let behind = messages.log().bytes_behind(&position);
        let is_catching_up = subscriber.is_catching_up(behind, self.max_lag);
        if !is_catching_up && behind > self.max_lag {
            return self.kick(key, messages);
        }
        self.watch(is_catching_up, position, messages);
        false
    }

    /// Remembers the place of one whose socket is full.
    fn watch(&mut self, is_catching_up: bool, position: Position, messages: &Messages) {
        let log = messages.log();
        let farthest = if is_catching_up { &mut self.farthest_catching_up } else { &mut self.farthest_behind };
        if farthest.is_none_or(|at| log.bytes_behind(&at) < log.bytes_behind(&position)) {
            *farthest = Some(position);
        }
    }

    fn over(&mut self, key: usize) {
        self.subscribers.move_to(OVER, key);
        if let Some(subscriber) = self.subscribers.get_mut(key) {
            self.aftermath.wakers.extend(subscriber.waker());
        }
    }

    /// Sends those away whose sockets are full and who lack too much, or what the log no longer has.
    fn kick_the_slow(&mut self, messages: &mut Messages) -> u64 {
        let log = messages.log();
        let bound = self.max_lag.min(log.bytes());
        let is_too_slow = self.farthest_behind.is_some_and(|at| log.bytes_behind(&at) > bound);
        if !is_too_slow && self.farthest_catching_up.is_none_or(|at| log.missed(&at) == 0) {
            return 0;
        }
        let plain = self.subscribers.iter(BLOCKED).filter(|(_, one)| one.plan.is_none() && one.past().is_none());
        let blocked: Vec<_> = plain.map(|(key, one)| (key, one.id)).collect();
        let mut kicked = 0;
        (self.farthest_behind, self.farthest_catching_up) = (None, None);
        for (key, id) in blocked {
            let Ok(position) = messages.position(id) else { continue };
            let Some(subscriber) = self.subscribers.get_mut(key) else { continue };
            let (log, max_lag) = (messages.log(), self.max_lag);
            let behind = log.bytes_behind(&position);
            let is_catching_up = subscriber.is_catching_up(behind, max_lag);
            if log.missed(&position) > 0 || (!is_catching_up && behind > max_lag) {
                kicked += u64::from(self.kick(key, messages));
            } else {
                self.watch(is_catching_up, position, messages);
            }
        }
        kicked
    }

    /// Sends one away, and says whether it was still here.
    fn kick(&mut self, key: usize, messages: &mut Messages) -> bool {
        let Some(subscriber) = self.subscribers.get_mut(key) else { return false };
        let Ok(position) = messages.position(subscriber.id) else { return false };
        let pending = messages.log().bytes_behind(&position);
        subscriber.kick(messages, pending, &self.farewells);
        let _ = messages.unsubscribe(subscriber.id);
        let (peer, name) = (subscriber.client.peer, subscriber.name());
        self.aftermath.kicked.push(SentAway { peer, name, pending, at: jiff::Timestamp::now() });
        if subscriber.is_over() {
            self.over(key);
        }
        true
    }
}

fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    [one, other].into_iter().flatten().min()
}
