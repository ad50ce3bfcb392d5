//! Histories of queues under concurrent clients: recorded, and checked for whether one queue could have given these
//! answers.
//!
//! | module | idea |
//! | --- | --- |
//! | `client` | a client of servers that may be away: it records what it asked, and what it was told |
//! | `whole` | rules for a history of any length: nothing lost, nothing done twice, nothing out of order |
//! | `linear` | whether some order of the operations explains every answer |
//! | `case` | one queue's history, as `linear` searches it |
//! | `model` | the queue that it is compared with, step by step |
//! | `state` | what that queue has between two steps, and the way back |
//!
//! An operation took effect at one moment between its start and its end, or, where the client never heard of it, at any
//! moment from its start on, or never. Items are numbers, and no two puts have the same one; so an answer tells which
//! put it is from.
//!
//! What this cannot see: an operation that had an effect on something other than the queue it names.

mod case;
mod client;
mod linear;
mod model;
mod state;
mod whole;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod random;

use std::fmt::{Display, Formatter};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use client::Client;
pub use linear::linearizable;
pub use whole::conserved;

/// What is put: a number of its own.
pub type Item = u64;

/// What a lease is known by.
pub type Token = String;

/// What a client asks of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Append it.
    Put(Item),
    /// Take the next item for good.
    Get,
    /// Borrow the next item for so long.
    Lease(Duration),
    /// What was lent under this token is done.
    Ack(Token),
    /// What was lent under this token has to be done by another.
    Nack(Token),
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was put, acknowledged or given back.
    Done,
    /// The item, for good.
    Item(Item),
    /// The item, on lease.
    Lent {
        /// What it is.
        item: Item,
        /// What the lease is known by.
        token: Token,
        /// The how manieth lease of it.
        attempt: u64,
    },
    /// There is none.
    Empty,
    /// The lease is over.
    Gone,
    /// There is no room or no time for it: it has not happened, and never will.
    Refused,
    /// Nothing: whether it happened, or will, nobody knows.
    Unknown,
}

/// A call, its answer, and the times between which it had its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The number of the client.
    pub client: usize,
    /// The queue's name.
    pub queue: String,
    /// What was asked.
    pub call: Call,
    /// What was answered.
    pub answer: Answer,
    /// When it was asked, since the history began.
    pub invoked: Duration,
    /// When the answer was there, or the client had given up.
    pub completed: Duration,
}

/// How much is asked of a queue.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// By how much a lease may be over before its time: what the clocks of clients and servers may differ by.
    pub tolerance: Duration,
    /// When what was given back is there again.
    pub returns: Returns,
}

/// When an item is there again whose lease is known to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// From the moment on at which the lease was over: no queue is empty that has it, and nothing that was never lent
    /// goes out before it.
    AtOnce,
    /// At any time after.
    InTime,
}

/// What cannot be.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// In a sentence.
    pub what: String,
    /// The operations that it is about, in the order of their times.
    pub operations: Vec<Operation>,
    /// Whether nobody knows: there may be an order, and too many were to be looked at.
    pub is_unclear: bool,
}

/// What all clients of one run did, under one clock that only goes forward.
#[derive(Debug)]
pub struct History {
    began: Instant,
    operations: Mutex<Vec<Operation>>,
}

impl History {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now(), operations: Mutex::default() }
    }

    /// The time since it began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Adds what is over.
    pub fn record(&self, operation: Operation) {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }

    /// All that was recorded so far, in the order in which it was asked.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        operations.sort_by_key(|operation| operation.invoked);
        operations
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation {
    /// The item that it put or was given.
    pub fn item(&self) -> Option<Item> {
        match (&self.call, &self.answer) {
            (Call::Put(item), _) | (_, Answer::Item(item) | Answer::Lent { item, .. }) => Some(*item),
            _ => None,
        }
    }

    /// Whether its client was told what became of it.
    pub fn is_known(&self) -> bool {
        self.answer != Answer::Unknown
    }

    /// Whether it may have had an effect.
    fn has_effect(&self) -> bool {
        self.answer != Answer::Refused
    }

    /// When it had its effect at the latest, if it had one.
    fn latest(&self) -> Duration {
        if self.is_known() { self.completed } else { Duration::MAX }
    }
}

impl Wrong {
    fn new<'a>(what: String, operations: impl IntoIterator<Item = &'a Operation>) -> Self {
        let mut operations: Vec<_> = operations.into_iter().cloned().collect();
        operations.sort_by_key(|operation| operation.invoked);
        operations.dedup();
        Self { what, operations, is_unclear: false }
    }
}

impl Display for Call {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Put(item) => write!(out, "put {item}"),
            Self::Get => write!(out, "get"),
            Self::Lease(time) => write!(out, "lease for {time:?}"),
            Self::Ack(token) => write!(out, "ack {token}"),
            Self::Nack(token) => write!(out, "nack {token}"),
        }
    }
}

impl Display for Answer {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => write!(out, "done"),
            Self::Item(item) => write!(out, "item {item}"),
            Self::Lent { item, token, attempt } => write!(out, "item {item}, attempt {attempt}, lease {token}"),
            Self::Empty => write!(out, "empty"),
            Self::Gone => write!(out, "the lease is over"),
            Self::Refused => write!(out, "refused"),
            Self::Unknown => write!(out, "unknown"),
        }
    }
}

impl Display for Operation {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let [invoked, completed] = [self.invoked, self.completed].map(|time| time.as_secs_f64());
        let Self { client, queue, call, answer, .. } = self;
        write!(out, "{invoked:.6} s to {completed:.6} s, client {client} on {queue}: {call} -> {answer}")
    }
}

impl Display for Wrong {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.what)?;
        self.operations.iter().try_for_each(|operation| write!(out, "\n  {operation}"))
    }
}

impl std::error::Error for Wrong {}
