//! Records, a block at a time, from wherever they come.

mod file;
mod pubsub;
mod queue;

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use file::File;
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{Whence, lseek};
use pubsub::Pubsub;
use queue::Queue;

use crate::client::Url;
use crate::terminal::StartError;
use crate::terminal::exit::Failure;

/// Where records come from, as it is said on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Stdin,
    File(PathBuf),
    Pubsub(Url),
    Queue(Url),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let url: Url = text.parse().map_err(|error: crate::client::BadUrl| error.to_string())?;
        let path = url.target().split('?').next().unwrap_or_default();
        match path {
            _ if path.starts_with("/sub") => Ok(Self::Pubsub(url)),
            "/" | "/get" | "/mget" => Ok(Self::Queue(url)),
            _ => Err(format!("`{text}` is neither a pubsub (http://…/sub) nor a queue (http://…/get)")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("stdin"),
            Self::File(path) => path.display().fmt(f),
            Self::Pubsub(url) | Self::Queue(url) => url.fmt(f),
        }
    }
}

/// Whole records, each with a separator behind it.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) separator: u8,
}

/// What a source had to leave out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// Messages that a pubsub no longer had after the connection was lost.
    pub(super) missed: u64,
    /// How often a pubsub has begun anew, and nobody knows what was missed.
    pub(super) new_lives: u64,
    /// Records longer than [`MAX_RECORD`].
    pub(super) too_long: u64,
}

/// Longest record.
pub(super) const MAX_RECORD: usize = 5 << 20;

/// An open source.
#[derive(Debug)]
pub(super) enum Source {
    File(File),
    Pubsub(Pubsub),
    Queue(Box<Queue>),
}

impl Source {
    /// Opens a file; the others connect when they are first read, and again when they are lost. Where they can't the
    /// first time, they try on with `retry`.
    pub(super) fn open(address: &Address, drain: bool, retry: bool) -> Result<Self, StartError> {
        if drain && !matches!(address, Address::Queue(_)) {
            return Err(StartError::new(format_args!("--drain: {address} is no queue")));
        }
        Ok(match address {
            Address::Stdin => Self::File(File::new(std::io::stdin(), len_of_stdin())),
            Address::File(path) => {
                let named = |error| StartError::new(format_args!("--source {}: {error}", path.display()));
                let file = std::fs::File::open(path).map_err(named)?;
                let found = file.metadata().map_err(named)?;
                if found.is_dir() {
                    return Err(StartError::new(format_args!("--source {}: is a folder", path.display())));
                }
                Self::File(File::new(file, Some(found.len()).filter(|_| found.is_file())))
            }
            Address::Pubsub(url) => Self::Pubsub(Pubsub::new(url.clone(), retry)),
            Address::Queue(url) => Self::Queue(Box::new(Queue::new(url, drain, retry))),
        })
    }

    /// Waits for the next records: at most `most` of them where they are gone once they were asked for. `None` at the
    /// end. Nothing is lost when this is cancelled, if [`last`](Self::last) is asked for at the end.
    pub(super) async fn next(&mut self, most: u64) -> Result<Option<Block>, Failure> {
        match self {
            Self::File(file) => file.next().await,
            Self::Pubsub(pubsub) => pubsub.next().await,
            Self::Queue(queue) => queue.next(most).await,
        }
    }

    /// What was asked for already when nobody wants more.
    pub(super) async fn last(&mut self) -> Result<Option<Block>, Failure> {
        match self {
            Self::Queue(queue) => queue.last().await,
            Self::File(_) | Self::Pubsub(_) => Ok(None),
        }
    }

    /// Takes away what shows how far it is: nothing more is read.
    pub(super) fn end(&mut self) {
        if let Self::File(file) = self {
            file.end();
        }
    }

    /// Gives a block back that was worked through.
    pub(super) fn recycle(&mut self, block: Block) {
        if let Self::File(file) = self {
            file.recycle(block);
        }
    }

    /// Whether records are gone from where they were once they are here.
    pub(super) const fn is_queue(&self) -> bool {
        matches!(self, Self::Queue(_))
    }

    /// What had to be left out so far.
    pub(super) fn losses(&self) -> Losses {
        match self {
            Self::File(file) => Losses { too_long: file.too_long(), ..Losses::default() },
            Self::Pubsub(pubsub) => pubsub.losses(),
            Self::Queue(_) => Losses::default(),
        }
    }
}

/// How much there is to be read, where stdin is a file.
fn len_of_stdin() -> Option<u64> {
    let stdin = std::io::stdin();
    let found = fstat(&stdin).ok()?;
    let is_file = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    let here = lseek(&stdin, 0, Whence::SeekCur).unwrap_or(0);
    is_file.then(|| u64::try_from(found.st_size - here).unwrap_or(0))
}

/// What separates records that came apart: no number and no JSON text has it inside (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_it_is() {
        let kind = |text: &str| match text.parse() {
            Ok(Address::Stdin) => "stdin".to_owned(),
            Ok(Address::File(_)) => "file".to_owned(),
            Ok(Address::Pubsub(_)) => "pubsub".to_owned(),
            Ok(Address::Queue(_)) => "queue".to_owned(),
            Err(error) => error,
        };
        for (text, expected) in [
            ("-", "stdin"),
            ("a/b", "file"),
            ("http://a/sub", "pubsub"),
            ("http://a/sub?multipart=0", "pubsub"),
            ("http://a", "queue"),
            ("http://a/mget?items=3", "queue"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        assert!(kind("http://a/pub").contains("neither a pubsub"));
        assert!(kind("redis://a/").contains("redis is not supported"));
    }
}
