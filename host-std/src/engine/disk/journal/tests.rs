//! A journal over a folder of this machine.

use std::fs;
use std::ops::ControlFlow;

use futures_util::future::join_all;
use streamgauge_core::generate::Rng;
use tempfile::TempDir;

use super::*;
use crate::engine::disk::log::{Step, go_on, read, segments};

const SEGMENT: u32 = 4 << 10;

/// One without threads, with segments of so many bytes.
pub(super) fn new(folder: &TempDir, segment: u32, sync: SyncMode, most: u64) -> Journal {
    let directory = Directory::at(folder.path().to_owned()).unwrap();
    let end = read(&directory, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
    let log = go_on(directory, segment, end).unwrap();
    Journal::new(log, sync, space_of(folder, segment, most))
}

/// What a folder holds of its space.
fn space_of(folder: &TempDir, segment: u32, most: u64) -> Space {
    let mut space = Space::new(segment, most);
    space.take(bytes_in(folder));
    space
}

fn bytes_in(folder: &TempDir) -> u64 {
    // One that is in the making gets another name meanwhile.
    folder.path().read_dir().unwrap().filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

pub(super) fn start(folder: &TempDir, sync: SyncMode, most: u64) -> Journal {
    started(new(folder, SEGMENT, sync, most))
}

fn started(journal: Journal) -> Journal {
    journal.start().unwrap();
    journal
}

fn entries(folder: &TempDir) -> (Vec<Vec<u8>>, bool) {
    let directory = Directory::at(folder.path().to_owned()).unwrap();
    let mut all = Vec::new();
    let end = read(&directory, Position::ZERO, |step| {
        if let Step::Entry(_, body) = step {
            all.push(body.to_vec());
        }
        ControlFlow::Continue(())
    });
    (all, end.unwrap().is_closed)
}

async fn add(journal: &Journal, body: &[u8]) {
    journal.safe(add_only(journal, body).await.unwrap()).await.unwrap();
}

async fn add_only(journal: &Journal, body: &[u8]) -> Result<Position, Full> {
    loop {
        journal.room_for(body.len(), Brings::More).await?;
        if let Some(end) = add_now(journal, body) {
            return Ok(end);
        }
    }
}

/// One at a time, as under the lock of a shard.
pub(super) fn add_now(journal: &Journal, body: &[u8]) -> Option<Position> {
    static SHARD: Mutex<()> = Mutex::new(());
    let _shard = SHARD.lock();
    let room = journal.room_now(body.len(), Brings::More)?.ok()?;
    room.add(|out| out.extend_from_slice(body)).map(|(_, end)| end)
}

/// Does something while groups gather, for ever.
pub(super) async fn while_gathering(journal: &Journal, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = journal.gather() => unreachable!(),
        () = work => {}
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), future).await.expect("nobody waits for ever") })
}

#[test]
fn many_add_at_once_and_all_of_it_is_there() {
    for sync in [SyncMode::Always, SyncMode::Interval(Duration::from_millis(3))] {
        let folder = TempDir::new().unwrap();
        let journal = start(&folder, sync, 1 << 30);
        thread::scope(|scope| {
            for adder in 0..4_u8 {
                let journal = &journal;
                scope.spawn(move || {
                    block_on(async {
                        for number in 0..200_u8 {
                            add(journal, &[[adder, number].as_slice(), &[7; 80]].concat()).await;
                        }
                    });
                });
            }
        });
        journal.close();
        let (all, is_closed) = entries(&folder);
        assert!(is_closed);
        for adder in 0..4 {
            let of = all.iter().filter(|body| body[0] == adder).map(|body| body[1]);
            assert_eq!(of.collect::<Vec<_>>(), (0..200).collect::<Vec<_>>(), "{sync:?}: each once, in its order");
        }
    }
}

