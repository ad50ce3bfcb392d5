//! Moments in time, which are always an argument: nothing here reads a clock.

use core::time::Duration;

/// Milliseconds since a beginning that the caller chooses: a server's is that of Unix time, a microcontroller's its
/// reset.
///
/// The caller hands in times that never go back. What is told an earlier one than before treats it as the same, but for
/// what says otherwise.
///
/// ```
/// use core::time::Duration;
/// use streamgauge_core::time::Time;
///
/// let now = Time::from_millis(1_500);
/// let due = now.after(Duration::from_secs(2));
/// assert_eq!(due.as_millis(), 3_500);
/// assert_eq!(due.since(now), Duration::from_secs(2));
/// assert_eq!(now.since(due), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The beginning.
    pub const ZERO: Self = Self(0);
    /// Later than any other: never.
    pub const NEVER: Self = Self(u64::MAX);

    /// So many milliseconds after the beginning.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time `span` later, of which parts of a millisecond count as a whole one; [`NEVER`](Self::NEVER) if it is
    /// too far to be told.
    #[must_use]
    pub const fn after(self, span: Duration) -> Self {
        let millis = span.subsec_nanos().div_ceil(1_000_000) as u64;
        Self(self.0.saturating_add(span.as_secs().saturating_mul(1_000)).saturating_add(millis))
    }

    /// How long `earlier` was ago; nothing if it is yet to come.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
