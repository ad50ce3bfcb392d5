//! Clients that want all for themselves, vanish, or speak in riddles: others go on as if they were not there.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal::{SIGCONT, SIGTERM};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::Linger;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use streamgauge_tests::build::tool;
use streamgauge_tests::client::Client;
use streamgauge_tests::needs;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::{until, until_within};

const NONE: [&str; 0] = [];

fn status(server: &Server, request: &str) -> (u16, String) {
    let mut client = server.connect();
    client.send(request);
    let answer = client.answer();
    (answer.status, answer.text())
}

#[test]
fn a_request_has_one_host() {
    let server = Server::start("simplequeue", NONE);
    for hosts in ["", "host: x\r\nhost: x\r\n", "host: x\r\nHOST: localhost\r\n"] {
        let said = status(&server, &format!("GET /put?data=x HTTP/1.1\r\n{hosts}\r\n"));
        assert_eq!(said, (400, "a request has one Host\n".to_owned()), "{hosts:?}");
    }
    assert_eq!(status(&server, "GET /put?data=x HTTP/1.0\r\n\r\n").0, 200, "HTTP/1.0 knows none");
    assert_eq!(server.counter("puts"), 1);
}

#[test]
fn lengths_and_codings_that_are_none_are_refused_for_what_they_are() {
    let server = Server::start("simplequeue", NONE);
    let post = |fields: &str| status(&server, &format!("POST /put HTTP/1.1\r\nhost: x\r\n{fields}\r\n\r\n"));
    let coding = (501, "no transfer-encoding but chunked is understood here\n".to_owned());
    assert_eq!(post("transfer-encoding: gzip, chunked"), coding);
    assert_eq!(post("transfer-encoding: identity"), coding);
    let long = (413, "the body is over the limit max-body-bytes 5242880\n".to_owned());
    assert_eq!(post("content-length: 18446744073709551615"), long, "it is the body, not the head");
    assert_eq!(post("content-length: 99999999999999999999999"), long, "however many digits it has");
    let no_number = (400, "the content-length is not one number\n".to_owned());
    assert_eq!(post("content-length: 3 apples"), no_number);
    let two = (400, "there are two content-lengths that differ\n".to_owned());
    assert_eq!(post("content-length: 3\r\ncontent-length: 4"), two);
    let both = post("content-length: 3\r\ntransfer-encoding: chunked");
    assert_eq!(both, (400, "a body has a content-length or a transfer-encoding, not both\n".to_owned()));
    assert_eq!(server.counter("puts"), 0);
}

#[test]
fn methods_that_a_verb_does_not_have_are_405() {
    let server = Server::start("simplequeue", NONE);
    server.get("/put?data=kept");
    for method in ["PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "get"] {
        let mut client = server.connect();
        client.send(format!("{method} /get HTTP/1.1\r\nhost: x\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST, HEAD")), "{method}");
    }
    assert_eq!(server.get("/get"), "kept");
}

#[test]
fn one_client_that_reads_nothing_leaves_room_for_others() {
    let flags = ["--max-body-bytes=8MiB", "--max-buffered-bytes=16MiB", "--queue-bytes=64MiB"];
    let server = Server::start("simplequeue", flags);
    let mut client = server.connect();
    for _ in 0..30 {
        assert_eq!(client.post("/put", vec![b'x'; 1_000_000]).status, 200);
    }
    // More than the sockets between them hold.
    let deaf: Vec<Client> = (0..14)
        .map(|_| {
            let mut deaf = server.connect();
            deaf.send("GET /mget?items=8 HTTP/1.1\r\nhost: x\r\n\r\n");
            deaf
        })
        .collect();
    until("one of them to be answered", || (server.counter("depth") <= 22).then_some(()));
    let said = status(&server, "GET /get HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(said.0, 503, "its share is taken: {}", said.1);
    assert!(said.1.contains("max-buffered-bytes"), "{}", said.1);
    let depth = server.counter("depth");
    assert_eq!(client.post("/put", "small").status, 200, "what is small has a part of its own");
    assert_eq!(server.counter("depth"), depth + 1, "and nothing that was not sent is gone");
    let mut other = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), server.address);
    assert_eq!(other.get("/get").body.len(), 1_000_000, "another client has its own share");
    assert_eq!(other.post("/put", vec![b'y'; 1_000_000]).status, 200);
    drop(deaf);
    until("the share to come back", || (client.get("/get").status == 200).then_some(()));
}

