//! A state in Redis, which any number of processes on any number of machines add to.
//!
//! | key | type | of | what is in it |
//! | --- | --- | --- | --- |
//! | `NAME` | hash | moments | the numbers of [`Parts`](streamgauge_core::stats::moments::Parts) |
//! | `NAME` | hash | a histogram | the count of each bin, by its number (from 0), or by the whole number |
//! | `NAME:FROM` | sorted set | a graph | for each node where edges start: the nodes they lead to, scored by weight |
//! | `FROM`, in a database of its own | sorted set | a graph | the same, if that is wanted |
//! | `streamgauge:NAME:nodes` | sorted set | a graph | the keys of these sets, scored by when they expire |
//! | `streamgauge:NAME` | hash | all | kind, shape, counters, lifetime, if there is data, last batch of each writer |
//!
//! A database that has nothing but nodes under their own names is what the scripts of the workshop take for a graph: they
//! read every key of it as a sorted set. So all that is known about the graph is in another one. Only the keys that are
//! on the list are the graph's: a node whose name somebody else's key has is refused, and that key is left alone.
//!
//! Every batch is added by one script, which is one atomic step, and one round trip. Batches are numbered, and the
//! script notes the number: a batch whose answer was lost is sent again, and recognised if it had arrived. While Redis
//! can't be reached, values go on being added up here (they merge, so memory doesn't grow, except by the edges of a
//! graph: beyond a bound the source waits).

mod graph;
mod keys;
mod kinds;
mod link;

use core::time::Duration;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use keys::{Key, Target};
pub use kinds::Shared;
pub(crate) use link::Link;

use super::StateError;

/// How long to wait until this writer is forgotten.
const FORGET: Duration = Duration::from_secs(5);

/// A tally that is shared through Redis.
#[derive(Debug)]
pub struct Redis<T: Shared> {
    pending: T,
    /// Records handed over.
    handed_over: u64,
    orders: mpsc::Sender<Order<T>>,
    log: Arc<Mutex<Log>>,
}

/// What happened on the way to Redis.
#[derive(Debug, Default)]
struct Log {
    /// Why there is no use in going on.
    refused: Option<String>,
    /// Why the last attempt failed, if it did.
    trouble: Option<String>,
    connections_lost: u64,
    /// Records that Redis has confirmed.
    added: u64,
    /// Batches that had arrived although their answer had not.
    recognised: u64,
    /// Batches that Redis had, and no longer has.
    forgotten: u64,
    /// Whether it has lost what was added, by whomever.
    lost_data: bool,
}

#[derive(Debug)]
enum Order<T: Shared> {
    Add(T),
    Total(oneshot::Sender<Result<T::Total, StateError>>),
    /// Says when all that was ordered before is done.
    Settle(oneshot::Sender<()>),
    /// Forgets this writer.
    Close(oneshot::Sender<()>),
}

impl<T: Shared> Redis<T> {
    /// Connects. `tally` is empty; it has the shape that the shared one has, or gets.
    ///
    /// # Errors
    /// Redis can't be reached, or the key holds something else.
    pub async fn open(target: Target, mut tally: T) -> Result<Self, StateError> {
        let mut link = Link::new(target);
        link.check(&tally).await?;
        let log = Arc::new(Mutex::new(Log::default()));
        // One batch on its way and one waiting; what comes meanwhile is merged.
        let (orders, incoming) = mpsc::channel(1);
        let pattern = tally.take();
        tokio::spawn(serve(link, incoming, Arc::clone(&log), pattern));
        Ok(Self { pending: tally, handed_over: 0, orders, log })
    }

    fn refusal(&self) -> Result<(), StateError> {
        let refused = self.log.lock().refused.clone();
        refused.map_or(Ok(()), |refused| Err(self.failed(&refused)))
    }

    /// Why there is no total, and how much of it would be in doubt.
    fn failed(&self, reason: &str) -> StateError {
        let read = self.handed_over.saturating_add(self.pending.records());
        match read.saturating_sub(self.log.lock().added) {
            0 => StateError::new(format_args!("{reason}; all {read} records were added, but the result can't be read")),
            left => {
                StateError::new(format_args!("{reason}; the last {left} of {read} records may not have been added"))
            }
        }
    }

    /// Orders something; if nobody takes orders any more, the answer that never comes tells.
    async fn order(&mut self, order: Order<T>) {
        let _ = self.orders.send(order).await;
    }

    /// Hands over what is pending, as soon as there is room.
    async fn hand_over(&mut self) {
        let records = self.pending.records();
        if records == 0 {
            return;
        }
        // Room first: whoever gives up waiting for it loses nothing.
        if let Ok(permit) = self.orders.reserve().await {
            permit.send(Order::Add(self.pending.take()));
            self.handed_over = self.handed_over.saturating_add(records);
        }
    }
}

/// What a [state](super::State) does.
impl<T: Shared> Redis<T> {
    pub(super) const fn pending(&mut self) -> &mut T {
        &mut self.pending
    }

    pub(super) async fn flush(&mut self) -> Result<(), StateError> {
        self.refusal()?;
        // While a batch is on its way and another one waits, this one grows.
        if self.pending.is_full() || self.orders.capacity() > 0 {
            self.hand_over().await;
        }
        // A source that is never empty must not keep what is on its way from leaving.
        tokio::task::yield_now().await;
        self.refusal()
    }

    pub(super) async fn settle(&mut self) -> Result<(), StateError> {
        self.hand_over().await;
        let (sender, settled) = oneshot::channel();
        self.order(Order::Settle(sender)).await;
        let _ = settled.await;
        self.refusal()
    }

