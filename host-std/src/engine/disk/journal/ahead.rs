//! What makes segments ahead.

use std::time::Duration;

use super::{Full, Shared};
use crate::engine::disk::files::Directory;
use crate::engine::disk::log::Maker;

/// A part of all bytes that segments leave to checkpoints: without these no segment is ever given back.
pub(in crate::engine::disk) const BESIDE: u64 = 16;

/// When it is tried again to make a segment.
const AGAIN: Duration = Duration::from_secs(1);

impl Shared {
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
