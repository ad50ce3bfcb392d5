//! A checkpoint: all that was so at a place in a log, so that the log is read from there only.
//!
//! It is the file `checkpoint`:
//!
//! | bytes | |
//! | --- | --- |
//! | 0..8 | `sgcheck`, and the version of the format, 2 |
//! | 8..16 | where the log goes on: segment and offset, 4 bytes each, little-endian |
//! | 16.. | pieces |
//!
//! A piece is its length in 4 bytes, the CRC-32 (IEEE 802.3) of its number from 0 on (8 bytes), its length (4 bytes), the
//! place where the log goes on (8 bytes) and its bytes, in 4 bytes, both little-endian, and its bytes, 64 KiB at the most.
//! An empty one is the last. A checkpoint is written as `checkpoint.new` and only gets its name when it is whole and on
//! the disk. Until then that file [may be](super::files::Directory::hold) longer, and hold the room for it.

use std::io;

use crc32fast::Hasher;

use super::files::{File, Folder};
use super::log::Position;

/// The name of the file.
pub(crate) const NAME: &str = "checkpoint";
/// What it is called until it is whole.
pub(crate) const NEW: &str = "checkpoint.new";

const MAGIC: [u8; 8] = *b"sgcheck\x02";
pub(super) const HEADER: usize = 16;
pub(super) const PIECE_HEADER: usize = 8;
const PIECE: usize = 64 << 10;

/// Writes a checkpoint, piece by piece. Dropped, it leaves the earlier one as it is.
pub(crate) struct Writer<'f, F: Folder> {
    folder: &'f F,
    file: F::File,
    /// Bytes that the file had before: what is there is nothing.
    held: u64,
    at: u64,
    number: u64,
    from: Position,
    /// The next piece, behind the room for its header.
    piece: Vec<u8>,
}

impl<'f, F: Folder> Writer<'f, F> {
    /// A checkpoint of what was so at a place in the log, in the room that is held for it, if any is.
    ///
    /// # Errors
    /// The disk is full, or doesn't work.
    pub(crate) fn new(folder: &'f F, from: Position) -> io::Result<Self> {
        let file = match folder.open(NEW) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.create(NEW, 0)?,
            held => held?,
        };
        let held = file.len()?;
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&place(from));
        file.write_all_at(0, &header)?;
        let mut piece = Vec::with_capacity(PIECE_HEADER + PIECE);
        piece.resize(PIECE_HEADER, 0);
        Ok(Self { folder, file, held, at: HEADER as u64, number: 0, from, piece })
    }

    /// Writes more of it.
    ///
    /// # Errors
    /// The disk is full, or doesn't work.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = PIECE_HEADER + PIECE - self.piece.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_HEADER + PIECE {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Bytes that are held for it, and stay so if it does not become whole.
    pub(crate) const fn held(&self) -> u64 {
        self.held
    }

    /// Puts it in the place of the earlier one, and returns its bytes.
    ///
    /// # Errors
    /// The disk is full, or doesn't work: one of the two is there.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if self.piece.len() > PIECE_HEADER {
            self.send()?;
        }
        self.send()?;
        if self.held > self.at {
            self.file.cut(self.at)?;
        }
        self.file.sync()?;
        self.folder.rename(NEW, NAME)?;
        self.folder.sync()?;
        Ok(self.at)
    }

    fn send(&mut self) -> io::Result<()> {
        let bytes = self.piece.get(PIECE_HEADER..).unwrap_or_default();
        let (len, sum) = (bytes.len() as u32, sum(self.number, self.from, bytes));
        self.piece[..4].copy_from_slice(&len.to_le_bytes());
        self.piece[4..PIECE_HEADER].copy_from_slice(&sum.to_le_bytes());
        self.file.write_all_at(self.at, &self.piece)?;
        self.at += self.piece.len() as u64;
        self.number += 1;
        self.piece.truncate(PIECE_HEADER);
        Ok(())
    }
}

/// Reads a checkpoint, piece by piece.
pub(crate) struct Reader<F: Folder> {
    file: F::File,
    at: u64,
    number: u64,
    from: Position,
    is_over: bool,
}

/// Why a checkpoint can't be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The disk doesn't work.
    Io(io::Error),
    /// It is none, or of another version.
    Unknown,
    /// It is not what was written, from this byte of the file on.
    Broken(u64),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Unknown => write!(f, "{NAME} is no checkpoint that this version can read"),
            Self::Broken(at) => write!(f, "{NAME} at byte {at}: this is not what was written"),
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(io::Error::new(error.kind(), format!("{NAME}: {error}")))
    }
}

