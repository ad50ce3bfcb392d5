//! Executed commands as bytes, so that they can be executed again: what a host writes to its log, and reads after a crash.
//!
//! An engine that executes the same commands in the same order, at the same times and with the same random numbers, has the
//! same state. So a host keeps an [`Entry`] of each command that has changed something, and now and then [all of the
//! state](super::memory::Memory::save); what was executed since is [executed again](super::memory::Memory::replay).
//!
//! ```
//! use core::ops::ControlFlow;
//! use streamgauge_core::engine::journal::{Call, Entry, Numbers, Watched};
//! use streamgauge_core::engine::memory::{Fixed, Memory};
//! use streamgauge_core::engine::{Command, Data, Engine, Name, Part, Pieces};
//! use streamgauge_core::time::Time;
//!
//! let mut engine = Memory::new(<Fixed>::default());
//! let items = Pieces::whole(Data::Plain(b"H3110"));
//! let command = Command::Put { queue: Name::MAIN, items, delay: core::time::Duration::ZERO, id: None };
//! let now = Time::from_millis(1_000);
//!
//! // 1. Before: whether time alone would change something.
//! let was_due = engine.is_due_for(&command, now);
//! // 2. Executed, with an eye on how much is taken of what it tells.
//! let mut sink = |_: Part<'_>| ControlFlow::Continue(());
//! let mut watched = Watched::new(&mut sink);
//! let outcome = engine.execute(&command, now, &mut watched);
//! // 3. Kept, with what the host has drawn at random: `main` was made, for which an engine draws three numbers.
//! let random = [1, 2, 3];
//! let call = Call::of(&command, &outcome, was_due, !random.is_empty()).unwrap();
//! let entry = Entry { now, random: Numbers::of(&random), taken: watched.taken(), call };
//! let mut log = Vec::new();
//! entry.encode(Time::ZERO, &mut log)?;
//! assert_eq!(log.len() as u64, entry.encoded_len(Time::ZERO));
//!
//! // 4. Read again, and executed again.
//! let mut again = Memory::new(<Fixed>::default());
//! let entry = Entry::decode(&log, Time::ZERO).unwrap();
//! again.replay(&entry).unwrap();
//! # Ok::<(), core::convert::Infallible>(())
//! ```
//!
//! What that takes of a host:
//! - **Times never go back**, those of looks neither, nor behind the last entry when it begins anew.
//! - **Random numbers** are written down as [`Host::random`](super::memory::Host::random) gives them, and given again.
//! - **Storage** is given and [grows](crate::storage::Grow) as it did then, [names](super::memory::Table::names) come in
//!   their order, and [`owns`](super::memory::Host::owns) says the same. Where a budget is shared it may be what differs;
//!   [`replay`](super::memory::Memory::replay) says so when a command does not do what it did.
//! - **[Defaults](super::memory::Defaults)** are saved with the state: who has others saves anew, once all is replayed.
//! - What **subscribers** get is in no entry: they come back and say where they are. Messages sent and subscribers kicked are
//!   as many as when the state was last saved.
//! - A **queue that moves** from one engine to another is in no entry: who moves one saves both.
//!
//! Refused commands have changed something too: they are counted, what was due is done, room was made for them, or the name
//! was made. [`Call::of`] says which have to be kept; of what they would have put, only the lengths are. Nobody has to wait
//! for those to be durable.
//!
//! # The bytes, version 1
//! An entry has no length and no checksum: the log around it has. Forms of what is in it: `saved` in the source, that is:
//! numbers are LEB128 (seven bits a byte, low ones first) of as few bytes as they need; words are 8 bytes, little-endian;
//! texts and names have a number in front, their length; spans are two numbers, seconds and nanoseconds; what may not be
//! there has a byte in front, 0 or 1. Changes and settings are in `engine::written`, since what is saved has them too.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | the kind in the low five bits; 32: random numbers follow; 64: a number of parts follows; 128: it was refused, but see Publish and Put |
//! | number | the time in milliseconds, less the one that the caller gives as a base (wrapping at 2^64) |
//! | number, words | if 32: how many random numbers, which is not 0, and those |
//! | number | if 64: how many parts were taken, which is not 0 |
//! | … | what the kind says |
//!
//! | kind | what follows |
//! | --- | --- |
//! | 1 Publish, 2 Put | name; if 128, a byte of options that is not 0; with option 1 the id, a text; with 2 the delay, a span that is not 0 (Put); 8 says that it was refused; then to the end each item as a text, or with option 4 the lengths alone, as numbers |
//! | 3 Get | name, items (number), 0 for good, 1 on lease, 2 on lease for a span, and that |
//! | 4 Ack, 5 Nack, 6 Touch | name; Nack: delay (span), reason (text); Touch: maybe a span; then to the end each token as a number, which is its place and one more, and its random bits as a word; or 0 for what was none |
//! | 7 Redrive, 8 Pause, 9 Resume, 10 Empty, 11 Dump | name |
//! | 12 Peek | name, state (0 ready, 1 leased, 2 delayed, 3 dead), items (number) |
//! | 13 Topic's stats, 14 queue's | name, whether they are reset (0 or 1) |
//! | 15 List | 0 topics or 1 queues, prefix (text) |
//! | 16 Show, 17 Remove, 18 Advance | 0 topic or 1 queue, name |
//! | 19 Set topic, 20 set queue | name, change |
//! | 21 Make topic, 22 make queue | name, settings |
//! | 23 Subscribe | name, whether there was room for one more (0 or 1) |
//! | 24 Letter | name, id (number), attempts (number), when it was put and when it died (milliseconds as numbers), reason (text); to the end the item |
//! | 25 Drop letters | name; then to the end of each letter when it died and its id, as numbers |
//! | 26 Move | name; then to the end of each item where its record is in the queue (number), where it lay (a word, and how far before the end of that as a number), and the item as a text |
//! | 27 Lose | name, and the place as a word |
//! | 28 Retell | name, number of the first message (number), where it lay and what was behind the last one (two words); then to the end of each message when it was published (number of milliseconds, less those of the one before it, which are 0 for the first; wrapping at 2^64), and the message as a text |
//!
//! An item of 100 bytes that is put on a queue with a name of 4 costs 4 bytes beside the two: kind, time, and two lengths. A
//! number in the place of the name would save 4 of the 108, and cost a table that the log has to carry: so there is none.
//!
//! **Where an item lies**: the items are the last of an entry, each contiguous; [`items_in`] gives the place of each. A host
//! that says of an entry [where it will be](super::memory::Host::place) before that is executed keeps but one copy of what
//! is put: queues have of it where it is, counted from the end of the entry, since what stands in front of the items is only
//! known afterwards.

