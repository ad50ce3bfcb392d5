//! What tests need, and a machine may not have.
//!
//! Where `CI` is set nothing is left out; elsewhere a test says what it went without. `tests/run` installs the
//! programs.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::build::workspace;

/// Whether these programs are on the machine.
///
/// # Panics
/// When one isn't and `CI` is set: a check must not be skipped unseen.
pub fn programs(names: &[&str]) -> bool {
    // Not all of them know --version, but all can be started.
    let is_here = |name: &str| {
        let mut command = Command::new(name);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok()
    };
    match names.iter().find(|name| !is_here(name)) {
        Some(missing) => {
            without(&format!("{missing} is not on this machine"), "tests/run installs it");
            false
        }
        None => true,
    }
}

/// Where a program is: the path of who is not root may lack the folders of servers.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A `nats-server` that keeps one log whatever happens: 2.9, which is that of Debian 12, keeps two after a leader that
/// stood still goes on.
///
/// # Panics
/// When there is none and `CI` is set.
pub fn nats_server() -> Option<PathBuf> {
    let program = program("nats-server");
    let version = program.as_ref().and_then(|program| {
        let said = Command::new(program).arg("--version").output().ok()?.stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        let mut numbers = said.rsplit_once('v')?.1.split('.').map_while(|number| number.parse::<u32>().ok());
        Some((numbers.next()?, numbers.next()?))
    });
    match version {
        Some((2, 10..) | (3.., _)) => return program,
        Some((major, minor)) => {
            without(&format!("nats-server {major}.{minor} is too old"), "tests/run installs another")
        }
        None => without("nats-server is not on this machine", "tests/run installs it"),
    }
    None
}

/// Whether the operating system tells how much memory a process has had.
///
/// # Panics
/// When it doesn't and `CI` is set.
pub fn process_status() -> bool {
    let tells = Path::new("/proc/self/status").exists();
    if !tells {
        without("there is no /proc/self/status", "Linux has it");
    }
    tells
}

/// The folder of the reference data: `STREAMGAUGE_DATA`, or `../shared/data` beside the workspace.
///
/// # Panics
/// When there is none and `CI` is set, or `STREAMGAUGE_DATA` names something else.
pub fn data() -> Option<PathBuf> {
    let given = env::var_os("STREAMGAUGE_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = given.clone().unwrap_or(beside);
    let contents = ["nist", "hard", "usagov-clicks.jsonl"];
    if contents.iter().all(|name| folder.join(name).exists()) {
        return Some(folder);
    }
    let missing = format!("no {} at {}", contents.join(", "), folder.display());
    assert!(given.is_none(), "STREAMGAUGE_DATA: {missing}");
    without(&missing, "STREAMGAUGE_DATA names the folder that has them");
    None
}

/// What other libraries compute, as `tests/references/generate.py` wrote it: the file that `STREAMGAUGE_REFERENCES` names,
/// or `target/references/values.json`.
///
/// # Panics
/// When there is none and `CI` is set, or `STREAMGAUGE_REFERENCES` names something else.
pub fn references() -> Option<PathBuf> {
    let given = env::var_os("STREAMGAUGE_REFERENCES").map(PathBuf::from);
    let beside = workspace().join("target/references/values.json");
    let file = given.clone().unwrap_or(beside);
    if file.is_file() {
        return Some(file);
    }
    let missing = format!("no {}", file.display());
    assert!(given.is_none(), "STREAMGAUGE_REFERENCES: {missing}");
    without(&missing, "tests/run references generates it");
    None
}

/// The folder with the programs that read the description of what a server answers: that which `STREAMGAUGE_OPENAPI` names,
/// or `target/openapi/venv/bin`.
///
/// # Panics
/// When they are not there and `CI` is set, or `STREAMGAUGE_OPENAPI` names something else.
pub fn openapi() -> Option<PathBuf> {
    let given = env::var_os("STREAMGAUGE_OPENAPI").map(PathBuf::from);
    let beside = workspace().join("target/openapi/venv/bin");
    let folder = given.clone().unwrap_or(beside);
    if ["openapi-spec-validator", "schemathesis"].iter().all(|name| folder.join(name).is_file()) {
        return Some(folder);
    }
    let missing = format!("no schemathesis in {}", folder.display());
    assert!(given.is_none(), "STREAMGAUGE_OPENAPI: {missing}");
    without(&missing, "tests/run openapi installs it");
    None
}

/// Says what a test goes without, past the harness, which keeps what passing tests print.
///
/// # Panics
/// When `CI` is set.
pub fn without(missing: &str, remedy: &str) {
    assert!(env::var_os("CI").is_none(), "{missing}, and CI is set: {remedy}");
    go_without(missing, remedy);
}

/// Says the same of what nobody can install, where `CI` is set too.
pub fn go_without(missing: &str, remedy: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "\n*** {test} runs without it: {missing}; {remedy} ***");
}
