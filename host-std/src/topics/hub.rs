//! Where publishers and subscribers meet: the topics' logs, the subscribers' sockets, and the pump between them.

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use streamgauge_core::endpoints::Subscription;
use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Kind, Name, Refusal, Short};
use streamgauge_core::select::{HashKey, Selection};
use streamgauge_core::time::Time;
use streamgauge_core::topic::{Delivery, From, Id, Missed, Next, OnLag};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::StillMay;
use super::feed::{Feed, SLICE, SentAway};
use super::frames::Frames;
use super::past::{Beginning, Past};
use super::places::{FAREWELLS, Places};
use super::plan::Plan;
use super::subscriber::Subscriber;
use crate::engine::disk::Keeper;
use crate::engine::memory::{ByName, OwnRoom, Rooms, Shard, TopicLog};

/// The subscribers of all topics of a shard.
///
/// Requests need the shard only, and no socket is written and no waker runs under its lock. `crowds` belongs to the
/// thread that serves the subscribers; who needs both takes `crowds` first.
pub(crate) struct Hub {
    shard: Arc<Shard>,
    crowds: Mutex<Crowds>,
    max_lag: u64,
    key: Arc<HashKey>,
    /// Of the subscribers of all topics, whatever their shard.
    places: Places,
    /// What is copied for those of this shard that are sent away.
    farewells: Places,
}

/// The subscribers by topic, and the topics where there may be something to do.
#[derive(Default)]
struct Crowds {
    topics: ByName<Feed>,
    /// What they are sent, of one topic at a time.
    frames: Frames,
    due: BTreeSet<Name>,
    /// When there is something to do for subscribers of a topic, though nothing is published.
    alarms: ByName<Time>,
    /// Topics where nothing may be published for now.
    held: BTreeSet<Name>,
    /// The last that were sent away, from whatever topic, the newest last.
    sent_away: VecDeque<(Name, SentAway)>,
}

/// How many of those are remembered who were sent away.
const REMEMBERED: usize = 100;

/// A client's place among the subscribers of a topic, until it is dropped.
pub(super) struct Seat {
    pub(super) venue: Arc<Venue>,
    pub(super) id: Id,
}

/// What all subscribers of a topic have in common.
pub(super) struct Venue {
    pub(super) hub: Arc<Hub>,
    pub(super) topic: Name,
    /// The number of the first message of the topic since the server started.
    pub(super) epoch: u64,
}

/// What a client is told and given when it gets a place.
pub(super) struct Admission {
    pub(super) seat: Seat,
    /// The number of the first message that it will get.
    pub(super) first: u64,
    /// Messages that it asked for and that are gone; `Some` if there is anything to tell.
    pub(super) missed: Option<u64>,
    /// Who comes back with the number of an event counts by itself, but for events: its bytes are the original's.
    pub(super) comes_back: bool,
    /// What it asked for beyond every message as it comes.
    pub(super) plan: Option<Box<Plan>>,
    /// What it calls itself, if it does.
    pub(super) name: Option<Box<Short<64>>>,
    /// Where it begins, if that is not in memory any more, and room for a log of its own; which it then has.
    pub(super) beginning: Option<(Beginning, OwnRoom)>,
    pub(super) past: Option<Box<Past>>,
    /// What lets it go on, if it needs anything.
    pub(super) still: Option<StillMay>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A subscriber that was kicked has lost its place already, and so has one whose topic was removed.
        let Venue { hub, topic, epoch } = &*self.venue;
        hub.shard.with(|memory| {
            // Another topic of that name may have somebody else in that place.
            let topic = memory.topic_mut(topic).filter(|topic| topic.origin() == *epoch);
            topic.map(|topic| topic.unsubscribe(self.id))
        });
        hub.places.give(1);
    }
}

/// How often the pump lets a burst of publishes go on before it serves it.
const BURST_TURNS: usize = 16;

/// A burst of so many bytes has to be served.
const BURST_BYTES: u64 = 256 << 10;

