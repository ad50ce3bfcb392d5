//! Who writes, and on which thread.
//!
//! Handing a group to another thread and being told by it that the group is safe costs more than some disks take for it.
//! So the thread that has gathered a group writes and syncs it itself, as long as that is quick: nobody who has put
//! something can be answered meanwhile anyway. When it once was not, the thread that is there for it does so for a while,
//! so that those who ask for nothing that has to be safe hardly wait for a slow disk. That thread has long groups, too.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::times::Times;
use super::{Failed, Shared, SyncMode};
use crate::engine::disk::files::Directory;
use crate::engine::disk::log::{Group, Segments};

/// Writing a group is quick when it takes no longer: who asks for something else waits so long.
const QUICK: Duration = Duration::from_millis(1);

/// Once it was not, another thread writes for so many times as long as that took: so who asks for something else waits a small
/// part of the time at the most, however the disk changes.
const TIMES: u32 = 10;

/// Bytes that are written and not synced at the most: they are kept in memory for the case that a file fails.
pub(super) const MOST_UNSYNCED: usize = 4 << 20;

/// What writes the groups of a log, one after the other.
pub(super) struct Writer {
    segments: Segments<Directory>,
    sync: SyncMode,
    pace: Pace,
}

/// How long writing takes.
#[derive(Debug, Default)]
struct Pace {
    /// When it was not quick, it may be again from then on.
    slow_until: Option<Instant>,
}

impl Pace {
    fn is_quick(&self, now: Instant) -> bool {
        self.slow_until.is_none_or(|until| until <= now)
    }

    /// Writing a group has taken so long.
    fn took(&mut self, took: Duration, now: Instant) {
        if took > QUICK {
            let until = now.checked_add(took.saturating_mul(TIMES));
            self.slow_until = self.slow_until.max(until);
        }
    }
}

impl Writer {
    pub(super) fn new(segments: Segments<Directory>, sync: SyncMode) -> Self {
        Self { segments, sync, pace: Pace::default() }
    }

    /// Writes a group, and syncs it if that is promised to those who are told of it.
    fn write(&mut self, group: Arc<Group>, times: &Times) -> io::Result<()> {
        let (written, took, now) = match self.sync {
            SyncMode::Always => times.measure(true, || self.segments.write(group)),
            SyncMode::Interval(_) => times.measure(false, || self.segments.write_only(group)),
        };
        self.pace.took(took, now);
        written
    }

    /// As if the disk had been slow a moment ago, or never.
    #[cfg(test)]
    pub(super) fn seems(&mut self, is_slow: bool) {
        self.pace = Pace::default();
        if is_slow {
            self.pace.took(QUICK * 2, Instant::now());
        }
    }

    /// Bytes that were written and not synced are as many as may be.
    fn has_to_sync(&self) -> bool {
        self.segments.unsynced() > MOST_UNSYNCED
    }
}

impl Shared {
    /// Writes what has gathered on the thread that calls, if that is quick; otherwise nothing has happened.
    pub(super) fn write_here(&self) -> bool {
        let Some(mut writer) = self.writer.try_lock() else { return false };
        let is_left_to_thread = self.state.lock().is_rung;
        let may = writer.pace.is_quick(Instant::now()) && !writer.has_to_sync() && !is_left_to_thread;
        if may {
            self.write_gathered(&mut writer);
        }
        may
    }

    /// Writes and syncs, until the log is closed or fails.
    pub(super) fn write(&self) {
        loop {
            let is_due = self.wait_for_work();
            let mut writer = self.writer.lock();
            let is_closing = self.write_gathered(&mut writer);
            if is_due || is_closing || writer.has_to_sync() {
                self.sync(&mut writer);
            }
            drop(writer);
            let state = self.state.lock();
            if state.failed.is_some() || (is_closing && state.tail.is_taken()) {
                return;
            }
        }
    }

