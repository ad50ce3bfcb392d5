//! Messages and items in a request, which is split before anything is locked for it.

use core::iter::Take;

use super::Short;
use crate::log::{prefix_len, read_prefix};
use crate::saved::{AtHand, Input};
use crate::wire::lines::{self, SplitOn};
use crate::wire::percent::Decode;
use crate::wire::query::Value;

/// The longest separator in bytes.
pub const MAX_SEPARATOR: usize = 16;

/// What separates items: at most sixteen bytes.
pub type Separator = heapless::Vec<u8, MAX_SEPARATOR>;

/// Bytes of a request: as they came, or percent-coded in its query.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    /// As they came.
    Plain(&'a [u8]),
    /// To be decoded.
    Coded(Value<'a>),
}

impl<'a> Data<'a> {
    /// A value of a query: as it came, if nothing in it has to be decoded. O(n).
    pub fn of(value: Value<'a>) -> Self {
        if value.is_plain() { Self::Plain(value.raw()) } else { Self::Coded(value) }
    }

    /// How many bytes it is, decoded. O(1), O(n) for what is coded.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Coded(value) => value.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Plain(bytes) => bytes.is_empty(),
            Self::Coded(value) => value.is_empty(),
        }
    }
}

/// One message or item in a request.
#[derive(Debug, Clone)]
pub enum Piece<'a> {
    /// As it came.
    Plain(&'a [u8]),
    /// So many bytes that have to be decoded.
    Coded(usize, Take<Decode<'a>>),
    /// So many bytes that are not here: of what was not taken when it was.
    Absent(usize),
}

impl Piece<'_> {
    /// Its length, decoded. O(1).
    pub const fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Coded(len, _) | Self::Absent(len) => *len,
        }
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes it to `room`, which has its length. O(n).
    pub fn copy_to(self, room: &mut [u8]) {
        match self {
            Self::Plain(bytes) => room.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte),
            Self::Coded(_, bytes) => room.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte),
            Self::Absent(_) => room.fill(0),
        }
    }
}

/// The messages or items of a request, and what has to be known of them before any is taken.
#[derive(Debug, Clone, Copy)]
pub struct Pieces<'a> {
    data: Data<'a>,
    form: Form,
    /// Whether only their lengths are of interest.
    bare: bool,
    count: u64,
    longest: usize,
}

/// How the pieces lie in the data.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// All of it is one piece, even if it is empty.
    Whole,
    /// Between separators.
    Separated(Short<MAX_SEPARATOR>),
    /// Each behind its length.
    Prefixed,
    /// Their lengths alone.
    Lengths,
}

impl<'a> Pieces<'a> {
    /// All of `data` as one piece.
    pub fn whole(data: Data<'a>) -> Self {
        Self { data, form: Form::Whole, bare: false, count: 1, longest: data.len() }
    }

    /// No piece at all.
    pub const fn none() -> Self {
        Self { data: Data::Plain(&[]), form: Form::Whole, bare: false, count: 0, longest: 0 }
    }

    /// The pieces of `data` between separators that are not empty; with an empty separator all of it is one. O(n).
    ///
    /// Of a separator that is longer than [`MAX_SEPARATOR`] only so much counts.
    pub fn split(data: Data<'a>, separator: &[u8]) -> Self {
        Self { data, form: Form::Separated(Short::cut(separator)), bare: false, count: 0, longest: 0 }.counted()
    }

    /// Pieces in `bytes`, each behind its length as a LEB128 number ([`write_prefix`](crate::log::write_prefix)), as a
    /// [journal](super::journal) has them; `None` if something else is there. O(pieces).
    pub fn prefixed(bytes: &'a [u8]) -> Option<Self> {
        let pieces =
            Self { data: Data::Plain(bytes), form: Form::Prefixed, bare: false, count: 0, longest: 0 }.counted();
        let told = pieces
            .iter()
            .fold(0_usize, |sum, piece| sum.saturating_add(prefix_len(piece.len()).saturating_add(piece.len())));
        (told == bytes.len()).then_some(pieces)
    }

    /// Pieces of which only the lengths are left, as LEB128 numbers; `None` if something else is there. O(pieces).
    ///
    /// They are for those who only ask whether such would be taken.
    pub(crate) fn lengths(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Input(AtHand(bytes));
        while !input.rest().is_empty() {
            input.size().ok()?;
        }
        Some(Self { data: Data::Plain(bytes), form: Form::Lengths, bare: true, count: 0, longest: 0 }.counted())
    }

