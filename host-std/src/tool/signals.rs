//! Signals: the first SIGTERM or SIGINT asks for an end, the second one is the end, SIGHUP opens files again.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::StartError;

/// Says true on `stop` at the first signal that asks for an end, and calls `on_hangup` at each SIGHUP. Has to be
/// called on a runtime.
///
/// # Errors
/// When the operating system refuses.
pub fn listen_to_signals(stop: watch::Sender<bool>, on_hangup: impl Fn() + Send + 'static) -> Result<(), StartError> {
    let open = |kind| signal(kind).map_err(|error| StartError::new(format_args!("cannot catch signals: {error}")));
    let (mut terminate, mut interrupt) = (open(SignalKind::terminate())?, open(SignalKind::interrupt())?);
    let mut hangup = open(SignalKind::hangup())?;
    tokio::spawn(async move {
        let mut asked = false;
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
            if std::mem::replace(&mut asked, true) {
                tracing::warn!("stopped at once by a second signal");
                std::process::exit(1);
            }
        }
    });
    Ok(())
}
