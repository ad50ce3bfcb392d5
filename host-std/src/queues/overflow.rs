//! The overflow log: a file of the items that a queue could not keep, one a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file that is only ever appended to, in whole lines.
///
/// What it can't take now (a full disk, say) is kept, up to a bound, and tried again with what comes next; what is beyond
/// the bound is lost, counted and told, at most once a second.
#[derive(Debug)]
pub(crate) struct OverflowLog {
    path: PathBuf,
    file: File,
    /// Lines that are not in the file yet.
    pending: Vec<u8>,
    /// Lines that are not in any file, and never will be.
    lost: u64,
    told: Option<Instant>,
}

/// Bytes that are kept for a file that takes none.
const MOST_PENDING: usize = 4 << 20;

impl OverflowLog {
    /// Opens or makes the file.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let file = append_to(&path)?;
        Ok(Self { path, file, pending: Vec::new(), lost: 0, told: None })
    }

    /// Appends whole lines.
    pub(crate) fn write(&mut self, lines: &[u8]) {
        let is_late = !self.pending.is_empty();
        if is_late {
            self.keep(lines);
        }
        let rest = if is_late { std::mem::take(&mut self.pending) } else { lines.to_vec() };
        match self.append(&rest) {
            Ok(()) => {}
            Err((written, error)) => {
                self.tell(&error);
                self.keep(rest.get(written..).unwrap_or_default());
            }
        }
    }

    /// Goes on in the file that has the path now.
    pub(crate) fn reopen(&mut self) {
        match append_to(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => tracing::error!(path = %self.path.display(), %error, "cannot open the overflow log again"),
        }
        self.write(b"");
    }

    /// Appends `lines`; if that fails, as many whole ones as fit, and says how many bytes these are.
    fn append(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < lines.len() {
            match self.file.write(&lines[written..]) {
                Ok(0) => return Err(self.mend(lines, written, io::ErrorKind::WriteZero.into())),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.mend(lines, written, error)),
            }
        }
        Ok(())
    }

    /// Takes the torn line off the end of the file again.
    fn mend(&self, lines: &[u8], written: usize, error: io::Error) -> (usize, io::Error) {
        let whole = memchr::memrchr(b'\n', &lines[..written]).map_or(0, |end| end + 1);
        let torn = (written - whole) as u64;
        let mended = self.file.metadata().and_then(|file| self.file.set_len(file.len().saturating_sub(torn)));
        // If that fails too, the line stays torn, and comes again whole behind it.
        (whole, mended.err().unwrap_or(error))
    }

    /// Keeps lines for later, as many as there is room for.
    fn keep(&mut self, lines: &[u8]) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if self.pending.len() + line.len() <= MOST_PENDING {
                self.pending.extend_from_slice(line);
            } else {
                self.lost += 1;
            }
        }
    }

    fn tell(&mut self, error: &io::Error) {
        if self.told.is_none_or(|told| told.elapsed() >= Duration::from_secs(1)) {
            self.told = Some(Instant::now());
            let (path, pending, lost) = (self.path.display(), self.pending.len(), self.lost);
            tracing::error!(%path, %error, pending, lost, "cannot write to the overflow log");
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
