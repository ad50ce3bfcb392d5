//! The HTTP server: one task a connection, with every bound that the caller names.
//!
//! A [`Handler`] sees whole requests. It answers them, or takes the connection over: then nothing of the server is
//! left beside the socket, so that a subscriber that waits for hours keeps none of its buffers.
//!
//! | module | idea |
//! | --- | --- |
//! | `connection`, `socket`, `input`, `spare` | requests in their order, one write for all that came at once, and no buffers while nothing comes |
//! | `request`, `pages` | a head: what it says, and what it may not ask for |
//! | [`tls`], `http2` | handshakes; streams of HTTP/2, each of them a connection like the others |
//! | `accept` | which of several forms a client would rather have |
//! | `answer`, `body`, `buffer`, `date` | how answers are written |
//! | `answered`, `refused` | how many there were of each status; what was refused, and why |
//! | `access`, `shown` | a line of the log for each request; a target without what nobody else should read |
//! | `refusal` | how it says no |
//! | `limits`, `budget`, `descriptors` | what may be used, in all and by one client |
//! | `files` | static files beside the endpoints |
//!
//! The bytes of HTTP are judged by the core's `wire::http`, as on a microcontroller.

mod accept;
mod access;
mod answer;
mod answered;
mod body;
mod budget;
mod buffer;
mod connection;
mod context;
mod date;
mod descriptors;
mod files;
mod http2;
mod input;
mod limits;
mod pages;
mod refusal;
mod refused;
mod request;
mod shown;
mod socket;
pub(crate) mod spare;
pub mod tls;

pub(crate) use accept::preferred;
pub use answer::{Answer, TakeOver};
pub(crate) use answer::{into_http, refused, whole};
pub(crate) use answered::answered;
pub use body::{Body, NextPiece, PIECE};
pub(crate) use budget::{Budget, Share};
pub use buffer::Buffer;
pub use connection::Taken;
pub(crate) use context::AllTaken;
pub use context::Context;
pub use descriptors::affordable_connections;
pub(crate) use files::Files;
pub use limits::{Limits, SMALL};
pub use refusal::Refusal;
pub(crate) use refused::{Refused, refused as all_refused, refused_within};

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::endpoints::{Method, Request, VERB};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use connection::{Connection, Shared};
use descriptors::{Failing, Reserve};
use input::Input;
use pages::Pages;
use socket::Socket;

use crate::engine::Mark;
use crate::threads::Threads;
use crate::transport::keep_alive;

/// What answers the requests of a server.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request whose body has arrived whole, if that needs no waiting. Nobody is told before it is
    /// [safe](Self::safe) up to the mark. `None` is only said before anything has happened: then [`call`](Self::call) is
    /// asked.
    fn call_now(self: &Arc<Self>, request: &Request<'_>, context: &Context<'_>) -> Option<(Answer, Mark)> {
        let _ = (request, context);
        None
    }

    /// Waits until what was answered with a mark, or before, may be told.
    ///
    /// # Errors
    /// Why it never may be, for a person.
    fn safe(&self, mark: Mark) -> impl Future<Output = Result<(), String>> + Send {
        let _ = mark;
        async { Ok(()) }
    }

    /// The thread that a request belongs to, if it is another than this one: the connection goes there before the body
    /// is read.
    fn elsewhere(&self, request: &Request<'_>) -> Option<usize> {
        let _ = request;
        None
    }

    /// Whether a request takes something for its client: once the client is known to have gone, it is not answered, and
    /// what it would take stays where it is. Others go on to their end, whoever is there to be told.
    fn takes(&self, request: &Request<'_>) -> bool {
        let _ = request;
        false
    }

    /// Whether a request waits for what it takes: [`call`](Self::call) ends when its client has gone meanwhile.
    fn may_be_left(&self, request: &Request<'_>) -> bool {
        let _ = request;
        false
    }

    /// Answers a request whose body has arrived whole.
    fn call(self: &Arc<Self>, request: Request<'_>, context: &Context<'_>) -> impl Future<Output = Answer> + Send;

    /// The methods that are answered at `path`; for any other: 405.
    fn methods(&self, path: &[u8]) -> &'static [Method] {
        let _ = path;
        &VERB
    }

    /// Whether a request, which is none for a head only, takes, adds or changes anything: then no page of an origin
    /// that is not allowed may make it. Its body has not arrived yet.
    fn changes(&self, request: &Request<'_>) -> bool {
        let _ = request;
        true
    }

    /// Whether what is read there depends on `Accept`, as caches have to be told.
    fn varies(&self, path: &[u8]) -> bool {
        let _ = path;
        false
    }

    /// Lets a request in, whose body has not arrived yet; `authorization` is what its header of that name says.
    ///
    /// # Errors
    /// Why it may not be answered.
    fn admit(&self, request: &Request<'_>, authorization: Option<&[u8]>) -> Result<(), Refusal> {
        let _ = (request, authorization);
        Ok(())
    }
}

