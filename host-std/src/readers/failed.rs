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

    /// Keeps a message; no file is ever overwritten.
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
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => return write(&mut file, message).map(|()| path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn write(file: &mut File, message: &[u8]) -> io::Result<()> {
    file.write_all(message)?;
    file.sync_data()
}
