//! A folder that no server has: what is there, whether a server could start with it, and what a repair puts in its place.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use streamgauge_core::engine::Name;
use streamgauge_core::engine::journal::Entry;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::time::Time;

use super::body::Body;
use super::checkpoint::{self, Reader};
use super::files::{Directory, File as _, Folder as _, lock, lock_to_read};
use super::history::{self, Histories};
use super::log::{self, Damage, End, Harm, Position, Step, name_of, segments};
use super::salvage::Salvaged;
use super::shelf::{Shelf, Unreadable};
use super::state::{self, Restored, StateError};
use crate::engine::memory::{Budget, Rooms};

/// A folder that no server has, and that none gets meanwhile.
pub(crate) struct AtRest {
    path: PathBuf,
    folder: Directory,
    /// `None` if there is nothing to lock, which every server leaves.
    _lock: Option<File>,
}

/// Items of a queue that lie in an entry which is not what was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LostItems {
    pub(crate) at: Position,
    pub(crate) queue: Name,
    pub(crate) items: u64,
}

impl fmt::Display for LostItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, queue, items } = self;
        write!(f, "{at}: an entry with {items} items of queue {queue} is not what was written")
    }
}

/// What a log holds from a place on.
#[derive(Debug)]
pub(crate) struct LogFound {
    pub(crate) from: Position,
    pub(crate) end: End,
    /// Files of it.
    pub(crate) segments: usize,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    /// When the last of it was executed, if anything was.
    pub(crate) latest: Option<Time>,
    pub(crate) damage: Vec<Damage>,
}

