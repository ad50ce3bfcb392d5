//! The connection over byte slices: what is answered, and that it doesn't depend on where the bytes were cut.

use core::convert::Infallible;
use core::ops::ControlFlow;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::connection::{
    Answer, AnswerFull, Connection, Counters, Next, Reply, Served, Service, serve, serve_async,
};
use streamgauge_core::endpoints::{Request, Surface};
use streamgauge_core::engine::memory::{Defaults, Fixed, Memory};
use streamgauge_core::engine::{Command, Data, Dump, Engine as _, Name, Outcome, Part, Pieces, QueueSettings};

const OVERHEAD: usize = Connection::<[u8; 0], [u8; 0]>::OVERHEAD;

type Everything = Served<Memory<Fixed<2, 1024, 4>>>;

/// Topics and queues of 1,024 bytes, and of at most four items, each of which fits into an answer.
fn everything() -> Everything {
    let queue = QueueSettings { max_depth: Some(4), max_item_bytes: 368, ..QueueSettings::DEFAULT };
    let defaults = Defaults { queue, ..Defaults::default() };
    Served::new(Memory::with_defaults(Fixed::seeded(0), defaults), Surface::EverythingQueueFirst)
}

/// Puts an item past the endpoints, on a queue that was made with more than these let through.
fn put(service: &mut Everything, item: &[u8]) {
    let settings = QueueSettings { max_depth: Some(4), max_item_bytes: 1024, ..QueueSettings::DEFAULT };
    service.engine.make_queue(&Name::MAIN, settings, service.now).expect("room");
    let items = Pieces::whole(Data::Plain(item));
    let put = Command::Put { queue: Name::MAIN, items, delay: core::time::Duration::ZERO, id: None };
    assert_eq!(run(service, &put), Outcome::Put { items: 1, duplicate: false });
}

