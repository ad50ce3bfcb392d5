//! What a subscriber's stream looks like.

use super::digits::{Head, decimal_len, hex_len};
use super::{chunked, multipart, sse, websocket};
use embedded_io::Write;

/// How one message follows another in a stream.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Framing {
    /// Each message and a newline. Messages are not escaped: one that contains a newline arrives
    /// as several, and an empty one as none.
    Lines,
    /// `multipart/x-mixed-replace` with a content-length: messages may hold any bytes.
    Multipart,
    /// Server-sent events, numbered. CR LF, CR and LF inside a message all arrive as LF.
    Events,
    /// WebSocket frames: each message is one, text if it is UTF-8 and else binary. There are no chunks.
    WebSocket,
}

impl Framing {
    /// The value of the `content-type` header; empty for a WebSocket, whose answer has none. O(1).
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Lines => "application/json",
            Self::Multipart => "multipart/x-mixed-replace; boundary=xXPubSubXx",
            Self::Events => "text/event-stream",
            Self::WebSocket => "",
        }
    }

    /// What stands before the first message. O(1).
    #[must_use]
    pub const fn opening(self) -> &'static [u8] {
        match self {
            Self::Lines => b"\r\n",
            Self::Multipart => b"--xXPubSubXx\r\n",
            Self::Events => b"retry: 1000\n\n",
            Self::WebSocket => b"",
        }
    }

    /// The bytes that [`encode`](Self::encode) writes. O(1); O(n) for events.
    ///
    /// ```
    /// use streamgauge_core::wire::Framing;
    ///
    /// assert_eq!(Framing::Lines.framed_len(1, b"{}"), 3);
    /// assert_eq!(Framing::Events.framed_len(12, b"{}"), "id: 12\ndata: {}\n\n".len());
    /// ```
    #[must_use]
    pub fn framed_len(self, sequence: u64, message: &[u8]) -> usize {
        let added = match self {
            Self::Lines => 1,
            Self::Multipart => MULTIPART_FIXED.wrapping_add(decimal_len(message.len() as u64)),
            Self::Events => {
                let fixed = EVENT_FIXED.wrapping_add(decimal_len(sequence));
                return fixed.saturating_add(sse::encode::data_len(message));
            }
            Self::WebSocket => return websocket::frame_len(message.len()),
        };
        message.len().saturating_add(added)
    }

    /// Writes one message. `sequence` is its id as an event; the other framings have no room for
    /// it. O(n), at most three writes, more only for an event of several lines.
    ///
    /// # Errors
    /// Those of `out`.
    ///
    /// ```
    /// use streamgauge_core::wire::Framing;
    ///
    /// let mut out = Vec::new();
    /// Framing::Events.encode(12, b"{}", &mut out).unwrap();
    /// assert_eq!(out, b"id: 12\ndata: {}\n\n");
    /// ```
    #[inline]
    pub fn encode<W: Write>(self, sequence: u64, message: &[u8], out: &mut W) -> Result<(), W::Error> {
        self.write(Head::new(), sequence, message, out, false)
    }

    /// Writes `head`, the message, and the end of its chunk if it is in one.
    #[inline]
    fn write<W: Write>(
        self,
        mut head: Head,
        sequence: u64,
        message: &[u8],
        out: &mut W,
        chunked: bool,
    ) -> Result<(), W::Error> {
        let tail: &[u8] = match (self, chunked) {
            (Self::Lines, false) => b"\n",
            (Self::Lines, true) => b"\n\r\n",
            (Self::Multipart, false) => MULTIPART_TAIL,
            (Self::Multipart, true) => b"\r\n--xXPubSubXx\r\n\r\n",
            (Self::Events, false) => b"\n\n",
            (Self::Events, true) => b"\n\n\r\n",
            (Self::WebSocket, _) => b"",
        };
        match self {
            Self::Lines => {}
            Self::Multipart => {
                head.push(MULTIPART_HEAD);
                head.push_decimal(message.len() as u64);
                head.push(MULTIPART_HEAD_END);
            }
            Self::Events => {
                head.push(b"id: ");
                head.push_decimal(sequence);
                head.push(b"\ndata: ");
            }
            Self::WebSocket => websocket::push_head(&mut head, message),
        }
        if !head.as_bytes().is_empty() {
            out.write_all(head.as_bytes())?;
        }
        match self {
            Self::Lines | Self::Multipart | Self::WebSocket => out.write_all(message)?,
            Self::Events => sse::encode::write_data(message, out)?,
        }
        if tail.is_empty() { Ok(()) } else { out.write_all(tail) }
    }
}

