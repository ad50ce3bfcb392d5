//! What goes wrong at first, and what is said then: one line that helps, and an exit code that is not 0.

use std::process::{Command, Output, Stdio};

use nix::sys::signal::Signal;
use streamgauge_tests::build;
use streamgauge_tests::command::{fine, run, streamgauge};
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until;

/// The line on stderr, where there is nothing else and nothing on stdout.
#[track_caller]
fn wrong(args: &[&str], input: &str) -> (i32, String) {
    let (code, out, err) = run(args, input);
    assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{args:?}: {err}");
    (code, err)
}

#[test]
fn a_word_that_is_misspelt_is_known() {
    for (args, meant) in [
        (&["momets"][..], "'moments'"),
        (&["moments", "--feild", "x"], "'--field'"),
        (&["generate", "normal", "--cuont", "3"], "'--count'"),
        (&["read", "--sourse", "http://a"], "'--source'"),
    ] {
        let (code, err) = wrong(args, "");
        assert!(code == 2 && err.contains("similar") && err.contains(meant), "{args:?}: {err}");
    }
}

#[test]
fn a_name_that_is_misspelt_is_known() {
    let server = Server::everything([""; 0]);
    let url = format!("http://{}", server.address);
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens").display().to_string();
    fine(&["token", "new", "--tokens", &tokens, "--rights=get:*", "--name=collector"], "");
    for (code, args, line) in [
        (1, &["queue", "--url", &url, "set", "jobs", "leas=30s"][..], "\"leas\": did you mean lease?"),
        (1, &["topic", "--url", &url, "set", "clicks", "max_ages=30s"], "\"max_ages\": did you mean max_age?"),
        (1, &["gauge", "--url", &url, "set", "c", "measur=top"], "\"measur\": did you mean measure?"),
        (2, &["token", "remove", "--tokens", &tokens, "collecto"], "called collecto: did you mean collector?"),
        // What is far from all of them was not meant.
        (1, &["queue", "--url", &url, "set", "jobs", "colour=red"], "there is no setting \"colour\""),
        (2, &["token", "remove", "--tokens", &tokens, "worker"], "called worker"),
    ] {
        let (ended, err) = wrong(args, "");
        assert!(ended == code && err.trim_end().ends_with(line), "{args:?}: {err}");
    }
}

#[test]
fn a_value_of_a_variable_is_told_with_the_variable() {
    for (args, value) in [
        (&["put", "x"][..], "127.0.0.1:8080"),
        (&["gauge", "list"], "localhost"),
        (&["read", "--print"], "ftp://a"),
        (&["stats"], "/"),
    ] {
        let (code, out, err) = with(("STREAMGAUGE_URL", value), "streamgauge", args);
        let named = format!("error: invalid value '{value}' of the variable STREAMGAUGE_URL: ");
        assert!(code == 2 && out.is_empty() && err.starts_with(&named) && !err.contains("--url"), "{args:?}: {err}");
    }
    // What is typed comes first.
    let (_, _, err) = with(("STREAMGAUGE_URL", "http://a"), "streamgauge", &["put", "--url=b", "x"]);
    assert!(err.starts_with("error: invalid value 'b' for '--url <URL>': "), "{err}");
    let (_, _, err) = with(("STREAMGAUGE_URL", "b"), "streamgauge", &["put", "--url", "b", "x"]);
    assert!(err.starts_with("error: invalid value 'b' for '--url <URL>': "), "{err}");
}

#[test]
fn a_variable_counts_only_where_it_says_something_and_no_flag_does() {
    // Nobody listens there.
    let flag = "--url=http://127.0.0.1:1";
    for command in [&["topic", "list"][..], &["queue", "list"], &["gauge", "list"], &["stats"], &["health"]] {
        for value in ["", "localhost"] {
            let (code, _, err) = with(("STREAMGAUGE_URL", value), "streamgauge", &[command, &[flag]].concat());
            assert!(code == 3, "{command:?}, {value:?}: {err}");
        }
        let (_, _, err) = with(("STREAMGAUGE_URL", ""), "streamgauge", command);
        assert!(!err.contains("STREAMGAUGE_URL") && !err.contains("invalid value"), "{command:?}: {err}");
    }
}

