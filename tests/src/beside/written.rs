//! What a long run writes: the files of a log are used again by then; and what only becomes longer.

use crate::client::Client;
use crate::process::Server;

use super::place::Place;
use super::usage::Usage;

/// Bytes of an item, and items of a request: so many that pages which two groups share are few.
const ITEM: usize = 100;
const ITEMS: usize = 40_000;

/// What is put, and where.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Items that are got at once.
    Queue,
    /// Items that stay.
    Growing,
    /// Messages, of which a topic keeps the last ones.
    Topic,
}

/// Prints how many bytes a server writes for each byte that it is given, of so many items.
pub(super) fn print(items: usize, place: &Place) {
    println!("{items} items of {ITEM} bytes, {ITEMS} a request, --sync always: bytes written for each byte of them");
    for (kind, name, items) in [
        (Kind::Queue, "put, and got at once", items),
        (Kind::Topic, "published to a topic", items),
        (Kind::Growing, "put, and not got: two thirds of them", items * 2 / 3),
    ] {
        let (pages, disk) = measure(kind, items, place);
        println!("{name:<38} pages {pages:.2}, disk {disk:.2}");
    }
    println!();
}

/// Bytes of pages and of the disk.
fn measure(kind: Kind, items: usize, place: &Place) -> (f64, f64) {
    let folder = place.fresh();
    let path = folder.path().to_str().expect("a path that is text");
    let server = Server::everything(["--data-dir", path, "--memory", "2GiB"]);
    let mut client = Client::connect(server.address);
    let room = "{\"bytes\":1900000000}";
    assert_eq!(client.put("/queues/beside", room).status, 201, "{room}");
    let body = vec![[b'x'; ITEM]; ITEMS].join(&b'\n');
    place.settle();
    let before = Usage::of(server.process.id(), place);
    let requests = items.div_ceil(ITEMS);
    for _ in 0..requests {
        match kind {
            Kind::Queue => {
                assert_eq!(client.post("/mput?queue=beside", &body).status, 200);
                let got = client.get(&format!("/mget?queue=beside&items={ITEMS}"));
                assert!(got.body == body, "{}: all that was put", got.status);
            }
            Kind::Growing => assert_eq!(client.post("/mput?queue=beside", &body).status, 200),
            Kind::Topic => assert_eq!(client.post("/pub?topic=beside&lines=1", &body).status, 200),
        }
        super::look_whether_asked();
    }
    place.settle();
    let usage = Usage::of(server.process.id(), place).since(before);
    let of_each = |bytes: u64| bytes as f64 / (requests * ITEMS * ITEM) as f64;
    (of_each(usage.pages), usage.disk.map_or(f64::NAN, |(bytes, _)| of_each(bytes)))
}
