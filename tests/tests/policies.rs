//! What subscribers of named topics ask for: where it ends, how fast, what of it, and what happens when they lag.

use std::time::{Duration, Instant};

use serde_json::Value;
use streamgauge_tests::client::Client;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

struct Serve {
    server: Server,
}

impl Serve {
    fn start() -> Self {
        Self { server: Server::everything([""; 0]) }
    }

    fn publish(&self, lines: &str) {
        assert_eq!(self.server.connect().post("/pub?topic=t", lines).status, 200);
    }

    fn subscribe(&self, query: &str) -> Client {
        let mut client = self.server.connect();
        client.send(format!("GET /sub?topic=t&{query} HTTP/1.1\r\nhost: x\r\n\r\n"));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        // Otherwise who has all of an answer would ask again on its connection.
        let ends = query.contains("follow=0") || query.contains("limit=");
        assert_eq!(head.contains("\r\nconnection: close\r\n"), ends, "{head}");
        client
    }

    fn websocket(&self, query: &str) -> Client {
        let mut client = self.server.connect();
        client.send(format!(
            "GET /sub?topic=t&{query} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        ));
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        client
    }

    fn clients(&self) -> Value {
        let text = self.server.connect().get("/clients?topic=t&format=json").text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The account of the only subscriber, in which each message has one fate.
    fn account(&self) -> Value {
        let one = self.clients()["clients"][0].clone();
        let sum = ["sent", "missed", "skipped", "sampled", "filtered", "lag_messages"].map(|term| number(&one, term));
        assert_eq!(number(&one, "published"), sum.iter().sum::<u64>(), "{one}");
        one
    }

    /// The account, once the subscriber has everything.
    fn settled(&self) -> Value {
        until("the subscriber to have everything", || {
            let account = self.account();
            (number(&account, "lag_messages") == 0).then_some(account)
        })
    }
}

#[track_caller]
fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// What is sent in chunks, up to their end.
#[track_caller]
fn whole(mut client: Client) -> String {
    let mut all = Vec::new();
    while let Some(chunk) = client.try_chunk().expect("a last chunk") {
        all.extend(chunk);
    }
    String::from_utf8(all).expect("text")
}

/// What is sent in chunks, up to one that has `end` in it.
#[track_caller]
fn up_to(client: &mut Client, end: &str) -> String {
    let mut all = String::new();
    while !all.contains(end) {
        all += core::str::from_utf8(&client.chunk().expect("a chunk")).expect("text");
    }
    all
}

fn numbered(from: usize, to: usize) -> String {
    (from..to).map(|number| format!("m{number:06} {}\n", "x".repeat(1000))).collect()
}

/// 16 MB, twice what the log holds, in numbered messages; then one line more.
fn publish_much(serve: &Serve) -> u64 {
    for batch in 0..160 {
        serve.publish(&numbered(batch * 100, batch * 100 + 100));
    }
    16_000
}

#[test]
fn a_download_ends() {
    let serve = Serve::start();
    assert_eq!(whole(serve.subscribe("multipart=0&from=first&follow=0")), "\r\n", "nothing was published");
    serve.publish("a\nb\nc\nd\n");
    assert_eq!(whole(serve.subscribe("multipart=0&from=first&follow=0")), "\r\na\nb\nc\nd\n");
    assert_eq!(whole(serve.subscribe("multipart=0&from=first&limit=3")), "\r\na\nb\nc\n");
    assert_eq!(whole(serve.subscribe("multipart=0&follow=0")), "\r\n", "from now on there is nothing");
    let events = whole(serve.subscribe("format=sse&from=first&follow=0&limit=2"));
    let data: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data, ["a", "b"]);
    assert_eq!(whole(serve.subscribe("from=first&follow=0")).matches("content-length: 1\r\n").count(), 4);
    let mut socket = serve.websocket("from=first&limit=2");
    assert_eq!(socket.rest(), b"\x81\x01a\x81\x01b\x88\x00");
    let mut waiting = serve.subscribe("multipart=0&limit=2");
    serve.publish("e\nf\ng\n");
    assert_eq!(up_to(&mut waiting, "f"), "\r\ne\nf\n");
    assert_eq!(waiting.chunk(), None);
}

#[test]
fn a_filter_lets_what_is_asked_for_through_and_counts_the_rest() {
    let serve = Serve::start();
    let mut client = serve.subscribe("multipart=0&client=a%22b%5C&filter=c:de&drop=ip&hash=u");
    let mut again = serve.subscribe("format=sse&filter=c:de&keep=n");
    let countries = ["de", "fr", "us", "de", "br"];
    let message = |n: usize| {
        format!(
            r#"{{"n":{n},"c":"{}","u":"user {}","ip":"192.0.2.{}","a":"Mozilla/5.0 (X11)"}}"#,
            countries[n % 5],
            n % 7,
            n % 256
        )
    };
    let body: String = (0..1000).map(|n| message(n) + "\n").collect();
    serve.publish(&body);
    serve.publish("no JSON at all\n");
    serve.publish("{\"c\":\"de\",\"n\":\"last\",\"u\":1}\n");
    let text = up_to(&mut client, "\"last\"");
    let got: Vec<Value> = text.trim().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let wanted: Vec<usize> = (0..1000).filter(|n| countries[n % 5] == "de").collect();
    assert_eq!(got.len(), wanted.len() + 1);
    for (got, n) in got.iter().zip(wanted) {
        assert_eq!((number(got, "n"), &got["c"], got.get("ip")), (n as u64, &Value::from("de"), None));
        assert_eq!(got["u"].as_str().map(str::len), Some(32), "a hash: {got}");
        assert_eq!(got["a"], "Mozilla/5.0 (X11)");
    }
    assert_eq!((&got[0]["u"], got[0]["u"] == got[1]["u"]), (&got[14]["u"], false), "one user, one hash");
    let events = up_to(&mut again, "\"last\"");
    assert!(events.contains("data: {\"n\":3}\n") && !events.contains("\"c\""), "{events}");
    drop(again);
    let account = until("the other to leave", || {
        let left = serve.clients()["clients"].as_array().map(Vec::len) == Some(1);
        left.then(|| serve.settled())
    });
    assert_eq!(account["name"], "a\"b\\");
    assert_eq!((number(&account, "sent"), number(&account, "filtered")), (401, 601));
    for bad in ["filter=c", "drop=", "drop=a&drop=b&drop=c&drop=d&drop=e&drop=f&drop=g&drop=h&drop=i", "policy=x"] {
        let answer = serve.server.connect().get(&format!("/sub?topic=t&{bad}"));
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.body.len() > 10 && answer.body.ends_with(b"\n"), "{bad}");
    }
}

#[test]
fn a_rate_samples() {
    let serve = Serve::start();
    let mut client = serve.subscribe("multipart=0&rate=2");
    let began = Instant::now();
    serve.publish(&(0..500).map(|n| format!("{n}\n")).collect::<String>());
    let account = serve.settled();
    let most = 2 * began.elapsed().as_secs() + 4;
    let sent = number(&account, "sent");
    assert!((1..=most).contains(&sent), "{account}");
    assert_eq!(number(&account, "sampled"), 500 - sent);
    assert!(up_to(&mut client, "\n0\n").ends_with("0\n"), "the first is taken");
}

#[test]
fn a_replay_keeps_the_times_between() {
    let serve = Serve::start();
    serve.publish("one\n");
    std::thread::sleep(Duration::from_millis(1200));
    serve.publish("two\n");
    let began = Instant::now();
    let mut client = serve.subscribe("multipart=0&from=first&follow=0&speed=2");
    up_to(&mut client, "one");
    up_to(&mut client, "two");
    assert!(began.elapsed() >= Duration::from_millis(590), "{:?}", began.elapsed());
    assert_eq!(client.chunk(), None);
}

/// The numbers of the messages in a stream, each of which is more than the one before.
#[track_caller]
fn numbers(text: &str) -> Vec<u64> {
    let numbers: Vec<u64> = text.split('m').filter_map(|part| part.get(..7)?.strip_suffix(' ')?.parse().ok()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "in order");
    numbers
}

#[test]
fn who_is_deaf_and_skips_is_told_the_gap() {
    let ways = [("format=sse", "event: gap\ndata: "), ("multipart=1", "x-pubsub-gap: "), ("socket", "{\"gap\":")];
    for (way, gap) in ways {
        let serve = Serve::start();
        let mut client = match way {
            "socket" => serve.websocket("policy=skip&max_lag=300000"),
            _ => serve.subscribe(&format!("{way}&policy=skip&max_lag=300000")),
        };
        let published = publish_much(&serve);
        let skipped = until("messages to be skipped", || Some(number(&serve.account(), "skipped")).filter(|n| *n > 0));
        assert!(skipped <= published);
        serve.publish("last\n");
        let text = if way == "socket" {
            String::from_utf8_lossy(&client.take_to(b"last")).into_owned()
        } else {
            up_to(&mut client, "last")
        };
        let gaps = text.split(gap).skip(1).map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().expect("a gap")
        });
        let (got, told) = (numbers(&text).len() as u64, gaps.sum::<u64>());
        assert_eq!(got + told, published, "{way}: {got} came");
        assert!(told >= skipped && got > 0, "{way}");
        let account = serve.settled();
        assert_eq!((number(&account, "sent"), &account["policy"]), (got + 1, &Value::from("skip")));
        assert_eq!(number(&account, "skipped") + number(&account, "missed"), told);
    }
}

