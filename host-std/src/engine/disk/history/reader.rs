//! Messages of a topic, read from the disk some at a time.

use std::fmt;
use std::io;
use std::ops::Range;

use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;

use super::Extent;
use super::breaks::{Break, breaks};
use super::told::Told;
use crate::engine::disk::files::{File, Folder};
use crate::engine::disk::log::{Found, HEADER, Position, Salt, frame_at, name_of, read_bytes, read_run, salt_of};

/// Reads the messages of a topic, extent by extent: who owns it tells which one is next.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    topic: Name,
    /// The number of the message that it reads next, or of the first behind it that is there.
    next: u64,
    /// Where it left off, and in the extent that begins where.
    left_off: Option<(Position, Spot)>,
    /// What is not what was written from there on, in that extent, as far as it was looked for.
    breaks: Vec<Break>,
}

/// So much of what is not what was written is held in memory.
const MOST: usize = 1_000;

/// Bytes of messages that are read together, with what is noted of each: as many as are read from the disk at once.
const ROOM: usize = 256 << 10;

/// A place in an extent, and the number of the first message from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    at: Position,
    number: u64,
}

/// Messages that were read together: as many as there is [`ROOM`] for, and at least one. However many were published at a
/// time, who reads them slowly holds no more.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Those of all, one behind the other.
    bytes: Vec<u8>,
    /// When each was published, and where it ends.
    messages: Vec<(Time, u32)>,
    /// The number of the first of them.
    pub(crate) first: u64,
    /// What could not be read of the extent.
    pub(crate) lost: Vec<Lost>,
    /// Whether what follows is not to be read yet.
    pub(crate) is_held: bool,
}

/// Something that should be there, and is not what was written. It may have been given back meanwhile. As text it is why.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) at: Position,
    pub(crate) error: Option<io::Error>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => error.fmt(f),
            None => f.write_str("it is not what was written"),
        }
    }
}

impl Chunk {
    /// When a message was published, and its bytes; `None` behind the last.
    pub(crate) fn get(&self, number: usize) -> Option<(Time, &[u8])> {
        let (time, end) = *self.messages.get(number)?;
        let begin = number.checked_sub(1).and_then(|before| self.messages.get(before)).map_or(0, |(_, end)| *end);
        Some((time, self.bytes.get(begin as usize..end as usize)?))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The number of what follows.
    fn next(&self) -> u64 {
        self.first.saturating_add(self.messages.len() as u64)
    }

    /// Adds a message, if there is room for it.
    fn add(&mut self, time: Time, message: &[u8]) -> bool {
        let held = self.bytes.len() + size_of_val(&*self.messages);
        if held + message.len() > ROOM && !self.messages.is_empty() {
            return false;
        }
        self.bytes.extend_from_slice(message);
        self.messages.push((time, self.bytes.len() as u32));
        true
    }

    /// Holds no more than it has.
    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.messages.shrink_to_fit();
    }
}

impl Reader {
    /// From the message of a number on.
    pub(crate) const fn new(topic: Name, number: u64) -> Self {
        Self { topic, next: number, left_off: None, breaks: Vec::new() }
    }

    /// The number of what is read next.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Reads some messages of the extent that has the next one, or is the first behind it: those with a number below
    /// `end` that were published at `earliest` or later. There may be none, and more behind them. O(bytes).
    pub(crate) fn read<F: Folder>(&mut self, folder: &F, extent: &Extent, end: u64, earliest: Time) -> Chunk {
        let begin = Spot { at: extent.begin, number: extent.first };
        let left_off = self.left_off.filter(|(of, spot)| {
            // What was in another place when it was read begins anew.
            *of == extent.begin && spot.at.offset <= extent.end && (extent.first..=self.next).contains(&spot.number)
        });
        let mut scan = Scan {
            topic: &self.topic,
            extent,
            spot: left_off.map_or(begin, |(_, spot)| spot),
            wanted: self.next..end,
            earliest,
            breaks: left_off.map_or_else(Vec::new, |_| std::mem::take(&mut self.breaks)),
            chunk: Chunk { first: self.next, ..Chunk::default() },
        };
        if let Err(error) = scan.read(folder) {
            scan.lose(scan.spot.at, Some(error));
            scan.give_up();
        }
        if scan.spot.at.offset >= extent.end {
            // Whatever was not there is told as missing.
            scan.spot.number = scan.spot.number.max(extent.next().min(end));
        }
        let Scan { spot, mut chunk, breaks, .. } = scan;
        chunk.shrink();
        // Of the entry that it left off in, it may have taken some.
        self.next = self.next.max(spot.number).max(chunk.next());
        (self.left_off, self.breaks) = (Some((extent.begin, spot)), breaks);
        chunk
    }
}

