//! The engine is away: at the start, later, for one gateway of two.

use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;
use streamgauge_tests::client::Client;
use streamgauge_tests::link::Link;
use streamgauge_tests::nats::Cluster;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::{SOON, until, until_within};
use tempfile::TempDir;

use crate::{JOINED, OFTEN, gateway, has, is_ready, joined, shows, started};

/// Until what would change something is refused, and how.
fn refused(server: &Server) -> streamgauge_tests::client::Answer {
    until_within(JOINED, "a refusal", || {
        let answer = Client::connect(server.address).post("/put?queue=probe", "x");
        (answer.status == 503).then_some(answer)
    })
}

#[test]
fn a_gateway_starts_without_the_engine_and_joins_when_it_comes() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    cluster.kill(0);
    let mut a = started(&cluster.url(), &[]);
    let said = a.process.line("engine: ");
    assert!(said.contains("can't be reached") && said.ends_with("trying again"), "{said}");
    let ready = a.connect().get("/readyz");
    assert_eq!(ready.status, 503);
    let text = ready.text();
    assert!(text.contains("engine: failing"), "{text}");
    assert_eq!(a.connect().get("/livez").status, 200);
    for target in ["/put?queue=q&data=x", "/get?queue=q", "/stats?queue=q", "/sub?topic=t", "/queues"] {
        let answer = a.connect().get(target);
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true), "{target}");
    }
    cluster.restart(0);
    joined(&a);
    assert_eq!(a.connect().post("/put?queue=q", "x").status, 200);
    assert_eq!(a.get("/get?queue=q"), "x");
    let said = a.complaints();
    let engine = said.lines().filter(|line| line.starts_with("engine: ")).count();
    assert_eq!(engine, 2, "one line when it is away, and one when it is there: {said}");
}

#[test]
fn streams_stay_open_while_the_engine_is_away_and_nothing_answered_is_lost() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let a = gateway(&cluster.url(), &[]);
    assert_eq!(a.connect().post("/put?queue=q", "kept").status, 200);
    let mut subscriber = a.connect();
    subscriber.send("GET /sub?topic=t&multipart=0 HTTP/1.0\r\n\r\n");
    assert!(subscriber.head().contains("200 OK"));
    assert_eq!(subscriber.take(2), b"\r\n", "its opening");
    assert_eq!(a.connect().post("/pub?topic=t", "before").status, 200);
    assert_eq!(subscriber.take(7), b"before\n");
    cluster.kill(0);
    let answer = refused(&a);
    assert!(answer.header("retry-after").is_some());
    let begun = Instant::now();
    until("its reason", || a.connect().get("/readyz").text().contains("the connection to it is lost").then_some(()));
    assert!(!is_ready(a.address));
    assert!(a.get("/peek?queue=q").contains("kept"), "looks are answered");
    assert!(begun.elapsed() < SOON, "nothing hangs");
    cluster.restart(0);
    joined(&a);
    assert_eq!(a.connect().post("/pub?topic=t", "behind").status, 200);
    assert_eq!(subscriber.take(7), b"behind\n");
    assert_eq!(a.get("/get?queue=q"), "kept");
    let said = a.complaints();
    let of_engine: Vec<_> = said.lines().filter(|line| line.starts_with("engine: ")).collect();
    let [lost, .., again] = &*of_engine else { panic!("{said}") };
    assert_eq!(*lost, "engine: the connection to it is lost; what changes anything is refused meanwhile");
    assert_eq!(*again, "engine: it is there again");
    assert!(said.lines().count() < 10, "not each try: {said}");
}

#[test]
fn a_gateway_comes_back_from_an_outage_that_was_longer_than_it_sends_anything_again() {
    let Some(cluster) = Cluster::start(1) else { return };
    let a = gateway(&cluster.url(), &["--engine-timeout", "1s"]);
    cluster.stop(0);
    // The connection is not known to be gone yet: it is sent, again and again.
    assert_eq!(a.connect().post("/put?queue=q&id=one", "one").status, 503);
    refused(&a);
    // That ends after a minute.
    thread::sleep(Duration::from_secs(75));
    assert!(!is_ready(a.address));
    cluster.go_on(0);
    joined(&a);
    until("it to be taken", || (a.connect().post("/put?queue=q&id=one", "one").status == 200).then_some(()));
    assert_eq!([a.get("/get?queue=q"), a.get("/get?queue=q")], ["one", ""]);
}

#[test]
fn one_gateway_that_is_cut_off_refuses_and_comes_back_to_what_the_others_did() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut link = Link::to(cluster.addresses()[0]);
    let (a, b) =
        (gateway(&cluster.url(), &[]), gateway(&format!("nats://{}", link.address()), &["--engine-timeout", "2s"]));
    assert_eq!(a.connect().post("/put?queue=q", "one").status, 200);
    link.cut();
    // What is asked now has no answer, and then the connection is known to be gone.
    let begun = Instant::now();
    let answer = b.connect().post("/put?queue=q&id=two", "two");
    let took = begun.elapsed();
    assert_eq!(answer.status, 503);
    assert!(took < SOON, "{took:?}");
    let text = answer.text();
    assert!(text.contains("the engine"), "{text}");
    assert_eq!(a.connect().get("/get?queue=q&lease=60").text(), "one");
    refused(&b);
    link.mend();
    joined(&b);
    until("what the other one did", || b.get("/peek?queue=q&state=leased").contains("one").then_some(()));
    // It may have happened: under its id it counts once.
    until("it to be taken", || (b.connect().post("/put?queue=q&id=two", "two").status == 200).then_some(()));
    assert_eq!([b.get("/get?queue=q"), b.get("/get?queue=q")], ["two", ""]);
}

