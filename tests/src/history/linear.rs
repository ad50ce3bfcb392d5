//! Whether some order of the operations explains every answer.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::case::Case;
use super::model::{Model, Refusal};
use super::state::Place;
use super::{Answer, Call, Operation, Rules, Wrong};

/// How many states of a queue are looked at before the search gives up.
const MOST_STATES: usize = 1_000_000;

/// Looks for an order of all operations, each between its two times, in which a queue gives the answers that were given;
/// for each queue by itself.
///
/// This is the search of Wing and Gong (1993) with Lowe's memory of states (2017): of the operations that can be next,
/// which are those that began before any other had to end, one is taken after another, and what leads to a state in
/// which the search has been goes no further. A queue allows two short cuts. What takes an item out, or finds none, is
/// done as soon as it can be, and nothing else is tried: it forbids nothing. What puts an item in forbids, and is done
/// when it must be, or when something that was refused is about its item. So the search mostly goes straight on, in
/// O(n log n) for n operations; in general the question is NP-complete, for what nobody heard of.
///
/// # Errors
/// Where there is no such order: the operation up to which there is one, and what stands in its way. Also when no answer
/// was found among a million states, which is [unclear](Wrong::is_unclear).
pub fn linearizable(history: &[Operation], rules: &Rules) -> Result<(), Wrong> {
    let mut queues: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
    for operation in history.iter().filter(|operation| operation.has_effect()) {
        queues.entry(&operation.queue).or_default().push(operation.clone());
    }
    for mut operations in queues.into_values() {
        operations.sort_by_key(|operation| operation.invoked);
        let case = Case::new(&operations, rules.tolerance)?;
        Search::new(&case, rules).run(&operations)?;
    }
    Ok(())
}

struct Search<'a> {
    case: &'a Case,
    model: Model<'a>,
    /// Steps that are to come, as a ring: what follows each, and what it follows. The last place is its beginning.
    next: Vec<usize>,
    before: Vec<usize>,
    taken: usize,
    seen: HashSet<u128>,
    /// How far any order came, and the step that can't be next there.
    furthest: Option<(usize, usize, Refusal)>,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Step(usize),
    /// A call nobody heard of takes an item.
    Take(usize, usize),
}

/// A state, and the moves from it.
struct Node {
    /// Steps that can be next.
    open: Vec<usize>,
    /// Those that are worth a try.
    moves: Vec<Move>,
    tried: usize,
    now: Duration,
    mark: usize,
    /// What led here.
    step: Option<usize>,
}

impl<'a> Search<'a> {
    fn new(case: &'a Case, rules: &Rules) -> Self {
        let ring = case.steps.len() + 1;
        let next = (0..ring).map(|step| (step + 1) % ring).collect();
        let before = (0..ring).map(|step| (step + ring - 1) % ring).collect();
        let model = Model::new(case, rules);
        Self { case, model, next, before, taken: 0, seen: HashSet::new(), furthest: None }
    }

    fn run(mut self, history: &[Operation]) -> Result<(), Wrong> {
        let mut path = vec![self.node(None)];
        while self.taken < self.case.steps.len() {
            let Some(node) = path.last_mut() else { return Err(self.wrong(history)) };
            let (mark, now) = (node.mark, node.now);
            let Some(&chosen) = node.moves.get(node.tried) else {
                let node = path.pop().expect("it is the last");
                self.note_dead_end(&node);
                node.step.into_iter().for_each(|step| self.put_back(step));
                path.last().into_iter().for_each(|above| self.model.undo(above.mark));
                continue;
            };
            node.tried += 1;
            match chosen {
                Move::Step(step) => {
                    let adds = self.model.adds(step, now);
                    if let Err(refusal) = self.model.step(step, now) {
                        self.model.undo(mark);
                        node.help(self.case, &self.model, step, refusal);
                        continue;
                    }
                    if !adds {
                        node.moves.truncate(node.tried);
                    }
                }
                Move::Take(doubt, thing) => self.model.take(doubt, thing),
            }
            if !self.seen.insert(self.model.state().digest()) {
                self.model.undo(mark);
                continue;
            }
            if self.seen.len() > MOST_STATES {
                let what = format!("no order was found among {MOST_STATES} states, and there may be one");
                return Err(Wrong { is_unclear: true, ..Wrong::new(what, []) });
            }
            chosen.step().into_iter().for_each(|step| self.take_out(step));
            path.push(self.node(chosen.step()));
        }
        Ok(())
    }

    /// The state that is reached, with what is worth a try.
    fn node(&self, step: Option<usize>) -> Node {
        let mut open = Vec::new();
        let mut now = Duration::MAX;
        let mut candidate = self.next[self.case.steps.len()];
        while candidate < self.case.steps.len() && self.case.steps[candidate].invoked <= now {
            now = now.min(self.case.steps[candidate].completed);
            open.push(candidate);
            candidate = self.next[candidate];
        }
        open.sort_by_key(|step| self.case.steps[*step].completed);
        let (adding, mut steps): (Vec<usize>, Vec<usize>) = open.iter().partition(|step| self.model.adds(**step, now));
        steps.extend(adding.into_iter().filter(|step| self.case.steps[*step].completed == now));
        let moves = steps.into_iter().map(Move::Step).collect();
        Node { open, moves, tried: 0, now, mark: self.model.state().mark(), step }
    }

