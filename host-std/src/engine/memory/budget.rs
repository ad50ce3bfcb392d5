//! The memory that all topics and queues share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

/// So many bytes, of which each topic and queue holds what it may ever use.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: u64,
    held: AtomicU64,
    /// So many while something is executed again.
    again: u64,
    /// Requests while what is refused is [noted](Self::watch), and what was, if anybody asks for that.
    requests: AtomicU32,
    /// The same, of requests to make a name.
    names_asked_for: AtomicU32,
    is_watched: AtomicBool,
    refusals: Option<Mutex<Refusals>>,
}

/// Which requests for more were refused, so that what led to them can be executed again, whatever there is by then.
#[derive(Debug, Default)]
struct Refusals {
    refused: Vec<u32>,
    /// All are refused from here on.
    is_over: bool,
    /// While something is executed again: which are refused, and no other.
    again: Option<Vec<u32>>,
}

/// What is set in the number of a request to make a name.
const NAME: u32 = 1 << 31;

/// What is set in the number of the last request that is refused for itself: all behind it are refused with it.
const REST: u32 = 1 << 30;

/// Requests that are refused each for itself, while something is executed: so what is told of them has a bound. Who is refused
/// that often has no room, and would have none for the others.
pub(crate) const MOST_REFUSED: usize = 32;

impl Budget {
    /// A budget of which nothing is held.
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
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
        let [requests, names_asked_for] = [(); 2].map(|()| AtomicU32::new(0));
        Arc::new(Self {
            bytes,
            held: AtomicU64::new(0),
            again,
            requests,
            names_asked_for,
            is_watched: AtomicBool::new(false),
            refusals,
        })
    }

    /// All of it, in bytes.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// From now on it is noted which requests are refused: something is executed that will be executed again.
    pub(crate) fn watch(&self) {
        self.take_refused();
        self.is_watched.store(true, Ordering::Relaxed);
    }

    /// The requests that were refused since [`watch`](Self::watch), by their numbers. No others are noted.
    pub(crate) fn take_refused(&self) -> Vec<u32> {
        let Some(refusals) = &self.refusals else { return Vec::new() };
        self.is_watched.store(false, Ordering::Relaxed);
        // Mostly nothing was asked for.
        if [&self.requests, &self.names_asked_for].iter().all(|asked| asked.load(Ordering::Relaxed) == 0) {
            return Vec::new();
        }
        let mut refusals = refusals.lock();
        self.begin();
        refusals.is_over = false;
        std::mem::take(&mut refusals.refused)
    }

    /// From now on refuses the requests of these numbers, and no other; with `None` as there is room again.
    pub(crate) fn refuse_again(&self, refused: Option<Vec<u32>>) {
        if let Some(refusals) = &self.refusals {
            let mut refusals = refusals.lock();
            self.is_watched.store(refused.is_some(), Ordering::Relaxed);
            self.begin();
            *refusals = Refusals { again: refused, ..Refusals::default() };
        }
    }

    /// Requests are counted anew.
    fn begin(&self) {
        [&self.requests, &self.names_asked_for].iter().for_each(|asked| asked.store(0, Ordering::Relaxed));
    }

    /// What is held of it, in bytes.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether another name may be made, where there is a place for it: asked for like memory, as it is told again what was
    /// answered.
    pub(super) fn may_make(&self, has_place: bool) -> bool {
        self.ask(NAME, |is_again| is_again || has_place)
    }

    fn grant(&self, bytes: u64) -> bool {
        self.ask(0, |is_again| self.take_bytes(bytes, if is_again { self.again } else { self.bytes }))
    }

    /// Asks for something, of which `has` says whether it is there. What was refused while that was executed the first time is
    /// refused again, and nothing else.
    fn ask(&self, what: u32, has: impl FnOnce(bool) -> bool) -> bool {
        let Some(refusals) = self.refusals.as_ref().filter(|_| self.is_watched.load(Ordering::Relaxed)) else {
            return has(false);
        };
        let mut refusals = refusals.lock();
        let requests = if what == NAME { &self.names_asked_for } else { &self.requests };
        let number = requests.fetch_add(1, Ordering::Relaxed) | what;
        if refusals.is_over {
            return false;
        }
        if let Some(refused) = &refusals.again {
            let (is_over, is_refused) = (refused.contains(&(number | REST)), refused.contains(&number));
            refusals.is_over = is_over;
            return !is_over && !is_refused && has(true);
        }
        if has(false) {
            return true;
        }
        refusals.is_over = refusals.refused.len() + 1 == MOST_REFUSED;
        let rest = if refusals.is_over { REST } else { 0 };
        refusals.refused.push(number | rest);
        false
    }

    fn take_bytes(&self, bytes: u64, most: u64) -> bool {
        let take = |held: u64| held.checked_add(bytes).filter(|held| *held <= most);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Nothing yet, to be [extended](Held::extend).
    pub(crate) fn nothing(self: &Arc<Self>) -> Held {
        Held { budget: Arc::clone(self), bytes: 0 }
    }
}

