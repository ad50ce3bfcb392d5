//! pubsub_filtered as a process of its own, from a scripted source.

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::source::Source;

const PATIENCE: Duration = Duration::from_secs(10);

/// The program on a port of its own, killed when it is dropped.
struct Filtered {
    child: Child,
    port: u16,
}

impl Filtered {
    fn start(source: &Source, query: &str, flags: &[&str]) -> Self {
        let url = format!("--pubsub_url={}", source.url(query));
        let mut child = command(&[&["--address=127.0.0.1", "--port=0", &url], flags].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        for path in ["/sub*", "/stats*", "/clients"] {
            assert_eq!(lines.next().unwrap(), format!("registering callback for path \"{path}\""));
        }
        let line = lines.next().unwrap();
        let port = line.strip_prefix("listening on 127.0.0.1:").expect(&line).parse().unwrap();
        // So that what it prints later has somewhere to go.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// A connection on which this was asked.
    async fn get(&self, target: &str) -> Client {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        Client { stream, seen: Vec::new() }
    }

    /// An answer whole.
    async fn ask(&self, target: &str) -> String {
        let mut client = self.get(target).await;
        timeout(PATIENCE, client.stream.read_to_end(&mut client.seen)).await.expect("in time").unwrap();
        String::from_utf8(client.seen).unwrap()
    }

    /// What it says when it is asked to end.
    fn finish(mut self) -> String {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Filtered {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Client {
    /// Everything up to the first `end`.
    async fn until(&mut self, end: &str) -> String {
        let reading = async {
            while !String::from_utf8_lossy(&self.seen).contains(end) {
                assert!(self.stream.read_buf(&mut self.seen).await.unwrap() > 0, "it ended: {:?}", self.text());
            }
        };
        if timeout(PATIENCE, reading).await.is_err() {
            panic!("no {end:?} in {:?}", self.text());
        }
        let text = self.text();
        let (before, behind) = text.split_at(text.find(end).unwrap() + end.len());
        self.seen = behind.as_bytes().to_vec();
        before.to_owned()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pubsub_filtered"));
    command.args(flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn key_file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// HMAC-SHA-256 of `s192.0.2.1` under 32 bytes of 0x2a, computed with Python.
const HASH: &str = "a70ba3b5a70d79676dcdca5be1585f6d";

#[tokio::test]
async fn fields_leave_or_are_hashed_and_everything_is_counted() {
    let mut source = Source::start(true).await;
    let key = key_file(&("2a".repeat(32) + "\n"));
    let key_flag = format!("--hash-key-file={}", key.path().display());
    let flags = ["--blacklist_fields=al,secret", "--encrypted-fields", "ip", "--expected-key=c", "--expected-value=DE"];
    let filtered = Filtered::start(&source, "multipart=0", &[&flags[..], &[&key_flag]].concat());
    let mut client = filtered.get("/sub").await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("application/json"), "{head}");
    assert_eq!(client.until("\r\n").await, "\r\n");
    source.subscribed(1).await;
    source.publish(&[
        r#"{"c": "DE", "ip": "192.0.2.1", "n": 1.50, "al": "x"}"#.into(),
        r#"{"c": "US", "ip": "192.0.2.1"}"#.into(),
        r#"{"c": "\u0044E", "secre\u0074": 1, "n": 2, "secret": [2]}"#.into(),
        r#"["DE"]"#.into(),
        "secret=DE".into(),
        r#"{"_heartbeat_": 1, "secret": 2}"#.into(),
        r#"{"c": "DE"} x"#.into(),
        r#"{"c": "DE", "end": 1}"#.into(),
    ]);
    let expected = [
        format!(r#"{{"c": "DE", "ip": "{HASH}", "n": 1.50}}"#),
        r#"{"c": "\u0044E", "n": 2}"#.to_owned(),
        r#"{"_heartbeat_": 1}"#.to_owned(),
        r#"{"c": "DE", "end": 1}"#.to_owned(),
    ];
    assert_eq!(client.until("\"end\": 1}\n").await, expected.join("\n") + "\n");

    // The source goes away and comes back: it is read on behind what was read.
    source.stop().await;
    source.publish(&[r#"{"c":"DE","after":"it"}"#.into()]);
    source.restart().await;
    assert_eq!(client.until("\n").await, "{\"c\":\"DE\",\"after\":\"it\"}\n");

    let stats = filtered.ask("/stats").await;
    assert!(stats.contains("x-pubsub-messages-received: 9\r\n"), "{stats}");
    let text =
        "Active connections: 1\nTotal connections: 1\nMessages received: 9\nMessages sent: 5\nKicked clients: 0\n";
    assert!(stats.contains(text), "{stats}");
    let json = filtered.ask("/stats?format=json").await;
    let (_, json) = json.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert!(json["number_reconnects"].as_u64().unwrap() > 0, "{json}");
    assert!(filtered.ask("/clients").await.contains("connected at"));

    let said = filtered.finish();
    let summary = said.lines().last().unwrap();
    let counted = "pubsub_filtered: received 9, passed 5, not expected 2, no JSON object 2, too long 0";
    assert!(summary.starts_with(counted), "{said}");
    assert!(!said.contains("secret"), "what is hidden is in no log: {said}");
}

#[tokio::test]
async fn a_line_is_a_message_and_other_framings_are_there_for_the_asking() {
    let source = Source::start(true).await;
    let filtered = Filtered::start(&source, "multipart=1", &["--blacklist-fields=a"]);
    let (mut lines, mut events) = (filtered.get("/sub").await, filtered.get("/sub?format=sse").await);
    let mut parts = filtered.get("/sub?multipart=1").await;
    for (client, opening) in
        [(&mut lines, "\r\n\r\n\r\n"), (&mut events, "retry: 1000\n\n"), (&mut parts, "--xXPubSubXx\r\n")]
    {
        client.until(opening).await;
    }
    source.subscribed(1).await;
    source.publish(&["{\n \"a\": 1,\r\n \"b\": 2\n}".into()]);
    assert_eq!(lines.until("\n").await, "{   \"b\": 2 }\n");
    assert!(events.until("\n\n").await.ends_with("\ndata: {   \"b\": 2 }\n\n"));
    assert!(parts.until("--xXPubSubXx\r\n").await.contains("{   \"b\": 2 }"));

    assert!(filtered.ask("/pub").await.contains(" 404 Not Found\r\n"));
    let refused = filtered.ask("/sub?filter_subject=a&filter_pattern=b").await;
    assert!(refused.contains(" 400 Bad Request\r\n") && refused.contains("filter_subject"), "{refused}");
}

#[tokio::test]
async fn without_a_key_of_ones_own_each_process_hashes_in_its_own_way() {
    let source = Source::start(true).await;
    let flags = ["--encrypted-fields=ip", "--expected-key=ip", "--expected-value-regex=^192\\.0\\.[0-9]"];
    let (one, other) =
        (Filtered::start(&source, "multipart=0", &flags), Filtered::start(&source, "multipart=0", &flags));
    let mut hashes = Vec::new();
    let (mut first, mut second) = (one.get("/sub").await, other.get("/sub").await);
    first.until("\r\n\r\n\r\n").await;
    second.until("\r\n\r\n\r\n").await;
    source.subscribed(2).await;
    source.publish(&[
        r#"{"ip":"198.51.100.1"}"#.into(),
        r#"{"ip":"192.0.2.1"}"#.into(),
        r#"{"ip":"192.0.2.1"}"#.into(),
    ]);
    for client in [&mut first, &mut second] {
        let hash = client.until("\n").await;
        assert_eq!(hash.len(), "{\"ip\":\"\"}\n".len() + 32, "{hash}");
        assert_eq!(client.until("\n").await, hash);
        hashes.push(hash);
    }
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn what_is_wrong_with_the_flags_takes_one_line() {
    let wrong_key = key_file("2a2a");
    let wrong_key_flag = format!("--hash-key-file={}", wrong_key.path().display());
    let many = format!("--blacklist-fields={}", "a,".repeat(65));
    for (flags, says) in [
        (&["--expected-key=a"][..], "--expected-key"),
        (&["--expected-value=a"], "--expected-key"),
        (&["--expected-value-regex=a"], "--expected-key"),
        (&["--expected-key=a", "--expected-value-regex=("], "--expected-value-regex"),
        (&["--pubsub-url=ftp://127.0.0.1/"], "--pubsub-url"),
        (&[&wrong_key_flag], "64 hexadecimal digits"),
        (&["--hash-key-file=/nowhere"], "/nowhere"),
        (&[&many], "64"),
        (&["--blacklist-fields=ip, al"], "--blacklist-fields: ` al`"),
        (&["--encrypted-fields=ip ,al"], "--encrypted-fields: `ip `"),
    ] {
        let Output { status, stderr, .. } = command(flags).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{flags:?}: {stderr}");
        assert!(stderr.contains(says) && stderr.lines().count() == 1, "{flags:?}: {stderr}");
    }
}
