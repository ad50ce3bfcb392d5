//! HTTP from the client's side: one request, one subscription, or a subscription that comes back.
//!
//! | module | idea |
//! | --- | --- |
//! | `url` | [`Url`]: `http://host:port/path?query` or `https://…`, and nothing else |
//! | `https` | [`trust`]: whose certificates are accepted |
//! | `request` | [`request`]: one request, one answer, bounded |
//! | `connection` | [`Connection`]: requests one after another, on a connection that is kept |
//! | `bearer` | [`authorize`]: the token that is shown |
//! | `write` | [`pubsub_write`], [`simplequeue_write`]: messages, or one item |
//! | `leases` | items that are lent, and what becomes of them |
//! | `subscription` | [`Subscription`]: one stream of messages, until it ends |
//! | `numbers` | [`Position`]: which message is which, and what is missing |
//! | `form` | in which form a stream is asked for, so that its messages have numbers |
//! | `feed` | [`Feed`]: subscriptions one after another, with back-off and resume |
//! | `decoder` | messages out of each of the three encodings |
//! | `reach` | from an address to a connection |
//! | `answers` | what comes off a socket, decoded |
//! | `backoff` | [`Backoff`]: how long to wait before the next attempt |
//! | `retry_after` | how long a server asks to wait |

mod answers;
mod backoff;
mod bearer;
mod connection;
mod decoder;
mod error;
mod feed;
mod form;
mod https;
pub(crate) mod leases;
mod numbers;
mod reach;
mod request;
mod retry_after;
mod subscription;
mod url;
mod write;

pub(crate) use answers::Answers;
pub use backoff::Backoff;
pub use bearer::authorize;
pub(crate) use bearer::authorize_by;
pub use connection::Connection;
pub use decoder::Encoding;
pub use error::Error;
pub use feed::{Announce, Feed, News};
pub use https::trust;
pub(crate) use https::trust_later;
pub use numbers::Position;
pub(crate) use reach::open;
pub use request::request;
#[cfg(feature = "otlp")]
pub(crate) use request::request_for;
pub(crate) use request::write;
pub(crate) use retry_after::retry_after;
pub use subscription::{Item, Subscription};
pub use url::{BadUrl, Url};
pub use write::{pubsub_write, simplequeue_write};

use core::time::Duration;

/// Reads what requests to `url` need, before the first one: for whoever tries again whatever goes wrong, and would
/// never end because of it.
///
/// # Errors
/// [`Error::Setup`].
pub fn prepare(url: &Url) -> Result<(), Error> {
    if url.is_secure() {
        https::config()?;
    }
    bearer::field().map(drop)
}

/// How long to wait, and how much to take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection to be there.
    pub connect: Duration,
    /// For the other side to take more of a request, or for the next bytes of an answer.
    pub read: Duration,
    /// Bytes of an answer's body.
    pub body: usize,
    /// Bytes of a message of a subscription.
    pub message: usize,
}

impl Default for Limits {
    /// 5 s, 30 s, 16 MiB and 5 MiB.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), read: Duration::from_secs(30), body: 16 << 20, message: 5 << 20 }
    }
}
