//! Executing again what was executed before.

use super::{Host, Memory, Table};
use crate::engine::journal::{Again, Call, Entry};
use crate::engine::{Command, Engine as _, Outcome, Published};
use crate::time::Time;

/// An engine has not done again what it did: its state was another one, or its host has not given it what it had then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diverged;

impl core::fmt::Display for Diverged {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a command that is executed again does not do what it did")
    }
}

impl core::error::Error for Diverged {}

impl<H: Host> Memory<H> {
    /// Executes an entry of a [journal](crate::engine::journal) again: the state is then what it was. Its random numbers
    /// are what [`Host::random`] has to give meanwhile. As long as what it executes.
    ///
    /// # Errors
    /// [`Diverged`]: the state is not what it was, and nothing that follows can be relied upon.
    pub fn replay(&mut self, entry: &Entry<'_>) -> Result<(), Diverged> {
        let now = entry.now;
        let is_same = match &entry.call {
            Call::Execute(command) => self.again(command, now, entry.taken, false),
            Call::Refuse(command) => self.again(command, now, entry.taken, true),
            Call::Advance(kind, name) => {
                self.advance(*kind, name, now);
                true
            }
            Call::MakeTopic(name, settings) => self.make_topic(name, *settings).is_ok(),
            Call::MakeQueue(name, settings) => self.make_queue(name, *settings, now).is_ok(),
            Call::Subscribe(name, admitted) => {
                let is_there = self.ensure_topic(name, now).is_ok();
                if let Some(topic) = self.topic_mut(name) {
                    topic.expire(now);
                    topic.count_subscribed(u64::from(*admitted));
                }
                is_there
            }
            Call::PutLetter(name, letter) => {
                // Whether there was room is the business of who has the letter.
                self.put_letter(name, letter, now);
                self.queues.get(name).is_some()
            }
            Call::Move(name, moves) => {
                self.relocate(name, moves);
                true
            }
            Call::Lose(name, place) => {
                self.lose(name, *place, now);
                true
            }
            // The messages in memory are where they were.
            Call::Retell(..) => true,
            Call::DropLetters(name, letters) => {
                self.drop_letters(name, letters.iter());
                true
            }
        };
        if is_same { Ok(()) } else { Err(Diverged) }
    }

    /// Executes a command again, and says whether it did the same, as far as is known.
    fn again(&mut self, command: &Command<'_>, now: Time, taken: u64, refused: bool) -> bool {
        let mut again = Again(taken);
        let outcome = self.execute(command, now, &mut again);
        let is_same = match (command, &outcome) {
            (_, Outcome::Refused(_)) => refused,
            _ if refused => false,
            (Command::Publish { messages, .. }, Outcome::Published(Published { duplicates, .. })) => {
                messages.are_bare() == (*duplicates > 0)
            }
            (Command::Put { items, .. }, Outcome::Put { duplicate, .. }) => items.are_bare() == *duplicate,
            _ => true,
        };
        is_same && again.0 == 0
    }
}
