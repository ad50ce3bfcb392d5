//! What the server itself says no to: one line of text, or the same as a problem, after which the connection ends.

use std::fmt::Write as _;
use std::net::SocketAddr;

use http::StatusCode;
use streamgauge_core::wire::http::HttpError;

use super::answer::explain;
use super::answered;
use super::date;
use super::limits::Limits;
use super::refused::{self, Asker};

/// An answer after which the connection can't go on, as what the client still sends is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    line: String,
    /// The limit that was met.
    limit: Option<(&'static str, u64)>,
    /// A field that belongs to the status.
    field: Option<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, line: impl Into<String>) -> Self {
        Self { status, line: line.into(), limit: None, field: None }
    }

    fn at_limit(mut self, name: &'static str, value: usize) -> Self {
        self.limit = Some((name, value as u64));
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.field = Some((name, value.into()));
        self
    }

    /// What can't be read as a request.
    pub(super) fn of(error: HttpError, limits: &Limits) -> Self {
        match error {
            HttpError::HeadTooLarge | HttpError::TooManyFields => {
                let most = limits.max_header;
                let line = format!("the head is over the limit max-header-bytes {most} or {MAX_FIELDS} fields\n");
                Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, line).at_limit("max-header-bytes", most)
            }
            HttpError::BodyTooLarge => Self::body_too_large(limits),
            HttpError::UnknownTransferEncoding => {
                Self::new(StatusCode::NOT_IMPLEMENTED, "no transfer-encoding but chunked is understood here\n")
            }
            HttpError::Version => {
                Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "of HTTP only 1.1 and 1.0 are understood here\n")
            }
            HttpError::LengthAndTransferEncoding => {
                Self::bad("a body has a content-length or a transfer-encoding, not both\n")
            }
            HttpError::BadContentLength => Self::bad("the content-length is not one number\n"),
            HttpError::ConflictingContentLengths => Self::bad("there are two content-lengths that differ\n"),
            _ => Self::bad("this is not an HTTP/1.1 request\n"),
        }
    }

    pub(super) fn bad(line: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, line)
    }

    pub(super) fn denied(denial: Denial) -> Self {
        let Denial { status, line, field: (name, value), limit } = denial;
        Self { limit, ..Self::new(status, line + "\n").with(name, value) }
    }

    pub(super) fn target_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, format!("the request target is over {MAX_TARGET} bytes\n"))
    }

    pub(super) fn method(method: &str, allowed: &str) -> Self {
        let use_what = match allowed.rsplit_once(", ") {
            Some((others, last)) => format!("{others} or {last}"),
            None => allowed.to_owned(),
        };
        let line = format!("method {method} is not answered here: use {use_what}\n");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, line).with("allow", allowed)
    }

    pub(super) fn body_too_large(limits: &Limits) -> Self {
        let line = format!("the body is over the limit max-body-bytes {}\n", limits.max_body);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, line).at_limit("max-body-bytes", limits.max_body)
    }

    pub(super) fn no_budget(limits: &Limits) -> Self {
        let line = format!("the limit max-buffered-bytes {} is reached\n", limits.max_buffered);
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, line).with("retry-after", "1");
        refusal.at_limit("max-buffered-bytes", limits.max_buffered)
    }

    pub(super) fn no_place(max_connections: usize) -> Self {
        let line = format!("the limit max-connections {max_connections} is reached\n");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, line).with("retry-after", "1")
    }

    pub(super) fn no_descriptor() -> Self {
        let line = "the process can open no more files (ulimit -n)\n";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, line).with("retry-after", "1")
    }

    pub(super) fn moved() -> Self {
        let line = "what this is about has moved within the server: ask again\n";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, line).with("retry-after", "0")
    }

    /// Nobody may be told what became of a request.
    pub(super) fn never_told(why: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
    }

    pub(super) fn slow_head(limits: &Limits) -> Self {
        let seconds = limits.header_timeout.as_secs_f64();
        let line = format!("the head took longer than the limit header-timeout {seconds} s\n");
        Self::new(StatusCode::REQUEST_TIMEOUT, line)
    }

    pub(super) fn slow_body(limits: &Limits) -> Self {
        let line = format!("the body stood still for {} s\n", limits.io_timeout.as_secs_f64());
        Self::new(StatusCode::REQUEST_TIMEOUT, line)
    }

    pub(super) fn bad_body() -> Self {
        Self::bad("the body is not valid\n")
    }

    /// What kind of problem it is, for programs. It never changes.
    pub(super) fn problem(&self) -> &'static str {
        kind_of(self.status)
    }

    /// The type of what the client reads, and that itself.
    fn content(&self, json: bool) -> (&'static str, Vec<u8>) {
        explain(json, self.status, self.problem(), self.line.trim_end(), self.limit)
    }

    /// All of it, as it is sent to a client that has asked for nothing that could be read.
    pub(super) fn to_stranger(&self, peer: SocketAddr) -> Vec<u8> {
        self.to_bytes(&Asker::stranger(peer), 1, "", false, false)
    }

    /// All of it, as it is sent, as a problem if it is `json`; `minor` is the x of HTTP/1.x, and `fields` are lines of
    /// the head that it has too.
    pub(super) fn to_bytes(&self, asker: &Asker<'_>, minor: u8, fields: &str, json: bool, head_only: bool) -> Vec<u8> {
        answered::count(self.status.as_u16());
        refused::note(asker, self.status.as_u16(), self.problem(), self.line.as_bytes());
        let Self { status, field, .. } = self;
        let (content_type, body) = self.content(json);
        let mut out = String::with_capacity(512);
        let reason = status.canonical_reason().unwrap_or_default();
        let _ = write!(out, "HTTP/1.{minor} {} {reason}\r\n", status.as_str());
        let _ = write!(out, "content-type: {content_type}\r\nconnection: close\r\n");
        if let Some((name, value)) = field {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        let _ = write!(out, "{fields}content-length: {}\r\ndate: ", body.len());
        let mut out = out.into_bytes();
        date::write(&mut out);
        out.extend_from_slice(b"\r\n\r\n");
        if !head_only {
            out.extend_from_slice(&body);
        }
        out
    }
}

/// What kind of problem a refusal with this status is.
pub(super) fn kind_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not-found",
        StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
        StatusCode::REQUEST_TIMEOUT => "timeout",
        StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
        StatusCode::URI_TOO_LONG => "target-too-long",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "head-too-large",
        StatusCode::NOT_IMPLEMENTED => "not-implemented",
        StatusCode::HTTP_VERSION_NOT_SUPPORTED => "version-not-supported",
        StatusCode::SERVICE_UNAVAILABLE => "busy",
        StatusCode::TOO_MANY_REQUESTS => "quota",
        status if status.is_server_error() => "failed",
        _ => "bad-request",
    }
}

/// Why a [`Handler`](super::Handler) does not let a request in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// 401, 403 or 429.
    pub status: StatusCode,
    /// What is said, without the end of the line.
    pub line: String,
    /// The field that belongs to it.
    pub field: (&'static str, String),
    /// The limit that was met, and its value.
    pub limit: Option<(&'static str, u64)>,
}

impl Denial {
    /// What kind of problem it is, for programs. It never changes.
    pub(crate) fn problem(&self) -> &'static str {
        kind_of(self.status)
    }
}

/// The most fields that a head may have.
pub(super) const MAX_FIELDS: usize = 100;

/// The longest target.
pub(super) const MAX_TARGET: usize = 65_534;
