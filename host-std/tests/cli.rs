//! The client commands of the real binary, against a real server.
#![cfg(unix)]

#[path = "cli/names.rs"]
mod names;
#[path = "cli/server.rs"]
mod server;
#[path = "cli/streams.rs"]
mod streams;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use server::{STREAMGAUGE, Server, collect, finish, parts, run, signal, start, text};

/// An address where nobody listens.
fn nowhere() -> String {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", taken.local_addr().expect("an address"))
}

#[test]
fn messages_arrive_as_they_were_published() {
    let server = Server::start(&[]);
    let plain = start(&["sub", "--url", &server.pubsub, "--count=5"]);
    let json = start(&["sub", "--url", &server.pubsub, "--count=5", "--json"]);
    server.wait_for_subscribers(2);
    assert_eq!(parts(&run(&["pub", "--url", &server.pubsub, "one", "tw\"o"], "")), (0, "published 2\n", ""));
    let published = run(&["pub", "--url", &server.pubsub, "--json"], b"\nthree\n\xff\x00\n\nfour");
    assert_eq!(parts(&published), (0, "{\"published\": 3}\n", ""));
    assert_eq!(collect(plain).stdout, b"one\ntw\"o\nthree\n\xff\x00\nfour\n");
    let json = collect(json);
    let mut lines = text(&json.stdout).lines();
    let first: u64 = lines.clone().next().and_then(id).expect("a number");
    for (i, data) in
        ["\"data\": \"one\"", "\"data\": \"tw\\\"o\"", "\"data\": \"three\"", "\"hex\": \"ff00\"", "\"data\": \"four\""]
            .into_iter()
            .enumerate()
    {
        assert_eq!(lines.next(), Some(&*format!("{{\"id\": {}, {data}}}", first + i as u64)));
    }
    assert_eq!(lines.next(), None);
}

fn id(line: &str) -> Option<u64> {
    line.strip_prefix("{\"id\": ")?.split(',').next()?.parse().ok()
}

#[test]
fn a_subscription_goes_on_behind_a_number() {
    let server = Server::start(&["--log-bytes=64KiB", "--max-body-bytes=16KiB", "--max-message-bytes=16KiB"]);
    let first = start(&["sub", "--url", &server.pubsub, "--count=1", "--json"]);
    server.wait_for_subscribers(1);
    run(&["pub", "--url", &server.pubsub, "a", "b", "c"], "");
    let first = collect(first);
    let first = text(&first.stdout).lines().next().and_then(id).expect("a number");
    let since = format!("--since={first}");
    let rest = run(&["sub", "--url", &server.pubsub, "--count=2", &since], "");
    assert_eq!(parts(&rest), (0, "b\nc\n", ""));
    // What the log has lost is told: 30 messages of 5000 bytes are more than twice what it holds.
    let long = format!("{}\n", "x".repeat(5000)).repeat(30);
    assert_eq!(parts(&run(&["pub", "--url", &server.pubsub], long)), (0, "published 30\n", ""));
    let rest = run(&["sub", "--url", &server.pubsub, "--count=1", "--json", &since], "");
    let next = text(&rest.stdout).lines().next().and_then(id).expect("a number");
    assert!(next > first + 3, "{next} is not far behind {first}");
    let missed = next - first - 1;
    assert_eq!(text(&rest.stderr), format!("missed {missed} messages: the server no longer has them\n"));
}