#[test]
fn who_wants_the_latest_gets_no_backlog() {
    let serve = Serve::start();
    let mut client = serve.subscribe("format=sse&policy=latest");
    let published = publish_much(&serve);
    serve.publish("last\n");
    let text = up_to(&mut client, "last");
    let got = numbers(&text).len() as u64;
    assert!(got < published / 2, "{got} of {published}");
    let account = serve.settled();
    assert_eq!(number(&account, "sent"), got + 1);
    let mut lines = serve.subscribe("multipart=0&policy=latest&from=first");
    assert_eq!(up_to(&mut lines, "last"), "\r\nlast\n", "the newest alone");
}

#[test]
fn who_blocks_holds_publishers_until_it_reads() {
    let serve = Serve::start();
    let mut client = serve.subscribe("format=sse&policy=block=60&max_lag=300000");
    let address = serve.server.address;
    let publisher = std::thread::spawn(move || {
        let mut publisher = Client::connect(address);
        for batch in 0..160 {
            assert_eq!(publisher.post("/pub?topic=t", numbered(batch * 100, batch * 100 + 100)).status, 200);
        }
    });
    let held = until("publishing to stop", || {
        let before = number(&serve.account(), "published");
        std::thread::sleep(Duration::from_millis(300));
        (before > 0 && number(&serve.account(), "published") == before).then_some(before)
    });
    assert!(held < 16_000 && !publisher.is_finished(), "{held}");
    let text = up_to(&mut client, "m015999 ");
    assert_eq!(numbers(&text), (0..16_000).collect::<Vec<u64>>(), "nothing is lost");
    publisher.join().expect("a publisher that is let go");
    let account = serve.settled();
    assert_eq!(number(&account, "sent"), 16_000);
    assert!(account["blocked"].as_f64().is_some_and(|seconds| seconds > 0.1), "{account}");
}

