//! Histories of a queue in memory under clients at random, which are right; and the same with one answer changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use streamgauge_core::generate::Rng;

use super::examples::{RULES, did};
use super::naive::{Counted, has_order};
use super::{Answer, Call, Item, Operation, Returns, Rules, Token, conserved, linearizable};

const LEASE: u64 = 16;

/// A queue as it should be.
#[derive(Default)]
struct Queue {
    fresh: VecDeque<Item>,
    returned: Vec<Item>,
    lent: BTreeMap<Token, (Item, u64)>,
    attempts: BTreeMap<Item, u64>,
}

impl Queue {
    fn answer(&mut self, call: &Call, now: u64, luck: &mut Rng) -> Answer {
        let over: Vec<_> =
            self.lent.iter().filter(|(_, (_, over))| *over <= now).map(|(token, _)| token.clone()).collect();
        self.returned.extend(over.iter().filter_map(|token| self.lent.remove(token)).map(|(item, _)| item));
        match call {
            Call::Put(item) => self.fresh.push_back(*item),
            Call::Get => return self.next(luck).map_or(Answer::Empty, Answer::Item),
            Call::Lease(_) => {
                let Some(item) = self.next(luck) else { return Answer::Empty };
                let attempt = self.attempts.entry(item).and_modify(|attempt| *attempt += 1).or_insert(1);
                let token = format!("{item}.{attempt}");
                let early = luck.below(6);
                self.lent.insert(token.clone(), (item, now + LEASE + luck.below(20) - early));
                return Answer::Lent { item, token, attempt: *attempt };
            }
            Call::Ack(token) | Call::Nack(token) => {
                let Some((item, _)) = self.lent.remove(token) else { return Answer::Gone };
                self.returned.extend(matches!(call, Call::Nack(_)).then_some(item));
            }
        }
        Answer::Done
    }

    fn next(&mut self, luck: &mut Rng) -> Option<Item> {
        match self.returned.len() {
            0 => self.fresh.pop_front(),
            n => Some(self.returned.swap_remove(luck.below(n as u64) as usize)),
        }
    }
}

#[derive(Default)]
struct Worker {
    tokens: Vec<Token>,
    /// Its call, and when that is asked and has its effect.
    call: Option<(Call, u64, u64)>,
}

/// How a random history is.
#[derive(Clone, Copy)]
struct Shape {
    operations: usize,
    workers: usize,
    /// One in so many answers is not heard.
    unheard: u64,
    /// One in so many operations is a put.
    puts: u64,
    /// Whether somebody gets all that is there when all leases are over.
    drains: bool,
}

/// A history of one queue; its items begin with this one.
fn history(shape: Shape, queue: &str, first: Item, luck: &mut Rng) -> Vec<Operation> {
    let (mut server, mut operations, mut items) = (Queue::default(), Vec::new(), first..);
    let mut workers: Vec<_> = (0..shape.workers).map(|_| Worker::default()).collect();
    let mut late: BTreeSet<(u64, usize)> = BTreeSet::new();
    let mut calls: Vec<Call> = Vec::new();
    for worker in &mut workers {
        worker.choose(0, shape, &mut items, luck);
    }
    while operations.len() < shape.operations {
        let effect = |worker: &Worker| worker.call.as_ref().map_or(u64::MAX, |(_, _, effect)| *effect);
        let number = (0..workers.len()).min_by_key(|number| effect(&workers[*number])).expect("there are workers");
        let Some((call, invoked, effect)) = workers[number].call.take() else { break };
        while late.first().is_some_and(|(time, _)| *time <= effect) {
            let (time, number) = late.pop_first().expect("it is the first");
            server.answer(&calls[number], time, luck);
        }
        let answer = if luck.below(shape.unheard) == 0 {
            // It happens late, or never.
            calls.push(call.clone());
            late.extend((luck.below(2) == 0).then_some((effect + luck.below(50), calls.len() - 1)));
            Answer::Unknown
        } else {
            server.answer(&call, effect, luck)
        };
        if let Answer::Lent { token, .. } = &answer {
            workers[number].tokens.push(token.clone());
        }
        let completed = effect + luck.below(4);
        let operation = did(invoked, completed, call, answer);
        operations.push(Operation { client: number, queue: queue.into(), ..operation });
        workers[number].choose(completed, shape, &mut items, luck);
    }
    if shape.drains {
        let now = operations.iter().map(|operation| operation.completed.as_millis() as u64).max().unwrap_or(0);
        late.into_iter().for_each(|(time, number)| drop(server.answer(&calls[number], time.max(now), luck)));
        for now in now + 10 * LEASE.. {
            let answer = server.answer(&Call::Get, now, luck);
            let is_over = answer == Answer::Empty;
            operations.push(Operation { queue: queue.into(), ..did(now, now, Call::Get, answer) });
            if is_over {
                break;
            }
        }
    }
    operations.sort_by_key(|operation| operation.invoked);
    operations
}

