//! What answers requests: the core's endpoints over an engine, and what only a host can do.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Gateway`] | all of a server: an engine and its subscribers, a thread for each shard |
//! | `declare` | what is there from the start on |
//! | `door` | one way in on one thread: a request is parsed, executed and rendered |
//! | `rest` | what is still queued when the server ends |
//! | `room` | where an answer's body is written, with a bound |
//! | `traced` | messages that carry the trace of the request that brings them |

pub(crate) mod declare;
mod door;
mod rest;
mod room;
mod traced;

pub(crate) use door::Door;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use streamgauge_core::endpoints::{self, Response, Surface};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{
    Command, Data, Engine as _, Kind, Name, Outcome, Part, Pieces, Prefix, QueueSettings, TopicSettings, TopicStats,
};
use streamgauge_core::select::HashKey;
use streamgauge_core::time::Time;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::engine::Engine as _;
use crate::engine::memory::{self, Budget, Follow, KeptError, Shards};
use crate::engine::{disk, remote};
use crate::gauges::{Directory, Gauges};
use crate::operations::metrics::{self, Form, Listed, Metrics};
use crate::operations::rights::Rights;
use crate::operations::service::Heir;
use crate::operations::{Health, Overview, State, Used};
use crate::queues::{OverflowLog, OverflowSettings};
use crate::server::{Answer, Files, Handlers, Limits, all_refused, serve, whole};
use crate::terminal::progress::{Progress, Unit};
use crate::terminal::{StartError, runtime};
use crate::threads::{Inbox, Threads};
use crate::topics::{self, Hub, Places};

/// What a server is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What endpoints have to know, at the first door.
    pub endpoints: endpoints::Settings,
    /// Its topics and queues.
    pub engine: memory::Settings,
    /// Threads that topics and queues are shared out to.
    pub shards: usize,
    /// Bytes that these may hold.
    pub memory: u64,
    /// Subscribers of all topics at the same time.
    pub max_subscribers: usize,
    /// A subscriber with more than so many bytes unsent is sent away.
    pub max_lag: u64,
    /// Where topics and queues are kept on the disk, if they are.
    pub disk: Option<disk::Settings>,
    /// What keeps topics and queues together with other gateways, if anything does.
    pub remote: Option<remote::Settings>,
    /// Where items are written that a limit pushes out, and what is left at the end.
    pub overflow: Option<OverflowSettings>,
    /// A folder whose files are served at the paths that no endpoint has.
    pub www: Option<PathBuf>,
    /// Who may do what; without any, everybody everything.
    pub rights: Option<Arc<Rights>>,
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
            engine: memory::Settings {
                defaults,
                main_topic: surface.has_topics().then_some(main_topic),
                main_queue: surface.has_queues().then_some(main_queue),
                max_names: 20_000,
                max_waiting: 20_000,
            },
            shards: 1,
            memory: 1 << 30,
            max_subscribers: 10_000,
            max_lag: 50 << 20,
            disk: None,
            remote: None,
            overflow: None,
            www: None,
            rights: None,
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
        match &self.engine.main_topic {
            Some(topic) => {
                let max_message = topic.max_message_bytes as usize;
                topics::worst_case(self.max_subscribers, max_message, self.shards)
            }
            None => 0,
        }
    }
}

/// The time makes sequence numbers of this life larger than those of any earlier one, so that a subscriber that comes
/// back after a restart is recognised. They stay below 2^53, as far as JavaScript counts.
fn first_sequence() -> u64 {
    jiff::Timestamp::now().as_microsecond().max(0).cast_unsigned()
}

/// Why nothing starts with what a folder holds, and what may help.
fn start_error(folder: &Path, error: &KeptError) -> StartError {
    let folder = folder.display();
    match error {
        KeptError::State(state) if state.is_loss() => StartError::new(format_args!(
            "--data-dir: {folder}: {error} (streamgauge data check {folder} says more, streamgauge data repair {folder} \
             goes on with what is left)"
        )),
        error => StartError::new(format_args!("--data-dir: {folder}: {error}")),
    }
}

/// Topics and queues that are ready to be served.
pub struct Gateway {
    /// One on each thread.
    sides: Vec<Arc<Side>>,
    threads: Threads,
    /// Of those threads that are not running yet.
    inboxes: Mutex<Vec<Inbox>>,
    /// What follows others, until it runs.
    follow: Mutex<Option<Follow>>,
    overflow: Option<Arc<OverflowLog>>,
    /// Who gets what is in memory at the end.
    heir: Mutex<Option<Heir>>,
    endpoints: endpoints::Settings,
    /// Bytes of the longest item that a queue may take.
    longest_item: u64,
}

