//! What stands behind an item that died: why, and if that was in another queue, how often it was lent there, when it
//! was put there and when it died.
//!
//! The reason comes first and may be shorter than the room that it was given. Behind it are, in 14 bytes, the attempts
//! (two bytes, 0 if it died in this queue), both times (five bytes each, as in the header), and how long the reason is
//! and how much room it has.

use super::record::{self, Parts};
use crate::time::Time;

/// Bytes of a reason that are kept.
pub(super) const LONGEST_REASON: usize = 128;

/// Bytes behind a reason: of the death in another queue, and of the lengths.
pub(super) const PAST: usize = 2 + 2 * record::TIME_BYTES;
const LENGTHS: usize = 2;

/// How an item died in another queue, from which it was handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Death<'a> {
    /// How often it was lent there.
    pub attempts: u16,
    /// What was said when it was given back for the last time, or the beginning of it; empty if its lease ran out.
    pub reason: &'a [u8],
    /// When it was put there.
    pub accepted_at: Time,
    /// When its last lease there ended.
    pub died_at: Time,
}

impl<'a> Death<'a> {
    /// How an item died: after so many attempts, when, and why. O(1).
    pub const fn new(attempts: u16, reason: &'a [u8], accepted_at: Time, died_at: Time) -> Self {
        Self { attempts, reason, accepted_at, died_at }
    }
}

/// What is written behind an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note<'a> {
    reason: &'a [u8],
    past: [u8; PAST],
}

impl<'a> Note<'a> {
    /// Why it died here, as far as that is kept.
    pub(super) fn of_reason(reason: &'a [u8]) -> Self {
        Self { reason: reason.get(..LONGEST_REASON).unwrap_or(reason), past: [0; PAST] }
    }

    /// How it died elsewhere.
    pub(super) fn of_death(death: &Death<'a>) -> Self {
        let [one, two] = death.attempts.to_le_bytes();
        let ([a, b, c, d, e], [f, g, h, i, j]) = (record::low(death.accepted_at), record::low(death.died_at));
        Self { past: [one, two, a, b, c, d, e, f, g, h, i, j], ..Self::of_reason(death.reason) }
    }

    /// Nothing that would be known.
    pub(super) const EMPTY: Self = Self { reason: &[], past: [0; PAST] };

    pub(super) const fn is_empty(&self) -> bool {
        self.reason.is_empty() && matches!(self.past, [0, 0, ..])
    }

    /// Bytes that it takes behind an item.
    pub(super) const fn len(&self) -> usize {
        self.reason.len().saturating_add(PAST + LENGTHS)
    }

    /// Writes it to the end of a record that has room for it.
    pub(super) fn write(&self, record: &mut [u8]) {
        let Some((rest, lengths)) = record.split_last_chunk_mut::<LENGTHS>() else { return };
        let Some((rest, past)) = rest.split_last_chunk_mut::<PAST>() else { return };
        let Some(room) = rest.len().checked_sub(self.reason.len()).and_then(|at| rest.get_mut(at..)) else { return };
        room.copy_from_slice(self.reason);
        *past = self.past;
        *lengths = [self.reason.len() as u8; LENGTHS];
    }

    /// Writes it in the place of the one that the record has, if that has room for it.
    pub(super) fn replace(&self, record: &mut [u8]) -> bool {
        let Some((rest, [length, room])) = record.split_last_chunk_mut::<LENGTHS>() else { return false };
        let Some((rest, past)) = rest.split_last_chunk_mut::<PAST>() else { return false };
        let place = rest.len().checked_sub(usize::from(*room)).and_then(|at| rest.get_mut(at..));
        let Some(place) = place.and_then(|place| place.get_mut(..self.reason.len())) else { return false };
        place.copy_from_slice(self.reason);
        *past = self.past;
        *length = self.reason.len() as u8;
        true
    }
}

/// The room that a reason has in a record with a note.
pub(super) const fn room_of(record: &[u8]) -> u8 {
    match record {
        [.., room] => *room,
        [] => 0,
    }
}

/// Lets the note that the record may have say nothing; its room stays.
pub(super) fn forget(record: &mut [u8]) {
    if record::form_of(record).is_noted {
        Note::EMPTY.replace(record);
    }
}

/// The item in what stands behind a header, with the note behind it.
pub(super) fn parts(noted: &[u8]) -> Option<Parts<'_>> {
    let (rest, &[length, room]) = noted.split_last_chunk::<LENGTHS>()?;
    let (rest, past) = rest.split_last_chunk::<PAST>()?;
    let (stored, reason) = rest.split_at_checked(rest.len().checked_sub(usize::from(room))?)?;
    Some(Parts { stored, reason: reason.get(..usize::from(length))?, past: Some(*past) })
}

/// The death in another queue that the parts of a record tell of.
pub(super) fn death<'a>(parts: &Parts<'a>, now: Time) -> Option<Death<'a>> {
    let [one, two, a, b, c, d, e, f, g, h, i, j] = parts.past?;
    let attempts = u16::from_le_bytes([one, two]);
    (attempts > 0).then_some(Death {
        attempts,
        reason: parts.reason,
        accepted_at: record::at_low([a, b, c, d, e], now),
        died_at: record::at_low([f, g, h, i, j], now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::leases::record::{Form, HEADER, Kind};

    const NOTED: Form = Form { is_noted: true, is_away: false };

    #[test]
    fn a_reason_stands_behind_the_item() {
        let mut room = [0; 40];
        let torn = Note::of_reason(b"torn");
        let record = &mut room[..HEADER + 3 + torn.len()];
        record::write_header(record, Kind::Aside(1), NOTED, Time::ZERO);
        record[HEADER..HEADER + 3].copy_from_slice(b"abc");
        torn.write(record);
        let parts = record::parts(record);
        assert_eq!((parts.stored, parts.reason, death(&parts, Time::ZERO)), (&b"abc"[..], &b"torn"[..], None));
        assert!(!Note::of_reason(b"worn out").replace(record));
        assert!(Note::of_reason(b"wet").replace(record));
        assert_eq!((record::parts(record).stored, record::parts(record).reason), (&b"abc"[..], &b"wet"[..]));
        assert!(Note::EMPTY.replace(record));
        assert!(Note::of_reason(b"dust").replace(record));
        assert_eq!((record::parts(record).stored, record::parts(record).reason), (&b"abc"[..], &b"dust"[..]));
    }

    #[test]
    fn a_death_elsewhere_is_told_until_another_one_is_noted() {
        let at = Time::from_millis;
        for (accepted, died) in [(0, 0), (1, 2), (1_764_000_000_000, 1_764_000_000_001)] {
            let death_there = Death { attempts: 300, reason: b"torn", accepted_at: at(accepted), died_at: at(died) };
            let note = Note::of_death(&death_there);
            let mut room = [0xff; 40];
            let record = &mut room[..HEADER + 3 + note.len()];
            record::write_header(record, Kind::fresh(7), NOTED, at(died));
            note.write(record);
            assert!(!note.is_empty() && Note::EMPTY.is_empty());
            assert_eq!(death(&record::parts(record), at(died + 5)), Some(death_there));
            assert!(Note::of_reason(b"wet").replace(record));
            assert_eq!(death(&record::parts(record), at(died + 5)), None);
            assert_eq!(record::parts(record).reason, b"wet");
        }
    }
}