#[test]
fn a_subscription_comes_back_without_a_loss() {
    // A source that ends the stream after the first message, and has lost one when it is asked again.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let source = std::thread::spawn(move || {
        let mut targets = Vec::new();
        for (first, message) in [(None, ""), (Some(7), "one"), (Some(9), "two"), (Some(11), "new")] {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a clone")).lines();
            targets.push(lines.next().expect("a request").expect("text"));
            lines.find(|line| line.as_ref().is_ok_and(String::is_empty)).expect("a whole head").expect("text");
            let epoch = if message == "new" { 11 } else { 5 };
            let number = first.map(|first: u64| format!("x-pubsub-epoch: {epoch}\r\nx-pubsub-sequence: {first}\r\n"));
            let body = if message.is_empty() {
                String::new()
            } else {
                format!("--xXPubSubXx\r\ncontent-type: */*\r\ncontent-length: 3\r\n\r\n{message}\r\n--xXPubSubXx\r\n")
            };
            let head = "HTTP/1.1 200 OK\r\ncontent-type: multipart/x-mixed-replace; boundary=xXPubSubXx\r\n";
            let head = format!("{head}connection: close\r\n{}\r\n", number.unwrap_or_default());
            stream.write_all((head + &body).as_bytes()).expect("an answer");
        }
        targets
    });
    let output = run(&["sub", "--url", &url, "--count=3", "--json"], "");
    let (code, stdout, stderr) = parts(&output);
    let [one, two, new] =
        [(7, "one"), (9, "two"), (11, "new")].map(|(id, data)| format!("{{\"id\": {id}, \"data\": \"{data}\"}}\n"));
    assert_eq!((code, stdout), (0, [one, two, new].concat().as_str()));
    assert!(stderr.contains("connection closed; trying again in 0.1 s\n"), "{stderr}");
    assert!(stderr.contains("connected again\nmissed 1 messages: the server no longer has them\n"), "{stderr}");
    let last = "connected again\nthe server has begun anew: nobody can say how many messages were missed\n";
    assert!(stderr.ends_with(last), "{stderr}");
    let targets = source.join().expect("the source ends");
    assert_eq!(targets[1], "GET /sub?multipart=1 HTTP/1.1");
    assert_eq!(targets[2], "GET /sub?last_event_id=7&multipart=1 HTTP/1.1");
}

#[test]
fn items_come_back_in_order_and_whole() {
    // The server's own separators are others.
    let server = Server::start(&["--mput-item-sep=,", "--mget-item-sep=;"]);
    let queue = server.queue.as_str();
    assert_eq!(parts(&run(&["get", "--url", queue], "")), (1, "", ""));
    assert_eq!(parts(&run(&["put", "--url", queue, "a,b", "c\nd"], "")), (0, "put 2\n", ""));
    assert_eq!(parts(&run(&["put", "--url", queue, "--json"], "e,f\n\ng")), (0, "{\"put\": 2}\n", ""));
    assert_eq!(parts(&run(&["put", "--url", queue, "--whole"], b"\n\xff\0\n")), (0, "put 1\n", ""));
    assert_eq!(parts(&run(&["get", "--url", queue], "")), (0, "a,b\n", ""));
    let two = run(&["get", "--url", queue, "--items=2", "--json"], "");
    assert_eq!(parts(&two), (0, "{\"data\": \"c\\nd\"}\n{\"data\": \"e,f\"}\n", ""));
    assert_eq!(parts(&run(&["get", "--url", queue], "")), (0, "g\n", ""));
    let whole = run(&["get", "--url", queue, "--all", "--raw"], "");
    assert_eq!((whole.status.code(), whole.stdout.as_slice()), (Some(0), &b"\n\xff\0\n"[..]));
    assert_eq!(parts(&run(&["get", "--url", queue, "--all"], "")), (1, "", ""));
}

#[test]
fn many_lines_all_arrive() {
    let server = Server::start(&["--max-body-bytes=16KiB"]);
    let lines: String = (0..50_000).map(|i| format!("item {i}\n")).collect();
    let put = run(&["put", "--url", &server.queue], &lines);
    assert_eq!(parts(&put), (0, "put 50000\n", ""));
    let got = run(&["get", "--url", &server.queue, "--all"], "");
    assert_eq!((got.status.code(), text(&got.stdout) == lines), (Some(0), true));
}

#[test]
fn a_line_is_sent_before_the_next_one_is_typed() {
    let server = Server::start(&[]);
    let mut waiting = start(&["get", "--url", &server.queue, "--items=2", "--wait"]);
    let mut putting = start(&["put", "--url", &server.queue]);
    let mut stdin = putting.stdin.take().expect("stdin");
    let mut got = BufReader::new(waiting.stdout.take().expect("stdout"));
    for line in ["one\n", "two\n"] {
        stdin.write_all(line.as_bytes()).expect("it reads");
        let mut item = String::new();
        got.read_line(&mut item).expect("text");
        assert_eq!(item, line);
    }
    assert_eq!(finish(&mut waiting).code(), Some(0));
    // A signal ends it, and it says what it has done.
    signal(&putting, "INT");
    assert_eq!(parts(&collect(putting)), (130, "put 2\n", ""));
    let timed = run(&["get", "--url", &server.queue, "--wait=0.05"], "");
    assert_eq!(parts(&timed), (1, "", ""));
}

