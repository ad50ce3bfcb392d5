//! The syncs that no server can do without.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

use super::crowd::Answered;
use super::place::Place;
use super::usage::Usage;
use super::{Load, look_whether_asked};

/// What the log of `streamgauge serve` takes for an item of 100 bytes.
const ENTRY: usize = 124;

/// The file is as long, and all of it was written before: nothing of it has to be found room for.
const FILE: usize = 64 << 20;

/// Writes entries as many at a time as there are connections, each time synced, as often as the load puts items.
pub(super) fn measure(load: &Load, place: &Place) -> (Answered, Usage) {
    let folder = place.fresh();
    let file = File::create_new(folder.path().join("floor")).expect("a file");
    let zeros = vec![0; 1 << 20];
    for part in 0..FILE >> 20 {
        file.write_all_at(&zeros, (part << 20) as u64).expect("room for the file");
    }
    file.sync_all().expect("a disk that can be synced");
    place.settle();
    let group = vec![b'x'; load.connections * ENTRY];
    let mut latencies = Vec::with_capacity(load.items);
    let before = Usage::of(std::process::id(), place);
    let began = Instant::now();
    let mut at = 0;
    while latencies.len() < load.items && began.elapsed() < load.at_most {
        look_whether_asked();
        let start = Instant::now();
        file.write_all_at(&group, at as u64).expect("a file that can be written");
        file.sync_data().expect("a disk that can be synced");
        let took = start.elapsed();
        latencies.extend((0..load.connections).map(|_| took));
        at = (at + group.len()) % (FILE - group.len());
    }
    let elapsed = began.elapsed();
    (Answered { elapsed, latencies }, Usage::of(std::process::id(), place).since(before))
}
