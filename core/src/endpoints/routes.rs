//! Which verb answers at which path.

use super::{Method, Request};

/// What answers at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// `/pub`.
    Publish,
    /// `/sub`.
    Subscribe,
    /// `/clients`.
    Clients,
    /// `/put`; with true `/mput`.
    Put { many: bool },
    /// `/get`; with true `/mget`.
    Get { many: bool },
    /// `/ack`.
    Ack,
    /// `/nack`.
    Nack,
    /// `/touch`.
    Touch,
    /// `/peek`.
    Peek,
    /// `/redrive`.
    Redrive,
    /// `/dump`.
    Dump,
    /// `/stats`.
    Stats,
    /// `/exit`.
    Exit,
    /// `/topics`.
    Topics,
    /// `/topics/NAME`.
    Topic(&'a [u8]),
    /// `/queues`.
    Queues,
    /// `/queues/NAME`.
    Queue(&'a [u8]),
    /// `/queues/NAME/VERB`, of those that there are.
    QueueVerb(&'a [u8], QueueVerb),
    /// `/gauges`.
    Gauges,
    /// `/gauges/NAME`.
    Gauge(&'a [u8]),
    /// `/gauges/NAME/merge`.
    MergeGauge(&'a [u8]),
}

/// What is done to a queue as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueVerb {
    Pause,
    Resume,
    Empty,
    Redrive,
}

/// Which endpoints a server has, and whose `/stats` it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Those of a pubsub alone.
    Pubsub,
    /// Those of a queue alone.
    Simplequeue,
    /// All; `/stats` without a name is that of the topic `main`.
    Everything,
    /// All; `/stats` without a name is that of the queue `main`.
    EverythingQueueFirst,
}

impl Surface {
    /// Whether it has topics.
    pub const fn has_topics(self) -> bool {
        !matches!(self, Self::Simplequeue)
    }

    /// Whether it has queues.
    pub const fn has_queues(self) -> bool {
        !matches!(self, Self::Pubsub)
    }

    /// Whether it has gauges.
    pub const fn has_gauges(self) -> bool {
        matches!(self, Self::Everything | Self::EverythingQueueFirst)
    }

    /// Whose `/stats` it is when none is named: that of a queue.
    pub const fn counts_queues(self) -> bool {
        matches!(self, Self::Simplequeue | Self::EverythingQueueFirst)
    }

    /// The paths of the original tools that are answered. All but the exact ones match by their beginning.
    pub const fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Pubsub => &["/pub*", "/sub*", "/stats*", "/clients"],
            Self::Simplequeue => &["/put*", "/get*", "/mget*", "/mput*", "/dump*", "/stats*", "/exit*"],
            Self::Everything | Self::EverythingQueueFirst => {
                &["/pub*", "/sub*", "/clients", "/put*", "/get*", "/mget*", "/mput*", "/dump*", "/stats*", "/exit*"]
            }
        }
    }
}

/// The methods that the verbs of the original tools take, all alike.
pub const VERB: [Method; 3] = [Method::Get, Method::Post, Method::Head];

/// The methods that are answered at `path`; those of any verb where there is nothing.
pub fn methods(path: &[u8], surface: Surface) -> &'static [Method] {
    route(path, surface).map_or(&VERB, Route::methods)
}

/// Whether a request takes, adds or changes anything, as far as its path and method tell: it does if that is unknown.
pub fn changes(request: &Request<'_>, surface: Surface) -> bool {
    if request.method == Method::Head {
        return false;
    }
    match route(request.path, surface) {
        Some(Route::Stats) if request.query.get("reset").is_some() => true,
        Some(route) => !(request.method == Method::Get && route.only_shows()),
        None => request.method != Method::Get,
    }
}

/// What answers at `path`. The original's verbs match by their beginning, the others exactly.
pub(crate) fn route(path: &[u8], surface: Surface) -> Option<Route<'_>> {
    let starts = |beginning: &[u8]| path.starts_with(beginning);
    // In any order: no path begins as two of them do.
    if surface.has_queues() {
        if starts(b"/put") {
            return Some(Route::Put { many: false });
        }
        if starts(b"/get") {
            return Some(Route::Get { many: false });
        }
        if starts(b"/mput") {
            return Some(Route::Put { many: true });
        }
        if starts(b"/mget") {
            return Some(Route::Get { many: true });
        }
        if starts(b"/dump") {
            return Some(Route::Dump);
        }
        if starts(b"/exit") {
            return Some(Route::Exit);
        }
    }
    if surface.has_topics() {
        if starts(b"/pub") {
            return Some(Route::Publish);
        }
        if starts(b"/sub") {
            return Some(Route::Subscribe);
        }
    }
    if starts(b"/stats") {
        return Some(Route::Stats);
    }
    let of = |has: bool, those: fn(&[u8]) -> Option<Route<'_>>| if has { those(path) } else { None };
    of(surface.has_topics(), of_topics)
        .or_else(|| of(surface.has_queues(), of_queues))
        .or_else(|| of(surface.has_gauges(), of_gauges))
}

