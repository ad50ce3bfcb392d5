//! A file whose time says that the reader lives.

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use tokio::time::Instant;

/// A file that is touched at most every [`INTERVAL`](Self::INTERVAL).
#[derive(Debug)]
pub(super) struct Heartbeat {
    path: PathBuf,
    last: Option<Instant>,
}

impl Heartbeat {
    const INTERVAL: Duration = Duration::from_secs(10);

    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, last: None }
    }

    /// Touches it if it is time to.
    pub(super) fn beat(&mut self) {
        if self.last.is_some_and(|last| last.elapsed() < Self::INTERVAL) {
            return;
        }
        self.last = Some(Instant::now());
        if let Err(error) = self.touch() {
            tracing::warn!("cannot touch the heartbeat file {}: {error}", self.path.display());
        }
    }

    fn touch(&self) -> io::Result<()> {
        let file: File = OpenOptions::new().append(true).create(true).open(&self.path)?;
        file.set_modified(SystemTime::now())
    }
}
