use core::time::Duration;

/// How long to wait before the next attempt: twice as long each time, up to a limit.
///
/// ```
/// use core::time::Duration;
/// let mut backoff = streamgauge::client::Backoff::default();
/// assert_eq!(backoff.next(), Duration::from_millis(100));
/// assert_eq!(backoff.next(), Duration::from_millis(200));
/// backoff.reset();
/// assert_eq!(backoff.next(), Duration::from_millis(100));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits `first`, then twice that, and so on up to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// How long to wait now.
    #[expect(clippy::should_implement_trait, reason = "it has no end, and is no collection")]
    pub fn next(&mut self) -> Duration {
        let now = self.next.min(self.most);
        self.next = now.saturating_mul(2);
        now
    }

    /// The longest wait there is.
    #[must_use]
    pub const fn most(&self) -> Duration {
        self.most
    }

    /// An attempt has succeeded.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

impl Default for Backoff {
    /// From 100 ms to 5 s.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }
}
