//! pubsub as a server: the core's service, and the sockets of its subscribers.

mod frames;
mod hub;
mod subscriber;
mod task;
mod websocket;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method, header};
use streamgauge_core::endpoints::pubsub::{Reply, Subscription};
use streamgauge_core::endpoints::{Response, Status};
use streamgauge_core::wire::Stream;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::server::{Answer, Files, Handler, Limits, TakeOver, request, serve, whole};
use hub::Hub;

pub use streamgauge_core::endpoints::pubsub::PATHS;

/// How large a pubsub may grow.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes of messages that are kept for subscribers that lag or come back.
    pub log_bytes: usize,
    /// The longest message in bytes.
    pub max_message: usize,
    /// Subscribers at the same time.
    pub max_subscribers: usize,
    /// A subscriber with more than so many bytes unsent is kicked.
    pub max_lag: u64,
    /// A folder whose files are served at the paths that no endpoint has.
    pub www: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { log_bytes: 64 << 20, max_message: 1 << 20, max_subscribers: 10_000, max_lag: 50 << 20, www: None }
    }
}

impl Settings {
    /// The most memory that the log and the subscribers can take, in bytes. What is on its way to a subscriber's
    /// socket is encoded at most once for each kind of stream.
    pub const fn worst_case(&self) -> u64 {
        const SUBSCRIBER: usize = 1 << 10;
        let encoded = self.max_message.saturating_mul(2).saturating_add(frames::MOST).saturating_mul(7);
        let subscribers = self.max_subscribers.saturating_mul(SUBSCRIBER);
        self.log_bytes.saturating_add(subscribers).saturating_add(encoded) as u64
    }
}

/// Serves a pubsub on `listener` until `shutdown` says true; subscribers then get what is pending and an end.
pub async fn run(listener: TcpListener, settings: Settings, limits: Limits, shutdown: watch::Receiver<bool>) {
    let hub = Arc::new(Hub::new(&settings, limits.max_connections));
    let pump = tokio::spawn(Arc::clone(&hub).pump(shutdown.clone()));
    let limits_of_connections = limits.clone();
    let files = settings.www.as_deref().map(Files::new).transpose().unwrap_or_else(|error| {
        tracing::error!(%error, "the files are not served");
        None
    });
    serve(listener, Arc::new(Pubsub { hub, files, limits }), limits_of_connections, shutdown).await;
    // It ends with the shutdown that ended the server, once the subscribers are gone.
    let _ = pump.await;
}

struct Pubsub {
    hub: Arc<Hub>,
    files: Option<Files>,
    limits: Limits,
}

impl Handler for Pubsub {
    async fn call(self: &Arc<Self>, head: &Parts, body: &[u8], peer: SocketAddr) -> Answer {
        if !body.is_empty() {
            self.hub.room_to_publish().await;
        }
        let mut answer = Vec::new();
        let Ok(reply) = self.hub.call(request(head, body), &mut answer);
        match reply {
            Reply::Response(response) => {
                let file = || self.files.as_ref().filter(|_| response.status == Status::NotFound)?.answer(head);
                file().unwrap_or_else(|| whole(&response, answer))
            }
            Reply::Clients => {
                self.hub.list_clients(&mut answer);
                whole(&Response::text(Status::Ok), answer)
            }
            Reply::Subscribe(subscription) => self.subscribe(head, subscription, peer),
            _ => whole(&Response::text(Status::NotFound), answer),
        }
    }
}

impl Pubsub {
    fn subscribe(&self, head: &Parts, subscription: Subscription, peer: SocketAddr) -> Answer {
        let origin = self.limits.allowed_origin(head.headers.get(header::ORIGIN));
        if head.method == Method::HEAD {
            return head_only(&subscription, origin);
        }
        if websocket::is_asked_for(&head.headers) {
            return websocket::answer(Arc::clone(&self.hub), head, subscription, peer, origin);
        }
        let stream = Stream { framing: subscription.framing, chunked: head.version == http::Version::HTTP_11 };
        match self.hub.admit(&subscription) {
            Ok(admission) => {
                let opening = task::opening(stream, &admission, origin.as_ref());
                let hub = Arc::clone(&self.hub);
                let take_over: TakeOver = Box::new(move |taken| {
                    tokio::spawn(task::Task::new(hub, admission, stream, opening, peer, taken));
                });
                Answer::TakeOver(take_over)
            }
            Err((response, answer)) => whole(&response, answer),
        }
    }
}

/// What GET would answer, without the stream. hyper leaves the transfer coding out of an answer to HEAD, but it is
/// just what clients ask for.
fn head_only(subscription: &Subscription, origin: Option<HeaderValue>) -> Answer {
    let stream = Stream { framing: subscription.framing, chunked: true };
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
    Answer::TakeOver(take_over)
}
