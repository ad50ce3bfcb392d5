//! What a sketch takes: bytes, and time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::time::{ClockId, clock_gettime};

/// The system's allocator, and the bytes that are in use.
pub(crate) struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: each call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller has promised it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller has promised it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What is made, and the bytes that it takes, on the heap and by itself.
pub(crate) fn with_bytes<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let before = IN_USE.load(Ordering::Relaxed);
    let made = make();
    let bytes = IN_USE.load(Ordering::Relaxed) - before + size_of::<T>();
    (made, bytes)
}

/// One way to take in a stream.
pub(crate) type Run<'a> = Box<dyn Fn() + 'a>;

/// `take` over all of `items`, from nothing.
pub(crate) fn run<'a, T: Copy, S: 'static>(items: &'a [T], new: fn() -> S, take: impl Fn(&mut S, T) + 'a) -> Run<'a> {
    Box::new(move || {
        let mut sketch = new();
        black_box(items).iter().for_each(|item| take(&mut sketch, *item));
        black_box(&sketch);
    })
}

const ROUNDS: usize = 31;

/// Nanoseconds of the processor for one of so many items: the median of rounds in which each has its turn.
pub(crate) fn nanoseconds(runs: &[&Run<'_>], items: usize) -> Vec<f64> {
    let mut taken = vec![Vec::new(); runs.len()];
    for _ in 0..ROUNDS {
        for (run, taken) in runs.iter().zip(&mut taken) {
            let begun = processor_time();
            run();
            taken.push(processor_time() - begun);
        }
    }
    let median = |mut taken: Vec<i64>| {
        taken.sort_unstable();
        taken[ROUNDS / 2] as f64 / items as f64
    };
    taken.into_iter().map(median).collect()
}

fn processor_time() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}