#[test]
fn many_clients_that_read_nothing_leave_what_is_small() {
    let server = Server::start("simplequeue", ["--max-body-bytes=8MiB", "--max-buffered-bytes=16MiB"]);
    let mut client = server.connect();
    for _ in 0..60 {
        assert_eq!(client.post("/put", vec![b'x'; 1_000_000]).status, 200);
    }
    let from = |last: u8| Client::connect_from(Ipv4Addr::new(127, 0, 0, last), server.address);
    let deaf: Vec<Client> = (2..16)
        .map(|last| {
            let mut deaf = from(last);
            deaf.send("GET /mget?items=8 HTTP/1.1\r\nhost: x\r\n\r\n");
            deaf
        })
        .collect();
    until("all to be taken", || (from(99).get("/get").status == 503).then_some(()));
    for _ in 0..20 {
        assert_eq!((client.get("/stats").status, client.post("/put", "small").status), (200, 200));
    }
    assert_eq!(client.get("/get?queue=other").status, 200);
    drop(deaf);
    until("all to come back", || (client.get("/get").status == 200).then_some(()));
}

#[test]
fn one_client_whose_bodies_trickle_leaves_room_for_others() {
    let server = Server::start("simplequeue", ["--max-body-bytes=1000000", "--max-buffered-bytes=2000000"]);
    let slow: Vec<Client> = (0..14)
        .map(|_| {
            let mut slow = server.connect();
            slow.try_send(b"POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n");
            slow.try_send(&[b'x'; 150_000]);
            slow
        })
        .collect();
    until("the share to be taken", || {
        let mut client = server.connect();
        client.try_send(b"POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n");
        client.try_send(&[b'y'; 200_000]);
        (client.answer().status == 503).then_some(())
    });
    assert_eq!(server.connect().post("/put", [b'z'; 10_000]).status, 200, "what is small has a part of its own");
    assert_eq!(server.counter("depth"), 1, "and so have statistics");
    let mut other = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), server.address);
    assert_eq!(other.post("/put", vec![b'z'; 900_000]).status, 200, "another client has its own share");
    drop(slow);
}

#[test]
fn a_client_that_sends_all_before_it_reads_still_learns_why_not() {
    let server = Server::start("simplequeue", NONE);
    let mut client = server.connect();
    let piece = vec![b'x'; 1 << 20];
    client.send("POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: 41943040\r\n\r\n");
    for _ in 0..40 {
        assert!(client.try_send(&piece), "the server takes what it throws away");
    }
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str()), (413, "the body is over the limit max-body-bytes 5242880\n"));
    assert_eq!(client.rest(), b"");
}

#[test]
fn who_asks_and_asks_and_never_reads_is_not_listened_to() {
    const CLIENTS: usize = 10;
    let server = Server::start("pubsub", NONE);
    let before = server.process.resident();
    // Answers that are ten times as long as their requests.
    let many = "GET /stats HTTP/1.1\r\nhost:x\r\n\r\n".repeat(10_000);
    let deaf = [(); CLIENTS].map(|()| {
        let mut deaf = server.connect();
        deaf.stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a timeout of the socket");
        let taken = (0..100).take_while(|_| deaf.try_send(many.as_bytes())).count();
        assert!(taken < 100, "33 MB of requests were taken, and no answer was read");
        deaf
    });
    let each = server.process.resident().saturating_sub(before) / CLIENTS;
    assert!(each < 100 << 10, "{each} bytes for each");
    assert_eq!(server.connect().get("/stats").status, 200);
    drop(deaf);
}

