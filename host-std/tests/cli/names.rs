//! Topics, queues and leases on the command line, against a real server.

use std::process::{Command, Stdio};

use crate::server::{self, STREAMGAUGE, Server, parts, run, start, text};

/// The command at the server's one port: `STREAMGAUGE_URL` is all that says where it is.
fn at(server: &Server, args: &[&str], stdin: &str) -> (i32, String, String) {
    let folder = std::env::temp_dir();
    let mut command = Command::new(STREAMGAUGE);
    command.args(args).env("STREAMGAUGE_URL", &server.pubsub).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("streamgauge starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), stdin.as_bytes()).expect("it reads");
    let output = server::collect(child);
    let (code, out, err) = parts(&output);
    (code, out.to_owned(), err.to_owned())
}

#[track_caller]
fn assert_says(server: &Server, args: &[&str], expected: &str) {
    let said = at(server, args, "");
    assert_eq!((said.0, said.1.as_str(), said.2.as_str()), (0, expected, ""), "{args:?}");
}

#[test]
fn queues_are_made_shown_and_removed() {
    let server = Server::start(&[]);
    assert_says(&server, &["queue", "set", "jobs", "lease=30s", "max_attempts=2"], "created jobs\n");
    assert_says(&server, &["queue", "set", "jobs", "dead_letter=graveyard"], "set jobs\n");
    let shown = at(&server, &["queue", "show", "jobs"], "").1;
    for line in [
        "  lease                         30s",
        "  max_attempts                    2",
        "  dead_letter             graveyard",
        "  ready                           0",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    let (code, out, err) = at(&server, &["queue", "set", "jobs", "leese=3"], "");
    let refused = format!(
        "error: {}/queues/jobs answered 400: there is no setting \"leese\": did you mean lease?\n",
        server.pubsub
    );
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", refused.as_str()));

    assert_says(&server, &["put", "--queue", "jobs", "a", "b"], "put 2\n");
    assert_says(&server, &["queue", "pause", "jobs"], "paused jobs\n");
    assert_eq!(at(&server, &["get", "--queue", "jobs"], "").0, 1);
    let list = at(&server, &["queue", "list", "--prefix", "j"], "").1;
    let mut lines = list.lines();
    assert!(lines.next().is_some_and(|names| names.starts_with("queue  ready  leased  delayed  dead")), "{list}");
    assert!(lines.next().is_some_and(|jobs| jobs.starts_with("jobs       2 ") && jobs.ends_with("  paused")), "{list}");
    assert_eq!(lines.next(), None);
    assert_says(&server, &["queue", "resume", "jobs"], "resumed jobs\n");
    assert_says(&server, &["queue", "empty", "jobs", "--json"], "{\"removed\": 2}\n");
    assert_says(&server, &["queue", "remove", "jobs"], "removed jobs\n");
    let (code, _, err) = at(&server, &["queue", "show", "jobs"], "");
    assert!(code == 1 && err.ends_with("answered 404: there is no queue jobs\n"), "{err}");
}

#[test]
fn what_an_address_asks_for_is_all_that_is_read() {
    let server = Server::start(&[]);
    let numbers: String = (1..=100).map(|number| format!("{number}\n")).collect();
    assert_eq!(at(&server, &["pub", "--topic", "n"], &numbers).1, "published 100\n");
    for (asked, count) in [("limit=10", 10), ("follow=0", 100), ("limit=10&follow=0", 10), ("limit=200&follow=0", 100)]
    {
        let source = format!("{}/sub?topic=n&from=first&{asked}", server.pubsub);
        let (code, out, err) = at(&server, &["moments", "--json", "--source", &source], "");
        assert!(code == 0 && err.is_empty() && out.contains(&format!("\"count\":{count},")), "{asked}: {out}{err}");
    }
}

#[test]
fn a_name_in_an_address_counts_or_is_refused() {
    let server = Server::start(&[]);
    let (queue, topic) = (format!("{}/?queue=q", server.queue), format!("{}/?topic=t", server.pubsub));
    let generate = ["generate", "count", "--count", "3", "--queue", &queue, "--pubsub", &topic];
    assert_says(&server, &generate, "");
    assert_says(&server, &["get", "--queue", "q"], "1\n");
    assert_says(&server, &["sub", "--topic", "t", "--from", "first", "--no-follow"], "1\n2\n3\n");
    for args in [
        &["get", "--url", &queue][..],
        &["put", "--url", &queue, "x"],
        &["sub", "--url", &topic],
        &["stats", "--queue", &queue],
        &["health", "--url", &topic],
        &["queue", "list", "--url", &queue],
    ] {
        let (code, out, err) = at(&server, args, "");
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{args:?}: {err}");
        assert!(err.contains("behind the ? would count for nothing"), "{args:?}: {err}");
    }
}

#[test]
fn a_queue_takes_of_a_topic_what_its_filter_lets_pass() {
    let server = Server::start(&[]);
    let set = ["queue", "set", "jobs", "topic=clicks"];
    assert_says(&server, &[&set[..], &["filter=c:DE", "sample=2"]].concat(), "created jobs\n");
    let clicks = "{\"c\":\"DE\",\"n\":1}\n{\"c\":\"FR\",\"n\":2}\n{\"c\":\"DE\",\"n\":3}\n";
    assert_eq!(at(&server, &["pub", "--topic", "clicks"], clicks).1, "published 3\n");
    assert_says(&server, &["get", "--queue", "jobs"], "{\"c\":\"DE\",\"n\":3}\n");
    assert_says(&server, &[&set[..], &["filter=c:FR", "filter=n:2", "sample=1"]].concat(), "set jobs\n");
    assert_eq!(at(&server, &["pub", "--topic", "clicks"], clicks).1, "published 3\n");
    assert_says(&server, &["get", "--queue", "jobs"], "{\"c\":\"FR\",\"n\":2}\n");
    let shown = at(&server, &["queue", "show", "jobs"], "").1;
    for line in [
        "  filter               [\"c:FR\",\"n:2\"]",
        "  filtered                        3",
        "  sampled                         1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    let (code, out, err) = at(&server, &["queue", "set", "jobs", "filter=DE"], "");
    let said = "filter must be such as \"country:de\", or an array of two at most, or null";
    let refused = format!("error: {}/queues/jobs answered 400: {said}\n", server.pubsub);
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", refused.as_str()));
}

#[test]
fn topics_are_published_and_read_again_from_the_first() {
    let server = Server::start(&[]);
    assert_says(&server, &["topic", "set", "clicks", "bytes=1MiB"], "created clicks\n");
    assert_eq!(at(&server, &["pub", "--topic", "clicks"], "one\ntwo\nthree\n").1, "published 3\n");
    let sub = ["sub", "--topic", "clicks", "--from", "first"];
    assert_says(&server, &[&sub[..], &["--limit", "3"]].concat(), "one\ntwo\nthree\n");
    assert_says(&server, &[&sub[..], &["--limit", "2"]].concat(), "one\ntwo\n");
    let (code, _, err) = at(&server, &[&sub[..], &["--policy", "drop"]].concat(), "");
    assert!(code == 1 && err.ends_with("answered 400: policy must be kick, skip, latest, or block=SECONDS\n"), "{err}");
    let json = at(&server, &["stats", "--topic", "clicks", "--json"], "").1;
    assert!(json.starts_with("{\"topic\": {\"subscribers\": 0, ") && json.contains("\"messages\": 3"), "{json}");
    assert!(at(&server, &["topic", "list"], "").1.contains("\nclicks "));
    assert_says(&server, &["topic", "remove", "clicks"], "removed clicks\n");
    let twice = ["pub", "--topic", "clicks", "--id", "7", "x"];
    assert_says(&server, &twice, "published 1\n");
    assert_says(&server, &twice, "published 1\n");
    assert_says(&server, &[&sub[..], &["--limit", "1"]].concat(), "x\n");
}

#[test]
fn a_download_ends_when_the_server_says_so_and_asks_for_what_was_said() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let source = std::thread::spawn(move || {
        let mut targets = Vec::new();
        for method in ["HEAD", "GET"] {
            let (mut stream, _) = listener.accept().expect("a connection");
            let reader = std::io::BufReader::new(stream.try_clone().expect("a clone"));
            let mut lines = std::io::BufRead::lines(reader);
            targets.push(lines.next().expect("a request").expect("text"));
            lines.find(|line| line.as_ref().is_ok_and(String::is_empty)).expect("a whole head").expect("text");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: multipart/x-mixed-replace; boundary=B\r\n\
                        transfer-encoding: chunked\r\n\r\n";
            let part = "--B\r\ncontent-length: 3\r\n\r\none\r\n--B\r\n";
            let body = format!("{:x}\r\n{part}\r\n0\r\n\r\n", part.len());
            let answer = if method == "GET" { format!("{head}{body}") } else { head.to_owned() };
            std::io::Write::write_all(&mut stream, answer.as_bytes()).expect("an answer");
        }
        targets
    });
    let asked = ["--topic=a", "--from=2012-03-16T18:40:47Z", "--no-follow", "--rate=5", "--filter=c:a b", "--keep=u"];
    let output = run(&[&["sub", "--url", &url][..], &asked].concat(), "");
    assert_eq!(parts(&output), (0, "one\n", ""));
    // So that what is left out moves no number.
    let target =
        "/sub?format=sse&multipart=1&topic=a&follow=0&from=2012-03-16T18%3A40%3A47Z&rate=5&filter=c%3Aa%20b&keep=u";
    let expected = [format!("HEAD {target} HTTP/1.1"), format!("GET {target} HTTP/1.1")];
    assert_eq!(source.join().expect("the source ends"), expected);
}

/// What `get --lease --json` says of the first item.
fn lend(server: &Server) -> (String, String) {
    let line = at(server, &["get", "--queue", "jobs", "--lease=60", "--json"], "").1;
    let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
    (said["lease"].as_str().expect("a token").to_owned(), said["data"].as_str().expect("data").to_owned())
}

#[test]
fn an_item_on_lease_is_settled_by_its_token() {
    let server = Server::start(&[]);
    at(&server, &["queue", "set", "jobs", "max_attempts=2"], "");
    at(&server, &["put", "--queue", "jobs"], "a\nb\n");
    let (a, data) = lend(&server);
    assert_eq!(data, "a");
    assert_says(&server, &["touch", "--queue", "jobs", "--seconds", "5m", &a], "touched 1\n");
    assert_says(&server, &["nack", "--queue", "jobs", "--reason", "no & good", &a], "nacked 1\n");
    let (code, out, err) = at(&server, &["ack", "--queue", "jobs", &a], "");
    let over = format!("error: the lease {a} is over\n");
    assert_eq!((code, out.as_str(), err.as_str()), (1, "acked 0\n", over.as_str()));
    // Whichever comes first, one of them twice.
    let (first, second) = (lend(&server), lend(&server));
    let (a, b) = if first.1 == "a" { (first.0, second.0) } else { (second.0, first.0) };
    assert_says(&server, &["nack", "--queue", "jobs", "--reason", "no & good", &a], "nacked 1\n");
    let json = format!("{{\"acked\": 1, \"over\": [\"{a}\"]}}\n");
    let settled = at(&server, &["ack", "--queue", "jobs", "--json"], &format!("{b}\n{a}\n"));
    assert_eq!((settled.0, settled.1), (1, json));
    let dead = at(&server, &["peek", "--queue", "jobs", "--state", "dead"], "").1;
    assert!(dead.lines().nth(1).is_some_and(|line| line.ends_with("  no & good  a")), "{dead}");
    assert_says(&server, &["redrive", "--queue", "jobs"], "redriven 1\n");
    assert_says(&server, &["get", "--queue", "jobs", "--lease"], "a\n");
    let stats = at(&server, &["stats", "--queue", "jobs"], "").1;
    assert!(stats.contains("  acked                           2\n"), "{stats}");
    // One that goes to another queue has its story with it.
    at(&server, &["queue", "set", "jobs", "max_attempts=1", "dead_letter=graveyard"], "");
    at(&server, &["put", "--queue", "jobs", "c"], "");
    let (c, _) = lend(&server);
    assert_says(&server, &["nack", "--queue", "jobs", "--reason", "no & good", &c], "nacked 1\n");
    let ready = at(&server, &["peek", "--queue", "graveyard"], "").1;
    assert!(ready.lines().nth(1).is_some_and(|line| line.ends_with("Z  no & good  c")), "{ready}");
    assert_says(&server, &["get", "--queue", "graveyard"], "c\n");
}

#[test]
fn what_could_not_be_printed_is_still_there() {
    let server = Server::start(&[]);
    run(&["put", "--url", &server.queue, "precious"], "");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut failing = Command::new(STREAMGAUGE);
    failing.args(["get", "--url", &server.queue, "--lease"]).stdout(full).stderr(Stdio::piped());
    assert_eq!(failing.output().expect("it runs").status.code(), Some(1));
    let again = at(&server, &["get", "--lease", "--json"], "").1;
    assert!(again.contains("\"attempt\": 2, ") && again.contains("\"data\": \"precious\""), "{again}");
}

#[test]
fn a_lease_waits_for_an_item() {
    let server = Server::start(&[]);
    let waiting = start(&["get", "--url", &server.queue, "--lease", "--wait"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    run(&["put", "--url", &server.queue, "--delay", "200ms", "late"], "");
    assert_eq!(parts(&server::collect(waiting)), (0, "late\n", ""));
    assert_eq!(parts(&run(&["get", "--url", &server.queue, "--lease", "--wait=0.2"], "")), (1, "", ""));
}

#[test]
fn what_was_meant_is_said() {
    let server = Server::start(&[]);
    for (args, tip) in [
        (&["qeue", "list"][..], "'queue'"),
        (&["queue", "lisst"], "'list'"),
        (&["put", "--quue", "jobs", "a"], "'--queue'"),
    ] {
        let (code, out, err) = at(&server, args, "");
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{err}");
        assert!(err.contains(" exists: ") && err.contains(tip), "{err}");
    }
    for args in [["put", "--id", "x", "a", "b"], ["pub", "--id", "x", "a", "b"]] {
        let (code, _, err) = at(&server, &args, "");
        assert!(code == 2 && err.contains("--id is the name of one"), "{err}");
    }
}

#[test]
fn one_kind_of_server_is_not_taken_for_the_other() {
    for (tool, wrong, line) in [
        (env!("CARGO_BIN_EXE_simplequeue"), ["pub", "a"], "this is a queue: use put"),
        (env!("CARGO_BIN_EXE_pubsub"), ["put", "a"], "this is a pubsub: use pub"),
    ] {
        let mut server = Command::new(tool);
        let mut server =
            server.args(["--address=127.0.0.1", "--port=0"]).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = std::io::BufRead::lines(std::io::BufReader::new(server.stdout.take().expect("stdout")));
        let address = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()));
        let url = format!("http://{}", address.expect("an address"));
        let output = run(&[&wrong[..1], &["--url", &url], &wrong[1..]].concat(), "");
        let _ = server.kill();
        let _ = server.wait();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).trim_end().ends_with(line), "{output:?}");
    }
}
