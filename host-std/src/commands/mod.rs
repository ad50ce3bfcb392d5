//! The commands of `streamgauge`, a file or a folder each.
//!
//! | module | idea |
//! | --- | --- |
//! | [`mod@serve`], `options`, `rights` | runs a pubsub, a queue and the bridge between them; the flags that it shares with the single tools |
//! | [`read`] | a command, or stdout, as the task of a reader |
//! | [`mod@generate`] | streams to play with |
//! | [`measure`], [`state`] | moments, histograms and graphs of a stream; what is kept of them elsewhere |
//! | `publish`, `subscribe` | `pub` and `sub`: messages of a pubsub |
//! | `put`, `get` | items of a queue |
//! | `settle`, `peek` | items that are lent, and what a queue holds |
//! | `named` | topics and queues by their names |
//! | `gauge` | gauges of a server; what several have measured, added up |
//! | [`token`] | tokens, and the file of them |
//! | `stats`, `health` | what both have counted; whether a server is ready |
//! | `top` | what a server does at this moment, on the whole screen |
//! | [`config`] | what a server would be told, and by whom |
//! | [`data`] | what a server keeps in a folder: looked at and repaired, while none runs |
//! | [`documents`] | what shells and manuals know of all that |
//! | [`mod@bench`] | loads a running server, and measures it |
//! | `at`, `sender`, `number`, `table`, `sparkline` | where topic and queue are; batches of lines to a server, counted; how numbers are printed; aligned rows; how a value went |

mod at;
pub mod bench;
pub mod config;
pub mod data;
pub mod documents;
pub mod engine;
mod gauge;
pub mod generate;
mod get;
mod health;
pub mod measure;
mod named;
mod number;
pub mod options;
mod peek;
mod publish;
mod put;
pub mod read;
mod rights;
mod sender;
pub mod serve;
mod settle;
pub mod single;
mod sparkline;
pub mod state;
mod stats;
mod subscribe;
mod table;
pub mod token;
mod top;

use std::process::ExitCode;

use clap::Subcommand;
use tokio::sync::watch;

use crate::terminal::exit::Failure;
use crate::terminal::signals::{Stop, listen_aside};
use crate::terminal::{self, StartError};

/// The commands that talk to a running server.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "it would take the place of what the options say about each")]
pub enum Command {
    Pub(publish::Options),
    Sub(subscribe::Options),
    Put(put::Options),
    Get(get::Options),
    Ack(settle::Ack),
    Nack(settle::Nack),
    Touch(settle::Touch),
    Peek(peek::Peek),
    Redrive(peek::Redrive),
    Topic(named::Topic),
    Queue(named::Queue),
    Gauge(gauge::Gauge),
    Merge(gauge::Merge),
    Stats(stats::Options),
    Health(health::Options),
    Top(top::Options),
    Bench(bench::Options),
}

/// The end of each command's help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    all is well, also when a signal ended what has no end
  1    there was nothing, or the server refused: its line of text is shown
  2    wrong flags, or a file that they or a variable name can't be read
  3    the server can't be reached, or doesn't speak HTTP
  130  interrupted before the end";

/// Runs a command until it is done, or a signal ends it.
///
/// # Errors
/// When the operating system has no room for it.
pub fn run(command: Command) -> Result<ExitCode, StartError> {
    let stop = watch::Sender::new(false);
    let mut stopped = Stop(stop.subscribe());
    listen_aside(stop)?;
    let runtime = terminal::runtime()?;
    let end = runtime.block_on(async {
        match command {
            Command::Pub(options) => publish::run(options, stopped).await,
            Command::Sub(options) => subscribe::run(options, stopped).await,
            Command::Put(options) => put::run(options, stopped).await,
            Command::Get(options) => get::run(options, stopped).await,
            Command::Ack(options) => settle::ack(options, stopped).await,
            Command::Nack(options) => settle::nack(options, stopped).await,
            Command::Touch(options) => settle::touch(options, stopped).await,
            Command::Peek(options) => stopped.before(peek::peek(options)).await,
            Command::Redrive(options) => stopped.before(peek::redrive(options)).await,
            Command::Topic(options) => stopped.before(named::topic(options)).await,
            Command::Queue(options) => stopped.before(named::queue(options)).await,
            Command::Gauge(options) => gauge::run(options, stopped).await,
            Command::Merge(options) => gauge::merge(&options),
            Command::Stats(options) => stats::run(options, stopped).await,
            Command::Health(options) => stopped.before(health::run(options)).await,
            Command::Top(options) => top::run(options, stopped).await,
            Command::Bench(options) => bench::run(options, stopped).await,
        }
    });
    // A thread of it may be reading stdin, and can't be woken.
    runtime.shutdown_background();
    Ok(end.map_or_else(Failure::exit, |()| ExitCode::SUCCESS))
}
