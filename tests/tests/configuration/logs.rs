//! Log lines, read back.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Map, Value};
use streamgauge_tests::build::tool;
use streamgauge_tests::certificates::Authority;
use streamgauge_tests::client::Client;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;
use tempfile::TempDir;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Lines of a server that has answered four requests.
fn lines(format: &str) -> Vec<String> {
    let server = Server::everything(["--max-connections=100", "--enable-logging", &format!("--log-format={format}")]);
    let mut client = server.connect();
    client.send(format!(
        "POST /put?queue=a%20b HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx\
         POST /put?ticket=secret&queue=a HTTP/1.1\r\nhost: x\r\nTraceparent: {TRACE}\r\ncontent-length: 3\r\n\r\n\"=\"\
         GET /get?queue=a HTTP/1.1\r\nhost: x\r\ntraceparent: no\r\n\r\nBREW / HTTP/1.1\r\nhost: x\r\n\r\n"
    ));
    assert_eq!([(); 4].map(|()| client.answer().status), [400, 200, 200, 405]);
    let said = until("four lines", || {
        let said: Vec<_> = server.process.stderr().lines().map(str::to_owned).collect();
        (said.len() >= 4).then_some(said)
    });
    assert!(!said.concat().contains("secret"), "{said:?}");
    said
}

#[test]
fn what_cannot_be_read_is_logged_without_what_it_is() {
    for format in ["text", "logfmt", "json"] {
        let args =
            ["--max-header-bytes=200", "--max-connections=100", "--enable-logging", &format!("--log-format={format}")];
        let server = Server::everything(args);
        let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "secret".repeat(100));
        for (request, status) in [("GET /\x1b[31msecret\x01 HTTP/1.1\r\nhost: x\r\n\r\n", 400), (&*long, 431)] {
            let mut client = server.connect();
            client.send(request);
            assert_eq!(client.answer().status, status);
        }
        let said = until("two lines", || {
            let said: Vec<_> = server.process.stderr().lines().map(str::to_owned).collect();
            (said.len() >= 2).then_some(said)
        });
        assert!(!said.concat().contains("secret"), "{said:?}");
        for (line, (status, reason)) in said.iter().zip([(400, "bad-request"), (431, "head-too-large")]) {
            let told = match format {
                "text" => format!("- - {status}"),
                "logfmt" => format!(" method=- target=- status={status} reason={reason}"),
                _ => format!(r#","method":"-","target":"-","status":{status},"reason":"{reason}"}}"#),
            };
            assert!(line.contains(&told) && line.contains(reason) && line.contains("127.0.0.1:"), "{line}");
        }
    }
}

fn check(all: &[Map<String, Value>]) {
    let of = |at: usize, name: &str| all[at].get(name).cloned().unwrap_or(Value::Null);
    assert_eq!(all.len(), 4);
    for line in all {
        let time = line["time"].as_str().expect("a time");
        assert!(time.len() == 27 && time.ends_with('Z') && time.contains('T'), "{time}");
        assert_eq!((&line["level"], &line["message"]), (&"info".into(), &"request".into()));
        assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")));
    }
    let what = |at| ["method", "target", "status", "reason"].map(|name| of(at, name));
    let text = |text: &str| Value::from(text);
    assert_eq!(what(0), [text("POST"), text("/put?queue=a%20b"), 400.into(), text("bad-request")]);
    assert_eq!(what(1), [text("POST"), text("/put?ticket=-&queue=a"), 200.into(), Value::Null]);
    assert_eq!(what(2), [text("GET"), text("/get?queue=a"), 200.into(), Value::Null]);
    assert_eq!(what(3), [text("BREW"), text("/"), 405.into(), text("method-not-allowed")]);
    assert_eq!([1, 2].map(|at| of(at, "traceparent")), [text(TRACE), Value::Null]);
    assert_eq!(of(2, "bytes"), 3);
    assert!(of(2, "microseconds").as_u64().is_some_and(|time| time < 10_000_000));
}

#[test]
fn json_is_json() {
    let all = lines("json");
    check(&all.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<_>>());
}

#[test]
fn logfmt_is_names_and_values() {
    check(&lines("logfmt").iter().map(|line| logfmt(line)).collect::<Vec<_>>());
}

#[test]
fn a_person_reads_what_was_asked_and_answered() {
    let all = lines("text");
    assert!(all[1].contains("INFO POST /put?ticket=-&queue=a 200 peer=127.0.0.1:"), "{}", all[1]);
    assert!(all[3].contains("BREW / 405") && all[3].contains("reason=\"method-not-allowed\""), "{}", all[3]);
}

#[test]
fn a_stream_has_the_status_that_it_began_with() {
    let server = Server::everything(["--enable-logging"]);
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13";
    for (method, upgrade, status) in [
        ("GET", "h2c", "200"),
        ("GET", "websocket", "101"),
        ("HEAD", "websocket", "200"),
        ("GET", "websocket, h2c", "101"),
    ] {
        let mut client = server.connect();
        let request =
            format!("{method} /sub?{upgrade} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n").replace(", ", "+");
        client.send(format!("{request}upgrade: {upgrade}\r\n{key}\r\n\r\n"));
        assert!(client.head().starts_with(&format!("HTTP/1.1 {status} ")), "{method} {upgrade}");
        let line = format!("{method} /sub?{upgrade} ").replace(", ", "+") + status;
        until(&line, || server.process.stderr().contains(&line).then_some(()));
    }
}

