//! `streamgauge` as it is typed.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::build::tool;

/// The command in a terminal of 60 columns, its pipes open.
pub fn streamgauge(args: &[&str]) -> Command {
    let mut command = Command::new(tool("streamgauge"));
    command.args(args).env_remove("RUST_LOG").env("LC_ALL", "C.UTF-8").env("COLUMNS", "60");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit code, stdout and stderr.
///
/// # Panics
/// When it can't be started, is ended by a signal, or prints no text.
pub fn run(args: &[&str], input: impl AsRef<[u8]>) -> (i32, String, String) {
    let mut child = streamgauge(args).spawn().expect("streamgauge starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.as_ref().to_owned();
    // Whoever refuses at once doesn't read it.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let Output { status, stdout, stderr } = ended(child);
    writer.join().expect("a writer does not panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("no signal"), text(stdout), text(stderr))
}

/// Waits for the end of a process, and reads all that it prints.
///
/// # Panics
/// When it goes on for minutes.
pub fn ended(child: Child) -> Output {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id is small"));
    let (sender, output) = mpsc::channel();
    let waiting = thread::spawn(move || sender.send(child.wait_with_output()));
    let output = output.recv_timeout(LONG).unwrap_or_else(|_| {
        let _ = kill(pid, Signal::SIGKILL);
        panic!("a process goes on after {LONG:?}")
    });
    let _ = waiting.join();
    output.expect("its pipes can be read")
}

/// How long anything runs that reads all of a file.
const LONG: Duration = Duration::from_secs(300);

/// What it prints.
///
/// # Panics
/// When it fails, and where [`run`] does.
#[track_caller]
pub fn fine(args: &[&str], input: impl AsRef<[u8]>) -> String {
    let (code, out, err) = run(args, input);
    assert_eq!(code, 0, "{args:?}: {err}");
    out
}
