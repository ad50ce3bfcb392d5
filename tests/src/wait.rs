//! Waiting, never without a limit.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take that should happen at once, on a machine that is busy.
pub const SOON: Duration = Duration::from_secs(10);

/// Asks `question` until it has an answer.
///
/// # Panics
/// When [`SOON`] is over, with `what` was waited for.
pub fn until<T>(what: &str, question: impl FnMut() -> Option<T>) -> T {
    until_within(SOON, what, question)
}

/// [`until`] with another limit.
///
/// # Panics
/// When the time is over.
pub fn until_within<T>(limit: Duration, what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain for {what}");
        sleep(Duration::from_millis(5));
    }
}
