//! Executing again what is left of a log of which a part is lost.
//!
//! Up to the loss everything is what it was. Behind it an entry may find another state than it did, and is only executed as
//! far as that loses nothing that can still be read:
//! - What was **published or put** was accepted, and is again, even where it is taken for a repetition.
//! - **Tokens** are random: a lease from before the loss is settled, and one that is not known is nobody's.
//! - What was **lent** behind the loss is not: nobody knows which items those were, and an acknowledgement would take others
//!   for them. They come again, as leases promise.
//! - What was **got** for good from a queue without leases is got again so many items later as the loss can have held:
//!   whatever it put stood before, and whatever it took is gone. So nothing is taken that was not, and at the end so many
//!   items come again at the most. (Unless the loss itself was the only lease that the queue ever gave: nobody can know.)
//!   Where there are leases, nothing is got.
//! - A queue that is full gives what it owes before it refuses.
//! - Behind a loss numbers of **messages** are higher by as many as may be lost: that is told as a gap to who has seen nothing
//!   from there, and who has misses nothing, and may get some again.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use streamgauge_core::engine::journal::{Call, Entry};
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{
    Command, Engine as _, Kind, Lease, Name, Outcome, Part, Pieces, Prefix, Published, Refusal, Settle, Tokens,
};
use streamgauge_core::time::Time;

use super::body::Body;
use super::history::Histories;
use super::log::{self, Damage, HEADER, Harm, Position, Step};
use super::state::{Notes, Restored, StateError};
use crate::engine::memory::Rooms;

/// Executes again what is left.
pub(crate) struct Salvage {
    there: Restored,
    losses: Vec<Loss>,
    /// So many items or messages may be lost, if anything is.
    lost: u64,
    /// So many numbers of messages were left out.
    skipped: u64,
    before: u64,
    behind: u64,
    queues: BTreeMap<Name, Doubt>,
    /// Messages behind the loss that topics have taken again.
    again: BTreeMap<Name, u64>,
    /// Messages that a topic does not take again.
    unpublished: u64,
    undone: u64,
    latest: Time,
}

/// What is there at the end, and what it took.
pub(crate) struct Salvaged {
    pub(crate) memory: Memory<Rooms>,
    pub(crate) notes: Notes,
    pub(crate) histories: Histories,
    pub(crate) losses: Vec<Loss>,
    /// Behind the losses numbers of messages are higher by so many, if there are topics.
    pub(crate) skipped: u64,
    /// Messages behind the loss that topics have taken again, which those get again who have seen them.
    pub(crate) again: BTreeMap<Name, u64>,
    /// Entries in front of the first loss, and behind it.
    pub(crate) before: u64,
    pub(crate) behind: u64,
    pub(crate) queues: BTreeMap<Name, Doubt>,
    /// Messages that a topic did not take again.
    pub(crate) unpublished: u64,
    /// Queues that were emptied, and are not: something may have been on lease there.
    pub(crate) undone: u64,
    /// When the last of it was executed.
    pub(crate) latest: Time,
}

/// Something that is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It can't be read.
    Damaged(Damage),
    /// It is nothing that this version knows.
    Unknown(Position),
    /// It does not do what it did, though nothing was lost before.
    Diverged(Position),
}

impl Loss {
    pub(crate) const fn at(&self) -> Position {
        match *self {
            Self::Damaged(Damage { at, .. }) | Self::Unknown(at) | Self::Diverged(at) => at,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(damage) => damage.fmt(f),
            Self::Unknown(at) => write!(f, "{at}: no entry that this version can read"),
            Self::Diverged(at) => write!(f, "{at}: an entry does not do again what it did"),
        }
    }
}

/// What is not known of a queue behind a loss.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Doubt {
    /// Whether there are leases.
    lends: bool,
    /// Items that were got or acknowledged, and are there still.
    pub(crate) owed: u64,
    /// Items that were lent behind the loss, and are not.
    pub(crate) unlent: u64,
    /// Items that it does not take again: they are lost.
    pub(crate) unput: u64,
}

impl Salvage {
    /// Begins with what a checkpoint holds.
    pub(crate) fn of(there: Restored) -> Self {
        Self {
            latest: there.latest,
            there,
            losses: Vec::new(),
            lost: 0,
            skipped: 0,
            before: 0,
            behind: 0,
            queues: BTreeMap::new(),
            again: BTreeMap::new(),
            unpublished: 0,
            undone: 0,
        }
    }

