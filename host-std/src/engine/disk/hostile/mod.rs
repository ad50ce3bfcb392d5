//! A folder of files that nobody has written: no panic, no hang, and no more memory than there may be.
//!
//! It is here for two: a test that makes edits from a seed, and the fuzz target `recovery`, which looks for such that
//! lead further. A fuzzer sees what is public, and recovery is not: so this is, where there is one (`cfg(fuzzing)`), and
//! nowhere else.
//!
//! | module | idea |
//! | --- | --- |
//! | [`is_read_to_an_end`] | a folder is opened, used and opened again, and salvaged |
//! | `edits` | what becomes of a folder that a server has used |

mod edits;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Command, Data, Kind, Lease, Name, Outcome, Pieces, Prefix};
use streamgauge_core::time::Time;

use super::checkpoint;
use super::files::simulated::Simulated;
use super::files::{File as _, Folder as _};
use super::log::{self, Position};
use super::salvage::Salvage;
use super::shelf::{Shelf, Unreadable};
use super::space::Space;
use super::state;
use super::world::{DEFAULTS, Running, World, is_lawful, read, rooms};
use crate::engine::memory::{Budget, Rooms};

/// Bytes that all topics and queues may have.
const MEMORY: u64 = 1 << 20;

/// Bytes of a segment.
const SEGMENT: u32 = 4_000;

/// Files by their names.
type Files = BTreeMap<String, Vec<u8>>;

/// Makes a folder out of one that was used and of the input, and reads it as a start and a repair do. One that opens
/// holds to the laws, takes and gives an item, and is the same when it is opened again.
///
/// The input is a byte that says which folder, and [edits](edits::edit).
///
/// # Panics
/// If any of that does not hold.
pub fn is_read_to_an_end(input: &[u8]) {
    /// So many folders are begun with, most of which were torn.
    const FOLDERS: u8 = 16;
    thread_local! {
        static USED: [Files; FOLDERS as usize] = std::array::from_fn(|seed| used(seed as u64));
    }
    let Some((first, edits)) = input.split_first() else { return };
    let files = USED.with(|used| edits::edit(used[usize::from(first % FOLDERS)].clone(), edits));
    is_salvaged(&files, edits.len());
    is_started_with(&files);
}

/// What a server has left that crashed some times.
fn used(seed: u64) -> Files {
    let mut world = World::new(seed);
    world.crash();
    files_of(&world.disk)
}

fn files_of(disk: &Simulated) -> Files {
    let content = |name: String| {
        let file = disk.open(&name).expect("it is there");
        let mut bytes = vec![0; file.len().expect("it is there") as usize];
        file.read_all_at(0, &mut bytes).expect("the disk works");
        (name, bytes)
    };
    disk.names().expect("the disk works").into_iter().map(content).collect()
}

fn disk_with(files: &Files) -> Simulated {
    let disk = Simulated::new(0);
    for (name, bytes) in files {
        let file = disk.create(name, bytes.len() as u64).expect("there is room");
        file.write_all_at(0, bytes).expect("there is room");
    }
    disk
}

/// How often a byte may be read.
const MOST_READ: usize = 6;

/// Reads them as a repair does, in no more memory than there is.
fn is_salvaged(files: &Files, edits: usize) {
    let (disk, budget) = (disk_with(files), Budget::new(MEMORY));
    let Ok(Some(reader)) = checkpoint::Reader::open(&disk) else { return };
    let Ok(restored) = state::restore(reader, Rooms::alone(Arc::clone(&budget))) else { return };
    let from = restored.from;
    let mut salvage = Salvage::of(restored);
    let end = log::read(&disk, from, |step| {
        salvage.take(step);
        ControlFlow::Continue(())
    });
    end.expect("the disk works");
    let _ = salvage.finish();
    assert!(budget.held() <= MEMORY);
    // A part of it may be looked at for where it ends, and again for what stands there.
    let bytes: usize = files.values().map(Vec::len).sum();
    assert!(disk.read() <= (MOST_READ * (bytes + edits)) as u64, "{} bytes were read of {bytes}", disk.read());
}

/// Queues know when something was put as far back as some decades: a clock that shows a later time has been forged.
const LATEST: Time = Time::from_millis(1_281_000_000_000 + (1 << 39));

