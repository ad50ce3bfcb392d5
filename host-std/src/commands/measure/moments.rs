//! `streamgauge moments`: mean, variance, skewness and kurtosis of a stream of numbers.

use std::fmt::Write as _;

use clap::Args;
use streamgauge_core::select::Path;
use streamgauge_core::stats::Moments;

use super::drive::{self, Measure, drive};
use super::values::{Rejected, Values};
use super::{EXIT_CODES, path};
use crate::commands::number::{exact, short};
use crate::results::StateOptions;
use crate::results::tally::{MomentsTally, Summary};
use crate::terminal::StartError;
use crate::terminal::exit::Failure;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Mean, variance, skewness and kurtosis of a stream of numbers, to the last digit or the one before
///
/// Each record is a number, or JSON with a number in --field. What is no number, NaN or infinite is counted and left
/// out. The variance is that of a sample (divided by n - 1), the kurtosis is the excess over a normal distribution's.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Records are JSON, and the numbers in this field: a key, or a path such as user.age or ll.0
    #[arg(long, value_name = "PATH", value_parser = path)]
    field: Option<Path<String>>,
    /// Print JSON, with 17 digits
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    drive: drive::Options,
    #[command(flatten)]
    state: StateOptions,
}

pub(super) async fn run(options: Options, stop: Stop) -> Result<Result<(), Failure>, StartError> {
    let measure = Meter { values: Values::new(options.field), json: options.json };
    drive(&options.drive, &options.state, measure, MomentsTally::default(), stop).await
}

struct Meter {
    values: Values,
    json: bool,
}

impl Measure for Meter {
    type Tally = MomentsTally;

    fn take(&mut self, input: &mut &[u8], separator: u8, most: u64, tally: &mut MomentsTally) -> u64 {
        let taken = self.values.take(input, separator, most, |some| tally.extend(some));
        tally.reject(taken.rejected);
        taken.records
    }

    fn progress(&self, total: &Summary) -> Result<(), Failure> {
        self.result(total)
    }

    fn result(&self, total: &Summary) -> Result<(), Failure> {
        output::line(&if self.json { json(total) } else { line(total) })
    }

    fn rejected(&self) -> &Rejected {
        self.values.rejected()
    }
}

/// One JSON object on a line.
pub(crate) fn json(total: &Summary) -> String {
    let moments = &total.moments;
    let mut out = format!("{{\"count\":{}", moments.count());
    for (name, value) in statistics(moments) {
        let _ = write!(out, ",\"{name}\":{}", exact(value));
    }
    let [not_a_number, nan, infinite] = rejected(total);
    let _ = write!(out, ",\"rejected\":{{\"not_a_number\":{not_a_number},\"nan\":{nan},\"infinite\":{infinite}}}}}");
    out
}

/// One line for people.
pub(crate) fn line(total: &Summary) -> String {
    const DIGITS: usize = 10;
    let mut out = format!("count {}", total.moments.count());
    // The square of the standard deviation says the same as the population's variance does, almost.
    for (name, value) in statistics(&total.moments).into_iter().filter(|(name, _)| *name != "population_variance") {
        let value = value.map_or("-".to_owned(), |value| short(value, DIGITS));
        let _ = write!(out, "  {name} {value}");
    }
    for (number, what) in rejected(total).into_iter().zip(["not a number", "NaN", "infinite"]) {
        if number > 0 {
            let _ = write!(out, "  ({number} {what})");
        }
    }
    out
}

fn statistics(moments: &Moments) -> [(&'static str, Option<f64>); 8] {
    [
        ("mean", moments.mean()),
        ("variance", moments.sample_variance()),
        ("population_variance", moments.population_variance()),
        ("stddev", moments.sample_stddev()),
        ("skewness", moments.skewness()),
        ("kurtosis", moments.excess_kurtosis()),
        ("min", moments.min()),
        ("max", moments.max()),
    ]
}

fn rejected(total: &Summary) -> [u64; 3] {
    let moments = &total.moments;
    let infinite = moments.positive_infinities().saturating_add(moments.negative_infinities());
    [total.not_a_number, moments.nan(), infinite]
}
