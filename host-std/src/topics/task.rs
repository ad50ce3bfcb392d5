//! A subscriber's own task, from the head of its answer to the end of its connection.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderValue;
use jiff::Timestamp;
use streamgauge_core::wire::{Framing, Stream};

use super::hub::{Admission, Seat};
use super::past::Past;
use super::subscriber::{Client, Subscriber};
use crate::server::{Limits, Taken};

/// A subscriber's own task: it notices the end, what the client says, and when a full socket has room again.
pub(super) struct Task {
    key: usize,
    seat: Seat,
}

// With what the runtime adds to it these are 128 bytes, and it rounds up to a multiple of that.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Task>() <= 24);

impl Task {
    /// Hands a socket to the pump.
    pub(super) fn new(admission: Admission, stream: Stream, opening: Vec<u8>, peer: SocketAddr, taken: Taken) -> Self {
        let Taken { stream: socket, read, place, .. } = taken;
        let Admission { seat, place: seated, is_behind, plan, name, past, still, .. } = admission;
        let client = Client { peer, since: Timestamp::now(), name, still, _places: (seated, place) };
        let mut subscriber = Subscriber::new(seat.id, stream, client, socket, opening, &read);
        subscriber.plan = plan;
        if is_behind {
            subscriber.begin_behind();
        }
        if let Some(past) = past {
            subscriber.begin_in(past);
        }
        let key = seat.venue.hub.insert(&seat.venue, subscriber);
        Self { key, seat }
    }
}

/// Serves a subscriber from the disk, from the head of its answer until it goes on with the others.
pub(super) async fn begin_in_the_past(
    mut admission: Admission,
    stream: Stream,
    opening: impl FnOnce(&Admission) -> Vec<u8>,
    peer: SocketAddr,
    taken: Taken,
) {
    let (hub, topic) = (Arc::clone(&admission.seat.venue.hub), admission.seat.venue.topic);
    let (Some((mut beginning, room)), Some(keeper)) = (admission.beginning.take(), hub.keeper()) else { return };
    let read = beginning.read(&hub, &keeper, topic).await;
    admission.first = beginning.first;
    admission.missed = Some(beginning.missed).filter(|missed| *missed > 0);
    let Some(past) = Past::new(room, beginning.first, admission.seat.id) else { return };
    let bell = Arc::clone(past.bell());
    admission.past = Some(past);
    let opening = opening(&admission);
    let task = Task::new(admission, stream, opening, peer, taken);
    let place = (topic, task.key);
    tokio::spawn(task);
    hub.fill(place, bell, read).await;
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let venue = &self.seat.venue;
        venue.hub.poll(venue, self.key, cx)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The socket closes with it.
        let venue = &self.seat.venue;
        drop(venue.hub.remove(venue, self.key));
    }
}

/// The head of the answer, and what opens the stream. Of one that ends by itself it is told that the connection does too: who
/// holds an answer that is whole would ask again on it.
pub(super) fn opening(stream: Stream, ends: bool, admission: &Admission, origin: Option<&HeaderValue>) -> Vec<u8> {
    let mut opening = head(stream, origin);
    let (first, epoch) = (admission.first, admission.seat.venue.epoch);
    let _ = write!(opening, "x-pubsub-sequence: {first}\r\nx-pubsub-epoch: {epoch}\r\n");
    let told = admission.missed.filter(|_| stream.framing == Framing::Events || !admission.comes_back);
    if let (Framing::Lines, Some(missed)) = (stream.framing, told) {
        let _ = write!(opening, "x-pubsub-gap: {missed}\r\n");
    }
    opening.extend_from_slice(if stream.chunked && !ends { b"\r\n" } else { b"connection: close\r\n\r\n" });
    let Ok(()) = stream.opening(&mut opening) as Result<(), Infallible>;
    if let Some(missed) = told {
        let Ok(()) = stream.gap(missed, &mut opening) as Result<(), Infallible>;
    }
    opening
}

/// The fields that every stream's head has.
pub(super) fn head(stream: Stream, origin: Option<&HeaderValue>) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    let date = httpdate::HttpDate::from(std::time::SystemTime::now());
    let content_type = stream.framing.content_type();
    let _ =
        write!(head, "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncache-control: no-cache\r\ndate: {date}\r\n");
    if let Some(origin) = origin {
        head.extend_from_slice(b"access-control-allow-origin: ");
        head.extend_from_slice(origin.as_bytes());
        let _ = write!(head, "\r\nvary: origin\r\naccess-control-expose-headers: {}\r\n", Limits::EXPOSED_HEADERS);
    }
    if stream.chunked {
        head.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    head
}
