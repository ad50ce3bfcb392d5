//! What a subscriber asks for, in bounded storage.

use core::fmt;

use heapless::{String, Vec};

use super::path::{BadPath, Path, Steps};
use super::walk::{Paths, Wanted};

/// The most rules that any selection can hold.
pub const MAX_RULES: usize = Paths::BITS as usize;

/// What a rule does with the field that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Only messages whose field has a value: `filter=country:de`.
    Filter,
    /// The field is removed: `drop=ip`.
    Drop,
    /// Only fields that are named so remain: `keep=url`.
    Keep,
    /// The field's value is replaced by a keyed hash: `hash=user.id`.
    Hash,
}

impl Verb {
    /// With their names in a query.
    pub(super) const ALL: [(&'static str, Self); 4] =
        [("filter", Self::Filter), ("drop", Self::Drop), ("keep", Self::Keep), ("hash", Self::Hash)];
}

/// Why a selection is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadSelection {
    /// More rules than there is room for: so many.
    TooManyRules(usize),
    /// The paths and values of all rules take more bytes than there is room for: so many.
    TooMuchText(usize),
    /// A filter without a colon and a value behind it.
    NoValue,
    /// A path or value that is not UTF-8.
    NotUtf8,
    /// A path that is none.
    Path(BadPath),
}

impl fmt::Display for BadSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRules(most) => write!(f, "more than {most} of filter, drop, keep and hash"),
            Self::TooMuchText(most) => write!(f, "filter, drop, keep and hash are longer than {most} bytes"),
            Self::NoValue => f.write_str("a filter without a value: it is written as filter=country:de"),
            Self::NotUtf8 => f.write_str("a filter, drop, keep or hash that is not UTF-8"),
            Self::Path(bad) => bad.fmt(f),
        }
    }
}

impl core::error::Error for BadSelection {}

impl From<BadPath> for BadSelection {
    fn from(bad: BadPath) -> Self {
        Self::Path(bad)
    }
}

/// Paths and values, in one text.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules<const RULES: usize, const TEXT: usize> {
    rules: Vec<Rule, RULES>,
    text: String<TEXT>,
    /// The rules of each verb.
    of: [Paths; 4],
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    steps: Steps,
    /// Where its path begins in the text, its value, and where that ends.
    path: usize,
    value: usize,
    end: usize,
}

impl<const RULES: usize, const TEXT: usize> Rules<RULES, TEXT> {
    pub(super) const fn new() -> Self {
        const { assert!(RULES <= MAX_RULES, "64 rules at most") };
        Self { rules: Vec::new(), text: String::new(), of: [0; 4] }
    }

    pub(super) fn push<T: AsRef<str>>(&mut self, verb: Verb, path: &Path<T>, value: &str) -> Result<(), BadSelection> {
        if self.rules.is_full() {
            return Err(BadSelection::TooManyRules(RULES));
        }
        let room = TEXT.saturating_sub(self.text.len());
        if path.text().len().saturating_add(value.len()) > room {
            return Err(BadSelection::TooMuchText(TEXT));
        }
        let start = self.text.len();
        let _ = self.text.push_str(path.text());
        let end_of_path = self.text.len();
        let _ = self.text.push_str(value);
        let rule = Rule { steps: path.spans(), path: start, value: end_of_path, end: self.text.len() };
        if let Some(rules) = self.of.get_mut(verb as usize) {
            *rules |= 1_u64.unbounded_shl(self.rules.len() as u32);
        }
        self.rules.push(rule).map_err(|_| BadSelection::TooManyRules(RULES))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules of this kind.
    pub(super) fn of(&self, verb: Verb) -> Paths {
        self.of.get(verb as usize).copied().unwrap_or_default()
    }

    /// What a filter wants of its field.
    pub(super) fn value(&self, rule: usize) -> &str {
        self.rules.get(rule).and_then(|rule| self.text.get(rule.value..rule.end)).unwrap_or_default()
    }
}

impl<const RULES: usize, const TEXT: usize> Wanted for Rules<RULES, TEXT> {
    fn count(&self) -> usize {
        self.rules.len()
    }

    fn steps(&self, path: usize) -> usize {
        self.rules.get(path).map_or(0, |rule| rule.steps.len())
    }

    #[inline]
    fn step(&self, path: usize, depth: usize) -> Option<&str> {
        let rule = self.rules.get(path)?;
        rule.steps.get(self.text.get(rule.path..rule.value)?, depth)
    }
}
