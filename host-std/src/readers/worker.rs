//! One worker: it gets items, tries them, and rests.

use core::future::pending;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use streamgauge_core::reader::{Attempt, Step, Verdict};
use tokio::sync::watch;
use tokio::time::sleep;

use super::heartbeat::Heartbeat;
use super::pool::Choice;
use super::queue::Queue;
use super::{Shared, attempt, now};
use crate::client::Error;

/// Reads until `stop` says true.
pub(super) async fn run(shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let queues = shared.queues.iter();
    let queues: Vec<_> = queues.map(|url| Queue::new(url, shared.settings.mget_items, shared.limits)).collect();
    Worker { empty: vec![false; queues.len()], shared, queues, stop, out: Vec::new() }.run().await;
}

struct Worker {
    shared: Arc<Shared>,
    queues: Vec<Queue>,
    /// Which of them had nothing when they were last asked.
    empty: Vec<bool>,
    stop: watch::Receiver<bool>,
    out: Vec<u8>,
}

impl Worker {
    async fn run(&mut self) {
        while !self.is_stopping() && !self.is_drained() {
            if let Some(heartbeat) = &self.shared.heartbeat {
                heartbeat.lock().beat();
            }
            let choice = self.shared.pool.lock().choose(now());
            match choice {
                Choice::Wait(until) => self.rest(until.saturating_sub(now()).min(Heartbeat::INTERVAL)).await,
                Choice::Depth(origin) => self.look(origin).await,
                Choice::Get(origin) => self.get(origin).await,
            }
        }
    }

    async fn look(&mut self, origin: usize) {
        let Some(queue) = self.queues.get_mut(origin) else { return };
        let depth = queue.depth().await;
        let now = now();
        let mut pool = self.shared.pool.lock();
        if let Some(round) = pool.round(origin) {
            round.handle_depth(*depth.as_ref().unwrap_or(&None), now);
        }
        if let Err(error) = depth {
            pool.handle_failure(origin, now);
            drop(pool);
            self.complain(origin, "say how much it holds", &error);
        }
    }

    async fn get(&mut self, origin: usize) {
        let Some(queue) = self.queues.get_mut(origin) else { return };
        let items = match queue.get().await {
            Ok(items) => items,
            Err(error) => {
                self.shared.pool.lock().handle_failure(origin, now());
                return self.complain(origin, "give an item", &error);
            }
        };
        if let Some(empty) = self.empty.get_mut(origin) {
            *empty = items.is_empty();
        }
        {
            let mut pool = self.shared.pool.lock();
            pool.handle_success(origin);
            if let Some(round) = pool.round(origin).filter(|_| items.is_empty()) {
                round.handle_empty(now());
            }
        }
        for item in items {
            if self.is_stopping() {
                // Got together with the one in hand, but not begun.
                self.put(origin, &item).await;
            } else {
                self.handle(origin, &item).await;
            }
        }
    }

    async fn handle(&mut self, origin: usize, item: &Bytes) {
        let step = self.shared.state.lock().handle_item(item, now());
        match step {
            Err(malformed) => {
                self.found(origin);
                tracing::warn!("an item can't be processed: {malformed}");
                self.keep(origin, item).await;
            }
            Ok(Step::Waiting(due)) => {
                self.put(origin, item).await;
                if let Some(round) = self.shared.pool.lock().round(origin) {
                    round.handle_waiting(due, now());
                }
            }
            Ok(Step::Attempt(mut attempt)) => {
                self.found(origin);
                let verdict = attempt::run(&self.shared, &mut attempt, item).await;
                self.finish(origin, &attempt, verdict).await;
                let rest = self.shared.state.lock().poll_rest();
                self.rest(rest).await;
            }
        }
    }

    async fn finish(&mut self, origin: usize, attempt: &Attempt<'_>, verdict: Verdict) {
        match verdict {
            Verdict::Finished | Verdict::Dropped => {}
            Verdict::Requeue { retry_on } => {
                let envelope = self.envelope(attempt, Some(retry_on));
                if let Some(round) = self.shared.pool.lock().round(origin) {
                    round.handle_requeue(retry_on);
                }
                self.put(origin, &envelope).await;
                self.out = envelope;
                self.rest(self.shared.settings.requeue_pause).await;
            }
            Verdict::GiveUp => {
                let envelope = self.envelope(attempt, None);
                tracing::warn!("an item is given up after {} tries", attempt.tries());
                if let Some(on_giveup) = &self.shared.on_giveup {
                    let call = std::panic::AssertUnwindSafe(|| on_giveup(&envelope));
                    if std::panic::catch_unwind(call).is_err() {
                        tracing::error!("on_giveup panicked");
                    }
                }
                self.keep(origin, &envelope).await;
                self.out = envelope;
            }
        }
    }

    fn envelope(&mut self, attempt: &Attempt<'_>, retry_on: Option<Duration>) -> Vec<u8> {
        let mut out = core::mem::take(&mut self.out);
        out.clear();
        let Ok(()) = self.shared.state.lock().write(attempt, retry_on, &mut out);
        out
    }

    fn found(&self, origin: usize) {
        if let Some(round) = self.shared.pool.lock().round(origin) {
            round.handle_found();
        }
    }

    /// Puts an item back where it came from, or on another queue, however long it takes; while stopping every queue
    /// is asked once, and then a file takes it.
    async fn put(&mut self, origin: usize, item: &[u8]) {
        loop {
            let order = self.shared.pool.lock().for_put(origin);
            for index in order {
                let Some(queue) = self.queues.get_mut(index) else { continue };
                match queue.put(item).await {
                    Ok(()) => return self.shared.pool.lock().handle_success(index),
                    Err(error) => {
                        self.shared.pool.lock().handle_failure(index, now());
                        self.complain(index, "take an item back", &error);
                    }
                }
            }
            if self.is_stopping() && self.write(item) {
                return;
            }
            self.pause(self.shared.settings.failed_pause).await;
        }
    }

    /// Writes a message to the folder of failed ones, or puts it back if that can't be done.
    async fn keep(&mut self, origin: usize, message: &[u8]) {
        if !self.write(message) {
            self.put(origin, message).await;
            self.rest(self.shared.settings.failed_pause).await;
        }
    }

    fn write(&self, message: &[u8]) -> bool {
        match self.shared.failed.keep(message) {
            Ok(path) => {
                tracing::warn!("kept as {}", path.display());
                self.shared.counts.lock().kept += 1;
                true
            }
            Err(error) => {
                tracing::error!("a failed message can't be kept: {error}");
                false
            }
        }
    }

    fn complain(&self, origin: usize, what: &str, error: &Error) {
        self.shared.counts.lock().queue_failures += 1;
        if let Some(url) = self.shared.queues.get(origin) {
            tracing::warn!("{url} did not {what}: {error}");
        }
    }

    /// What another worker has in hand is that one's affair.
    fn is_drained(&self) -> bool {
        self.shared.settings.drain && self.empty.iter().all(|is_empty| *is_empty)
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits, but not when stopping.
    async fn rest(&mut self, time: Duration) {
        if time.is_zero() || self.is_stopping() {
            return;
        }
        let stop = &mut self.stop;
        let stopped = async {
            // Nobody is left who could say it.
            if stop.wait_for(|stop| *stop).await.is_err() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            () = sleep(time) => {}
            () = stopped => {}
        }
    }

    /// Waits, shorter when stopping but never not at all.
    async fn pause(&mut self, time: Duration) {
        if self.is_stopping() {
            sleep(time.min(Duration::from_millis(100))).await;
        } else {
            self.rest(time).await;
        }
    }
}
