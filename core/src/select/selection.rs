//! Which messages a subscriber gets, and what of them.

use embedded_io::Write;

use crate::wire::Query;

use super::edit::edit;
use super::find::{Malformed, find_wanted, utf8};
use super::hash::HashKey;
use super::path::Path;
use super::rules::{BadSelection, MAX_RULES, Rules, Verb};
use super::value::Value;

/// The rules of a subscriber: which messages it gets, and which fields of them. At most `RULES` rules with `TEXT` bytes
/// of paths and values, which it holds itself; `RULES` is at most 64 ([`MAX_RULES`]).
///
/// - A message passes when every filter's field is what the filter says ([`Value::is`]).
/// - What is dropped leaves with its key, and in an array those behind move up.
/// - With rules to keep, only what they name remains: of objects and arrays on the way what leads there, and a value
///   on the way that is neither leaves.
/// - A value to hash is replaced by a string of 32 digits ([`HashKey`]). It is the hash of the whole value as it came,
///   with what other rules would remove.
/// - All that is left is written as it came, byte for byte: spaces, escapes, the order of keys, digits of numbers.
///
/// A message that is no JSON object can't be looked into, and so a field that is to be hidden may be in it: with any
/// rule it is refused, and counted. Where a key comes twice, each of its fields is removed, kept or hashed; a filter
/// compares the last.
#[derive(Debug, Clone, Default)]
pub struct Selection<const RULES: usize = 8, const TEXT: usize = 256> {
    rules: Rules<RULES, TEXT>,
    counters: Counters,
}

/// What became of the messages that a [`Selection`] was applied to; each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Passed.
    pub passed: u64,
    /// Refused by a filter.
    pub unequal: u64,
    /// Refused because they are JSON, and no object.
    pub no_object: u64,
    /// Refused because they are not JSON.
    pub not_json: u64,
    /// Refused because they are nested too deep.
    pub too_deep: u64,
}

/// Why a message is not for this subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// A filter's field is missing or something else.
    Unequal,
    /// It is JSON, and no object.
    NoObject,
    /// It can't be read.
    Malformed(Malformed),
}

