//! The endpoints, each a plain function from a request to an answer.
//!
//! They exist once: a server, embedded-io and a browser call the same code. A request is [parsed](parse()) into a
//! [`Command`], which an [`Engine`] executes, and its outcome is [rendered](Rendering): [`answer`] goes that way in one
//! step; who has a lock around its engine takes it between the first and the last. What only a host can do (hold a
//! subscriber's connection open, stop the process) comes back as a [`Reply`].
//!
//! | module | idea |
//! | --- | --- |
//! | `routes` | the table of endpoints, and which of them answers at which path |
//! | `needs` | which right a request needs, on which name |
//! | `parse` | from a request to a command; settings from JSON; which topic or queue it is [about](subject) |
//! | `render` | from an outcome to an answer: lines, JSON, counters, refusals |
//!
//! ```
//! use streamgauge_core::endpoints::{Request, Settings, Surface, answer};
//! use streamgauge_core::engine::memory::{Fixed, Memory};
//! use streamgauge_core::time::Time;
//!
//! let mut engine = Memory::new(<Fixed>::default());
//! let settings = Settings::new(Surface::Everything);
//! let mut body = Vec::new();
//! answer(&Request::new(b"/put?data=H3110"), &settings, &mut engine, Time::ZERO, &mut body).unwrap();
//! answer(&Request::new(b"/get"), &settings, &mut engine, Time::ZERO, &mut body).unwrap();
//! assert_eq!(body, b"H3110");
//! ```

mod needs;
mod parse;
mod render;
mod routes;

pub use needs::{About, Need, Right, needs};
pub use parse::{GaugeRequest, LONGEST_DELAY, Settings, Subscription, Wrong, subject};
pub use render::{GaugeProblem, NOWHERE, Rendering, overflow_line, refuse_gauge, write_problem};
pub use routes::{Route, Surface, VERB, changes, methods, route, routes};

use core::time::Duration;

use embedded_io::Write;

use crate::engine::{Command, Dump, Engine, Item, Name, Refusal, TopicStats};
use crate::queue::leases::Token;
use crate::time::Time;
use crate::wire::digits::Head as Text;
use crate::wire::query::{Query, split_target};
use crate::wire::units::Rfc3339;
use parse::{Asked, Shape};

/// What the endpoints look at in a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path, as it was sent.
    pub path: &'a [u8],
    /// The query string.
    pub query: Query<'a>,
    /// The body; empty when there is none.
    pub body: &'a [u8],
    /// The `Accept` header; empty when there is none.
    pub accept: &'a [u8],
    /// The `Content-Type` header; empty when there is none.
    pub content_type: &'a [u8],
    /// The `Last-Event-ID` header; empty when there is none.
    pub last_event_id: &'a [u8],
    /// The `Message-Id` header; empty when there is none.
    pub message_id: &'a [u8],
}

