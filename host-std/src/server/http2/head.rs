//! The head of a request of HTTP/2, as HTTP/1.1 has it.

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, Method, request};

/// A head that says the same.
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// Whether the body is told in chunks, as its length is not known.
    pub(super) in_chunks: bool,
    /// Whether the client may wait for a word before it sends the body.
    pub(super) expects: bool,
}

/// Writes a request's head, and that it is the only one on its connection; `None` for what HTTP/1.1 can't say. Bytes that
/// could end a line early are in no [`http::HeaderValue`], and the rest is judged as all heads are.
pub(super) fn write(request: &request::Parts, has_body: bool) -> Option<Head> {
    // Neither has a path.
    if request.method == Method::CONNECT {
        return None;
    }
    let target = request.uri.path_and_query()?.as_str();
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic() || byte >= 0x80) {
        return None;
    }
    let mut bytes = Vec::with_capacity(512);
    let mut line = |parts: &[&[u8]]| parts.iter().for_each(|part| bytes.extend_from_slice(part));
    line(&[request.method.as_str().as_bytes(), b" ", target.as_bytes(), b" HTTP/1.1\r\nconnection: close\r\n"]);
    let authority = request.uri.authority();
    if let Some(authority) = authority {
        line(&[b"host: ", authority.as_str().as_bytes(), b"\r\n"]);
    }
    let (mut in_chunks, expects) = (has_body, request.headers.contains_key(EXPECT));
    for (name, value) in &request.headers {
        if is_of_connection(name) || (*name == HOST && authority.is_some()) {
            continue;
        }
        if *name == CONTENT_LENGTH {
            in_chunks = false;
        }
        line(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    if in_chunks {
        line(&[b"transfer-encoding: chunked\r\n"]);
    }
    line(&[b"\r\n"]);
    Some(Head { bytes, in_chunks, expects })
}

/// Whether a field is about one connection of HTTP/1.1 only: it has no place in HTTP/2 (RFC 9113, section 8.2.2).
pub(super) fn is_of_connection(name: &HeaderName) -> bool {
    [CONNECTION, TRANSFER_ENCODING, UPGRADE, TE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn written(request: http::request::Builder, has_body: bool) -> Option<String> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        write(&parts, has_body).map(|head| String::from_utf8(head.bytes).unwrap())
    }

    #[test]
    fn a_head_says_the_same() {
        let request =
            Request::get("https://a:1/sub?x=1").header("host", "b").header("accept", "x").header("te", "trailers");
        assert_eq!(
            written(request, false).as_deref(),
            Some("GET /sub?x=1 HTTP/1.1\r\nconnection: close\r\nhost: a:1\r\naccept: x\r\n\r\n")
        );
        let request =
            Request::post("/pub").header("host", "b").header("content-length", "3").header("expect", "100-continue");
        assert_eq!(
            written(request, true).as_deref(),
            Some(
                "POST /pub HTTP/1.1\r\nconnection: close\r\nhost: b\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n"
            )
        );
        let chunked = written(Request::post("https://a/pub").header("upgrade", "websocket"), true).unwrap();
        assert!(chunked.ends_with("host: a\r\ntransfer-encoding: chunked\r\n\r\n"), "{chunked}");
    }

    #[test]
    fn what_has_no_path_is_no_request() {
        assert_eq!(written(Request::builder().method("CONNECT").uri("a:1"), false), None);
    }
}
