//! Frames that a client sends, from any fragments.

use super::{BINARY, CLOSE, CONTINUATION, FINAL, MAX_CONTROL, PING, PONG, TEXT};

/// The longest message that a client may send, in bytes, though it is only skipped.
pub const MAX_DATA: u64 = 64 << 10;

/// What [`ClientFrames`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The client wants this back in a pong.
    Ping(&'a [u8]),
    /// An answer to a ping, or a sign of life that nobody asked for.
    Pong(&'a [u8]),
    /// The client says goodbye, with its reason's number if it gives one. Whatever follows is skipped.
    Close(Option<u16>),
}

/// Why a client can't be understood. There is no way to go on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit or opcode is used, of which nothing was agreed on.
    Reserved,
    /// A client has to mask what it sends, so that no proxy takes it for HTTP.
    NotMasked,
    /// A ping, pong or close is cut, or longer than [`MAX_CONTROL`].
    Control,
    /// A length is not written in the shortest form, or beyond 2^63.
    Length,
    /// A fragment continues nothing, or a message begins inside of another.
    Fragment,
    /// The number in a close is no reason that can be sent, or half of one.
    CloseCode,
    /// The reason in a close is not UTF-8.
    CloseText,
    /// A message is longer than [`MAX_DATA`].
    TooLong,
}

impl Error {
    /// The number with which the connection is to be closed. O(1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::CloseText => 1007,
            Self::TooLong => 1009,
            _ => 1002,
        }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Reserved => "a reserved bit or opcode is used",
            Self::NotMasked => "a frame is not masked",
            Self::Control => "a control frame is cut or too long",
            Self::Length => "a length is not in its shortest form",
            Self::Fragment => "a fragment is out of place",
            Self::CloseCode => "a close has no valid code",
            Self::CloseText => "the reason of a close is not UTF-8",
            Self::TooLong => "a message is too long",
        })
    }
}

impl core::error::Error for Error {}

/// Reads the frames of a client that only listens: pings, pongs and closes are events; messages are skipped and
/// counted, within [`MAX_DATA`].
///
/// ```
/// use streamgauge_core::wire::websocket::{ClientFrames, Event};
///
/// let mut frames = ClientFrames::new();
/// let mut input = &b"\x89\x82\x01\x02\x03\x04ik"[..];
/// assert_eq!(frames.decode(&mut input), Ok(Some(Event::Ping(b"hi"))));
/// assert_eq!(frames.decode(&mut input), Ok(None));
/// ```
#[derive(Clone, Debug)]
pub struct ClientFrames {
    part: Part,
    /// The head of a frame as far as it has arrived, and then the payload if it is a control frame's.
    bytes: [u8; MAX_CONTROL],
    used: u8,
    opcode: u8,
    mask: [u8; 4],
    /// Bytes of the payload that have yet to arrive.
    left: u64,
    /// Bytes so far of the message that is arriving in fragments.
    message: Option<u64>,
    /// Whether the frame is the last of its message.
    is_final: bool,
    skipped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Payload,
    /// After a close, or an error.
    Over(Option<Error>),
}

/// The head of a client's frame: two bytes, up to eight of length, four of mask.
const LONGEST_HEAD: usize = 14;

