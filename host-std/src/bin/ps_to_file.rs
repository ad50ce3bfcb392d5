//! ps_to_file: from a pubsub to files.

use std::process::ExitCode;
use std::sync::Arc;

use streamgauge::bridges::ps_to_file::{self, Options, Rolling};
use streamgauge::client::{Limits, Url, prepare};
use streamgauge::terminal::{self, StartError};
use tokio::sync::{Notify, watch};

fn main() -> ExitCode {
    terminal::main(|options: Options| {
        terminal::say_as(options.log_format);
        let url = options.pubsub_url.parse::<Url>();
        let url = url.map_err(|bad| StartError::new(format_args!("--pubsub-url {bad}")))?;
        let files = Rolling::new(&options.filename_format);
        let files = files.map_err(|bad| StartError::new(format_args!("--filename-format {bad}")))?;
        options.https.apply()?;
        prepare(&url).map_err(StartError::new)?;
        terminal::start_log(options.enable_logging, options.log_format);
        terminal::runtime()?.block_on(async {
            let (stop, reopen) = (watch::Sender::new(false), Arc::new(Notify::new()));
            let hangup = Arc::clone(&reopen);
            terminal::listen_to_signals(stop.clone(), move || hangup.notify_one())?;
            let mut stopped = stop.subscribe();
            let shutdown = async move { drop(stopped.wait_for(|stop| *stop).await) };
            let (summary, end) = ps_to_file::run(url, files, Limits::default(), &reopen, shutdown).await;
            terminal::say(format_args!("ps_to_file: {summary}"));
            Ok(match end {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    terminal::warn(format_args!("ps_to_file: {error}"));
                    ExitCode::FAILURE
                }
            })
        })
    })
}