#[test]
fn a_signal_ends_a_subscription_and_a_wait() {
    let server = Server::start(&[]);
    let subscription = start(&["sub", "--url", &server.pubsub]);
    server.wait_for_subscribers(1);
    signal(&subscription, "INT");
    assert_eq!(parts(&collect(subscription)), (0, "", ""));
    let mut waiting = start(&["get", "--url", &server.queue, "--wait", "--items=5"]);
    run(&["put", "--url", &server.queue, "a"], "");
    let mut item = [0; 2];
    waiting.stdout.as_mut().expect("stdout").read_exact(&mut item).expect("an item");
    signal(&waiting, "TERM");
    assert_eq!((&item, parts(&collect(waiting))), (b"a\n", (130, "", "")), "four are missing");
}

#[test]
fn a_closed_stdout_ends_quietly_and_loses_nothing() {
    let server = Server::start(&[]);
    let lines: String = (0..20_000).map(|i| format!("{i}\n")).collect();
    run(&["put", "--url", &server.queue], &lines);
    let mut taking = start(&["get", "--url", &server.queue, "--all"]);
    let mut taken = BufReader::new(taking.stdout.take().expect("stdout"));
    let mut first = String::new();
    taken.read_line(&mut first).expect("text");
    // What has been printed until now can still be read; whatever comes later goes nowhere.
    let buffered = taken.buffer().iter().filter(|byte| **byte == b'\n').count();
    drop(taken);
    let status = finish(&mut taking);
    let mut stderr = String::new();
    taking.stderr.take().expect("stderr").read_to_string(&mut stderr).expect("text");
    assert_eq!((status.code(), first.as_str(), stderr.as_str()), (Some(0), "0\n", ""));
    let rest = run(&["get", "--url", &server.queue, "--all"], "");
    let left = text(&rest.stdout).lines().count();
    // The pipe itself holds at most 64 KiB, which nobody can get back from it.
    assert!(left < 20_000 - buffered && left > 0, "{left} are left");

    let mut subscription = start(&["sub", "--url", &server.pubsub]);
    server.wait_for_subscribers(1);
    drop(subscription.stdout.take());
    assert_eq!(finish(&mut subscription).code(), Some(0), "it ends without a message");
}

#[test]
fn an_item_that_nobody_can_read_stays() {
    let server = Server::start(&[]);
    run(&["put", "--url", &server.queue, "precious"], "");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut failing = Command::new(STREAMGAUGE);
    failing.args(["get", "--url", &server.queue]).stdout(full).stderr(Stdio::piped());
    let output = failing.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: stdout: No space left on device"), "{output:?}");
    assert_eq!(parts(&run(&["get", "--url", &server.queue], "")), (0, "precious\n", ""));
}

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let server = Server::start(&["--max-message-bytes=4", "--max-item-bytes=4", "--max-subscribers=1"]);
    let published = run(&["pub", "--url", &server.pubsub], "one\ntwo\nthree\nfour\n");
    let refused = |url: &str, what: &str| {
        format!("error: {url} answered 413: {what} of 5 bytes is over the limit max-{what}-bytes 4\n")
    };
    let expected = refused(&format!("{}/pub", server.pubsub), "message");
    assert_eq!(parts(&published), (1, "published 2\n", &*expected));
    let put = run(&["put", "--url", &server.queue, "--json", "one", "three", "two"], "");
    let expected = refused(&format!("{}/put", server.queue), "item");
    assert_eq!(parts(&put), (1, "{\"put\": 1}\n", &*expected));
    let mut only = std::net::TcpStream::connect(server.pubsub.trim_start_matches("http://")).unwrap();
    only.write_all(b"GET /sub HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    only.read_exact(&mut [0; 12]).unwrap();
    let (code, _, stderr) = {
        let output = run(&["sub", "--url", &server.pubsub], "");
        (output.status.code(), output.stdout, text(&output.stderr).to_owned())
    };
    assert_eq!(code, Some(1));
    assert!(stderr.contains("answered 503: ") && stderr.contains("max-subscribers"), "{stderr}");
    let wrong = run(&["stats", "--queue", &format!("{}/nothing", server.queue)], "");
    let expected = format!("error: {}/nothing/stats?format=json answered 404: Not Found\n", server.queue);
    assert_eq!(parts(&wrong), (1, "", &*expected));
    let nack = run(&["nack", "--url", &server.queue, "--delay", "10000h", "000000000000000000000001"], "");
    let (code, _, stderr) = parts(&nack);
    assert!(code == 1 && stderr.contains("answered 400: ") && !stderr.contains('{'), "a line, and no JSON: {stderr}");
}

