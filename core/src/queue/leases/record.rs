//! How an item lies in the record log: a header of nine bytes, the item, and a [note](super::note) on how it died if it
//! did.
//!
//! The header says what the record is (four bytes: a kind, whether there is a note, whether there is only the
//! [place](Away) of the item, and a number of 28 bits), and when the item was accepted (five bytes: milliseconds, of which
//! 2^40 are 34 years).

use super::away::{Away, Held};
use super::note;
use crate::log;
use crate::time::Time;

/// Bytes in front of each item.
pub(super) const HEADER: usize = 9;

/// Bytes of a time.
pub(super) const TIME_BYTES: usize = 5;

/// Numbers in a header have so many bits.
pub(super) const NUMBER_BITS: u32 = 28;
const NUMBER: u32 = (1 << NUMBER_BITS) - 1;
const AWAY: u32 = 1 << NUMBER_BITS;
const NOTED: u32 = 1 << (NUMBER_BITS + 1);
const KIND: u32 = NUMBER_BITS + 2;
const TIME: u64 = (1 << 40) - 1;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An item that was never set aside, with the low bits of its id.
    Fresh(u32),
    /// An item that has this slot.
    Aside(u32),
    /// Nothing any more: its room can be used again.
    Done,
}

/// What a record has beside its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Form {
    /// A note stands behind the item.
    pub(super) is_noted: bool,
    /// The item lies elsewhere.
    pub(super) is_away: bool,
}

/// A record's parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    /// The item, or its place.
    pub(super) stored: &'a [u8],
    /// Why it died, and what else is noted of that.
    pub(super) reason: &'a [u8],
    pub(super) past: Option<[u8; note::PAST]>,
}

impl Kind {
    pub(super) const fn fresh(id: u64) -> Self {
        Self::Fresh(id as u32 & NUMBER)
    }

    const fn word(self) -> u32 {
        match self {
            Self::Fresh(number) => number,
            Self::Aside(slot) => 1 << KIND | slot,
            Self::Done => 2 << KIND,
        }
    }

    /// What `record` is; a record without a header is not one of ours.
    pub(super) fn of(record: &[u8]) -> Self {
        let word = word_of(record);
        match word >> KIND {
            0 => Self::Fresh(word & NUMBER),
            1 => Self::Aside(word & NUMBER),
            _ => Self::Done,
        }
    }

    /// Makes `record` one of this kind, of the same form.
    pub(super) fn mark(self, record: &mut [u8]) {
        let form = word_of(record) & (NOTED | AWAY);
        if let Some(word) = record.first_chunk_mut() {
            *word = (self.word() | form).to_le_bytes();
        }
    }
}

fn word_of(record: &[u8]) -> u32 {
    record.first_chunk().map_or(Kind::Done.word(), |word| u32::from_le_bytes(*word))
}

/// What the record has beside its kind.
pub(super) fn form_of(record: &[u8]) -> Form {
    let word = word_of(record);
    Form { is_noted: word & NOTED != 0, is_away: word & AWAY != 0 }
}

/// The id that ends in these bits, the first one from `least` on.
pub(super) const fn id_from(least: u64, number: u32) -> u64 {
    least.wrapping_add((number.wrapping_sub(least as u32) & NUMBER) as u64)
}

/// Writes a whole header.
pub(super) fn write_header(record: &mut [u8], kind: Kind, form: Form, accepted: Time) {
    let word = kind.word() | if form.is_noted { NOTED } else { 0 } | if form.is_away { AWAY } else { 0 };
    let ([a, b, c, d], [e, f, g, h, i]) = (word.to_le_bytes(), low(accepted));
    if let Some(header) = record.first_chunk_mut::<HEADER>() {
        *header = [a, b, c, d, e, f, g, h, i];
    }
}

/// When the item was accepted, as long as that is less than 2^40 milliseconds before `now`.
pub(super) fn accepted_at(record: &[u8], now: Time) -> Time {
    let Some(&[_, _, _, _, a, b, c, d, e]) = record.first_chunk::<HEADER>() else { return now };
    at_low([a, b, c, d, e], now)
}

/// As much of a time as is kept.
pub(super) const fn low(time: Time) -> [u8; TIME_BYTES] {
    let [a, b, c, d, e, ..] = time.as_millis().to_le_bytes();
    [a, b, c, d, e]
}

