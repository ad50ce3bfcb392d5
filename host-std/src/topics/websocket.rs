//! Subscribers that speak WebSocket: each message is one frame.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{SinkExt, StreamExt as _};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use streamgauge_core::endpoints::pubsub::Subscription;
use streamgauge_core::endpoints::{Response, Status};
use streamgauge_core::topic::Next;
use streamgauge_core::wire::{Framing, Stream};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::hub::{Admission, Hub, State};
use super::subscriber::Subscriber;
use crate::server::{Answer, TakeOver, Taken, whole};

/// Messages that are copied at a time.
const BATCH_BYTES: usize = 64 << 10;

/// Whether a request wants to become a WebSocket.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Takes the connection over as a WebSocket, or says what is wrong with the handshake.
pub(super) fn answer(
    hub: Arc<Hub>,
    head: &Parts,
    subscription: Subscription,
    peer: SocketAddr,
    origin: Option<HeaderValue>,
) -> Answer {
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY);
    let version = head.headers.get(header::SEC_WEBSOCKET_VERSION);
    let (Some(key), Some(b"13")) = (key, version.map(HeaderValue::as_bytes)) else {
        let wrong = b"a WebSocket needs Sec-WebSocket-Key and Sec-WebSocket-Version: 13\n";
        return whole(&Response::text(Status::BadRequest), wrong.to_vec());
    };
    let accept = derive_accept_key(key.as_bytes());
    match hub.admit(&subscription) {
        Err((response, answer)) => whole(&response, answer),
        Ok(admission) => {
            let allow = origin
                .as_ref()
                .and_then(|origin| origin.to_str().ok())
                .map_or(String::new(), |origin| format!("access-control-allow-origin: {origin}\r\nvary: origin\r\n"));
            let opening = format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                 sec-websocket-accept: {accept}\r\nx-pubsub-sequence: {}\r\nx-pubsub-epoch: {}\r\n{allow}\r\n",
                admission.first, admission.epoch
            );
            let take_over: TakeOver = Box::new(move |taken| {
                tokio::spawn(run(hub, admission, opening, peer, taken));
            });
            Answer::TakeOver(take_over)
        }
    }
}

async fn run(hub: Arc<Hub>, admission: Admission, opening: String, peer: SocketAddr, taken: Taken) {
    let Taken { mut stream, read, place, .. } = taken;
    if stream.write_all(opening.as_bytes()).await.is_err() {
        return;
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(64 << 10))
        .max_frame_size(Some(64 << 10))
        .read_buffer_size(4 << 10)
        .write_buffer_size(4 << 10);
    let mut socket = WebSocketStream::from_partially_read(stream, read.into(), Role::Server, Some(config)).await;
    // Only listed and kicked as such: this task reads the log itself.
    let stream = Stream { framing: Framing::Lines, chunked: false };
    let key = hub.insert(Subscriber::new(admission.id, stream, peer, None, Vec::new()));
    let mut stopped = false;
    while !stopped {
        let (batch, end) = copy_pending(&hub, key, &admission);
        stopped = end;
        let sending = async {
            for message in batch {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            sent = blocking(&hub, key, sending) => if sent.is_err() { break },
            () = over(&hub, key) => break,
        }
        if stopped || !is_caught_up(&hub, &admission) {
            continue;
        }
        tokio::select! {
            () = news(&hub, key, &admission) => {}
            received = socket.next() => match received {
                // Pings are answered by the library; a subscriber has nothing else to say.
                Some(Ok(message)) if !message.is_close() => {}
                _ => break,
            }
        }
    }
    hub.remove(key);
    drop(admission);
    // Not `socket.close(None)`: that refuses to flush the answer to a close which came from the client.
    let _ = tokio::time::timeout(crate::server::GRACE, SinkExt::close(&mut socket)).await;
    drop(place);
}

/// Lets the pump know while the client keeps `sending` waiting.
async fn blocking<T>(hub: &Hub, key: usize, sending: impl Future<Output = T>) -> T {
    let set_blocked = |blocked| {
        hub.with(|state| state.subscribers.get_mut(key).map(|subscriber| subscriber.set_blocked(blocked)));
    };
    let mut sending = pin!(sending);
    let mut blocked = false;
    let sent = std::future::poll_fn(|cx| {
        let polled = sending.as_mut().poll(cx);
        if polled.is_pending() && !blocked {
            blocked = true;
            set_blocked(true);
        }
        polled
    });
    let sent = sent.await;
    if blocked {
        set_blocked(false);
    }
    sent
}

/// The next messages, and whether the stream is over after them.
fn copy_pending(hub: &Hub, key: usize, admission: &Admission) -> (Vec<Message>, bool) {
    hub.with(|state| {
        // So that what follows never goes on behind a gap that nobody was told of.
        state.kick_if_too_slow(key, hub.max_lag);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let ends = state.ends_when_sent(key);
        let fanout = state.service.fanout_mut();
        while bytes < BATCH_BYTES {
            match fanout.next(admission.id) {
                Ok(Next::Message(message)) => {
                    bytes += message.len();
                    batch.push(match std::str::from_utf8(message) {
                        Ok(text) => Message::text(text),
                        Err(_) => Message::binary(message.to_vec()),
                    });
                }
                Ok(Next::Empty) => return (batch, ends),
                Ok(Next::Lagged(_)) | Err(_) => {
                    batch.push(Message::text(state.last_words(key)));
                    return (batch, true);
                }
            }
        }
        (batch, false)
    })
}

fn is_caught_up(hub: &Hub, admission: &Admission) -> bool {
    hub.with(|state| state.is_caught_up(admission.id))
}

/// Waits until there is something to send, or the subscription is over.
async fn news(hub: &Hub, key: usize, admission: &Admission) {
    std::future::poll_fn(|cx| {
        hub.with(|state| {
            let idle = state.is_caught_up(admission.id) && !state.ends_when_sent(key);
            match state.subscribers.get_mut(key) {
                Some(subscriber) if idle => subscriber.poll_over(cx),
                _ => Poll::Ready(()),
            }
        })
    })
    .await;
}

/// Waits until the subscription is over whatever is still unsent.
async fn over(hub: &Hub, key: usize) {
    let over = |state: &mut State, cx: &Context<'_>| match state.subscribers.get_mut(key) {
        Some(subscriber) => subscriber.poll_over(cx),
        None => Poll::Ready(()),
    };
    std::future::poll_fn(|cx| hub.with(|state| over(state, cx))).await;
}
