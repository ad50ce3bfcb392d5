//! The tools as child processes.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::build::tool;
use crate::client::Client;
use crate::wait::{SOON, until};

/// A tool that runs until it is told to stop, or dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the tool `name`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(tool(name));
        command.args(args).env_remove("RUST_LOG");
        Self::spawn(command)
    }

    /// Starts any command.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().expect("stdout is a pipe"), &stdout),
            collect(child.stderr.take().expect("stderr is a pipe"), &stderr),
        ];
        Self { child, stdout, stderr, readers }
    }

    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it has complained about so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many files, sockets and the like it has open, where `/proc` tells.
    ///
    /// # Panics
    /// When it does not.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs").count()
    }

    /// The same, once they are as many for a while: behind a first answer a server has all that it goes on with.
    ///
    /// # Panics
    /// When they never are.
    pub fn open_files_at_rest(&self) -> usize {
        until("as many open files for a while", || {
            let count = self.open_files();
            std::thread::sleep(Duration::from_millis(300));
            (self.open_files() == count).then_some(count)
        })
    }

    /// The most memory that it has had resident so far, in bytes; `None` where no `/proc` tells.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))?;
        Some(peak.parse::<u64>().ok()? * 1024)
    }

    /// How long processors have worked for it so far; `None` where no `/proc` tells.
    pub fn processor_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).ok()?;
        // The name is between parentheses; behind it utime and stime are the 12th and the 13th, in hundredths of a second.
        let ticks = stat.rsplit_once(") ")?.1.split(' ').skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0));
        Some(Duration::from_millis(10 * ticks.sum::<u64>()))
    }

    /// The bytes that it has in memory now.
    ///
    /// # Panics
    /// When it is gone.
    pub fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
        line.and_then(|number| number.trim().parse::<usize>().ok()).expect("a number of kilobytes") << 10
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id is small"));
        kill(pid, signal).unwrap_or_else(|error| panic!("{signal} to {pid}: {error}"));
    }

    /// Stops it, until it is told to go on with [`SIGCONT`](Signal::SIGCONT); on the way back none of its threads runs
    /// any more, which the signal alone does not say.
    ///
    /// # Panics
    /// When it is gone.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let tasks = format!("/proc/{}/task", self.id());
        until("all threads to stop", || {
            let stopped = std::fs::read_dir(&tasks).expect("it runs").all(|task| {
                let stat = std::fs::read_to_string(task.expect("a thread").path().join("stat")).unwrap_or_default();
                // The name of a thread is between parentheses, its state after them.
                stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
            });
            stopped.then_some(())
        });
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it goes on.
    pub fn wait(&mut self) -> ExitStatus {
        let status = until("a process to end", || self.child.try_wait().expect("a child can be waited for"));
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader of a pipe does not panic");
        }
        status
    }

    /// Its exit code, once it has ended.
    ///
    /// # Panics
    /// When it goes on, or was killed by a signal.
    pub fn exit_code(&mut self) -> i32 {
        let status = self.wait();
        status.code().unwrap_or_else(|| panic!("{status}; stderr: {}", self.stderr()))
    }

    /// Its exit code, if it has ended.
    ///
    /// # Panics
    /// When it was killed by a signal.
    pub fn try_exit_code(&mut self) -> Option<i32> {
        self.child.try_wait().expect("a child can be waited for").map(|_| self.exit_code())
    }

    /// Whether it has ended; others may still have its pipes.
    ///
    /// # Panics
    /// When nobody knows.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Waits until a line of what it prints, on stdout or stderr, begins with `start`, and returns the rest of it.
    ///
    /// # Panics
    /// When there is no such line.
    pub fn line(&mut self, start: &str) -> String {
        until(&format!("a line `{start}…`"), || {
            let out = self.stdout() + &self.stderr();
            let line = out.split_inclusive('\n').find_map(|line| line.strip_prefix(start)?.strip_suffix('\n'));
            if line.is_none()
                && let Ok(Some(status)) = self.child.try_wait()
            {
                panic!("{status} before it printed `{start}…`: {out}");
            }
            line.map(str::to_owned)
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn collect(pipe: impl std::io::Read + Send + 'static, into: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            into.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
        let _ = pipe.read_to_end(&mut line);
    })
}

/// A tool that listens on a loopback port of its own.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts `name` on a free port, and waits until it listens.
    ///
    /// # Panics
    /// When it doesn't.
    pub fn start<A: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = A>) -> Self {
        Self::start_at(name, 0, args)
    }

    /// Starts `name` on `port`.
    ///
    /// # Panics
    /// When it doesn't listen.
    pub fn start_at<A: AsRef<OsStr>>(name: &str, port: u16, args: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(tool(name));
        command.arg(format!("--port={port}")).arg("--address=127.0.0.1").args(args).env_remove("RUST_LOG");
        // What the tests and the transcripts call it.
        command.args(["--allow-host=x", "--allow-host=t"]);
        let mut process = Process::spawn(command);
        let address = process.line("listening on ").parse().expect("an address and a port");
        Self { process, address }
    }

    /// Starts `streamgauge serve` on free ports, without the bridge from topic to queue `main`; its address is that of
    /// the port which prefers topics.
    ///
    /// # Panics
    /// When it doesn't listen.
    pub fn everything<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self::serve(args, &["--no-bridge"], "pubsub   http://")
    }

    /// The same; its address is that of the port which prefers queues.
    ///
    /// # Panics
    /// When it doesn't listen.
    pub fn queues<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self::serve(args, &["--no-bridge"], "queue    http://")
    }

    /// [`everything`](Self::everything) with the bridge.
    ///
    /// # Panics
    /// When it doesn't listen.
    pub fn bridged<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self::serve(args, &[], "pubsub   http://")
    }

    fn serve<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, more: &[&str], door: &str) -> Self {
        let mut command = Command::new(tool("streamgauge"));
        command.args(["serve", "--pubsub-port=0", "--queue-port=0"]).args(more).args(args).env_remove("RUST_LOG");
        command.args(["--allow-host=x", "--allow-host=t"]);
        Self::of(command, door)
    }

    /// A command that serves; its address stands behind `door` in what it prints.
    ///
    /// # Panics
    /// When it doesn't listen.
    pub fn of(command: Command, door: &str) -> Self {
        let mut process = Process::spawn(command);
        let line = process.line(door);
        let address = line.split_whitespace().next().and_then(|at| at.parse().ok()).expect("an address and a port");
        Self { process, address }
    }

    /// A new connection to it.
    ///
    /// # Panics
    /// When it takes none.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// The body of the answer to one GET, over a connection of its own.
    ///
    /// # Panics
    /// When there is none.
    pub fn get(&self, target: &str) -> String {
        self.connect().get(target).text()
    }

    /// The counter `name` of `/stats`, in its text form.
    ///
    /// # Panics
    /// When there is no such counter.
    pub fn counter(&self, name: &str) -> u64 {
        let stats = self.get("/stats");
        let value = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("no `{name}` in {stats}")).trim().parse().expect("a number")
    }

    /// Asks it to stop, and returns its exit code.
    ///
    /// # Panics
    /// When it doesn't.
    pub fn stop(mut self) -> i32 {
        self.process.signal(Signal::SIGTERM);
        self.process.exit_code()
    }

    /// Stops it, and returns all that it has complained about: what is read of a process that goes on may lack the last.
    ///
    /// # Panics
    /// When it goes on, or does not end well.
    pub fn complaints(mut self) -> String {
        self.process.signal(Signal::SIGTERM);
        assert_eq!(self.process.exit_code(), 0, "stderr: {}", self.process.stderr());
        self.process.stderr()
    }
}

/// Whether there is a gateway that says that it is ready, as one over an engine does when it has joined the others.
pub fn is_ready(address: SocketAddr) -> bool {
    let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let answer = Client::try_connect(address, SOON).and_then(|mut client| client.try_ask(request, SOON));
    answer.is_some_and(|answer| answer.status == 200)
}
