//! The overflow log: a file of the items that queues could not keep.
//!
//! The server's thread puts them into a bounded buffer, and never waits and never touches the file; a thread of its own
//! takes them from there. So a disk that is slow, full or gone costs no more than that buffer: what the file can't take
//! is kept and tried again each second, what is beyond the buffer is counted.
//!
//! | module | idea |
//! | --- | --- |
//! | [`OverflowLog`] | what the server does with it |
//! | `held` | the items between the two threads |
//! | `absent` | those that lie elsewhere, which another thread reads |
//! | `writer` | the thread that writes |
//! | `file` | a file that gets whole items or none |
//! | `format` | what an item looks like in it |

mod absent;
mod file;
mod format;
mod held;
mod writer;

pub use format::Format;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use streamgauge_core::engine::Name;
use streamgauge_core::queue::leases::Away;

use absent::Absent;
use file::OverflowFile;
use held::Held;

/// What an overflow log is made with.
#[derive(Debug, Clone)]
pub struct OverflowSettings {
    /// The file, which is appended to.
    pub path: PathBuf,
    /// What an item looks like in it.
    pub format: Format,
    /// The longest item that there can be, in bytes.
    pub longest: usize,
}

/// Bytes of items that are held for the file at the least: half of them come in while the other half is written.
const HELD: usize = 4 << 20;

impl OverflowSettings {
    /// The most memory that it can take, in bytes.
    pub const fn worst_case(&self) -> u64 {
        (self.half() as u64).saturating_mul(2).saturating_add(2 * file::PIECE as u64)
    }

    /// What each of the two rings between the threads has room for: the longest item at least.
    const fn half(&self) -> usize {
        let longest = self.longest.saturating_add(held::BESIDE);
        if longest > HELD / 2 { longest } else { HELD / 2 }
    }
}

/// The log, as the server sees it.
///
/// The law: what left the queues is in the file or counted by [`unlogged`](Self::unlogged), always.
#[derive(Debug)]
pub(crate) struct OverflowLog {
    path: PathBuf,
    held: Held,
    absent: Absent,
    /// Until the thread has it.
    file: Mutex<Option<OverflowFile>>,
    told: Mutex<Option<Instant>>,
}

/// How often the log may say that something is wrong.
const SELDOM: Duration = Duration::from_secs(1);

impl OverflowLog {
    /// Opens or makes the file. Nothing is written before [`start`](Self::start).
    pub(crate) fn open(settings: &OverflowSettings) -> io::Result<Arc<Self>> {
        let path = settings.path.clone();
        let file = OverflowFile::open(path.clone(), settings.format)?;
        let (held, file) = (Held::new(settings.half()), Mutex::new(Some(file)));
        Ok(Arc::new(Self { path, held, absent: Absent::default(), file, told: Mutex::new(None) }))
    }

    /// Starts the thread that writes. A process that goes to the background has to be there by then.
    pub(crate) fn start(self: &Arc<Self>) {
        let Some(file) = self.file.lock().take() else { return };
        let log = Arc::clone(self);
        let thread = std::thread::Builder::new().name("overflow-log".to_owned());
        if let Err(error) = thread.spawn(move || writer::run(&log, file)) {
            self.held.end_writing();
            self.complain(&error);
        }
    }

    /// Takes an item that had to leave `queue`, if there is room for it; in any case it is counted. The writer does not
    /// know of it before it is [woken](Self::wake). O(n).
    pub(crate) fn push(&self, queue: &Name, item: &[u8]) {
        self.held.push(queue, item);
    }

    /// Starts a thread that reads items which lie elsewhere: `fetch` copies one, or says why that can't be.
    ///
    /// # Errors
    /// There is no room for a thread.
    pub(crate) fn read_with(
        self: &Arc<Self>,
        fetch: impl Fn(&Away, &mut Vec<u8>) -> Result<(), String> + Send + 'static,
    ) -> io::Result<()> {
        let log = Arc::clone(self);
        let take = move |queue: &Name, item: Result<&[u8], String>| match item {
            Ok(item) => {
                log.held.push_patiently(queue, item);
                log.wake();
            }
            Err(error) => tracing::error!(%queue, error, "an item that had to leave can't be read"),
        };
        self.absent.start(Box::new(fetch), take)
    }

    /// Takes an item that had to leave `queue` and lies elsewhere, as [`push`](Self::push) does: it may be in the file
    /// behind others that left later. O(1).
    pub(crate) fn push_absent(&self, queue: &Name, away: Away) {
        self.held.count();
        if !self.absent.push(queue, away) {
            self.complain(&"more leaves than the disk reads");
        }
    }

    /// Lets the writer look, after items were pushed.
    pub(crate) fn wake(&self) {
        if self.held.wake() {
            self.complain(&"more leaves than it takes");
        }
    }

    /// Items that left and are in no file; those that still wait for it are among them. O(1).
    pub(crate) fn unlogged(&self) -> u64 {
        self.held.unlogged()
    }

    /// Lets the writer go on in the file that has the path then, as after it was renamed, and try at once.
    pub(crate) fn reopen(&self) {
        self.held.reopen();
    }

    /// [`push`](Self::push), for when nothing else goes on any more: it waits for room as long as the writer gets on.
    pub(crate) fn push_patiently(&self, queue: &Name, item: &[u8]) {
        self.held.count();
        self.held.push_patiently(queue, item);
    }

    /// Waits until all is read that lies elsewhere, as long as that gets on: nothing more of it may come.
    pub(crate) fn finish_reading(&self) {
        self.absent.finish(|| self.unlogged());
    }

    /// Waits until all is written that can be, and returns how many items are in no file.
    pub(crate) fn finish(&self) -> u64 {
        self.finish_reading();
        self.held.finish();
        self.unlogged()
    }

    fn complain(&self, why: &dyn std::fmt::Display) {
        let mut told = self.told.lock();
        if told.is_none_or(|told| told.elapsed() >= SELDOM) {
            *told = Some(Instant::now());
            let (path, unlogged) = (self.path.display(), self.unlogged());
            tracing::error!(%path, unlogged, "the overflow log can't be written: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_is_read_from_elsewhere_waits_for_room() {
        const ITEMS: usize = 60;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("overflow.log");
        let settings = OverflowSettings { path: path.clone(), format: Format::Lines, longest: 64 << 10 };
        let log = OverflowLog::open(&settings).unwrap();
        let fetched = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&fetched);
        let fetch = move |_: &Away, item: &mut Vec<u8>| {
            item.resize(64 << 10, b'x');
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        log.read_with(fetch).unwrap();
        (0..ITEMS).for_each(|_| log.push_absent(&Name::MAIN, Away { place: 0, back: 0, len: 0 }));
        // The ring is full before somebody writes, and so it is when the rest is read.
        let full = HELD / 2 / (64 << 10);
        let begun = std::time::Instant::now();
        while fetched.load(Ordering::SeqCst) < full {
            assert!(begun.elapsed() < Duration::from_secs(60), "they are read");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(300));
        log.start();
        assert_eq!(log.finish(), 0);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!((fetched.load(Ordering::SeqCst), text.lines().count()), (ITEMS, ITEMS));
    }
}
