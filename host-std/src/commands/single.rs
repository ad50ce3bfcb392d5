//! One of the original servers by itself.

use std::process::ExitCode;
use std::sync::Arc;

use streamgauge_core::endpoints::Surface;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::options::{self, Connections, Flags, Listen, NameOptions, PubsubOptions, QueueOptions};
use crate::gateway::Gateway;
use crate::server::tls::Tls;
use crate::terminal::{self, Process, StartError};

/// The flags of `pubsub` or `simplequeue`.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "they are named by their types")]
pub struct Single<'a> {
    pub listen: &'a Listen,
    pub pubsub: Option<&'a PubsubOptions>,
    pub queue: Option<&'a QueueOptions>,
    pub names: &'a NameOptions,
    pub connections: &'a Connections,
    pub process: &'a Process,
}

/// Serves until a signal or `/exit` ends it.
///
/// # Errors
/// What is wrong with the flags, or can't be opened.
pub fn run(flags: &Single<'_>) -> Result<ExitCode, StartError> {
    let Single { listen, pubsub, queue, names, connections, process } = *flags;
    let surface = if pubsub.is_some() { Surface::Pubsub } else { Surface::Simplequeue };
    terminal::say_as(connections.log_format);
    let connections = &connections.fitted(1, queue.map_or(0, QueueOptions::descriptors))?;
    let limits = connections.limits()?;
    let settings = Flags { surface, pubsub, queue, names, connections, is_kept: false }.settings(0)?;
    let listener = terminal::bind(&listen.address, listen.port, "--port")?;
    let stop = watch::Sender::new(false);
    let storage = settings.worst_case();
    let gateway = Gateway::new(settings, stop.clone())?;
    process.apply(|| {
        terminal::announce(surface.paths(), listener.local_addr().ok());
        options::announce_ceiling(&limits, storage);
    })?;
    terminal::start_log(connections.enable_logging, connections.log_format);
    terminal::runtime()?.block_on(async {
        let (hangup, tls) = (Arc::clone(&gateway), limits.tls.clone());
        terminal::listen_to_signals(stop.clone(), move || {
            hangup.reopen_overflow_log();
            tls.iter().for_each(Tls::reload);
        })?;
        let listener = TcpListener::from_std(listener).map_err(StartError::new)?;
        gateway.run(vec![(listener, surface)], limits, stop.subscribe()).await?;
        Ok(ExitCode::SUCCESS)
    })
}