    /// The same of which only the lengths are of interest.
    pub(crate) const fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Whether only their lengths are left, as in an entry of a [journal](super::journal) of what was not taken. O(1).
    pub const fn are_bare(&self) -> bool {
        self.bare
    }

    /// All of the data as it came.
    pub(crate) const fn data_at_hand(&self) -> Option<&'a [u8]> {
        match self.data {
            Data::Plain(bytes) => Some(bytes),
            Data::Coded(_) => None,
        }
    }

    /// The first of the pieces of [`prefixed`](Self::prefixed), and what is behind it.
    pub(crate) fn take_prefixed(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (len, prefix) = read_prefix(rest)?;
        let (piece, behind) = rest.get(prefix..)?.split_at_checked(len)?;
        *rest = behind;
        Some(piece)
    }

    fn counted(mut self) -> Self {
        let (mut count, mut longest) = (0_u64, 0);
        for len in self.lens() {
            count = count.wrapping_add(1);
            longest = longest.max(len);
        }
        (self.count, self.longest) = (count, longest);
        self
    }

    /// How many there are. O(1).
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The length of the longest one. O(1).
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// Their lengths, in their order. O(n) for all.
    pub(crate) fn lens(&self) -> Lens<'a, '_> {
        match self.form {
            Form::Whole => Lens::One((self.count > 0).then_some(self.longest)),
            _ => Lens::Some(self.iter()),
        }
    }

    /// Bytes that all take in an entry of a [journal](super::journal), each behind its length. O(pieces).
    pub(crate) fn encoded_len(&self) -> u64 {
        self.lens().fold(0, |sum, len| sum.saturating_add(prefix_len(len).saturating_add(len) as u64))
    }

    /// As many as these bytes they take there at the most. O(1).
    pub const fn most_encoded_len(&self) -> usize {
        let len = match (&self.form, self.data) {
            // Not longer than as they came, but for what stands before each.
            (Form::Lengths, _) => 0,
            (_, Data::Plain(bytes)) => bytes.len(),
            (_, Data::Coded(value)) => value.raw().len(),
        };
        let (count, prefix) = (self.count as usize, prefix_len(self.longest));
        // Only of these many can the length take more than a byte.
        let long = if matches!(self.form, Form::Lengths) || len / 128 > count { count } else { len / 128 };
        len.saturating_add(count).saturating_add(long.saturating_mul(prefix - 1))
    }

    /// The messages of a body, which is never coded. O(n) for all.
    pub(crate) fn plain(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, '_> {
        self.iter().filter_map(|piece| match piece {
            Piece::Plain(message) => Some(message),
            Piece::Coded(..) | Piece::Absent(_) => None,
        })
    }

    /// Every piece, in their order. O(n) for all.
    pub fn iter(&self) -> Iter<'a, '_> {
        let kind = match (&self.form, self.data) {
            (Form::Whole, _) if self.count == 0 => Kind::Whole(None),
            (Form::Whole, Data::Plain(bytes)) => Kind::Whole(Some(Piece::Plain(bytes))),
            (Form::Whole, Data::Coded(value)) => {
                Kind::Whole(Some(Piece::Coded(self.longest, value.bytes().take(self.longest))))
            }
            (Form::Separated(separator), Data::Plain(bytes)) => {
                Kind::Plain(lines::split_on(bytes, separator.as_bytes()))
            }
            (Form::Separated(separator), Data::Coded(value)) => Kind::Coded(Some(value.bytes()), separator.as_bytes()),
            (Form::Prefixed, Data::Plain(bytes)) => Kind::Prefixed(bytes),
            (Form::Lengths, Data::Plain(bytes)) => Kind::Lengths(bytes),
            // Nobody makes such.
            (Form::Prefixed | Form::Lengths, Data::Coded(_)) => Kind::Whole(None),
        };
        Iter { kind, bare: self.bare }
    }
}

/// The lengths of [`Pieces`]: of one, as most requests have, it is known.
#[derive(Debug, Clone)]
pub(crate) enum Lens<'a, 's> {
    One(Option<usize>),
    Some(Iter<'a, 's>),
}

impl Iterator for Lens<'_, '_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::One(len) => len.take(),
            Self::Some(pieces) => pieces.next().map(|piece| piece.len()),
        }
    }
}

