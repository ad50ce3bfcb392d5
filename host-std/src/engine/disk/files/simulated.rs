//! A disk in memory, which does from a seed what disks do to programs: it crashes between any two operations, with what
//! was not synced on it in parts, in any order and torn; it is full, fails, writes less than it was given, and forgets.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use streamgauge_core::generate::Rng;

use super::{File, Folder};

/// Bytes that reach the disk together, unless they are torn.
const SECTOR: usize = 32;

/// What goes wrong, each one time in so many; 0: never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// A write takes only a part.
    pub(crate) short: u64,
    /// A write fails, having written a part.
    pub(crate) write: u64,
    /// A sync fails, and what it was for is forgotten.
    pub(crate) sync: u64,
    /// There is no room for another file.
    pub(crate) full: u64,
    /// A name can't be found, given or removed, or the folder can't be synced.
    pub(crate) name: u64,
    /// A read fails.
    pub(crate) read: u64,
}

/// A folder on it.
#[derive(Debug, Clone)]
pub(crate) struct Simulated {
    disk: Rc<RefCell<Disk>>,
}

#[derive(Debug, Clone)]
struct Disk {
    random: Rng,
    faults: Faults,
    /// Operations until it crashes.
    left: u64,
    /// Bytes that were read.
    read: u64,
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    /// The names as they are on the disk, and what was done to them since.
    synced: BTreeMap<String, usize>,
    renamed: Vec<Vec<(String, Option<usize>)>>,
}

#[derive(Debug, Clone)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Sectors that differ.
    dirty: BTreeSet<usize>,
}

impl Simulated {
    /// An empty one.
    pub(crate) fn new(seed: u64) -> Self {
        let disk = Disk {
            random: Rng::new(seed),
            faults: Faults::default(),
            left: u64::MAX,
            read: 0,
            files: Vec::new(),
            names: BTreeMap::new(),
            synced: BTreeMap::new(),
            renamed: Vec::new(),
        };
        Self { disk: Rc::new(RefCell::new(disk)) }
    }

    /// Lets things go wrong from now on.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.disk.borrow_mut().faults = faults;
    }

    /// Lets it crash after so many operations: all that come later fail.
    pub(crate) fn crash_after(&self, operations: u64) {
        self.disk.borrow_mut().left = operations;
    }

    /// Whether it has crashed.
    pub(crate) fn is_crashed(&self) -> bool {
        self.disk.borrow().left == 0
    }

    /// What is there when it works again.
    pub(crate) fn restart(&self) {
        let disk = &mut *self.disk.borrow_mut();
        let Disk { random, files, .. } = disk;
        for content in files.iter_mut() {
            // How much longer it is than it was synced is not known before it is synced again.
            let more = content.now.len().saturating_sub(content.synced.len());
            if more > 0 {
                let kept = [0, random.below(more as u64) as usize, more, more][random.below(4) as usize];
                content.synced.resize(content.synced.len() + kept, 0);
            }
            for sector in std::mem::take(&mut content.dirty) {
                let begin = sector * SECTOR;
                let end = (begin + SECTOR).min(content.now.len()).min(content.synced.len());
                if begin >= end {
                    continue;
                }
                let len = match random.bits() % 8 {
                    0..4 => end - begin,
                    4 => random.below((end - begin) as u64) as usize,
                    _ => 0,
                };
                content.synced[begin..begin + len].copy_from_slice(&content.now[begin..begin + len]);
            }
            content.now = content.synced.clone();
        }
        for change in std::mem::take(&mut disk.renamed) {
            if disk.random.bits().is_multiple_of(2) {
                apply(&mut disk.synced, change);
            }
        }
        disk.names = disk.synced.clone();
        (disk.left, disk.faults) = (u64::MAX, Faults::default());
    }

    /// The process ends, and the machine goes on: everything is as it was written.
    pub(crate) fn set_working(&self) {
        let disk = &mut *self.disk.borrow_mut();
        (disk.left, disk.faults) = (u64::MAX, Faults::default());
    }

    /// What can be read of it now, on a disk that works.
    pub(crate) fn copied(&self) -> Self {
        let disk = Disk { left: u64::MAX, faults: Faults::default(), ..self.disk.borrow().clone() };
        Self { disk: Rc::new(RefCell::new(disk)) }
    }

    /// Bytes that were read so far.
    pub(crate) fn read(&self) -> u64 {
        self.disk.borrow().read
    }

    /// Flips a bit of a file.
    #[cfg(test)]
    pub(crate) fn flip(&self, name: &str, bit: usize) {
        let disk = &mut *self.disk.borrow_mut();
        let content = &mut disk.files[disk.names[name]];
        content.now[bit / 8] ^= 1 << (bit % 8);
        if let Some(byte) = content.synced.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
}

