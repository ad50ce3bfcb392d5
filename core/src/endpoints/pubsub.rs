//! pubsub, the town crier: a fan-out behind `/pub` and `/sub`.

use embedded_io::Write;

use super::{Headers, Request, Response, Status, write_fmt};
use crate::queue::TooLarge;
use crate::topic::{Fanout, Id, Place, TooManySubscribers};
use crate::wire::framing::Framing;
use crate::wire::lines;
use crate::wire::query::Value;

/// The paths that are answered. All but the exact ones match by prefix.
pub const PATHS: [&str; 4] = ["/pub*", "/sub*", "/stats*", "/clients"];

/// A fan-out and its endpoints.
///
/// ```
/// use streamgauge_core::topic::{Place, Next};
/// use streamgauge_core::endpoints::{Pubsub, Request, pubsub::Reply};
///
/// let mut service = Pubsub::new([0; 1024], [Place::FREE; 8], 1 << 20, 0);
/// let mut answer = Vec::new();
/// let Ok(Reply::Subscribe(subscription)) = service.call(Request::new(b"/sub?multipart=0"), &mut answer) else {
///     unreachable!()
/// };
/// let villager = service.subscribe(&subscription).unwrap();
/// service.call(Request::new(b"/pub").with_body(b"H3110"), &mut answer).unwrap();
/// assert_eq!(answer, b"Published 1 messages to 1 clients.\n");
/// assert_eq!(service.fanout_mut().next(villager), Ok(Next::Message(b"H3110")));
/// ```
#[derive(Debug, Clone)]
pub struct Pubsub<S, C> {
    fanout: Fanout<S, C>,
    max_message: usize,
    connections: u64,
    kicked: u64,
    /// What the fan-out had counted when the statistics were last reset.
    received_before: u64,
    sent_before: u64,
}

/// The counters of a pubsub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Subscribers now.
    pub active_connections: u64,
    /// Subscribers so far.
    pub total_connections: u64,
    /// Messages published, since the last reset.
    pub messages_received: u64,
    /// Messages handed to a subscriber, counted once for each, since the last reset.
    pub messages_sent: u64,
    /// Subscribers that were too slow and had to go.
    pub kicked_clients: u64,
}

impl Stats {
    pub(super) const fn headers(&self) -> [(&'static str, u64); 5] {
        [
            ("X-PUBSUB-TOTAL-CONNECTIONS", self.total_connections),
            ("X-PUBSUB-ACTIVE-CONNECTIONS", self.active_connections),
            ("X-PUBSUB-MESSAGES-RECEIVED", self.messages_received),
            ("X-PUBSUB-MESSAGES-SENT", self.messages_sent),
            ("X-PUBSUB-KICKED-CLIENTS", self.kicked_clients),
        ]
    }
}

/// What a request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// An answer whose body has been written.
    Response(Response),
    /// The client wants to subscribe: see [`Pubsub::subscribe`].
    Subscribe(Subscription),
    /// The client wants a line for each subscriber, which only the host can tell apart.
    Clients,
}

