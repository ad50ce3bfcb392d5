//! From a request to a command: no store is touched, and nothing is locked.

mod gauges;
mod settings;
mod subscription;
mod wrong;

pub use gauges::GaugeRequest;
pub use subscription::Subscription;
pub use wrong::Wrong;

use core::time::Duration;

use super::routes::{Endpoint, Found, Subject, find};
use super::{Method, Request, Surface};
use crate::engine::{
    Command, Data, Id, Kind, Lease, MAX_SEPARATOR, Name, Pieces, Prefix, Reason, Separator, Settle, Short, Tokens,
};
use crate::gauge::readings;
use crate::queue::leases::State;
use crate::wire::query::Value;
use crate::wire::units;

/// What endpoints have to know of a server's flags.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which endpoints there are.
    pub surface: Surface,
    /// The most items in one answer to `/mget`; `None` for no limit.
    pub max_mget: Option<u64>,
    /// The most bytes in one answer to `/mget`, past its first item: what doesn't fit stays queued.
    pub max_answer: usize,
    /// Between the items of `/mget`, unless the request names its own separator.
    pub mget_separator: Separator,
    /// Between the items of `/mput`, unless the request names its own separator.
    pub mput_separator: Separator,
}

impl Settings {
    /// The original's separators, and an answer of at most 5 MiB.
    pub fn new(surface: Surface) -> Self {
        let newline = || Separator::from_iter([b'\n']);
        Self { surface, max_mget: None, max_answer: 5 << 20, mget_separator: newline(), mput_separator: newline() }
    }
}

/// What a request asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one for a request, and no heap to put it on")]
pub(crate) enum Asked<'a> {
    /// A command, how it is answered, and how long to wait for an item if there is none.
    Command(Command<'a>, Shape, Option<Duration>),
    /// A stream of a topic.
    Subscribe(Subscription),
    /// A line for each subscriber of a topic; or JSON.
    Clients(Name, bool),
    /// The end of the server.
    Exit,
    /// An answer without a body, as to HEAD.
    Nothing,
    /// There is nothing at this path.
    NotFound,
    /// A gauge.
    Gauge(GaugeRequest),
    /// It does not answer to this method, but to these.
    Method(&'static str),
}

/// How a command is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As the verb always was: a line, an item, counters; with true as JSON.
    Plain { json: bool },
    /// Items as they are, each but the last of so many followed by the separator.
    Items { asked: u64, separator: Short<MAX_SEPARATOR> },
    /// One item as it is, with what is known of it in headers.
    Item,
    /// A line of JSON an item.
    Lines,
}

