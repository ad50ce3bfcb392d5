//! What stands between two bodies: the rest of a line, a boundary, headers, an empty line.

use super::{BOUNDARY, MAX_BOUNDARY, MAX_HEADERS, Malformed};
use crate::wire::digits::append_decimal;

/// What a byte led to.
pub(super) enum Step {
    More,
    /// The headers are over, and so many bytes follow.
    Body(u64),
    /// The headers are over, and they said that so many messages were left out; there is no body.
    Gap(u64),
    Malformed(Malformed),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Head {
    boundary: [u8; MAX_BOUNDARY],
    boundary_length: usize,
    state: State,
    delimiter: Delimiter,
    /// Whose line it is, as far as `field` is that of either.
    name: &'static [u8],
    field: Field,
    /// Bytes of the line, without CR.
    column: u64,
    /// Bytes of this part's headers.
    taken: u32,
    length: Option<u64>,
    bad_length: bool,
    gap: Option<u64>,
    ignored: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In search of a boundary, wherever it is.
    Search,
    /// Behind a body: nothing but a boundary is expected.
    Expect,
    Headers,
}

/// How far the line is the boundary's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    Matched(usize),
    /// All of it, then white space.
    Padded,
    No,
}

/// How far the line is that of a header with a number that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name(usize),
    Value(Option<u64>),
    /// White space behind the number.
    Padded(u64),
    Bad,
    Other,
}

const LENGTH: &[u8] = b"content-length:";
const GAP: &[u8] = b"x-pubsub-gap:";

impl Head {
    pub(super) fn new(boundary: &[u8]) -> Option<Self> {
        let mut head = Self::pubsub();
        let room = head.boundary.get_mut(..boundary.len())?;
        room.copy_from_slice(boundary);
        head.boundary_length = boundary.len();
        (!boundary.is_empty()).then_some(head)
    }

