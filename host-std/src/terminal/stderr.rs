//! What is said on stderr, which nobody may read any more, or which may be a file on a disk that is full.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::OnceLock;

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
    let _ = io::stderr().write_all(written(format, level, said).as_bytes());
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
