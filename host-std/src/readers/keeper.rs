//! Leases that don't run out while a worker works.

use core::time::Duration;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::client::leases::{Leases, Settle, seconds};
use crate::client::{Connection, Limits};

/// The leases that a worker holds of one queue. They are touched when a third of their time is over, on a connection
/// of its own.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    held: Mutex<Held>,
    changed: Notify,
}

struct Held {
    tokens: Vec<String>,
    /// Tokens of leases that were found to be over.
    lost: Vec<String>,
    period: Duration,
    due: Option<Instant>,
}

impl Keeper {
    /// Keeps leases for `lease` from each touch on. Has to be called on a runtime.
    pub(super) fn new(leases: Leases, lease: Duration, limits: Limits) -> Self {
        let held = Held { tokens: Vec::new(), lost: Vec::new(), period: lease / 3, due: None };
        let shared = Arc::new(Shared { held: Mutex::new(held), changed: Notify::new() });
        let task = tokio::spawn(keep(Arc::clone(&shared), leases, seconds(lease), limits));
        Self { shared, task }
    }

    /// Keeps these from now on. `lasts` is how long they last if nobody touches them, which may be less than was asked
    /// for.
    pub(super) fn hold(&self, tokens: impl Iterator<Item = String>, lasts: Duration) {
        let mut held = self.shared.held.lock();
        held.period = lasts / 3;
        held.tokens.extend(tokens);
        let due = Instant::now() + held.period;
        held.due = Some(held.due.map_or(due, |before| before.min(due)));
        self.shared.changed.notify_one();
    }

    /// They are settled, or left alone.
    pub(super) fn release(&self, tokens: &[&str]) {
        let mut held = self.shared.held.lock();
        held.tokens.retain(|held| !tokens.contains(&held.as_str()));
        held.lost.retain(|lost| !tokens.contains(&lost.as_str()));
        if held.tokens.is_empty() {
            held.due = None;
        }
    }

    /// All of them are over.
    pub(super) fn lose_all(&self) {
        let held = &mut *self.shared.held.lock();
        held.lost.append(&mut held.tokens);
        held.due = None;
    }

    /// Whether it is known that this lease is over.
    pub(super) fn is_lost(&self, token: &str) -> bool {
        self.shared.held.lock().lost.iter().any(|lost| lost == token)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(shared: Arc<Shared>, leases: Leases, lease: String, limits: Limits) {
    let mut connection = Connection::new(limits);
    loop {
        let due = shared.held.lock().due;
        let Some(due) = due else {
            shared.changed.notified().await;
            continue;
        };
        tokio::select! {
            () = sleep_until(due) => {}
            () = shared.changed.notified() => continue,
        }
        let tokens = {
            let mut held = shared.held.lock();
            held.due = Some(Instant::now() + held.period);
            held.tokens.clone()
        };
        if tokens.is_empty() {
            shared.held.lock().due = None;
            continue;
        }
        match leases.settle(&mut connection, &Settle::Touch(Some(&lease)), &tokens).await {
            Ok(settled) => {
                let held = &mut *shared.held.lock();
                // One that was settled meanwhile is over, but not lost.
                let (tokens, over) = (&mut held.tokens, settled.over);
                held.lost.extend(over.into_iter().filter(|over| tokens.contains(over)));
                tokens.retain(|token| !held.lost.contains(token));
            }
            Err(error) => tracing::warn!("leases can't be made longer: {error}"),
        }
    }
}