impl<F: Folder> Reader<F> {
    /// The checkpoint in a folder; `None` if there is none.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn open(folder: &F) -> Result<Option<Self>, Unreadable> {
        let file = match folder.open(NAME) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Unreadable::Io(error)),
        };
        let mut header = [0; HEADER];
        let read = file.read_all_at(0, &mut header)?;
        let [m @ .., a, b, c, d, e, f, g, h] = header;
        if read < HEADER || m != MAGIC {
            return Err(Unreadable::Unknown);
        }
        let from = Position { segment: u32::from_le_bytes([a, b, c, d]), offset: u32::from_le_bytes([e, f, g, h]) };
        Ok(Some(Self { file, at: HEADER as u64, number: 0, from, is_over: false }))
    }

    /// Where the log goes on.
    pub(crate) const fn from(&self) -> Position {
        self.from
    }

    /// Puts the next piece in the place of what is in `piece`; false behind the last one.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn next(&mut self, piece: &mut Vec<u8>) -> Result<bool, Unreadable> {
        piece.clear();
        if self.is_over {
            return Ok(false);
        }
        let broken = Err(Unreadable::Broken(self.at));
        let mut header = [0; PIECE_HEADER];
        if self.file.read_all_at(self.at, &mut header)? < PIECE_HEADER {
            return broken;
        }
        let [a, b, c, d, e, f, g, h] = header;
        let len = u32::from_le_bytes([a, b, c, d]) as usize;
        if len > PIECE {
            return broken;
        }
        piece.resize(len, 0);
        let read = self.file.read_all_at(self.at + PIECE_HEADER as u64, piece)?;
        if read < len || sum(self.number, self.from, piece) != u32::from_le_bytes([e, f, g, h]) {
            return broken;
        }
        self.at += (PIECE_HEADER + len) as u64;
        self.number += 1;
        self.is_over = len == 0;
        Ok(len > 0)
    }
}

fn place(at: Position) -> [u8; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (at.segment.to_le_bytes(), at.offset.to_le_bytes());
    [a, b, c, d, e, f, g, h]
}

fn sum(number: u64, from: Position, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(&(bytes.len() as u32).to_le_bytes());
    hasher.update(&place(from));
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use streamgauge_core::generate::Rng;

    use super::*;
    use crate::engine::disk::files::simulated::{Faults, Simulated};
    use crate::engine::disk::seeds;

    fn write(disk: &Simulated, from: Position, bytes: &[u8]) -> io::Result<()> {
        let mut writer = Writer::new(disk, from)?;
        bytes.chunks(1 + bytes.len() / 3).try_for_each(|some| writer.write(some))?;
        let len = writer.finish()?;
        assert!(len >= (HEADER + bytes.len()) as u64);
        assert_eq!(disk.copied().open(NAME)?.len()?, len, "nothing is left of what was held");
        Ok(())
    }

    fn read(disk: &Simulated) -> Result<Option<(Position, Vec<u8>)>, Unreadable> {
        let Some(mut reader) = Reader::open(disk)? else { return Ok(None) };
        let (mut all, mut piece) = (Vec::new(), Vec::new());
        while reader.next(&mut piece)? {
            all.extend_from_slice(&piece);
        }
        Ok(Some((reader.from(), all)))
    }

    fn content(random: &mut Rng) -> (Position, Vec<u8>) {
        let most = if random.below(100) == 0 { 200_000 } else { 300 };
        let len = random.below(most) as usize;
        let from = Position { segment: random.bits() as u32, offset: random.bits() as u32 };
        (from, (0..len).map(|_| random.bits() as u8).collect())
    }

    #[test]
    fn after_any_crash_one_of_two_is_there_as_a_whole() {
        seeds(|seed| {
            let mut random = Rng::new(seed);
            let disk = Simulated::new(random.bits());
            let mut last = None;
            for _ in 0..4 {
                let next = content(&mut random);
                if random.below(2) == 0 {
                    // Room is held for it, and something else was there before.
                    let held = disk.create(NEW, random.below(100_000)).unwrap();
                    held.write_all_at(0, &vec![7; random.below(2) as usize * 999]).unwrap();
                }
                disk.set_faults(Faults { short: 3, write: 20, sync: 20, full: 20, name: 20, read: 20 });
                disk.crash_after(1 + random.below(20));
                let written = write(&disk, next.0, &next.1);
                if random.below(4) == 0 {
                    disk.set_working()
                } else {
                    disk.restart()
                }
                let there = read(&disk).unwrap();
                match written {
                    Ok(()) => assert_eq!(there, Some(next.clone())),
                    Err(_) => assert!(there == last || there == Some(next.clone()), "neither"),
                }
                // What is there by chance may be gone with the next crash.
                disk.sync().unwrap();
                last = there;
            }
        });
    }

    #[test]
    fn every_flipped_bit_and_every_missing_end_is_seen() {
        let disk = Simulated::new(1);
        let (from, bytes) = (Position { segment: 3, offset: 77 }, vec![7; 100]);
        write(&disk, from, &bytes).unwrap();
        let len = HEADER + 2 * PIECE_HEADER + bytes.len();
        for bit in 0..len * 8 {
            disk.flip(NAME, bit);
            assert!(read(&disk).is_err(), "bit {bit}");
            disk.flip(NAME, bit);
        }
        assert_eq!(read(&disk).unwrap(), Some((from, bytes)));
        let whole = disk.open(NAME).unwrap();
        let mut all = vec![0; len];
        whole.read_all_at(0, &mut all).unwrap();
        for cut in 0..len {
            disk.create(NAME, 0).unwrap().write_all_at(0, &all[..cut]).unwrap();
            assert!(read(&disk).is_err(), "{cut} bytes of it");
        }
    }
}
