//! `streamgauge health`: whether a server is ready, for a supervisor that only knows exit codes.

use core::time::Duration;

use clap::Args;

use super::EXIT_CODES;
use super::at::URL;
use crate::client::{Connection, Limits, Url};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::flags::server;
use crate::terminal::output;

/// Ask whether a server is ready: 0 if it is
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Address of the server
    #[arg(long, env = URL, default_value = "http://127.0.0.1:8080", value_parser = server)]
    url: Url,
}

/// So long a server may take that is healthy.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(options: Options) -> Result<(), Failure> {
    let limits = Limits { connect: PATIENCE, read: PATIENCE, ..Limits::default() };
    let url = options.url.join("/readyz");
    let answer = Connection::new(limits).call("GET", &url, None).await;
    output::write(&accepted(&url, answer.map_err(|error| Failure::of(&url, &error))?)?)
}
