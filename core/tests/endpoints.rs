//! The endpoints as functions: what a request does to a queue or a topic, and what it is answered.

use std::convert::Infallible;
use std::ops::ControlFlow;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::endpoints::{
    Headers, Method, Reply, Request, Response, Settings, Status, Surface, answer, refuse, write_problem,
};
use streamgauge_core::engine::memory::{Defaults, Fixed, Memory};
use streamgauge_core::engine::{
    Command, Dump, Engine as _, Name, Outcome, Part, QueueSettings, QueueStats, Refusal, Separator, TopicSettings,
};
use streamgauge_core::time::Time;
use streamgauge_core::topic::{From, Next};
use streamgauge_core::wire::Framing;

/// Takes the first so many writes, or so many bytes, and then no more.
#[derive(Debug, Default)]
struct FailingWriter {
    room: usize,
    written: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
struct NoRoom;

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no room")
    }
}

impl std::error::Error for NoRoom {}

impl embedded_io::Error for NoRoom {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::OutOfMemory
    }
}

impl embedded_io::ErrorType for FailingWriter {
    type Error = NoRoom;
}

impl embedded_io::Write for FailingWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, NoRoom> {
        let taken = bytes.len().min(self.room);
        if taken == 0 && !bytes.is_empty() {
            return Err(NoRoom);
        }
        self.room -= taken;
        self.written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), NoRoom> {
        Ok(())
    }
}

type Engine = Memory<Fixed<2, 4096, 32>>;

/// An engine of which only the queue is asked, and what its endpoints have to know.
struct Queue {
    engine: Box<Engine>,
    settings: Settings,
}

fn queue_of(items: &[Vec<u8>]) -> Queue {
    bounded_queue_of(items, QueueSettings::DEFAULT.max_item_bytes)
}

fn bounded_queue_of(items: &[Vec<u8>], max_item_bytes: u64) -> Queue {
    let settings = QueueSettings { max_item_bytes, ..QueueSettings::DEFAULT };
    let defaults = Defaults { queue: settings, ..Defaults::default() };
    let engine = Box::new(Memory::with_defaults(Fixed::seeded(0), defaults));
    let mut queue = Queue { engine, settings: Settings::new(Surface::Simplequeue) };
    for item in items {
        assert_eq!(call(&mut queue, "/put", item), (200, Vec::new()));
    }
    queue
}

fn ask<W: embedded_io::Write>(queue: &mut Queue, request: &Request<'_>, out: &mut W) -> Result<Reply, W::Error> {
    answer(request, &queue.settings, &mut *queue.engine, Time::ZERO, out)
}

fn call(queue: &mut Queue, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut out = Vec::new();
    let request = Request::new(target.as_bytes()).with_body(body);
    let Ok(reply) = ask(queue, &request, &mut out) as Result<_, Infallible>;
    let Reply::Response(response) = reply else { panic!("{reply:?}") };
    (response.status.code(), out)
}

fn dump_of(queue: &mut Queue) -> Dump {
    match ask(queue, &Request::new(b"/dump"), &mut Vec::new()) {
        Ok(Reply::Dump(dump)) => dump,
        other => panic!("{other:?}"),
    }
}

fn held(queue: &mut Queue) -> Vec<Vec<u8>> {
    let (mut dump, mut held) = (dump_of(queue), Vec::new());
    let more = queue.engine.dump(&mut dump, |item| {
        held.push(item.to_vec());
        ControlFlow::Continue(())
    });
    assert!(!more, "it is told that there may be more");
    held
}