/// What is to be done with a resource. The verbs of the original tools take GET and POST alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// `GET`.
    #[default]
    Get,
    /// `HEAD`: only the head of the answer to GET is wanted, and nothing is published, put or taken.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The method of that name, which is in capitals.
    ///
    /// ```
    /// use streamgauge_core::endpoints::Method;
    ///
    /// assert_eq!(Method::named(b"PUT"), Some(Method::Put));
    /// assert_eq!(Method::named(b"put"), None);
    /// ```
    pub const fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            _ => return None,
        })
    }

    /// Its name, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl<'a> Request<'a> {
    /// A request for `target`, path and query, without a body.
    ///
    /// ```
    /// use streamgauge_core::endpoints::Request;
    ///
    /// let request = Request::new(b"/mget?items=10");
    /// assert_eq!(request.path, b"/mget");
    /// assert_eq!(request.query.get("items").and_then(|n| n.integer()), Some(10));
    /// ```
    pub fn new(target: &'a [u8]) -> Self {
        let (path, query) = split_target(target);
        let none: &[u8] = &[];
        let (accept, content_type, last_event_id, message_id) = (none, none, none, none);
        Self { method: Method::Get, path, query, body: none, accept, content_type, last_event_id, message_id }
    }

    /// The same with a body, to be posted.
    #[must_use]
    pub const fn with_body(mut self, body: &'a [u8]) -> Self {
        self.method = Method::Post;
        self.body = body;
        self
    }

    fn wants_json(&self) -> bool {
        self.query.get("format").is_some_and(|format| format == *"json")
    }

    /// Whether the client names a media type as one that it takes, in any case of letters. O(n) in what it accepts.
    ///
    /// ```
    /// use streamgauge_core::endpoints::Request;
    ///
    /// let accept = b"text/html, text/event-stream;charset=utf-8;q=0.5, image/*;q=0";
    /// let request = Request { accept, ..Request::new(b"/sub") };
    /// assert!(request.accepts("text/event-stream"));
    /// assert!(!request.accepts("image/*"));
    /// ```
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        self.accepted().any(|accepted| accepted.eq_ignore_ascii_case(media_type.as_bytes()))
    }

    /// The media types that the client names, without those that it says it does not take (RFC 9110, section 12.4.2).
    fn accepted(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.accept.split(|byte| *byte == b',').filter_map(|range| {
            let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let media_type = parts.next()?;
            let is_refused = parts.any(|part| match part {
                [b'q' | b'Q', b'=', b'0', rest @ ..] => rest.iter().all(|byte| matches!(byte, b'.' | b'0')),
                _ => false,
            });
            (!is_refused).then_some(media_type)
        })
    }

    /// Whether the client would rather have JSON, also for what went wrong.
    pub fn accepts_json(&self) -> bool {
        self.accepts("application/json") || self.accepts("application/problem+json")
    }
}

/// Status line and headers of an answer, whose body was written to the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: Status,
    /// The body's type.
    pub content_type: &'static str,
    /// Headers beside those that every answer has.
    pub headers: Headers,
    /// Of an answer that says no: the last part of the type of its [problem](write_problem), which never changes. `None`
    /// where nothing but the status is said.
    pub problem: Option<&'static str>,
}

impl Response {
    /// An answer of this type.
    pub const fn new(content_type: &'static str) -> Self {
        Self { status: Status::Ok, content_type, headers: Headers::None, problem: None }
    }

    /// An answer of plain text.
    pub const fn text(status: Status) -> Self {
        Self { status, ..Self::new("text/plain; charset=utf-8") }
    }

    /// An answer of JSON.
    pub const JSON: Self = Self::new("application/json");

    /// A line of JSON each.
    const fn lines() -> Self {
        Self::new("application/x-ndjson")
    }

    const fn problem() -> Self {
        Self::new("application/problem+json")
    }
}

/// The status codes that the endpoints answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// 200.
    Ok,
    /// 201: it was made.
    Created,
    /// 204: there is no item.
    NoContent,
    /// 400: the request can't be understood; the body says what is wrong.
    BadRequest,
    /// 404: nothing answers at this path, or there is nothing of that name.
    NotFound,
    /// 405: not by this method.
    MethodNotAllowed,
    /// 409: it contradicts what there is.
    Conflict,
    /// 410: the lease is over.
    Gone,
    /// 413: a message is larger than a limit; the body says which.
    ContentTooLarge,
    /// 501: this server does not do what is asked for; the body says what.
    NotImplemented,
    /// 503: a limit of the server is reached; the body says which.
    ServiceUnavailable,
    /// 507: no room in the budget.
    InsufficientStorage,
}

impl Status {
    /// The number.
    pub const fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::Created => 201,
            Self::NoContent => 204,
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::ContentTooLarge => 413,
            Self::NotImplemented => 501,
            Self::ServiceUnavailable => 503,
            Self::InsufficientStorage => 507,
        }
    }
}

