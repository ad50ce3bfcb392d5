//! The chunked transfer coding of HTTP/1.1 (RFC 9112, section 7.1).

use super::digits::{Head, hex_value};
use embedded_io::Write;

/// What ends a chunked body, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The longest size line that [`Chunked`] accepts, in bytes, with its extensions.
pub const MAX_SIZE_LINE: u32 = 256;

/// The longest trailer section that [`Chunked`] accepts, in bytes.
pub const MAX_TRAILERS: u32 = 8192;

/// Writes what stands before a chunk's data. A `length` of 0 would end the body. O(1).
///
/// # Errors
/// Those of `out`.
pub fn write_head<W: Write>(length: usize, out: &mut W) -> Result<(), W::Error> {
    let mut head = Head::new();
    push_head(&mut head, length as u64);
    out.write_all(head.as_bytes())
}

/// Writes what stands behind a chunk's data. O(1).
///
/// # Errors
/// Those of `out`.
pub fn write_tail<W: Write>(out: &mut W) -> Result<(), W::Error> {
    out.write_all(b"\r\n")
}

/// Writes `data` as one chunk; nothing at all if it is empty, since that would end the body. O(n).
///
/// # Errors
/// Those of `out`.
///
/// ```
/// use streamgauge_core::wire::chunked::write_chunk;
///
/// let mut out = Vec::new();
/// write_chunk(b"hello", &mut out).unwrap();
/// write_chunk(b"", &mut out).unwrap();
/// assert_eq!(out, b"5\r\nhello\r\n");
/// ```
pub fn write_chunk<W: Write>(data: &[u8], out: &mut W) -> Result<(), W::Error> {
    if data.is_empty() {
        return Ok(());
    }
    write_head(data.len(), out)?;
    out.write_all(data)?;
    write_tail(out)
}

pub(super) fn push_head(head: &mut Head, length: u64) {
    head.push_hex(length);
    head.push(b"\r\n");
}

/// What [`Chunked`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// Some bytes of the body, never none: as many as the input holds, up to the chunk's end.
    Data(&'i [u8]),
    /// The body is complete. What is left of the input belongs to what comes next.
    End,
}

/// Why a body can't be decoded. There is no way to go on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A size line is not 1 to 16 hexadecimal digits, or goes on with neither an extension nor
    /// CR LF.
    Size,
    /// A chunk's data doesn't end in CR LF.
    DataEnd,
    /// A CR without LF, or the reverse, in a size line or the trailers.
    LineEnd,
    /// A size line is longer than [`MAX_SIZE_LINE`].
    SizeLineTooLong,
    /// The trailers are longer than [`MAX_TRAILERS`].
    TrailersTooLong,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Size => "invalid chunk size",
            Self::DataEnd => "chunk data does not end in CR LF",
            Self::LineEnd => "a line does not end in CR LF",
            Self::SizeLineTooLong => "chunk size line too long",
            Self::TrailersTooLong => "trailers too long",
        })
    }
}

impl core::error::Error for Error {}

/// Decodes a chunked body from fragments, without any storage: data is borrowed from the input.
///
/// Chunk extensions and trailers are ignored, within limits. Line ends must be CR LF: what is
/// lenient here lets requests be smuggled past a proxy that reads them differently.
///
/// ```
/// use streamgauge_core::wire::chunked::{Chunked, Event};
///
/// let mut body = Chunked::new();
/// let mut input = &b"5\r\nhello\r\n0\r\n\r\nGET /"[..];
/// assert_eq!(body.decode(&mut input), Ok(Some(Event::Data(b"hello"))));
/// assert_eq!(body.decode(&mut input), Ok(Some(Event::End)));
/// assert_eq!(input, b"GET /");
/// ```
#[derive(Clone, Debug)]
pub struct Chunked {
    state: State,
    /// The chunk's size while it is read, then what is left of its data.
    size: u64,
    /// Bytes of the size line, or of the trailers.
    taken: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Digits,
    /// White space behind the size.
    Padding,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    /// At the start of a trailer line.
    Trailer,
    InTrailer,
    TrailerLineFeed,
    LastLineFeed,
    Ended,
    Failed(Error),
}

