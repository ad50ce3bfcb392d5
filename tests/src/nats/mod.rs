//! Servers of NATS with JetStream, one or three that are one cluster, which can be killed and come back.
//!
//! | module | idea |
//! | --- | --- |
//! | `server` | one of them: its settings, its process, and what it says of itself |
//! | `ports` | ports that nobody has, and nobody is given meanwhile |

mod server;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::needs;
use crate::ports::free_ports;
use crate::wait::{until, until_within};
use server::{Ports, Server};

/// How long an election, and what follows it, may take on a machine that is busy.
const ELECTED: Duration = Duration::from_secs(60);

/// How often a port may be taken by another in the moment between.
const TRIES: usize = 5;

/// The servers, which end when this is dropped; their folder goes with them.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<Server>,
    folder: TempDir,
}

impl Cluster {
    /// Starts one server or three, and waits until JetStream has a leader and all know of it. `None` where there is no
    /// `nats-server` [that will do](needs::nats_server).
    ///
    /// # Panics
    /// When one doesn't start, they don't agree in time, or `CI` is set and there is none that will do.
    pub fn start(servers: usize) -> Option<Self> {
        Self::start_with(servers, "")
    }

    /// The same with more settings in each one's file.
    ///
    /// # Panics
    /// As [`start`](Self::start) does.
    pub fn start_with(servers: usize, settings: &str) -> Option<Self> {
        assert!(matches!(servers, 1 | 3), "a cluster of {servers}");
        let program = needs::nats_server()?;
        for _ in 0..TRIES {
            let folder = TempDir::new().expect("a folder");
            let ports: Vec<Ports> = free_ports(3 * servers).chunks_exact(3).map(Ports::of).collect();
            let mut cluster = Self { servers: Vec::new(), folder };
            for number in 0..servers {
                cluster.servers.push(Server::new(number, &ports, &program, (cluster.folder.path(), settings)));
            }
            if cluster.servers.iter_mut().all(|server| server.start().is_ok()) {
                cluster.until_current();
                return Some(cluster);
            }
        }
        panic!("another program had one of the ports, {TRIES} times");
    }

    /// Waits until JetStream has a leader that hears all servers which run, each of which has caught up with it.
    ///
    /// # Panics
    /// When that takes a minute.
    pub fn until_current(&self) {
        until_within(ELECTED, "a leader of JetStream that all follow", || self.are_current().then_some(()));
    }

    fn are_current(&self) -> bool {
        let running = || self.servers.iter().filter(|server| server.is_running());
        if !running().all(Server::is_healthy) {
            return false;
        }
        if self.servers.len() == 1 {
            return running().count() == 1;
        }
        running().any(|leader| {
            let Some(meta) = leader.ask("/jsz").map(|mut known| known["meta_cluster"].take()) else { return false };
            let follows = |server: &Server| {
                let replicas = meta["replicas"].as_array().into_iter().flatten();
                replicas.filter(|replica| replica["name"] == server.name()).any(|replica| replica["current"] == true)
            };
            meta["leader"] == leader.name() && running().all(|server| server.name() == leader.name() || follows(server))
        })
    }

