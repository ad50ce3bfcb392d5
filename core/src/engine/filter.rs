//! Which messages of its topic a queue takes.

use super::Short;
use crate::select::{BadSelection, Selection, Verb};

/// Rules of which a message has to pass all, as they stand behind `filter=` in a query: a path, a colon and a value.
///
/// At most [`MOST_RULES`](Self::MOST_RULES) with [`MOST_TEXT`](Self::MOST_TEXT) bytes together: every queue has room for
/// them, whether it has a filter or not. What they mean is a [`Selection`]'s affair.
///
/// ```
/// use streamgauge_core::engine::Filter;
/// use streamgauge_core::select::BadSelection;
///
/// let filter = Filter::NONE.and("country:de")?.and("user.langs[0]:de")?;
/// assert!(filter.rules().eq(["country:de", "user.langs[0]:de"]));
/// assert!(filter.selection().apply(br#"{"country":"fr"}"#).is_err());
/// assert_eq!(filter.and("c:1").err(), Some(BadSelection::TooManyRules(2)));
/// # Ok::<(), BadSelection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    text: Short<{ Self::MOST_TEXT }>,
    /// Where each rule ends in the text; 0 for a rule that there isn't.
    ///
    /// INVARIANT: a [`Selection`] has taken each of them.
    ends: [u8; Self::MOST_RULES],
}

impl Filter {
    /// The most rules.
    pub const MOST_RULES: usize = 2;

    /// The most bytes of all rules together.
    pub const MOST_TEXT: usize = 96;

    /// No rule: every message passes.
    pub const NONE: Self = Self { text: Short::EMPTY, ends: [0; Self::MOST_RULES] };

    /// The same with one more rule. O(n).
    ///
    /// # Errors
    /// It is not understood, or there is no room for it.
    pub fn and(mut self, rule: &str) -> Result<Self, BadSelection> {
        self.selection().add(Verb::Filter, rule)?;
        let text = self.text.as_bytes().iter().chain(rule.as_bytes()).copied();
        self.text = Short::of(text).ok_or(BadSelection::TooMuchText(Self::MOST_TEXT))?;
        let end = self.ends.iter_mut().find(|end| **end == 0).ok_or(BadSelection::TooManyRules(Self::MOST_RULES))?;
        *end = self.text.len();
        Ok(self)
    }

    /// Whether there is no rule. O(1).
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.text.is_empty()
    }

    /// Each rule as it was written. O(n) for all.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().take_while(|end| **end > 0).filter_map(move |end| {
            let rule = self.text.as_bytes().get(start..usize::from(*end))?;
            start = usize::from(*end);
            core::str::from_utf8(rule).ok()
        })
    }

    /// The rules, ready to be applied. O(n): once for many messages.
    #[must_use]
    pub fn selection(&self) -> Selection<{ Self::MOST_RULES }, { Self::MOST_TEXT }> {
        let mut selection = Selection::new();
        for rule in self.rules() {
            // Which has been taken before.
            let _ = selection.add(Verb::Filter, rule);
        }
        selection
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::BadPath;

    #[test]
    fn rules_are_kept_as_they_are_written() {
        let filter = Filter::NONE.and("[a:b].c:d:e").unwrap().and("é:").unwrap();
        assert!(filter.rules().eq(["[a:b].c:d:e", "é:"]));
        let mut selection = filter.selection();
        assert!(selection.apply(r#"{"a:b":{"c":"d:e"},"é":""}"#.as_bytes()).is_ok());
        assert!(selection.apply(br#"{"a:b":{"c":"d:e"}}"#).is_err());
        assert!(Filter::NONE.is_none() && !filter.is_none() && Filter::NONE.rules().next().is_none());
        assert!(Filter::NONE.selection().apply(b"anything").is_ok());
    }

    #[test]
    fn what_is_not_understood_or_too_much_is_refused() {
        let long = ["k:", &"v".repeat(94)].concat();
        assert!(Filter::NONE.and(&long).is_ok());
        for (filter, rule, why) in [
            (Filter::NONE, "country", BadSelection::NoValue),
            (Filter::NONE, "", BadSelection::NoValue),
            (Filter::NONE, ":de", BadSelection::Path(BadPath::EmptyStep)),
            (Filter::NONE, "a[:x", BadSelection::NoValue),
            (Filter::NONE, &[&long, "v"].concat(), BadSelection::TooMuchText(96)),
            (Filter::NONE.and("a:1").unwrap(), &long, BadSelection::TooMuchText(96)),
            (Filter::NONE.and("a:1").unwrap().and("b:2").unwrap(), "c:3", BadSelection::TooManyRules(2)),
        ] {
            assert_eq!(filter.and(rule), Err(why), "{rule}");
        }
    }
}
