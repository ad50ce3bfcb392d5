//! How far a gateway has followed the log, and what it knows beside topics and queues.

use std::collections::VecDeque;
use std::fmt;

use streamgauge_core::engine::{Outcome, Published};
use streamgauge_core::time::Time;

use super::batch::Seen;
use crate::engine::disk::Notes;

/// Messages of the log whose digests are remembered.
const REMEMBERED: usize = 4_096;

/// Bytes of a message of the log beside what is in it, about.
const BESIDE: u64 = 100;

/// How long a gateway may take to save the state, by the engine's clock, before another one tries.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// What a server of the engine may be behind the one that led before it, before that is said.
const BEHIND: std::time::Duration = std::time::Duration::from_secs(5);

/// How far a gateway has followed the log.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    /// When the last message of the log was taken, by the engine's clock; it never goes back.
    pub(super) time: Time,
    pub(super) digest: Digest,
    /// The digests behind the last messages.
    recent: VecDeque<Seen>,
    pub(super) notes: Notes,
    /// The last message behind which the state was saved, bytes of the log since, and when somebody began to save it.
    pub(super) saved: u64,
    since: u64,
    saving: Option<Time>,
    /// Whether it has ever been where the log ended.
    is_current: bool,
    /// Whether the engine's clock was set back so far that it was said, and is behind still.
    stands_still: bool,
}

/// Why a gateway can't follow the log any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A message is none that this version knows.
    Unknown(u64),
    /// Another gateway came to something else.
    Diverged(u64),
    /// The log begins behind what comes next.
    Behind { next: u64, first: u64 },
    /// What comes next was removed from the log.
    Removed(u64),
    /// The log has lost its end, of which this gateway has executed more: a message was added there as `last`.
    Lost { last: u64, executed: u64 },
    /// The group is another one than this gateway was started for.
    Other(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(at) => {
                write!(
                    f,
                    "message {at} of the log is none that this version knows: another gateway is newer, or somebody else \
                     publishes there"
                )
            }
            Self::Diverged(at) => write!(
                f,
                "behind message {at} of the log this gateway and another one differ: it begins anew from what was saved"
            ),
            Self::Behind { next, first } => write!(
                f,
                "the log begins with message {first}, and {next} would be the next: it begins anew from what was saved"
            ),
            Self::Lost { last, executed } => write!(
                f,
                "the engine has lost the end of the log, as when power fails: message {last} is new there, and {executed} \
                 was executed here; it begins anew from what the engine has"
            ),
            Self::Removed(at) => {
                write!(f, "somebody has removed message {at} of the log: it begins anew from what was saved")
            }
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl Replica {
    /// One that has followed the log until there.
    pub(super) fn at(position: u64, time: Time, digest: Digest, notes: Notes) -> Self {
        let seen = Seen { position, digest: digest.0 };
        Self { time, digest, recent: [seen].into(), notes, saved: position, ..Self::default() }
    }

    /// That of a state which is in no log.
    pub(crate) fn alone(time: Time, notes: Notes) -> Self {
        Self::at(0, time, Digest::default(), notes)
    }

    /// The time by the engine's clock, as far as it is known.
    pub(crate) const fn now(&self) -> Time {
        self.time
    }

    /// The last message that it has executed, and what all came to until there.
    pub(crate) fn seen(&self) -> Seen {
        self.recent.back().copied().unwrap_or_default()
    }

    /// The message that it begins with has at least that number.
    pub(crate) fn begins_at_least(&mut self, position: u64) {
        let position = self.seen().position.max(position);
        self.recent = [Seen { position, digest: self.digest.0 }].into();
    }

    /// It is where the log ends: from now on what it shows is no older than what anybody was told here.
    pub(crate) const fn arrive(&mut self) {
        self.is_current = true;
    }

    /// Whether it ever was.
    pub(crate) const fn has_arrived(&self) -> bool {
        self.is_current
    }

    /// What was noted.
    pub(crate) const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Keeps a note, or keeps it no more.
    pub(crate) fn note(&mut self, name: streamgauge_core::engine::Name, note: Option<&[u8]>) {
        match note {
            Some(note) => drop(self.notes.insert(name, note.into())),
            None => drop(self.notes.remove(&name)),
        }
    }

    /// Begins with a message that the engine has taken at a time, from a gateway that had seen this; returns the time that
    /// it is then.
    ///
    /// # Errors
    /// That gateway came to something else.
    pub(crate) fn begin(&mut self, at: Time, seen: Seen, bytes: usize) -> Result<Time, Stop> {
        let known = self.recent.binary_search_by_key(&seen.position, |known| known.position);
        if known.is_ok_and(|known| self.recent[known].digest != seen.digest) {
            return Err(Stop::Diverged(seen.position));
        }
        if let Some(behind) = self.falls_behind(at) {
            tracing::warn!(
                "the clock of the server of NATS that leads the log is {} s behind that of the one before it: until it has \
                 come there, no time goes by for leases, delays and ages",
                behind.as_secs()
            );
        }
        self.time = self.time.max(at);
        self.since = self.since.saturating_add(bytes as u64).saturating_add(BESIDE);
        Ok(self.time)
    }

    /// How far the engine's clock is behind what it has shown, if that is more than clocks differ that are kept right; once
    /// until it is not behind any more.
    fn falls_behind(&mut self, at: Time) -> Option<std::time::Duration> {
        let behind = self.time.since(at);
        let begins = behind > BEHIND && !self.stands_still;
        self.stands_still = !behind.is_zero() && (self.stands_still || begins);
        begins.then_some(behind)
    }

    /// It was executed.
    pub(crate) fn end(&mut self, position: u64) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(Seen { position, digest: self.digest.0 });
    }

    /// Takes note of what became of something.
    pub(crate) fn came_to(&mut self, outcome: &Outcome) {
        self.digest.add(outcome);
    }

    /// Somebody wants to save the state: whether it is for them to do.
    pub(crate) fn begins_to_save(&mut self) -> bool {
        let is_free = self.is_saved_by_nobody();
        if is_free {
            self.saving = Some(self.time);
        }
        is_free
    }

    /// The state behind a message was saved.
    pub(crate) const fn has_saved(&mut self, position: u64) {
        if position > self.saved {
            (self.saved, self.saving) = (position, None);
            self.since = 0;
        }
    }

    /// Whether so much was added to the log that the state should be saved, and nobody does, as far as is known.
    pub(crate) fn is_to_be_saved(&self, least: u64) -> bool {
        self.since > least && self.is_saved_by_nobody()
    }

    fn is_saved_by_nobody(&self) -> bool {
        self.saving.is_none_or(|begun| begun.after(PATIENCE) <= self.time)
    }
}

