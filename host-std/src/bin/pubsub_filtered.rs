//! pubsub_filtered: from a pubsub to a pubsub without some fields.

use std::process::ExitCode;

use streamgauge::bridges::pubsub_filtered::{self, Options};
use streamgauge::client::prepare;
use streamgauge::commands::options::announce_ceiling;
use streamgauge::server::tls::Tls;
use streamgauge::terminal::{self, StartError};
use tokio::sync::watch;

fn main() -> ExitCode {
    terminal::main(|options: Options| {
        terminal::say_as(options.connections.log_format);
        let (source, filter) = (options.source().map_err(StartError::new)?, options.filter().map_err(StartError::new)?);
        let settings = options.settings()?;
        let storage = settings.worst_case();
        options.https.apply()?;
        prepare(&source).map_err(StartError::new)?;
        let limits = options.connections.limits()?;
        let listener = terminal::bind(&options.listen.address, options.listen.port, "--port")?;
        options.process.apply(|| {
            terminal::announce(&pubsub_filtered::PATHS, listener.local_addr().ok());
            announce_ceiling(&limits, storage);
        })?;
        terminal::start_log(options.connections.enable_logging, options.connections.log_format);
        terminal::runtime()?.block_on(async {
            let stop = watch::Sender::new(false);
            let tls = limits.tls.clone();
            terminal::listen_to_signals(stop.clone(), move || tls.iter().for_each(Tls::reload))?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(StartError::new)?;
            let summary = pubsub_filtered::run(source, filter, listener, settings, limits, stop.subscribe()).await?;
            terminal::say(format_args!("pubsub_filtered: {summary}"));
            Ok(ExitCode::SUCCESS)
        })
    })
}
