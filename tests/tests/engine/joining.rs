//! Who joins later, or again, has all that there was.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use streamgauge_tests::build::{tool, workspace};
use streamgauge_tests::client::Client;
use streamgauge_tests::command::run;
use streamgauge_tests::kept::killed;
use streamgauge_tests::nats::Cluster;
use streamgauge_tests::process::{Process, Server};
use streamgauge_tests::wait::until_within;

use crate::{JOINED, OFTEN, gateway, joined, messages, pair, shows, started};

#[test]
fn who_joins_later_has_what_was_saved_and_what_came_behind_it() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let a = gateway(&url, &OFTEN);
    let mut client = a.connect();
    let first = client.post("/put?queue=q&id=first", "first");
    assert_eq!(first.status, 200);
    let lent = client.get("/get?queue=q&lease=600");
    let token = lent.header("x-lease").unwrap().to_owned();
    assert_eq!(client.put("/gauges/g", r#"{"topic":"t","measure":["rate"]}"#).status, 201);
    assert_eq!(client.put("/topics/t", r#"{"bytes":67108864}"#).status, 201);
    let line = "x".repeat(1_000);
    // Until the beginning of the log is gone, which is when a second state was saved.
    let mut published = 0_u64;
    until_within(JOINED, "the log to lose its beginning", || {
        for _ in 0..50 {
            assert_eq!(client.post("/pub?topic=t", format!("{published} {line}")).status, 200);
            published += 1;
        }
        std::thread::sleep(Duration::from_millis(50));
        (cluster.first_of("streamgauge-log") > 1).then_some(())
    });
    assert_eq!(client.post("/put?queue=q", "last").status, 200);
    let b = gateway(&url, &OFTEN);
    let (told, at_a) = (messages(&b, "t", "first"), messages(&a, "t", "first"));
    assert_eq!(told.lines().count() as u64, published);
    assert!(told == at_a && told.starts_with("0 x"), "all that the topic holds is there");
    let mut at_b = b.connect();
    assert_eq!(at_b.post(&format!("/ack?queue=q&lease={token}"), "").status, 200);
    assert_eq!(at_b.post("/put?queue=q&id=first", "first").status, 200, "it was put before");
    assert_eq!((at_b.get("/get?queue=q").text().as_str(), at_b.get("/get?queue=q").text().as_str()), ("last", ""));
    assert!(b.get("/gauges").contains("\"g\""));
}

#[test]
fn a_gateway_that_is_killed_takes_nothing_with_it() {
    let Some((cluster, [a, b])) = pair() else { return };
    let mut at_a = a.connect();
    assert_eq!(at_a.post("/put?queue=q", "work").status, 200);
    let lent = at_a.get("/get?queue=q&lease=1");
    assert_eq!(lent.text(), "work");
    killed(a);
    let again = b.connect().get("/get?queue=q&lease=30&wait=20");
    assert_eq!((again.header("x-attempt"), &again.body[..]), (Some("2"), &b"work"[..]));
    let a = gateway(&cluster.url(), &[]);
    assert!(shows(&a, "/peek?queue=q&state=leased", |text| !text.is_empty()).contains("\"attempt\":2"));
}

#[test]
fn all_gateways_of_a_group_go_by_the_same() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let a = gateway(&url, &["--memory", "2GiB"]);
    for (flags, wrong) in [
        (&["--memory", "1GiB"][..], "was begun with --memory 2147483648, and this gateway has 1073741824"),
        (&["--memory", "2GiB", "--max-names", "7"], "--max-names"),
        (&["--memory", "2GiB", "--no-auto-create"], "without --no-auto-create, and this gateway with"),
        (&["--memory", "2GiB", "--max-message-bytes", "7KiB"], "--max-message-bytes"),
    ] {
        let mut other = started(&url, flags);
        let code = until_within(JOINED, "it to end", || other.process.try_exit_code());
        let said = other.process.stderr();
        assert!(code == 2 && said.contains(wrong), "{code}: {said}");
    }
    // Another group has nothing to do with it.
    let other = gateway(&url, &["--engine-group", "other"]);
    assert_eq!(a.connect().post("/put?queue=q", "x").status, 200);
    assert_eq!(other.get("/get?queue=q"), "");
    joined(&other);
}

#[test]
fn a_gateway_without_room_for_what_the_group_holds_says_so_and_ends() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let a = gateway(&url, &OFTEN);
    let mut client = a.connect();
    assert_eq!(client.put("/topics/t", r#"{"bytes":67108864}"#).status, 201);
    let line = "x".repeat(1_000);
    until_within(JOINED, "the log to lose its beginning", || {
        (0..50).for_each(|_| assert_eq!(client.post("/pub?topic=t", &line).status, 200));
        (cluster.first_of("streamgauge-log") > 1).then_some(())
    });
    for (flags, wrong) in [
        (["--memory", "40MiB"], "was begun with --memory 1073741824, and this gateway has 41943040"),
        (["--max-names", "1"], "was begun with --max-names 20000, and this gateway has 1"),
    ] {
        let small = ["--log-bytes=1MiB", "--queue-bytes=1MiB", "--max-body-bytes=256KiB"];
        let mut small = started(&url, &[&flags[..], &small].concat());
        let code = until_within(JOINED, "it to end", || small.process.try_exit_code());
        let said = small.process.stderr();
        assert!(code == 2 && said.contains(wrong) && !said.contains("trying again"), "{code}: {said}");
    }
}

#[test]
fn a_gateway_goes_on_when_the_one_that_was_to_follow_it_can_not_join_the_others() {
    let Some(cluster) = Cluster::start(1) else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("s.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("");
    let a = Server::bridged(["--engine", &cluster.url(), "--config", file.to_str().unwrap()]);
    joined(&a);
    assert!(!a.process.stdout().contains("bridge"), "whoever began the group has said so");
    assert_eq!(a.connect().post("/put?queue=q", "kept").status, 200);
    for (settings, why) in [
        ("memory = '2GiB'", "was begun with --memory 1073741824, and this one has 2147483648"),
        ("engine-group = 'other'", "it is of the group streamgauge"),
        ("max-message-bytes = '7KiB'", "was begun with --max-message-bytes"),
    ] {
        write(&format!("[server]\n{settings}\n"));
        let before = a.process.stderr().len();
        a.process.signal(Signal::SIGUSR2);
        let said = until_within(JOINED, "a refusal", || {
            let said = a.process.stderr()[before..].to_owned();
            said.contains("this process goes on\n").then_some(said)
        });
        assert!(said.contains(why), "{settings}: {said}");
        joined(&a);
        assert_eq!(a.connect().get("/peek?queue=q").status, 200);
    }
    assert_eq!(a.get("/get?queue=q"), "kept");
}

#[test]
fn an_engine_that_will_not_do_is_known_before_a_gateway_waits_for_it() {
    let Some(cluster) = Cluster::start(1) else { return };
    let check = |flags: &[&str]| run(&[&["engine", "check", &cluster.url()][..], flags].concat(), "");
    let (code, _, wrong) = check(&["--replicas", "3"]);
    assert!(code == 1 && wrong.contains("3 replicas are wanted") && wrong.contains("1 servers"), "{wrong}");
    let Some(small) = Cluster::start_with(1, "max_payload: 1024") else { return };
    let mut a = started(&small.url(), &[]);
    let said = a.process.line("engine: ");
    assert!(said.contains("max_payload is 1024 bytes"), "{said}");
    assert_eq!(a.connect().get("/readyz").status, 503);
}

#[test]
fn who_stops_well_ends_well_and_what_is_queued_stays() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let a = gateway(&url, &[]);
    assert_eq!(a.connect().post("/put?queue=q", "x").status, 200);
    assert_eq!(a.stop(), 0);
    let a = gateway(&url, &[]);
    assert_eq!(a.get("/get?queue=q"), "x");
    a.process.signal(Signal::SIGTERM);
}

#[test]
fn whether_an_engine_will_do_is_said_in_lines() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let check = |url: &str| {
        let mut process = Process::start("streamgauge", ["engine", "check", url]);
        (process.exit_code(), process.stdout() + &process.stderr())
    };
    let (code, said) = check(&url);
    assert!(code == 0 && said.contains("jetstream    answers") && said.contains("not there yet"), "{code}: {said}");
    let a = gateway(&url, &[]);
    let (code, said) = check(&url);
    assert!(code == 0 && said.contains("1 of 1 replicas current"), "{code}: {said}");
    drop(a);
    let (code, said) = check("nats://127.0.0.1:1");
    assert!(code == 2 && said.contains("can't be reached") && said.lines().count() == 1, "{code}: {said}");
    let (code, said) = check("http://127.0.0.1");
    assert!(code == 2 && said.contains("nats://HOST:PORT"), "{code}: {said}");
}

#[test]
fn the_script_starts_a_cluster_that_serves_and_ends_with_it() {
    if !streamgauge_tests::needs::programs(&["curl", "bash"]) || Cluster::start(1).is_none() {
        return;
    }
    // Ten ports in a row that nobody has.
    let is_free = |port: &u16| (*port..port + 10).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    let ports = (15_000..19_000).step_by(10).find(is_free).expect("ten free ports");
    let mut command = Command::new(workspace().join("tests/cluster"));
    command.env("CLUSTER_PORTS", ports.to_string()).env("STREAMGAUGE", tool("streamgauge"));
    let mut script = Process::spawn(command);
    let started = |script: &Process| script.stdout().lines().filter(|line| line.contains("process ")).count() == 5;
    until_within(2 * JOINED, "a cluster", || started(&script).then_some(()));
    let all: Vec<String> = script
        .stdout()
        .lines()
        .filter_map(|line| line.split("process ").nth(1)?.split(',').next().map(str::to_owned))
        .collect();
    let gateway = |number: u16| Client::connect(SocketAddr::from(([127, 0, 0, 1], ports + 6 + 2 * number)));
    assert_eq!(gateway(0).post("/put?queue=q", "x").status, 200);
    assert_eq!(gateway(1).get("/get?queue=q").text(), "x");
    script.signal(Signal::SIGTERM);
    assert_eq!(script.exit_code(), 0, "{}", script.stderr());
    let runs = |process: &String| std::path::Path::new("/proc").join(process).exists();
    assert!(all.len() == 5 && !all.iter().any(runs), "{all:?}");
}

#[test]
fn who_starts_at_the_same_time_begins_with_the_same() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    for group in ["g1", "g2", "g3"] {
        // They all wait for the engine, and go on together.
        cluster.stop(0);
        let gateways = [(); 4].map(|()| started(&url, &["--engine-group", group]));
        cluster.go_on(0);
        gateways.iter().for_each(joined);
        for (number, gateway) in gateways.iter().enumerate() {
            assert_eq!(gateway.connect().post("/put?queue=q", number.to_string()).status, 200);
        }
        for gateway in &gateways {
            shows(gateway, "/stats?queue=q&format=json", |stats| stats.contains("\"accepted\":4"));
        }
    }
}
