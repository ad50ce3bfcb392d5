use super::Summary;
use super::ledger::{Ledger, Outcome};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The ledger, and who waits for it to change.
#[derive(Debug)]
pub(super) struct Shared {
    ledger: Mutex<Ledger>,
    /// For each destination: there may be something to send.
    work: Vec<Notify>,
    /// Everything may have been settled.
    settled: Notify,
    /// When the last message came.
    heard: Mutex<Instant>,
}

impl Shared {
    pub(super) fn new(ledger: Ledger, lanes: usize) -> Self {
        let work = (0..lanes).map(|_| Notify::new()).collect();
        Self { ledger: Mutex::new(ledger), work, settled: Notify::new(), heard: Mutex::new(Instant::now()) }
    }

    pub(super) fn receive(&self, message: &[u8]) {
        *self.heard.lock() = Instant::now();
        self.change(|ledger| ledger.receive(message));
    }

    /// When the last message came, or this was made.
    pub(super) fn heard(&self) -> Instant {
        *self.heard.lock()
    }

    pub(super) fn miss(&self, messages: u64) {
        self.ledger.lock().miss(messages);
    }

    pub(super) fn skip_too_long(&self) {
        self.ledger.lock().skip_too_long();
    }

    pub(super) fn take(&self, lane: usize, send: impl FnOnce(&[u8])) -> bool {
        self.ledger.lock().take(lane, send)
    }

    pub(super) fn settle(&self, lane: usize, outcome: Outcome) {
        self.change(|ledger| ledger.settle(lane, outcome));
    }

    pub(super) fn lose(&self, lane: usize) {
        self.change(|ledger| ledger.lose(lane));
    }

    pub(super) fn set_up(&self, lane: usize, up: bool) {
        self.change(|ledger| ledger.set_up(lane, up));
    }

    pub(super) fn summary(&self) -> Summary {
        self.ledger.lock().summary()
    }

    /// Returns when this destination may have something to send. Nothing is missed in between two
    /// calls.
    pub(super) async fn work(&self, lane: usize) {
        match self.work.get(lane) {
            Some(work) => work.notified().await,
            None => core::future::pending().await,
        }
    }

    /// Returns when this destination has something to send.
    pub(super) async fn pending(&self, lane: usize) {
        while self.ledger.lock().pending(lane) == 0 {
            self.work(lane).await;
        }
    }

    /// Returns when everything has been settled by everyone.
    pub(super) async fn drained(&self) {
        while !self.ledger.lock().is_drained() {
            self.settled.notified().await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Ledger)) {
        change(&mut self.ledger.lock());
        // In turns any change can give anyone something to send.
        self.work.iter().for_each(Notify::notify_one);
        self.settled.notify_one();
    }
}
