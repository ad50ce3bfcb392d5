//! Files of lines that are only ever appended to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Opens or makes a file to append to; and whether its last line has no end, as whoever wrote it was killed in the middle
/// of it: what is appended would be the rest of that line.
pub(crate) fn open(path: &Path) -> io::Result<(File, bool)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let about = file.metadata()?;
    let is_torn = match about.len().checked_sub(1).filter(|_| about.is_file()) {
        // A pipe has no end, and who may only write can't know.
        None => false,
        Some(last) => {
            let mut byte = [b'\n'];
            File::open(path).and_then(|file| file.read_exact_at(&mut byte, last)).is_ok() && byte != *b"\n"
        }
    };
    Ok((file, is_torn))
}

/// Takes the last bytes of a file off again.
pub(crate) fn take_off(file: &File, bytes: u64) -> io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let len = file.metadata()?.len();
    file.set_len(len.saturating_sub(bytes))
}
