//! What of a log is lost.

use super::Position;
use super::position::name_of;

/// Bytes of a segment that were on the disk, and can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) at: Position,
    /// So many at the most, and at least one entry; of a file that is missing 0 if nothing says how far the log went in it.
    pub(crate) len: u32,
    pub(crate) harm: Harm,
}

/// What became of bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// They are not what was written.
    Changed,
    /// The file ends in front of them.
    Cut,
    /// The whole file is missing, or as good as that.
    Missing,
}

impl Damage {
    pub(super) const fn missing(at: Position, end: Option<u32>) -> Self {
        let len = match end {
            // It is known that this is nothing, or little.
            Some(end) => {
                if end > at.offset {
                    end - at.offset
                } else {
                    1
                }
            }
            None => 0,
        };
        Self { at, len, harm: Harm::Missing }
    }

    pub(super) const fn changed(at: Position, len: u32) -> Self {
        Self { at, len, harm: Harm::Changed }
    }

    /// Whether it touches what lies from a place to another one in the same segment.
    pub(crate) fn is_in(&self, begin: Position, end: u32) -> bool {
        let Self { at, len, harm } = *self;
        at.segment == begin.segment
            && (harm == Harm::Missing || (at.offset < end && at.after(len).offset > begin.offset))
    }

    /// Bytes that are there, and are not what was written.
    pub(crate) const fn bytes(&self) -> u32 {
        match self.harm {
            Harm::Changed => self.len,
            Harm::Cut | Harm::Missing => 0,
        }
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.harm {
            Harm::Changed => write!(f, "{}: {} bytes are not what was written", self.at, self.len),
            Harm::Cut => write!(f, "{}: what was behind that is missing, as the file was cut off", self.at),
            Harm::Missing => write!(f, "{} is missing, or nothing in it can be read", name_of(self.at.segment)),
        }
    }
}
