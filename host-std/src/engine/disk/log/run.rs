//! Runs of entries: what a segment has from the beginning of one on, in one piece.

use std::io;

use super::Position;
use super::frame::{self, Found, HEADER, Salt};
use super::own::{AGAIN, HEAD, Own};
use crate::engine::disk::files::File;

/// Bytes that are read at once, unless an entry is longer.
const PIECE: u32 = 256 << 10;

/// The salt of a segment, in its bytes from the beginning on.
pub(crate) fn salt_in(bytes: &[u8], segment: u32) -> Salt {
    let begin = Position { segment, offset: 0 };
    let own = |bytes, at, salt| match frame::read(bytes, at, salt) {
        Found::Whole { marks, body } if marks.is_own => Own::read(body),
        _ => None,
    };
    if let Some(Own::Head { salt, .. }) = own(bytes, begin, Salt::NONE) {
        return salt;
    }
    // The head is lost, and what is behind it has sums of what it tells itself.
    let again = bytes.get(HEADER + HEAD..).unwrap_or_default();
    let told = again.get(HEADER + 1..).and_then(<[u8]>::first_chunk).map(|salt| Salt(Some(u32::from_le_bytes(*salt))));
    told.filter(|told| {
        let again = own(again, begin.after((HEADER + HEAD) as u32), *told);
        matches!(again, Some(Own::Salt(salt)) if *told == Salt(Some(salt)))
    })
    .unwrap_or(Salt::NONE)
}

/// The salt of a segment.
///
/// # Errors
/// The disk doesn't work.
pub(crate) fn salt_of(file: &impl File, segment: u32) -> io::Result<Salt> {
    let mut bytes = [0; HEADER + HEAD + HEADER + AGAIN];
    let read = file.read_all_at(0, &mut bytes)?;
    Ok(salt_in(bytes.get(..read).unwrap_or_default(), segment))
}

/// Reads from an entry on as much as is read at once, and all of the entry: `most` bytes in no case. How long it is, is only
/// taken from a header that belongs there.
///
/// # Errors
/// The disk doesn't work.
pub(crate) fn read_run(file: &impl File, at: Position, most: u32, salt: Salt) -> io::Result<Vec<u8>> {
    let bytes = read_bytes(file, at, most.min(PIECE))?;
    match frame::len(&bytes, at, salt).filter(|len| *len > bytes.len()) {
        Some(len) => read_bytes(file, at, most.min(u32::try_from(len).unwrap_or(u32::MAX))),
        None => Ok(bytes),
    }
}

/// Reads so many bytes from a place on, or as many as there are.
///
/// # Errors
/// The disk doesn't work.
pub(crate) fn read_bytes(file: &impl File, at: Position, len: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    let read = file.read_all_at(u64::from(at.offset), &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// What there is from an entry on in bytes that begin in a place; `None` if it is not in them.
pub(crate) fn from_entry(bytes: &[u8], begin: Position, at: Position) -> Option<&[u8]> {
    let before = at.offset.checked_sub(begin.offset).filter(|_| at.segment == begin.segment)?;
    bytes.get(before as usize..).filter(|rest| !rest.is_empty())
}