#[test]
fn what_comes_at_once_is_answered_in_order_wherever_it_is_cut() {
    let server = Server::start("simplequeue", NONE);
    let mut requests = Vec::new();
    for number in 0..400 {
        let size = if number % 50 == 7 { 30_000 } else { number };
        let body = format!("{number:0size$}");
        requests
            .extend(format!("POST /put HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len()).bytes());
        requests.extend(b"GET /get HTTP/1.1\r\nhost: x\r\n\r\n");
    }
    for piece in [requests.len(), 7919, 1000] {
        let mut client = server.connect();
        let mut sender = client.stream.try_clone().expect("a copy");
        let bytes = requests.clone();
        let sending = std::thread::spawn(move || {
            bytes.chunks(piece).for_each(|piece| sender.write_all(piece).expect("the server takes it"));
        });
        for number in 0..400 {
            assert_eq!(client.answer().status, 200);
            assert_eq!(client.answer().text().parse(), Ok(number), "in pieces of {piece}");
        }
        sending.join().expect("all is sent");
    }
}

#[test]
fn a_connection_that_waits_takes_next_to_nothing() {
    const COUNT: usize = 300;
    let server = Server::start("simplequeue", NONE);
    let ask = |client: &mut Client| assert_eq!(client.post("/put", [b'x'; 3000]).status, 200);
    (0..20).for_each(|_| ask(&mut server.connect()));
    let before = server.process.resident();
    let mut clients: Vec<Client> = (0..COUNT).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(ask);
    // The items are in the queue, which takes its memory as it is filled.
    let items = COUNT * 3002;
    let each = server.process.resident().saturating_sub(before).saturating_sub(items) / COUNT;
    assert!(each < 4 << 10, "{each} bytes for each");
}

/// Ends a connection as one that has crashed: what it would get is refused.
fn reset(client: Client) {
    let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(&client.stream, Linger, &at_once).expect("an option of the socket");
    drop(client);
}

/// Connections to a server of this machine that nobody has ended, as far as the operating system knows: on a busy machine
/// that is told of an end some time after it. While others come and go it may list one twice, or miss it.
fn whole_connections(server: &Server) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let (port, established) = (format!(":{:04X}", server.address.port()), "01");
    let client = |line| {
        let mut fields = str::split_whitespace(line).skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        (local.ends_with(&port) && state == established).then_some(remote)
    };
    table.lines().filter_map(client).collect::<BTreeSet<_>>().len()
}

#[test]
fn what_a_client_asks_for_and_is_known_not_to_get_stays() {
    const EACH: usize = 25;
    let server = Server::start("simplequeue", NONE);
    let mut clients = [(); 4 * EACH].map(|()| server.connect());
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/put?data=x").status, 200));
    // All of it comes at once: the question, and that nobody is there any more.
    server.process.stop();
    let mut clients: Vec<_> = clients.into_iter().chain([(); 4 * EACH].map(|()| server.connect())).collect();
    for (client, target) in
        clients.iter_mut().zip(["/get", "/mget?items=9", "/get?lease=60", "/get?wait=5"].repeat(2 * EACH))
    {
        client.send(format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n"));
    }
    let mut putter = server.connect();
    assert!(putter.try_send(b"GET /put?data=left HTTP/1.1\r\nhost: x\r\n\r\n"));
    let all = clients.len() + 1;
    until("all of them, and who puts", || (whole_connections(&server) == all).then_some(()));
    clients.into_iter().for_each(reset);
    until("the ends to be known", || (whole_connections(&server) == 1).then_some(()));
    server.process.signal(SIGCONT);
    assert_eq!(putter.answer().status, 200);
    let stats = server.get("/stats?queue=main");
    for line in ["gets:0\n", "delivered:0\n", "leased:0\n", "ready:101\n"] {
        assert!(stats.contains(line), "{line}{stats}");
    }
    // What is put counts, whether its answer arrives or not.
    server.process.stop();
    let mut last = server.connect();
    last.send("GET /put?data=last HTTP/1.1\r\nhost: x\r\n\r\n");
    reset(last);
    server.process.signal(SIGCONT);
    until("it to be put", || (server.counter("depth") == 102).then_some(()));
}

#[test]
fn who_asks_and_leaves_at_once_takes_nothing_that_comes_later() {
    const COUNT: usize = 2_000;
    let server = Server::start("simplequeue", NONE);
    let open = || server.process.open_files();
    server.get("/stats");
    let before = server.process.open_files_at_rest();
    let ask = |questions| {
        let mut client = server.connect();
        client.send("GET /get?wait=60 HTTP/1.1\r\nhost: x\r\n\r\n".repeat(questions));
        client
    };
    let mut twice = [1; 100].map(ask);
    for _ in 0..COUNT {
        drop(ask(1));
    }
    let soon = Duration::from_secs(20);
    until_within(soon, "who has asked once to be gone", || (open() == before + twice.len()).then_some(()));
    // While they wait this is not read.
    twice.iter_mut().for_each(|client| client.send("GET /get?wait=60 HTTP/1.1\r\nhost: x\r\n\r\n"));
    std::thread::sleep(Duration::from_millis(100));
    drop(twice);
    until_within(soon, "who has asked twice to be gone", || (open() == before).then_some(()));
    server.connect().post("/mput", (0..COUNT).map(|number| number.to_string()).collect::<Vec<_>>().join("\n"));
    assert_eq!(server.counter("depth"), COUNT as u64);
    // Who stays has an answer to all questions.
    let mut patient = ask(2);
    assert_eq!((patient.answer().text(), patient.answer().text()), ("0".to_owned(), "1".to_owned()));
    server.get("/mget?items=10000");
    for _ in 0..2 {
        patient.send("GET /get?wait=60 HTTP/1.1\r\nhost: x\r\n\r\n");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!patient.has_more_within(Duration::from_millis(100)));
    server.connect().post("/mput", "a\nb");
    assert_eq!((patient.answer().text(), patient.answer().text()), ("a".to_owned(), "b".to_owned()));
}

#[test]
fn what_is_lent_to_who_vanishes_comes_back() {
    const COUNT: usize = 100;
    let server = Server::start("simplequeue", NONE);
    server.connect().post("/mput", (0..COUNT).map(|number| number.to_string()).collect::<Vec<_>>().join("\n"));
    for _ in 0..COUNT {
        let mut client = server.connect();
        client.send("GET /get?lease=0.2 HTTP/1.1\r\nhost: x\r\n\r\n");
        reset(client);
    }
    until("all to be ready again", || server.get("/stats?queue=main").contains("\nready:100\n").then_some(()));
    let got = server.get("/mget?items=1000");
    let mut got: Vec<usize> = got.lines().map(|line| line.parse().expect("a number")).collect();
    got.sort_unstable();
    assert_eq!(got, (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn peers_that_vanish_are_asked_for() {
    let server = Server::start("pubsub", NONE);
    let mut client = server.connect();
    client.send("GET /sub?multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
    client.head();
    // A line a socket: local and remote address, state (01: established), queues, and the timer that runs.
    let (here, there) = (server.address.port(), client.stream.local_addr().expect("an address").port());
    let timer = until("its keep-alive", || {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
        let ends = (format!(":{here:04X}"), format!(":{there:04X}"));
        let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let line = lines.find(|line| line.len() > 5 && line[1].ends_with(&ends.0) && line[2].ends_with(&ends.1))?;
        line[5].starts_with("02:").then(|| line[5].to_owned())
    });
    let ticks = u64::from_str_radix(&timer[3..], 16).expect("hundredths of a second");
    assert!((1000..=6000).contains(&ticks), "{timer}: within a minute");
}

#[test]
fn what_is_no_file_for_everyone_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("index.html"), "hello").expect("a file");
    std::fs::write(at(".env"), "secret").expect("a file");
    std::fs::create_dir(at(".git")).expect("a folder");
    std::fs::write(at(".git/config"), "secret").expect("a file");
    mkfifo(&at("pipe"), Mode::S_IRWXU).expect("a pipe");
    std::os::unix::fs::symlink(at("pipe"), at("link")).expect("a link");
    let server = Server::bridged([format!("--www={}", folder.path().display())]);
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    // Nobody writes to the pipe: who waits for it waits for ever.
    for path in ["/pipe", "/link", "/.env", "/.git/config", "/.git"] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.text().as_str()), (404, ""), "{path}");
    }
    // Who accepts JSON gets a file where there is one, and a problem where there is none.
    for (path, status, said) in [("/index.html", 200, "hello"), ("/none", 404, "\"detail\":\"nothing answers")] {
        client.send(format!("GET {path} HTTP/1.1\r\nhost: t\r\naccept: application/json\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status, status, "{path}");
        let text = answer.text();
        assert!(text.contains(said), "{path}: {text}");
    }
    assert_eq!(server.connect().get("/stats").status, 200);
    // Where no file can be opened nobody knows whether there is one.
    if needs::programs(&["prlimit"]) {
        let few = [format!("--pid={}", server.process.id()), "--nofile=3:".to_owned()];
        assert!(Command::new("prlimit").args(few).status().is_ok_and(|status| status.success()));
        let answer = client.get("/index.html");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert_eq!(client.get("/none").status, 404);
    }
}

/// The tool in a shell that may open so many files.
fn with_descriptors(name: &str, count: u32, flags: &[&str]) -> (Process, std::net::SocketAddr) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {count} && exec \"$0\" \"$@\"")]).arg(tool(name));
    command.args(["--port=0", "--address=127.0.0.1", "--allow-host=t"]).args(flags).env_remove("RUST_LOG");
    let mut process = Process::spawn(command);
    let address = process.line("listening on ").parse().expect("an address");
    (process, address)
}

