//! What a server may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// Bytes of all the bodies being received at the same time; beyond: 503.
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
    /// What `access-control-allow-origin` answers to a page of this `origin`.
    pub fn allowed_origin(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let origin = origin?;
        let allowed = self.cors_origins.iter().find(|allowed| *allowed == "*" || *allowed == origin)?;
        Some(allowed.clone())
    }
}

/// Bytes that requests share: each takes what it buffers, and gives it back.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// A budget of `bytes`.
    pub const fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    /// Nothing yet, to be [extended](Share::extend).
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }
}

/// What one request has taken of a [`Budget`].
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// Takes `bytes` more, if they are left.
    pub fn extend(&mut self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        let taken = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        self.bytes += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
