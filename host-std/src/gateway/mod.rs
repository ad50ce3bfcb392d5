//! What answers requests: the core's endpoints over a shard, and what only a host can do.

mod room;

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;
use streamgauge_core::endpoints::{self, Headers, Method, Reply, Request, Response, Status, Surface, nothing};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{
    Command, Data, Dump, Engine as _, Name, Outcome, Part, Pieces, QueueSettings, TopicSettings, TopicStats,
};
use streamgauge_core::select::HashKey;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::engine::{Budget, Settings as ShardSettings, Shard};
use crate::queues::{self, OverflowLog, OverflowSettings};
use crate::server::{Answer, Body, Context, Files, Handler, Limits, into_http, serve, whole};
use crate::terminal::StartError;
use crate::topics::{self, Hub};
use room::{NoRoom, Room};

/// What a server is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What endpoints have to know, at the first door.
    pub endpoints: endpoints::Settings,
    /// Its topics and queues.
    pub shard: ShardSettings,
    /// Bytes that these may hold.
    pub memory: u64,
    /// Subscribers of all topics at the same time.
    pub max_subscribers: usize,
    /// A subscriber with more than so many bytes unsent is sent away.
    pub max_lag: u64,
    /// Where items are written that a limit pushes out, and what is left at the end.
    pub overflow: Option<OverflowSettings>,
    /// A folder whose files are served at the paths that no endpoint has.
    pub www: Option<PathBuf>,
    /// The key of the hashes that subscribers ask for; random if there is none.
    pub hash_key: Option<HashKey>,
}

impl Settings {
    /// What a server with these endpoints has that was not told otherwise: the topic and the queue `main` of its kinds.
    pub fn new(surface: Surface) -> Self {
        let defaults = Defaults { first: first_sequence(), ..Defaults::default() };
        let main_topic = TopicSettings { bytes: 64 << 20, ..defaults.topic };
        let main_queue = QueueSettings { bytes: 256 << 20, ..defaults.queue };
        Self {
            endpoints: endpoints::Settings::new(surface),
            shard: ShardSettings {
                defaults,
                main_topic: surface.has_topics().then_some(main_topic),
                main_queue: surface.has_queues().then_some(main_queue),
                max_names: 20_000,
                max_waiting: 20_000,
            },
            memory: 1 << 30,
            max_subscribers: 10_000,
            max_lag: 50 << 20,
            overflow: None,
            www: None,
            hash_key: None,
        }
    }

    /// The most memory that topics, queues, subscribers and the overflow log can take, in bytes.
    pub const fn worst_case(&self) -> u64 {
        self.memory.saturating_add(self.subscribers()).saturating_add(self.overflow_log())
    }

    /// The part of it that the overflow log takes.
    pub const fn overflow_log(&self) -> u64 {
        match &self.overflow {
            Some(log) => log.worst_case(),
            None => 0,
        }
    }

    /// The part of it that subscribers take.
    pub const fn subscribers(&self) -> u64 {
        match &self.shard.main_topic {
            Some(topic) => topics::worst_case(self.max_subscribers, topic.max_message_bytes as usize),
            None => 0,
        }
    }
}

/// The time makes sequence numbers of this life larger than those of any earlier one, so that a subscriber that comes
/// back after a restart is recognised. They stay below 2^53, as far as JavaScript counts.
fn first_sequence() -> u64 {
    jiff::Timestamp::now().as_microsecond().max(0).cast_unsigned()
}

/// Topics and queues that are ready to be served.
pub struct Gateway {
    shard: Arc<Shard>,
    hub: Arc<Hub>,
    overflow: Option<Arc<OverflowLog>>,
    files: Option<Files>,
    endpoints: endpoints::Settings,
    stop: watch::Sender<bool>,
}

/// One way to a gateway: a port.
pub(crate) struct Door {
    gateway: Arc<Gateway>,
    endpoints: endpoints::Settings,
    limits: Limits,
}

/// Bytes of a `/dump` that are copied at a time.
const DUMP_PIECE: usize = 64 << 10;

