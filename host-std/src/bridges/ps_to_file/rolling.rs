use core::fmt;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::append;

/// A file that changes its name with the time: what is written goes to the end of the file that
/// has the name of now.
#[derive(Debug)]
pub struct Rolling {
    format: String,
    open: Option<Open>,
    written: u64,
}

#[derive(Debug)]
struct Open {
    name: String,
    /// The second that the name was made for.
    second: i64,
    file: File,
    /// What is not in the file yet, and where each message of it ends.
    lines: Vec<u8>,
    ends: Vec<usize>,
}

/// Bytes that are written at once.
const ROOM: usize = 64 << 10;

impl Drop for Open {
    /// Whoever wants to know whether all is written asks for it before.
    fn drop(&mut self) {
        let _ = self.flush(&mut 0);
    }
}

impl Open {
    /// Writes the messages, whole ones only: what a failed write has left of one is taken off again. Those that are in the
    /// file then are added to `messages`.
    fn flush(&mut self, messages: &mut u64) -> io::Result<()> {
        let (mut written, mut result) = (0, Ok(()));
        while result.is_ok() && written < self.lines.len() {
            match self.file.write(&self.lines[written..]) {
                Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => result = Err(error),
            }
        }
        let count = self.ends.partition_point(|end| *end <= written);
        let whole = self.ends.drain(..count).next_back().unwrap_or(0);
        self.ends.iter_mut().for_each(|end| *end -= whole);
        self.lines.drain(..whole);
        *messages += count as u64;
        result.map_err(|error| {
            let _ = append::take_off(&self.file, (written - whole) as u64);
            named(&self.name, &error)
        })
    }
}

impl Rolling {
    /// Names as `format` has them, in UTC. Nothing is opened yet.
    ///
    /// # Errors
    /// A format that strftime would not take, or one in a folder that doesn't exist.
    pub fn new(format: &str) -> Result<Self, BadFormat> {
        let rolling = Self { format: format.to_owned(), open: None, written: 0 };
        let name = rolling.name(Timestamp::now()).map_err(|why| BadFormat(format!("`{format}`: {why}")))?;
        let folder = folder(&name);
        if name.is_empty() || name.ends_with('/') {
            return Err(BadFormat(format!("`{format}` is not the name of a file")));
        }
        if !rolling.folder_has_time() && !folder.is_dir() {
            return Err(BadFormat(format!("`{format}`: there is no folder {}", folder.display())));
        }
        Ok(rolling)
    }

    /// Writes a message and a newline.
    ///
    /// # Errors
    /// The file can't be opened or written.
    pub fn write(&mut self, message: &[u8]) -> io::Result<()> {
        self.write_at(message, Timestamp::now())
    }

    /// Gives all that was written to the operating system.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.open {
            Some(open) => open.flush(&mut self.written),
            None => Ok(()),
        }
    }

    /// Messages that the operating system was given.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Closes the file. It is opened again when there is something to write.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn close(&mut self) -> io::Result<()> {
        self.flush()?;
        self.open = None;
        Ok(())
    }

    fn write_at(&mut self, message: &[u8], now: Timestamp) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|open| open.second != now.as_second()) {
            self.roll(now)?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.lines.extend_from_slice(message);
        open.lines.push(b'\n');
        open.ends.push(open.lines.len());
        if open.lines.len() >= ROOM { self.flush() } else { Ok(()) }
    }

    fn roll(&mut self, now: Timestamp) -> io::Result<()> {
        let name = self.name(now).map_err(io::Error::other)?;
        let second = now.as_second();
        match &mut self.open {
            Some(open) if open.name == name => open.second = second,
            _ => {
                self.close()?;
                if self.folder_has_time() {
                    fs::create_dir_all(folder(&name)).map_err(|error| named(&name, &error))?;
                }
                let (file, is_torn) = append::open(Path::new(&name)).map_err(|error| named(&name, &error))?;
                let mut lines = Vec::with_capacity(ROOM);
                lines.extend(is_torn.then_some(b'\n'));
                self.open = Some(Open { name, second, file, lines, ends: Vec::new() });
            }
        }
        Ok(())
    }

    fn name(&self, now: Timestamp) -> Result<String, jiff::Error> {
        strtime::format(&self.format, &now.to_zoned(TimeZone::UTC))
    }

    fn folder_has_time(&self) -> bool {
        self.format.rsplit_once('/').is_some_and(|(folder, _)| folder.contains('%'))
    }
}

fn folder(name: &str) -> &Path {
    let folder = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn named(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

/// What is wrong with a format of names, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFormat(String);

impl fmt::Display for BadFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for BadFormat {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_begins_a_new_file_and_an_old_one_is_appended_to() {
        let scratch = tempfile::tempdir().unwrap();
        let scratch = scratch.path();
        let format = format!("{}/%Y/x.%H-%M.log", scratch.display());
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut files = Rolling::new(&format).unwrap();
        files.write_at(b"a", at("2013-03-01T23:59:59Z")).unwrap();
        files.write_at(b"b\xff", at("2013-03-01T23:59:59.9Z")).unwrap();
        files.write_at(b"c", at("2014-03-02T00:00:00+00:00")).unwrap();
        files.close().unwrap();
        files.write_at(b"d", at("2014-03-02T00:00:59Z")).unwrap();
        let read = |name: &str| fs::read(scratch.join(name)).unwrap();
        assert_eq!(read("2014/x.00-00.log"), b"c\n", "not flushed yet");
        files.flush().unwrap();
        assert_eq!((read("2013/x.23-59.log"), read("2014/x.00-00.log")), (b"a\nb\xff\n".to_vec(), b"c\nd\n".to_vec()));
    }

    #[test]
    fn a_line_that_was_cut_short_is_ended_first() {
        let scratch = tempfile::tempdir().unwrap();
        let (file, now) = (scratch.path().join("x.log"), Timestamp::UNIX_EPOCH);
        fs::write(&file, "whole\nto").unwrap();
        let mut files = Rolling::new(file.to_str().unwrap()).unwrap();
        files.write_at(b"a", now).unwrap();
        files.close().unwrap();
        files.write_at(b"b", now).unwrap();
        files.close().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "whole\nto\na\nb\n");
    }

    #[test]
    fn a_file_that_takes_nothing_is_named() {
        let mut files = Rolling::new("/dev/full").unwrap();
        files.write_at(b"a", Timestamp::UNIX_EPOCH).unwrap();
        let error = files.flush().unwrap_err();
        assert!(error.kind() == io::ErrorKind::StorageFull && error.to_string().starts_with("/dev/full: "), "{error}");
    }

    #[test]
    fn what_is_wrong_with_a_format_is_said_at_once() {
        for (format, what) in [
            ("/nowhere/at/all/%H", "there is no folder /nowhere/at/all"),
            ("%", "`%`"),
            ("", "not the name of a file"),
            ("/tmp/%H/", "not the name of a file"),
        ] {
            let error = Rolling::new(format).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
