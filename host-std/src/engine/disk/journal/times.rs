//! How long the disk has taken, for who looks at it from another thread: also while it takes long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Up to each of these a sync may have taken, in microseconds; three to a power of ten, from a disk with a cache of its
/// own to one that hangs.
const BOUNDS: [u64; 16] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000,
];

/// Nobody expects a disk to take longer.
pub(super) const LONG: Duration = Duration::from_secs(1);

/// Nothing goes on.
const IDLE: u64 = u64::MAX;

/// How long what was asked of a disk took. One thing is asked at a time.
#[derive(Debug)]
pub(super) struct Times {
    since: Instant,
    /// When what goes on has begun, in nanoseconds.
    begun: AtomicU64,
    /// Syncs that took no longer than each bound, and longer than the one before it; and those beyond all of them.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// How long syncs have taken.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct SyncTimes {
    /// How many took no longer than so many seconds each.
    pub(crate) within: [(f64, u64); BOUNDS.len()],
    pub(crate) count: u64,
    /// All of them together, in seconds.
    pub(crate) sum: f64,
}

impl Times {
    pub(super) fn new() -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { since: Instant::now(), begun: AtomicU64::new(IDLE), counts, nanos: AtomicU64::new(0) }
    }

    /// Does something that the disk may take long for, and returns how long it took, and when it was over.
    pub(super) fn measure<T>(&self, is_sync: bool, work: impl FnOnce() -> T) -> (T, Duration, Instant) {
        let begun = Instant::now();
        self.begun.store(nanos(begun - self.since), Ordering::Relaxed);
        let done = work();
        let now = Instant::now();
        self.begun.store(IDLE, Ordering::Relaxed);
        let took = now - begun;
        if is_sync {
            self.count(took);
        }
        if took > LONG {
            tracing::warn!(?took, "the disk has kept everybody waiting who was to be told what is on it");
        }
        (done, took, now)
    }

    fn count(&self, took: Duration) {
        let bucket = BOUNDS.partition_point(|bound| Duration::from_micros(*bound) < took);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos.fetch_add(nanos(took), Ordering::Relaxed);
    }

    /// How long what goes on has taken so far.
    pub(super) fn so_far(&self) -> Option<Duration> {
        let begun = self.begun.load(Ordering::Relaxed);
        (begun != IDLE).then(|| self.since.elapsed().saturating_sub(Duration::from_nanos(begun)))
    }

    /// How long syncs have taken until now.
    pub(super) fn all(&self) -> SyncTimes {
        let mut all = SyncTimes { sum: self.nanos.load(Ordering::Relaxed) as f64 / 1e9, ..SyncTimes::default() };
        for (bucket, count) in self.counts.iter().enumerate() {
            all.count += count.load(Ordering::Relaxed);
            if let (Some(within), Some(bound)) = (all.within.get_mut(bucket), BOUNDS.get(bucket)) {
                *within = (*bound as f64 / 1e6, all.count);
            }
        }
        all
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(IDLE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_counted_by_how_long_they_took() {
        let times = Times::new();
        for micros in [1, 100, 101, 1_000_000, 10_000_001] {
            times.count(Duration::from_micros(micros));
        }
        let SyncTimes { within, count, sum } = times.all();
        assert_eq!((count, sum), (5, 11.000_203));
        let up_to = |seconds: f64| within.iter().find(|(bound, _)| *bound == seconds).unwrap().1;
        assert_eq!([0.0001, 0.0002, 0.5, 1.0, 10.0].map(up_to), [2, 3, 3, 4, 4]);
    }

    #[test]
    fn what_goes_on_is_seen_from_outside_and_only_syncs_are_counted() {
        let times = Times::new();
        assert_eq!(times.so_far(), None);
        let moment = Duration::from_millis(5);
        for is_sync in [false, true] {
            let (seen, took, _) = times.measure(is_sync, || {
                std::thread::sleep(moment);
                times.so_far()
            });
            assert!(seen.unwrap() >= moment && took >= seen.unwrap(), "{seen:?} {took:?}");
            assert_eq!((times.so_far(), times.all().count), (None, u64::from(is_sync)));
        }
    }
}
