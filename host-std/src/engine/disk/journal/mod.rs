//! Entries on their way to the disk: who adds them goes on at once, and what has gathered is written and synced.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Journal`] | a log that is written to |
//! | `gather` | when a group has all that can share its sync |
//! | `writer` | what writes it, and on which thread |
//! | `state` | where the next entry goes, and whether there is room for it |
//! | `recent` | what was added of late, for who asks for it soon |
//! | `line` | those who wait until a place is safe |
//! | `ahead` | what makes segments |
//! | `times` | how long the disk has taken |
//! | `brings` | what an entry does to how much is kept, by which it has room |
//! | `full` | why nothing can be added |
//! | `wish` | whether somebody needs room, and may find some |

mod ahead;
mod brings;
mod full;
mod gather;
mod line;
#[cfg(test)]
mod measured;
mod recent;
mod state;
#[cfg(test)]
mod tests;
mod times;
mod wish;
mod writer;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, MappedMutexGuard, Mutex, MutexGuard};
use tokio::sync::Notify;

use super::files::Directory;
use super::log::{HEADER, Maker, Opened, Position};
use super::space::{SPARE, Space};
pub(crate) use brings::Brings;
pub(crate) use full::Full;
use line::Line;
pub(crate) use recent::Recent;
use state::{Bell, State};
pub(crate) use times::SyncTimes;
use times::{LONG, Times};
use writer::Writer;

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
/// Adding an entry is a copy under a short lock. What has [gathered](Self::gather) is written and synced together, so that all
/// who publish share a sync: on the thread that adds, or on another one while the disk is slow. A third makes segments ahead.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    /// Until there are threads.
    maker: Mutex<Option<Maker<Directory>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    /// Locked before the state, by who writes.
    writer: Mutex<Writer>,
    times: Times,
    state: Mutex<State>,
    /// Where the next entry goes, as a number: changed under the lock, and looked at without it.
    end: AtomicU64,
    line: Line,
    /// Rung when a group has begun that gathers.
    begun: Notify,
    /// Rung when a group is to be written.
    gathered: Condvar,
    /// Rung when there is a segment to make, or room for one.
    turned: Condvar,
    /// Rung when another segment is begun.
    begun_another: Notify,
    /// Rung when there is more room, or will never be.
    changed: Notify,
}

/// The log can't be written any more: what was added and is not safe may be there after a restart, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed(pub(crate) String);

/// Bytes that wait to be written at the most, where segments have `each`, and no entry is longer.
const fn not_written(each: u32) -> u64 {
    2 * each as u64
}

/// Bytes of memory that a log takes at the most, whose segments have `each`: what waits to be written, what was added of late,
/// and what is kept until it is synced. They grow by doubling.
pub(super) const fn memory(each: u32) -> u64 {
    2 * (not_written(each) + (recent::MOST + writer::MOST_UNSYNCED) as u64)
}

impl Journal {
    /// Goes on with a log in what there is of its space. Nothing is written before [`start`](Self::start).
    pub(crate) fn new(log: Opened<Directory>, sync: SyncMode, space: Space) -> Self {
        let Opened { tail, segments, maker, end: _ } = log;
        let at = tail.end();
        let shared = Arc::new(Shared {
            writer: Mutex::new(Writer::new(segments, sync)),
            times: Times::new(),
            state: Mutex::new(State::new(tail, space)),
            end: AtomicU64::new(at.number()),
            line: Line::new(at),
            begun: Notify::new(),
            gathered: Condvar::new(),
            turned: Condvar::new(),
            begun_another: Notify::new(),
            changed: Notify::new(),
        });
        Self { shared, maker: Mutex::new(Some(maker)), threads: Mutex::default() }
    }

    /// Starts the threads that write, unless they are there. A process that goes to the background has to be there by then.
    ///
    /// # Errors
    /// The operating system has no threads for it.
    pub(crate) fn start(&self) -> io::Result<()> {
        let Some(maker) = self.maker.lock().take() else { return Ok(()) };
        let mut threads = self.threads.lock();
        let (writing, making) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        let journal = thread::Builder::new().name("journal".into());
        threads.push(journal.spawn(move || writing.write())?);
        let ahead = thread::Builder::new().name("segments".into());
        threads.push(ahead.spawn(move || making.make(maker))?);
        Ok(())
    }

