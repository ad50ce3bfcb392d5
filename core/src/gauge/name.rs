//! What values are called where they stand as texts: no two of them the same.

use super::key::Key;
use crate::select::Number;
use crate::stats::graph::Edge;

/// The name of a value.
pub type KeyName = heapless::String<{ Key::SHOWN + '…'.len_utf8() + DIGITS }>;

/// Hexadecimal digits of a hash.
const DIGITS: usize = 16;

/// A value among others, of which one may look like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'k> {
    key: &'k Key,
    is_marked: bool,
}

impl<'k> Named<'k> {
    /// A value among those of which `holds` tells whether one is there. A number, `true` or `false` beside the text that
    /// looks like it is the one that is called by another name.
    pub(super) fn among(key: &'k Key, holds: impl FnOnce(&Key) -> bool) -> Self {
        let is_marked = !key.is_text() && key.twin().is_some_and(|text| holds(&text));
        Self { key, is_marked }
    }

    /// The same beside names that stand for something else.
    pub(super) fn beside(self, taken: &[&str]) -> Self {
        Self { is_marked: self.is_marked || taken.contains(&self.key.shown()), ..self }
    }

    /// The value.
    #[must_use]
    pub const fn key(&self) -> &'k Key {
        self.key
    }

    /// What it is called: as it looks, if nothing else does.
    #[must_use]
    pub fn name(&self) -> KeyName {
        if self.is_marked { self.key.marked() } else { self.key.name() }
    }
}

/// The ends of an edge among those of which `holds` tells whether one is there that looks like it.
pub(super) fn ends<'k>(edge: &'k Edge<Key>, holds: impl Fn(&Edge<Key>) -> bool) -> [Named<'k>; 2] {
    let is_there =
        |from: Option<Key>, to: Option<Key>| from.zip(to).is_some_and(|(from, to)| holds(&Edge { from, to }));
    let (from, to) = (edge.from.twin(), edge.to.twin());
    let is_marked = is_there(from, Some(edge.to)) || is_there(Some(edge.from), to) || is_there(from, to);
    [&edge.from, &edge.to].map(|key| Named { key, is_marked: is_marked && !key.is_text() })
}

/// Whether two edges look the same.
pub(super) fn look_alike(one: &Edge<Key>, other: &Edge<Key>) -> bool {
    (one.from.shown(), one.to.shown()) == (other.from.shown(), other.to.shown())
}

impl Key {
    /// What it is called: as it is [shown](Self::shown), if it [is whole](Self::is_whole); otherwise with `…` and its hash
    /// in 16 hexadecimal digits behind it, so that values that begin alike are called by different names. So is a text
    /// that ends as such a name does, for it could be one. O(1).
    #[must_use]
    pub fn name(&self) -> KeyName {
        if self.is_whole() && !looks_marked(self.shown()) { self.with(None) } else { self.marked() }
    }

    /// What it is called where something else is called as it is shown.
    fn marked(&self) -> KeyName {
        self.with(Some(self.hash()))
    }

    fn with(&self, hash: Option<u64>) -> KeyName {
        let mut name = KeyName::new();
        // There is room for all of it.
        let _ = name.push_str(self.shown());
        if let Some(hash) = hash {
            let _ = name.push('…');
            for place in (0..DIGITS as u32).rev() {
                let digit = (hash >> (place * 4) & 15) as u8;
                let _ = name.push(char::from(if digit < 10 { b'0' | digit } else { (b'a' - 10).wrapping_add(digit) }));
            }
        }
        name
    }

    /// The value of another kind that looks like it: the text of a number, the number that a text writes.
    fn twin(&self) -> Option<Self> {
        if !self.is_whole() {
            return None;
        }
        match self.shown() {
            text if !self.is_text() => Some(Self::of_text(text)),
            "true" => Some(Self::of_word(true)),
            "false" => Some(Self::of_word(false)),
            text => Number::parse(text).map(|number| Self::of_number(&number)),
        }
    }
}

/// Whether a text ends as names of values do that are not whole.
fn looks_marked(text: &str) -> bool {
    let end = text.len().checked_sub(DIGITS).and_then(|at| text.as_bytes().split_at_checked(at));
    let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    end.is_some_and(|(begin, hash)| begin.ends_with("…".as_bytes()) && hash.iter().all(is_digit))
}
