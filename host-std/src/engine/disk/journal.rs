//! Entries on their way to the disk: who adds them goes on at once, and a thread writes and syncs what has gathered.

use std::fs::File;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::files::Directory;
use super::log::{HEADER, Made, Maker, Opened, Position, Segments, Tail};

/// When what was written is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Before anybody is told that it is there: it outlives the machine.
    Always,
    /// So often: what somebody was told of outlives the process, and after so long the machine.
    Interval(Duration),
}

/// A log that is written to.
///
/// Adding an entry is a copy under a short lock. One thread writes and syncs: while it does, the next group gathers, so
/// that all who publish share a sync. Another one makes segments ahead.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    /// Rung when there is something to write.
    added: Condvar,
    /// Rung when there is a segment to make, or room for one.
    turned: Condvar,
    /// Rung when more is safe, or there is more room; or when neither will ever be.
    changed: Notify,
}

struct State {
    tail: Tail,
    /// Bytes that are left to what makes room.
    spare: usize,
    /// Bytes that somebody may add who has looked whether there is room.
    reserved: usize,
    /// For who writes.
    made: Vec<Made<File>>,
    /// All before it is safe.
    safe: Position,
    /// Bytes of all files, and as many as may be.
    bytes: u64,
    most: u64,
    /// Segments that nobody needs any more.
    unused: Vec<u32>,
    /// Why there is no segment to go on in.
    full: Option<Full>,
    failed: Option<String>,
    is_closing: bool,
}

/// Why there is no room for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Full {
    /// The log has all that it may have.
    Budget(u64),
    /// The disk says so.
    Disk(String),
}

/// The log can't be written any more: what was added and is not safe may be there after a restart, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed(pub(crate) String);

/// A part of a segment is for what may still be added when the disk is full: items that are taken and acknowledged make
/// room in the end.
const SPARE: u32 = 16;

/// A part of all bytes that segments leave to checkpoints: without these no segment is ever given back.
pub(super) const BESIDE: u64 = 16;

/// When it is tried again to make a segment.
const AGAIN: Duration = Duration::from_secs(1);

/// Bytes that are written and not synced at the most: they are kept in memory for the case that a file fails.
const MOST_UNSYNCED: usize = 4 << 20;

impl Journal {
    /// Goes on with a log of `bytes`, which may have `most`.
    ///
    /// # Errors
    /// The operating system has no threads for it.
    pub(crate) fn start(log: Opened<Directory>, sync: SyncMode, bytes: u64, most: u64) -> io::Result<Self> {
        let Opened { tail, segments, maker, end: _ } = log;
        let state = State {
            safe: tail.end(),
            tail,
            spare: (maker.capacity() / SPARE) as usize,
            reserved: 0,
            made: Vec::new(),
            bytes,
            most,
            unused: Vec::new(),
            full: None,
            failed: None,
            is_closing: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            added: Condvar::new(),
            turned: Condvar::new(),
            changed: Notify::new(),
        });
        let (writing, making) = (Arc::clone(&shared), Arc::clone(&shared));
        let writer = thread::Builder::new().name("journal".into()).spawn(move || writing.write(segments, sync))?;
        let maker = thread::Builder::new().name("segments".into()).spawn(move || making.make(maker))?;
        Ok(Self { shared, threads: Mutex::new(vec![writer, maker]) })
    }

    /// Waits until there is room for entries of so many bytes together, without their headers.
    ///
    /// # Errors
    /// There will be none until somebody makes room.
    pub(crate) async fn room_for(&self, bytes: usize, is_growth: bool) -> Result<Reserved<'_>, Full> {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            match self.try_room_for(bytes, is_growth) {
                Some(result) => return result,
                None => changed.await,
            }
        }
    }

    /// The same at once; `None` if a segment is being made.
    pub(crate) fn try_room_for(&self, bytes: usize, is_growth: bool) -> Option<Result<Reserved<'_>, Full>> {
        let bytes = bytes.saturating_add(HEADER);
        let mut state = self.shared.state.lock();
        if let Some(error) = &state.failed {
            return Some(Err(Full::Disk(error.clone())));
        }
        let asked = state.reserved.saturating_add(bytes);
        let spare = if is_growth && state.full.is_some() { state.spare } else { 0 };
        if state.tail.has_room(asked.saturating_add(spare)) {
            state.reserved = asked;
            return Some(Ok(Reserved { journal: self, bytes }));
        }
        state.full.clone().map(Err)
    }

    /// Waits until all before a place is safe.
    ///
    /// # Errors
    /// It never will be.
    pub(crate) async fn safe(&self, end: Position) -> Result<(), Failed> {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            {
                let state = self.shared.state.lock();
                if state.safe >= end {
                    return Ok(());
                }
                if let Some(error) = &state.failed {
                    return Err(Failed(error.clone()));
                }
            }
            changed.await;
        }
    }

    /// All before it is safe.
    pub(crate) fn safe_until(&self) -> Position {
        self.shared.state.lock().safe
    }

    /// Where the next entry goes.
    pub(crate) fn end(&self) -> Position {
        self.shared.state.lock().tail.end()
    }

    /// Waits until the log can't be written any more.
    pub(crate) async fn failed(&self) -> Failed {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            if let Some(error) = self.shared.state.lock().failed.clone() {
                return Failed(error);
            }
            changed.await;
        }
    }

    /// Lets nobody be told of anything any more.
    pub(crate) fn fail(&self, why: &str) {
        self.shared.state.lock().failed.get_or_insert_with(|| why.to_owned());
        self.shared.changed.notify_waiters();
    }

    /// Why there is no room, if there is none.
    pub(crate) fn full(&self) -> Option<Full> {
        self.shared.state.lock().full.clone()
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.state.lock().bytes
    }

    /// A file beside the log has so many bytes now, and had so many before.
    pub(crate) fn count(&self, bytes: u64, before: u64) {
        let mut state = self.shared.state.lock();
        state.bytes = state.bytes.saturating_add(bytes).saturating_sub(before);
    }

    /// Gives back segments that nobody needs any more, to be written anew or removed.
    pub(crate) fn give_back(&self, segments: Vec<u32>) {
        self.shared.state.lock().unused.extend(segments);
        self.shared.turned.notify_one();
    }

    /// Writes what was added, says in the log that it ends there, and ends.
    pub(crate) fn close(&self) {
        {
            let mut state = self.shared.state.lock();
            state.tail.close();
            state.is_closing = true;
        }
        self.shared.added.notify_one();
        self.shared.turned.notify_one();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

/// Room for entries, until they are added or it is dropped.
pub(crate) struct Reserved<'j> {
    journal: &'j Journal,
    bytes: usize,
}

