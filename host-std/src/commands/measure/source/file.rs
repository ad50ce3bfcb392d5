//! A file or stdin: a thread reads ahead, so that what blocks is not what listens to signals.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memrchr;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Block, MAX_RECORD};
use crate::terminal::exit::Failure;
use crate::terminal::progress::{Progress, Unit};

/// What is read at a time: large enough that handing it over costs nothing, small enough to stay in the cache.
const READ: usize = 256 << 10;
/// Blocks read ahead.
const AHEAD: usize = 2;

/// A file that is being read.
#[derive(Debug)]
pub(crate) struct File {
    blocks: Receiver<std::io::Result<Vec<u8>>>,
    used: std::sync::mpsc::SyncSender<Vec<u8>>,
    too_long: Arc<AtomicU64>,
    progress: Progress,
}

impl File {
    /// A file of so many bytes, or of nobody knows how many.
    pub(super) fn new(input: impl Read + Send + 'static, len: Option<u64>) -> Self {
        let (sender, blocks) = channel(AHEAD);
        let (used, free) = std::sync::mpsc::sync_channel(AHEAD + 2);
        let too_long = Arc::new(AtomicU64::new(0));
        let reader = Reader { input, tail: Vec::new(), skipping: false, too_long: Arc::clone(&too_long) };
        // It ends with the input, or with the process: nothing wakes a read of stdin.
        std::thread::spawn(move || reader.run(&sender, &free));
        let progress = len.map_or(Progress::NONE, |len| Progress::new("reading", Unit::Bytes, len));
        Self { blocks, used, too_long, progress }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Block>, Failure> {
        match self.blocks.recv().await {
            None => Ok(None),
            Some(Ok(bytes)) => {
                self.progress.advance(bytes.len() as u64);
                Ok(Some(Block { bytes, separator: b'\n' }))
            }
            Some(Err(error)) => Err(Failure::Refused(format!("--source: {error}"))),
        }
    }

    /// Nothing more is read.
    pub(super) fn end(&mut self) {
        self.progress = Progress::NONE;
    }

    pub(super) fn recycle(&self, block: Block) {
        // Beyond what is read ahead there is no use for it.
        let _ = self.used.try_send(block.bytes);
    }

    pub(super) fn too_long(&self) -> u64 {
        self.too_long.load(Ordering::Relaxed)
    }
}

struct Reader<R> {
    input: R,
    /// The beginning of a line whose end has not come.
    tail: Vec<u8>,
    /// The line whose end has not come is too long.
    skipping: bool,
    too_long: Arc<AtomicU64>,
}

impl<R: Read> Reader<R> {
    fn run(mut self, blocks: &Sender<std::io::Result<Vec<u8>>>, free: &std::sync::mpsc::Receiver<Vec<u8>>) {
        loop {
            let mut block = free.try_recv().unwrap_or_default();
            let more = self.fill(&mut block);
            let failed = more.is_err();
            let ended = matches!(more, Ok(false));
            let ready = match more {
                Ok(_) if block.is_empty() => None,
                Ok(_) => Some(Ok(block)),
                Err(error) => Some(Err(error)),
            };
            if ready.is_some_and(|ready| blocks.blocking_send(ready).is_err()) || ended || failed {
                return;
            }
        }
    }

    /// Reads whole lines, at least one; false at the end.
    fn fill(&mut self, block: &mut Vec<u8>) -> std::io::Result<bool> {
        block.clear();
        block.append(&mut self.tail);
        loop {
            let before = block.len();
            block.resize(before + READ, 0);
            let read = loop {
                match self.input.read(block.get_mut(before..).unwrap_or_default()) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            block.truncate(before + read);
            if read == 0 {
                if !block.is_empty() && !self.skip_front(block) {
                    block.push(b'\n');
                }
                return Ok(false);
            }
            let end = block.get(before..).and_then(|new| memrchr(b'\n', new)).map(|at| before + at + 1);
            if let Some(end) = end {
                self.tail.extend_from_slice(block.get(end..).unwrap_or_default());
                block.truncate(end);
                self.skip_front(block);
                return Ok(true);
            }
            if block.len() > MAX_RECORD && !self.skipping {
                self.skipping = true;
                self.too_long.fetch_add(1, Ordering::Relaxed);
            }
            if self.skipping {
                block.clear();
            }
        }
    }

    /// Removes the rest of a line that is too long from the front; whether nothing is left.
    fn skip_front(&mut self, block: &mut Vec<u8>) -> bool {
        if core::mem::take(&mut self.skipping) {
            let end = memchr::memchr(b'\n', block).map_or(block.len(), |at| at + 1);
            block.drain(..end);
        }
        block.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: Vec<u8>, most_at_once: usize) -> (Vec<u8>, u64) {
        struct Slow(std::io::Cursor<Vec<u8>>, usize);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let room = buffer.len().min(self.1);
                self.0.read(&mut buffer[..room])
            }
        }
        let mut file = File::new(Slow(std::io::Cursor::new(input), most_at_once), None);
        let mut all = Vec::new();
        while let Some(block) = file.next().await.unwrap() {
            assert_eq!(block.bytes.last(), Some(&b'\n'), "whole records only");
            all.extend_from_slice(&block.bytes);
            file.recycle(block);
        }
        (all, file.too_long())
    }

    #[tokio::test]
    async fn lines_stay_whole() {
        let lines: Vec<u8> = (0..200_000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
        assert_eq!(read(lines.clone(), usize::MAX).await, (lines.clone(), 0));
        assert_eq!(read(lines[..20_000].to_vec(), 7).await, (lines[..20_000].to_vec(), 0));
        assert_eq!(read(b"1\n2".to_vec(), 1).await, (b"1\n2\n".to_vec(), 0));
        assert_eq!(read(Vec::new(), 1).await, (Vec::new(), 0));
    }

    #[tokio::test]
    async fn a_line_too_long_is_counted_and_the_next_one_arrives() {
        let long = vec![b'x'; MAX_RECORD + READ + 1];
        let input = [b"a\n", long.as_slice(), b"\nb\n"].concat();
        assert_eq!(read(input, usize::MAX).await, (b"a\nb\n".to_vec(), 1));
        assert_eq!(read([b"a\n", long.as_slice()].concat(), usize::MAX).await, (b"a\n".to_vec(), 1));
    }
}
