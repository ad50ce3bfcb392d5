//! The memory engine of the core behind a lock, and what is done when something has happened in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use embedded_io::Write;
use parking_lot::Mutex;
use streamgauge_core::endpoints::{self, Reply, Request};
use streamgauge_core::engine::memory::{Defaults, Memory, TopicOf};
use streamgauge_core::engine::{Dump, Engine as _, Kind, Name, QueueSettings, Refusal, TopicSettings};
use streamgauge_core::shared::{Guarded, Shared, Slot, Wake};
use streamgauge_core::time::Time;
use tokio::sync::Notify;

use super::rooms::{News, Rooms};
use super::{Budget, Clock};
use crate::queues::OverflowLog;

/// The log of a topic, and its subscribers' places.
pub(crate) type TopicLog = TopicOf<Rooms>;

/// What a shard is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What names get that nobody has made.
    pub defaults: Defaults,
    /// The topic `main`, if it has topics.
    pub main_topic: Option<TopicSettings>,
    /// The queue `main`, if it has queues.
    pub main_queue: Option<QueueSettings>,
    /// Most topics, and most queues.
    pub max_names: usize,
    /// Requests that may wait at the same time.
    pub max_waiting: usize,
}

/// Topics and queues that one thread works on.
///
/// Nothing is waited for under its lock: no file is touched there, no socket written, and no waker runs.
pub struct Shard {
    /// Publishers wait in it for those who send messages on.
    state: Shared<Mutex<Guarded<State, Box<[Slot]>>>>,
    clock: Clock,
    budget: Arc<Budget>,
    /// Rung when a topic with subscribers has new messages, or one is gone.
    bell: Notify,
    /// Rung when there is something to do earlier than was known.
    alarm: Notify,
    /// Where items go that have to leave a queue.
    overflow: Option<Arc<OverflowLog>>,
}

struct State {
    memory: Memory<Rooms>,
    /// An empty one, to take its turn.
    news: News,
    /// Topics with subscribers, and payload bytes published there that nobody has sent on.
    unsent: BTreeMap<Name, u64>,
    removed: Vec<Name>,
    /// Topics where nothing may be published until then: a subscriber asked for it.
    held: HashMap<Name, Time>,
    timers: Timers,
    /// Those who wait for an item of a queue.
    waiting: HashMap<Name, Waiting>,
    stopping: bool,
}

/// When there is something to do, once for each name.
#[derive(Default)]
struct Timers {
    heap: BinaryHeap<Reverse<(Time, Kind, Name)>>,
    set: HashMap<(Kind, Name), Time>,
}

struct Waiting {
    clients: usize,
    bell: Arc<Notify>,
}

/// Publishers wait beyond this many bytes that were not sent on, or a quarter of a small log, so that it never runs away
/// from those who keep up: one body more, which may take half of it, still fits.
const MOST_UNSENT: u64 = 1 << 20;

/// How those wait who publish.
const PUBLISHER: u32 = 0;

impl Shard {
    /// An engine with its `main` topic and queue.
    ///
    /// # Errors
    /// When the budget has no room for these.
    pub(crate) fn new(
        settings: Settings,
        budget: Arc<Budget>,
        overflow: Option<Arc<OverflowLog>>,
    ) -> Result<Arc<Self>, Refusal> {
        let rooms = Rooms::new(Arc::clone(&budget), settings.max_names, overflow.clone());
        let clock = Clock::new();
        let mut memory = Memory::with_defaults(rooms, settings.defaults);
        if let Some(topic) = settings.main_topic {
            memory.make_topic(&Name::MAIN, topic)?;
        }
        if let Some(queue) = settings.main_queue {
            memory.make_queue(&Name::MAIN, queue, clock.now())?;
        }
        let state = State {
            memory,
            news: News::default(),
            unsent: BTreeMap::new(),
            removed: Vec::new(),
            held: HashMap::new(),
            timers: Timers::default(),
            waiting: HashMap::new(),
            stopping: false,
        };
        let slots = vec![Slot::FREE; settings.max_waiting].into_boxed_slice();
        Ok(Arc::new(Self {
            state: Shared::new(Mutex::new(Guarded::new(state, slots))),
            clock,
            budget,
            bell: Notify::new(),
            alarm: Notify::new(),
            overflow,
        }))
    }

