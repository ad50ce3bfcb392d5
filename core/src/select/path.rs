//! Where a field is.

use core::fmt;

/// The most keys and places that a path has.
pub const MAX_STEPS: usize = 16;

/// Where a field is: keys and, in arrays, places, from the outside in: `user.langs[0]`, or `user.langs.0`.
///
/// A point ends a key, and brackets are the same as a point: what stands in them is a key or a place too, and may have
/// points and colons in it: `[user.name].first`. In an object a step is a key, in an array a place, counted from 0. A
/// key that is empty or has both a point and a `]` has no path.
///
/// ```
/// use streamgauge_core::select::{BadPath, Path};
///
/// let path = Path::parse("ll[0].x")?;
/// assert_eq!(path.steps().collect::<Vec<_>>(), ["ll", "0", "x"]);
/// assert_eq!(Path::parse("a..b").err(), Some(BadPath::EmptyStep));
/// # Ok::<(), BadPath>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T> {
    text: T,
    steps: Steps,
}

impl<T: AsRef<str>> Path<T> {
    /// Reads a path. O(n).
    ///
    /// # Errors
    /// A step is empty, brackets don't close, or it is longer than 255 bytes or [`MAX_STEPS`].
    pub fn parse(text: T) -> Result<Self, BadPath> {
        let steps = Steps::parse(text.as_ref())?;
        Ok(Self { text, steps })
    }

    /// A key of the message itself, whatever is in its name. O(1).
    ///
    /// # Errors
    /// It is empty, or longer than 255 bytes.
    ///
    /// ```
    /// use streamgauge_core::select::Path;
    ///
    /// assert!(Path::key("user.name")?.steps().eq(["user.name"]));
    /// # Ok::<(), streamgauge_core::select::BadPath>(())
    /// ```
    pub fn key(text: T) -> Result<Self, BadPath> {
        let steps = Steps::key(text.as_ref())?;
        Ok(Self { text, steps })
    }

    /// The path as it was written. O(1).
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_ref()
    }

    /// Its keys and places, from the outside in. O(1) each.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        (0..self.steps.len()).filter_map(|depth| self.steps.get(self.text(), depth))
    }

    pub(super) const fn spans(&self) -> Steps {
        self.steps
    }
}

impl<T: AsRef<str>> fmt::Display for Path<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Why some text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadPath {
    /// Nothing stands before or behind a point, or in brackets.
    EmptyStep,
    /// A `[` without `]`, or a `]` that neither a point nor a `[` follows.
    Brackets,
    /// It has more than [`MAX_STEPS`] steps.
    TooManySteps,
    /// It is longer than 255 bytes.
    TooLong,
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyStep => f.write_str("a path with an empty key: it is written as user.langs[0]"),
            Self::Brackets => f.write_str("a path with brackets that don't fit: it is written as user.langs[0]"),
            Self::TooManySteps => write!(f, "a path of more than {MAX_STEPS} keys"),
            Self::TooLong => write!(f, "a path of more than {MAX_BYTES} bytes"),
        }
    }
}

impl core::error::Error for BadPath {}

const MAX_BYTES: u8 = u8::MAX;

/// Where the steps are in the text of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    /// INVARIANT: start and end of each are places in the text, at character boundaries.
    spans: [(u8, u8); MAX_STEPS],
    count: u8,
}

impl Steps {
    const NONE: Self = Self { spans: [(0, 0); MAX_STEPS], count: 0 };

    fn key(text: &str) -> Result<Self, BadPath> {
        let mut steps = Self::NONE;
        steps.push(0, text.len())?;
        Ok(steps)
    }

    fn parse(text: &str) -> Result<Self, BadPath> {
        let mut steps = Self::NONE;
        let mut rest = text.bytes().enumerate();
        // Where the step begins, and whether a bracket has opened it.
        let (mut start, mut bracket) = (0, false);
        // A bracket has closed: another one opens, or a point follows.
        let mut closed = false;
        for (at, byte) in rest.by_ref() {
            match byte {
                b']' if bracket => {
                    steps.push(start, at)?;
                    (bracket, closed) = (false, true);
                }
                _ if bracket => {}
                b'[' if at == start || closed => {
                    (start, bracket, closed) = (at.wrapping_add(1), true, false);
                }
                b'.' if closed => (start, closed) = (at.wrapping_add(1), false),
                _ if closed => return Err(BadPath::Brackets),
                b'[' | b'.' => {
                    steps.push(start, at)?;
                    (start, bracket) = (at.wrapping_add(1), byte == b'[');
                }
                _ => {}
            }
        }
        if bracket {
            return Err(BadPath::Brackets);
        }
        if !closed {
            steps.push(start, text.len())?;
        }
        Ok(steps)
    }

    fn push(&mut self, start: usize, end: usize) -> Result<(), BadPath> {
        let (Ok(start), Ok(end)) = (u8::try_from(start), u8::try_from(end)) else { return Err(BadPath::TooLong) };
        if start == end {
            return Err(BadPath::EmptyStep);
        }
        let slot = self.spans.get_mut(usize::from(self.count)).ok_or(BadPath::TooManySteps)?;
        *slot = (start, end);
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// The step at this depth of the path that `text` is.
    #[inline]
    pub(super) fn get<'t>(&self, text: &'t str, depth: usize) -> Option<&'t str> {
        let &(start, end) = self.spans.get(depth).filter(|_| depth < self.len())?;
        text.get(usize::from(start)..usize::from(end))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn paths_are_read_as_they_are_written() {
        for (text, expected) in [
            ("a", Ok("a")),
            ("a.b", Ok("a|b")),
            ("a.0", Ok("a|0")),
            ("a[0]", Ok("a|0")),
            ("a[0][1].c", Ok("a|0|1|c")),
            ("a.b[0]", Ok("a|b|0")),
            ("[0].a", Ok("0|a")),
            ("a.[0]", Ok("a|0")),
            ("[user.name].x:y", Ok("user.name|x:y")),
            ("a[b[c]", Ok("a|b[c")),
            ("a]b", Ok("a]b")),
            ("ä.ö[ü]", Ok("ä|ö|ü")),
            ("", Err(BadPath::EmptyStep)),
            (".a", Err(BadPath::EmptyStep)),
            ("a.", Err(BadPath::EmptyStep)),
            ("a..b", Err(BadPath::EmptyStep)),
            ("a[]", Err(BadPath::EmptyStep)),
            ("a[0].", Err(BadPath::EmptyStep)),
            ("a[0", Err(BadPath::Brackets)),
            ("a[", Err(BadPath::Brackets)),
            ("a[0]b", Err(BadPath::Brackets)),
            ("a[0]]", Err(BadPath::Brackets)),
        ] {
            let read = Path::parse(text).map(|path| path.steps().collect::<Vec<_>>().join("|"));
            assert_eq!(read, expected.map(String::from), "{text}");
        }
    }

    #[test]
    fn paths_are_bounded() {
        assert_eq!(Path::parse(["a"; MAX_STEPS].join(".")).unwrap().steps().count(), MAX_STEPS);
        assert_eq!(Path::parse(["a"; MAX_STEPS + 1].join(".")), Err(BadPath::TooManySteps));
        assert_eq!(Path::parse("a".repeat(255)).unwrap().text().len(), 255);
        assert_eq!(Path::parse("a".repeat(256)), Err(BadPath::TooLong));
        assert_eq!(Path::key("a".repeat(256)), Err(BadPath::TooLong));
        assert_eq!(Path::parse(["a.", &"b".repeat(254)].concat()), Err(BadPath::TooLong));
    }
}
