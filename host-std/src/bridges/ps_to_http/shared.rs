use super::Summary;
use super::ledger::{Ledger, Outcome};
use core::ops::ControlFlow;
use parking_lot::Mutex;
use streamgauge_core::shared::{self, Guarded, Slot, Wake};
use tokio::time::Instant;

/// The ledger, and who waits for it to change: a courier for each destination, and the bridge for its end.
#[derive(Debug)]
pub(super) struct Shared(shared::Shared<Mutex<Guarded<State, Box<[Slot]>>>>);

#[derive(Debug)]
struct State {
    ledger: Ledger,
    /// When the last message came.
    heard: Instant,
}

/// No lane has this number.
const THE_BRIDGE: u32 = u32::MAX;

impl Shared {
    pub(super) fn new(ledger: Ledger, lanes: usize) -> Self {
        let state = State { ledger, heard: Instant::now() };
        let slots = vec![Slot::FREE; lanes + 1].into_boxed_slice();
        Self(shared::Shared::new(Mutex::new(Guarded::new(state, slots))))
    }

    pub(super) fn receive(&self, message: &[u8]) {
        self.0.update(|state| {
            state.heard = Instant::now();
            state.ledger.receive(message);
            ((), Wake::ALL)
        });
    }

    /// When the last message came, or this was made.
    pub(super) fn heard(&self) -> Instant {
        self.0.with(|state| state.heard)
    }

    pub(super) fn miss(&self, messages: u64) {
        self.change(|ledger| ledger.miss(messages));
    }

    pub(super) fn skip_too_long(&self) {
        self.change(Ledger::skip_too_long);
    }

    pub(super) fn take(&self, lane: usize, send: impl FnOnce(&[u8])) -> bool {
        self.0.update(|state| (state.ledger.take(lane, send), Wake::NONE))
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
        self.0.with(|state| state.ledger.summary())
    }

    /// Returns when this destination has something to send.
    pub(super) async fn work(&self, lane: usize) {
        self.wait(u32::try_from(lane).unwrap_or(THE_BRIDGE), |ledger| ledger.unsent(lane) > 0).await;
    }

    /// Returns when everything has been settled by everyone.
    pub(super) async fn drained(&self) {
        self.wait(THE_BRIDGE, Ledger::is_drained).await;
    }

    async fn wait(&self, tag: u32, until: impl Fn(&Ledger) -> bool) {
        let until = self.0.wait(tag, |state| match until(&state.ledger) {
            true => ControlFlow::Break(((), Wake::NONE)),
            false => ControlFlow::Continue(()),
        });
        // It is never closed, and has a slot for each of them.
        let _ = until.await;
    }

    /// In turns any change can give anyone something to send.
    fn change(&self, change: impl FnOnce(&mut Ledger)) {
        self.0.update(|state| (change(&mut state.ledger), Wake::ALL));
    }
}
