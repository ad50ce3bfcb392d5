//! How the server says no: one line of text, or the same as a problem.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use streamgauge_core::endpoints::{Request, write_problem};
use streamgauge_core::wire::http::HttpError;

use super::answer::Asked;
use super::limits::Limits;
use super::refused::{self, Asker};
use super::{Answer, Body, answered};

/// Why something is not done for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: StatusCode,
    /// What kind of problem it is, for programs. It never changes.
    pub(super) problem: &'static str,
    /// What is said, without the end of the line.
    line: String,
    /// The limit that was met.
    limit: Option<(&'static str, u64)>,
    /// Fields that belong to the status.
    fields: Vec<(&'static str, String)>,
}

/// The kind of problem that a response tells, for who counts them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Problem(pub(super) &'static str);

impl Refusal {
    pub(crate) fn new(status: StatusCode, line: impl Into<String>) -> Self {
        Self { status, problem: kind_of(status), line: line.into(), limit: None, fields: Vec::new() }
    }

    /// One of another kind than its status alone tells.
    pub(crate) fn of_kind(self, problem: &'static str) -> Self {
        Self { problem, ..self }
    }

    pub(crate) fn at_limit(self, name: &'static str, value: u64) -> Self {
        Self { limit: Some((name, value)), ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// What can't be read as a request.
    pub(super) fn of(error: HttpError, limits: &Limits) -> Self {
        match error {
            HttpError::HeadTooLarge | HttpError::TooManyFields => {
                let most = limits.max_header;
                let line = format!("the head is over the limit max-header-bytes {most} or {MAX_FIELDS} fields");
                Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, line).at_limit("max-header-bytes", most as u64)
            }
            HttpError::BodyTooLarge => Self::body_too_large(limits),
            HttpError::UnknownTransferEncoding => {
                Self::new(StatusCode::NOT_IMPLEMENTED, "no transfer-encoding but chunked is understood here")
            }
            HttpError::Version => {
                Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "of HTTP only 1.1 and 1.0 are understood here")
            }
            HttpError::LengthAndTransferEncoding => {
                Self::bad("a body has a content-length or a transfer-encoding, not both")
            }
            HttpError::BadContentLength => Self::bad("the content-length is not one number"),
            HttpError::ConflictingContentLengths => Self::bad("there are two content-lengths that differ"),
            _ => Self::bad("this is not an HTTP/1.1 request"),
        }
    }

    pub(crate) fn bad(line: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, line)
    }

    pub(super) fn target_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, format!("the request target is over {MAX_TARGET} bytes"))
    }

    pub(super) fn method(method: &str, allowed: &str) -> Self {
        let use_what = match allowed.rsplit_once(", ") {
            Some((others, last)) => format!("{others} or {last}"),
            None => allowed.to_owned(),
        };
        let line = format!("method {method} is not answered here: use {use_what}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, line).with("allow", allowed)
    }

    pub(super) fn body_too_large(limits: &Limits) -> Self {
        let line = format!("the body is over the limit max-body-bytes {}", limits.max_body);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, line).at_limit("max-body-bytes", limits.max_body as u64)
    }

    pub(crate) fn no_budget(limits: &Limits) -> Self {
        let most = limits.max_buffered;
        let refusal = Self::busy(format!("the limit max-buffered-bytes {most} is reached"));
        refusal.at_limit("max-buffered-bytes", most as u64)
    }

    /// The same, and `what` has to wait for that.
    pub(crate) fn no_budget_for(limits: &Limits, what: &str) -> Self {
        let refusal = Self::no_budget(limits);
        Self { line: format!("{}: {what}", refusal.line), ..refusal }
    }

    pub(super) fn no_place(max_connections: usize) -> Self {
        Self::busy(format!("the limit max-connections {max_connections} is reached"))
    }

    pub(super) fn no_descriptor() -> Self {
        Self::busy("the process can open no more files (ulimit -n)")
    }

    /// What may well be done in a second.
    fn busy(line: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, line).with("retry-after", "1")
    }

    pub(super) fn moved() -> Self {
        let line = "what this is about has moved within the server: ask again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, line).with("retry-after", "0")
    }

    /// Nobody may be told what became of a request.
    pub(super) fn never_told(why: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    pub(super) fn slow_head(limits: &Limits) -> Self {
        let seconds = limits.header_timeout.as_secs_f64();
        let line = format!("the head took longer than the limit header-timeout {seconds} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, line)
    }

    pub(super) fn slow_body(limits: &Limits) -> Self {
        let line = format!("the body stood still for {} s", limits.io_timeout.as_secs_f64());
        Self::new(StatusCode::REQUEST_TIMEOUT, line)
    }

    pub(super) fn bad_body() -> Self {
        Self::bad("the body is not valid")
    }

    /// The answer to a request that has come whole: the connection goes on.
    pub(crate) fn answer(&self, request: &Request<'_>) -> Answer {
        Answer::Response(self.response(request.accepts_json()))
    }

    fn response(&self, json: bool) -> Response<Body> {
        let Self { status, problem, line, limit, fields } = self;
        let (content_type, body) = if json {
            let mut out = Vec::new();
            let Ok(()) = write_problem(status.as_u16(), problem, line, *limit, &mut out) as Result<(), Infallible>;
            ("application/problem+json", out)
        } else {
            ("text/plain; charset=utf-8", format!("{line}\n").into_bytes())
        };
        let mut response = Response::new(body.into());
        *response.status_mut() = *status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response.extensions_mut().insert(Problem(problem));
        response
    }

    /// All of it, as it is sent to a client that has asked for nothing that could be read.
    pub(super) fn to_stranger(&self, peer: SocketAddr) -> Vec<u8> {
        let asked = Asked { minor: 1, head_only: false, keep_alive: false, varies: false, origin: None };
        self.to_bytes(&Asker::stranger(peer), &asked, false)
    }

    /// All of it, as it is sent where the connection can't go on, as what the client still sends is not read; as a problem
    /// if it is `json`.
    pub(super) fn to_bytes(&self, asker: &Asker<'_>, asked: &Asked, json: bool) -> Vec<u8> {
        answered::count(self.status.as_u16());
        refused::note(asker, self.status.as_u16(), self.problem, self.line.as_bytes());
        let response = self.response(json);
        let mut out = Vec::with_capacity(512);
        asked.write_head(&mut out, &response);
        if let Body::Whole(body) = response.body()
            && !asked.head_only
        {
            out.extend_from_slice(body);
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
        StatusCode::CONFLICT => "conflict",
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

/// The most fields that a head may have.
pub(super) const MAX_FIELDS: usize = 100;

/// The longest target.
pub(super) const MAX_TARGET: usize = 65_534;