#[test]
fn what_makes_room_has_some_when_the_budget_is_used_up_and_segments_come_back() {
    let folder = TempDir::new().unwrap();
    let journal = start(&folder, SyncMode::Always, 4 * u64::from(SEGMENT));
    block_on(async {
        let mut added = 0;
        let full = loop {
            if let Err(full) = add_only(&journal, &[7; 1_000]).await {
                break full;
            }
            added += 1;
            assert!(added < 20);
        };
        assert_eq!(full, Full::Budget(4 * u64::from(SEGMENT)));
        let directory = Directory::at(folder.path().to_owned()).unwrap();
        let before = segments(&directory).unwrap();
        assert_eq!(before.len(), 3, "a part is left to checkpoints");
        journal.safe(journal.end()).await.unwrap();
        journal.give_back(before[..2].to_vec(), Vec::new());
        while journal.full().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        add(&journal, &[8; 2_000]).await;
        add(&journal, &[8; 2_000]).await;
        assert!(segments(&directory).unwrap().len() <= 3);
    });
    journal.close();
}

#[test]
fn what_makes_room_has_some_when_the_disk_has_less_than_the_budget() {
    let folder = TempDir::new().unwrap();
    let (each, most) = (u64::from(SEGMENT), 1 << 30);
    // Nobody looks at the disk here.
    let journal = new(&folder, SEGMENT, SyncMode::Always, most);
    let has_free = |bytes| journal.space().has_free(bytes);
    // Another one, without what is left to checkpoints and with it.
    for (free, is_full) in [(None, false), (Some(0), true), (Some(each), true), (Some(each + each / 4), false)] {
        has_free(free);
        let full = journal.full();
        assert_eq!(matches!(full, Some(Full::Disk(_))), is_full, "{free:?}: {full:?}");
        assert_eq!(matches!(journal.room_now(9, Brings::More), Some(Err(Full::Disk(_)))), is_full, "{free:?}");
        for brings in [Brings::Same, Brings::Less] {
            assert!(matches!(journal.room_now(9, brings), Some(Ok(_))), "{free:?}: what makes room");
        }
    }
    has_free(Some(0));
    journal.foresee(most);
    assert_eq!(journal.full(), Some(Full::Budget(most)), "the budget is what a flag can change");
}

#[test]
fn who_moves_something_leaves_half_of_the_rest_to_those_who_take() {
    let folder = TempDir::new().unwrap();
    // Nobody makes another one here.
    let journal = new(&folder, SEGMENT, SyncMode::Always, 1 << 30);
    add_now(&journal, b"H3110").expect("there is room");
    let left = SEGMENT as usize - journal.end().offset as usize - HEADER;
    let spare = (SEGMENT / SPARE) as usize;
    for (brings, spare) in [(Brings::More, spare), (Brings::Same, spare / 2), (Brings::Less, 0)] {
        assert!(matches!(journal.room_now(left - spare, brings), Some(Ok(_))), "{brings:?}");
        assert!(journal.room_now(left - spare + 1, brings).is_none(), "{brings:?}");
    }
}

