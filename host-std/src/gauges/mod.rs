//! Gauges of a server: what feeds them, what they tell, and what answers `/gauges`.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Gauges`] | those of one shard: a gauge is with its topic |
//! | `standing` | one of them: what it has read, what it has told, what it costs |
//! | `directory` | on which shard each one is |
//! | `boxes` | its storage, from the budget of all |
//! | `answer` | `/gauges` |
//!
//! A gauge reads the log of its topic as a subscriber does, some messages at a time, and has no place among these: it is
//! counted as nobody's delivery, and publishers never wait for it. Its readings are published in the topic `gauge.NAME`.

mod answer;
mod boxes;
mod directory;
mod standing;

pub(crate) use answer::Answered;
pub(crate) use boxes::Boxes;
pub(crate) use directory::Directory;
pub(crate) use standing::GaugeStats;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;
use tokio::sync::Notify;

use crate::engine::memory::Shards;
use standing::{Standing, Told};

/// The gauges of one shard, which its thread feeds.
pub(crate) struct Gauges {
    engine: Shards,
    directory: Arc<Directory>,
    /// Nothing is awaited while it is locked, and nobody but this thread does.
    standing: Mutex<BTreeMap<Name, Standing>>,
    /// What is still to be told of gauges that are gone.
    last_words: Mutex<Vec<Told>>,
    /// Rung when there is a gauge more or less.
    changed: Notify,
    /// Held by who sets one up or removes one, until that is noted: another one of that name waits.
    changing: tokio::sync::Mutex<()>,
}

impl Gauges {
    /// None yet.
    pub(crate) fn new(engine: Shards, directory: Arc<Directory>) -> Self {
        Self {
            engine,
            directory,
            standing: Mutex::default(),
            last_words: Mutex::default(),
            changed: Notify::new(),
            changing: tokio::sync::Mutex::default(),
        }
    }

    /// Feeds them, for ever: whenever something is published in their topics, and when a pane is over.
    pub(crate) async fn feed(&self) {
        let shard = self.engine.own();
        loop {
            let next = self.feed_once().await;
            let sleep = async {
                match next.and_then(|time| shard.clock().instant(shard.settles(time))) {
                    Some(instant) => tokio::time::sleep_until(instant.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shard.gauged() => {}
                () = sleep => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Feeds all of them what there is, a turn at a time, others having their turn in between; returns when the next
    /// pane is over.
    async fn feed_once(&self) -> Option<Time> {
        loop {
            let told = std::mem::take(&mut *self.last_words.lock());
            self.publish(told).await;
            let names: Vec<Name> = self.standing.lock().keys().copied().collect();
            let (mut more, mut next) = (false, None::<Time>);
            for name in names {
                let told = {
                    let mut standing = self.standing.lock();
                    let Some(one) = standing.get_mut(&name) else { continue };
                    more |= one.feed(self.engine.own());
                    next = [next, one.next_over()].into_iter().flatten().min();
                    one.take_told()
                };
                let untold = self.publish(told).await;
                if let Some(one) = self.standing.lock().get_mut(&name).filter(|_| untold > 0) {
                    one.gauge_mut().untell(untold);
                }
                // One turn is as long as others wait.
                tokio::task::yield_now().await;
            }
            if !more {
                return next;
            }
        }
    }

    /// How many of these could not be published.
    async fn publish(&self, told: Vec<Told>) -> u64 {
        let mut untold = 0;
        for Told { topic, line, id } in told {
            untold += u64::from(!self.engine.publish_from_within(topic, line, Some(id)).await);
        }
        untold
    }

    /// Puts a gauge in the place of the one of that name, or none; what holds of the other one ends with it.
    fn put_in_place(&self, name: Name, one: Option<Standing>) {
        let mut standing = self.standing.lock();
        let before = match one {
            Some(one) => standing.insert(name, one),
            None => standing.remove(&name),
        };
        let words = before.map(|mut before| before.last_words(self.engine.own().clock().now()));
        self.last_words.lock().extend(words.into_iter().flatten());
    }
}