/// The latest time until `now` of which this was kept.
pub(super) const fn at_low([a, b, c, d, e]: [u8; TIME_BYTES], now: Time) -> Time {
    let time = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
    let age = now.as_millis().wrapping_sub(time) & TIME;
    Time::from_millis(now.as_millis().saturating_sub(age))
}

/// The item, and how it died.
pub(super) fn parts(record: &[u8]) -> Parts<'_> {
    let stored = record.get(HEADER..).unwrap_or_default();
    let noted = if form_of(record).is_noted { note::parts(stored) } else { None };
    noted.unwrap_or(Parts { stored, reason: &[], past: None })
}

/// The item of a record, as it has it.
pub(super) fn held(record: &[u8]) -> Held<'_> {
    held_in(record, parts(record).stored)
}

/// The same, of which the parts are known.
pub(super) fn held_in<'a>(record: &[u8], stored: &'a [u8]) -> Held<'a> {
    let away = if form_of(record).is_away { Away::from_bytes(stored) } else { None };
    away.map_or(Held::Here(stored), Held::Away)
}

/// The length of a record that stores `len` bytes of an item, and a note of `note`.
pub(super) const fn record_len(len: usize, note: usize) -> Option<usize> {
    match len.checked_add(HEADER) {
        Some(len) => len.checked_add(note),
        None => None,
    }
}

/// What a record takes in all whose item of `len` bytes lies in it, with a note of `note`.
pub(super) fn whole_len(len: usize, note: usize) -> u64 {
    record_len(len, note).and_then(log::record_len).map_or(u64::MAX, |len| len as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_times_survive_the_trip() {
        let mut record = [0xff; HEADER + 3];
        let forms = [(false, false), (true, false), (true, true), (false, true), (true, false)];
        let kinds = [Kind::Fresh(0), Kind::Fresh(NUMBER), Kind::Aside(5), Kind::Aside(NUMBER), Kind::Done];
        for (kind, (is_noted, is_away)) in kinds.into_iter().zip(forms) {
            let form = Form { is_noted, is_away };
            for now in [0, 1, 1 << 39, (1 << 40) - 1, 1 << 40, 1_764_000_000_000, u64::MAX - 1] {
                write_header(&mut record, kind, form, Time::from_millis(now));
                assert_eq!((Kind::of(&record), form_of(&record)), (kind, form));
                for later in [0, 1, 1 << 39, (1 << 40) - 1] {
                    let Some(later) = now.checked_add(later) else { continue };
                    assert_eq!(accepted_at(&record, Time::from_millis(later)), Time::from_millis(now));
                }
            }
        }
        assert_eq!(record[HEADER..], [0xff; 3], "the item");
        assert_eq!((Kind::of(&[]), form_of(&[])), (Kind::Done, Form::default()));
        Kind::Aside(3).mark(&mut record);
        assert_eq!((Kind::of(&record), form_of(&record)), (Kind::Aside(3), Form { is_noted: true, is_away: false }));
    }

    #[test]
    fn an_item_is_here_or_elsewhere() {
        let away = Away { place: u64::MAX - 1, back: 7, len: 1 << 31 };
        let mut record = [0; HEADER + Away::LEN];
        write_header(&mut record, Kind::fresh(1), Form { is_noted: false, is_away: true }, Time::ZERO);
        record[HEADER..].copy_from_slice(&away.to_bytes());
        assert_eq!((held(&record), held(&record).len()), (Held::Away(away), 1 << 31));
        write_header(&mut record, Kind::fresh(1), Form::default(), Time::ZERO);
        assert_eq!(held(&record), Held::Here(&away.to_bytes()));
    }

    #[test]
    fn an_id_is_known_by_its_low_bits() {
        for id in [0, 1, u64::from(NUMBER), 1 << 28, 1 << 29, 1 << 30, (1 << 50) + 77] {
            let Kind::Fresh(number) = Kind::fresh(id) else { panic!() };
            for least in [id, id.saturating_sub(1), id.saturating_sub(u64::from(NUMBER))] {
                assert_eq!(id_from(least, number), id);
            }
        }
    }
}
