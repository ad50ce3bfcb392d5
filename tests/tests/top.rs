//! `streamgauge top`, counters that are watched and bars of progress, in a terminal and without one.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use streamgauge_tests::client::Client;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::screen::Screen;
use streamgauge_tests::wait::until;
use tempfile::TempDir;

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

#[test]
fn it_shows_what_changes_and_gives_the_terminal_back() {
    let server = Server::everything([""; 0]);
    server.get("/put?queue=jobs&data=first-item");
    let mut top = Screen::start(&["top", "--url", &url(&server), "--every", "100ms"], None);
    top.shows("2 queues");
    assert!(top.is_other() && !top.is_as_before());

    top.type_in("\t");
    top.shows("items of queue jobs");
    top.shows("first-item");
    top.shows("› jobs                    1 ");
    let items: Vec<_> = (0..1_233).map(|number| format!("another-{number}")).collect();
    server.connect().post("/mput?queue=jobs", items.join("\n"));
    top.shows("› jobs                1,234 ");
    top.shows("another-0");

    top.type_in("q");
    assert_eq!(top.wait().code(), Some(0));
    until("the terminal as it was", || top.is_as_before().then_some(()));
    assert_eq!(top.text(), "");
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let server = Server::everything([""; 0]);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut top = Screen::start(&["top", "--url", &url(&server)], None);
        top.shows("main");
        assert!(!top.is_as_before());
        top.signal(signal);
        assert_eq!(top.wait().code(), Some(0), "{signal}");
        until("the terminal as it was", || top.is_as_before().then_some(()));
    }
}

#[test]
fn a_server_that_goes_away_is_said_and_asked_again() {
    let server = Server::everything([""; 0]);
    let address = server.address;
    let mut top = Screen::start(&["top", "--url", &url(&server), "--every", "100ms"], None);
    top.shows("main");
    assert_eq!(server.stop(), 0);
    top.shows("trying again");
    assert!(top.text().contains("main"), "what was known stays: {}", top.text());

    let mut again =
        Process::start("streamgauge", ["serve", &format!("--pubsub-port={}", address.port()), "--queue-port=0"]);
    again.line("pubsub ");
    Client::connect(address).get("/put?queue=fresh&data=H3110");
    top.shows("fresh");
    assert!(!top.text().contains("trying again"), "{}", top.text());
    top.type_in("\u{3}");
    assert_eq!(top.wait().code(), Some(0));
}

#[test]
fn without_a_terminal_it_is_a_table_once() {
    let server = Server::everything([""; 0]);
    server.get("/put?queue=jobs&data=H3110");
    let mut top = Process::start("streamgauge", ["top", "--url", &url(&server), "--every", "50ms"]);
    assert_eq!(top.exit_code(), 0, "{}", top.stderr());
    let text = top.stdout();
    let row = text.lines().find(|line| line.starts_with("jobs ")).expect("a row of the queue");
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[..5], ["jobs", "1", "0", "0", "0"], "{text}");
    assert!(text.starts_with("streamgauge ") && !text.contains('\u{1b}'), "{text}");

    let mut top = Process::start("streamgauge", ["top", "--url", &url(&server), "--json"]);
    assert_eq!(top.exit_code(), 0);
    let said: serde_json::Value = serde_json::from_str(&top.stdout()).unwrap();
    assert_eq!((&said["queues"][0]["name"], &said["ready"]["status"]), (&"jobs".into(), &"ok".into()));

    assert_eq!(server.stop(), 0);
    let mut top = Process::start("streamgauge", ["top", "--url", "http://127.0.0.1:1"]);
    assert_eq!(top.exit_code(), 3);
}

#[test]
fn a_terminal_has_colours_and_a_screen_unless_a_variable_says_no() {
    let help = |variables: &[(&str, &str)]| {
        let mut help = Screen::start_with(&["top", "--help"], None, variables);
        assert_eq!(help.wait().code(), Some(0));
        help.shows("Exit codes:");
        help.written()
    };
    assert!(help(&[("NO_COLOR", "")]).contains('\u{1b}'), "an empty variable says nothing");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!help(&[variable]).contains('\u{1b}'), "{variable:?}");
    }

    let server = Server::everything([""; 0]);
    let mut dumb = Screen::start_with(&["top", "--url", &url(&server), "--every=50ms"], None, &[("TERM", "dumb")]);
    assert_eq!(dumb.wait().code(), Some(0), "it prints a table, and ends");
    dumb.shows("queue");
    assert!(!dumb.written().contains('\u{1b}'), "{}", dumb.written());
}

