//! TLS and HTTP/2, with clients that others have written: curl, openssl and h2load.

mod gauge;
mod page;
mod unsent;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal::{SIGCONT, SIGHUP, SIGSTOP, SIGTERM};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use streamgauge_tests::certificates::Authority;
use streamgauge_tests::command;
use streamgauge_tests::needs;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::{until, until_within};

use gauge::{Gauge, HERE};

fn have_clients() -> bool {
    needs::programs(&["curl", "openssl"])
}

const SUBSCRIBE: &[u8] = b"GET /sub?multipart=0 HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn curl_speaks_both_versions() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    for (flag, version, peers) in [("--http1.1", "1.1", 1), ("--http2", "2", 1)] {
        let mut stream = Process::spawn(gauge.curl_command(&[flag, &gauge.url("/sub?multipart=0")]));
        gauge.has(peers);
        let body = format!("over {version}");
        let published = gauge.curl(&[flag, "-d", &body, "-w", " %{http_version} %{response_code}", &gauge.url("/pub")]);
        assert_eq!(published.unwrap(), format!("Published 1 messages to 1 clients.\n {version} 200").as_bytes());
        let _ = stream.line(&body);
        drop(stream);
        gauge.has(0);
        let put = gauge.curl(&[flag, "-d", "item", &gauge.url("/put")]).unwrap();
        assert_eq!(gauge.curl(&[flag, &gauge.url("/get")]).unwrap(), b"item", "{put:?}");
        let head = gauge.curl(&[flag, "--head", &gauge.url("/stats")]).unwrap();
        assert!(String::from_utf8(head).unwrap().starts_with(&format!("HTTP/{version} 200")));
        // What is refused has the same line.
        let refused = gauge.curl(&[flag, "-w", " %{response_code}", "-X", "DELETE", &gauge.url("/stats")]).unwrap();
        assert!(String::from_utf8(refused).unwrap().ends_with("\n 405"));
    }
    let metrics = gauge.ask("/metrics");
    assert!(metrics.contains("tls_handshakes_total{end=\"done\"} "), "{metrics}");
}

#[test]
fn curl_sees_a_refusal_of_a_body_and_is_told_when_to_send_one() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&["--max-body-bytes=100000"]);
    fs::write(gauge.file("large"), vec![b'x'; 1_000_000]).unwrap();
    let data = format!("@{}", gauge.file("large").display());
    for version in ["--http1.1", "--http2"] {
        // Of one that is told in pieces, some has come when it is refused.
        for length in ["Accept: */*", "Transfer-Encoding: chunked"] {
            for _ in 0..10 {
                let refused =
                    gauge.curl(&[version, "-H", length, "-H", "Expect:", "--data-binary", &data, &gauge.url("/pub")]);
                let refused = String::from_utf8(refused.unwrap()).unwrap();
                assert_eq!(refused, "the body is over the limit max-body-bytes 100000\n", "{version} {length}");
            }
        }
        let begun = Instant::now();
        // It would wait as long.
        let expects = ["-H", "Expect: 100-continue", "--expect100-timeout", "60"];
        let put = ["-d", "small", &gauge.url("/put")];
        let taken = gauge.curl(&[&[version][..], &expects, &put].concat()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30), "{version}: {:?}", begun.elapsed());
        assert_eq!(gauge.curl(&[version, &gauge.url("/get")]).unwrap(), b"small", "{taken:?}");
    }
}

#[test]
fn who_speaks_only_the_first_version_is_answered() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    let answered = gauge.curl(&["--http1.0", "-w", " %{response_code}", &gauge.url("/livez")]).unwrap();
    assert_eq!(answered, b"ok\n 200");
}

#[test]
fn who_leaves_takes_nothing_with_it_whatever_it_has_asked_for() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    let get = "GET /get?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    gauge.ask("/livez");
    let before = gauge.process.open_files_at_rest();
    for questions in [1, 2, 10] {
        let mut client = gauge.openssl(&gauge.file("ca.pem"));
        client.say(get.as_bytes());
        gauge.curl(&["-d", "first", &gauge.url("/put")]).unwrap();
        client.hear(b"first");
        for _ in 0..questions {
            // Each but the first comes while that waits, and is not read.
            client.say(get.as_bytes());
            thread::sleep(Duration::from_millis(100));
        }
        drop(client);
        until("who left to be gone", || (gauge.process.open_files() == before).then_some(()));
    }
    gauge.curl(&["-d", "item", &gauge.url("/put")]).unwrap();
    assert_eq!(gauge.ask("/get"), "item");
}