/// What of a gateway is on one thread.
struct Side {
    engine: Shards,
    hub: Arc<Hub>,
    gauges: Arc<Gauges>,
    files: Option<Arc<Files>>,
    rights: Option<Arc<Rights>>,
    stop: watch::Sender<bool>,
    begun: Instant,
}

impl Gateway {
    /// Nothing published and nothing queued. `/exit` says true on `stop`.
    ///
    /// # Errors
    /// What can't be opened, or has no room.
    pub fn new(settings: Settings, stop: watch::Sender<bool>) -> Result<Arc<Self>, StartError> {
        Self::after(settings, stop, &[])
    }

    /// The same with what the process before this one has left, if that was in memory.
    ///
    /// # Errors
    /// What can't be opened, or has no room.
    pub(crate) fn after(settings: Settings, stop: watch::Sender<bool>, left: &[u8]) -> Result<Arc<Self>, StartError> {
        let wrong = |flag: &str, path: &Path, error: std::io::Error| {
            StartError::new(format_args!("{flag} {}: {error}", path.display()))
        };
        let log = |log| OverflowLog::open(log).map_err(|error| wrong("--overflow-log", &log.path, error));
        let overflow = settings.overflow.as_ref().map(log).transpose()?;
        let open = |folder: &PathBuf| Files::new(folder).map_err(|error| wrong("--www", folder, error));
        let files = settings.www.as_ref().map(open).transpose()?;
        let files = files.map(Arc::new);
        let key = match settings.hash_key {
            Some(key) => key,
            None => crate::hash_key::random().map_err(StartError::new)?,
        };
        let (threads, inboxes) = Threads::new(settings.shards);
        let mut follow = None;
        let engines = match (&settings.disk, &settings.remote) {
            (_, Some(remote)) => {
                let (engine, memory) = (&settings.engine, settings.memory);
                let ordered = Shards::ordered(engine, remote, memory, overflow.as_ref(), &threads);
                let (engines, following) =
                    ordered.map_err(|error| StartError::new(format_args!("--engine: {error}")))?;
                follow = Some(following);
                engines
            }
            (None, None) => {
                let budget = Budget::new(settings.memory);
                Shards::new(&settings.engine, &budget, overflow.as_ref(), &threads, left).map_err(StartError::new)?
            }
            (Some(disk), None) => {
                let (engine, memory) = (&settings.engine, settings.memory);
                let mut progress = Progress::new("recovering", Unit::Bytes, 0);
                let (engines, recovered) =
                    Shards::kept(engine, disk, memory, overflow.as_ref(), &threads, &mut |done, all| {
                        progress.reach(done, all);
                    })
                    .map_err(|error| start_error(&disk.folder, &error))?;
                drop(progress);
                recovered.tell(&disk.folder);
                engines
            }
        };
        let (key, places) = (Arc::new(key), Places::new(settings.max_subscribers));
        let directory = Arc::new(Directory::default());
        let side = |engine: Shards| {
            let hub = Hub::new(Arc::clone(engine.own()), settings.max_lag, Arc::clone(&key), places.clone());
            let gauges = Arc::new(Gauges::new(engine.clone(), Arc::clone(&directory)));
            gauges.restore();
            let (files, rights, stop) = (files.clone(), settings.rights.clone(), stop.clone());
            Arc::new(Side { engine, hub, gauges, files, rights, stop, begun: Instant::now() })
        };
        let sides: Vec<_> = engines.into_iter().map(side).collect();
        directory.set_all(&sides.iter().map(|side| Arc::clone(&side.gauges)).collect::<Vec<_>>());
        Ok(Arc::new(Self {
            sides,
            threads,
            inboxes: Mutex::new(inboxes),
            follow: Mutex::new(follow),
            overflow,
            heir: Mutex::new(None),
            endpoints: settings.endpoints,
            longest_item: settings.engine.defaults.queue.max_item_bytes,
        }))
    }

    /// What is in memory goes to another process at the end, which goes on with it.
    pub(crate) fn leave_to(&self, heir: Heir) {
        *self.heir.lock() = Some(heir);
    }