impl Gateway {
    /// Nothing published and nothing queued. `/exit` says true on `stop`.
    ///
    /// # Errors
    /// What can't be opened, or has no room.
    pub fn new(settings: Settings, stop: watch::Sender<bool>) -> Result<Arc<Self>, StartError> {
        let wrong = |flag: &str, error: std::io::Error| StartError::new(format_args!("{flag}: {error}"));
        let log = settings.overflow.as_ref().map(OverflowLog::open).transpose();
        let overflow = log.map_err(|error| wrong("--overflow-log", error))?;
        let files = settings.www.as_deref().map(Files::new).transpose().map_err(|error| wrong("--www", error))?;
        let key = match settings.hash_key {
            Some(key) => key,
            None => crate::hash_key::random().map_err(StartError::new)?,
        };
        let endpoints = settings.endpoints;
        let shard =
            Shard::new(settings.shard, Budget::new(settings.memory), overflow.clone()).map_err(StartError::new)?;
        let hub = Hub::new(Arc::clone(&shard), settings.max_lag, key);
        Ok(Arc::new(Self { shard, hub, overflow, files, endpoints, stop }))
    }

    /// Opens the overflow log again, as after its file was renamed.
    pub fn reopen_overflow_log(&self) {
        if let Some(log) = &self.overflow {
            log.reopen();
        }
    }

    /// Serves it on each of `doors`, until `shutdown` says true; subscribers then get what is pending and an end, and
    /// what is queued goes to the overflow log.
    pub async fn run(
        self: Arc<Self>,
        doors: Vec<(TcpListener, Surface)>,
        limits: Limits,
        shutdown: watch::Receiver<bool>,
    ) {
        let serving = doors.into_iter().map(|(listener, surface)| {
            let door = self.door(surface, limits.clone());
            tokio::spawn(serve(listener, door, limits.clone(), shutdown.clone()))
        });
        let serving: Vec<_> = serving.collect();
        let served = async {
            for door in serving {
                let _ = door.await;
            }
        };
        self.run_around(served, shutdown.clone()).await;
    }

    /// Does all that goes on beside answering requests until `serving` is over, which `shutdown` ends.
    pub(crate) async fn run_around(
        self: &Arc<Self>,
        serving: impl Future<Output = ()>,
        shutdown: watch::Receiver<bool>,
    ) {
        if let Some(log) = &self.overflow {
            log.start();
        }
        let pump = tokio::spawn(Arc::clone(&self.hub).pump(shutdown));
        let shard = Arc::clone(&self.shard);
        let time = tokio::spawn(async move { shard.keep_time().await });
        serving.await;
        // It ends with the shutdown that ended the doors, once the subscribers are gone.
        let _ = pump.await;
        time.abort();
        // A disk may keep it waiting: on a thread of its own it does not keep a second signal from ending all at once.
        let (shard, log) = (Arc::clone(&self.shard), self.overflow.clone());
        let _ = tokio::task::spawn_blocking(move || queues::leave(&shard, log.as_deref())).await;
    }

    /// A way to it, for a server that answers some requests itself.
    pub(crate) fn door(self: &Arc<Self>, surface: Surface, limits: Limits) -> Arc<Door> {
        let endpoints = endpoints::Settings { surface, ..self.endpoints.clone() };
        Arc::new(Door { gateway: Arc::clone(self), endpoints, limits })
    }

    /// Publishes one message from within; false when it is longer than a limit.
    pub(crate) fn publish(&self, message: &[u8]) -> bool {
        let messages = Pieces::whole(Data::Plain(message));
        let publish = Command::Publish { topic: Name::MAIN, messages, id: None };
        matches!(self.execute(&publish), Outcome::Published(_))
    }

    /// What the topic `main` counts.
    pub(crate) fn topic_stats(&self) -> TopicStats {
        match self.execute(&Command::TopicStats { topic: Name::MAIN, reset: false }) {
            Outcome::TopicStats(stats) => stats,
            _ => TopicStats::default(),
        }
    }