impl Hub {
    /// Nobody yet; who has more than `max_lag` bytes unsent is sent away.
    pub(crate) fn new(shard: Arc<Shard>, max_lag: u64, key: Arc<HashKey>, places: Places) -> Arc<Self> {
        let farewells = Places::new(FAREWELLS);
        Arc::new(Self { shard, crowds: Mutex::default(), max_lag, key, places, farewells })
    }

    /// Gives a client a place, or says why there is none.
    pub(super) fn admit(
        self: &Arc<Self>,
        subscription: &Subscription,
        selection: Selection,
    ) -> Result<Admission, Refusal> {
        let now = self.shard.clock().now();
        let topic = subscription.topic;
        if !self.places.take(1) {
            return Err(Refusal::TooManySubscribers { limit: self.places.all() as u64 });
        }
        let venue = self.crowds.lock().topics.get(&topic).map(|feed| Arc::clone(feed.venue()));
        let admit = |memory: &mut Memory<Rooms>| {
            if self.shard.order().is_some() && !memory.has(Kind::Topic, &topic) {
                // It was there when this began, and only all gateways together make another one.
                return Err(Refusal::Missing(Kind::Topic, topic));
            }
            let beginning = self.beginning(memory, subscription)?;
            let from = beginning.as_ref().map_or(subscription.from, |(beginning, _)| From::Sequence(beginning.first));
            let begun = memory.subscribe(&topic, from, now)?;
            let missing = Refusal::Missing(Kind::Topic, topic);
            let log = memory.topic_mut(&topic).ok_or(missing)?;
            let missed = match begun.missed {
                Missed::Exactly(0) => None,
                Missed::Exactly(missed) | Missed::AtLeast(missed) => Some(missed),
            };
            if missed.is_some_and(|missed| missed > 0) && beginning.is_none() {
                // The opening of its stream tells.
                let told = log.next(begun.id);
                debug_assert!(matches!(told, Ok(Next::Lagged(_))), "{told:?}");
            }
            let comes_back = matches!(subscription.from, From::After(_));
            let (first, epoch) = (begun.first, log.origin());
            let at = (log.log().capacity(), log.visible_end().sequence(), self.max_lag);
            let plan = Plan::of(subscription, selection, &self.key, at, now);
            let venue = venue.filter(|venue| venue.epoch == epoch);
            let venue = venue.unwrap_or_else(|| Arc::new(Venue { hub: Arc::clone(self), topic, epoch }));
            let seat = Seat { venue, id: begun.id };
            let name = Some(subscription.client).filter(|name| !name.is_empty()).map(Box::new);
            Ok(Admission { seat, first, missed, comes_back, plan, name, beginning, past: None, still: None })
        };
        let admitted = self.shard.with_call(|memory, _| {
            let admitted = admit(memory);
            let call = memory.has(Kind::Topic, &topic).then(|| Call::Subscribe(topic, admitted.is_ok()));
            (admitted, call)
        });
        let admitted = admitted.and_then(|admitted| admitted);
        if admitted.is_err() {
            self.places.give(1);
        }
        admitted
    }

    /// Where a subscription begins, if that is on the disk only, and the room that it needs then.
    fn beginning(
        &self,
        memory: &mut Memory<Rooms>,
        subscription: &Subscription,
    ) -> Result<Option<(Beginning, OwnRoom)>, Refusal> {
        let Subscription { topic, from, on_lag, .. } = subscription;
        // Who only wants the newest message has no business there.
        let Some(keeper) = self.shard.keeper().filter(|_| *on_lag != OnLag::Latest) else { return Ok(None) };
        let beginning = memory.topic(topic).and_then(|log| Beginning::of(*from, keeper.histories().of(topic)?, log));
        let Some(beginning) = beginning else { return Ok(None) };
        let longest = memory.topic_settings(topic).map_or(0, |settings| settings.max_message_bytes);
        let longest = longest.max(memory.defaults().topic.max_message_bytes);
        Ok(Some((beginning, memory.host_mut().own_room(longest)?)))
    }