#[test]
fn with_few_descriptors_there_are_fewer_connections_and_everyone_is_told() {
    let (process, address) = with_descriptors("simplequeue", 128, &[]);
    let said = "this process may open 128 files (ulimit -n): --max-connections 10000 is taken as 64\n";
    until("the line", || process.stderr().contains(said).then_some(()));
    let idle: Vec<Client> = (0..200).map(|_| Client::connect(address)).collect();
    let answer = Client::connect(address).answer();
    assert_eq!((answer.status, answer.text().as_str()), (503, "the limit max-connections 64 is reached\n"));
    // Nobody is left without a word, though not everybody's farewell is waited for.
    process.stop();
    let mut late: Vec<Client> = (0..100).map(|_| Client::connect(address)).collect();
    late.iter_mut().for_each(|client| client.send("GET /stats HTTP/1.1\r\nhost: t\r\n\r\n"));
    process.signal(SIGCONT);
    for (number, client) in late.iter_mut().enumerate() {
        assert_eq!(client.answer().status, 503, "client {number}");
        client.finish();
        let end = (&client.stream).read(&mut [0]);
        assert!(matches!(end, Ok(0)), "client {number}: {end:?}");
    }
    drop(idle);
}

#[test]
fn a_server_with_fewer_descriptors_than_it_needs_does_not_start() {
    let serve = |count: u32| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {count} && exec \"$0\" \"$@\"")]).arg(tool("streamgauge"));
        command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--allow-host=t"]).env_remove("RUST_LOG");
        Process::spawn(command)
    };
    let mut refused = serve(14);
    assert_eq!((refused.exit_code(), refused.stdout()), (2, String::new()));
    let said = refused.stderr();
    let start = "error: this process may open 14 files (ulimit -n): it needs ";
    let need = said.strip_prefix(start).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    // With as many as it says, everybody is answered on both ports, or told why not.
    let mut served = serve(need.unwrap_or_else(|| panic!("{said}")) + 2);
    let ports = ["pubsub   http://", "queue    http://"].map(|port| served.line(port));
    for port in ports.iter().map(|line| line.split(' ').next().expect("an address").parse().expect("one")) {
        let mut client = Client::connect(port);
        assert_eq!(client.get("/livez").status, 200);
        let answer = Client::connect(port).answer();
        assert_eq!((answer.status, answer.text().as_str()), (503, "the limit max-connections 1 is reached\n"));
    }
    served.signal(SIGTERM);
    served.wait();
    assert!(!served.stderr().contains("cannot accept"), "{}", served.stderr());
}

