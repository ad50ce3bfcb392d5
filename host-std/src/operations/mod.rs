//! What an operator asks a server for, beside what it serves.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Page`] | what answers at which path |
//! | `health` | whether it is alive, and whether it takes requests |

mod health;

pub(crate) use health::{Health, State};

/// What answers a request that no endpoint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// `/livez`: the process answers.
    Live,
    /// `/readyz`: what it can do.
    Ready,
}

impl Page {
    /// What answers at a path.
    pub(crate) fn at(path: &[u8]) -> Option<Self> {
        match path {
            b"/livez" => Some(Self::Live),
            b"/readyz" => Some(Self::Ready),
            _ => None,
        }
    }
}