impl<const RULES: usize, const TEXT: usize> Selection<RULES, TEXT> {
    /// No rules: every message passes, whatever it is.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(RULES <= MAX_RULES, "64 rules at most") };
        let counters = Counters { passed: 0, unequal: 0, no_object: 0, not_json: 0, too_deep: 0 };
        Self { rules: Rules::new(), counters }
    }

    /// The rules in a query: each `filter`, `drop`, `keep` and `hash` is one; other keys are left to others. O(n).
    ///
    /// # Errors
    /// One of them is not understood, or there is no room for all of them.
    ///
    /// ```
    /// use streamgauge_core::select::{BadSelection, Selection};
    /// use streamgauge_core::wire::Query;
    ///
    /// let parse = |query: &'static str| Selection::<2, 16>::parse(&Query::new(query.as_bytes()));
    /// assert!(parse("topic=clicks&filter=c:de&hash=ip").is_ok());
    /// assert_eq!(parse("drop=a&drop=b&drop=c").err(), Some(BadSelection::TooManyRules(2)));
    /// assert_eq!(parse("drop=a_long_name&keep=others").err(), Some(BadSelection::TooMuchText(16)));
    /// ```
    pub fn parse(query: &Query<'_>) -> Result<Self, BadSelection> {
        let mut selection = Self::new();
        for (key, value) in query.pairs() {
            let Some((_, verb)) = Verb::ALL.into_iter().find(|(name, _)| key == **name) else { continue };
            let mut argument = [0; TEXT];
            let length = value.copy_to(&mut argument).ok_or(BadSelection::TooMuchText(TEXT))?;
            let argument = argument.get(..length).unwrap_or_default();
            selection.add(verb, core::str::from_utf8(argument).map_err(|_| BadSelection::NotUtf8)?)?;
        }
        Ok(selection)
    }

    /// Adds a rule as it stands behind the `=` in a query: a path; for a filter also a colon, the first outside of
    /// brackets, and the value. O(n).
    ///
    /// # Errors
    /// It is not understood, or there is no room for it; nothing is added.
    pub fn add(&mut self, verb: Verb, argument: &str) -> Result<(), BadSelection> {
        let (path, value) = match verb {
            Verb::Filter => split_filter(argument).ok_or(BadSelection::NoValue)?,
            _ => (argument, ""),
        };
        self.add_path(verb, &Path::parse(path)?, value)
    }

    /// Adds a rule for a path that is known, such as a [`Path::key`]; `value` is what a filter compares with. O(n).
    ///
    /// # Errors
    /// There is no room for it; nothing is added.
    pub fn add_path<T: AsRef<str>>(&mut self, verb: Verb, path: &Path<T>, value: &str) -> Result<(), BadSelection> {
        self.rules.push(verb, path, value)
    }

    /// Whether there are no rules: then all messages pass as they are. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What became of the messages so far. O(1).
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether the message is for this subscriber; then it is to be written. Nothing of a message is written before
    /// the whole of it is known to be JSON. O(n); O(1) without rules.
    ///
    /// # Errors
    /// It is not; it is counted.
    pub fn apply<'a>(&'a mut self, message: &'a [u8]) -> Result<Selected<'a, RULES, TEXT>, Refused> {
        let text = self.judge(message);
        let counter = match &text {
            Ok(_) => &mut self.counters.passed,
            Err(Refused::Unequal) => &mut self.counters.unequal,
            Err(Refused::NoObject) => &mut self.counters.no_object,
            Err(Refused::Malformed(Malformed::NotJson)) => &mut self.counters.not_json,
            Err(Refused::Malformed(Malformed::TooDeep)) => &mut self.counters.too_deep,
        };
        *counter = counter.saturating_add(1);
        Ok(Selected { message, text: text?, rules: &self.rules })
    }

    /// The message, if it has to be edited.
    fn judge<'m>(&self, message: &'m [u8]) -> Result<Option<&'m str>, Refused> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let text = utf8(message).map_err(Refused::Malformed)?;
        let mut found = [None; RULES];
        let filters = self.rules.of(Verb::Filter);
        find_wanted(text, &self.rules, filters, &mut found).map_err(Refused::Malformed)?;
        if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            return Err(Refused::NoObject);
        }
        for (rule, found) in found.iter().enumerate().filter(|(rule, _)| filters >> rule & 1 == 1) {
            if !found.is_some_and(|value: Value<'_>| value.is(self.rules.value(rule))) {
                return Err(Refused::Unequal);
            }
        }
        let edits = [Verb::Drop, Verb::Keep, Verb::Hash].iter().any(|verb| self.rules.of(*verb) != 0);
        Ok(edits.then_some(text))
    }
}

/// A message that is for the subscriber.
#[derive(Debug, Clone, Copy)]
pub struct Selected<'a, const RULES: usize = 8, const TEXT: usize = 256> {
    message: &'a [u8],
    /// INVARIANT: a valid object, if there is anything to edit in it.
    text: Option<&'a str>,
    rules: &'a Rules<RULES, TEXT>,
}

impl<'a, const RULES: usize, const TEXT: usize> Selected<'a, RULES, TEXT> {
    /// The message, where no rule changes any: there is no need to copy it. O(1).
    #[must_use]
    pub const fn unchanged(&self) -> Option<&'a [u8]> {
        match self.text {
            None => Some(self.message),
            Some(_) => None,
        }
    }

    /// Writes what the subscriber gets of it. O(n), with a write for each run of what remains and each hash.
    ///
    /// # Errors
    /// Those of `out`, which then has a part of it.
    pub fn write<W: Write>(&self, key: &HashKey, out: &mut W) -> Result<(), W::Error> {
        match self.text {
            None => out.write_all(self.message),
            Some(text) => edit(text, self.rules, key, out),
        }
    }
}

/// Path and value around the first colon that is not in brackets.
fn split_filter(argument: &str) -> Option<(&str, &str)> {
    let mut bracket = false;
    let colon = argument.bytes().position(|byte| {
        match byte {
            b'[' => bracket = true,
            b']' => bracket = false,
            _ => {}
        }
        byte == b':' && !bracket
    })?;
    Some((argument.get(..colon)?, argument.get(colon.checked_add(1)?..)?))
}
