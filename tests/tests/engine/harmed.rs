//! The log has lost its end, is full, or has in it what no gateway wrote.

use serde_json::Value;
use streamgauge_tests::command::run;
use streamgauge_tests::link::Link;
use streamgauge_tests::nats::Cluster;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until_within;

use crate::{JOINED, OFTEN, gateway, joined, shows, started};

/// Until a gateway ends, and what it said.
fn end(mut gateway: Server) -> String {
    assert_eq!(until_within(JOINED, "its end", || gateway.process.try_exit_code()), 2);
    gateway.process.stderr()
}

fn put(gateway: &Server, item: &str) -> u16 {
    gateway.connect().post("/put?queue=q", item).status
}

#[test]
fn gateways_end_when_the_log_has_lost_what_they_have_executed_and_begin_with_the_rest() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let gateways = [(); 2].map(|()| gateway(&url, &[]));
    assert_eq!(put(&gateways[0], "kept"), 200);
    cluster.kill(0);
    cluster.remember(0);
    cluster.restart(0);
    gateways.iter().for_each(joined);
    for _ in 0..20 {
        assert_eq!(put(&gateways[1], "lost"), 200);
    }
    cluster.kill(0);
    cluster.forget(0, None);
    cluster.restart(0);
    for gateway in gateways {
        let said = end(gateway);
        assert!(said.contains("lost the end of the log"), "{said}");
    }
    let again = gateway(&url, &[]);
    assert_eq!(put(&again, "new"), 200);
    assert_eq!([(); 3].map(|()| again.get("/get?queue=q")), ["kept", "new", ""]);
}

#[test]
fn what_was_saved_is_more_than_a_log_that_has_lost_its_end() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let a = gateway(&url, &OFTEN);
    cluster.kill(0);
    cluster.remember(0);
    cluster.restart(0);
    joined(&a);
    assert_eq!(put(&a, "kept"), 200);
    until_saved(&cluster, &a, 1);
    cluster.kill(0);
    cluster.forget(0, Some("streamgauge-log"));
    cluster.restart(0);
    assert!(end(a).contains("lost the end of the log"));
    for _ in 0..2 {
        // It goes on behind what was saved, and so does who begins with that too.
        let again = gateway(&url, &OFTEN);
        assert_eq!(put(&again, "new"), 200);
        shows(&again, "/peek?queue=q&count=1", |text| text.contains("kept"));
    }
}

#[test]
fn a_state_that_somebody_has_removed_is_saved_again_for_who_joins() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let a = gateway(&url, &OFTEN);
    assert_eq!(put(&a, "kept"), 200);
    until_saved(&cluster, &a, 1);
    for how in ["PURGE", "DELETE"] {
        let answer = cluster.ask(0, &format!("$JS.API.STREAM.{how}.streamgauge-state"), "");
        assert_eq!(answer["success"], Value::Bool(true), "{answer}");
        let b = gateway(&url, &OFTEN);
        shows(&b, "/peek?queue=q&count=1", |text| text.contains("kept"));
    }
    let said = a.complaints();
    assert_eq!(said.matches("what was saved is gone").count(), 2, "{said}");
}

/// Until the log was let go of up to somewhere behind a message, while items are put and got: however long that takes, the
/// state stays small, and no queue becomes full.
fn until_saved(cluster: &Cluster, gateway: &Server, message: u64) {
    let (mut client, line) = (gateway.connect(), "x".repeat(1_000));
    until_within(JOINED, "the log to lose its beginning", || {
        for _ in 0..50 {
            assert_eq!(client.post("/put?queue=passing", &line).status, 200);
            assert_eq!(client.get("/get?queue=passing").status, 200);
        }
        (cluster.first_of("streamgauge-log") > message).then_some(())
    });
}

#[test]
fn a_full_log_has_room_again_and_may_be_longer_later() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let check = || run(&["engine", "check", &url], "");
    let a = gateway(&url, &["--engine-bytes", "1MiB"]);
    let b = gateway(&url, &["--engine-bytes", "1MiB"]);
    assert_eq!(put(&a, "first"), 200);
    shows(&b, "/peek?queue=q", |text| text.contains("first"));
    // So long that they fill it before the state is saved. Somebody makes room within seconds: then it is filled again.
    let line = "x".repeat(300_000);
    let mut client = a.connect();
    until_within(JOINED, "the log to be full, and that to be said", || {
        let refused = client.post("/put?queue=q", &line);
        let is_full = refused.status == 507;
        let text = refused.text();
        assert!(!is_full || text.contains("the limit engine-bytes 1048576 is reached"), "{text}");
        (is_full && a.get("/readyz").contains("engine: limited: its log is full")).then_some(())
    });
    until_within(JOINED, "room", || (client.get("/get?queue=q").status == 200).then_some(()));
    until_within(JOINED, "the news", || a.get("/readyz").contains("engine: ok").then_some(()));
    assert_eq!(put(&b, "small"), 200, "nobody was left behind");
    let (code, said, _) = check();
    assert!(code == 0 && said.contains(" of 1048576 bytes"), "{said}");
    drop((a, b));
    let a = gateway(&url, &["--engine-bytes", "64MiB"]);
    assert_eq!(put(&a, "small"), 200);
    let (code, said, _) = check();
    assert!(code == 0 && said.contains(" of 67108864 bytes"), "{said}");
}

