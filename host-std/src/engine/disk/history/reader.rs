//! Messages of a topic, read from the disk some at a time.

use std::io;
use std::ops::Range;

use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;

use super::Extent;
use super::told::Told;
use crate::engine::disk::files::{File, Folder};
use crate::engine::disk::log::{Found, HEADER, Position, frame_at, name_of, next_entry, read_bytes, read_run};

/// Reads the messages of a topic, extent by extent: who owns it tells which one is next.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    topic: Name,
    /// The number of the message that it reads next, or of the first behind it that is there.
    next: u64,
    /// Where it left off, and in the extent that begins where.
    left_off: Option<(Position, Spot)>,
}

/// A place in an extent, and the number of the first message from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    at: Position,
    number: u64,
}

/// Messages that were read together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    messages: Vec<(Time, Range<usize>)>,
    /// The number of the first of them.
    pub(crate) first: u64,
    /// What could not be read of the extent.
    pub(crate) lost: Option<Lost>,
    /// Whether what follows is not to be read yet.
    pub(crate) is_held: bool,
}

/// Something that should be there, and is not what was written. It may have been given back meanwhile.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) at: Position,
    pub(crate) error: Option<io::Error>,
}

impl Chunk {
    /// When a message was published, and its bytes; `None` behind the last.
    pub(crate) fn get(&self, number: usize) -> Option<(Time, &[u8])> {
        let (time, at) = self.messages.get(number)?;
        Some((*time, self.bytes.get(at.clone())?))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

impl Reader {
    /// From the message of a number on.
    pub(crate) const fn new(topic: Name, number: u64) -> Self {
        Self { topic, next: number, left_off: None }
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
            chunk: Chunk { first: self.next, ..Chunk::default() },
        };
        if let Err(error) = scan.read(folder) {
            scan.lose(Some(error));
            scan.give_up();
        }
        if scan.spot.at.offset >= extent.end {
            // Whatever was not there is told as missing.
            scan.spot.number = scan.spot.number.max(extent.next().min(end));
        }
        let Scan { spot, chunk, .. } = scan;
        self.next = self.next.max(spot.number);
        self.left_off = Some((extent.begin, spot));
        chunk
    }
}

/// One reading.
struct Scan<'a> {
    topic: &'a Name,
    extent: &'a Extent,
    spot: Spot,
    wanted: Range<u64>,
    earliest: Time,
    chunk: Chunk,
}

impl Scan<'_> {
    fn read<F: Folder>(&mut self, folder: &F) -> io::Result<()> {
        let left = self.extent.end.saturating_sub(self.spot.at.offset);
        if left == 0 || self.spot.number >= self.wanted.end {
            return Ok(());
        }
        let file = folder.open(&name_of(self.extent.begin.segment))?;
        let bytes = read_run(&file, self.spot.at, left)?;
        let (begin, mut at) = (self.spot.at.offset, 0);
        while let Found::Whole { marks, body } = frame_at(bytes.get(at..).unwrap_or_default(), self.spot.at) {
            self.chunk.is_held = !marks.is_own && !self.take(body, at + HEADER);
            if self.chunk.is_held {
                break;
            }
            at += HEADER + body.len();
            self.spot.at.offset = begin + at as u32;
        }
        self.chunk.bytes = bytes;
        // What the end of what was read cuts off is the first next time.
        if at == 0 && !self.chunk.is_held {
            self.lose(None);
            self.go_on_behind(&file)?;
        }
        Ok(())
    }

    /// Takes the messages of an entry whose body lies at `offset`; false if it is not to be read yet.
    fn take(&mut self, body: &[u8], offset: usize) -> bool {
        let Some(told) = self.told(body, self.spot.at) else { return true };
        if self.spot.number.saturating_add(told.count) > self.wanted.end {
            return false;
        }
        for (time, item) in told.messages() {
            let number = self.spot.number;
            if self.wanted.contains(&number) && time >= self.earliest {
                if self.chunk.messages.is_empty() {
                    self.chunk.first = number;
                }
                self.chunk.messages.push((time, offset + item.start..offset + item.end));
            }
            self.spot.number += 1;
        }
        true
    }

    /// What the entry in a place tells of the extent.
    fn told<'b>(&self, body: &'b [u8], at: Position) -> Option<Told<'b>> {
        Told::read(body).filter(|told| told.topic == *self.topic && told.is_of(self.extent, at))
    }

    /// Goes on behind what is not what was written. How many messages that had nobody knows, but how many there are to
    /// the end of the extent: behind the last loss they are counted from there.
    fn go_on_behind(&mut self, file: &impl File) -> io::Result<()> {
        let from = self.spot.at;
        let bytes = read_bytes(file, from, self.extent.end.saturating_sub(from.offset))?;
        let (mut at, mut whole, mut count) = (0, bytes.len(), 0);
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let here = from.after(at as u32);
            match frame_at(rest, here) {
                Found::Whole { marks, body } => {
                    let told = self.told(body, here).filter(|_| !marks.is_own);
                    count += told.map_or(0, |told| told.count);
                    at += HEADER + body.len();
                }
                found => {
                    let broken = if let Found::Broken { len, .. } = found { Some(len) } else { None };
                    at += broken.or_else(|| next_entry(rest, here, 1)).unwrap_or(rest.len());
                    (whole, count) = (at, 0);
                }
            }
        }
        let number = self.extent.next().checked_sub(count).filter(|number| *number >= self.spot.number);
        match number {
            Some(number) => self.spot = Spot { at: from.after(whole as u32), number },
            // More than there were: what is there is something else.
            None => self.give_up(),
        }
        Ok(())
    }

    fn lose(&mut self, error: Option<io::Error>) {
        self.chunk.lost = Some(Lost { at: self.spot.at, error });
    }

    fn give_up(&mut self) {
        self.spot = Spot { at: self.extent.begin.with_offset(self.extent.end), number: self.extent.next() };
    }
}
