//! What goes on beside requests where something is kept: groups that gather, checkpoints, and the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::shard::Shard;
use crate::engine::disk::{Failed, Keeper};

/// How often it is looked whether there should be another checkpoint.
const CHECK: std::time::Duration = std::time::Duration::from_secs(1);

impl Shard {
    /// Starts what writes to the disk, if anything does, and what reads there for the overflow log. Until then nothing
    /// becomes safe.
    ///
    /// # Errors
    /// The operating system has no threads for it.
    pub(crate) fn start(&self) -> std::io::Result<()> {
        let Some(keeper) = self.keeper() else { return Ok(()) };
        if let Some(log) = self.overflow() {
            let shelf = Arc::clone(keeper.shelf());
            log.read_with(move |away, into| shelf.fetch(away, into).map_err(|error| error.to_string()))?;
        }
        keeper.journal().start()
    }

    /// Lets what is executed gather until it is written, for ever.
    pub(crate) async fn gather(&self) {
        match self.keeper() {
            Some(keeper) => keeper.journal().gather().await,
            None => std::future::pending().await,
        }
    }

    /// Makes checkpoints whenever much was added to the log, for ever; the first one at once, where processes before this one
    /// have added much: none of them may have lived for long.
    pub(crate) async fn keep_checkpoints(&self) {
        let Some(keeper) = self.keeper() else { return std::future::pending().await };
        keeper.journal().expect_room();
        loop {
            if keeper.is_checkpoint_due() {
                self.make_room(keeper).await;
            }
            if keeper.holds_too_little() {
                let keeper = Arc::clone(keeper);
                let _ = tokio::task::spawn_blocking(move || keeper.hold_room()).await;
            }
            tokio::select! {
                () = tokio::time::sleep(CHECK) => {}
                () = keeper.journal().turned() => {}
            }
        }
    }

