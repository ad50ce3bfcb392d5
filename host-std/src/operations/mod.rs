//! What an operator asks a server for, beside what it serves.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Place`] | what answers at which path |
//! | [`configuration`] | what it is told, and by whom |
//! | `health` | whether it is alive, and whether it takes requests |
//! | `metrics`, `process` | what is counted, for who collects it |
//! | `overview` | how much of its bounds it uses |
//! | `rights` | who may do what |
//! | `service` | a supervisor's wishes: readiness, sockets that are handed over, a process that follows this one |
//! | `page` | what a browser shows of it |

pub(crate) mod configuration;
mod health;
pub(crate) mod metrics;
mod overview;
mod page;
mod process;
pub(crate) mod rights;
pub(crate) mod service;

pub(crate) use health::{Health, State};
pub(crate) use overview::{Overview, Used};

use streamgauge_core::endpoints::{About, Method, Need};

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
    /// `/ticket`: what stands for a token in a query.
    Ticket,
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
            b"/ticket" => Some(Self::Ticket),
            path => page::File::at(path).map(Self::File),
        }
    }

    /// The methods that are answered there.
    pub(crate) const fn methods(self) -> &'static [Method] {
        if let Self::Ticket = self { &[Method::Post] } else { &[Method::Get, Method::Head] }
    }

    /// What whoever asks must be allowed. Who watches over a server knows no token, and the page asks for one itself.
    pub(crate) const fn need(self) -> Need {
        match self {
            Self::Live | Self::Ready | Self::File(_) => Need::Nothing,
            Self::Metrics | Self::Overview => Need::Any(About::ALL),
            Self::Ticket => Need::Known,
        }
    }
}
