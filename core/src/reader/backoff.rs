//! How long to rest when tasks fail.

use core::time::Duration;

/// A wait that grows with failures and shrinks with successes, between two bounds.
///
/// It has a short part of up to a quarter of the range and a long part of up to three quarters. Each failure moves
/// both up by a step, each success both down: the short part reacts at once, the long one to what goes on. All
/// methods are O(1) and exact to the nanosecond.
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::reader::BackoffTimer;
///
/// let mut timer = BackoffTimer::with_steps(Duration::from_millis(100), Duration::from_secs(120), 10, 1000);
/// assert_eq!(timer.interval(), Duration::from_millis(100));
/// timer.handle_failure();
/// assert_eq!(timer.interval(), Duration::from_micros(3_187_425));
/// timer.handle_success();
/// assert_eq!(timer.interval(), Duration::from_millis(100));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackoffTimer {
    least: Duration,
    short: Part,
    long: Part,
}

impl BackoffTimer {
    /// Waits `least` without failures and `most` after many, in steps of 1/10 of the short part and 1/250 of the
    /// long one.
    #[must_use]
    pub fn new(least: Duration, most: Duration) -> Self {
        Self::with_steps(least, most, 10, 250)
    }

    /// The same with other numbers of steps from the bottom to the top; 0 steps move at once to the top.
    #[must_use]
    pub fn with_steps(least: Duration, most: Duration, short: u32, long: u32) -> Self {
        let range = nanoseconds(most).saturating_sub(nanoseconds(least));
        let quarter = range / 4;
        Self { least, short: Part::new(quarter, short), long: Part::new(range.saturating_sub(quarter), long) }
    }

    /// What it guards has failed.
    pub fn handle_failure(&mut self) {
        self.short.up();
        self.long.up();
    }

    /// What it guards has succeeded.
    pub fn handle_success(&mut self) {
        self.short.down();
        self.long.down();
    }

    /// How long to wait now.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.least.saturating_add(Duration::from_nanos(self.short.now.saturating_add(self.long.now)))
    }
}

impl Default for BackoffTimer {
    /// From 0 to 120 s.
    fn default() -> Self {
        Self::new(Duration::ZERO, Duration::from_secs(120))
    }
}

/// In nanoseconds: most arithmetic of `Duration` keeps a panic that the compiler can't rule out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    now: u64,
    step: u64,
    most: u64,
}

impl Part {
    fn new(most: u64, steps: u32) -> Self {
        Self { now: 0, step: most.checked_div(u64::from(steps)).unwrap_or(most), most }
    }

    fn up(&mut self) {
        self.now = self.now.saturating_add(self.step).min(self.most);
    }

    fn down(&mut self) {
        self.now = self.now.saturating_sub(self.step);
    }
}

/// At most 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
