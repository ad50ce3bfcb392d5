//! The file of tokens, as it is changed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use crate::operations::rights::tokens::{Token, lines};
use crate::terminal::StartError;

/// Nobody else has any business in it.
const MODE: u32 = 0o600;

/// Its text, and the lines that are tokens, with their numbers from 1.
pub(super) fn read(path: &Path) -> Result<(String, Vec<(usize, Token)>), StartError> {
    let text = fs::read_to_string(path).map_err(wrong(path))?;
    let lines = lines(&text).map_err(|bad| StartError::new(format_args!("--tokens: {}:{bad}", path.display())))?;
    Ok((text, lines))
}

/// A change from what was read to what is written, with no other one between.
pub(super) struct Change<'a> {
    path: &'a Path,
    /// Where links lead to: they stay.
    file: PathBuf,
    /// Locked for as long as it is open, if it can be: some file systems of networks lock no folders.
    folder: File,
    is_locked: bool,
}

impl<'a> Change<'a> {
    /// Waits for others to have done.
    pub(super) fn begin(path: &'a Path) -> Result<Self, StartError> {
        let file = match fs::canonicalize(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(path.to_owned()),
            found => found,
        };
        let begin = |file: PathBuf| {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let folder = File::open(folder)?;
            let is_locked = match folder.lock() {
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                locked => locked.is_ok(),
            };
            Ok(Self { path, file, folder, is_locked })
        };
        file.and_then(begin).map_err(wrong(path))
    }

    /// Puts a line behind what is there, unless one has its name; where no file is, one is made that only its owner can
    /// read.
    pub(super) fn append(&self, line: &Token) -> Result<(), StartError> {
        if fs::exists(&self.file).map_err(wrong(self.path))? {
            // A file that a server would refuse is not made longer.
            let (_, lines) = read(self.path)?;
            let is_twin = |there: &Token| line.terms.name.is_some() && there.terms.name == line.terms.name;
            if let Some((number, twin)) = lines.iter().find(|(_, there)| is_twin(there)) {
                let name = twin.terms.name.as_deref().unwrap_or_default();
                return Err(StartError::new(format_args!(
                    "--name: a token of {}:{number} is called {name} already: token remove {name}, or another name",
                    self.path.display()
                )));
            }
        }
        let append = || {
            let mut file = OpenOptions::new().create(true).append(true).read(true).mode(MODE).open(&self.file)?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            let end = if text.last().is_some_and(|last| *last != b'\n') { "\n" } else { "" };
            // With one write, so that a server never reads a part of it.
            file.write_all(format!("{end}{line}\n").as_bytes())?;
            file.sync_all()?;
            self.folder.sync_all()
        };
        append().map_err(wrong(self.path))
    }

    /// Puts another text in its place, at once. Whoever could read it before still can, or nothing is changed.
    pub(super) fn replace(&self, text: &str) -> Result<(), StartError> {
        let mut beside = self.file.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut is_own = false;
        let mut replace = || {
            let before = fs::metadata(&self.file)?;
            if self.is_locked {
                // Of a command that was stopped: no other one is at work.
                let _ = fs::remove_file(&beside);
            }
            let file = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&beside);
            let mut file =
                file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", beside.display())))?;
            is_own = true;
            file.write_all(text.as_bytes())?;
            fchown(&file, Some(before.uid()), Some(before.gid())).map_err(|error| {
                io::Error::other(format!("its owner {}:{} can't be kept: {error}", before.uid(), before.gid()))
            })?;
            file.set_permissions(Permissions::from_mode(before.mode()))?;
            file.sync_all()?;
            fs::rename(&beside, &self.file)?;
            self.folder.sync_all()
        };
        replace().map_err(|error| {
            if is_own {
                let _ = fs::remove_file(&beside);
            }
            wrong(self.path)(error)
        })
    }
}

fn wrong(path: &Path) -> impl Fn(io::Error) -> StartError {
    move |error| StartError::new(format_args!("--tokens: {}: {error}", path.display()))
}