#[test]
fn a_server_that_is_not_there_is_exit_code_3() {
    let url = nowhere();
    let topic = format!("{url}/sub");
    let commands: [&[&str]; 9] = [
        &["pub", "--url", &url, "a"],
        &["sub", "--url", &url],
        &["put", "--url", &url, "a"],
        &["get", "--url", &url, "--wait"],
        &["stats", "--pubsub", &url],
        &["bench", "put", "--queue", &url],
        &["read", "--source", &url, "--print"],
        &["moments", "--source", &url],
        &["moments", "--source", &topic],
    ];
    for command in commands {
        let output = run(command, "");
        let (code, _, stderr) = parts(&output);
        assert_eq!(code, 3, "{command:?}: {stderr}");
        let last = stderr.lines().last().expect("a line");
        assert!(last.starts_with(&format!("error: {url}")) && last.contains("can't connect"), "{stderr}");
    }
    let stopped = Server::start(&[]);
    let mut putting = start(&["put", "--url", &stopped.queue]);
    let mut stdin = putting.stdin.take().expect("stdin");
    stdin.write_all(b"one\n").expect("it reads");
    assert_eq!(parts(&run(&["get", "--url", &stopped.queue, "--wait"], "")), (0, "one\n", ""));
    stopped.stop();
    stdin.write_all(b"two\n").expect("it reads");
    drop(stdin);
    let (code, stdout) = {
        let output = collect(putting);
        (output.status.code(), text(&output.stdout).to_owned())
    };
    assert_eq!((code, stdout.as_str()), (Some(3), "put 1\n"));
}