fn run(service: &mut Everything, command: &Command<'_>) -> Outcome {
    service.engine.execute(command, service.now, &mut |_: Part<'_>| ControlFlow::Continue(()))
}

fn depth(service: &mut Everything) -> u64 {
    let mut ready = None;
    let command = Command::QueueStats { queue: Name::MAIN, reset: false };
    let outcome = service.engine.execute(&command, service.now, &mut |part: Part<'_>| {
        if let Part::QueueStats(stats) = part {
            ready = Some(stats.counters.ready);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(outcome, Outcome::Told(1));
    ready.expect("counters")
}

/// What a server of 512 bytes for a request and 384 for an answer sends to `input`, cut by `cuts`, until it closes.
fn talk_to(service: &mut impl Service, input: &[u8], cuts: &[usize], ended: bool) -> (String, Counters, bool) {
    let mut connection: Connection<_, _, 4> = Connection::new(vec![0; 512], vec![0; OVERHEAD + 384]);
    let (mut sent, mut left) = (Vec::new(), input);
    let mut cuts = cuts.iter().cycle();
    let closed = loop {
        match connection.poll(service) {
            Next::Read if left.is_empty() && ended => connection.handle_end(),
            Next::Read if left.is_empty() => break false,
            Next::Read => {
                let size = cuts.next().copied().unwrap_or(usize::MAX).clamp(1, left.len());
                let taken = connection.handle_bytes(&left[..size]);
                assert!(taken > 0, "it asked for bytes that it has no room for");
                left = &left[taken..];
            }
            Next::Write => {
                let unsent = connection.unsent();
                assert!(!unsent.is_empty());
                let size = cuts.next().copied().unwrap_or(usize::MAX).clamp(1, unsent.len());
                sent.extend_from_slice(&unsent[..size]);
                connection.handle_sent(size);
            }
            Next::Close => break true,
        }
    };
    (String::from_utf8_lossy(&sent).into_owned(), connection.counters(), closed)
}

fn talk(input: &[u8]) -> String {
    talk_to(&mut everything(), input, &[], false).0
}

/// Status and body of each answer.
fn answers(mut text: &str) -> Vec<(u16, String)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length = field("Content-Length: ").map_or(0, |length| length.parse().unwrap());
        found.push((head[9..12].parse().unwrap(), rest[..length].to_owned()));
        text = &rest[length..];
    }
    assert_eq!(text, "", "bytes behind the last answer");
    found
}

const MANY: &[u8] = b"POST /put HTTP/1.1\r\nContent-Length: 5\r\n\r\nH3110\
    POST /mput?separator=, HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na,b\r\n2;x=y\r\n,c\r\n0\r\nT: 1\r\n\r\n\
    GET /get HTTP/1.1\r\n\r\n\r\nGET /dump HTTP/1.1\r\n\r\nHEAD /stats HTTP/1.1\r\n\r\n\
    POST /pub HTTP/1.1\r\ncontent-length: 3\r\n\r\n1\n2GET /stats?topic=main HTTP/1.1\r\n\r\n\
    GET /nowhere HTTP/1.1\r\n\r\nGET /stats HTTP/1.0\r\n\r\nGET /never HTTP/1.1\r\n\r\n";

const MANY_ANSWERS: &str = "\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nH3110\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n\
    6\r\na\nb\nc\n\r\n0\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 60\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 35\r\n\r\n\
    Published 2 messages to 0 clients.\n\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 99\r\n\
    X-PUBSUB-TOTAL-CONNECTIONS: 0\r\nX-PUBSUB-ACTIVE-CONNECTIONS: 0\r\nX-PUBSUB-MESSAGES-RECEIVED: 2\r\n\
    X-PUBSUB-MESSAGES-SENT: 0\r\nX-PUBSUB-KICKED-CLIENTS: 0\r\n\r\n\
    Active connections: 0\nTotal connections: 0\nMessages received: 2\nMessages sent: 0\nKicked clients: 0\n\
    HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n\r\n\
    HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 60\r\nConnection: close\r\n\r\n\
    puts:4\ngets:1\ndepth:3\ndepth_high_water:4\nbytes:3\noverflow:0\n";

#[test]
fn one_answer_after_another_wherever_the_bytes_are_cut() {
    for size in (1..80).chain([usize::MAX]) {
        let (sent, counters, closed) = talk_to(&mut everything(), MANY, &[size], false);
        assert_eq!(sent, MANY_ANSWERS, "cut every {size}");
        assert_eq!((counters, closed), (Counters { answered: 9, refused: 0, cut: 0 }, true));
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(cuts in vec(1usize..90, 1..40)) {
        prop_assert_eq!(talk_to(&mut everything(), MANY, &cuts, false).0, MANY_ANSWERS);
    }

    #[test]
    fn no_bytes_make_it_panic_or_stall(input in vec(any::<u8>(), 0..700), cut in 1usize..90) {
        let whole = talk_to(&mut everything(), &input, &[], true);
        prop_assert!(whole.2, "it ends when the client does");
        prop_assert_eq!(talk_to(&mut everything(), &input, &[cut], true), whole);
    }
}

#[test]
fn what_is_refused_gets_a_status_a_line_and_the_end() {
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(600));
    let chunks = format!("POST /put HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}", "1\r\na\r\n".repeat(600));
    let cases: [(&str, u16, &str); 12] = [
        ("\x16\x03\x01\x02", 400, "not an HTTP/1.1 message\n"),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "content-length is not a number\n"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400, "bad chunk\n"),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            400,
            "both content-length and transfer-encoding\n",
        ),
        ("PATCH /put HTTP/1.1\r\n\r\n", 405, "only GET, POST, HEAD, PUT, DELETE are answered here\n"),
        (
            "POST /put HTTP/1.1\r\nContent-Length: 600\r\n\r\n",
            413,
            "head and body are over the limit request-bytes 512\n",
        ),
        (&chunks, 413, "head and body are over the limit request-bytes 512\n"),
        (&long, 431, "the head is over the limit request-bytes 512\n"),
        ("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n", 431, "the head is over the limit header-fields 4\n"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "transfer-encoding other than chunked\n"),
        ("GET / HTTP/2.0\r\n\r\n", 505, "HTTP version not supported\n"),
        ("SSH-2.0-OpenSSH_9\r\n", 400, "not an HTTP/1.1 message\n"),
    ];
    for (input, status, line) in cases {
        for cut in [1, 7, usize::MAX] {
            let (sent, counters, closed) = talk_to(&mut everything(), input.as_bytes(), &[cut], false);
            assert_eq!(answers(&sent), [(status, line.to_owned())], "{input:?} cut every {cut}");
            assert!(sent.contains("\r\nConnection: close\r\n") && closed);
            assert_eq!(sent.contains("\r\nAllow: GET, POST, HEAD, PUT, DELETE\r\n"), status == 405);
            assert_eq!(counters, Counters { answered: 0, refused: 1, cut: 0 });
        }
    }
}

#[test]
fn who_waits_for_100_gets_it_unless_the_body_is_refused_or_there() {
    let head = "POST /put HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(talk(head.as_bytes()), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(talk_to(&mut everything(), head.as_bytes(), &[1], false).0, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(answers(&talk(format!("{head}abc").as_bytes())), [(200, String::new())]);
    assert_eq!(answers(&talk(head.replace('3', "999").as_bytes()))[0].0, 413);
}

