//! `streamgauge` as it is typed.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

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
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("a writer does not panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

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
