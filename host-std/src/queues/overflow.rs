//! The overflow log: a file of the items that a queue could not keep, one a line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// A file that is only ever appended to.
#[derive(Debug)]
pub(super) struct OverflowLog {
    path: PathBuf,
    file: BufWriter<File>,
    /// Whether anything waits in the buffer, and items that could not be written.
    dirty: bool,
    failed: u64,
}

impl OverflowLog {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = append_to(&path)?;
        Ok(Self { path, file, dirty: false, failed: 0 })
    }

    pub(super) fn write(&mut self, item: &[u8]) {
        let written = self.file.write_all(item).and_then(|()| self.file.write_all(b"\n"));
        self.dirty = true;
        self.note(written);
    }

    /// Gives what was written to the operating system.
    pub(super) fn flush(&mut self) {
        if std::mem::take(&mut self.dirty) {
            let flushed = self.file.flush();
            self.note(flushed);
        }
    }

    /// Goes on in the file that has the path now.
    pub(super) fn reopen(&mut self) {
        self.flush();
        match append_to(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => tracing::error!(path = %self.path.display(), %error, "cannot open the overflow log again"),
        }
    }

    fn note(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.failed += 1;
            let (path, failed) = (self.path.display(), self.failed);
            tracing::error!(%path, %error, failed, "cannot write to the overflow log");
        }
    }
}

fn append_to(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(64 << 10, OpenOptions::new().create(true).append(true).open(path)?))
}