    pub(super) async fn total(&mut self, patience: Duration) -> Result<T::Total, StateError> {
        self.refusal()?;
        let ask = async {
            self.hand_over().await;
            let (sender, answer) = oneshot::channel();
            self.order(Order::Total(sender)).await;
            answer.await
        };
        let answer = timeout(patience, ask).await;
        self.refusal()?;
        match answer {
            Ok(Ok(total)) => total,
            _ => {
                let trouble = self.log.lock().trouble.clone();
                Err(self.failed(trouble.as_deref().unwrap_or("the state did not answer in time")))
            }
        }
    }

    pub(super) fn is_reachable(&self) -> bool {
        self.log.lock().trouble.is_none()
    }

    pub(super) async fn close(&mut self) {
        let (sender, closed) = oneshot::channel();
        let close = async {
            self.order(Order::Close(sender)).await;
            closed.await
        };
        // If it can't be done, all that stays is a field of the hash about the state.
        let _ = timeout(FORGET, close).await;
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let log = self.log.lock();
        let mut notes = Vec::new();
        if log.connections_lost > 0 {
            notes.push(format!(
                "the connection to the state was lost {} times; {} batches were sent again that had arrived, and \
                 recognised",
                log.connections_lost, log.recognised
            ));
        }
        if log.lost_data {
            notes.push(
                "what had been added before was no longer in the state, all or a part of it: Redis has evicted it (see \
                 its maxmemory-policy), or somebody has removed it"
                    .to_owned(),
            );
        }
        if log.forgotten > 0 {
            notes.push(format!(
                "{} batches that had been added are no longer in the state: it was reset, has expired, or lost its data",
                log.forgotten
            ));
        }
        notes
    }
}

/// Does what is ordered, one after another, for as long as it takes.
async fn serve<T: Shared>(mut link: Link, mut orders: mpsc::Receiver<Order<T>>, log: Arc<Mutex<Log>>, pattern: T) {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Add(batch) => {
                if let Err(refused) = link.add(&batch, &log).await {
                    log.lock().refused = Some(refused.to_string());
                    return;
                }
                let mut log = log.lock();
                log.added = log.added.saturating_add(batch.records());
            }
            Order::Total(reply) => {
                let total = link.total(&pattern, &log).await;
                let _ = reply.send(total);
            }
            Order::Settle(reply) => {
                let _ = reply.send(());
            }
            Order::Close(reply) => {
                // A batch that was sent over a lost connection may still arrive: it has to be recognised then, too.
                if log.lock().connections_lost == 0 {
                    link.forget_writer().await;
                }
                let _ = reply.send(());
            }
        }
    }
}

/// Whether the error may go away by itself.
fn passes(error: &::redis::RedisError) -> bool {
    const PASSING: [&str; 9] =
        ["LOADING", "BUSY", "MISCONF", "OOM", "READONLY", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"];
    let broken = error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
    broken || code(error).is_some_and(|code| PASSING.contains(&code))
}

/// What a server calls its error. Up to Redis 6.2 that of a command in a script is `ERR`, and its own code stands behind
/// where in the script it was: `… @user_script: 4: -READONLY You can't write …`.
fn code(error: &::redis::RedisError) -> Option<&str> {
    let within = || error.detail()?.split_once(": -")?.1.split(' ').next();
    match error.code()? {
        "ERR" => within().or(Some("ERR")),
        code => Some(code),
    }
}

/// How a key is told that would fit a state, where there is none; as in `begin.lua`. And what to do about it.
const NOT_OF_THIS: &str = ", and not of this state";
const ADVICE: &str = "; if it is the rest of one that Redis has evicted, remove it, or take another --key";

/// What Redis said, in one line.
fn words(error: &::redis::RedisError) -> String {
    let text = match (error.code(), error.detail()) {
        (Some("OTHERSTATE"), Some(detail)) => format!("the key holds another state: {detail}"),
        (Some("OTHERTYPE"), Some(detail)) => {
            let advice = if detail.ends_with(NOT_OF_THIS) { ADVICE } else { "" };
            format!("there is something else: {detail}{advice}")
        }
        _ => error.to_string(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use ::redis::{RedisError, Value, parse_redis_value};

    use super::*;

    fn error(line: &str) -> RedisError {
        match parse_redis_value(format!("-{line}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => error.into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_in_doubt_is_counted() {
        use crate::results::tally::MomentsTally;

        let redis = |added: u64| Redis {
            pending: MomentsTally::default(),
            handed_over: 5,
            orders: mpsc::channel(1).0,
            log: Arc::new(Mutex::new(Log { added, ..Log::default() })),
        };
        for (added, expected) in [
            (3, "refused; the last 2 of 5 records may not have been added"),
            (5, "refused; all 5 records were added, but the result can't be read"),
        ] {
            assert_eq!(redis(added).failed("refused").to_string(), expected);
        }
    }

    #[test]
    fn what_goes_away_by_itself_is_known_in_a_script_too() {
        for (line, expected) in [
            ("READONLY You can't write against a read only replica. script: f_1, on @user_script:4.", true),
            ("BUSY Redis is busy running a script.", true),
            ("NOREPLICAS Not enough good replicas to write.", true),
            ("CLUSTERDOWN The cluster is down", true),
            (
                "ERR Error running script (call to f_1): @user_script:4: @user_script: 4: -READONLY You can't write \
                 against a read only replica.",
                true,
            ),
            ("ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed", true),
            ("ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -MISCONF Redis is", true),
            ("ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -WRONGTYPE Operation", false),
            ("ERR DB index is out of range", false),
            ("OTHERSTATE moments of numbers", false),
            ("NOPERM this user has no permissions", false),
        ] {
            assert_eq!(passes(&error(line)), expected, "{line}");
        }
    }
}
