//! `streamgauge data`: what a server keeps in a folder, while no server runs there.
//!
//! | module | idea |
//! | --- | --- |
//! | `check` | whether all of it is there, and whether a server could start |
//! | `dump` | all of it as lines of JSON; `entry`: one of them |
//! | `repair` | what is left is put in the place of what is damaged |

mod check;
mod dump;
mod entry;
mod repair;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use streamgauge_core::engine::Name;

use crate::engine::disk::{AtRest, Damage, LogFound, LostItems, Restored, Salvage, Salvaged, StateError};
use crate::terminal::StartError;
use crate::terminal::exit::Failure;
use crate::terminal::progress::{Progress, Unit};

/// Look at what `serve --data-dir` keeps in a folder, or repair it, while no server runs there
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(check::Check),
    Dump(dump::Dump),
    Repair(repair::Repair),
}

/// The end of each command's help.
const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    something is lost
  2    wrong flags; or a server has the folder, nothing is kept there, it can't be read, or stdout can't be written";

/// The folder of a command.
#[derive(Debug, Args)]
struct Folder {
    /// The folder, as serve --data-dir has it
    #[arg(value_name = "DIR")]
    path: PathBuf,
}

impl Folder {
    fn open(&self) -> Result<AtRest, StartError> {
        AtRest::open(&self.path).map_err(|error| self.wrong(&error))
    }

    fn take(&self) -> Result<AtRest, StartError> {
        AtRest::take(&self.path).map_err(|error| self.wrong(&error))
    }

    /// What can be done where there is no checkpoint to begin with.
    fn without_checkpoint(&self, has_all: bool) -> String {
        if has_all {
            let folder = shown(&self.path);
            format!(
                "the log goes back to its beginning: streamgauge data repair --from-log {folder} executes all of it again"
            )
        } else {
            "nothing can be gone on with: put a copy of the folder in its place, or begin anew in another one"
                .to_owned()
        }
    }

    fn wrong(&self, error: &impl std::fmt::Display) -> StartError {
        StartError::new(format_args!("{}: {error}", self.path.display()))
    }
}

/// Runs a command to its end.
///
/// # Errors
/// The folder can't be read, or a server has it.
pub fn run(options: &Options) -> Result<ExitCode, StartError> {
    match &options.action {
        Action::Check(check) => check.run(),
        Action::Dump(dump) => dump.run(),
        Action::Repair(repair) => repair.run(),
    }
}

/// All that there is in a folder.
struct Read {
    /// Why the checkpoint can't be read.
    wrong: Option<StateError>,
    log: LogFound,
    /// What is damaged of the messages of topics before it, which no start needs.
    messages: Vec<Damage>,
    /// What the checkpoint and the log come to.
    state: Option<Salvaged>,
    /// Items of it that can't be read, and are not in it any more.
    lost: Vec<LostItems>,
}

impl Read {
    /// Whether all of it is there.
    fn is_whole(&self) -> bool {
        self.starts() && self.lost.is_empty() && self.messages.is_empty()
    }

    /// Whether a server starts with it.
    fn starts(&self) -> bool {
        self.wrong.is_none() && self.state.as_ref().is_some_and(|state| state.losses.is_empty())
    }

    /// Lets messages leave that a repair gives up, and says how many of which topic.
    fn give_up(&mut self, folder: &Folder, at_rest: &AtRest) -> Result<Vec<(Name, u64)>, StartError> {
        match &mut self.state {
            Some(state) if !(state.losses.is_empty() && self.messages.is_empty()) => {
                at_rest.lose_damaged(&mut state.histories).map_err(|error| folder.wrong(&error))
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Reads a checkpoint, or what stands in its place, and the log behind it.
fn read(
    folder: &Folder,
    at_rest: &AtRest,
    instead: impl FnOnce(StateError) -> Result<Restored, StateError>,
) -> Result<Read, StartError> {
    let restored = at_rest.checkpoint().and_then(|there| there.ok_or(StateError::NoCheckpoint)).or_else(instead);
    let (begun, wrong) = match restored {
        Ok(restored) => (Some(restored), None),
        Err(error) if error.is_loss() => (None, Some(error)),
        Err(error) => return Err(folder.wrong(&error)),
    };
    let oldest = at_rest.oldest().map_err(|error| folder.wrong(&error))?;
    let from = begun.as_ref().map_or(oldest, |begun| begun.from);
    let messages = begun.as_ref().map(|begun| at_rest.damaged_messages(&begun.histories, from)).transpose();
    let messages = messages.map_err(|error| folder.wrong(&error))?.unwrap_or_default();
    let mut salvage = begun.map(Salvage::of);
    let all = at_rest.log_bytes(from).map_err(|error| folder.wrong(&error))?;
    let mut progress = Progress::new("reading", Unit::Bytes, all);
    let log = at_rest.log(from, |step| {
        progress.advance(step.len());
        if let Some(salvage) = &mut salvage {
            salvage.take(step);
        }
        ControlFlow::Continue(())
    });
    drop(progress);
    let log = log.map_err(|error| folder.wrong(&error))?;
    let mut state = salvage.map(Salvage::finish);
    let lost = match &mut state {
        Some(state) => {
            at_rest.lose_unreadable(&mut state.memory, state.latest).map_err(|error| folder.wrong(&error))?
        }
        None => Vec::new(),
    };
    Ok(Read { wrong, log, messages, state, lost })
}

/// How a command ends that has said what it has to say, or could not: who reads no further has heard enough, and what could
/// not be written is not taken for a loss.
fn ended(said: Result<(), Failure>, is_well: bool) -> ExitCode {
    match said {
        Ok(()) | Err(Failure::NobodyReads) => ExitCode::from(u8::from(!is_well)),
        Err(Failure::Refused(text)) => Failure::Wrong(text).exit(),
        Err(failure) => failure.exit(),
    }
}

/// The folder as a command line has to name it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
