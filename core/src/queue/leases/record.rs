//! How an item lies in the record log: a header of nine bytes, the item, and why it died if it did.
//!
//! The header says what the record is (four bytes: a kind, and with it a number of thirty bits), and when the item
//! was accepted (five bytes: milliseconds, of which 2^40 are 34 years). A reason follows the item, and behind it two
//! bytes say how long it is, and how much room it was given.

use crate::time::Time;

/// Bytes in front of each item.
pub(super) const HEADER: usize = 9;

/// Bytes of a reason that are kept.
pub(super) const LONGEST_REASON: usize = 128;

/// Bytes behind a reason.
const REASON_LENGTHS: usize = 2;

const NUMBER_BITS: u32 = 30;
const NUMBER: u32 = (1 << NUMBER_BITS) - 1;
const TIME: u64 = (1 << 40) - 1;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An item that was never set aside, with the low bits of its id.
    Fresh(u32),
    /// An item that has this slot.
    Aside(u32),
    /// An item that has this slot, and a reason behind it.
    Reasoned(u32),
    /// Nothing any more: its room can be used again.
    Done,
}

/// A record's parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) data: &'a [u8],
    pub(super) reason: &'a [u8],
}

impl Kind {
    pub(super) const fn fresh(id: u64) -> Self {
        Self::Fresh(id as u32 & NUMBER)
    }

    const fn word(self) -> u32 {
        match self {
            Self::Fresh(number) => number,
            Self::Aside(slot) => 1 << NUMBER_BITS | slot,
            Self::Reasoned(slot) => 2 << NUMBER_BITS | slot,
            Self::Done => 3 << NUMBER_BITS,
        }
    }

    const fn of_word(word: u32) -> Self {
        let number = word & NUMBER;
        match word >> NUMBER_BITS {
            0 => Self::Fresh(number),
            1 => Self::Aside(number),
            2 => Self::Reasoned(number),
            _ => Self::Done,
        }
    }

    /// What `record` is; a record without a header is not one of ours.
    pub(super) fn of(record: &[u8]) -> Self {
        record.first_chunk().map_or(Self::Done, |word| Self::of_word(u32::from_le_bytes(*word)))
    }

    /// Makes `record` one of this kind.
    pub(super) fn mark(self, record: &mut [u8]) {
        if let Some(word) = record.first_chunk_mut() {
            *word = self.word().to_le_bytes();
        }
    }
}

/// The id that ends in these bits, the first one from `least` on.
pub(super) const fn id_from(least: u64, number: u32) -> u64 {
    least.wrapping_add((number.wrapping_sub(least as u32) & NUMBER) as u64)
}

/// Writes a whole header.
pub(super) fn write_header(record: &mut [u8], kind: Kind, accepted: Time) {
    kind.mark(record);
    if let Some(time) = record.get_mut(4..HEADER).and_then(|time| time.first_chunk_mut::<5>()) {
        let [a, b, c, d, e, ..] = accepted.as_millis().to_le_bytes();
        *time = [a, b, c, d, e];
    }
}

/// When the item was accepted, as long as that is less than 2^40 milliseconds before `now`.
pub(super) fn accepted_at(record: &[u8], now: Time) -> Time {
    let Some(&[_, _, _, _, a, b, c, d, e]) = record.first_chunk::<HEADER>() else { return now };
    let time = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
    let age = now.as_millis().wrapping_sub(time) & TIME;
    Time::from_millis(now.as_millis().saturating_sub(age))
}

/// The item, and why it died.
pub(super) fn parts(record: &[u8]) -> Parts<'_> {
    let data = record.get(HEADER..).unwrap_or_default();
    let whole = Parts { data, reason: &[] };
    if !matches!(Kind::of(record), Kind::Reasoned(_)) {
        return whole;
    }
    let Some((rest, &[length, room])) = data.split_last_chunk::<REASON_LENGTHS>() else { return whole };
    let Some((data, reason)) = rest.len().checked_sub(usize::from(room)).and_then(|at| rest.split_at_checked(at))
    else {
        return whole;
    };
    Parts { data, reason: reason.get(..usize::from(length)).unwrap_or_default() }
}

