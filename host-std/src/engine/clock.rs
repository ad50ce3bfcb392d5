//! Unix time that never goes back.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use streamgauge_core::time::Time;

/// Milliseconds of Unix time as the operating system had it when the clock was made, and evenly on from there: setting
/// the machine's clock neither ends leases nor makes them longer.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Time,
    started: Instant,
}

impl Clock {
    /// A clock that shows the operating system's time now.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: Time::ZERO.after(since), started: Instant::now() }
    }

    /// What it shows.
    pub fn now(&self) -> Time {
        self.began.after(self.started.elapsed())
    }

    /// When it shows `time`, which may be over.
    pub fn instant(&self, time: Time) -> Option<Instant> {
        self.started.checked_add(time.since(self.began))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
