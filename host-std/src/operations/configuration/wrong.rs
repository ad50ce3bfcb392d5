//! What is wrong with a configuration.

use std::fmt;

/// One thing that can't be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// A file, a line and a column of it, or a variable.
    at: String,
    /// The member, if it is one's.
    member: String,
    line: String,
}

impl Wrong {
    pub(super) fn new(at: impl Into<String>, member: impl Into<String>, line: impl fmt::Display) -> Self {
        Self { at: at.into(), member: member.into(), line: line.to_string() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, member, line } = self;
        let is_named = !member.is_empty();
        write!(f, "{at}: {}{}{line}", if is_named { member } else { "" }, if is_named { ": " } else { "" })
    }
}

/// The word among some that is nearly the same, if one is.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.7;
    let word = word.to_ascii_lowercase().replace('_', "-");
    let near = known.map(|known| (strsim::normalized_damerau_levenshtein(&word, known), known));
    let nearest = near.filter(|(near, _)| *near >= NEAR).max_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.map(|(_, known)| known)
}

/// The end of a line that names a word which is not known.
pub(super) fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(": did you mean {nearest}?"))
}
