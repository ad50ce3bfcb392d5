//! What stands at a path.

use crate::wire::json::Decode;
use crate::wire::json::value::{says, text_of};

use super::number::Number;

/// A value in a message: a span of it, which is valid JSON.
#[derive(Debug, Clone, Copy)]
pub struct Value<'m> {
    /// INVARIANT: one JSON value, without space around it.
    raw: &'m str,
}

/// A string in a message.
#[derive(Debug, Clone, Copy)]
pub struct Text<'m> {
    /// INVARIANT: a valid string, with its quotes.
    string: &'m str,
}

impl<'m> Value<'m> {
    pub(super) const fn new(raw: &'m str) -> Self {
        Self { raw }
    }

    /// The value as it is written: a string with its quotes, an object or an array with all that is in it. O(1).
    #[must_use]
    pub const fn raw(&self) -> &'m str {
        self.raw
    }

    /// Whether it is `null`. O(1).
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.raw == "null"
    }

    /// What it says if it is `true` or `false`. O(1).
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self.raw {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The number, if it is one. O(1).
    #[must_use]
    pub const fn number(&self) -> Option<Number<'m>> {
        match self.raw.as_bytes() {
            [b'-' | b'0'..=b'9', ..] => Some(Number::new(self.raw)),
            _ => None,
        }
    }

    /// The string, if it is one. O(1).
    #[must_use]
    pub fn text(&self) -> Option<Text<'m>> {
        self.raw.starts_with('"').then_some(Text { string: self.raw })
    }

    /// Whether it is an object. O(1).
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    /// Whether it is an array. O(1).
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.raw.starts_with('[')
    }

    /// Whether it is what someone means who writes `text`: a string that says it, a number of the same value, or
    /// `true`, `false` or `null` by that word. Objects and arrays never are. O(n).
    ///
    /// ```
    /// use streamgauge_core::select::{Path, find};
    ///
    /// let [value] = find(br#"{"v": 1.50}"#, &[Path::parse("v").unwrap()]).unwrap();
    /// let value = value.unwrap();
    /// assert!(value.is("1.5") && value.is("15e-1") && !value.is("1.51"));
    /// ```
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        match self.raw.as_bytes().first() {
            Some(b'"') => says(self.raw, text),
            Some(b'{' | b'[') => false,
            Some(b't' | b'f' | b'n') => self.raw == text,
            _ => Number::parse(text).is_some_and(|number| Some(number) == self.number()),
        }
    }
}

impl<'m> Text<'m> {
    /// What stands between the quotes, escapes and all. O(1).
    #[must_use]
    pub fn raw(&self) -> &'m str {
        self.string.get(1..self.string.len().saturating_sub(1)).unwrap_or_default()
    }

    /// The characters that it means. Half of a surrogate pair, which is no character, is U+FFFD. O(1) each.
    ///
    /// ```
    /// use streamgauge_core::select::{Path, find};
    ///
    /// let [value] = find(br#"{"v": "a\u0062\n"}"#, &[Path::parse("v").unwrap()]).unwrap();
    /// assert!(value.unwrap().text().unwrap().chars().eq("ab\n".chars()));
    /// ```
    #[must_use]
    pub fn chars(&self) -> Decode<'m> {
        Decode::new(self.raw())
    }

    /// Whether it is a text at all: one with half of a surrogate pair is none. O(n).
    pub(super) fn is_whole(&self) -> bool {
        self.plain().is_some() || text_of(self.string).is_some_and(|mut chars| chars.all(|char| char.is_some()))
    }

    /// The text itself, if it is written without escapes. O(n).
    #[must_use]
    pub fn plain(&self) -> Option<&'m str> {
        let raw = self.raw();
        (!raw.as_bytes().contains(&b'\\')).then_some(raw)
    }
}

impl PartialEq<str> for Text<'_> {
    /// As they are meant; what has half of a surrogate pair in it equals nothing. O(n).
    fn eq(&self, other: &str) -> bool {
        says(self.string, other)
    }
}