    /// Makes a checkpoint, and moves what holds files of the log that are needed for little else.
    async fn make_room(&self, keeper: &Arc<Keeper>) {
        match self.checkpoint(keeper).await {
            Ok(sparse) => {
                let moved = self.move_out_of(keeper, &sparse).await;
                if let Err(full) = moved.and(self.tell_again(keeper, &sparse).await) {
                    tracing::debug!(why = %full, "what stays long stays where it is, as there is no room beside");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no checkpoint could be made, and the log becomes longer");
                // What did not fit may do so when more was taken; each try copies the state.
                tokio::time::sleep(2 * CHECK).await;
            }
        }
    }

    /// Waits until nothing can be kept any more; for ever, where nothing is.
    pub(crate) async fn failed(&self) -> String {
        match self.keeper() {
            Some(keeper) => keeper.journal().failed().await.0,
            None => std::future::pending().await,
        }
    }

    /// Ends: nothing is executed any more, and what was is in a checkpoint.
    pub(crate) async fn finish(&self) {
        let Some(keeper) = self.keeper() else { return };
        // Whatever was needed before: nothing comes any more.
        keeper.journal().take_wish();
        if let Err(error) = self.checkpoint(keeper).await {
            tracing::warn!(%error, "no checkpoint could be made at the end: the next start reads the log");
        }
        let keeper = Arc::clone(keeper);
        let _ = tokio::task::spawn_blocking(move || keeper.journal().close()).await;
    }

    /// Makes a checkpoint, and returns the segments before it that are needed for little.
    ///
    /// # Errors
    /// The disk is full, or doesn't work: the last one is there still.
    pub(crate) async fn checkpoint(&self, keeper: &Arc<Keeper>) -> std::io::Result<BTreeSet<u32>> {
        let now = self.clock().now();
        let saved = self.update(|state| keeper.saved(&state.memory, now));
        keeper.journal().safe(saved.from).await.map_err(|Failed(error)| std::io::Error::other(error))?;
        let keeper = Arc::clone(keeper);
        let written = tokio::task::spawn_blocking(move || keeper.checkpoint(saved)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::time::Instant;

    use streamgauge_core::engine::memory::Defaults;
    use streamgauge_core::engine::{
        Command, Data, Lease, Name, Outcome, Part, Pieces, QueueSettings, Refusal, TopicSettings,
    };
    use tempfile::TempDir;

    use super::*;
    use crate::engine::disk::{self, SyncMode};
    use crate::engine::memory::{self, Shards};
    use crate::threads::Threads;

    const MOST: u64 = 8 << 20;
    const LONGEST: u64 = 64 << 10;
    /// Bytes of an item or a message.
    const EACH: usize = 20_000;

    /// A shard that goes on with what a folder holds, in so many bytes.
    fn begin(folder: &TempDir, most: u64) -> Arc<Shard> {
        let defaults = Defaults {
            topic: TopicSettings { bytes: 1 << 30, max_message_bytes: LONGEST, ..TopicSettings::DEFAULT },
            queue: QueueSettings { bytes: 1 << 30, max_item_bytes: LONGEST, ..QueueSettings::DEFAULT },
            ..Defaults::default()
        };
        let settings = memory::Settings { defaults, main_topic: None, main_queue: None, max_names: 8, max_waiting: 9 };
        let disk = disk::Settings {
            folder: folder.path().to_owned(),
            sync: SyncMode::Interval(std::time::Duration::from_secs(60)),
            most,
            longest: LONGEST,
        };
        let threads = Threads::new(1).0;
        let shards = Shards::kept(&settings, &disk, 256 << 20, None, &threads, &mut |_, _| {}, |_| {}).unwrap();
        let shard = Arc::clone(shards[0].own());
        shard.start().unwrap();
        shard
    }

    /// Does something while groups gather, and checkpoints are made if they are kept.
    fn run(shard: &Arc<Shard>, keeps_checkpoints: bool, work: impl Future<Output = ()>) {
        let checkpoints = async {
            if keeps_checkpoints {
                shard.keep_checkpoints().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            // Whoever serves begins to look for room before anybody can want some.
            tokio::select! {
                biased;
                () = shard.gather() => unreachable!(),
                () = checkpoints => unreachable!(),
                () = work => {}
            }
        });
    }

    /// Waits without a moment to pass for who sleeps.
    async fn until(what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed().as_secs() < 60, "{what}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits while time passes for who sleeps.
    async fn until_then(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !is_so().await {
            assert!(begun.elapsed().as_secs() < 60, "{what}");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    async fn execute(shard: &Shard, command: Command<'_>) -> Outcome {
        shard.execute(&command, &mut |_: Part<'_>| ControlFlow::Continue(())).await
    }

    fn queue() -> Name {
        Name::new(b"q").unwrap()
    }

    async fn put(shard: &Shard) -> Outcome {
        put_of(shard, EACH).await
    }

    async fn put_of(shard: &Shard, bytes: usize) -> Outcome {
        let items = Pieces::whole(Data::Plain(&[b'x'; EACH][..bytes]));
        execute(shard, Command::Put { queue: queue(), items, delay: std::time::Duration::ZERO, id: None }).await
    }

    async fn get(shard: &Shard, lease: Lease) {
        let got = execute(shard, Command::Get { queue: queue(), items: 1, lease }).await;
        assert!(!matches!(got, Outcome::Refused(_)), "{got:?}");
    }

    fn topic() -> Name {
        Name::new(b"t").unwrap()
    }

    async fn publish(shard: &Shard) -> Outcome {
        let messages = Pieces::whole(Data::Plain(&[b'x'; EACH]));
        execute(shard, Command::Publish { topic: topic(), messages, id: None }).await
    }

    /// How many are on the disk: in memory there may be more.
    fn messages(shard: &Shard) -> u64 {
        let histories = shard.keeper().expect("it is kept").histories();
        histories.of(&topic()).map_or(0, |history| history.extents().map(|extent| extent.count).sum())
    }

    /// How many messages a server has that does nothing for a while between a start and a stop.
    fn messages_over_a_start(folder: &TempDir, most: u64) -> u64 {
        let (shard, mut there) = (begin(folder, most), 0);
        run(&shard, true, async {
            tokio::time::sleep(10 * CHECK).await;
            there = messages(&shard);
        });
        stop(shard);
        there
    }

    fn stop(shard: Arc<Shard>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(shard.finish());
    }

    fn is_full(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Refused(Refusal::NoDisk { .. }))
    }

    fn bytes_in(folder: &TempDir) -> u64 {
        // One that is in the making gets another name meanwhile.
        folder.path().read_dir().unwrap().filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
    }

    #[test]
    fn what_is_left_of_processes_that_lived_for_a_moment_is_given_back_at_once() {
        let folder = TempDir::new().unwrap();
        let mut lives = 0;
        while bytes_in(&folder) < MOST * 3 / 4 {
            let shard = begin(&folder, MOST);
            run(&shard, false, async {
                for _ in 0..10 {
                    assert!(!is_full(&put(&shard).await), "in life {lives}");
                    get(&shard, Lease::None).await;
                }
            });
            lives += 1;
        }
        let shard = begin(&folder, MOST);
        run(&shard, true, until("a checkpoint", || bytes_in(&folder) < MOST / 4));
    }

    #[test]
    fn items_that_nobody_acknowledges_hold_no_more_than_themselves_where_all_was_taken() {
        let folder = TempDir::new().unwrap();
        let shard = begin(&folder, MOST);
        run(&shard, true, async {
            // Each segment has one of those that stay, or two, and nobody needs more of it.
            const SHORT: usize = EACH / 4;
            let mut there = 0;
            while !is_full(&put_of(&shard, SHORT).await) {
                there += 1;
            }
            for item in 0..there {
                let long = Lease::For(Some(std::time::Duration::from_secs(100_000)));
                get(&shard, if item % 40 == 0 { long } else { Lease::None }).await;
            }
            let mut put_again = 0;
            until_then("room for more", async || {
                put_again += usize::from(!is_full(&put_of(&shard, SHORT).await));
                put_again > there / 2
            })
            .await;
        });
    }

    #[test]
    fn messages_leave_for_what_is_new_and_not_for_a_stop_or_a_start() {
        let folder = TempDir::new().unwrap();
        let (shard, mut there) = (begin(&folder, MOST), 0);
        run(&shard, true, async {
            for _ in 0..MOST / 4 / EACH as u64 {
                assert!(!is_full(&put(&shard).await));
            }
            for number in 0..2 * MOST / EACH as u64 {
                assert!(!is_full(&publish(&shard).await), "after {number}");
            }
            there = messages(&shard);
        });
        stop(shard);
        assert!(there > 50, "{there}");
        for start in 0..4 {
            assert_eq!(messages_over_a_start(&folder, MOST), there, "start {start}");
        }
        let shard = begin(&folder, MOST);
        run(&shard, true, async {
            for number in 0..MOST / EACH as u64 {
                assert!(!is_full(&publish(&shard).await), "after {number}");
            }
            assert!(bytes_in(&folder) <= MOST);
        });
    }

    #[test]
    fn who_publishes_waits_for_room_though_none_was_given_back_while_there_was_enough() {
        let folder = TempDir::new().unwrap();
        let shard = begin(&folder, MOST);
        run(&shard, false, async {
            let keeper = shard.keeper().expect("it is kept");
            keeper.journal().expect_room();
            assert!(!is_full(&publish(&shard).await));
            shard.checkpoint(keeper).await.unwrap();
            // None is made before somebody waits for one, as where the disk is slow.
            for number in 0..2 * MOST / EACH as u64 {
                let mut publishing = std::pin::pin!(publish(&shard));
                let outcome = loop {
                    tokio::select! {
                        biased;
                        outcome = &mut publishing => break outcome,
                        () = tokio::time::sleep(CHECK) => {}
                    }
                    if keeper.journal().is_room_waited_for() {
                        shard.checkpoint(keeper).await.unwrap();
                    }
                };
                assert!(!is_full(&outcome), "after {number}");
            }
        });
    }

    #[test]
    fn messages_that_another_budget_has_no_room_for_leave_when_something_is_new() {
        let folder = TempDir::new().unwrap();
        let shard = begin(&folder, 8 * MOST);
        let published = 2 * MOST / EACH as u64;
        run(&shard, true, async {
            for _ in 0..MOST / 4 / EACH as u64 {
                assert!(!is_full(&put(&shard).await));
            }
            for _ in 0..published {
                assert!(!is_full(&publish(&shard).await));
            }
        });
        stop(shard);
        for start in 0..3 {
            assert_eq!(messages_over_a_start(&folder, MOST), published, "start {start}");
        }
        let shard = begin(&folder, MOST);
        run(&shard, true, async {
            assert!(!is_full(&publish(&shard).await));
            let there = messages(&shard);
            assert!((1..published).contains(&there) && bytes_in(&folder) <= MOST, "{there} in {}", bytes_in(&folder));
        });
    }

    #[test]
    fn what_takes_items_has_room_in_another_budget_too() {
        let folder = TempDir::new().unwrap();
        let shard = begin(&folder, 8 * MOST);
        let (items, nothing) = ([&[b'x'; 60][..]; 1_000].join(&b"\n"[..]), std::time::Duration::ZERO);
        run(&shard, true, async {
            for _ in 0..20 {
                let items = Pieces::split(Data::Plain(&items), b"\n");
                execute(&shard, Command::Put { queue: queue(), items, delay: nothing, id: None }).await;
            }
            for _ in 0..2 * MOST / EACH as u64 {
                publish(&shard).await;
            }
        });
        stop(shard);
        let shard = begin(&folder, MOST);
        run(&shard, true, async {
            for _ in 0..20_000 {
                get(&shard, Lease::None).await;
            }
        });
    }
}
