//! Stdin, as many whole lines at a time as have come.

use memchr::memrchr;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::exit::Failure;

/// Whole lines of an input.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// Bytes at the front of the buffer that have been handed out.
    taken: usize,
    ended: bool,
}

/// How much is read at a time: what a faster input is cut into.
const READ: usize = 64 << 10;

/// More than any server takes.
pub(crate) const MOST: usize = 64 << 20;

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), taken: 0, ended: false }
    }

    /// Waits for the next lines, at least one, without the newline behind the last; `None` at the end. A last line
    /// needs no newline. Nothing is lost when this is cancelled.
    pub(crate) async fn next(&mut self) -> Result<Option<&[u8]>, Failure> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let mut seen = 0;
        while !self.ended {
            if let Some(end) = self.buffer.get(seen..).and_then(|new| memrchr(b'\n', new)) {
                self.taken = seen + end + 1;
                return Ok(self.buffer.get(..seen + end));
            }
            seen = self.buffer.len();
            if seen > MOST {
                return Err(Failure::Refused(format!("stdin: a line of more than {MOST} bytes")));
            }
            self.buffer.reserve(READ);
            let mut room = (&mut self.input).take(READ as u64);
            let read = room.read_buf(&mut self.buffer).await;
            self.ended = read.map_err(|error| Failure::io("stdin", &error))? == 0;
        }
        self.taken = self.buffer.len();
        Ok(Some(self.buffer.as_slice()).filter(|rest| !rest.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &[u8], limit: usize) -> Vec<String> {
        let (reader, mut writer) = tokio::io::duplex(limit);
        let writing = async {
            tokio::io::AsyncWriteExt::write_all(&mut writer, input).await.unwrap();
            drop(writer);
        };
        let reading = async {
            let mut lines = Lines::new(reader);
            let mut found = Vec::new();
            while let Some(batch) = lines.next().await.unwrap() {
                found.push(String::from_utf8(batch.to_vec()).unwrap());
            }
            found
        };
        tokio::join!(writing, reading).1
    }

    #[tokio::test]
    async fn lines_come_whole_and_together() {
        assert_eq!(read(b"a\nb\n", 64).await, ["a\nb"]);
        assert_eq!(read(b"a\nb\nc", 64).await, ["a\nb", "c"]);
        assert_eq!(read(b"abc\ndef\ng", 2).await, ["abc", "def", "g"]);
        assert_eq!(read(b"\n\na\n", 64).await, ["\n\na"]);
        assert_eq!(read(b"", 64).await, [""; 0]);
    }

    #[tokio::test]
    async fn no_batch_is_much_longer_than_a_read() {
        let input = b"0123456789\n".repeat(50_000);
        let batches = read(&input, 1 << 20).await;
        assert!(batches.iter().all(|batch| batch.len() < READ + 11));
        assert_eq!(batches.join("\n").len() + 1, input.len());
    }
}
