//! Rules for a history of any length.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Answer, Call, Item, Operation, Rules, Wrong};

/// Sees that nothing was lost, done twice, given to two at once, made up, or given out of order, and that no queue was
/// called empty that had something, in O(n log n) for a history of any length. It sees less than
/// [`linearizable`](super::linearizable), but for what is `left`: the items, with their queues, that are there when
/// everything is over, which is after the last lease.
///
/// # Errors
/// The first thing that can't be.
pub fn conserved(history: &[Operation], left: &[(String, Item)], rules: &Rules) -> Result<(), Wrong> {
    let mut queues: BTreeMap<&str, Queue<'_>> = BTreeMap::new();
    for operation in history.iter().filter(|operation| operation.has_effect()) {
        queues.entry(&operation.queue).or_default().add(operation)?;
    }
    for (queue, item) in left {
        if !queues.get(queue.as_str()).is_some_and(|queue| queue.puts.contains_key(item)) {
            return Err(Wrong::new(format!("item {item} is left in {queue}, where nobody put it"), []));
        }
    }
    for (name, queue) in queues {
        let left = left.iter().filter(|(queue, _)| queue == name).map(|(_, item)| *item).collect();
        queue.check(&left, rules)?;
    }
    Ok(())
}

/// What was done with one queue, in no order.
#[derive(Default)]
struct Queue<'a> {
    puts: BTreeMap<Item, &'a Operation>,
    /// Gets and leases that gave each item.
    deliveries: BTreeMap<Item, Vec<&'a Operation>>,
    /// What was done about each lease.
    settlements: BTreeMap<&'a str, Vec<&'a Operation>>,
    empties: Vec<&'a Operation>,
    /// Gets that nobody heard of, each of which may have taken an item.
    unheard_gets: usize,
    has_unheard_leases: bool,
}

/// An item, and what became of it.
struct Life<'a> {
    item: Item,
    put: &'a Operation,
    deliveries: Vec<&'a Operation>,
    /// What was said about its leases, each with the lease.
    settlements: Vec<(&'a Operation, &'a Operation)>,
}

impl<'a> Queue<'a> {
    fn add(&mut self, operation: &'a Operation) -> Result<(), Wrong> {
        match (&operation.call, &operation.answer) {
            (Call::Put(item), _) => {
                if let Some(other) = self.puts.insert(*item, operation) {
                    let what = format!("item {item} is put twice: a history must not do that");
                    return Err(Wrong::new(what, [other, operation]));
                }
            }
            (_, Answer::Item(item) | Answer::Lent { item, .. }) => {
                self.deliveries.entry(*item).or_default().push(operation);
            }
            (Call::Ack(token) | Call::Nack(token), _) => self.settlements.entry(token).or_default().push(operation),
            (_, Answer::Empty) => self.empties.push(operation),
            (Call::Get, _) => self.unheard_gets += 1,
            (Call::Lease(_), _) => self.has_unheard_leases = true,
        }
        Ok(())
    }

    fn check(&self, left: &BTreeSet<Item>, rules: &Rules) -> Result<(), Wrong> {
        if let Some((item, deliveries)) = self.deliveries.iter().find(|(item, _)| !self.puts.contains_key(item)) {
            return Err(Wrong::new(format!("item {item} was given, and nobody put it"), deliveries.iter().copied()));
        }
        let lives: Vec<_> = self.puts.iter().map(|(item, put)| self.life(*item, put)).collect();
        lives.iter().try_for_each(|life| life.check(left.contains(&life.item), rules))?;
        self.check_order(&lives, left)?;
        let lost: Vec<_> = lives.iter().filter(|life| life.is_lost(left.contains(&life.item))).collect();
        if lost.len() <= self.unheard_gets {
            return Ok(());
        }
        let what = format!(
            "{} answered puts are lost, of which no more than {} can have been taken by gets that nobody heard of",
            lost.len(),
            self.unheard_gets
        );
        Err(Wrong::new(what, lost.into_iter().take(10).flat_map(Life::operations)))
    }

    fn life(&self, item: Item, put: &'a Operation) -> Life<'a> {
        let deliveries = self.deliveries.get(&item).cloned().unwrap_or_default();
        let of = |lease: &&'a Operation| {
            let lease = *lease;
            let settlements = if let Answer::Lent { token, .. } = &lease.answer {
                self.settlements.get(token.as_str())
            } else {
                None
            };
            settlements.into_iter().flatten().map(move |settlement| (lease, *settlement))
        };
        let settlements = deliveries.iter().flat_map(of).collect();
        Life { item, put, deliveries, settlements }
    }

