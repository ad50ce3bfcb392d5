//! What is not what was written of an extent, and which numbers the messages behind that have.
//!
//! Messages are counted from the beginning of an extent, and from its end. Between two places that are damaged an entry tells
//! the number of its first message, or the lower half of it, which is enough. Since a repair may have given other numbers, to all of an
//! extent the same, only how far apart the numbers of two entries are counts: that is as it was.
//!
//! Entries of earlier versions tell nothing, and where an extent is damaged at both ends there is no entry whose number is
//! certain. Then there is this: an extent has the number and the bytes of all its messages, so it is known how many are
//! missing, and how many bytes they had; and in what is damaged there is only room for so many bytes of messages. Some of
//! the places had none at the most as long as the others have the room for what is missing. Where that leaves but one
//! number for what is missing in front of a message, that message has a number, and otherwise it is told as missing as well.

use std::collections::BinaryHeap;
use std::io;

use streamgauge_core::engine::Name;

use super::Extent;
use super::extent::Run as Published;
use super::told::Told;
use crate::engine::disk::files::Folder;
use crate::engine::disk::log::{Found, Frames, HEADER, Position, Salt, read_bytes, salt_of};

/// A place in an extent that is not what was written, as far as something that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Break {
    pub(super) at: Position,
    /// Behind it, in the same segment.
    pub(super) end: u32,
    /// The number of the first message behind it, where that is known.
    pub(super) number: Option<u64>,
}

/// What lies in a part of an extent.
pub(super) enum Part<'b> {
    /// Messages of it, in an entry.
    Messages(Told<'b>),
    /// An entry that is none of its business.
    Other,
    /// Nothing that was written.
    Broken,
}

/// The parts of an extent, where each begins and ends, in the bytes that there are from its beginning on. O(bytes).
pub(super) fn parts<'b>(
    bytes: &'b [u8],
    topic: &Name,
    extent: &Extent,
    salt: Salt,
) -> impl Iterator<Item = (Position, u32, Part<'b>)> {
    let (topic, extent) = (*topic, *extent);
    Frames::new(bytes, extent.begin, extent.end, salt).map(move |(at, end, found)| {
        let part = match found {
            Found::Whole { marks, body } => {
                let told = Told::read(body).filter(|_| !marks.is_own);
                let told = told.filter(|told| told.topic == topic && told.is_of(&extent, at));
                told.map_or(Part::Other, Part::Messages)
            }
            Found::Broken { .. } | Found::Nothing => Part::Broken,
        };
        (at, end, part)
    })
}

/// The places in an extent that are not what was written; `None` if there is more in it than it has, which is something
/// else then. O(bytes).
pub(super) fn breaks(bytes: &[u8], topic: &Name, extent: &Extent, salt: Salt) -> Option<Vec<Break>> {
    // What stands in front of messages in any entry: two kinds, the time, and the name with its length.
    let beside = HEADER + 2 + written_len(extent.since.as_millis()) + 1 + topic.as_bytes().len();
    let (mut breaks, mut rooms, mut count, mut payload) = (Vec::new(), Vec::new(), 0_u64, 0_u64);
    // How many messages are in front of each place, and the number that the first one behind it tells.
    let mut runs = vec![Run::default()];
    for (at, end, part) in parts(bytes, topic, extent, salt) {
        match part {
            Part::Messages(told) => {
                if let Some(run) = runs.last_mut().filter(|run| run.before == count) {
                    run.told = told.number;
                }
                count += told.count;
                payload += told.bytes();
            }
            Part::Other => {}
            Part::Broken => {
                breaks.push(Break { at, end, number: None });
                rooms.push(u64::from(end - at.offset).saturating_sub(beside as u64));
                runs.push(Run { before: count, told: None });
            }
        }
    }
    let missing = extent.count.checked_sub(count)?;
    let counts = missing_before(&rooms, missing, extent.bytes.checked_sub(payload)?)?;
    let certain = certain(&runs, missing, extent);
    for ((one, run), lost) in breaks.iter_mut().zip(runs.iter().skip(1)).zip(counts) {
        let first = extent.first.saturating_add(run.before);
        let told = certain
            .zip(run.told)
            .map(|(certain, told)| u64::from(certain.wrapping_add(told).wrapping_sub(first as u32)));
        one.number = lost.or(told).filter(|lost| *lost <= missing).map(|lost| first.saturating_add(lost));
    }
    Some(breaks)
}

/// Messages of an extent with nothing between them that is damaged.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    /// So many are in front of them that are whole.
    before: u64,
    /// What the entry of the first one tells of its number.
    told: Option<u32>,
}

/// What is to be added to a number that an entry of an extent tells, to have that which its message has now: as the first
/// messages have it, or the last ones. `None` if it is not certain.
fn certain(runs: &[Run], missing: u64, extent: &Extent) -> Option<u32> {
    let ([first, ..], [.., last]) = (runs, runs) else { return None };
    let of = |run: &Run, lost: u64| {
        let number = extent.first.saturating_add(run.before).saturating_add(lost);
        run.told.map(|told| (number as u32).wrapping_sub(told))
    };
    of(first, 0).or_else(|| of(last, missing))
}