    /// Where they all are, in one text: `nats://A,B,C`.
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.addresses().iter().map(SocketAddr::to_string).collect();
        format!("nats://{}", addresses.join(","))
    }

    /// Where each is.
    pub fn urls(&self) -> Vec<String> {
        self.addresses().iter().map(|address| format!("nats://{address}")).collect()
    }

    /// The addresses for clients, also of those that don't run.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::address).collect()
    }

    /// The processes of those that run.
    pub fn processes(&self) -> Vec<u32> {
        self.servers.iter().filter_map(Server::process).collect()
    }

    /// Ends a server as a crash does.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn kill(&mut self, server: usize) {
        self.servers[server].kill();
    }

    /// Lets a server stand still: to the others, and to clients, it is behind a network that loses everything.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn stop(&self, server: usize) {
        self.servers[server].stop();
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn go_on(&self, server: usize) {
        self.servers[server].go_on();
    }

    /// Starts a server again that was killed, at the same addresses and with what it had kept, and waits until it
    /// listens, which says nothing of whether it has caught up.
    ///
    /// # Panics
    /// When it runs, or does not start.
    pub fn restart(&mut self, server: usize) {
        until("the ports of a server that was killed", || self.servers[server].start().ok());
    }

    /// Sends one request to JetStream over a connection of its own, and returns the answer's body: that of its API, or what
    /// was published to a stream has come to.
    ///
    /// # Panics
    /// When there is no answer, or it is not JSON.
    pub fn ask(&self, server: usize, subject: &str, body: &str) -> Value {
        let mut client = Client::connect(self.addresses()[server]);
        let length = body.len();
        client.send(format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB _INBOX.t 1\r\nPUB {subject} _INBOX.t {length}\r\n{body}\r\n"
        ));
        loop {
            let line = String::from_utf8(client.take_to(b"\r\n")).expect("text");
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["MSG", .., length] => {
                    let body = client.take(length.parse().expect("a length"));
                    return serde_json::from_slice(&body).expect("JSON");
                }
                ["PING"] => client.send("PONG\r\n"),
                _ => {}
            }
        }
    }

    /// Copies what a server has kept that does not run, for it to [forget](Self::forget) what comes.
    ///
    /// # Panics
    /// When it runs, or can't be copied.
    pub fn remember(&self, server: usize) {
        self.servers[server].remember();
    }

    /// Lets a server that does not run forget what it has kept since, of one stream or at all: as when power fails, and
    /// that was not synced.
    ///
    /// # Panics
    /// When it runs, or has remembered nothing.
    pub fn forget(&self, server: usize, stream: Option<&str>) {
        self.servers[server].forget(stream);
    }

    /// The number of the first message that a stream has, as far as its servers say.
    ///
    /// # Panics
    /// When there is no such stream.
    pub fn first_of(&self, stream: &str) -> u64 {
        let first = |server: &Server| stream_of(server, stream)?["state"]["first_seq"].as_u64();
        let running = self.servers.iter().filter(|server| server.is_running());
        running.filter_map(first).max().unwrap_or_else(|| panic!("there is no stream {stream}"))
    }

    /// The server that says that it leads a stream; `None` while none does.
    pub fn leader_of(&self, stream: &str) -> Option<usize> {
        let leads = |server: &Server| {
            let leader: &Value = &stream_of(server, stream)?["cluster"]["leader"];
            // One that is alone leads without a word.
            Some(*leader == server.name() || self.servers.len() == 1)
        };
        self.servers.iter().position(|server| server.is_running() && leads(server) == Some(true))
    }
}

/// What a server says of a stream.
fn stream_of(server: &Server, stream: &str) -> Option<Value> {
    let mut known = server.ask("/jsz?streams=1&config=1")?;
    let accounts = known["account_details"].as_array_mut()?;
    let mut streams = accounts.iter_mut().filter_map(|account| account["stream_detail"].as_array_mut()).flatten();
    streams.find(|known| known["name"] == stream).map(Value::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make_stream(cluster: &Cluster, replicas: usize) {
        let stream = format!(r#"{{"name":"S","subjects":["s"],"storage":"file","num_replicas":{replicas}}}"#);
        let made = cluster.ask(0, "$JS.API.STREAM.CREATE.S", &stream);
        assert_eq!(made["error"], Value::Null, "{made}");
    }

    /// The leader, which says so to clients too.
    fn leader(cluster: &Cluster) -> usize {
        let leader = until_within(ELECTED, "a leader of the stream", || cluster.leader_of("S"));
        if cluster.servers.len() > 1 {
            let known = cluster.ask(leader, "$JS.API.STREAM.INFO.S", "");
            assert_eq!(known["cluster"]["leader"], format!("n{leader}"), "{known}");
        }
        leader
    }

    #[test]
    fn one_keeps_what_it_has_over_a_crash() {
        let Some(mut cluster) = Cluster::start(1) else { return };
        assert_eq!(cluster.url(), cluster.urls()[0]);
        assert_eq!(cluster.leader_of("S"), None);
        make_stream(&cluster, 1);
        assert_eq!(cluster.ask(0, "s", "item")["seq"], 1);
        assert_eq!(cluster.leader_of("S"), Some(0));
        cluster.kill(0);
        assert_eq!(cluster.leader_of("S"), None);
        cluster.restart(0);
        cluster.until_current();
        assert_eq!(leader(&cluster), 0);
        assert_eq!(cluster.ask(0, "s", "item")["seq"], 2);
    }

    #[test]
    fn three_have_another_leader_when_it_crashes() {
        let Some(mut cluster) = Cluster::start(3) else { return };
        assert_eq!(cluster.url(), format!("nats://{}", cluster.urls().join(",").replace("nats://", "")));
        make_stream(&cluster, 3);
        let first = leader(&cluster);
        assert_eq!(cluster.ask(first, "s", "item")["seq"], 1);
        cluster.kill(first);
        let second = leader(&cluster);
        assert_ne!(second, first);
        cluster.until_current();
        assert_eq!(cluster.ask(second, "s", "item")["seq"], 2);
        cluster.restart(first);
        cluster.until_current();
        assert_eq!(cluster.ask(first, "s", "item")["seq"], 3);
    }
}
