//! What becomes of an item, step by step.

use core::marker::PhantomData;
use core::time::Duration;

use embedded_io::Write;

use super::envelope::Name;
use super::{BackoffTimer, Envelope, Malformed};

/// The most tasks of a reader.
pub const MAX_TASKS: usize = 64;

/// How often an item is tried, and how far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// An item that has failed more often than this is given up.
    pub max_tries: u32,
    /// The wait after the n-th failure is n times this.
    pub requeue_delay: Duration,
    /// The longest rest between items when tasks fail.
    pub max_backoff: Duration,
}

impl Default for Policy {
    /// 5 tries, 90 s, 120 s.
    fn default() -> Self {
        Self { max_tries: 5, requeue_delay: Duration::from_secs(90), max_backoff: Duration::from_secs(120) }
    }
}

/// What is done with every item, and how it has gone.
#[derive(Debug, Clone)]
pub struct Task<N> {
    name: N,
    backoff: BackoffTimer,
    counters: TaskCounters,
}

/// How often a task has ended in which way. Counts wrap at 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskCounters {
    /// It was done.
    pub done: u64,
    /// It failed.
    pub failed: u64,
    /// It asked to be tried again without back-off.
    pub failed_without_backoff: u64,
}

impl<N> Task<N> {
    /// A task that has not been run.
    pub fn new(name: N) -> Self {
        Self { name, backoff: BackoffTimer::default(), counters: TaskCounters::default() }
    }

    /// Its name.
    pub const fn name(&self) -> &N {
        &self.name
    }

    /// How it has gone so far.
    pub const fn counters(&self) -> TaskCounters {
        self.counters
    }
}

/// How a task, or what comes before the tasks, has ended for one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It need not be done again.
    Done,
    /// It has to be tried again later, and everything slows down.
    Failed,
    /// It has to be tried again later, but nothing is wrong: nothing slows down.
    FailedWithoutBackoff,
}

/// What to do with an item that came off a queue.
#[derive(Debug)]
pub enum Step<'i> {
    /// Put it back as it is: it isn't due before this time.
    Waiting(Duration),
    /// Try it.
    Attempt(Attempt<'i>),
}

/// An item that is being tried.
#[derive(Debug, Clone)]
pub struct Attempt<'i> {
    envelope: Envelope<'i>,
    /// Attempts that its queue has counted, and its envelope has not.
    counted: u32,
    state: State,
    /// The tasks that were run in this attempt, and those that are done, a bit each.
    run: u64,
    done: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Preparing,
    Refused,
    Dropped,
    Ready,
}

impl<'i> Attempt<'i> {
    /// The item as it came.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope<'i> {
        &self.envelope
    }

    /// How often it has been tried, this time included. O(1).
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.envelope.tries().saturating_add(self.counted).saturating_add(1)
    }

    /// Whether one of its tasks was done in this attempt, which its envelope has to tell. O(1).
    #[must_use]
    pub const fn has_progressed(&self) -> bool {
        self.done != 0
    }
}

/// What becomes of an item after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All tasks are done.
    Finished,
    /// It was dropped on purpose, which is a success.
    Dropped,
    /// Put it back on the queue, with this time since the Unix epoch.
    Requeue {
        /// When to try it again.
        retry_on: Duration,
    },
    /// It has failed too often.
    GiveUp,
}

/// What has become of all items. Counts wrap at 2^64. At any time `items` is the sum of the others and of the
/// attempts that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Items that came off the queue.
    pub items: u64,
    /// All tasks were done.
    pub finished: u64,
    /// Dropped on purpose.
    pub dropped: u64,
    /// Put back to be tried again.
    pub requeued: u64,
    /// Failed too often.
    pub given_up: u64,
    /// Put back as they were: not due.
    pub waiting: u64,
    /// Not JSON, or a broken envelope.
    pub malformed: u64,
}