mod decode;
mod encode;
mod keep;
mod letters;
mod moves;
mod numbers;
mod packed;
mod retold;
mod watched;

pub use decode::{NotAnEntry, items_in};
pub use letters::Letters;
pub use moves::{Moved, Moves};
pub use numbers::Numbers;
pub use retold::{Message, Retold};
pub(super) use watched::Again;
pub use watched::Watched;

use super::{Command, Kind, Name, QueueSettings, TopicSettings};
use crate::queue::leases::Letter;
use crate::time::Time;

/// The version of the bytes, for the head of a log.
pub const VERSION: u8 = 1;

/// Something that was executed, with all that it depended on beside the state.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// When.
    pub now: Time,
    /// The numbers that were drawn at random meanwhile.
    pub random: Numbers<'a>,
    /// How many parts of what it told were taken ([`Watched`]).
    pub taken: u64,
    /// What was executed.
    pub call: Call<'a>,
}

/// What can change the state of an engine.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Call<'a> {
    /// [`Engine::execute`](super::Engine::execute).
    Execute(Command<'a>),
    /// The same, which was refused.
    Refuse(Command<'a>),
    /// [`Memory::advance`](super::memory::Memory::advance).
    Advance(Kind, Name),
    /// [`Memory::make_topic`](super::memory::Memory::make_topic).
    MakeTopic(Name, TopicSettings),
    /// [`Memory::make_queue`](super::memory::Memory::make_queue).
    MakeQueue(Name, QueueSettings),
    /// [`Memory::subscribe`](super::memory::Memory::subscribe), without a subscriber: the topic is made if it has to be, what
    /// is too old leaves, and whether it is counted as one who was admitted.
    Subscribe(Name, bool),
    /// [`Memory::put_letter`](super::memory::Memory::put_letter).
    PutLetter(Name, Letter<'a>),
    /// [`Memory::drop_letters`](super::memory::Memory::drop_letters).
    DropLetters(Name, Letters<'a>),
    /// [`Memory::relocate`](super::memory::Memory::relocate).
    Move(Name, Moves<'a>),
    /// [`Memory::lose`](super::memory::Memory::lose).
    Lose(Name, u64),
    /// Nothing of an engine: messages of a topic have another place.
    Retell(Name, Retold<'a>),
}

/// The kind of an entry, and what stands with it.
mod kind {
    pub(super) const PUBLISH: u8 = 1;
    pub(super) const PUT: u8 = 2;
    pub(super) const GET: u8 = 3;
    pub(super) const ACK: u8 = 4;
    pub(super) const NACK: u8 = 5;
    pub(super) const TOUCH: u8 = 6;
    pub(super) const REDRIVE: u8 = 7;
    pub(super) const PAUSE: u8 = 8;
    pub(super) const RESUME: u8 = 9;
    pub(super) const EMPTY: u8 = 10;
    pub(super) const DUMP: u8 = 11;
    pub(super) const PEEK: u8 = 12;
    pub(super) const TOPIC_STATS: u8 = 13;
    pub(super) const QUEUE_STATS: u8 = 14;
    pub(super) const LIST: u8 = 15;
    pub(super) const SHOW: u8 = 16;
    pub(super) const REMOVE: u8 = 17;
    pub(super) const ADVANCE: u8 = 18;
    pub(super) const SET_TOPIC: u8 = 19;
    pub(super) const SET_QUEUE: u8 = 20;
    pub(super) const MAKE_TOPIC: u8 = 21;
    pub(super) const MAKE_QUEUE: u8 = 22;
    pub(super) const SUBSCRIBE: u8 = 23;
    pub(super) const PUT_LETTER: u8 = 24;
    pub(super) const DROP_LETTERS: u8 = 25;
    pub(super) const MOVE: u8 = 26;
    pub(super) const LOSE: u8 = 27;
    pub(super) const RETELL: u8 = 28;

    pub(super) const OF: u8 = 31;
    pub(super) const RANDOM: u8 = 32;
    pub(super) const TAKEN: u8 = 64;
    /// Of a publish and a put; of others, that they were refused.
    pub(super) const OPTIONS: u8 = 128;
}

/// What a publish or a put may have beside its items.
mod option {
    pub(super) const ID: u8 = 1;
    pub(super) const DELAY: u8 = 2;
    pub(super) const LENGTHS: u8 = 4;
    pub(super) const REFUSED: u8 = 8;
}
