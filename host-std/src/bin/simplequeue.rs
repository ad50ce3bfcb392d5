//! simplequeue: an HTTP queue.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use streamgauge::simplequeue::{PATHS, Server};
use streamgauge::tool::{self, Connections, Listen, Process, QueueOptions};
use tokio::sync::watch;

/// Keep items until somebody asks for them, over HTTP: /put one, /get the oldest.
#[derive(Parser)]
#[command(name = "simplequeue", version)]
struct Options {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    queue: QueueOptions,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    process: Process,
}

fn main() -> ExitCode {
    tool::main(|options: Options| {
        let settings = options.queue.settings(options.connections.max_body_bytes)?;
        let listener = tool::bind(&options.listen.address, options.listen.port, "--port")?;
        let stop = watch::Sender::new(false);
        let server = Server::new(settings, stop.clone())
            .map_err(|error| tool::StartError::new(format_args!("--overflow-log: {error}")))?;
        options.process.apply(|| tool::announce(&PATHS, listener.local_addr().ok()))?;
        tool::start_log(options.connections.enable_logging);
        tool::runtime()?.block_on(async {
            let queue = Arc::clone(&server);
            tool::listen_to_signals(stop.clone(), move || queue.reopen_overflow_log())?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(tool::StartError::new)?;
            server.run(listener, options.connections.limits(), stop.subscribe()).await;
            Ok(ExitCode::SUCCESS)
        })
    })
}
