//! Whether the engine is there.

use std::sync::Arc;

use parking_lot::Mutex;

use super::streams::Tell;
use crate::engine::remote::Order;
use crate::terminal::{say, warn};

/// Why nothing goes on without a connection.
pub(super) const LOST: &str = "the connection to it is lost";

/// What is known of the engine; what is proposed is told whenever that changes, and so is whoever reads the log.
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
    /// Whether it was there once: who begins says itself what it waits for.
    was_there: bool,
    why: String,
}

impl Condition {
    /// Not reached yet.
    pub(super) fn new(order: Arc<Order>) -> Self {
        let why = "it has not been reached yet".to_owned();
        let known = Known { is_connected: false, answers: true, reads: true, is_current: false, was_there: false, why };
        Self { order, known: Mutex::new(known) }
    }

    /// This gateway is not where the log ends, and this is why.
    pub(super) fn unreached(&self, why: &str) {
        self.change(|known| known.why = why.to_owned());
    }

    /// The connection is there, or lost, or why there is none again.
    fn connected(&self, connected: Result<(), Option<String>>) {
        self.change(|known| match connected {
            Ok(()) => known.is_connected = true,
            // Whatever else is wrong is so over the next connection too.
            Err(None) if std::mem::take(&mut known.is_connected) => LOST.clone_into(&mut known.why),
            Err(Some(why)) if !known.is_connected && known.why.starts_with(LOST) => {
                known.why = format!("{LOST}, and there is no other: {why}");
            }
            Err(_) => {}
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
        Arc::new(move |connected| this.connected(connected))
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
        let (was, is) = (self.order.is_there(), known.is_there());
        if was != is || !is {
            self.order.set_away((!is).then(|| known.why.clone()));
        }
        let is_news = was != is && std::mem::replace(&mut known.was_there, true);
        match is {
            true if is_news => say("engine: it is there again"),
            false if is_news => warn(format_args!("engine: {}; what changes anything is refused meanwhile", known.why)),
            _ => {}
        }
    }
}

impl Known {
    const fn is_there(&self) -> bool {
        self.is_connected && self.answers && self.reads && self.is_current
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
        tell(Ok(()));
        condition.unreached("JetStream is not enabled");
        says("JetStream is not enabled");
        tell(Ok(()));
        says("JetStream is not enabled");
        tell(Err(Some("something else".to_owned())));
        says("JetStream is not enabled");
        tell(Err(None));
        says("the connection to it is lost");
        condition.answered(Err("it is not asked"));
        says("the connection to it is lost");
        for why in ["authorization violation", "timed out"] {
            tell(Err(Some(why.to_owned())));
            says(&format!("the connection to it is lost, and there is no other: {why}"));
        }
        tell(Ok(()));
        condition.unreached("it is behind");
        says("it is behind");
        condition.arrived();
        says("it is behind");
        condition.answered(Ok(()));
        assert_eq!(order.away(), None);
        tell(Err(None));
        says("the connection to it is lost");
    }
}
