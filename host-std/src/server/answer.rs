//! From hyper's types to the core's and back.

use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use streamgauge_core::endpoints::{Method, Request, Response};
use streamgauge_core::wire::query::Query;

use super::{Answer, Body};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const MESSAGE_ID: HeaderName = HeaderName::from_static("message-id");

/// A request as the core's services see it.
pub(crate) fn request<'a>(head: &'a Parts, body: &'a [u8]) -> Request<'a> {
    let header = |name: &HeaderName| head.headers.get(name).map_or(&b""[..], |value| value.as_bytes());
    Request {
        method: Method::named(head.method.as_str().as_bytes()).unwrap_or_default(),
        path: head.uri.path().as_bytes(),
        query: Query::new(head.uri.query().unwrap_or_default().as_bytes()),
        body,
        accept: header(&header::ACCEPT),
        content_type: header(&header::CONTENT_TYPE),
        last_event_id: header(&LAST_EVENT_ID),
        message_id: header(&MESSAGE_ID),
    }
}

/// A core response with its body, for hyper.
pub(crate) fn whole(response: &Response, body: Vec<u8>) -> Answer {
    Answer::Response(into_http(response, Body::from(body)))
}

/// A core response's head, and a body, for hyper.
pub(crate) fn into_http(response: &Response, body: Body) -> http::Response<Body> {
    let mut http = http::Response::new(body);
    *http.status_mut() = StatusCode::from_u16(response.status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = http.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    response.headers.for_each(|name, value| {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            headers.insert(name, HeaderValue::from(value));
        }
    });
    http
}
