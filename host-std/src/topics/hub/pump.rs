//! What serves the subscribers: in bursts of publishes, every second, and until the server stops.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Crowds, Hub, REMEMBERED, REMOVED};
use crate::topics::feed::{Aftermath, Feed, SLICE};

/// How often the pump lets a burst of publishes go on before it serves it.
const BURST_TURNS: usize = 16;

/// A burst of so many bytes has to be served.
const BURST_BYTES: u64 = 256 << 10;

impl Hub {
    /// Sends every subscriber what it lacks whenever something was published, until the server stops.
    pub(crate) async fn pump(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopped = pin!(async { drop(shutdown.wait_for(|stop| *stop).await) });
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => break,
                // Before what is published: who never pauses would have its turn each time.
                _ = tick.tick() => self.tick(),
                () = self.alarm() => self.wake(),
                () = self.shard.rung() => self.let_the_burst_end().await,
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
    pub(super) async fn pass(&self) {
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
            self.end_of_removed(&topic);
        }
        let mut is_first = true;
        while !left.is_empty() {
            // Once at least: if all sockets of a topic are full, nobody is due, but somebody may be too slow.
            for (topic, due) in &mut left {
                *due = self.serve(topic, *due, is_first);
            }
            is_first = false;
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

    /// Serves a [`SLICE`] of the subscribers of a topic, of whom so many are `left` in this pass, and returns how many are
    /// left then. Plans are followed in the first slice and in the last one only: that is a look at all of them.
    pub(super) fn serve(&self, topic: &Name, left: usize, is_first: bool) -> usize {
        let now = self.shard.clock().now();
        let mut crowds = self.crowds.lock();
        let Crowds { topics, frames, due, alarms, held, sent_away } = &mut *crowds;
        let Some(feed) = topics.get_mut(topic) else { return 0 };
        frames.belong_to(topic);
        let (before, epoch) = (feed.due(), feed.venue().epoch);
        let loaded = self.shard.with(|memory| {
            // Another one of that name has others in the same places.
            let log = memory.topic_mut(topic).filter(|log| log.origin() == epoch)?;
            let mut kicked = if is_first { feed.follow_plans(log, now) } else { 0 };
            kicked += feed.load(log, frames, left.min(SLICE), now);
            memory.count_kicked(topic, kicked);
            Some(before.saturating_sub(feed.due()))
        });
        let Some(loaded) = loaded else {
            drop(crowds);
            self.end_of_removed(topic);
            return 0;
        };
        let left = left.saturating_sub(loaded.max(1));
        feed.write(frames);
        self.shard.with(|memory| {
            let Some(log) = memory.topic_mut(topic).filter(|log| log.origin() == epoch) else { return };
            let mut kicked = feed.settle(log, now);
            if left == 0 {
                kicked += feed.follow_plans(log, now);
            }
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
        left
    }

    /// Ends the streams of a topic that was removed; those of another one of its name go on.
    fn end_of_removed(&self, topic: &Name) {
        let mut crowds = self.crowds.lock();
        if crowds.topics.get(topic).is_some_and(|feed| self.is_there(feed.venue())) {
            return;
        }
        let aftermath = self.end(&mut crowds, topic, Some(REMOVED));
        drop(crowds);
        aftermath.into_iter().for_each(Aftermath::run);
    }

    /// Ends the streams of a topic at once.
    fn end_of_topic(&self, topic: &Name) {
        let mut crowds = self.crowds.lock();
        let aftermath = self.end(&mut crowds, topic, None);
        drop(crowds);
        aftermath.into_iter().for_each(Aftermath::run);
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
        topics.iter().for_each(|topic| self.end_of_topic(topic));
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