#[test]
fn without_a_descriptor_a_client_is_still_told() {
    let (_process, address) = with_descriptors("simplequeue", 16, &[]);
    let mut idle: Vec<Client> = (0..16).map(|_| Client::connect(address)).collect();
    let told = idle.iter_mut().rev().find_map(|client| {
        let came = client.has_more_within(Duration::from_secs(2));
        came.then(|| client.answer())
    });
    let answer = told.expect("one of them is told");
    assert_eq!(answer.status, 503, "{}", answer.head);
    drop(idle);
    until("room again", || {
        let mut client = Client::connect(address);
        client.try_send(b"GET /stats HTTP/1.1\r\nhost: t\r\n\r\n");
        (client.answer().status == 200).then_some(())
    });
}

#[test]
fn who_waits_for_an_item_and_leaves_takes_none_along() {
    let server = Server::start("simplequeue", NONE);
    let mut waiting: Vec<Client> = (0..5).map(|_| server.connect()).collect();
    waiting.iter_mut().for_each(|client| client.send("GET /get?wait=30 HTTP/1.1\r\nhost: t\r\n\r\n"));
    let before = server.process.open_files_at_rest();
    let last = waiting.pop();
    drop(waiting);
    until("who left to be gone", || (server.process.open_files() == before - 4).then_some(()));
    server.get("/mput?data=one%0Atwo");
    assert_eq!(last.map(|mut last| last.answer().text()).as_deref(), Some("one"));
    assert_eq!(server.get("/get"), "two");
}
