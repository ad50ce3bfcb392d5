//! What a command has told, until whoever asked for it takes it.

use std::ops::ControlFlow;

use streamgauge_core::engine::{
    Allowance, Item, Name, Outcome, Part, QueueSettings, QueueStats, Refusal, Sink, TopicSettings, TopicStats,
};
use streamgauge_core::queue::leases::{self, Death, State, Token};
use streamgauge_core::time::Time;

/// What became of a command, and what it told.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    parts: Vec<Copied>,
    needed: u64,
}

impl Answer {
    /// What the first item would have taken, if it was too long.
    pub(crate) const fn needed(&self) -> u64 {
        self.needed
    }

    /// Gives what was told to whoever asked, and what became of it.
    pub(crate) fn tell(self, to: &mut dyn Sink) -> Outcome {
        // It has said how much it takes.
        let _ = self.parts.iter().try_for_each(|part| part.tell(to));
        self.outcome
    }
}

/// Told where the first item is longer than whoever asks has room for: it stays where it is.
pub(crate) const TOO_LONG: Refusal =
    Refusal::Busy("the limit max-buffered-bytes is reached: this answer is too long for now");

/// A sink that takes as much as was allowed; copies it where somebody asked for it.
#[derive(Debug)]
pub(crate) struct Told {
    left: u64,
    allowance: Allowance,
    is_first: bool,
    /// What the first item would have taken, if it was too long.
    needed: u64,
    parts: Option<Vec<Copied>>,
}

impl Told {
    /// Nothing, as there is nothing to tell.
    pub(crate) const NOTHING: Self =
        Self { left: 0, allowance: Allowance::ALL, is_first: true, needed: 0, parts: None };

    /// Takes so much, for nobody unless `is_asked_for`.
    pub(crate) fn new(allowance: Allowance, is_asked_for: bool) -> Self {
        let parts = is_asked_for.then(Vec::new);
        Self { left: allowance.bytes, allowance, is_first: true, needed: 0, parts }
    }

    /// What was told, with what became of it.
    pub(crate) fn answer(self, outcome: Outcome) -> Answer {
        let outcome = if self.needed > 0 { Outcome::Refused(TOO_LONG) } else { outcome };
        Answer { outcome, parts: self.parts.unwrap_or_default(), needed: self.needed }
    }

    /// Takes room for an item, if there is any.
    fn make_room(&mut self, data: &[u8]) -> bool {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let cost = self.allowance.cost(data.len());
        if is_first && !self.allowance.takes_first(data) {
            self.needed = cost;
            return false;
        }
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(0);
        is_first || left.is_some()
    }
}

impl Sink for Told {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        if let Part::Item(item) = &part
            && !self.make_room(item.item.data)
        {
            return ControlFlow::Break(());
        }
        if let Some(parts) = &mut self.parts {
            parts.extend(Copied::of(part));
        }
        ControlFlow::Continue(())
    }
}

/// A part, copied.
#[derive(Debug)]
enum Copied {
    Item(Box<CopiedItem>),
    Over(Box<[u8]>),
    Topic(Name, Box<(TopicSettings, TopicStats)>),
    Queue(Name, Box<(QueueSettings, QueueStats)>),
    QueueStats(Box<QueueStats>),
}

#[derive(Debug)]
struct CopiedItem {
    id: u64,
    data: Box<[u8]>,
    attempt: u16,
    accepted_at: Time,
    token: Option<Token>,
    until: Option<Time>,
    reason: Box<[u8]>,
    died: Option<(u16, Box<[u8]>, Time, Time)>,
    state: State,
}

impl Copied {
    /// `None` of what this version does not know, which nobody asks for.
    fn of(part: Part<'_>) -> Option<Self> {
        Some(match part {
            Part::Item(Item { item, state }) => {
                let leases::Item { id, data, attempt, accepted_at, token, until, reason, died, .. } = item;
                let died = died.map(|died| (died.attempts, died.reason.into(), died.accepted_at, died.died_at));
                let (data, reason) = (data.into(), reason.into());
                Self::Item(Box::new(CopiedItem { id, data, attempt, accepted_at, token, until, reason, died, state }))
            }
            Part::Over(token) => Self::Over(token.into()),
            Part::Topic(name, settings, stats) => Self::Topic(name, Box::new((*settings, *stats))),
            Part::Queue(name, settings, stats) => Self::Queue(name, Box::new((*settings, *stats))),
            Part::QueueStats(stats) => Self::QueueStats(Box::new(*stats)),
            _ => return None,
        })
    }

    fn tell(&self, to: &mut dyn Sink) -> ControlFlow<()> {
        match self {
            Self::Item(item) => {
                let CopiedItem { id, data, attempt, accepted_at, token, until, reason, died, state } = &**item;
                let died = died.as_ref().map(|(attempts, reason, put, at)| Death::new(*attempts, reason, *put, *at));
                let mut item = leases::Item::new(*id, data, *accepted_at);
                (item.attempt, item.token, item.until) = (*attempt, *token, *until);
                (item.reason, item.died) = (reason, died);
                to.take(Part::Item(Item { item, state: *state }))
            }
            Self::Over(token) => to.take(Part::Over(token)),
            Self::Topic(name, of) => to.take(Part::Topic(*name, &of.0, &of.1)),
            Self::Queue(name, of) => to.take(Part::Queue(*name, &of.0, &of.1)),
            Self::QueueStats(stats) => to.take(Part::QueueStats(stats)),
        }
    }
}
