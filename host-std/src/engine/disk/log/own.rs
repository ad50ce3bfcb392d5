//! What a log writes for itself.
//!
//! | bytes | |
//! | --- | --- |
//! | 0 | 1: the head of a segment, its first entry; 2: the log was closed here |
//! | 1..9 | head: `sgauge`, and the version of the format, 1, in 2 bytes, little-endian |
//! | 9..17 | head: where the log ended in the segment before: its number and the offset, 4 bytes each, little-endian; zeros if there is none |

use super::Position;

/// An entry of the log's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// A segment begins; what stands behind that place in the one before is not part of the log.
    Head { before: Option<Position> },
    /// The log was closed, and everything before is whole.
    Closed,
}

/// Bytes of a head.
pub(crate) const HEAD: usize = 17;

const MAGIC: [u8; 8] = *b"sgauge\x01\0";

impl Own {
    pub(crate) fn write(self, to: &mut Vec<u8>) {
        match self {
            Self::Head { before } => {
                let before = before.unwrap_or(Position::ZERO);
                to.push(1);
                to.extend_from_slice(&MAGIC);
                to.extend_from_slice(&before.segment.to_le_bytes());
                to.extend_from_slice(&before.offset.to_le_bytes());
            }
            Self::Closed => to.push(2),
        }
    }

    /// `None` if it is nothing that this version writes.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        match body {
            [1, head @ ..] => {
                let (magic, place) = head.split_first_chunk()?;
                let &[a, b, c, d, e, f, g, h] = <&[u8; 8]>::try_from(place).ok()?;
                let (segment, offset) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
                let before = (offset > 0).then_some(Position { segment, offset });
                (*magic == MAGIC).then_some(Self::Head { before })
            }
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
        for own in
            [Own::Head { before: None }, Own::Head { before: Some(Position { segment: 3, offset: 99 }) }, Own::Closed]
        {
            let mut body = Vec::new();
            own.write(&mut body);
            assert_eq!(Own::read(&body), Some(own));
            assert_eq!(Own::read(&body[..body.len() - 1]), None);
            body.push(0);
            assert_eq!(Own::read(&body), None);
        }
        let mut later = Vec::new();
        Own::Head { before: None }.write(&mut later);
        assert_eq!(later.len(), HEAD);
        later[7] = 2;
        assert_eq!(Own::read(&later), None, "another version");
    }
}