impl Default for Chunked {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunked {
    /// At the start of a body.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Digits, size: 0, taken: 0 }
    }

    /// Whether the body is complete. O(1).
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes bytes off the front of `input` and returns the next event; `None` when the input is
    /// used up, and always after the end, which leaves `input` as it is. O(n) in the bytes taken,
    /// O(1) for data.
    ///
    /// # Errors
    /// Anything but a chunked body, within the limits. The same error is returned ever after.
    pub fn decode<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, Error> {
        loop {
            match self.state {
                State::Failed(error) => return Err(error),
                State::Ended => return Ok(None),
                State::Data => return Ok(self.take_data(input)),
                _ => {}
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            *input = rest;
            self.state = self.step(byte).unwrap_or_else(State::Failed);
            if self.state == State::Ended {
                return Ok(Some(Event::End));
            }
        }
    }

    fn take_data<'i>(&mut self, input: &mut &'i [u8]) -> Option<Event<'i>> {
        let wanted = usize::try_from(self.size).unwrap_or(usize::MAX);
        let (data, rest) = input.split_at_checked(wanted).unwrap_or((input, &[]));
        *input = rest;
        self.size = self.size.wrapping_sub(data.len() as u64);
        if self.size == 0 {
            self.state = State::DataReturn;
        }
        (!data.is_empty()).then_some(Event::Data(data))
    }

    /// The state after one byte that is not data.
    fn step(&mut self, byte: u8) -> Result<State, Error> {
        self.count()?;
        match (self.state, byte) {
            (State::Digits, b'\r') if self.taken > 1 => Ok(State::SizeLineFeed),
            (State::Digits, b';') if self.taken > 1 => Ok(State::Extension),
            (State::Digits, b' ' | b'\t') if self.taken > 1 => Ok(State::Padding),
            (State::Digits, _) => {
                let value = hex_value(byte).filter(|_| self.taken <= 16);
                self.size = self.size << 4 | u64::from(value.ok_or(Error::Size)?);
                Ok(State::Digits)
            }
            (State::Padding, b' ' | b'\t') => Ok(State::Padding),
            (State::Padding, b';') => Ok(State::Extension),
            (State::Padding | State::Extension, b'\r') => Ok(State::SizeLineFeed),
            (State::Padding, _) => Err(Error::Size),
            (State::Extension, b'\n') => Err(Error::LineEnd),
            (State::Extension, _) => Ok(State::Extension),
            (State::SizeLineFeed, b'\n') => {
                self.taken = 0;
                Ok(if self.size == 0 { State::Trailer } else { State::Data })
            }
            (State::DataReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataLineFeed, b'\n') => {
                self.taken = 0;
                Ok(State::Digits)
            }
            (State::DataReturn | State::DataLineFeed, _) => Err(Error::DataEnd),
            (State::Trailer, b'\r') => Ok(State::LastLineFeed),
            (State::InTrailer, b'\r') => Ok(State::TrailerLineFeed),
            (State::Trailer | State::InTrailer, b'\n') => Err(Error::LineEnd),
            (State::Trailer | State::InTrailer, _) => Ok(State::InTrailer),
            (State::TrailerLineFeed, b'\n') => Ok(State::Trailer),
            (State::LastLineFeed, b'\n') => Ok(State::Ended),
            (State::SizeLineFeed | State::TrailerLineFeed | State::LastLineFeed, _) => Err(Error::LineEnd),
            (State::Data | State::Ended | State::Failed(_), _) => Ok(self.state),
        }
    }

    fn count(&mut self) -> Result<(), Error> {
        self.taken = self.taken.saturating_add(1);
        match self.state {
            State::Digits | State::Padding | State::Extension | State::SizeLineFeed => {
                (self.taken <= MAX_SIZE_LINE).then_some(()).ok_or(Error::SizeLineTooLong)
            }
            _ => (self.taken <= MAX_TRAILERS).then_some(()).ok_or(Error::TrailersTooLong),
        }
    }
}
