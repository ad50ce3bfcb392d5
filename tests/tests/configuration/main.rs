//! What a server is told by flags, its environment and a file; what it says when that changes; and what it logs.

mod check;
mod logs;
mod refused;
mod reload;
mod sources;

use std::path::Path;
use std::process::Command;

use streamgauge_tests::build::tool;
use streamgauge_tests::process::{Process, Server};

/// `streamgauge serve` on free ports, in a folder, with these variables.
fn serve(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Server {
    let mut process = spawn(folder, args, variables);
    let line = process.line("pubsub   http://");
    let address = line.split_whitespace().next().and_then(|at| at.parse().ok()).expect("an address and a port");
    Server { process, address }
}

fn spawn(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Process {
    let mut command = Command::new(tool("streamgauge"));
    command.current_dir(folder).env_remove("RUST_LOG").envs(variables.iter().copied());
    // Few enough for any machine, which is said otherwise.
    command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--max-subscribers=100"]).args(args);
    command.env("STREAMGAUGE_MAX_CONNECTIONS", "100");
    Process::spawn(command)
}

/// `streamgauge config …`: exit code, stdout and stderr.
fn config(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(tool("streamgauge"));
    command.current_dir(folder).envs(variables.iter().copied()).arg("config").args(args);
    let output = command.output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}
