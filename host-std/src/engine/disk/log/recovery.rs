//! What of a log is on the disk.
//!
//! After a crash the last group may be there in parts: its sectors reach the disk in any order. All groups before it
//! were on the disk as a whole when it was written, as its first entry's mark says. So what can't be read is the torn end
//! of the log if no first entry of a group stands behind it, and nobody was told that it is there; otherwise the disk has
//! lost it, which is said, and reading goes on at the next entry.
//!
//! A crash makes no file shorter, and whatever is added to a segment has room in its file. So a file that is shorter than it
//! was, and ends where the log went on or within an entry, was cut by somebody, and that is no torn end.

use std::io;
use std::ops::ControlFlow;

use super::Position;
use super::chain::{chain, first_of_group, head, proof_in};
use super::damage::{Damage, Harm};
use super::frame::{self, Found, HEADER, Salt};
use super::frames::Frames;
use super::newest;
use super::own::Own;
use super::position::name_of;
use super::run::{salt_in, salt_of};
use super::segments::segments;
use crate::engine::disk::files::{File, Folder};

/// Something of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// An entry.
    Entry(Position, &'a [u8]),
    /// Bytes that are lost, as far as entries that can be read.
    Damaged(Damage),
}

impl Step<'_> {
    /// Bytes of the log that it is.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Entry(_, body) => (HEADER + body.len()) as u64,
            Self::Damaged(damage) => damage.bytes().into(),
        }
    }
}

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Behind its last entry; `None` if there is no log.
    pub(crate) at: Option<Position>,
    /// Whether it was closed, and nothing is in doubt.
    pub(crate) is_closed: bool,
    /// Whether there is part of a group behind it, which nobody was told of.
    pub(crate) is_torn: bool,
    /// The first place of which it is not known whether it was ever on the disk: what is read from there on may be in
    /// memory only, even if it was synced, as a sync may have failed before this process began.
    pub(crate) doubtful: Position,
    /// Above the numbers of all segments, and not below where it was read from.
    pub(crate) next: u32,
}

