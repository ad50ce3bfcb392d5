//! The log over a simulated disk: whatever happens to the disk, what was safe is there, and nothing else than what was
//! added, in its order.
//!
//! `STREAMGAUGE_SEEDS=1000000 cargo test -p streamgauge --lib disk::log` runs more seeds, and `STREAMGAUGE_SEED=7` one.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use streamgauge_core::generate::Rng;

use super::frame::{self, Marks};
use super::own::Own;
use super::position::name_of;
use super::{
    Damage, End, HEADER, Harm, OVERHEAD, Opened, Position, Salt, Step, Tail, behind, go_on, read, salt_in, segments,
};
use crate::engine::disk::files::simulated::{Faults, Simulated};
use crate::engine::disk::files::{File as _, Folder as _};
use crate::engine::disk::{seeds, useful_seeds};

#[test]
fn a_file_that_the_log_has_left_takes_no_more_of_the_disk_than_it_holds() {
    let disk = Simulated::new(1);
    let len = |name: &str| disk.open(name).unwrap().len().unwrap();
    let mut log = open(disk.clone(), 4_000, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
    log.tail.append(|body| body.extend_from_slice(b"H3110")).unwrap();
    log.segments.write(log.tail.take(true)).unwrap();
    let end = log.tail.end();
    assert_eq!(len("0000000001.log"), 4_000);
    let mut bodies = Vec::new();
    for _ in 0..2 {
        bodies.clear();
        open(disk.clone(), 4_000, Position::ZERO, |step| {
            if let Step::Entry(_, body) = step {
                bodies.push(body.to_vec());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(len("0000000001.log"), u64::from(end.offset));
        assert_eq!(bodies, [b"H3110"]);
    }
}

/// What was added, and what is known of it.
struct World {
    disk: Simulated,
    random: Rng,
    capacity: u32,
    entries: Vec<(Position, Vec<u8>)>,
    /// So many of them are safe.
    safe: usize,
    /// Where reading begins: at this one.
    from: usize,
    added: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Rng::new(seed);
        let capacity = 200 + random.below(2000) as u32;
        let disk = Simulated::new(random.bits());
        Self { disk, random, capacity, entries: Vec::new(), safe: 0, from: 0, added: 0 }
    }

    /// The place where reading begins; what is read from one on was safe there.
    fn begin(&self) -> Position {
        if self.from == 0 { Position::ZERO } else { self.entries[self.from].0 }
    }

    fn odds(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    /// Reads the log, and goes on behind what is there.
    fn open(&mut self) -> std::io::Result<Opened<Simulated>> {
        let (from, mut found, mut damage) = (self.begin(), Vec::new(), Vec::new());
        let opened = open(self.disk.clone(), self.capacity, from, |step| {
            match step {
                Step::Entry(at, body) => found.push((at, body.to_vec())),
                Step::Damaged(some) => damage.push(some),
            }
            ControlFlow::Continue(())
        })?;
        assert_eq!(damage, [], "nothing was lost");
        let expected = self.entries.get(self.from..).unwrap_or_default();
        assert!(
            found.len() >= self.safe.saturating_sub(self.from),
            "{} safe, {} there",
            self.safe - self.from,
            found.len()
        );
        assert!(expected.starts_with(&found), "there is what was added, in its order");
        self.entries.truncate(self.from + found.len());
        self.safe = self.entries.len();
        Ok(opened)
    }

    /// Uses the log until the disk crashes or the process ends.
    fn run(&mut self, log: &mut Opened<Simulated>) -> std::io::Result<()> {
        let mut unused = Vec::new();
        for _ in 0..self.random.below(60) {
            if !log.tail.has_next() && !self.odds(4) {
                let is_long = self.odds(10);
                let old = if is_long { None } else { unused.pop() };
                match log.maker.make_of(if is_long { self.capacity * 2 } else { self.capacity }, old) {
                    Ok(made) => {
                        log.tail.set_next(made.fresh);
                        log.segments.adopt(made);
                    }
                    Err(error) if self.disk.is_crashed() => return Err(error),
                    Err(_) => unused.extend(old),
                }
            }
            for _ in 0..self.random.below(8) {
                self.add(&mut log.tail);
            }
            if self.odds(2) {
                self.write(log)?;
            }
            if self.odds(12) && self.safe > 0 {
                // As if a checkpoint had been made there.
                self.from = self.from.max(self.random.below(self.safe as u64) as usize);
                let first = self.begin().segment;
                let before = |number: &u32| *number < first;
                let mut all = segments(&self.disk)?;
                all.retain(before);
                if self.odds(2) {
                    // All of them were made with the same length, unless a long entry was to fit in.
                    unused = all;
                } else {
                    log.maker.remove(all, drop)?;
                    unused.clear();
                }
            }
        }
        if self.odds(3) {
            log.tail.close();
            self.write(log)?;
        }
        Ok(())
    }

    fn add(&mut self, tail: &mut Tail) {
        let most = if self.odds(20) { u64::from(self.capacity) } else { 60 };
        let len = 1 + self.random.below(most) as usize;
        let mut body = self.added.to_le_bytes().to_vec();
        body.resize(len.max(8), self.random.bits() as u8);
        let fits = tail.has_room(HEADER + body.len());
        let added = tail.append(|to| to.extend_from_slice(&body));
        assert_eq!(added.is_some(), fits, "what has room is added");
        if let Some(at) = added {
            self.added += 1;
            self.entries.push((at, body));
        }
    }

    /// Writes what was added, and mostly syncs it.
    fn write(&mut self, log: &mut Opened<Simulated>) -> std::io::Result<()> {
        let group = log.tail.take(log.segments.unsynced() == 0);
        log.segments.write_only(group)?;
        if !self.odds(3) {
            log.segments.sync()?;
            self.safe = self.entries.len();
        }
        Ok(())
    }

    fn close(&mut self, log: &mut Opened<Simulated>) {
        log.segments.sync().unwrap();
        log.tail.close();
        let group = log.tail.take(true);
        log.segments.write(group).unwrap();
        self.safe = self.entries.len();
    }
}

fn open(
    disk: Simulated,
    capacity: u32,
    from: Position,
    each: impl FnMut(Step<'_>) -> ControlFlow<()>,
) -> std::io::Result<Opened<Simulated>> {
    let end = read(&disk, from, each)?;
    go_on(disk, capacity, end)
}

#[test]
fn what_was_safe_is_there_after_any_crash() {
    seeds(|seed| {
        let mut world = World::new(seed);
        for _ in 0..4 {
            if world.odds(3) {
                let faults = Faults { short: 4, write: 30, sync: 30, full: 3, name: 30, read: 100 };
                let operations = 1 + world.random.below(400);
                world.disk.set_faults(faults);
                world.disk.crash_after(operations);
            } else {
                let operations = 1 + world.random.below(400);
                world.disk.crash_after(operations);
            }
            // Whatever fails ends the process; a disk that goes on shows what was written, safe or not.
            if let Ok(mut log) = world.open() {
                let _ = world.run(&mut log);
            }
            if world.odds(4) { world.disk.set_working() } else { world.disk.restart() }
        }
        world.open().unwrap();
    });
}

#[test]
fn a_closed_log_says_so_and_its_flipped_bits_are_found() {
    useful_seeds(10_000, |seed| {
        let mut world = World::new(seed);
        let mut log = world.open().unwrap();
        world.run(&mut log).unwrap();
        world.add(&mut log.tail);
        world.write(&mut log).unwrap();
        if world.entries.is_empty() || !log.tail.has_room(HEADER + 1) {
            return false;
        }
        world.close(&mut log);
        let from = world.begin();
        let whole = read(&world.disk, from, |_| ControlFlow::Continue(())).unwrap();
        assert!(whole.is_closed && !whole.is_torn, "{whole:?}");

        // Bits of some entries, but for the last group, which could as well be torn.
        let mut broken = BTreeSet::new();
        for _ in 0..1 + world.random.below(3) {
            let number = world.from + world.random.below((world.entries.len() - world.from) as u64) as usize;
            let (at, body) = &world.entries[number];
            let len = (HEADER + body.len()) as u64;
            let bit = u64::from(at.offset) * 8 + world.random.below(len * 8);
            world.disk.flip(&name_of(at.segment), bit as usize);
            // A bit that was flipped twice is as it was.
            if !broken.insert((number, bit)) {
                broken.remove(&(number, bit));
            }
        }
        let broken: BTreeSet<usize> = broken.into_iter().map(|(number, _)| number).collect();
        let (mut found, mut damage) = (Vec::new(), Vec::new());
        let end = read(&world.disk, from, |step| {
            match step {
                Step::Entry(at, body) => found.push((at, body.to_vec())),
                Step::Damaged(some) => damage.push(some),
            }
            ControlFlow::Continue(())
        });
        assert_eq!(end.unwrap(), whole);
        let is_left = |number: &usize| !broken.contains(number);
        let left = (world.from..world.entries.len()).filter(is_left).map(|number| world.entries[number].clone());
        assert_eq!(found, left.collect::<Vec<_>>(), "only what is broken is missing");
        for number in &broken {
            let (at, _) = &world.entries[*number];
            assert!(damage.iter().any(|damage| covers(damage, *at)), "{at} is not reported");
        }
        true
    });
}

fn covers(damage: &Damage, at: Position) -> bool {
    damage.at.segment == at.segment && (damage.at.offset..damage.at.offset + damage.len).contains(&at.offset)
}

#[test]
fn a_file_that_is_missing_is_told() {
    let (mut world, mut log) = of_some_segments();
    world.close(&mut log);
    let mut bytes = 0;
    read(&world.disk, Position { segment: 2, offset: 0 }, |step| {
        if let Step::Entry(at, body) = step
            && at.segment == 2
        {
            bytes = behind(at, body).offset;
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    world.disk.remove(&name_of(2)).unwrap();
    let mut damage = Vec::new();
    let end = read(&world.disk, Position::ZERO, |step| {
        if let Step::Damaged(some) = step {
            damage.push((some.to_string(), some.len));
        }
        ControlFlow::Continue(())
    });
    let lost = |segment: u32| format!("{} is missing, or nothing in it can be read", name_of(segment));
    assert_eq!(damage, [(lost(2), bytes)], "the next one says how far it went");
    assert_eq!(end.unwrap().at, Some(log.tail.end()));
    // So is the last one, behind which is nothing.
    let of_the_last = |from| {
        let mut damage = Vec::new();
        let end = read(&world.disk, from, |step| {
            if let Step::Damaged(some) = step
                && some.at.segment > 2
            {
                damage.push(some.to_string());
            }
            ControlFlow::Continue(())
        });
        (damage, end.unwrap().next)
    };
    let whole = world.disk.open(&name_of(4)).unwrap();
    whole.cut(1).unwrap();
    assert_eq!(of_the_last(Position::ZERO), (vec![lost(4)], 5), "nothing is left of it");
    for segment in segments(&world.disk).unwrap().into_iter().rev() {
        world.disk.remove(&name_of(segment)).unwrap();
        for offset in [0, 1] {
            let (damage, next) = of_the_last(Position { segment: 4, offset });
            assert_eq!((damage, next), (vec![lost(4)], 5));
        }
    }
    assert_eq!(of_the_last(Position { segment: 5, offset: 0 }), (vec![], 5), "nobody reads what is before that");
    // What a crash has torn says nothing.
    world.disk.open("newest").unwrap().write_all_at(9, b"9").unwrap();
    assert_eq!(of_the_last(Position { segment: 4, offset: 0 }), (vec![], 4));
}

/// A log of some segments, which is not closed, and where it ends.
fn of_some_segments() -> (World, Opened<Simulated>) {
    let mut world = World::new(1);
    world.capacity = 300;
    let mut log = world.open().unwrap();
    while log.tail.end().segment < 4 {
        if !log.tail.has_next() {
            let made = log.maker.make(None).unwrap();
            log.tail.set_next(made.fresh);
            log.segments.adopt(made);
        }
        world.add(&mut log.tail);
        world.write(&mut log).unwrap();
    }
    log.segments.sync().unwrap();
    (world, log)
}

/// What is read of a log from a place on of which a file is cut off: its entries, what is damaged, and its end.
fn read_cut(world: &World, from: Position, cut: Position) -> (Vec<Position>, Vec<Damage>, End) {
    let disk = world.disk.copied();
    disk.open(&cut.file()).unwrap().cut(cut.offset.into()).unwrap();
    let (mut found, mut damage) = (Vec::new(), Vec::new());
    let end = read(&disk, from, |step| {
        match step {
            Step::Entry(at, _) => found.push(at),
            Step::Damaged(some) => damage.push(some),
        }
        ControlFlow::Continue(())
    });
    (found, damage, end.unwrap())
}

#[test]
fn a_file_that_was_cut_off_is_told_wherever_that_was() {
    let (mut world, mut log) = of_some_segments();
    let ends = |world: &World, segment| {
        let in_it = world.entries.iter().rfind(|(at, _)| at.segment == segment);
        in_it.map_or(0, |(at, body)| behind(*at, body).offset)
    };
    for segment in 1..=4 {
        let (end, len) = (ends(&world, segment), world.disk.open(&name_of(segment)).unwrap().len().unwrap() as u32);
        // Behind the end of the log there are zeros where there would be a header of another entry.
        let needed = if segment < 4 { end } else { end + HEADER as u32 };
        for cut in 0..len {
            let (found, damage, _) = read_cut(&world, Position::ZERO, Position { segment, offset: cut });
            assert_eq!(damage.len(), usize::from(cut < needed), "{segment}, {cut} of {end}: {damage:?}");
            assert!(damage.iter().all(|damage| damage.at.segment == segment && damage.harm != Harm::Changed));
            let is_left = |(at, body): &&(Position, Vec<u8>)| at.segment != segment || behind(*at, body).offset <= cut;
            let left: Vec<_> = world.entries.iter().filter(is_left).map(|(at, _)| *at).collect();
            assert_eq!(found, left, "{segment}, {cut} of {end}");
        }
        // All before its end is in a checkpoint, and was on the disk.
        let (from, cut) = (Position { segment, offset: end }, Position { segment, offset: end - 1 });
        let (_, damage, _) = read_cut(&world, from, cut);
        let harm: Vec<_> = damage.iter().map(|damage| (damage.at, damage.harm)).collect();
        assert_eq!(harm, [(cut, Harm::Cut)]);
    }
    // A log that was closed has nothing behind that.
    world.close(&mut log);
    let (_, damage, end) = read_cut(&world, Position::ZERO, log.tail.end());
    assert!(damage.is_empty() && end.is_closed && end.at == Some(log.tail.end()), "{damage:?}");
    let (_, damage, end) = read_cut(&world, Position::ZERO, log.tail.end().with_offset(log.tail.end().offset - 1));
    assert!(damage.len() == 1 && !end.is_closed, "{damage:?}");
}

#[test]
fn a_file_that_a_start_has_cut_off_is_whole() {
    let (mut world, _) = of_some_segments();
    for _ in 0..3 {
        // Nothing is missed there.
        world.open().unwrap();
    }
    let left = world.disk.open(&name_of(4)).unwrap();
    left.cut(left.len().unwrap() - 1).unwrap();
    let (_, damage, _) = all_of(&world.disk, 0);
    assert_eq!((damage.len(), damage[0].harm), (1, Harm::Cut), "{damage:?}");
}

#[test]
fn a_head_that_is_lost_is_told_and_only_that() {
    let mut world = World::new(1);
    let mut log = world.open().unwrap();
    for _ in 0..3 {
        world.add(&mut log.tail);
        world.close(&mut log);
    }
    world.disk.flip(&name_of(1), 8 * HEADER + 1);
    let (mut found, mut damage) = (0, Vec::new());
    let end = read(&world.disk, Position::ZERO, |step| {
        match step {
            Step::Entry(..) => found += 1,
            Step::Damaged(some) => damage.push(some),
        }
        ControlFlow::Continue(())
    });
    assert_eq!((found, damage.len(), damage[0].at.offset), (3, 1, 0), "{damage:?}");
    assert_eq!(end.unwrap().at, Some(log.tail.end()));
}

/// The bodies of a log that is read from a segment on to its end, and what is lost of it.
fn all_of(disk: &Simulated, from: u32) -> (Vec<Vec<u8>>, Vec<Damage>, End) {
    let (mut bodies, mut damage) = (Vec::new(), Vec::new());
    let end = read(disk, Position { segment: from, offset: 0 }, |step| {
        match step {
            Step::Entry(_, body) => bodies.push(body.to_vec()),
            Step::Damaged(some) => damage.push(some),
        }
        ControlFlow::Continue(())
    });
    (bodies, damage, end.unwrap())
}

#[test]
fn what_looks_like_an_entry_of_a_segment_to_come_is_none_when_its_file_is_used_again() {
    let disk = Simulated::new(1);
    let mut log = open(disk.clone(), 4_000, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
    // An item that somebody has put: frames of the next segment, in their places.
    let begin = log.tail.end().offset + HEADER as u32;
    let mut forged = Vec::new();
    while forged.len() < 3_000 {
        let at = Position { segment: 2, offset: begin + forged.len() as u32 };
        let mut one = [0; HEADER + 1];
        one[HEADER] = 7;
        frame::seal(&mut one, Marks { is_first: true, is_own: false }, at, Salt::NONE);
        forged.extend_from_slice(&one);
    }
    log.tail.append(|body| body.extend_from_slice(&forged)).unwrap();
    log.segments.write(log.tail.take(true)).unwrap();
    let made = log.maker.make(Some(1)).unwrap();
    log.tail.set_next(made.fresh);
    log.segments.adopt(made);
    log.tail.begin(3_900);
    log.tail.append(|body| body.extend_from_slice(b"H3110")).unwrap();
    log.segments.write(log.tail.take(true)).unwrap();
    let (bodies, damage, end) = all_of(&disk, 2);
    assert_eq!((bodies, damage, end.is_torn), (vec![b"H3110".to_vec()], vec![], false));
    assert_eq!(end.at, Some(log.tail.end()));
}

#[test]
fn a_head_that_is_lost_takes_no_entry_along() {
    let disk = Simulated::new(1);
    let mut log = open(disk.clone(), 4_000, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
    for body in [b"one", b"two"] {
        log.tail.append(|to| to.extend_from_slice(body)).unwrap();
        log.segments.write(log.tail.take(true)).unwrap();
    }
    for bit in 0..OVERHEAD as usize * 8 {
        disk.flip("0000000001.log", bit);
        let (bodies, damage, _) = all_of(&disk, 0);
        assert_eq!((bodies.len(), damage.len()), (2, 1), "bit {bit}");
        disk.flip("0000000001.log", bit);
    }
}

#[test]
fn a_segment_of_version_1_has_no_salt_and_is_read_and_gone_on_behind() {
    let disk = Simulated::new(1);
    let file = disk.create("0000000001.log", 1_000).unwrap();
    let (mut bytes, begin) = (Vec::new(), Position { segment: 1, offset: 0 });
    let mut add = |is_own, write: &dyn Fn(&mut Vec<u8>)| {
        let mut one = vec![0; HEADER];
        write(&mut one);
        frame::seal(&mut one, Marks { is_first: true, is_own }, begin.after(bytes.len() as u32), Salt::NONE);
        bytes.extend_from_slice(&one);
    };
    add(true, &|body| Own::Head { before: None, salt: Salt::NONE }.write(body));
    add(false, &|body| body.extend_from_slice(b"old"));
    file.write_all_at(0, &bytes).unwrap();
    disk.sync().unwrap();
    assert_eq!(salt_in(&bytes, 1), Salt::NONE);
    let mut log = open(disk.clone(), 1_000, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
    log.tail.append(|body| body.extend_from_slice(b"new")).unwrap();
    log.segments.write(log.tail.take(true)).unwrap();
    let (bodies, damage, _) = all_of(&disk, 0);
    assert_eq!((bodies, damage), (vec![b"old".to_vec(), b"new".to_vec()], vec![]));
}

#[test]
fn what_is_broken_throughout_is_read_in_a_moment() {
    let disk = Simulated::new(0);
    let count = 200_000_u32;
    let file = disk.create(&name_of(1), u64::from(count) * 11 + 100).unwrap();
    let mut at = Position { segment: 1, offset: 0 };
    let mut frames = Vec::new();
    for number in 0..count + 1 {
        let mut frame = [0; HEADER + 1];
        let marks = Marks { is_first: number == count, is_own: false };
        frame::seal(&mut frame, marks, at, Salt::NONE);
        // The place is right, and the body is not; but for the last.
        frame[HEADER] = u8::from(number < count);
        frames.extend_from_slice(&frame);
        at = at.after(frame.len() as u32);
    }
    file.write_all_at(0, &frames).unwrap();
    let mut damaged = 0;
    let end = read(&disk, Position::ZERO, |step| {
        damaged += u32::from(matches!(step, Step::Damaged(_)));
        ControlFlow::Continue(())
    });
    assert_eq!((damaged, end.unwrap().at), (count, Some(at)));
}

#[test]
fn entries_have_room_or_are_refused() {
    let disk = Simulated::new(0);
    let mut log = open(disk, 200, Position::ZERO, |_| ControlFlow::Continue(())).unwrap();
    let (tail, most) = (&mut log.tail, (200 - OVERHEAD) as usize);
    assert!(tail.has_room(most) && !tail.has_room(most + 1));
    assert_eq!(tail.append(|to| to.resize(to.len() + most - HEADER + 1, 7)), None);
    assert_eq!(tail.append(|_| {}), None, "an entry is not empty");
    assert!(tail.append(|to| to.resize(to.len() + most - HEADER, 7)).is_some());
    assert_eq!(tail.left(), 0);
    assert_eq!(tail.append(|to| to.push(1)), None);
    // One that needs a segment of its own gets it.
    let made = log.maker.make_of(OVERHEAD + 1000 + HEADER as u32, None).unwrap();
    tail.set_next(made.fresh);
    log.segments.adopt(made);
    assert!(tail.has_room(1000 + HEADER));
    assert_eq!(tail.append(|to| to.resize(to.len() + 1000, 7)).unwrap().segment, 2);
    let group = tail.take(true);
    log.segments.write(group).unwrap();
}