    /// What keeps the topics on the disk.
    pub(super) fn keeper(&self) -> Option<Arc<Keeper>> {
        self.shard.keeper().cloned()
    }

    /// The number where what subscribers of a topic may see ends, and the oldest time that it keeps.
    pub(super) fn readable(&self, topic: &Name) -> Option<(u64, Time)> {
        let now = self.shard.clock().now();
        self.shard.with(|memory| {
            let age = memory.topic_settings(topic)?.max_age;
            // What is as old as that has left already.
            let left = age.and_then(|age| now.since(Time::ZERO).checked_sub(age));
            let oldest = left.map_or(Time::ZERO, |left| Time::ZERO.after(left + Duration::from_millis(1)));
            Some((memory.topic(topic)?.visible_end().sequence(), oldest))
        })
    }

    /// Does something for a subscriber that is served from the disk, if it is the one with this bell and is still there;
    /// with the topic's log, if the topic is.
    pub(super) fn with_past<R>(
        &self,
        topic: &Name,
        key: usize,
        bell: &Arc<Notify>,
        f: impl FnOnce(&mut Subscriber, Option<&mut TopicLog>, u64) -> R,
    ) -> Option<R> {
        let mut crowds = self.crowds.lock();
        let Crowds { topics, due, .. } = &mut *crowds;
        let feed = topics.get_mut(topic)?;
        let epoch = feed.venue().epoch;
        let result = self.shard.with(|memory| {
            let log = memory.topic_mut(topic).filter(|log| log.origin() == epoch);
            feed.with_past(key, bell, |one| f(one, log, self.max_lag))
        });
        if feed.due() > 0 {
            due.insert(*topic);
            self.shard.ring();
        }
        result
    }

    /// Calls `each` with every subscriber of a topic, and its account.
    pub(super) fn for_each_client(&self, topic: &Name, mut each: impl FnMut(&Subscriber, Delivery)) {
        let crowds = self.crowds.lock();
        let Some(feed) = crowds.topics.get(topic) else { return };
        let subscribers = feed.subscribers();
        let accounts: Vec<_> = self.shard.with(|memory| {
            let log = memory.topic(topic);
            let account = |one: &Subscriber| log.and_then(|log| self.account(one, topic, log)).unwrap_or_default();
            subscribers.iter().map(|subscriber| account(subscriber)).collect()
        });
        subscribers.into_iter().zip(accounts).for_each(|(subscriber, account)| each(subscriber, account));
    }

    /// The account of a subscriber, with what it has yet to get from the disk.
    fn account(&self, one: &Subscriber, topic: &Name, log: &TopicLog) -> Option<Delivery> {
        let Some(past) = one.past() else { return log.delivery(one.id).ok() };
        let mut account = past.account();
        let left = log.log().end().sequence().saturating_sub(past.next());
        account.pending += left;
        account.published += left;
        let bytes = |keeper: &Arc<Keeper>| keeper.histories().of(topic).map(|history| history.bytes_from(past.next()));
        account.bytes_behind += self.shard.keeper().and_then(bytes).unwrap_or(0);
        Some(account)
    }

    /// Calls `each` with those who were sent away from a topic, the latest last.
    pub(super) fn for_each_sent_away(&self, topic: &Name, each: impl FnMut(&SentAway)) {
        let crowds = self.crowds.lock();
        crowds.sent_away.iter().filter(|(name, _)| name == topic).map(|(_, one)| one).for_each(each);
    }

    /// Lets the pump serve a subscriber, and returns the key to it.
    pub(super) fn insert(&self, venue: &Arc<Venue>, subscriber: Subscriber) -> usize {
        let topic = venue.topic;
        let mut crowds = self.crowds.lock();
        let new = || {
            let mut feed = Feed::new(Arc::clone(venue), self.max_lag, self.farewells.clone());
            if self.shard.is_stopping() {
                feed.end_when_sent();
            }
            feed
        };
        let key = crowds.topics.entry(topic).or_insert_with(new).insert(subscriber);
        crowds.due.insert(topic);
        drop(crowds);
        self.shard.ring();
        key
    }