impl Reserved<'_> {
    /// Adds an entry, whose body is what `write` puts behind what is there; returns where it is, and where the log ends
    /// behind it. It is no longer than was asked for.
    pub(crate) fn add(self, write: impl FnOnce(&mut Vec<u8>)) -> Option<(Position, Position)> {
        let shared = &self.journal.shared;
        let mut state = shared.state.lock();
        let had_next = state.tail.has_next();
        let begin = state.tail.append(write)?;
        let places = (begin, state.tail.end());
        let has_turned = had_next && !state.tail.has_next();
        drop(state);
        shared.added.notify_one();
        if has_turned {
            shared.turned.notify_one();
        }
        Some(places)
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.journal.shared.state.lock().reserved -= self.bytes;
    }
}

impl Shared {
    /// Writes and syncs, until the log is closed or fails.
    fn write(&self, mut segments: Segments<Directory>, sync: SyncMode) {
        let mut due = None;
        loop {
            let (group, end, is_closing) = {
                let mut state = self.state.lock();
                while state.tail.is_taken() && !state.is_closing {
                    match due {
                        None => self.added.wait(&mut state),
                        Some(due) if self.added.wait_until(&mut state, due).timed_out() => break,
                        Some(_) => {}
                    }
                }
                state.made.drain(..).for_each(|made| segments.adopt(made));
                (state.tail.take(segments.unsynced() == 0), state.tail.end(), state.is_closing)
            };
            let now = Instant::now();
            let written = match sync {
                SyncMode::Always => segments.write(group),
                SyncMode::Interval(interval) => segments.write_only(group).and_then(|()| {
                    let next = *due.get_or_insert(now + interval);
                    if is_closing || next <= now || segments.unsynced() > MOST_UNSYNCED {
                        due = None;
                        segments.sync()?;
                    }
                    Ok(())
                }),
            };
            let mut state = self.state.lock();
            let is_over = written.is_err() || state.failed.is_some() || (is_closing && state.tail.is_taken());
            match written {
                Ok(()) if state.failed.is_none() => state.safe = end,
                Ok(()) => {}
                Err(error) => state.failed = Some(error.to_string()),
            }
            drop(state);
            self.changed.notify_waiters();
            if is_over {
                return;
            }
        }
    }

    /// Makes segments, until the log is closed.
    fn make(&self, mut maker: Maker<Directory>) {
        loop {
            let (old, unused) = {
                let mut state = self.state.lock();
                while state.tail.has_next() && state.unused.is_empty() && !state.is_closing {
                    self.turned.wait(&mut state);
                }
                if state.is_closing {
                    return;
                }
                let old = if state.tail.has_next() { None } else { state.unused.pop() };
                (old, std::mem::take(&mut state.unused))
            };
            self.remove(&maker, unused);
            self.make_one(&mut maker, old);
        }
    }

    fn remove(&self, maker: &Maker<Directory>, segments: Vec<u32>) {
        if segments.is_empty() {
            return;
        }
        let bytes = segments.len() as u64 * u64::from(maker.capacity());
        match maker.remove(segments) {
            Ok(()) => {
                let mut state = self.state.lock();
                state.bytes = state.bytes.saturating_sub(bytes);
            }
            Err(error) => tracing::warn!(%error, "files of the log that are not needed any more can't be removed"),
        }
    }

