//! One worker: it gets items, tries them, and rests.

use core::time::Duration;
use std::sync::Arc;

use streamgauge_core::reader::{Attempt, Step, Verdict};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::attempt::Tried;
use super::names::Names;
use super::pool::Choice;
use super::queue::{Item, Queue};
use super::retry::{Again, Retry};
use super::waiting::Waiting;
use super::{Shared, attempt};
use crate::client::Error;
use crate::client::leases::{Settle, delay};

/// Reads until `stop` says true.
pub(super) async fn run(shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let queues = shared.queues.iter();
    let (batch, lease) = (shared.settings.mget_items, shared.settings.lease);
    let queues: Vec<_> = queues.map(|url| Queue::new(url, batch, lease, shared.limits)).collect();
    let waiting = Waiting::new(Arc::clone(&shared), stop);
    Worker { empty: vec![false; queues.len()], shared, queues, waiting, names: Names::new(), out: Vec::new() }
        .run()
        .await;
}

struct Worker {
    shared: Arc<Shared>,
    queues: Vec<Queue>,
    /// Which of them had nothing when they were last asked.
    empty: Vec<bool>,
    waiting: Waiting,
    names: Names,
    out: Vec<u8>,
}

impl Worker {
    async fn run(&mut self) {
        while !self.waiting.is_stopping() && !self.is_drained() {
            self.shared.beat();
            let choice = self.shared.pool.lock().choose(self.shared.clock.now());
            match choice {
                Choice::Wait(until) => self.waiting.rest(until.saturating_sub(self.shared.clock.now())).await,
                Choice::Depth(origin) => self.look(origin).await,
                Choice::Get(origin) => self.get(origin).await,
            }
        }
    }

    async fn look(&mut self, origin: usize) {
        let Some(queue) = self.queues.get_mut(origin) else { return };
        let depth = self.waiting.ask(queue.depth()).await;
        let now = self.shared.clock.now();
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
        let mut got = self.waiting.ask(queue.get()).await.map(|items| (items, false));
        if let Ok((items, is_drained)) = &mut got
            && items.is_empty()
            && self.shared.settings.drain
        {
            match self.waiting.ask(queue.is_drained()).await {
                Ok(drained) => *is_drained = drained,
                Err(error) => got = Err(error),
            }
        }
        let (items, is_drained) = match got {
            Ok(got) => got,
            Err(error) => {
                self.shared.pool.lock().handle_failure(origin, self.shared.clock.now());
                return self.go_without(origin, &error);
            }
        };
        if let Some(refusal) = self.shared.refusals.lock().get_mut(origin) {
            *refusal = None;
        }
        if let Some(empty) = self.empty.get_mut(origin) {
            *empty = is_drained;
        }
        {
            let mut pool = self.shared.pool.lock();
            pool.handle_success(origin);
            if let Some(round) = pool.round(origin).filter(|_| items.is_empty()) {
                round.handle_empty(self.shared.clock.now());
            }
        }
        let mut items = items.iter();
        while !self.waiting.is_stopping()
            && let Some(item) = items.next()
        {
            self.handle(origin, item).await;
        }
        self.give_back(origin, items.as_slice()).await;
    }

    /// Gives back what was got together with the one in hand, and is not begun.
    async fn give_back(&mut self, origin: usize, items: &[Item]) {
        let tokens = items.iter().filter_map(|item| item.lease.as_ref()).map(|lease| lease.token.as_str());
        let how = Settle::Nack(None, Some("not begun: the reader stopped"));
        self.settle_all(origin, &tokens.collect::<Vec<_>>(), &how).await;
        for item in items.iter().filter(|item| item.lease.is_none()) {
            self.put(origin, &item.data).await;
        }
    }

    async fn handle(&mut self, origin: usize, item: &Item) {
        self.shared.beat();
        let lease = item.lease.as_ref();
        if let Some(lease) = lease
            && self.queues.get(origin).is_some_and(|queue| queue.is_lost(&lease.token))
        {
            // Somebody else has it by now.
            return self.release(origin, &[&lease.token], 1, false);
        }
        let attempt = lease.map_or(1, |lease| lease.attempt);
        let step = self.shared.state.lock().handle_lent(&item.data, attempt, self.shared.clock.date());
        match step {
            Err(malformed) => {
                self.found(origin);
                tracing::warn!("an item can't be processed: {malformed}");
                self.keep(origin, item, &item.data).await;
            }
            Ok(Step::Waiting(due)) if lease.is_some() => {
                // The queue knows how to wait.
                let until = delay(due.saturating_sub(self.shared.clock.date()));
                self.settle(origin, item, &Settle::Nack(Some(&until), None)).await;
            }
            Ok(Step::Waiting(due)) => {
                self.put(origin, &item.data).await;
                let clock = &self.shared.clock;
                if let Some(round) = self.shared.pool.lock().round(origin) {
                    round.handle_waiting(clock.when(due), clock.now());
                }
            }
            Ok(Step::Attempt(mut attempt)) => {
                self.found(origin);
                let tried = attempt::run(&self.shared, &mut attempt, &item.data).await;
                self.finish(origin, item, &attempt, tried).await;
                let rest = self.shared.state.lock().poll_rest();
                self.waiting.rest(rest).await;
            }
        }
    }

