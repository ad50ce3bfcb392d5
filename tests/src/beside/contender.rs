//! Who is measured, what its answer promises, and how it is started.

use std::fmt::{Display, Formatter};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use serde_json::Value;
use tempfile::TempDir;

use super::crowd::Crowd;
use super::place::Place;
use super::speech::{Connection, Speech, stream_request};
use super::table::Figures;
use super::usage::Usage;
use super::{Load, Options, floor};
use crate::process::{Process, Server};
use crate::wait::until;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) promise: Promise,
    pub(super) side: Side,
    kind: Kind,
}

/// What an answer outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Promise {
    Nothing,
    /// The end of the server.
    Crash,
    /// That of the machine.
    PowerCut,
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    Peer,
    Machine,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Memory,
    Disk { sync: &'static str },
    Redis,
    JetStream { is_synced: bool },
    Floor,
}

/// All of them; what others are compared with comes first.
pub(super) const CONTENDERS: [Contender; 7] = {
    const fn of(name: &'static str, side: Side, promise: Promise, kind: Kind) -> Contender {
        Contender { name, promise, side, kind }
    }
    use Promise::{Crash, Nothing, PowerCut};
    [
        of("streamgauge in memory", Side::Ours, Nothing, Kind::Memory),
        of("streamgauge --sync always", Side::Ours, PowerCut, Kind::Disk { sync: "always" }),
        of("streamgauge --sync interval:100ms", Side::Ours, Crash, Kind::Disk { sync: "interval:100ms" }),
        of("Redis, appendfsync always", Side::Peer, PowerCut, Kind::Redis),
        of("JetStream, synced each 2 minutes", Side::Peer, Crash, Kind::JetStream { is_synced: false }),
        of("JetStream, sync_interval: always", Side::Peer, PowerCut, Kind::JetStream { is_synced: true }),
        of("pwrite and fdatasync alone", Side::Machine, PowerCut, Kind::Floor),
    ]
};

/// Why there are no figures.
#[derive(Debug, Clone)]
pub(super) enum Absence {
    NotInstalled(&'static str),
    /// Its release does not have what is to be measured.
    TooOld(String),
}

impl Absence {
    /// The program that would have to be installed.
    pub(super) const fn program(&self) -> Option<&'static str> {
        match self {
            Self::NotInstalled(program) => Some(*program),
            Self::TooOld(_) => None,
        }
    }
}

impl Display for Absence {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInstalled(program) => write!(out, "not installed (apt-get install {program})"),
            Self::TooOld(version) => write!(out, "not known to {version}; --nats-server FILE names a newer one"),
        }
    }
}

/// What is measured on what, in a line.
pub(super) fn versions(options: &Options) -> String {
    let of = |program: Option<PathBuf>| program.map(|program| version(&program));
    let found = [of(program("redis-server")), of(options.nats_server())];
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("-").to_owned();
    let before = format!("{cores} cores, load {load} before");
    [Some(before)].into_iter().chain(found).flatten().collect::<Vec<_>>().join("; ")
}

/// The first words of what a program says of itself.
fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output().expect("it says what it is");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().take_while(|word| !word.starts_with("sha=")).collect::<Vec<_>>().join(" ")
}

/// Where a program is: the path of who is not root may lack the folders of servers.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

impl Options {
    fn nats_server(&self) -> Option<PathBuf> {
        self.nats_server.clone().or_else(|| program("nats-server"))
    }
}

impl Contender {
    /// Starts it, measures it, and ends it.
    pub(super) fn measure(&self, options: &Options, load: &Load, place: &Place) -> Result<Figures, Absence> {
        let Some(running) = self.start(options, load, place)? else {
            let (answered, usage) = floor::measure(load, place);
            return Ok(Figures::new(&answered, usage));
        };
        let mut crowd = Crowd::connect(running.address, running.speech, load.connections);
        let unmeasured = crowd.put(load.items / 10, load.at_most / 4);
        place.settle();
        let before = running.usage(place);
        let answered = crowd.put(load.items, load.at_most);
        let usage = running.usage(place).since(before);
        let all = unmeasured.latencies.len() + answered.latencies.len();
        assert_eq!(running.held(), all, "{}: what it holds, and what it has said it took", self.name);
        Ok(Figures::new(&answered, usage))
    }

