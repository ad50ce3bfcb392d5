//! `streamgauge histogram`: how often which values come.

mod draw;
mod range;

use std::io;
use std::path::PathBuf;

use clap::Args;
use range::{Finding, Wanted};
use streamgauge_core::select::Path;
use tokio::time::Instant;

use super::drive::{self, Measure, drive_until};
use super::values::{Rejected, Values};
use super::{EXIT_CODES, path};
use crate::results::StateOptions;
use crate::results::tally::{Bars, HistogramTally, Shape, Tally as _, whole as whole_number};
use crate::terminal::StartError;
use crate::terminal::exit::Failure;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// How often which values come, drawn in the terminal
///
/// Each record is a number, or JSON with a number in --field. What lies outside of the bins is counted on either side.
/// Without --min and --max the range is that of the whole file, which is read twice, or of the first 1,000 numbers of a
/// stream, which is said on stderr; its edges are round then, and --bins is the most that there are.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Where the first bin begins
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    min: Option<f64>,
    /// Where the last bin ends; with --integers the last value
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    max: Option<f64>,
    /// Bins of equal width
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "integers", value_parser = bins)]
    bins: u32,
    /// A bin for each whole number that comes
    #[arg(long)]
    integers: bool,
    /// With --integers, most different numbers in memory; others that come are counted together
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "integers")]
    max_values: usize,
    /// Records are JSON, and the numbers in this field: a key, or a path such as user.age or ll.0
    #[arg(long, value_name = "PATH", value_parser = path)]
    field: Option<Path<String>>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Draw the result into this file, too
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    drive: drive::Options,
    #[command(flatten)]
    state: StateOptions,
}

fn bins(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_BINS).contains(number));
    number.ok_or_else(|| format!("must be a number from 1 to {MAX_BINS}"))
}

const MAX_BINS: u32 = 1_000_000;

/// Why there is no such file.
fn unmade(path: &std::path::Path, error: &io::Error) -> String {
    format!("--svg {}: {error}", path.display())
}

/// Refuses what can't be a file, before a stream is read for nothing.
fn check_svg(path: &std::path::Path) -> Result<(), StartError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = match folder.map(std::fs::metadata) {
        Some(Ok(folder)) if !folder.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
        Some(Err(error)) => Err(error),
        _ if path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Ok(()),
    };
    found.map_err(|error| StartError::new(unmade(path, &error)))
}

pub(super) async fn run(options: Options, mut stop: Stop) -> Result<Result<(), Failure>, StartError> {
    options.svg.as_deref().map_or(Ok(()), check_svg)?;
    let (began, deadline) = (Instant::now(), options.drive.deadline());
    let (finding, tally) = match options.bins()? {
        Bins::Said(shape) => {
            let tally = HistogramTally::new(shape);
            (None, tally.map_err(|error| StartError::new(format_args!("--min, --max, --bins: {error}")))?)
        }
        Bins::Wanted(_) if options.state.is_shared() => {
            return Err(StartError::new(
                "--min and --max are missing, or --integers: who shares bins has to have the same",
            ));
        }
        Bins::Wanted(wanted) if options.drive.is_read_again() => {
            let half = deadline.map(|deadline| began + deadline.duration_since(began) / 2);
            match wanted.of_file(&options.drive, Values::new(options.field.clone()), half, stop.asked()).await? {
                Ok(tally) => (None, tally),
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Bins::Wanted(wanted) => {
            let (finding, tally) = Finding::new(wanted)?;
            (Some(finding), tally)
        }
    };
    let measure = Meter { values: Values::new(options.field), finding, json: options.json, svg: options.svg };
    drive_until(deadline, &options.drive, &options.state, measure, tally, stop).await
}

/// What is asked for.
enum Bins {
    Said(Shape),
    Wanted(Wanted),
}

impl Options {
    fn bins(&self) -> Result<Bins, StartError> {
        if !self.integers {
            return Ok(match (self.min, self.max) {
                (Some(min), Some(max)) => Bins::Said(Shape::Range { min, max, bins: self.bins }),
                (min, max) => Bins::Wanted(Wanted { min, max, bins: self.bins }),
            });
        }
        let whole = |flag: &str, bound: Option<f64>, otherwise: i64| match bound {
            None => Ok(otherwise),
            Some(bound) => whole_number(bound)
                .ok_or_else(|| StartError::new(format_args!("{flag} {bound}: must be a whole number"))),
        };
        let (min, max) = (whole("--min", self.min, i64::MIN)?, whole("--max", self.max, i64::MAX)?);
        // What is on its way to others has to be exact, in whatever parts it comes.
        let most = if self.state.is_shared() { usize::MAX } else { self.max_values };
        Ok(Bins::Said(Shape::Integers { min, max, most }))
    }
}

struct Meter {
    values: Values,
    /// What the range is, as long as nobody knows.
    finding: Option<Finding>,
    json: bool,
    svg: Option<PathBuf>,
}

impl Measure for Meter {
    type Tally = HistogramTally;

    fn take(&mut self, input: &mut &[u8], separator: u8, most: u64, tally: &mut HistogramTally) -> u64 {
        let finding = &mut self.finding;
        let taken = self.values.take(input, separator, most, |some| match finding {
            None => tally.extend(some),
            Some(holding) => {
                if let Some(left) = holding.hold(some) {
                    finding.take().into_iter().for_each(|found| found.settle(tally));
                    tally.extend(left);
                }
            }
        });
        tally.reject(taken.rejected);
        taken.records
    }

    fn settle(&mut self, tally: &mut HistogramTally) {
        self.finding.take().into_iter().for_each(|found| found.settle(tally));
    }

    fn progress(&self, bars: &Bars) -> Result<(), Failure> {
        // What is held back is not added up yet.
        let held = self.finding.as_ref().and_then(|finding| finding.found(bars.outside.not_a_number));
        let held = held.map(|found| found.total());
        output::write(text(held.as_ref().unwrap_or(bars), self.json).as_bytes())
    }

    fn result(&self, bars: &Bars) -> Result<(), Failure> {
        // The file is there even where nobody reads what is printed.
        let drawn = match &self.svg {
            Some(path) => std::fs::write(path, draw::svg(bars)).map_err(|error| Failure::Refused(unmade(path, &error))),
            None => Ok(()),
        };
        let printed = self.progress(bars);
        drawn.and(printed)
    }

    fn rejected(&self) -> &Rejected {
        self.values.rejected()
    }
}

/// As JSON, or drawn for the terminal.
pub(crate) fn text(bars: &Bars, json: bool) -> String {
    if json { draw::json(bars) } else { draw::terminal(bars, &draw::Canvas::of_stdout()) }
}