    fn execute(&self, command: &Command<'_>) -> Outcome {
        let now = self.shard.clock().now();
        self.shard.with(|memory| memory.execute(command, now, &mut |_: Part<'_>| ControlFlow::Continue(())))
    }

    /// Only from this machine, and not for a page that its user looks at.
    fn exit(&self, context: &Context<'_>) -> Answer {
        let is_here = context.peer.ip().to_canonical().is_loopback();
        if !is_here || context.other_page || !context.own_name {
            let line: &[u8] = if is_here { b"/exit is not for pages\n" } else { b"/exit is only for loopback\n" };
            let mut response = into_http(&Response::text(Status::Ok), line.to_vec().into());
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Answer::Response(response);
        }
        self.stop.send_replace(true);
        whole(&Response::text(Status::Ok), Vec::new())
    }
}

impl Handler for Door {
    fn call_now(self: &Arc<Self>, request: &Request<'_>, context: &Context<'_>) -> Option<Answer> {
        if context.gone && takes(request) {
            return Some(whole(&nothing(), Vec::new()));
        }
        if request.query.get("wait").is_some() {
            return None;
        }
        let mut room = Room::new(context.room);
        let reply = self.gateway.shard.answer_now(request, &self.within(context), &mut room)?;
        Some(self.answer(request, context, reply, room))
    }

    async fn call(self: &Arc<Self>, request: Request<'_>, context: &Context<'_>) -> Answer {
        let mut room = Room::new(context.room);
        match self.gateway.shard.answer(&request, &self.within(context), &mut room).await {
            Ok(Reply::Wait(queue, wait)) => self.wait(&request, context, queue, Instant::now() + wait).await,
            reply => self.answer(&request, context, reply, room),
        }
    }

    fn methods(&self, path: &[u8]) -> &'static [Method] {
        endpoints::methods(path, self.endpoints.surface)
    }

    fn changes(&self, request: &Request<'_>) -> bool {
        endpoints::changes(request, self.endpoints.surface)
    }
}

impl Door {
    /// What endpoints have to know, and answers no longer than this client may have.
    fn within(&self, context: &Context<'_>) -> Cow<'_, endpoints::Settings> {
        let room = context.room.saturating_sub(room::SEPARATOR);
        if self.endpoints.max_answer <= room {
            return Cow::Borrowed(&self.endpoints);
        }
        Cow::Owned(endpoints::Settings { max_answer: room, ..self.endpoints.clone() })
    }

    fn answer(&self, request: &Request<'_>, context: &Context<'_>, reply: Result<Reply, NoRoom>, room: Room) -> Answer {
        let Gateway { shard, hub, files, .. } = &*self.gateway;
        let answer = room.into_bytes();
        match reply {
            Ok(Reply::Response(response)) => {
                // What is not found because it has no such name says so.
                let is_nowhere = response.status == Status::NotFound && answer.is_empty();
                let file = || files.as_ref().filter(|_| is_nowhere)?.answer(request, context);
                file().unwrap_or_else(|| whole(&response, answer))
            }
            Ok(Reply::Subscribe(subscription)) => {
                let origin = self.limits.allowed_origin(context.field("origin"));
                hub.subscribe(request, context, &subscription, origin)
            }
            Ok(Reply::Clients(topic, json)) => {
                let response = if json { Response::JSON } else { Response::text(Status::Ok) };
                whole(&response, hub.list_clients(&topic, json))
            }
            Ok(Reply::Dump(dump)) => dump_pieces(Arc::clone(shard), dump),
            Ok(Reply::Exit) => self.gateway.exit(context),
            Ok(_) => whole(&Response::text(Status::NotFound), answer),
            Err(NoRoom) => {
                let headers = Headers::RetryAfter(1);
                let response = Response { headers, ..Response::text(Status::ServiceUnavailable) };
                whole(&response, b"the limit max-buffered-bytes is reached: this answer is too long for now\n".to_vec())
            }
        }
    }

    /// Asks again whenever there may be an item, until there is one or the time is over.
    async fn wait(&self, request: &Request<'_>, context: &Context<'_>, queue: Name, until: Instant) -> Answer {
        let shard = &self.gateway.shard;
        let place = shard.wait_for_items(queue);
        loop {
            let mut room = Room::new(context.room);
            match shard.answer(request, &self.within(context), &mut room).await {
                Ok(Reply::Wait(..)) => {}
                reply => return self.answer(request, context, reply, room),
            }
            tokio::select! {
                () = place.rung() => {}
                () = sleep_until(until) => return whole(&nothing(), Vec::new()),
            }
        }
    }
}

/// Whether items leave the queue for the answer.
fn takes(request: &Request<'_>) -> bool {
    request.path.starts_with(b"/get") || request.path.starts_with(b"/mget")
}

/// All that is queued, copied a piece at a time as the client takes it.
fn dump_pieces(shard: Arc<Shard>, mut dump: Dump) -> Answer {
    let mut more = true;
    let pieces = move || {
        if !more {
            return None;
        }
        let mut piece = Vec::with_capacity(DUMP_PIECE);
        more = shard.dump(&mut dump, &mut piece, DUMP_PIECE);
        (!piece.is_empty()).then(|| piece.into())
    };
    Answer::Response(into_http(&Response::text(Status::Ok), Body::Pieces(Box::new(pieces))))
}