    fn make_one(&self, maker: &mut Maker<Directory>, old: Option<u32>) {
        let capacity = u64::from(maker.capacity());
        let state = self.state.lock();
        if state.tail.has_next() {
            return;
        }
        let (bytes, most) = (state.bytes, state.most);
        drop(state);
        let made = if old.is_none() && bytes.saturating_add(capacity) > most - most / BESIDE {
            Err(Full::Budget(most))
        } else {
            maker.make(0, old).or_else(|_| maker.make(0, None)).map_err(|error| Full::Disk(error.to_string()))
        };
        let mut state = self.state.lock();
        match made {
            Ok(made) => {
                state.bytes += if old.is_none() { capacity } else { 0 };
                state.full = None;
                state.tail.set_next(made.fresh);
                state.made.push(made);
            }
            Err(full) => {
                if state.full.as_ref() != Some(&full) {
                    tracing::warn!(?full, "there is no room for another segment of the log");
                }
                state.full = Some(full);
            }
        }
        drop(state);
        self.changed.notify_waiters();
        let mut state = self.state.lock();
        if state.full.is_some() && state.unused.is_empty() && !state.is_closing {
            self.turned.wait_for(&mut state, AGAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use tempfile::TempDir;

    use super::*;
    use crate::engine::disk::log::{Step, go_on, read, segments};

    const SEGMENT: u32 = 4 << 10;

    fn start(folder: &TempDir, sync: SyncMode, most: u64) -> Journal {
        let directory = Directory::at(folder.path().to_owned()).unwrap();
        let end = read(&directory, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
        let log = go_on(directory, SEGMENT, end).unwrap();
        Journal::start(log, sync, SEGMENT.into(), most).unwrap()
    }

    fn entries(folder: &TempDir) -> (Vec<Vec<u8>>, bool) {
        let directory = Directory::at(folder.path().to_owned()).unwrap();
        let mut all = Vec::new();
        let end = read(&directory, Position::ZERO, |step| {
            if let Step::Entry(_, body) = step {
                all.push(body.to_vec());
            }
            ControlFlow::Continue(())
        });
        (all, end.unwrap().is_closed)
    }

    async fn add(journal: &Journal, body: &[u8]) {
        let room = journal.room_for(body.len(), true).await.unwrap();
        let (_, end) = room.add(|out| out.extend_from_slice(body)).unwrap();
        journal.safe(end).await.unwrap();
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            tokio::time::timeout(Duration::from_secs(60), future).await.expect("nobody waits for ever")
        })
    }

    #[test]
    fn many_add_at_once_and_all_of_it_is_there() {
        for sync in [SyncMode::Always, SyncMode::Interval(Duration::from_millis(3))] {
            let folder = TempDir::new().unwrap();
            let journal = start(&folder, sync, 1 << 30);
            thread::scope(|scope| {
                for adder in 0..4_u8 {
                    let journal = &journal;
                    scope.spawn(move || {
                        block_on(async {
                            for number in 0..200_u8 {
                                add(journal, &[[adder, number].as_slice(), &[7; 80]].concat()).await;
                            }
                        });
                    });
                }
            });
            journal.close();
            let (all, is_closed) = entries(&folder);
            assert!(is_closed);
            for adder in 0..4 {
                let of = all.iter().filter(|body| body[0] == adder).map(|body| body[1]);
                assert_eq!(of.collect::<Vec<_>>(), (0..200).collect::<Vec<_>>(), "{sync:?}: each once, in its order");
            }
        }
    }

    #[test]
    fn what_makes_room_has_some_when_the_budget_is_used_up_and_segments_come_back() {
        let folder = TempDir::new().unwrap();
        let journal = start(&folder, SyncMode::Always, 4 * u64::from(SEGMENT));
        block_on(async {
            let mut added = 0;
            let full = loop {
                match journal.room_for(1_000, true).await {
                    Ok(room) => assert!(room.add(|out| out.resize(out.len() + 1_000, 7)).is_some()),
                    Err(full) => break full,
                }
                added += 1;
                assert!(added < 20);
            };
            assert_eq!(full, Full::Budget(4 * u64::from(SEGMENT)));
            let directory = Directory::at(folder.path().to_owned()).unwrap();
            let before = segments(&directory).unwrap();
            assert_eq!(before.len(), 3, "a part is left to checkpoints");
            journal.safe(journal.end()).await.unwrap();
            journal.give_back(before[..2].to_vec());
            while journal.full().is_some() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            add(&journal, &[8; 2_000]).await;
            add(&journal, &[8; 2_000]).await;
            assert!(segments(&directory).unwrap().len() <= 3);
        });
        journal.close();
    }

    #[test]
    fn who_waits_is_told_when_it_fails() {
        let folder = TempDir::new().unwrap();
        let journal = start(&folder, SyncMode::Always, 1 << 20);
        block_on(async {
            let beyond = Position { segment: 9, offset: 0 };
            let waiting = async { journal.safe(beyond).await };
            let failing = async { journal.fail("a test") };
            let (waited, ()) = tokio::join!(waiting, failing);
            assert_eq!(waited, Err(Failed("a test".to_owned())));
            assert!(matches!(journal.room_for(1, true).await, Err(Full::Disk(_))));
        });
    }
}