/// As much of `reason` as is kept.
pub(super) fn kept(reason: &[u8]) -> &[u8] {
    reason.get(..LONGEST_REASON).unwrap_or(reason)
}

/// The length of a record of an item of `len` bytes with a reason, or with room for one.
pub(super) const fn reasoned_len(len: usize, reason: usize) -> Option<usize> {
    match record_len(len) {
        Some(len) => len.checked_add(reason.saturating_add(REASON_LENGTHS)),
        None => None,
    }
}

/// The length of a record of an item of `len` bytes.
pub(super) const fn record_len(len: usize) -> Option<usize> {
    len.checked_add(HEADER)
}

/// Writes `reason` to the end of a record that was made for it by [`reasoned_len`].
pub(super) fn write_reason(record: &mut [u8], reason: &[u8]) {
    let Some((rest, lengths)) = record.split_last_chunk_mut::<REASON_LENGTHS>() else { return };
    let Some(room) = rest.len().checked_sub(reason.len()).and_then(|at| rest.get_mut(at..)) else { return };
    room.copy_from_slice(reason);
    *lengths = [reason.len() as u8; REASON_LENGTHS];
}

/// Writes `reason` in the place of the one that the record has, if that has room for it.
pub(super) fn replace_reason(record: &mut [u8], reason: &[u8]) -> bool {
    let Some((rest, [length, room])) = record.split_last_chunk_mut::<REASON_LENGTHS>() else { return false };
    let place = rest.len().checked_sub(usize::from(*room)).and_then(|at| rest.get_mut(at..));
    let Some(place) = place.and_then(|place| place.get_mut(..reason.len())) else { return false };
    place.copy_from_slice(reason);
    *length = reason.len() as u8;
    true
}

/// Lets the reason that the record may have be empty; its room stays.
pub(super) fn forget_reason(record: &mut [u8]) {
    if matches!(Kind::of(record), Kind::Reasoned(_)) {
        replace_reason(record, b"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_times_survive_the_trip() {
        let mut record = [0xff; HEADER + 3];
        for kind in [Kind::Fresh(0), Kind::Fresh(NUMBER), Kind::Aside(5), Kind::Reasoned(NUMBER), Kind::Done] {
            for now in [0, 1, 1 << 39, (1 << 40) - 1, 1 << 40, 1_764_000_000_000, u64::MAX - 1] {
                write_header(&mut record, kind, Time::from_millis(now));
                assert_eq!(Kind::of(&record), kind);
                for later in [0, 1, 1 << 39, (1 << 40) - 1] {
                    let Some(later) = now.checked_add(later) else { continue };
                    assert_eq!(accepted_at(&record, Time::from_millis(later)), Time::from_millis(now));
                }
            }
        }
        assert_eq!(record[HEADER..], [0xff; 3], "the item");
        assert_eq!(Kind::of(&[]), Kind::Done);
    }

    #[test]
    fn an_id_is_known_by_its_low_bits() {
        for id in [0, 1, u64::from(NUMBER), 1 << 30, (1 << 50) + 77] {
            let Kind::Fresh(number) = Kind::fresh(id) else { panic!() };
            for least in [id, id.saturating_sub(1), id.saturating_sub(u64::from(NUMBER))] {
                assert_eq!(id_from(least, number), id);
            }
        }
    }

    #[test]
    fn a_reason_stands_behind_the_item() {
        let mut room = [0; 40];
        let record = &mut room[..reasoned_len(3, 4).unwrap()];
        write_header(record, Kind::Reasoned(1), Time::ZERO);
        record[HEADER..HEADER + 3].copy_from_slice(b"abc");
        write_reason(record, b"torn");
        assert_eq!((parts(record).data, parts(record).reason), (&b"abc"[..], &b"torn"[..]));
        assert!(!replace_reason(record, b"worn out"));
        assert!(replace_reason(record, b"wet"));
        assert_eq!((parts(record).data, parts(record).reason), (&b"abc"[..], &b"wet"[..]));
        assert!(replace_reason(record, b""));
        assert!(replace_reason(record, b"dust"));
        assert_eq!((parts(record).data, parts(record).reason), (&b"abc"[..], &b"dust"[..]));
    }
}
