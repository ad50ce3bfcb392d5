//! What the next process that writes to a folder has to know of this one, which may end without a word.
//!
//! What was written outlives its process, but only what was synced outlives the machine. So in the file that locks the
//! folder stands which run of the machine this is, and how often the process syncs.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use streamgauge_core::wire::units::duration;

use super::files::{File as _, lock};
use super::journal::SyncMode;

/// The only process that writes to a folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Tenure {
    file: fs::File,
    /// The one before, if there was one.
    before: Option<Words>,
}

/// What a process leaves.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    /// Which run of the machine it was in; empty if the operating system does not say.
    boot: String,
    sync: SyncMode,
}

/// Bytes of the words, whatever they are: written at once, and no more than a sector.
const LEN: usize = 128;

impl Tenure {
    /// Takes a folder, in which nothing changes until the tenure [begins](Self::begin).
    ///
    /// # Errors
    /// Another process has it.
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        let file = lock(folder)?;
        let mut text = [0; LEN];
        let len = file.read_all_at(0, &mut text)?;
        let before = text.get(..len).and_then(|text| std::str::from_utf8(text).ok()).and_then(Words::read);
        Ok(Self { file, before })
    }

    /// Whether what was answered last may be lost, if the process before did not end as it should: the machine has stopped
    /// since, and that process synced no more often than this.
    pub(crate) fn may_have_lost(&self) -> Option<Duration> {
        let before = self.before.as_ref()?;
        match before.sync {
            SyncMode::Interval(interval) if before.boot.is_empty() || before.boot != boot() => Some(interval),
            _ => None,
        }
    }

    /// Says that from now on this process writes there, and syncs so often. All that the one before has left is known.
    ///
    /// # Errors
    /// The disk is full, or doesn't work.
    pub(crate) fn begin(&self, sync: SyncMode) -> io::Result<()> {
        self.file.write_all_at(0, &Words { boot: boot(), sync }.bytes())?;
        self.file.sync()
    }
}

impl Words {
    fn read(text: &str) -> Option<Self> {
        let (boot, rest) = text.strip_prefix("boot ")?.split_once('\n')?;
        let sync = match rest.trim_end().strip_prefix("sync ")? {
            "always" => SyncMode::Always,
            interval => SyncMode::Interval(duration(interval.as_bytes())?),
        };
        Some(Self { boot: boot.to_owned(), sync })
    }

    /// As they stand in the file, whatever stood there before.
    fn bytes(&self) -> Vec<u8> {
        let mut text = self.to_string().into_bytes();
        text.resize(LEN, b'\n');
        text
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "boot {}\nsync ", self.boot)?;
        match self.sync {
            SyncMode::Always => f.write_str("always"),
            SyncMode::Interval(interval) => write!(f, "{}ms", interval.as_millis().max(1)),
        }
    }
}

/// Which run of the machine this is; empty if the operating system does not say.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_that_stopped_takes_what_was_not_synced() {
        let folder = tempfile::tempdir().unwrap();
        let take = || Tenure::take(folder.path()).unwrap();
        let interval = Duration::from_millis(1_500);
        assert_eq!(take().may_have_lost(), None, "nobody was there");
        take().begin(SyncMode::Interval(interval)).unwrap();
        assert_eq!(take().may_have_lost(), None, "a process that was killed");
        let other = Words { boot: "another".to_owned(), sync: SyncMode::Interval(interval) };
        take().file.write_all_at(0, &other.bytes()).unwrap();
        assert_eq!(take().may_have_lost(), Some(interval));
        let all = take();
        all.begin(SyncMode::Always).unwrap();
        drop(all);
        assert_eq!(take().before, Some(Words { boot: boot(), sync: SyncMode::Always }));
        let unknown = Words { boot: String::new(), ..other };
        take().file.write_all_at(0, &unknown.bytes()).unwrap();
        assert_eq!(take().may_have_lost(), Some(interval));
    }

    #[test]
    fn it_is_read_as_it_was_written_and_fits() {
        for sync in [SyncMode::Always, SyncMode::Interval(Duration::from_secs(u64::MAX / 1_000_000))] {
            let words = Words { boot: "x".repeat(64), sync };
            let text = words.to_string();
            assert!(text.len() <= LEN, "{text}");
            assert_eq!(Words::read(&text), Some(words));
        }
        assert_eq!(Words::read("boot x"), None);
    }
}