/// Headers that only some answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Headers {
    /// None.
    None,
    /// The counters of a pubsub.
    Pubsub(TopicStats),
    /// `Retry-After`, in seconds.
    RetryAfter(u32),
    /// `Allow`: the methods that are answered.
    Allow(&'static str),
    /// What is known of an item that is lent.
    Lease(LeaseHeaders),
}

/// What is known of an item that is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseHeaders {
    /// The lease.
    pub token: Option<Token>,
    /// The item's number.
    pub item: u64,
    /// Which attempt this is, from 1 on.
    pub attempt: u16,
    /// When the lease is over.
    pub until: Time,
}

impl LeaseHeaders {
    fn of(item: &Item<'_>) -> Self {
        let known = &item.item;
        let until = known.until.unwrap_or(Time::NEVER);
        Self { token: known.token, item: known.id, attempt: known.attempt, until }
    }
}

impl Headers {
    /// Calls `each` with the name and the value of every header; what a value is made of never needs quotes.
    pub fn for_each(&self, mut each: impl FnMut(&'static str, &str)) {
        match self {
            Self::None => {}
            Self::Pubsub(stats) => {
                each("X-PUBSUB-TOTAL-CONNECTIONS", number(stats.subscriptions).as_str());
                each("X-PUBSUB-ACTIVE-CONNECTIONS", number(stats.subscribers).as_str());
                each("X-PUBSUB-MESSAGES-RECEIVED", number(stats.received).as_str());
                each("X-PUBSUB-MESSAGES-SENT", number(stats.sent).as_str());
                each("X-PUBSUB-KICKED-CLIENTS", number(stats.kicked).as_str());
            }
            Self::RetryAfter(seconds) => each("Retry-After", number(u64::from(*seconds)).as_str()),
            Self::Allow(methods) => each("Allow", methods),
            Self::Lease(lease) => {
                if let Some(token) = &lease.token {
                    each("X-Lease", token.text().as_str());
                }
                each("X-Item", number(lease.item).as_str());
                each("X-Attempt", number(u64::from(lease.attempt)).as_str());
                each("X-Lease-Until", Rfc3339(lease.until).text().as_str());
            }
        }
    }
}

fn number(number: u64) -> Text {
    let mut text = Text::new();
    text.push_decimal(number);
    text
}

/// What a request comes to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reply {
    /// An answer whose body has been written.
    Response(Response),
    /// The client wants a stream of a topic.
    Subscribe(Subscription),
    /// The client wants to know the subscribers of a topic, which only the host can tell apart; as JSON if true.
    Clients(Name, bool),
    /// The items of a queue have to be sent, as [`Engine::dump`] gives them, each followed by a newline.
    Dump(Dump),
    /// There is no item now, and the client would wait so long for one: ask again when there may be, and answer with
    /// [`nothing`] when the time is over.
    Wait(Name, Duration),
    /// Something is asked of gauges.
    Gauge(GaugeRequest),
    /// The server should stop.
    Exit,
}

/// A request, parsed: all that can be said of it without an engine.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nothing is allocated here, and it is moved once")]
pub enum Parsed<'a> {
    /// An engine has to execute a command.
    Asking(Asking<'a>),
    /// What it comes to; a response's body has been written.
    Reply(Reply),
}

/// A command, and how its outcome is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// What an engine has to execute.
    pub command: Command<'a>,
    shape: Shape,
    /// How long to wait for an item if there is none.
    wait: Option<Duration>,
    /// Whether the client would rather have JSON.
    json: bool,
    /// Whether counters are asked for by name, and so in full.
    named: bool,
    max_answer: usize,
}

impl Asking<'_> {
    /// Whether the client would wait for an item.
    pub const fn waits(&self) -> bool {
        self.wait.is_some()
    }

    /// Tells what an engine [takes](crate::engine::Sink) and its outcome to `out`.
    pub const fn rendering<'o, W: Write>(&self, out: &'o mut W) -> Rendering<'o, W> {
        Rendering::new(self, out)
    }
}

