//! The one table of endpoints: what routes requests, and what describes them.

use super::super::{Method, Right};

/// One endpoint: where it is, and what it takes.
///
/// It is a row of the table by which requests are routed, for whoever describes them: what is said of it is so.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// Its path: `/put`, or with the name of what it is about `/queues/{name}/pause`.
    pub path: &'static str,
    /// Whether all paths that begin so are it: so it is with the verbs of the original tools.
    pub by_beginning: bool,
    /// The methods that are answered there.
    pub methods: &'static [Method],
    /// The right that who only looks there needs; `None`: any.
    pub to_look: Option<Right>,
    /// The right that all others need. A [look](super::super::needs) is not always a matter of the method.
    pub to_change: Option<Right>,
    /// Whether GET or HEAD only looks there.
    pub only_shows: bool,
    /// Whether HEAD is answered as GET is, but for the body; elsewhere it is 200, and nothing is looked at.
    pub heads: bool,
    /// The same methods as `Allow` lists them.
    pub(crate) allow: &'static str,
    /// What is behind the name.
    pub(crate) endpoint: Endpoint,
    pub(crate) subject: Subject,
    /// How the path begins, which nearly always tells that it is another one.
    pub(super) head: u32,
    /// What follows, up to the name if there is one.
    pub(super) rest: &'static [u8],
    /// What is behind the name.
    pub(crate) end: Option<&'static [u8]>,
}

/// What answers at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Publish,
    Subscribe,
    Clients,
    Put,
    PutMany,
    Get,
    GetMany,
    Ack,
    Nack,
    Touch,
    Peek,
    /// With the name in the query, or in the path.
    Redrive,
    Dump,
    Stats,
    Exit,
    Topics,
    Topic,
    Queues,
    Queue,
    Pause,
    Resume,
    Empty,
    Gauges,
    Gauge,
    MergeGauge,
}

/// What an endpoint is about, which not every server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Topics,
    Queues,
    Gauges,
    /// Topics or queues, as the query says.
    Either,
}

/// The methods that the verbs of the original tools take, all alike.
pub const VERB: [Method; 3] = [Method::Get, Method::Post, Method::Head];

/// What an endpoint takes, and how `Allow` says it.
type Methods = (&'static [Method], &'static str);

const ORIGINAL: Methods = (&VERB, "GET, POST, HEAD");
const LIST: Methods = (&[Method::Get, Method::Head], "GET, HEAD");
const RESOURCE: Methods = (&[Method::Get, Method::Head, Method::Put, Method::Delete], "GET, HEAD, PUT, DELETE");
const ACTION: Methods = (&[Method::Post], "POST");

/// How many bytes of a path are compared at once: no path is shorter.
pub(super) const HEAD: usize = 4;

/// The rows: those first that are asked for most, and those together whose paths begin alike. No path is of two of them.
pub(super) static TABLE: [Route; 26] = {
    use Endpoint::*;
    [
        beginning("/pub", Publish, Subject::Topics).needs(Right::Publish),
        beginning("/sub", Subscribe, Subject::Topics).needs(Right::Subscribe).shows().heads(),
        beginning("/put", Put, Subject::Queues).needs(Right::Put),
        beginning("/get", Get, Subject::Queues).needs(Right::Get),
        beginning("/mput", PutMany, Subject::Queues).needs(Right::Put),
        beginning("/mget", GetMany, Subject::Queues).needs(Right::Get),
        exactly("/ack", ORIGINAL, Ack, Subject::Queues).needs(Right::Get),
        exactly("/nack", ORIGINAL, Nack, Subject::Queues).needs(Right::Get),
        exactly("/touch", ORIGINAL, Touch, Subject::Queues).needs(Right::Get),
        beginning("/stats", Stats, Subject::Either).shows().heads().admin_to_change(),
        exactly("/clients", ORIGINAL, Clients, Subject::Topics).shows().heads(),
        exactly("/peek", ORIGINAL, Peek, Subject::Queues).needs(Right::Get).shows(),
        exactly("/redrive", ORIGINAL, Redrive, Subject::Queues).needs(Right::Admin),
        beginning("/dump", Dump, Subject::Queues).needs(Right::Get).shows(),
        beginning("/exit", Exit, Subject::Queues).needs(Right::Admin),
        exactly("/topics", LIST, Topics, Subject::Topics).shows().heads(),
        exactly("/topics/{name}", RESOURCE, Topic, Subject::Topics).shows().heads().admin_to_change(),
        exactly("/queues", LIST, Queues, Subject::Queues).shows().heads(),
        exactly("/queues/{name}", RESOURCE, Queue, Subject::Queues).shows().heads().admin_to_change(),
        exactly("/queues/{name}/pause", ACTION, Pause, Subject::Queues).needs(Right::Admin),
        exactly("/queues/{name}/resume", ACTION, Resume, Subject::Queues).needs(Right::Admin),
        exactly("/queues/{name}/empty", ACTION, Empty, Subject::Queues).needs(Right::Admin),
        exactly("/queues/{name}/redrive", ACTION, Redrive, Subject::Queues).needs(Right::Admin),
        exactly("/gauges", LIST, Gauges, Subject::Gauges).shows().heads(),
        exactly("/gauges/{name}", RESOURCE, Gauge, Subject::Gauges).shows().heads().admin_to_change(),
        exactly("/gauges/{name}/merge", ACTION, MergeGauge, Subject::Gauges).needs(Right::Admin),
    ]
};

/// All paths that begin so, with the methods of the original tools.
const fn beginning(path: &'static str, endpoint: Endpoint, subject: Subject) -> Route {
    Route { by_beginning: true, ..exactly(path, ORIGINAL, endpoint, subject) }
}

/// This path, with a name where it says `{name}`.
const fn exactly(path: &'static str, (methods, allow): Methods, endpoint: Endpoint, subject: Subject) -> Route {
    let Some((head, rest)) = path.as_bytes().split_first_chunk::<HEAD>() else { panic!("a path has 4 bytes") };
    let (rest, end) = around_name(rest);
    let head = u32::from_ne_bytes(*head);
    let (to_look, to_change, only_shows, heads, by_beginning) = (None, None, false, false, false);
    Route {
        path,
        by_beginning,
        methods,
        to_look,
        to_change,
        only_shows,
        heads,
        allow,
        endpoint,
        subject,
        head,
        rest,
        end,
    }
}

/// What stands before the name, and behind it if there is one.
const fn around_name(path: &'static [u8]) -> (&'static [u8], Option<&'static [u8]>) {
    let mut at = 0;
    while let Some((before, from)) = path.split_at_checked(at) {
        if let [b'{', b'n', b'a', b'm', b'e', b'}', end @ ..] = from {
            return (before, Some(end));
        }
        at += 1;
    }
    (path, None)
}

impl Route {
    const fn needs(self, right: Right) -> Self {
        Self { to_look: Some(right), to_change: Some(right), ..self }
    }

    const fn admin_to_change(self) -> Self {
        Self { to_change: Some(Right::Admin), ..self }
    }

    const fn heads(self) -> Self {
        Self { heads: true, ..self }
    }

    const fn shows(self) -> Self {
        Self { only_shows: true, ..self }
    }
}
