//! A folder of files that nobody has written: no panic, no hang, and no more memory than there may be.

use std::sync::Arc;

use streamgauge_core::generate::Rng;

use super::files::simulated::Simulated;
use super::files::{File as _, Folder as _};
use super::log::{self, Position, segments};
use super::salvage::Salvage;
use super::tests::{DEFAULTS, World};
use super::{checkpoint, seeds, state};
use crate::engine::memory::{Budget, Rooms};

/// Bytes that all topics and queues may have.
const MEMORY: u64 = 1 << 20;

fn rooms() -> (Arc<Budget>, Rooms) {
    let budget = Budget::new(MEMORY);
    (Arc::clone(&budget), Rooms::alone(budget))
}

fn content(disk: &Simulated, name: &str) -> Vec<u8> {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_all_at(0, &mut bytes).unwrap();
    bytes
}

fn replace(disk: &Simulated, name: &str, bytes: &[u8]) {
    disk.create(name, bytes.len() as u64).unwrap().write_all_at(0, bytes).unwrap();
}

/// Some bytes of a file, of any kind.
fn damage(random: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let mut place = |bytes: &[u8]| random.below(bytes.len() as u64 + 1) as usize;
    let (at, len) = (place(bytes), place(&[0; 40]));
    let (from, kind) = (place(other), random.below(8));
    let end = (at + len).min(bytes.len());
    match kind {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        2 => bytes[at..end].fill(0),
        3 => bytes[at..end].fill(255),
        4 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.bits() as u8),
        5 => {
            let piece = &other[from..(from + len).min(other.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
        6 => drop(bytes.drain(at..end)),
        _ => bytes.extend((0..len).map(|_| random.bits() as u8)),
    }
}

/// Makes the sums of a segment right again, whatever its entries say.
fn seal_segment(bytes: &mut [u8], segment: u32) {
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..).filter(|rest| rest.len() > log::HEADER) {
        let word = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
        let len = log::HEADER + (word & 0x3fff_ffff) as usize;
        if len == log::HEADER || len > rest.len() {
            return;
        }
        log::reseal(&mut rest[..len], Position { segment, offset: at as u32 });
        at += len;
    }
}

/// Reads all of it, as a start and a repair do.
fn read(disk: &Simulated) {
    let all = || disk.names().unwrap().into_iter().map(|name| (content(disk, &name), name)).collect::<Vec<_>>();
    let (budget, room) = rooms();
    let before = all();
    if state::find(disk, 4_000, room, DEFAULTS).is_err() {
        assert!(all() == before, "a start that fails changes nothing");
    }
    assert!(budget.held() <= MEMORY);
    let (budget, room) = rooms();
    let Ok(Some(reader)) = checkpoint::Reader::open(disk) else { return };
    let Ok(restored) = state::restore(reader, room) else { return };
    let from = restored.from;
    let mut salvage = Salvage::of(restored);
    let end = log::read(disk, from, |step| {
        salvage.take(step);
        std::ops::ControlFlow::Continue(())
    });
    end.unwrap();
    let _ = salvage.finish();
    assert!(budget.held() <= MEMORY);
}

#[test]
fn whatever_is_in_its_files_a_folder_is_read_to_an_end() {
    seeds(|seed| {
        let mut world = World::new(seed);
        let Some(mut running) = world.open() else { return };
        world.run(&mut running).unwrap();
        drop(running);
        let (disk, mut random) = (world.disk.clone(), Rng::new(seed ^ 1));
        for _ in 0..1 + random.below(3) {
            let names = disk.names().unwrap();
            let [name, other] = [(); 2].map(|()| names[random.below(names.len() as u64) as usize].clone());
            let mut bytes = content(&disk, &name);
            let from = content(&disk, &other);
            // Mostly there is nothing but zeros behind what was written.
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            let rest = bytes.split_off(used);
            damage(&mut random, &mut bytes, &from);
            bytes.extend(rest);
            replace(&disk, &name, &bytes);
            if random.below(8) == 0 {
                disk.rename(&name, &other).unwrap();
            }
        }
        if random.below(2) == 0 {
            for segment in segments(&disk).unwrap() {
                let name = log::name_of(segment);
                let mut bytes = content(&disk, &name);
                seal_segment(&mut bytes, segment);
                replace(&disk, &name, &bytes);
            }
        }
        read(&disk);
    });
}

#[test]
fn whatever_a_checkpoint_says_is_read_to_an_end() {
    seeds(|seed| {
        let mut world = World::new(seed);
        let Some(mut running) = world.open() else { return };
        world.run(&mut running).unwrap();
        let (disk, mut random) = (world.disk.clone(), Rng::new(seed ^ 1));
        let mut saved = state::saved(&running.memory, &running.notes, &running.histories);
        let other = saved.clone();
        for _ in 0..1 + random.below(3) {
            damage(&mut random, &mut saved, &other);
        }
        let from = Position { segment: random.below(3) as u32, offset: random.below(500) as u32 };
        state::write(&disk, &saved, from).unwrap();
        read(&disk);
    });
}