impl Worker {
    fn choose(&mut self, now: u64, shape: Shape, items: &mut impl Iterator<Item = Item>, luck: &mut Rng) {
        // Some wait until their leases are over.
        let pause = if luck.below(20) == 0 { luck.below(2 * LEASE) } else { luck.below(4) };
        let invoked = now + pause;
        let call = match luck.below(8) {
            _ if luck.below(shape.puts) == 0 => Call::Put(items.next().expect("there are numbers enough")),
            0 | 1 => Call::Get,
            2 | 3 => Call::Lease(Duration::from_millis(LEASE)),
            _ if self.tokens.is_empty() => Call::Lease(Duration::from_millis(LEASE)),
            kind => {
                let chosen = luck.below(self.tokens.len() as u64) as usize;
                let token =
                    if luck.below(8) == 0 { self.tokens[chosen].clone() } else { self.tokens.swap_remove(chosen) };
                if kind < 7 { Call::Ack(token) } else { Call::Nack(token) }
            }
        };
        self.call = Some((call, invoked, invoked + luck.below(4)));
    }
}

/// What the whole-history check says, but for what is lost: here leases go on at the end.
fn is_conserved(history: &[Operation]) -> Result<(), String> {
    let verdict = conserved(history, &[], &RULES).map_err(|wrong| wrong.to_string());
    verdict.or_else(|wrong| if wrong.contains("are lost") { Ok(()) } else { Err(wrong) })
}

/// Changes one answer that was heard.
fn change(history: &mut [Operation], luck: &mut Rng) {
    let items: Vec<Item> = history.iter().filter_map(Operation::item).collect();
    let chosen = luck.below(history.len() as u64) as usize;
    let other = items.get(luck.below(items.len() as u64) as usize).copied();
    let answer = &mut history[chosen].answer;
    *answer = match (std::mem::replace(answer, Answer::Unknown), other) {
        (Answer::Item(_) | Answer::Lent { .. }, _) if luck.below(3) == 0 => Answer::Empty,
        (Answer::Item(_), Some(other)) => Answer::Item(other),
        (Answer::Lent { token, attempt, item }, Some(other)) => {
            let (item, attempt) = if luck.below(2) == 0 { (other, attempt) } else { (item, 1 + luck.below(3)) };
            Answer::Lent { item, token, attempt }
        }
        (Answer::Empty, Some(other)) if history[chosen].call == Call::Get => Answer::Item(other),
        (Answer::Done, _) if !matches!(history[chosen].call, Call::Put(_)) => Answer::Gone,
        (Answer::Gone, _) => Answer::Done,
        (same, _) => same,
    };
}

