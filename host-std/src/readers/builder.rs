//! What a reader is to do, and how.

use core::fmt::{self, Display};
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use streamgauge_core::reader::{MAX_TASKS, Policy, Task as CoreTask};
use streamgauge_core::stats::Moments;
use tokio::sync::Semaphore;

use super::{Clock, Failed, Heartbeat, IntoReport, Message, Pool, Reader, Refusal, Report, Shared, State, Task};
use crate::client::{Limits, Url};

pub(super) type Run = Box<dyn Fn(Message) -> Pin<Box<dyn Future<Output = Report> + Send>> + Send + Sync>;
pub(super) type Preprocess = Box<dyn Fn(Message) -> Result<Message, Refusal> + Send + Sync>;
pub(super) type Validate = Box<dyn Fn(&Message) -> Result<bool, Refusal> + Send + Sync>;
pub(super) type GiveUp = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Numbers and times, with the defaults of the original.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) mget_items: usize,
    /// How long items are borrowed, from queues that lend them.
    pub(super) lease: Option<Duration>,
    pub(super) concurrency: usize,
    pub(super) drain: bool,
    pub(super) failed_pause: Duration,
    pub(super) empty_pause: Duration,
    pub(super) requeue_pause: Duration,
}

/// Describes a [`Reader`].
#[must_use]
pub struct Builder {
    queues: Vec<Url>,
    name: String,
    settings: Settings,
    limits: Limits,
    tasks: Vec<(String, Option<usize>, Run)>,
    preprocess: Option<Preprocess>,
    validate: Option<Validate>,
    on_giveup: Option<GiveUp>,
    failed_message_dir: Option<PathBuf>,
    heartbeat_file: Option<PathBuf>,
}

impl Builder {
    pub(super) fn new(queue: Url) -> Self {
        let seconds = Duration::from_secs;
        Self {
            queues: vec![queue],
            name: "reader".to_owned(),
            settings: Settings {
                policy: Policy::default(),
                mget_items: 0,
                lease: Some(seconds(60)),
                concurrency: 1,
                drain: false,
                failed_pause: seconds(5),
                empty_pause: Duration::from_millis(500),
                requeue_pause: seconds(1),
            },
            // What is refused because it is long was lent or taken all the same. How long answers are is up to the queue.
            limits: Limits { body: 1 << 30, ..Limits::default() },
            tasks: Vec::new(),
            preprocess: None,
            validate: None,
            on_giveup: None,
            failed_message_dir: None,
            heartbeat_file: None,
        }
    }

    /// Reads this queue too. `queue=NAME` in its query names one of a server that has several. Queues are asked in turn; one that fails is skipped for a while, and what can't be put
    /// back where it came from goes to another one.
    pub fn queue(mut self, queue: Url) -> Self {
        self.queues.push(queue);
        self
    }

    /// The name of the folder for failed messages. `reader` by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Does this with every item, until it has succeeded once or the item is given up. Tasks are run one after
    /// another, in the order in which they were added.
    pub fn task<F, R>(self, name: impl Into<String>, task: F) -> Self
    where
        F: Fn(Message) -> R + Send + Sync + 'static,
        R: Future<Output: IntoReport> + Send + 'static,
    {
        self.add(name.into(), None, task)
    }

    /// The same, for at most so many items at a time.
    pub fn task_limited<F, R>(self, name: impl Into<String>, at_a_time: usize, task: F) -> Self
    where
        F: Fn(Message) -> R + Send + Sync + 'static,
        R: Future<Output: IntoReport> + Send + 'static,
    {
        self.add(name.into(), Some(at_a_time.max(1)), task)
    }

    fn add<F, R>(mut self, name: String, at_a_time: Option<usize>, task: F) -> Self
    where
        F: Fn(Message) -> R + Send + Sync + 'static,
        R: Future<Output: IntoReport> + Send + 'static,
    {
        let run: Run = Box::new(move |message| {
            let running = task(message);
            Box::pin(async move { running.await.into_report() })
        });
        self.tasks.push((name, at_a_time, run));
        self
    }

    /// An item that has failed more often than this is given up. 5 by default.
    pub fn max_tries(mut self, max_tries: u32) -> Self {
        self.settings.policy.max_tries = max_tries;
        self
    }

    /// The wait after the n-th failure of an item is n times this. 90 s by default.
    pub fn requeue_delay(mut self, delay: Duration) -> Self {
        self.settings.policy.requeue_delay = delay;
        self
    }

    /// The longest rest between items when tasks fail. 120 s by default.
    pub fn max_backoff(mut self, rest: Duration) -> Self {
        self.settings.policy.max_backoff = rest;
        self
    }

    /// Gets so many items at once; 0, the default, gets one. From a queue without leases so many are lost when the
    /// process is killed.
    pub fn mget_items(mut self, items: usize) -> Self {
        self.settings.mget_items = items;
        self
    }

