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
