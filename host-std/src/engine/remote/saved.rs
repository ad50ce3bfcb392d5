//! The state behind a message of the log, as bytes: what a gateway begins with that joins the others.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `SGR1` |
//! | 8, 8, 8 | the last message of the log, the time by the engine's clock, the digest |
//! | 8, 8 | [`Group`]: bytes of memory, most names |
//! | 8 | notes, and of each: its name behind its length (1), its length (4), and it |
//! | 8 | topics, and of each: its name behind its length (1), how many messages follow (8), and of each its time (8), its length (4), and it |
//! | … | topics without their messages, and queues, as [`save`](Memory::save) has them |
//! | 4 | CRC-32 of all before |
//!
//! All numbers are little-endian.

use std::ops::ControlFlow;

use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Command, Engine as _, Kind, Name, Part, Prefix};
use streamgauge_core::time::Time;

use super::batch::Seen;
use super::replica::{Digest, Replica};
use crate::engine::disk::Notes;
use crate::engine::memory::Rooms;

const MAGIC: [u8; 4] = *b"SGR1";

/// What all gateways of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    /// Bytes that topics and queues may hold.
    pub(crate) memory: u64,
    pub(crate) max_names: u64,
}

/// What was saved is not what a gateway saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// The state as bytes. As long as all that is held.
pub(crate) fn save(memory: &mut Memory<Rooms>, replica: &Replica, group: Group) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let Seen { position, digest } = replica.seen();
    let head = [position, replica.time.as_millis(), digest, group.memory, group.max_names];
    head.iter().chain([&(replica.notes.len() as u64)]).for_each(|word| out.extend(word.to_le_bytes()));
    for (name, note) in &replica.notes {
        write_name(name, &mut out);
        write_bytes(note, &mut out);
    }
    let topics = topics(memory);
    out.extend((topics.len() as u64).to_le_bytes());
    for name in topics {
        write_name(&name, &mut out);
        let Some(topic) = memory.topic(&name) else { continue };
        out.extend(topic.log().len().to_le_bytes());
        for (time, message) in topic.timed(topic.log().start()) {
            out.extend(time.as_millis().to_le_bytes());
            write_bytes(message, &mut out);
        }
    }
    let Ok(()) = memory.save(&mut out);
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out
}

/// The names of all topics.
fn topics(memory: &mut Memory<Rooms>) -> Vec<Name> {
    let mut names = Vec::new();
    let list = Command::List { kind: Kind::Topic, prefix: Prefix::cut(b"") };
    memory.execute(&list, Time::ZERO, &mut |part: Part<'_>| {
        if let Part::Topic(name, ..) = part {
            names.push(name);
        }
        ControlFlow::Continue(())
    });
    names
}

/// What was saved, whole and not yet made anything of: whose it is is known before it takes any room.
#[derive(Debug)]
pub(crate) struct Saved<'a> {
    seen: Seen,
    time: Time,
    pub(crate) group: Group,
    rest: Reader<'a>,
}

impl<'a> Saved<'a> {
    /// Its beginning, and that it is as it was saved.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(crate) fn read(saved: &'a [u8]) -> Result<Self, Unreadable> {
        let (bytes, crc) = saved.split_last_chunk().ok_or(Unreadable("it ends too early"))?;
        if crc32fast::hash(bytes) != u32::from_le_bytes(*crc) {
            return Err(Unreadable("its checksum is another one"));
        }
        let mut rest = Reader(bytes);
        if rest.array()? != MAGIC {
            return Err(Unreadable("it is of no version that is known"));
        }
        let [position, time, digest] = [rest.word()?, rest.word()?, rest.word()?];
        let group = Group { memory: rest.word()?, max_names: rest.word()? };
        Ok(Self { seen: Seen { position, digest }, time: Time::from_millis(time), group, rest })
    }

    /// All of it, with room that `rooms` give.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(crate) fn restore(mut self, rooms: Rooms) -> Result<(Memory<Rooms>, Replica), Unreadable> {
        let input = &mut self.rest;
        let mut notes = Notes::new();
        for _ in 0..input.word()? {
            let (name, note) = (input.name()?, input.bytes()?);
            notes.insert(name, note.into());
        }
        let mut messages = Vec::new();
        for _ in 0..input.word()? {
            let (name, count, begin) = (input.name()?, input.word()?, input.0);
            for _ in 0..count {
                input.word()?;
                input.bytes()?;
            }
            let len = begin.len() - input.0.len();
            messages.push((name, Messages(Reader(&begin[..len]))));
        }
        let restored = Memory::restore(rooms, &mut input.0);
        let mut memory = restored.map_err(|_| Unreadable("topics and queues can't be read, or have no room"))?;
        for (name, messages) in messages {
            if !memory.topic_mut(&name).is_some_and(|topic| topic.refill(messages)) {
                return Err(Unreadable("a topic never had the messages that it is to hold"));
            }
        }
        let replica = Replica::at(self.seen.position, self.time, Digest(self.seen.digest), notes);
        Ok((memory, replica))
    }
}

fn write_name(name: &Name, out: &mut Vec<u8>) {
    // A name is shorter than that.
    out.push(name.as_bytes().len() as u8);
    out.extend_from_slice(name.as_bytes());
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[derive(Debug, Clone)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unreadable("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Unreadable("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn word(&mut self) -> Result<u64, Unreadable> {
        self.array().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Unreadable> {
        let len = u32::from_le_bytes(self.array()?) as usize;
        self.take(len)
    }

    fn name(&mut self) -> Result<Name, Unreadable> {
        let [len] = self.array()?;
        Name::new(self.take(len.into())?).map_err(|_| Unreadable("a name is none"))
    }
}

/// Messages that were read once: they are there.
#[derive(Debug, Clone)]
struct Messages<'a>(Reader<'a>);

impl<'a> Iterator for Messages<'a> {
    type Item = (Time, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let time = self.0.word().ok()?;
        Some((Time::from_millis(time), self.0.bytes().ok()?))
    }
}
