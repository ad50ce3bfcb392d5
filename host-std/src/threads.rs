//! Threads that each do the work of their own connections, and the messages between them.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something to be done on a thread, within its runtime.
type Job = Box<dyn FnOnce() + Send>;

/// The threads of a server, to let something happen on another one: nothing else passes between them.
///
/// What is on its way is bounded by those who send it: a connection sends one thing at a time, and goes with it or waits
/// for its answer.
#[derive(Debug, Clone)]
pub(crate) struct Threads(Arc<[UnboundedSender<Job>]>);

/// What has to be done on a thread.
#[derive(Debug)]
pub(crate) struct Inbox(UnboundedReceiver<Job>);

impl Threads {
    /// So many threads, and an inbox for each.
    pub(crate) fn new(count: usize) -> (Self, Vec<Inbox>) {
        let (ways, inboxes): (Vec<_>, _) =
            (0..count.max(1)).map(|_| unbounded_channel()).map(|(way, inbox)| (way, Inbox(inbox))).unzip();
        (Self(ways.into()), inboxes)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Lets `job` be done on a thread; one that has ended forgets it.
    pub(crate) fn on(&self, thread: usize, job: impl FnOnce() + Send + 'static) {
        if let Some(way) = self.0.get(thread) {
            let _ = way.send(Box::new(job));
        }
    }
}

impl Inbox {
    /// Does what comes, for ever.
    pub(crate) async fn work(&mut self) {
        while let Some(job) = self.0.recv().await {
            job();
        }
    }
}
