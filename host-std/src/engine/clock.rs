//! Unix time that never goes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use streamgauge_core::time::Time;

/// Milliseconds of Unix time as the operating system had it when the clock was made, and evenly on from there: setting
/// the machine's clock back, or forth by seconds, neither ends leases nor makes them longer. Beyond that the machine has
/// slept, and the clock goes forward with it.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Time,
    started: Instant,
    /// Milliseconds that the machine has slept since, which is not measured from `started`.
    slept: AtomicU64,
    /// Seconds after `started`, and one more, in which that was last looked at: each request asks for the time.
    looked: AtomicU64,
}

/// What the operating system's time may be ahead before the machine has slept.
const AHEAD: Duration = Duration::from_secs(5);

/// After so long it is looked again whether the machine has slept.
const LOOK: Duration = Duration::from_secs(5);

impl Clock {
    /// A clock that shows the operating system's time now.
    pub(crate) fn new() -> Self {
        Self { began: system(), started: Instant::now(), slept: AtomicU64::new(0), looked: AtomicU64::new(0) }
    }

    /// A clock that shows no earlier time than that, even if the operating system's was set back meanwhile.
    pub(crate) fn not_before(time: Time) -> Self {
        let clock = Self::new();
        Self { began: first(clock.began, time), ..clock }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Time {
        let elapsed = self.started.elapsed();
        let this_second = elapsed.as_secs().saturating_add(1);
        // Two threads may look at once: they see the same.
        if self.looked.load(Ordering::Relaxed) == this_second {
            return self.began.after(elapsed).after(Duration::from_millis(self.slept.load(Ordering::Relaxed)));
        }
        self.looked.store(this_second, Ordering::Relaxed);
        self.shown(elapsed, system())
    }

    fn shown(&self, elapsed: Duration, system: Time) -> Time {
        let even = self.began.after(elapsed);
        let slept = self.slept.load(Ordering::Relaxed);
        let ahead = system.since(even);
        if ahead <= Duration::from_millis(slept).saturating_add(AHEAD) {
            return even.after(Duration::from_millis(slept));
        }
        let ahead = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        even.after(Duration::from_millis(self.slept.fetch_max(ahead, Ordering::Relaxed).max(ahead)))
    }

    /// When it shows `time`, which may be over; or a moment before, to look again.
    pub(crate) fn instant(&self, time: Time) -> Option<Instant> {
        let slept = Duration::from_millis(self.slept.load(Ordering::Relaxed));
        let shown = self.started.checked_add(time.since(self.began).saturating_sub(slept));
        // Timers stand still while the machine sleeps.
        let look = Instant::now().checked_add(LOOK);
        shown.into_iter().chain(look).min()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// What a clock shows first that must show no earlier time than that, where the operating system's is `system`.
pub(super) fn first(system: Time, earliest: Time) -> Time {
    system.max(earliest)
}

fn system() -> Time {
    Time::ZERO.after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_forward_with_a_machine_that_has_slept_and_never_back() {
        let began = Time::from_millis(1_281_000_000_000);
        let clock = Clock { began, started: Instant::now(), slept: AtomicU64::new(0), looked: AtomicU64::new(0) };
        let shown = |elapsed: u64, system: i64| {
            let system = Time::from_millis(began.as_millis().saturating_add_signed(system * 1_000));
            clock.shown(Duration::from_secs(elapsed), system).since(began).as_secs()
        };
        assert_eq!((shown(1, 1), shown(2, 7), shown(3, -3_600)), (1, 2, 3), "somebody sets it");
        assert_eq!((shown(4, 3_604), shown(5, 3_605)), (3_604, 3_605), "an hour of sleep");
        assert_eq!((shown(6, 6), shown(7, 3_612)), (3_606, 3_607), "set back, and forth by seconds");
        assert_eq!(shown(8, 7_208), 7_208, "and again");
    }

    #[test]
    fn nobody_waits_long_without_looking_whether_it_has_slept() {
        let clock = Clock::new();
        let waits = |time: Duration| clock.instant(clock.now().after(time)).unwrap() - Instant::now();
        assert!(waits(Duration::from_secs(1)) < Duration::from_millis(1_100));
        assert!(waits(Duration::from_secs(3_600)) <= LOOK);
        assert!(clock.instant(Time::ZERO).unwrap() <= Instant::now() && clock.instant(Time::NEVER).is_some());
    }
}