/// What all that was executed came to: two gateways that have executed the same have the same, and two that have not, as
/// good as never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Digest(pub(super) u64);

impl Digest {
    fn add(&mut self, outcome: &Outcome) {
        let words = match outcome {
            Outcome::Published(Published { first, messages, duplicates, .. }) => [1, *first, *messages, *duplicates],
            Outcome::Put { items, duplicate } => [2, *items, u64::from(*duplicate), 0],
            Outcome::Told(items) => [3, *items, 0, 0],
            Outcome::Settled { done, over } => [4, *done, *over, 0],
            Outcome::Moved { items, more } => [5, *items, u64::from(*more), 0],
            Outcome::Created => [6, 0, 0, 0],
            Outcome::Changed => [7, 0, 0, 0],
            Outcome::Removed => [8, 0, 0, 0],
            Outcome::Refused(refusal) => [9, refusal.problem().len() as u64, 0, 0],
            _ => [10, 0, 0, 0],
        };
        for word in words {
            // As in FNV-1a, by words: nobody chooses what is added.
            self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_to_something_else_is_found_out() {
        let mut all = [Replica::default(), Replica::default()];
        for position in 1..=10_u64 {
            for (who, one) in all.iter_mut().enumerate() {
                one.begin(Time::from_millis(5), Seen::default(), 7).unwrap();
                let items = if (who, position) == (1, 9) { 2 } else { 1 };
                one.came_to(&Outcome::Told(items));
                one.end(position);
            }
            let [one, other] = &mut all;
            let met = one.begin(Time::ZERO, other.seen(), 0);
            assert_eq!(met.is_err(), position >= 9, "{position}: {met:?}");
        }
        let [one, _] = &mut all;
        assert_eq!(
            one.begin(Time::ZERO, Seen { position: 99, digest: 1 }, 0),
            Ok(Time::from_millis(5)),
            "not there yet"
        );
        assert_eq!(one.begin(Time::ZERO, Seen { position: 3, digest: 1 }, 0), Err(Stop::Diverged(3)));
    }

    #[test]
    fn a_clock_that_was_set_back_is_told_once_until_it_has_come_there_again() {
        let mut one = Replica::at(1, Time::from_millis(60_000), Digest::default(), Notes::new());
        let mut told = |at| one.falls_behind(Time::from_millis(at)).map(|behind| behind.as_secs());
        assert_eq!([58_000, 55_000, 40_000, 41_000, 59_999].map(&mut told), [None, None, Some(20), None, None]);
        assert_eq!([60_000, 54_000].map(told), [None, Some(6)]);
    }

    #[test]
    fn one_saves_at_a_time_unless_it_takes_too_long() {
        let mut one = Replica::default();
        one.begin(Time::from_millis(1_000), Seen::default(), 100).unwrap();
        let bytes = 100 + BESIDE;
        assert!(one.is_to_be_saved(bytes - 1) && !one.is_to_be_saved(bytes));
        assert!(one.begins_to_save() && !one.begins_to_save() && !one.is_to_be_saved(99));
        one.has_saved(7);
        assert!(!one.is_to_be_saved(99) && one.begins_to_save());
        one.begin(Time::from_millis(62_000), Seen::default(), 200).unwrap();
        assert!(one.is_to_be_saved(99) && one.begins_to_save());
    }
}