const MULTIPART_HEAD: &[u8] = b"content-type: */*\r\ncontent-length: ";
const MULTIPART_HEAD_END: &[u8] = b"\r\n\r\n";
const MULTIPART_TAIL: &[u8] = b"\r\n--xXPubSubXx\r\n";
const MULTIPART_FIXED: usize = MULTIPART_HEAD.len() + MULTIPART_HEAD_END.len() + MULTIPART_TAIL.len();
const EVENT_FIXED: usize = b"id: \ndata: \n\n".len();
const _: () = assert!(MULTIPART_TAIL.len() == multipart::BOUNDARY.len() + 6);

/// A [`Framing`] on a connection: in HTTP chunks, or bare.
///
/// Whatever is written goes into a chunk of its own, so that the bytes of a message depend on
/// nothing but the message and its number: a sender that was stopped inside of one can encode it
/// again and go on where it stood.
///
/// ```
/// use streamgauge_core::wire::{Framing, Stream};
///
/// let stream = Stream { framing: Framing::Lines, chunked: true };
/// let mut out = Vec::new();
/// stream.encode(1, b"{}", &mut out).unwrap();
/// assert_eq!(out, b"3\r\n{}\n\r\n");
/// assert_eq!(out.len(), stream.framed_len(1, b"{}"));
/// ```
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct Stream {
    /// How messages follow each other.
    pub framing: Framing,
    /// Whether each goes into a chunk of its own. A WebSocket has no chunks, whatever is said here.
    pub chunked: bool,
}

impl Stream {
    /// The bytes that [`encode`](Self::encode) writes. O(1); O(n) for events.
    #[must_use]
    pub fn framed_len(self, sequence: u64, message: &[u8]) -> usize {
        let length = self.framing.framed_len(sequence, message);
        let overhead = if self.is_chunked() { hex_len(length as u64).wrapping_add(4) } else { 0 };
        length.saturating_add(overhead)
    }

    /// Writes one message, as [`Framing::encode`].
    ///
    /// # Errors
    /// Those of `out`.
    #[inline]
    pub fn encode<W: Write>(self, sequence: u64, message: &[u8], out: &mut W) -> Result<(), W::Error> {
        let mut head = Head::new();
        if self.is_chunked() {
            let length = self.framing.framed_len(sequence, message);
            chunked::push_head(&mut head, length as u64);
        }
        self.framing.write(head, sequence, message, out, self.is_chunked())
    }

