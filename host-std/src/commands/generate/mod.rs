//! `streamgauge generate`: streams to play with.
//!
//! | module | idea |
//! | --- | --- |
//! | `options` | what can be generated, and its flags |
//! | `source` | [`Source`]: one message after another, the same ones from the same seed |
//! | `clicks` | records like those of a link shortener |
//! | `target` | stdout, pubsubs and queues |

mod clicks;
mod options;
mod source;
mod target;

pub use clicks::Clicks;
pub use options::{Kind, Options};
pub use source::Source;

use core::time::Duration;
use std::process::ExitCode;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::terminal::exit::Failure;
use crate::terminal::progress::{Progress, Unit};
use crate::terminal::signals::listen_aside;
use crate::terminal::{self, StartError};
use target::Target;

/// Bytes that are sent at once when they are due at the same time.
const BATCH: usize = 64 << 10;
/// How far messages are bundled in time.
const TICK: Duration = Duration::from_millis(1);

/// Generates until a signal, the count or a closed stdout ends it.
///
/// # Errors
/// What is wrong with the flags.
pub fn run(options: &Options) -> Result<ExitCode, StartError> {
    let mut source = options.kind.source(options.seed(), options.field.as_deref())?;
    let mut targets = options.targets();
    let stop = watch::Sender::new(false);
    listen_aside(stop.clone())?;
    terminal::runtime()?.block_on(async {
        let sent = send(&mut source, &mut targets, options.rate, options.count, &stop).await;
        for note in targets.iter().filter_map(Target::note) {
            terminal::say(format_args!("generate: {note}"));
        }
        Ok(sent.map_or_else(Failure::exit, |()| ExitCode::SUCCESS))
    })
}

async fn send(
    source: &mut Source,
    targets: &mut [Target],
    rate: Option<f64>,
    count: Option<u64>,
    stop: &watch::Sender<bool>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let due = |sent: u64| match rate {
        Some(rate) => began.checked_add(Duration::try_from_secs_f64(sent as f64 / rate).unwrap_or(Duration::MAX)),
        None => Some(began),
    };
    let mut stopped = stop.subscribe();
    let (mut sent, mut batch) = (0, Vec::new());
    let mut progress = count.map_or(Progress::NONE, |count| progress_of(count, targets));
    while count.is_none_or(|count| sent < count) && !*stop.borrow() {
        // A time that can't be said is never.
        let Some(next) = due(sent) else { break };
        if next > Instant::now() {
            tokio::select! {
                () = sleep_until(next) => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        let horizon = Instant::now() + if rate.is_some() { TICK } else { Duration::ZERO };
        while batch.len() < BATCH
            && count.is_none_or(|count| sent < count)
            && due(sent).is_some_and(|due| due <= horizon)
        {
            source.write(&mut batch);
            batch.push(b'\n');
            sent += 1;
        }
        for target in &mut *targets {
            target.send(&batch, &mut stopped).await?;
        }
        batch.clear();
        progress.reach(sent, count.unwrap_or(sent));
        // Signals are seen between batches.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn progress_of(count: u64, targets: &[Target]) -> Progress {
    let is_printed = targets.iter().any(|target| matches!(target, Target::Stdout));
    let begin = if is_printed { Progress::of_output } else { Progress::new };
    begin("generating", Unit::Items, count)
}
