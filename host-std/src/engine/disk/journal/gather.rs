//! When a group has all that can share its sync.
//!
//! A sync costs as much as ten requests, and clients who are told of one thing ask for the next. So a group is not written
//! as soon as it has an entry, but when the thread that adds them has looked at what has come, and found nothing to add:
//! then nobody is made to wait for anything but work.

use super::{Journal, Shared};

/// Bytes of a group that gathers: one that has more is written.
pub(super) const MOST: usize = 256 << 10;

/// How often a thread looks for more.
const TURNS: u32 = 16;

impl Journal {
    /// Lets groups gather, for ever, and writes them if that is [quick](super::writer): on the thread that adds entries. Until
    /// it is called, and once it is dropped, each entry is written as soon as it can be, on another thread.
    pub(crate) async fn gather(&self) {
        let gathering = Gathering::begin(&self.shared);
        loop {
            self.shared.begun.notified().await;
            // The one before it is on its way, and those who will be told of it may add to this one.
            let taken = self.shared.state.lock().taken;
            let _ = self.safe(taken).await;
            let mut end = self.end();
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
                let before = std::mem::replace(&mut end, self.end());
                if end == before {
                    break;
                }
            }
            if !self.shared.write_here() {
                gathering.ring();
            }
        }
    }
}

/// That groups gather, until it is dropped.
struct Gathering<'j>(&'j Shared);

impl<'j> Gathering<'j> {
    fn begin(shared: &'j Shared) -> Self {
        shared.state.lock().gathers = true;
        Self(shared)
    }

    /// Lets what has gathered be written.
    fn ring(&self) {
        let mut state = self.0.state.lock();
        state.is_rung |= !state.tail.is_taken();
        drop(state);
        self.0.gathered.notify_one();
    }
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        self.0.state.lock().gathers = false;
        self.ring();
    }
}
