//! Writing server-sent events.

use super::Message;
use crate::wire::digits::Head;
use embedded_io::Write;
use memchr::memchr2;

/// Writes one event: `id`, `event` and `retry` only when there are any, then the data, with a
/// `data:` line for each of its lines. O(n).
///
/// CR LF, CR and LF in the data all arrive as LF. In the id and the name CR, LF and NUL are
/// written as spaces, so that no value can pass for another field.
///
/// # Errors
/// Those of `out`.
///
/// ```
/// use streamgauge_core::wire::sse::{Message, write_event};
///
/// let mut out = Vec::new();
/// let message = Message { event: b"moments", data: b"a\nb", ..Message::default() };
/// write_event(&message, &mut out).unwrap();
/// assert_eq!(out, b"event: moments\ndata: a\ndata: b\n\n");
/// ```
pub fn write_event<W: Write>(message: &Message<'_>, out: &mut W) -> Result<(), W::Error> {
    if !message.id.is_empty() {
        write_field(b"id: ", message.id, out)?;
    }
    if !message.event.is_empty() {
        write_field(b"event: ", message.event, out)?;
    }
    if let Some(milliseconds) = message.retry {
        let mut line = Head::new();
        line.push(b"retry: ");
        line.push_decimal(milliseconds);
        line.push(b"\n");
        out.write_all(line.as_bytes())?;
    }
    out.write_all(b"data: ")?;
    write_data(message.data, out)?;
    out.write_all(b"\n\n")
}

/// Writes a comment, with a line of its own for each line of `text`. Readers ignore it. O(n).
///
/// # Errors
/// Those of `out`.
///
/// ```
/// use streamgauge_core::wire::sse::write_comment;
///
/// let mut out = Vec::new();
/// write_comment(b"keep-alive", &mut out).unwrap();
/// assert_eq!(out, b": keep-alive\n\n");
/// ```
pub fn write_comment<W: Write>(text: &[u8], out: &mut W) -> Result<(), W::Error> {
    out.write_all(b": ")?;
    write_joined(text, b"\n: ", out)?;
    out.write_all(b"\n\n")
}

/// Writes data behind its first `data: `.
#[inline]
pub(in crate::wire) fn write_data<W: Write>(data: &[u8], out: &mut W) -> Result<(), W::Error> {
    write_joined(data, DATA_JOINT, out)
}

/// The bytes that `write_data` writes.
pub(in crate::wire) fn data_len(data: &[u8]) -> usize {
    let mut length: usize = 0;
    let mut left = data;
    while let Some((line, rest)) = split_line(left) {
        length = length.saturating_add(line.len());
        length = length.saturating_add(DATA_JOINT.len());
        left = rest;
    }
    length.saturating_add(left.len())
}

const DATA_JOINT: &[u8] = b"\ndata: ";

fn write_field<W: Write>(name: &[u8], value: &[u8], out: &mut W) -> Result<(), W::Error> {
    out.write_all(name)?;
    for (index, piece) in value.split(|byte| matches!(byte, b'\r' | b'\n' | 0)).enumerate() {
        if index > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(piece)?;
    }
    out.write_all(b"\n")
}

#[inline]
fn write_joined<W: Write>(text: &[u8], joint: &[u8], out: &mut W) -> Result<(), W::Error> {
    let mut left = text;
    while let Some((line, rest)) = split_line(left) {
        out.write_all(line)?;
        out.write_all(joint)?;
        left = rest;
    }
    out.write_all(left)
}

/// What stands before and behind the first line end, if there is one.
#[inline]
fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = text.split_at_checked(memchr2(b'\r', b'\n', text)?)?;
    let (_, after) = rest.split_first()?;
    Some((line, rest.strip_prefix(b"\r\n").unwrap_or(after)))
}