#[test]
fn openssl_reads_a_stream_and_sees_its_end() {
    if !have_clients() {
        return;
    }
    let mut gauge = Gauge::new(&[]);
    let mut client = gauge.openssl(&gauge.file("ca.pem"));
    client.say(SUBSCRIBE);
    client.hear(b"\r\n\r\n");
    gauge.curl(&["-d", "one message", &gauge.url("/pub")]).unwrap();
    client.hear(b"one message\n");
    gauge.process.signal(SIGTERM);
    client.hear(b"0\r\n\r\n");
    assert_eq!(gauge.process.exit_code(), 0);
}

#[test]
fn a_websocket_is_opened() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    let mut client = gauge.openssl(&gauge.file("ca.pem"));
    client.say(
        b"GET /sub HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    client.hear(b"HTTP/1.1 101 ");
    client.hear(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    gauge.curl(&["-d", "framed", &gauge.url("/pub")]).unwrap();
    client.hear(b"\x06framed");
    client.say(b"\x89\x81\0\0\0\0a");
    client.hear(b"\x8a\x01a");
    client.say(b"\x88\x80\0\0\0\0");
    until("the end", || client.child.try_wait().unwrap());
}

#[test]
fn the_command_line_and_bridges_speak_https() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    let authority = gauge.file("ca.pem").display().to_string();
    let (url, trust) = (gauge.url(""), format!("--ca-file={authority}"));
    let typed = |args: &[&str], input: &str| {
        let at = format!("--url={url}");
        command::fine(&[&[args[0], &trust, &at], &args[1..]].concat(), input)
    };
    typed(&["put", "an item"], "");
    assert_eq!(typed(&["get"], ""), "an item\n");
    typed(&["pub"], "one\ntwo\n");
    assert_eq!(typed(&["sub", "--from=first", "--limit=2"], ""), "one\ntwo\n");
    // Unknown authorities are not trusted, and that is said.
    let (code, _, why) = command::run(&["put", "x", "--url", &url], "");
    assert!(code == 3 && why.ends_with("does not count: nobody who is trusted has signed it\n"), "{code} {why}");

    let plain = Server::start("simplequeue", [""; 0]);
    let bridge = |from: &str, to: &str| {
        let (from, to) = (format!("--pubsub-url={from}"), format!("--destination-post-url={to}"));
        Process::start("ps_to_http", [&from, &to, &trust])
    };
    let _out = bridge(&gauge.url("/sub?multipart=0"), &format!("http://{}/put", plain.address));
    let _back = bridge(&gauge.url("/sub?multipart=0"), &gauge.url("/put?queue=back"));
    gauge.has(2);
    typed(&["pub"], &(0..500).map(|number| format!("{{\"number\":{number}}}\n")).collect::<String>());
    until("all to be over there", || (plain.counter("depth") == 500).then_some(()));
    until("all to be back", || gauge.ask("/stats?queue=back").contains("depth:500\n").then_some(()));
    let mut reader = Process::start(
        "streamgauge",
        ["read", &format!("--source={url}"), "--queue=back", &trust, "--drain", "--print"],
    );
    assert_eq!(reader.exit_code(), 0, "{}", reader.stderr());
    let read = reader.stdout();
    assert_eq!((read.lines().count(), read.lines().next()), (500, Some("{\"number\":0}")));
}

