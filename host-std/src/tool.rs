//! What the small tools share: logging, signals, and a runtime.

use core::future::Future;
use std::io::{self, IsTerminal};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::level_filters::LevelFilter;

/// Writes problems to stderr, and with `verbose` also what goes well.
pub fn start_logging(verbose: bool) {
    let level = if verbose { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let started = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(level)
        .try_init();
    // Whoever has started it before decides how it looks.
    drop(started);
}

/// Runs `future` to its end on this thread.
///
/// # Errors
/// The system has no resources for a runtime.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

/// Waits for SIGTERM or SIGINT. A second one then ends the process at once, with code 1.
///
/// # Errors
/// The system refuses to tell about signals.
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send> {
    let mut stop = Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
    Ok(async move {
        stop.next().await;
        tokio::spawn(async move {
            stop.next().await;
            std::process::exit(1);
        });
    })
}

struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
