//! What a request comes to, and how it is written.

use std::convert::Infallible;
use std::io::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use streamgauge_core::endpoints::{self, Request, Response, Status};
use streamgauge_core::engine::Refusal;
use streamgauge_core::wire::units::write_decimal;

use super::{Body, Buffer, Limits, Taken, date};

/// What a request comes to.
pub enum Answer {
    /// What the core answers, and its body; the connection goes on.
    Whole(Response, Buffer),
    /// An HTTP response; the connection goes on.
    Response(http::Response<Body>),
    /// The socket is the handler's from here on, who answers with this status.
    TakeOver(StatusCode, TakeOver),
    /// The request belongs to another thread, as turned out while it waited: nothing has happened.
    Elsewhere(usize),
}

/// What is done with a socket that is taken over. It is called on the runtime, and should spawn what takes time.
pub type TakeOver = Box<dyn FnOnce(Taken) + Send>;

/// A core response with its body.
pub(crate) fn whole(response: &Response, body: impl Into<Buffer>) -> Answer {
    Answer::Whole(*response, body.into())
}

/// What is said to whoever asked for something that was refused.
pub(crate) fn refused(request: &Request<'_>, refusal: &Refusal) -> Answer {
    let mut body = Vec::new();
    let Ok(response) = endpoints::refuse(refusal, request, &mut body) as Result<Response, Infallible>;
    whole(&response, body)
}

/// A core response's head, and a body, to be changed further.
pub(crate) fn into_http(response: &Response, body: Body) -> http::Response<Body> {
    let mut http = http::Response::new(body);
    *http.status_mut() = StatusCode::from_u16(response.status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = http.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    response.headers.for_each(|name, value| {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::try_from(value.to_string()))
        {
            headers.insert(name, value);
        }
    });
    http
}

/// What of a request matters for how its answer is written.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The x of HTTP/1.x.
    pub(super) minor: u8,
    pub(super) head_only: bool,
    pub(super) keep_alive: bool,
    /// Whether caches have to be told that the answer depends on `Accept`.
    pub(super) varies: bool,
    /// What `access-control-allow-origin` answers.
    pub(super) origin: Option<HeaderValue>,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// After so many bytes.
    Length(u64),
    Chunks,
    /// Where the connection does.
    Close,
}

impl Asked {
    /// Writes the head of what the core answers.
    pub(super) fn write_core_head(&self, out: &mut Vec<u8>, response: &Response, body: usize) {
        match (self.minor, response.status) {
            (1, Status::Ok) => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
            (minor, status) => write_status(out, minor, StatusCode::from_u16(status.code()).unwrap_or_default()),
        }
        write_field(out, b"content-type", response.content_type.as_bytes());
        response.headers.for_each(|name, value| {
            let start = out.len();
            out.extend_from_slice(name.as_bytes());
            if let Some(name) = out.get_mut(start..) {
                name.make_ascii_lowercase();
            }
            for part in [": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        });
        let says_length = response.status != Status::NoContent && !(self.head_only && body == 0);
        self.write_end(out, Ending::Length(body as u64), says_length);
    }

    /// Writes the head of a response, and returns where its body ends.
    pub(super) fn write_head(&self, out: &mut Vec<u8>, response: &http::Response<Body>) -> Ending {
        write_status(out, self.minor, response.status());
        let announced = length(response.headers());
        for (name, value) in response.headers() {
            write_field(out, name.as_str().as_bytes(), value.as_bytes());
        }
        let no_body = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let ending = match (response.body(), announced) {
            _ if no_body => Ending::Length(0),
            (_, Some(length)) => Ending::Length(length),
            (Body::Whole(body), None) => Ending::Length(body.len() as u64),
            (Body::Pieces { .. }, None) if self.minor >= 1 => Ending::Chunks,
            (Body::Pieces { .. }, None) => Ending::Close,
        };
        let unsaid = announced.is_none() && !no_body && !(self.head_only && ending == Ending::Length(0));
        self.write_end(out, ending, unsaid);
        ending
    }

    /// Writes what every head ends with; `say` is whether its `ending` is still to be said.
    fn write_end(&self, out: &mut Vec<u8>, ending: Ending, say: bool) {
        if self.varies {
            write_field(out, b"vary", b"accept");
        }
        if let Some(origin) = &self.origin {
            write_cors(out, origin);
        }
        match (self.keep_alive, self.minor) {
            (true, 0) if ending != Ending::Close => write_field(out, b"connection", b"keep-alive"),
            (false, 1) => write_field(out, b"connection", b"close"),
            _ => {}
        }
        match ending {
            Ending::Length(0) if say => out.extend_from_slice(b"content-length: 0\r\n"),
            Ending::Length(length) if say => {
                out.extend_from_slice(b"content-length: ");
                let Ok(()) = write_decimal(length, out) as Result<(), Infallible>;
                out.extend_from_slice(b"\r\n");
            }
            Ending::Chunks if say => write_field(out, b"transfer-encoding", b"chunked"),
            _ => {}
        }
        out.extend_from_slice(b"date: ");
        date::write(out);
        out.extend_from_slice(b"\r\n\r\n");
    }
}

/// What lets a page of `origin` read an answer.
fn write_cors(out: &mut Vec<u8>, origin: &HeaderValue) {
    write_field(out, b"access-control-allow-origin", origin.as_bytes());
    write_field(out, b"vary", b"origin");
    write_field(out, b"access-control-expose-headers", Limits::EXPOSED_HEADERS.as_bytes());
}

fn write_status(out: &mut Vec<u8>, minor: u8, status: StatusCode) {
    let reason = status.canonical_reason().unwrap_or_default();
    let _ = write!(out, "HTTP/1.{minor} {} {reason}\r\n", status.as_str());
}

fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// How long the body is that is announced.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use streamgauge_core::endpoints::nothing;

    use super::*;

    #[test]
    fn an_answer_without_content_says_no_length() {
        for head_only in [false, true] {
            let asked = Asked { minor: 1, head_only, keep_alive: true, varies: false, origin: None };
            let head = |response: &Response| {
                let mut head = Vec::new();
                asked.write_core_head(&mut head, response, 0);
                String::from_utf8(head).unwrap()
            };
            let empty = head(&nothing());
            assert!(empty.starts_with("HTTP/1.1 204 No Content\r\n") && !empty.contains("content-length"), "{empty}");
            assert_ne!(head(&Response::text(Status::Ok)).contains("content-length: 0\r\n"), head_only);
        }
    }
}
