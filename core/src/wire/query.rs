//! Query strings and request targets.

use super::percent::{Decode, Plus, decode};
use super::split::{Split, split};
use core::iter::FusedIterator;
use memchr::{memchr, memchr2};

/// Splits a request target at its first `?`: the path, as it was sent, and the query, which is
/// empty when there is none. O(n).
///
/// ```
/// use streamgauge_core::wire::query::split_target;
///
/// let (path, query) = split_target(b"/get?items=10");
/// assert_eq!(path, b"/get");
/// assert_eq!(query.get("items").unwrap().integer(), Some(10));
/// ```
#[must_use]
pub fn split_target(target: &[u8]) -> (&[u8], Query<'_>) {
    let (path, query) = split_at_byte(target, b'?');
    (path, Query::new(query.unwrap_or_default()))
}

/// A query string, parsed anew at each question: it keeps no table, and so has no limit of keys.
///
/// `&` separates pairs, empty pairs are skipped, the first `=` ends the key, a `+` is a space.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    raw: &'a [u8],
}

impl<'a> Query<'a> {
    /// Over what stands behind the `?`. O(1).
    #[must_use]
    pub const fn new(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The query as it was sent. O(1).
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The value of the first pair with this key; keys are compared decoded. A key without `=`
    /// has an empty value. O(n).
    ///
    /// ```
    /// use streamgauge_core::wire::query::Query;
    ///
    /// let query = Query::new(b"%64ata=a+b&data=later&reset");
    /// assert!(query.get("data").unwrap() == *"a b");
    /// assert!(query.get("reset").unwrap().is_empty());
    /// assert!(query.get("format").is_none());
    /// ```
    #[must_use]
    #[inline]
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        // As most requests have none.
        if self.raw.is_empty() { None } else { self.find(key) }
    }

    fn find(&self, key: &str) -> Option<Value<'a>> {
        self.pairs().find_map(|(name, value)| (name == *key).then_some(value))
    }

    /// All pairs of key and value, in order. O(n) for all of them.
    ///
    /// ```
    /// use streamgauge_core::wire::query::Query;
    ///
    /// assert_eq!(Query::new(b"a=1&&b=2&c").pairs().count(), 3);
    /// ```
    #[must_use]
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs { pieces: split(self.raw, b'&') }
    }
}

/// The pairs of a [`Query`].
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    pieces: Split<'a>,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Value<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.pieces.next()?;
        // A key is short: a search that is made for long texts would take longer to begin than this one takes.
        let (key, value) = pair.split_at_checked(pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len()))?;
        Some((Value::new(key), Value::new(value.get(1..).unwrap_or_default())))
    }
}

impl FusedIterator for Pairs<'_> {}

/// A key or a value of a query: percent-coded bytes that are decoded as they are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Value<'a> {
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// Over encoded bytes. O(1).
    #[must_use]
    pub const fn new(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The bytes as they were sent. O(1).
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The decoded bytes.
    #[must_use]
    pub const fn bytes(&self) -> Decode<'a> {
        decode(self.raw, Plus::Space)
    }

    /// How many decoded bytes there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes().count()
    }

    /// Whether its bytes are as they were sent. O(n).
    #[must_use]
    pub fn is_plain(&self) -> bool {
        memchr2(b'%', b'+', self.raw).is_none()
    }

    /// Whether there are none. O(1).
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Decodes to the front of `out` and returns how many bytes that took, or `None` when they
    /// don't fit; `out` then holds some of them. O(n).
    ///
    /// ```
    /// use streamgauge_core::wire::query::Value;
    ///
    /// let mut out = [0; 3];
    /// assert_eq!(Value::new(b"a%20b").copy_to(&mut out), Some(3));
    /// assert_eq!(&out, b"a b");
    /// assert_eq!(Value::new(b"a%20bc").copy_to(&mut out), None);
    /// ```
    #[must_use]
    pub fn copy_to(&self, out: &mut [u8]) -> Option<usize> {
        let mut room = out.iter_mut();
        let mut length: usize = 0;
        for byte in self.bytes() {
            *room.next()? = byte;
            length = length.wrapping_add(1);
        }
        Some(length)
    }

    /// The whole value as a decimal number with an optional sign; `None` for anything else, and
    /// for what an `i64` can't hold. O(n).
    ///
    /// A plus sign must be sent as `%2B`: a bare one is a space.
    ///
    /// ```
    /// use streamgauge_core::wire::query::Value;
    ///
    /// assert_eq!(Value::new(b"-12").integer(), Some(-12));
    /// assert_eq!(Value::new(b"12a").integer(), None);
    /// ```
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let mut digits = self.bytes();
        let mut ahead = digits.clone();
        let negative = match ahead.next()? {
            sign @ (b'-' | b'+') => {
                digits = ahead;
                sign == b'-'
            }
            _ => false,
        };
        let mut number: Option<i64> = None;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            let shifted = number.unwrap_or(0).checked_mul(10)?;
            let digit = i64::from(digit & 15);
            number = Some(if negative { shifted.checked_sub(digit)? } else { shifted.checked_add(digit)? });
        }
        number
    }
}

impl PartialEq<[u8]> for Value<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        // Nothing gets longer by being decoded.
        self.raw.len() >= other.len() && self.bytes().eq(other.iter().copied())
    }
}

impl PartialEq<str> for Value<'_> {
    fn eq(&self, other: &str) -> bool {
        *self == *other.as_bytes()
    }
}

/// What stands before the first `byte`, and what behind it if it occurs.
fn split_at_byte(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    memchr(byte, text)
        .and_then(|at| text.split_at_checked(at))
        .map_or((text, None), |(before, rest)| (before, rest.get(1..)))
}

#[cfg(test)]
mod tests {
    use super::{Query, Value, split_target};

    #[test]
    fn integers_end_where_i64_ends() {
        let integer = |raw: &'static str| Value::new(raw.as_bytes()).integer();
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer("9223372036854775808"), None);
        assert_eq!(integer("-9223372036854775809"), None);
        assert_eq!(integer("%2B%31"), Some(1));
        for nothing in ["", "-", "%2B", "--1", "+1", " 1", "1 ", "1.0", "0x1"] {
            assert_eq!(integer(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn the_first_of_a_key_counts_and_an_equals_sign_may_be_in_the_value() {
        let query = Query::new(b"=empty&a=b=c&a=d&+=space");
        assert!(query.get("").unwrap() == *"empty");
        assert!(query.get("a").unwrap() == *"b=c");
        assert!(query.get(" ").unwrap() == b"space"[..]);
        assert_eq!(Value::new(b"%41+%").len(), 3);
    }

    #[test]
    fn a_target_without_a_query_has_an_empty_one() {
        let (path, query) = split_target(b"/stats");
        assert_eq!((path, query.raw()), (&b"/stats"[..], &b""[..]));
        let (path, query) = split_target(b"/put?data=?");
        assert_eq!((path, query.raw()), (&b"/put"[..], &b"data=?"[..]));
    }
}
