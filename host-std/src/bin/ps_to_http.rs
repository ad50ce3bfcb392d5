//! `ps_to_http`: from a pubsub to HTTP destinations.

use clap::Parser;
use std::env;
use std::process::ExitCode;
use streamgauge::ps_to_http::{self, Config, Options};
use streamgauge::{flags, tool};

fn main() -> ExitCode {
    let options = Options::parse_from(flags::normalise(env::args_os()));
    tool::start_logging(options.enable_logging);
    let config = match Config::try_from(&options) {
        Ok(config) => config,
        Err(bad) => {
            eprintln!("ps_to_http: {bad}");
            return ExitCode::from(2);
        }
    };
    let ran = tool::block_on(async { Ok(ps_to_http::run(config, tool::stop_signal()?).await) });
    match ran.and_then(|ran| ran) {
        Ok(Ok(summary)) => {
            eprintln!("ps_to_http: {summary}");
            ExitCode::SUCCESS
        }
        Ok(Err(silence)) => {
            eprintln!("ps_to_http: {silence}");
            eprintln!("ps_to_http: {}", silence.summary);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("ps_to_http: {error}");
            ExitCode::FAILURE
        }
    }
}
