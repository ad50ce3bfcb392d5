//! Messages that hold a segment of which little else is needed, read so that they can be told again at the end of the log.

use std::collections::BTreeMap;
use std::io;

use streamgauge_core::engine::Name;
use streamgauge_core::engine::journal::{Message, Retold};
use streamgauge_core::time::Time;

use super::Extent;
use super::extent::told_len;
use super::told::Told;
use crate::engine::disk::files::Folder;
use crate::engine::disk::log::{Found, HEADER, Position, behind, frame_at, name_of, read_run, salt_of};

/// Messages of a topic with consecutive numbers, and between which places they lie.
#[derive(Debug)]
pub(crate) struct Retelling {
    pub(crate) topic: Name,
    first: u64,
    from: Position,
    behind: Position,
    bytes: Vec<u8>,
    /// When each was published, and where in the bytes it ends.
    messages: Vec<(Time, usize)>,
}

impl Retelling {
    /// Calls `f` with what is to be told again.
    pub(crate) fn with<R>(&self, f: impl FnOnce(Retold<'_>) -> R) -> R {
        let mut begin = 0;
        let message = |(at, end): &(Time, usize)| {
            let data = self.bytes.get(std::mem::replace(&mut begin, *end)..*end).unwrap_or_default();
            Message { at: *at, data }
        };
        let messages: Vec<_> = self.messages.iter().map(message).collect();
        f(Retold::of(self.first, (self.from.number(), self.behind.number()), &messages))
    }

    fn next(&self) -> u64 {
        self.first.saturating_add(self.messages.len() as u64)
    }

    /// Goes on with what follows, if that does and all together have no more than so many bytes; or gives it back.
    fn extend(&mut self, other: Self, most: u64) -> Option<Self> {
        if self.topic != other.topic || self.next() != other.first || self.len() + other.len() > most {
            return Some(other);
        }
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.messages.extend(other.messages.into_iter().map(|(at, end)| (at, before + end)));
        self.behind = other.behind;
        None
    }

    /// Bytes that they take in an entry, about.
    fn len(&self) -> u64 {
        told_len(self.messages.len() as u64, self.bytes.len() as u64)
    }
}

/// Adds what follows, to the last piece if it fits there.
fn add(pieces: &mut Vec<Retelling>, next: Retelling, most: u64) {
    let left = match pieces.last_mut() {
        Some(last) => last.extend(next, most),
        None => Some(next),
    };
    pieces.extend(left);
}

/// Reads extents, each segment once, and returns their messages in pieces of so many bytes, or of one entry that is longer.
/// An extent that is not as it was written is left out: what is missing is told to who asks for it. All of them are in
/// memory then. O(bytes of the segments).
pub(crate) fn read<F: Folder>(folder: &F, extents: &[(Name, Extent)], most: u64) -> Vec<Retelling> {
    let mut of_segment = BTreeMap::<u32, Readings>::new();
    for (topic, extent) in extents {
        let reading = Reading { extent: *extent, pieces: Vec::new() };
        of_segment.entry(extent.begin.segment).or_default().entry(*topic).or_default().push(reading);
    }
    let mut all = Vec::new();
    for (segment, mut readings) in of_segment {
        if scan(folder, segment, &mut readings, most).is_ok() {
            all.extend(readings.into_values().flatten().filter(Reading::is_all).flat_map(|reading| reading.pieces));
        }
    }
    all.sort_by_key(|piece| (piece.topic, piece.first));
    let mut pieces = Vec::new();
    all.into_iter().for_each(|piece| add(&mut pieces, piece, most));
    pieces
}

/// What is read of a segment, topic by topic.
type Readings = BTreeMap<Name, Vec<Reading>>;

/// What was read of an extent.
struct Reading {
    extent: Extent,
    pieces: Vec<Retelling>,
}

impl Reading {
    /// Whether all was there.
    fn is_all(&self) -> bool {
        let end = self.extent.begin.with_offset(self.extent.end);
        let bytes = self.pieces.iter().fold(0, |sum, piece| sum + piece.bytes.len() as u64);
        let is_whole = self.pieces.last().is_some_and(|last| last.behind == end && last.next() == self.extent.next());
        is_whole && bytes == self.extent.bytes
    }

    /// Takes the messages of an entry that lies before a place.
    fn take(&mut self, told: &Told<'_>, body: &[u8], behind: Position, most: u64) {
        let last = self.pieces.last();
        let (first, from) = last.map_or((self.extent.first, self.extent.begin), |last| (last.next(), last.behind));
        let mut next = Retelling { topic: told.topic, first, from, behind, bytes: Vec::new(), messages: Vec::new() };
        for (at, place) in told.messages() {
            next.bytes.extend_from_slice(body.get(place).unwrap_or_default());
            next.messages.push((at, next.bytes.len()));
        }
        add(&mut self.pieces, next, most);
    }
}

/// Reads what these have of a segment.
fn scan<F: Folder>(folder: &F, segment: u32, readings: &mut Readings, most: u64) -> io::Result<()> {
    let file = folder.open(&name_of(segment))?;
    let extents = || readings.values().flatten().map(|reading| &reading.extent);
    let end = extents().map(|extent| extent.end).max().unwrap_or(0);
    let Some(mut at) = extents().map(|extent| extent.begin).min() else { return Ok(()) };
    let salt = salt_of(&file, segment)?;
    while at.offset < end {
        let bytes = read_run(&file, at, end - at.offset, salt)?;
        let mut read = 0;
        while let Found::Whole { marks, body } = frame_at(bytes.get(read..).unwrap_or_default(), at, salt) {
            let (here, told) = (at, Told::read(body).filter(|_| !marks.is_own));
            read += HEADER + body.len();
            at = behind(here, body);
            if let Some((told, of_topic)) = told.and_then(|told| readings.get_mut(&told.topic).map(|of| (told, of))) {
                let theirs = of_topic.iter_mut().filter(|reading| told.is_of(&reading.extent, here));
                theirs.for_each(|reading| reading.take(&told, body, at, most));
            }
        }
        if bytes.is_empty() {
            break;
        }
        // What the end of what was read cuts off is the first next time.
        if read == 0 {
            let next = frame_at(&bytes, at, salt).next(&bytes, at, salt);
            at = at.after(next.unwrap_or(bytes.len()) as u32);
        }
    }
    Ok(())
}