#[test]
fn a_file_without_its_flag_is_told_which() {
    for command in ["moments", "histogram", "graph"] {
        let from_to: &[&str] = if command == "graph" { &["--from", "a", "--to", "b"] } else { &[] };
        let (code, err) = wrong(&[&[command, "n.txt"], from_to].concat(), "");
        assert!(code == 2 && err.contains(": what is read is named by a flag: --source n.txt"), "{command}: {err}");
        assert!(!fine(&[command, "--help"], "").contains("[FILE]"), "{command}");
    }
}

#[test]
fn a_topic_is_no_queue_and_the_other_way_round() {
    let (pubsub, queue) = (Server::start("pubsub", [""; 0]), Server::start("simplequeue", [""; 0]));
    let (pubsub, queue) = (format!("http://{}", pubsub.address), format!("http://{}", queue.address));
    let listening = format!("{queue}/sub");
    for (args, help) in [
        (&["pub", "--url", &queue, "a"][..], "this is a queue: use put".to_owned()),
        (&["put", "--url", &pubsub, "a"], "this is a pubsub: use pub".to_owned()),
        (&["get", "--url", &pubsub], "this is a pubsub: use sub".to_owned()),
        (&["sub", "--url", &queue], "this is a queue: use get".to_owned()),
        (&["moments", "--source", &pubsub], format!("this is a pubsub: use --source {pubsub}/sub")),
        (&["moments", "--source", &listening], format!("this is a queue: use --source {queue}/")),
        (&["generate", "count", "--pubsub", &queue], format!("this is a queue: use --queue {queue}/")),
        (&["generate", "count", "--queue", &pubsub], format!("this is a pubsub: use --pubsub {pubsub}/")),
        (&["generate", "count", "--queue", &listening], format!("there is no queue at --queue {listening}")),
    ] {
        let (code, err) = wrong(args, "");
        assert!(code == 1 && err.trim_end().ends_with(&help), "{args:?}: {err}");
    }
}

#[test]
fn all_leases_that_are_over_are_counted() {
    let server = Server::queues::<&str>([]);
    let url = format!("http://{}", server.address);
    server.connect().post("/put?queue=q", "item");
    let token = server.connect().get("/get?queue=q&lease=60").header("x-lease").expect("a lease").to_owned();
    assert_eq!(server.connect().post(&format!("/nack?queue=q&lease={token}"), "").status, 200);
    let all = format!("{token}\n").repeat(20_000);
    let ack = ["ack", "--url", &url, "--queue", "q"];
    let (code, out, err) = run(&ack, &all);
    assert_eq!((code, out.as_str()), (1, "acked 0\n"));
    assert!(err.contains(&format!("the lease {token} and 19999 others are over")), "{err}");
    let (_, out, _) = run(&[&ack[..], &["--json"]].concat(), &all);
    let said: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    // As many are named as an answer has room for.
    let told = said["over"].as_array().expect("a list").len() as u64;
    assert_eq!(told + said.get("more").map_or(0, |more| more.as_u64().expect("a number")), 20_000);
}

#[test]
fn a_server_that_is_down_is_said_and_waited_for_where_asked() {
    let port = free_address().port();
    let url = format!("http://127.0.0.1:{port}");
    let topic = format!("{url}/sub");
    let commands: [&[&str]; 9] = [
        &["sub", "--url", &url, "--count", "1"],
        &["read", "--source", &url, "--print"],
        &["moments", "--source", &url, "--count", "1"],
        &["moments", "--source", &topic, "--count", "1"],
        // Of what was not done nothing is counted.
        &["pub", "--url", &url, "a"],
        &["put", "--url", &url, "a"],
        &["put", "--url", &url, "--json", "a"],
        &["ack", "--url", &url, "--queue", "q", "a"],
        &["generate", "count", "--count", "1", "--queue", &url],
    ];
    for args in commands {
        let (code, err) = wrong(args, "");
        assert!(code == 3 && err.starts_with(&format!("error: {url}")), "{args:?}: {err}");
    }
    let waiting = |args: &[&str]| Process::spawn(streamgauge(&[args, &["--retry"]].concat()));
    let mut reading = waiting(commands[2]);
    let server = Server::start_at("simplequeue", port, [""; 0]);
    assert_eq!(server.connect().get("/put?data=7").status, 200);
    assert_eq!(until("the item", || reading.try_exit_code()), 0);
    assert!(reading.stdout().starts_with("count 1  mean 7 "), "{}", reading.stdout());
    drop(server);
    let mut hearing = [commands[0], commands[3]].map(waiting);
    let server = Server::start_at("pubsub", port, [""; 0]);
    for hears in &mut hearing {
        let code = until("the message", || {
            server.connect().post("/pub", "8");
            hears.try_exit_code()
        });
        assert!(code == 0 && hears.stdout().contains('8'), "{}", hears.stdout());
    }
}

