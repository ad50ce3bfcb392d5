//! How often requests were answered with which status, by all servers of this process.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Status codes are 100 to 599.
const CODES: usize = 600;

/// Those of one thread, which alone adds to them: threads don't wait for each other's.
type Counts = Arc<[AtomicU64; CODES]>;

static ALL: Mutex<Vec<Counts>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: OnceCell<Counts> = const { OnceCell::new() };
}

/// Counts an answer.
pub(super) fn count(status: u16) {
    OWN.with(|own| {
        let own = own.get_or_init(|| {
            let counts = Counts::new([const { AtomicU64::new(0) }; CODES]);
            ALL.lock().push(Arc::clone(&counts));
            counts
        });
        if let Some(count) = own.get(usize::from(status)) {
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    });
}

/// How many answers there were with each status, if there were any.
pub(crate) fn answered() -> BTreeMap<u16, u64> {
    let mut sums = BTreeMap::new();
    for counts in ALL.lock().iter() {
        for (status, count) in (0_u16..).zip(counts.iter()) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                *sums.entry(status).or_insert(0_u64) += count;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_thread_has_counted_is_added_up() {
        // A status that nobody else has.
        let before = answered().get(&599).copied().unwrap_or(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..1_000).for_each(|_| count(599)));
            }
        });
        count(999);
        assert_eq!(answered().get(&599), Some(&(before + 3_000)));
        assert_eq!(answered().get(&999), None);
    }
}
