//! Values that are told apart: of a text or a number, what it takes to know it again and to show it.

use core::hash::{Hash, Hasher};

use embedded_io::Write;
use xxhash_rust::xxh3::Xxh3Default;

use super::binary::{Input, Output};
use crate::select::{Number, Value, Worth};
use crate::stats::distinct;
use crate::wire::decimal::Decimal;

/// What of a value is kept to be shown, in bytes.
const SHOWN: usize = 54;

/// A value that can be told from others: a text, a number, `true`, `false` or `null`.
///
/// Values are told apart by 64 bits of a hash of all of them, and texts by their first bytes as well. Numbers are equal
/// when they are worth the same, however they are written; a text and a number never are. To be shown, the first
/// [`SHOWN`](Self::SHOWN) bytes are kept.
#[derive(Clone, Copy)]
pub struct Key {
    hash: u64,
    bytes: [u8; SHOWN],
    length: u8,
    kind: Kind,
}

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Text = 0,
    /// Longer than is kept of it.
    LongText = 1,
    Number = 2,
    Word = 3,
}

impl Key {
    /// The most bytes of a text that are kept to be shown.
    pub const SHOWN: usize = SHOWN;

    /// The key of a value in a message; none of `null`, an object or an array. O(n).
    #[must_use]
    pub fn of(value: &Value<'_>) -> Option<Self> {
        if let Some(text) = value.text() {
            return Some(match text.plain() {
                Some(plain) => Self::of_text(plain),
                None => Self::of_chars(text.chars()),
            });
        }
        if let Some(number) = value.number() {
            return Some(Self::of_number(&number));
        }
        Some(Self::of_word(value.boolean()?))
    }

    /// The key of `true` or `false`.
    pub(super) fn of_word(word: bool) -> Self {
        let word: &[u8] = if word { b"true" } else { b"false" };
        Self::new(Kind::Word, distinct::hash(Kind::Word as u8, word), word)
    }

    /// The key of a number, which is known by what it is worth. O(n).
    #[must_use]
    pub fn of_number(number: &Number<'_>) -> Self {
        let raw = number.raw().as_bytes();
        let mut canonical = Buffer::new();
        let is_canonical = number.worth().is_some_and(|worth| canonical.number(&worth).is_some());
        let hash = distinct::hash(Kind::Number as u8, if is_canonical { canonical.bytes() } else { raw });
        Self::new(Kind::Number, hash, raw)
    }

    /// The key of a number, as its [shortest text](Decimal::shortest); none of NaN and infinities. A text with other digits
    /// is another value, though it may be nearest to the same number. O(1).
    #[must_use]
    pub fn of_float(number: f64) -> Option<Self> {
        let text = Decimal::shortest(number)?;
        Some(Self::of_number(&Number::parse(text.as_str())?))
    }

    /// The key of a text. O(n).
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let kind = if text.len() > SHOWN { Kind::LongText } else { Kind::Text };
        Self::new(kind, distinct::hash(Kind::Text as u8, text.as_bytes()), text.as_bytes())
    }

    /// The key of a text that is written with escapes: the same as if it was written without.
    fn of_chars(mut chars: impl Iterator<Item = char>) -> Self {
        let mut text = Buffer::new();
        while let Some(char) = chars.next() {
            let mut encoded = [0; 4];
            let char = char.encode_utf8(&mut encoded).as_bytes();
            if text.push(char).is_none() {
                let hash = hash_on(&[text.bytes(), char], chars);
                return Self::new(Kind::LongText, hash, text.bytes());
            }
        }
        Self::of_text(core::str::from_utf8(text.bytes()).unwrap_or_default())
    }

    fn new(kind: Kind, hash: u64, shown: &[u8]) -> Self {
        let mut key = Self { hash, bytes: [0; SHOWN], length: 0, kind };
        let shown = shown.get(..whole_characters(shown)).unwrap_or_default();
        for (slot, byte) in key.bytes.iter_mut().zip(shown) {
            *slot = *byte;
        }
        key.length = shown.len() as u8;
        key
    }

    /// The hash of the whole value, the same everywhere.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The value as it is written, or its first [`SHOWN`](Self::SHOWN) bytes. Two values may look the same;
    /// [names](Self::name) tell them apart.
    #[must_use]
    pub fn shown(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Whether it is a text; otherwise [`shown`](Self::shown) is JSON as it stands, if it [is whole](Self::is_whole).
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::LongText)
    }

    /// Whether all of the value is shown, as far as is known.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        match self.kind {
            Kind::Text | Kind::Word => true,
            Kind::LongText => false,
            // One of as many bytes may have been cut.
            Kind::Number => (self.length as usize) < SHOWN,
        }
    }
}

