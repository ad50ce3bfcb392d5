//! WebSocket frames (RFC 6455) as a server writes and reads them.
//!
//! What is written is never masked and never in fragments: each message is one frame, so that its bytes depend on
//! nothing but the message. What a client sends is read by [`ClientFrames`]. The handshake before it is HTTP's.

mod client;

pub use client::{ClientFrames, Error, Event, MAX_DATA};

use embedded_io::Write;

use super::digits::Head;

/// The most bytes that a ping, a pong or a close carries.
pub const MAX_CONTROL: usize = 125;

/// Goodbye: whoever sends it goes away.
pub const GOING_AWAY: u16 = 1001;

const FINAL: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The bytes that the frame of a message of `len` bytes takes: 2, 4 or 10 beyond it. O(1).
///
/// ```
/// use streamgauge_core::wire::websocket::frame_len;
///
/// assert_eq!([125, 126, 65_536].map(frame_len), [127, 130, 65_546]);
/// ```
#[must_use]
pub const fn frame_len(len: usize) -> usize {
    let head = match len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    len.saturating_add(head)
}

/// Writes `message` as one frame: text if it is UTF-8, else binary. O(n), two writes.
///
/// # Errors
/// Those of `out`.
///
/// ```
/// use streamgauge_core::wire::websocket::write_message;
///
/// let mut out = Vec::new();
/// write_message(b"hi", &mut out).unwrap();
/// write_message(b"\xff", &mut out).unwrap();
/// assert_eq!(out, b"\x81\x02hi\x82\x01\xff");
/// ```
pub fn write_message<W: Write>(message: &[u8], out: &mut W) -> Result<(), W::Error> {
    let mut head = Head::new();
    push_head(&mut head, message);
    out.write_all(head.as_bytes())?;
    out.write_all(message)
}

/// Asks the client for a sign of life. O(1).
///
/// # Errors
/// Those of `out`.
pub fn write_ping<W: Write>(out: &mut W) -> Result<(), W::Error> {
    write_control(PING, b"", out)
}

/// Answers a ping with what it carried. O(1).
///
/// # Errors
/// Those of `out`.
pub fn write_pong<W: Write>(payload: &[u8], out: &mut W) -> Result<(), W::Error> {
    write_control(PONG, payload, out)
}

/// Says that nothing more will be sent, and why. O(1).
///
/// # Errors
/// Those of `out`.
///
/// ```
/// use streamgauge_core::wire::websocket::write_close;
///
/// let mut out = Vec::new();
/// write_close(Some(1002), &mut out).unwrap();
/// write_close(None, &mut out).unwrap();
/// assert_eq!(out, b"\x88\x02\x03\xea\x88\x00");
/// ```
pub fn write_close<W: Write>(code: Option<u16>, out: &mut W) -> Result<(), W::Error> {
    match code {
        Some(code) => write_control(CLOSE, &code.to_be_bytes(), out),
        None => write_control(CLOSE, b"", out),
    }
}

/// Writes a close that says why in words, of which the first 123 bytes are sent. O(1), one write.
///
/// # Errors
/// Those of `out`.
pub fn write_close_saying<W: Write>(code: u16, why: &str, out: &mut W) -> Result<(), W::Error> {
    let mut payload = heapless::Vec::<u8, MAX_CONTROL>::new();
    // There is room.
    let _ = payload.extend_from_slice(&code.to_be_bytes());
    let _ = payload.extend_from_slice(reason(why).as_bytes());
    write_control(CLOSE, &payload, out)
}

/// The first line of a reason, as much of it as has room behind the code of a close, in whole characters.
pub(super) fn reason(why: &str) -> &str {
    let line = why.bytes().position(|byte| matches!(byte, b'\r' | b'\n'));
    let mut end = line.unwrap_or(why.len()).min(MAX_CONTROL.saturating_sub(2));
    while !why.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    why.get(..end).unwrap_or_default()
}

/// What stands before a message in its frame.
pub(super) fn push_head(head: &mut Head, message: &[u8]) {
    let opcode = if core::str::from_utf8(message).is_ok() { TEXT } else { BINARY };
    let [.., seventh, eighth] = (message.len() as u64).to_be_bytes();
    match message.len() {
        0..=125 => head.push(&[FINAL | opcode, eighth]),
        126..=0xffff => head.push(&[FINAL | opcode, 126, seventh, eighth]),
        len => {
            head.push(&[FINAL | opcode, 127]);
            head.push(&(len as u64).to_be_bytes());
        }
    }
}

fn write_control<W: Write>(opcode: u8, payload: &[u8], out: &mut W) -> Result<(), W::Error> {
    let payload = payload.get(..MAX_CONTROL).unwrap_or(payload);
    // In one write: what is one frame should leave as one packet.
    let mut frame = heapless::Vec::<u8, { MAX_CONTROL + 2 }>::new();
    // There is room: both are bounded above.
    let _ = frame.extend_from_slice(&[FINAL | opcode, payload.len() as u8]);
    let _ = frame.extend_from_slice(payload);
    out.write_all(&frame)
}