/// Exit code, stdout and stderr of a tool with one variable more.
fn with(variable: (&str, &str), tool: &str, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(build::tool(tool));
    command.args(args).env_remove("RUST_LOG").env(variable.0, variable.1).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("no signal"), text(stdout), text(stderr))
}

#[test]
fn a_token_is_told_by_its_hash_where_its_name_is_not_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens").display().to_string();
    let new = ["token", "new", "--tokens", &tokens, "--rights=get:*", "--name"];
    fine(&[&new[..], &["worker"]].concat(), "");
    let (code, _, err) = run(&[&new[..], &["late", "--expires=2020-01-01T00:00:00Z"]].concat(), "");
    assert_eq!((code, err.as_str()), (0, "warning: --expires is over: the token opens nothing\n"));
    let (code, err) = wrong(&[&new[..], &["worker"]].concat(), "");
    assert!(
        code == 2 && err.ends_with("tokens:1 is called worker already: token remove worker, or another name\n"),
        "{err}"
    );
    // Who writes the file may do what the command does not.
    let text = std::fs::read_to_string(&tokens).expect("a file").replace("name=late", "name=worker");
    std::fs::write(&tokens, text).expect("a file");
    let (code, err) = wrong(&["token", "remove", "--tokens", &tokens, "worker"], "");
    assert!(code == 2 && err.contains("2 tokens of ") && err.contains(": 8 digits or more of a hash"), "{err}");
    let list = fine(&["token", "list", "--tokens", &tokens], "");
    let hash = list.lines().find(|line| line.contains("expired")).and_then(|line| line.split(' ').next());
    fine(&["token", "remove", "--tokens", &tokens, hash.expect("a hash")], "");
    fine(&["token", "remove", "--tokens", &tokens, "worker"], "");
}

#[test]
fn a_state_that_is_away_is_told_as_it_was_typed() {
    for (typed, told) in [
        ("redis://127.0.0.1:1/3", "redis://127.0.0.1:1/3"),
        ("redis://me:sekret@127.0.0.1:1/0", "redis://***@127.0.0.1:1/0"),
    ] {
        let (code, err) = wrong(&["state", "show", "--state", typed, "--key", "k"], "");
        assert_eq!(code, 3, "{err}");
        assert!(err.starts_with(&format!("error: --state {told} --key k: ")), "{err}");
    }
}

#[test]
fn a_bench_that_is_refused_says_what_was_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens").display().to_string();
    fine(&["token", "new", "--tokens", &tokens, "--rights=get:*"], "");
    let server = Server::everything(["--tokens", &tokens]);
    let url = format!("http://{}", server.address);
    for args in [["bench", "put", "--queue", &url], ["bench", "fanout", "--pubsub", &url]] {
        let (code, _, err) = run(&args, "");
        assert!(code == 1 && err.contains(" answered 401"), "{args:?}: {code} {err}");
    }
}

