//! What a log writes for itself.
//!
//! | bytes | |
//! | --- | --- |
//! | 0 | 1: the head of a segment, its first entry; 2: the log was closed here; 3: the salt once more, behind the head |
//! | 1..9 | head: `sgauge`, and the version of the format, 2, in 2 bytes, little-endian |
//! | 9..17 | head: where the log ended in the segment before: its number and the offset, 4 bytes each, little-endian; zeros if there is none |
//! | 17..21 | head: the [salt](super::frame) of the segment |
//! | 1..5 | 3: the same, so that a head that is lost takes nothing else along |
//!
//! A head of version 1 ends behind the place, and its segment has no salt.

use super::Position;
use super::frame::Salt;

/// An entry of the log's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// A segment begins; what stands behind that place in the one before is not part of the log.
    Head { before: Option<Position>, salt: Salt },
    /// What its head says too.
    Salt(u32),
    /// The log was closed, and everything before is whole.
    Closed,
}

/// Bytes of a head.
pub(crate) const HEAD: usize = 21;

/// Bytes of a salt that is said once more.
pub(crate) const AGAIN: usize = 5;

const MAGIC: [u8; 8] = *b"sgauge\x02\0";
const MAGIC_1: [u8; 8] = *b"sgauge\x01\0";

impl Own {
    pub(crate) fn write(self, to: &mut Vec<u8>) {
        match self {
            Self::Head { before, salt: Salt(salt) } => {
                let before = before.unwrap_or(Position::ZERO);
                to.push(1);
                to.extend_from_slice(if salt.is_some() { &MAGIC } else { &MAGIC_1 });
                to.extend_from_slice(&before.segment.to_le_bytes());
                to.extend_from_slice(&before.offset.to_le_bytes());
                salt.iter().for_each(|salt| to.extend_from_slice(&salt.to_le_bytes()));
            }
            Self::Salt(salt) => {
                to.push(3);
                to.extend_from_slice(&salt.to_le_bytes());
            }
            Self::Closed => to.push(2),
        }
    }

    /// `None` if it is nothing that this version writes.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        match body {
            [1, head @ ..] => {
                let (magic, rest) = head.split_first_chunk()?;
                let (&[a, b, c, d, e, f, g, h], salt) = rest.split_first_chunk()?;
                let (segment, offset) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
                let before = (offset > 0).then_some(Position { segment, offset });
                let salt = match (*magic, salt) {
                    (MAGIC, &[a, b, c, d]) => Salt(Some(u32::from_le_bytes([a, b, c, d]))),
                    (MAGIC_1, []) => Salt::NONE,
                    _ => return None,
                };
                Some(Self::Head { before, salt })
            }
            &[3, a, b, c, d] => Some(Self::Salt(u32::from_le_bytes([a, b, c, d]))),
            [2] => Some(Self::Closed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let (salt, before) = (Salt(Some(7)), Some(Position { segment: 3, offset: 99 }));
        for own in [
            Own::Head { before: None, salt },
            Own::Head { before, salt },
            Own::Head { before, salt: Salt::NONE },
            Own::Salt(7),
            Own::Closed,
        ] {
            let mut body = Vec::new();
            own.write(&mut body);
            assert_eq!(Own::read(&body), Some(own));
            assert_eq!(Own::read(&body[..body.len() - 1]), None);
            body.push(0);
            assert_eq!(Own::read(&body), None);
        }
        let mut later = Vec::new();
        Own::Head { before: None, salt }.write(&mut later);
        assert_eq!(later.len(), HEAD);
        later[7] = 3;
        assert_eq!(Own::read(&later), None, "another version");
    }
}