const STATS: &str = "/stats?queue=q&format=json";

#[test]
fn who_is_a_little_behind_when_the_log_is_full_goes_on() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut link = Link::to(cluster.addresses()[0]);
    let a = gateway(&cluster.url(), &["--engine-bytes", "1MiB"]);
    let b = gateway(&format!("nats://{}", link.address()), &["--engine-bytes", "1MiB"]);
    let (mut client, line) = (a.connect(), "x".repeat(20_000));
    until_within(JOINED, "the log to be nearly full", || {
        assert_eq!(client.post("/put?queue=q", &line).status, 200);
        let info = cluster.ask(0, "$JS.API.STREAM.INFO.streamgauge-log", "");
        (info["state"]["bytes"].as_u64() > Some(950_000)).then_some(())
    });
    assert_eq!(put(&a, "seen"), 200);
    let accepted = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["accepted"].as_u64();
    let has_all = || shows(&b, STATS, |text| accepted(text) == accepted(&a.get(STATS)));
    has_all();
    link.cut();
    until_within(JOINED, "the log to be full", || (client.post("/put?queue=q", &line).status == 507).then_some(()));
    until_within(JOINED, "room", || a.get("/readyz").contains("engine: ok").then_some(()));
    assert_eq!(put(&a, "small"), 200);
    link.mend();
    joined(&b);
    has_all();
}

#[test]
fn what_a_gateway_left_that_died_while_it_saved_goes() {
    let Some(cluster) = Cluster::start(1) else { return };
    let a = gateway(&cluster.url(), &OFTEN);
    let piece = "streamgauge.state.77.0";
    assert!(cluster.ask(0, piece, "piece")["seq"].as_u64().is_some());
    until_saved(&cluster, &a, 1);
    let of = format!("{{\"last_by_subj\":\"{piece}\"}}");
    let left = cluster.ask(0, "$JS.API.STREAM.MSG.GET.streamgauge-state", &of);
    assert_eq!(left["error"]["code"], 404, "{left}");
}

#[test]
fn what_no_gateway_wrote_does_nothing() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let gateways = [(); 2].map(|()| gateway(&url, &[]));
    assert_eq!(put(&gateways[0], "one"), 200);
    for foreign in ["", "{}", &"x".repeat(1_000)] {
        assert!(cluster.ask(0, "streamgauge.log", foreign)["seq"].as_u64().is_some());
    }
    assert_eq!(put(&gateways[1], "two"), 200);
    let again = gateway(&url, &[]);
    for (gateway, item) in [(&gateways[0], "one"), (&again, "two")] {
        assert_eq!(gateway.get("/get?queue=q"), item);
    }
}

#[test]
fn a_message_that_somebody_has_removed_is_named() {
    let Some(cluster) = Cluster::start(1) else { return };
    let url = cluster.url();
    let a = gateway(&url, &OFTEN);
    assert_eq!(put(&a, "one"), 200);
    let last = cluster.ask(0, "$JS.API.STREAM.INFO.streamgauge-log", "")["state"]["last_seq"].as_u64().unwrap();
    assert_eq!(put(&a, "two"), 200);
    let removed = cluster.ask(0, "$JS.API.STREAM.MSG.DELETE.streamgauge-log", &format!("{{\"seq\":{last}}}"));
    assert_eq!(removed["success"], true, "{removed}");
    let said = end(started(&url, &OFTEN));
    assert!(said.contains(&format!("removed message {last} of the log")), "{said}");
    // Whoever has it goes on, and what that saves is behind it.
    until_saved(&cluster, &a, last);
    assert_eq!(gateway(&url, &OFTEN).get("/get?queue=q"), "one");
}

#[test]
fn a_stream_that_is_none_of_a_gateway_is_not_taken_for_one() {
    let Some(cluster) = Cluster::start(1) else { return };
    let other = r#"{"name":"streamgauge-log","subjects":["streamgauge.log"],"storage":"file","discard":"old"}"#;
    let made = cluster.ask(0, "$JS.API.STREAM.CREATE.streamgauge-log", other);
    assert_eq!(made["error"], Value::Null, "{made}");
    let why = "it discards what is old, and not what is new";
    let (code, said, error) = run(&["engine", "check", &cluster.url()], "");
    assert!(code == 1 && error.contains(why), "{code}: {said}{error}");
    let said = started(&cluster.url(), &[]).process.line("engine: ");
    assert!(said.contains(why), "{said}");
}
