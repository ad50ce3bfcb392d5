//! Queues that move from one engine to another, with all that is in them.

use super::queues::QueueEntry;
use super::{Host, Memory, Table};
use crate::engine::{Kind, Name};
use crate::time::Time;

/// A queue that belongs to no engine: its items, leases, counters and settings.
pub struct DetachedQueue<H: Host>(QueueEntry<H>);

impl<H: Host> Memory<H> {
    /// Whether there is a topic or a queue of this name. O(1), as far as the table goes.
    pub fn has(&self, kind: Kind, name: &Name) -> bool {
        match kind {
            Kind::Topic => self.topics.get(name).is_some(),
            Kind::Queue => self.queues.get(name).is_some(),
        }
    }

    /// Takes a queue out, as it is. Nobody is told that it is gone. O(queues on its topic).
    pub fn detach_queue(&mut self, name: &Name) -> Option<DetachedQueue<H>> {
        let topic = self.queues.get(name)?.settings.topic;
        self.unlink(name, topic);
        self.queues.remove(name).map(DetachedQueue)
    }

    /// Goes on with a queue that another engine has given away. If its topic is here, that feeds it. O(1), and what is
    /// due.
    ///
    /// # Errors
    /// The queue, if there is one of this name, or no place for it.
    #[expect(clippy::result_large_err, reason = "nothing is allocated here, and queues move seldom")]
    pub fn attach_queue(&mut self, name: &Name, queue: DetachedQueue<H>, now: Time) -> Result<(), DetachedQueue<H>> {
        if self.has(Kind::Queue, name) {
            return Err(queue);
        }
        let topic = queue.0.settings.topic;
        self.queues.insert(*name, queue.0).map_err(DetachedQueue)?;
        self.link(name, topic);
        self.after_change(name, now);
        Ok(())
    }
}
