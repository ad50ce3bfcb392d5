//! Where publishers and subscribers meet: the topics' logs, the subscribers' sockets, and the pump between them.

mod admission;
mod pump;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use streamgauge_core::engine::Name;
use streamgauge_core::select::HashKey;
use streamgauge_core::time::Time;
use streamgauge_core::topic::Delivery;
use tokio::sync::Notify;

pub(super) use admission::{Admission, Seat, Venue};

use super::feed::{Aftermath, Feed, SentAway};
use super::frames::Frames;
use super::places::{FAREWELLS, Places};
use super::subscriber::Subscriber;
use crate::engine::disk::Keeper;
use crate::engine::memory::{ByName, Shard, TopicLog};

/// The subscribers of all topics of a shard.
///
/// Requests need the shard only, and no socket is written and no waker runs under its lock. `crowds` belongs to the
/// thread that serves the subscribers; who needs both takes `crowds` first.
pub(crate) struct Hub {
    pub(super) shard: Arc<Shard>,
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

/// Why the streams end of a topic that is gone.
const REMOVED: &str = "the topic was removed";

/// The key of a subscriber that the pump has not taken.
const NOBODY: usize = usize::MAX;

impl Crowds {
    /// The subscribers of a topic, unless those are of another one that has had its name, or has it now.
    fn feed(&mut self, venue: &Venue) -> Option<&mut Feed> {
        self.topics.get_mut(&venue.topic).filter(|feed| feed.venue().epoch == venue.epoch)
    }
}

impl Hub {
    /// Nobody yet; who has more than `max_lag` bytes unsent is sent away.
    pub(crate) fn new(shard: Arc<Shard>, max_lag: u64, key: Arc<HashKey>, places: Places) -> Arc<Self> {
        let farewells = Places::new(FAREWELLS);
        Arc::new(Self { shard, crowds: Mutex::default(), max_lag, key, places, farewells })
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

    /// Calls `each` with every subscriber of a topic, and its account, unless it was sent away.
    pub(super) fn for_each_client(&self, topic: &Name, mut each: impl FnMut(&Subscriber, Option<Delivery>)) {
        let crowds = self.crowds.lock();
        let Some(feed) = crowds.topics.get(topic) else { return };
        let (subscribers, epoch) = (feed.subscribers(), feed.venue().epoch);
        let accounts: Vec<_> = self.shard.with(|memory| {
            let log = memory.topic(topic).filter(|log| log.origin() == epoch);
            subscribers.iter().map(|subscriber| log.and_then(|log| self.account(subscriber, topic, log))).collect()
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

    /// Lets the pump serve a subscriber, and returns the key to it. One whose topic is gone by now is told so instead.
    pub(super) fn insert(&self, venue: &Arc<Venue>, mut subscriber: Subscriber) -> usize {
        let topic = venue.topic;
        let mut crowds = self.crowds.lock();
        if !self.is_there(venue) {
            drop(crowds);
            subscriber.say_goodbye(REMOVED);
            return NOBODY;
        }
        // Nobody may be among those of a topic that had this name before, whether they know by now that it is gone or not.
        let others = match crowds.feed(venue) {
            Some(_) => None,
            None => self.end(&mut crowds, &topic, Some(REMOVED)).zip(crowds.topics.remove(&topic)),
        };
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
        if let Some((aftermath, feed)) = others {
            aftermath.run();
            drop(feed);
        }
        self.shard.ring();
        key
    }

    /// Whether a topic is there, and not another one of its name.
    fn is_there(&self, venue: &Venue) -> bool {
        self.shard.with(|memory| memory.topic(&venue.topic).is_some_and(|log| log.origin() == venue.epoch))
    }

    /// Ends the streams of a topic, if there are any, and keeps nothing for it.
    fn end(&self, crowds: &mut Crowds, topic: &Name, why: Option<&str>) -> Option<Aftermath> {
        crowds.alarms.remove(topic);
        crowds.frames.forget(topic);
        if crowds.held.remove(topic) {
            self.shard.hold(topic, None);
        }
        let feed = crowds.topics.get_mut(topic)?;
        match why {
            Some(why) => feed.end_because(why),
            None => feed.end(),
        }
        Some(feed.aftermath())
    }

    /// Takes a subscriber from the pump.
    pub(super) fn remove(&self, venue: &Venue, key: usize) -> Option<Subscriber> {
        let Venue { topic, epoch, .. } = venue;
        let mut crowds = self.crowds.lock();
        let feed = crowds.feed(venue)?;
        let mut subscriber = feed.remove(key);
        if let Some((id, next, account)) = subscriber.as_mut().and_then(Subscriber::end_of_past) {
            // What it was sent counts.
            self.shard.with(|memory| {
                let log = memory.topic_mut(topic).filter(|log| log.origin() == *epoch);
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
    pub(super) fn poll(&self, venue: &Venue, key: usize, cx: &mut Context<'_>) -> Poll<()> {
        let mut crowds = self.crowds.lock();
        let Some(feed) = crowds.feed(venue) else { return Poll::Ready(()) };
        let poll = feed.poll(key, cx);
        let due = feed.due() > 0;
        if due {
            crowds.due.insert(venue.topic);
        }
        drop(crowds);
        if due {
            self.shard.ring();
        }
        poll
    }
}
