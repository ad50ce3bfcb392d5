//! pubsub: HTTP publish and subscribe.

use std::process::ExitCode;

use clap::Parser;
use streamgauge::tool::{self, Connections, Listen, Process, PubsubOptions};
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
    tool::main(|options: Options| {
        let settings = options.pubsub.settings(options.connections.max_body_bytes)?;
        let listener = tool::bind(&options.listen.address, options.listen.port, "--port")?;
        options.process.apply(|| tool::announce(&streamgauge::pubsub::PATHS, listener.local_addr().ok()))?;
        tool::start_log(options.connections.enable_logging);
        tool::runtime()?.block_on(async {
            let stop = watch::Sender::new(false);
            tool::listen_to_signals(stop.clone(), || ())?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(tool::StartError::new)?;
            streamgauge::pubsub::run(listener, settings, options.connections.limits(), stop.subscribe()).await;
            Ok(ExitCode::SUCCESS)
        })
    })
}
