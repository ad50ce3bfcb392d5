//! What collecting takes where there are many names.

use streamgauge_tests::process::Server;

/// Topics, and as many queues.
const NAMES: usize = 1_000;

#[test]
fn a_thousand_scrapes_take_no_more_memory_than_a_few() {
    let server = Server::everything([] as [&str; 0]);
    let mut client = server.connect();
    for number in 0..NAMES {
        for kind in ["topics", "queues"] {
            assert_eq!(client.put(&format!("/{kind}/n{number}"), r#"{"bytes":"1KiB"}"#).status, 201);
        }
    }
    let mut scrape = |times| (0..times).for_each(|_| assert_eq!(client.get("/metrics").status, 200));
    scrape(100);
    let before = server.process.resident();
    scrape(1_000);
    let grown = server.process.resident().saturating_sub(before);
    // A thousandth of an answer each time would be more.
    assert!(grown < 256 << 10, "{grown} bytes more");
}