/// All that a server says at its second start, at SIGHUP, and where another process can't follow it.
fn said_beside(format: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    let server = Authority::new(folder.path(), "ca").vouch("server", &["127.0.0.1"]);
    fs::set_permissions(&server.key, Permissions::from_mode(0o644)).expect("the key is there");
    let start = || {
        let mut command = Command::new("sh");
        command.args(["-c", r#"ulimit -n 200; exec "$@""#, "sh"]).arg(tool("streamgauge")).current_dir(folder.path());
        command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--data-dir=kept", "--log-format", format]);
        command.args(["--tls-cert=server.pem", "--tls-key=server.key"]).env_remove("RUST_LOG");
        Server::of(command, "pubsub   https://")
    };
    assert_eq!(start().stop(), 0);
    let server = start();
    server.process.signal(Signal::SIGHUP);
    let says = |server: &Server, what: &str| until(what, || server.process.stderr().contains(what).then_some(()));
    says(&server, "the certificate was read again");
    fs::write(folder.path().join("server.pem"), "nonsense").expect("a file");
    server.process.signal(Signal::SIGUSR2);
    says(&server, "this process goes on");
    server.complaints()
}

/// What is said of all that there is to say, with its level for a program.
const BESIDE: [(&str, &str); 6] = [
    ("warn", "this process may open 200 files (ulimit -n): --max-connections 10000 is taken as "),
    ("warn", "server.key can be read by every user of this machine"),
    ("info", "kept: 0 entries of the log were executed again"),
    ("info", "the certificate was read again"),
    ("error", "--tls-cert: server.pem: there is no certificate in it"),
    ("warn", "upgrade: "),
];

#[test]
fn a_program_reads_all_that_is_said_as_lines_of_the_log() {
    type Read = fn(&str) -> Map<String, Value>;
    for (format, read) in [("json", json as Read), ("logfmt", logfmt)] {
        let said = said_beside(format);
        let lines: Vec<_> = said.lines().map(read).collect();
        assert!(lines.iter().all(|line| line["time"].as_str().is_some_and(|time| time.len() == 27)), "{said}");
        for (level, what) in BESIDE {
            let is_it = |line: &&Map<_, _>| line["message"].as_str().is_some_and(|message| message.starts_with(what));
            let line = lines.iter().find(is_it).unwrap_or_else(|| panic!("no `{what}` in {said}"));
            assert_eq!(line["level"], level, "{said}");
        }
    }
}

#[test]
fn a_person_reads_it_as_it_always_was() {
    let said = said_beside("text");
    for (level, what) in BESIDE {
        let start = match (level, what) {
            ("error", _) => "error: ",
            ("warn", what) if what.starts_with("server.key") => "warning: ",
            _ => "",
        };
        let what = format!("{start}{what}");
        let is_event = what.starts_with("the certificate was read");
        let is_it = |line: &str| if is_event { line.ends_with(&what) } else { line.starts_with(&what) };
        assert!(said.lines().any(is_it), "no `{what}` in {said}");
    }
}

fn json(line: &str) -> Map<String, Value> {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// `name=value name="quoted \"value\""`.
fn logfmt(line: &str) -> Map<String, Value> {
    let (mut members, mut rest) = (Map::new(), line);
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').expect("a name");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
        let end = if value.starts_with('"') {
            let escaped = |at: usize| value[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
            let closing = value.match_indices('"').map(|(at, _)| at).skip(1).find(|at| !escaped(*at));
            closing.expect("a closing quote") + 1
        } else {
            value.find(' ').unwrap_or(value.len())
        };
        let (value, after) = value.split_at(end);
        let read = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        assert!(members.insert(name.to_owned(), read).is_none(), "{name} twice in {line}");
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    members
}

/// A process whose pipes nobody reads, ended with its test.
struct Unread(Child);

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As a collector that hangs, or a pager at the end of its screen.
#[test]
fn who_does_not_read_the_log_holds_nobody_up() {
    let mut command = Command::new(tool("streamgauge"));
    command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--enable-logging"]).env_remove("RUST_LOG");
    let mut server = Unread(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let id = Pid::from_raw(server.0.id().try_into().unwrap());
    let mut stdout = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let first = stdout.find_map(|line| line.unwrap().strip_prefix("pubsub   http://").map(str::to_owned)).unwrap();
    let mut client = Client::connect(first.split(' ').next().unwrap().parse().unwrap());
    for _ in 0..1_000 {
        assert_eq!(client.get(&format!("/put?data={}", "x".repeat(200))).status, 200);
    }
    // Somebody reads again.
    let mut stderr = server.0.stderr.take().unwrap();
    let said = thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        said
    });
    // What was let go is told before the next line that is not.
    thread::sleep(Duration::from_millis(500));
    client.get("/stats?last");
    kill(id, Signal::SIGTERM).unwrap();
    assert!(server.0.wait().unwrap().success());
    let said = said.join().unwrap();
    let told =
        said.lines().position(|line| line.contains(" lines of the log are missing: nobody has read stderr for "));
    let last = said.lines().position(|line| line.contains("GET /stats?last 200"));
    assert!(told.is_some() && last > told, "{said}");
}