    /// The threads that it works on.
    pub(crate) const fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Opens the overflow log again, as after its file was renamed.
    pub fn reopen_overflow_log(&self) {
        if let Some(log) = &self.overflow {
            log.reopen();
        }
    }

    /// Serves it on each of `doors`, until `shutdown` says true; subscribers then get what is pending and an end, and
    /// what is queued goes to the overflow log.
    ///
    /// # Errors
    /// When the operating system has no thread for a shard, or for a disk.
    pub async fn run(
        self: Arc<Self>,
        doors: Vec<(TcpListener, Surface)>,
        limits: Limits,
        shutdown: watch::Receiver<bool>,
    ) -> Result<(), StartError> {
        self.run_after(async { Ok(()) }, doors, limits, shutdown).await
    }

    /// Serves it on each of `doors` once `first` is done, until `shutdown` says true; subscribers then get what is pending
    /// and an end, and what is queued goes to the overflow log.
    ///
    /// # Errors
    /// When the operating system has no thread for a shard, or for a disk; and those of `first`.
    pub(crate) async fn run_after(
        self: Arc<Self>,
        first: impl Future<Output = Result<(), StartError>>,
        doors: Vec<(TcpListener, Surface)>,
        limits: Limits,
        shutdown: watch::Receiver<bool>,
    ) -> Result<(), StartError> {
        let served = async {
            first.await?;
            let serving = doors.into_iter().map(|(listener, surface)| {
                let doors = self.sides.iter().map(|side| self.door_on(side, surface, limits.clone()));
                let handlers = Handlers::new(self.threads.clone(), doors.collect());
                tokio::spawn(serve(listener, handlers, limits.clone(), shutdown.clone()))
            });
            for door in serving.collect::<Vec<_>>() {
                let _ = door.await;
            }
            Ok(())
        };
        self.run_around(served, shutdown.clone()).await
    }