#[test]
fn only_who_has_a_certificate_gets_in() {
    if !have_clients() {
        return;
    }
    let clients = tempfile::tempdir().unwrap();
    let file = |name: &str| clients.path().join(name).display().to_string();
    Authority::new(clients.path(), "ca").vouch("right", &HERE);
    Authority::new(clients.path(), "other").vouch("wrong", &HERE);
    let gauge = Gauge::new(&[&format!("--tls-client-ca={}", file("ca.pem"))]);
    let url = gauge.url("/put?data=x");
    for version in ["--http1.1", "--http2"] {
        let shown = |name: &str| {
            let (certificate, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
            gauge.curl(&[version, "--cert", &certificate, "--key", &key, &url])
        };
        assert!(gauge.curl(&[version, &url]).is_err(), "none");
        assert!(shown("wrong").is_err(), "of another authority");
        shown("right").unwrap();
    }
    let at = format!("--url={}", gauge.url(""));
    let trust = format!("--ca-file={}", gauge.file("ca.pem").display());
    let (certificate, key) =
        (format!("--client-cert={}", file("right.pem")), format!("--client-key={}", file("right.key")));
    command::fine(&["put", "item", &at, &trust, &certificate, &key], "");
    let (code, out, why) = command::run(&["put", "item", &at, &trust], "");
    let asked = "/put: can't connect: a certificate of the client is asked for (--client-cert, --client-key)\n";
    assert!(code == 3 && out.is_empty() && why.ends_with(asked), "{code}: {out}{why}");
    let [wrong, other] =
        [("cert", "wrong.pem"), ("key", "wrong.key")].map(|(flag, name)| format!("--client-{flag}={}", file(name)));
    let (code, _, why) = command::run(&["put", "item", &at, &trust, &wrong, &other], "");
    let refused = "can't connect: the other side does not trust who has signed the certificate that it was shown\n";
    assert!(code == 3 && why.ends_with(refused), "{code}: {why}");
    let (code, _, why) = command::run(&["put", "item", &at, &certificate, &other], "");
    let (key, certificate) = (file("wrong.key"), file("right.pem"));
    let misfit = format!("error: --client-cert, --client-key: {key} is not the key of {certificate}\n");
    assert!(code == 2 && why.ends_with(&misfit), "{code}: {why}");
}

#[test]
fn a_new_certificate_is_shown_and_no_stream_ends() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    let before = gauge.file("ca.pem");
    let mut old = gauge.openssl(&before);
    old.say(SUBSCRIBE);
    old.hear(b"\r\n\r\n");
    let mut many = Process::spawn(gauge.curl_command(&["--http2", &gauge.url("/sub?multipart=0")]));
    gauge.has(2);

    // Nonsense changes nothing.
    let good = fs::read(gauge.file("server.pem")).unwrap();
    fs::write(gauge.file("server.pem"), "nonsense").unwrap();
    gauge.process.signal(SIGHUP);
    until("a complaint", || {
        let said = gauge.process.stderr();
        (said.contains("stays the one before") && said.contains("there is no certificate in it")).then_some(())
    });
    fs::write(gauge.file("server.pem"), good).unwrap();
    gauge.has(2);

    Authority::new(gauge.folder.path(), "next").vouch("server", &HERE);
    gauge.process.signal(SIGHUP);
    let (fresh, url) = (gauge.file("next.pem"), gauge.url("/pub"));
    until("the new certificate", || {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--max-time", "10", "--cacert"]).arg(&fresh).args(["-d", "after the change", &url]);
        curl.output().unwrap().status.success().then_some(())
    });
    assert!(gauge.process.stderr().contains("the certificate was read again\n"), "{}", gauge.process.stderr());
    assert!(gauge.curl(&[&gauge.url("/stats")]).is_err(), "the old one is shown no more");
    old.hear(b"after the change\n");
    let _ = many.line("after the change");
}

/// All that a server says until it closes the connection, which is soon.
fn said_to(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(bytes).unwrap();
    let mut said = Vec::new();
    // A reset is an end too.
    if let Err(error) = socket.read_to_end(&mut said) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    said
}

#[test]
fn what_is_no_handshake_is_told_counted_and_never_waited_for() {
    if !have_clients() {
        return;
    }
    let mut gauge = Gauge::new(&["--header-timeout=1"]);
    let plain = said_to(gauge.address, b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n");
    let plain = String::from_utf8(plain).unwrap();
    assert!(plain.starts_with("HTTP/1.1 400 ") && plain.ends_with("this port speaks TLS: use https\n"), "{plain}");
    let begun = Instant::now();
    // Nothing; the beginning of a record that never ends; what is none.
    assert_eq!(said_to(gauge.address, b""), b"");
    assert_eq!(said_to(gauge.address, b"\x16\x03\x01\x02\x00\x01"), b"");
    assert!(begun.elapsed() < Duration::from_secs(10));
    said_to(gauge.address, &[0x80; 100]);
    said_to(gauge.address, &[&b"\x16\x03\x01\x00\x64"[..], &[0xff; 100]].concat());
    let metrics = gauge.ask("/metrics");
    for end in ["{end=\"plain\"} 1", "{end=\"late\"} 2", "{end=\"failed\"} 2"] {
        assert!(metrics.contains(&format!("tls_handshakes_total{end}\n")), "{end}: {metrics}");
    }
    gauge.process.signal(SIGTERM);
    gauge.process.wait();
    assert!(!gauge.process.stderr().contains("handshake"), "{}", gauge.process.stderr());
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "ca");
    authority.vouch("server", &HERE);
    authority.vouch("other", &HERE);
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("empty"), "").unwrap();
    let cut = fs::read_to_string(file("server.pem")).unwrap().replace("-----END", "");
    fs::write(file("cut.pem"), cut).unwrap();
    let traditional = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
                       -----END RSA PRIVATE KEY-----\n";
    fs::write(file("traditional.key"), traditional).unwrap();
    let own = fs::read_to_string(file("server.key")).unwrap();
    fs::write(file("encrypted.key"), own.replace(" PRIVATE KEY", " ENCRYPTED PRIVATE KEY")).unwrap();
    let encrypted = "the private key in it is encrypted, which is not supported";
    for (certificate, key, wrong) in [
        ("none.pem", "server.key", "--tls-cert: "),
        ("empty", "server.key", "there is no certificate in it"),
        ("server.pem", "empty", "there is no private key in it"),
        ("server.pem", "other.key", "is not the key of"),
        ("server.pem", "traditional.key", encrypted),
        ("server.pem", "encrypted.key", encrypted),
        ("cut.pem", "server.key", "not PEM: it ends before END CERTIFICATE\n"),
    ] {
        let flags = [format!("--tls-cert={}", file(certificate)), format!("--tls-key={}", file(key))];
        let (code, _, said) = command::run(&["serve", "--pubsub-port=0", &flags[0], &flags[1]], "");
        assert!(code == 2 && said.contains(wrong), "{code}: {said}");
        assert_eq!(said.trim_end().lines().filter(|line| line.starts_with("error: ")).count(), 1, "{said}");
    }
    let (code, _, said) = command::run(&["serve", &format!("--tls-cert={}", file("server.pem"))], "");
    assert!(code == 2 && said.contains("--tls-key"), "{code}: {said}");
}

