//! One queue's history, as it is searched: what has to be put in order, and what may have happened besides.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Answer, Call, Item, Operation, Wrong};

/// What was told, with items and leases by their numbers here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Put(usize),
    Get(usize),
    Lease(usize),
    Empty,
    Ack(usize),
    Nack(usize),
    Gone(usize),
}

/// An act that has happened at a moment between two times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) invoked: Duration,
    pub(super) completed: Duration,
    /// Its place in the history.
    pub(super) operation: usize,
}

/// An item that is seen: answered, or given to somebody.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) item: Item,
    /// The times of its put.
    pub(super) invoked: Duration,
    pub(super) completed: Duration,
    /// How often it was given to somebody who knows.
    pub(super) deliveries: usize,
    /// When the last of these was answered.
    pub(super) last_seen: Duration,
    /// Which of its leases are known.
    pub(super) attempts: Vec<u64>,
}

/// A lease whose client knows of it.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) thing: usize,
    pub(super) attempt: u64,
    /// From when on it can be over by time.
    pub(super) over: Duration,
    /// From when on it can have been settled by somebody who was not told.
    pub(super) acked: Option<Duration>,
    pub(super) nacked: Option<Duration>,
    /// How often somebody was told that it is settled now: more than once is wrong.
    pub(super) settled: usize,
}

/// A get or a lease that may have taken something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    pub(super) invoked: Duration,
    /// From when on it can be over by time: never, if it is a get.
    pub(super) over: Duration,
}

/// One queue's history.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// In the order in which they were asked.
    pub(super) steps: Vec<Step>,
    pub(super) things: Vec<Thing>,
    pub(super) leases: Vec<Lease>,
    /// In the order in which they were asked.
    pub(super) doubts: Vec<Doubt>,
}

impl Case {
    /// What is there to be explained of the operations of one queue, in the order in which they were asked.
    pub(super) fn new(history: &[Operation], tolerance: Duration) -> Result<Self, Wrong> {
        let mut case = Self::default();
        let numbers = case.things(history)?;
        let tokens = case.leases(history, &numbers, tolerance)?;
        for (number, operation) in history.iter().enumerate() {
            let lease = |token: &str| {
                let unheard = || Wrong::new(format!("nobody was told of a lease {token}"), [operation]);
                tokens.get(token).copied().ok_or_else(unheard)
            };
            let act = match (&operation.call, &operation.answer) {
                (Call::Put(item), _) => numbers.get(item).map(|number| Act::Put(*number)),
                (Call::Get, Answer::Item(item)) => Some(Act::Get(numbers[item])),
                (Call::Lease(_), Answer::Lent { token, .. }) => Some(Act::Lease(lease(token)?)),
                (Call::Get | Call::Lease(_), Answer::Empty) => Some(Act::Empty),
                (Call::Ack(token), Answer::Done) => Some(Act::Ack(lease(token)?)),
                (Call::Nack(token), Answer::Done) => Some(Act::Nack(lease(token)?)),
                (Call::Ack(token) | Call::Nack(token), Answer::Gone) => Some(Act::Gone(lease(token)?)),
                (Call::Get | Call::Lease(_), Answer::Unknown) => {
                    case.doubts.push(Doubt::of(operation, tolerance));
                    None
                }
                (Call::Ack(token), Answer::Unknown) => {
                    let acked = &mut case.leases[lease(token)?].acked;
                    *acked = (*acked).or(Some(operation.invoked));
                    None
                }
                (Call::Nack(token), Answer::Unknown) => {
                    let nacked = &mut case.leases[lease(token)?].nacked;
                    *nacked = (*nacked).or(Some(operation.invoked));
                    None
                }
                _ => return Err(Wrong::new("this is no answer to that".into(), [operation])),
            };
            if let Some(Act::Ack(lease) | Act::Nack(lease)) = act {
                case.leases[lease].settled += 1;
            }
            let completed = match act {
                Some(Act::Put(thing)) => case.things[thing].completed,
                _ => operation.completed,
            };
            case.steps.extend(act.map(|act| Step { act, invoked: operation.invoked, completed, operation: number }));
        }
        Ok(case)
    }

