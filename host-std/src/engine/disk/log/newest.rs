//! Which segment is the newest that was begun: when its file is gone, nothing else says that it was ever there.
//!
//! It stands in a file of its own, as the name of the segment's file and a line's end, twice: when a crash has torn that, the
//! two differ. It is written when what begins the segment is on the disk, so it never tells of more than there was.

use std::io;

use super::position::{name_of, segment_of};
use crate::engine::disk::files::{File as _, Folder};

/// The name of the file.
const NAME: &str = "newest";

/// Bytes of each line.
const LINE: usize = 15;

/// The newest segment that is known to have been begun, if anything says so.
///
/// # Errors
/// The file can't be read.
pub(super) fn read<F: Folder>(folder: &F) -> io::Result<Option<u32>> {
    let file = match folder.open(NAME) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = [0; 2 * LINE];
    file.read_all_at(0, &mut lines)?;
    let (first, second) = lines.split_at(LINE);
    let line = std::str::from_utf8(first).ok().filter(|_| first == second);
    Ok(line.and_then(|line| segment_of(line.strip_suffix('\n')?)))
}

/// Says that a segment was begun, which is on the disk.
///
/// # Errors
/// The disk is full, or doesn't work.
pub(super) fn write<F: Folder>(folder: &F, segment: u32) -> io::Result<()> {
    let lines = format!("{}\n", name_of(segment)).repeat(2);
    let file = match folder.open(NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = folder.create(NAME, lines.len() as u64)?;
            folder.sync()?;
            file
        }
        opened => opened?,
    };
    file.write_all_at(0, lines.as_bytes())?;
    file.sync()
}
