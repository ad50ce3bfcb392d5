//! The files of a log.

use std::io;
use std::sync::Arc;

use super::Position;
use super::frame::{self, Salt};
use super::newest;
use super::position::{name_of, segment_of};
use super::run::salt_in;
use super::tail::{Fresh, Group};
use crate::engine::disk::files::{File as _, Folder};

/// Makes segments ahead: on another thread than the one that writes, which never waits for it.
#[derive(Debug)]
pub(crate) struct Maker<F> {
    folder: F,
    /// Bytes of a segment, unless it is made of others.
    capacity: u32,
    /// The number of the next one.
    next: u32,
}

/// A segment that was made, and its file.
#[derive(Debug)]
pub(crate) struct Made<F> {
    pub(crate) fresh: Fresh,
    file: F,
}

/// The files that a group may go to: of the segment that was written last, and of those that were made since.
pub(crate) struct Segments<F: Folder> {
    folder: F,
    open: Vec<(u32, F::File)>,
    /// What was written and not synced.
    unsynced: Vec<Arc<Group>>,
    /// The newest that was said to be begun.
    newest: u32,
}

/// The name of a file that is not complete yet.
const MADE: &str = "made";
const RESCUED: &str = "rescued";

/// Whether a file of this name is not complete, and of no use once the process is gone that made it.
pub(crate) fn is_in_the_making(name: &str) -> bool {
    [MADE, RESCUED].contains(&name)
}

impl<F: Folder> Maker<F> {
    /// None, in a folder; the first gets that number.
    pub(crate) const fn new(folder: F, capacity: u32, next: u32) -> Self {
        Self { folder, capacity, next }
    }

    /// Where it makes them.
    pub(crate) const fn folder(&self) -> &F {
        &self.folder
    }

    /// Bytes of a segment, unless it is made of others.
    pub(crate) const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Makes a segment, out of the file of one that is not needed any more if it is as long and nowhere else.
    ///
    /// # Errors
    /// The disk is full, or doesn't work. Nothing has changed then, and `old` may be used again.
    pub(crate) fn make(&mut self, old: Option<u32>) -> io::Result<Made<F::File>> {
        self.make_of(self.capacity, old)
    }

    /// The same with so many bytes, however many others have.
    pub(super) fn make_of(&mut self, capacity: u32, old: Option<u32>) -> io::Result<Made<F::File>> {
        self.named(capacity, |folder| match old {
            Some(old) => {
                let (name, file) = (name_of(old), folder.open(&name_of(old))?);
                if file.len()? != u64::from(capacity) {
                    return Err(io::Error::other("a segment has another length than it was made with"));
                }
                if file.is_elsewhere_too()? {
                    return Err(io::Error::other("a segment is kept elsewhere as it is"));
                }
                Ok((name, file))
            }
            None => Ok((MADE.to_owned(), folder.create(MADE, u64::from(capacity))?)),
        })
    }

