//! Why there can be no such gauge.

use core::fmt;

use super::{Setting, Statistic};
use crate::engine::Short;
use crate::select::{BadPath, BadSelection};

/// Why there can be no such gauge, in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// What should be a definition is no JSON object.
    NoObject,
    /// A member that means nothing, as it is written, and the object that it is in; no name is that of the definition.
    Unknown(Short<48>, &'static str),
    /// A setting is given twice.
    Twice(&'static str),
    /// A setting is not what it has to be.
    Setting(&'static str, &'static str),
    /// A setting is no path.
    Path(&'static str, BadPath),
    /// The filter is none.
    Filter(BadSelection),
    /// A rule is about what is not measured.
    Unmeasured(Statistic),
}

impl Wrong {
    /// There is no member of this name, written with its quotes, `within` an object.
    pub(super) fn unknown(name: &str, within: &'static str) -> Self {
        let mut shown = heapless::String::<48>::new();
        // It is the client's own text: what can't be shown is not.
        let _ = name.chars().filter(|char| !char.is_control()).try_for_each(|char| shown.push(char));
        Self::Unknown(Short::cut(shown.as_bytes()), within)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoObject => f.write_str(
                "the body must be a JSON object of settings, such as {\"topic\":\"clicks\",\"measure\":\"rate\"}",
            ),
            Self::Unknown(name, within) => {
                write!(f, "there is no setting {}", core::str::from_utf8(name.as_bytes()).unwrap_or_default())?;
                if within.is_empty() { Ok(()) } else { write!(f, " in {within}") }
            }
            Self::Twice(name) => write!(f, "{name} is given twice"),
            Self::Setting(name, what) => write!(f, "{name} must be {what}"),
            Self::Path(name, bad) => write!(f, "{name} is {bad}"),
            Self::Filter(BadSelection::TooManyRules(most)) => write!(f, "filter has more than {most} rules"),
            Self::Filter(BadSelection::TooMuchText(most)) => write!(f, "filter is longer than {most} bytes"),
            Self::Filter(BadSelection::Path(bad)) => write!(f, "filter has {bad}"),
            Self::Filter(_) => Setting::Filter.wrong().fmt(f),
            Self::Unmeasured(statistic) => {
                let (name, measure) = (statistic.name(), statistic.measure().name());
                write!(f, "when is about {name}, and measure does not have \"{measure}\"")
            }
        }
    }
}

impl core::error::Error for Wrong {}
