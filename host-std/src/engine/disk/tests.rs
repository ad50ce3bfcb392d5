//! An engine over a simulated disk: after any crash its state is one that it had, and at least as late as the last one
//! that somebody was told of.

use streamgauge_core::engine::Name;
use streamgauge_core::time::Time;
use tempfile::TempDir;

use super::files::Directory;
use super::space::Space;
use super::state::{self, StateError};
use super::world::{DEFAULTS, World, rooms};
use super::{Brings, Keeper, Settings, SyncMode, checkpoint, seeds};
use crate::engine::memory::Budget;

#[test]
fn after_any_crash_the_state_is_one_that_there_was_and_nothing_told_is_lost() {
    seeds(|seed| {
        World::new(seed).crash();
    });
}

#[test]
fn it_may_crash_at_each_operation() {
    for seed in 0..5 {
        for operations in 1.. {
            let mut world = World::new(seed);
            world.disk.crash_after(operations);
            let ended = world.open().map(|mut running| world.run(&mut running));
            world.disk.restart();
            world.open().expect("the disk works");
            if let Some(Ok(())) = ended {
                break;
            }
        }
    }
}

#[test]
fn what_is_lost_of_the_log_is_named_and_nothing_goes_on_without_it() {
    let mut world = World::new(3);
    let mut running = world.open().unwrap();
    let begin = running.log.tail.end();
    for _ in 0..20 {
        running.make_ahead().unwrap();
        world.step(&mut running);
        running.write().unwrap();
    }
    world.disk.flip(&format!("{:010}.log", begin.segment), begin.offset as usize * 8 + 100);
    let found = state::find(
        &world.disk,
        Space::new(4_000, u64::MAX),
        rooms(Budget::telling(1 << 20), 1),
        DEFAULTS,
        &mut |_, _| {},
    );
    let Err(StateError::Damaged(damage)) = found else { panic!("it goes on") };
    assert_eq!(damage.len(), 1);
    assert_eq!(damage[0].at, begin);
}

#[test]
fn two_checkpoints_at_once_leave_the_later_one_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_owned();
    let settings = Settings { folder: path.clone(), sync: SyncMode::Always, most: 1 << 30, longest: 1 << 20 };
    let rooms = rooms(Budget::telling(64 << 20), 1);
    let (keeper, memory, _) = Keeper::open(&settings, rooms, DEFAULTS, &mut |_, _| {}).unwrap();
    keeper.journal().start().unwrap();
    let note = |number: u8| {
        let name = Name::new(&[b'a' + number]).unwrap();
        let room = loop {
            if let Some(room) = keeper.journal().room_now(1 << 16, Brings::More) {
                break room.unwrap();
            }
            std::thread::yield_now();
        };
        let end = keeper.note(room, &name, Some(&[number; 60_000]));
        while keeper.journal().safe_until() < end {
            std::thread::yield_now();
        }
    };
    for number in 0..26 {
        let earlier = keeper.saved(&memory, Time::from_millis(number.into()));
        note(number);
        let later = keeper.saved(&memory, Time::from_millis(number.into()));
        let from = later.from;
        std::thread::scope(|scope| {
            for saved in [later, earlier] {
                scope.spawn(|| keeper.checkpoint(saved).unwrap());
            }
        });
        let mut reader = checkpoint::Reader::open(&Directory::at(path.clone()).unwrap()).unwrap().unwrap();
        let (mut all, mut piece) = (0, Vec::new());
        while reader.next(&mut piece).unwrap() {
            all += piece.len();
        }
        assert!(reader.from() == from && all > 60_000 * (usize::from(number) + 1));
    }
}

#[test]
fn a_start_tells_how_far_it_is() {
    let mut world = World::new(3);
    let mut running = world.open().unwrap();
    for _ in 0..20 {
        running.make_ahead().unwrap();
        world.step(&mut running);
        running.write().unwrap();
    }
    let mut told = Vec::new();
    let rooms = rooms(Budget::telling(1 << 20), 1);
    let found =
        state::find(&world.disk, Space::new(4_000, u64::MAX), rooms, DEFAULTS, &mut |done, all| told.push((done, all)));
    assert_eq!(found.map(|found| found.entries).unwrap(), told.len() as u64);
    assert!(told.len() > 5 && told.is_sorted_by(|before, after| before.0 < after.0), "{told:?}");
    assert!(told.iter().all(|(done, all)| *done > 0 && done <= all), "{told:?}");
}
