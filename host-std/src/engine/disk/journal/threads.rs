//! What writes what has gathered, and what makes segments ahead.

use std::time::{Duration, Instant};

use super::{Failed, Full, Shared, SyncMode};
use crate::engine::disk::files::Directory;
use crate::engine::disk::log::{Maker, Segments};

/// A part of all bytes that segments leave to checkpoints: without these no segment is ever given back.
pub(in crate::engine::disk) const BESIDE: u64 = 16;

/// When it is tried again to make a segment.
const AGAIN: Duration = Duration::from_secs(1);

/// Bytes that are written and not synced at the most: they are kept in memory for the case that a file fails.
const MOST_UNSYNCED: usize = 4 << 20;

impl Shared {
    /// Writes and syncs, until the log is closed or fails.
    pub(super) fn write(&self, mut segments: Segments<Directory>, sync: SyncMode) {
        let mut due = None;
        loop {
            let (group, end, is_closing) = {
                let mut state = self.state.lock();
                while !state.is_rung && !state.is_closing {
                    match due {
                        None => self.gathered.wait(&mut state),
                        Some(due) if self.gathered.wait_until(&mut state, due).timed_out() => break,
                        Some(_) => {}
                    }
                }
                state.is_rung = false;
                state.taken = state.tail.end();
                state.made.drain(..).for_each(|made| segments.adopt(made));
                (state.take(segments.unsynced() == 0), state.taken, state.is_closing)
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
            match written {
                Ok(()) => self.line.advance(end),
                Err(error) => self.fail(&error.to_string()),
            }
            let mut state = self.state.lock();
            state.let_go();
            if state.failed.is_some() || (is_closing && state.tail.is_taken()) {
                return;
            }
        }
    }

    /// Lets nobody be told of anything any more. What was said first is why.
    pub(super) fn fail(&self, why: &str) {
        let failed = self.state.lock().failed.get_or_insert_with(|| Failed(why.to_owned())).clone();
        self.line.fail(failed);
        self.changed.notify_waiters();
    }

    /// Makes segments, until the log is closed.
    pub(super) fn make(&self, mut maker: Maker<Directory>) {
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