#[test]
fn an_item_that_an_answer_can_not_hold_is_refused_and_a_batch_comes_in_parts() {
    let mut service = everything();
    let mut ask = |input: String| answers(&talk_to(&mut service, input.as_bytes(), &[], false).0);
    let put = |length: usize| format!("POST /put HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length));
    assert_eq!(ask(put(369)), [(413, "item of 369 bytes is over the limit max-item-bytes 368\n".to_owned())]);
    assert_eq!(ask(put(368)), [(200, String::new())]);
    assert_eq!(ask(put(20)), [(200, String::new())]);
    let mget = "GET /mget?items=5 HTTP/1.1\r\n\r\n";
    assert_eq!(ask(mget.repeat(2)), [(200, "x".repeat(368) + "\n"), (200, "x".repeat(20) + "\n")]);
}

#[test]
fn an_item_that_came_another_way_and_is_too_long_to_answer_stays() {
    let mut service = everything();
    put(&mut service, &[b'x'; 500]);
    for path in ["/get", "/mget", "/dump"] {
        let input = format!("GET {path} HTTP/1.1\r\n\r\n");
        let (sent, counters, closed) = talk_to(&mut service, input.as_bytes(), &[], false);
        assert_eq!(answers(&sent), [(503, "the answer is over the limit answer-bytes 384\n".to_owned())], "{path}");
        assert_eq!((counters.answered, counters.refused, closed), (0, 1, true));
    }
    assert_eq!(depth(&mut service), 1);
}

#[test]
fn a_dump_longer_than_the_answer_storage_comes_in_chunks_or_to_the_end() {
    let mut service = everything();
    let items = ["a".repeat(150), "b".repeat(150), "c".repeat(150)];
    for item in &items {
        put(&mut service, item.as_bytes());
    }
    let (sent, counters, closed) = talk_to(&mut service, b"GET /dump HTTP/1.1\r\n\r\n", &[7], false);
    assert_eq!(counters.answered, 1);
    let (_, body) = sent.split_once("\r\n\r\n").unwrap();
    let expected = format!("12e\r\n{}\n{}\n\r\n97\r\n{}\n\r\n0\r\n\r\n", items[0], items[1], items[2]);
    assert_eq!((body, closed), (&*expected, false));
    let (sent, _, closed) = talk_to(&mut service, b"GET /dump HTTP/1.0\r\n\r\n", &[7], false);
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert_eq!((body, closed), (&*format!("{}\n{}\n{}\n", items[0], items[1], items[2]), true));
    assert!(head.ends_with("Connection: close") && !head.contains("Transfer-Encoding"));
    // It can be told from the next answer only by its end, whatever the client would like.
    let input = b"GET /dump HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let (sent, _, closed) = talk_to(&mut service, input, &[], false);
    assert!(sent.ends_with(&format!("\nConnection: close\r\n\r\n{body}")) && closed);
    let (sent, ..) = talk_to(&mut service, b"HEAD /dump HTTP/1.1\r\n\r\n", &[], false);
    assert_eq!(sent, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
    assert_eq!(depth(&mut service), 3);
}

#[test]
fn a_dump_of_nothing_is_a_last_chunk() {
    let nothing = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n\
        0\r\n\r\n";
    let request = b"GET /dump HTTP/1.1\r\n\r\n";
    assert_eq!(talk(request), nothing);
    let (sent, counters, _) = talk_to(&mut Silent(everything()), request, &[], false);
    assert_eq!((&*sent, counters.cut), (nothing, 0));
}

/// It announces a dump, and has never heard of how to write one.
struct Silent(Everything);

impl Service for Silent {
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        self.0.call(request, answer)
    }
}

#[test]
fn a_dump_that_can_not_go_on_is_cut() {
    let mut service = everything();
    for item in [[b'a'; 150].as_slice(), &[b'b'; 400]] {
        put(&mut service, item);
    }
    let (sent, counters, closed) = talk_to(&mut service, b"GET /dump HTTP/1.1\r\n\r\n", &[], false);
    assert!(sent.ends_with(&format!("\r\n97\r\n{}\n\r\n", "a".repeat(150))), "{sent}");
    assert_eq!((counters.cut, counters.refused, closed), (1, 0, true));
    // One that always has more and never says it.
    let (sent, counters, closed) = talk_to(&mut Endless(service), b"GET /dump HTTP/1.1\r\n\r\n", &[], false);
    assert_eq!((&*sent, counters.cut, closed), ("", 1, true));
}

struct Endless(Everything);

impl Service for Endless {
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        self.0.call(request, answer)
    }

    fn dump(&mut self, _: &mut Dump, _: &mut Answer<'_>) -> Result<bool, AnswerFull> {
        Ok(true)
    }
}

