//! `streamgauge config`: what a server would be told, before one runs; and what one that runs is told again.
//!
//! | module | idea |
//! | --- | --- |
//! | here | check and show |
//! | `of_before` | what flags say of names that were there before |
//! | `reload` | what is declared is put; what has changed is said |
//! | `readback` | whatever can be read is shown as what it is, for a fuzzer |

mod of_before;
#[cfg(any(test, fuzzing))]
pub mod readback;
pub(super) mod reload;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::serve;
use crate::engine::memory::Inventory;
use crate::gateway::{Gateway, Rehearsal, Settings};
use crate::operations::configuration::{Configuration, Sources, Wrong};
use crate::terminal::exit::Failure;
use crate::terminal::{StartError, output, say};

/// Look at what serve would be told by a file, the environment and flags
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say all that is wrong with a file and the environment: a line each, with its place
    #[command(after_long_help = EXIT_CODES)]
    Check {
        /// The file [default: STREAMGAUGE_CONFIG]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print every setting, its value and where that is from, as a file that says the same; what is secret is left out
    #[command(after_long_help = EXIT_CODES)]
    Show(Box<Show>),
}

#[derive(Debug, Args)]
struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    given: serve::Given,
}

/// The end of each command's help.
const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    something is wrong: each of it is a line
  2    wrong flags";

/// Does what is asked for.
///
/// # Errors
/// There are none: what is wrong is what is asked for.
pub fn run(options: Options) -> Result<ExitCode, StartError> {
    Ok(match options.action {
        Action::Check { file } => {
            let given = serve::Given::default().with("config", file.map(Into::into));
            ended(&Sources::of_process(&given), serve::Options::judge_start, |_| "fine\n".to_owned())
        }
        Action::Show(show) => {
            let print = |configuration: &Configuration| {
                if show.json { configuration.json() } else { configuration.toml() }
            };
            // It may be shown on another machine than it is for.
            let judge = |options: &serve::Options, configuration: &_| options.judge(configuration, &[]);
            ended(&Sources::of_process(&show.given), judge, print)
        }
    })
}

/// Prints what is to be printed, or all that is wrong.
fn ended(
    sources: &Sources,
    judge: impl FnOnce(&serve::Options, &Configuration) -> Result<(), Vec<String>>,
    print: impl FnOnce(&Configuration) -> String,
) -> ExitCode {
    match read(sources) {
        Ok((configuration, options)) => {
            configuration.warnings.iter().for_each(|line| say(format_args!("warning: {line}")));
            if let Err(lines) = judge(&options, &configuration) {
                return refused(&lines);
            }
            output::write(print(&configuration).as_bytes()).map_or_else(Failure::exit, |()| ExitCode::SUCCESS)
        }
        Err(lines) => refused(&lines),
    }
}

/// Says what is wrong.
fn refused(lines: &[String]) -> ExitCode {
    lines.iter().for_each(|line| say(format_args!("error: {line}")));
    ExitCode::FAILURE
}

/// What is set, and the flags that it comes to.
///
/// # Errors
/// All that is wrong, a line each.
pub(super) fn read(sources: &Sources) -> Result<(Configuration, serve::Options), Vec<String>> {
    let configuration = Configuration::read::<serve::Options>(sources);
    let configuration = configuration.map_err(|all| all.iter().map(Wrong::to_string).collect::<Vec<_>>())?;
    let mut lines = configuration.contradictions::<serve::Options>();
    if lines.is_empty() {
        let options = configuration.options().map_err(|line| vec![line])?;
        return Ok((configuration, options));
    }
    let apart = configuration.options_apart::<serve::Options>().map_err(|line| vec![line])?;
    lines.extend(apart.judge_start(&configuration).err().into_iter().flatten());
    Err(lines)
}

/// Puts what is declared to a server of these settings that keeps nothing, with what there is already, if that is known,
/// and is adjusted so before: bodies by their paths.
///
/// # Errors
/// All that it would refuse for good, a line each.
pub(super) fn rehearsed(
    configuration: &Configuration,
    settings: &Settings,
    there: Option<Inventory>,
    adjusted: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Vec<String>> {
    if adjusted.is_empty() && configuration.puts().next().is_none() {
        return Ok(());
    }
    let put = async |gateway: &Arc<Gateway>| {
        let mut lines = Vec::new();
        for (path, body) in adjusted {
            if let Err(why) = gateway.declare(path, body).await {
                lines.push(reload::not_adjusted(path, &why.line));
            }
        }
        for declared in configuration.puts() {
            match gateway.declare(&declared.target(), &declared.body()).await {
                Err(why) if !why.is_busy => lines.push(configuration.explain(&declared.refused(&why.line))),
                _ => {}
            }
        }
        lines
    };
    let said = Rehearsal::new(settings, there).and_then(|rehearsal| rehearsal.run(put));
    let lines = said.unwrap_or_else(|error| vec![configuration.explain(&error.to_string())]);
    if lines.is_empty() { Ok(()) } else { Err(lines) }
}
