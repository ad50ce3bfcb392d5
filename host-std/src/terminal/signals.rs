//! Signals: the first SIGTERM or SIGINT asks for an end, the second one is the end, SIGHUP opens files again, SIGUSR2 lets
//! another process go on.

use core::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use super::StartError;
use super::exit::Failure;

/// Signals that come together are one wish: `timeout` and supervisors send the same one to the process and to its group.
const ONE_WISH: Duration = Duration::from_millis(100);

/// Says true on `stop` at the first signal that asks for an end, and calls `on_hangup` at each SIGHUP. Has to be
/// called on a runtime.
///
/// # Errors
/// When the operating system refuses.
pub fn listen_to_signals(stop: watch::Sender<bool>, on_hangup: impl Fn() + Send + 'static) -> Result<(), StartError> {
    let open = |kind| signal(kind).map_err(|error| StartError::new(format_args!("cannot catch signals: {error}")));
    let (mut terminate, mut interrupt) = (open(SignalKind::terminate())?, open(SignalKind::interrupt())?);
    let mut hangup = open(SignalKind::hangup())?;
    ours().thread_unblock().map_err(StartError::new)?;
    tokio::spawn(async move {
        let mut first: Option<Instant> = None;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    on_hangup();
                    continue;
                }
            }
            stop.send_replace(true);
            if first.get_or_insert_with(Instant::now).elapsed() >= ONE_WISH {
                tracing::warn!("stopped at once by a second signal");
                crate::groups::kill_all();
                std::process::exit(1);
            }
        }
    });
    Ok(())
}

/// Calls `f` at each SIGUSR2. Has to be called on a runtime, before signals are [listened to](listen_to_signals).
///
/// # Errors
/// When the operating system refuses.
pub fn on_upgrade(f: impl Fn() + Send + 'static) -> Result<(), StartError> {
    let signal = signal(SignalKind::user_defined2());
    let mut upgrade = signal.map_err(|error| StartError::new(format_args!("cannot catch signals: {error}")))?;
    tokio::spawn(async move {
        while upgrade.recv().await.is_some() {
            f();
        }
    });
    Ok(())
}

/// Lets signals wait until they are [listened to](listen_to_signals), or this process is another one: whoever reads that
/// a server is there may tell it to stop at once. Call it before any thread is started.
///
/// # Errors
/// When the operating system refuses.
pub(super) fn hold_signals() -> Result<(), StartError> {
    ours().thread_block().map_err(StartError::new)
}

fn ours() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR2].into_iter().collect()
}

/// The wish to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop(pub(crate) watch::Receiver<bool>);

impl Stop {
    /// Whether a signal has come.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for a signal.
    pub(crate) async fn asked(&mut self) {
        if self.0.wait_for(|stop| *stop).await.is_err() {
            std::future::pending().await
        }
    }

    /// Does some work to its end, or to a signal.
    pub(crate) async fn before<T>(&mut self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.asked() => Err(Failure::Interrupted),
            done = work => done,
        }
    }

    /// Does work that has no end to a signal, which is all well.
    pub(crate) async fn until(&mut self, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
        match self.before(work).await {
            Err(Failure::Interrupted) => Ok(()),
            end => end,
        }
    }
}

/// On a thread of its own, because writing to a stdout that nobody reads blocks this one: a second signal has to end
/// that too. A terminal that is closed ends it as well, unless it was started with `nohup`.
pub(crate) fn listen_aside(stop: watch::Sender<bool>) -> Result<(), StartError> {
    let runtime = super::runtime()?;
    // Who catches a signal ignores it no more.
    let hangup = (!is_hangup_ignored()).then(|| stop.clone());
    runtime.block_on(async {
        listen_to_signals(stop, move || {
            hangup.iter().for_each(|stop| _ = stop.send_replace(true));
        })
    })?;
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(())
}

/// Whether SIGHUP was ignored by whoever started this.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    // The first bit is the first signal's.
    ignored.is_some_and(|ignored| ignored >> (Signal::SIGHUP as u32 - 1) & 1 == 1)
}
