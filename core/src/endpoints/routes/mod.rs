//! Which endpoint answers at which path.
//!
//! | module | idea |
//! | --- | --- |
//! | `table` | the endpoints, a row each |
//! | `index` | where in the table to begin |
//! | `surface` | which of them a server has |

mod index;
mod surface;
mod table;

pub use surface::Surface;
pub(crate) use table::{Endpoint, Subject};
pub use table::{Route, VERB};

use super::{Method, Request};
use index::INDEX;
use table::{HEAD, TABLE};

/// What answers at a path, and the name that is in it; empty where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) route: &'static Route,
    pub(crate) name: &'a [u8],
}

/// The endpoints that there are, in the order in which a path is looked for.
///
/// ```
/// use streamgauge_core::endpoints::{Method, Surface, routes};
///
/// let mut paths = routes(Surface::Everything).map(|route| (route.path, route.by_beginning));
/// assert_eq!(paths.next(), Some(("/pub", true)));
/// assert!(paths.any(|path| path == ("/queues/{name}/pause", false)));
/// ```
pub fn routes(surface: Surface) -> impl Iterator<Item = &'static Route> {
    TABLE.iter().filter(move |route| route.is_of(surface))
}

/// What is at `path`; `None` where there is nothing.
pub fn route(path: &[u8], surface: Surface) -> Option<&'static Route> {
    find(path, surface).map(|found| found.route)
}

/// The methods that are answered at `path`; those of any verb where there is nothing.
pub fn methods(path: &[u8], surface: Surface) -> &'static [Method] {
    find(path, surface).map_or(&VERB, |found| found.route.methods)
}

/// Whether a request takes, adds or changes anything, as far as its path and method tell: it does if that is unknown.
pub fn changes(request: &Request<'_>, surface: Surface) -> bool {
    if request.method == Method::Head {
        return false;
    }
    match find(request.path, surface) {
        Some(Found { route, .. }) if route.endpoint == Endpoint::Stats && request.query.get("reset").is_some() => true,
        Some(Found { route, .. }) => !(request.method == Method::Get && route.only_shows),
        None => request.method != Method::Get,
    }
}

/// What answers at `path`. O(n) in its length: the first row that it may be of is looked up, however many there are.
pub(crate) fn find(path: &[u8], surface: Surface) -> Option<Found<'_>> {
    let (head, rest) = path.split_first_chunk::<HEAD>()?;
    let head = u32::from_ne_bytes(*head);
    for route in INDEX.rows_from(head) {
        if route.head != head {
            break;
        }
        if let Some(name) = route.name_in(rest) {
            return route.is_of(surface).then_some(Found { route, name });
        }
    }
    None
}

impl Route {
    /// Whether a server has it.
    const fn is_of(&self, surface: Surface) -> bool {
        match self.subject {
            Subject::Topics => surface.has_topics(),
            Subject::Queues => surface.has_queues(),
            Subject::Gauges => surface.has_gauges(),
            Subject::Either => true,
        }
    }

    /// The name that a path has, or an empty one if it needs none; `None` if it is another path. Both have the same head,
    /// and this is the rest.
    fn name_in<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        // Most have none, and comparing nothing with a path takes its time too.
        let behind = if self.rest.is_empty() { path } else { path.strip_prefix(self.rest)? };
        match self.end {
            Some(end) => behind.strip_suffix(end).filter(|name| !name.contains(&b'/')),
            None => (self.by_beginning || behind.is_empty()).then_some(&[]),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    const SURFACES: [Surface; 4] =
        [Surface::Pubsub, Surface::Simplequeue, Surface::Everything, Surface::EverythingQueueFirst];

    #[test]
    fn the_originals_verbs_match_by_their_beginning_and_the_others_exactly() {
        let at = |path: &'static str, surface| {
            find(path.as_bytes(), surface).map(|Found { route, name }| (route.endpoint, name))
        };
        let all = |path| at(path, Surface::Everything);
        let verb = |endpoint| Some((endpoint, &b""[..]));
        assert_eq!(all("/publish"), verb(Endpoint::Publish));
        assert_eq!(all("/putty"), verb(Endpoint::Put));
        assert_eq!(all("/mgetx"), verb(Endpoint::GetMany));
        assert_eq!(all("/ack"), verb(Endpoint::Ack));
        assert_eq!(all("/acks"), None);
        assert_eq!(all("/clients/"), None);
        assert_eq!(all("/topics"), verb(Endpoint::Topics));
        assert_eq!(all("/topics/a"), Some((Endpoint::Topic, &b"a"[..])));
        assert_eq!(all("/topics/"), Some((Endpoint::Topic, &b""[..])));
        assert_eq!(all("/topics/a/b"), None);
        assert_eq!(all("/queues/a/pause"), Some((Endpoint::Pause, &b"a"[..])));
        assert_eq!(all("/queues/a/redrive"), Some((Endpoint::Redrive, &b"a"[..])));
        assert_eq!(all("/queues/pause"), Some((Endpoint::Queue, &b"pause"[..])));
        assert_eq!((all("/queues/a/b"), all("/queues/a/b/pause"), all("/queues/a/pauses")), (None, None, None));
        assert_eq!(all("/gauges/a"), Some((Endpoint::Gauge, &b"a"[..])));
        assert_eq!(all("/gauges/a/merge"), Some((Endpoint::MergeGauge, &b"a"[..])));
        assert_eq!((all("/gauges/a/b"), all("/gauges/a/b/merge"), all("/gaugesx")), (None, None, None));
        assert_eq!((all("/"), all(""), all("/pu"), all("pub")), (None, None, None, None));
        assert_eq!(at("/gauges", Surface::Pubsub), None);
        assert_eq!(at("/put", Surface::Pubsub), None);
        assert_eq!(at("/pub", Surface::Simplequeue), None);
        assert_eq!(at("/stats", Surface::Simplequeue), verb(Endpoint::Stats));
    }

    #[test]
    fn every_path_that_is_announced_is_answered() {
        for surface in SURFACES {
            for path in surface.paths() {
                let by_beginning = path.ends_with('*');
                let found = find(path.trim_end_matches('*').as_bytes(), surface);
                assert_eq!(found.map(|found| found.route.by_beginning), Some(by_beginning), "{path} of {surface:?}");
            }
        }
    }

    #[test]
    fn every_row_is_found_at_its_own_path_only() {
        for surface in SURFACES {
            for route in routes(surface) {
                let path = route.path.replace("{name}", "it");
                let found = find(path.as_bytes(), surface).unwrap();
                assert!(core::ptr::eq(found.route, route), "{path} is {}", found.route.path);
                let others = TABLE.iter().filter(|other| !core::ptr::eq(*other, route));
                let takes = |other: &&Route| other.by_beginning && path.starts_with(other.path);
                assert_eq!(others.clone().find(takes), None, "{path}");
            }
        }
    }

    #[test]
    fn allow_lists_the_methods() {
        for route in &TABLE {
            let names: std::vec::Vec<_> = route.methods.iter().map(|method| method.name()).collect();
            assert_eq!(route.allow, names.join(", "), "{}", route.path);
        }
    }
}