    /// Waits until there is room for an entry of so many bytes, without its header: whoever comes first has it.
    ///
    /// # Errors
    /// There will be none until somebody makes room.
    pub(crate) async fn room_for(&self, bytes: usize, brings: Brings) -> Result<(), Full> {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            if let Some(room) = self.room_now(bytes, brings) {
                return room.map(drop);
            }
            changed.await;
        }
    }

    /// Room for an entry at once; `None` if a segment is being made, or what was added before has to be written first. It
    /// is there until something is added: whoever adds does so under one lock, the shard's.
    pub(crate) fn room_now(&self, bytes: usize, brings: Brings) -> Option<Result<Room<'_>, Full>> {
        let bytes = bytes.saturating_add(HEADER);
        let mut state = self.shared.state.lock();
        if let Some(Failed(error)) = &state.failed {
            return Some(Err(Full::Fails(error.clone())));
        }
        if brings == Brings::More {
            state.wish.need();
            if let Some(full) = state.lacks_room() {
                return self.refused(&mut state, brings, full);
            }
        }
        if bytes > state.longest() {
            return Some(Err(Full::Disk(format!("an entry of {bytes} bytes is longer than a file of the log"))));
        }
        if state.has_too_much(bytes) {
            state.is_waited_for = true;
            return None;
        }
        let is_there_beside = |state: &State, brings: Brings| {
            let spare = if state.tail.has_next() { 0 } else { brings.spares(state.space.segment() / SPARE) };
            state.tail.has_room(bytes.saturating_add(spare as usize))
        };
        if !is_there_beside(&state, Brings::Same) {
            state.wish.need();
        }
        if is_there_beside(&state, brings) {
            let had_next = state.tail.has_next();
            let place = state.tail.begin(bytes);
            self.shared.end.store(place.number(), Ordering::Relaxed);
            if had_next && !state.tail.has_next() {
                self.shared.turned.notify_one();
                self.shared.begun_another.notify_one();
                // Its head is there, whether an entry follows or not, and all wait for it who ask how far the log has come.
                let bell = state.has_grown();
                self.shared.ring(bell);
            }
            return Some(Ok(Room { shared: &self.shared, place }));
        }
        // One of those in reserve is begun anew.
        let full = state.full.clone().filter(|_| !state.space.has_reserve())?;
        self.refused(&mut state, brings, full)
    }

    /// Why there is no room, unless some may come. Who moves something does so to make room, and would wait for itself.
    fn refused(&self, state: &mut State, brings: Brings, full: Full) -> Option<Result<Room<'_>, Full>> {
        if brings != Brings::Same && state.wish.lack() {
            self.shared.begun_another.notify_one();
            return None;
        }
        let is_coming = state.is_making || !state.useless.is_empty();
        (!is_coming).then_some(Err(full))
    }

    /// There is who looks for room from now on: whoever lacks some waits for that.
    pub(crate) fn expect_room(&self) {
        self.shared.state.lock().wish.hope();
    }

    /// Whether somebody waits for that.
    pub(crate) fn is_room_waited_for(&self) -> bool {
        self.shared.state.lock().wish.is_waited_for()
    }

    /// Whether somebody has needed room since the last call.
    pub(crate) fn take_wish(&self) -> bool {
        self.shared.state.lock().wish.take()
    }

    /// Room was looked for; whether there was some, and so there may be more the next time. Where nobody lacks any yet,
    /// that none was given back says nothing.
    pub(crate) fn settle_wish(&self, has_found: bool) {
        let mut state = self.shared.state.lock();
        let is_lacking = state.full.is_some() || state.lacks_room().is_some();
        state.wish.settle(has_found || !is_lacking);
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Waits until all before a place is safe.
    ///
    /// # Errors
    /// The log has failed: nobody is told of anything any more.
    pub(crate) fn safe(&self, end: Position) -> impl Future<Output = Result<(), Failed>> {
        self.shared.line.until(end)
    }

    /// What was added of late.
    pub(crate) fn recent(&self) -> Recent {
        Recent(Arc::clone(&self.shared))
    }

    /// All before it is safe.
    pub(crate) fn safe_until(&self) -> Position {
        self.shared.line.safe()
    }

    /// Where the next entry goes.
    pub(crate) fn end(&self) -> Position {
        Position::from_number(self.shared.end.load(Ordering::Relaxed))
    }

    /// Waits until another segment is begun: more of the disk is taken then.
    pub(crate) async fn turned(&self) {
        self.shared.begun_another.notified().await;
    }

    /// Waits until the log can't be written any more.
    pub(crate) async fn failed(&self) -> Failed {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            if let Some(failed) = self.shared.state.lock().failed.clone() {
                return failed;
            }
            changed.await;
        }
    }

    /// Lets nobody be told of anything any more.
    pub(crate) fn fail(&self, why: &str) {
        self.shared.fail(why);
    }

    /// Why there is no room, if there is none.
    pub(crate) fn full(&self) -> Option<Full> {
        let state = self.shared.state.lock();
        state.full.clone().or_else(|| state.lacks_room())
    }

    /// How long the disk has taken so far for what it was asked, if that is longer than anybody expects.
    pub(crate) fn hangs(&self) -> Option<Duration> {
        self.shared.times.so_far().filter(|so_far| *so_far > LONG)
    }

    /// How long syncs have taken.
    pub(crate) fn sync_times(&self) -> SyncTimes {
        self.shared.times.all()
    }

    /// What is taken, and what is left: as long as it is held, nothing can be added.
    pub(crate) fn space(&self) -> MappedMutexGuard<'_, Space> {
        MutexGuard::map(self.shared.state.lock(), |state| &mut state.space)
    }

    /// The next one will have so many, about: there has to be room for it, or nothing is ever given back.
    pub(crate) fn foresee(&self, bytes: u64) {
        let mut state = self.shared.state.lock();
        state.space.foresee(bytes);
        if state.too_many() > 0 {
            self.shared.turned.notify_one();
        }
    }

    /// Gives back segments that nobody needs any more, to be begun anew or removed: of the length that others are made with,
    /// and of other ones.
    pub(crate) fn give_back(&self, segments: Vec<u32>, others: Vec<u32>) {
        let mut state = self.shared.state.lock();
        state.space.keep(segments);
        state.useless.extend(others);
        drop(state);
        self.shared.turned.notify_one();
    }

    /// Writes what was added, says in the log that it ends there, and ends.
    pub(crate) fn close(&self) {
        {
            let mut state = self.shared.state.lock();
            state.tail.close();
            self.shared.end.store(state.tail.end().number(), Ordering::Relaxed);
            state.is_closing = true;
        }
        self.shared.gathered.notify_one();
        self.shared.turned.notify_one();
        // What was added is written, also by who has never served.
        if let Err(error) = self.start() {
            tracing::error!(%error, "there is no thread that writes what is left");
        }
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

/// Room for an entry, until another one is added.
pub(crate) struct Room<'j> {
    shared: &'j Shared,
    place: Position,
}

impl Room<'_> {
    /// Where the entry will be.
    pub(crate) const fn place(&self) -> Position {
        self.place
    }

    /// Adds an entry, whose body is what `write` puts behind what is there; returns where it is, and where the log ends
    /// behind it; `None` if it is longer than was asked for, or another one was added.
    pub(crate) fn add(self, write: impl FnOnce(&mut Vec<u8>)) -> Option<(Position, Position)> {
        let Self { shared, place } = self;
        let mut state = shared.state.lock();
        let begin = state.tail.append(write)?;
        let places = (begin, state.tail.end());
        shared.end.store(places.1.number(), Ordering::Relaxed);
        let bell = state.has_grown();
        drop(state);
        shared.ring(bell);
        (begin == place).then_some(places)
    }
}

impl Shared {
    fn ring(&self, bell: Bell) {
        match bell {
            Bell::None => {}
            Bell::Begun => self.begun.notify_one(),
            Bell::Gathered => {
                self.gathered.notify_one();
            }
        }
    }
}