    /// Its clock.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The budget that its topics and queues share with others.
    pub const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Answers a request, whose body goes to `answer`. One that publishes waits while what was published before is far
    /// from being sent on.
    ///
    /// # Errors
    /// Those of `answer`.
    pub(crate) async fn answer<W: Write>(
        &self,
        request: &Request<'_>,
        endpoints: &endpoints::Settings,
        answer: &mut W,
    ) -> Result<Reply, W::Error> {
        let topic = published_to(request);
        let now = self.clock.now();
        let mut after = After::default();
        let answering = self.state.wait(PUBLISHER, |state| {
            if topic.is_some_and(|topic| state.has_to_wait(&topic, self.clock.now())) {
                return ControlFlow::Continue(());
            }
            let reply = endpoints::answer(request, endpoints, &mut state.memory, now, answer);
            after = state.heed_news();
            ControlFlow::Break((reply, Wake::NONE))
        });
        let reply = answering.await;
        self.run(after);
        match reply {
            Ok(reply) => reply,
            // It is never closed, and has a place for every connection.
            Err(_) => Ok(Reply::Response(endpoints::nothing())),
        }
    }

    /// [`answer`](Self::answer), unless it would have to wait: then nothing has happened.
    pub(crate) fn answer_now<W: Write>(
        &self,
        request: &Request<'_>,
        endpoints: &endpoints::Settings,
        answer: &mut W,
    ) -> Option<Result<Reply, W::Error>> {
        let topic = published_to(request);
        let now = self.clock.now();
        let mut after = After::default();
        let reply = self.state.update(|state| {
            if topic.is_some_and(|topic| state.has_to_wait(&topic, self.clock.now())) {
                return (None, Wake::NONE);
            }
            let reply = endpoints::answer(request, endpoints, &mut state.memory, now, answer);
            after = state.heed_news();
            (Some(reply), Wake::NONE)
        });
        self.run(after);
        reply
    }