    fn take_out(&mut self, step: usize) {
        let (before, next) = (self.before[step], self.next[step]);
        (self.next[before], self.before[next]) = (next, before);
        self.taken += 1;
    }

    /// The steps come back in the opposite order, so that each still knows its place.
    fn put_back(&mut self, step: usize) {
        let (before, next) = (self.before[step], self.next[step]);
        (self.next[before], self.before[next]) = (step, step);
        self.taken -= 1;
    }

    /// Keeps what could not be next where an order came further than any before: of the steps that had to be, the one
    /// that had to be first.
    fn note_dead_end(&mut self, node: &Node) {
        if self.furthest.as_ref().is_some_and(|(taken, _, _)| *taken >= self.taken) {
            return;
        }
        for step in &node.open {
            let tried = self.model.step(*step, node.now);
            self.model.undo(node.mark);
            if let Err(refusal) = tried {
                self.furthest = Some((self.taken, *step, refusal));
                return;
            }
        }
    }

    fn wrong(&self, history: &[Operation]) -> Wrong {
        let Some((taken, step, refusal)) = self.furthest else {
            return Wrong::new("no order of the operations explains the answers".into(), history);
        };
        let blocked = &history[self.case.steps[step].operation];
        let things = self.case.thing(step).into_iter().chain(refusal.other());
        let items: Vec<_> = things.map(|thing| self.case.things[thing].item).collect();
        let is_about = |operation: &&Operation| match &operation.call {
            Call::Ack(token) | Call::Nack(token) => history.iter().any(|lease| {
                lease.item().is_some_and(|item| items.contains(&item))
                    && matches!(&lease.answer, Answer::Lent { token: of, .. } if of == token)
            }),
            _ => operation.item().is_some_and(|item| items.contains(&item)),
        };
        let what = format!(
            "no order explains more than {taken} of {} operations, up to \"{} -> {}\" of client {}: {}",
            self.case.steps.len(),
            blocked.call,
            blocked.answer,
            blocked.client,
            self.why(refusal)
        );
        Wrong::new(what, history.iter().filter(is_about).chain([blocked]))
    }

    fn why(&self, refusal: Refusal) -> String {
        let item = |thing: usize| self.case.things[thing].item;
        let at = |place| match place {
            Place::Absent => "not put yet",
            Place::Fresh | Place::Returned => "in the queue",
            Place::Lent(_) => "on a lease that is not over",
            Place::Ended(_) => "on no lease any more",
            Place::Doubtful(_) => "on a lease that nobody was told of, if anywhere",
            Place::Gone => "done with",
        };
        match refusal {
            Refusal::Elsewhere(place) => format!("the item is {}", at(place)),
            Refusal::Behind(other) => format!("item {} has to go out before", item(other)),
            Refusal::Holds(other) => format!("item {} is in the queue", item(other)),
            Refusal::Attempted(attempt) => format!("there was an attempt {attempt} before"),
            Refusal::Skips(attempt) => format!("attempt {attempt} at it has to be before"),
            Refusal::GivenLater => "the item is given to somebody after that".into(),
            Refusal::Lives => "the lease is not over".into(),
            Refusal::Over(place) => format!("the lease is over, and the item {}", at(place)),
        }
    }
}

impl Node {
    /// Adds the moves after which a step may be possible that was refused.
    fn help(&mut self, case: &Case, model: &Model<'_>, step: usize, refusal: Refusal) {
        let thing = case.thing(step);
        let is_new = |step: &usize| !self.moves.iter().filter_map(|chosen| chosen.step()).any(|other| other == *step);
        let is_about_it = |step: &usize| thing.is_some() && case.thing(*step) == thing;
        let more: Vec<_> = self.open.iter().copied().filter(is_new).filter(is_about_it).map(Move::Step).collect();
        self.moves.extend(more);
        // What stands in the way may have been taken. To take what stands in nobody's way can wait until it does. And an
        // item that is not the first may have been out before, and have come back.
        for other in refusal.other().into_iter().chain(thing.filter(|_| matches!(refusal, Refusal::Behind(_)))) {
            let is_taken = |chosen: &Move| matches!(chosen, Move::Take(_, thing) if *thing == other);
            if !self.moves.iter().any(is_taken) {
                self.moves.extend(model.takers(other, self.now).into_iter().map(|doubt| Move::Take(doubt, other)));
            }
        }
    }
}

impl Move {
    const fn step(self) -> Option<usize> {
        if let Self::Step(step) = self { Some(step) } else { None }
    }
}

impl Refusal {
    /// The other item that it is about.
    const fn other(self) -> Option<usize> {
        if let Self::Behind(thing) | Self::Holds(thing) = self { Some(thing) } else { None }
    }
}
