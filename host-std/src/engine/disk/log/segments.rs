//! The files of a log.

use std::io;

use super::frame::{self, Found};
use super::position::{name_of, segment_of};
use super::tail::{Fresh, Group};
use crate::engine::disk::files::{File as _, Folder};

/// The files of the segments that are written, and of those that will be.
#[derive(Debug)]
pub(crate) struct Segments<F: Folder> {
    folder: F,
    /// Bytes of a segment, unless an entry is longer.
    capacity: u32,
    /// Those that a group may go to: the last one written, and the one behind it.
    open: Vec<(u32, F::File)>,
    /// The number of the next one.
    next: u32,
}

/// The name of a file that is not complete yet.
const UNFINISHED: &str = "unfinished";

impl<F: Folder> Segments<F> {
    /// None, in a folder; the first gets that number.
    pub(crate) const fn new(folder: F, capacity: u32, next: u32) -> Self {
        Self { folder, capacity, open: Vec::new(), next }
    }

    /// Their folder.
    pub(crate) const fn folder(&self) -> &F {
        &self.folder
    }

    /// Makes a segment of `least` bytes or more, out of the file of one that is not needed any more if it is as long.
    ///
    /// # Errors
    /// The disk is full, or doesn't work. Nothing has changed then, and `old` may be used again.
    pub(crate) fn make(&mut self, least: u32, old: Option<u32>) -> io::Result<Fresh> {
        let (segment, capacity) = (self.next, self.capacity.max(least));
        let name = name_of(segment);
        let file = match old {
            Some(old) => {
                let file = self.folder.open(&name_of(old))?;
                if file.len()? != u64::from(capacity) {
                    return Err(io::Error::other("a segment has another length than it was made with"));
                }
                self.folder.rename(&name_of(old), &name)?;
                file
            }
            None => {
                // Under its name only when it is whole.
                let file = self.folder.create(UNFINISHED, u64::from(capacity))?;
                self.folder.rename(UNFINISHED, &name)?;
                file
            }
        };
        self.folder.sync()?;
        self.open.push((segment, file));
        self.next += 1;
        Ok(Fresh { segment, capacity })
    }

    /// Writes a group, and waits until it is on the disk; the one before has to be.
    ///
    /// When a file fails, what it held is known up to the group, and the group is here: it is written anew beside it, and
    /// takes its place. A sync that failed is not tried again: the second one would succeed though the bytes are gone.
    ///
    /// # Errors
    /// That failed too: it is not known what of the group is on the disk, and nothing may be added behind it.
    pub(crate) fn write(&mut self, group: &Group) -> io::Result<()> {
        for (at, bytes) in group.parts() {
            let Some(place) = self.open.iter().position(|(segment, _)| *segment == at.segment) else {
                return Err(io::Error::other("a group is for a segment that was never made"));
            };
            let file = &self.open[place].1;
            let written = file.write_all_at(u64::from(at.offset), bytes).and_then(|()| file.sync());
            if let Err(error) = written {
                tracing::error!(file = name_of(at.segment), %error, "a file of the log failed, and is written anew");
                self.open[place].1 = self.rescue(&self.open[place].1, at.segment, at.offset, bytes)?;
            }
            // Nothing goes to those before it any more.
            self.open.drain(..place);
        }
        Ok(())
    }

    /// Makes another file of what a segment held before `offset`, with `bytes` behind it, and puts it in its place.
    fn rescue(&self, old: &F::File, segment: u32, offset: u32, bytes: &[u8]) -> io::Result<F::File> {
        let mut before = vec![0; offset as usize];
        let read = old.read_all_at(0, &mut before)?;
        let before = before.get(..read).unwrap_or_default();
        if read < offset as usize || !is_whole(before, segment) {
            return Err(io::Error::other("what a file held before can't be read any more"));
        }
        let file = self.folder.create(UNFINISHED, old.len()?)?;
        file.write_all_at(0, before)?;
        file.write_all_at(u64::from(offset), bytes)?;
        file.sync()?;
        self.folder.rename(UNFINISHED, &name_of(segment))?;
        self.folder.sync()?;
        Ok(file)
    }

    /// Removes the segments with these numbers, none of which is needed any more.
    ///
    /// # Errors
    /// Some may be there still; they do no harm, but for their room.
    pub(crate) fn remove(&self, segments: impl IntoIterator<Item = u32>) -> io::Result<()> {
        for segment in segments {
            match self.folder.remove(&name_of(segment)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.folder.sync()
    }
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
    let mut at = super::Position { segment, offset: 0 };
    while (at.offset as usize) < bytes.len() {
        match frame::read(&bytes[at.offset as usize..], at) {
            Found::Whole { body, .. } => at = at.after((frame::HEADER + body.len()) as u32),
            Found::Broken { .. } | Found::Nothing => return false,
        }
    }
    true
}
