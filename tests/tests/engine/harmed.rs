//! The log has lost its end, is full, or has in it what no gateway wrote.

use streamgauge_tests::nats::Cluster;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until_within;

use crate::{JOINED, OFTEN, gateway, joined, shows};

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
    let line = "x".repeat(1_000);
    until_within(JOINED, "the log to lose its beginning", || {
        (0..50).for_each(|_| assert_eq!(put(&a, &line), 200));
        (cluster.first_of("streamgauge-log") > 1).then_some(())
    });
    cluster.kill(0);
    cluster.forget(0, Some("streamgauge-log"));
    cluster.restart(0);
    assert!(end(a).contains("lost the end of the log"));
    for _ in 0..2 {
        // It goes on behind what was saved, and so does who begins with that too.
        let again = gateway(&url, &OFTEN);
        assert_eq!(put(&again, "new"), 200);
        shows(&again, "/peek?queue=q&count=1", |text| text.contains(&line));
    }
}