    /// Makes a segment of which nothing is written yet: less goes to the disk, and syncs take longer.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub(crate) fn reserve(&mut self) -> io::Result<Made<F::File>> {
        let capacity = self.capacity;
        self.named(capacity, |folder| Ok((MADE.to_owned(), folder.reserve(MADE, u64::from(capacity))?)))
    }

    /// Makes a segment of a file that is whole under another name.
    fn named(
        &mut self,
        capacity: u32,
        file: impl FnOnce(&F) -> io::Result<(String, F::File)>,
    ) -> io::Result<Made<F::File>> {
        let segment = self.next;
        let next = segment.checked_add(1).ok_or_else(|| io::Error::other("there is no number for another segment"))?;
        let salt = Salt::draw()?;
        let (name, file) = file(&self.folder)?;
        self.folder.rename(&name, &name_of(segment))?;
        self.folder.sync()?;
        self.next = next;
        Ok(Made { fresh: Fresh { segment, capacity, salt }, file })
    }

    /// Removes the segments with these numbers, none of which is needed any more, and tells of each how many bytes it had.
    ///
    /// # Errors
    /// Some may be there still; they do no harm, but for their room.
    pub(crate) fn remove(&self, segments: impl IntoIterator<Item = u32>, mut freed: impl FnMut(u64)) -> io::Result<()> {
        for name in segments.into_iter().map(name_of) {
            let removed = self.folder.open(&name).and_then(|file| {
                let len = file.len()?;
                self.folder.remove(&name).map(|()| len)
            });
            match removed {
                Ok(len) => freed(len),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        self.folder.sync()
    }
}

impl<F: Folder> Segments<F> {
    /// None, in a folder.
    pub(crate) const fn new(folder: F) -> Self {
        Self { folder, open: Vec::new(), unsynced: Vec::new(), newest: 0 }
    }

    /// Takes a segment in that was made: before anything is written to it.
    pub(crate) fn adopt(&mut self, made: Made<F::File>) {
        self.open.push((made.fresh.segment, made.file));
    }

    /// Writes a group, and waits until it is on the disk, with all that was written before.
    ///
    /// When a file fails, what it held is known up to the first entry that was not synced, and the rest is here: it is
    /// written anew beside it, and takes its place. A sync that failed is not tried again: the second one would succeed
    /// though the bytes are gone.
    ///
    /// # Errors
    /// That failed too: it is not known what of the group is on the disk, and nothing may be added behind it.
    pub(crate) fn write(&mut self, group: impl Into<Arc<Group>>) -> io::Result<()> {
        self.write_only(group)?;
        self.sync()
    }

    /// Writes a group. It outlives the process, but not the machine; and is kept until it is [synced](Self::sync).
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(crate) fn write_only(&mut self, group: impl Into<Arc<Group>>) -> io::Result<()> {
        let group = group.into();
        let mut failed = Vec::new();
        for (at, bytes) in group.parts() {
            let (_, file) = self.open.iter().find(|(segment, _)| *segment == at.segment).ok_or_else(never_made)?;
            if let Err(error) = file.write_all_at(u64::from(at.offset), bytes) {
                failed.push((at.segment, error));
            }
        }
        self.unsynced.push(group);
        failed.iter().try_for_each(|(segment, error)| self.rescue(*segment, error))
    }

    /// Bytes that were written and not synced.
    pub(crate) fn unsynced(&self) -> usize {
        self.unsynced.iter().map(|group| group.len()).sum()
    }

    /// Waits until all that was written is on the disk, and lets go of the groups.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let mut segments: Vec<u32> =
            self.unsynced.iter().flat_map(|group| group.parts()).map(|(at, _)| at.segment).collect();
        segments.dedup();
        for segment in &segments {
            let (_, file) = self.open.iter().find(|(number, _)| number == segment).ok_or_else(never_made)?;
            if let Err(error) = file.sync() {
                self.rescue(*segment, &error)?;
            }
        }
        self.unsynced.clear();
        // Nothing goes to those before it any more.
        let last = segments.last().copied().unwrap_or_default();
        self.open.retain(|(segment, _)| *segment >= last);
        if last > self.newest {
            // All is safe without it; who opens the folder next only knows less.
            if let Err(error) = self.end_of(last).and_then(|end| newest::write(&self.folder, end)) {
                tracing::warn!(file = name_of(last), %error, "it is not written down that this file of the log was begun");
            }
            self.newest = last;
        }
        Ok(())
    }

    /// How far the file of a segment goes.
    fn end_of(&self, segment: u32) -> io::Result<Position> {
        let (_, file) = self.open.iter().find(|(number, _)| *number == segment).ok_or_else(never_made)?;
        Ok(Position { segment, offset: u32::try_from(file.len()?).unwrap_or(u32::MAX) })
    }

    /// Gives a file up, and puts another one in its place.
    fn rescue(&mut self, segment: u32, error: &io::Error) -> io::Result<()> {
        tracing::error!(file = name_of(segment), %error, "a file of the log failed, and is written anew");
        let place = self.open.iter().position(|(number, _)| *number == segment).ok_or_else(never_made)?;
        self.open[place].1 = self.write_anew(&self.open[place].1, segment)?;
        Ok(())
    }

    /// Makes another file of what was synced of a segment, with what was not behind it.
    fn write_anew(&self, old: &F::File, segment: u32) -> io::Result<F::File> {
        let parts = || self.unsynced.iter().flat_map(|group| group.parts()).filter(|(at, _)| at.segment == segment);
        let synced = parts().next().map_or(0, |(at, _)| at.offset);
        let mut before = vec![0; synced as usize];
        let read = old.read_all_at(0, &mut before)?;
        if read < before.len() || !is_whole(&before, segment) {
            return Err(io::Error::other("what a file held before can't be read any more"));
        }
        let file = self.folder.create(RESCUED, old.len()?)?;
        file.write_all_at(0, &before)?;
        for (at, bytes) in parts() {
            file.write_all_at(u64::from(at.offset), bytes)?;
        }
        file.sync()?;
        self.folder.rename(RESCUED, &name_of(segment))?;
        self.folder.sync()?;
        Ok(file)
    }
}

fn never_made() -> io::Error {
    io::Error::other("a group is for a segment that was never made")
}

/// The numbers of the segments in a folder, in order.
///
/// # Errors
/// The folder can't be read.
pub(crate) fn segments<F: Folder>(folder: &F) -> io::Result<Vec<u32>> {
    let mut all: Vec<u32> = folder.names()?.iter().filter_map(|name| segment_of(name)).collect();
    all.sort_unstable();
    Ok(all)
}

/// Whether bytes from the start of a segment are entries to their end.
fn is_whole(bytes: &[u8], segment: u32) -> bool {
    frame::whole_frames(bytes, Position { segment, offset: 0 }, salt_in(bytes, segment)) == bytes.len()
}
