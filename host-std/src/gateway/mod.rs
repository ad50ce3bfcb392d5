//! What answers requests: the core's endpoints over an engine, and what only a host can do.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Gateway`] | all of a server: an engine and its subscribers, a thread for each shard |
//! | `declare` | what is there from the start on |
//! | `door` | one way in on one thread: a request is parsed, executed and rendered |
//! | `making` | what it is made of |
//! | `rehearsal` | what one would say of what is put, before it is |
//! | `rest` | what is still queued when the server ends |
//! | `room` | where an answer's body is written, with a bound |
//! | `settings` | what a server is made with |
//! | `side` | what of a gateway is on one thread |
//! | `telling` | what is told of a command, written in the room that there is for it |
//! | `traced` | messages that carry the trace of the request that brings them |

pub(crate) mod declare;
mod door;
mod making;
mod rehearsal;
mod rest;
mod room;
mod settings;
mod side;
mod telling;
mod traced;

pub(crate) use door::Door;
pub(crate) use making::Beside;
pub(crate) use rehearsal::Rehearsal;
pub use settings::Settings;

pub use crate::engine::disk::{Settings as DiskSettings, SyncMode};
pub use crate::engine::memory::Settings as EngineSettings;
pub use crate::engine::remote::{Credentials, Settings as RemoteSettings};
pub use crate::queues::{Format as OverflowFormat, OverflowSettings};

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use streamgauge_core::endpoints::{self, Surface};
use streamgauge_core::engine::{Command, Data, Engine as _, Name, Outcome, Part, Pieces, TopicStats};
use streamgauge_core::time::Time;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::engine::Clock;
use crate::engine::disk::Notes;
use crate::engine::memory::{Follow, Shards};
use crate::gauges::{Directory, Gauges};
use crate::operations::rights::Rights;
use crate::operations::service::{Heir, Refused};
use crate::queues::OverflowLog;
use crate::server::{Handlers, Limits, serve};
use crate::terminal::{StartError, runtime, warn};
use crate::threads::{Inbox, Threads};
use crate::topics::{Hub, Places};
use making::Engines;
use side::Side;

/// When this process began, for who collects what it counts. It is taken once: the same whoever asks when, however the
/// clock is set, and where another process was to go on with all of it and did not.
static BEGUN: LazyLock<(Instant, Time)> = LazyLock::new(|| (Instant::now(), Clock::new().now()));

