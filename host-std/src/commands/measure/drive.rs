//! From a source to a measure, until the end, a bound or a signal.

use core::convert::Infallible;
use core::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep_until};

use super::source::{Address, Block, Source};
use super::values::Rejected;
use crate::results::redis::Shared;
use crate::results::tally::Tally;
use crate::results::{State, StateError, StateOptions};
use crate::terminal::exit::Failure;
use crate::terminal::flags::seconds;
use crate::terminal::output;
use crate::terminal::signals::Stop;
use crate::terminal::{StartError, say};

/// What is read, and how much of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
#[group(skip)]
pub(super) struct Options {
    /// A file, - (stdin), a pubsub (http://host:port/sub) or a queue (http://host:port/get), whose items are taken for
    /// good: a process that is killed takes up to 1,000 along
    #[arg(long, value_name = "SOURCE", default_value = "-")]
    source: Address,
    // Never there: whoever names a file without the flag is told of the flag.
    #[arg(hide = true, value_name = "FILE", value_parser = no_place)]
    misplaced: Option<Infallible>,
    /// End after so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so long
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// End when the queue is empty
    #[arg(long)]
    drain: bool,
    /// Wait for a server that can't be reached at the beginning
    #[arg(long)]
    retry: bool,
    /// Show the result after every N records, too
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
}

fn no_place(text: &str) -> Result<Infallible, String> {
    Err(format!("what is read is named by a flag: --source {text}"))
}

/// How long the end waits for a state that can't be reached.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same for showing how far it is.
const GLANCE: Duration = Duration::from_secs(2);

/// Makes a tally out of records, and shows it.
pub(super) trait Measure {
    type Tally: Shared;

    /// Takes at most `most` records off the front of the input and adds them up; how many.
    fn take(&mut self, input: &mut &[u8], separator: u8, most: u64, tally: &mut Self::Tally) -> u64;

    /// Adds up what was held back until more was known: nothing more will come.
    fn settle(&mut self, _tally: &mut Self::Tally) {}

    /// Shows how far it is.
    fn progress(&self, total: &<Self::Tally as Tally>::Total) -> Result<(), Failure>;

    /// Shows the result.
    fn result(&self, total: &<Self::Tally as Tally>::Total) -> Result<(), Failure>;

    /// Records in which there was nothing to measure.
    fn rejected(&self) -> &Rejected;
}

/// Measures until the source ends, a bound is reached or a signal comes, and shows the result in any case.
pub(super) async fn drive<M: Measure>(
    options: &Options,
    state: &StateOptions,
    measure: M,
    tally: M::Tally,
    stop: Stop,
) -> Result<Result<(), Failure>, StartError> {
    drive_until(None, options, state, measure, tally, stop).await
}

/// The same, until a time that is known already.
pub(super) async fn drive_until<M: Measure>(
    deadline: Option<Instant>,
    options: &Options,
    state: &StateOptions,
    measure: M,
    tally: M::Tally,
    mut stop: Stop,
) -> Result<Result<(), Failure>, StartError> {
    let source = options.open()?;
    let state = match state.open(tally).await? {
        Ok(state) => state,
        Err(failure) => return Ok(Err(failure)),
    };
    let (left, deadline) = (options.most(), deadline.or_else(|| options.deadline()));
    let until_progress = options.every.unwrap_or(u64::MAX);
    let mut drive = Drive { options, deadline, source, measure, state, taken: 0, left, until_progress };
    Ok(drive.run(&mut stop).await)
}

impl Options {
    /// What is read.
    pub(super) fn open(&self) -> Result<Source, StartError> {
        Source::open(&self.source, self.drain, self.retry)
    }

    /// Records until the end.
    pub(super) fn most(&self) -> u64 {
        self.count.unwrap_or(u64::MAX)
    }

    /// When it ends, if it begins now.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.seconds.and_then(|seconds| Instant::now().checked_add(seconds))
    }

    /// Whether all of it is there again for who opens it once more.
    pub(super) fn is_read_again(&self) -> bool {
        matches!(&self.source, Address::File(path) if path.is_file())
    }
}

struct Drive<'o, M: Measure> {
    options: &'o Options,
    deadline: Option<Instant>,
    source: Source,
    measure: M,
    state: State<M::Tally>,
    /// Records so far.
    taken: u64,
    /// Records until the end.
    left: u64,
    until_progress: u64,
}

