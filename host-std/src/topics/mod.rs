//! The subscribers of topics: their sockets, and who sends messages on to them.
//!
//! | module | idea |
//! | --- | --- |
//! | `hub` | publishers and subscribers meet; the pump between the logs and the sockets |
//! | `feed`, `lists` | the subscribers of one topic: who lacks something, who waits for its socket |
//! | `frames` | messages encoded once for all who lack the same ones |
//! | `subscriber`, `task` | one subscriber, and its own task |
//! | `past` | one that is served from the disk until it has caught up |
//! | `words` | what it is told beside messages |
//! | `places` | how many subscribers there may be, and how much is copied for those that are sent away |
//! | `plan` | policy, rate, replay, extent and selection of one subscriber |
//! | `handshake`, `listener` | how a WebSocket begins, and what its client says |
//! | `clients` | who is there, told |

mod clients;
mod feed;
mod frames;
mod handshake;
mod hub;
mod listener;
mod lists;
mod past;
mod places;
mod plan;
mod subscriber;
mod task;
mod words;

pub(crate) use hub::Hub;
pub(crate) use places::Places;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use streamgauge_core::endpoints::{Method, Request, Subscription};
use streamgauge_core::select::Selection;
use streamgauge_core::wire::{Framing, Stream};
use tokio::io::AsyncWriteExt as _;

use crate::server::{self, Answer, Context, Refusal, TakeOver};
use handshake::Wrong;
use hub::Admission;

/// Whether a client may still be sent what it has subscribed to; asked once a second.
pub(crate) type StillMay = Box<dyn Fn() -> bool + Send + Sync>;

/// The most memory that subscribers can take beside the logs, in bytes. What is on its way to their sockets is encoded
/// at most once for each kind of stream on each thread, and not copied but within a budget.
pub(crate) const fn worst_case(max_subscribers: usize, max_message: usize, shards: usize) -> u64 {
    // Each of them may be alone on a topic.
    const SUBSCRIBER: usize = (1 << 10) + size_of::<plan::Plan>() + size_of::<feed::Feed>();
    let subscribers = max_subscribers.saturating_mul(SUBSCRIBER);
    let sent = frames::Frames::worst_case(max_message).saturating_add(places::FAREWELLS);
    subscribers.saturating_add(sent.saturating_mul(shards)) as u64
}

impl Hub {
    /// Answers a request for a stream of a topic.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        request: &Request<'_>,
        context: &Context<'_>,
        subscription: &Subscription,
        still: Option<StillMay>,
        origin: Option<HeaderValue>,
    ) -> Answer {
        let selection = match Selection::parse(&request.query) {
            Ok(selection) => selection,
            Err(bad) => return Refusal::bad(bad.to_string()).answer(request),
        };
        let stream = Stream { framing: subscription.framing, chunked: context.minor >= 1 };
        if request.method == Method::Head {
            return match self.shard.may_use(&subscription.topic) {
                Ok(()) => head_only(stream, origin),
                Err(refusal) => server::refused(request, &refusal),
            };
        }
        if !handshake::is_asked_for(context) {
            let ends = !subscription.follow || subscription.limit.is_some();
            return self.take_in(request, context, subscription, selection, (stream, still), move |admission| {
                task::opening(stream, ends, admission, origin.as_ref())
            });
        }
        let stream = Stream { framing: Framing::WebSocket, chunked: false };
        match handshake::check(request.method, context) {
            Ok(accept) => self.take_in(request, context, subscription, selection, (stream, still), move |admission| {
                handshake::opening(&accept, admission, origin.as_ref())
            }),
            Err(Wrong::Line(wrong)) => Refusal::bad(wrong).answer(request),
            Err(Wrong::Version) => other_version().answer(request),
        }
    }

    /// Takes the connection over for a stream that begins with `opening`, or says why there is no place.
    fn take_in(
        self: &Arc<Self>,
        request: &Request<'_>,
        context: &Context<'_>,
        subscription: &Subscription,
        selection: Selection,
        (stream, still): (Stream, Option<StillMay>),
        opening: impl FnOnce(&Admission) -> Vec<u8> + Send + 'static,
    ) -> Answer {
        let status = match stream.framing {
            Framing::WebSocket => StatusCode::SWITCHING_PROTOCOLS,
            _ => StatusCode::OK,
        };
        let admitted = self.admit(subscription, selection);
        match admitted.map(|admission| Admission { still, ..admission }) {
            Ok(admission) if admission.beginning.is_some() => {
                let peer = context.peer;
                let take_over: TakeOver = Box::new(move |taken| {
                    tokio::spawn(task::begin_in_the_past(admission, stream, opening, peer, taken));
                });
                Answer::TakeOver(status, take_over)
            }
            Ok(admission) => {
                let opening = opening(&admission);
                let peer = context.peer;
                let take_over: TakeOver = Box::new(move |taken| {
                    tokio::spawn(task::Task::new(admission, stream, opening, peer, taken));
                });
                Answer::TakeOver(status, take_over)
            }
            Err(refusal) => server::refused(request, &refusal),
        }
    }
}

/// What is said to who begins a WebSocket of another version (RFC 6455, section 4.2.2).
fn other_version() -> Refusal {
    let line = "of WebSockets only version 13 is understood here";
    let refusal = Refusal::new(StatusCode::UPGRADE_REQUIRED, line).of_kind("version-not-supported");
    let refusal = refusal.with("connection", "upgrade").with("upgrade", "websocket");
    refusal.with("sec-websocket-version", handshake::VERSION)
}

/// What GET would answer, without the stream.
fn head_only(stream: Stream, origin: Option<HeaderValue>) -> Answer {
    let mut head = task::head(stream, origin.as_ref());
    head.extend_from_slice(b"connection: close\r\n\r\n");
    let take_over: TakeOver = Box::new(move |mut taken| {
        tokio::spawn(async move {
            let sending = async {
                taken.stream.write_all(&head).await?;
                taken.stream.shutdown().await
            };
            let _ = tokio::time::timeout(Duration::from_secs(5), sending).await;
        });
    });
    Answer::TakeOver(StatusCode::OK, take_over)
}
