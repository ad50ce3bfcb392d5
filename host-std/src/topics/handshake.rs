//! How a request becomes a WebSocket (RFC 6455, section 4).

use std::convert::Infallible;

use data_encoding::BASE64;
use http::HeaderValue;
use streamgauge_core::endpoints::Method;
use streamgauge_core::wire::{Framing, Stream};

use super::hub::Admission;
use crate::server::Context;

/// Whether a request wants to become a WebSocket. Over HTTP/1.0 nothing does (RFC 9110, section 7.8).
pub(super) fn is_asked_for(context: &Context<'_>) -> bool {
    context.minor >= 1 && names(context, "upgrade", "websocket")
}

/// What is wrong with a handshake.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrong {
    Line(&'static str),
    /// It is one of another version.
    Version,
}

/// The version that is understood.
pub(super) const VERSION: &str = "13";

/// The answer to the client's key.
pub(super) fn check(method: Method, context: &Context<'_>) -> Result<String, Wrong> {
    let one = |name| {
        let mut values = context.fields(name);
        values.next().filter(|_| values.next().is_none())
    };
    if method != Method::Get {
        return Err(Wrong::Line("a WebSocket begins with GET"));
    }
    if !names(context, "connection", "upgrade") {
        return Err(Wrong::Line("a WebSocket needs Connection: upgrade"));
    }
    match (one("sec-websocket-key"), one("sec-websocket-version")) {
        (_, Some(version)) if version != VERSION.as_bytes() => Err(Wrong::Version),
        (Some(key), Some(_)) if is_key(key) => Ok(accept(key)),
        (Some(_), Some(_)) => Err(Wrong::Line("Sec-WebSocket-Key must be 16 bytes in base64")),
        _ => Err(Wrong::Line("a WebSocket needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13")),
    }
}

/// The head of the answer.
pub(super) fn opening(accept: &str, admission: &Admission, origin: Option<&HeaderValue>) -> Vec<u8> {
    let (first, epoch) = (admission.first, admission.seat.venue.epoch);
    let mut opening = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {accept}\r\nx-pubsub-sequence: {first}\r\nx-pubsub-epoch: {epoch}\r\n"
    )
    .into_bytes();
    if let Some(origin) = origin {
        opening.extend_from_slice(b"access-control-allow-origin: ");
        opening.extend_from_slice(origin.as_bytes());
        opening.extend_from_slice(b"\r\nvary: origin\r\n");
    }
    opening.extend_from_slice(b"\r\n");
    if let Some(missed) = admission.missed.filter(|_| !admission.comes_back) {
        let stream = Stream { framing: Framing::WebSocket, chunked: false };
        let Ok(()) = stream.gap(missed, &mut opening) as Result<(), Infallible>;
    }
    opening
}

/// Whether a field that is a list has this word in it.
fn names(context: &Context<'_>, field: &str, word: &str) -> bool {
    let mut words = context.fields(field).flat_map(|value| value.split(|byte| *byte == b','));
    words.any(|one| one.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether it is 16 bytes in base64, written in the one way there is: without bits to spare, and padded.
fn is_key(key: &[u8]) -> bool {
    BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// What proves to the client that its key was understood.
fn accept(key: &[u8]) -> String {
    let mut hash = sha1_smol::Sha1::from(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64.encode(&hash.digest().bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn as_the_standard_says() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_16_bytes() {
        for key in ["dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "/+/+/+/+/+/+/+/+/+/+/w=="] {
            assert!(is_key(key.as_bytes()), "{key}");
        }
        for key in [
            "",
            "x",
            "==",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZQAA",
            "dGhlIHNhbXBsZSBub25j",
            "dGhlIHNhbXBsZSBub25jZQAAAA==",
            "dGhlIHNhbXBsZSBub2-jZQ==",
        ] {
            assert!(!is_key(key.as_bytes()), "{key}");
        }
    }
}
