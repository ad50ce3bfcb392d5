//! A log on the disk: entries that are only ever added, and are there after a crash.
//!
//! | module | idea |
//! | --- | --- |
//! | `chain` | which segments are the log, and how far it went in each |
//! | `damage` | what of it is lost |
//! | `frame` | how an entry lies in a segment; byte for byte |
//! | `frames` | entries one behind the other, past what is damaged |
//! | `newest` | which segment there has to be at the end, and how long it is |
//! | `own` | what the log writes for itself: heads of segments, and that it was closed |
//! | `position` | a segment and an offset; what files are called |
//! | [`Tail`] | the end in memory: entries get their places, and go to the disk in [`Group`]s |
//! | [`Segments`] | the files: made ahead, written, synced, given up when they fail |
//! | [`read`] | what is there after a crash; what is torn, and what is lost |
//! | [`read_run`] | some of it, read while the log goes on |
//! | [`go_on`] | to go on behind it |
//!
//! Entries are added under a lock, for the price of a copy, and one group is written and synced while the next one
//! gathers. A group is only written when the one before it is on the disk: that, and a mark on its first entry, is what
//! tells a torn end from a loss.
//!
//! The files of a log are called by the numbers of their segments, ten digits and `.log`. Each begins with a head, which
//! names the place where the log left the segment before; there is nothing in a segment behind that place. A file that
//! has no head has not been begun.

mod chain;
mod damage;
mod frame;
mod frames;
mod newest;
mod own;
mod position;
mod recovery;
mod run;
mod segments;
mod tail;
#[cfg(test)]
mod tests;

use std::io;

use super::files::{File as _, Folder};
pub(crate) use damage::{Damage, Harm};
#[cfg(any(test, fuzzing))]
pub(crate) use frame::reseal;
pub(crate) use frame::{Found, HEADER, LONGEST, Salt, read as frame_at, told_len, whole_frames};
pub(crate) use frames::Frames;
pub(crate) use position::{Position, name_of, segment_of};
pub(crate) use recovery::{End, Step, check, is_without_gap, last, len, read};
#[cfg(any(test, fuzzing))]
pub(crate) use run::salt_in;
pub(crate) use run::{from_entry, read_bytes, read_run, salt_of};
pub(crate) use segments::{Made, Maker, Segments, is_in_the_making, segments};
pub(crate) use tail::{Group, OVERHEAD, Tail};

/// Where the log goes on behind an entry.
pub(crate) const fn behind(at: Position, body: &[u8]) -> Position {
    at.after((HEADER + body.len()) as u32)
}

/// A log to go on with: where entries are added, where they are written, and what makes segments for them.
pub(crate) struct Opened<F: Folder> {
    pub(crate) tail: Tail,
    pub(crate) segments: Segments<F>,
    pub(crate) maker: Maker<F>,
    /// How it was found.
    pub(crate) end: End,
}

/// Bytes of a segment that is worth while, where there is little room.
const SHORTEST: u32 = 64 << 10;

/// Bytes of segments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    /// Of one that is made ahead.
    pub(crate) each: u32,
    /// Of the one to go on in, which there has to be.
    pub(crate) first: u32,
}

impl From<u32> for Capacity {
    fn from(each: u32) -> Self {
        Self { each, first: each }
    }
}

/// Makes a log ready to go on behind its last entry, once it was [`read`] to its end: what stands behind that is removed.
///
/// # Errors
/// The disk doesn't work, or is full. Nothing has changed then of what can be read.
pub(crate) fn go_on<F: Folder + Clone>(folder: F, capacity: impl Into<Capacity>, end: End) -> io::Result<Opened<F>> {
    let capacity = capacity.into();
    if let Some(at) = end.at {
        save(&folder, end.doubtful, at)?;
    }
    // Behind its end is nothing that may be taken for a part of it later. What stands before where it was read from is
    // somebody else's business.
    let is_behind = |segment: &u32| match end.at {
        Some(at) => *segment > at.segment,
        None => *segment >= end.doubtful.segment,
    };
    let left = segments(&folder)?.into_iter().filter(is_behind);
    let mut maker = Maker::new(folder.clone(), capacity.each, end.next);
    maker.remove(left, drop)?;
    if let Some(at) = end.at {
        // Its file would take as much of the disk as one that is full. Not before it is the last one: what was not part of the
        // log behind it would come next to where it ends.
        if at.offset > 0 {
            newest::shorten(&folder, at)?;
        }
        folder.open(&name_of(at.segment))?.cut(at.offset.into())?;
    }
    let (mut segments, first) = (Segments::new(folder), make_first(&mut maker, capacity.first)?);
    let tail = Tail::new(first.fresh, end.at);
    segments.adopt(first);
    Ok(Opened { tail, segments, maker, end })
}

/// Makes the segment to go on in; where the disk has no room for it, as long as there is room for: what is there can be taken
/// then, which makes some.
fn make_first<F: Folder>(maker: &mut Maker<F>, capacity: u32) -> io::Result<Made<F::File>> {
    let mut capacity = capacity;
    loop {
        match maker.make_of(capacity, None) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull && capacity / 2 >= SHORTEST => capacity /= 2,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                let why = format!("{error}: the log needs {capacity} bytes to go on");
                return Err(io::Error::new(error.kind(), why));
            }
            made => return made,
        }
    }
}

/// Writes what was read between two places once more, and syncs it: it is told to others from now on.
fn save<F: Folder>(folder: &F, from: Position, to: Position) -> io::Result<()> {
    for segment in segments(folder)?.into_iter().filter(|segment| (from.segment..=to.segment).contains(segment)) {
        let file = folder.open(&name_of(segment))?;
        let begin = if segment == from.segment { u64::from(from.offset) } else { 0 };
        let end = if segment == to.segment { u64::from(to.offset) } else { file.len()? };
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(begin)).unwrap_or(usize::MAX)];
        let read = file.read_all_at(begin, &mut bytes)?;
        file.write_all_at(begin, bytes.get(..read).unwrap_or_default())?;
        file.sync()?;
    }
    Ok(())
}