/// The state of a reader: back-off and counters of each task, in storage that the caller chooses.
///
/// Inputs are `handle_…`, outputs `poll_…`; see the [module](super) for the order in which they are called. Any number
/// of attempts may be under way at the same time.
#[derive(Debug, Clone)]
pub struct Reader<S, N> {
    policy: Policy,
    preparation: BackoffTimer,
    tasks: S,
    counters: Counters,
    names: PhantomData<fn() -> N>,
}

impl<N: AsRef<str>, S: AsRef<[Task<N>]> + AsMut<[Task<N>]>> Reader<S, N> {
    /// A reader of these tasks, or `None` for more than [`MAX_TASKS`], or two of the same name: an item says by their
    /// names which are left. O(tasks²).
    pub fn new(policy: Policy, mut tasks: S) -> Option<Self> {
        let preparation = BackoffTimer::new(Duration::ZERO, policy.max_backoff);
        for task in tasks.as_mut() {
            task.backoff = preparation.clone();
        }
        let reader = Self { policy, preparation, tasks, counters: Counters::default(), names: PhantomData };
        let tasks = reader.tasks();
        let is_new = |(index, task): (usize, &Task<N>)| {
            tasks.iter().take(index).all(|before| before.name.as_ref() != task.name.as_ref())
        };
        let are_told_apart = tasks.iter().enumerate().all(is_new);
        (tasks.len() <= MAX_TASKS && are_told_apart).then_some(reader)
    }

