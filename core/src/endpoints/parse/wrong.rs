//! What is wrong with a request.

use core::fmt;

use crate::engine::BadName;
use crate::select::BadSelection;

/// What is wrong with a request, in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong<'a> {
    /// A line of its own.
    Line(&'static str),
    /// What should be the name of a topic or a queue is none.
    Name(&'static str),
    /// A parameter of the query is not what it has to be.
    Parameter(&'static str, &'static str),
    /// The body is no JSON object.
    NoObject,
    /// It has a member that means nothing here, written with its quotes.
    UnknownMember(&'a str),
    /// A member of the body is not what it has to be.
    Member(&'static str, &'static str),
    /// The filter of a queue is none.
    Filter(BadSelection),
}

impl Wrong<'_> {
    /// What a filter is not that doesn't even look like one.
    pub(super) const FILTER: Self =
        Self::Member("filter", "such as \"country:de\", or an array of two at most, or null");
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line),
            Self::Name(what) => write!(f, "{what}: {BadName}"),
            Self::Parameter(name, what) => write!(f, "{name} must be {what}"),
            Self::NoObject => f.write_str("the body must be a JSON object of settings, such as {\"bytes\":\"8MiB\"}"),
            Self::UnknownMember(name) => {
                // It is the client's own text: what can't be shown is not.
                f.write_str("there is no setting ")?;
                name.chars().filter(|char| !char.is_control()).take(80).try_for_each(|char| write!(f, "{char}"))
            }
            Self::Member(name, what) => write!(f, "{name} must be {what}"),
            Self::Filter(BadSelection::TooManyRules(most)) => write!(f, "filter has more than {most} rules"),
            Self::Filter(BadSelection::TooMuchText(most)) => write!(f, "filter is longer than {most} bytes"),
            Self::Filter(BadSelection::NoValue) => Self::FILTER.fmt(f),
            Self::Filter(bad) => write!(f, "filter has {bad}"),
        }
    }
}
