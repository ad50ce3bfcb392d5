//! What can be asked of an engine.

use core::time::Duration;

use super::{Name, Pieces, QueueChange, Short, TopicChange};
use crate::queue::leases::{State, Token};
use crate::saved::{AtHand, Input};

/// A request, understood: which verb, on what, with which values. It borrows from the request.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Command<'a> {
    /// Makes messages the newest of a topic, all or none.
    Publish {
        /// The topic.
        topic: Name,
        /// The messages.
        messages: Pieces<'a>,
        /// The client's name for this publish, by which a second one is recognised.
        id: Option<Id>,
    },
    /// Counters of a topic; with `reset` those that can be are zeroed once they are told.
    TopicStats {
        /// The topic.
        topic: Name,
        /// Whether they begin anew.
        reset: bool,
    },
    /// Puts items on a queue, all or none.
    Put {
        /// The queue.
        queue: Name,
        /// The items.
        items: Pieces<'a>,
        /// How long they can't be got.
        delay: Duration,
        /// The client's name for this put, by which a second one is recognised.
        id: Option<Id>,
    },
    /// Takes the oldest items, for good or for the time of a lease.
    Get {
        /// The queue.
        queue: Name,
        /// At most so many.
        items: u64,
        /// For good, or for how long.
        lease: Lease,
    },
    /// Settles leases.
    Settle {
        /// The queue.
        queue: Name,
        /// The leases.
        tokens: Tokens<'a>,
        /// What is done to them.
        how: Settle,
    },
    /// Looks at items without changing anything.
    Peek {
        /// The queue.
        queue: Name,
        /// Which of them.
        state: State,
        /// At most so many.
        items: u64,
    },
    /// Begins a walk over all that is ready.
    Dump {
        /// The queue.
        queue: Name,
    },
    /// Counters of a queue; with `reset` those that can be are zeroed.
    QueueStats {
        /// The queue.
        queue: Name,
        /// Whether they begin anew.
        reset: bool,
    },
    /// Makes the dead of a queue ready again.
    Redrive {
        /// The queue.
        queue: Name,
    },
    /// Nothing can be got until it is resumed; putting goes on.
    Pause {
        /// The queue.
        queue: Name,
    },
    /// Items can be got again.
    Resume {
        /// The queue.
        queue: Name,
    },
    /// Throws away all that is not leased.
    Empty {
        /// The queue.
        queue: Name,
    },
    /// Each topic or queue whose name begins so, in the order of their names.
    List {
        /// Of which kind.
        kind: Kind,
        /// How the names begin.
        prefix: Prefix,
    },
    /// One topic or queue.
    Show {
        /// Of which kind.
        kind: Kind,
        /// Which one.
        name: Name,
    },
    /// Makes a topic, or changes it.
    SetTopic {
        /// Which one.
        name: Name,
        /// What is named of its settings.
        change: TopicChange,
    },
    /// Makes a queue, or changes it.
    SetQueue {
        /// Which one.
        name: Name,
        /// What is named of its settings.
        change: QueueChange,
    },
    /// Removes a topic or a queue, with what is in it.
    Remove {
        /// Of which kind.
        kind: Kind,
        /// Which one.
        name: Name,
    },
}

/// What a client calls a publish or a put, to be recognised when it comes again.
pub type Id = Short<128>;

/// How names begin.
pub type Prefix = Short<{ Name::LONGEST }>;

/// Why an item was given back, for those who look at the dead.
pub type Reason = Short<128>;

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A topic.
    Topic,
    /// A queue.
    Queue,
}

impl Kind {
    /// `topic` or `queue`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Queue => "queue",
        }
    }
}

/// For how long items are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// For good: they are delivered.
    None,
    /// Until they are acknowledged, or so long; `None`: as the queue's settings say.
    For(Option<Duration>),
}

/// What is done to leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// The work is done, and the item gone.
    Ack,
    /// The item goes back, or to the dead.
    Nack {
        /// How long it can't be got.
        delay: Duration,
        /// Why, for the dead.
        reason: Reason,
    },
    /// The lease is so long from now; `None`: as the queue's settings say.
    Touch(Option<Duration>),
}

/// Tokens of leases: one, or a line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens<'a>(Written<'a>);

/// How they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written<'a> {
    Lines(&'a [u8]),
    /// As a [journal](super::journal) has them, which are all tokens or stand for what was none.
    Packed(&'a [u8]),
}

impl<'a> Tokens<'a> {
    /// Those of `text`, a line each; empty lines are none.
    pub const fn new(text: &'a [u8]) -> Self {
        Self(Written::Lines(text))
    }

    /// Those of a journal; `None` if something else is there. O(n).
    pub(crate) fn packed(bytes: &'a [u8]) -> Option<Self> {
        let mut input = Input(AtHand(bytes));
        while !input.rest().is_empty() {
            Token::unpack(&mut input).ok()?;
        }
        Some(Self(Written::Packed(bytes)))
    }

    /// All of them, as they were written; of those of a journal nothing is left of that. O(1).
    pub const fn written(&self) -> &'a [u8] {
        match self.0 {
            Written::Lines(text) => text,
            Written::Packed(_) => &[],
        }
    }

    /// Bytes of all of them, as they were written. O(1).
    pub const fn bytes(&self) -> usize {
        match self.0 {
            Written::Lines(bytes) | Written::Packed(bytes) => bytes.len(),
        }
    }

    /// Each as it was written; of those of a journal nothing is left of that.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        self.parsed().map(|(text, _)| text)
    }

    /// Each as it was written, and the token that it is, if it is one.
    pub(crate) fn parsed(&self) -> impl Iterator<Item = (&'a [u8], Option<Token>)> {
        let (text, packed) = match self.0 {
            Written::Lines(text) => (text, &[][..]),
            Written::Packed(bytes) => (&[][..], bytes),
        };
        let lines = crate::wire::lines::split(text, b'\n').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty());
        let mut input = Input(AtHand(packed));
        let packed = core::iter::from_fn(move || Token::unpack(&mut input).ok());
        lines.map(|text| (text, Token::parse(text))).chain(packed.map(|token| (&[][..], token)))
    }
}