    /// Waits until there is something to write or to sync; whether it is the latter.
    fn wait_for_work(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            let is_due = state.due.is_some_and(|due| due <= Instant::now());
            if is_due || state.is_rung || state.is_closing {
                return is_due;
            }
            match state.due {
                None => self.gathered.wait(&mut state),
                Some(due) => drop(self.gathered.wait_until(&mut state, due)),
            }
        }
    }

    /// Writes what has gathered, and returns whether the log was being closed when that was taken.
    fn write_gathered(&self, writer: &mut Writer) -> bool {
        let mut state = self.state.lock();
        state.is_rung = false;
        if state.failed.is_some() || state.tail.is_taken() {
            return state.is_closing;
        }
        state.taken = state.tail.end();
        state.made.drain(..).for_each(|made| writer.segments.adopt(made));
        let is_closing = state.is_closing;
        let (group, end) = (state.take(writer.segments.unsynced() == 0), state.taken);
        drop(state);
        match writer.write(group, &self.times) {
            Ok(()) => self.line.advance(end),
            Err(error) => self.fail(&error.to_string()),
        }
        let mut state = self.state.lock();
        if state.let_go() {
            self.changed.notify_waiters();
        }
        if let SyncMode::Interval(interval) = writer.sync
            && state.due.is_none()
        {
            state.due = Instant::now().checked_add(interval);
            drop(state);
            // Whoever waits there does not know of it yet.
            self.gathered.notify_one();
        }
        is_closing
    }

    /// Lets nobody be told of anything any more. What was said first is why.
    pub(super) fn fail(&self, why: &str) {
        let failed = self.state.lock().failed.get_or_insert_with(|| Failed(why.to_owned())).clone();
        self.line.fail(failed);
        self.changed.notify_waiters();
    }

    /// Syncs what is not, unless something has failed: nothing is tried again.
    fn sync(&self, writer: &mut Writer) {
        let mut state = self.state.lock();
        state.due = None;
        if state.failed.is_some() {
            return;
        }
        drop(state);
        let (synced, ..) = self.times.measure(true, || writer.segments.sync());
        if let Err(error) = synced {
            self.fail(&error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use tempfile::TempDir;

    use super::*;
    use crate::engine::disk::journal::Journal;
    use crate::engine::disk::journal::tests::{add_now, block_on, new, start, while_gathering};

    #[test]
    fn a_slow_disk_is_left_to_another_thread_for_a_while() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        let (slow, very_slow) = (QUICK * 2, QUICK * 20);
        let (after_slow, after_very_slow) = (begun + slow * TIMES, begun + very_slow * TIMES);
        let a_moment = Duration::from_nanos(1);
        pace.took(QUICK, begun);
        assert!(pace.is_quick(begun));
        pace.took(slow, begun);
        assert!(!pace.is_quick(begun) && !pace.is_quick(after_slow - a_moment));
        assert!(pace.is_quick(after_slow));
        pace.took(QUICK, begun + slow);
        assert!(!pace.is_quick(after_slow - a_moment), "one that is quick again is not enough");
        pace.took(very_slow, begun);
        pace.took(slow, begun);
        assert!(!pace.is_quick(after_very_slow - a_moment), "nor one that is not quite as slow");
        assert!(pace.is_quick(after_very_slow));
    }

    /// Adds an entry while groups gather on this thread, and there is no other one; whether it is safe then.
    fn is_safe_without_a_thread(journal: &Journal) -> bool {
        let mut gathering = pin!(journal.gather());
        let nothing = &mut Context::from_waker(Waker::noop());
        let mut turns = |count: u32| (0..count).for_each(|_| assert!(gathering.as_mut().poll(nothing).is_pending()));
        turns(1);
        let end = add_now(journal, b"H3110").expect("there is room");
        turns(8);
        let is_rung = journal.shared.state.lock().is_rung;
        let is_safe = journal.safe_until() >= end;
        assert!(is_safe || is_rung, "nobody writes it");
        is_safe
    }

    #[test]
    fn who_gathers_writes_unless_that_may_take_long() {
        for sync in [SyncMode::Always, SyncMode::Interval(Duration::from_secs(60))] {
            let folder = TempDir::new().unwrap();
            let journal = new(&folder, 1 << 20, sync, 1 << 30);
            // What the thread would do, and whatever this disk has taken is forgotten.
            let write = || {
                let mut writer = journal.shared.writer.lock();
                journal.shared.write_gathered(&mut writer);
                writer.seems(false);
            };
            write();
            assert!(is_safe_without_a_thread(&journal));
            let writing = journal.shared.writer.lock();
            assert!(!is_safe_without_a_thread(&journal), "somebody else writes");
            drop(writing);
            write();
            assert!(is_safe_without_a_thread(&journal));
            journal.shared.writer.lock().seems(true);
            assert!(!is_safe_without_a_thread(&journal), "it is slow");
            write();
            journal.shared.state.lock().is_rung = true;
            assert!(!is_safe_without_a_thread(&journal), "it is left to the thread");
            write();
            let end = add_now(&journal, b"H3110").expect("there is room");
            journal.fail("a test");
            write();
            assert!(journal.safe_until() < end, "nothing is written when something has failed");
            let mut writer = journal.shared.writer.lock();
            let unsynced = writer.segments.unsynced();
            journal.shared.sync(&mut writer);
            assert_eq!(writer.segments.unsynced(), unsynced, "nor synced");
            assert_eq!(unsynced > 0, sync != SyncMode::Always);
        }
    }

    #[test]
    fn what_is_written_here_is_synced_in_time() {
        let folder = TempDir::new().unwrap();
        let journal = start(&folder, SyncMode::Interval(Duration::from_millis(20)), 1 << 30);
        let unsynced = || journal.shared.writer.lock().segments.unsynced();
        let adding = async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
                journal.shared.writer.lock().seems(false);
                let end = add_now(&journal, b"H3110").expect("there is room");
                journal.safe(end).await.unwrap();
                while unsynced() > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        };
        // For ever: its end would ring as well.
        block_on(while_gathering(&journal, adding));
    }
}
