//! How a worker waits, for queues and for time to pass.

use core::convert::Infallible;
use core::future::{Future, pending};
use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use crate::client::Error;

/// How long a reader that stops waits for its queues, from the first time that it has to.
const STOPPING: Duration = Duration::from_secs(5);

/// How long it waits for each request even then.
const LEAST: Duration = Duration::from_secs(1);

/// How often it is looked whether a heartbeat is due.
const LOOK: Duration = Duration::from_secs(1);

/// Waits for what is no task: meanwhile the heart beats, and once the reader is to stop it doesn't take long.
pub(super) struct Waiting {
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    until: Option<Instant>,
}

impl Waiting {
    pub(super) const fn new(shared: Arc<Shared>, stop: watch::Receiver<bool>) -> Self {
        Self { shared, stop, until: None }
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
            never = beat_on(&self.shared) => match never {},
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
            never = beat_on(&self.shared) => match never {},
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

async fn beat_on(shared: &Shared) -> Infallible {
    while shared.heartbeat.is_some() {
        sleep(LOOK).await;
        shared.beat();
    }
    pending().await
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::readers::{Message, Reader};

    fn waiting(heartbeat: &Path, stop: watch::Receiver<bool>) -> Waiting {
        let reader = Reader::builder("http://127.0.0.1:1".parse().unwrap()).heartbeat_file(heartbeat);
        Waiting::new(reader.task("ok", async |_: Message| ()).build().unwrap().shared, stop)
    }

    #[tokio::test(start_paused = true)]
    async fn the_heart_beats_however_long_is_waited() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("heartbeat");
        let stop = watch::Sender::new(false);
        let mut waiting = waiting(&file, stop.subscribe());
        waiting.rest(Duration::from_secs(2)).await;
        assert!(file.exists());
        for seconds in [11, 120] {
            fs::remove_file(&file).unwrap();
            waiting.rest(Duration::from_secs(seconds)).await;
            assert!(file.exists(), "{seconds}");
        }
        fs::remove_file(&file).unwrap();
        let slow = async {
            sleep(Duration::from_secs(30)).await;
            Ok(())
        };
        waiting.ask(slow).await.unwrap();
        assert!(file.exists());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_waits_for_all_its_queues_together() {
        let folder = tempfile::tempdir().unwrap();
        let stop = watch::Sender::new(false);
        let mut waiting = waiting(&folder.path().join("heartbeat"), stop.subscribe());
        stop.send_replace(true);
        // What it has in hand takes its time.
        sleep(Duration::from_secs(100)).await;
        for most in [STOPPING, LEAST] {
            let began = Instant::now();
            let asked = waiting.ask(pending::<Result<(), Error>>()).await;
            assert!(matches!(asked, Err(Error::TimedOut)));
            assert_eq!((began.elapsed().as_secs(), waiting.is_over()), (most.as_secs(), true));
        }
    }
}
