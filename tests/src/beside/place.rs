//! The disk that all of them write to.

use std::fmt::{Display, Formatter};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};
use nix::unistd::syncfs;
use tempfile::TempDir;

/// A folder on a disk.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    /// The kind of file system, and the device that it is on.
    system: String,
    /// The counters of that device.
    counters: PathBuf,
}

impl Place {
    /// Makes the folder if it is not there; an error where what is written to it stays in memory.
    pub(super) fn at(folder: &Path) -> Result<Self, String> {
        let failed = |error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let (device, kind) = mount_of(&folder).ok_or("no /proc/self/mounts tells what the folder is on")?;
        if matches!(&*kind, "tmpfs" | "ramfs") {
            return Err(format!("{} is in memory ({kind}): name one on a disk with --folder", folder.display()));
        }
        let number = fs::metadata(&folder).map_err(failed)?.dev();
        let counters = format!("/sys/dev/block/{}:{}", major(number), minor(number));
        // Flushes are counted for the disk, not for its parts.
        let is_part = Path::new(&counters).join("partition").exists();
        let counters = PathBuf::from(if is_part { counters + "/../stat" } else { counters + "/stat" });
        Ok(Self { folder, system: format!("{kind} on {device}"), counters })
    }

    /// A folder of its own, which is removed when it is dropped.
    pub(super) fn fresh(&self) -> TempDir {
        tempfile::Builder::new().prefix("beside-").tempdir_in(&self.folder).expect("a folder")
    }

    /// Waits until what others have left to be written is on the disk.
    pub(super) fn settle(&self) {
        let folder = File::open(&self.folder).expect("the folder is there");
        syncfs(folder).expect("a disk that can be synced");
    }

    /// Bytes that were written to the disk and flushes of it since the machine started, whoever wanted them; `None`
    /// where nobody counts them.
    pub(super) fn written_and_flushed(&self) -> Option<(u64, u64)> {
        // Documentation/block/stat.rst: sectors of 512 bytes are the seventh number, flushes the sixteenth since 5.5.
        let counters = fs::read_to_string(&self.counters).ok()?;
        let number = |at| counters.split_whitespace().nth(at)?.parse::<u64>().ok();
        Some((number(6)? * 512, number(15)?))
    }
}

impl Display for Place {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "folders in {} ({})", self.folder.display(), self.system)
    }
}

/// Device and kind of the file system that has the folder.
fn mount_of(folder: &Path) -> Option<(String, String)> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let all = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, Path::new(words.next()?), words.next()?))
    });
    let above = all.filter(|(_, at, _)| folder.starts_with(at));
    let nearest = above.max_by_key(|(_, at, _)| at.components().count())?;
    Some((nearest.0.to_owned(), nearest.2.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_disk() {
        let memory = Path::new("/dev/shm");
        if mount_of(memory).is_some_and(|(_, kind)| kind == "tmpfs") {
            assert!(Place::at(memory).unwrap_err().contains("tmpfs"));
        }
    }
}
