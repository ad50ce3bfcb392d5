//! How a command ends, and with which exit code.

use std::io;
use std::process::ExitCode;

use http::{Response, StatusCode};

use crate::client::{Error, Url};

/// Why a command did not do all that it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is nothing there.
    Nothing,
    /// In words: the server said no, or what was asked for can't be done.
    Refused(String),
    /// Nothing answers at that path, in words: it may be another kind of server.
    NotThere(String),
    /// What the command was given can't be used, in words.
    Wrong(String),
    /// The server can't be reached, in words.
    Unreachable(String),
    /// A signal came before the end.
    Interrupted,
    /// Nobody reads stdout any more, which is how `| head` says that it has enough.
    NobodyReads,
}

impl Failure {
    /// What an error of the client means.
    pub(crate) fn of(url: &Url, error: &Error) -> Self {
        let text = format!("{url}: {error}");
        match error {
            // It has nothing to do with the server.
            Error::Setup(line) => Self::Wrong(line.clone()),
            Error::Status(_) | Error::BodyTooLarge | Error::Invalid => Self::Refused(text),
            _ => Self::Unreachable(text),
        }
    }

    /// Whatever went wrong with stdin, stdout or a file.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe if what == STDOUT => Self::NobodyReads,
            _ => Self::Refused(format!("{what}: {error}")),
        }
    }

    /// The same, with what `end` makes of the line in which a server refuses behind it.
    pub(crate) fn with(self, end: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Refused(text) => {
                let end = end(&text);
                Self::Refused(text + &end)
            }
            other => other,
        }
    }

    /// What there is to say of it, in a line.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Refused(text) | Self::NotThere(text) | Self::Wrong(text) | Self::Unreachable(text) => Some(text),
            Self::Nothing | Self::Interrupted | Self::NobodyReads => None,
        }
    }

    /// Whether it is an error, which says itself that nothing was done.
    pub(crate) fn is_said(&self) -> bool {
        self.text().is_some()
    }

    /// Says on stderr what there is to say.
    pub(crate) fn say(&self) {
        if let Some(text) = self.text() {
            super::say(format_args!("error: {text}"));
        }
    }

    /// The same, and the exit code.
    pub(crate) fn exit(self) -> ExitCode {
        self.say();
        ExitCode::from(match self {
            Self::NobodyReads => 0,
            Self::Nothing | Self::Refused(_) | Self::NotThere(_) => 1,
            Self::Wrong(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Interrupted => 130,
        })
    }
}

/// The name of stdout in an error.
pub(crate) const STDOUT: &str = "stdout";

/// The answer if it says yes; else the line in which it says no, or that of its problem document.
pub(crate) fn accepted(url: &Url, answer: Response<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let status = answer.status();
    let body = answer.into_body();
    if status.is_success() {
        return Ok(body);
    }
    let problem = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    let text = String::from_utf8_lossy(&body);
    let line = detail.or_else(|| text.lines().next()).unwrap_or_default().trim();
    let reason = if line.is_empty() { status.canonical_reason().unwrap_or_default() } else { line };
    let text = format!("{url} answered {}: {reason}", status.as_u16());
    // What isn't known by its name is told in a line; only an unknown path is told by nothing at all.
    Err(if status == StatusCode::NOT_FOUND && line.is_empty() {
        Failure::NotThere(text)
    } else {
        Failure::Refused(text)
    })
}
