//! One worker: it gets items, tries them, and rests.

use core::future::pending;
use core::time::Duration;
use std::sync::Arc;

use streamgauge_core::reader::{Attempt, Step, Verdict};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::attempt::Tried;
use super::heartbeat::Heartbeat;
use super::names::Names;
use super::pool::Choice;
use super::queue::{Item, Queue};
use super::retry::{Again, Retry, is_final};
use super::{Shared, attempt, now};
use crate::client::Error;
use crate::client::leases::{Settle, delay};

/// How long a reader that stops tries to settle the lease of what it has done.
const STOPPING: Duration = Duration::from_secs(1);

/// Reads until `stop` says true.
pub(super) async fn run(shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let queues = shared.queues.iter();
    let (batch, lease) = (shared.settings.mget_items, shared.settings.lease);
    let queues: Vec<_> = queues.map(|url| Queue::new(url, batch, lease, shared.limits)).collect();
    Worker { empty: vec![false; queues.len()], shared, queues, stop, names: Names::new(), out: Vec::new() }.run().await;
}

struct Worker {
    shared: Arc<Shared>,
    queues: Vec<Queue>,
    /// Which of them had nothing when they were last asked.
    empty: Vec<bool>,
    stop: watch::Receiver<bool>,
    names: Names,
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
        let mut got = queue.get().await.map(|items| (items, false));
        if let Ok((items, is_drained)) = &mut got
            && items.is_empty()
            && self.shared.settings.drain
        {
            match queue.is_drained().await {
                Ok(drained) => *is_drained = drained,
                Err(error) => got = Err(error),
            }
        }
        let (items, is_drained) = match got {
            Ok(got) => got,
            Err(error) => {
                self.shared.pool.lock().handle_failure(origin, now());
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
                round.handle_empty(now());
            }
        }
        for item in items {
            match &item.lease {
                _ if !self.is_stopping() => self.handle(origin, &item).await,
                // Got together with the one in hand, but not begun.
                None => self.put(origin, &item.data).await,
                Some(_) => self.settle(origin, &item, &Settle::Nack(None, Some("not begun: the reader stopped"))).await,
            }
        }
    }

    async fn handle(&mut self, origin: usize, item: &Item) {
        let lease = item.lease.as_ref();
        if let Some(lease) = lease
            && self.queues.get(origin).is_some_and(|queue| queue.is_lost(&lease.token))
        {
            // Somebody else has it by now.
            return self.lose(origin, &lease.token, false);
        }
        let attempt = lease.map_or(1, |lease| lease.attempt);
        let step = self.shared.state.lock().handle_lent(&item.data, attempt, now());
        match step {
            Err(malformed) => {
                self.found(origin);
                tracing::warn!("an item can't be processed: {malformed}");
                self.keep(origin, item, &item.data).await;
            }
            Ok(Step::Waiting(due)) if lease.is_some() => {
                // The queue knows how to wait.
                let until = delay(due.saturating_sub(now()));
                self.settle(origin, item, &Settle::Nack(Some(&until), None)).await;
            }
            Ok(Step::Waiting(due)) => {
                self.put(origin, &item.data).await;
                if let Some(round) = self.shared.pool.lock().round(origin) {
                    round.handle_waiting(due, now());
                }
            }
            Ok(Step::Attempt(mut attempt)) => {
                self.found(origin);
                let tried = attempt::run(&self.shared, &mut attempt, &item.data).await;
                self.finish(origin, item, &attempt, tried).await;
                let rest = self.shared.state.lock().poll_rest();
                self.rest(rest).await;
            }
        }
    }

    async fn finish(&mut self, origin: usize, item: &Item, attempt: &Attempt<'_>, tried: Tried) {
        match tried.verdict {
            Verdict::Finished | Verdict::Dropped => self.settle(origin, item, &Settle::Ack).await,
            Verdict::Requeue { retry_on } if item.lease.is_some() => {
                let wait = retry_on.saturating_sub(now());
                if !attempt.has_progressed() || !self.put_rest(origin, item, attempt, wait).await {
                    let (until, reason) = (delay(wait), tried.reason.as_deref());
                    self.settle(origin, item, &Settle::Nack(Some(&until), reason)).await;
                }
                self.rest(self.shared.settings.requeue_pause).await;
            }
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
            let Err(error) = queue.put_later(&envelope, wait, &name).await else { break true };
            if self.is_stopping() {
                retry.hurry(Duration::ZERO);
            }
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

    /// Settles the lease of an item, if it has one, for as long as it may last. What can't be settled comes back when
    /// its lease is over, and is done again.
    async fn settle(&mut self, origin: usize, item: &Item, how: &Settle<'_>) {
        let (Some(lease), Some(lasts)) = (&item.lease, self.queues.get(origin).map(Queue::lease)) else { return };
        let (token, mut retry) = (lease.token.as_str(), Retry::new(lasts));
        loop {
            let Some(queue) = self.queues.get_mut(origin) else { return };
            let error = match queue.settle(how, token).await {
                Ok(true) => {
                    queue.release(token);
                    return self.shared.pool.lock().handle_success(origin);
                }
                Ok(false) => return self.lose(origin, token, retry.is_unknown()),
                Err(error) => error,
            };
            if is_final(&error) {
                // It says the same of whatever else it has lent.
                queue.lose_all();
            }
            if self.is_stopping() {
                retry.hurry(STOPPING);
            }
            if !self.goes_on(origin, "settle a lease", &error, &mut retry).await {
                return self.lose(origin, token, retry.is_unknown());
            }
        }
    }

    /// A queue did not do what it was asked. Waits until it can be asked again; false if it is not to be.
    async fn goes_on(&mut self, origin: usize, what: &str, error: &Error, retry: &mut Retry) -> bool {
        let again = retry.handle_error(error);
        if again == Again::AtOnce {
            return true;
        }
        self.shared.pool.lock().handle_failure(origin, now());
        self.complain(origin, what, error);
        if again == Again::Later {
            self.pause(self.shared.settings.failed_pause).await;
        }
        again == Again::Later
    }

    /// A lease is over. If that `is_unknown`, it may have been settled when the answer did not come.
    fn lose(&self, origin: usize, token: &str, is_unknown: bool) {
        if is_unknown {
            tracing::warn!("nobody knows whether the lease of an item was settled: it may come again");
        } else {
            tracing::warn!("the lease of an item was over too early: it comes again");
            self.shared.counts.lock().leases_lost += 1;
        }
        if let Some(queue) = self.queues.get(origin) {
            queue.release(token);
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
        let name = self.names.give();
        loop {
            let order = self.shared.pool.lock().for_put(origin);
            for index in order {
                let Some(queue) = self.queues.get_mut(index) else { continue };
                match queue.put(item, &name).await {
                    Ok(()) => return self.shared.pool.lock().handle_success(index),
                    Err(error) => {
                        self.shared.pool.lock().handle_failure(index, now());
                        self.complain(index, "take an item back", &error);
                    }
                }
            }
            if self.is_stopping() && self.write(item).await {
                return;
            }
            self.pause(self.shared.settings.failed_pause).await;
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
        self.rest(pause).await;
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
        if !is_final(error) {
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
