//! Whether the engine is there.

use std::sync::Arc;

use parking_lot::Mutex;

use super::streams::Tell;
use crate::engine::remote::Order;

/// Why nothing goes on without a connection.
pub(super) const LOST: &str = "the connection to it is lost";

/// What is known of the engine; what is proposed is told whenever that changes.
#[derive(Debug)]
pub(super) struct Condition {
    order: Arc<Order>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    is_connected: bool,
    /// Whether what was published last was taken.
    answers: bool,
    /// Whether the log can be read.
    reads: bool,
    /// Whether this gateway is where the log ends.
    is_current: bool,
    why: String,
}

impl Condition {
    /// Not reached yet.
    pub(super) fn new(order: Arc<Order>) -> Self {
        let why = "it has not been reached yet".to_owned();
        let known = Known { is_connected: false, answers: true, reads: true, is_current: false, why };
        Self { order, known: Mutex::new(known) }
    }

    /// This gateway is not where the log ends, and this is why.
    pub(super) fn unreached(&self, why: &str) {
        self.change(|known| known.why = why.to_owned());
    }

    /// The connection is there, or not.
    fn connected(&self, is_connected: bool) {
        self.change(|known| {
            // Whatever else is wrong is so over the next connection too.
            if std::mem::replace(&mut known.is_connected, is_connected) && !is_connected {
                LOST.clone_into(&mut known.why);
            }
        });
    }

    /// It has taken what was published, or has not for this reason.
    pub(super) fn answered(&self, answer: Result<(), &str>) {
        self.heed(answer, |known| &mut known.answers);
    }

    /// Whether it has taken what was published last.
    pub(super) fn answers(&self) -> bool {
        self.known.lock().answers
    }

    /// Its log can be read, or not, for this reason.
    pub(super) fn read(&self, read: Result<(), &str>) {
        self.heed(read, |known| &mut known.reads);
    }

    /// What is to be called when the connection comes or goes.
    pub(super) fn told(self: &Arc<Self>) -> Tell {
        let this = Arc::clone(self);
        Arc::new(move |is_connected| this.connected(is_connected))
    }

    /// This gateway is where the log ends.
    pub(super) fn arrived(&self) {
        self.change(|known| known.is_current = true);
    }

    /// Something works, or does not for this reason, which matters while there is a connection.
    fn heed(&self, works: Result<(), &str>, which: impl FnOnce(&mut Known) -> &mut bool) {
        self.change(|known| {
            *which(known) = works.is_ok();
            if let Err(why) = works
                && known.is_connected
            {
                why.clone_into(&mut known.why);
            }
        });
    }

    fn change(&self, f: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock();
        f(&mut known);
        let is_there = known.is_connected && known.answers && known.reads && known.is_current;
        if is_there != self.order.is_there() || !is_there {
            self.order.set_away((!is_there).then(|| known.why.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_until_it_is_not() {
        let order = Arc::new(Order::new(1, Duration::ZERO));
        let condition = Arc::new(Condition::new(Arc::clone(&order)));
        let tell = condition.told();
        let says = |why: &str| assert_eq!(order.away().as_deref(), Some(why));
        tell(true);
        condition.unreached("JetStream is not enabled");
        says("JetStream is not enabled");
        tell(true);
        says("JetStream is not enabled");
        tell(false);
        says("the connection to it is lost");
        condition.answered(Err("it is not asked"));
        says("the connection to it is lost");
        tell(true);
        condition.unreached("it is behind");
        says("it is behind");
        condition.arrived();
        says("it is behind");
        condition.answered(Ok(()));
        assert_eq!(order.away(), None);
        tell(false);
        says("the connection to it is lost");
    }
}