#[test]
fn paths_go_to_who_has_them() {
    for (path, status, body) in [
        ("/stats?format=json", 200, "{\"puts\": 0,"),
        ("/stats", 200, "puts:0\n"),
        ("/stats?topic=main", 200, "Active connections: 0\n"),
        ("/stats?queue=main", 200, "puts:0\n"),
        ("/stats?queue=a/b", 400, "queue: a name has 1 to 64"),
        ("/clients", 200, "no /sub connections\n"),
        ("/sub?multipart=0", 501, "subscriptions are not served on this connection\n"),
        ("/get?lease=5&wait=9", 204, ""),
        ("/queues/main", 404, "there is no queue main\n"),
        ("/queueing", 404, ""),
        ("/exit", 404, ""),
    ] {
        let answers = answers(&talk(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()));
        assert_eq!(answers[0].0, status, "{path}");
        assert!(answers[0].1.starts_with(body), "{path}: {}", answers[0].1);
    }
}

#[test]
fn storage_that_is_too_small_ends_the_connection() {
    for (input, output) in [(512, OVERHEAD - 8), (512, 0), (0, 1024)] {
        let mut connection: Connection<_, _> = Connection::new(vec![0; input], vec![0; output]);
        connection.poll(&mut everything());
        connection.handle_bytes(b"GET /stats HTTP/1.1\r\n\r\n");
        connection.handle_end();
        assert_eq!(connection.poll(&mut everything()), Next::Close, "{input} {output}");
        assert!(connection.unsent().is_empty());
    }
}

#[test]
fn garbage_without_a_line_end_is_refused_wherever_it_was_cut() {
    for cut in [1, 2, 3, usize::MAX] {
        let (sent, counters, closed) = talk_to(&mut everything(), b"GET\x00", &[cut], true);
        assert_eq!(answers(&sent), [(400, "not an HTTP/1.1 message\n".to_owned())], "cut every {cut}");
        assert_eq!((counters.refused, counters.cut, closed), (1, 0, true));
    }
}

#[test]
fn what_a_client_leaves_half_done_is_counted() {
    let (_, counters, closed) = talk_to(&mut everything(), b"GET / HTTP/1.1\r\n", &[], true);
    assert_eq!((counters.cut, closed), (1, true));
    let mut connection: Connection<_, _> = Connection::new([0; 512], [0; 1024]);
    assert!(connection.is_idle());
    let mut cut = 0;
    for input in [&b"GET"[..], b"POST /put HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"GET /stats HTTP/1.1\r\n\r\n"] {
        connection.handle_bytes(input);
        connection.poll(&mut everything());
        assert!(!connection.is_idle());
        connection.reset();
        assert!(connection.is_idle());
        cut += 1;
        assert_eq!(connection.counters().cut, cut);
    }
    connection.reset();
    assert_eq!(connection.counters(), Counters { answered: 1, refused: 0, cut: 3 });
}

/// A transport that gives and takes three bytes at a time.
struct Wire<'a> {
    input: &'a [u8],
    output: Vec<u8>,
}

impl embedded_io::ErrorType for Wire<'_> {
    type Error = Infallible;
}

impl embedded_io::Read for Wire<'_> {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let count = room.len().min(3);
        self.input.read(&mut room[..count])
    }
}

impl embedded_io::Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.output.write(&bytes[..bytes.len().min(3)])
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl embedded_io_async::Read for Wire<'_> {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        embedded_io::Read::read(self, room)
    }
}

impl embedded_io_async::Write for Wire<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn both_drivers_say_the_same() {
    let mut connection: Connection<_, _> = Connection::new([0; 512], [0; 1024]);
    let mut wire = Wire { input: MANY, output: Vec::new() };
    serve(&mut wire, &mut connection, &mut everything()).unwrap();
    assert_eq!(String::from_utf8_lossy(&wire.output), MANY_ANSWERS);
    let mut wire = Wire { input: MANY, output: Vec::new() };
    let mut service = everything();
    {
        let mut serving = pin!(serve_async(&mut wire, &mut connection, &mut service));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(serving.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }
    assert_eq!(String::from_utf8_lossy(&wire.output), MANY_ANSWERS);
}
