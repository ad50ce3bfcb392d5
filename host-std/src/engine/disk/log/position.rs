//! Where something is in a log.

use std::fmt;

/// A place in a log: a segment, and an offset in its file. Later places are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

impl Position {
    /// Before everything.
    pub(crate) const ZERO: Self = Self { segment: 0, offset: 0 };

    /// The place that is `bytes` behind this one, in the same segment.
    pub(crate) const fn after(self, bytes: u32) -> Self {
        Self { segment: self.segment, offset: self.offset.saturating_add(bytes) }
    }

    /// As one number, later places having a greater one.
    pub(crate) const fn number(self) -> u64 {
        (self.segment as u64) << 32 | self.offset as u64
    }

    /// The place of this number.
    pub(crate) const fn from_number(number: u64) -> Self {
        Self { segment: (number >> 32) as u32, offset: number as u32 }
    }

    /// A place in the same segment.
    pub(crate) const fn with_offset(self, offset: u32) -> Self {
        Self { segment: self.segment, offset }
    }

    /// The name of the file that it is in.
    pub(crate) fn file(self) -> String {
        name_of(self.segment)
    }
}

/// As the file's name and the place in it.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", name_of(self.segment), self.offset)
    }
}

/// The name of the file of a segment.
pub(crate) fn name_of(segment: u32) -> String {
    format!("{segment:010}.log")
}

/// The segment of a file of that name.
pub(crate) fn segment_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".log")?;
    let segment = (digits.len() == 10).then(|| digits.parse().ok())??;
    (name_of(segment) == name).then_some(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_segment() {
        for segment in [0, 1, 77, u32::MAX] {
            assert_eq!(segment_of(&name_of(segment)), Some(segment));
        }
        for name in ["1.log", "0000000001.log~", "0000000001", "+000000001.log", "9999999999.log", "checkpoint"] {
            assert_eq!(segment_of(name), None, "{name}");
        }
    }
}
