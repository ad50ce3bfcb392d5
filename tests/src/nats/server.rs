//! A server: its settings, its process, and what it says of itself.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::client::Client;
use crate::process::Process;
use crate::wait::until;

/// How long an answer about itself may take a server.
const ANSWERED: Duration = Duration::from_secs(2);

/// Where it listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    clients: u16,
    monitor: u16,
    routes: u16,
}

impl Ports {
    pub(super) fn of(three: &[u16]) -> Self {
        let [clients, monitor, routes] = *three else { panic!("three ports") };
        Self { clients, monitor, routes }
    }
}

#[derive(Debug)]
pub(super) struct Server {
    name: String,
    ports: Ports,
    program: PathBuf,
    settings: PathBuf,
    process: Option<Process>,
}

/// A port is another program's.
#[derive(Debug)]
pub(super) struct Taken;

impl Server {
    /// One of a cluster with these ports and `more` settings, not started.
    pub(super) fn new(number: usize, ports: &[Ports], program: &Path, (folder, more): (&Path, &str)) -> Self {
        let Ports { clients, monitor, routes } = ports[number];
        let name = format!("n{number}");
        let store = folder.join(&name);
        let mut text = format!(
            "server_name: {name}\nlisten: \"127.0.0.1:{clients}\"\nhttp: \"127.0.0.1:{monitor}\"\n\
             jetstream {{ store_dir: \"{}\", max_file: 1GB, max_mem: 64MB }}\n{more}\n",
            store.display()
        );
        if ports.len() > 1 {
            let all: Vec<_> = ports.iter().map(|ports| format!("\"nats://127.0.0.1:{}\"", ports.routes)).collect();
            // Clients are told of no other server: they come through a link, or not at all.
            text += &format!(
                "cluster {{ name: tests, listen: \"127.0.0.1:{routes}\", no_advertise: true, routes: [{}] }}\n",
                all.join(", ")
            );
        }
        let settings = folder.join(format!("{name}.conf"));
        fs::write(&settings, text).expect("a file");
        Self { name, ports: ports[number], program: program.to_owned(), settings, process: None }
    }

    /// Starts it, and waits until it listens.
    pub(super) fn start(&mut self) -> Result<(), Taken> {
        assert!(self.process.is_none(), "{} runs", self.name);
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.settings);
        let mut process = Process::spawn(command);
        let is_listening = until("a server of NATS to listen", || {
            if process.try_exit_code().is_some() {
                return Some(false);
            }
            // It listens for routes and clients after that.
            let ports = [self.ports.monitor, self.ports.clients];
            ports.iter().all(|port| Client::try_connect(loopback(*port), ANSWERED).is_some()).then_some(true)
        });
        if is_listening {
            self.process = Some(process);
            return Ok(());
        }
        let said = process.stdout() + &process.stderr();
        assert!(said.contains("address already in use"), "{} has ended: {said}", self.name);
        Err(Taken)
    }

    pub(super) fn kill(&mut self) {
        let mut process = self.process.take().unwrap_or_else(|| panic!("{} does not run", self.name));
        process.signal(Signal::SIGKILL);
        process.wait();
    }

    pub(super) fn stop(&self) {
        self.running().stop();
    }

    pub(super) fn go_on(&self) {
        self.running().signal(Signal::SIGCONT);
    }

    pub(super) fn remember(&self) {
        assert!(self.process.is_none(), "{} runs", self.name);
        copy(&self.store(), &self.remembered());
    }

    pub(super) fn forget(&self, stream: Option<&str>) {
        assert!(self.process.is_none(), "{} runs", self.name);
        let part = stream.map(|stream| Path::new("jetstream/$G/streams").join(stream)).unwrap_or_default();
        copy(&self.remembered().join(&part), &self.store().join(part));
    }

    /// Where what it keeps is.
    fn store(&self) -> PathBuf {
        self.settings.with_extension("")
    }

    fn remembered(&self) -> PathBuf {
        self.settings.with_extension("remembered")
    }

    fn running(&self) -> &Process {
        self.process.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub(super) fn process(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    pub(super) fn address(&self) -> SocketAddr {
        loopback(self.ports.clients)
    }

    /// Whether JetStream has caught up here with what it should have.
    pub(super) fn is_healthy(&self) -> bool {
        self.ask("/healthz").is_some_and(|health| health["status"] == "ok")
    }

    /// What it says of itself, if it does.
    pub(super) fn ask(&self, target: &str) -> Option<Value> {
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let answer =
            Client::try_connect(loopback(self.ports.monitor), ANSWERED)?.try_ask(request.as_bytes(), ANSWERED)?;
        serde_json::from_slice(&answer.body).ok()
    }
}

/// Makes a folder what another one is.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(copied.success(), "{}", from.display());
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
