//! A process that does not go on in place of another one, whenever it fails: that one goes on, with all that it had.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use streamgauge_tests::client::Client;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;
use tempfile::TempDir;

use super::Heir;

/// A server that reads a file in a folder, which is written first.
fn server(folder: &Path, file: &str, args: &[&str]) -> Server {
    write(folder, file);
    let config = folder.join("s.toml");
    Server::queues(["--config", config.to_str().unwrap()].iter().chain(args))
}

fn write(folder: &Path, text: &str) {
    fs::write(folder.join("s.toml"), text.replace("DIR", folder.to_str().unwrap())).unwrap();
}

/// Asks a server for another process, and returns what it and that say until it is known that it is none.
fn refused(server: &Server) -> String {
    let before = server.process.stderr().len();
    server.process.signal(Signal::SIGUSR2);
    until("a refusal", || {
        let said = server.process.stderr()[before..].to_owned();
        said.contains("this process goes on\n").then_some(said)
    })
}

#[test]
fn what_can_be_known_before_anything_is_handed_over_is_refused_then() {
    let kept = "[server]\ndata-dir = 'DIR/kept'\n";
    for (first, then, why) in [
        ("", "[queues.jobs]\nlease = '20m'\n", "s.toml:1: queues.jobs: lease must not be longer than max_lease"),
        ("", "[queues.jobs]\ndead_letter = 'jobs'\n", "s.toml:1: queues.jobs: dead_letter must be another queue"),
        ("", "[topics.hu]\nbytes = '100GiB'\n", "s.toml:1: topics.hu: "),
        ("", "[server]\nwww = 'DIR/none'\n", "--www "),
        ("", kept, "it keeps all in memory, and this one would all in a folder"),
        (kept, "", "it keeps all in a folder (--data-dir), and this one would all in memory"),
        (kept, "[server]\ndata-dir = 'DIR/other'\n", "it keeps all in another folder"),
        (kept, "[server]\ndata-dir = 'DIR/s.toml'\n", "it keeps all in another folder"),
        (kept, "[server]\ndata-dir = 'DIR/kept'\nmemory = '600MiB'\n", "it has --memory 1073741824"),
    ] {
        let folder = TempDir::new().unwrap();
        let server = server(folder.path(), first, &[]);
        let mut client = server.connect();
        assert_eq!(client.post("/put?queue=jobs", "here").status, 200);
        write(folder.path(), then);
        let said = refused(&server);
        assert!(said.contains(why) && said.contains(" did not start (exit status: 2)"), "{then}: {said}");
        // Nothing was closed.
        assert_eq!(client.get("/get?queue=jobs").text(), "here", "{then}");
        assert!(!folder.path().join("other").exists(), "nothing is made");
        drop(client);
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn a_server_goes_on_with_all_that_it_had_when_its_heir_fails_after_it_was_handed_over() {
    for args in [&["--shards=1"][..], &["--shards=3"], &["--data-dir=DIR"]] {
        let folder = TempDir::new().unwrap();
        let kept = format!("--data-dir={}", folder.path().join("kept").display());
        let args: Vec<_> = args.iter().map(|arg| if arg.ends_with("DIR") { &*kept } else { *arg }).collect();
        let mut server = server(folder.path(), "[queues.jobs]\nmax_attempts = 7\n", &args);
        let mut client = server.connect();
        assert_eq!(client.post("/mput?queue=jobs", "one\ntwo").status, 200);
        assert_eq!(client.post("/pub?topic=clicks", "click").status, 200);
        assert_eq!(client.put("/gauges/g", r#"{"topic":"clicks","measure":["rate"]}"#).status, 201);
        let token = client.get("/get?queue=jobs&lease=600").header("x-lease").unwrap().to_owned();
        // By hand, after the file was read.
        assert_eq!(client.put("/queues/jobs", r#"{"max_attempts":9}"#).status, 200);
        let began = || {
            let counted = Client::connect(server.address).get("/metrics").text();
            counted.lines().find(|line| line.starts_with("process_start_time_seconds ")).map(str::to_owned)
        };
        let began_before = began();
        assert!(began_before.is_some());
        // That it has other bytes is known when it is there.
        write(folder.path(), "[queues.new]\n\n[queues.jobs]\nbytes = '2MiB'\n");
        for _ in 0..2 {
            let said = refused(&server);
            let why = "s.toml:3: queues.jobs: bytes are given when a queue is made, and stay: remove it first";
            assert!(said.contains(why) && said.contains(" did not go on (exit status: 2)"), "{args:?}: {said}");
        }
        assert_eq!(began(), began_before, "it is the same process");
        let mut client = Client::connect(server.address);
        assert_eq!(client.post(&format!("/ack?queue=jobs&lease={token}"), "").status, 200);
        assert_eq!(client.get("/get?queue=jobs").text(), "two");
        assert!(client.get("/queues/jobs").text().contains("\"max_attempts\":9"), "nothing is put again");
        assert_eq!(client.get("/queues/new").status, 404, "nothing is put at all");
        assert_eq!(client.get("/gauges").text().matches("\"name\":\"g\"").count(), 1);
        assert_eq!(server.get("/sub?topic=clicks&from=first&follow=0&multipart=0").trim_start(), "click\n");
        assert_eq!(client.post("/put?queue=jobs", "three").status, 200);
        drop(client);
        // It can be followed still, and reads its file still.
        write(folder.path(), "[queues.jobs]\nmax_attempts = 5\n");
        server.process.signal(Signal::SIGHUP);
        let get = |target: &str| Client::connect(server.address).get(target).text();
        until("a reload", || get("/queues/jobs").contains("\"max_attempts\":5").then_some(()));
        let heir = Heir::follow(&mut server);
        assert_eq!(server.get("/get?queue=jobs"), "three", "{args:?}");
        heir.stop(&mut server);
    }
}

#[test]
fn a_server_that_goes_on_again_stops_as_any_does() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("overflow");
    let server = server(folder.path(), "", &["--overflow-log", log.to_str().unwrap()]);
    assert_eq!(server.connect().post("/put?queue=jobs", "here").status, 200);
    write(folder.path(), "[queues.jobs]\nbytes = '2MiB'\n");
    assert!(refused(&server).contains(" did not go on "));
    assert_eq!(fs::read_to_string(&log).unwrap(), "", "nothing has left");
    assert_eq!(server.stop(), 0);
    assert_eq!(fs::read_to_string(&log).unwrap(), "{\"queue\":\"jobs\",\"data\":\"here\"}\n");
}
