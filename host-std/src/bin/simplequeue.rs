//! simplequeue: an HTTP queue.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use streamgauge::commands::options::Connections;
use streamgauge::commands::options::Listen;
use streamgauge::commands::options::QueueOptions;
use streamgauge::queues::{PATHS, Server};
use streamgauge::terminal::{self, Process};
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
    terminal::main(|options: Options| {
        let settings = options.queue.settings(options.connections.max_body_bytes)?;
        let listener = terminal::bind(&options.listen.address, options.listen.port, "--port")?;
        let stop = watch::Sender::new(false);
        let server = Server::new(settings, stop.clone())
            .map_err(|error| terminal::StartError::new(format_args!("--overflow-log: {error}")))?;
        options.process.apply(|| terminal::announce(&PATHS, listener.local_addr().ok()))?;
        terminal::start_log(options.connections.enable_logging);
        terminal::runtime()?.block_on(async {
            let queue = Arc::clone(&server);
            terminal::listen_to_signals(stop.clone(), move || queue.reopen_overflow_log())?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(terminal::StartError::new)?;
            server.run(listener, options.connections.limits(), stop.subscribe()).await;
            Ok(ExitCode::SUCCESS)
        })
    })
}
