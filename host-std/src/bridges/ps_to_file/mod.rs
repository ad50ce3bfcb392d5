//! From a pubsub to files: each message a line, in a file whose name follows the time.
//!
//! The source is read as `ps_to_http` reads it: one subscription, reconnected with back-off and
//! resumed where the source numbers its messages. What could not be had is counted.

mod rolling;

pub use rolling::{BadFormat, Rolling};

use crate::client::{Announce, Feed, Item, Limits, News, Url};
use crate::commands::options::Https;
use crate::terminal::LogFormat;
use clap::Parser;
use core::cell::RefCell;
use core::fmt;
use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::io;
use tokio::sync::Notify;
use tokio::time::interval;

const EXIT_CODES: &str = "\
Exit codes:
  0    a signal ended it, and all is written
  1    a file can't be written
  2    wrong flags, or a file that they or a variable name can't be read";

/// Writes the messages of a pubsub to files, one a line.
///
/// The name of the file comes from the time (UTC) when a message arrives; when it changes, a new
/// file begins. Existing files are appended to. SIGHUP closes the file and opens it again.
///
/// Example: a file an hour
///
///   ps_to_file --pubsub-url 'http://127.0.0.1:8080/sub?multipart=0' \
///              --filename-format '/var/log/pubsub.%Y-%m-%d_%H.log'
#[derive(Debug, Clone, Parser)]
#[command(name = "ps_to_file", version, verbatim_doc_comment, after_long_help = EXIT_CODES)]
pub struct Options {
    /// Where to read from
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:80/sub?multipart=0")]
    pub pubsub_url: String,
    /// Name of the file, as strftime takes it; folders are made only where they have the time in
    /// their names
    #[arg(long, value_name = "FORMAT")]
    pub filename_format: String,
    /// Tell on stderr also what goes well
    #[arg(long)]
    pub enable_logging: bool,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// Whom it trusts.
    #[command(flatten)]
    pub https: Https,
}

/// What has been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages in the files.
    pub written: u64,
    /// Messages that came, and that a file did not take.
    pub unwritten: u64,
    /// Messages that the source no longer had when it was asked again.
    pub missed: u64,
    /// Messages that were longer than a message may be, and were skipped.
    pub too_long: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { written, unwritten, missed, too_long } = self;
        write!(f, "written {written}, lost by the source {missed}, too long {too_long}")?;
        if *unwritten > 0 { write!(f, ", not written {unwritten}") } else { Ok(()) }
    }
}

/// Writes what comes from `source` into `files` until `shutdown`, and opens the file again whenever
/// `reopen` is notified. What is written is on its way to the disk after a second at most. Returns what came of it, and what
/// has ended it.
///
/// # Errors
/// A file can't be opened or written, which ends it.
pub async fn run(
    source: Url,
    files: Rolling,
    limits: Limits,
    reopen: &Notify,
    shutdown: impl Future<Output = ()>,
) -> (Summary, io::Result<()>) {
    let files = RefCell::new(files);
    let mut summary = Summary::default();
    let mut announce = Announce::new(true);
    let mut feed = Feed::new(vec![source], limits);
    let on = |news: News<'_>| {
        match news {
            News::Item(Item::Message { bytes, .. }) => {
                summary.unwritten += 1;
                files.borrow_mut().write(bytes)?;
            }
            News::Item(Item::Missed(messages)) => {
                summary.missed += messages;
                tracing::warn!(messages, "the source no longer has them");
            }
            News::Item(Item::NewLife) => tracing::warn!("the source has begun anew: messages may be missing"),
            News::Item(Item::TooLong { length }) => {
                summary.too_long += 1;
                tracing::warn!(length, "a message is too long and was skipped");
            }
            News::Lost(source, error, wait) => tracing::warn!(%source, %error, ?wait, "source lost"),
            News::Connected(source) => tracing::info!(%source, "connected"),
            News::Detecting(_) | News::Connecting(_) => announce.hear(&news),
        }
        Ok::<(), io::Error>(())
    };
    let end = {
        let mut feeding = pin!(feed.run(on));
        let mut shutdown = pin!(shutdown);
        let mut ticks = interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                end = &mut feeding => break end,
                _ = ticks.tick() => if let Err(error) = files.borrow_mut().flush() { break Err(error) },
                () = reopen.notified() => if let Err(error) = files.borrow_mut().close() { break Err(error) },
                () = &mut shutdown => break Ok(()),
            }
        }
    };
    let end = end.and(files.borrow_mut().close());
    summary.written = files.borrow().written();
    // Each of them was counted when it came.
    summary.unwritten -= summary.written;
    (summary, end)
}