/// A lease whose answer is taken away leaves tokens that nobody was told of: no history of a client.
fn is_possible(history: &[Operation]) -> bool {
    history.iter().all(|operation| match &operation.call {
        Call::Ack(token) | Call::Nack(token) => {
            history.iter().any(|lease| matches!(&lease.answer, Answer::Lent { token: of, .. } if of == token))
        }
        _ => true,
    })
}

/// How many histories are tried: more where somebody has the time.
fn seeds() -> usize {
    std::env::var("STREAMGAUGE_SEEDS").map_or(12_000, |seeds| seeds.parse().expect("a number of seeds"))
}

#[test]
fn right_histories_are_right_and_small_ones_are_judged_as_by_trying_everything() {
    let mut luck = Rng::new(1);
    let (mut right, mut wrong) = (0, 0);
    for seed in 0..seeds() {
        let unheard = [3, 6, 12, u64::MAX][seed % 4];
        let shape = Shape { operations: 4 + seed % 7, workers: 1 + seed % 3, unheard, puts: 2, drains: false };
        let mut history = history(shape, "q", 1, &mut luck);
        let returns = if seed % 2 == 0 { Returns::AtOnce } else { Returns::InTime };
        let rules = Rules { returns, ..RULES };
        linearizable(&history, &rules).unwrap_or_else(|wrong| panic!("{wrong}"));
        is_conserved(&history).unwrap_or_else(|wrong| panic!("{wrong}"));
        change(&mut history, &mut luck);
        if !is_possible(&history) {
            continue;
        }
        let verdict = linearizable(&history, &rules);
        let listed = || history.iter().map(|operation| format!("{operation}\n")).collect::<String>();
        match &verdict {
            Ok(()) => {
                assert!(has_order(&history, &rules, Counted::FromCall), "it has no order:\n{}", listed());
                is_conserved(&history).unwrap_or_else(|wrong| panic!("{wrong}\nthere is an order:\n{}", listed()));
                right += 1;
            }
            Err(said) => {
                assert!(!has_order(&history, &rules, Counted::FromEffect), "{said}\nthere is an order:\n{}", listed());
                wrong += 1;
            }
        }
    }
    assert!(right > 1000 && wrong > 1000 || seeds() < 12_000, "{right} right, {wrong} wrong");
}

/// Histories of three queues, with answers that nobody heard.
fn long(operations: usize, unheard: u64, luck: &mut Rng) -> Vec<Operation> {
    let of = |queue: usize| (format!("q{queue}"), queue as u64 * 1_000_000);
    let shape = Shape { operations: operations / 3, workers: 8, unheard, puts: 3, drains: true };
    (0..3).map(of).flat_map(|(queue, first)| history(shape, &queue, first, luck)).collect()
}

#[test]
fn long_histories_are_judged_in_time() {
    let mut luck = Rng::new(2);
    for unheard in [20, 100, 1000, u64::MAX] {
        let history = long(10_000, unheard, &mut luck);
        let judge = |history: &[Operation], what: &str| {
            let began = Instant::now();
            let linear = linearizable(history, &RULES);
            let took = began.elapsed();
            println!("one in {unheard} unheard, {what}: {took:?}");
            assert!(took < Duration::from_secs(20), "{what}: {took:?}");
            [linear, conserved(history, &[], &RULES)]
        };
        for verdict in judge(&history, "right") {
            verdict.unwrap_or_else(|wrong| panic!("{wrong}"));
        }
        if unheard == 20 {
            // In one that is wrong the search may give up.
            continue;
        }
        let gets: Vec<_> =
            (0..history.len()).filter(|number| matches!(history[*number].answer, Answer::Item(_))).collect();
        for (change, chosen) in
            [("at the beginning", 10), ("in the midst", gets.len() / 2), ("at the end", gets.len() - 1)]
        {
            let mut history = history.clone();
            history[gets[chosen]].answer = history[gets[chosen - 1]].answer.clone();
            for verdict in judge(&history, &format!("one item given twice {change}")) {
                verdict.expect_err("an item is given twice");
            }
        }
    }
}