    /// Takes an item off a queue. O(n).
    ///
    /// # Errors
    /// It can't be tried, now or ever.
    pub fn handle_item<'i>(&mut self, item: &'i [u8], now: Duration) -> Result<Step<'i>, Malformed> {
        let counters = &mut self.counters;
        counters.items = counters.items.wrapping_add(1);
        let envelope = match Envelope::parse(item, now) {
            Ok(envelope) => envelope,
            Err(malformed) => {
                counters.malformed = counters.malformed.wrapping_add(1);
                return Err(malformed);
            }
        };
        if let Some(due) = envelope.retry_on().filter(|due| *due > now) {
            counters.waiting = counters.waiting.wrapping_add(1);
            return Ok(Step::Waiting(due));
        }
        Ok(Step::Attempt(Attempt { envelope, counted: 0, state: State::Preparing, run: 0, done: 0 }))
    }

    /// Takes an item on lease, from a queue that counts attempts itself: this is the `attempt`-th, from 1 on. Together
    /// with the tries that an envelope tells of it is one more. O(n).
    ///
    /// # Errors
    /// It can't be tried, now or ever.
    pub fn handle_lent<'i>(&mut self, item: &'i [u8], attempt: u32, now: Duration) -> Result<Step<'i>, Malformed> {
        Ok(match self.handle_item(item, now)? {
            Step::Attempt(tried) => Step::Attempt(Attempt { counted: attempt.saturating_sub(1), ..tried }),
            waiting => waiting,
        })
    }

    /// Its data was preprocessed and is valid. O(1).
    pub fn handle_ready(&mut self, attempt: &mut Attempt<'_>) {
        self.preparation.handle_success();
        attempt.state = State::Ready;
    }

    /// Its data is not for this reader: no task is run, and it counts as a success. O(1).
    pub fn handle_drop(&mut self, attempt: &mut Attempt<'_>) {
        self.preparation.handle_success();
        attempt.state = State::Dropped;
    }

    /// Preprocessing or validation has failed: all its tasks stay left. O(1).
    pub fn handle_refusal(&mut self, attempt: &mut Attempt<'_>) {
        self.preparation.handle_failure();
        attempt.state = State::Refused;
    }

    /// The next task to run on it. O(n) in its list of what is left.
    pub fn poll_task(&self, attempt: &Attempt<'_>) -> Option<usize> {
        let tasks = self.tasks().iter().enumerate();
        let mut left = tasks.filter(|(index, _)| (attempt.run | attempt.done) & bit(*index) == 0);
        let is_ready = attempt.state == State::Ready;
        left.find(|(_, task)| is_ready && attempt.envelope.has_left(task.name.as_ref())).map(|(index, _)| index)
    }

    /// A task has been run. O(1).
    pub fn handle_outcome(&mut self, attempt: &mut Attempt<'_>, task: usize, outcome: Outcome) {
        attempt.run |= bit(task);
        if outcome == Outcome::Done {
            attempt.done |= bit(task);
        }
        let Some(task) = self.tasks.as_mut().get_mut(task) else { return };
        let count = match outcome {
            Outcome::Done => {
                task.backoff.handle_success();
                &mut task.counters.done
            }
            Outcome::Failed => {
                task.backoff.handle_failure();
                &mut task.counters.failed
            }
            Outcome::FailedWithoutBackoff => &mut task.counters.failed_without_backoff,
        };
        *count = count.wrapping_add(1);
    }

    /// No task is to be run on it any more. O(n) in its list of what is left.
    ///
    /// A task in its list that this reader doesn't have stays there: another reader may have it.
    pub fn handle_end(&mut self, attempt: &Attempt<'_>, now: Duration) -> Verdict {
        let counters = &mut self.counters;
        let (verdict, count) = if attempt.state == State::Dropped {
            (Verdict::Dropped, &mut counters.dropped)
        } else if attempt.state == State::Ready && left(self.tasks.as_ref(), attempt).next().is_none() {
            (Verdict::Finished, &mut counters.finished)
        } else if attempt.tries() > self.policy.max_tries {
            (Verdict::GiveUp, &mut counters.given_up)
        } else {
            let delay = self.policy.requeue_delay.saturating_mul(attempt.tries());
            (Verdict::Requeue { retry_on: now.saturating_add(delay) }, &mut counters.requeued)
        };
        *count = count.wrapping_add(1);
        verdict
    }

    /// Writes its envelope as it is after this attempt, in one line: with [`Verdict::Requeue`]'s time, or as it is
    /// kept when it is given up, with the time that it had. O(n).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write<W: Write>(
        &self,
        attempt: &Attempt<'_>,
        retry_on: Option<Duration>,
        out: &mut W,
    ) -> Result<(), W::Error> {
        let retry_on = retry_on.or(attempt.envelope.retry_on());
        attempt.envelope.write(attempt.tries(), retry_on, left(self.tasks(), attempt), out)
    }

    /// How long to rest before the next item: what the worst of the tasks asks for. O(tasks).
    pub fn poll_rest(&self) -> Duration {
        let tasks = self.tasks().iter().map(|task| task.backoff.interval());
        tasks.fold(self.preparation.interval(), Duration::max)
    }

    /// What has become of all items. O(1).
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The tasks, by their numbers.
    pub fn tasks(&self) -> &[Task<N>] {
        self.tasks.as_ref()
    }
}

const fn bit(task: usize) -> u64 {
    if task < MAX_TASKS { 1 << task } else { 0 }
}

/// What is left to do, the reader's own tasks as far as they are not done, and others.
fn left<'a, N: AsRef<str>>(tasks: &'a [Task<N>], attempt: &'a Attempt<'_>) -> impl Iterator<Item = Name<'a>> {
    let is_left = |index: usize| attempt.done & bit(index) == 0;
    let listed = attempt.envelope.names_left();
    let all = listed.is_none().then(|| {
        let tasks = tasks.iter().enumerate().filter(move |(index, _)| is_left(*index));
        tasks.map(|(_, task)| Name::Meant(task.name.as_ref()))
    });
    let listed = listed.into_iter().flatten().filter(move |name| {
        let mut tasks = tasks.iter().enumerate();
        let known = tasks.find(|(_, task)| crate::wire::json::value::says(name, task.name.as_ref()));
        known.is_none_or(|(index, _)| is_left(index))
    });
    listed.map(Name::Written).chain(all.into_iter().flatten())
}