/// Understands a request.
pub(super) fn asked<'a>(request: &Request<'a>, settings: &Settings) -> Result<Asked<'a>, Wrong<'a>> {
    let Some(Found { route, name: coded }) = find(request.path, settings.surface) else { return Ok(Asked::NotFound) };
    if !route.methods.contains(&request.method) {
        return Ok(Asked::Method(route.allow));
    }
    if request.method == Method::Head && !route.heads {
        return Ok(Asked::Nothing);
    }
    let query = request.query;
    let plain = Shape::Plain { json: request.wants_json() };
    let command = match route.endpoint {
        Endpoint::Publish => {
            let whole = query.get("whole").is_some_and(|whole| whole == *"1")
                || is_media_type(request.content_type, b"application/octet-stream");
            let messages = match request.body {
                [] => Pieces::none(),
                body if whole => Pieces::whole(Data::Plain(body)),
                body => Pieces::split(Data::Plain(body), b"\n"),
            };
            Command::Publish { topic: name(request, "topic")?, messages, id: id(request)? }
        }
        Endpoint::Subscribe => return Subscription::of(request).map(Asked::Subscribe),
        Endpoint::Clients => return Ok(Asked::Clients(name(request, "topic")?, request.wants_json())),
        endpoint @ (Endpoint::Put | Endpoint::PutMany) => {
            let many = endpoint == Endpoint::PutMany;
            let Some(items) = items(request, many, settings)? else { return Err(Wrong::Line("missing data")) };
            Command::Put { queue: name(request, "queue")?, items, delay: delay(request)?, id: id(request)? }
        }
        Endpoint::Get => return get(request, false, settings),
        Endpoint::GetMany => return get(request, true, settings),
        Endpoint::Ack => settle(request, Settle::Ack)?,
        Endpoint::Nack => {
            let reason = match query.get("reason") {
                Some(reason) => cut(&reason),
                None => Reason::EMPTY,
            };
            settle(request, Settle::Nack { delay: delay(request)?, reason })?
        }
        Endpoint::Touch => {
            let touch = parameter(request, "seconds", ABOVE_0, |text| units::duration(text).filter(|d| !d.is_zero()))?;
            settle(request, Settle::Touch(touch))?
        }
        Endpoint::Peek => {
            let state = match query.get("state") {
                None => State::Ready,
                Some(state) => [State::Ready, State::Leased, State::Delayed, State::Dead]
                    .into_iter()
                    .find(|known| state == *known.as_str())
                    .ok_or(Wrong::Parameter("state", "ready, leased, delayed or dead"))?,
            };
            let items = count(request, "items")?.unwrap_or(1);
            let command = Command::Peek { queue: name(request, "queue")?, state, items };
            return Ok(Asked::Command(command, Shape::Lines, None));
        }
        Endpoint::Redrive if route.end.is_some() => Command::Redrive { queue: resource(coded, "queue")? },
        Endpoint::Redrive => Command::Redrive { queue: name(request, "queue")? },
        Endpoint::Dump => Command::Dump { queue: name(request, "queue")? },
        Endpoint::Stats => stats(request, settings)?,
        Endpoint::Exit => return Ok(Asked::Exit),
        Endpoint::Topics => Command::List { kind: Kind::Topic, prefix: prefix(request)? },
        Endpoint::Queues => Command::List { kind: Kind::Queue, prefix: prefix(request)? },
        Endpoint::Topic => {
            let name = resource(coded, "topic")?;
            match request.method {
                Method::Put => Command::SetTopic { name, change: settings::topic(request.body)? },
                Method::Delete => Command::Remove { kind: Kind::Topic, name },
                _ => Command::Show { kind: Kind::Topic, name },
            }
        }
        Endpoint::Queue => {
            let name = resource(coded, "queue")?;
            match request.method {
                Method::Put => Command::SetQueue { name, change: settings::queue(request.body)? },
                Method::Delete => Command::Remove { kind: Kind::Queue, name },
                _ => Command::Show { kind: Kind::Queue, name },
            }
        }
        Endpoint::Gauges => return Ok(Asked::Gauge(GaugeRequest::List(prefix(request)?))),
        Endpoint::MergeGauge => return Ok(Asked::Gauge(GaugeRequest::Merge(gauge(coded)?))),
        Endpoint::Gauge => {
            let name = gauge(coded)?;
            let asked = match request.method {
                Method::Put => GaugeRequest::Set(name),
                Method::Delete => GaugeRequest::Remove(name),
                _ => GaugeRequest::Show(name, gauges::format(request)?),
            };
            return Ok(Asked::Gauge(asked));
        }
        Endpoint::Pause => Command::Pause { queue: resource(coded, "queue")? },
        Endpoint::Resume => Command::Resume { queue: resource(coded, "queue")? },
        Endpoint::Empty => Command::Empty { queue: resource(coded, "queue")? },
    };
    Ok(Asked::Command(command, plain, None))
}

const DURATION: &str = "a number of seconds, or such as 500ms, 2s, 5m or 1h";
const ABOVE_0: &str = "a number of seconds above 0, or such as 500ms, 2s, 5m or 1h";

/// The longest time that an item may be delayed, 30 days: what is for ever would hold its room, and nobody would ever see it.
pub const LONGEST_DELAY: Duration = Duration::from_secs(30 * 24 * 3_600);
const DELAY: &str = "a number of seconds, or such as 500ms, 2s, 5m or 1h, and not above 720h";

/// The longest time that a request may wait for an item.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

fn get<'a>(request: &Request<'a>, many: bool, settings: &Settings) -> Result<Asked<'a>, Wrong<'a>> {
    let items = match request.query.get("items").filter(|_| many) {
        None => Some(1),
        Some(items) => items.integer().and_then(|items| u64::try_from(items).ok()).filter(|items| *items > 0),
    };
    let items = items.ok_or(Wrong::Line("number of items must be > 0"))?;
    let items = settings.max_mget.map_or(items, |most| items.min(most));
    let lease = match request.query.get("lease") {
        None => Lease::None,
        Some(text) if text.is_empty() => Lease::For(None),
        Some(_) => {
            let above_0 = |text: &[u8]| units::duration(text).filter(|lease| !lease.is_zero());
            Lease::For(parameter(request, "lease", ABOVE_0, above_0)?)
        }
    };
    let wait = parameter(request, "wait", DURATION, units::duration)?.map(|wait| wait.min(LONGEST_WAIT));
    let json = request.accepts_json();
    let shape = if json || (many && lease != Lease::None) {
        Shape::Lines
    } else if many {
        let separator = separator(request, &settings.mget_separator)?;
        Shape::Items { asked: items, separator }
    } else if lease == Lease::None {
        Shape::Items { asked: 1, separator: Short::EMPTY }
    } else {
        Shape::Item
    };
    Ok(Asked::Command(Command::Get { queue: name(request, "queue")?, items, lease }, shape, wait))
}

