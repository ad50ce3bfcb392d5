//! The HTTP server: hyper on one socket a connection, with every bound that the caller names.
//!
//! A [`Handler`] sees whole requests. It answers them, or takes the connection over: then hyper is taken off the
//! socket, so that a subscriber that waits for hours keeps none of its buffers.

mod answer;
mod body;
mod connection;
mod files;
mod io;
mod limits;

pub(crate) use answer::{into_http, request, whole};
pub use body::Body;
pub use connection::Taken;
pub(crate) use files::Files;
use limits::Budget;
pub use limits::{Limits, SMALL};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// What answers the requests of a server.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request whose body has arrived whole.
    fn call(self: &Arc<Self>, head: &Parts, body: &[u8], peer: SocketAddr) -> impl Future<Output = Answer> + Send;
}

/// What a request comes to.
pub enum Answer {
    /// An HTTP response; the connection goes on.
    Response(http::Response<Body>),
    /// The socket is the handler's from here on.
    TakeOver(TakeOver),
}

/// What is done with a socket that is taken over. It is called on the runtime, and should spawn what takes time.
pub type TakeOver = Box<dyn FnOnce(Taken) + Send>;

/// How long connections may take to finish once a server stops.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Accepts connections until `shutdown` says true, and then waits for those that are busy, up to five seconds.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    handler: Arc<H>,
    limits: Limits,
    mut shutdown: watch::Receiver<bool>,
) {
    let limits = Arc::new(limits);
    let budget = Arc::new(Budget::new(limits.max_buffered));
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let farewells = Arc::new(Semaphore::new(64));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: accepting at once again would only spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let connection = connection::Connection {
                    peer,
                    handler: Arc::clone(&handler),
                    limits: Arc::clone(&limits),
                    budget: Arc::clone(&budget),
                };
                tokio::spawn(connection.run(stream, shutdown.clone(), place));
                // In a burst of connections each may use the buffers that the one before it gave back.
                tokio::task::yield_now().await;
            }
            Err(_) => {
                // Beyond this many, a client just sees its connection close.
                if let Ok(place) = Arc::clone(&farewells).try_acquire_owned() {
                    tokio::spawn(connection::turn_away(stream, limits.max_connections, place));
                }
            }
        }
    }
    drop(listener);
    let every_place = u32::try_from(limits.max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(GRACE, places.acquire_many(every_place)).await.is_err() {
        tracing::warn!("connections were still busy when the server stopped");
    }
}
