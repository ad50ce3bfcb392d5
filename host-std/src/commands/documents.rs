//! `streamgauge completions` and `streamgauge man`: what shells and manuals know of the commands, made from the commands.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Command, Parser};
use clap_complete::Shell;

use crate::terminal::exit::Failure;
use crate::terminal::{EXIT_CODES_HERE, StartError, output, with_exit_codes};

/// Print what a shell completes: streamgauge completions bash > ~/.local/share/bash-completion/completions/streamgauge
#[derive(Debug, Parser)]
#[command(after_long_help = EXIT_CODES_HERE)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Write the manual's pages, one a command: man -l DIR/streamgauge-serve.1
#[derive(Debug, Parser)]
#[command(after_long_help = EXIT_CODES_HERE)]
pub struct Man {
    /// The folder, which is made
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints what a shell completes of `command`.
pub fn completions(options: &Completions, command: &mut Command) -> ExitCode {
    let (mut script, name) = (Vec::new(), command.get_name().to_owned());
    clap_complete::generate(options.shell, command, name, &mut script);
    output::write(&script).map_or_else(Failure::exit, |()| ExitCode::SUCCESS)
}

/// Writes a page for `command`, and for each of its own.
///
/// # Errors
/// The folder can't be written.
pub fn man(options: &Man, command: Command) -> Result<ExitCode, StartError> {
    let folder = &options.folder;
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(with_exit_codes(command), folder));
    written.map_err(|error| StartError::new(format_args!("{}: {error}", folder.display())))?;
    Ok(ExitCode::SUCCESS)
}
