//! Where messages go that nothing can be done with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use parking_lot::Mutex;

/// A folder with a file for each failed message: `YYYYMMDD-HHMMSS.N.json`, in UTC, N counting them.
#[derive(Debug)]
pub(super) struct Failed {
    state: Mutex<State>,
    name: String,
}

#[derive(Debug)]
struct State {
    folder: Option<PathBuf>,
    count: u64,
}

impl Failed {
    /// The folder is `parent/name`, or a new temporary one at the first failure.
    pub(super) fn new(parent: Option<&Path>, name: &str) -> io::Result<Self> {
        let folder = parent.map(|parent| parent.join(name));
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { state: Mutex::new(State { folder, count: 0 }), name: name.to_owned() })
    }

    /// Keeps a message, all of it or nothing; no file is ever overwritten.
    pub(super) fn keep(&self, message: &[u8]) -> io::Result<PathBuf> {
        let mut state = self.state.lock();
        let folder = match &state.folder {
            Some(folder) => folder.clone(),
            None => {
                let parent = nix::unistd::mkdtemp(&std::env::temp_dir().join("streamgauge-failed-XXXXXX"))?;
                let folder = parent.join(&self.name);
                fs::create_dir(&folder)?;
                state.folder.insert(folder).clone()
            }
        };
        let time = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        loop {
            state.count += 1;
            let path = folder.join(format!("{time}.{}.json", state.count));
            // Only who has this file gives another one the name for good: so none is ever overwritten.
            let part = path.with_extension("part");
            let mut file = match OpenOptions::new().write(true).create_new(true).open(&part) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            if path.exists() {
                fs::remove_file(&part)?;
                continue;
            }
            let kept = write(&mut file, message).and_then(|()| {
                fs::rename(&part, &path)?;
                // So that the name, too, outlives a power cut.
                File::open(&folder)?.sync_all()
            });
            if kept.is_err() {
                // It is kept at the next try, or stays on its queue.
                let _ = fs::remove_file(&part);
                let _ = fs::remove_file(&path);
            }
            return kept.map(|()| path);
        }
    }
}

fn write(file: &mut File, message: &[u8]) -> io::Result<()> {
    file.write_all(message)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_overwritten() {
        let parent = tempfile::tempdir().unwrap();
        let readers = ["a", "b", "c"].map(|text| (Failed::new(Some(parent.path()), "reader").unwrap(), text));
        for (reader, text) in &readers {
            reader.keep(text.as_bytes()).unwrap();
        }
        let entries = fs::read_dir(parent.path().join("reader")).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.collect();
        assert!(files.iter().all(|path| path.extension().is_some_and(|kind| kind == "json")), "{files:?}");
        let mut texts: Vec<_> = files.drain(..).map(|path| fs::read_to_string(path).unwrap()).collect();
        texts.sort();
        assert_eq!(texts, ["a", "b", "c"]);
    }
}
