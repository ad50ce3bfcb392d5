//! A server under measurement: started, asked what it holds, and ended.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::Load;
use super::connection::Connection;
use super::place::Place;
use super::program::{Absence, version};
use super::speech::{Speech, jet_stream_request};
use super::usage::Usage;
use crate::ports::free_address;
use crate::process::{Process, Server};
use crate::wait::until;

/// A server that ends, and whose folder goes, when this is dropped.
pub(super) struct Running {
    process: Process,
    pub(super) address: SocketAddr,
    pub(super) speech: Speech,
    _folder: TempDir,
}

impl Running {
    pub(super) fn streamgauge(args: &[&str], load: &Load, folder: TempDir) -> Self {
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

    pub(super) fn redis(program: &Path, speech: Speech, folder: TempDir) -> Self {
        let address = free_address();
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        // It never has to write its file anew.
        command.args(["--auto-aof-rewrite-percentage", "0"]);
        command.arg("--port").arg(address.port().to_string()).arg("--dir").arg(folder.path());
        let process = started(command, address);
        Self { process, address, speech, _folder: folder }
    }

    pub(super) fn jet_stream(program: &Path, is_synced: bool, folder: TempDir) -> Result<Self, Absence> {
        let address = free_address();
        let store = folder.path().display();
        let sync = if is_synced { ", sync_interval: always" } else { "" };
        let settings = format!("listen: \"{address}\"\njetstream {{ store_dir: \"{store}\", max_file: 8GB{sync} }}\n");
        let file = folder.path().join("settings");
        fs::write(&file, settings).expect("a file");
        let mut command = Command::new(program);
        command.arg("--config").arg(&file);
        if is_synced && !accepts(&command) {
            return Err(Absence::TooOld(version(program).expect("it has run before")));
        }
        let process = started(command, address);
        let running = Self { process, address, speech: Speech::Nats, _folder: folder };
        let stream = r#"{"name":"BESIDE","subjects":["beside"],"retention":"workqueue","storage":"file"}"#;
        running.ask(&jet_stream_request(ANOTHER, "STREAM.CREATE.BESIDE", stream));
        Ok(running)
    }

    /// Items that it has.
    pub(super) fn held(&self) -> usize {
        let number = match self.speech {
            Speech::Http => depth(&self.ask("GET /stats?queue=beside HTTP/1.1\r\nHost: localhost\r\n\r\n")),
            Speech::RedisList => length(&self.ask("LLEN beside\r\n")),
            Speech::RedisStream => length(&self.ask("XLEN beside\r\n")),
            Speech::Nats => messages(&self.ask(&jet_stream_request(ANOTHER, "STREAM.INFO.BESIDE", ""))),
        };
        number.expect("a number of items")
    }

    fn ask(&self, request: &str) -> String {
        Connection::open(self.address, self.speech, ANOTHER).ask(request)
    }

    pub(super) fn usage(&self, place: &Place) -> Usage {
        Usage::of(self.process.id(), place)
    }
}

/// Items of a queue, by its counters.
pub(super) fn depth(stats: &str) -> Option<usize> {
    stats.lines().find_map(|line| line.strip_prefix("depth:")?.trim().parse().ok())
}

/// Items of a list or a stream, by what Redis answers.
fn length(answer: &str) -> Option<usize> {
    answer.trim().strip_prefix(':')?.parse().ok()
}

/// Items of a stream, by what JetStream answers of it.
pub(super) fn messages(answer: &str) -> Option<usize> {
    let known: Value = serde_json::from_str(answer.lines().nth(1)?).ok()?;
    known["state"]["messages"].as_u64().map(|messages| messages as usize)
}

/// The number of a connection that puts nothing.
pub(super) const ANOTHER: usize = usize::MAX;

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