/// How long connections may take to finish once a server stops.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Who answers on each of some threads.
#[derive(Debug, Clone)]
pub struct Handlers<H> {
    threads: Threads,
    each: Vec<Arc<H>>,
}

impl<H> Handlers<H> {
    /// One for each of `threads`.
    pub(crate) const fn new(threads: Threads, each: Vec<Arc<H>>) -> Self {
        Self { threads, each }
    }

    /// One alone.
    pub fn one(handler: Arc<H>) -> Self {
        Self { threads: Threads::new(1).0, each: vec![handler] }
    }
}

/// Accepts connections until `shutdown` says true, and then waits for those that are busy, up to five seconds.
///
/// It runs on the first of the threads, where connections are until they ask for what belongs to another one.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    handlers: Handlers<H>,
    limits: Limits,
    mut shutdown: watch::Receiver<bool>,
) {
    if let Err(error) = keep_alive(&listener) {
        tracing::warn!(%error, "peers that vanish will not be noticed");
    }
    let max_connections = limits.max_connections;
    let places = Arc::new(Semaphore::new(max_connections));
    let shared = Arc::new(Shared {
        handlers,
        pages: Pages::new(listener.local_addr().ok(), &limits.allow_hosts, &limits.cors_origins),
        budget: Arc::new(Budget::new(&limits)),
        limits,
    });
    let (mut reserve, mut failing) = (Reserve::new(), Failing::new());
    let farewells = Arc::new(Semaphore::new((max_connections / 2).clamp(1, 64)));
    let tls = shared.limits.tls.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if failing.is_to_be_said() {
                    tracing::warn!(%error, "cannot accept a connection");
                }
                // Any other failure was that of one connection: the next one has done nothing.
                if descriptors::is_shortage(&error)
                    && let Some((stream, peer)) = reserve.accept(&listener).await
                {
                    failing.reset();
                    if tls.is_none() {
                        // It ends before the next one is taken, as it has the last descriptor.
                        dismiss(stream, peer, &Refusal::no_descriptor());
                    }
                }
                reserve.fill();
                let _ = tokio::time::timeout(failing.pause(), shutdown.wait_for(|stop| *stop)).await;
                continue;
            }
        };
        failing.reset();
        let _ = stream.set_nodelay(true);
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let local = stream.local_addr().ok().map(|local| local.ip().to_canonical());
                let connection = Connection { peer, local, thread: 0, shared: Arc::clone(&shared) };
                let shutdown = shutdown.clone();
                if let Some(tls) = &tls {
                    tokio::spawn(tls::begin(tls.config(), connection, stream, shutdown, place, Arc::clone(&places)));
                } else {
                    tokio::spawn(connection.run(stream.into(), Input::default(), shutdown, place));
                }
                // In a burst of connections each may use the buffers that the one before it gave back.
                tokio::task::yield_now().await;
            }
            Err(_) => {
                // With TLS the connection just closes: telling why would cost a handshake.
                if tls.is_none() {
                    let refusal = Refusal::no_place(max_connections);
                    match Arc::clone(&farewells).try_acquire_owned() {
                        Ok(place) => {
                            let shutdown = shutdown.clone();
                            tokio::spawn(async move { turn_away(stream, peer, &refusal, shutdown, place).await });
                        }
                        Err(_) => dismiss(stream, peer, &refusal),
                    }
                }
            }
        }
    }
    drop(listener);
    let every_place = u32::try_from(max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(GRACE, places.acquire_many(every_place)).await.is_err() {
        tracing::warn!("connections were still busy when the server stopped");
    }
}

/// Tells a client why there is no place for it, and closes the connection at once. Who has yet to send its request may
/// find it reset.
fn dismiss(stream: TcpStream, peer: SocketAddr, refusal: &Refusal) {
    let Ok(mut stream) = stream.into_std() else { return };
    // Both never wait, and a socket that is new has room. What is not read would reset the connection.
    let _ = stream.write(&refusal.to_stranger(peer));
    let _ = stream.read(&mut [0; 4096]);
}

/// The same, until the client has read it or is silent.
async fn turn_away(
    stream: TcpStream,
    peer: SocketAddr,
    refusal: &Refusal,
    shutdown: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let mut socket = Socket::new(stream.into(), shutdown, Duration::from_secs(2));
    if socket.write(&refusal.to_stranger(peer), &[]).await.is_ok() {
        socket.linger().await;
    }
}
