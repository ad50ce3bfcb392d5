//! The tools as processes: flags, what they print, signals.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
use streamgauge_tests::build::tool;
use streamgauge_tests::client::Client;
use streamgauge_tests::needs::go_without;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until;

const SERVERS: [&str; 2] = ["pubsub", "simplequeue"];

fn ended(tool: &str, args: &[&str]) -> (i32, String, String) {
    let mut process = Process::start(tool, args);
    let code = process.exit_code();
    (code, process.stdout(), process.stderr())
}

/// Exit code 2, and one line on stderr that has `word`.
#[track_caller]
fn assert_one_line(tool: &str, args: &[&str], word: &str) {
    let (code, out, err) = ended(tool, args);
    assert_eq!(code, 2, "{args:?}: {err}");
    assert_eq!(out, "", "{args:?}");
    assert!(err.ends_with('\n') && err.lines().count() == 1, "{args:?}: {err}");
    assert!(err.contains(word), "{args:?}: {err}");
}

#[test]
fn the_first_lines_are_those_of_the_original() {
    let paths: [&[&str]; 2] = [
        &["/pub*", "/sub*", "/stats*", "/clients"],
        &["/put*", "/get*", "/mget*", "/mput*", "/dump*", "/stats*", "/exit*"],
    ];
    for (tool, paths) in SERVERS.into_iter().zip(paths) {
        let mut server = Server::start(tool, [""; 0]);
        let mut expected: String =
            paths.iter().map(|path| format!("registering callback for path \"{path}\"\n")).collect();
        expected += &format!("listening on 127.0.0.1:{}\n", server.address.port());
        let memory = server.process.line("memory at most ");
        assert!(memory.ends_with(" MiB)"), "{memory}");
        assert_eq!(server.process.stdout(), expected);
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn flags_have_two_spellings_and_two_forms() {
    for flags in [&["--max-depth", "3"][..], &["--max_depth", "3"], &["--max-depth=3"], &["--max_depth=3"]] {
        let server = Server::start("simplequeue", flags);
        let mut client = server.connect();
        client.post("/mput", "1\n2\n3\n4");
        assert_eq!(client.get("/mget?items=9").text(), "2\n3\n4\n", "{flags:?}");
    }
}

#[test]
fn every_flag_is_known_in_both_spellings() {
    let common = [
        ("max-connections", "7"),
        ("max-header-bytes", "16KiB"),
        ("max-body-bytes", "1MiB"),
        ("max-buffered-bytes", "2MB"),
        ("header-timeout", "5"),
        ("io-timeout", "5.5"),
        ("idle-timeout", "60"),
        ("cors-origin", "https://a.example"),
        ("allow-host", "gauge.example"),
        ("enable-logging", ""),
    ];
    let own: [&[(&str, &str)]; 2] = [
        &[("log-bytes", "8MiB"), ("max-message-bytes", "1000"), ("max-subscribers", "5"), ("max-lag-bytes", "1k")],
        &[
            ("max-depth", "5"),
            ("max-bytes", "1000"),
            ("queue-bytes", "4096"),
            ("max-item-bytes", "100"),
            ("max-mget", "10"),
            ("mget-item-sep", ","),
            ("mput-item-sep", ";"),
            ("overflow-log", "/dev/null"),
            ("overflow-format", "json"),
        ],
    ];
    for (tool, own) in SERVERS.into_iter().zip(own) {
        for (old, joined) in [(false, false), (true, true)] {
            let mut args = Vec::new();
            for (name, value) in common.iter().chain(own) {
                let name = if old { format!("--{}", name.replace('-', "_")) } else { format!("--{name}") };
                match (*value, joined) {
                    ("", _) => args.push(name),
                    (value, true) => args.push(format!("{name}={value}")),
                    (value, false) => args.extend([name, value.to_owned()]),
                }
            }
            let server = Server::start(tool, &args);
            assert!(server.get("/stats").ends_with('\n'));
            assert_eq!(server.stop(), 0);
        }
        let (code, help, err) = ended(tool, &["--help"]);
        assert_eq!((code, err.as_str()), (0, ""));
        let others = ["address", "port", "root", "user", "group", "daemon", "version", "help"].map(|name| (name, ""));
        for (name, _) in common.iter().chain(own).chain(&others) {
            assert!(help.contains(&format!("--{name}")), "--{name} in {help}");
        }
    }
}

#[test]
fn help_and_version_are_data() {
    for tool in SERVERS {
        let (code, out, err) = ended(tool, &["--version"]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(out, format!("{tool} {}\n", env!("CARGO_PKG_VERSION")));
        assert!(ended(tool, &["--help"]).1.lines().all(|line| line.chars().count() <= 120), "a help one can read");
    }
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    for tool in ["pubsub", "streamgauge"] {
        for flag in ["--help", "--version"] {
            let mut command = Command::new(streamgauge_tests::build::tool(tool));
            let full = File::options().write(true).open("/dev/full").expect("a disk that is full");
            let end = command.arg(flag).stdout(full).output().expect("it starts");
            let said = String::from_utf8_lossy(&end.stderr).into_owned();
            assert_eq!(end.status.code(), Some(1), "{tool} {flag}: {said}");
            assert_eq!(said, "error: stdout: No space left on device (os error 28)\n", "{tool} {flag}");
        }
    }
}

#[test]
fn who_types_no_command_is_told_those_that_there_are() {
    for (command, one) in [("topic", "list"), ("queue", "pause"), ("generate", "clicks"), ("config", "check")] {
        let (code, out, err) = ended("streamgauge", &[command]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        let (first, commands) = err.split_once("\n\nCommands:\n").unwrap_or_else(|| panic!("{command}: {err}"));
        assert_eq!(first, format!("error: streamgauge {command} needs one of these commands (see --help)"));
        assert!(commands.lines().any(|line| line.trim_start().starts_with(&format!("{one} "))), "{err}");
    }
}

#[test]
fn a_flag_of_what_is_run_without_a_command_is_told_where_it_belongs() {
    let wrong = |args: &[&str], end: &str| assert_one_line("streamgauge", args, end);
    wrong(&["--pubsub-port", "26010"], "'--pubsub-port' found (streamgauge serve --pubsub-port …) (see --help)");
    wrong(&["--max_depth=3"], "'--max-depth' found (streamgauge serve --max-depth …)");
    for other in [&["--no-such-flag"][..], &["topic", "list", "--pubsub-port", "26010"]] {
        let (code, _, err) = ended("streamgauge", other);
        assert!(code == 2 && !err.contains("streamgauge serve"), "{err}");
    }
}

#[test]
fn wrong_flags_are_one_line_and_exit_2() {
    for tool in SERVERS {
        assert_one_line(tool, &["--no-such-flag"], "--no-such-flag");
        for flag in ["max-connections", "max-header-bytes", "max-body-bytes", "max-buffered-bytes"] {
            assert_one_line(tool, &[&format!("--{flag}=0")], "must be at least 1");
        }
        assert_one_line(tool, &["word"], "word");
        assert_one_line(tool, &["--port"], "--port");
        for port in ["65536", "-1", "http", ""] {
            assert_one_line(tool, &[&format!("--port={port}")], "--port");
        }
        assert_one_line(tool, &["--max_body_bytes=5 apples"], "5 apples");
        assert_one_line(tool, &["--header-timeout=0"], "--header-timeout");
        assert_one_line(tool, &["--header-timeout=nan"], "--header-timeout");
        assert_one_line(tool, &["--idle-timeout=1e400"], "--idle-timeout");
        assert_one_line(tool, &["--port=0", "--address=not.an.address.invalid"], "not.an.address.invalid");
        assert_one_line(
            tool,
            &["--port=0", "--address=127.0.0.1", "--user=nobody-has-this-name"],
            "nobody-has-this-name",
        );
        assert_one_line(
            tool,
            &["--port=0", "--address=127.0.0.1", "--group=nobody-has-this-name"],
            "nobody-has-this-name",
        );
        assert_one_line(tool, &["--port=0", "--address=127.0.0.1", "--root=/no/such/folder"], "--root");
    }
    assert_one_line("pubsub", &["--max-lag-bytes=0"], "must be at least 1");
    assert_one_line("pubsub", &["--port=0", "--log-bytes=1MiB"], "--log-bytes");
    assert_one_line("simplequeue", &["--port=0", "--queue-bytes=10", "--max-bytes=11"], "--queue-bytes");
    assert_one_line("simplequeue", &["--mget-item-sep=12345678901234567"], "16 bytes");
    assert_one_line(
        "simplequeue",
        &["--port=0", "--address=127.0.0.1", "--overflow-log=/no/such/folder/log"],
        "--overflow-log",
    );
}

#[test]
fn a_server_takes_another_root_and_user_or_says_why_it_may_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = [format!("--root={}", folder.path().display()), "--user=nobody".to_owned()];
    if !nix::unistd::geteuid().is_root() {
        return assert_one_line("simplequeue", &["--port=0", "--address=127.0.0.1", &flags[0], &flags[1]], "--root");
    }
    let server = Server::start("simplequeue", &flags);
    let process = PathBuf::from(format!("/proc/{}", server.process.id()));
    let nobody = nix::unistd::User::from_name("nobody").expect("a list of users").expect("nobody").uid;
    let status = fs::read_to_string(process.join("status")).expect("the status of a process");
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("the users of a process");
    assert!(users.split_whitespace().all(|user| user == nobody.to_string()), "{users}");
    assert_eq!(fs::read_link(process.join("root")).expect("a root"), folder.path());
    server.get("/put?data=H3110");
    assert_eq!(server.get("/get"), "H3110");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_daemon_serves_when_the_command_has_returned() {
    let mut command = Process::start("simplequeue", ["--port=0", "--address=127.0.0.1", "--daemon"]);
    assert_eq!(command.exit_code(), 0, "{}", command.stderr());
    let address = command.line("listening on ").parse().expect("an address and a port");
    let answers = ["/put?data=H3110", "/get", "/exit"].map(|target| Client::connect(address).get(target).text());
    assert_eq!(answers, ["", "H3110", ""]);
    until("the daemon to end", || std::net::TcpStream::connect(address).is_err().then_some(()));
}

#[test]
fn a_daemon_keeps_what_it_answered_on_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = format!("--data-dir={}", folder.path().display());
    let mut command = Process::start("streamgauge", ["serve", "--pubsub-port=0", "--queue-port=0", "--daemon", &data]);
    assert_eq!(command.exit_code(), 0, "{}", command.stderr());
    let line = command.line("pubsub   http://");
    let address = line.split_whitespace().next().and_then(|at| at.parse().ok()).expect("an address and a port");
    let answers = ["/put?queue=q&data=H3110", "/exit"].map(|target| Client::connect(address).get(target).text());
    assert_eq!(answers, ["", ""]);
    let lock = fs::File::open(folder.path().join("lock")).expect("a lock");
    until("the daemon to end", || lock.try_lock().ok());
    drop(lock);
    let server = Server::everything([&data]);
    assert_eq!(server.get("/get?queue=q"), "H3110");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_signal_that_comes_as_soon_as_a_server_says_that_it_is_there_stops_it_well() {
    for _ in 0..20 {
        assert_eq!(Server::start("simplequeue", <[&str; 0]>::default()).stop(), 0);
    }
}

#[test]
fn absurd_limits_are_one_line_and_exit_2_or_only_large() {
    let huge = u64::MAX.to_string();
    for tool in SERVERS {
        for flag in [
            "max-connections",
            "max-buffered-bytes",
            "max-header-bytes",
            "header-timeout",
            "io-timeout",
            "idle-timeout",
        ] {
            assert_usable_or_refused(tool, flag, &huge);
        }
    }
    for flag in ["max-message-bytes", "max-lag-bytes", "max-subscribers", "log-bytes"] {
        assert_usable_or_refused("pubsub", flag, &huge);
    }
    for flag in ["max-depth", "max-item-bytes", "max-mget", "queue-bytes"] {
        assert_usable_or_refused("simplequeue", flag, &huge);
    }
}

#[track_caller]
fn assert_usable_or_refused(tool: &str, flag: &str, value: &str) {
    let mut process = Process::start(tool, ["--port=0", "--address=127.0.0.1", &format!("--{flag}={value}")]);
    let listening = until("a start or an end", || {
        let out = process.stdout();
        let address = out.split_inclusive('\n').find_map(|line| line.strip_prefix("listening on ")?.strip_suffix('\n'));
        match address {
            Some(address) => Some(Some(address.to_owned())),
            None => process.stderr().lines().any(|line| line.starts_with("error")).then_some(None),
        }
    });
    match listening {
        Some(address) => {
            let mut client = streamgauge_tests::client::Client::connect(address.parse().expect("an address"));
            client.send("GET /stats HTTP/1.1\r\nhost: localhost\r\n\r\n");
            assert_eq!(client.answer().status, 200, "--{flag}");
            process.signal(SIGTERM);
            assert_eq!(process.exit_code(), 0, "--{flag}");
        }
        None => {
            assert_eq!(process.exit_code(), 2, "--{flag}: {}", process.stderr());
            let err = process.stderr();
            let errors: Vec<_> = err.lines().filter(|line| line.starts_with("error")).collect();
            assert!(matches!(errors[..], [error] if error.contains(flag)), "--{flag}: {err}");
        }
    }
}

#[test]
fn a_port_that_is_taken_is_one_line_and_exit_2() {
    let server = Server::start("pubsub", [""; 0]);
    let port = server.address.port().to_string();
    for tool in SERVERS {
        assert_one_line(tool, &["--address=127.0.0.1", "--port", &port], &port);
    }
}

#[test]
fn logs_go_to_stderr() {
    let server = Server::start("simplequeue", ["--enable_logging"]);
    let out = server.process.stdout();
    server.get("/put?data=x");
    server.get("/nothing");
    until("two requests in the log", || {
        let log = server.process.stderr();
        (log.contains("GET /put?data=x 200") && log.contains("GET /nothing 404")).then_some(())
    });
    assert_eq!(server.process.stdout(), out);
    let quiet = Server::start("simplequeue", <[&str; 0]>::default());
    quiet.get("/put?data=x");
    quiet.get("/get");
    let said = quiet.complaints();
    assert!(said.starts_with("memory at most ") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_get_that_a_signal_ends_has_not_got_what_it_was_asked_for() {
    let server = Server::start("simplequeue", [""; 0]);
    let url = format!("http://{}", server.address);
    for (flags, code) in [(&["--wait"][..], 130), (&["--all", "--wait"], 0)] {
        let mut process = Process::start("streamgauge", [&["get", "--url", &url], flags].concat());
        assert_eq!(server.connect().post("/put", "x").status, 200);
        if code == 0 {
            until("it to be printed", || process.stdout().contains('x').then_some(()));
        } else {
            assert_eq!((process.exit_code(), process.stdout().as_str()), (0, "x\n"), "there was one");
            process = Process::start("streamgauge", [&["get", "--url", &url], flags].concat());
            // It has to be there: a signal before that ends any process.
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        process.signal(SIGINT);
        assert_eq!(process.exit_code(), code, "{flags:?}");
    }
}

#[test]
fn a_signal_ends_streams_and_what_is_in_flight() {
    for signal in [SIGTERM, SIGINT] {
        let mut server = Server::start("pubsub", [""; 0]);
        let mut lines = server.connect();
        lines.send("GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut parts = server.connect();
        parts.send("GET /sub HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut events = server.connect();
        events.send("GET /sub?format=sse HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut old = server.connect();
        old.send("GET /sub?multipart=0 HTTP/1.0\r\n\r\n");
        for subscriber in [&mut lines, &mut parts, &mut events, &mut old] {
            subscriber.head();
        }
        let mut websocket = server.connect();
        websocket.send("GET /sub HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n");
        websocket.head();
        let mut idle = server.connect();
        idle.get("/stats");
        let mut fresh = server.connect();
        let mut publisher = server.connect();
        publisher.send("POST /pub HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nlast ");
        until("the subscribers", || (server.counter("Active connections") == 5).then_some(()));
        server.process.signal(signal);
        assert_eq!(idle.rest(), b"", "an idle connection is closed");
        until("the port to be closed", || std::net::TcpStream::connect(server.address).is_err().then_some(()));
        publisher.send("words");
        let answer = publisher.answer();
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(answer.text().starts_with("Published 1 messages to "), "what is in flight is finished");
        assert_eq!(String::from_utf8_lossy(&lines.rest()).rsplit("\r\n").nth(2), Some("0"), "the last chunk");
        assert!(parts.rest().ends_with(b"\r\n--xXPubSubXx\r\n\r\n0\r\n\r\n"));
        assert!(events.rest().ends_with(b"\n\n\r\n0\r\n\r\n"));
        old.rest();
        assert_eq!(websocket.rest(), b"\x88\x00", "a WebSocket is told with a close");
        let _ = fresh.rest();
        assert_eq!(server.process.exit_code(), 0);
    }
}

#[test]
fn a_terminal_that_is_closed_ends_what_was_started_in_it() {
    let server = Server::start("simplequeue", [""; 0]);
    let source = format!("http://{}", server.address);
    server.get("/put?data=7");
    let generate = ["generate", "uniform", "--rate", "100"];
    for args in [&generate[..], &["read", "--source", &source, "--print"]] {
        // The tests may have been started with `nohup` themselves.
        let mut heeding = Command::new("env");
        heeding.arg("--default-signal=HUP").arg(tool("streamgauge")).args(args).env_remove("RUST_LOG");
        let mut process = Process::spawn(heeding);
        until("a line", || (!process.stdout().is_empty()).then_some(()));
        process.signal(SIGHUP);
        assert_eq!(until("it to end", || process.try_exit_code()), 0, "{args:?}: {}", process.stderr());
    }
    // As `nohup` starts it.
    let mut ignoring = Command::new("sh");
    ignoring.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(tool("streamgauge")).args(generate);
    let mut process = Process::spawn(ignoring);
    until("a line", || (!process.stdout().is_empty()).then_some(()));
    process.signal(SIGHUP);
    let before = process.stdout().len();
    until("it to go on", || (process.stdout().len() > before + 500).then_some(()));
    process.signal(SIGTERM);
    assert_eq!(process.exit_code(), 0);
}

#[test]
fn signals_that_come_together_are_one() {
    let server = Server::start("simplequeue", [""; 0]);
    let source = format!("http://{}", server.address);
    let mut measuring = Process::start("streamgauge", ["moments", "--source", &source]);
    server.get("/put?data=7");
    until("it to be read", || (server.counter("depth") == 0).then_some(()));
    // As `timeout` sends them: to the process, and to the group that it is in.
    measuring.stop();
    [SIGTERM, SIGINT, SIGCONT].into_iter().for_each(|signal| measuring.signal(signal));
    assert_eq!(measuring.exit_code(), 0, "{}", measuring.stderr());
    assert!(measuring.stdout().starts_with("count 1 "), "{}", measuring.stdout());
}

#[test]
fn nobody_waits_for_a_connection_that_has_said_nothing() {
    for tool in SERVERS {
        let mut server = Server::start(tool, [""; 0]);
        let fresh = server.connect();
        server.get("/stats");
        let start = Instant::now();
        server.process.signal(SIGTERM);
        assert_eq!(server.process.exit_code(), 0);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        drop(fresh);
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    for tool in SERVERS {
        let mut server = Server::start(tool, [""; 0]);
        let mut busy = server.connect();
        busy.send("POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf");
        until("the half request to be read", || server.get("/stats").ends_with('\n').then_some(()));
        server.process.signal(SIGTERM);
        until("the port to be closed", || std::net::TcpStream::connect(server.address).is_err().then_some(()));
        // Those that come together are one.
        std::thread::sleep(Duration::from_millis(150));
        let start = Instant::now();
        server.process.signal(SIGTERM);
        assert_ne!(server.process.exit_code(), 0, "not a clean end");
        // It would have waited for 5 s.
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
}

#[test]
fn exit_is_only_for_loopback() {
    // The address by which this machine is known elsewhere: none is contacted by this.
    let outside = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let Some(address) = outside.ok().map(|outside| outside.ip()).filter(|address| !address.is_loopback()) else {
        return go_without("this machine has no address but loopback", "one in a network has");
    };
    let mut process = Process::start("simplequeue", ["--port=0", &format!("--address={address}")]);
    let listens: std::net::SocketAddr = process.line("listening on ").parse().expect("an address");
    let mut client = streamgauge_tests::client::Client::connect(listens);
    let answer = client.get("/exit");
    assert_eq!((answer.status, answer.text()), (403, "/exit is only for loopback\n".into()));
    assert_eq!(client.get("/put?data=still").status, 200);
    assert_eq!(client.get("/get").text(), "still");
}
