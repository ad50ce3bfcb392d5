//! A line of the log for each request, and a span.

use std::net::SocketAddr;
use std::time::Instant;

use http::StatusCode;
#[cfg(feature = "otlp")]
use streamgauge_core::endpoints::{Surface, route};

use super::answer::length;
use super::refusal::{Problem, kind_of};
use super::request::Head;
use super::shown::shown;
use super::{Answer, Body};
#[cfg(feature = "otlp")]
use crate::operations::{Seen, Spans};
use crate::terminal::LogFormat;
use crate::trace::traceparent;

/// What became of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) status: u16,
    /// Bytes of the answer's body, where they are known at its beginning.
    pub(super) bytes: Option<u64>,
    /// Why it was refused.
    pub(super) reason: Option<&'static str>,
    /// When the request had come whole.
    pub(super) begun: Option<Instant>,
    /// Whether what follows is sent by somebody else, as long as it takes.
    pub(super) is_stream: bool,
}

impl Told {
    /// What an answer says; `None` if somebody else answers.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let told = match answer {
            Answer::Whole(response, body) => {
                let status = response.status.code();
                Self {
                    status,
                    bytes: Some(body.len() as u64),
                    reason: reason(status, response.problem),
                    ..Self::default()
                }
            }
            Answer::Response(response) => {
                let status = response.status().as_u16();
                let problem = response.extensions().get::<Problem>().map(|Problem(problem)| *problem);
                let bytes = match response.body() {
                    Body::Whole(body) => Some(body.len() as u64),
                    Body::Pieces { .. } => length(response.headers()),
                };
                Self { status, bytes, reason: reason(status, problem), ..Self::default() }
            }
            Answer::TakeOver(status, _) => Self { status: status.as_u16(), is_stream: true, ..Self::default() },
            Answer::Elsewhere(_) => return None,
        };
        Some(told)
    }
}

/// Why something was refused, if it was: where nothing but the status is said, that alone tells.
fn reason(status: u16, problem: Option<&'static str>) -> Option<&'static str> {
    let refused = StatusCode::from_u16(status).ok().filter(|status| status.as_u16() >= 400);
    problem.or(refused.map(kind_of))
}

/// What is said in an answer.
pub(super) fn said(answer: &Answer) -> &[u8] {
    match answer {
        Answer::Whole(_, body) => body,
        Answer::Response(response) => match response.body() {
            Body::Whole(body) => body,
            Body::Pieces { .. } => &[],
        },
        _ => &[],
    }
}

/// Logs a request, and what became of it.
pub(super) fn log(format: LogFormat, peer: SocketAddr, head: &Head<'_, '_>, told: &Told) {
    write(format, peer, (head.http.method, &shown(head.http.target)), told, trace_of(head));
}

/// Logs what could not be read as a request. Nothing of it is repeated: it may be anything.
pub(super) fn log_unread(format: LogFormat, peer: SocketAddr, told: &Told) {
    write(format, peer, ("-", "-"), told, None);
}

fn write(format: LogFormat, peer: SocketAddr, (method, target): (&str, &str), told: &Told, traceparent: Option<&str>) {
    let Told { status, bytes, reason, .. } = *told;
    let microseconds = told.begun.map(|begun| u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    if format == LogFormat::Text {
        tracing::info!(%peer, bytes, microseconds, reason, traceparent, "{method} {target} {status}");
    } else {
        tracing::info!(%peer, method, target, status, bytes, microseconds, reason, traceparent, "request");
    }
}

/// Records a request, and what became of it.
#[cfg(feature = "otlp")]
pub(super) fn record(spans: &Spans, peer: SocketAddr, head: &Head<'_, '_>, told: &Told) {
    let path = shown(head.http.target.split('?').next().unwrap_or_default());
    let route = route(head.request.path, Surface::Everything);
    let name = ["topic", "queue"].into_iter().find_map(|name| head.request.query.get(name));
    let name = name.map(|name| String::from_utf8_lossy(&name.bytes().collect::<Vec<_>>()).into_owned());
    spans.record(&Seen {
        method: head.http.method,
        path: &path,
        route: route.map(|route| route.path),
        name: name.as_deref(),
        peer,
        status: told.status,
        reason: told.reason,
        begun: told.begun,
        traceparent: trace_of(head),
    });
}

/// The `traceparent` of a request, if it is one.
fn trace_of<'h>(head: &'h Head<'_, '_>) -> Option<&'h str> {
    let trace = head.http.fields.iter().find(|field| field.name.eq_ignore_ascii_case("traceparent"))?;
    traceparent(trace.value)
}