    async fn finish(&mut self, origin: usize, item: &Item, attempt: &Attempt<'_>, tried: Tried) {
        match tried.verdict {
            Verdict::Finished | Verdict::Dropped => self.settle(origin, item, &Settle::Ack).await,
            Verdict::Requeue { retry_on } if item.lease.is_some() => {
                let wait = retry_on.saturating_sub(self.shared.clock.date());
                if !attempt.has_progressed() || !self.put_rest(origin, item, attempt, wait).await {
                    let (until, reason) = (delay(wait), tried.reason.as_deref());
                    self.settle(origin, item, &Settle::Nack(Some(&until), reason)).await;
                }
                self.waiting.rest(self.shared.settings.requeue_pause).await;
            }
            Verdict::Requeue { retry_on } => {
                let envelope = self.envelope(attempt, Some(retry_on));
                if let Some(round) = self.shared.pool.lock().round(origin) {
                    round.handle_requeue(self.shared.clock.when(retry_on));
                }
                self.put(origin, &envelope).await;
                self.out = envelope;
                self.waiting.rest(self.shared.settings.requeue_pause).await;
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
                self.keep(origin, item, &envelope).await;
                self.out = envelope;
            }
        }
    }

    /// Puts an item whose tasks are partly done back with those that are left, and then acknowledges the old one: in
    /// that order, so that it may be done twice but not be lost. False if it could not be put while its lease lasted.
    async fn put_rest(&mut self, origin: usize, item: &Item, attempt: &Attempt<'_>, wait: Duration) -> bool {
        let envelope = self.envelope(attempt, None);
        let lease = self.queues.get(origin).map_or(Duration::ZERO, Queue::lease);
        let (name, mut retry) = (self.names.give(), Retry::new(lease));
        let is_put = loop {
            let Some(queue) = self.queues.get_mut(origin) else { break false };
            let Err(error) = self.waiting.ask(queue.put_later(&envelope, wait, &name)).await else { break true };
            if !self.goes_on(origin, "take an item back", &error, &mut retry).await {
                break false;
            }
        };
        self.out = envelope;
        if is_put {
            self.settle(origin, item, &Settle::Ack).await;
        }
        is_put
    }

    /// Settles the lease of an item, if it has one.
    async fn settle(&mut self, origin: usize, item: &Item, how: &Settle<'_>) {
        if let Some(lease) = &item.lease {
            self.settle_all(origin, &[&lease.token], how).await;
        }
    }

    /// Settles leases, for as long as they may last. What can't be settled comes back when its lease is over, and is
    /// done again.
    async fn settle_all(&mut self, origin: usize, tokens: &[&str], how: &Settle<'_>) {
        let Some(lasts) = self.queues.get(origin).map(Queue::lease).filter(|_| !tokens.is_empty()) else { return };
        let mut retry = Retry::new(lasts);
        loop {
            let Some(queue) = self.queues.get_mut(origin) else { return };
            let error = match self.waiting.ask(queue.settle(how, tokens)).await {
                Ok(done) => {
                    if done > 0 {
                        self.shared.pool.lock().handle_success(origin);
                    }
                    let lost = (tokens.len() as u64).saturating_sub(done);
                    return self.release(origin, tokens, lost, retry.is_unknown());
                }
                Err(error) => error,
            };
            if error.is_final() {
                // It says the same of whatever else it has lent.
                queue.lose_all();
            }
            if !self.goes_on(origin, "settle a lease", &error, &mut retry).await {
                return self.release(origin, tokens, tokens.len() as u64, retry.is_unknown());
            }
        }
    }