    /// Takes a subscriber from the pump.
    pub(super) fn remove(&self, topic: &Name, key: usize) -> Option<Subscriber> {
        let mut crowds = self.crowds.lock();
        let feed = crowds.topics.get_mut(topic)?;
        let mut subscriber = feed.remove(key);
        let epoch = feed.venue().epoch;
        if let Some((id, next, account)) = subscriber.as_mut().and_then(Subscriber::end_of_past) {
            // What it was sent counts.
            self.shard.with(|memory| {
                let log = memory.topic_mut(topic).filter(|log| log.origin() == epoch);
                log.map(|log| log.go_on(id, next, &account))
            });
        }
        if feed.is_empty() {
            crowds.topics.remove(topic);
            crowds.alarms.remove(topic);
            if crowds.held.remove(topic) {
                self.shard.hold(topic, None);
            }
        } else if crowds.held.contains(topic) {
            // It may be the one that held publishers.
            crowds.due.insert(*topic);
            self.shard.ring();
        }
        subscriber
    }

    /// [`Feed::poll`].
    pub(super) fn poll(&self, topic: &Name, key: usize, cx: &mut Context<'_>) -> Poll<()> {
        let mut crowds = self.crowds.lock();
        let Some(feed) = crowds.topics.get_mut(topic) else { return Poll::Ready(()) };
        let poll = feed.poll(key, cx);
        let due = feed.due() > 0;
        if due {
            crowds.due.insert(*topic);
        }
        drop(crowds);
        if due {
            self.shard.ring();
        }
        poll
    }