/// Starts with them, and if that goes, uses what there is and starts again.
fn is_started_with(files: &Files) {
    let disk = disk_with(files);
    let Ok((mut it, now)) = started(&disk) else {
        assert!(files_of(&disk) == *files, "a start that fails changes nothing");
        return;
    };
    if now > LATEST {
        return;
    }
    begin_with_defaults(&disk, &mut it, now);
    let item = [b'7'; 200];
    let items = Pieces::whole(Data::Plain(&item));
    let has_room = it.memory.host().budget().held() < MEMORY / 2;
    let does = |it: &mut Running, command| {
        it.make_ahead().expect("there is room");
        it.execute(&command, now, &mut is_lawful)
    };
    for name in [b"a", b"s"].map(|name| Name::new(name).expect("a name")) {
        does(&mut it, Command::Publish { topic: name, messages: items, id: None });
        does(&mut it, Command::Put { queue: name, items, delay: Duration::ZERO, id: None });
        does(&mut it, Command::Get { queue: name, items: 2, lease: Lease::For(None) });
    }
    // One with settings that nobody has forged.
    let queue = Name::new(b"fresh").expect("a name");
    does(&mut it, Command::Remove { kind: Kind::Queue, name: queue });
    let (put, place) = does(&mut it, Command::Put { queue, items, delay: Duration::ZERO, id: None });
    let is_put = matches!(put, Outcome::Put { items: 1, duplicate: false });
    assert!(is_put || !has_room, "{put:?}");
    does(&mut it, Command::List { kind: Kind::Queue, prefix: Prefix::EMPTY });
    it.write().expect("the disk works");

    let mut again = is_the_same(&disk, &it);
    let shelf = Shelf::new(disk.clone(), None);
    let mut found = Vec::new();
    again.memory.elsewhere(|of, _, away| {
        found.extend((*of == queue && Some(Position::from_number(away.place)) == place).then_some(away));
    });
    for away in &found {
        let mut there = Vec::new();
        shelf.fetch(away, &mut there).expect("it was put");
        assert_eq!(there, item);
    }
    let (got, _) = does(&mut again, Command::Get { queue, items: 9, lease: Lease::None });
    assert_eq!((found.len(), got == Outcome::Told(1)), (usize::from(is_put), is_put), "{got:?}");
    again.write().expect("the disk works");
    is_the_same(&disk, &again);
}

/// Starts as a server does, and looks at all that is there.
fn started(disk: &Simulated) -> Result<(Running, Time), String> {
    let found = state::find(
        disk,
        Space::new(SEGMENT, u64::MAX),
        rooms(Budget::telling_at_most(MEMORY), 1),
        DEFAULTS,
        &mut |_, _| {},
    )
    .map_err(|error| error.to_string())?;
    let (latest, it) = (found.latest, Running::of(found));
    let shelf = Shelf::new(disk.clone(), None);
    it.memory.elsewhere(|_, _, away| match shelf.fetch(&away, &mut Vec::new()) {
        Ok(()) | Err(Unreadable::Lost(_)) => {}
        Err(Unreadable::Io(at, error)) => panic!("{at}: {error}"),
    });
    for topic in it.histories.topics() {
        if let Some(history) = it.histories.of(topic) {
            read(disk, *topic, history);
        }
    }
    Ok((it, latest))
}

/// Makes a checkpoint of a server's own defaults, if others are kept, as a server does.
fn begin_with_defaults(disk: &Simulated, it: &mut Running, now: Time) {
    let before = *it.memory.defaults();
    it.memory.set_defaults(Defaults { first: before.first, ..DEFAULTS });
    if *it.memory.defaults() != before {
        it.write().expect("the disk works");
        let saved = state::saved(&it.memory, &it.notes, &it.histories, now);
        state::write(disk, &saved, it.log.tail.end()).expect("there is room");
    }
}

/// Starts with what another one has left.
fn is_the_same(disk: &Simulated, before: &Running) -> Running {
    let (after, _) = started(disk).unwrap_or_else(|error| panic!("{error}"));
    assert!(after.saved() == before.saved(), "it is another one");
    after
}