/// The messages of an extent that are what was written and have a number, as extents with nothing else between them.
///
/// # Errors
/// The file can't be read.
pub(super) fn read_whole(folder: &impl Folder, topic: &Name, extent: &Extent) -> io::Result<Vec<Extent>> {
    let file = match folder.open(&extent.begin.file()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let bytes = read_bytes(&file, extent.begin, extent.end.saturating_sub(extent.begin.offset))?;
    Ok(whole(&bytes, topic, extent, salt_of(&file, extent.begin.segment)?))
}

/// The same, in the bytes from the beginning of the extent on. O(bytes).
fn whole(bytes: &[u8], topic: &Name, extent: &Extent, salt: Salt) -> Vec<Extent> {
    let Some(breaks) = breaks(bytes, topic, extent, salt) else { return Vec::new() };
    if breaks.is_empty() {
        return vec![*extent];
    }
    let (mut numbers, mut next) = (breaks.iter().map(|one| one.number), Some(extent.first));
    let (mut all, mut is_behind_break) = (Vec::<Extent>::new(), true);
    for (begin, end, part) in parts(bytes, topic, extent, salt) {
        let told = match part {
            Part::Messages(told) => told,
            Part::Other => continue,
            Part::Broken => {
                (next, is_behind_break) = (numbers.next().flatten(), true);
                continue;
            }
        };
        let Some(first) = next.filter(|_| told.count > 0) else { continue };
        next = first.checked_add(told.count);
        let (since, until) = told.span();
        let run = Published { first, count: told.count, bytes: told.bytes(), begin, end, at: until };
        let extends = !is_behind_break && all.last_mut().is_some_and(|last| last.extend(&run, u64::MAX));
        if !extends {
            all.push(Extent { since, is_retold: extent.is_retold && begin == extent.begin, ..Extent::of(&run) });
        }
        is_behind_break = false;
    }
    all
}

/// Of places with room for so many bytes of messages and of their lengths, which are a byte or more: how many messages are
/// missing up to each, its own among them, where only one number is possible; `None` if there is no room for all of them.
/// O(n log n).
fn missing_before(rooms: &[u64], missing: u64, bytes: u64) -> Option<Vec<Option<u64>>> {
    if missing == 0 {
        return (bytes == 0).then(|| vec![Some(0); rooms.len()]);
    }
    let spare = rooms.iter().sum::<u64>().checked_sub(missing.checked_add(bytes)?)?;
    let last = rooms.len().checked_sub(1)?;
    let least_before = least(rooms.iter().copied(), spare);
    let mut least_behind = least(rooms.iter().rev().copied(), spare);
    least_behind.reverse();
    let of = |(at, before): (usize, u64)| {
        let most = missing.checked_sub(if at == last { 0 } else { *least_behind.get(at + 1)? })?;
        (at == last || before == most).then_some(most)
    };
    Some(least_before.into_iter().enumerate().map(of).collect())
}

/// Of the first one, two and so on of these places: how many have messages at least, if places with no more room than
/// `spare` have none.
fn least(rooms: impl Iterator<Item = u64>, spare: u64) -> Vec<u64> {
    let (mut without, mut room, mut all) = (BinaryHeap::new(), 0, 0);
    let mut next = |one: u64| {
        (all, room) = (all + 1, room + one);
        without.push(one);
        // The most places without any are the smallest.
        while room > spare {
            room -= without.pop().unwrap_or(room);
        }
        all - without.len() as u64
    };
    rooms.map(&mut next).collect()
}

/// Bytes of a number in an entry.
const fn written_len(number: u64) -> usize {
    let bits = u64::BITS - number.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}

#[cfg(test)]
mod tests {
    use streamgauge_core::generate::Rng;

    use super::*;

    /// All ways in which so many messages and bytes can have been in these places: how many in each.
    fn ways(rooms: &[u64], missing: u64, bytes: u64) -> Vec<Vec<u64>> {
        let Some((first, rest)) = rooms.split_first() else {
            return if missing == 0 && bytes == 0 { vec![vec![]] } else { vec![] };
        };
        let mut all = Vec::new();
        for count in 0..=missing.min(*first) {
            let most = if count == 0 { 0 } else { (first - count).min(bytes) };
            let mut of_count: Vec<_> = (0..=most).flat_map(|here| ways(rest, missing - count, bytes - here)).collect();
            of_count.sort();
            of_count.dedup();
            all.extend(of_count.into_iter().map(|behind| [&[count][..], &behind].concat()));
        }
        all
    }

    #[test]
    fn a_number_is_known_where_only_one_is_possible() {
        let mut random = Rng::new(7);
        let (mut known, mut all) = (0, 0);
        for _ in 0..2_000 {
            let rooms: Vec<_> = (0..1 + random.below(4)).map(|_| random.below(6)).collect();
            let counts: Vec<_> = rooms.iter().map(|room| random.below(2).min(*room)).collect();
            let held = |(room, count): (&u64, &u64)| if *count == 0 { 0 } else { room - count };
            let most: u64 = rooms.iter().zip(&counts).map(held).sum();
            let (missing, bytes) = (counts.iter().sum(), most - random.below(2).min(most));
            let ways = ways(&rooms, missing, bytes);
            let found = missing_before(&rooms, missing, bytes).unwrap();
            for (at, found) in found.into_iter().enumerate() {
                let mut possible: Vec<u64> = ways.iter().map(|way| way[..=at].iter().sum()).collect();
                possible.dedup();
                all += usize::from(possible.len() == 1);
                let Some(found) = found else { continue };
                known += 1;
                assert!(possible.iter().all(|one| *one == found), "{rooms:?} {missing} {bytes}: {ways:?}");
            }
        }
        assert!(known * 2 > all, "{known} of {all}");
        assert_eq!(missing_before(&[3, 3], 2, 5), None, "there is no room for these");
        assert_eq!(missing_before(&[10, 0, 12], 2, 20), Some(vec![Some(1), Some(1), Some(2)]));
        assert_eq!(missing_before(&[10, 12], 3, 18), Some(vec![None, Some(3)]), "two of one, one of the other");
    }

    #[test]
    fn a_number_is_as_long_as_it_is_written() {
        for (number, len) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u64::MAX, 10)] {
            assert_eq!(written_len(number), len, "{number}");
        }
    }
}