/// The pieces of [`Pieces`].
#[derive(Debug, Clone)]
pub struct Iter<'a, 's> {
    kind: Kind<'a, 's>,
    bare: bool,
}

#[derive(Debug, Clone)]
enum Kind<'a, 's> {
    Whole(Option<Piece<'a>>),
    Plain(SplitOn<'a, 's>),
    /// What is left, unless its last piece has been told.
    Coded(Option<Decode<'a>>, &'s [u8]),
    Prefixed(&'a [u8]),
    Lengths(&'a [u8]),
}

impl<'a> Iterator for Iter<'a, '_> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let piece = self.kind.next()?;
        Some(if self.bare { Piece::Absent(piece.len()) } else { piece })
    }
}

impl<'a> Kind<'a, '_> {
    fn next(&mut self) -> Option<Piece<'a>> {
        match self {
            Self::Whole(piece) => piece.take(),
            Self::Plain(pieces) => pieces.next().map(Piece::Plain),
            Self::Coded(rest, separator) => next_coded(rest, separator),
            Self::Prefixed(rest) => Pieces::take_prefixed(rest).map(Piece::Plain),
            Self::Lengths(rest) => {
                let (len, prefix) = read_prefix(rest)?;
                *rest = rest.get(prefix..)?;
                Some(Piece::Absent(len))
            }
        }
    }
}

/// The next piece of `rest` that is not empty.
fn next_coded<'a>(rest: &mut Option<Decode<'a>>, separator: &[u8]) -> Option<Piece<'a>> {
    loop {
        let left = rest.as_mut()?;
        let (piece, mut len) = (left.clone(), 0_usize);
        loop {
            let ahead = left.clone().take(separator.len());
            if !separator.is_empty() && ahead.eq(separator.iter().copied()) {
                left.by_ref().take(separator.len()).for_each(drop);
                break;
            }
            if left.next().is_none() {
                *rest = None;
                break;
            }
            len = len.saturating_add(1);
        }
        if len > 0 {
            return Some(Piece::Coded(len, piece.take(len)));
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn all(pieces: Pieces<'_>) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for piece in pieces.iter() {
            let mut bytes = std::vec![0; piece.len()];
            piece.copy_to(&mut bytes);
            all.push(bytes);
        }
        assert_eq!(pieces.count(), all.len() as u64);
        assert_eq!(pieces.longest(), all.iter().map(Vec::len).max().unwrap_or(0));
        all
    }

    #[test]
    fn both_kinds_of_data_are_split_alike() {
        let plain = Pieces::split(Data::Plain(b"--a--bc----d-"), b"--");
        assert_eq!(all(plain), [&b"a"[..], b"bc", b"d-"]);
        let coded = Pieces::split(Data::Coded(Value::new(b"-%2Da--b%63----d-")), b"--");
        assert_eq!(all(coded), all(plain));
        assert_eq!(all(Pieces::split(Data::Plain(b"a b"), b"")), [b"a b"]);
        assert_eq!(all(Pieces::split(Data::Coded(Value::new(b"a+b")), b"")), [b"a b"]);
        assert_eq!(all(Pieces::whole(Data::Coded(Value::new(b"%0A")))), [b"\n"]);
        assert!(all(Pieces::split(Data::Plain(b"\n\n"), b"\n")).is_empty());
        assert!(all(Pieces::none()).is_empty());
        assert_eq!(all(Pieces::whole(Data::Plain(b""))), [b""]);
    }
    /// A long line among many short ones asks for no more than both take.
    #[test]
    fn what_they_take_at_the_most_is_what_they_take_and_little_more() {
        for (short, many, long) in
            [(1, 10_000, 0), (1, 10_000, 1 << 20), (127, 100, 128), (128, 100, 20_000), (0, 0, 5)]
        {
            let mut body = std::vec![b'x'; long];
            for _ in 0..many {
                body.push(b'\n');
                body.resize(body.len() + short, b'y');
            }
            let pieces = Pieces::split(Data::Plain(&body), b"\n");
            let (takes, most) = (pieces.encoded_len(), pieces.most_encoded_len() as u64);
            // A separator for each, and two bytes more for one of 128.
            let bound = takes + pieces.count() + 2 * (body.len() as u64 / 128 + 1);
            assert!((takes..=bound).contains(&most), "{many} of {short} and {long}: {most} for {takes}");
        }
    }
}
