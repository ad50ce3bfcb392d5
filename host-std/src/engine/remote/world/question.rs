//! What clients ask gateways for.

use std::time::Duration;

use streamgauge_core::engine::{
    Command, Data, Id, Kind, Lease, Name, Outcome, Pieces, Prefix, QueueChange, Reason, Settle, Tokens, TopicChange,
};
use streamgauge_core::queue::leases::State;

use crate::engine::remote::*;

/// Something to ask for.
pub(super) struct Question {
    pub(super) kind: usize,
    pub(super) number: usize,
    pub(super) queue: Name,
    pub(super) topic: Name,
    pub(super) items: u64,
    pub(super) delay: Duration,
    pub(super) data: Vec<u8>,
    /// One that was lent, of that queue.
    pub(super) lent: Option<(Name, String)>,
    pub(super) id: Option<Id>,
}

impl Question {
    /// As it is asked.
    pub(super) fn command(&self) -> Command<'_> {
        let Self { kind, number, queue, topic, items, delay, id, .. } = *self;
        let pieces = Pieces::whole(Data::Plain(&self.data));
        let (of, token) = self.lent.as_ref().map_or((queue, ""), |(queue, token)| (*queue, token.as_str()));
        let tokens = Tokens::new(token.as_bytes());
        match kind {
            0..3 => Command::Put { queue, items: pieces, delay, id },
            3..5 => Command::Publish { topic, messages: pieces, id },
            5 => Command::Get { queue, items, lease: Lease::None },
            6..8 => Command::Get { queue, items, lease: Lease::For(Some(Duration::from_secs(items * 20))) },
            8 => Command::Settle { queue: of, tokens, how: Settle::Ack },
            9 | 15 | 16 => {
                let nack = Settle::Nack { delay, reason: Reason::cut(b"no") };
                let longer = Settle::Touch((number > 2).then_some(Duration::from_secs(90)));
                Command::Settle { queue: of, tokens, how: if number < 2 { nack } else { longer } }
            }
            10 if number == 3 => {
                let change =
                    TopicChange { max_age: Some(Some(2 * delay + Duration::from_secs(9))), ..Default::default() };
                Command::SetTopic { name: topic, change }
            }
            10 => Command::SetQueue {
                name: queue,
                change: QueueChange {
                    topic: Some((number > 0).then_some(topic)),
                    max_attempts: Some(Some(if number == 0 { 1 } else { 2 })),
                    dead_letter: Some((number > 1).then(|| Name::new(b"d").unwrap())),
                    ..QueueChange::default()
                },
            },
            11 => [
                Command::Pause { queue },
                Command::Resume { queue },
                Command::Empty { queue },
                Command::Redrive { queue },
            ][number],
            12 => [
                Command::QueueStats { queue, reset: true },
                Command::TopicStats { topic, reset: true },
                Command::Remove { kind: Kind::Topic, name: topic },
                Command::Remove { kind: Kind::Queue, name: queue },
            ][number],
            13 => {
                let state = [State::Ready, State::Leased, State::Delayed, State::Dead][number];
                Command::Peek { queue, state, items: 9 }
            }
            _ => [
                Command::Dump { queue },
                Command::List { kind: Kind::Queue, prefix: Prefix::cut(b"") },
                Command::Show { kind: Kind::Topic, name: topic },
                Command::QueueStats { queue, reset: false },
            ][number],
        }
    }
}

/// What is counted of a command that came to this, if it came to anything.
pub(super) fn counted(command: &Command<'_>, outcome: &Outcome) -> Option<String> {
    let comes_to_something = match outcome {
        Outcome::Told(items) => *items > 0,
        Outcome::Settled { done, .. } => *done > 0,
        Outcome::Refused(UNKNOWN) => return Some("UNKNOWN".to_owned()),
        Outcome::Refused(AWAY) => return Some("AWAY".to_owned()),
        Outcome::Refused(_) => false,
        _ => true,
    };
    let shown = format!("{command:?}");
    let first = |text: &str| text.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned);
    let name = match command {
        Command::Settle { how, .. } => first(&format!("{how:?}")),
        Command::Peek { state, .. } => first(&format!("Peek{state:?}")),
        _ => first(&shown),
    };
    name.filter(|_| comes_to_something)
}