#[test]
fn long_messages_are_whole_over_all_of_it() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    let message = |at: usize| {
        let byte = |position: usize| b'a' + ((position * 7 + position / 251 + at) % 26) as u8;
        (0..1 << 20).map(byte).collect::<Vec<u8>>()
    };
    let messages: Vec<_> = (0..4).map(message).collect();
    let all: Vec<u8> = messages.iter().flat_map(|message| message.iter().copied().chain(*b"\n")).collect();
    fs::write(gauge.file("messages"), &all[..all.len() - 1]).unwrap();
    let data = format!("@{}", gauge.file("messages").display());
    let mut live: Vec<_> = ["--http1.1", "--http2"]
        .map(|version| {
            let mut curl = gauge.curl_command(&[version, &gauge.url("/sub?multipart=0&limit=4")]);
            curl.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("curl starts")
        })
        .into();
    gauge.has(2);
    for version in ["--http2", "--http1.1"] {
        gauge.curl(&[version, "--data-binary", &data, &gauge.url("/pub")]).unwrap();
        let again = gauge.curl(&[version, &gauge.url("/sub?multipart=0&from=first&limit=4")]).unwrap();
        assert!(again.trim_ascii() == all.trim_ascii(), "{version}: {} bytes", again.len());
    }
    for curl in live.drain(..) {
        let output = command::ended(curl);
        assert!(
            output.status.success() && output.stdout.trim_ascii() == all.trim_ascii(),
            "{} bytes",
            output.stdout.len()
        );
    }
}

#[test]
fn who_reads_too_slowly_is_kicked_and_takes_no_memory() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&["--max-lag-bytes=2MiB"]);
    let mut tls = gauge.openssl(&gauge.file("ca.pem"));
    tls.say(SUBSCRIBE);
    tls.hear(b"\r\n\r\n");
    let mut curl = gauge.curl_command(&["--http2", &gauge.url("/sub?multipart=0")]);
    let mut curl = curl.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("curl starts");
    gauge.has(2);
    let pids = [tls.child.id(), curl.id()].map(|id| Pid::from_raw(id as i32));
    pids.iter().for_each(|pid| kill(*pid, SIGSTOP).unwrap());
    fs::write(gauge.file("messages"), vec![b'x'; 1 << 20]).unwrap();
    let (data, pubs) = (format!("@{}", gauge.file("messages").display()), gauge.url("/pub"));
    gauge.curl(&["--data-binary", &data, &pubs]).unwrap();
    let before = gauge.process.resident();
    until_within(Duration::from_secs(60), "both to be sent away", || {
        gauge.curl(&["--data-binary", &data, &pubs]).unwrap();
        (gauge.counter("Kicked clients") == 2).then_some(())
    });
    // The log keeps 64 MiB of messages, whoever reads them.
    assert!(gauge.process.resident() < before + (80 << 20));
    until_within(Duration::from_secs(60), "them to be gone", || {
        (gauge.counter("Active connections") == 0).then_some(())
    });
    pids.iter().for_each(|pid| kill(*pid, SIGCONT).unwrap());
    let _ = curl.kill();
    let _ = curl.wait();
}

