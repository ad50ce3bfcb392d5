//! Every interleaving of the shared forms and of the ring, explored by loom:
//! `RUSTFLAGS="--cfg streamgauge_loom" cargo test -p streamgauge-core --test loom --release`
//!
//! `tests/loom-mutants` breaks the code in the ways these models have to see.
#![cfg(streamgauge_loom)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, reason = "the tests are hosted")]

mod gauge;
mod leases;
mod moments;
mod queue;
mod ring;
mod topic;

use core::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::Arc;
use streamgauge_core::shared::Lock;

/// loom's mutex.
struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }
}

impl<T> Lock for Mutex<T> {
    type Value = T;
    type Error = Infallible;
    type Answer<R> = R;

    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, Infallible> {
        Ok(f(&mut self.0.lock().unwrap()))
    }

    fn answer<R>(Ok(answer): Result<R, Infallible>) -> R {
        answer
    }
}

/// Switches away from a thread that could go on, in the short run: most mistakes need no more than two.
const SHORT: usize = 3;

/// Explores `f` with at most [`SHORT`] preemptions, or with `STREAMGAUGE_LONG=1` in the environment with at most
/// `long` ones, `None` for every interleaving there is.
///
/// Makes sure that it was at least `minimum` interleavings: loom has been seen to skip them silently.
fn model(name: &str, long: Option<usize>, minimum: usize, f: impl Fn() + Sync + Send + 'static) {
    let iterations = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&iterations);
    let is_long = std::env::var_os("STREAMGAUGE_LONG").is_some_and(|long| long == "1");
    let preemptions = if is_long { long } else { Some(SHORT) };
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    let started = std::time::Instant::now();
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        f();
    });
    let iterations = iterations.load(Ordering::Relaxed);
    println!("{name}: {iterations} interleavings in {:.1?}, preemptions: {preemptions:?}", started.elapsed());
    assert!(iterations >= minimum, "{name}: only {iterations} interleavings");
}

/// Runs `f` in a thread with what is shared.
fn spawn<T: 'static, R: 'static>(shared: &Arc<T>, f: impl FnOnce(&T) -> R + 'static) -> loom::thread::JoinHandle<R> {
    let shared = Arc::clone(shared);
    loom::thread::spawn(move || f(&shared))
}