    /// Sees that nothing went out, and the queue was not called empty, while an item was there that was put before and
    /// had never been out.
    fn check_order(&self, lives: &[Life<'a>], left: &BTreeSet<Item>) -> Result<(), Wrong> {
        // When the put of each was over, and until when it surely was there.
        let mut waiting: Vec<_> =
            lives.iter().filter_map(|life| Some((life.put.latest(), self.stayed_until(life, left)?, life))).collect();
        waiting.sort_by_key(|(put, _, _)| *put);
        // What an item that was put before this time has to be out for, and when that was.
        let first_out = |life: &Life<'a>| life.deliveries.iter().copied().min_by_key(|delivery| delivery.completed);
        let mut passed: Vec<_> = self.empties.iter().map(|empty| (empty.invoked, *empty)).collect();
        passed.extend(lives.iter().filter_map(|life| Some((life.put.invoked, first_out(life)?))));
        passed.sort_by_key(|(before, _)| *before);
        let mut waiting = waiting.into_iter().peekable();
        let mut longest: Option<(Duration, &Life<'_>)> = None;
        for (before, passing) in passed {
            while let Some((_, until, life)) = waiting.next_if(|(put, _, _)| *put < before) {
                longest = longest.filter(|(most, _)| *most >= until).or(Some((until, life)));
            }
            if let Some((until, life)) = longest
                && until > passing.completed
            {
                let what = match passing.item() {
                    Some(item) => format!("item {item} went out before item {}, which was put before", life.item),
                    None => format!("it was called empty, and item {} was there", life.item),
                };
                let put = passing.item().and_then(|item| self.puts.get(&item).copied());
                return Err(Wrong::new(what, life.operations().chain([passing]).chain(put)));
            }
        }
        Ok(())
    }

    /// Until when an item surely was not out: until it was asked for by whom it was given to first.
    fn stayed_until(&self, life: &Life<'_>, left: &BTreeSet<Item>) -> Option<Duration> {
        let first = life.deliveries.iter().min_by_key(|delivery| delivery.invoked);
        match (first, first.map(|delivery| &delivery.answer)) {
            (Some(delivery), Some(Answer::Lent { attempt: 1, .. })) => Some(delivery.invoked),
            // It may have been out on a lease that nobody was told of.
            _ if self.has_unheard_leases => None,
            (Some(delivery), Some(Answer::Item(_))) => Some(delivery.invoked),
            (None, _) if left.contains(&life.item) => Some(Duration::MAX),
            _ => None,
        }
    }
}

impl<'a> Life<'a> {
    fn check(&self, is_left: bool, rules: &Rules) -> Result<(), Wrong> {
        if self.deliveries.iter().any(|delivery| delivery.completed < self.put.invoked) {
            return self.wrong("was given before it was put");
        }
        let ends: Vec<_> = self.ends().collect();
        if ends.len() > 1 {
            return self.wrong("was done twice");
        }
        let later = |time: Duration| self.deliveries.iter().filter(move |delivery| delivery.invoked > time);
        if ends.iter().any(|end| is_left || later(end.completed).next().is_some()) {
            return self.wrong("was there when it was done");
        }
        for lease in &self.deliveries {
            let Call::Lease(time) = lease.call else { continue };
            let over = (lease.invoked + time).saturating_sub(rules.tolerance);
            let said = || self.settlements.iter().filter(|(of, _)| of == lease).map(|(_, said)| *said);
            if said().filter(|said| said.answer == Answer::Done).count() > 1 {
                return self.wrong("had a lease that was settled twice");
            }
            for other in later(lease.completed) {
                let may_be_back = |said: &Operation| {
                    matches!(said.call, Call::Nack(_)) && said.answer != Answer::Gone && said.invoked <= other.completed
                };
                if other.completed < over && !said().any(may_be_back) {
                    return self.wrong("was lent to two at a time");
                }
                if said().any(|said| said.answer == Answer::Done && said.invoked > other.completed) {
                    return self.wrong("had a lease that was over, and could be settled");
                }
            }
        }
        Ok(())
    }

    /// What ended it: gets of it, and acknowledgements that were accepted.
    fn ends(&self) -> impl Iterator<Item = &'a Operation> {
        let gets = self.deliveries.iter().copied().filter(|delivery| delivery.call == Call::Get);
        let is_ack = |said: &&Operation| matches!((&said.call, &said.answer), (Call::Ack(_), Answer::Done));
        gets.chain(self.settlements.iter().map(|(_, said)| *said).filter(is_ack))
    }

    fn is_lost(&self, is_left: bool) -> bool {
        let may_be_acked =
            self.settlements.iter().any(|(_, said)| matches!(said.call, Call::Ack(_)) && !said.is_known());
        self.put.is_known() && !is_left && self.ends().next().is_none() && !may_be_acked
    }

    fn operations(&self) -> impl Iterator<Item = &'a Operation> {
        let settlements = self.settlements.iter().map(|(_, said)| *said);
        [self.put].into_iter().chain(self.deliveries.iter().copied()).chain(settlements)
    }

    fn wrong(&self, what: &str) -> Result<(), Wrong> {
        Err(Wrong::new(format!("item {} {what}", self.item), self.operations()))
    }
}