/// What is held of a [`Budget`], until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: u64,
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

    /// Takes so many bytes more, if they are left.
    pub(crate) fn extend(&mut self, bytes: u64) -> bool {
        let taken = self.budget.grant(bytes);
        self.bytes += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_refused_again_whatever_there_is() {
        let budget = Budget::telling(100);
        budget.watch();
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
        assert!(larger.take_refused().is_empty(), "nobody has asked for that");
        larger.watch();
        assert!(!held.extend(1));
        assert_eq!(larger.take_refused(), [0]);
    }

    #[test]
    fn a_name_that_had_no_place_has_none_again_and_memory_is_counted_apart() {
        let ask = |budget: &Arc<Budget>, limit: usize| {
            let mut held = budget.nothing();
            [budget.may_make(limit > 0), held.extend(60), budget.may_make(limit > 1), held.extend(50), held.extend(40)]
        };
        let budget = Budget::telling(100);
        budget.watch();
        let first = ask(&budget, 1);
        assert_eq!(first, [true, true, false, false, true]);
        let refused = budget.take_refused();
        for limit in [0, 1, 2] {
            let other = Budget::telling(1_000);
            other.refuse_again(Some(refused.clone()));
            assert_eq!(ask(&other, limit), first);
        }
    }

    #[test]
    fn however_much_is_refused_few_of_it_are_told() {
        // Every third request is small enough: what was granted in between is granted again, up to the bound.
        let ask = |budget: &Arc<Budget>| {
            let mut held = budget.nothing();
            (0..1_000).map(|number| held.extend(if number % 3 == 0 { 1 } else { 5_000 })).collect::<Vec<_>>()
        };
        let budget = Budget::telling(2_000);
        budget.watch();
        let first = ask(&budget);
        let refused = budget.take_refused();
        assert_eq!(refused.len(), MOST_REFUSED);
        assert_eq!(first.iter().filter(|granted| **granted).count(), MOST_REFUSED / 2);
        let larger = Budget::telling(1 << 40);
        larger.refuse_again(Some(refused));
        assert_eq!(ask(&larger), first);
        // It is over with what was executed.
        assert!(budget.nothing().extend(1) && budget.take_refused().is_empty());
    }

    #[test]
    fn what_is_held_comes_back_and_no_more_is_ever_given() {
        let budget = Budget::new(100);
        let [mut a, mut b] = [(); 2].map(|()| budget.nothing());
        assert!(a.extend(60) && !b.extend(41));
        assert!(a.extend(40) && !a.extend(1) && !a.extend(u64::MAX));
        assert_eq!(budget.held(), 100);
        drop(a);
        assert_eq!(budget.held(), 0);
        assert!(b.extend(100));
    }
}
