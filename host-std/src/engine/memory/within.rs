//! What the server itself publishes, such as readings of gauges, and the topics for that.

use std::sync::Arc;

use streamgauge_core::engine::{Command, Data, Id, Kind, Name, Outcome, Pieces, Refusal, TopicSettings};
use tokio::sync::oneshot;

use super::Shards;

/// Bytes that a topic holds which the server itself publishes in, at least.
const SMALL_TOPIC: u64 = 256 << 10;

/// The most bytes that a topic holds beside a message: its length, and when it was published.
const BESIDE_MESSAGE: u64 = 32;

impl Shards {
    /// Publishes what the server itself has to say, on the thread of the topic's shard: publishers wait for subscribers,
    /// and this must not. Where other gateways say the same, what has the same id is published once. It has happened when
    /// this is over, so that what is told does not pile up at a shard that is busy; whether it was published, as far as
    /// that is known here.
    pub(crate) async fn publish_from_within(&self, topic: Name, message: Vec<u8>, id: Option<Id>) -> bool {
        let home = self.home(&topic);
        let shard = Arc::clone(&self.all[home]);
        let publish = move || {
            let messages = Pieces::whole(Data::Plain(&message));
            let publish = Command::Publish { topic, messages, id: id.filter(|_| shard.order().is_some()) };
            let outcome = shard.execute_at_once(&publish);
            let Outcome::Refused(refusal) = outcome else { return true };
            tracing::warn!(%topic, %refusal, "a reading could not be published");
            false
        };
        if home == self.here {
            return publish();
        }
        let (done, is_done) = oneshot::channel();
        self.threads.on(home, move || {
            let _ = done.send(publish());
        });
        // A thread that has ended drops it.
        is_done.await.unwrap_or(false)
    }

    /// Makes a topic of that name for messages that the server itself publishes, of which the longest may have so many
    /// bytes, unless there is one; whether there was none. It is small, and takes one message at least that is no longer
    /// than those of others may be.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) async fn make_small_topic(&self, name: &Name, longest: u64) -> Result<bool, Refusal> {
        let shard = self.shard_of(name);
        if shard.with(|memory| memory.has(Kind::Topic, name)) {
            return Ok(false);
        }
        let defaults = shard.topic_defaults();
        let bytes = longest.min(defaults.max_message_bytes).saturating_add(BESIDE_MESSAGE).max(SMALL_TOPIC);
        let settings = TopicSettings { bytes, ..defaults };
        match shard.order() {
            Some(order) => order.make_topic(name, settings).await,
            None => shard.make_topic(name, settings),
        }?;
        Ok(true)
    }

    /// The longest message that a topic takes, as far as it is there.
    pub(crate) fn longest_message(&self, name: &Name) -> Option<u64> {
        self.shard_of(name).with(|memory| {
            let settings = memory.topic_settings(name)?;
            Some(settings.max_message_bytes.min(settings.bytes.saturating_sub(BESIDE_MESSAGE)))
        })
    }

    /// Removes a topic that was made for nothing.
    pub(crate) fn remove_topic(&self, name: Name) {
        let home = self.home(&name);
        let shard = Arc::clone(&self.all[home]);
        let remove = move || {
            let outcome = shard.execute_at_once(&Command::Remove { kind: Kind::Topic, name });
            if let Outcome::Refused(refusal) = outcome {
                tracing::warn!(topic = %name, %refusal, "a topic of no gauge could not be removed");
            }
        };
        if home == self.here { remove() } else { self.threads.on(home, remove) }
    }
}
