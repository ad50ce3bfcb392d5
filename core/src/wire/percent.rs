//! Percent-coding, as URLs and HTML forms use it.

use super::digits::{hex_digit, hex_value};
use core::iter::FusedIterator;
use embedded_io::Write;

/// What a `+` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// A space, as in a query string or a form.
    Space,
    /// Itself, as in a path.
    Literal,
}

/// Decodes `raw`, a byte at a time. A `%` that two hexadecimal digits don't follow stands for
/// itself, as in the URL standard: no input is refused.
///
/// O(1) a byte.
///
/// ```
/// use streamgauge_core::wire::percent::{Plus, decode};
///
/// assert!(decode(b"a%20b+c%2", Plus::Space).eq(*b"a b c%2"));
/// assert!(decode(b"a%20b+c%2", Plus::Literal).eq(*b"a b+c%2"));
/// ```
#[must_use]
pub const fn decode(raw: &[u8], plus: Plus) -> Decode<'_> {
    Decode { raw, plus }
}

/// The decoded bytes: what [`decode`] returns.
#[derive(Clone, Debug)]
pub struct Decode<'a> {
    raw: &'a [u8],
    plus: Plus,
}

impl Iterator for Decode<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.raw.split_first()?;
        self.raw = rest;
        match first {
            b'+' if self.plus == Plus::Space => Some(b' '),
            b'%' => {
                if let Some((&[high, low], rest)) = rest.split_first_chunk()
                    && let (Some(high), Some(low)) = (hex_value(high), hex_value(low))
                {
                    self.raw = rest;
                    return Some(high << 4 | low);
                }
                Some(b'%')
            }
            other => Some(other),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.raw.len().div_ceil(3), Some(self.raw.len()))
    }
}

impl FusedIterator for Decode<'_> {}

/// Encodes `bytes`: all but letters, digits and `-_.~` (the unreserved characters of RFC 3986,
/// section 2.3) become `%XX` with upper-case digits; a space is `%20`.
///
/// O(n), with one write for each run of unreserved characters and each encoded byte.
///
/// # Errors
/// Those of `out`.
///
/// ```
/// use streamgauge_core::wire::percent::encode;
///
/// let mut out = Vec::new();
/// encode(b"a b/~c", &mut out).unwrap();
/// assert_eq!(out, b"a%20b%2F~c");
/// ```
pub fn encode<W: Write>(bytes: &[u8], out: &mut W) -> Result<(), W::Error> {
    let mut left = bytes;
    loop {
        let run = left.iter().take_while(|&&byte| is_unreserved(byte)).count();
        let (run, rest) = left.split_at_checked(run).unwrap_or((left, &[]));
        if !run.is_empty() {
            out.write_all(run)?;
        }
        let Some((&byte, rest)) = rest.split_first() else {
            return Ok(());
        };
        out.write_all(&[b'%', hex_digit(byte >> 4, b'A'), hex_digit(byte, b'A')])?;
        left = rest;
    }
}

/// The bytes that [`encode`] writes. O(n).
///
/// ```
/// assert_eq!(streamgauge_core::wire::percent::encoded_len(b"a b"), 5);
/// ```
#[must_use]
pub fn encoded_len(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum: usize, &byte| sum.saturating_add(if is_unreserved(byte) { 1 } else { 3 }))
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}
