//! A Redis of our own, `streamgauge` as it is run, and a queue for it to read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal::{SIGKILL, SIGTERM};
use serde_json::Value;
use streamgauge_tests::build::tool;
use streamgauge_tests::command::ended;
pub(crate) use streamgauge_tests::command::{fine, run};
use streamgauge_tests::exact::Exact;
use streamgauge_tests::needs;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::{until, until_within};
use tempfile::TempDir;

/// A Redis of our own.
pub(crate) struct Redis {
    process: Process,
    pub(crate) port: u16,
    folder: TempDir,
}

impl Redis {
    /// `None` where it is not on the machine.
    pub(crate) fn start() -> Option<Self> {
        if !needs::programs(&["redis-server", "redis-cli"]) {
            return None;
        }
        let port = free_address().port();
        let folder = TempDir::new().expect("a folder");
        let process = Self::process(port, &folder);
        Some(Self { process, port, folder })
    }

    /// Every write is on the disk before it is answered, so that a restart loses nothing.
    fn process(port: u16, folder: &TempDir) -> Process {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        command.arg("--port").arg(port.to_string()).arg("--dir").arg(folder.path());
        let process = Process::spawn(command);
        until("redis to answer", || (ask(port, &["PING"])? == "PONG").then_some(()));
        process
    }

    pub(crate) fn kill(&mut self) {
        self.process.signal(SIGKILL);
        self.process.wait();
    }

    pub(crate) fn restart(&mut self) {
        self.process = Self::process(self.port, &self.folder);
    }

    /// As one that keeps nothing starts again.
    pub(crate) fn restart_empty(&mut self) {
        self.folder = TempDir::new().expect("a folder");
        self.restart();
    }

    pub(crate) fn ask(&self, command: &[&str]) -> String {
        ask(self.port, command).expect("an answer of redis")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/3", self.port)
    }
}

/// What redis-cli prints.
pub(crate) fn ask(port: u16, command: &[&str]) -> Option<String> {
    let output = Command::new("redis-cli").args(["-p", &port.to_string(), "-n", "3"]).args(command).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// `streamgauge` that is fed by hand.
pub(crate) struct Fed {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Fed {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(tool("streamgauge"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("streamgauge starts");
        Self { stdin: child.stdin.take(), child }
    }

    pub(crate) fn feed(&mut self, text: &str) {
        self.stdin.as_mut().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    }

    /// Its stdin, which ends with what is returned.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("a pipe")
    }

    /// Exit code, stdout and stderr.
    pub(crate) fn end(mut self) -> (i32, String, String) {
        drop(self.stdin.take());
        let output = ended(self.child);
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
    }
}

pub(crate) fn lines(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| format!("{x:e}\n").into_bytes()).collect()
}

/// The worst of all digits of the moments in this JSON.
pub(crate) fn digits(json: &str, exact: &Exact) -> f64 {
    let json: Value = serde_json::from_str(json).expect("JSON");
    let of = |name: &str| json[name].as_f64();
    // JSON has no infinity, which is what a variance beyond the range of f64 is.
    let or_infinite = |name: &str| of(name).or(json["skewness"].is_f64().then_some(f64::INFINITY));
    [
        exact.mean_digits(of("mean")),
        exact.variance_digits(or_infinite("variance")),
        exact.stddev_digits(or_infinite("stddev")),
        exact.skewness_digits(of("skewness")),
        exact.kurtosis_digits(of("kurtosis")),
    ]
    .into_iter()
    .fold(16.0, f64::min)
}

/// Each number from 1 to `NUMBERS` is on the queue once.
pub(crate) const NUMBERS: usize = 60_000;

pub(crate) fn filled_queue() -> Server {
    let queue = Server::start("simplequeue", [""; 0]);
    put(&queue, 1..=NUMBERS);
    queue
}

pub(crate) fn put(queue: &Server, numbers: RangeInclusive<usize>) {
    let mut client = queue.connect();
    let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
    for some in numbers.chunks(10_000) {
        assert_eq!(client.post("/mput", some.join("\n")).status, 200);
    }
}

pub(crate) fn reader(queue: SocketAddr, state: &str, command: &[&str]) -> Process {
    let source = format!("http://{queue}/get");
    let args = [command, &["--source", &source, "--drain", "--json", "--state", state, "--key", "k"]].concat();
    Process::start("streamgauge", args)
}

/// One that waits for more when the queue is empty.
pub(crate) fn endless(queue: SocketAddr, state: &str) -> Process {
    let source = format!("http://{queue}/get");
    Process::start("streamgauge", [EACH, &["--source", &source, "--json", "--state", state, "--key", "k"]].concat())
}

/// Waits until the queue is empty, and stops the readers when what they have is safe; what they complained about.
pub(crate) fn stop_when_empty(queue: &Server, readers: Vec<Process>) -> String {
    until_within(Duration::from_secs(60), "the end of the queue", || (queue.counter("depth") == 0).then_some(()));
    let stop = |mut reader: Process| {
        reader.signal(SIGTERM);
        assert_eq!(reader.exit_code(), 0, "{}", reader.stderr());
        reader.stderr()
    };
    readers.into_iter().map(stop).collect()
}

pub(crate) const EACH: &[&str] = &["histogram", "--integers", "--max-values", "1000000"];

/// How often each number was counted.
pub(crate) fn counts(redis: &Redis) -> BTreeMap<u64, u64> {
    let out = redis.ask(&["HGETALL", "k"]);
    let numbers: Vec<u64> = out.lines().map(|line| line.parse().expect("a number")).collect();
    numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The numbers that were counted, each of them once.
#[track_caller]
pub(crate) fn counted_once(redis: &Redis) -> BTreeSet<u64> {
    let counts = counts(redis);
    assert!(counts.values().all(|count| *count == 1), "counted twice: {counts:?}");
    counts.into_keys().collect()
}

/// At most one answer of the queue was lost with a reader: it gives up to 1000 at a time, and no more are taken before
/// they are safe.
#[track_caller]
pub(crate) fn assert_one_answer_lost_at_most(counted: &BTreeSet<u64>) {
    let lost = NUMBERS - counted.len();
    println!("{lost} of {NUMBERS} were lost with the killed reader");
    assert!(lost <= 1000, "{lost} are lost");
}

pub(crate) fn ends_well(mut reader: Process) -> String {
    let code = until_within(Duration::from_secs(60), "a reader to end", || {
        let code = reader.try_exit_code()?;
        Some(code)
    });
    assert_eq!(code, 0, "{}", reader.stderr());
    reader.stderr()
}