    /// Does all that goes on beside answering requests until `serving` is over, which `shutdown` ends.
    pub(crate) async fn run_around(
        self: &Arc<Self>,
        serving: impl Future<Output = Result<(), StartError>>,
        shutdown: watch::Receiver<bool>,
    ) -> Result<(), StartError> {
        if let Some(log) = &self.overflow {
            log.start();
        }
        for side in &self.sides {
            side.engine.own().start().map_err(|error| StartError::new(format_args!("--data-dir: {error}")))?;
        }
        let follow = self.follow.lock().take();
        let mut follow = std::pin::pin!(async {
            match follow {
                Some(follow) => follow.await,
                None => std::future::pending().await,
            }
        });
        let served = watch::Sender::new(false);
        let mut inboxes = std::mem::take(&mut *self.inboxes.lock()).into_iter();
        let sides = self.sides.iter().cloned().zip(inboxes.by_ref());
        let ended = watch::Sender::new(false);
        let mut works = sides.map(|(side, inbox)| {
            let (work, ends) = (side.work(inbox, shutdown.clone(), served.subscribe()), Ends(ended.clone()));
            async move {
                let _ends = ends;
                work.await;
            }
        });
        let here = works.next();
        let mut others = Vec::new();
        for (at, work) in works.enumerate() {
            let runtime = runtime()?;
            let thread = thread::Builder::new().name(format!("shard {}", at + 1));
            let thread = thread.spawn(move || runtime.block_on(work));
            others.push(thread.map_err(|error| StartError::new(format_args!("--shards: {error}")))?);
        }
        let here = here.map(tokio::spawn);
        let mut too_early = ended.subscribe();
        tokio::select! {
            biased;
            served = serving => served?,
            stop = &mut follow => return Err(StartError::new(format_args!("--engine: {stop}"))),
            // Without it nothing is sent on and no lease ends: whoever watches this process should start it again.
            _ = too_early.wait_for(|ended| *ended) => {
                return Err(StartError::new("a thread of the server ended by an error of its own"));
            }
        }
        served.send_replace(true);
        if let Some(here) = here {
            let _ = here.await;
        }
        for other in others {
            let _ = other.join();
        }
        // Connections that outlive their grace must not take or bring anything behind the back of what is written now.
        self.sides.iter().for_each(|side| side.engine.own().close());
        for side in &self.sides {
            side.engine.own().finish().await;
        }
        // A disk may keep it waiting: on a thread of its own it does not keep a second signal from ending all at once.
        let gateway = Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || gateway.leave()).await;
        Ok(())
    }

    /// Hands what is in memory on, or writes what is queued there.
    fn leave(&self) {
        let (engine, log) = (&self.sides[0].engine, self.overflow.as_deref());
        if let Some(heir) = self.heir.lock().take() {
            let notes: Vec<_> = self.sides.iter().map(|side| side.gauges.notes()).collect();
            match rest::hand(engine, &notes, heir) {
                Ok(()) => return rest::finish(log),
                Err(error) => tracing::error!(%error, "the process that was to go on is not there any more"),
            }
        }
        rest::leave(engine.all(), log);
    }

    /// A way to the first side, for a server that has one alone, and answers some requests itself.
    pub(crate) fn door(&self, surface: Surface, limits: Limits) -> Arc<Door> {
        self.door_on(&self.sides[0], surface, limits)
    }

    fn door_on(&self, side: &Arc<Side>, surface: Surface, limits: Limits) -> Arc<Door> {
        let endpoints = endpoints::Settings { surface, ..self.endpoints.clone() };
        let longest_item = usize::try_from(self.longest_item).unwrap_or(usize::MAX);
        Arc::new(Door::new(Arc::clone(side), endpoints, limits, longest_item))
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

    /// Executes a command on `main`, whoever has to wait.
    fn execute(&self, command: &Command<'_>) -> Outcome {
        let shard = self.sides[0].engine.of_main();
        let now = shard.clock().now();
        shard.with(|memory| memory.execute(command, now, &mut |_: Part<'_>| ControlFlow::Continue(())))
    }
}

/// Says true when it is dropped.
struct Ends(watch::Sender<bool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl Side {
    /// How all is that it needs.
    fn health(&self) -> Health {
        let mut health = Health::default();
        if self.engine.own().keeper().is_some() {
            let full = self.engine.all().iter().find_map(|shard| shard.keeper()?.full());
            health.note("disk", full.map_or(State::Ok, State::Limited));
        }
        if let Some(order) = self.engine.own().order() {
            health.note("engine", order.away().map_or(State::Ok, State::Failing));
        }
        if *self.stop.borrow() {
            health.note("stop", State::Failing("the server stops".to_owned()));
        }
        health
    }

    /// How much it uses of its bounds.
    fn overview(&self) -> Overview {
        let own = self.engine.own();
        let (bytes, most) = own.memory();
        let memory = Used { bytes, most };
        let disk = own.keeper().map(|keeper| keeper.used()).map(|(bytes, most)| Used { bytes, most });
        let (refused, refusals) = all_refused();
        Overview { up: self.begun.elapsed(), memory, disk, refused, refusals }
    }

    /// All that is counted.
    async fn metrics(&self, form: Form) -> Answer {
        let mut out = Metrics::new(form);
        let now = self.engine.own().clock().now();
        let began = Time::from_millis(now.as_millis().saturating_sub(self.begun.elapsed().as_millis() as u64));
        metrics::server(&self.overview(), &self.health(), began, &mut out);
        let all = |kind| Command::List { kind, prefix: Prefix::cut(b"") };
        let (mut topics, mut queues) = (Listed::default(), Listed::default());
        self.engine.execute(&all(Kind::Topic), &mut topics).await;
        self.engine.execute(&all(Kind::Queue), &mut queues).await;
        metrics::topics(topics, &mut out);
        metrics::queues(queues, now, &mut out);
        whole(&Response::new(form.content_type()), out.finish().into_bytes())
    }

    /// Does all that goes on on its thread beside answering requests, until these are `served`.
    async fn work(
        self: Arc<Self>,
        mut inbox: Inbox,
        shutdown: watch::Receiver<bool>,
        mut served: watch::Receiver<bool>,
    ) {
        let shard = self.engine.own();
        let working = async {
            tokio::join!(
                inbox.work(),
                shard.keep_time(),
                shard.gather(),
                shard.release(),
                shard.keep_checkpoints(),
                self.engine.hand_letters_on(),
                self.gauges.feed(),
                self.gauges.heed_notes()
            );
        };
        let pumping = async {
            Arc::clone(&self.hub).pump(shutdown).await;
            // It ends with the shutdown that ended the doors, once the subscribers are gone.
            let _ = served.wait_for(|served| *served).await;
        };
        tokio::select! {
            () = working => {}
            () = pumping => {}
            error = shard.failed() => tracing::error!(error, "the disk has failed, and nothing can be kept any more"),
        }
    }
}
