//! What an operator asks a server for, beside what it serves.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Place`] | what answers at which path |
//! | `health` | whether it is alive, and whether it takes requests |
//! | `metrics`, `process` | what is counted, for who collects it |
//! | `overview` | how much of its bounds it uses |
//! | `service` | a supervisor's wishes: readiness, sockets that are handed over, a process that follows this one |
//! | `page` | what a browser shows of it |

mod health;
pub(crate) mod metrics;
mod overview;
mod page;
mod process;
pub(crate) mod service;

pub(crate) use health::{Health, State};
pub(crate) use overview::{Overview, Used};

/// What answers a request that no endpoint does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// `/livez`: the process answers.
    Live,
    /// `/readyz`: what it can do.
    Ready,
    /// `/metrics`: all that is counted.
    Metrics,
    /// `/overview`: how much of its bounds it uses.
    Overview,
    /// A file of the page.
    File(&'static page::File),
}

impl Place {
    /// What answers at a path.
    pub(crate) fn at(path: &[u8]) -> Option<Self> {
        match path {
            b"/livez" => Some(Self::Live),
            b"/readyz" => Some(Self::Ready),
            b"/metrics" => Some(Self::Metrics),
            b"/overview" => Some(Self::Overview),
            path => page::File::at(path).map(Self::File),
        }
    }
}