impl Disk {
    fn operate(&mut self) -> io::Result<()> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Err(io::Error::other("crashed")) } else { Ok(()) }
    }

    fn is_due(&mut self, fault: u64) -> bool {
        fault > 0 && self.random.bits().is_multiple_of(fault)
    }

    fn fails_by_name(&mut self) -> io::Result<()> {
        self.operate()?;
        if self.is_due(self.faults.name) { Err(io::Error::other("the folder is broken")) } else { Ok(()) }
    }

    fn rename(&mut self, change: Vec<(String, Option<usize>)>) {
        apply(&mut self.names, change.clone());
        self.renamed.push(change);
    }

    fn named(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn apply(names: &mut BTreeMap<String, usize>, change: Vec<(String, Option<usize>)>) {
    for (name, file) in change {
        match file {
            Some(file) => drop(names.insert(name, file)),
            None => drop(names.remove(&name)),
        }
    }
}

/// A file on it.
#[derive(Debug)]
pub(crate) struct Opened {
    disk: Rc<RefCell<Disk>>,
    file: usize,
}

impl Folder for Simulated {
    type File = Opened;

    fn names(&self) -> io::Result<Vec<String>> {
        self.disk.borrow_mut().operate()?;
        Ok(self.disk.borrow().names.keys().cloned().collect())
    }

    fn create(&self, name: &str, len: u64) -> io::Result<Opened> {
        let disk = &mut *self.disk.borrow_mut();
        disk.operate()?;
        if disk.is_due(disk.faults.full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let zeros = vec![0; len as usize];
        disk.files.push(Content { now: zeros.clone(), synced: zeros, dirty: BTreeSet::new() });
        let file = disk.files.len() - 1;
        disk.rename(vec![(name.to_owned(), Some(file))]);
        Ok(Opened { disk: Rc::clone(&self.disk), file })
    }

    fn open(&self, name: &str) -> io::Result<Opened> {
        self.disk.borrow_mut().fails_by_name()?;
        Ok(Opened { disk: Rc::clone(&self.disk), file: self.disk.borrow().named(name)? })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let disk = &mut *self.disk.borrow_mut();
        disk.fails_by_name()?;
        let file = disk.named(from)?;
        disk.rename(vec![(to.to_owned(), Some(file)), (from.to_owned(), None)]);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let disk = &mut *self.disk.borrow_mut();
        disk.fails_by_name()?;
        disk.named(name)?;
        disk.rename(vec![(name.to_owned(), None)]);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let disk = &mut *self.disk.borrow_mut();
        disk.fails_by_name()?;
        disk.renamed.clear();
        disk.synced = disk.names.clone();
        Ok(())
    }
}

impl File for Opened {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.borrow().files[self.file].now.len() as u64)
    }

    fn is_elsewhere_too(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let disk = &mut *self.disk.borrow_mut();
        disk.operate()?;
        if disk.is_due(disk.faults.read) {
            return Err(io::Error::other("the disk can't be read"));
        }
        let rest = disk.files[self.file].now.get(at as usize..).unwrap_or_default();
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        disk.read += len as u64;
        Ok(len)
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<usize> {
        let disk = &mut *self.disk.borrow_mut();
        let crashes = disk.operate();
        let fails = crashes.is_err() || disk.is_due(disk.faults.write);
        let len = if fails {
            disk.random.below(bytes.len() as u64 + 1) as usize
        } else if disk.is_due(disk.faults.short) {
            1 + disk.random.below(bytes.len() as u64) as usize
        } else {
            bytes.len()
        };
        let is_full = disk.is_due(disk.faults.full);
        let content = &mut disk.files[self.file];
        let begin = at as usize;
        if begin + len > content.now.len() {
            if is_full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.now.resize(begin + len, 0);
        }
        content.now[begin..begin + len].copy_from_slice(&bytes[..len]);
        content.dirty.extend(begin / SECTOR..(begin + len).div_ceil(SECTOR));
        crashes?;
        if fails { Err(io::Error::other("the disk is broken")) } else { Ok(len) }
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let disk = &mut *self.disk.borrow_mut();
        disk.operate()?;
        // Whether it is known after a crash is decided at once: nobody waits for it.
        let is_kept = disk.random.bits().is_multiple_of(2);
        let content = &mut disk.files[self.file];
        content.now.truncate(len as usize);
        content.dirty.retain(|sector| *sector * SECTOR < len as usize);
        if is_kept {
            content.synced.truncate(len as usize);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let disk = &mut *self.disk.borrow_mut();
        disk.operate()?;
        let fails = disk.is_due(disk.faults.sync);
        let Disk { random, files, .. } = disk;
        let content = &mut files[self.file];
        content.synced.resize(content.synced.len().max(content.now.len()), 0);
        for sector in std::mem::take(&mut content.dirty) {
            let begin = sector * SECTOR;
            let end = (begin + SECTOR).min(content.now.len());
            // What failed is taken for clean from now on, whether it is there or not.
            if !fails || random.bits().is_multiple_of(2) {
                content.synced[begin..end].copy_from_slice(&content.now[begin..end]);
            }
        }
        if fails { Err(io::Error::other("the disk is broken")) } else { Ok(()) }
    }
}