/// How long an item is to be delayed.
fn delay<'a>(request: &Request<'a>) -> Result<Duration, Wrong<'a>> {
    let bounded = |text: &[u8]| units::duration(text).filter(|delay| *delay <= LONGEST_DELAY);
    Ok(parameter(request, "delay", DELAY, bounded)?.unwrap_or_default())
}

fn settle<'a>(request: &Request<'a>, how: Settle) -> Result<Command<'a>, Wrong<'a>> {
    let queue = name(request, "queue")?;
    // Of a token nothing has to be percent-coded.
    let text = request.query.get("lease").map_or(request.body, |token| token.raw());
    let tokens = Tokens::new(text);
    if tokens.iter().next().is_none() {
        return Err(Wrong::Line("lease must be the token of a lease; or send tokens as the body, a line each"));
    }
    Ok(Command::Settle { queue, tokens, how })
}

fn stats<'a>(request: &Request<'a>, settings: &Settings) -> Result<Command<'a>, Wrong<'a>> {
    let reset = request.query.get("reset").filter(|_| request.method != Method::Head);
    Ok(match counted(request, settings.surface) {
        Kind::Queue => {
            let reset = reset.is_some_and(|reset| reset == *"1");
            Command::QueueStats { queue: name(request, "queue")?, reset }
        }
        Kind::Topic => Command::TopicStats { topic: name(request, "topic")?, reset: reset.is_some() },
    })
}

/// What the counters of a request to `/stats` are those of.
fn counted(request: &Request<'_>, surface: Surface) -> Kind {
    let named = |name: &str| request.query.get(name).is_some();
    if named("queue") && surface.has_queues() {
        Kind::Queue
    } else if named("topic") && surface.has_topics() || !surface.counts_queues() {
        Kind::Topic
    } else {
        Kind::Queue
    }
}

/// Whether a request names the topic or queue whose counters it wants.
pub(super) fn is_named(request: &Request<'_>, command: &Command<'_>) -> bool {
    match command {
        Command::TopicStats { .. } => request.query.get("topic").is_some(),
        Command::QueueStats { .. } => request.query.get("queue").is_some(),
        _ => false,
    }
}

/// The topic or queue that a request is about, as far as its path and query tell; `None` if it is about several or none,
/// or is not understood. O(n).
///
/// ```
/// use streamgauge_core::endpoints::{Request, Surface, subject};
/// use streamgauge_core::engine::{Kind, Name};
///
/// let jobs = Name::new(b"jobs").unwrap();
/// let about = |target| subject(&Request::new(target), Surface::Everything);
/// assert_eq!(about(b"/get?queue=jobs"), Some((Kind::Queue, jobs)));
/// assert_eq!(about(b"/topics/jobs"), Some((Kind::Topic, jobs)));
/// assert_eq!(about(b"/pub"), Some((Kind::Topic, Name::MAIN)));
/// assert_eq!(about(b"/queues"), None);
/// ```
pub fn subject(request: &Request<'_>, surface: Surface) -> Option<(Kind, Name)> {
    let found = find(request.path, surface)?;
    let kind = match (found.route.subject, found.route.endpoint) {
        (Subject::Gauges, _) | (_, Endpoint::Exit | Endpoint::Topics | Endpoint::Queues) => return None,
        (Subject::Topics, _) => Kind::Topic,
        (Subject::Queues, _) => Kind::Queue,
        (Subject::Either, _) => counted(request, surface),
    };
    match named(request, found, surface) {
        Ok(name) => Some((kind, name)),
        Err(_) => None,
    }
}

/// The name of what a request is about. Where it is asked for, what is done with it is known: as a call it is moved about,
/// which takes as long as all else.
#[inline(always)]
pub(super) fn named<'a>(request: &Request<'a>, found: Found<'a>, surface: Surface) -> Result<Name, Wrong<'a>> {
    let kind = match found.route.subject {
        Subject::Gauges => return gauge(found.name),
        Subject::Topics => Kind::Topic,
        Subject::Queues => Kind::Queue,
        Subject::Either => counted(request, surface),
    };
    if found.route.end.is_some() { resource(found.name, kind.as_str()) } else { name(request, kind.as_str()) }
}

