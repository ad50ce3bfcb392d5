//! Servers that keep what they have in a folder, and what is in that.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::process::{Process, Server};

/// A folder's name on a command line.
///
/// # Panics
/// If it is no text, which no folder of a test is.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test is text")
}

/// A server that keeps what it has in a folder, on any free port.
pub fn serve(folder: &Path, more: &[&str]) -> Server {
    Server::everything([&["--data-dir", text(folder)][..], more].concat())
}

/// Ends a server as a crash does; all that it had complained about.
pub fn killed(mut server: Server) -> String {
    server.process.signal(Signal::SIGKILL);
    server.process.wait();
    server.process.stderr()
}

/// The exit code of `streamgauge data`, and what it said.
pub fn data(action: &str, folder: &Path, more: &[&str]) -> (i32, String) {
    let mut process = Process::start("streamgauge", [&["data", action, text(folder)][..], more].concat());
    let code = process.exit_code();
    (code, process.stdout() + &process.stderr())
}

/// The files of the log in a folder, in their order.
///
/// # Panics
/// If the folder can't be read.
pub fn logs(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut logs: Vec<_> = all.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect();
    logs.sort();
    logs
}

/// The file of the log that was written last: the one behind it was made ahead, and nothing is in it.
///
/// # Panics
/// If there is none.
pub fn newest_log(folder: &Path) -> PathBuf {
    let is_used = |path: &PathBuf| fs::read(path).expect("a file").iter().any(|byte| *byte != 0);
    logs(folder).into_iter().rfind(is_used).expect("a file of the log")
}

/// The file of the log that has a text.
///
/// # Panics
/// If none has it.
pub fn log_with(folder: &Path, text: &str) -> PathBuf {
    let has_it = |path: &PathBuf| {
        let bytes = fs::read(path).expect("a file");
        bytes.windows(text.len()).any(|some| some == text.as_bytes())
    };
    logs(folder).into_iter().find(has_it).expect("it is in one of them")
}

/// Flips a bit where a text is in a file, and returns the place.
///
/// # Panics
/// If it is not there.
pub fn damage(file: &Path, text: &str) -> usize {
    let mut bytes = fs::read(file).expect("a file");
    let at = bytes.windows(text.len()).position(|some| some == text.as_bytes()).expect("it is there");
    bytes[at] ^= 1;
    fs::write(file, bytes).expect("a file that can be written");
    at
}

/// Bytes of all files in a folder.
///
/// # Panics
/// If it can't be read.
pub fn bytes_in(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).expect("a folder");
    files.map(|entry| entry.and_then(|entry| entry.metadata()).map_or(0, |file| file.len())).sum()
}