/// How often it is looked whether others were joined.
const LOOK: Duration = Duration::from_millis(50);

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
    /// Whether it did not take it.
    is_refused: AtomicBool,
    /// Who may do what; without any, everybody everything.
    rights: Option<Arc<Rights>>,
    endpoints: endpoints::Settings,
    /// Bytes of the longest item that a queue may take.
    longest_item: u64,
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
        let beside = Beside::open(&settings)?;
        let threads = Threads::new(settings.shards);
        let engines = making::engines(&settings, beside.overflow.as_ref(), &threads.0, left)?;
        Ok(Self::of(settings, beside, engines, threads, &stop))
    }

    /// One of all that it is made of.
    fn of(
        settings: Settings,
        beside: Beside,
        (engines, follow): Engines,
        (threads, inboxes): (Threads, Vec<Inbox>),
        stop: &watch::Sender<bool>,
    ) -> Arc<Self> {
        let Beside { overflow, files, key } = beside;
        let (key, places) = (Arc::new(key), Places::new(settings.max_subscribers));
        let directory = Arc::new(Directory::default());
        let rests = side::rests(&engines);
        let side = |engine: Shards| {
            let hub = Hub::new(Arc::clone(engine.own()), settings.max_lag, Arc::clone(&key), places.clone());
            let gauges = Arc::new(Gauges::new(engine.clone(), Arc::clone(&directory)));
            gauges.restore();
            let (files, stop) = (files.clone(), stop.clone());
            let rests = Arc::clone(&rests);
            Arc::new(Side { engine, hub, gauges, files, stop, begun: *BEGUN, rests })
        };
        let sides: Vec<_> = engines.into_iter().map(side).collect();
        directory.set_all(&sides.iter().map(|side| Arc::clone(&side.gauges)).collect::<Vec<_>>());
        Arc::new(Self {
            sides,
            threads,
            inboxes: Mutex::new(inboxes),
            follow: Mutex::new(follow),
            overflow,
            heir: Mutex::new(None),
            is_refused: AtomicBool::new(false),
            rights: settings.rights,
            endpoints: settings.endpoints,
            longest_item: settings.engine.defaults.queue.max_item_bytes,
        })
    }

    /// What is in memory goes to another process at the end, which goes on with it.
    pub(crate) fn leave_to(&self, heir: Heir) {
        *self.heir.lock() = Some(heir);
    }

    /// Whether the queue `main` takes what is published on the topic `main`; `None` if it is not there.
    pub(crate) fn is_bridged(&self) -> Option<bool> {
        let settings = self.sides[0].engine.shard_of(&Name::MAIN).with(|memory| memory.queue_settings(&Name::MAIN));
        settings.map(|settings| settings.topic == Some(Name::MAIN))
    }

    /// Waits until it has joined the others with which it keeps everything, if there are any.
    pub(crate) async fn joined(&self) {
        let shard = self.sides[0].engine.own();
        while shard.order().is_some() && !shard.has_joined() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether it ends for another process to go on.
    pub(crate) fn has_heir(&self) -> bool {
        self.heir.lock().is_some()
    }

    /// What was left in memory when it ended, if the process that was to go on with it did not.
    ///
    /// # Errors
    /// There are none: memory takes it.
    pub(crate) fn take_back(&self) -> std::io::Result<Option<Vec<u8>>> {
        if !self.is_refused.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut left = Vec::new();
        rest::write_left(&self.sides[0].engine, &self.notes(), &mut left)?;
        Ok(Some(left))
    }

    /// The definitions of the gauges of each side.
    fn notes(&self) -> Vec<Notes> {
        self.sides.iter().map(|side| side.gauges.notes()).collect()
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
                let door = |side| self.door_on(side, self.rights.clone(), surface, limits.clone());
                let doors = self.sides.iter().map(door);
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
        // What is still to be read for the log lies in files that the last checkpoint gives back.
        if let Some(log) = self.overflow.clone() {
            let read = tokio::task::spawn_blocking(move || log.finish_reading()).await;
            read.map_err(StartError::new)?;
        }
        for side in &self.sides {
            side.engine.own().finish().await;
        }
        // A disk may keep it waiting: on a thread of its own it does not keep a second signal from ending all at once.
        let gateway = Arc::clone(self);
        let left = tokio::task::spawn_blocking(move || gateway.leave()).await;
        left.map_err(|error| StartError::new(format_args!("what was in memory at the end was not kept: {error}")))
    }

    /// Hands what is in memory on, or writes what is queued there.
    fn leave(&self) {
        let (engine, log) = (&self.sides[0].engine, self.overflow.as_deref());
        let heir = self.heir.lock().take();
        if let Some(heir) = heir {
            match rest::hand(engine, &self.notes(), heir) {
                Ok(()) => return rest::finish(log),
                Err(Refused::Failed(why)) => {
                    warn(format_args!("upgrade: {why}; this process goes on"));
                    self.is_refused.store(true, Ordering::Relaxed);
                    return rest::finish(log);
                }
                Err(Refused::Unwanted) => {}
            }
        }
        rest::leave(engine.all(), log);
    }

    /// A way to the first side, for a server that has one alone, and answers some requests itself.
    pub(crate) fn door(&self, surface: Surface, limits: Limits) -> Arc<Door> {
        self.door_on(&self.sides[0], self.rights.clone(), surface, limits)
    }

    fn door_on(&self, side: &Arc<Side>, rights: Option<Arc<Rights>>, surface: Surface, limits: Limits) -> Arc<Door> {
        let endpoints = endpoints::Settings { surface, ..self.endpoints.clone() };
        let longest_item = usize::try_from(self.longest_item).unwrap_or(usize::MAX);
        Arc::new(Door::new(Arc::clone(side), rights, endpoints, limits, longest_item))
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
        let shard = self.sides[0].engine.shard_of(&Name::MAIN);
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
