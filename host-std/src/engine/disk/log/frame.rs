//! How an entry lies in a segment.
//!
//! | bytes | |
//! | --- | --- |
//! | 0..4 | word, little-endian: bit 31 says that all before it was on the disk when it was written, which the first entry of a group says; bit 30 that it is the log's own; the other 30 are the length of the body, which is not 0 |
//! | 4..6 | low half of the CRC-32 of what tells its place, as below |
//! | 6..10 | CRC-32 of its place and its body: segment, offset, word and the segment's salt as 4 bytes each, little-endian, then the body |
//! | 10.. | body |
//!
//! Both sums are of its place too: what a segment held when its file had another number is not taken for an entry, nor is
//! one that was written to a wrong place. The sum of the place alone tells that the length is right: who looks for the
//! next entry behind a broken one sees at once where none can be, and a broken body is all that is lost of it.
//!
//! The salt is drawn when a segment is begun, and stands in its head, whose own sums are without one. So whoever puts items
//! that are made to look like entries of a segment to come, in a file that will be used again, has guessed one sum of four
//! billion. Segments of version 1 have no salt, and neither have their sums.
//!
//! The CRC is that of IEEE 802.3.

use std::io;

use crc32fast::Hasher;

use super::Position;

/// Bytes in front of a body.
pub(crate) const HEADER: usize = 10;

/// The longest body.
pub(crate) const LONGEST: usize = OWN as usize - 1;

const FIRST: u32 = 1 << 31;
const OWN: u32 = 1 << 30;

/// What nobody can foretell of a segment, and all sums in it are of, but those of its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Salt(pub(super) Option<u32>);

impl Salt {
    /// None: in segments of version 1.
    pub(crate) const NONE: Self = Self(None);

    /// Another one.
    ///
    /// # Errors
    /// The operating system has no random numbers.
    pub(super) fn draw() -> io::Result<Self> {
        getrandom::u32().map(|bits| Self(Some(bits))).map_err(io::Error::other)
    }
}

/// What an entry is beside its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// It is the first of its group: all that stands before it was on the disk when it was written.
    pub(crate) is_first: bool,
    /// It is the log's own.
    pub(crate) is_own: bool,
}

/// What is in a place of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// An entry.
    Whole { marks: Marks, body: &'a [u8] },
    /// An entry whose body is broken, and its length with the header.
    Broken { marks: Marks, len: usize },
    /// No entry.
    Nothing,
}

/// Writes the header of a body of the length of `frame` without it, which stands behind it already.
pub(crate) fn seal(frame: &mut [u8], marks: Marks, at: Position, salt: Salt) {
    let Some((header, body)) = frame.split_first_chunk_mut::<HEADER>() else { return };
    let mut word = body.len() as u32;
    word |= if marks.is_first { FIRST } else { 0 } | if marks.is_own { OWN } else { 0 };
    let place = place(at, word, salt);
    let [a, b, ..] = place.clone().finalize().to_le_bytes();
    let ([c, d, e, f], [g, h, i, j]) = (word.to_le_bytes(), sum(place, body).to_le_bytes());
    *header = [c, d, e, f, a, b, g, h, i, j];
}

/// Marks the frame at the beginning of `bytes` as the first of its group.
pub(crate) fn set_first(bytes: &mut [u8], at: Position, salt: Salt) {
    if let Found::Whole { marks, body } = read(bytes, at, salt) {
        let len = HEADER + body.len();
        seal(&mut bytes[..len], Marks { is_first: true, ..marks }, at, salt);
    }
}

/// The length of the frame at the beginning of `bytes`, which are in that place; `None` if there is none. Not all of it may
/// be in the bytes.
pub(crate) fn len(bytes: &[u8], at: Position, salt: Salt) -> Option<usize> {
    let &[a, b, c, d, e, f, ..] = bytes.first_chunk::<HEADER>()?;
    let is_here = place(at, u32::from_le_bytes([a, b, c, d]), salt).finalize().to_le_bytes().starts_with(&[e, f]);
    told_len(bytes).filter(|_| is_here)
}

/// The length of the frame at the beginning of `bytes`, as its header tells it: of bytes that are known to be whole.
pub(crate) fn told_len(bytes: &[u8]) -> Option<usize> {
    let word = bytes.first_chunk::<HEADER>()?.first_chunk()?;
    let len = (u32::from_le_bytes(*word) & (OWN - 1)) as usize;
    (len > 0).then_some(HEADER + len)
}