    /// Does something with the engine under the lock, and then what follows from it.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Memory<Rooms>) -> R) -> R {
        let mut after = After::default();
        let result = self.state.update(|state| {
            let result = f(&mut state.memory);
            after = state.heed_news();
            (result, Wake::NONE)
        });
        self.run(after);
        result
    }

    /// Copies the next items of a walk, each with a newline, until there are so many bytes; whether there may be more.
    pub(crate) fn dump(&self, dump: &mut Dump, piece: &mut Vec<u8>, most: usize) -> bool {
        self.with(|memory| {
            memory.dump(dump, |item| {
                if piece.len() >= most {
                    return ControlFlow::Break(());
                }
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

    /// Whether the end has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.state.with(|state| state.stopping)
    }

    /// Does what is due, for ever.
    pub(crate) async fn keep_time(&self) {
        loop {
            let now = self.clock.now();
            let next = loop {
                let mut after = After::default();
                let next = self.state.update(|state| {
                    let next = state.timers.take_due(now);
                    if let Ok((kind, name)) = &next {
                        state.memory.advance(*kind, name, now);
                        after = state.heed_news();
                    }
                    (next, Wake::NONE)
                });
                self.run(after);
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

    /// Waits until a queue may have items, as long as the client does not ask anew.
    pub(crate) fn wait_for_items(self: &Arc<Self>, queue: Name) -> ItemWait {
        let bell = self.state.update(|state| {
            let waiting = state.waiting.entry(queue).or_insert_with(|| Waiting { clients: 0, bell: Arc::default() });
            waiting.clients += 1;
            (Arc::clone(&waiting.bell), Wake::NONE)
        });
        ItemWait { shard: Arc::clone(self), queue, bell }
    }

    fn run(&self, after: After) {
        if after.published {
            self.bell.notify_one();
        }
        if after.earlier {
            self.alarm.notify_one();
        }
        if after.overflow
            && let Some(log) = &self.overflow
        {
            log.wake();
        }
        after.waiting.into_iter().for_each(|bell| bell.notify_one());
    }
}

/// A client that waits for an item, until it is dropped.
pub(crate) struct ItemWait {
    shard: Arc<Shard>,
    queue: Name,
    bell: Arc<Notify>,
}

impl ItemWait {
    /// Waits until there may be an item for this client.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Drop for ItemWait {
    fn drop(&mut self) {
        let bell = self.shard.state.update(|state| {
            let Some(waiting) = state.waiting.get_mut(&self.queue) else { return (None, Wake::NONE) };
            waiting.clients -= 1;
            if waiting.clients == 0 {
                state.waiting.remove(&self.queue);
                return (None, Wake::NONE);
            }
            (Some(Arc::clone(&waiting.bell)), Wake::NONE)
        });
        // If it was rung for this one, another has to know.
        if let Some(bell) = bell {
            bell.notify_one();
        }
    }
}

/// What is left to be done when the lock is free.
#[derive(Default)]
struct After {
    published: bool,
    earlier: bool,
    overflow: bool,
    waiting: Vec<Arc<Notify>>,
}

impl State {
    /// Whether who publishes to a topic has to wait.
    fn has_to_wait(&self, topic: &Name, now: Time) -> bool {
        let is_held = !self.stopping && self.held.get(topic).is_some_and(|until| now < *until);
        is_held || self.is_far_behind(topic)
    }

    fn is_far_behind(&self, topic: &Name) -> bool {
        let Some(unsent) = self.unsent.get(topic).filter(|_| !self.stopping) else { return false };
        let bytes = self.memory.topic(topic).map_or(0, |topic| topic.log().capacity() as u64);
        *unsent > MOST_UNSENT.min(bytes / 4)
    }

    /// Takes note of what has happened in the engine.
    fn heed_news(&mut self) -> After {
        let mut after = After::default();
        self.memory.host_mut().swap_news(&mut self.news);
        let News { published, ready, due, removed, overflow } = &mut self.news;
        for (name, bytes) in published.drain(..) {
            if self.memory.topic(&name).is_some_and(|topic| topic.counters().subscribers > 0) {
                *self.unsent.entry(name).or_default() += bytes;
                after.published = true;
            }
        }
        for name in ready.drain(..) {
            after.waiting.extend(self.waiting.get(&name).map(|waiting| Arc::clone(&waiting.bell)));
        }
        for (time, kind, name) in due.drain(..) {
            after.earlier |= self.timers.set(time, kind, name);
        }
        for (kind, name) in removed.drain(..) {
            if kind == Kind::Topic {
                self.removed.push(name);
                after.published = true;
            }
        }
        after.overflow = std::mem::take(overflow);
        after
    }
}

impl Timers {
    /// Whether this is earlier than anything that was known.
    fn set(&mut self, time: Time, kind: Kind, name: Name) -> bool {
        let known = self.set.entry((kind, name)).or_insert(Time::NEVER);
        if *known <= time {
            return false;
        }
        *known = time;
        let earliest = self.heap.peek().is_none_or(|Reverse((first, ..))| time < *first);
        self.heap.push(Reverse((time, kind, name)));
        earliest
    }

    /// What is due now; or when something is.
    fn take_due(&mut self, now: Time) -> Result<(Kind, Name), Option<Time>> {
        loop {
            let Some(Reverse((time, kind, name))) = self.heap.peek().copied() else { return Err(None) };
            if time > now {
                return Err(Some(time));
            }
            self.heap.pop();
            // One that was set to an earlier time since has had its turn.
            if self.set.get(&(kind, name)) == Some(&time) {
                self.set.remove(&(kind, name));
                return Ok((kind, name));
            }
        }
    }
}

/// The topic that a request publishes to, if it does.
fn published_to(request: &Request<'_>) -> Option<Name> {
    if request.body.is_empty() || !request.path.starts_with(b"/pub") {
        return None;
    }
    match request.query.get("topic") {
        Some(name) => Name::of(name.bytes()).ok(),
        None => Some(Name::MAIN),
    }
}
