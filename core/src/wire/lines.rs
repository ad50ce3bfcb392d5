//! Messages that end in a separator: newline-delimited streams, and bodies of many items.

use super::gather::Gather;
use memchr::memchr;

pub use super::split::{Split, SplitOn, split, split_on};

/// What [`Lines`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A line that is not empty, without its separator.
    Line(&'a [u8]),
    /// A line was skipped because it is longer than the storage.
    TooLong {
        /// Its bytes, without the separator.
        length: u64,
    },
}

/// Decodes lines from fragments. Empty lines are skipped and counted.
///
/// The storage `S` holds a line that arrives in pieces; its size is the longest line there can
/// be. See [the module above](super) for how to call it.
#[derive(Clone, Debug)]
pub struct Lines<S> {
    line: Gather<S>,
    separator: u8,
    opening: Opening,
    expects_opening: bool,
    blank: u64,
}

/// How much of a stream's opening CR LF was seen.
#[derive(Clone, Copy, Debug)]
enum Opening {
    Start,
    Return,
    Over,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Lines<S> {
    /// Lines that end in `separator`.
    #[must_use]
    pub const fn new(storage: S, separator: u8) -> Self {
        Self { line: Gather::new(storage), separator, opening: Opening::Over, expects_opening: false, blank: 0 }
    }

    /// What `GET /sub?multipart=0` streams: an opening CR LF, which is no message and is not
    /// counted, then lines that end in LF. The opening may be missing.
    ///
    /// ```
    /// use streamgauge_core::wire::lines::{Event, Lines};
    ///
    /// let mut lines = Lines::subscription([0; 8]);
    /// assert_eq!(lines.decode(&mut &b"\r\n{}\n"[..]), Some(Event::Line(b"{}")));
    /// ```
    #[must_use]
    pub const fn subscription(storage: S) -> Self {
        Self { line: Gather::new(storage), separator: b'\n', opening: Opening::Start, expects_opening: true, blank: 0 }
    }

    /// Takes bytes off the front of `input` up to the end of the next line that is not empty, or
    /// all of them: then `None`. O(n) in the bytes taken.
    pub fn decode<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Option<Event<'a>> {
        self.skip_opening(input);
        loop {
            let Some((piece, rest)) = memchr(self.separator, input).and_then(|at| input.split_at_checked(at)) else {
                self.line.push(core::mem::take(input));
                return None;
            };
            *input = rest.get(1..).unwrap_or_default();
            if !piece.is_empty() || !self.line.is_empty() {
                return Some(self.complete(piece));
            }
            self.blank = self.blank.wrapping_add(1);
        }
    }

    /// Ends the stream: a last line without its separator, if there is one. The decoder is then
    /// ready for another stream. O(1).
    ///
    /// ```
    /// use streamgauge_core::wire::lines::{Event, Lines};
    ///
    /// let mut lines = Lines::new([0; 8], b'\n');
    /// assert_eq!(lines.decode(&mut &b"cut"[..]), None);
    /// assert_eq!(lines.finish(), Some(Event::Line(b"cut")));
    /// assert_eq!(lines.finish(), None);
    /// ```
    pub fn finish(&mut self) -> Option<Event<'_>> {
        if let Opening::Return = self.opening {
            self.line.push(b"\r");
        }
        self.restart();
        (!self.line.is_empty()).then(|| self.complete(&[]))
    }

    /// Gets ready for another stream and drops an incomplete line: returns how many bytes of it
    /// had arrived. O(1).
    pub fn reset(&mut self) -> u64 {
        let dropped = self.line.length();
        self.line.clear();
        self.restart();
        dropped
    }

    /// Lines skipped because they were too long. O(1).
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.line.too_long()
    }

    /// Empty lines seen. O(1).
    #[must_use]
    pub const fn blank(&self) -> u64 {
        self.blank
    }

    fn complete<'a, 'i: 'a>(&'a mut self, last: &'i [u8]) -> Event<'a> {
        match self.line.complete(last) {
            Ok(line) => Event::Line(line),
            Err(length) => Event::TooLong { length },
        }
    }

    fn restart(&mut self) {
        self.opening = if self.expects_opening { Opening::Start } else { Opening::Over };
    }

    fn skip_opening(&mut self, input: &mut &[u8]) {
        if let (Opening::Start, Some((&first, rest))) = (self.opening, input.split_first()) {
            self.opening = Opening::Over;
            if first == b'\r' {
                *input = rest;
                self.opening = Opening::Return;
            }
        }
        if let (Opening::Return, Some((&second, rest))) = (self.opening, input.split_first()) {
            self.opening = Opening::Over;
            if second == b'\n' {
                *input = rest;
            } else {
                self.line.push(b"\r");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Lines};

    #[test]
    fn a_line_too_long_is_one_event_and_the_next_one_arrives() {
        let mut lines = Lines::new([0; 3], b'\n');
        let mut input = &b"abcd\nabc\n\nab"[..];
        assert_eq!(lines.decode(&mut input), Some(Event::TooLong { length: 4 }));
        assert_eq!(lines.decode(&mut input), Some(Event::Line(b"abc")));
        assert_eq!(lines.decode(&mut input), None);
        assert_eq!((lines.skipped(), lines.blank()), (1, 1));
        assert_eq!(lines.reset(), 2);
    }

    #[test]
    fn after_its_end_another_stream_begins() {
        let mut lines = Lines::subscription([0; 3]);
        for _ in 0..2 {
            assert_eq!(lines.decode(&mut &b"\r\n\n\ncut"[..]), None);
            assert_eq!(lines.finish(), Some(Event::Line(b"cut")));
        }
        assert_eq!(lines.blank(), 4);
        assert_eq!(lines.decode(&mut &b"\r\nx"[..]), None);
        assert_eq!(lines.reset(), 1);
        assert_eq!(lines.decode(&mut &b"\r\nabc\n"[..]), Some(Event::Line(b"abc")));
    }

    #[test]
    fn a_return_that_opens_nothing_belongs_to_the_line() {
        for (stream, line) in [("\rx\n", "\rx"), ("\r\n\r\n", "\r"), ("x\r\n", "x\r")] {
            let mut lines = Lines::subscription([0; 3]);
            let mut found = None;
            for byte in stream.as_bytes() {
                if let Some(event) = lines.decode(&mut core::slice::from_ref(byte)) {
                    found = Some(event == Event::Line(line.as_bytes()));
                }
            }
            assert_eq!(found, Some(true), "{stream:?}");
        }
    }
}