/// Reads a log from a place on, which has to be that of an entry or the log's end, or the start of a segment; `each` is
/// given its steps in order, and may break. O(bytes), and one segment in memory at a time.
///
/// # Errors
/// The folder or a file can't be read.
pub(crate) fn read<F: Folder>(
    folder: &F,
    from: Position,
    mut each: impl FnMut(Step<'_>) -> ControlFlow<()>,
) -> io::Result<End> {
    let (mut is_over, mut lost, newest) = (false, None, newest::read(folder)?);
    let mut end = read_there(folder, from, newest, |step| {
        if let Step::Damaged(damage) = step {
            lost = Some(damage.at.segment);
        }
        let go_on = each(step);
        is_over = go_on.is_break();
        go_on
    })?;
    if let Some(newest) = newest.filter(|newest| newest.segment >= from.segment && !is_over) {
        end.next = end.next.max(newest.segment.saturating_add(1));
        if end.at.map(|at| at.segment).max(lost) < Some(newest.segment) {
            let _ = each(Step::Damaged(Damage::missing(newest.with_offset(0), None)));
        }
    }
    Ok(end)
}

/// The same as far as there is something, which may be less than there was.
fn read_there<F: Folder>(
    folder: &F,
    from: Position,
    newest: Option<Position>,
    mut each: impl FnMut(Step<'_>) -> ControlFlow<()>,
) -> io::Result<End> {
    let present = segments(folder)?;
    // Behind where reading begins too: what stood before would never be read.
    let next = present.last().map_or(1, |last| last.saturating_add(1)).max(from.segment).max(1);
    let chain = chain(folder, &present, from.segment)?;
    let mut end = End { at: None, is_closed: false, is_torn: false, doubtful: from, next };
    // Where the first group begins that is known to be behind what can't be read: each byte is looked at for it once.
    let mut proof = None;
    // There was something, whatever is behind it, and nothing is left of the file that it was in.
    let is_begin_lost = from.offset > 0 && !present.contains(&from.segment);
    if is_begin_lost {
        let missing = chain.iter().find(|link| link.segment == from.segment);
        let damage = Damage::missing(from, missing.and_then(|link| link.end));
        let damage = Damage { at: Position { offset: 0, ..from }, ..damage };
        if each(Step::Damaged(damage)).is_break() {
            return Ok(end);
        }
    }
    for (number, link) in chain.iter().enumerate() {
        let mut at =
            Position { segment: link.segment, offset: if link.segment == from.segment { from.offset } else { 0 } };
        let Some(bytes) = &link.bytes_of(folder)? else {
            if is_begin_lost && link.segment == from.segment {
                continue;
            }
            if !is_proven(&mut proof, at, || proof_in(folder, &chain[number + 1..]))? {
                // Somebody was about to remove what is behind the torn end.
                end.is_torn = true;
                return Ok(end);
            }
            if each(Step::Damaged(Damage::missing(at, link.end))).is_break() {
                return Ok(end);
            }
            continue;
        };
        let (salt, known) = (salt_in(bytes, link.segment), link.known_end(from, newest));
        let is_short = bytes.len() < known as usize;
        // The place of a checkpoint may be behind what is left.
        at.offset = at.offset.min(bytes.len() as u32);
        loop {
            let rest = bytes.get(at.offset as usize..).unwrap_or_default();
            // Behind its last word nothing was added.
            let is_last_word = link.end.is_none() && end.is_closed && end.at == Some(at);
            if is_short && !is_last_word && is_cut(rest, at, salt) {
                end.at = Some(at).filter(|at| at.offset > 0).or(end.at);
                let damage = Damage { at, len: known - at.offset, harm: Harm::Cut };
                if each(Step::Damaged(damage)).is_break() {
                    return Ok(end);
                }
                break;
            }
            if rest.is_empty() {
                end.at = Some(at);
                break;
            }
            let step = match frame::read(rest, at, salt) {
                Found::Whole { marks, body } => {
                    if marks.is_first {
                        end.doubtful = at;
                    }
                    let here = at;
                    at = at.after((HEADER + body.len()) as u32);
                    end.is_closed = marks.is_own && Own::read(body) == Some(Own::Closed);
                    end.at = Some(at);
                    if marks.is_own { None } else { Some(Step::Entry(here, body)) }
                }
                found => {
                    let next = found.next(rest, at, salt);
                    let is_followed = number + 1 < chain.len();
                    if is_followed && link.end.is_none() && next.is_none() {
                        // Where it ended is lost with the head of the next one, which is said there.
                        end.at = Some(at);
                        break;
                    }
                    let behind = || match next.and_then(|next| first_of_group(rest, at, next, salt)) {
                        Some(first) => Ok(Some(first)),
                        None => proof_in(folder, &chain[number + 1..]),
                    };
                    if !is_proven(&mut proof, at, behind)? {
                        end.is_torn = next.is_some() || link.end.is_some();
                        // Without a head it is no segment of the log.
                        end.at = Some(at).filter(|at| at.offset > 0).or(end.at);
                        return Ok(end);
                    }
                    let damage = Damage::changed(at, next.unwrap_or(rest.len()) as u32);
                    at = at.after(damage.len);
                    Some(Step::Damaged(damage))
                }
            };
            if step.is_some_and(|step| each(step).is_break()) {
                return Ok(end);
            }
        }
    }
    Ok(end)
}

/// The number of the last segment that there is, or is known to have been.
///
/// # Errors
/// The folder or a file can't be read.
pub(crate) fn last<F: Folder>(folder: &F) -> io::Result<Option<u32>> {
    let newest = newest::read(folder)?.map(|newest| newest.segment);
    Ok(segments(folder)?.last().copied().max(newest))
}

/// About how many bytes a log has from a place on, without what was made ahead and is not used yet. O(segments), and the
/// logarithm of their length: what is behind the last entry is zeros.
///
/// # Errors
/// The folder or a file can't be read.
pub(crate) fn len<F: Folder>(folder: &F, from: Position) -> io::Result<u64> {
    let mut bytes = 0;
    for segment in segments(folder)?.into_iter().filter(|segment| *segment >= from.segment) {
        bytes += used(&folder.open(&name_of(segment))?)?;
    }
    Ok(bytes.saturating_sub(from.offset.into()))
}

/// Where the zeros begin, to a block. A block of zeros in the middle makes it less.
fn used(file: &impl File) -> io::Result<u64> {
    const BLOCK: u64 = 4096;
    let len = file.len()?;
    let (mut used, mut free) = (0, len.div_ceil(BLOCK));
    while used < free {
        let middle = used.midpoint(free);
        let mut block = [0; BLOCK as usize];
        file.read_all_at(middle * BLOCK, &mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            free = middle;
        } else {
            used = middle + 1;
        }
    }
    Ok(len.min(used * BLOCK))
}

/// Whether the segments from one on are a log without a gap: the head of each names the one before, as far as it has one.
///
/// # Errors
/// The folder or a file can't be read.
pub(crate) fn is_without_gap<F: Folder>(folder: &F, first: u32) -> io::Result<bool> {
    let present = segments(folder)?;
    for segment in present.iter().filter(|segment| **segment > first) {
        let is_next = match head(folder, *segment)? {
            Some(before) => before.is_some_and(|before| present.contains(&before.segment)),
            None => true,
        };
        if !is_next {
            return Ok(false);
        }
    }
    Ok(present.first() == Some(&first))
}

/// Looks whether a part of a segment is what was written, from the place of an entry to the end of one.
///
/// # Errors
/// The file can't be read.
pub(crate) fn check<F: Folder>(folder: &F, from: Position, end: u32, damage: &mut Vec<Damage>) -> io::Result<()> {
    let file = match folder.open(&from.file()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damage.push(Damage::missing(from, Some(end)));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let (wanted, salt) = (end.saturating_sub(from.offset) as usize, salt_of(&file, from.segment)?);
    let mut bytes = vec![0; wanted];
    let read = file.read_all_at(u64::from(from.offset), &mut bytes)?;
    bytes.truncate(read);
    let broken = Frames::new(&bytes, from, end, salt).filter(|(_, _, found)| !matches!(found, Found::Whole { .. }));
    damage.extend(broken.map(|(at, end, _)| Damage::changed(at, end - at.offset)));
    Ok(())
}

/// Whether a file that is shorter than it was ends there, or within an entry that begins there.
fn is_cut(rest: &[u8], at: Position, salt: Salt) -> bool {
    rest.len() < HEADER || frame::len(rest, at, salt).is_some_and(|len| len > rest.len())
}

/// Whether a group begins behind a place: behind this one, or where `find` finds it.
fn is_proven(
    proof: &mut Option<Position>,
    at: Position,
    find: impl FnOnce() -> io::Result<Option<Position>>,
) -> io::Result<bool> {
    if proof.is_none_or(|proof| proof <= at) {
        *proof = find()?;
    }
    Ok(proof.is_some())
}