    /// Sends every subscriber what it lacks whenever something was published, until the server stops.
    pub(crate) async fn pump(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopped = pin!(async { drop(shutdown.wait_for(|stop| *stop).await) });
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => break,
                () = self.shard.rung() => self.let_the_burst_end().await,
                _ = tick.tick() => self.tick(),
                () = self.alarm() => self.wake(),
            }
            self.pass().await;
        }
        self.stop().await;
    }

    /// A publisher that sends many requests at once is served whole first: then each subscriber needs one write
    /// for all of them.
    async fn let_the_burst_end(&self) {
        let mut before = self.shard.unsent();
        for turn in 0..BURST_TURNS {
            if before == 0 || before > BURST_BYTES {
                break;
            }
            // A single publish should cost no look at what else has come; once there is a burst, it pays.
            if turn == 0 {
                step_back().await
            } else {
                tokio::task::yield_now().await
            }
            let unsent = self.shard.unsent();
            if unsent == std::mem::replace(&mut before, unsent) {
                break;
            }
        }
    }

    /// Sends every subscriber what it lacks.
    async fn pass(&self) {
        let (published, removed) = self.shard.take_unsent();
        let mut left: Vec<(Name, usize)> = {
            let mut crowds = self.crowds.lock();
            let Crowds { topics, due, .. } = &mut *crowds;
            for topic in published {
                if let Some(feed) = topics.get_mut(&topic) {
                    feed.published();
                    due.insert(topic);
                }
            }
            let due = std::mem::take(due).into_iter();
            due.filter_map(|topic| Some((topic, topics.get(&topic)?.due()))).collect()
        };
        for topic in removed {
            self.end_of_topic(&topic, Some("the topic was removed"));
        }
        while !left.is_empty() {
            // Once at least: if all sockets of a topic are full, nobody is due, but somebody may be too slow.
            for (topic, due) in &mut left {
                *due = due.saturating_sub(self.serve(topic, (*due).min(SLICE)));
            }
            left.retain(|(_, due)| *due > 0);
            if !left.is_empty() {
                tokio::task::yield_now().await;
            }
        }
        if !self.crowds.lock().due.is_empty() {
            self.shard.ring();
        }
    }

    /// Waits until there is something to do though nothing is published.
    async fn alarm(&self) {
        let earliest = self.crowds.lock().alarms.values().min().copied();
        match earliest.and_then(|time| self.shard.clock().instant(time)) {
            Some(instant) => tokio::time::sleep_until(instant.into()).await,
            None => std::future::pending().await,
        }
    }

    /// Lets those have their turn whose time has come.
    fn wake(&self) {
        let now = self.shard.clock().now();
        let mut crowds = self.crowds.lock();
        let Crowds { topics, due, alarms, .. } = &mut *crowds;
        for (topic, at) in alarms {
            if *at <= now
                && let Some(feed) = topics.get_mut(topic)
            {
                feed.wake(now);
                due.insert(*topic);
                // Its turn sets the next one.
                *at = Time::NEVER;
            }
        }
    }

    /// Counts a second for everyone.
    fn tick(&self) {
        let mut crowds = self.crowds.lock();
        let Crowds { topics, due, .. } = &mut *crowds;
        for (topic, feed) in topics {
            feed.tick();
            if feed.due() > 0 {
                due.insert(*topic);
            }
        }
    }

    /// Serves up to `most` subscribers of a topic, and returns how many of them have had their turn.
    fn serve(&self, topic: &Name, most: usize) -> usize {
        let now = self.shard.clock().now();
        let mut crowds = self.crowds.lock();
        let Crowds { topics, frames, due, alarms, held, sent_away } = &mut *crowds;
        let Some(feed) = topics.get_mut(topic) else { return usize::MAX };
        frames.belong_to(topic);
        let before = feed.due();
        let loaded = self.shard.with(|memory| {
            let Some(log) = memory.topic_mut(topic) else { return usize::MAX };
            let kicked = feed.load(log, frames, most, now);
            memory.count_kicked(topic, kicked);
            before.saturating_sub(feed.due())
        });
        feed.write(frames);
        self.shard.with(|memory| {
            let kicked = memory.topic_mut(topic).map_or(0, |log| feed.settle(log, now));
            memory.count_kicked(topic, kicked);
        });
        let aftermath = feed.aftermath();
        for one in aftermath.sent_away() {
            if sent_away.len() >= REMEMBERED {
                sent_away.pop_front();
            }
            sent_away.push_back((*topic, *one));
        }
        match feed.alarm() {
            Some(at) => _ = alarms.insert(*topic, at),
            None if alarms.is_empty() => {}
            None => _ = alarms.remove(topic),
        }
        match feed.hold() {
            Some(until) => {
                held.insert(*topic);
                self.shard.hold(topic, Some(until));
            }
            None if held.is_empty() => {}
            None if held.remove(topic) => self.shard.hold(topic, None),
            None => {}
        }
        if feed.due() > 0 {
            due.insert(*topic);
        }
        drop(crowds);
        aftermath.run();
        loaded.max(1)
    }

    /// Ends the streams of a topic that is gone.
    fn end_of_topic(&self, topic: &Name, why: Option<&str>) {
        let mut crowds = self.crowds.lock();
        crowds.alarms.remove(topic);
        crowds.frames.forget(topic);
        if crowds.held.remove(topic) {
            self.shard.hold(topic, None);
        }
        let Some(feed) = crowds.topics.get_mut(topic) else { return };
        match why {
            Some(why) => feed.end_because(why),
            None => feed.end(),
        }
        let aftermath = feed.aftermath();
        drop(crowds);
        aftermath.run();
    }

    /// Ends every stream, once what is pending is sent or [`GRACE`](crate::server::GRACE) is over.
    async fn stop(&self) {
        self.shard.stop();
        {
            let mut crowds = self.crowds.lock();
            let Crowds { topics, due, .. } = &mut *crowds;
            topics.values_mut().for_each(Feed::end_when_sent);
            due.extend(topics.keys());
        }
        let deadline = Instant::now() + crate::server::GRACE;
        loop {
            self.pass().await;
            if self.crowds.lock().topics.is_empty() || Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let topics: Vec<Name> = self.crowds.lock().topics.keys().copied().collect();
        topics.iter().for_each(|topic| self.end_of_topic(topic, None));
    }
}

/// Lets every other task that can go on have its turn first, without asking the operating system for more.
async fn step_back() {
    let mut stepped = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
