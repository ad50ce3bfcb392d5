//! A folder of the operating system.

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::posix_fallocate;
use nix::sys::statvfs::statvfs;

use super::{File, Folder};

/// A folder of the operating system.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Whether files are opened to be written too.
    is_writable: bool,
}

/// Zeros that are written at a time.
const PIECE: usize = 256 << 10;

impl Directory {
    /// The folder at `path`, made if it is not there, so that it is there after a power cut, too.
    ///
    /// # Errors
    /// It can't be made.
    pub(crate) fn at(path: PathBuf) -> io::Result<Self> {
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
        match fs::create_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let what = if path.exists() { "it is no folder" } else { "it is a link to nothing" };
                return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
            }
            made => made?,
        }
        for made in missing {
            let above = made.parent().filter(|above| !above.as_os_str().is_empty());
            fs::File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(Self { path, is_writable: true })
    }

    /// The folder at `path`, in which nothing is changed.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn to_read(path: PathBuf) -> io::Result<Self> {
        fs::read_dir(&path)?;
        Ok(Self { path, is_writable: false })
    }

    /// Bytes that the disk has for its files: those that they have, and those that are free.
    ///
    /// # Errors
    /// The operating system doesn't say.
    pub(crate) fn room(&self) -> io::Result<u64> {
        let files: u64 = self.lengths()?.iter().map(|(_, len)| len).sum();
        Ok(self.free()?.saturating_add(files))
    }

    /// Bytes that are free on its disk.
    ///
    /// # Errors
    /// The operating system doesn't say.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let disk = statvfs(&self.path)?;
        Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
    }

    /// Makes a file of so many bytes at least, or lengthens one: nobody else has their room then.
    ///
    /// # Errors
    /// The disk is full, or doesn't work. The file has what it had before.
    pub(crate) fn hold(&self, name: &str, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(self.path.join(name))?;
        reserve(&file, bytes)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file that was made and is on the disk.
    fn made(&self, name: &str, make: impl FnOnce(&fs::File) -> io::Result<()>) -> io::Result<fs::File> {
        let path = self.path.join(name);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        let made = make(&file).and_then(|()| file.sync_all());
        if made.is_err() {
            // What is there of it is of no use, and takes room.
            let _ = fs::remove_file(&path);
        }
        made.map(|()| file)
    }
}

/// Locks a folder for this process, as long as the file is open, which may hold a few words.
///
/// # Errors
/// Another process has it.
pub(crate) fn lock(folder: &Path) -> io::Result<fs::File> {
    let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(folder.join(LOCK));
    let file = opened.map_err(|error| of_file(LOCK, &error))?;
    locked(file.try_lock()).map(|()| file)
}

/// Locks a folder for those who only read it, and leaves it as it is; `None` if no process has ever locked it, which a
/// server does before anything else.
///
/// # Errors
/// Another process has it.
pub(crate) fn lock_to_read(folder: &Path) -> io::Result<Option<fs::File>> {
    match fs::File::open(folder.join(LOCK)) {
        Ok(file) => locked(file.try_lock_shared()).map(|()| Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(of_file(LOCK, &error)),
    }
}

/// The file that is locked.
const LOCK: &str = "lock";

/// An error that names its file: what is wrong may be one among many.
fn of_file(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

fn locked(tried: Result<(), TryLockError>) -> io::Result<()> {
    match tried {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another server has this folder")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Folder for Directory {
    type File = fs::File;

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str, len: u64) -> io::Result<fs::File> {
        self.made(name, |file| {
            reserve(file, len)?;
            fill(file, len)
        })
    }

    fn reserve(&self, name: &str, len: u64) -> io::Result<fs::File> {
        self.made(name, |file| reserve(file, len))
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        let opened = OpenOptions::new().read(true).write(self.is_writable).open(self.path.join(name));
        opened.map_err(|error| of_file(name, &error))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        fs::File::open(&self.path)?.sync_all()
    }
}

/// Makes room.
fn reserve(file: &fs::File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let size = i64::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
    posix_fallocate(file.as_fd(), 0, size).map_err(io::Error::from)
}

/// Writes zeros, which makes syncs of what is written there later twice as fast on ext4.
fn fill(file: &fs::File, len: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE];
    let mut at = 0;
    while at < len {
        let piece = PIECE.min(usize::try_from(len - at).unwrap_or(PIECE));
        File::write_all_at(file, at, &zeros[..piece])?;
        at += piece as u64;
    }
    // They stay in the cache: a page that is not there is read before a part of it is written.
    Ok(())
}

impl File for fs::File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn is_elsewhere_too(&self) -> io::Result<bool> {
        Ok(self.metadata()?.nlink() > 1)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, into, at)
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, at)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