    /// The item that a step is about.
    pub(super) fn thing(&self, step: usize) -> Option<usize> {
        match self.steps[step].act {
            Act::Put(thing) | Act::Get(thing) => Some(thing),
            Act::Lease(lease) | Act::Ack(lease) | Act::Nack(lease) | Act::Gone(lease) => Some(self.leases[lease].thing),
            Act::Empty => None,
        }
    }

    /// Numbers the items. A put that nobody was told of explains nothing if its item was never seen, and is left out.
    fn things(&mut self, history: &[Operation]) -> Result<BTreeMap<Item, usize>, Wrong> {
        let mut numbers = BTreeMap::new();
        let mut puts: BTreeMap<Item, &Operation> = BTreeMap::new();
        for put in history {
            let Call::Put(item) = put.call else { continue };
            if let Some(other) = puts.insert(item, put) {
                return Err(Wrong::new(format!("item {item} is put twice: a history must not do that"), [other, put]));
            }
        }
        let mut seen: BTreeMap<Item, Vec<&Operation>> = BTreeMap::new();
        for delivery in history.iter().filter(|operation| !matches!(operation.call, Call::Put(_))) {
            let Some(item) = delivery.item() else { continue };
            if !puts.contains_key(&item) {
                return Err(Wrong::new(format!("item {item} was given, and nobody put it"), [delivery]));
            }
            seen.entry(item).or_default().push(delivery);
        }
        for (item, put) in puts {
            let seen = seen.remove(&item).unwrap_or_default();
            if seen.is_empty() && !put.is_known() {
                continue;
            }
            if let Some(early) = seen.iter().find(|delivery| delivery.completed < put.invoked) {
                return Err(Wrong::new(format!("item {item} was given before it was put"), [*early, put]));
            }
            let mut attempts: Vec<_> = seen.iter().filter_map(|delivery| attempt(delivery)).collect();
            attempts.sort_unstable();
            numbers.insert(item, self.things.len());
            self.things.push(Thing {
                item,
                invoked: put.invoked,
                completed: put.latest(),
                deliveries: seen.len(),
                last_seen: seen.iter().map(|delivery| delivery.completed).max().unwrap_or_default(),
                attempts,
            });
        }
        Ok(numbers)
    }

    fn leases<'a>(
        &mut self,
        history: &'a [Operation],
        numbers: &BTreeMap<Item, usize>,
        tolerance: Duration,
    ) -> Result<BTreeMap<&'a str, usize>, Wrong> {
        let mut tokens = BTreeMap::new();
        for operation in history {
            let (Call::Lease(time), Answer::Lent { item, token, attempt }) = (&operation.call, &operation.answer)
            else {
                continue;
            };
            if tokens.insert(token.as_str(), self.leases.len()).is_some() {
                let both =
                    history.iter().filter(|other| matches!(&other.answer, Answer::Lent { token: t, .. } if t == token));
                return Err(Wrong::new(format!("two leases are called {token}"), both));
            }
            self.leases.push(Lease {
                thing: numbers[item],
                attempt: *attempt,
                over: (operation.invoked + *time).saturating_sub(tolerance),
                acked: None,
                nacked: None,
                settled: 0,
            });
        }
        Ok(tokens)
    }
}

impl Doubt {
    fn of(operation: &Operation, tolerance: Duration) -> Self {
        let Operation { invoked, call, .. } = operation;
        let over = match call {
            Call::Lease(time) => (*invoked + *time).saturating_sub(tolerance),
            _ => Duration::MAX,
        };
        Self { invoked: *invoked, over }
    }
}

fn attempt(delivery: &Operation) -> Option<u64> {
    if let Answer::Lent { attempt, .. } = delivery.answer { Some(attempt) } else { None }
}
