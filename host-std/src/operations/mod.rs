//! What an operator asks a server for, beside what it serves.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Place`] | what answers at which path |
//! | [`configuration`] | what it is told, and by whom |
//! | `health` | whether it is alive, and whether it takes requests |
//! | `metrics`, `process` | what is counted, for who collects it |
//! | `openapi` | a description of all that is answered, for programs |
//! | `overview` | how much of its bounds it uses |
//! | `series` | which topics and queues have series of their own there, and what the others have counted |
//! | `rights` | who may do what |
//! | `spans` | what became of requests, for a collector of OpenTelemetry |
//! | `service` | a supervisor's wishes: readiness, sockets that are handed over, a process that follows this one |
//! | `page` | what a browser shows of it |

pub(crate) mod configuration;
mod health;
pub(crate) mod metrics;
mod openapi;
mod overview;
mod page;
mod process;
pub(crate) mod rights;
mod series;
pub(crate) mod service;
#[cfg(feature = "otlp")]
mod spans;

pub(crate) use health::{Health, State};
pub(crate) use openapi::{SettingsOf, response as openapi};
pub(crate) use overview::{Overview, Used};
pub(crate) use series::Listed;
#[cfg(feature = "otlp")]
pub(crate) use spans::{Seen, Spans};

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
    /// `/openapi.json`: what all of it is, for programs.
    Description,
    /// `/ticket`: what stands for a token in a query.
    Ticket,
    /// A file of the page.
    File(&'static page::File),
}

/// Those that are no files of the page.
static PLACES: [(&str, Place); 6] = [
    ("/livez", Place::Live),
    ("/readyz", Place::Ready),
    ("/metrics", Place::Metrics),
    ("/overview", Place::Overview),
    ("/openapi.json", Place::Description),
    ("/ticket", Place::Ticket),
];

impl Place {
    /// What answers at a path.
    pub(crate) fn at(path: &[u8]) -> Option<Self> {
        let place = PLACES.iter().find(|(known, _)| known.as_bytes() == path).map(|(_, place)| *place);
        place.or_else(|| page::File::at(path).map(Self::File))
    }

    /// All of them, with their paths.
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        PLACES.into_iter().chain(page::File::all().map(|(path, file)| (path, Self::File(file))))
    }

    /// The methods that are answered there.
    pub(crate) const fn methods(self) -> &'static [Method] {
        if let Self::Ticket = self { &[Method::Post] } else { &[Method::Get, Method::Head] }
    }

    /// What whoever asks must be allowed. Who watches over a server knows no token, and the page asks for one itself.
    pub(crate) const fn need(self) -> Need {
        match self {
            Self::Live | Self::Ready | Self::Description | Self::File(_) => Need::Nothing,
            Self::Metrics | Self::Overview => Need::Any(About::ALL),
            Self::Ticket => Need::Known,
        }
    }
}
