//! From an accepted socket to a connection: a handshake within its time, or a line for who does not know of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::server::connection::Connection;
use crate::server::input::Input;
use crate::server::refusal::Refusal;
use crate::server::socket::{LAST_CALL, Socket};
use crate::server::{Handler, http2};
use crate::transport::Secure;

/// How a handshake ended.
#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    /// The client speaks no TLS, none that both understand, or has no certificate that will do.
    Failed,
    /// It has not ended in its time.
    Late,
    /// The client began with plain HTTP.
    Plain,
}

const NAMES: [&str; 4] = ["done", "failed", "late", "plain"];

static COUNTS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

/// How many handshakes of this process ended in which way, if any did.
pub(crate) fn handshakes() -> impl Iterator<Item = (&'static str, u64)> {
    let counts = NAMES.into_iter().zip(COUNTS.iter().map(|count| count.load(Ordering::Relaxed)));
    counts.filter(|(_, count)| *count > 0)
}

fn count(end: End) {
    if let Some(count) = COUNTS.get(end as usize) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Serves a client from its handshake on, in whichever version of HTTP it asks for. Each stream of HTTP/2 takes one of
/// `places`, as the connection has one.
pub(in crate::server) async fn begin<H: Handler>(
    config: Arc<ServerConfig>,
    connection: Connection<H>,
    socket: TcpStream,
    shutdown: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
    places: Arc<Semaphore>,
) {
    let within = connection.shared.limits.header_timeout;
    let mut stopping = shutdown.clone();
    let last_call = async {
        let _ = stopping.wait_for(|stop| *stop).await;
        sleep(LAST_CALL).await;
    };
    let begun = tokio::select! {
        biased;
        begun = timeout(within, agree(config, socket)) => begun,
        () = last_call => return,
    };
    match begun {
        Ok(Ok(secure)) => {
            count(End::Done);
            // What a handshake has taken is given back here: the connection is a task of its own.
            if secure.protocol() == Some(b"h2") {
                tokio::spawn(http2::serve(connection, secure.into(), shutdown, place, places));
            } else {
                tokio::spawn(connection.run(secure.into(), Input::default(), shutdown, place));
            }
        }
        Ok(Err(Failed::Plain(socket))) => {
            count(End::Plain);
            let mut socket = Socket::new(socket.into(), shutdown, FAREWELL);
            let refusal = Refusal::bad("this port speaks TLS: use https");
            if socket.write(&connection.said_to_stranger(&refusal), &[]).await.is_ok() {
                socket.linger().await;
            }
        }
        Ok(Err(Failed::Broken(error))) => {
            count(End::Failed);
            tracing::debug!(peer = %connection.peer, %error, "a handshake failed");
        }
        Err(_) => {
            count(End::Late);
            tracing::debug!(peer = %connection.peer, "a handshake took too long");
        }
    }
}

/// How long a client that speaks plain HTTP may take to hear that.
const FAREWELL: Duration = Duration::from_secs(2);

enum Failed {
    Plain(TcpStream),
    Broken(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

async fn agree(config: Arc<ServerConfig>, socket: TcpStream) -> Result<Secure<TcpStream>, Failed> {
    let mut first = [0];
    let peeked = socket.peek(&mut first).await?;
    // Each method of HTTP begins with a capital letter, and no record of TLS does.
    if peeked > 0 && first[0].is_ascii_uppercase() {
        return Err(Failed::Plain(socket));
    }
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    Ok(Secure::handshake(socket, session).await?)
}
