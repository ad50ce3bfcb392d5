//! Topics and queues on threads of their own: a client does not notice which is where.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use streamgauge_tests::client::{Answer, Client};
use streamgauge_tests::law::lawful;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

struct Serve(Server);

impl Serve {
    fn start(shards: usize) -> Self {
        Self(Server::bridged([format!("--shards={shards}")]))
    }

    fn connect(&self) -> Client {
        Client::connect(self.0.address)
    }

    fn stats(&self, queue: &str) -> Value {
        lawful(&self.connect().get(&format!("/stats?queue={queue}&format=json")).text())
    }
}

fn put(client: &mut Client, target: &str, body: &str) -> Answer {
    client.send(format!("PUT {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    client.answer()
}

fn delete(client: &mut Client, target: &str) -> u16 {
    client.send(format!("DELETE {target} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    client.answer().status
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("n{n}")).collect()
}

#[test]
fn one_connection_asks_for_what_is_on_every_thread() {
    let serve = Serve::start(4);
    let names = names(40);
    let mut client = serve.connect();
    for round in 0..3 {
        for name in &names {
            assert_eq!(client.post(&format!("/put?queue={name}"), format!("{name} {round}")).status, 200);
        }
    }
    for name in &names {
        assert_eq!(
            client.get(&format!("/mget?queue={name}&items=3&separator=,")).text(),
            format!("{name} 0,{name} 1,{name} 2")
        );
    }
    // All at once, and answered in their order.
    let requests = |verb: &str| -> String {
        names.iter().map(|name| format!("GET /{verb}queue={name} HTTP/1.1\r\nhost: localhost\r\n\r\n")).collect()
    };
    client.send(requests("put?data=x&").replace("data=x", "data=all"));
    client.send(requests("get?"));
    for _ in &names {
        assert_eq!(client.answer().status, 200);
    }
    for name in &names {
        assert_eq!(client.answer().text(), "all", "{name}");
    }
    let listed: Vec<Value> = serde_json::from_str(&client.get("/queues?prefix=n").text()).expect("JSON");
    let listed: Vec<&str> = listed.iter().filter_map(|queue| queue["name"].as_str()).collect();
    assert_eq!(listed, names.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
    // A body that comes late goes to where its head belongs.
    let large = "y".repeat(300_000);
    for name in &names[..8] {
        client.send(format!("POST /put?queue={name} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 300000\r\n\r\n"));
        client.send(&large[..1]);
        thread::sleep(Duration::from_millis(10));
        client.send(&large[1..]);
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.get(&format!("/get?queue={name}")).body.len(), 300_000);
    }
    let mut chunked = serve.connect();
    for name in &names[..8] {
        chunked.send(format!(
            "POST /put?queue={name} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        ));
        assert_eq!(chunked.answer().status, 200);
        assert_eq!(chunked.get(&format!("/get?queue={name}")).text(), "abc");
    }
}

#[test]
fn subscribers_are_where_their_topic_is() {
    let serve = Serve::start(4);
    let names = names(12);
    let mut subscribers: Vec<Client> = names
        .iter()
        .map(|name| {
            let mut client = serve.connect();
            client.send(format!("GET /sub?topic={name}&multipart=0 HTTP/1.1\r\nhost: localhost\r\n\r\n"));
            assert!(client.head().starts_with("HTTP/1.1 200 "));
            assert_eq!(client.chunk().as_deref(), Some(&b"\r\n"[..]));
            client
        })
        .collect();
    let mut publisher = serve.connect();
    for name in &names {
        let answer = publisher.post(&format!("/pub?topic={name}"), name).text();
        assert_eq!(answer, "Published 1 messages to 1 clients.\n");
        assert_eq!(publisher.get(&format!("/clients?topic={name}")).text().lines().count(), 1);
    }
    for (subscriber, name) in subscribers.iter_mut().zip(&names) {
        assert_eq!(subscriber.chunk().unwrap(), format!("{name}\n").into_bytes());
    }
    for name in &names {
        assert_eq!(delete(&mut publisher, &format!("/topics/{name}")), 200);
    }
    for mut subscriber in subscribers {
        assert_eq!(subscriber.chunk(), None, "its topic is gone");
    }
}

#[test]
fn a_queue_goes_with_all_it_has_to_the_topic_that_feeds_it() {
    let serve = Serve::start(4);
    let mut client = serve.connect();
    for number in 0..24 {
        let (queue, topic) = (format!("q{number}"), format!("t{number}"));
        client.post(&format!("/mput?queue={queue}"), "a\nb\nc");
        let lent = client.get(&format!("/get?queue={queue}&lease=60"));
        let token = lent.header("x-lease").expect("a token").to_owned();
        assert_eq!(client.get(&format!("/mget?queue={queue}&items=9")).text(), "b\nc\n");
        // Somebody waits for an item while it moves.
        let mut waiting = serve.connect();
        waiting.send(format!("GET /get?queue={queue}&wait=30 HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        thread::sleep(Duration::from_millis(20));
        assert_eq!(put(&mut client, &format!("/queues/{queue}"), &format!("{{\"topic\":\"{topic}\"}}")).status, 200);
        client.post(&format!("/pub?topic={topic}"), format!("fed {number}"));
        assert_eq!(waiting.answer().text(), format!("fed {number}"));
        assert_eq!(client.post(&format!("/ack?queue={queue}&lease={token}"), "").status, 200, "its lease went with it");
        let stats = serve.stats(&queue);
        assert_eq!((&stats["accepted"], &stats["acked"], &stats["delivered"]), (&4.into(), &1.into(), &3.into()));
        // To another topic, and away from all.
        assert_eq!(put(&mut client, &format!("/queues/{queue}"), "{\"topic\":\"other\"}").status, 200);
        client.post("/pub?topic=other", "more");
        client.post(&format!("/pub?topic={topic}"), "for nobody");
        assert_eq!(client.get(&format!("/mget?queue={queue}&items=9")).text(), "more\n");
        assert_eq!(put(&mut client, &format!("/queues/{queue}"), "{\"topic\":null}").status, 200);
        assert_eq!(put(&mut client, &format!("/queues/{queue}"), "{\"topic\":\"other\",\"bytes\":17}").status, 409);
        assert_eq!(serve.stats(&queue)["accepted"], 5);
        if number % 2 == 0 {
            assert_eq!(delete(&mut client, &format!("/queues/{queue}")), 200);
            assert_eq!(serve.stats(&queue)["accepted"], 0, "a new one, with nothing in it");
            assert_eq!(client.post(&format!("/put?queue={queue}"), "new").status, 200);
            assert_eq!(client.get(&format!("/get?queue={queue}")).text(), "new");
        }
    }
    // What can't be made is nowhere, and may be made later.
    for number in 0..8 {
        let target = format!("/queues/huge{number}");
        assert_eq!(put(&mut client, &target, "{\"topic\":\"t\",\"bytes\":1099511627776}").status, 507);
        assert_eq!(client.get(&target).status, 404);
        assert_eq!(put(&mut client, &target, "{\"topic\":\"t\"}").status, 201);
    }
}

/// Wherever it is made again: who remembers an item takes no other for it.
#[test]
fn a_queue_that_is_made_again_gives_no_number_twice() {
    let serve = Serve::start(4);
    let mut client = serve.connect();
    let settings = ["{}", "{\"topic\":\"t0\"}", "{\"topic\":\"t1\"}", "{\"topic\":\"t2\"}", "{}"];
    for name in names(8) {
        let mut numbers = BTreeSet::new();
        for settings in settings {
            assert_eq!(put(&mut client, &format!("/queues/{name}"), settings).status, 201);
            for _ in 0..3 {
                client.post(&format!("/put?queue={name}"), "item");
                let lent = client.get(&format!("/get?queue={name}&lease=30"));
                let number: u64 = lent.header("x-item").and_then(|number| number.parse().ok()).expect("a number");
                assert!(numbers.insert(number), "{name}, {settings}: {number} again");
            }
            assert_eq!(delete(&mut client, &format!("/queues/{name}")), 200);
        }
    }
}

#[test]
fn a_refused_change_leaves_a_queue_where_it_was() {
    let serve = Serve::start(4);
    let mut client = serve.connect();
    for number in 0..12 {
        let (queue, topic) = (format!("q{number}"), format!("t{number}"));
        assert_eq!(put(&mut client, &format!("/queues/{queue}"), &format!("{{\"topic\":\"{topic}\"}}")).status, 201);
        for other in 0..4 {
            let wrong = format!("{{\"topic\":\"other{other}\",\"bytes\":17}}");
            assert_eq!(put(&mut client, &format!("/queues/{queue}"), &wrong).status, 409);
        }
        client.post(&format!("/pub?topic={topic}"), "still fed");
        assert_eq!(client.get(&format!("/get?queue={queue}")).text(), "still fed");
        let large = "{\"bytes\":18446744073709551615}";
        assert_eq!(put(&mut client, &format!("/queues/bomb{number}"), large).status, 507, "more than there is");
        assert_eq!(put(&mut client, &format!("/topics/bomb{number}"), large).status, 507);
    }
}

#[test]
fn who_waits_for_a_queue_that_is_removed_waits_for_the_next_of_its_name() {
    let serve = Serve::start(4);
    let mut client = serve.connect();
    for number in 0..8 {
        let queue = format!("q{number}");
        assert_eq!(put(&mut client, &format!("/queues/{queue}"), "{\"topic\":\"t\"}").status, 201);
        let mut waiting = serve.connect();
        waiting.send(format!("GET /get?queue={queue}&wait=20 HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        thread::sleep(Duration::from_millis(20));
        assert_eq!(delete(&mut client, &format!("/queues/{queue}")), 200);
        assert_eq!(client.post(&format!("/put?queue={queue}"), "for you").status, 200);
        assert_eq!(waiting.answer().text(), "for you");
    }
    // Waiting makes none, and ends when its time is over.
    let makes_none = [0.1, 0.5, 2.5, 5.0].into_iter().any(|time| {
        assert_eq!(put(&mut client, "/queues/rare", "{\"max_attempts\":5}").status, 201);
        let mut waiting = serve.connect();
        waiting.send(format!("GET /get?queue=rare&wait={time} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        // Whoever asks only when there is none makes one: it may take some time to ask.
        thread::sleep(Duration::from_secs_f64(time / 2.0));
        assert_eq!(delete(&mut client, "/queues/rare"), 200);
        assert_eq!(waiting.answer().status, 204);
        delete(&mut client, "/queues/rare") == 404
    });
    assert!(makes_none);
    // Who is left waiting at the end is told, once the server has its connection.
    let mut waiting = serve.connect();
    assert_eq!(waiting.get("/livez").status, 200);
    waiting.send("GET /get?queue=q0&wait=60 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    thread::sleep(Duration::from_millis(20));
    serve.0.process.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(waiting.answer().status, 204);
}

#[test]
fn dead_letters_go_to_queues_of_other_threads() {
    let serve = Serve::start(4);
    let mut client = serve.connect();
    for number in 0..8 {
        let settings = format!("{{\"max_attempts\":1,\"dead_letter\":\"graves{}\"}}", number / 2);
        assert_eq!(put(&mut client, &format!("/queues/work{number}"), &settings).status, 201);
        let items: String = (0..300).map(|item| format!("{item}\n")).collect();
        client.post(&format!("/mput?queue=work{number}"), items);
        let lent = client.get(&format!("/mget?queue=work{number}&items=300&lease=60")).text();
        let token =
            |line: &str| line.split("\"lease\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let tokens: String = lent.lines().map(|line| token(line) + "\n").collect();
        let nacked = client.post(&format!("/nack?queue=work{number}&reason=no+{number}"), tokens).text();
        assert_eq!(nacked, "nacked 300\n");
    }
    for graves in 0..4 {
        let queue = format!("graves{graves}");
        until("all letters to arrive", || (serve.stats(&queue)["ready"] == 600).then_some(()));
        let lines = client.get(&format!("/peek?queue={queue}&items=600")).text();
        for number in [graves * 2, graves * 2 + 1] {
            let reason = format!("\"reason\":\"no {number}\"");
            assert_eq!(
                lines.lines().filter(|line| line.contains(&reason)).count(),
                300,
                "{}",
                lines.lines().next().unwrap()
            );
            let stats = serve.stats(&format!("work{number}"));
            assert_eq!((&stats["dead"], &stats["accepted"]), (&300.into(), &300.into()));
            assert_eq!(client.get(&format!("/peek?queue=work{number}&state=dead")).text(), "", "all have left");
            assert_eq!(client.post(&format!("/redrive?queue=work{number}"), "").text(), "redriven 0\n");
        }
    }
    // Where there is no room they stay, and come when there is.
    assert_eq!(put(&mut client, "/queues/small", "{\"max_depth\":1,\"overflow\":\"reject\"}").status, 201);
    for number in 0..4 {
        let queue = format!("late{number}");
        put(&mut client, &format!("/queues/{queue}"), "{\"max_attempts\":1,\"dead_letter\":\"small\"}");
        client.post(&format!("/put?queue={queue}"), &queue);
        let token = client.get(&format!("/get?queue={queue}&lease=60")).header("x-lease").expect("a token").to_owned();
        client.post(&format!("/nack?queue={queue}&lease={token}"), "");
    }
    let mut got = BTreeSet::new();
    until("all four", || {
        let item = client.get("/get?queue=small&wait=5").text();
        got.insert(item);
        (got.len() == 4).then_some(())
    });
}

/// Lends items of a queue, and gives all of them back.
fn kill(client: &mut Client, queue: &str, items: usize) {
    let lent = client.get(&format!("/mget?queue={queue}&items={items}&lease=60")).text();
    let token = |line: &str| -> Option<String> {
        Some(serde_json::from_str::<Value>(line).expect("JSON")["lease"].as_str()?.to_owned() + "\n")
    };
    let tokens: String = lent.lines().filter_map(token).collect();
    assert_eq!(client.post(&format!("/nack?queue={queue}"), tokens).text(), format!("nacked {items}\n"));
}

/// What the queue that takes them has no room for is emptied with all else, on whichever thread that is.
#[test]
fn letters_that_have_no_room_elsewhere_are_emptied() {
    let serve = Serve::start(4);
    let mut client = serve.connect();
    for number in 0..4 {
        let (work, graves) = (format!("work{number}"), format!("graves{number}"));
        put(&mut client, &format!("/queues/{graves}"), "{\"max_depth\":1,\"overflow\":\"reject\"}");
        client.post(&format!("/put?queue={graves}"), "full");
        put(&mut client, &format!("/queues/{work}"), &format!("{{\"max_attempts\":1,\"dead_letter\":\"{graves}\"}}"));
        client.post(&format!("/put?queue={work}"), "dead");
        kill(&mut client, &work, 1);
        client.post(&format!("/put?queue={work}"), "ready");
        assert_eq!(client.post(&format!("/queues/{work}/empty"), "").text(), "removed 2\n", "{work}");
        assert_eq!(client.get(&format!("/peek?queue={work}&state=dead")).text(), "");
        assert_eq!(serve.stats(&graves)["accepted"], 1);
    }
}

/// Wherever the queue is that takes them, and however often it moves.
#[test]
fn each_dead_letter_arrives_once() {
    let serve = Serve::start(3);
    let mut client = serve.connect();
    let settings = "{\"max_attempts\":1,\"dead_letter\":\"graves\"}";
    assert_eq!(put(&mut client, "/queues/work", settings).status, 201);
    let is_over = AtomicBool::new(false);
    const ROUNDS: usize = 300;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut mover = serve.connect();
            let topics = (0..6).cycle().take_while(|_| !is_over.load(Relaxed));
            topics.for_each(|topic| {
                put(&mut mover, "/queues/graves", &format!("{{\"topic\":\"t{topic}\"}}"));
            });
        });
        for round in 0..ROUNDS {
            let items: String = (0..20).map(|item| format!("{round} {item}\n")).collect();
            client.post("/mput?queue=work", items);
            kill(&mut client, "work", 20);
        }
        is_over.store(true, Relaxed);
    });
    let dead = 20 * ROUNDS;
    let has_letters = |client: &mut Client| !client.get("/peek?queue=work&state=dead").body.is_empty();
    until("all letters to leave", || (!has_letters(&mut client)).then_some(()));
    assert_eq!((&serve.stats("work")["dead"], &serve.stats("graves")["accepted"]), (&dead.into(), &dead.into()));
    let letters = client.get(&format!("/mget?queue=graves&items={}", 2 * dead)).text();
    let distinct: BTreeSet<&str> = letters.lines().collect();
    assert_eq!((letters.lines().count(), distinct.len()), (dead, dead));
}

/// A letter on its way makes no room for others: it arrives.
#[test]
fn what_is_put_behind_a_letter_does_not_push_it_out() {
    nothing_is_lost_behind_letters(|_| String::new(), |target| format!("/put?queue=to_{target}"));
}

/// Nor does what a topic feeds: it waits, and is not lost.
#[test]
fn what_is_fed_behind_a_letter_is_not_lost() {
    nothing_is_lost_behind_letters(
        |target| format!(",\"topic\":\"on_{target}\""),
        |target| format!("/pub?topic=on_{target}"),
    );
}

/// Lets letters leave queues for others, and sends what would push them out `way` behind each; the queues have `more`
/// settings.
fn nothing_is_lost_behind_letters(more: impl Fn(&str) -> String, way: impl Fn(&str) -> String) {
    let serve = Serve::start(2);
    let mut client = serve.connect();
    for target in names(6) {
        let (queue, way) = (format!("to_{target}"), way(&target));
        let settings = format!("{{\"max_bytes\":30,\"max_attempts\":1,\"dead_letter\":\"{target}\"{}}}", more(&target));
        assert_eq!(put(&mut client, &format!("/queues/{queue}"), &settings).status, 201);
        for round in 0..50 {
            client.post(&way, format!("letter {round:013}"));
            let lent = client.get(&format!("/get?queue={queue}&lease=30"));
            let token = lent.header("x-lease").expect("a token");
            // All at once, so that it is there before anything else can happen.
            let post = |target: &str, body: &str| {
                format!("POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            };
            let nack = post(&format!("/nack?queue={queue}&lease={token}"), "");
            client.send(nack + &post(&way, &format!("behind {round:013}")));
            assert_eq!((client.answer().status, client.answer().status), (200, 200));
            assert_eq!(client.get(&format!("/get?queue={queue}")).text(), format!("behind {round:013}"));
        }
        let left = format!("/peek?queue={queue}&state=dead");
        until("all letters to leave", || client.get(&left).body.is_empty().then_some(()));
        let (source, target) = (serve.stats(&queue), serve.stats(&target));
        assert_eq!((&source["overflow"], &source["refused"], &target["accepted"]), (&0.into(), &0.into(), &50.into()));
    }
}

#[test]
fn threads_share_the_work_and_the_law_holds() {
    let serve = Serve::start(3);
    let mut client = serve.connect();
    for number in 0..6 {
        let settings = format!("{{\"topic\":\"clicks{}\",\"lease\":\"30s\"}}", number % 2);
        assert_eq!(put(&mut client, &format!("/queues/work{number}"), &settings).status, 201);
    }
    let address = serve.0.address;
    let publishers: Vec<_> = (0..2)
        .map(|topic| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                for batch in 0..50 {
                    let body: String = (0..20).map(|n| format!("{}\n", batch * 20 + n)).collect();
                    assert_eq!(client.post(&format!("/pub?topic=clicks{topic}"), body).status, 200);
                }
            })
        })
        .collect();
    let workers: Vec<_> = (0..6)
        .map(|number| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                let mut got = BTreeSet::new();
                while got.len() < 1000 {
                    let lent = client.get(&format!("/mget?queue=work{number}&items=50&lease=30&wait=10")).text();
                    let items: Vec<Value> =
                        lent.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
                    assert!(!items.is_empty(), "{} of 1000", got.len());
                    let tokens: String =
                        items.iter().map(|item| format!("{}\n", item["lease"].as_str().unwrap())).collect();
                    got.extend(items.iter().map(|item| item["data"].as_str().unwrap().parse::<u32>().unwrap()));
                    let acked = client.post(&format!("/ack?queue=work{number}"), tokens).text();
                    assert_eq!(acked, format!("acked {}\n", items.len()));
                }
            })
        })
        .collect();
    for thread in publishers.into_iter().chain(workers) {
        thread.join().expect("it does its work");
    }
    for number in 0..6 {
        let stats = serve.stats(&format!("work{number}"));
        assert_eq!((&stats["accepted"], &stats["acked"]), (&1000.into(), &1000.into()), "{stats}");
    }
}

#[test]
fn all_threads_end_with_the_server() {
    let mut serve = Serve::start(4);
    let mut client = serve.connect();
    for name in names(8) {
        client.post(&format!("/put?queue={name}"), "left");
    }
    client.post("/put", "left");
    let mut subscriber = serve.connect();
    subscriber.send("GET /sub?topic=n3&multipart=0 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    subscriber.head();
    subscriber.chunk();
    client.post("/pub?topic=n3", "last");
    serve.0.process.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(subscriber.chunk().unwrap(), b"last\n");
    assert_eq!(subscriber.chunk(), None);
    assert_eq!(serve.0.process.exit_code(), 0);
    until("it to say so", || serve.0.process.stderr().contains("still queued").then_some(()));
}