#[test]
fn who_blocks_for_too_long_is_sent_away() {
    let serve = Serve::start();
    let _deaf = serve.subscribe("format=sse&policy=block=1&max_lag=300000&client=deaf");
    let began = Instant::now();
    publish_much(&serve);
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    let away = serve.clients()["sent_away"].clone();
    assert_eq!((&away[0]["name"], away.as_array().map(Vec::len)), (&Value::from("deaf"), Some(1)), "{away}");
    assert!(number(&away[0], "lag_bytes") > 300_000, "{away}");
}

#[test]
fn who_has_a_limit_of_its_own_is_sent_away_earlier() {
    let serve = Serve::start();
    let _deaf = serve.subscribe("max_lag=200000&client=small");
    publish_much(&serve);
    let away = until("it to be sent away", || Some(serve.clients()["sent_away"][0].clone()).filter(Value::is_object));
    assert_eq!(away["name"], "small");
    assert_eq!(away["reason"], "too slow");
    // What it is told at last is on its way, and it reads nothing.
    assert_eq!(serve.clients()["clients"], Value::Array(Vec::new()));
}

#[test]
fn what_is_gone_is_told_when_a_stream_begins() {
    let serve = Serve::start();
    publish_much(&serve);
    let mut events = serve.subscribe("format=sse&from=first");
    assert!(up_to(&mut events, "m0").contains("event: gap\ndata: "));
    let mut parts = serve.subscribe("from=first");
    assert!(up_to(&mut parts, "m0").contains("content-length: 0\r\nx-pubsub-gap: "));
    let mut socket = serve.websocket("from=first");
    assert!(socket.take_to(b" ").windows(7).any(|part| part == b"{\"gap\":"));
    let mut lines = serve.server.connect();
    lines.send("GET /sub?topic=t&multipart=0&from=first HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(lines.head().contains("\r\nx-pubsub-gap: "));
}

#[test]
fn who_subscribes_to_a_topic_that_is_removed_is_told() {
    let serve = Serve::start();
    let mut events = serve.subscribe("format=sse");
    let mut socket = serve.websocket("");
    let mut lines = serve.subscribe("multipart=0");
    serve.publish("a\n");
    up_to(&mut events, "data: a");
    assert_eq!(socket.take(3), b"\x81\x01a");
    up_to(&mut lines, "a\n");
    let mut client = serve.server.connect();
    client.send("DELETE /topics/t HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!((200..300).contains(&client.answer().status));
    assert_eq!(whole(events), "event: end\ndata: the topic was removed\n\n");
    assert_eq!(socket.rest(), b"\x88\x17\x03\xe9the topic was removed".as_slice());
    assert_eq!(whole(lines), "");
}

#[test]
fn who_subscribes_to_a_topic_that_is_made_again_at_once_belongs_to_the_new_one() {
    let serve = Serve::start();
    let epoch = |head: &str| head.lines().find_map(|line| line.strip_prefix("x-pubsub-epoch: ")).map(str::to_owned);
    let mut old = serve.server.connect();
    old.send("GET /sub?topic=t&multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n");
    let first = epoch(&old.head());
    serve.publish("a\n");
    up_to(&mut old, "a\n");
    // All of it is done before those who are there hear of it.
    let mut new = serve.server.connect();
    new.send(
        "DELETE /topics/t HTTP/1.1\r\nhost: x\r\n\r\nPUT /topics/t HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}\
         GET /sub?topic=t&multipart=0 HTTP/1.1\r\nhost: x\r\n\r\n",
    );
    assert!((200..300).contains(&new.answer().status) && new.answer().status == 201);
    let again = epoch(&new.head());
    assert!(again.is_some() && again != first, "{again:?}, and before it was {first:?}");
    assert_eq!(whole(old), "", "its topic was removed");
    serve.publish("b\n");
    assert_eq!(up_to(&mut new, "b\n"), "\r\nb\n");
    drop(new);
    let subscribers = || serve.server.connect().get("/stats?topic=t&format=json").text();
    until("it to have no subscriber", || subscribers().contains("\"subscribers\":0").then_some(()));
}