/// What was taken of an entry.
enum Taken {
    Whole,
    /// There is no room for the rest, which is next.
    Some,
    /// It is not to be read yet.
    Held,
}

/// One reading.
struct Scan<'a> {
    topic: &'a Name,
    extent: &'a Extent,
    spot: Spot,
    wanted: Range<u64>,
    earliest: Time,
    breaks: Vec<Break>,
    chunk: Chunk,
}

impl Scan<'_> {
    fn read<F: Folder>(&mut self, folder: &F) -> io::Result<()> {
        let left = self.extent.end.saturating_sub(self.spot.at.offset);
        if left == 0 || self.spot.number >= self.wanted.end {
            return Ok(());
        }
        let file = folder.open(&name_of(self.extent.begin.segment))?;
        let salt = salt_of(&file, self.extent.begin.segment)?;
        let bytes = read_run(&file, self.spot.at, left, salt)?;
        let (begin, mut at) = (self.spot.at.offset, 0);
        while let Found::Whole { marks, body } = frame_at(bytes.get(at..).unwrap_or_default(), self.spot.at, salt) {
            match if marks.is_own { Taken::Whole } else { self.take(body) } {
                Taken::Whole => {}
                Taken::Some => return Ok(()),
                Taken::Held => {
                    self.chunk.is_held = true;
                    return Ok(());
                }
            }
            at += HEADER + body.len();
            self.spot.at.offset = begin + at as u32;
        }
        // What the end of what was read cuts off is the first next time.
        if at == 0 {
            self.lose(self.spot.at, None);
            self.go_on_behind(&file, salt)?;
        }
        Ok(())
    }

    /// Takes the messages of an entry.
    fn take(&mut self, body: &[u8]) -> Taken {
        let Some(told) = self.told(body, self.spot.at) else { return Taken::Whole };
        let next = self.spot.number.saturating_add(told.count);
        if next > self.wanted.end {
            return Taken::Held;
        }
        for ((time, item), number) in told.messages().zip(self.spot.number..) {
            if !self.wanted.contains(&number) || time < self.earliest {
                continue;
            }
            if self.chunk.messages.is_empty() {
                self.chunk.first = number;
            }
            if !self.chunk.add(time, body.get(item).unwrap_or_default()) {
                return Taken::Some;
            }
        }
        self.spot.number = next;
        Taken::Whole
    }

    /// What the entry in a place tells of the extent.
    fn told<'b>(&self, body: &'b [u8], at: Position) -> Option<Told<'b>> {
        Told::read(body).filter(|told| told.topic == *self.topic && told.is_of(self.extent, at))
    }

    /// Goes on with the first message behind what is not what was written that has a number, of all that is so in the extent.
    fn go_on_behind(&mut self, file: &impl File, salt: Salt) -> io::Result<()> {
        if !self.breaks.iter().any(|one| one.at == self.spot.at) {
            let begin = self.extent.begin;
            let bytes = read_bytes(file, begin, self.extent.end.saturating_sub(begin.offset))?;
            self.breaks = breaks(&bytes, self.topic, self.extent, salt).unwrap_or_default();
            self.breaks.retain(|one| one.at >= self.spot.at);
            if let Some(last) = self.breaks.last().copied().filter(|_| self.breaks.len() > MOST) {
                self.breaks.truncate(MOST);
                self.breaks.push(last);
            }
        }
        let next = self.breaks.iter().position(|one| one.number.is_some_and(|number| number >= self.spot.number));
        let passed = next.map_or(self.breaks.len(), |next| next + 1);
        let passed: Vec<_> = self.breaks.drain(..passed).collect();
        let spot = next
            .and_then(|_| passed.last())
            .and_then(|last| last.number.map(|number| Spot { at: self.extent.begin.with_offset(last.end), number }));
        let more = passed.iter().filter(|one| one.at > self.spot.at).map(|one| Lost { at: one.at, error: None });
        self.chunk.lost.extend(more);
        match spot {
            Some(spot) => self.spot = spot,
            // More than there were: what is there is something else.
            None => self.give_up(),
        }
        Ok(())
    }

    fn lose(&mut self, at: Position, error: Option<io::Error>) {
        self.chunk.lost.push(Lost { at, error });
    }

    fn give_up(&mut self) {
        self.spot = Spot { at: self.extent.begin.with_offset(self.extent.end), number: self.extent.next() };
    }
}
