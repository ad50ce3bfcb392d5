//! Queues that move to the shard of the topic that feeds them.
//!
//! A queue is on one shard, and its home, where the hash of its name leads, knows which. Whoever comes to a shard that
//! does not have the queue goes to its home, and from there on. Messages between two threads arrive in the order in which
//! they were sent, so what a home is told last is what is so: it is told by the shard that has got the queue, or has
//! refused to make it. A home that gives a queue away remembers that at once, lest somebody makes another one there. What
//! is refused there comes back.

use std::sync::Arc;

use streamgauge_core::engine::{Kind, Name, Outcome, QueueChange, Refusal};
use tokio::sync::oneshot;

use super::Shards;

/// What a client is told whose queue moved while it waited.
pub(super) const MOVED: Refusal = Refusal::Busy("the queue has just moved within the server: ask again");

impl Shards {
    /// Changes a queue on another shard, which it moves to; or makes it there.
    pub(super) async fn set_there(&self, name: Name, change: QueueChange, there: usize) -> Outcome {
        self.own().handed(&name).await;
        if self.elsewhere(Kind::Queue, &name).is_some() {
            return Outcome::Refused(MOVED);
        }
        let queue = self.own().detach(&name);
        if self.home(&name) == self.here {
            self.own().remember_move(name, there);
        }
        let (shards, (answer, outcome)) = (self.clone(), oneshot::channel());
        let first = self.own().with(|memory| memory.first_item());
        self.threads.on(there, move || {
            let (outcome, refused) = shards.all[there].adopt(&name, queue, &change, first);
            if refused.is_none() {
                shards.settle_at(there, name);
            }
            let _ = answer.send((outcome, refused));
        });
        let stops = (Outcome::Refused(Refusal::Busy("the server stops")), None);
        let (outcome, refused) = outcome.await.unwrap_or(stops);
        if let Some(queue) = refused {
            // Nothing has changed, so it is where it was.
            self.own().attach(&name, queue);
            self.settle_at(self.here, name);
        }
        outcome
    }

    /// Tells the home of a queue whether it is on this shard.
    fn settle_at(&self, shard: usize, name: Name) {
        let is_guest = self.home(&name) != shard && self.all[shard].has_queue(&name);
        self.tell_home(name, is_guest.then_some(shard));
    }

    /// Tells the home of a queue that it is gone from here: whoever makes it again does so there, and gives no id twice.
    pub(super) fn tell_removed(&self, name: Name) {
        let home = self.home(&name);
        let shard = Arc::clone(&self.all[home]);
        let first = self.own().with(|memory| memory.first_item());
        self.threads.on(home, move || {
            shard.with(|memory| memory.raise_first_item(first));
            shard.forget_move(&name);
        });
    }

    /// Tells the home of a queue where it is, or that it is nowhere else.
    fn tell_home(&self, name: Name, place: Option<usize>) {
        let home = self.home(&name);
        let shard = Arc::clone(&self.all[home]);
        self.threads.on(home, move || match place {
            Some(place) => shard.remember_move(name, place),
            None => shard.forget_move(&name),
        });
    }
}
