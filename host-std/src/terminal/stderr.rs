//! What is said on stderr, which nobody may read any more, or which may be a file on a disk that is full.

use std::fmt::Display;
use std::io;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use parking_lot::Mutex;
use tracing::Level;

use super::log::{LogFormat, record};

/// How lines are written, once that is known.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// From now on what is said stands between the lines of a log of this format, and is written as they are.
pub fn say_as(format: LogFormat) {
    let _ = FORMAT.set(format);
}

/// Says a line on stderr, in one piece. What can't be said is let go: nobody may lose what a program does for what it
/// says, as with `eprintln!`, which panics then.
pub fn say(line: impl Display) {
    tell(Level::INFO, &line.to_string());
}

/// The same of what somebody should look at, and the line does not begin with that.
pub fn warn(line: impl Display) {
    tell(Level::WARN, &line.to_string());
}

fn tell(level: Level, said: &str) {
    let format = FORMAT.get().copied().unwrap_or(LogFormat::Text);
    write(written(format, level, said).as_bytes());
}

/// From now on what is written is let go where nobody reads it: a program that serves does not wait for that. What is missing
/// is told when somebody reads again.
pub(super) fn let_go() {
    LINES.lock().waits = false;
}

static LINES: Mutex<Lines> = Mutex::new(Lines::waiting());

/// Writes whole lines, at once.
pub(super) fn write(bytes: &[u8]) {
    LINES.lock().write(io::stderr().lock(), bytes);
}

/// What became of the lines that were written.
struct Lines {
    /// Whether each waits until it is read.
    waits: bool,
    /// Lines that are missing since nobody reads, and since when that is so.
    missing: Option<(u64, Instant)>,
    /// When it is waited for a reader again.
    patient_from: Option<Instant>,
    /// Whether the last one was cut short.
    is_torn: bool,
}

/// How long a reader may take to make room. Beyond that it is not waited for, until it has done so.
const PATIENCE: Duration = Duration::from_millis(250);

/// And then not again for so long: one who reads slowly would hold everybody up time and again.
const RESTS: Duration = Duration::from_secs(10);

/// A pipe that has room at all has room for so many bytes, which stay together there.
const PIECE: usize = nix::libc::PIPE_BUF;

impl Lines {
    const fn waiting() -> Self {
        Self { waits: true, missing: None, patient_from: None, is_torn: false }
    }

    fn write(&mut self, mut to: impl AsFd + io::Write, line: &[u8]) {
        if self.waits {
            let _ = to.write_all(line);
            return;
        }
        if let Some((missing, since)) = self.missing
            && self.has_room(&to)
        {
            let seconds = since.elapsed().as_secs();
            let said = format!("{missing} lines of the log are missing: nobody has read stderr for {seconds} s");
            let format = FORMAT.get().copied().unwrap_or(LogFormat::Text);
            (self.missing, self.patient_from) = (None, Instant::now().checked_add(RESTS));
            self.put(&to, written(format, Level::WARN, &said).as_bytes());
        }
        self.put(&to, line);
    }

    /// Writes a line, as far as there is room, and ends the one before where that was cut short.
    fn put(&mut self, to: &impl AsFd, line: &[u8]) {
        let end: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let mut pieces = [end].into_iter().chain(line.chunks(PIECE)).filter(|piece| !piece.is_empty());
        let mut written = 0;
        let is_whole = pieces.all(|piece| {
            let goes = self.has_room(to) && is_written(to, piece);
            written += if goes { piece.len() } else { 0 };
            goes
        });
        if written > 0 {
            self.is_torn = !is_whole;
        }
        if !is_whole {
            self.missing.get_or_insert_with(|| (0, Instant::now())).0 += 1;
        }
    }

    /// Whether something can be written without waiting, or by now; or will fail at once.
    fn has_room(&self, to: &impl AsFd) -> bool {
        let is_patient = self.missing.is_none() && self.patient_from.is_none_or(|from| from <= Instant::now());
        let patience = if is_patient { PATIENCE } else { Duration::ZERO };
        let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
        let mut fds = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
        loop {
            match poll(&mut fds, patience) {
                Err(Errno::EINTR) => {}
                ready => return ready.is_ok_and(|ready| ready > 0),
            }
        }
    }
}

/// Writes some bytes for which there is room. What fails, as on a full disk, is let go without a word: there is nobody to
/// tell.
fn is_written(to: &impl AsFd, piece: &[u8]) -> bool {
    loop {
        match nix::unistd::write(to, piece) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return false,
            _ => return true,
        }
    }
}

/// As it is for a person; for a program a record for each line.
fn written(format: LogFormat, level: Level, said: &str) -> String {
    if format == LogFormat::Text {
        return format!("{said}\n");
    }
    let records = said.lines().map(|line| {
        let (level, message) = graded(line).unwrap_or((level, line));
        record(format, level, message) + "\n"
    });
    records.collect()
}

/// The level with which a line begins, and what is behind it.
fn graded(line: &str) -> Option<(Level, &str)> {
    let levels = [("error: ", Level::ERROR), ("warning: ", Level::WARN)];
    levels.into_iter().find_map(|(start, level)| Some((level, line.strip_prefix(start)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_let_go_and_told_when_somebody_does() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut lines = Lines { waits: false, ..Lines::waiting() };
        let begun = Instant::now();
        for number in 0..2_000 {
            lines.write(&writer, format!("{number} {}\n", "x".repeat(700)).as_bytes());
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it is waited for once");
        let (mut read, mut piece) = (Vec::new(), vec![0; 1 << 20]);
        let len = io::Read::read(&mut reader, &mut piece).unwrap();
        read.extend_from_slice(&piece[..len]);
        for number in 2_000..2_003 {
            lines.write(&writer, format!("{number}\n").as_bytes());
        }
        drop(writer);
        io::Read::read_to_end(&mut reader, &mut read).unwrap();
        let read = String::from_utf8(read).unwrap();
        let all: Vec<_> = read.lines().collect();
        let told = all.iter().position(|line| line.contains("lines of the log are missing")).unwrap();
        let missing: usize = all[told].split(' ').next().unwrap().parse().unwrap();
        // One may be cut short, and counts as missing.
        let whole = all[..told].iter().filter(|line| line.ends_with(&"x".repeat(700))).count();
        assert_eq!((whole + missing, &all[told + 1..]), (2_000, &["2000", "2001", "2002"][..]), "{whole}");
        assert!(whole > 50, "{whole}");
    }

    #[test]
    fn a_person_reads_what_was_said() {
        assert_eq!(written(LogFormat::Text, Level::WARN, "error: a\nerror: b"), "error: a\nerror: b\n");
    }

    #[test]
    fn a_program_reads_a_record_for_each_line() {
        let text = written(LogFormat::Json, Level::INFO, "warning: a \"b\"\nerror: c\nupgrade: d");
        let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let member = |record: &serde_json::Value, name: &str| record[name].as_str().unwrap().to_owned();
        let told = records.iter().map(|record| member(record, "level") + " " + &member(record, "message"));
        assert_eq!(told.collect::<Vec<_>>(), ["warn a \"b\"", "error c", "info upgrade: d"]);
        assert!(records.iter().all(|record| record["time"].as_str().is_some_and(|time| time.ends_with('Z'))), "{text}");
        let line = written(LogFormat::Logfmt, Level::WARN, "engine: away");
        assert!(line.ends_with(" level=warn message=\"engine: away\"\n") && line.starts_with("time="), "{line}");
    }
}
