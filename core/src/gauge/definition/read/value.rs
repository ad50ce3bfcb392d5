//! What one value says: its first byte tells of which kind it is.

use core::time::Duration;

use serde::de::DeserializeOwned;

use crate::engine::{Name, Short};
use crate::gauge::definition::{Every, Last};
use crate::select::Number;
use crate::wire::json::Members;
use crate::wire::json::value::{says, text_of};
use crate::wire::units;

/// The text of a value, without space around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    /// INVARIANT: the scanner has gone along it, so it is valid JSON.
    text: &'a str,
}

/// Why a value is no text that could be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoText {
    /// It is too long.
    TooLong,
    /// It is of another kind, or has half of a surrogate pair.
    Other,
}

/// A time, or a number of messages.
enum Extent {
    Time(Duration),
    Messages(u64),
}

impl<'a> Value<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text }
    }

    pub(super) fn is_null(self) -> bool {
        self.text == "null"
    }

    fn is_number(self) -> bool {
        matches!(self.text.as_bytes(), [b'-' | b'0'..=b'9', ..])
    }

    /// The whole number that it is.
    pub(super) fn number<T: DeserializeOwned>(self) -> Option<T> {
        self.deserialize()
    }

    /// The finite number that it is nearest to.
    pub(super) fn float(self) -> Option<f64> {
        Number::parse(self.text).map(|number| number.to_f64()).filter(|number| number.is_finite())
    }

    pub(super) fn boolean(self) -> Option<bool> {
        self.deserialize()
    }

    /// The whole numbers of an array.
    pub(super) fn numbers<const N: usize>(self) -> Option<[i32; N]>
    where
        [i32; N]: DeserializeOwned,
    {
        self.deserialize()
    }

    /// What serde-json-core reads of it: only for types that hold no text, no object and no `f64`.
    fn deserialize<T: DeserializeOwned>(self) -> Option<T> {
        serde_json_core::from_str(self.text).ok().map(|(value, _)| value)
    }

    pub(super) fn says(self, text: &str) -> bool {
        says(self.text, text)
    }

    /// What a string says.
    pub(super) fn text<const N: usize>(self) -> Result<heapless::String<N>, NoText> {
        let mut said = heapless::String::new();
        for char in text_of(self.text).ok_or(NoText::Other)? {
            said.push(char.ok_or(NoText::Other)?).map_err(|_| NoText::TooLong)?;
        }
        Ok(said)
    }

    /// What a short string says.
    pub(super) fn short<const N: usize>(self) -> Option<Short<N>> {
        Short::of(self.text::<N>().ok()?.bytes())
    }

    pub(super) fn name(self) -> Option<Name> {
        Name::new(self.text::<{ Name::LONGEST }>().ok()?.as_bytes()).ok()
    }

    pub(super) fn object(self) -> Option<&'a str> {
        self.text.starts_with('{').then_some(self.text)
    }

    /// The items of an array, or else the value itself.
    pub(super) fn one_or_more(self) -> impl Iterator<Item = Self> {
        let items = Members::of_array(self.text);
        let itself = items.is_none().then_some(self);
        items.into_iter().flatten().map(|(_, item)| Self::new(item)).chain(itself)
    }

    /// A number of seconds, or a text with a unit.
    pub(super) fn duration(self) -> Option<Duration> {
        if self.is_number() {
            units::duration(self.text.as_bytes())
        } else {
            units::duration(self.text::<32>().ok()?.as_bytes())
        }
    }

    pub(super) fn every(self) -> Option<Every> {
        self.extent().map(|extent| match extent {
            Extent::Time(time) => Every::Time(time),
            Extent::Messages(messages) => Every::Messages(messages),
        })
    }

    pub(super) fn last(self) -> Option<Last> {
        self.extent().map(|extent| match extent {
            Extent::Time(time) => Last::Time(time),
            Extent::Messages(messages) => Last::Messages(messages),
        })
    }

    fn extent(self) -> Option<Extent> {
        let messages = || {
            let text = self.text::<32>().ok()?;
            let number = text.strip_suffix(" messages").or_else(|| text.strip_suffix(" message"))?;
            units::decimal(number.as_bytes())
        };
        messages().map(Extent::Messages).or_else(|| self.duration().map(Extent::Time))
    }
}
