//! A whole body, cut at its separators.

use core::iter::FusedIterator;
use memchr::memchr;

/// The pieces of `body` between separators. Empty pieces are skipped, and a separator at the end
/// ends the last piece. O(n) for all of them.
///
/// ```
/// use streamgauge_core::wire::lines::split;
///
/// assert!(split(b"a\n\nb\n", b'\n').eq([b"a", b"b"]));
/// ```
#[must_use]
pub const fn split(body: &[u8], separator: u8) -> Split<'_> {
    Split { body, separator }
}

/// The pieces of a body: what [`split`] returns.
#[derive(Clone, Debug)]
pub struct Split<'a> {
    body: &'a [u8],
    separator: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (piece, rest) = cut(self.body, memchr(self.separator, self.body), 1);
            self.body = rest;
            if !piece.is_empty() {
                return Some(piece);
            }
            if rest.is_empty() {
                return None;
            }
        }
    }
}

impl FusedIterator for Split<'_> {}

/// As [`split`], at a separator of any length. An empty separator leaves the body in one piece.
///
/// O(n) for all pieces with an ordinary separator, O(n·m) at worst for one of m bytes.
///
/// ```
/// use streamgauge_core::wire::lines::split_on;
///
/// assert!(split_on(b"a, b, , c", b", ").eq([b"a", b"b", b"c"]));
/// assert!(split_on(b"a, b", b"").eq([b"a, b"]));
/// ```
#[must_use]
pub const fn split_on<'a, 's>(body: &'a [u8], separator: &'s [u8]) -> SplitOn<'a, 's> {
    SplitOn { body, separator }
}

/// The pieces of a body: what [`split_on`] returns.
#[derive(Clone, Debug)]
pub struct SplitOn<'a, 's> {
    body: &'a [u8],
    separator: &'s [u8],
}

impl<'a> Iterator for SplitOn<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let found = find(self.body, self.separator);
            let (piece, rest) = cut(self.body, found, self.separator.len());
            self.body = rest;
            if !piece.is_empty() {
                return Some(piece);
            }
            if rest.is_empty() {
                return None;
            }
        }
    }
}

impl FusedIterator for SplitOn<'_, '_> {}

/// `memchr::memmem` would be linear at worst too, but brings kilobytes of code and panics.
fn find(body: &[u8], separator: &[u8]) -> Option<usize> {
    let (&first, tail) = separator.split_first()?;
    let mut start: usize = 0;
    loop {
        let at = start.checked_add(memchr(first, body.get(start..)?)?)?;
        start = at.checked_add(1)?;
        if body.get(start..)?.starts_with(tail) {
            return Some(at);
        }
    }
}

fn cut(body: &[u8], at: Option<usize>, separator: usize) -> (&[u8], &[u8]) {
    at.and_then(|at| body.split_at_checked(at))
        .map_or((body, &[]), |(piece, rest)| (piece, rest.get(separator..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::{split, split_on};

    #[test]
    fn only_separators_are_no_pieces() {
        for body in ["", "\n", "\n\n\n"] {
            assert_eq!(split(body.as_bytes(), b'\n').next(), None);
            assert_eq!(split_on(body.as_bytes(), b"\n").next(), None);
        }
        assert_eq!(split_on(b"", b"").next(), None);
    }

    #[test]
    fn a_separator_that_begins_twice_is_found() {
        assert!(split_on(b"xaaby", b"ab").eq([&b"xa"[..], b"y"]));
        assert!(split_on(b"aaa", b"aa").eq([b"a"]));
    }
}
