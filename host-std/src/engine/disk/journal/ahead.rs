//! What makes segments ahead.

use std::fs::File;
use std::time::Duration;

use super::{Full, Shared};
use crate::engine::disk::files::Directory;
use crate::engine::disk::log::{Made, Maker};

/// A part of all bytes that segments leave to checkpoints: without these no segment is ever given back.
pub(in crate::engine::disk) const BESIDE: u64 = 16;

/// When it is looked again at what the disk has, where it lacked room.
const AGAIN: Duration = Duration::from_secs(1);

impl Shared {
    /// Makes segments, until the log is closed.
    pub(super) fn make(&self, mut maker: Maker<Directory>) {
        loop {
            let (old, unused, is_closing) = {
                let mut state = self.state.lock();
                if state.tail.has_next() && state.unused.len() <= state.in_reserve() && !state.is_closing {
                    // What is kept in reserve is given back where room is needed, which nobody says.
                    if state.lacks_room().is_some() || !state.unused.is_empty() {
                        self.turned.wait_for(&mut state, AGAIN);
                    } else {
                        self.turned.wait(&mut state);
                    }
                }
                let is_closing = state.is_closing;
                let old = if state.tail.has_next() || is_closing { None } else { state.unused.pop() };
                let reserve = state.in_reserve().min(state.unused.len());
                (old, state.unused.split_off(reserve), is_closing)
            };
            self.remove(&maker, unused);
            if is_closing {
                return;
            }
            let free = maker.folder().free().ok();
            self.state.lock().has_free(free);
            self.make_one(&mut maker, old);
        }
    }

    fn remove(&self, maker: &Maker<Directory>, segments: Vec<u32>) {
        if segments.is_empty() {
            return;
        }
        let mut freed = 0_u64;
        if let Err(error) = maker.remove(segments, |bytes| freed += bytes) {
            tracing::warn!(%error, "files of the log that are not needed any more can't be removed");
        }
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_sub(freed);
    }

    fn make_one(&self, maker: &mut Maker<Directory>, old: Option<u32>) {
        if self.state.lock().tail.has_next() {
            return;
        }
        let made = match old.map(|old| (old, maker.make(Some(old)))) {
            Some((_, Ok(made))) => Ok((made, 0)),
            // One that is not as long, where there was another budget when it was made.
            Some((old, Err(_))) => {
                self.remove(maker, vec![old]);
                self.make_anew(maker)
            }
            None => self.make_anew(maker),
        };
        let mut state = self.state.lock();
        match made {
            Ok((made, bytes)) => {
                state.bytes += bytes;
                state.full = None;
                state.tail.set_next(made.fresh);
                state.made.push(made);
            }
            Err(full) => {
                if state.full.as_ref() != Some(&full) {
                    tracing::warn!(why = %full, "no other segment of the log can be made");
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

    /// Makes a segment of a file that was not there before; and how many bytes that takes.
    fn make_anew(&self, maker: &mut Maker<Directory>) -> Result<(Made<File>, u64), Full> {
        if let Some(full) = self.state.lock().lacks_room() {
            return Err(full);
        }
        let made = maker.make(None)?;
        Ok((made, maker.capacity().into()))
    }
}
