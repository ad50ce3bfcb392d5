//! What a server may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use http::HeaderValue;

/// The bounds of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at the same time, subscribers included; beyond: 503.
    pub max_connections: usize,
    /// Bytes of one request's body; beyond: 413.
    pub max_body: usize,
    /// Bytes of one request's head; beyond: 431.
    pub max_header: usize,
    /// Bytes of all the bodies being received, and of all answers over [`SMALL`] being sent, at the same time;
    /// beyond: 503.
    pub max_buffered: usize,
    /// How long a head may take to arrive.
    pub header_timeout: Duration,
    /// How long a client may let a body or an answer stand still.
    pub io_timeout: Duration,
    /// How long a connection may stay open between requests.
    pub idle_timeout: Duration,
    /// The origins whose pages may read the answers; `*` is all of them.
    pub cors_origins: Vec<HeaderValue>,
    /// Whether each request is logged.
    pub log_requests: bool,
}

/// Answers up to this size count as part of their connection.
pub const SMALL: usize = 16 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_body: 5 << 20,
            max_header: 16 << 10,
            max_buffered: 64 << 20,
            header_timeout: Duration::from_secs(10),
            io_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            cors_origins: Vec::new(),
            log_requests: false,
        }
    }
}

impl Limits {
    /// The most memory that connections can take, in bytes: for each its buffers, its state and a small answer, and
    /// what is buffered beyond that, of which one answer of the greatest length may be too much.
    pub fn worst_case(&self) -> u64 {
        const STATE: usize = 8 << 10;
        let connection = self.max_header.max(8 << 10).saturating_add(SMALL + STATE);
        let connections = (self.max_connections as u64).saturating_mul(connection as u64);
        connections.saturating_add(self.max_buffered.saturating_add(self.max_body) as u64)
    }

    /// What `access-control-expose-headers` answers: a page may read these, with which it goes on where it was.
    pub const EXPOSED_HEADERS: &str = "retry-after, x-pubsub-sequence, x-pubsub-epoch";

    /// What `access-control-allow-origin` answers to a page of this `origin`.
    pub fn allowed_origin(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let origin = origin?;
        let allowed = self.cors_origins.iter().find(|allowed| *allowed == "*" || *allowed == origin)?;
        Some(allowed.clone())
    }
}

/// Bytes that requests and answers share: each takes what it buffers, and gives it back.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicIsize,
}

impl Budget {
    /// A budget of `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: AtomicIsize::new(isize::try_from(bytes).unwrap_or(isize::MAX)) }
    }

    /// Nothing yet, to be extended.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }

    /// Whether all of it is taken.
    pub(super) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) <= 0
    }
}

/// What one request or answer has taken of a [`Budget`].
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: isize,
}

impl Share {
    /// Takes `bytes` more, if they are left.
    pub(super) fn extend(&mut self, bytes: usize) -> bool {
        let Ok(bytes) = isize::try_from(bytes) else { return false };
        let take = |left: isize| left.checked_sub(bytes).filter(|left| *left >= 0);
        let taken = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        self.bytes += if taken { bytes } else { 0 };
        taken
    }

    /// Takes `bytes` more, left or not: for an answer, whose items have been taken from the queue already.
    pub(super) fn force(&mut self, bytes: usize) {
        let bytes = isize::try_from(bytes).unwrap_or(isize::MAX);
        self.budget.left.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
