//! ps_to_http: from a pubsub to HTTP destinations.

use std::process::ExitCode;

use streamgauge::bridges::ps_to_http::{self, Config, Destination, Options};
use streamgauge::client::prepare;
use streamgauge::terminal::{self, StartError};
use tokio::sync::watch;

fn main() -> ExitCode {
    terminal::main(|options: Options| {
        terminal::say_as(options.log_format);
        let config = Config::try_from(&options).map_err(StartError::new)?;
        options.https.apply()?;
        let destinations = config.destinations.iter().map(Destination::url);
        config.sources.iter().chain(destinations).try_for_each(prepare).map_err(StartError::new)?;
        terminal::start_log(options.enable_logging, options.log_format);
        terminal::runtime()?.block_on(async {
            let stop = watch::Sender::new(false);
            terminal::listen_to_signals(stop.clone(), || ())?;
            let mut stopped = stop.subscribe();
            let shutdown = async move { drop(stopped.wait_for(|stop| *stop).await) };
            let (summary, code) = match ps_to_http::run(config, shutdown).await {
                // Whoever watches it has to know that something was lost.
                Ok(summary) if summary.pending() > 0 => (summary, ExitCode::FAILURE),
                Ok(summary) => (summary, ExitCode::SUCCESS),
                Err(silence) => {
                    terminal::warn(format_args!("ps_to_http: {silence}"));
                    (silence.summary, ExitCode::FAILURE)
                }
            };
            terminal::say(format_args!("ps_to_http: {summary}"));
            Ok(code)
        })
    })
}