/// Parses a request; what can be answered without an engine is, with its body in `out`. O(n), and no store is touched.
///
/// ```
/// use streamgauge_core::endpoints::{Parsed, Reply, Request, Settings, Surface, parse};
/// use streamgauge_core::engine::memory::{Fixed, Memory};
/// use streamgauge_core::engine::Engine;
/// use streamgauge_core::time::Time;
///
/// let (mut engine, settings) = (Memory::new(<Fixed>::default()), Settings::new(Surface::Everything));
/// let mut body = Vec::new();
/// let Ok(Parsed::Asking(asking)) = parse(&Request::new(b"/pub").with_body(b"H3110"), &settings, &mut body) else {
///     panic!("a publish is for an engine");
/// };
/// let mut rendering = asking.rendering(&mut body);
/// // This alone needs the engine, and whatever lock it is behind.
/// let outcome = engine.execute(&asking.command, Time::ZERO, &mut rendering);
/// assert!(matches!(rendering.finish(&outcome), Ok(Reply::Response(_))));
/// assert_eq!(body, b"Published 1 messages to 0 clients.\n");
/// ```
///
/// # Errors
/// Those of `out`.
pub fn parse<'a, W: Write>(request: &Request<'a>, settings: &Settings, out: &mut W) -> Result<Parsed<'a>, W::Error> {
    let reply = match parse::asked(request, settings) {
        Ok(Asked::Command(command, shape, wait)) => {
            let json = request.accepts_json();
            let named = parse::is_named(request, &command);
            let max_answer = settings.max_answer;
            return Ok(Parsed::Asking(Asking { command, shape, wait, json, named, max_answer }));
        }
        Ok(Asked::Subscribe(subscription)) => Reply::Subscribe(subscription),
        Ok(Asked::Clients(topic, json)) => Reply::Clients(topic, json),
        Ok(Asked::Gauge(asked)) => Reply::Gauge(asked),
        Ok(Asked::Exit) => Reply::Exit,
        Ok(Asked::Nothing) => Reply::Response(Response::text(Status::Ok)),
        Ok(Asked::NotFound) => Reply::Response(render::nowhere(request.accepts_json(), out)?),
        Ok(Asked::Method(allowed)) => Reply::Response(render::other_method(allowed, request.accepts_json(), out)?),
        Err(wrong) => Reply::Response(render::wrong(&wrong, request.accepts_json(), out)?),
    };
    Ok(Parsed::Reply(reply))
}

/// Answers one request with what `engine` makes of it: the body goes to `out`.
///
/// # Errors
/// Those of `out`. What could not be written has not been taken away: an item that didn't fit is still queued.
pub fn answer<W: Write>(
    request: &Request<'_>,
    settings: &Settings,
    engine: &mut impl Engine,
    now: Time,
    out: &mut W,
) -> Result<Reply, W::Error> {
    let asking = match parse(request, settings, out)? {
        Parsed::Asking(asking) => asking,
        Parsed::Reply(reply) => return Ok(reply),
    };
    let mut rendering = asking.rendering(out);
    let mut outcome = engine.execute(&asking.command, now, &mut rendering);
    while outcome.has_more() {
        outcome = engine.execute(&asking.command, now, &mut rendering).after(&outcome);
    }
    rendering.finish(&outcome)
}

/// The answer to a client that has waited for an item in vain.
pub const fn nothing() -> Response {
    Response::text(Status::NoContent)
}

/// Answers with what an engine refused beside [`answer`], such as a subscription.
///
/// # Errors
/// Those of `out`.
pub fn refuse<W: Write>(refusal: &Refusal, request: &Request<'_>, out: &mut W) -> Result<Response, W::Error> {
    render::refuse(refusal, request.accepts_json(), out)
}