    /// Writes what stands before the first message.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn opening<W: Write>(self, out: &mut W) -> Result<(), W::Error> {
        self.wrap(self.framing.opening(), out)
    }

    /// Tells a subscriber that it missed so many messages: as events, one named `gap` without an
    /// id; in multipart, an empty part with `x-pubsub-gap`; to a WebSocket, `{"gap":N}`. Lines have no way to say it,
    /// and nothing is written.
    ///
    /// # Errors
    /// Those of `out`.
    ///
    /// ```
    /// use streamgauge_core::wire::{Framing, Stream};
    ///
    /// let mut out = Vec::new();
    /// Stream { framing: Framing::Events, chunked: false }.gap(7, &mut out).unwrap();
    /// assert_eq!(out, b"event: gap\ndata: 7\n\n");
    /// ```
    pub fn gap<W: Write>(self, missed: u64, out: &mut W) -> Result<(), W::Error> {
        match self.framing {
            Framing::Events => {
                let mut text = Head::new();
                text.push(GAP_HEAD);
                text.push_decimal(missed);
                text.push(b"\n\n");
                self.wrap(text.as_bytes(), out)
            }
            Framing::Multipart => {
                let mut number = Head::new();
                number.push_decimal(missed);
                let mut text = heapless::Vec::<u8, 128>::new();
                for part in [GAP_PART, number.as_bytes(), GAP_PART_TAIL] {
                    // There is room: a number has 20 digits at most.
                    let _ = text.extend_from_slice(part);
                }
                self.wrap(&text, out)
            }
            Framing::WebSocket => {
                let mut text = Head::new();
                text.push(b"{\"gap\":");
                text.push_decimal(missed);
                text.push(b"}");
                websocket::write_message(text.as_bytes(), out)
            }
            Framing::Lines => Ok(()),
        }
    }

    /// Keeps an idle connection alive: as events, the comment `: keep-alive`; to a WebSocket, a
    /// ping. In the other framings anything would look like a message to the original readers, and nothing is
    /// written.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn comment<W: Write>(self, out: &mut W) -> Result<(), W::Error> {
        match self.framing {
            Framing::Events => self.wrap(KEEP_ALIVE, out),
            Framing::WebSocket => websocket::write_ping(out),
            Framing::Lines | Framing::Multipart => Ok(()),
        }
    }

    /// Writes `text` as it is, in a chunk of its own if there are chunks; to a WebSocket, as a
    /// message.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn raw<W: Write>(self, text: &[u8], out: &mut W) -> Result<(), W::Error> {
        match self.framing {
            // An empty chunk would end the stream.
            _ if text.is_empty() => Ok(()),
            Framing::WebSocket => websocket::write_message(text, out),
            _ => self.wrap(text, out),
        }
    }

    /// Ends the stream: the last chunk if there are chunks, a close to a WebSocket, else nothing.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn end<W: Write>(self, out: &mut W) -> Result<(), W::Error> {
        match self.framing {
            Framing::WebSocket => websocket::write_close(None, out),
            _ if self.chunked => out.write_all(chunked::LAST_CHUNK),
            _ => Ok(()),
        }
    }

    /// [`end`](Self::end)s the stream and says why, where that can be told from a message: as events, one named `end`;
    /// to a WebSocket, in the close (1001, going away). A reason is one line, of 123 bytes at the most: the rest is left
    /// out. O(n), at most three writes.
    ///
    /// # Errors
    /// Those of `out`.
    ///
    /// ```
    /// use streamgauge_core::wire::{Framing, Stream};
    ///
    /// let mut out = Vec::new();
    /// Stream { framing: Framing::Events, chunked: false }.end_because("no more", &mut out).unwrap();
    /// assert_eq!(out, b"event: end\ndata: no more\n\n");
    ///
    /// out.clear();
    /// Stream { framing: Framing::Events, chunked: false }.end_because(&"é".repeat(80), &mut out).unwrap();
    /// assert_eq!(String::from_utf8(out), Ok(format!("event: end\ndata: {}\n\n", "é".repeat(61))));
    /// ```
    pub fn end_because<W: Write>(self, why: &str, out: &mut W) -> Result<(), W::Error> {
        match self.framing {
            Framing::WebSocket => return websocket::write_close_saying(websocket::GOING_AWAY, why, out),
            Framing::Events => {
                let mut text = heapless::Vec::<u8, 160>::new();
                for part in ["event: end\ndata: ", websocket::reason(why), "\n\n"] {
                    // There is room.
                    let _ = text.extend_from_slice(part.as_bytes());
                }
                self.wrap(&text, out)?;
            }
            Framing::Lines | Framing::Multipart => {}
        }
        self.end(out)
    }

    const fn is_chunked(self) -> bool {
        self.chunked && !matches!(self.framing, Framing::WebSocket)
    }

    fn wrap<W: Write>(self, text: &[u8], out: &mut W) -> Result<(), W::Error> {
        match text {
            [] => Ok(()),
            _ if self.is_chunked() => chunked::write_chunk(text, out),
            _ => out.write_all(text),
        }
    }
}

const GAP_PART: &[u8] = b"content-type: */*\r\ncontent-length: 0\r\nx-pubsub-gap: ";
const GAP_PART_TAIL: &[u8] = b"\r\n\r\n\r\n--xXPubSubXx\r\n";
const GAP_HEAD: &[u8] = b"event: gap\ndata: ";
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";