#[test]
fn wrong_flags_are_exit_code_2_and_help_tells_the_codes() {
    let wrong: [&[&str]; 8] = [
        &["pub", "--url", "nonsense"],
        &["sub", "--count", "-1"],
        &["put", "--whole", "a"],
        &["get", "--items=1", "--all"],
        &["get", "--wait", "soon"],
        &["stats", "--watch", "0"],
        &["bench", "nothing"],
        &["bench", "put", "--connections=0"],
    ];
    for args in wrong {
        let output = run(args, "");
        let (code, stdout, stderr) = parts(&output);
        assert_eq!((code, stdout, stderr.lines().count()), (2, "", 1), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
    }
    let third = "  3    the server can't be reached";
    for (command, code) in [
        (&["pub"][..], third),
        (&["sub"], third),
        (&["bench"], third),
        (&["queue", "set"], third),
        (&["gauge", "show"], third),
        (&["state"], third),
        (&["read"], "  3    no queue can be reached"),
        (&["merge"], "  1    a file can't be read"),
        (&["engine", "check"], "  1    it will not"),
        (&["serve"], "  2    wrong flags, or something"),
        (&["token", "new"], "  2    wrong flags, or something"),
    ] {
        let output = run(&[command, &["--help"]].concat(), "");
        let help = parts(&output).1;
        let end = help.rsplit_once("Exit codes:\n").unwrap_or_else(|| panic!("{command:?}: {help}")).1;
        assert!(end.contains("  0    ") && end.contains(code), "{command:?}: {end}");
    }
}

#[test]
fn counters_are_printed_watched_and_reset() {
    let server = Server::start(&[]);
    let both = ["--pubsub", &server.pubsub, "--queue", &server.queue];
    run(&["put", "--url", &server.queue, "a", "b"], "");
    run(&["pub", "--url", &server.pubsub, "a"], "");
    let pubsub = "\"pubsub\": {\"current_connections\": 0, \"total_connections\": 0, \"messages_received\": 1, \
                  \"messages_sent\": 0, \"kicked_clients\": 0}";
    let queue =
        "\"queue\": {\"puts\": 2, \"gets\": 0, \"depth\": 2, \"depth_high_water\": 2, \"bytes\": 2, \"overflow\": 0}";
    let expected = format!("{{{pubsub}, {queue}}}\n");
    let stats = |flags: &[&str]| run(&[&["stats"][..], &both, flags].concat(), "");
    assert_eq!(parts(&stats(&["--json"])), (0, &*expected, ""));
    let table = stats(&["--reset"]);
    let (code, stdout, _) = parts(&table);
    assert_eq!(code, 0);
    for line in [
        "  messages_received               1",
        "  puts                            2",
        "  depth                           2",
    ] {
        assert!(stdout.lines().any(|found| found == line), "{line} in {stdout}");
    }
    let expected = expected.replace("received\": 1", "received\": 0").replace("puts\": 2", "puts\": 0");
    let expected = expected.replace("high_water\": 2", "high_water\": 0");
    assert_eq!(parts(&stats(&["--json"])), (0, &*expected, ""));
    let partly = run(&["stats", "--json", "--pubsub", &nowhere(), "--queue", &server.queue], "");
    assert_eq!(partly.status.code(), Some(3));
    assert!(text(&partly.stdout).starts_with("{\"pubsub\": null, \"queue\": {\"puts\": 0,"), "{partly:?}");

    let mut watching = start(&["stats", "--watch=0.05", "--queue", &server.queue]);
    let lines = BufReader::new(watching.stdout.take().expect("stdout")).lines();
    let second = lines.map(|line| line.expect("text")).filter(|line| line.contains("puts")).nth(1).expect("a line");
    assert!(second.ends_with("+0.0 /s"), "{second}");
    assert_eq!(finish(&mut watching).code(), Some(0), "its stdout is closed");
}

#[test]
fn a_benchmark_measures_what_it_says() {
    let server = Server::start(&[]);
    run(&["put", "--url", &server.queue], "x\n".repeat(7));
    let bench = |work: &str, flags: &[&str]| {
        let server = ["bench", work, "--json", "--pubsub", &server.pubsub, "--queue", &server.queue];
        let output = run(&[&server, flags].concat(), "");
        let (code, stdout, _) = parts(&output);
        assert_eq!((code, stdout.lines().count()), (0, 1), "{output:?}");
        stdout.to_owned()
    };
    let pid = server.pid();
    let clean = "\"refused\": 0, \"missing\": 0}\n";
    for (work, messages) in [("put", 300), ("get", 300), ("mput", 300), ("mget", 300)] {
        let flags = ["--messages=300", "--connections=3", "--batch=50", "--window=2", "--pid", &pid];
        let row = bench(work, &flags);
        assert!(row.contains(&format!("\"messages\": {messages}, ")) && row.ends_with(clean), "{row}");
        assert!(!row.contains("\"cpu_us\": null") && !row.contains("\"p99_us\": null"), "{row}");
    }
    let row = bench("fanout", &["--messages=20", "--subscribers=30", "--window=4"]);
    assert!(row.contains("\"messages\": 600, ") && row.ends_with(clean), "{row}");
    assert!(row.contains("\"cpu_us\": null, \"busy_percent\": null") && !row.contains("\"p50_us\": null"), "{row}");
    let row = bench("idle", &["--subscribers=30", "--pid", &pid]);
    assert!(row.contains("\"messages\": 0, ") && row.contains("\"each\": \"idle subscriber\", "), "{row}");
    assert!(!row.contains("\"bytes_each\": null"), "{row}");
    for (work, each) in [
        ("queued", "queued item"),
        ("leased", "leased item"),
        ("delayed", "delayed item"),
        ("topics", "idle topic"),
        ("queues", "idle queue"),
    ] {
        let row = bench(work, &["--messages=1030", "--pid", &pid]);
        assert!(row.contains(&format!("\"each\": \"{each}\", ")) && row.ends_with(clean), "{row}");
        assert!(!row.contains("\"bytes_each\": null"), "{row}");
    }
    let row = bench("lease", &["--messages=300", "--connections=3", "--window=4"]);
    assert!(row.contains("\"messages\": 300, ") && row.ends_with(clean), "{row}");
    assert!(!row.contains("\"times_a_plain_get\": null"), "{row}");
    // It asks for a full log, and is content with what there is in that time.
    let row = bench("resume", &["--messages=7", "--seconds=2"]);
    assert!(row.contains("\"messages\": 7, ") && row.ends_with(clean), "{row}");
    // The time ends it, and it is no failure.
    let row = bench("put", &["--messages=10000000", "--seconds=0.2"]);
    assert!(row.ends_with(clean), "{row}");
    // It leaves as much as it found.
    let stats = run(&["stats", "--json", "--queue", &server.queue], "");
    assert!(text(&stats.stdout).contains("\"depth\": 7,"), "{stats:?}");
    for kind in ["topic", "queue"] {
        let list = run(&[kind, "list", "--url", &server.pubsub], "");
        assert_eq!(text(&list.stdout).lines().filter(|line| !line.starts_with("main ")).count(), 1, "{list:?}");
    }

    let output = run(&["bench", "put", "--messages=10", "--queue", &server.queue], "");
    let (code, stdout, stderr) = parts(&output);
    assert_eq!((code, stdout.lines().count()), (0, 2));
    assert_eq!(stderr, "CPU time and memory of the server are not measured without --pid\n");
    let output = run(&["bench", "put", "--size=200", "--messages=10", "--queue", &server.queue, "--pid=4194305"], "");
    assert_eq!(parts(&output).0, 1);
}
