//! What systemd is told (`Type=notify`), where it has started the server; elsewhere none of this does anything.
//!
//! Source: sd_notify(3), sd_watchdog_enabled(3).

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::mpsc::channel;
use tokio::time::{self, MissedTickBehavior, timeout};

use crate::threads::Threads;

/// Whoever connects is answered.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Files are read again; [`ready`] says when that is done.
pub(crate) fn reloading() {
    // A time that is missing is worth no more than a message that is not sent.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// The server ends.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process goes on in place of this one.
pub(super) fn main_process(id: u32) {
    tell(&[NotifyState::MainPid(id)]);
}

/// Says again and again that the server is alive, as long as no thread of it stands still; for ever, so who serves no more
/// has to end it.
pub(crate) async fn watch(threads: Threads) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let mut ticks = time::interval((limit / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if none_stands_still(&threads, limit).await {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("a thread of the server has done nothing for {limit:?}");
        }
    }
}

/// Whether every thread does something in time, or has ended: what was in memory is written then, or handed on, however
/// long that takes.
async fn none_stands_still(threads: &Threads, limit: Duration) -> bool {
    let (answer, mut answers) = channel(threads.count());
    for thread in 0..threads.count() {
        let answer = answer.clone();
        threads.on(thread, move || {
            let _ = answer.try_send(());
        });
    }
    drop(answer);
    // One that has ended forgets what it should have said.
    let all = async { while answers.recv().await.is_some() {} };
    timeout(limit, all).await.is_ok()
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states)
        // Nobody wants to know.
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "systemd can't be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_stands_still_is_missed() {
        let (threads, mut inboxes) = Threads::new(2);
        let limit = Duration::from_secs(1);
        let mut second = inboxes.pop().unwrap();
        let first = tokio::spawn(async move { inboxes.pop().unwrap().work().await });
        assert!(!none_stands_still(&threads, limit).await, "the second one does nothing");
        let second = tokio::spawn(async move { second.work().await });
        assert!(none_stands_still(&threads, limit).await);
        first.abort();
        assert!(first.await.is_err());
        assert!(none_stands_still(&threads, limit).await, "the first one has ended");
        second.abort();
        assert!(second.await.is_err());
        assert!(none_stands_still(&threads, limit).await, "both have");
    }
}
