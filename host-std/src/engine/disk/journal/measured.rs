//! How much of what the disk can do the journal does: a measurement, which no time fails.
//!
//! `cargo test --release -p streamgauge --lib journal::measured -- --ignored --nocapture`

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::engine::disk::log::{go_on, read};

/// Those who add at the same time, and what each adds, with its header.
const ADDERS: usize = 64;
const BODY: usize = 111;
const ENTRY: usize = BODY + HEADER;

/// Groups that are synced.
const GROUPS: usize = 4_000;

#[test]
#[ignore = "a measurement of this machine's disk"]
fn groups_beside_what_the_disk_can_do() {
    // Not in memory, where temporary folders may be.
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let folder = tempfile::tempdir_in(parent).unwrap();
    for round in 0..5 {
        let (alone, together) = (alone(folder.path()), together(&folder.path().join(round.to_string())));
        println!(
            "{ADDERS} at once: {together:.0} a second; fdatasync alone, {ADDERS} at a time: {alone:.0}; {:.2}",
            together / alone
        );
    }
}

/// Records a second that are written in groups and synced, and nothing else.
fn alone(folder: &Path) -> f64 {
    let file = fs::File::create(folder.join("alone")).unwrap();
    file.write_all_at(&vec![0; 32 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let begun = Instant::now();
    for group in 0..GROUPS {
        let at = (group * ADDERS * ENTRY) % (31 << 20);
        file.write_all_at(&[7; ADDERS * ENTRY], at as u64).unwrap();
        file.sync_data().unwrap();
    }
    (GROUPS * ADDERS) as f64 / begun.elapsed().as_secs_f64()
}

/// Records a second that as many tasks add, each of which waits until its own is safe.
fn together(folder: &Path) -> f64 {
    let directory = Directory::at(folder.to_owned()).unwrap();
    let end = read(&directory, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
    let log = go_on(directory, 32 << 20, end).unwrap();
    let journal = Arc::new(Journal::new(log, SyncMode::Always, Space::new(32 << 20, 1 << 30)));
    journal.start().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let gathering = Arc::clone(&journal);
        tokio::spawn(async move { gathering.gather().await });
        let begun = Instant::now();
        let adders = (0..ADDERS).map(|_| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move {
                for _ in 0..GROUPS {
                    let end = loop {
                        journal.room_for(BODY, Brings::More).await.unwrap();
                        if let Some(Ok(room)) = journal.room_now(BODY, Brings::More) {
                            break room.add(|out| out.extend_from_slice(&[7; BODY])).unwrap().1;
                        }
                    };
                    journal.safe(end).await.unwrap();
                }
            })
        });
        for adder in adders.collect::<Vec<_>>() {
            adder.await.unwrap();
        }
        (GROUPS * ADDERS) as f64 / begun.elapsed().as_secs_f64()
    })
}
