//! What a server may use.

use std::time::Duration;

use http::HeaderValue;

use super::tls::Tls;
#[cfg(feature = "otlp")]
use crate::operations::Spans;
use crate::terminal::LogFormat;

/// The bounds of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at the same time, subscribers included; beyond: 503.
    pub max_connections: usize,
    /// Bytes of one request's body; beyond: 413.
    pub max_body: usize,
    /// Bytes of one request's head; beyond: 431.
    pub max_header: usize,
    /// Bytes of all the bodies being received and of all the answers being sent that are over [`SMALL`], at the same
    /// time, of which one client may have half, and one body of the greatest length; beyond: 503. 2 MiB more
    /// are for answers that tell how the server is.
    pub max_buffered: usize,
    /// How long a head may take to arrive.
    pub header_timeout: Duration,
    /// How long a client may let a body or an answer stand still.
    pub io_timeout: Duration,
    /// How long a connection may stay open between requests.
    pub idle_timeout: Duration,
    /// Names that clients may call a server by on loopback, beside `localhost`, its addresses and names without a point.
    pub allow_hosts: Vec<String>,
    /// The origins whose pages may read the answers, and change what there is; `*` is all of them.
    pub cors_origins: Vec<HeaderValue>,
    /// How each request is logged, if it is.
    pub log_requests: Option<LogFormat>,
    /// Where a span of each request goes, if it does.
    #[cfg(feature = "otlp")]
    pub spans: Option<Spans>,
    /// What connections begin with, if they are encrypted.
    pub tls: Option<Tls>,
}

/// Bytes of the answers being sent that tell how the server is (`/metrics`, `/overview`) and are over [`SMALL`], where the
/// rest is taken. One has some hundreds of kilobytes at most, as its series and lists are bounded.
pub(super) const RESERVE: usize = 2 << 20;

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
            allow_hosts: Vec::new(),
            cors_origins: Vec::new(),
            log_requests: None,
            #[cfg(feature = "otlp")]
            spans: None,
            tls: None,
        }
    }
}

impl Limits {
    /// Whether spans of requests are recorded.
    pub(super) const fn records(&self) -> bool {
        #[cfg(feature = "otlp")]
        return self.spans.is_some();
        #[cfg(not(feature = "otlp"))]
        false
    }

    /// The most memory that connections can take, in bytes: for each its buffers, its state and a small answer, and
    /// what is buffered beyond that, of which one answer of the greatest length may be too much.
    pub fn worst_case(&self) -> u64 {
        const STATE: usize = 8 << 10;
        // A session, a record in each direction and the start of another one; or, of one of HTTP/2, its frames. A stream of
        // that has no session, but a pipe and two windows.
        const SECURE: usize = 96 << 10;
        let secure = if self.tls.is_some() { SECURE } else { 0 };
        let connection = self.max_header.max(8 << 10).saturating_add(SMALL + STATE + secure);
        let connections = (self.max_connections as u64).saturating_mul(connection as u64);
        let buffered = self.max_buffered.saturating_add(RESERVE).saturating_add(self.max_body);
        connections.saturating_add(buffered as u64)
    }

    /// Bytes of a connection's input: the longest head, with a chunk's size behind it, or a small request.
    pub(super) fn input_room(&self) -> usize {
        self.max_header.max(8 << 10).saturating_add(2 << 10)
    }

    /// What `access-control-expose-headers` answers: a page may read these, with which it goes on where it was.
    pub const EXPOSED_HEADERS: &str =
        "retry-after, x-pubsub-sequence, x-pubsub-epoch, x-pubsub-gap, x-lease, x-item, x-attempt, x-lease-until";
}