    /// Goes on with the next thing in the log.
    pub(crate) fn take(&mut self, step: Step<'_>) {
        match step {
            Step::Damaged(damage) => self.lose(Loss::Damaged(damage), most_in(damage)),
            Step::Entry(at, body) if self.losses.is_empty() => {
                match self.there.again(at, body) {
                    Ok(time) => self.latest = self.latest.max(time),
                    Err(StateError::Diverged(at)) => {
                        self.lose(Loss::Diverged(at), 0);
                        self.skip(body.len() as u64);
                    }
                    Err(_) => self.lose(Loss::Unknown(at), body.len() as u64),
                }
                self.before += u64::from(self.losses.is_empty());
            }
            Step::Entry(at, body) => match Body::read(body) {
                Some(Body::Executed { entry, .. }) => match Entry::decode(entry, Time::ZERO) {
                    Ok(entry) => {
                        self.there.memory.host_mut().set_place(Some(at));
                        self.execute(&entry, (at, log::behind(at, body)));
                    }
                    Err(_) => self.lose(Loss::Unknown(at), body.len() as u64),
                },
                Some(Body::Note(name, note)) => drop(self.there.notes.insert(name, note.into())),
                Some(Body::NoNote(name)) => drop(self.there.notes.remove(&name)),
                None => self.lose(Loss::Unknown(at), body.len() as u64),
            },
        }
    }

