//! How a worker waits, for queues and for time to pass.

use core::future::{Future, pending};
use core::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Error;

/// How long a reader that stops waits for its queues, from the first time that it has to.
const STOPPING: Duration = Duration::from_secs(5);

/// How long it waits for each request even then.
const LEAST: Duration = Duration::from_secs(1);

/// Waits for what is no task: once the reader is to stop it doesn't take long.
pub(super) struct Waiting {
    stop: watch::Receiver<bool>,
    until: Option<Instant>,
}

impl Waiting {
    pub(super) const fn new(stop: watch::Receiver<bool>) -> Self {
        Self { stop, until: None }
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Whether a reader that stops has waited for queues as long as it may.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Waits for an answer; when stopping, until it has waited as long as it may.
    pub(super) async fn ask<T>(&mut self, asking: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let (stop, until) = (&mut self.stop, &mut self.until);
        let over = async {
            told(stop).await;
            let now = Instant::now();
            let until = until.get_or_insert(now + STOPPING);
            sleep_until((*until).max(now + LEAST)).await;
        };
        tokio::select! {
            biased;
            answer = asking => answer,
            () = over => Err(Error::TimedOut),
        }
    }

    /// Waits, but not when stopping.
    pub(super) async fn rest(&mut self, time: Duration) {
        if time.is_zero() || self.is_stopping() {
            return;
        }
        tokio::select! {
            () = sleep(time) => {}
            () = told(&mut self.stop) => {}
        }
    }

    /// Waits, shorter when stopping but never not at all.
    pub(super) async fn pause(&mut self, time: Duration) {
        if self.is_stopping() {
            sleep(time.min(Duration::from_millis(100))).await;
        } else {
            self.rest(time).await;
        }
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // Nobody is left who could say it.
    if stop.wait_for(|stop| *stop).await.is_err() {
        pending::<()>().await;
    }
}