    /// `None` for what is no server.
    fn start(&self, options: &Options, load: &Load, place: &Place) -> Result<Option<Running>, Absence> {
        let folder = place.fresh();
        let path = folder.path().to_str().expect("a path that is text").to_owned();
        Ok(Some(match self.kind {
            Kind::Memory => Running::streamgauge(&[], load, folder),
            Kind::Disk { sync } => Running::streamgauge(&["--data-dir", &path, "--sync", sync], load, folder),
            Kind::Redis => {
                let program = program("redis-server").ok_or(Absence::NotInstalled("redis-server"))?;
                Running::redis(Command::new(program), folder)
            }
            Kind::JetStream { is_synced } => {
                let program = options.nats_server().ok_or(Absence::NotInstalled("nats-server"))?;
                Running::jet_stream(&program, is_synced, folder)?
            }
            Kind::Floor => return Ok(None),
        }))
    }
}

/// A server that ends, and whose folder goes, when this is dropped.
struct Running {
    process: Process,
    address: SocketAddr,
    speech: Speech,
    _folder: TempDir,
}

impl Running {
    fn streamgauge(args: &[&str], load: &Load, folder: TempDir) -> Self {
        let Server { process, address } = Server::everything(args);
        let running = Self { process, address, speech: Speech::Http, _folder: folder };
        // All that will be put and a tenth, with what stands before each.
        let settings = format!(r#"{{"bytes":{}}}"#, load.items * 11 / 10 * 116 + (1 << 20));
        let length = settings.len();
        running.ask(&format!(
            "PUT /queues/beside HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{settings}"
        ));
        running
    }

    fn redis(mut command: Command, folder: TempDir) -> Self {
        let address = free_address();
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        // It never has to write its file anew.
        command.args(["--auto-aof-rewrite-percentage", "0"]);
        command.arg("--port").arg(address.port().to_string()).arg("--dir").arg(folder.path());
        let process = started(command, address);
        Self { process, address, speech: Speech::Redis, _folder: folder }
    }

    fn jet_stream(program: &Path, is_synced: bool, folder: TempDir) -> Result<Self, Absence> {
        let address = free_address();
        let store = folder.path().display();
        let sync = if is_synced { ", sync_interval: always" } else { "" };
        let settings = format!("listen: \"{address}\"\njetstream {{ store_dir: \"{store}\", max_file: 8GB{sync} }}\n");
        let file = folder.path().join("settings");
        fs::write(&file, settings).expect("a file");
        let mut command = Command::new(program);
        command.arg("--config").arg(&file);
        if is_synced && !accepts(&command) {
            return Err(Absence::TooOld(version(program)));
        }
        let process = started(command, address);
        let running = Self { process, address, speech: Speech::Nats, _folder: folder };
        let stream = r#"{"name":"BESIDE","subjects":["beside"],"retention":"workqueue","storage":"file"}"#;
        running.ask(&stream_request(ANOTHER, "CREATE.BESIDE", stream));
        Ok(running)
    }

    /// Items that it has.
    fn held(&self) -> usize {
        let number = match self.speech {
            Speech::Http => {
                let stats = self.ask("GET /stats?queue=beside HTTP/1.1\r\nHost: localhost\r\n\r\n");
                stats.lines().find_map(|line| line.strip_prefix("depth:")?.parse().ok())
            }
            Speech::Redis => {
                self.ask("LLEN beside\r\n").trim().strip_prefix(':').and_then(|length| length.parse().ok())
            }
            Speech::Nats => {
                let answer = self.ask(&stream_request(ANOTHER, "INFO.BESIDE", ""));
                let state: Option<Value> = answer.lines().nth(1).and_then(|body| serde_json::from_str(body).ok());
                state.and_then(|state| state["state"]["messages"].as_u64()).map(|messages| messages as usize)
            }
        };
        number.expect("a number of items")
    }

    fn ask(&self, request: &str) -> String {
        Connection::open(self.address, self.speech, ANOTHER).ask(request)
    }

    fn usage(&self, place: &Place) -> Usage {
        Usage::of(self.process.id(), place)
    }
}

/// The number of a connection that puts nothing.
const ANOTHER: usize = usize::MAX;

fn free_address() -> SocketAddr {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    free.local_addr().expect("an address")
}

/// Starts a server that has been told where to listen, and waits until it does.
fn started(command: Command, address: SocketAddr) -> Process {
    let mut process = Process::spawn(command);
    until("a server to listen", || {
        let ended = process.try_exit_code();
        assert_eq!(ended, None, "{}{}", process.stdout(), process.stderr());
        TcpStream::connect(address).ok()
    });
    process
}

/// Whether the settings are some that `nats-server` knows; any other error comes when it is started.
fn accepts(command: &Command) -> bool {
    let mut test = Command::new(command.get_program());
    let output = test.args(command.get_args()).arg("-t").output().expect("it can be started");
    !String::from_utf8_lossy(&output.stderr).contains("unknown field \"sync_interval\"")
}
