//! The memory that all topics and queues share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use streamgauge_core::engine::Refusal;

/// So many bytes, of which each topic and queue holds what it may ever use.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    held: AtomicU64,
    /// How many topics and queues hold something.
    names: AtomicU64,
}

impl Budget {
    /// A budget of which nothing is held.
    pub fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { bytes, held: AtomicU64::new(0), names: AtomicU64::new(0) })
    }

    /// All of it, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is held of it, in bytes.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Takes `bytes` for a topic or a queue.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`].
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Result<Held, Refusal> {
        let mut held = Held { budget: Arc::clone(self), bytes: 0, is_name: false };
        if held.extend(bytes) {
            held.is_name = true;
            self.names.fetch_add(1, Ordering::Relaxed);
            return Ok(held);
        }
        let (budget, names) = (self.bytes, self.names.load(Ordering::Relaxed));
        Err(Refusal::NoRoom { needed: bytes, budget, held: self.held(), names })
    }

    /// Nothing yet, to be [extended](Held::extend).
    pub(crate) fn nothing(self: &Arc<Self>) -> Held {
        Held { budget: Arc::clone(self), bytes: 0, is_name: false }
    }
}

/// What is held of a [`Budget`], until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: u64,
    is_name: bool,
}

impl Held {
    /// How many bytes that is.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes so many bytes more, if they are left.
    pub(crate) fn extend(&mut self, bytes: u64) -> bool {
        let most = self.budget.bytes;
        let take = |held: u64| held.checked_add(bytes).filter(|held| *held <= most);
        let taken = self.budget.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        self.bytes += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget.names.fetch_sub(u64::from(self.is_name), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back_and_no_more_is_ever_given() {
        let budget = Budget::new(100);
        let mut a = budget.take(60).unwrap();
        let refusal = budget.take(41).unwrap_err();
        assert_eq!(refusal, Refusal::NoRoom { needed: 41, budget: 100, held: 60, names: 1 });
        assert!(a.extend(40) && !a.extend(1) && !a.extend(u64::MAX));
        assert_eq!(budget.held(), 100);
        drop(a);
        assert_eq!(budget.held(), 0);
        assert!(budget.take(100).is_ok());
    }
}
