//! A file that is only ever appended to, in whole items.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::format::Format;
use super::held::{Ring, items};
use crate::append;

/// Bytes that go to the file at a time.
pub(super) const PIECE: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct OverflowFile {
    path: PathBuf,
    file: File,
    format: Format,
    /// Its last line has no end.
    is_torn: bool,
}

impl OverflowFile {
    /// Opens or makes the file.
    pub(super) fn open(path: PathBuf, format: Format) -> io::Result<Self> {
        let (file, is_torn) = append::open(&path)?;
        Ok(Self { path, file, format, is_torn })
    }

    /// Goes on in the file that has the path now; when that fails, in the same one.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        (self.file, self.is_torn) = append::open(&self.path)?;
        Ok(())
    }

    /// Appends the items of a ring, and returns how many of them, from the oldest on, are in the file now; and if these
    /// are not all, why. What a failed write has left of an item is taken off; where that can't be done (a pipe), it stays
    /// as a line of its own, and the item comes again whole behind it.
    pub(super) fn append(&mut self, ring: &Ring) -> (u64, io::Result<()>) {
        if self.is_torn
            && let Err(error) = self.file.write_all(b"\n")
        {
            return (0, Err(error));
        }
        self.is_torn = false;
        let mut pieces = Pieces::to(&self.file);
        let all = items(ring).try_for_each(|item| self.format.write(&item, &mut pieces));
        let Err(error) = all.and_then(|()| pieces.send()) else { return (ring.len(), Ok(())) };
        let sent = pieces.sent;
        let (whole, bytes) = self.whole(ring, sent);
        let taken_off = append::take_off(&self.file, sent - bytes);
        self.is_torn = taken_off.is_err();
        (whole, taken_off.and(Err(error)))
    }

    /// How many items are whole within the first `sent` bytes of what a ring is written as, and their bytes.
    fn whole(&self, ring: &Ring, sent: u64) -> (u64, u64) {
        let mut pieces = Pieces::to(io::sink());
        let ends = items(ring).map_while(|item| {
            self.format.write(&item, &mut pieces).ok()?;
            Some(pieces.sent + pieces.buffer.len() as u64)
        });
        ends.take_while(|end| *end <= sent).fold((0, 0), |(count, _), end| (count + 1, end))
    }
}

/// What is written goes on in pieces of [`PIECE`] bytes, and is counted.
struct Pieces<W> {
    to: W,
    buffer: Vec<u8>,
    /// Bytes that `to` has taken.
    sent: u64,
}

impl<W: io::Write> Pieces<W> {
    fn to(to: W) -> Self {
        Self { to, buffer: Vec::with_capacity(PIECE), sent: 0 }
    }

    /// Sends what is in the buffer.
    fn send(&mut self) -> io::Result<()> {
        let mut rest = &self.buffer[..];
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    rest = &rest[n..];
                    self.sent += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.clear();
        Ok(())
    }
}

impl<W> embedded_io::ErrorType for Pieces<W> {
    type Error = io::Error;
}

impl<W: io::Write> embedded_io::Write for Pieces<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= PIECE {
            self.send()?;
        }
        let taken = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

#[cfg(test)]
mod tests {
    use streamgauge_core::engine::Name;
    use streamgauge_core::log::Log;

    use super::super::held::{Held, Item};
    use super::*;

    fn ring(items: &[&[u8]]) -> Ring {
        let held = Held::new(1 << 20);
        items.iter().for_each(|item| held.push(&Name::MAIN, item));
        let mut ring = Log::new(Vec::new().into_boxed_slice());
        held.next_turn(&mut ring);
        ring
    }

    #[test]
    fn a_file_that_takes_nothing_has_nothing() {
        let mut file = OverflowFile::open("/dev/full".into(), Format::Lines).unwrap();
        let (written, end) = file.append(&ring(&[b"a", b"b"]));
        assert_eq!((written, end.unwrap_err().kind()), (0, io::ErrorKind::StorageFull));
        assert!(file.append(&Log::new(Vec::new().into_boxed_slice())).1.is_ok(), "nor is it asked to");
    }

    #[test]
    fn only_whole_items_count() {
        let items: [&[u8]; 6] = [b"", b"a", b"b\nc\n", b"\xff", &[b'x'; 3 * PIECE], b"\"\n"];
        let ring = ring(&items);
        for format in [Format::Lines, Format::Json] {
            let file = OverflowFile::open("/dev/null".into(), format).unwrap();
            let (mut sent, mut ends) = (Vec::new(), vec![(0, 0)]);
            for (number, data) in (1..).zip(items) {
                format.write(&Item { queue: b"main", data }, &mut sent).unwrap();
                ends.push((number, sent.len() as u64));
            }
            for sent in (0..=sent.len() as u64)
                .filter(|sent| sent % 61 == 0 || ends.iter().any(|(_, end)| end.abs_diff(*sent) < 2))
            {
                let expected = ends.iter().rfind(|(_, end)| *end <= sent).unwrap();
                assert_eq!(file.whole(&ring, sent), *expected, "{format:?}: {sent} bytes");
            }
        }
    }

    #[test]
    fn a_torn_item_is_taken_off_and_what_was_before_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("overflow.log");
        std::fs::write(&path, "before\nto").unwrap();
        append::take_off(&append::open(&path).unwrap().0, 2).unwrap();
        let mut file = OverflowFile::open(path.clone(), Format::Lines).unwrap();
        assert_eq!(file.append(&ring(&[b"whole", b"too"])).0, 2);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nwhole\ntoo\n");
    }

    #[test]
    fn nothing_is_appended_to_a_line_that_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("overflow.log");
        std::fs::write(&path, "whole\nto").unwrap();
        let mut file = OverflowFile::open(path.clone(), Format::Lines).unwrap();
        assert_eq!(file.append(&ring(&[b"a"])).0, 1);
        std::fs::write(&path, "to").unwrap();
        file.reopen().unwrap();
        assert_eq!(file.append(&ring(&[b"b", b"c"])).0, 2);
        assert_eq!(file.append(&ring(&[b"d"])).0, 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "to\nb\nc\nd\n");
    }

    /// Takes three bytes at a time, and is interrupted before each time.
    struct Reluctant(Vec<u8>, bool);

    impl io::Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let taken = bytes.len().min(3);
            self.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_takes_little_gets_all_of_it() {
        let data: Vec<u8> = (0..PIECE * 2 + 5).map(|n| n as u8).collect();
        let mut pieces = Pieces::to(Reluctant(Vec::new(), false));
        Format::Lines.write(&Item { queue: b"main", data: &data }, &mut pieces).unwrap();
        assert_eq!(pieces.sent, PIECE as u64 * 2, "whole pieces");
        pieces.send().unwrap();
        assert_eq!(pieces.sent, pieces.to.0.len() as u64);
        assert_eq!(pieces.to.0, [&data[..], b"\n"].concat());
    }
}