/// What answers at exactly this path, about topics.
fn of_topics(path: &[u8]) -> Option<Route<'_>> {
    Some(match path {
        b"/clients" => Route::Clients,
        b"/topics" => Route::Topics,
        _ => Route::Topic(path.strip_prefix(b"/topics/").filter(|name| !name.contains(&b'/'))?),
    })
}

/// What answers at exactly this path, about gauges.
fn of_gauges(path: &[u8]) -> Option<Route<'_>> {
    if path == b"/gauges" {
        return Some(Route::Gauges);
    }
    let rest = path.strip_prefix(b"/gauges/")?;
    match rest.strip_suffix(b"/merge") {
        Some(name) => (!name.contains(&b'/')).then_some(Route::MergeGauge(name)),
        None => (!rest.contains(&b'/')).then_some(Route::Gauge(rest)),
    }
}

/// What answers at exactly this path, about queues.
fn of_queues(path: &[u8]) -> Option<Route<'_>> {
    Some(match path {
        b"/ack" => Route::Ack,
        b"/nack" => Route::Nack,
        b"/touch" => Route::Touch,
        b"/peek" => Route::Peek,
        b"/redrive" => Route::Redrive,
        b"/queues" => Route::Queues,
        _ => {
            let rest = path.strip_prefix(b"/queues/")?;
            let slash = rest.iter().position(|byte| *byte == b'/');
            let Some((name, verb)) = slash.and_then(|slash| rest.split_at_checked(slash)) else {
                return Some(Route::Queue(rest));
            };
            let verb = match verb {
                b"/pause" => QueueVerb::Pause,
                b"/resume" => QueueVerb::Resume,
                b"/empty" => QueueVerb::Empty,
                b"/redrive" => QueueVerb::Redrive,
                _ => return None,
            };
            Route::QueueVerb(name, verb)
        }
    })
}

impl Route<'_> {
    /// The methods that are answered there.
    pub(crate) const fn methods(self) -> &'static [Method] {
        match self {
            Self::Topics | Self::Queues | Self::Gauges => &[Method::Get, Method::Head],
            Self::Topic(_) | Self::Queue(_) | Self::Gauge(_) => {
                &[Method::Get, Method::Head, Method::Put, Method::Delete]
            }
            Self::QueueVerb(..) | Self::MergeGauge(_) => &[Method::Post],
            _ => &VERB,
        }
    }

    /// The same as `Allow` lists them.
    pub(crate) const fn allowed(self) -> &'static str {
        match self {
            Self::Topics | Self::Queues | Self::Gauges => "GET, HEAD",
            Self::Topic(_) | Self::Queue(_) | Self::Gauge(_) => "GET, HEAD, PUT, DELETE",
            Self::QueueVerb(..) | Self::MergeGauge(_) => "POST",
            _ => "GET, POST, HEAD",
        }
    }

    /// Whether GET or HEAD only looks there.
    const fn only_shows(self) -> bool {
        matches!(
            self,
            Self::Subscribe
                | Self::Clients
                | Self::Peek
                | Self::Dump
                | Self::Stats
                | Self::Topics
                | Self::Topic(_)
                | Self::Queues
                | Self::Queue(_)
                | Self::Gauges
                | Self::Gauge(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_verbs_match_by_their_beginning_and_the_others_exactly() {
        let all = |path: &'static str| route(path.as_bytes(), Surface::Everything);
        assert_eq!(all("/publish"), Some(Route::Publish));
        assert_eq!(all("/putty"), Some(Route::Put { many: false }));
        assert_eq!(all("/mgetx"), Some(Route::Get { many: true }));
        assert_eq!(all("/acks"), None);
        assert_eq!(all("/clients/"), None);
        assert_eq!(all("/topics/a"), Some(Route::Topic(b"a")));
        assert_eq!(all("/topics/a/b"), None);
        assert_eq!(all("/queues/a/pause"), Some(Route::QueueVerb(b"a", QueueVerb::Pause)));
        assert_eq!(all("/queues/a/b"), None);
        assert_eq!(all("/gauges/a"), Some(Route::Gauge(b"a")));
        assert_eq!(all("/gauges/a/merge"), Some(Route::MergeGauge(b"a")));
        assert_eq!((all("/gauges/a/b"), all("/gauges/a/b/merge"), all("/gaugesx")), (None, None, None));
        assert_eq!(route(b"/gauges", Surface::Pubsub), None);
        assert_eq!(all("/"), None);
        assert_eq!(route(b"/put", Surface::Pubsub), None);
        assert_eq!(route(b"/pub", Surface::Simplequeue), None);
        assert_eq!(route(b"/stats", Surface::Simplequeue), Some(Route::Stats));
    }

    #[test]
    fn every_path_that_is_announced_is_answered() {
        for surface in [Surface::Pubsub, Surface::Simplequeue, Surface::Everything, Surface::EverythingQueueFirst] {
            for path in surface.paths() {
                assert!(route(path.trim_end_matches('*').as_bytes(), surface).is_some(), "{path} of {surface:?}");
            }
        }
    }
}
