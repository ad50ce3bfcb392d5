//! A server of its own for each test, and commands that talk to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) const STREAMGAUGE: &str = env!("CARGO_BIN_EXE_streamgauge");

/// `streamgauge serve` on ports of its own, until it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) pubsub: String,
    pub(crate) queue: String,
}

impl Server {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(STREAMGAUGE);
        command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--no-bridge"]).args(flags);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("streamgauge serve starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        let mut address = || {
            let line = lines.next().expect("a line").expect("text");
            line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address").to_owned()
        };
        let (pubsub, queue) = (address(), address());
        // So that it never writes to a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, pubsub, queue }
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn stop(mut self) {
        signal(&self.child, "TERM");
        finish(&mut self.child);
    }

    /// Waits until the pubsub has so many subscribers.
    pub(crate) fn wait_for_subscribers(&self, number: u64) {
        let expected = format!("\"current_connections\": {number},");
        let until = Instant::now() + Duration::from_secs(20);
        while !text(&run(&["stats", "--json", "--pubsub", &self.pubsub], "").stdout).contains(&expected) {
            assert!(Instant::now() < until, "no {number} subscribers");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a command with pipes all around.
pub(crate) fn start(args: &[&str]) -> Child {
    let mut command = Command::new(STREAMGAUGE);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("streamgauge starts")
}

/// Runs a command to its end, which has to come soon.
pub(crate) fn run(args: &[&str], stdin: impl AsRef<[u8]>) -> Output {
    let mut child = start(args);
    let (mut pipe, stdin) = (child.stdin.take().expect("stdin is a pipe"), stdin.as_ref().to_vec());
    // It may end before it has read everything.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let output = collect(child);
    writer.join().expect("the writer ends");
    output
}

/// What a command that has been started says until its end.
pub(crate) fn collect(mut child: Child) -> Output {
    let (mut out, mut err) = (child.stdout.take().expect("stdout"), child.stderr.take().expect("stderr"));
    let errors = std::thread::spawn(move || {
        let mut stderr = Vec::new();
        err.read_to_end(&mut stderr).map(|_| stderr)
    });
    let output = std::thread::spawn(move || {
        let mut stdout = Vec::new();
        out.read_to_end(&mut stdout).map(|_| stdout)
    });
    let status = finish(&mut child);
    let stdout = output.join().expect("stdout is read").expect("stdout is read");
    Output { status, stdout, stderr: errors.join().expect("stderr is read").expect("stderr is read") }
}

/// Waits for the end of a process, which has to come soon.
pub(crate) fn finish(child: &mut Child) -> std::process::ExitStatus {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("the command doesn't end");
        }
        sleep(Duration::from_millis(5));
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Exit code, stdout and stderr.
pub(crate) fn parts(output: &Output) -> (i32, &str, &str) {
    (output.status.code().expect("no signal"), text(&output.stdout), text(&output.stderr))
}
