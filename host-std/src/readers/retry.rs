//! Whether a queue that did not do what it was asked is asked again.

use core::time::Duration;

use tokio::time::Instant;

use crate::client::Error;

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Retry {
    began: Instant,
    worth: Duration,
    is_unknown: bool,
}

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// A connection may end just when it is used again.
    AtOnce,
    Later,
    /// It stays so, or it has been tried for long enough.
    Never,
}

impl Retry {
    /// For what is worth trying for so long.
    pub(super) fn new(worth: Duration) -> Self {
        Self { began: Instant::now(), worth, is_unknown: false }
    }

    pub(super) fn handle_error(&mut self, error: &Error) -> Again {
        let was_unknown = self.is_unknown;
        self.is_unknown |= !matches!(error, Error::Connect(_) | Error::Status(_) | Error::Setup(_) | Error::Invalid);
        match error {
            Error::Closed | Error::Io(_) if !was_unknown => Again::AtOnce,
            error if error.is_final() || self.began.elapsed() >= self.worth => Again::Never,
            _ => Again::Later,
        }
    }

    /// Whether it may have been done, and only the answer did not come.
    pub(super) const fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_may_get_better_is_tried_for_as_long_as_it_is_worth() {
        let mut retry = Retry::new(Duration::from_secs(60));
        let refused = || Error::Connect(io::ErrorKind::ConnectionRefused.into());
        assert_eq!([refused(), Error::Status(503)].map(|error| retry.handle_error(&error)), [Again::Later; 2]);
        assert!(!retry.is_unknown());
        assert_eq!(
            [Error::Closed, Error::Closed].map(|error| retry.handle_error(&error)),
            [Again::AtOnce, Again::Later]
        );
        assert!(retry.is_unknown());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(retry.handle_error(&refused()), Again::Never);
    }

    #[test]
    fn what_stays_so_is_not_tried_again() {
        for status in [400, 401, 403, 404, 413, 431] {
            assert_eq!(Retry::new(Duration::MAX).handle_error(&Error::Status(status)), Again::Never, "{status}");
        }
        for status in [408, 425, 429, 500, 503] {
            assert_eq!(Retry::new(Duration::MAX).handle_error(&Error::Status(status)), Again::Later, "{status}");
        }
    }
}
