//! The services over any byte stream: an HTTP/1.1 server without sockets, for embedded-io.
//!
//! | module | idea |
//! | --- | --- |
//! | `machine` | [`Connection`]: the state machine; bytes and the client's end go in, answers come out |
//! | `drive` | [`serve`], [`serve_async`]: the loop over an [`embedded_io`] transport |
//! | `served` | [`Served`]: an engine and its endpoints, as a [`Service`] |
//! | `gauges` | [`Gauges`]: what measures what is published there |
//! | `answer` | [`Answer`]: room for a body, which no write outgrows |
//! | `inbox`, `outbox` | a request as it comes, an answer as it goes |
//!
//! It answers GET, POST, HEAD, PUT and DELETE, keeps connections alive, takes requests one behind another, bodies with a length
//! and in chunks, and says `100 Continue` to who waits for it. What it can't take it refuses with a line of text:
//!
//! | status | why |
//! | --- | --- |
//! | 400 | not HTTP, or a body whose end could be read in two ways |
//! | 405 | another method |
//! | 413 | head and body are longer than the input storage |
//! | 431 | the head is longer than the input storage, or has too many fields |
//! | 501 | a transfer-encoding other than chunked; `/sub`; rules of gauges |
//! | 503 | the answer is longer than the output storage; what it would have taken is still there, and nothing was settled |
//! | 505 | another version of HTTP |
//!
//! Not here: time (who is too slow is the caller's business: [`Connection::is_idle`], [`Connection::reset`]), TLS,
//! upgrades, subscriptions.

mod answer;
mod drive;
mod gauges;
mod inbox;
mod machine;
mod outbox;
mod served;

pub use answer::{Answer, AnswerFull};
pub use drive::{serve, serve_async};
pub use gauges::{Gauges, Gauging};
pub use machine::{Connection, Counters, Next};
pub use served::Served;

use crate::endpoints::{Request, Response};
use crate::engine::Dump;

/// What answers requests.
pub trait Service {
    /// Answers one request: the body goes to `answer`.
    ///
    /// # Errors
    /// [`AnswerFull`] if it has no room for the body. Then the client is told 503, and nothing may have been taken
    /// away for the answer.
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull>;

    /// Writes the next items of a [`Reply::Dump`] to `answer`, which is empty, as many as it has room for; returns
    /// whether there may be more. It is not called for a service that never replies so.
    ///
    /// # Errors
    /// [`AnswerFull`] if it has no room for one item.
    fn dump(&mut self, dump: &mut Dump, answer: &mut Answer<'_>) -> Result<bool, AnswerFull> {
        let _ = (dump, answer);
        Ok(false)
    }
}

/// What a request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// An answer whose body has been written.
    Response(Response),
    /// The queue's items have to be sent, with [`Service::dump`].
    Dump(Dump),
}