#[test]
fn a_log_in_a_terminal_has_colours_unless_a_variable_says_no() {
    for (variables, is_coloured) in [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("TERM", "dumb")], false)] {
        let args = ["serve", "--pubsub-port=0", "--queue-port=0", "--enable-logging"];
        let serve = Screen::start_with(&args, None, variables);
        let address = until("an address", || {
            let text = serve.text();
            let (_, at) = text.split_once("pubsub   http://")?;
            at.split_once(' ')?.0.parse().ok()
        });
        Client::connect(address).get("/livez");
        serve.shows("GET /livez 200");
        assert_eq!(serve.written().contains('\u{1b}'), is_coloured, "{variables:?}: {}", serve.written());
    }
}

#[test]
fn what_is_longer_than_the_terminal_stays_in_its_place() {
    let server = Server::everything([""; 0]);
    let mut stats = Screen::start(&["stats", "--url", &url(&server), "--watch=0.05"], None);
    stats.shows("+0.0 /s");
    let text = stats.text();
    assert!(text.starts_with("pubsub http://"), "its first line is on the screen: {text}");
    let last = text.lines().last().and_then(|line| line.strip_prefix("… lines left out: "));
    let left_out: usize = last.expect("a number").parse().expect("one");
    stats.signal(Signal::SIGINT);
    assert_eq!(stats.wait().code(), Some(0));
    let mut all = Process::start("streamgauge", ["stats", "--url", &url(&server)]);
    assert_eq!(all.exit_code(), 0);
    assert_eq!(text.lines().count() - 1 + left_out, all.stdout().lines().count());
}

#[test]
fn counters_that_are_watched_stay_in_their_place() {
    let server = Server::everything([""; 0]);
    let url = url(&server);
    let mut stats = Screen::start(&["stats", "--pubsub", &url, "--watch"], None);
    // What a second has brought is known from the second time on.
    stats.shows("+0.0 /s");
    assert_eq!(stats.text().matches("pubsub http://").count(), 1, "{}", stats.text());
    stats.signal(Signal::SIGINT);
    assert_eq!(stats.wait().code(), Some(0));

    let mut piped = Process::start("streamgauge", ["stats", "--url", &url, "--watch=0.05"]);
    until("both readings", || (piped.stdout().matches("queue http://").count() > 1).then_some(()));
    assert!(!piped.stdout().contains('\u{1b}'), "{}", piped.stdout());
    piped.signal(Signal::SIGINT);
    assert_eq!(piped.exit_code(), 0);
}

/// A file that takes some time to read.
fn long_file(folder: &TempDir) -> String {
    let path = folder.path().join("numbers");
    let mut file = File::create(&path).unwrap();
    let numbers: String = (0..100_000).map(|number| format!("{}\n", number % 1000)).collect();
    for _ in 0..100 {
        file.write_all(numbers.as_bytes()).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

/// Bytes that a process has read.
fn read(id: u32) -> Option<u64> {
    let io = std::fs::read_to_string(format!("/proc/{id}/io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("rchar:"))?.trim().parse().ok()
}

#[test]
fn long_work_has_a_bar_that_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let file = long_file(&folder);
    let mut moments = Screen::start(&["moments", "--source", &file], None);
    until("the file to be read", || read(moments.id()).filter(|read| *read > 1 << 20));
    // Whoever is fast takes longer.
    moments.signal(Signal::SIGSTOP);
    sleep(Duration::from_millis(600));
    moments.signal(Signal::SIGCONT);
    assert_eq!(moments.wait().code(), Some(0));
    moments.shows("mean");
    let written = moments.written();
    let (bar, result) = (written.find("reading [").expect("a bar"), written.find("mean").expect("a result"));
    assert!(bar < result && !written[result..].contains("reading ["), "{written}");
    assert!(!moments.text().contains("reading ["), "{}", moments.text());

    let mut short = Screen::start(&["moments", "--source", &file, "--count", "1000"], None);
    assert_eq!(short.wait().code(), Some(0));
    assert!(!short.written().contains("reading ["), "{}", short.written());
}

#[test]
fn what_goes_through_a_pipe_has_no_bar() {
    let folder = TempDir::new().unwrap();
    let out = File::create(folder.path().join("out")).unwrap();
    let generate = ["generate", "normal", "--count", "1500", "--rate", "1000", "--seed", "1"];
    let mut to_file = Screen::start(&generate, Some(out.into()));
    to_file.shows("generating [");
    assert_eq!(to_file.wait().code(), Some(0));

    let mut pipe = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut to_pipe = Screen::start(&generate, Some(pipe.stdin.take().unwrap().into()));
    assert_eq!(to_pipe.wait().code(), Some(0));
    assert!(pipe.wait().unwrap().success());
    assert_eq!(to_pipe.written(), "", "another program may write to the terminal");
}
