//! What an entry of the log is, byte for byte.
//!
//! | first byte | what follows |
//! | --- | --- |
//! | 0 | what was executed, as [`journal`](streamgauge_core::engine::journal) has it, with times since 1970 |
//! | 1 | the same, in front of it which requests were refused meanwhile: how many are named, and the number of each from 0 on, 4 bytes each, little-endian. With bit 31 it is of those for a name, and not for memory; with bit 30 all that came after it were refused as well |
//! | 4, 5 | the same as 0 and 1, of messages that were published: in front of it the low half of the number of the first one, 4 bytes, little-endian |
//! | 2 | a note is kept: the length of its name in a byte, its name, and the note to the end |
//! | 3 | a note is not kept any more: its name |

use streamgauge_core::engine::Name;

/// What an entry of the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    /// Something was executed, and requests of these numbers were refused meanwhile; and the low half of the number of the
    /// first message that it published, where that is said.
    Executed { number: Option<u32>, refused: Vec<u32>, entry: &'a [u8] },
    /// A note is kept under a name.
    Note(Name, &'a [u8]),
    /// It is not kept any more.
    NoNote(Name),
}

impl<'a> Body<'a> {
    /// Begins an entry of something that was executed: what was, is to be written behind it.
    pub(crate) fn begin_executed(number: Option<u32>, refused: &[u32], out: &mut Vec<u8>) {
        let kind = if number.is_some() { NUMBERED } else { 0 };
        out.push(kind + u8::from(!refused.is_empty()));
        out.extend(number.into_iter().flat_map(u32::to_le_bytes));
        if refused.is_empty() {
            return;
        }
        out.extend_from_slice(&(refused.len() as u32).to_le_bytes());
        refused.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    }

    /// Writes that a note is kept, or not any more.
    pub(crate) fn write_note(name: &Name, note: Option<&[u8]>, out: &mut Vec<u8>) {
        let name = name.as_bytes();
        match note {
            Some(note) => {
                // A name is shorter than that.
                out.extend_from_slice(&[2, name.len() as u8]);
                out.extend_from_slice(name);
                out.extend_from_slice(note);
            }
            None => {
                out.push(3);
                out.extend_from_slice(name);
            }
        }
    }

    /// What is in the bytes; `None` if it is nothing that this version writes.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        match bytes {
            [0 | 1, rest @ ..] => Self::read_executed(None, has_refused(bytes), rest),
            [NUMBERED | NUMBERED_REFUSED, rest @ ..] => {
                let (number, rest) = rest.split_first_chunk()?;
                Self::read_executed(Some(u32::from_le_bytes(*number)), has_refused(bytes), rest)
            }
            [2, len, rest @ ..] => {
                let (name, note) = rest.split_at_checked((*len).into())?;
                Some(Self::Note(Name::new(name).ok()?, note))
            }
            [3, name @ ..] => Some(Self::NoNote(Name::new(name).ok()?)),
            _ => None,
        }
    }

    /// Reads what stands behind the number of a message, if there is one.
    fn read_executed(number: Option<u32>, was_refused: bool, bytes: &'a [u8]) -> Option<Self> {
        if !was_refused {
            return Some(Self::Executed { number, refused: Vec::new(), entry: bytes });
        }
        let (count, rest) = bytes.split_first_chunk()?;
        let len = (u32::from_le_bytes(*count) as usize).checked_mul(4)?;
        let (numbers, entry) = rest.split_at_checked(len)?;
        let numbers = numbers.chunks_exact(4).filter_map(|four| four.try_into().ok());
        Some(Self::Executed { number, refused: numbers.map(u32::from_le_bytes).collect(), entry })
    }
}

/// The kinds of what was executed and has the number of a message.
const NUMBERED: u8 = 4;
const NUMBERED_REFUSED: u8 = NUMBERED + 1;

/// Whether something was refused meanwhile, of what was executed.
fn has_refused(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|kind| kind % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let name = Name::new(b"clicks").unwrap();
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            write(&mut bytes);
            bytes
        };
        for refused in [vec![], vec![0], vec![3, u32::MAX]] {
            for number in [None, Some(0), Some(u32::MAX)] {
                let mut bytes = written(&|out| Body::begin_executed(number, &refused, out));
                bytes.extend_from_slice(b"entry");
                let refused = refused.clone();
                assert_eq!(Body::read(&bytes), Some(Body::Executed { number, refused, entry: b"entry" }));
            }
        }
        let bytes = written(&|out| Body::write_note(&name, Some(b"{}"), out));
        assert_eq!(Body::read(&bytes), Some(Body::Note(name, b"{}")));
        let bytes = written(&|out| Body::write_note(&name, None, out));
        assert_eq!(Body::read(&bytes), Some(Body::NoNote(name)));
        for bytes in [
            &b""[..],
            b"\x01\x01\0\0",
            b"\x01\xff\xff\xff\xff",
            b"\x02\x05ab",
            b"\x02\0",
            b"\x03",
            b"\x04a",
            b"\x05\0\0\0\0a",
            b"\x06a",
        ] {
            assert_eq!(Body::read(bytes), None, "{bytes:?}");
        }
    }
}
