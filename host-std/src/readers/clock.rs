//! What time it is: for what goes on here, and as a date.

use core::time::Duration;
use std::time::{Instant, SystemTime};

/// Two times. Dates are on the envelopes, which go from one machine to another. Somebody may set them back; what a
/// reader waits for would come as much later, so it has a time that only goes on.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    date: fn() -> Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), date: || SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default() }
    }

    /// The time that only goes on, from the start of the reader.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time since the Unix epoch.
    pub(super) fn date(&self) -> Duration {
        (self.date)()
    }

    /// When it is this date, as far as is known now.
    pub(super) fn when(&self, date: Duration) -> Duration {
        self.now().saturating_add(date.saturating_sub(self.date()))
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::readers::pool::{Choice, Pool};

    #[test]
    fn a_date_that_is_set_back_keeps_no_queue_waiting() {
        static DATE: AtomicU64 = AtomicU64::new(1_331_923_247);
        let clock = Clock { began: Instant::now(), date: || Duration::from_secs(DATE.load(Ordering::Relaxed)) };
        let interval = Duration::from_millis(500);
        let mut pool = Pool::new(2, interval, interval);
        pool.round(0).unwrap().handle_empty(clock.now());
        pool.handle_failure(1, clock.now());
        DATE.fetch_sub(3_600, Ordering::Relaxed);
        let Choice::Wait(until) = pool.choose(clock.now()) else { panic!("it has just been asked") };
        assert!(until.saturating_sub(clock.now()) <= interval, "{until:?}");
        let soon = clock.when(clock.date() + interval).saturating_sub(clock.now());
        assert!(soon <= interval, "{soon:?}");
    }
}