#[test]
fn many_subscribers_share_a_connection() {
    if !have_clients() {
        return;
    }
    const STREAMS: usize = 60;
    let gauge = Gauge::new(&[]);
    let urls: Vec<_> = (0..STREAMS).map(|at| gauge.url(&format!("/sub?multipart=0&limit=3&client=c{at}"))).collect();
    let parallel = STREAMS.to_string();
    let mut args = vec!["--http2", "--parallel", "--parallel-max", &parallel];
    args.extend(urls.iter().map(String::as_str));
    let curl = gauge.curl_command(&args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("curl starts");
    gauge.has(STREAMS as u64);
    for message in ["first", "second", "third"] {
        gauge.curl(&["-d", message, &gauge.url("/pub")]).unwrap();
    }
    let output = command::ended(curl);
    let heard = String::from_utf8(output.stdout).unwrap();
    for message in ["first", "second", "third"] {
        assert_eq!(heard.lines().filter(|line| *line == message).count(), STREAMS);
    }
    gauge.has(0);
}

#[test]
fn h2load_sees_no_failure() {
    if !have_clients() || !needs::programs(&["h2load"]) {
        return;
    }
    let gauge = Gauge::new(&[]);
    fs::write(gauge.file("item"), "an item").unwrap();
    let item = gauge.file("item").display().to_string();
    for (path, body) in [("/stats", None), ("/put?queue=h2", Some(&item))] {
        let mut load = Command::new("h2load");
        load.args(["-n", "5000", "-c", "4", "-m", "32", "-T", "30"]).arg(gauge.url(path));
        load.args(body.into_iter().flat_map(|body| ["-d", body.as_str()]));
        let output = load.output().expect("h2load starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let all = "requests: 5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout";
        assert!(said.contains(all), "{path}: {said}");
    }
    assert!(gauge.ask("/stats?queue=h2").contains("puts:5000\n"));
}

#[test]
fn the_other_bridges_speak_https() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&[]);
    let trust = format!("--ca-file={}", gauge.file("ca.pem").display());
    let from = format!("--pubsub-url={}", gauge.url("/sub?multipart=0"));
    let format = format!("--filename-format={}", gauge.file("written.log").display());
    let file = Process::start("ps_to_file", [&from, &format, &trust]);
    let filtered = Server::start("pubsub_filtered", [&from, &trust, "--blacklist-fields=secret"]);
    let mut subscriber = filtered.connect();
    subscriber.send(SUBSCRIBE);
    let _ = subscriber.head();
    // What bitly's begins with, so that a client sees that it is served.
    assert_eq!(subscriber.chunk().unwrap(), b"\r\n");
    gauge.has(2);
    gauge.curl(&["-d", r#"{"shown":1,"secret":2}"#, &gauge.url("/pub")]).unwrap();
    assert_eq!(subscriber.chunk().unwrap(), b"{\"shown\":1}\n");
    let written = || fs::read_to_string(gauge.file("written.log")).ok();
    until("the file", || (written()? == "{\"shown\":1,\"secret\":2}\n").then_some(()));
    drop(file);
}

#[test]
fn shards_share_it() {
    if !have_clients() {
        return;
    }
    let gauge = Gauge::new(&["--shards=3"]);
    let versions = ["--http1.1", "--http2"];
    // So many names that each shard has some, and a client is on another one than what it asks for.
    let names: Vec<_> = (0..6).map(|number| format!("name{number}")).collect();
    let mut streams = Vec::new();
    for name in &names {
        for version in versions {
            let url = gauge.url(&format!("/sub?multipart=0&topic={name}"));
            streams.push((name, Process::spawn(gauge.curl_command(&[version, &url]))));
        }
        let clients = || gauge.ask(&format!("/stats?topic={name}")).contains("Active connections: 2\n").then_some(());
        until("subscribers", clients);
    }
    for name in &names {
        for version in versions {
            let url = gauge.url(&format!("/pub?topic={name}"));
            let published = gauge.curl(&[version, "-d", &format!("{name} by {version}"), &url]).unwrap();
            assert_eq!(published, b"Published 1 messages to 2 clients.\n");
            gauge.curl(&[version, "-d", version, &gauge.url(&format!("/put?queue={name}"))]).unwrap();
        }
        for version in versions {
            assert_eq!(
                gauge.curl(&["--http2", &gauge.url(&format!("/get?queue={name}"))]).unwrap(),
                version.as_bytes()
            );
        }
    }
    for (name, stream) in &mut streams {
        for version in versions {
            let _ = stream.line(&format!("{name} by {version}"));
        }
    }
}