#[test]
fn the_file_of_a_token_is_read_by_who_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens").display().to_string();
    let variable = ("STREAMGAUGE_TOKEN_FILE", "/no/such/file");
    let url = "http://127.0.0.1:1";
    for args in [
        &["pub", "--url", url, "x"][..],
        &["sub", "--url", url, "--retry"],
        &["get", "--url", url],
        &["stats", "--url", url],
        &["top", "--url", url],
        &["bench", "put", "--queue", url],
        &["read", "--source", url, "--print", "--retry"],
        &["generate", "count", "--queue", url],
        &["moments", "--source", url, "--retry"],
        &["moments", "--source", "http://127.0.0.1:1/sub", "--retry"],
    ] {
        let (code, out, err) = with(variable, "streamgauge", args);
        let said = "error: STREAMGAUGE_TOKEN_FILE: /no/such/file: No such file or directory (os error 2)\n";
        assert_eq!((code, out.as_str(), err.as_str()), (2, "", said), "{args:?}");
    }
    let sub = "--pubsub-url=http://127.0.0.1:1/sub";
    let (code, _, err) = with(variable, "ps_to_http", &[sub, "--destination-post-url=http://127.0.0.1:1/put"]);
    assert!(code == 2 && err.starts_with("error: STREAMGAUGE_TOKEN_FILE: "), "{err}");
    for args in [&["moments"][..], &["token", "new", "--tokens", &tokens, "--rights=get:*"], &["completions", "bash"]] {
        let (code, _, err) = with(variable, "streamgauge", args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn the_file_of_authorities_is_read_by_who_encrypts() {
    let variable = ("STREAMGAUGE_CA_FILE", "/no/such/file");
    let queue = Server::start("simplequeue", [""; 0]);
    let url = format!("http://{}", queue.address);
    for args in [&["put", "--url", &url, "x"][..], &["get", "--url", &url], &["moments"]] {
        let (code, _, err) = with(variable, "streamgauge", args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    }
    let said = "error: STREAMGAUGE_CA_FILE: /no/such/file: No such file or directory (os error 2)\n";
    for args in [
        &["put", "--url", "https://127.0.0.1:1", "x"][..],
        &["sub", "--url", "https://127.0.0.1:1", "--retry"],
        &["read", "--source", "https://127.0.0.1:1", "--print", "--retry"],
        &["stats", "--url", "https://127.0.0.1:1"],
    ] {
        let (code, _, err) = with(variable, "streamgauge", args);
        assert_eq!((code, err.as_str()), (2, said), "{args:?}");
    }
    let from = format!("--pubsub-url={url}/sub");
    let (code, _, err) = with(variable, "ps_to_http", &[&from, "--destination-post-url=https://127.0.0.1:1/put"]);
    assert_eq!((code, err.as_str()), (2, said));
    // A flag is looked at at once.
    let (code, err) = wrong(&["put", "--url", &url, "--ca-file=/no/such/file", "x"], "");
    assert!(code == 2 && err.starts_with("error: --ca-file: /no/such/file: "), "{err}");
}

#[test]
fn records_without_anything_to_measure_are_a_mistake() {
    for (args, input, records) in [
        (&["moments"][..], "x\ny\n", 2),
        (&["moments", "--field", "a"], "1\n", 1),
        (&["moments"], "nan\ninf\nx\n", 3),
        (&["histogram"], "x\n", 1),
        (&["histogram", "--integers"], "nan\n", 1),
        (&["graph", "--from", "a", "--to", "b"], "{}\n{\"a\":1}\n{\n", 3),
        (&["graph", "--from", "a", "--to", "b"], &format!("{{\"a\":1,\"b\":\"{}\"}}\n", "x".repeat(5_000)), 1),
    ] {
        let (code, _, err) = run(args, input);
        let last = err.lines().last().unwrap_or_default();
        let said = format!("error: nothing was measured: {records} of {records} records had to be left out");
        assert_eq!((code, last), (1, said.as_str()), "{args:?}");
    }
    let (code, _, err) = run(&["moments"], "1".repeat(6 << 20));
    assert!(code == 1 && err.ends_with("error: nothing was measured: 1 of 1 records had to be left out\n"), "{err}");
    // Heartbeats are no mistake, and no reason to say nothing of what is.
    let graph = ["graph", "--from", "a", "--to", "b"];
    fine(&graph, "{\"_heartbeat_\":1}\n");
    let (code, _, err) = run(&graph, "{\"_heartbeat_\":1}\n{\"a\":1}\n");
    assert!(code == 1 && err.ends_with("error: nothing was measured: 1 of 2 records had to be left out\n"), "{err}");
    // One that can be measured is enough, and none at all is no mistake.
    for input in ["x\n1\n", ""] {
        fine(&["moments"], input);
    }
    fine(&["graph", "--from", "a", "--to", "b"], "{\"_heartbeat_\":1}\n");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    for (folder, why) in [("/no/such/folder", "No such file"), ("/dev/null", "not a directory")] {
        let (code, _, err) = run(&["serve", "--pubsub-port=0", "--queue-port=0", "--www", folder], "");
        let last = err.lines().last().unwrap_or_default();
        assert!(code == 2 && last.starts_with(&format!("error: --www {folder}: {why}")), "{err}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    for flag in ["--overflow-log", "--hash-key-file"] {
        let file = "/no/such/folder/file";
        let (code, _, err) = run(&["serve", "--pubsub-port=0", "--queue-port=0", flag, file], "");
        let last = err.lines().last().unwrap_or_default();
        assert!(code == 2 && last.starts_with(&format!("error: {flag}")), "{err}");
        assert!(last.contains(file) && last.contains("No such file"), "{err}");
    }
    let (_, _, err) = run(&["serve", "--pubsub-port=0", "--queue-port=0", "--hash-key-file=/dev/null"], "");
    assert!(err.ends_with("error: --hash-key-file: /dev/null must hold 64 hexadecimal digits\n"), "{err}");
}

#[test]
fn a_queue_is_the_one_that_is_named() {
    let server = Server::everything([""; 0]);
    let mut client = server.connect();
    assert_eq!(client.get("/put?queue=jobs&data=7").status, 200);
    let source = format!("http://{}/?queue=jobs", server.address);
    let out = fine(&["moments", "--source", &source, "--drain"], "");
    assert!(out.starts_with("count 1  mean 7 "), "{out}");
}

#[test]
fn what_will_never_be_drained_is_not_waited_for() {
    let server = Server::everything(["--no-auto-create"]);
    let at = |path: &str| format!("http://{}{path}", server.address);
    for (path, why) in [
        ("/nothing", "answered 404"),
        ("/?queue=none", "answered 404: there is no queue none"),
        ("/?queue=.", "answered 400"),
    ] {
        for lease in [&["--no-lease"][..], &[]] {
            let source = at(path);
            let (code, out, err) = run(&[&["read", "--source", &source, "--drain", "--print"], lease].concat(), "");
            let last = err.lines().last().unwrap_or_default();
            assert!(last.starts_with(&format!("error: {source} can't be drained: {why}")), "{lease:?}: {err}");
            assert_eq!((code, out.as_str()), (1, ""));
        }
    }
    // What can be drained is.
    server.get("/put?queue=main&data=7");
    let (none, main) = (at("/nothing"), at("/?queue=main"));
    let (code, out, _) = run(&["read", "--source", &none, "--source", &main, "--drain", "--print"], "");
    assert_eq!((code, out.as_str()), (1, "7\n"));
    // A queue may come, and is waited for: but nobody is left to wonder.
    let mut waiting = Process::start("streamgauge", ["read", "--source", &none, "--print"]);
    let said = "waiting alone will not change that: answered 404; asking on";
    until("the warning", || waiting.stderr().contains(said).then_some(()));
    waiting.signal(Signal::SIGTERM);
    assert_eq!(waiting.exit_code(), 0);
    for verb in ["sub", "get"] {
        let (code, err) = wrong(&["read", "--source", &at(&format!("/{verb}")), "--drain", "--print"], "");
        assert!(code == 2 && err.contains(&format!("/{verb} is what a server is asked")), "{err}");
    }
}

#[test]
fn what_a_reader_prints_is_json() {
    let queue = Server::start("simplequeue", [""; 0]);
    assert_eq!(queue.connect().post("/put", "{\"msg\": 1}").status, 200);
    let source = format!("http://{}", queue.address);
    let Output { stdout, .. } =
        streamgauge(&["read", "--source", &source, "--drain", "--json"]).output().expect("an end");
    assert_eq!(String::from_utf8_lossy(&stdout), "{\"try\": 1, \"data\": \"{\\\"msg\\\": 1}\"}\n");
}

/// The server takes no longer delay: whoever asks for one has its lease until it is over, over and over again.
#[test]
fn an_item_that_is_due_in_years_waits_in_the_queue_and_not_in_a_reader() {
    let server = Server::everything([""; 0]);
    let mut client = server.connect();
    let later = r#"{"data":{"n":1},"tries":0,"retry_on":4000000000000,"started":1,"tasks_left":["print"]}"#;
    assert_eq!(client.post("/put?queue=jobs", later).status, 200);
    assert_eq!(client.post("/put?queue=jobs", "2").status, 200);
    let source = format!("http://{}/?queue=jobs", server.address);
    let mut reader = Process::start("streamgauge", ["read", "--source", &source, "--print"]);
    reader.line("2");
    until("the item to wait in the queue", || {
        let counters = client.get("/stats?queue=jobs").text();
        counters.lines().any(|line| line == "delayed:1").then_some(())
    });
    assert_eq!(reader.stderr(), "");
    reader.signal(Signal::SIGTERM);
    assert_eq!(reader.exit_code(), 0);
}

#[test]
fn a_server_that_is_silent_holds_nobody_up_who_was_told_to_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = format!("http://{}", silent.local_addr().expect("its address"));
    let started = std::time::Instant::now();
    silent.set_nonblocking(true).expect("an option of the socket");
    let (code, err) = wrong(&["moments", "--source", &source, "--seconds", "1"], "");
    assert!(code == 3 && err.contains("no answer within 2 s"), "{err}");
    let mut reader = Process::start("streamgauge", ["read", "--source", &source, "--print"]);
    let _connection = until("the first one", || silent.accept().ok());
    let _another = until("that of the reader", || silent.accept().ok());
    reader.signal(Signal::SIGTERM);
    assert_eq!(reader.exit_code(), 0);
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

/// As many items are asked for at first as have room, however long each is.
#[test]
fn an_answer_without_an_end_is_not_waited_for_with_all_memory() {
    use std::io::Write as _;

    let endless = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = format!("http://{}/get", endless.local_addr().expect("its address"));
    let sending = std::thread::spawn(move || {
        let (mut connection, _) = endless.accept().expect("a connection");
        connection.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").expect("a head");
        let chunk = [&b"10000\r\n"[..], &[b'x'; 1 << 16], b"\r\n"].concat();
        // More than anybody takes.
        (0..16_384).take_while(|_| connection.write_all(&chunk).is_ok()).count()
    });
    let (code, err) = wrong(&["moments", "--source", &source], "");
    assert!(code == 1 && err.contains("the answer is longer than its limit"), "{err}");
    let chunks = sending.join().expect("its end");
    assert!(chunks < 4_096, "{chunks} chunks of 64 KiB were taken");
}

#[test]
fn numbers_and_names_that_make_no_sense_are_flags_that_are_wrong() {
    for (args, said) in [
        (&["read", "--print", "--every", "0"][..], "must be a number of seconds above 0"),
        (&["read", "--print", "--every", "1e-12"], "must be a number of seconds above 0"),
        (&["pub", "--id", "a", "x", "y"], "--id is the name of one message"),
        (&["put", "--id", "a", "x", "y"], "--id is the name of one item"),
    ] {
        let (code, err) = wrong(args, "");
        assert!(code == 2 && err.contains(said), "{args:?}: {err}");
    }
}

#[test]
fn help_says_of_no_other_command_that_a_second_signal_ends_it() {
    for args in [&["completions"][..], &["man"], &["token", "list"], &["token", "new"], &["token", "remove"]] {
        let (code, out, _) = run(&[args, &["--help"]].concat(), "");
        assert!(code == 0 && out.contains("\n  2    wrong flags") && !out.contains("\n  1 "), "{args:?}: {out}");
    }
}

#[test]
fn help_says_how_a_second_signal_ends_a_server() {
    let (code, out, _) = run(&["serve", "--help"], "");
    assert!(code == 0 && out.contains("\n  1    a second signal ended it at once\n"), "{out}");
}
