//! What flows past, measured: `streamgauge moments`, `histogram` and `graph`.
//!
//! | module | idea |
//! | --- | --- |
//! | `source` | records from a file, stdin, a pubsub or a queue, a block at a time |
//! | `drive` | from a source to a measure, until the end, a bound or a signal |
//! | `values` | numbers out of records |
//! | `moments`, `histogram`, `graph` | a command each, and what it draws |
//!
//! What measures, and where results are kept and shared, is the affair of [`results`](crate::results): gauges of the core,
//! but for graphs and whole numbers with a bin each.

mod drive;
pub mod graph;
pub mod histogram;
pub mod moments;
mod source;
mod values;

use std::process::ExitCode;

use clap::Subcommand;
use streamgauge_core::select::{BadPath, Path};
use tokio::sync::watch;

use crate::commands::state;
use crate::terminal::exit::Failure;
use crate::terminal::signals::{Stop, listen_aside};
use crate::terminal::{self, StartError};

/// The commands that measure a stream.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "it would take the place of what the options say about each")]
pub enum Command {
    Moments(moments::Options),
    Histogram(histogram::Options),
    Graph(graph::Options),
    State(state::Options),
}

/// The end of each command's help.
const EXIT_CODES: &str = "\
Exit codes:
  0    all is well, also when a signal ended it: the result up to there is printed
  1    something can't be read or written
  2    wrong flags, or a file that they or a variable name can't be read
  3    the source or the state can't be reached
  130  interrupted before there was a result";

/// Runs a command until its source ends, or a signal ends it.
///
/// # Errors
/// What is wrong with the flags, or can't be opened.
pub fn run(command: Command) -> Result<ExitCode, StartError> {
    let stop = watch::Sender::new(false);
    let stopped = Stop(stop.subscribe());
    listen_aside(stop)?;
    terminal::start_warnings();
    let runtime = terminal::runtime()?;
    let end = runtime.block_on(async {
        match command {
            Command::Moments(options) => moments::run(options, stopped).await,
            Command::Histogram(options) => histogram::run(options, stopped).await,
            Command::Graph(options) => graph::run(options, stopped).await,
            Command::State(options) => state::run(options, stopped).await,
        }
    });
    runtime.shutdown_background();
    Ok(end?.map_or_else(Failure::exit, |()| ExitCode::SUCCESS))
}

/// Where a field is in a record, as it is said on the command line.
fn path(text: &str) -> Result<Path<String>, BadPath> {
    Path::parse(text.to_owned())
}