/// The items of a request; `None` if it has neither data nor a body. The query wins.
fn items<'a>(request: &Request<'a>, many: bool, settings: &Settings) -> Result<Option<Pieces<'a>>, Wrong<'a>> {
    let data = match (request.query.get("data"), request.body) {
        // An empty value is accepted, and not queued.
        (Some(data), _) if data.is_empty() => return Ok(Some(Pieces::none())),
        (Some(data), _) => Data::of(data),
        (None, []) => return Ok(None),
        (None, body) => Data::Plain(body),
    };
    if !many {
        return Ok(Some(Pieces::whole(data)));
    }
    let separator = separator(request, &settings.mput_separator)?;
    Ok(Some(Pieces::split(data, separator.as_bytes())))
}

/// The separator that the request names, or else the `usual` one.
fn separator<'a>(request: &Request<'a>, usual: &[u8]) -> Result<Short<MAX_SEPARATOR>, Wrong<'a>> {
    match request.query.get("separator") {
        Some(value) => Short::of(value.bytes()).ok_or(Wrong::Line("separator must have at most 16 bytes")),
        None => Ok(Short::cut(usual)),
    }
}

/// The topic or queue that the request names.
fn name<'a>(request: &Request<'a>, what: &'static str) -> Result<Name, Wrong<'a>> {
    match request.query.get(what) {
        Some(value) => Name::of(value.bytes()).map_err(|_| Wrong::Name(what)),
        None => Ok(Name::MAIN),
    }
}

/// The name of a resource, from its path.
fn resource<'a>(coded: &'a [u8], what: &'static str) -> Result<Name, Wrong<'a>> {
    let plus_is_itself = crate::wire::percent::decode(coded, crate::wire::percent::Plus::Literal);
    Name::of(plus_is_itself).map_err(|_| Wrong::Name(what))
}

/// The name of a gauge. With `gauge.` before it, it has to be the name of a topic.
fn gauge<'a>(coded: &'a [u8]) -> Result<Name, Wrong<'a>> {
    let name = resource(coded, "gauge")?;
    match readings(&name) {
        Some(_) => Ok(name),
        None => Err(Wrong::Line("gauge: a name has at most 58 characters: its readings are the topic gauge.NAME")),
    }
}

pub(super) fn prefix<'a>(request: &Request<'a>) -> Result<Prefix, Wrong<'a>> {
    match request.query.get("prefix") {
        Some(value) => Prefix::of(value.bytes()).ok_or(Wrong::Parameter("prefix", "at most 64 bytes")),
        None => Ok(Prefix::EMPTY),
    }
}

/// What the client calls its publish or put.
fn id<'a>(request: &Request<'a>) -> Result<Option<Id>, Wrong<'a>> {
    let given = match request.query.get("id") {
        Some(value) => Id::of(value.bytes()),
        None => Id::of(request.message_id.iter().copied()),
    };
    let given = given.ok_or(Wrong::Parameter("id", "at most 128 bytes"))?;
    Ok((!given.is_empty()).then_some(given))
}

/// As much of a text as is kept.
fn cut<const N: usize>(value: &Value<'_>) -> Short<N> {
    Short::of(value.bytes().take(N.min(usize::from(u8::MAX)))).unwrap_or(Short::EMPTY)
}

/// A parameter as `read` reads it; `None` if it is not there.
fn parameter<'a, T>(
    request: &Request<'a>,
    name: &'static str,
    what: &'static str,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, Wrong<'a>> {
    let Some(value) = request.query.get(name) else { return Ok(None) };
    let text = Short::<40>::of(value.bytes()).ok_or(Wrong::Parameter(name, what))?;
    read(text.as_bytes()).map(Some).ok_or(Wrong::Parameter(name, what))
}

fn count<'a>(request: &Request<'a>, name: &'static str) -> Result<Option<u64>, Wrong<'a>> {
    parameter(request, name, "a whole number above 0", |text| units::decimal(text).filter(|count| *count > 0))
}

/// Whether a header's media type is this one, whatever its parameters.
fn is_media_type(header: &[u8], media_type: &[u8]) -> bool {
    let end = header.iter().position(|byte| *byte == b';').unwrap_or(header.len());
    header.get(..end).unwrap_or_default().trim_ascii().eq_ignore_ascii_case(media_type)
}
