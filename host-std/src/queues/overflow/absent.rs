//! Items that lie elsewhere when they have to leave: a thread of its own reads them, so that nobody else waits for a disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use streamgauge_core::engine::Name;
use streamgauge_core::queue::leases::Away;

/// Reads an item, as long as it takes; or a line that says why it can't be read.
type Fetch = dyn Fn(&Away, &mut Vec<u8>) -> Result<(), String> + Send;

/// What the thread is told, until nothing more will come.
#[derive(Debug, Default)]
pub(super) struct Absent(Mutex<Option<Reading>>);

#[derive(Debug)]
struct Reading {
    left: SyncSender<(Name, Away)>,
    /// Items that it is done with.
    read: Arc<AtomicU64>,
    /// Ends with the thread.
    ended: Receiver<()>,
}

/// Items that wait to be read, at the most: 6 MiB.
const MOST: usize = 1 << 16;

/// How long a disk that does not get on is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(10);

impl Absent {
    /// Starts the thread; `take` is called there with each item, or with why there is none.
    pub(super) fn start(
        &self,
        fetch: Box<Fetch>,
        mut take: impl FnMut(&Name, Result<&[u8], String>) + Send + 'static,
    ) -> std::io::Result<()> {
        let ((left, to_read), (end, ended)) = (sync_channel::<(Name, Away)>(MOST), sync_channel(0));
        let read = Arc::new(AtomicU64::new(0));
        let done = Arc::clone(&read);
        let run = move || {
            let mut item = Vec::new();
            for (queue, away) in to_read {
                item.clear();
                let fetched = fetch(&away, &mut item);
                take(&queue, fetched.map(|()| &*item));
                done.fetch_add(1, Ordering::Relaxed);
            }
            drop(end);
        };
        std::thread::Builder::new().name("overflow-reader".to_owned()).spawn(run)?;
        *self.0.lock() = Some(Reading { left, read, ended });
        Ok(())
    }

    /// Lets an item be read; false if too many wait already.
    pub(super) fn push(&self, queue: &Name, away: Away) -> bool {
        self.0.lock().as_ref().is_some_and(|reading| reading.left.try_send((*queue, away)).is_ok())
    }

    /// Waits until all are read, unless neither the disk gets on nor those who take what is read: then `left_elsewhere`
    /// tells the same for long.
    pub(super) fn finish(&self, left_elsewhere: impl Fn() -> u64) {
        let Some(Reading { left, read, ended }) = self.0.lock().take() else { return };
        drop(left);
        let progress = || (read.load(Ordering::Relaxed), left_elsewhere());
        let mut before = progress();
        while ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let now = progress();
            if now == before {
                return;
            }
            before = now;
        }
    }
}
