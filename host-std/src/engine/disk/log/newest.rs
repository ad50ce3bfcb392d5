//! Which segment is the newest that was begun, and how long its file is: when that is gone or cut off, nothing else says what
//! there was.
//!
//! It stands in a file of its own, in a line: the name of the segment's file, its bytes in ten digits, and the CRC-32 of both
//! in eight hexadecimal ones, without which a crash could have left the name of one and the bytes of another. It is written
//! when what begins the segment is on the disk, and again before a start gives back what the segment has no use for; so it
//! never tells of more than there was.

use std::io;

use super::Position;
use super::position::{name_of, segment_of};
use crate::engine::disk::files::{File as _, Folder};

/// The name of the file.
const NAME: &str = "newest";

/// Bytes of the line.
const LINE: usize = 35;

/// How far the file goes of the newest segment that is known to have been begun, if anything says so.
///
/// # Errors
/// The file can't be read.
pub(super) fn read<F: Folder>(folder: &F) -> io::Result<Option<Position>> {
    let Some(file) = opened(folder)? else { return Ok(None) };
    let mut said = [0; LINE];
    file.read_all_at(0, &mut said)?;
    Ok(end_in(&said).filter(|end| line(*end).as_bytes() == said))
}

/// Says that a segment was begun, which is on the disk, and how far its file goes.
///
/// # Errors
/// The disk is full, or doesn't work.
pub(super) fn write<F: Folder>(folder: &F, end: Position) -> io::Result<()> {
    let line = line(end);
    let file = match opened(folder)? {
        Some(file) => file,
        None => {
            let file = folder.create(NAME, LINE as u64)?;
            folder.sync()?;
            file
        }
    };
    file.write_all_at(0, line.as_bytes())?;
    file.sync()
}

/// Says that the file of the newest segment goes no further from now on, where anything is said of it.
///
/// # Errors
/// The disk doesn't work.
pub(super) fn shorten<F: Folder>(folder: &F, end: Position) -> io::Result<()> {
    let Some(file) = opened(folder)? else { return Ok(()) };
    file.write_all_at(0, line(end).as_bytes())?;
    file.sync()
}

fn line(Position { segment, offset }: Position) -> String {
    let said = format!("{} {offset:010}", name_of(segment));
    format!("{said} {:08x}\n", crc32fast::hash(said.as_bytes()))
}

/// What a line tells, whether it is whole or not.
fn end_in(line: &[u8]) -> Option<Position> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    Some(Position { segment: segment_of(words.next()?)?, offset: words.next()?.parse().ok()? })
}

fn opened<F: Folder>(folder: &F) -> io::Result<Option<F::File>> {
    match folder.open(NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}
