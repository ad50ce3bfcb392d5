//! Entries one behind the other, past what is not what was written.

use super::Position;
use super::frame::{self, Found, HEADER, Salt};

/// What stands from a place to another one of a segment, in the bytes that there are from the first one on: where each piece
/// begins and ends. A piece that is no whole entry goes as far as one, or as a header that tells its length, or to the end. O(bytes).
#[derive(Debug, Clone)]
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    begin: Position,
    at: Position,
    end: u32,
    salt: Salt,
}

impl<'a> Frames<'a> {
    pub(crate) const fn new(bytes: &'a [u8], begin: Position, end: u32, salt: Salt) -> Self {
        Self { bytes, begin, at: begin, end, salt }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = (Position, u32, Found<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let Self { bytes, begin, at, end, salt } = *self;
        if at.offset >= end {
            return None;
        }
        let rest = bytes.get((at.offset - begin.offset) as usize..).unwrap_or_default();
        let found = frame::read(rest, at, salt);
        let len = match found {
            Found::Whole { body, .. } => Some(HEADER + body.len()),
            Found::Broken { .. } | Found::Nothing => found.next(rest, at, salt),
        };
        // What the file has no more of is not there either.
        self.at = len.map_or(at.with_offset(end), |len| at.after(len as u32));
        Some((at, self.at.offset, found))
    }
}

impl Found<'_> {
    /// How far behind a place, in which this was found that is no whole entry, there may be one.
    pub(crate) fn next(self, bytes: &[u8], at: Position, salt: Salt) -> Option<usize> {
        match self {
            Self::Broken { len, .. } => Some(len),
            Self::Whole { .. } | Self::Nothing => next_entry(bytes, at, 1, salt),
        }
    }
}

/// How far behind a place the next whole entry is, from `skip` bytes on.
pub(super) fn next_entry(bytes: &[u8], at: Position, skip: usize, salt: Salt) -> Option<usize> {
    let mut offset = skip;
    while let Some(rest) = bytes.get(offset..).filter(|rest| rest.len() > HEADER) {
        if rest.starts_with(&[0; 8]) {
            // There is no length in the first five bytes of these.
            offset += 5;
            continue;
        }
        if let Found::Whole { .. } = frame::read(rest, at.after(offset as u32), salt) {
            return Some(offset);
        }
        offset += 1;
    }
    None
}
