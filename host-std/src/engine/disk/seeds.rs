//! Tests for many seeds.
//!
//! `STREAMGAUGE_SEEDS` says how many, and `STREAMGAUGE_SEED` is the one that failed. More than a test has by itself are
//! shared out to all cores, and it says now and then how far it is.

use std::io::{self, Write as _};
use std::panic::{RefUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// Runs a test for many seeds, or for the one that failed.
pub(super) fn seeds(test: impl Fn(u64) + Sync + RefUnwindSafe) {
    some_seeds(10_000, test);
}

/// The same for so many, unless the environment says how many.
pub(crate) fn some_seeds(own: u64, test: impl Fn(u64) + Sync + RefUnwindSafe) {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let range = match number("STREAMGAUGE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STREAMGAUGE_SEEDS").unwrap_or(own),
    };
    let threads =
        if range.end - range.start > own { thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    let thread = thread::current();
    let (name, begun) = (thread.name().unwrap_or_default(), Instant::now());
    let (next, failed) = (AtomicU64::new(range.start), AtomicU64::new(u64::MAX));
    let run = || {
        while let seed = next.fetch_add(1, Ordering::Relaxed)
            && seed < range.end.min(failed.load(Ordering::Relaxed))
        {
            if catch_unwind(|| test(seed)).is_err() {
                failed.fetch_min(seed, Ordering::Relaxed);
            }
            if threads > 1 && (seed + 1).is_multiple_of((range.end / PARTS).max(1)) {
                // What is printed the usual way is seen when the test has failed.
                let of = range.end;
                let _ = writeln!(io::stderr(), "{name}: {} of {of} seeds, {} s", seed + 1, begun.elapsed().as_secs());
            }
        }
    };
    thread::scope(|scope| {
        (1..threads).for_each(|_| drop(scope.spawn(run)));
        run();
    });
    let failed = failed.into_inner();
    assert!(failed == u64::MAX, "STREAMGAUGE_SEED={failed} cargo test -p streamgauge --lib {name} runs it again");
}

/// The same where some seeds come to nothing, as the test says: half of them and more are of use.
pub(super) fn useful_seeds(own: u64, test: impl Fn(u64) -> bool + Sync + RefUnwindSafe) {
    let (all, useful) = (AtomicU64::new(0), AtomicU64::new(0));
    some_seeds(own, |seed| {
        useful.fetch_add(u64::from(test(seed)), Ordering::Relaxed);
        all.fetch_add(1, Ordering::Relaxed);
    });
    let (all, useful) = (all.into_inner(), useful.into_inner());
    assert!(all < own || useful > all / 2, "{useful} of {all} seeds are of use");
}

/// How often it says how far it is.
const PARTS: u64 = 20;