impl ClientFrames {
    /// At the beginning of the first frame.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            part: Part::Head,
            bytes: [0; MAX_CONTROL],
            used: 0,
            opcode: 0,
            mask: [0; 4],
            left: 0,
            message: None,
            is_final: false,
            skipped: 0,
        }
    }

    /// Messages that were skipped, so far.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next event, or `None` once the input is used up. O(n) for control frames, O(1) for a fragment of a message.
    ///
    /// # Errors
    /// [`Error`], again and again from then on: close the connection with its [code](Error::close_code).
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Event<'_>>, Error> {
        loop {
            match self.part {
                Part::Head => {
                    let Some(&byte) = input.split_off_first() else { return Ok(None) };
                    if let Err(error) = self.take_head(byte) {
                        self.part = Part::Over(Some(error));
                        return Err(error);
                    }
                }
                Part::Payload => {
                    let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
                    let piece = input.split_off(..most).unwrap_or_default();
                    self.left = self.left.saturating_sub(piece.len() as u64);
                    if self.opcode >= CLOSE {
                        self.gather(piece);
                    }
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.part = Part::Head;
                    if self.opcode >= CLOSE {
                        return self.control();
                    }
                    self.used = 0;
                    if self.is_final {
                        self.message = None;
                        self.skipped = self.skipped.wrapping_add(1);
                    }
                }
                Part::Over(Some(error)) => return Err(error),
                Part::Over(None) => {
                    *input = &[];
                    return Ok(None);
                }
            }
        }
    }

    /// One more byte of a head. What is wrong is said as soon as it is known.
    fn take_head(&mut self, byte: u8) -> Result<(), Error> {
        let used = usize::from(self.used);
        if let Some(room) = self.bytes.get_mut(used) {
            *room = byte;
        }
        self.used = self.used.saturating_add(1).min(LONGEST_HEAD as u8);
        let [first, second, a, b, c, d, e, f, g, h, ..] = self.bytes;
        let is_control = first & 0x0f >= CLOSE;
        if used == 0 {
            return self.check_first(first);
        }
        let length = second & 0x7f;
        if used == 1 {
            return match second & 0x80 {
                0 => Err(Error::NotMasked),
                _ if is_control && usize::from(length) > MAX_CONTROL => Err(Error::Control),
                _ => Ok(()),
            };
        }
        let extended = match length {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        // Two bytes, the longer length, and the mask.
        if used < extended + 5 {
            return Ok(());
        }
        let payload = match extended {
            2 => u64::from(u16::from_be_bytes([a, b])),
            8 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => u64::from(length),
        };
        let least = match extended {
            2 => 126,
            8 => 0x1_0000,
            _ => 0,
        };
        if payload < least || payload > u64::MAX / 2 {
            return Err(Error::Length);
        }
        if let Some(mask) = self.bytes.get(extended + 2..).and_then(|rest| rest.first_chunk()) {
            self.mask = *mask;
        }
        (self.opcode, self.is_final) = (first & 0x0f, first & FINAL != 0);
        if !is_control {
            let message = self.message.unwrap_or(0).saturating_add(payload);
            if message > MAX_DATA {
                return Err(Error::TooLong);
            }
            self.message = Some(message);
        }
        (self.left, self.used, self.part) = (payload, 0, Part::Payload);
        Ok(())
    }

    const fn check_first(&self, first: u8) -> Result<(), Error> {
        if first & 0x70 != 0 {
            return Err(Error::Reserved);
        }
        match (first & 0x0f, self.message) {
            (CONTINUATION, None) | (TEXT | BINARY, Some(_)) => Err(Error::Fragment),
            (CLOSE | PING | PONG, _) if first & FINAL == 0 => Err(Error::Control),
            (CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG, _) => Ok(()),
            _ => Err(Error::Reserved),
        }
    }

    /// Keeps a piece of a control frame's payload, unmasked.
    fn gather(&mut self, piece: &[u8]) {
        for byte in piece {
            let at = usize::from(self.used);
            let [a, b, c, d] = self.mask;
            let mask = match at & 3 {
                0 => a,
                1 => b,
                2 => c,
                _ => d,
            };
            if let Some(room) = self.bytes.get_mut(at) {
                *room = byte ^ mask;
                self.used = self.used.saturating_add(1);
            }
        }
    }

    /// What the control frame that has arrived says.
    fn control(&mut self) -> Result<Option<Event<'_>>, Error> {
        let payload = self.bytes.get(..usize::from(core::mem::take(&mut self.used))).unwrap_or_default();
        match self.opcode {
            PING => return Ok(Some(Event::Ping(payload))),
            PONG => return Ok(Some(Event::Pong(payload))),
            _ => {}
        }
        let closed = match payload {
            [] => Ok(None),
            [high, low, text @ ..] => match u16::from_be_bytes([*high, *low]) {
                1000..=1003 | 1007..=1014 | 3000..=4999 if core::str::from_utf8(text).is_err() => Err(Error::CloseText),
                code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Ok(Some(code)),
                _ => Err(Error::CloseCode),
            },
            [_] => Err(Error::CloseCode),
        };
        self.part = Part::Over(closed.err());
        closed.map(|code| Some(Event::Close(code)))
    }
}

impl Default for ClientFrames {
    fn default() -> Self {
        Self::new()
    }
}
