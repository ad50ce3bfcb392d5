//! Refusals: a line of text, or a problem as RFC 9457 has it.

use core::fmt::Display;

use embedded_io::Write;

use super::super::parse::Wrong;
use super::super::{Headers, Request, Response, Status};
use crate::engine::Refusal;
use crate::gauge::{MergeError, SetupError};
use crate::wire::json::write::escape;
use crate::wire::write_fmt;

/// Answers a command that was refused.
///
/// # Errors
/// Those of `out`.
pub(crate) fn refuse<W: Write>(refusal: &Refusal, json: bool, out: &mut W) -> Result<Response, W::Error> {
    let status = match refusal {
        Refusal::TooLarge { .. } => Status::ContentTooLarge,
        Refusal::Full { .. } | Refusal::TooManySubscribers { .. } | Refusal::Busy(_) => Status::ServiceUnavailable,
        Refusal::Missing(..) => Status::NotFound,
        Refusal::NoRoom { .. }
        | Refusal::NoDisk { .. }
        | Refusal::LogFull { .. }
        | Refusal::TooMany { .. }
        | Refusal::TooManySetAside { .. } => Status::InsufficientStorage,
        Refusal::Conflict(_) => Status::Conflict,
        Refusal::NotImplemented(_) => Status::NotImplemented,
    };
    let mut response = problem(status, refusal.problem(), refusal, refusal.limit(), json, out)?;
    if status == Status::ServiceUnavailable {
        let seconds = if matches!(refusal, Refusal::TooManySubscribers { .. }) { 5 } else { 1 };
        response.headers = Headers::RetryAfter(seconds);
    }
    Ok(response)
}

/// Answers a request that is not understood.
///
/// # Errors
/// Those of `out`.
pub(crate) fn wrong<W: Write>(wrong: &Wrong<'_>, json: bool, out: &mut W) -> Result<Response, W::Error> {
    problem(Status::BadRequest, "bad-request", wrong, None, json, out)
}

/// Why a request about gauges is refused; what is said of it depends on who keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaugeProblem {
    /// It is not understood, or there can be no such gauge.
    Wrong,
    /// There is none of that name.
    Missing,
    /// It contradicts what there is.
    Conflict,
    /// There is no room for what it would keep.
    NoRoom,
    /// There are as many as there may be.
    TooMany,
    /// Nobody here does it.
    NotImplemented,
}

impl From<SetupError> for GaugeProblem {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Wrong(_) => Self::Wrong,
            SetupError::NoRoom => Self::NoRoom,
        }
    }
}

impl From<MergeError> for GaugeProblem {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Different => Self::Conflict,
            MergeError::NoRoom => Self::NoRoom,
            MergeError::NotAGauge | MergeError::Corrupt | MergeError::Impossible(_) => Self::Wrong,
        }
    }
}

/// Answers a request about gauges that is refused: with one line, without its end, and the limit that it met.
///
/// # Errors
/// Those of `out`.
pub fn refuse_gauge<W: Write>(
    why: GaugeProblem,
    line: &dyn Display,
    limit: Option<(&str, u64)>,
    request: &Request<'_>,
    out: &mut W,
) -> Result<Response, W::Error> {
    let (status, kind) = match why {
        GaugeProblem::Wrong => (Status::BadRequest, "bad-request"),
        GaugeProblem::Missing => (Status::NotFound, "no-such-name"),
        GaugeProblem::Conflict => (Status::Conflict, "conflict"),
        GaugeProblem::NoRoom => (Status::InsufficientStorage, "no-room"),
        GaugeProblem::TooMany => (Status::InsufficientStorage, "too-many"),
        GaugeProblem::NotImplemented => (Status::NotImplemented, "not-implemented"),
    };
    problem(status, kind, line, limit, request.accepts_json(), out)
}

/// The kind of problem that nothing answers at a path.
pub const NOWHERE: &str = "not-found";

/// Answers a path at which there is nothing. Without a line, as the original does, but for who accepts JSON.
///
/// # Errors
/// Those of `out`.
pub(crate) fn nowhere<W: Write>(json: bool, out: &mut W) -> Result<Response, W::Error> {
    if !json {
        return Ok(Response { problem: Some(NOWHERE), ..Response::text(Status::NotFound) });
    }
    problem(Status::NotFound, NOWHERE, &"nothing answers at this path", None, json, out)
}

/// Answers a method that a path does not have; `allowed` are those that it has.
///
/// # Errors
/// Those of `out`.
pub(crate) fn other_method<W: Write>(allowed: &'static str, json: bool, out: &mut W) -> Result<Response, W::Error> {
    let detail = format_args!("this is answered to {allowed} only");
    let response = problem(Status::MethodNotAllowed, "method-not-allowed", &detail, None, json, out)?;
    Ok(Response { headers: Headers::Allow(allowed), ..response })
}

/// Answers with a problem: `kind` is the last part of its type.
///
/// # Errors
/// Those of `out`.
pub(crate) fn problem<W: Write>(
    status: Status,
    kind: &'static str,
    detail: &dyn Display,
    limit: Option<(&str, u64)>,
    json: bool,
    out: &mut W,
) -> Result<Response, W::Error> {
    if !json {
        write_fmt(out, format_args!("{detail}\n"))?;
        return Ok(Response { problem: Some(kind), ..Response::text(status) });
    }
    write_problem(status.code(), kind, detail, limit, out)?;
    Ok(Response { status, problem: Some(kind), ..Response::problem() })
}

/// Writes a problem as RFC 9457 has it, for who [accepts JSON](super::super::Request::accepts_json).
///
/// `problem` is the last part of its type, which never changes; `limit` is the one that was met, and its value.
///
/// # Errors
/// Those of `out`.
pub fn write_problem<W: Write>(
    status: u16,
    problem: &str,
    detail: &dyn Display,
    limit: Option<(&str, u64)>,
    out: &mut W,
) -> Result<(), W::Error> {
    out.write_all(b"{")?;
    write_members(status, problem, detail, limit, out)
}

/// Writes what every problem has, to the end of it: others may stand before.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_members<W: Write>(
    status: u16,
    problem: &str,
    detail: &dyn Display,
    limit: Option<(&str, u64)>,
    out: &mut W,
) -> Result<(), W::Error> {
    write_fmt(out, format_args!("\"type\":\"urn:streamgauge:problem:{problem}\",\"status\":{status},\"detail\":\""))?;
    write_fmt(&mut Escaped(out), format_args!("{detail}"))?;
    out.write_all(b"\"")?;
    if let Some((name, value)) = limit {
        write_fmt(out, format_args!(",\"limit\":\"{name}\",\"value\":{value}"))?;
    }
    out.write_all(b"}\n")
}

/// The inside of a JSON string.
struct Escaped<'w, W>(&'w mut W);

impl<W: Write> embedded_io::ErrorType for Escaped<'_, W> {
    type Error = W::Error;
}

impl<W: Write> Write for Escaped<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, W::Error> {
        escape(bytes, self.0)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), W::Error> {
        self.0.flush()
    }

    // The one that embedded-io has could panic.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), W::Error> {
        self.write(bytes).map(drop)
    }
}
