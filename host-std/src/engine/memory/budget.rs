//! The memory that all topics and queues share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use streamgauge_core::engine::Refusal;

/// So many bytes, of which each topic and queue holds what it may ever use.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    held: AtomicU64,
    /// How many topics and queues hold something.
    names: AtomicU64,
    /// So many while something is executed again.
    again: u64,
    /// Requests since the last [`take_refused`](Self::take_refused), and what was refused of them, if somebody asks for
    /// that.
    requests: AtomicU32,
    refusals: Option<Mutex<Refusals>>,
}

/// Which requests for more were refused, so that what led to them can be executed again, whatever there is by then.
#[derive(Debug, Default)]
struct Refusals {
    refused: Vec<u32>,
    /// While something is executed again: which are refused, and no other.
    again: Option<Vec<u32>>,
}

impl Budget {
    /// A budget of which nothing is held.
    pub fn new(bytes: u64) -> Arc<Self> {
        Self::of(bytes, bytes, None)
    }

    /// A budget of which nothing is held, and which tells what it has refused.
    pub(crate) fn telling(bytes: u64) -> Arc<Self> {
        Self::of(bytes, u64::MAX, Some(Mutex::default()))
    }

    /// The same, which also has a bound while something is executed again: of what nobody has written.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn telling_at_most(bytes: u64) -> Arc<Self> {
        Self::of(bytes, bytes, Some(Mutex::default()))
    }

    fn of(bytes: u64, again: u64, refusals: Option<Mutex<Refusals>>) -> Arc<Self> {
        let [held, names] = [(); 2].map(|()| AtomicU64::new(0));
        Arc::new(Self { bytes, held, names, again, requests: AtomicU32::new(0), refusals })
    }

    /// All of it, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The requests for more that were refused since the last call, by their numbers.
    pub(crate) fn take_refused(&self) -> Vec<u32> {
        let Some(refusals) = &self.refusals else { return Vec::new() };
        // Mostly nothing was asked for, which is seen without a write.
        if self.requests.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut refusals = refusals.lock();
        self.requests.store(0, Ordering::Relaxed);
        std::mem::take(&mut refusals.refused)
    }

    /// From now on refuses the requests of these numbers, and no other; with `None` as there is room again.
    pub(crate) fn refuse_again(&self, refused: Option<Vec<u32>>) {
        if let Some(refusals) = &self.refusals {
            let mut refusals = refusals.lock();
            self.requests.store(0, Ordering::Relaxed);
            *refusals = Refusals { again: refused, ..Refusals::default() };
        }
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

    fn grant(&self, bytes: u64) -> bool {
        let Some(refusals) = &self.refusals else { return self.take_bytes(bytes, self.bytes) };
        let mut refusals = refusals.lock();
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(refused) = &refusals.again {
            return !refused.contains(&number) && self.take_bytes(bytes, self.again);
        }
        let taken = self.take_bytes(bytes, self.bytes);
        if !taken {
            refusals.refused.push(number);
        }
        taken
    }

    fn take_bytes(&self, bytes: u64, most: u64) -> bool {
        let take = |held: u64| held.checked_add(bytes).filter(|held| *held <= most);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
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

    /// Gives back what is more than so many bytes.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let more = self.bytes.saturating_sub(bytes);
        self.budget.held.fetch_sub(more, Ordering::Relaxed);
        self.bytes -= more;
    }

    /// Takes so many bytes more, if they are left, for what nothing depends on that is executed again: nobody is told if
    /// they are not.
    pub(crate) fn extend_untold(&mut self, bytes: u64) -> bool {
        let taken = self.budget.take_bytes(bytes, self.budget.bytes);
        self.count(bytes, taken)
    }

    /// Takes so many bytes more, if they are left.
    pub(crate) fn extend(&mut self, bytes: u64) -> bool {
        let taken = self.budget.grant(bytes);
        self.count(bytes, taken)
    }

    fn count(&mut self, bytes: u64, taken: bool) -> bool {
        self.bytes += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink(0);
        self.budget.names.fetch_sub(u64::from(self.is_name), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_refused_again_whatever_there_is() {
        let budget = Budget::telling(100);
        let mut held = budget.nothing();
        let asked = [60, 50, 40, 1];
        assert_eq!(asked.map(|bytes| held.extend(bytes)), [true, false, true, false]);
        let refused = budget.take_refused();
        assert_eq!((refused.as_slice(), budget.take_refused().len()), (&[1, 3][..], 0));
        let larger = Budget::telling(1_000);
        let mut held = larger.nothing();
        larger.refuse_again(Some(refused));
        assert_eq!(asked.map(|bytes| held.extend(bytes)), [true, false, true, false]);
        larger.refuse_again(None);
        assert!(held.extend(900) && !held.extend(1));
        assert_eq!(larger.take_refused(), [1]);
    }

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
