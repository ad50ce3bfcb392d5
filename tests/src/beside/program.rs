//! The other servers' programs: where they are, which they are, and why one cannot be measured.

use std::fmt::{Display, Formatter};
use std::path::{self, Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use super::Options;
use crate::needs::program;

/// Why there are no figures.
#[derive(Debug, Clone)]
pub(super) enum Absence {
    NotInstalled(&'static str),
    /// Its release does not have what is to be measured.
    TooOld(String),
}

impl Absence {
    /// The program that would have to be installed.
    pub(super) const fn missing(&self) -> Option<&'static str> {
        match self {
            Self::NotInstalled(program) => Some(*program),
            Self::TooOld(_) => None,
        }
    }
}

impl Display for Absence {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInstalled(program) => write!(out, "not installed (apt-get install {program})"),
            Self::TooOld(version) => write!(out, "not known to {version}; --nats-server FILE names a newer one"),
        }
    }
}

/// What is measured on what, in a line.
///
/// # Errors
/// One of the programs is none that runs.
pub(super) fn versions(options: &Options) -> Result<String, String> {
    let of = |program: Option<PathBuf>| program.map(|program| version(&program)).transpose();
    let found = [of(program("redis-server"))?, of(options.nats_server())?];
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("-").to_owned();
    let before = format!("{cores} cores, load {load} before");
    Ok([Some(before)].into_iter().chain(found).flatten().collect::<Vec<_>>().join("; "))
}

/// The first words of what a program says of itself.
///
/// # Errors
/// It is none that runs; where it was looked for.
pub(super) fn version(program: &Path) -> Result<String, String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(|error| {
        let program = path::absolute(program).unwrap_or_else(|_| program.to_owned());
        format!("{}: {error}", program.display())
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().take_while(|word| !word.starts_with("sha=")).collect::<Vec<_>>().join(" "))
}

impl Options {
    pub(super) fn nats_server(&self) -> Option<PathBuf> {
        self.nats_server.clone().or_else(|| program("nats-server"))
    }
}
