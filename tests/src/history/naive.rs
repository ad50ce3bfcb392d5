//! The same question as [`linearizable`](super::linearizable)'s, answered for a few operations of one queue by trying
//! everything: items stand in an order, leases run out whenever they can, and all that nobody heard of happens at any
//! time or never.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use super::{Answer, Call, Item, Operation, Returns, Rules};

/// From when a lease is counted, which nobody knows exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// From when it was asked for.
    FromCall,
    /// From the earliest moment at which it can have been given in this order.
    FromEffect,
}

/// Whether there is an order.
pub(super) fn has_order(history: &[Operation], rules: &Rules, counted: Counted) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![State::default()];
    while let Some(state) = open.pop() {
        let is_open = |number: &usize| !state.done.contains(number);
        let known = || (0..history.len()).filter(is_open).map(|number| &history[number]).filter(|one| one.is_known());
        if known().next().is_none() {
            return true;
        }
        if known().all(|one| state.time <= one.completed) && seen.insert(state.clone()) {
            for number in (0..history.len()).filter(is_open) {
                // What a call took that nobody heard of can be any item that can go out.
                let fronts = if history[number].is_known() { vec![history[number].item()] } else { state.fronts() };
                open.extend(fronts.into_iter().filter_map(|item| state.step(history, number, item, rules, counted)));
            }
            open.extend(state.lent.keys().map(|lease| state.run_out(*lease, rules)));
            open.extend(state.ended.iter().map(|item| state.come_back(*item)));
        }
    }
    false
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
struct State {
    time: Duration,
    done: BTreeSet<usize>,
    fresh: Vec<Item>,
    returned: BTreeSet<Item>,
    ended: BTreeSet<Item>,
    /// By the number of the operation that borrowed it, and when it is over.
    lent: BTreeMap<usize, (Item, Duration)>,
    attempts: BTreeMap<Item, u64>,
}

impl State {
    fn step(
        &self,
        history: &[Operation],
        number: usize,
        item: Option<Item>,
        rules: &Rules,
        counted: Counted,
    ) -> Option<Self> {
        let operation = &history[number];
        let mut next = self.clone();
        next.done.insert(number);
        next.time = self.time.max(operation.invoked);
        match (&operation.call, &operation.answer) {
            (Call::Put(item), _) => next.fresh.push(*item),
            (_, Answer::Empty) => return Some(next).filter(|next| next.returned.is_empty() && next.fresh.is_empty()),
            (Call::Get, _) => next.take(item?)?,
            (Call::Lease(time), answer) => {
                let item = item?;
                next.take(item)?;
                let before = next.attempts.get(&item).copied().unwrap_or(0);
                let attempt = if let Answer::Lent { attempt, .. } = answer { *attempt } else { before + 1 };
                if attempt <= before {
                    return None;
                }
                next.attempts.insert(item, attempt);
                let from = if counted == Counted::FromCall { operation.invoked } else { next.time };
                next.lent.insert(number, (item, (from + *time).saturating_sub(rules.tolerance)));
            }
            (Call::Ack(token) | Call::Nack(token), answer) => {
                let is_lease = |one: &Operation| matches!(&one.answer, Answer::Lent { token: of, .. } if of == token);
                let lease = history.iter().position(is_lease)?;
                if !self.done.contains(&lease) {
                    return None;
                }
                let lent = next.lent.remove(&lease);
                match (answer, lent) {
                    (Answer::Done, None) | (Answer::Gone, Some(_)) => return None,
                    (_, Some((item, _))) if matches!(operation.call, Call::Nack(_)) => next.give_back(item, rules),
                    _ => {}
                }
            }
        }
        Some(next)
    }

    /// What can go out next; or nothing, for calls that ask for nothing.
    fn fronts(&self) -> Vec<Option<Item>> {
        let fresh = self.fresh.first().filter(|_| self.returned.is_empty());
        self.returned.iter().chain(fresh).copied().map(Some).chain([None]).collect()
    }

    fn take(&mut self, item: Item) -> Option<()> {
        let is_front = self.fronts().contains(&Some(item));
        self.returned.remove(&item);
        self.fresh.retain(|other| *other != item);
        is_front.then_some(())
    }

    fn run_out(&self, lease: usize, rules: &Rules) -> Self {
        let mut next = self.clone();
        if let Some((item, over)) = next.lent.remove(&lease) {
            next.time = next.time.max(over);
            next.give_back(item, rules);
        }
        next
    }

    fn give_back(&mut self, item: Item, rules: &Rules) {
        match rules.returns {
            Returns::AtOnce => self.returned.insert(item),
            Returns::InTime => self.ended.insert(item),
        };
    }

    fn come_back(&self, item: Item) -> Self {
        let mut next = self.clone();
        next.ended.remove(&item);
        next.returned.insert(item);
        next
    }
}
