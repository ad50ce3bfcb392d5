//! Queues that move to the shard of the topic that feeds them.
//!
//! A queue is on one shard, and its home, where the hash of its name leads, knows which. Whoever comes to a shard that
//! does not have the queue goes to its home, and from there on. Messages between two threads arrive in the order in which
//! they were sent, so what a home is told last is what is so: it is told by the shard that has got the queue, or has
//! refused to make it. A home that gives a queue away remembers that at once, lest somebody makes another one there.

use std::sync::Arc;

use streamgauge_core::engine::{Kind, Name, Outcome, QueueChange, Refusal};
use tokio::sync::oneshot;

use super::Shards;
use crate::engine::Engine as _;

impl Shards {
    /// Changes a queue on another shard, which it moves to; or makes it there.
    pub(super) async fn set_there(&self, name: Name, change: QueueChange, there: usize) -> Outcome {
        self.own().handed(&name).await;
        if self.elsewhere(Kind::Queue, &name).is_some() {
            return Outcome::Refused(Refusal::Conflict("the queue has just moved within the server: ask again"));
        }
        let queue = self.own().detach(&name);
        if self.home(&name) == self.here {
            self.own().remember_move(name, there);
        }
        let (shards, (answer, outcome)) = (self.clone(), oneshot::channel());
        self.threads.on(there, move || {
            let shard = &shards.all[there];
            let outcome = shard.adopt(&name, queue, &change);
            let place = Some(there).filter(|there| shard.has_queue(&name) && shards.home(&name) != *there);
            shards.tell_home(name, place);
            let _ = answer.send(outcome);
        });
        outcome.await.unwrap_or(Outcome::Refused(Refusal::Conflict("the server stops")))
    }

    /// Tells the home of a queue where it is, or that it is nowhere else.
    pub(super) fn tell_home(&self, name: Name, place: Option<usize>) {
        let home = self.home(&name);
        let shard = Arc::clone(&self.all[home]);
        self.threads.on(home, move || match place {
            Some(place) => shard.remember_move(name, place),
            None => shard.forget_move(&name),
        });
    }
}
