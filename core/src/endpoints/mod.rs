//! The endpoints, each a plain function from a request to an answer.
//!
//! They exist once: hyper, embedded-io and a browser call the same code. What only a host can do (hold a
//! subscriber's connection open, stop the process) comes back as a decision.

pub mod pubsub;
pub mod simplequeue;

pub use pubsub::Pubsub;
pub use simplequeue::Simplequeue;

use crate::wire::query::{Query, split_target};

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

    fn head_only(&self) -> bool {
        self.method == Method::Head
    }

    fn wants_json(&self) -> bool {
        self.query.get("format").is_some_and(|format| format == *"json")
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
}

impl Response {
    const fn new(status: Status, content_type: &'static str) -> Self {
        Self { status, content_type, headers: Headers::None }
    }

    /// An answer of plain text.
    pub const fn text(status: Status) -> Self {
        Self::new(status, "text/plain; charset=utf-8")
    }

    const fn json() -> Self {
        Self::new(Status::Ok, "application/json")
    }
}

/// The status codes that the endpoints answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// 200.
    Ok,
    /// 400: the request can't be understood; the body says what is wrong.
    BadRequest,
    /// 404: nothing answers at this path.
    NotFound,
    /// 413: a message is larger than a limit; the body says which.
    ContentTooLarge,
    /// 501: this server does not do what is asked for; the body says what.
    NotImplemented,
    /// 503: a limit of the server is reached; the body says which.
    ServiceUnavailable,
}

impl Status {
    /// The number.
    pub const fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::ContentTooLarge => 413,
            Self::NotImplemented => 501,
            Self::ServiceUnavailable => 503,
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
    Pubsub(pubsub::Stats),
    /// `Retry-After`, in seconds.
    RetryAfter(u32),
}

impl Headers {
    /// Calls `each` with the name and the value of every header. All values are numbers.
    pub fn for_each(&self, mut each: impl FnMut(&'static str, u64)) {
        match self {
            Self::None => {}
            Self::Pubsub(stats) => stats.headers().into_iter().for_each(|(name, value)| each(name, value)),
            Self::RetryAfter(seconds) => each("Retry-After", u64::from(*seconds)),
        }
    }
}

/// Whether `path` is one that `pattern` names: its beginning where it ends in `*`, all of it otherwise.
pub(crate) fn matches(pattern: &str, path: &[u8]) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning.as_bytes()),
        None => path == pattern.as_bytes(),
    }
}

/// Writes formatted text; the formatting itself can't fail.
pub(crate) fn write_fmt<W: embedded_io::Write>(out: &mut W, text: core::fmt::Arguments<'_>) -> Result<(), W::Error> {
    match out.write_fmt(text) {
        Err(embedded_io::WriteFmtError::Other(error)) => Err(error),
        _ => Ok(()),
    }
}