fn stats(queue: &mut Queue) -> QueueStats {
    let command = Command::QueueStats { queue: Name::MAIN, reset: false };
    let mut told = None;
    let outcome = queue.engine.execute(&command, Time::ZERO, &mut |part: Part<'_>| {
        if let Part::QueueStats(stats) = part {
            told = Some(*stats);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(outcome, Outcome::Told(1));
    told.expect("counters")
}

/// The pieces between separators, cut in the plainest way there is.
fn naive_split(body: &[u8], separator: &[u8]) -> Vec<Vec<u8>> {
    let (mut pieces, mut piece, mut at) = (Vec::new(), Vec::new(), 0);
    while at < body.len() {
        if !separator.is_empty() && body[at..].starts_with(separator) {
            pieces.push(std::mem::take(&mut piece));
            at += separator.len();
        } else {
            piece.push(body[at]);
            at += 1;
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// Bytes of few kinds, so that separators occur and overlap.
fn text(length: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'\n'), Just(0)], 0..length)
}

#[test]
fn put_takes_data_or_the_body_and_of_nothing_makes_no_item() {
    let mut service = queue_of(&[]);
    for (target, body, status) in [
        ("/put?data=a%00b", &b"unused"[..], 200),
        ("/put", b"body", 200),
        ("/put?data=", b"unused", 200),
        ("/put", b"", 400),
    ] {
        assert_eq!(call(&mut service, target, body).0, status, "{target}");
    }
    assert_eq!(held(&mut service), [&b"a\0b"[..], b"body"]);
    assert_eq!(stats(&mut service).puts, 2);
}

#[test]
fn mget_asks_for_at_least_one_item() {
    let mut service = queue_of(&[b"item".to_vec()]);
    for items in ["0", "-1", "many", ""] {
        let refused = (400, b"number of items must be > 0\n".to_vec());
        assert_eq!(call(&mut service, &format!("/mget?items={items}"), b""), refused, "{items}");
    }
    assert_eq!(held(&mut service).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mput_takes_the_same_items_from_the_query_and_from_the_body(data in text(60), separator in proptest::option::of(text(4))) {
        let named = separator.as_ref().map_or(String::new(), |separator| format!("&separator={}", encoded(separator)));
        // One that is named and empty separates nothing.
        let expected = naive_split(&data, separator.as_deref().unwrap_or(b"\n"));
        let mut by_query = queue_of(&[]);
        prop_assert_eq!(call(&mut by_query, &format!("/mput?data={}{named}", encoded(&data)), b"unused"), (200, Vec::new()));
        prop_assert_eq!(&held(&mut by_query), &expected);
        let mut by_body = queue_of(&[]);
        let (status, answer) = call(&mut by_body, &format!("/mput?x{named}"), &data);
        if data.is_empty() {
            prop_assert_eq!((status, &answer[..]), (400, &b"missing data\n"[..]));
        } else {
            prop_assert_eq!((status, answer), (200, Vec::new()));
        }
        prop_assert_eq!(&held(&mut by_body), &expected);
    }

    #[test]
    fn a_batch_with_an_item_too_long_is_refused_whole(data in text(80), in_query in any::<bool>()) {
        let mut service = bounded_queue_of(&[b"before".to_vec()], 9);
        let pieces = naive_split(&data, b"\n");
        let too_long = pieces.iter().map(Vec::len).max().filter(|longest| *longest > 9);
        let (status, answer) = if in_query {
            call(&mut service, &format!("/mput?data={}", encoded(&data)), b"")
        } else {
            prop_assume!(!data.is_empty());
            call(&mut service, "/mput", &data)
        };
        let mut expected = vec![b"before".to_vec()];
        if let Some(longest) = too_long {
            let text = format!("item of {longest} bytes is over the limit max-item-bytes 9\n");
            prop_assert_eq!((status, answer), (413, text.into_bytes()));
        } else {
            prop_assert_eq!(status, 200);
            expected.extend(pieces);
        }
        prop_assert_eq!(held(&mut service), expected);
    }

    #[test]
    fn mget_gives_what_fits_and_keeps_the_rest(
        items in vec(vec(any::<u8>().prop_filter("no separator", |byte| *byte != b'|'), 1..20), 0..12),
        asked in 1..15_u64,
        max_mget in proptest::option::of(1..10_u64),
        max_answer in 0..120_usize,
    ) {
        let mut service = queue_of(&items);
        service.settings = Settings { max_mget, max_answer, ..service.settings };
        let (status, answer) = call(&mut service, &format!("/mget?items={asked}&separator=%7C"), b"");
        prop_assert_eq!(status, 200);
        let kept = held(&mut service);
        let taken = items.len() - kept.len();
        prop_assert_eq!(&kept[..], &items[taken..]);
        let asked = asked.min(max_mget.unwrap_or(u64::MAX)) as usize;
        let mut expected = items[..taken].join(&b'|');
        if taken > 0 && taken < asked {
            expected.push(b'|');
        }
        prop_assert_eq!(&answer, &expected);
        // It stopped because of the number, the end, or because one more would not have fitted.
        let with_one_more = items.iter().take(taken + 1).map(|item| item.len() + 1).sum::<usize>();
        prop_assert!(taken == asked || kept.is_empty() || with_one_more > max_answer);
        prop_assert!(taken <= 1 || items[..taken].iter().map(|item| item.len() + 1).sum::<usize>() <= max_answer);
        prop_assert!(taken >= 1 || items.is_empty());
        let counters = stats(&mut service).counters;
        prop_assert!(counters.balanced());
        prop_assert_eq!(counters.delivered, taken as u64);
    }

    #[test]
    fn what_a_writer_refuses_stays_queued(items in vec(vec(any::<u8>(), 1..20), 1..8), room in 0..100_usize, many in any::<bool>()) {
        let mut service = queue_of(&items);
        let mut writer = FailingWriter { room, ..FailingWriter::default() };
        let target = if many { "/mget?items=8&separator=%7C%7C" } else { "/get" };
        let outcome = ask(&mut service, &Request::new(target.as_bytes()), &mut writer);
        let kept = held(&mut service);
        let taken = items.len() - kept.len();
        prop_assert_eq!(&kept[..], &items[taken..]);
        let whole = |n: usize| items[..n].iter().enumerate().flat_map(|(i, item)| {
            let separator: &[u8] = if many && i + 1 < 8 { b"||" } else { b"" };
            [item, separator].concat()
        }).collect::<Vec<u8>>();
        // All that was taken is written whole; what follows is at most a part of the next one.
        prop_assert!(writer.written.starts_with(&whole(taken)));
        let wanted = if many { items.len() } else { 1 };
        match outcome {
            Ok(_) => prop_assert_eq!((taken, writer.written), (wanted, whole(wanted))),
            Err(error) => {
                prop_assert_eq!(error, NoRoom);
                prop_assert!(taken < wanted && writer.written.len() == room && whole(taken + 1).len() > room);
            }
        }
        prop_assert!(stats(&mut service).counters.balanced());
    }

    #[test]
    fn a_dump_shows_each_item_once_whatever_happens_meanwhile(
        items in vec(vec(1..255_u8, 1..6), 0..30),
        room in 1..20_usize,
        meanwhile in vec((0..4_usize, 0..3_usize), 0..40),
    ) {
        let items: Vec<_> = items.into_iter().enumerate().map(|(i, item)| [format!("{i}:").into_bytes(), item].concat()).collect();
        let items: Vec<_> = items.into_iter().map(|item| item.into_iter().filter(|byte| *byte != b'\n').collect::<Vec<u8>>()).collect();
        let mut service = queue_of(&items);
        let mut dump = dump_of(&mut service);
        let (mut shown, mut meanwhile, mut gone) = (Vec::new(), meanwhile.into_iter(), 0);
        loop {
            let before = shown.len();
            let more = service.engine.dump(&mut dump, |item| {
                if shown.len() >= before + room {
                    return ControlFlow::Break(());
                }
                shown.extend_from_slice(&[item, b"\n"].concat());
                ControlFlow::Continue(())
            });
            if !more {
                break;
            }
            let (gets, puts) = meanwhile.next().unwrap_or_default();
            for _ in 0..gets {
                gone += usize::from(!call(&mut service, "/get", b"").1.is_empty());
            }
            for _ in 0..puts {
                call(&mut service, "/put?data=later", b"");
            }
        }
        let shown = naive_split(&shown, b"\n");
        let mut expected = items.iter().peekable();
        for line in &shown {
            prop_assert!(expected.any(|item| item == line), "{line:?} is not there, or twice");
        }
        // Nothing that was there all the time is missing.
        prop_assert!(items.iter().skip(gone).all(|item| shown.contains(item)));
    }
}

#[test]
fn a_separator_has_at_most_sixteen_bytes() {
    assert!(Separator::from_slice(&[b'x'; 16]).is_ok());
    assert!(Separator::from_slice(&[b'x'; 17]).is_err());
    let mut service = queue_of(&[]);
    let refused = (400, b"separator must have at most 16 bytes\n".to_vec());
    assert_eq!(call(&mut service, "/mput?data=a&separator=12345678901234567", b""), refused);
    assert_eq!(call(&mut service, "/mget?separator=12345678901234567", b""), refused);
}

#[test]
fn a_dump_stops_where_there_is_no_more_room() {
    let mut service = queue_of(&[b"ab".to_vec(), b"c".to_vec()]);
    let mut dump = dump_of(&mut service);
    // One that has room for no item hears of the same again.
    for _ in 0..2 {
        let mut offered = Vec::new();
        assert!(service.engine.dump(&mut dump, |item| {
            offered.push(item.to_vec());
            ControlFlow::Break(())
        }));
        assert_eq!(offered, [b"ab"]);
    }
    let mut shown = Vec::new();
    assert!(service.engine.dump(&mut dump, |item| {
        if shown.is_empty() {
            shown.push(item.to_vec());
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(())
    }));
    assert!(!service.engine.dump(&mut dump, |item| {
        shown.push(item.to_vec());
        ControlFlow::Continue(())
    }));
    assert_eq!(shown, [&b"ab"[..], b"c"]);
    // That of a queue that is gone ends.
    let mut dump = dump_of(&mut service);
    let remove = Command::Remove { kind: streamgauge_core::engine::Kind::Queue, name: Name::MAIN };
    let mut nobody = |_: Part<'_>| ControlFlow::Continue(());
    assert_eq!(service.engine.execute(&remove, Time::ZERO, &mut nobody), Outcome::Removed);
    assert!(!service.engine.dump(&mut dump, |_| unreachable!()));
}

#[test]
fn counters_begin_anew_for_who_says_so() {
    let mut service = queue_of(&[b"a".to_vec(), b"b".to_vec()]);
    call(&mut service, "/get", b"");
    let stats = |puts, gets| {
        format!("puts:{puts}\ngets:{gets}\ndepth:1\ndepth_high_water:2\nbytes:1\noverflow:0\n").into_bytes()
    };
    assert_eq!(call(&mut service, "/stats?reset=0", b""), (200, stats(2, 1)));
    let head = Request { method: Method::Head, ..Request::new(b"/stats?reset=1") };
    ask(&mut service, &head, &mut Vec::new()).unwrap();
    assert_eq!(call(&mut service, "/stats", b""), (200, stats(2, 1)));
    assert_eq!(call(&mut service, "/stats?reset=1", b""), (200, Vec::new()));
    let (_, answer) = call(&mut service, "/stats?format=json", b"");
    let expected = r#"{"puts": 0,"gets": 0,"depth": 1,"depth_high_water": 0,"bytes": 1,"overflow": 0}"#;
    assert_eq!(String::from_utf8(answer).unwrap().trim_end(), expected);
}

/// A topic that keeps 64 bytes of messages of at most 20, for two subscribers.
type Town = Memory<Fixed<2, 64, 2>>;

fn town() -> Town {
    bounded_town(20)
}

fn bounded_town<const BYTES: usize>(max_message_bytes: u64) -> Memory<Fixed<2, BYTES, 2>> {
    let topic = TopicSettings { max_message_bytes, ..TopicSettings::DEFAULT };
    Memory::with_defaults(Fixed::seeded(0), Defaults { topic, ..Defaults::default() })
}

fn tell<const BYTES: usize>(town: &mut Memory<Fixed<2, BYTES, 2>>, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
    let Ok(reply) = answer(request, &Settings::new(Surface::Pubsub), town, Time::ZERO, out) as Result<_, Infallible>;
    reply
}

fn said<const BYTES: usize>(town: &mut Memory<Fixed<2, BYTES, 2>>, request: Request<'_>) -> (Response, String) {
    let mut out = Vec::new();
    let reply = tell(town, &request, &mut out);
    let Reply::Response(response) = reply else { panic!("{reply:?}") };
    (response, String::from_utf8(out).unwrap())
}

fn publish<const BYTES: usize>(town: &mut Memory<Fixed<2, BYTES, 2>>, body: &[u8]) -> (u16, String) {
    let (response, answer) = said(town, Request::new(b"/pub").with_body(body));
    (response.status.code(), answer)
}

fn published(town: &Town) -> u64 {
    town.topic(&Name::MAIN).map_or(0, |topic| topic.counters().published)
}

/// What is asked for at `/sub`, or the answer of one that can't be understood.
fn asked(request: Request<'_>) -> Result<(Framing, Option<u64>), String> {
    let mut out = Vec::new();
    match tell(&mut town(), &request, &mut out) {
        Reply::Subscribe(subscription) => Ok(match subscription.from {
            From::After(last_seen) => (subscription.framing, Some(last_seen)),
            from => {
                assert_eq!(from, From::Now);
                (subscription.framing, None)
            }
        }),
        Reply::Response(Response { status: Status::BadRequest, .. }) => Err(String::from_utf8(out).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_is_published_whole_or_not_at_all() {
    let mut town = town();
    assert_eq!(publish(&mut town, &[b'x'; 20]), (200, "Published 1 messages to 0 clients.\n".into()));
    let refused = "message of 21 bytes is over the limit max-message-bytes 20\n";
    assert_eq!(publish(&mut town, b"first\n123456789012345678901"), (413, refused.into()));
    assert_eq!(published(&town), 1);
    let mut narrow = bounded_town::<4>(20);
    assert_eq!(publish(&mut narrow, b"1234"), (413, "message of 4 bytes is over the limit log-bytes 4\n".into()));
    // HEAD publishes nothing, and what nobody knows is not there.
    let head = Request { method: Method::Head, ..Request::new(b"/pub").with_body(b"x") };
    assert_eq!(said(&mut town, head).0.status, Status::Ok);
    assert_eq!(said(&mut town, Request::new(b"/clients/")).0.status, Status::NotFound);
    assert_eq!(published(&town), 1);
}

#[test]
fn statistics_are_told_three_ways_and_reset_by_who_reads_them() {
    let mut town = town();
    let villager = town.subscribe(&Name::MAIN, From::Now, Time::ZERO).unwrap().id;
    publish(&mut town, b"a\nb");
    assert_eq!(town.topic_mut(&Name::MAIN).unwrap().next(villager), Ok(Next::Message(b"a")));
    town.count_kicked(&Name::MAIN, 1);
    let text = |received, sent| {
        format!(
            "Active connections: 1\nTotal connections: 1\nMessages received: {received}\nMessages sent: {sent}\n\
             Kicked clients: 1\n"
        )
    };
    let (response, answer) = said(&mut town, Request::new(b"/stats?format=json"));
    let expected = r#"{"current_connections": 1,"total_connections": 1,"messages_received": 2,"messages_sent": 1,"kicked_clients": 1}"#;
    assert_eq!((response.content_type, answer.trim_end()), ("application/json", expected));
    let mut headers = Vec::new();
    response.headers.for_each(|name, value| headers.push((name, value.to_string())));
    let expected = [
        ("X-PUBSUB-TOTAL-CONNECTIONS", "1"),
        ("X-PUBSUB-ACTIVE-CONNECTIONS", "1"),
        ("X-PUBSUB-MESSAGES-RECEIVED", "2"),
        ("X-PUBSUB-MESSAGES-SENT", "1"),
        ("X-PUBSUB-KICKED-CLIENTS", "1"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    // Who asks for the head alone reads nothing, and resets nothing.
    said(&mut town, Request { method: Method::Head, ..Request::new(b"/stats?reset=1") });
    assert_eq!(said(&mut town, Request::new(b"/stats")).1, text(2, 1));
    assert_eq!(said(&mut town, Request::new(b"/stats?reset=1")).1, text(2, 1));
    assert_eq!(said(&mut town, Request::new(b"/stats")).1, text(0, 0));
}

#[test]
fn a_subscription_is_what_was_asked_for() {
    for (target, framing) in [
        ("/sub", Framing::Multipart),
        ("/sub?multipart=1", Framing::Multipart),
        ("/sub?multipart=0", Framing::Lines),
        ("/sub?multipart=no", Framing::Lines),
        ("/sub?format=sse&multipart=0", Framing::Events),
        ("/sub?format=else", Framing::Multipart),
    ] {
        assert_eq!(asked(Request::new(target.as_bytes())), Ok((framing, None)), "{target}");
    }
    let accepting = |target: &'static [u8]| Request { accept: b"text/html, Text/Event-Stream", ..Request::new(target) };
    assert_eq!(asked(accepting(b"/sub?multipart=0")), Ok((Framing::Events, None)));
    assert_eq!(asked(accepting(b"/sub?format=multipart")), Ok((Framing::Multipart, None)));
    let after = |target: &'static [u8]| Request { last_event_id: b" 7 ", ..Request::new(target) };
    assert_eq!(asked(after(b"/sub")), Ok((Framing::Multipart, Some(7))));
    // A URL stays what it is, and the header says where the client is now.
    assert_eq!(asked(after(b"/sub?last_event_id=9")), Ok((Framing::Multipart, Some(7))));
    let last = Some(u64::MAX);
    assert_eq!(asked(Request::new(b"/sub?last_event_id=18446744073709551615")), Ok((Framing::Multipart, last)));
    let too_great = &b"/sub?last_event_id=18446744073709551616"[..];
    for wrong in [b"/sub?last_event_id=-1", &b"/sub?last_event_id=x"[..], b"/sub?last_event_id=", too_great] {
        assert_eq!(asked(Request::new(wrong)), Err("last_event_id must be the number of an event\n".into()));
    }
    for wrong in [b"/sub?follow", &b"/sub?follow=yes"[..], b"/sub?follow=2"] {
        assert_eq!(asked(Request::new(wrong)), Err("follow must be 0 or 1\n".into()));
    }
}

#[test]
fn who_finds_no_place_is_told_when_to_come_back() {
    let mut town = town();
    let mut subscribe = || town.subscribe(&Name::MAIN, From::Now, Time::ZERO);
    assert!(subscribe().is_ok() && subscribe().is_ok());
    let full: Refusal = subscribe().unwrap_err();
    let (request, mut out) = (Request::new(b"/sub"), Vec::new());
    let Ok(response) = refuse(&full, &request, &mut out) as Result<Response, Infallible>;
    assert_eq!((response.status, response.headers), (Status::ServiceUnavailable, Headers::RetryAfter(5)));
    assert_eq!(out, b"the limit max-subscribers 2 is reached\n");
    // What the writer says is not swallowed.
    let mut writer = FailingWriter { room: 5, ..FailingWriter::default() };
    assert_eq!(refuse(&full, &request, &mut writer), Err(NoRoom));
}

#[test]
fn a_problem_is_json_whatever_its_detail_says() {
    for detail in ["plain", "say \"no\" \\ so", "two\nlines\tand\r\0a \u{1b}[7mbar\u{7f}", "é"] {
        let mut out = Vec::new();
        let Ok(()) = write_problem(400, "bad-request", &detail, None, &mut out) as Result<(), Infallible>;
        assert!(!out.contains(&0x7f), "{detail:?}");
        let problem: serde_json::Value = serde_json::from_slice(&out).expect(detail);
        assert_eq!(problem["detail"], detail);
    }
}
