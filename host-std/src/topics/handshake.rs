//! How a request becomes a WebSocket (RFC 6455, section 4).

use std::convert::Infallible;

use http::HeaderValue;
use streamgauge_core::endpoints::Method;
use streamgauge_core::wire::{Framing, Stream};

use super::hub::Admission;
use crate::server::Context;

/// Whether a request wants to become a WebSocket.
pub(super) fn is_asked_for(context: &Context<'_>) -> bool {
    names(context, "upgrade", "websocket")
}

/// The answer to the client's key, or the line that says what is wrong with the handshake.
pub(super) fn check(method: Method, context: &Context<'_>) -> Result<String, &'static str> {
    let one = |name| {
        let mut values = context.fields(name);
        values.next().filter(|_| values.next().is_none())
    };
    if method != Method::Get || context.minor == 0 {
        return Err("a WebSocket begins with GET over HTTP/1.1");
    }
    if !names(context, "connection", "upgrade") {
        return Err("a WebSocket needs Connection: upgrade");
    }
    match (one("sec-websocket-key"), one("sec-websocket-version")) {
        (Some(key), Some(b"13")) if is_key(key) => Ok(accept(key)),
        (Some(_), Some(b"13")) => Err("Sec-WebSocket-Key must be 16 bytes in base64"),
        _ => Err("a WebSocket needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13"),
    }
}

/// The head of the answer.
pub(super) fn opening(accept: &str, admission: &Admission, origin: Option<&HeaderValue>) -> Vec<u8> {
    let (first, epoch) = (admission.first, admission.epoch);
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

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether it is 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let Some([digits @ .., last]) = key.strip_suffix(b"==") else { return false };
    // The last digit has two bits of the key, and four that are zero.
    digits.len() == 21 && b"AQgw".contains(last) && digits.iter().all(|digit| DIGITS.contains(digit))
}

/// What proves to the client that its key was understood.
fn accept(key: &[u8]) -> String {
    let mut hash = sha1_smol::Sha1::from(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64(&hash.digest().bytes())
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let number = group.iter().chain(&[0; 2]).take(3).fold(0, |number, byte| number << 8 | u32::from(*byte));
        for digit in 0..4 {
            let value = (number >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= group.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648, section 10, and of RFC 6455, section 1.3.
    #[test]
    fn as_the_standards_say() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (bytes, text) in vectors {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
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
