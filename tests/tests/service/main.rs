//! `streamgauge serve` under a supervisor: what systemd is told, sockets that it opens, and a process that follows another
//! one on the same sockets and with what that held.

mod hanging;
mod heirs;
mod unheard;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use streamgauge_tests::build::tool;
use streamgauge_tests::client::Client;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::{SOON, until};
use tempfile::TempDir;

/// A process that has followed the one that was started here.
struct Heir(Pid);

impl Heir {
    /// Lets another process follow that of a server, and waits until the first one has ended.
    fn follow(server: &mut Server) -> Self {
        server.process.signal(Signal::SIGUSR2);
        let heir = until("a process that goes on", || {
            let said = server.process.stderr();
            let id = |line: &str| line.strip_prefix("upgrade: process ")?.strip_suffix(" goes on")?.parse().ok();
            said.lines().find_map(id).map(|id| Self(Pid::from_raw(id)))
        });
        until("the first process to end", || server.process.has_ended().then_some(()));
        until_answers(server.address);
        heir
    }

    /// Asks it to stop, and waits until it does: then nobody has the pipes of the first one any more.
    fn stop(self, server: &mut Server) {
        kill(self.0, Signal::SIGTERM).expect("it runs");
        server.process.wait();
        std::mem::forget(self);
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

fn until_answers(address: SocketAddr) {
    assert_eq!(Client::connect(address).get("/livez").status, 200);
}

#[test]
fn who_comes_during_an_upgrade_is_not_refused_and_loses_nothing() {
    let mut server = Server::queues::<&str>([]);
    let (address, is_over) = (server.address, AtomicBool::new(false));
    let (put, got) = thread::scope(|scope| {
        let putters: Vec<_> = (0..3)
            .map(|who| {
                scope.spawn({
                    let is_over = &is_over;
                    move || put(address, who, is_over)
                })
            })
            .collect();
        let getter = scope.spawn(|| get(address, &is_over));
        thread::sleep(Duration::from_millis(300));
        let heir = Heir::follow(&mut server);
        thread::sleep(Duration::from_millis(300));
        is_over.store(true, Ordering::Relaxed);
        let put: BTreeSet<_> = putters.into_iter().flat_map(|putter| putter.join().unwrap()).collect();
        let mut got = getter.join().unwrap();
        let mut rest = Client::connect(address);
        loop {
            let item = rest.get("/get").text();
            if item.is_empty() {
                break;
            }
            assert!(got.insert(item), "twice");
        }
        heir.stop(&mut server);
        (put, got)
    });
    assert!(put.len() > 100, "{} were put", put.len());
    let lost: Vec<_> = put.difference(&got).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// Puts items, each over a connection of its own, and returns those that were taken.
fn put(address: SocketAddr, who: usize, is_over: &AtomicBool) -> Vec<String> {
    let mut taken = Vec::new();
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let item = format!("{who}-{number}");
        let answer = ask(address, &format!("GET /put?data={item} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        taken.push(item);
    }
    taken
}

/// Takes items, each over a connection of its own.
fn get(address: SocketAddr, is_over: &AtomicBool) -> BTreeSet<String> {
    let mut got = BTreeSet::new();
    while !is_over.load(Ordering::Relaxed) {
        let answer = ask(address, "GET /get HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (head, item) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(item.is_empty() || got.insert(item.to_owned()), "{item} twice");
    }
    got
}

/// An answer over a connection of its own, which has to be taken.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect_timeout(&address, SOON).expect("nobody is refused");
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer)).expect("nobody is cut off");
    String::from_utf8(answer).expect("text")
}

#[test]
fn an_heir_has_all_that_was_in_memory() {
    for shards in ["1", "3"] {
        let mut server = Server::queues(["--shards", shards]);
        let mut client = server.connect();
        for name in ["a", "b", "c", "d"] {
            assert_eq!(client.post(&format!("/put?queue={name}&id=1"), name).status, 200);
            assert_eq!(client.post(&format!("/pub?topic={name}"), format!("{name}1\n{name}2")).status, 200);
        }
        assert_eq!(client.put("/queues/a", r#"{"max_attempts":7}"#).status, 200);
        assert_eq!(client.put("/gauges/g", r#"{"topic":"a","measure":["rate"]}"#).status, 201);
        // Of some of these the hash leads to another shard than the topic's.
        let fed = ["e", "f", "g", "h", "i", "j"];
        for name in fed {
            assert_eq!(client.put(&format!("/queues/{name}"), r#"{"topic":"d"}"#).status, 201);
        }
        assert_eq!(client.post("/pub?topic=d", "d3").status, 200);
        let lent = client.get("/get?queue=b&lease=600");
        let token = lent.header("x-lease").unwrap().to_owned();
        assert_eq!(client.post("/put?queue=c&delay=600", "later").status, 200);
        drop(client);
        let heir = Heir::follow(&mut server);
        let mut client = server.connect();
        assert!(client.get("/queues/a").text().contains("\"max_attempts\":7"));
        assert_eq!(client.get("/gauges").text().matches("\"g\"").count(), 1);
        assert_eq!(client.post("/put?queue=a&id=1", "a").status, 200, "it is there already");
        assert_eq!((client.get("/get?queue=a").text().as_str(), client.get("/get?queue=a").text().as_str()), ("a", ""));
        assert_eq!(client.post(&format!("/ack?queue=b&lease={token}"), "").status, 200);
        assert!(client.get("/peek?queue=c&state=delayed").text().contains("later"));
        for name in ["a", "b", "c", "d"] {
            let told = server.get(&format!("/sub?topic={name}&from=first&follow=0&multipart=0"));
            let third = if name == "d" { "d3\n" } else { "" };
            assert_eq!(told.trim_start(), format!("{name}1\n{name}2\n{third}"), "shards {shards}");
        }
        assert_eq!(client.post("/pub?topic=d", "d4").status, 200);
        for name in fed {
            let got = [(); 3].map(|()| client.get(&format!("/get?queue={name}")).text());
            assert_eq!(got, ["d3", "d4", ""], "{name}, shards {shards}");
        }
        heir.stop(&mut server);
    }
}

#[test]
fn a_subscriber_comes_back_to_an_heir_without_a_gap() {
    let mut server = Server::everything::<&str>([]);
    let mut subscriber = server.connect();
    subscriber.send("GET /sub HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n");
    subscriber.head();
    let mut publisher = server.connect();
    assert_eq!(publisher.post("/pub", "one").status, 200);
    let event = String::from_utf8(subscriber.take_to(b"data: one\n")).unwrap();
    let id = event.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    drop(publisher);
    let heir = Heir::follow(&mut server);
    subscriber.rest();
    assert_eq!(server.connect().post("/pub", "two").status, 200);
    let mut again = server.connect();
    again.send(format!("GET /sub HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nlast-event-id: {id}\r\n\r\n"));
    again.head();
    let come = String::from_utf8(again.take_to(b"data: two\n")).unwrap();
    assert!(!come.contains("gap") && !come.contains("one"), "{come}");
    heir.stop(&mut server);
}

#[test]
fn an_heir_has_the_folder_of_the_first_one() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::queues(["--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(server.connect().post("/put", "kept").status, 200);
    let heir = Heir::follow(&mut server);
    assert_eq!(server.get("/get"), "kept");
    heir.stop(&mut server);
}

#[test]
fn an_heir_that_does_not_start_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "0".repeat(64)).unwrap();
    let mut server = Server::queues(["--hash-key-file", key.to_str().unwrap()]);
    assert_eq!(server.connect().post("/put", "here").status, 200);
    std::fs::remove_file(&key).unwrap();
    for _ in 0..2 {
        server.process.signal(Signal::SIGUSR2);
        let line = server.process.line("upgrade: ");
        assert!(line.contains("did not start (exit status: 2)") && line.ends_with("this process goes on"), "{line}");
    }
    assert!(server.process.stderr().contains("key"), "it says why");
    assert_eq!(server.get("/get"), "here");
    assert_eq!(server.stop(), 0);
}

#[test]
fn who_comes_once_a_server_ends_is_refused_and_who_is_there_is_answered() {
    let mut server = Server::queues::<&str>([]);
    let mut busy = server.connect();
    busy.send("POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");
    assert!(busy.head().starts_with("HTTP/1.1 100 "));
    server.process.signal(Signal::SIGTERM);
    until("a refusal", || {
        let refused = TcpStream::connect(server.address).err()?;
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        Some(())
    });
    assert!(!server.process.has_ended(), "it waits for who is there");
    busy.send("item");
    assert_eq!(busy.answer().status, 200);
    assert_eq!(server.process.exit_code(), 0);
}

#[test]
fn systemd_is_told_how_the_server_is() {
    let folder = TempDir::new().unwrap();
    let at = folder.path().join("notify");
    let told = UnixDatagram::bind(&at).unwrap();
    told.set_read_timeout(Some(SOON)).unwrap();
    let hear = |what: &str| {
        let mut all = String::new();
        for _ in 0..1_000 {
            let mut bytes = [0; 1_000];
            let len = told.recv(&mut bytes).unwrap_or_else(|error| panic!("{what}: {error} after {all}"));
            let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
            if text.lines().any(|line| line.starts_with(what)) {
                return text;
            }
            assert!(!text.contains("STOPPING"), "{what}: the service stops: {text}");
            all += &text;
        }
        panic!("{what} is not in {all}");
    };
    let mut command = Command::new(tool("streamgauge"));
    command.args(["serve", "--pubsub-port=0", "--queue-port=0"]).env_remove("RUST_LOG");
    command.env("NOTIFY_SOCKET", &at).env("WATCHDOG_USEC", "200000");
    let mut process = Process::spawn(command);
    let line = process.line("pubsub   http://");
    let address = line.split_whitespace().next().unwrap().parse().unwrap();
    hear("READY=1");
    until_answers(address);
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    process.signal(Signal::SIGHUP);
    assert!(hear("RELOADING=1").contains("MONOTONIC_USEC="));
    hear("READY=1");
    let first = process.id();
    let mut server = Server { process, address };
    server.process.signal(Signal::SIGUSR2);
    let heir = hear("MAINPID=");
    let heir = Heir(Pid::from_raw(heir.trim().strip_prefix("MAINPID=").unwrap().parse().unwrap()));
    assert_ne!(heir.0, Pid::from_raw(first.cast_signed()));
    hear("READY=1");
    hear("WATCHDOG=1");
    until("the first process to end", || server.process.has_ended().then_some(()));
    kill(heir.0, Signal::SIGTERM).unwrap();
    hear("STOPPING=1");
    server.process.wait();
}

#[test]
fn a_socket_that_somebody_else_has_opened_is_served() {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    // Before the server is there: who connects waits.
    let mut early = Client::connect(addresses[1]);
    early.send("GET /stats HTTP/1.1\r\nhost: x\r\n\r\n");
    let handed = |count: usize| {
        let mut command = Command::new(tool("streamgauge"));
        command.args(["serve", "--allow-host=x", "--pubsub-port=0", "--queue-port=0"]).env_remove("RUST_LOG");
        command.env("LISTEN_FDS", count.to_string());
        let files = sockets
            .iter()
            .zip(3..)
            .map(|(socket, child_fd)| FdMapping { parent_fd: OwnedFd::from(socket.try_clone().unwrap()), child_fd });
        command.fd_mappings(files.take(count).collect()).unwrap();
        command
    };
    let mut process = Process::spawn(handed(2));
    process.line(&format!("queue    http://{}", addresses[1]));
    assert!(early.answer().text().contains("depth"), "the second one is the queue's");
    until_answers(addresses[0]);
    process.signal(Signal::SIGTERM);
    assert_eq!(process.exit_code(), 0);
    let mut wrong = handed(2);
    wrong.env("LISTEN_FDS", "3");
    let mut process = Process::spawn(wrong);
    assert_eq!(process.exit_code(), 2);
    assert!(
        process.stderr().contains("3 sockets were handed to this process, and it serves 2"),
        "{}",
        process.stderr()
    );
}

#[test]
fn a_connection_that_is_handed_as_a_socket_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let connection = OwnedFd::from(listener.accept().unwrap().0);
    let mut command = Command::new(tool("streamgauge"));
    command.args(["serve", "--pubsub-port=0", "--queue-port=0"]).env_remove("RUST_LOG").env("LISTEN_FDS", "1");
    command.fd_mappings(vec![FdMapping { parent_fd: connection, child_fd: 3 }]).unwrap();
    let mut process = Process::spawn(command);
    assert_eq!(process.exit_code(), 2);
    let said = process.stderr();
    assert!(said.contains("socket 1 of those that were handed to this process: it is a connection"), "{said}");
}