/// What is at the beginning of `bytes`, which are in that place.
pub(crate) fn read(bytes: &[u8], at: Position, salt: Salt) -> Found<'_> {
    let Some((&[a, b, c, d, e, f, g, h, i, j], rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Found::Nothing;
    };
    let word = u32::from_le_bytes([a, b, c, d]);
    let len = (word & (OWN - 1)) as usize;
    if len == 0 || len > rest.len() {
        return Found::Nothing;
    }
    let place = place(at, word, salt);
    if !place.clone().finalize().to_le_bytes().starts_with(&[e, f]) {
        return Found::Nothing;
    }
    let marks = Marks { is_first: word & FIRST != 0, is_own: word & OWN != 0 };
    let body = &rest[..len];
    if sum(place, body) == u32::from_le_bytes([g, h, i, j]) {
        Found::Whole { marks, body }
    } else {
        Found::Broken { marks, len: HEADER + len }
    }
}

/// How many of these bytes, which are in that place, are whole frames.
pub(crate) fn whole_frames(bytes: &[u8], at: Position, salt: Salt) -> usize {
    let mut len = 0;
    while let Found::Whole { body, .. } = read(bytes.get(len..).unwrap_or_default(), at.after(len as u32), salt) {
        len += HEADER + body.len();
    }
    len
}

fn place(at: Position, word: u32, salt: Salt) -> Hasher {
    let mut place = [0; 12];
    for (four, number) in place.chunks_exact_mut(4).zip([at.segment, at.offset, word]) {
        four.copy_from_slice(&number.to_le_bytes());
    }
    let mut hasher = Hasher::new();
    hasher.update(&place);
    // The head, which tells it, is in front of all others.
    if let Salt(Some(salt)) = salt
        && at.offset > 0
    {
        hasher.update(&salt.to_le_bytes());
    }
    hasher
}

fn sum(mut place: Hasher, body: &[u8]) -> u32 {
    place.update(body);
    place.finalize()
}

/// Makes the sums of a frame right, whatever its first word says beside its length.
#[cfg(any(test, fuzzing))]
pub(crate) fn reseal(frame: &mut [u8], at: Position, salt: Salt) {
    let Some(&[a, b, c, d]) = frame.first_chunk() else { return };
    let word = u32::from_le_bytes([a, b, c, d]);
    seal(frame, Marks { is_first: word & FIRST != 0, is_own: word & OWN != 0 }, at, salt);
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { segment: 7, offset: 300 };
    const SALT: Salt = Salt(Some(0x1234_5678));
    const MARKS: Marks = Marks { is_first: true, is_own: false };

    fn frame(body: &[u8], salt: Salt) -> Vec<u8> {
        let mut frame = vec![0; HEADER];
        frame.extend_from_slice(body);
        seal(&mut frame, MARKS, AT, salt);
        frame
    }

    #[test]
    fn it_is_as_it_is_written_down() {
        // Computed with Python's zlib.crc32.
        let expected = [5, 0, 0, 128, 0x5f, 0x20, 0x7e, 0x9e, 0x0b, 0x40];
        assert_eq!(frame(b"H3110", Salt::NONE), [&expected[..], b"H3110"].concat());
        let expected = [5, 0, 0, 128, 0xa1, 0x1c, 0xd8, 0x77, 0x2a, 0x43];
        assert_eq!(frame(b"H3110", SALT), [&expected[..], b"H3110"].concat());
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let whole = frame(b"H3110", Salt::NONE);
        assert_eq!(read(&whole, AT, Salt::NONE), Found::Whole { marks: MARKS, body: b"H3110" });
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit < 48 { Found::Nothing } else { Found::Broken { marks: MARKS, len: whole.len() } };
            assert_eq!(read(&flipped, AT, Salt::NONE), expected, "bit {bit}");
        }
    }

    #[test]
    fn who_does_not_know_the_salt_has_no_entry_but_at_the_beginning() {
        for (with, other) in [(SALT, Salt::NONE), (Salt::NONE, SALT), (SALT, Salt(Some(0x1234_5679)))] {
            let whole = frame(b"H3110", with);
            assert_eq!(read(&whole, AT, with), Found::Whole { marks: MARKS, body: b"H3110" });
            assert_eq!(read(&whole, AT, other), Found::Nothing);
        }
        let begin = AT.with_offset(0);
        let mut head = frame(b"H3110", SALT);
        seal(&mut head, MARKS, begin, SALT);
        assert_eq!(read(&head, begin, Salt::NONE), Found::Whole { marks: MARKS, body: b"H3110" });
    }

    #[test]
    fn it_is_in_its_place_only() {
        let whole = frame(b"H3110", Salt::NONE);
        for at in [Position { segment: 8, ..AT }, AT.after(1), Position::ZERO] {
            assert_eq!(read(&whole, at, Salt::NONE), Found::Nothing);
        }
        assert_eq!(read(&whole[..whole.len() - 1], AT, Salt::NONE), Found::Nothing);
        assert_eq!(read(&[0; 100], AT, Salt::NONE), Found::Nothing);
    }
}