/// What a client asked of `/sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// How messages are framed for it.
    pub framing: Framing,
    /// The last message that it saw, if it was here before.
    pub last_seen: Option<u64>,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, C: AsRef<[Place]> + AsMut<[Place]>> Pubsub<S, C> {
    /// No subscribers yet. Messages over `max_message` bytes will be refused, and the first one will have the
    /// sequence number `first`.
    pub const fn new(storage: S, cursors: C, max_message: usize, first: u64) -> Self {
        Self {
            fanout: Fanout::starting_at(storage, cursors, first),
            max_message,
            connections: 0,
            kicked: 0,
            received_before: 0,
            sent_before: 0,
        }
    }

    /// The fan-out itself.
    pub const fn fanout(&self) -> &Fanout<S, C> {
        &self.fanout
    }

    /// The fan-out itself, for subscribers that need no connection and for handing messages out.
    pub const fn fanout_mut(&mut self) -> &mut Fanout<S, C> {
        &mut self.fanout
    }

    /// Answers one request: the body goes to `answer`.
    ///
    /// # Errors
    /// Those of `answer`.
    pub fn call<W: Write>(&mut self, request: Request<'_>, answer: &mut W) -> Result<Reply, W::Error> {
        let path = request.path;
        let response = if path.starts_with(b"/pub") && request.head_only() {
            Response::text(Status::Ok)
        } else if path.starts_with(b"/pub") {
            self.publish(request.body, answer)?
        } else if path.starts_with(b"/sub") {
            match subscription(&request) {
                Ok(subscription) => return Ok(Reply::Subscribe(subscription)),
                Err(wrong) => {
                    answer.write_all(wrong.as_bytes())?;
                    Response::text(Status::BadRequest)
                }
            }
        } else if path.starts_with(b"/stats") {
            self.answer_stats(&request, answer)?
        } else if path == b"/clients" {
            return Ok(Reply::Clients);
        } else {
            Response::text(Status::NotFound)
        };
        Ok(Reply::Response(response))
    }

    /// Lets a client in.
    ///
    /// # Errors
    /// [`TooManySubscribers`]; answer it with [`refuse`](Self::refuse).
    pub fn subscribe(&mut self, subscription: &Subscription) -> Result<Id, TooManySubscribers> {
        let id = match subscription.last_seen {
            Some(last_seen) => self.fanout.resume(last_seen)?,
            None => self.fanout.subscribe()?,
        };
        self.connections = self.connections.wrapping_add(1);
        Ok(id)
    }

    /// The answer to a client that there is no place for.
    ///
    /// # Errors
    /// Those of `answer`.
    pub fn refuse<W: Write>(full: TooManySubscribers, answer: &mut W) -> Result<Response, W::Error> {
        write_fmt(answer, format_args!("the limit max-subscribers {} is reached\n", full.limit))?;
        Ok(Response { headers: Headers::RetryAfter(5), ..Response::text(Status::ServiceUnavailable) })
    }

    /// Counts a subscriber that was sent away because it was too slow.
    pub const fn count_kick(&mut self) {
        self.kicked = self.kicked.wrapping_add(1);
    }

    /// The counters.
    pub const fn stats(&self) -> Stats {
        Stats {
            active_connections: self.fanout.subscribers() as u64,
            total_connections: self.connections,
            messages_received: self.fanout.published().wrapping_sub(self.received_before),
            messages_sent: self.fanout.delivered().wrapping_sub(self.sent_before),
            kicked_clients: self.kicked,
        }
    }

    fn publish<W: Write>(&mut self, body: &[u8], answer: &mut W) -> Result<Response, W::Error> {
        // Checked first, so that a body is published whole or not at all; and answered before, so that nobody is told
        // of a failure after which he had better not try again.
        let mut messages: u64 = 0;
        for message in lines::split(body, b'\n') {
            let len = message.len();
            let over = match self.fanout.check(len) {
                _ if len > self.max_message => Some(("max-message-bytes", self.max_message)),
                Err(TooLarge { capacity, .. }) => Some(("log-bytes", capacity)),
                Ok(()) => None,
            };
            if let Some((limit, bytes)) = over {
                write_fmt(answer, format_args!("message of {len} bytes is over the limit {limit} {bytes}\n"))?;
                return Ok(Response::text(Status::ContentTooLarge));
            }
            messages = messages.saturating_add(1);
        }
        let clients = self.fanout.subscribers();
        write_fmt(answer, format_args!("Published {messages} messages to {clients} clients.\n"))?;
        for message in lines::split(body, b'\n') {
            // Checked above.
            let _ = self.fanout.publish(message);
        }
        Ok(Response::text(Status::Ok))
    }

    fn answer_stats<W: Write>(&mut self, request: &Request<'_>, answer: &mut W) -> Result<Response, W::Error> {
        let stats = self.stats();
        let Stats { active_connections, total_connections, messages_received, messages_sent, kicked_clients } = stats;
        let mut response = Response::text(Status::Ok);
        if request.wants_json() {
            write_fmt(
                answer,
                format_args!(
                    "{{\"current_connections\": {active_connections},\"total_connections\": {total_connections},\
                     \"messages_received\": {messages_received},\"messages_sent\": {messages_sent},\
                     \"kicked_clients\": {kicked_clients}}}\n"
                ),
            )?;
            response = Response::json();
        } else {
            write_fmt(
                answer,
                format_args!(
                    "Active connections: {active_connections}\nTotal connections: {total_connections}\n\
                     Messages received: {messages_received}\nMessages sent: {messages_sent}\n\
                     Kicked clients: {kicked_clients}\n"
                ),
            )?;
        }
        if request.query.get("reset").is_some() && !request.head_only() {
            (self.received_before, self.sent_before) = (self.fanout.published(), self.fanout.delivered());
        }
        response.headers = Headers::Pubsub(stats);
        Ok(response)
    }
}

/// What a request to `/sub` asks for, or the line that says what is wrong with it.
fn subscription(request: &Request<'_>) -> Result<Subscription, &'static str> {
    let format = request.query.get("format");
    let wants_events = match format {
        Some(format) => format == *"sse",
        None => names_event_stream(request.accept),
    };
    let framing = if wants_events {
        Framing::Events
    } else {
        // As the original reads numbers: what is none counts as 0.
        match request.query.get("multipart") {
            Some(value) if value.integer().unwrap_or(0) == 0 => Framing::Lines,
            _ => Framing::Multipart,
        }
    };
    let header = core::str::from_utf8(request.last_event_id).ok().filter(|id| !id.is_empty());
    let last_seen = match (request.query.get("last_event_id"), header) {
        (Some(id), _) => event_number(&id).map(Some),
        (None, Some(id)) => id.trim().parse().ok().map(Some),
        (None, None) => Some(None),
    };
    let last_seen = last_seen.ok_or("last_event_id must be the number of an event\n")?;
    Ok(Subscription { framing, last_seen })
}

fn event_number(id: &Value<'_>) -> Option<u64> {
    let mut digits = [0; 20];
    let length = id.copy_to(&mut digits)?;
    core::str::from_utf8(digits.get(..length)?).ok()?.parse().ok()
}

fn names_event_stream(accept: &[u8]) -> bool {
    const EVENT_STREAM: &[u8] = b"text/event-stream";
    accept.windows(EVENT_STREAM.len()).any(|part| part.eq_ignore_ascii_case(EVENT_STREAM))
}