    /// A queue did not do what it was asked. Waits until it can be asked again; false if it is not to be.
    async fn goes_on(&mut self, origin: usize, what: &str, error: &Error, retry: &mut Retry) -> bool {
        let again = retry.handle_error(error);
        if again == Again::AtOnce {
            return true;
        }
        self.shared.pool.lock().handle_failure(origin, self.shared.clock.now());
        self.complain(origin, what, error);
        if again == Again::Never || self.waiting.is_over() {
            return false;
        }
        self.waiting.pause(self.shared.settings.failed_pause).await;
        true
    }

    /// These leases need not be kept any more. `lost` of them were over; if that `is_unknown`, they may have been
    /// settled when the answer did not come.
    fn release(&self, origin: usize, tokens: &[&str], lost: u64, is_unknown: bool) {
        if let Some(queue) = self.queues.get(origin) {
            queue.release(tokens);
        }
        if lost > 0 && is_unknown {
            tracing::warn!("nobody knows whether the leases of {lost} items were settled: they may come again");
        } else if lost > 0 {
            tracing::warn!("the leases of {lost} items were over too early: they come again");
            self.shared.counts.lock().leases_lost += lost;
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

    /// Puts an item back where it came from, or on another queue, however long it takes. A file takes it when every queue
    /// has said what it will say however long one waits; and while stopping, when every queue was asked once, unless it
    /// failed and there is no time left.
    async fn put(&mut self, origin: usize, item: &[u8]) {
        let name = self.names.give();
        let mut has_no_file = false;
        loop {
            let mut order = self.shared.pool.lock().for_put(origin);
            if self.waiting.is_over() && !has_no_file {
                order.retain(|index| self.shared.pool.lock().works(*index));
            }
            let mut is_final = true;
            for index in order {
                let Some(queue) = self.queues.get_mut(index) else { continue };
                match self.waiting.ask(queue.put(item, &name)).await {
                    Ok(()) => return self.shared.pool.lock().handle_success(index),
                    Err(error) => {
                        is_final &= error.is_final();
                        self.shared.pool.lock().handle_failure(index, self.shared.clock.now());
                        self.complain(index, "take an item back", &error);
                    }
                }
            }
            if is_final || self.waiting.is_stopping() {
                if self.write(item).await {
                    return;
                }
                has_no_file = true;
            }
            self.waiting.pause(self.shared.settings.failed_pause).await;
        }
    }

    /// Writes a message, which the item has become, to the folder of failed ones, or puts it back if that can't be
    /// done.
    async fn keep(&mut self, origin: usize, item: &Item, message: &[u8]) {
        if self.write(message).await {
            return self.settle(origin, item, &Settle::Ack).await;
        }
        let pause = self.shared.settings.failed_pause;
        match &item.lease {
            None => self.put(origin, message).await,
            Some(_) => {
                let until = delay(pause);
                let how = Settle::Nack(Some(&until), Some("its message can't be kept"));
                self.settle(origin, item, &how).await;
            }
        }
        self.waiting.rest(pause).await;
    }

    /// Writes a message to the folder of failed ones: other workers go on while the disk takes it.
    async fn write(&self, message: &[u8]) -> bool {
        let (shared, message) = (Arc::clone(&self.shared), message.to_vec());
        let kept = spawn_blocking(move || shared.failed.keep(&message)).await;
        match kept.unwrap_or_else(|error| Err(error.into())) {
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

    /// A queue did not give an item. Nothing that is to be drained comes from one that will say the same later.
    fn go_without(&mut self, origin: usize, error: &Error) {
        if !error.is_final() {
            return self.complain(origin, "give an item", error);
        }
        let (Some(queue), Some(url)) = (self.queues.get(origin), self.shared.queues.get(origin)) else { return };
        let why = queue.explain(error);
        self.shared.counts.lock().queue_failures += 1;
        if !self.shared.settings.drain {
            return tracing::warn!("{url} gives no item, and waiting alone will not change that: {why}; asking on");
        }
        if let (Some(refusal), Some(empty)) = (self.shared.refusals.lock().get_mut(origin), self.empty.get_mut(origin))
        {
            (*refusal, *empty) = (Some(format!("{url} can't be drained: {why}")), true);
        }
    }

    fn complain(&self, origin: usize, what: &str, error: &Error) {
        self.shared.counts.lock().queue_failures += 1;
        if let (Some(queue), Some(url)) = (self.queues.get(origin), self.shared.queues.get(origin)) {
            tracing::warn!("{url} did not {what}: {}", queue.explain(error));
        }
    }

    /// What another worker has in hand is that one's affair.
    fn is_drained(&self) -> bool {
        self.shared.settings.drain && self.empty.iter().all(|is_empty| *is_empty)
    }
}
