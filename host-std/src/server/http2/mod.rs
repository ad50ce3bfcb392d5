//! HTTP/2, for who has asked for it in the handshake: each of its streams is an exchange of HTTP/1.1 with a connection of
//! its own, over a pipe within the process.
//!
//! | module | idea |
//! | --- | --- |
//! | `head` | the head of a request, as HTTP/1.1 has it |
//! | `exchange` | a body there, an answer back, each only as fast as the other side takes it |
//!
//! So there is one way of a request, whatever it came over, and streams without end are subscribers like all others. A
//! stream counts as a connection. WebSockets are not offered: for these, browsers open a connection of HTTP/1.1.

mod exchange;
mod head;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use super::connection::Connection;
use super::input::Input;
use super::{Handler, Limits};
use crate::transport::{Transport, pipe};
use exchange::Exchange;

/// Streams of a connection at the same time.
const STREAMS: u32 = 100;

/// Bytes that a stream may send before some of them are taken.
const WINDOW: u32 = 32 << 10;

/// The same of all streams of a connection together.
const CONNECTION_WINDOW: u32 = 256 << 10;

/// Bytes of a stream that wait for their connection.
const SEND_BUFFER: usize = 16 << 10;

fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(limits.max_header).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER)
        // Who opens streams only to reset them is sent away: CVE-2023-44487, and its kin of 2024 and 2025.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(Some(64))
        .max_concurrent_reset_streams(16)
        .reset_stream_duration(Duration::from_secs(1));
    builder
}

/// Serves a connection until its client leaves, is idle for too long, or the server stops.
pub(super) async fn serve<H: Handler>(
    connection: Connection<H>,
    transport: Transport,
    shutdown: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
    places: Arc<Semaphore>,
) {
    let limits = &connection.shared.limits;
    let Ok(Ok(mut client)) = timeout(limits.header_timeout, builder(limits).handshake(transport)).await else { return };
    // Each stream has a clone while it lasts.
    let streams = Arc::new(());
    let mut idle = pin!(sleep(limits.idle_timeout));
    let mut ending = false;
    let mut stopping = shutdown.clone();
    loop {
        tokio::select! {
            biased;
            accepted = client.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    idle.as_mut().reset(Instant::now() + limits.idle_timeout);
                    take(&connection, request, respond, &shutdown, &places, &streams);
                }
                Some(Err(error)) => {
                    tracing::debug!(peer = %connection.peer, %error, "a connection of HTTP/2 failed");
                    return;
                }
                None => return,
            },
            _ = stopping.wait_for(|stop| *stop), if !ending => {
                ending = true;
                client.graceful_shutdown();
            }
            () = &mut idle => {
                if Arc::strong_count(&streams) == 1 {
                    // Who does not answer to that does not get as much time again.
                    if ending {
                        return;
                    }
                    ending = true;
                    client.graceful_shutdown();
                }
                let next = if ending { limits.idle_timeout.min(FAREWELL) } else { limits.idle_timeout };
                idle.as_mut().reset(Instant::now() + next);
            }
        }
    }
}

/// How long a client may take to end a connection that is over.
const FAREWELL: Duration = Duration::from_secs(5);

/// Begins a stream, or says why not.
fn take<H: Handler>(
    connection: &Connection<H>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    shutdown: &watch::Receiver<bool>,
    places: &Arc<Semaphore>,
    streams: &Arc<()>,
) {
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
        // It says that nothing was done, so that the client may try again.
        return respond.send_reset(Reason::REFUSED_STREAM);
    };
    let (request, body) = request.into_parts();
    let Some(head) = head::write(&request, !body.is_end_stream()) else {
        return respond.send_reset(Reason::PROTOCOL_ERROR);
    };
    let (ours, theirs) = pipe();
    let Connection { peer, local, thread, shared } = connection;
    let inner = Connection { peer: *peer, local: *local, thread: *thread, shared: Arc::clone(shared) };
    tokio::spawn(inner.run(theirs.into(), Input::default(), shutdown.clone(), place));
    let exchange = Exchange::new(head, ours, request.method == http::Method::HEAD, shared.limits.io_timeout);
    let stream = Arc::clone(streams);
    tokio::spawn(async move {
        exchange.run(body, respond).await;
        drop(stream);
    });
}