#[test]
fn what_was_asked_before_an_outage_does_not_happen_behind_it() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut link = Link::to(cluster.addresses()[0]);
    let a = gateway(&cluster.url(), &[]);
    let b = gateway(&format!("nats://{}", link.address()), &["--engine-timeout", "1s"]);
    let delete = |server: &Server| {
        let mut client = server.connect();
        client.send("DELETE /queues/removed HTTP/1.1\r\nhost: localhost\r\n\r\n");
        client.answer().status
    };
    // An id counts once for a moment only, as if the outage were longer than that.
    for queue in ["removed", "once"] {
        let target = format!("/queues/{queue}");
        assert_eq!(a.connect().put(&target, r#"{"dedupe_window":"1s"}"#).status, 201);
    }
    shows(&b, "/queues", |text| text.contains("\"once\""));
    link.cut();
    // The connection is not known to be gone: what is asked now is on its way, and comes there when the network is mended.
    assert_eq!(b.connect().post("/put?queue=once&id=one", "one").status, 503);
    assert_eq!(delete(&b), 503);
    assert_eq!(a.connect().post("/put?queue=once&id=one", "one").status, 200);
    assert_eq!(a.get("/get?queue=once"), "one");
    assert_eq!(delete(&a), 200);
    assert_eq!(a.connect().put("/queues/removed", "{}").status, 201);
    assert_eq!(a.connect().post("/put?queue=removed", "new").status, 200);
    refused(&b);
    // What nobody waits for is not asked for again while there is no connection.
    thread::sleep(Duration::from_secs(20));
    link.mend();
    joined(&b);
    assert_eq!(b.connect().post("/put?queue=behind", "x").status, 200);
    for server in [&a, &b] {
        shows(server, "/stats?queue=behind&format=json", |text| text.contains("\"depth\":1,"));
        assert_eq!(server.get("/peek?queue=once"), "", "it was got, and is not there again");
        assert!(server.get("/peek?queue=removed").contains("new"), "it was made since");
    }
    let consumers = cluster.ask(0, "$JS.API.CONSUMER.NAMES.streamgauge-log", "");
    assert!(consumers["total"].as_u64().is_some_and(|total| total <= 7), "{consumers}");
}

#[test]
fn a_gateway_that_comes_back_to_a_log_without_its_place_says_so_and_ends() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut link = Link::to(cluster.addresses()[0]);
    let a = gateway(&cluster.url(), &OFTEN);
    let mut b = gateway(&format!("nats://{}", link.address()), &OFTEN);
    link.cut();
    let line = "x".repeat(1_000);
    let mut client = a.connect();
    // It has seen some messages of the log, and nowhere near a hundred.
    until_within(JOINED, "the log to lose its beginning", || {
        (0..50).for_each(|_| assert_eq!(client.post("/pub?topic=t", &line).status, 200));
        (cluster.first_of("streamgauge-log") > 100).then_some(())
    });
    link.mend();
    assert_eq!(until_within(JOINED, "its end", || b.process.try_exit_code()), 2);
    let said = b.process.stderr();
    assert!(said.contains("the log begins with message") && said.contains("begins anew from what was saved"), "{said}");
    // Started again, it is one of them.
    assert!(has(&gateway(&cluster.url(), &OFTEN), "t", "first", |told| told.contains(&line)).len() > line.len());
}

#[test]
fn what_is_declared_while_the_engine_is_away_becomes_what_was_said_last() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    cluster.kill(0);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("s.toml");
    fs::write(&file, "[queues.kept]\nlease = '11s'\n\n[queues.withdrawn]\nlease = '11s'\n").unwrap();
    let a = started(&cluster.url(), &["--config", file.to_str().unwrap()]);
    until("it is late", || a.process.stderr().contains("queues.withdrawn is not there yet").then_some(()));
    fs::write(&file, "[queues.kept]\nlease = '22s'\n").unwrap();
    a.process.signal(Signal::SIGHUP);
    until("it is read", || a.process.stderr().contains("the configuration was read again").then_some(()));
    cluster.restart(0);
    joined(&a);
    let lease = || Client::connect(a.address).get("/queues/kept").text();
    until("it is there", || lease().contains("\"lease\":\"22s\"").then_some(()));
    // What was declared before would be tried again within a second.
    thread::sleep(Duration::from_millis(2_500));
    assert!(lease().contains("\"lease\":\"22s\""), "{}", lease());
    assert_eq!(Client::connect(a.address).get("/queues/withdrawn").status, 404);
}

#[test]
fn what_a_gauge_tells_while_the_engine_is_away_is_published_when_it_is_back() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let a = gateway(&cluster.url(), &[]);
    let mut client = a.connect();
    assert_eq!(client.put("/gauges/g", r#"{"topic":"t","measure":["moments"],"every":"3s"}"#).status, 201);
    assert_eq!(client.post("/pub?topic=t", "7").status, 200);
    cluster.kill(0);
    refused(&a);
    // The pane ends meanwhile.
    thread::sleep(Duration::from_secs(5));
    cluster.restart(0);
    joined(&a);
    let told = has(&a, "gauge.g", "first", |text| text.contains("\"count\":1"));
    assert_eq!(told.matches("\"count\":1").count(), 1, "{told}");
}
