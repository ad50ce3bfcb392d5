//! Binary forms added up, without a server.

use std::convert::Infallible;
use std::iter;
use std::path::{Path, PathBuf};

use clap::Args;
use streamgauge_core::gauge::{Described, Format, Gauge, MergeError, render};

use super::Form;
use crate::engine::memory::Budget;
use crate::gauges::Boxes;
use crate::terminal::exit::Failure;
use crate::terminal::output;

const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    a file can't be read, or added to the others
  2    wrong flags";

/// Add up what several gauges have measured, from files that `gauge show --format binary` has written
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Merge {
    /// The files; all have to measure the same
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// In which form the sum is printed
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(in crate::commands) fn merge(options: &Merge) -> Result<(), Failure> {
    let Some((first, others)) = options.files.split_first() else { return Ok(()) };
    // What comes through a pipe comes once.
    let bytes = read(first)?;
    let described = Described::of(&bytes).map_err(|error| wrong(first, &error))?;
    // The sum reaches back to the start, whatever the windows of its parts.
    let mut definition = described.definition;
    (definition.every, definition.last) = (None, None);
    definition.lateness = core::time::Duration::ZERO;
    definition.rules.clear();
    let budget = Budget::new(u64::MAX);
    let boxes = || Boxes::new(budget.nothing());
    let sum = Gauge::new(&definition, &mut boxes());
    let mut sum = sum.map_err(|error| Failure::Refused(format!("{}: {error}", first.display())))?;
    let mut until = described.to;
    let others = others.iter().map(|file| Ok((file, read(file)?)));
    for file in iter::once(Ok((first, bytes))).chain(others) {
        let (file, bytes) = file?;
        let part = Described::of(&bytes).map_err(|error| wrong(file, &error))?;
        until = until.max(part.to);
        sum.merge(&bytes, part.from, &mut boxes()).map_err(|error| wrong(file, &error))?;
    }
    let format = match options.format {
        Form::Text => Format::Table,
        Form::Json => Format::Json,
        Form::Openmetrics => Format::OpenMetrics,
        Form::Svg => Format::Svg,
        Form::Binary => Format::Binary,
        Form::Definition => Format::Definition,
    };
    let mut out = Vec::new();
    let Ok(()) = render(&mut sum, "merged", format, until, &mut out) as Result<(), Infallible>;
    output::write(&out)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::io(&file.display().to_string(), &error))
}

fn wrong(file: &Path, error: &MergeError) -> Failure {
    Failure::Refused(format!("{}: {error}", file.display()))
}