impl AtRest {
    /// The folder at a path, in which something is kept, to be read: nothing is written there, and it need not be possible.
    ///
    /// # Errors
    /// A server has it, or there is nothing.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let folder = kept_in(path, Directory::to_read)?;
        Ok(Self { path: path.to_owned(), folder, _lock: lock_to_read(path)? })
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), or nothing can be written there.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        let folder = kept_in(path, Directory::at)?;
        Ok(Self { path: path.to_owned(), folder, _lock: Some(lock(path)?) })
    }

    /// What the checkpoint holds, in an engine with room for everything; `None` if there is no checkpoint.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn checkpoint(&self) -> Result<Option<Restored>, StateError> {
        let reader = Reader::open(&self.folder).map_err(StateError::Checkpoint)?;
        reader.map(|reader| state::restore(reader, rooms())).transpose()
    }

    /// Bytes of the checkpoint.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn checkpoint_bytes(&self) -> io::Result<u64> {
        self.folder.open(checkpoint::NAME)?.len()
    }

    /// Where the oldest file of the log begins.
    ///
    /// # Errors
    /// The folder can't be read.
    pub(crate) fn oldest(&self) -> io::Result<Position> {
        let first = segments(&self.folder)?.first().copied();
        Ok(Position { segment: first.unwrap_or(0), offset: 0 })
    }

    /// About how many bytes the log has from a place on.
    ///
    /// # Errors
    /// The folder can't be read.
    pub(crate) fn log_bytes(&self, from: Position) -> io::Result<u64> {
        log::len(&self.folder, from)
    }

    /// Whether the log goes back to the first entry of all. Old segments may be there for their messages alone.
    ///
    /// # Errors
    /// The folder can't be read.
    pub(crate) fn has_all(&self) -> io::Result<bool> {
        log::is_without_gap(&self.folder, FIRST)
    }

    /// Reads the log from a place on, until `each` breaks.
    ///
    /// # Errors
    /// The disk doesn't work.
    pub(crate) fn log(
        &self,
        from: Position,
        mut each: impl FnMut(Step<'_>) -> ControlFlow<()>,
    ) -> io::Result<LogFound> {
        let (mut entries, mut bytes, mut latest, mut damage) = (0, 0, None, Vec::new());
        let end = log::read(&self.folder, from, |step| {
            match step {
                Step::Entry(_, body) => {
                    entries += 1;
                    bytes += step.len();
                    latest = latest.max(time_of(body));
                }
                Step::Damaged(some) => damage.push(some),
            }
            each(step)
        })?;
        let last = end.at.map_or(0, |at| at.segment);
        let segments = segments(&self.folder)?.into_iter().filter(|one| (from.segment..=last).contains(one)).count();
        Ok(LogFound { from, end, segments, entries, bytes, latest, damage })
    }

    /// Lets items leave that can't be read where they lie, and says which these are; all others can be looked at then.
    ///
    /// # Errors
    /// The disk doesn't work.
    pub(crate) fn lose_unreadable(&self, memory: &mut Memory<Rooms>, now: Time) -> io::Result<Vec<LostItems>> {
        let shelf = Arc::new(Shelf::new(self.folder.clone(), None));
        let (mut lost, mut failed, mut item) = (BTreeSet::new(), None, Vec::new());
        memory.elsewhere(|queue, _, away| match shelf.fetch(&away, &mut item) {
            Ok(()) => {}
            Err(Unreadable::Lost(at)) => _ = lost.insert((at, *queue)),
            Err(Unreadable::Io(_, error)) => failed = Some(error),
        });
        memory.host_mut().look_patiently_at(shelf);
        let lose = |(at, queue): (Position, Name)| {
            let items = memory.lose(&queue, at.number(), now);
            LostItems { at, queue, items }
        };
        failed.map_or_else(|| Ok(lost.into_iter().map(lose).collect()), Err)
    }

    /// Calls `each` with the messages of a topic that are on the disk, with their numbers and times, until it breaks.
    pub(crate) fn messages<B>(
        &self,
        topic: &Name,
        histories: &Histories,
        mut each: impl FnMut(u64, Time, &[u8]) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(of_topic) = histories.of(topic) else { return ControlFlow::Continue(()) };
        let mut reader = history::Reader::new(*topic, of_topic.first());
        while let Some(extent) = of_topic.at(reader.next()) {
            let chunk = reader.read(&self.folder, &extent, u64::MAX, Time::ZERO);
            for at in 0..chunk.len() {
                if let Some((time, message)) = chunk.get(at) {
                    each(chunk.first + at as u64, time, message)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// What is damaged of the messages that lie before a place in the log.
    ///
    /// # Errors
    /// The disk doesn't work.
    pub(crate) fn damaged_messages(&self, histories: &Histories, before: Position) -> io::Result<Vec<Damage>> {
        let mut damage = Vec::new();
        for (begin, end) in histories.spans() {
            let end = if end > before { before } else { end };
            if begin < end
                && !damage
                    .last()
                    .is_some_and(|last: &Damage| last.harm == Harm::Missing && last.is_in(begin, end.offset))
            {
                log::check(&self.folder, begin, end.offset, &mut damage)?;
            }
        }
        Ok(damage)
    }

    /// Lets messages leave that can't be read for what is damaged, and says how many of which topic these are.
    ///
    /// # Errors
    /// The disk doesn't work.
    pub(crate) fn lose_damaged(&self, histories: &mut Histories) -> io::Result<Vec<(Name, u64)>> {
        let damage = self.damaged_messages(histories, Position { segment: u32::MAX, offset: u32::MAX })?;
        histories.lose(&self.folder, &damage)
    }

    /// Makes a checkpoint of this the beginning of what is kept, and moves the files that were there to a folder beside
    /// it, whose path is returned; those with messages and items that are kept stay, and are in both. If that is cut off, the one
    /// or the other is what a server starts with.
    ///
    /// # Errors
    /// The disk is full, or doesn't work.
    pub(crate) fn replace(&self, salvaged: &Salvaged) -> io::Result<PathBuf> {
        let before = self.make_folder()?;
        let mut needed = salvaged.histories.segments();
        needed.extend(state::needed(&salvaged.memory).into_keys());
        let both = needed.iter().map(|segment| name_of(*segment)).chain([checkpoint::NAME.to_owned()]);
        for name in both {
            let (old, kept) = (self.path.join(&name), before.join(&name));
            if old.exists() && fs::hard_link(&old, &kept).is_err() {
                fs::copy(&old, &kept)?;
                File::open(&kept)?.sync_all()?;
            }
        }
        Directory::at(before.clone())?.sync()?;
        self.folder.sync()?;
        let segments = segments(&self.folder)?;
        // Behind everything that there is, or was: from then on nothing of it is read, or missed.
        let next = log::last(&self.folder)?.map_or(Some(FIRST), |last| last.checked_add(1));
        let next = next.ok_or_else(|| io::Error::other("there is no number for another segment"))?;
        let Salvaged { memory, notes, histories, latest, .. } = salvaged;
        let saved = state::saved(memory, notes, histories, *latest);
        let saved = state::write(&self.folder, &saved, Position { segment: next, offset: 0 });
        if saved.is_err() {
            // The files are where they were.
            let _ = fs::remove_dir_all(&before);
        }
        saved?;
        for segment in segments.into_iter().filter(|segment| !needed.contains(segment)) {
            fs::rename(self.path.join(name_of(segment)), before.join(name_of(segment)))?;
        }
        Directory::at(before.clone())?.sync()?;
        self.folder.sync()?;
        Ok(before)
    }

    fn make_folder(&self) -> io::Result<PathBuf> {
        let mut number = 1_u32;
        loop {
            let path = self.path.join(format!("before-repair-{number}"));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                made => return made.map(|()| path),
            }
        }
    }
}

/// A folder in which something is kept, opened in one way or another.
fn kept_in(path: &Path, open: impl FnOnce(PathBuf) -> io::Result<Directory>) -> io::Result<Directory> {
    match fs::metadata(path) {
        Ok(there) if !there.is_dir() => return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(io::Error::new(error.kind(), "there is no such folder"));
        }
        Err(error) => return Err(error),
    }
    let folder = open(path.to_owned())?;
    let has_checkpoint = folder.names()?.iter().any(|name| name == checkpoint::NAME);
    if !has_checkpoint && segments(&folder)?.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "nothing is kept there"));
    }
    Ok(folder)
}

/// The number of the first segment of a log.
const FIRST: u32 = 1;

/// Room for everything, as there is while a server starts.
pub(crate) fn rooms() -> Rooms {
    let budget = Budget::telling(u64::MAX);
    budget.refuse_again(Some(Vec::new()));
    Rooms::alone(budget).keeping(0)
}

/// When what an entry tells was executed, if that can be read.
pub(crate) fn time_of(body: &[u8]) -> Option<Time> {
    match Body::read(body)? {
        Body::Executed { entry, .. } => Entry::decode(entry, Time::ZERO).ok().map(|entry| entry.now),
        Body::Note(..) | Body::NoNote(_) => None,
    }
}
