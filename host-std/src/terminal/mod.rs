//! What the command-line tools have in common: how they start, what they print, and how they stop.
//!
//! | module | idea |
//! | --- | --- |
//! | [`flags`] | flags as the original tools take them, numbers of bytes and seconds |
//! | `process` | another root, another user, the background |
//! | `signals` | what ends a program, and what lets it open its files again |
//! | `exit` | how a command ends, and with which exit code |
//! | `input`, `output` | stdin, as many whole lines at a time as have come; stdout, which may be closed any time |
//! | `display` | what a terminal does with what is written to it: whether there are colours |
//! | `stderr` | what is said on stderr, if it can be |
//! | `progress` | how far long work is |
//! | `masked` | values without what nobody else should read |
//! | `meant` | which word was meant by one that is not known |
//! | `usage` | what a command's help ends with, and what is wrong with a command line, in one line |
//! | `log` | how events are written to stderr |
//! | `json` | bytes as a JSON string, and what servers answer back from JSON, in its order |

pub(crate) mod display;
pub(crate) mod exit;
pub mod flags;
pub(crate) mod input;
pub(crate) mod json;
mod log;
mod masked;
pub(crate) mod meant;
pub(crate) mod output;
mod process;
pub(crate) mod progress;
pub(crate) mod signals;
mod stderr;
mod usage;

pub(crate) use log::start_warnings;
pub use log::{LogFormat, start_log};
pub(crate) use masked::masked;
pub use process::Process;
pub use signals::{listen_to_signals, on_upgrade};
pub use stderr::{say, say_as, warn};
pub(crate) use usage::{EXIT_CODES_HERE, one_line, with_exit_codes};

use std::fmt::Display;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::socket::{Backlog, listen};

/// What went wrong before a tool could do its work: one line, and exit code 2.
#[derive(Debug)]
pub struct StartError(String);

impl StartError {
    /// An error that reads as `text`.
    pub fn new(text: impl Display) -> Self {
        Self(text.to_string())
    }

    /// All of these errors.
    pub(crate) fn lines(lines: &[String]) -> Self {
        Self(lines.join("\nerror: "))
    }
}

impl Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// The environment variable that has the token which is shown to servers.
const TOKEN: &str = "STREAMGAUGE_TOKEN";

/// The one that has the file of that.
const TOKEN_FILE: &str = "STREAMGAUGE_TOKEN_FILE";

/// Reads the command line as the original tools do (`-` and `_` are the same in a flag's name), runs `tool` with it,
/// and says on stderr what went wrong.
pub fn main<O: Parser>(tool: impl FnOnce(O) -> Result<ExitCode, StartError>) -> ExitCode {
    let typed = flags::normalise(std::env::args_os());
    let mut command = usage::without_idle_variables(usage::with_exit_codes(O::command()), &typed);
    let matches = command.try_get_matches_from_mut(typed);
    let options = match matches.and_then(|mut matches| O::from_arg_matches_mut(&mut matches)) {
        Ok(options) => options,
        Err(error) => {
            // A wrong flag takes one line; help goes to stdout as it is.
            if error.use_stderr() {
                say(usage::wrong(&mut command, &error));
                return ExitCode::from(2);
            }
            let text = error.render();
            let text =
                if display::is_coloured(&std::io::stdout()) { text.ansi().to_string() } else { text.to_string() };
            return output::write(text.as_bytes()).map_or_else(exit::Failure::exit, |()| ExitCode::SUCCESS);
        }
    };
    crate::client::authorize_by(token);
    tool(options).unwrap_or_else(|error| {
        say(format_args!("error: {error}"));
        ExitCode::from(2)
    })
}

/// The token that the environment has, or names the file of. A variable that is empty says nothing.
fn token() -> Result<Option<String>, String> {
    if let Some(token) = std::env::var(TOKEN).ok().filter(|token| !token.is_empty()) {
        return Ok(Some(token));
    }
    let Some(file) = std::env::var_os(TOKEN_FILE).filter(|file| !file.is_empty()) else { return Ok(None) };
    let read = std::fs::read_to_string(&file);
    read.map(Some).map_err(|error| format!("{TOKEN_FILE}: {}: {error}", Path::new(&file).display()))
}

/// Takes a port.
///
/// # Errors
/// A line that names the address, and the `flag` that chose it.
pub fn bind(address: &str, port: u16, flag: &str) -> Result<TcpListener, StartError> {
    let bind = || {
        let address = (address, port);
        let listener = TcpListener::bind(address)?;
        // As many as the operating system lets wait: while a process follows another one, nobody accepts.
        listen(&listener, Backlog::MAXCONN)?;
        listener.set_nonblocking(true)?;
        std::io::Result::Ok(listener)
    };
    bind().map_err(|error| StartError::new(format_args!("cannot listen on {address}:{port} ({flag}): {error}")))
}

/// Prints what the original tools print when they start.
pub fn announce(paths: &[&str], address: Option<SocketAddr>) {
    let mut out = std::io::stdout().lock();
    for path in paths {
        let _ = writeln!(out, "registering callback for path \"{path}\"");
    }
    if let Some(address) = address {
        let _ = writeln!(out, "listening on {address}");
    }
    let _ = out.flush();
}

/// A runtime on this thread.
///
/// One thread does all the work of a server: nothing is contended, and a burst of requests is seen as one.
///
/// # Errors
/// When the operating system has no room for it.
pub fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::new(format_args!("cannot start: {error}")))
}