    /// What is there now.
    pub(crate) fn finish(self) -> Salvaged {
        let Self { there, losses, skipped, before, behind, queues, again, unpublished, undone, latest, .. } = self;
        let Restored { mut memory, notes, histories, .. } = there;
        let mut has_topics = false;
        let list = Command::List { kind: Kind::Topic, prefix: Prefix::cut(b"") };
        memory.execute(&list, latest, &mut |part: Part<'_>| {
            has_topics |= matches!(part, Part::Topic(..));
            ControlFlow::Continue(())
        });
        memory.host_mut().set_place(None);
        memory.host_mut().go_on();
        let skipped = if has_topics { skipped } else { 0 };
        Salvaged {
            memory,
            notes,
            histories,
            losses,
            skipped,
            again,
            before,
            behind,
            queues,
            unpublished,
            undone,
            latest,
        }
    }

    fn lose(&mut self, loss: Loss, most: u64) {
        self.losses.push(loss);
        self.lost = self.lost.saturating_add(most);
        self.skip(most);
    }

    /// Leaves out numbers of messages: what is lost is missing in front of what follows, and no number is given twice. Extents
    /// end there, so in each of them numbers differ from those that entries tell by the same.
    fn skip(&mut self, by: u64) {
        if by > 0 {
            self.skipped = self.skipped.saturating_add(by);
            self.there.memory.skip_numbers(by);
        }
    }

    /// Executes an entry behind a loss.
    fn execute(&mut self, entry: &Entry<'_>, places: (Position, Position)) {
        self.behind += 1;
        self.latest = self.latest.max(entry.now);
        self.there.memory.host_mut().go_back(entry.random.iter(), Vec::new());
        let now = entry.now;
        match &entry.call {
            Call::Execute(Command::Put { queue, items, delay, id }) if !items.are_bare() => {
                let put = |id| Command::Put { queue: *queue, items: *items, delay: *delay, id };
                let refused = self.put(queue, now, items, put(*id), put(None));
                self.doubt(queue, now).unput += refused;
            }
            Call::Execute(Command::Publish { topic, messages, id }) if !messages.are_bare() => {
                let publish = |id| Command::Publish { topic: *topic, messages: *messages, id };
                let refused = self.put(topic, now, messages, publish(*id), publish(None));
                self.unpublished += refused;
                self.skip(refused);
                if refused == 0 {
                    *self.again.entry(*topic).or_default() += messages.count();
                    self.there.note(entry, places);
                }
            }
            Call::Execute(command @ Command::Get { queue, lease, .. }) => {
                if !self.there.memory.has(Kind::Queue, queue) {
                    // It makes the queue.
                    self.run(command, now, 0);
                }
                self.get(queue, *lease, entry.taken, now);
            }
            Call::Execute(command @ Command::Settle { queue, tokens, how }) => {
                self.settle(command, queue, tokens, how, entry);
            }
            Call::Execute(Command::Empty { queue }) if self.doubt(queue, now).lends => self.undone += 1,
            Call::Execute(Command::Remove { kind: Kind::Queue, name }) => {
                self.queues.remove(name);
                let _ = self.there.memory.replay(entry);
            }
            Call::Execute(Command::Remove { kind: Kind::Topic, name }) => {
                self.again.remove(name);
                let _ = self.there.memory.replay(entry);
                self.there.note(entry, places);
            }
            // Nothing of what was refused happens; of what is put, it is not even known what it was.
            Call::Refuse(Command::Put { .. } | Command::Publish { .. }) => drop(self.there.memory.replay(entry)),
            Call::Refuse(command) => {
                if let Some(queue) = queue_of(command) {
                    self.there.memory.advance(Kind::Queue, queue, now);
                }
            }
            // Which letters those were depends on what is lost.
            Call::DropLetters(..) => {}
            _ => {
                let _ = self.there.memory.replay(entry);
                self.there.note(entry, places);
            }
        }
    }

    /// Puts or publishes, or does so without an id, and returns how many pieces are not taken.
    fn put(&mut self, name: &Name, now: Time, pieces: &Pieces<'_>, first: Command<'_>, again: Command<'_>) -> u64 {
        let mut outcome = self.run(&first, now, 0);
        if let Outcome::Put { duplicate: true, .. } | Outcome::Published(Published { duplicates: 1.., .. }) = outcome {
            // It was taken then: what it is taken for was forgotten by something that is lost.
            outcome = self.run(&again, now, 0);
        }
        while let Outcome::Refused(Refusal::Full { .. }) = outcome {
            let most = self.doubt(name, now).owed.min(pieces.count().max(FEW));
            if most == 0 || self.take_from(name, most, now) == 0 {
                break;
            }
            outcome = self.run(&again, now, 0);
        }
        if let Outcome::Refused(_) = outcome { pieces.count() } else { 0 }
    }

    fn get(&mut self, queue: &Name, lease: Lease, taken: u64, now: Time) {
        self.there.memory.advance(Kind::Queue, queue, now);
        let lost = self.lost;
        let doubt = self.doubt(queue, now);
        match lease {
            Lease::None => doubt.owed = doubt.owed.saturating_add(taken),
            Lease::For(_) => (doubt.lends, doubt.unlent) = (true, doubt.unlent.saturating_add(taken)),
        }
        let due = doubt.owed.saturating_sub(lost);
        if due > 0 && !doubt.lends {
            self.take_from(queue, due, now);
            // What is not there was part of what is lost.
            let doubt = self.doubt(queue, now);
            doubt.owed = doubt.owed.min(lost);
        }
    }

    /// Takes items that are owed, and returns how many.
    fn take_from(&mut self, queue: &Name, most: u64, now: Time) -> u64 {
        let get = Command::Get { queue: *queue, items: most, lease: Lease::None };
        let Outcome::Told(taken) = self.run(&get, now, most) else { return 0 };
        let doubt = self.doubt(queue, now);
        doubt.owed = doubt.owed.saturating_sub(taken);
        taken
    }

    fn settle(&mut self, command: &Command<'_>, queue: &Name, tokens: &Tokens<'_>, how: &Settle, entry: &Entry<'_>) {
        let outcome = self.run(command, entry.now, u64::MAX);
        let done = if let Outcome::Settled { done, .. } = outcome { done } else { 0 };
        let settled = (tokens.iter().count() as u64).saturating_sub(entry.taken);
        if let Settle::Ack = how {
            let doubt = self.doubt(queue, entry.now);
            doubt.owed = doubt.owed.saturating_add(settled.saturating_sub(done));
        }
    }

    /// Executes a command that takes so many parts of what it tells.
    fn run(&mut self, command: &Command<'_>, now: Time, mut parts: u64) -> Outcome {
        self.there.memory.execute(command, now, &mut |_: Part<'_>| match parts.checked_sub(1) {
            Some(left) => {
                parts = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        })
    }

    fn doubt(&mut self, queue: &Name, now: Time) -> &mut Doubt {
        let Self { queues, there: Restored { memory, .. }, .. } = self;
        queues.entry(*queue).or_insert_with(|| {
            let mut lends = false;
            let look = Command::QueueStats { queue: *queue, reset: false };
            memory.execute(&look, now, &mut |part: Part<'_>| {
                if let Part::QueueStats(stats) = part {
                    lends = stats.counters.lent > 0;
                }
                ControlFlow::Continue(())
            });
            Doubt { lends, ..Doubt::default() }
        })
    }
}

/// Items that are taken at a time to make room.
const FEW: u64 = 16;

/// The most items or messages that can have been there: each has a byte, and its length.
fn most_in(damage: Damage) -> u64 {
    match damage.len {
        0 if damage.harm == Harm::Missing => u64::from(u32::MAX) / 2,
        len => u64::from(len).saturating_sub(HEADER as u64) / 2,
    }
}

/// The queue that a command is for.
const fn queue_of<'c>(command: &'c Command<'_>) -> Option<&'c Name> {
    match command {
        Command::Get { queue, .. }
        | Command::Settle { queue, .. }
        | Command::Redrive { queue }
        | Command::Empty { queue }
        | Command::Peek { queue, .. }
        | Command::QueueStats { queue, .. }
        | Command::SetQueue { name: queue, .. }
        | Command::Show { kind: Kind::Queue, name: queue } => Some(queue),
        _ => None,
    }
}