#[test]
fn those_that_nobody_needs_are_kept_and_gone_on_in_while_nobody_needs_their_room() {
    use std::os::unix::fs::MetadataExt as _;

    let folder = TempDir::new().unwrap();
    let journal = start(&folder, SyncMode::Always, 1 << 30);
    let directory = Directory::at(folder.path().to_owned()).unwrap();
    let are_there = |expected: &[u32]| {
        let (mut there, bytes) = (Vec::new(), expected.len() as u64 * u64::from(SEGMENT));
        for _ in 0..1_000 {
            there = segments(&directory).unwrap();
            if there == expected && journal.space().bytes() == bytes {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("{there:?} of {} bytes, and not {expected:?}", journal.space().bytes());
    };
    let inode = |name: &str| folder.path().join(name).metadata().unwrap().ino();
    block_on(async {
        while journal.end().segment < 4 {
            add(&journal, &[7; 1_000]).await;
        }
        are_there(&[1, 2, 3, 4, 5]);
        let old = [inode("0000000002.log"), inode("0000000001.log")];
        journal.give_back(vec![1, 2], vec![3]);
        are_there(&[1, 2, 4, 5]);
        while journal.end().segment < 6 {
            add(&journal, &[7; 1_000]).await;
        }
        are_there(&[4, 5, 6, 7]);
        assert_eq!([inode("0000000006.log"), inode("0000000007.log")], old);

        journal.give_back(vec![4, 5], Vec::new());
        are_there(&[4, 5, 6, 7]);
        journal.foresee(1 << 30);
        are_there(&[6, 7]);
    });
    journal.close();
}

#[test]
fn what_a_repair_has_put_aside_stays_as_it_was() {
    let folder = TempDir::new().unwrap();
    let journal = start(&folder, SyncMode::Always, 1 << 30);
    block_on(async {
        while journal.end().segment < 2 {
            add(&journal, &[7; 1_000]).await;
        }
        let (first, kept) = (folder.path().join("0000000001.log"), folder.path().join("kept"));
        let before = fs::read(&first).unwrap();
        fs::hard_link(&first, &kept).unwrap();
        journal.give_back(vec![1], Vec::new());
        while journal.end().segment < 5 {
            add(&journal, &[8; 1_000]).await;
        }
        assert!(!first.exists());
        assert!(fs::read(&kept).unwrap() == before, "it was written anew");
    });
    journal.close();
}

/// `--disk` was another one when they were made.
#[test]
fn segments_of_another_length_are_counted_as_they_are_and_not_used_again() {
    for before in [2 * SEGMENT, SEGMENT, SEGMENT / 2] {
        let folder = TempDir::new().unwrap();
        let journal = started(new(&folder, before, SyncMode::Always, 1 << 30));
        block_on(async {
            while journal.end().segment < 6 {
                add(&journal, &[7; 1_000]).await;
            }
        });
        journal.close();
        let journal = start(&folder, SyncMode::Always, 1 << 30);
        block_on(async {
            let directory = Directory::at(folder.path().to_owned()).unwrap();
            let given_back = || segments(&directory).unwrap().into_iter().filter(|segment| *segment < 6).collect();
            match before {
                SEGMENT => journal.give_back(given_back(), Vec::new()),
                _ => journal.give_back(Vec::new(), given_back()),
            }
            let end = journal.end().segment + 3;
            while journal.end().segment < end {
                add(&journal, &[7; 1_000]).await;
            }
            while before != SEGMENT && !given_back().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let counted = || journal.space().bytes();
        // Another segment is made meanwhile.
        let begun = std::time::Instant::now();
        while counted() != bytes_in(&folder) {
            assert!(begun.elapsed() < Duration::from_secs(10), "{} counted, {} there", counted(), bytes_in(&folder));
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_disk_that_takes_nothing_is_not_waited_for_with_ever_more_memory() {
    let folder = TempDir::new().unwrap();
    let journal = start(&folder, SyncMode::Always, 1 << 30);
    let entry = [7; 1_000];
    let writing = journal.shared.writer.lock();
    block_on(async {
        let mut bytes = 0;
        let is_full = async || {
            while !journal.shared.state.lock().is_waited_for {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        loop {
            tokio::select! {
                added = add_only(&journal, &entry) => added.unwrap(),
                () = is_full() => break,
            };
            bytes += entry.len();
            assert!(bytes <= 2 * SEGMENT as usize, "{bytes} bytes wait");
        }
        assert!(bytes > SEGMENT as usize, "{bytes}: they are as many as may be");
        drop(writing);
        add_only(&journal, &entry).await.unwrap();
        journal.safe(journal.end()).await.unwrap();
        // Who waits is told before it is forgotten that it was written.
        while journal.shared.state.lock().being_written > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!journal.shared.state.lock().is_waited_for);
    });
}

#[test]
fn who_waits_is_told_when_it_fails() {
    let folder = TempDir::new().unwrap();
    let journal = start(&folder, SyncMode::Always, 1 << 20);
    block_on(async {
        let beyond = Position { segment: 9, offset: 0 };
        let waiting = async { journal.safe(beyond).await };
        let failing = async { journal.fail("a test") };
        let (waited, ()) = tokio::join!(waiting, failing);
        assert_eq!(waited, Err(Failed("a test".to_owned())));
        assert!(matches!(journal.room_for(1, Brings::More).await, Err(Full::Fails(_))));
    });
}

/// A journal with room for a while, of which the first entry is safe.
async fn begun(folder: &TempDir) -> Journal {
    let journal = started(new(folder, 1 << 20, SyncMode::Always, 1 << 30));
    add(&journal, b"first").await;
    journal
}

fn taken(journal: &Journal) -> Position {
    journal.shared.state.lock().taken
}

/// Turn by turn, on no thread but this one: those who add while a group is on its way, and those who do when they are told
/// of it, are in the next one together.
#[test]
fn those_who_add_in_turns_share_a_sync() {
    let folder = TempDir::new().unwrap();
    let journal = block_on(begun(&folder));
    let mut gathering = pin!(journal.gather());
    let nothing = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let mut turn = || assert!(gathering.as_mut().poll(nothing).is_pending());
    turn();
    // A group goes to there, and whoever writes it never comes to an end: nobody does, but it looks so.
    let on_its_way = Position { segment: 9, offset: 0 };
    journal.shared.state.lock().taken = on_its_way;
    let gathers = || {
        let state = journal.shared.state.lock();
        !state.is_rung && state.taken == on_its_way
    };
    for number in 0..50 {
        add_now(&journal, b"H3110").unwrap();
        turn();
        assert!(gathers(), "{number} have added, and the group before is not safe");
    }
    journal.shared.line.advance(on_its_way);
    for number in 0..5 {
        turn();
        assert!(gathers(), "what is written goes without those who have added {number} turns after it");
        add_now(&journal, b"H3110").unwrap();
    }
    let of_all = journal.shared.state.lock().tail.waiting();
    assert_eq!(of_all, 55 * (HEADER + 5), "one group has all of them");
    turn();
    turn();
    assert!(!gathers(), "nobody adds any more, and it is not written");
}

#[test]
fn nobody_waits_for_those_who_never_stop_adding() {
    let folder = TempDir::new().unwrap();
    block_on(async {
        let journal = begun(&folder).await;
        let before = taken(&journal);
        let adding = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
                add_now(&journal, b"more").unwrap();
            }
            let state = journal.shared.state.lock();
            assert!(state.is_rung || state.taken > before, "a hundred turns, and nothing is written");
        };
        while_gathering(&journal, adding).await;
    });
}

#[test]
fn a_long_group_is_written_while_the_thread_goes_on() {
    let folder = TempDir::new().unwrap();
    block_on(async {
        let journal = begun(&folder).await;
        let long = async {
            // Those gather from here on.
            tokio::task::yield_now().await;
            let ends: Vec<_> = (0..300).map(|_| add_now(&journal, &[7; 1_000]).unwrap()).collect();
            let begun = std::time::Instant::now();
            while journal.safe_until() < ends[gather::MOST / 1_100] {
                assert!(begun.elapsed() < Duration::from_secs(20), "it waits for a thread that goes on");
                thread::sleep(Duration::from_millis(1));
            }
        };
        while_gathering(&journal, long).await;
    });
}

/// What begins a segment is in the group before the first entry of it is.
#[test]
fn who_is_alone_goes_on_in_the_next_segment() {
    let folder = TempDir::new().unwrap();
    let journal = start(&folder, SyncMode::Always, 1 << 30);
    block_on(async {
        let alone = async {
            while journal.end().segment < 4 {
                add(&journal, &[7; 1_000]).await;
            }
        };
        while_gathering(&journal, alone).await;
    });
}

/// What asks for room, and then adds nothing, as it has changed nothing: who asks how far the log has come gets an answer.
#[test]
fn the_head_of_a_segment_is_written_though_no_entry_follows() {
    for gathers in [false, true] {
        let folder = TempDir::new().unwrap();
        let journal = start(&folder, SyncMode::Always, 1 << 30);
        block_on(async {
            let asking = async {
                while journal.end().segment < 4 {
                    add(&journal, &[7; 1_000]).await;
                    journal.room_for(1_000, Brings::Less).await.unwrap();
                    journal.safe(journal.end()).await.unwrap();
                }
            };
            if gathers { while_gathering(&journal, asking).await } else { asking.await }
        });
    }
}

#[test]
fn what_gathers_is_written_when_nobody_gathers_any_more() {
    let folder = TempDir::new().unwrap();
    block_on(async {
        let journal = begun(&folder).await;
        let end = {
            let mut gathering = pin!(journal.gather());
            let nothing = &mut std::task::Context::from_waker(std::task::Waker::noop());
            assert!(gathering.as_mut().poll(nothing).is_pending());
            let end = add_only(&journal, b"H3110").await.unwrap();
            thread::sleep(Duration::from_millis(20));
            assert!(journal.safe_until() < end, "it gathers");
            end
        };
        journal.safe(end).await.unwrap();
    });
}

/// Some add at once, short and long, alone and together, over the ends of many segments, while others give up waiting, who
/// gathers ends and begins again, and the disk seems to be slow now and then.
#[test]
fn whatever_comes_together_nobody_waits_for_ever() {
    for seed in 0..60 {
        let adders = 1 + seed % 4;
        let folder = TempDir::new().unwrap();
        let sync = if seed % 8 > 5 { SyncMode::Interval(Duration::from_millis(1)) } else { SyncMode::Always };
        let journal = started(new(&folder, 8 << 10, sync, 1 << 30));
        let adder = |number: u64| {
            let (journal, mut random) = (&journal, Rng::new(seed << 8 | number));
            async move {
                for _ in 0..30 {
                    let len = [1, 100, 1_000, 5_000][random.below(4) as usize] + random.below(100) as usize;
                    let end = add_only(journal, &vec![7; len]).await.unwrap();
                    let mut safe = pin!(journal.safe(end));
                    match random.below(8) {
                        0 => {}
                        1 => drop(tokio::time::timeout(Duration::ZERO, &mut safe).await),
                        _ => safe.await.unwrap(),
                    }
                    if random.below(10) == 0 {
                        tokio::time::sleep(Duration::from_micros(random.below(300))).await;
                    }
                }
                journal.safe(journal.end()).await.unwrap();
            }
        };
        let gathering = async {
            let mut random = Rng::new(seed);
            loop {
                // Its end lets what is left be written, so there has to be none for that to be seen.
                let for_a_while = Duration::from_micros(if seed % 2 == 0 { u64::MAX } else { random.below(2_000) });
                let _ = tokio::time::timeout(for_a_while, journal.gather()).await;
            }
        };
        let disk = async {
            let mut random = Rng::new(seed);
            loop {
                tokio::time::sleep(Duration::from_micros(random.below(2_000))).await;
                if let Some(mut writer) = journal.shared.writer.try_lock() {
                    writer.seems(random.below(2) == 0);
                }
            }
        };
        block_on(async {
            tokio::select! {
                () = gathering => unreachable!(),
                () = disk => unreachable!(),
                _ = join_all((0..adders).map(adder)) => {}
            }
        });
        let written = journal.end();
        journal.close();
        let (all, is_closed) = entries(&folder);
        assert!(is_closed && written.segment > 1);
        assert_eq!(all.len() as u64, adders * 30, "{seed}");
    }
}