impl<M: Measure> Drive<'_, M> {
    async fn run(&mut self, stop: &mut Stop) -> Result<(), Failure> {
        let measured = self.measure(stop).await;
        self.source.end();
        // What others have added is a result, too.
        if measured.is_ok() && self.taken == 0 && stop.is_asked() && matches!(self.state, State::Memory(_)) {
            return Err(Failure::Interrupted);
        }
        // Whatever goes wrong behind the first record, the result up to there is worth something.
        if matches!(measured, Err(Failure::NobodyReads)) || measured.is_err() && self.taken == 0 {
            return measured;
        }
        self.measure.settle(self.state.pending());
        let total = self.state.total(PATIENCE).await.map_err(unreachable);
        if total.is_ok() {
            self.state.close().await;
        }
        let shown = total.and_then(|total| self.measure.result(&total));
        self.complain();
        measured.and(shown).and_then(|()| self.something())
    }

    async fn measure(&mut self, stop: &mut Stop) -> Result<(), Failure> {
        let deadline = over(self.deadline);
        tokio::pin!(deadline);
        while self.left > 0 {
            let next = self.source.next(self.left);
            let block = tokio::select! {
                biased;
                () = stop.asked() => break,
                () = &mut deadline => break,
                () = output::closed(), if self.options.every.is_some() => return Err(Failure::NobodyReads),
                block = next => match block? {
                    Some(block) => block,
                    None => return Ok(()),
                },
            };
            self.take(&block).await?;
            self.source.recycle(block);
            tokio::select! {
                biased;
                kept = self.keep() => kept.map_err(unreachable)?,
                () = stop.asked() => break,
                () = &mut deadline => break,
            }
        }
        if let Some(block) = self.source.last().await? {
            self.take(&block).await?;
        }
        Ok(())
    }

    /// Hands over what was added up. What is off a queue is nowhere else, so it is safe before more is taken.
    async fn keep(&mut self) -> Result<(), StateError> {
        if self.source.is_queue() { self.state.settle().await } else { self.state.flush().await }
    }

    async fn take(&mut self, block: &Block) -> Result<(), Failure> {
        let mut input = block.bytes.as_slice();
        while !input.is_empty() && self.left > 0 {
            let most = self.left.min(self.until_progress);
            let taken = self.measure.take(&mut input, block.separator, most, self.state.pending());
            self.taken += taken;
            self.left -= taken;
            self.until_progress -= taken;
            if self.until_progress == 0 {
                // While it can't be reached, reading goes on: it may be back by the next time.
                if self.state.is_reachable() {
                    match self.state.total(GLANCE).await {
                        Ok(total) => self.measure.progress(&total)?,
                        Err(error) => tracing::warn!("{error}"),
                    }
                }
                self.until_progress = self.options.every.unwrap_or(u64::MAX);
            }
        }
        Ok(())
    }

    /// Whether anything was measured, where there were records.
    fn something(&self) -> Result<(), Failure> {
        let (Rejected { records, not_finite, passed_over, .. }, too_long) =
            (self.measure.rejected(), self.source.losses().too_long);
        let rejected = records.saturating_add(*not_finite).saturating_add(too_long);
        let all = self.taken.saturating_add(too_long);
        if rejected == 0 || rejected.saturating_add(*passed_over) < all {
            return Ok(());
        }
        Err(Failure::Refused(format!("nothing was measured: {rejected} of {all} records had to be left out")))
    }

    /// Says on stderr what is not in the result.
    fn complain(&self) {
        for note in self.state.notes() {
            say(format_args!("warning: {note}"));
        }
        if let Some(first) = &self.measure.rejected().first {
            say(format_args!("rejected: {first}"));
        }
        let losses = self.source.losses();
        for (number, what) in [
            (losses.missed, "messages were missed: the pubsub no longer had them after the connection was lost"),
            (losses.new_lives, "times the pubsub has begun anew, and nobody can say how many messages were missed"),
            (losses.too_long, "records were left out: they are longer than 5 MiB"),
        ] {
            if number > 0 {
                say(format_args!("warning: {number} {what}"));
            }
        }
    }
}

/// Waits for a deadline, if there is one.
pub(super) async fn over(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => core::future::pending().await,
    }
}

fn unreachable(error: StateError) -> Failure {
    Failure::Unreachable(error.to_string())
}
