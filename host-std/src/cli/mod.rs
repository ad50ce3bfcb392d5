//! The client commands of `streamgauge`: one file each, and what they have in common.
//!
//! | module | idea |
//! | --- | --- |
//! | `publish`, `subscribe` | `pub` and `sub`: messages of a pubsub |
//! | `put`, `get` | items of a queue |
//! | `stats` | what both have counted |
//! | [`mod@bench`] | loads a running server, and measures it |
//! | `exit` | how a command ends, and with which exit code |
//! | `input` | stdin, as many whole lines at a time as have come |
//! | `sender` | batches of lines to a server, counted |
//! | `output` | stdout, which may be closed any time |
//! | `json` | bytes as a JSON string, and the counters of a server back from JSON |

pub mod bench;
pub(crate) mod exit;
mod get;
mod input;
pub(crate) mod json;
pub(crate) mod output;
mod publish;
mod put;
mod sender;
mod stats;
mod subscribe;

use std::process::ExitCode;

use clap::Subcommand;
use tokio::sync::watch;

use crate::tool::{self, StartError};
use exit::Failure;

/// The commands that talk to a running server.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "it would take the place of what the options say about each")]
pub enum Command {
    Pub(publish::Options),
    Sub(subscribe::Options),
    Put(put::Options),
    Get(get::Options),
    Stats(stats::Options),
    Bench(bench::Options),
}

/// The end of each command's help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    there was nothing, or the server refused: its line of text is shown
  2    wrong flags
  3    the server can't be reached, or doesn't speak HTTP
  130  interrupted before the end of what was to be sent";

/// Runs a command until it is done, or a signal ends it.
///
/// # Errors
/// When the operating system has no room for it.
pub fn run(command: Command) -> Result<ExitCode, StartError> {
    let stop = watch::Sender::new(false);
    let stopped = Stop(stop.subscribe());
    listen_to_signals(stop)?;
    let runtime = tool::runtime()?;
    let end = runtime.block_on(async {
        match command {
            Command::Pub(options) => publish::run(options, stopped).await,
            Command::Sub(options) => subscribe::run(options, stopped).await,
            Command::Put(options) => put::run(options, stopped).await,
            Command::Get(options) => get::run(options, stopped).await,
            Command::Stats(options) => stats::run(options, stopped).await,
            Command::Bench(options) => bench::run(options, stopped).await,
        }
    });
    // A thread of it may be reading stdin, and can't be woken.
    runtime.shutdown_background();
    Ok(end.map_or_else(Failure::exit, |()| ExitCode::SUCCESS))
}

/// The wish to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop(pub(crate) watch::Receiver<bool>);

impl Stop {
    /// Whether a signal has come.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for a signal.
    pub(crate) async fn asked(&mut self) {
        if self.0.wait_for(|stop| *stop).await.is_err() {
            std::future::pending().await
        }
    }
}

/// On a thread of its own, because writing to a stdout that nobody reads blocks this one: a second signal has to end
/// that too.
pub(crate) fn listen_to_signals(stop: watch::Sender<bool>) -> Result<(), StartError> {
    let runtime = tool::runtime()?;
    let hangup = stop.clone();
    runtime.block_on(async {
        tool::listen_to_signals(stop, move || {
            hangup.send_replace(true);
        })
    })?;
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(())
}