    /// Borrows items for so long, from queues that lend them: so late they come back when the process is killed. What
    /// takes longer is borrowed for longer, in time. 60 s by default.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = Some(lease.max(Duration::from_millis(1)));
        self
    }

    /// Takes items instead of borrowing them, from every queue: with the envelope, as the original does.
    pub fn no_leases(mut self) -> Self {
        self.settings.lease = None;
        self
    }

    /// Works on so many items at a time. 1 by default.
    pub fn concurrency(mut self, items: usize) -> Self {
        self.settings.concurrency = items;
        self
    }

    /// Ends once every queue is empty: nothing is left, not even what has to be tried again. One that refuses in a way
    /// that waiting does not change is not waited for: [`Status::refused`](super::Status::refused) says so.
    pub fn drain(mut self) -> Self {
        self.settings.drain = true;
        self
    }

    /// Alters data before it is validated and the tasks are run; what is put back on the queue is as it was.
    pub fn preprocess(
        mut self,
        preprocess: impl Fn(Message) -> Result<Message, Refusal> + Send + Sync + 'static,
    ) -> Self {
        self.preprocess = Some(Box::new(preprocess));
        self
    }

    /// Says whether data is for this reader; what is not is dropped, which is a success.
    pub fn validate(mut self, validate: impl Fn(&Message) -> Result<bool, Refusal> + Send + Sync + 'static) -> Self {
        self.validate = Some(Box::new(validate));
        self
    }

    /// Is given the envelope of each item that is given up, before it is written to the failed-message folder.
    pub fn on_giveup(mut self, on_giveup: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        self.on_giveup = Some(Box::new(on_giveup));
        self
    }

    /// Keeps what is given up, and what is not JSON, as `folder/name/YYYYMMDD-HHMMSS.N.json`. A new temporary folder by
    /// default.
    pub fn failed_message_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.failed_message_dir = Some(folder.into());
        self
    }

    /// Touches this file every 10 s, between items and while it waits, but not while a task runs.
    pub fn heartbeat_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.heartbeat_file = Some(file.into());
        self
    }

    /// How long a queue that fails is left alone, at first. 5 s by default.
    pub fn failed_pause(mut self, pause: Duration) -> Self {
        self.settings.failed_pause = pause;
        self
    }

    /// How often a queue with nothing to do is asked. 0.5 s by default.
    pub fn empty_pause(mut self, pause: Duration) -> Self {
        self.settings.empty_pause = pause;
        self
    }

    /// How long to rest after an item that has to be tried again. 1 s by default.
    pub fn requeue_pause(mut self, pause: Duration) -> Self {
        self.settings.requeue_pause = pause;
        self
    }

    /// How long to wait for a queue, and how much to take from it. An answer is waited for 30 s by default: the queue
    /// may have to sync a slow disk before it says that it has an item, or that one is taken. It may have 1 GiB, which
    /// is more than a queue gives at once: items in an answer that is refused were tried in vain, or are lost.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Gets ready to run.
    ///
    /// # Errors
    /// Tasks that are none, too many or of the same name, or a failed-message folder that can't be made.
    pub fn build(self) -> Result<Reader, BuildError> {
        let names: Vec<&String> = self.tasks.iter().map(|(name, ..)| name).collect();
        if names.is_empty() {
            return Err(BuildError("a reader needs a task".to_owned()));
        }
        if let Some(twice) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
            return Err(BuildError(format!("two tasks are called `{}`", twice.1)));
        }
        if self.name.is_empty() || self.name.contains('/') || self.name.starts_with('.') {
            return Err(BuildError(format!("`{}` can't be the name of a folder", self.name)));
        }
        let tasks = names.into_iter().map(|name| CoreTask::new(name.clone())).collect();
        let state = State::new(self.settings.policy, tasks)
            .ok_or_else(|| BuildError(format!("a reader has at most {MAX_TASKS} tasks")))?;
        let folder = self.failed_message_dir.as_deref();
        let failed = Failed::new(folder, &self.name)
            .map_err(|error| BuildError(format!("cannot make the folder for failed messages: {error}")))?;
        let (empty, failing) = (self.settings.empty_pause, self.settings.failed_pause);
        Ok(Reader {
            shared: Arc::new(Shared {
                pool: Mutex::new(Pool::new(self.queues.len(), empty, failing)),
                times: Mutex::new(vec![Moments::default(); self.tasks.len()]),
                counts: Mutex::default(),
                refusals: Mutex::new(vec![None; self.queues.len()]),
                queues: self.queues,
                limits: self.limits,
                tasks: self
                    .tasks
                    .into_iter()
                    .map(|(_, places, run)| Task { run, places: places.map(Semaphore::new) })
                    .collect(),
                settings: self.settings,
                preprocess: self.preprocess,
                validate: self.validate,
                on_giveup: self.on_giveup,
                failed,
                heartbeat: self.heartbeat_file.map(|file| Mutex::new(Heartbeat::new(file))),
                clock: Clock::new(),
                state: Mutex::new(state),
            }),
        })
    }
}

/// Why a reader can't be built, in one line.
#[derive(Debug)]
pub struct BuildError(String);

impl Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for BuildError {}