    pub(super) fn pubsub() -> Self {
        let mut bytes = [0; MAX_BOUNDARY];
        for (to, from) in bytes.iter_mut().zip(BOUNDARY) {
            *to = *from;
        }
        Self {
            boundary: bytes,
            boundary_length: BOUNDARY.len(),
            state: State::Search,
            delimiter: Delimiter::Matched(0),
            name: LENGTH,
            field: Field::Name(0),
            column: 0,
            taken: 0,
            length: None,
            bad_length: false,
            gap: None,
            ignored: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.state = State::Search;
        self.begin_line();
    }

    pub(super) const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Whether some of a part's headers were seen.
    pub(super) fn in_headers(&self) -> bool {
        self.state == State::Headers && self.taken > 0
    }

    pub(super) fn step(&mut self, byte: u8) -> Step {
        if self.state == State::Headers {
            self.taken = self.taken.saturating_add(1);
            if self.taken > MAX_HEADERS {
                self.state = State::Search;
                self.taken = 0;
                // The byte may end the line of the next boundary, or lie in it.
                return match self.step_within(byte) {
                    Step::More => Step::Malformed(Malformed::HeadersTooLong),
                    step => step,
                };
            }
        }
        self.step_within(byte)
    }

    fn step_within(&mut self, byte: u8) -> Step {
        if byte == b'\n' {
            return self.end_line();
        }
        self.column = self.column.saturating_add(u64::from(byte != b'\r'));
        self.delimiter = self.match_delimiter(byte);
        if self.state == State::Headers {
            if self.field == Field::Name(0) {
                // They begin with different letters.
                self.name = if byte.eq_ignore_ascii_case(&b'x') { GAP } else { LENGTH };
            }
            self.field = match_field(self.name, self.field, byte);
        }
        if self.delimiter == Delimiter::Matched(self.boundary_length.wrapping_add(4)) {
            self.begin_line();
            return Step::End;
        }
        Step::More
    }

    fn end_line(&mut self) -> Step {
        let empty = self.column == 0;
        let open = Delimiter::Matched(self.boundary_length.wrapping_add(2));
        let delimiter = self.delimiter == open || self.delimiter == Delimiter::Padded;
        let (column, field) = (self.column, self.field);
        self.begin_line();
        match self.state {
            State::Headers if delimiter => {
                self.begin_part();
                Step::Malformed(Malformed::NoLength)
            }
            _ if delimiter => {
                self.begin_part();
                Step::More
            }
            State::Headers if empty => self.end_headers(),
            State::Headers => {
                self.end_field(field);
                Step::More
            }
            State::Search | State::Expect if empty => Step::More,
            State::Search | State::Expect => {
                self.ignored = self.ignored.wrapping_add(column);
                let unexpected = self.state == State::Expect;
                self.state = State::Search;
                if unexpected {
                    return Step::Malformed(Malformed::NoBoundary);
                }
                Step::More
            }
        }
    }

    fn end_field(&mut self, field: Field) {
        if self.name == GAP {
            if let Field::Value(Some(gap)) | Field::Padded(gap) = field {
                self.gap = Some(gap);
            }
            return;
        }
        match field {
            Field::Value(Some(length)) | Field::Padded(length) => {
                self.bad_length |= self.length.is_some_and(|other| other != length);
                self.length = Some(length);
            }
            Field::Value(None) | Field::Bad => self.bad_length = true,
            Field::Name(_) | Field::Other => {}
        }
    }

    fn end_headers(&mut self) -> Step {
        self.taken = 0;
        self.state = State::Search;
        match self.length {
            _ if self.bad_length => Step::Malformed(Malformed::BadLength),
            None => Step::Malformed(Malformed::NoLength),
            Some(length) => {
                self.state = State::Expect;
                match self.gap {
                    Some(gap) if length == 0 => Step::Gap(gap),
                    _ => Step::Body(length),
                }
            }
        }
    }

    fn begin_part(&mut self) {
        self.state = State::Headers;
        self.taken = 0;
        self.length = None;
        self.bad_length = false;
        self.gap = None;
    }

    fn begin_line(&mut self) {
        self.column = 0;
        self.delimiter = Delimiter::Matched(0);
        self.field = Field::Name(0);
    }

    fn match_delimiter(&self, byte: u8) -> Delimiter {
        let whole = self.boundary_length.wrapping_add(2);
        match (self.delimiter, byte) {
            (Delimiter::Matched(at), b' ' | b'\t' | b'\r') if at == whole => Delimiter::Padded,
            (Delimiter::Padded, b' ' | b'\t' | b'\r') => Delimiter::Padded,
            (Delimiter::Matched(at), _) if self.delimiter_byte(at) == Some(byte) => {
                Delimiter::Matched(at.wrapping_add(1))
            }
            _ => Delimiter::No,
        }
    }

    /// The byte at this place of the closing boundary, which begins as the others do.
    fn delimiter_byte(&self, at: usize) -> Option<u8> {
        match at.checked_sub(2) {
            Some(at) if at < self.boundary_length => self.boundary.get(at).copied(),
            _ => Some(b'-'),
        }
    }
}

fn match_field(name: &[u8], field: Field, byte: u8) -> Field {
    match (field, byte) {
        (Field::Name(at), _) => match name.get(at) {
            Some(wanted) if wanted.eq_ignore_ascii_case(&byte) => {
                let at = at.wrapping_add(1);
                if at == name.len() { Field::Value(None) } else { Field::Name(at) }
            }
            _ => Field::Other,
        },
        (Field::Value(None), b' ' | b'\t') => Field::Value(None),
        (Field::Value(None), b'\r') => Field::Value(None),
        (Field::Value(Some(length)) | Field::Padded(length), b' ' | b'\t' | b'\r') => Field::Padded(length),
        (Field::Value(length), _) => {
            append_decimal(length.unwrap_or(0), byte).map_or(Field::Bad, |length| Field::Value(Some(length)))
        }
        (Field::Padded(_) | Field::Bad, _) => Field::Bad,
        (Field::Other, _) => Field::Other,
    }
}
