//! The seam to a disk: a folder of files, as far as a log needs one.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Folder`], [`File`] | what is asked of a disk |
//! | [`Directory`] | a real one |
//! | `simulated` | one in memory that crashes, tears and fails from a seed, for tests |

mod real;
#[cfg(any(test, fuzzing))]
pub(crate) mod simulated;

pub(crate) use real::{Directory, lock, lock_to_read};

use std::io;

/// A folder of files with plain names.
///
/// A name that was made, changed or removed is only safe from a crash once the folder was [`sync`](Self::sync)ed, and
/// what was written to a file once the file was.
pub(crate) trait Folder {
    type File: File;

    /// The names of all files, in any order.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Makes a file of so many zero bytes that a write can't lack the room for, in place of one of that name. They are
    /// written: a sync of what is written there later has no change of the file's map to wait for.
    fn create(&self, name: &str, len: u64) -> io::Result<Self::File>;

    /// The same without writing them.
    fn reserve(&self, name: &str, len: u64) -> io::Result<Self::File> {
        self.create(name, len)
    }

    /// Opens a file to be read and written.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, in place of one that has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Waits until the names are on the disk as they are now.
    fn sync(&self) -> io::Result<()>;

    /// All files, and their bytes.
    fn lengths(&self) -> io::Result<Vec<(String, u64)>> {
        let len = |name: String| self.open(&name).and_then(|file| file.len()).map(|len| (name, len));
        self.names()?.into_iter().map(len).collect()
    }
}

/// A file.
pub(crate) trait File {
    /// Its bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether another folder has the same file, as one in which a repair keeps what was there.
    fn is_elsewhere_too(&self) -> io::Result<bool>;

    /// Reads bytes from a place on, and returns how many, which may be less than asked for: 0 at the end only.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes bytes from a place on, and returns how many, which may be less than given: 0 when there is no room. Beyond
    /// its end the file grows, which may lack the room.
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Cuts off what is behind so many bytes, soon.
    fn cut(&self, len: u64) -> io::Result<()>;

    /// Waits until what was written is on the disk. When this fails nobody knows what is, whatever a second call says.
    fn sync(&self) -> io::Result<()>;

    /// Reads until `into` is full or the file ends, and returns how many bytes.
    fn read_all_at(&self, mut at: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(at, rest) {
                Ok(0) => break,
                Ok(more) => (filled, at) = (filled + more, at + more as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Writes all of it.
    fn write_all_at(&self, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(at, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => (at, bytes) = (at + written as u64, bytes.get(written..).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
