use super::buffer::Buffer;
use super::every::Every;
use super::turns::Turns;
use super::{Counts, Summary};

/// Every message that has come, and what has become of it for each destination.
///
/// Law, for each destination when every one gets them all, and over all of them in turns:
/// `received == delivered + refused + dropped + pending`.
#[derive(Debug)]
pub(super) struct Ledger {
    buffer: Buffer,
    plan: Plan,
    counts: Summary,
}

#[derive(Debug)]
enum Plan {
    Every(Every),
    Turns(Turns),
}

/// What an answer says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Delivered,
    Refused,
}

impl Ledger {
    pub(super) fn new(urls: Vec<String>, round_robin: bool, limit: usize) -> Self {
        let lanes = urls.len();
        let plan = if round_robin { Plan::Turns(Turns::new(lanes)) } else { Plan::Every(Every::new(lanes)) };
        let destinations = urls.into_iter().map(Counts::new).collect();
        let counts = Summary { destinations, ..Summary::default() };
        Self { buffer: Buffer::new(limit), plan, counts }
    }

    /// A message has come. The oldest ones leave if there is no room for it.
    pub(super) fn receive(&mut self, message: &[u8]) {
        self.counts.received += 1;
        if !self.buffer.could_hold(message.len()) {
            return self.drop_unheld();
        }
        while !self.buffer.has_room(message.len()) {
            self.evict();
        }
        let sequence = self.buffer.push(message);
        if let Plan::Turns(turns) = &mut self.plan {
            turns.arrive(sequence);
        }
    }

    /// The source can't give so many messages any more.
    pub(super) fn miss(&mut self, messages: u64) {
        self.counts.missed += messages;
    }

    /// A message was too long to be read at all.
    pub(super) fn skip_too_long(&mut self) {
        self.counts.too_long += 1;
    }

    /// Hands the next message for this destination to `send`: it is now in flight.
    pub(super) fn take(&mut self, lane: usize, send: impl FnOnce(&[u8])) -> bool {
        let sequence = match &mut self.plan {
            Plan::Every(every) => every.take(lane, self.buffer.end()),
            Plan::Turns(turns) => turns.take(lane),
        };
        let message = sequence.and_then(|sequence| self.buffer.get(sequence));
        debug_assert_eq!(sequence.is_some(), message.is_some(), "what is not sent yet is in the buffer");
        message.map(send).is_some()
    }

    /// The oldest message in flight has its answer.
    pub(super) fn settle(&mut self, lane: usize, outcome: Outcome) {
        let sequence = match &mut self.plan {
            Plan::Every(every) => every.settle(lane),
            Plan::Turns(turns) => turns.settle(lane),
        };
        if let (Some(sequence), Some(counts)) = (sequence, self.counts.destinations.get_mut(lane)) {
            match outcome {
                Outcome::Delivered => counts.delivered += 1,
                Outcome::Refused => counts.refused += 1,
            }
            match &self.plan {
                Plan::Every(every) => self.buffer.remove_before(every.needed_from()),
                Plan::Turns(_) => self.buffer.remove(sequence),
            }
        }
    }

    /// No answer will come to what is in flight.
    pub(super) fn lose(&mut self, lane: usize) {
        let buffer = &self.buffer;
        let dropped = match &mut self.plan {
            Plan::Every(every) => every.lose(lane, buffer.first()),
            Plan::Turns(turns) => turns.lose(lane, |sequence| buffer.get(sequence).is_some()),
        };
        if let Some(counts) = self.counts.destinations.get_mut(lane) {
            counts.dropped += dropped;
        }
    }

    /// Whether the destination can be reached.
    pub(super) fn set_up(&mut self, lane: usize, up: bool) {
        if let Plan::Turns(turns) = &mut self.plan {
            turns.set_up(lane, up);
        }
    }

    /// Messages that this destination has to get.
    pub(super) fn pending(&self, lane: usize) -> u64 {
        match &self.plan {
            Plan::Every(every) => every.pending(lane, self.buffer.end()),
            Plan::Turns(turns) => turns.pending(lane),
        }
    }

    /// Of these, the messages that are not on their way.
    pub(super) fn unsent(&self, lane: usize) -> u64 {
        match &self.plan {
            Plan::Every(every) => every.unsent(lane, self.buffer.end()),
            Plan::Turns(turns) => turns.unsent(lane),
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        let waiting = matches!(&self.plan, Plan::Turns(turns) if turns.waiting() > 0);
        !waiting && (0..self.counts.destinations.len()).all(|lane| self.pending(lane) == 0)
    }

    pub(super) fn summary(&self) -> Summary {
        let mut summary = self.counts.clone();
        for (lane, counts) in summary.destinations.iter_mut().enumerate() {
            counts.pending = self.pending(lane);
        }
        if let Plan::Turns(turns) = &self.plan {
            summary.waiting = turns.waiting();
        }
        summary
    }

    fn evict(&mut self) {
        let sequence = self.buffer.first();
        match &mut self.plan {
            Plan::Every(every) => every.evict(sequence, |lane| {
                if let Some(counts) = self.counts.destinations.get_mut(lane) {
                    counts.dropped += 1;
                }
            }),
            Plan::Turns(turns) => match turns.evict(sequence) {
                Some(Some(lane)) => {
                    if let Some(counts) = self.counts.destinations.get_mut(lane) {
                        counts.dropped += 1;
                    }
                }
                Some(None) => self.counts.dropped += 1,
                None => {}
            },
        }
        self.buffer.remove(sequence);
    }

    /// A message that is longer than the whole buffer.
    fn drop_unheld(&mut self) {
        match &self.plan {
            Plan::Every(_) => self.counts.destinations.iter_mut().for_each(|counts| counts.dropped += 1),
            Plan::Turns(_) => self.counts.dropped += 1,
        }
    }
}

#[cfg(test)]
mod tests;
