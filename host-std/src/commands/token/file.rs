//! The file of tokens, as it is changed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::operations::rights::tokens::{Token, lines};
use crate::terminal::StartError;

/// Nobody else has any business in it.
const MODE: u32 = 0o600;

/// Its text, and the lines that are tokens, with their numbers from 1.
pub(super) fn read(path: &Path) -> Result<(String, Vec<(usize, Token)>), StartError> {
    let wrong = |why: &dyn std::fmt::Display| StartError::new(format_args!("--tokens: {}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let lines = lines(&text).map_err(|bad| StartError::new(format_args!("--tokens: {}:{bad}", path.display())))?;
    Ok((text, lines))
}

/// Puts a line behind what is there, unless one has its name; where no file is, one is made that only its owner can read.
pub(super) fn append(path: &Path, line: &Token) -> Result<(), StartError> {
    let wrong = |error| StartError::new(format_args!("--tokens: {}: {error}", path.display()));
    if fs::exists(path).map_err(wrong)? {
        // A file that a server would refuse is not made longer.
        let (_, lines) = read(path)?;
        let is_twin = |there: &Token| line.terms.name.is_some() && there.terms.name == line.terms.name;
        if let Some((number, twin)) = lines.iter().find(|(_, there)| is_twin(there)) {
            let name = twin.terms.name.as_deref().unwrap_or_default();
            return Err(StartError::new(format_args!(
                "--name: a token of {}:{number} is called {name} already: token remove {name}, or another name",
                path.display()
            )));
        }
    }
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(MODE).open(path).map_err(wrong)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(wrong)?;
    let end = if text.last().is_some_and(|last| *last != b'\n') { "\n" } else { "" };
    // With one write, so that two at the same time don't mix.
    file.write_all(format!("{end}{line}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
    sync_folder(path).map_err(wrong)
}

/// Puts another text in its place, at once.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), StartError> {
    let write = || {
        let mode = fs::metadata(path)?.permissions().mode();
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&beside)?;
        let replaced = file
            .write_all(text.as_bytes())
            .and_then(|()| file.set_permissions(Permissions::from_mode(mode)))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, path));
        if replaced.is_err() {
            let _ = fs::remove_file(&beside);
        }
        replaced.and_then(|()| sync_folder(path))
    };
    write().map_err(|error: std::io::Error| {
        let hint =
            if error.kind() == ErrorKind::AlreadyExists { " (FILE.new: does another command change it?)" } else { "" };
        StartError::new(format_args!("--tokens: {}: {error}{hint}", path.display()))
    })
}

/// A file is only there after a crash if its folder knows it.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