impl Key {
    /// Writes it in its binary form.
    pub(super) fn write<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.bytes(&self.hash.to_le_bytes())?;
        out.bytes(&[self.kind as u8, self.length])?;
        out.bytes(self.shown().as_bytes())
    }

    /// Reads one; `None` for what no value can have led to, as far as that can be told.
    pub(super) fn read(input: &mut Input<'_>) -> Option<Self> {
        let hash = input.u64()?;
        let (kind, length) = (Kind::of(input.u8()?)?, input.u8()?);
        let shown = core::str::from_utf8(input.bytes(usize::from(length))?).ok()?;
        let is_known = match kind {
            Kind::Text => Self::of_text(shown).hash == hash && shown.len() <= SHOWN,
            Kind::LongText => shown.len() <= SHOWN && shown.len().saturating_add(3) >= SHOWN,
            // What is cut need be no number.
            Kind::Number => {
                let is_cut = || shown.len() == SHOWN && shown.bytes().all(|byte| b"+-.eE0123456789".contains(&byte));
                Number::parse(shown).is_some() || is_cut()
            }
            Kind::Word => {
                matches!(shown, "true" | "false") && hash == distinct::hash(Kind::Word as u8, shown.as_bytes())
            }
        };
        is_known.then(|| Self::new(kind, hash, shown.as_bytes()))
    }
}

impl Kind {
    const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Text,
            1 => Self::LongText,
            2 => Self::Number,
            3 => Self::Word,
            _ => return None,
        })
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.kind == other.kind && (!self.is_text() || self.bytes == other.bytes)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    /// Texts as they are shown, and before all others; these by their hashes, as a number may be spelled in many ways: a
    /// total order, the same everywhere.
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        if self.is_text() && other.is_text() {
            return (self.bytes, self.kind as u8, self.hash).cmp(&(other.bytes, other.kind as u8, other.hash));
        }
        (self.kind as u8, self.hash).cmp(&(other.kind as u8, other.hash))
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?} {}", self.kind, self.shown())
    }
}

/// How many bytes of a text stand before a cut that leaves its characters whole.
fn whole_characters(text: &[u8]) -> usize {
    if text.len() <= SHOWN {
        return text.len();
    }
    let is_within = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (0..=SHOWN).rev().find(|at| !is_within(at)).unwrap_or(0)
}

/// The hash of a text of which these bytes stand before the rest, that [`distinct::hash`] has of all of them. It is apart
/// so that only long texts take the room for it on the stack.
#[inline(never)]
fn hash_on(begin: &[&[u8]], rest: impl Iterator<Item = char>) -> u64 {
    let mut hash = Xxh3Default::new();
    begin.iter().for_each(|bytes| hash.update(bytes));
    rest.for_each(|char| hash.update(char.encode_utf8(&mut [0; 4]).as_bytes()));
    hash.digest()
}

/// What is no longer is put together before it is hashed, which takes less time.
const AT_ONCE: usize = 1024;

/// What a value is put together in.
struct Buffer {
    bytes: [u8; AT_ONCE],
    length: usize,
}

impl Buffer {
    const fn new() -> Self {
        Self { bytes: [0; AT_ONCE], length: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Appends all of these, if there is room.
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length.checked_add(bytes.len())?;
        self.bytes.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }

    /// A number in the one way in which all that are worth the same are written here: its sign, its digits, and where
    /// the point is.
    fn number(&mut self, worth: &Worth<'_>) -> Option<()> {
        self.push(if worth.negative { b"-" } else { b"+" })?;
        for digit in worth.digits() {
            self.push(&[digit])?;
        }
        self.push(&worth.exponent.to_be_bytes())
    }
}
