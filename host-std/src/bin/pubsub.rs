//! pubsub: HTTP publish and subscribe.

use std::process::ExitCode;

use clap::Parser;
use streamgauge::commands::options::Connections;
use streamgauge::commands::options::Listen;
use streamgauge::commands::options::PubsubOptions;
use streamgauge::terminal::{self, Process};
use tokio::sync::watch;

/// Publish messages to every subscriber, over HTTP: POST to /pub, and every GET of /sub receives it.
#[derive(Parser)]
#[command(name = "pubsub", version)]
struct Options {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    pubsub: PubsubOptions,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    process: Process,
}

fn main() -> ExitCode {
    terminal::main(|options: Options| {
        let settings = options.pubsub.settings(options.connections.max_body_bytes)?;
        let listener = terminal::bind(&options.listen.address, options.listen.port, "--port")?;
        options.process.apply(|| terminal::announce(&streamgauge::topics::PATHS, listener.local_addr().ok()))?;
        terminal::start_log(options.connections.enable_logging);
        terminal::runtime()?.block_on(async {
            let stop = watch::Sender::new(false);
            terminal::listen_to_signals(stop.clone(), || ())?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(terminal::StartError::new)?;
            streamgauge::topics::run(listener, settings, options.connections.limits(), stop.subscribe()).await;
            Ok(ExitCode::SUCCESS)
        })
    })
}
