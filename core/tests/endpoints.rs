//! The endpoints as functions: what a request does to the queue or the pubsub, and what it is answered.

use std::convert::Infallible;

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::endpoints::pubsub::{self, Subscription};
use streamgauge_core::endpoints::simplequeue::{Reply, Separator, Settings};
use streamgauge_core::endpoints::{Headers, Method, Pubsub, Request, Response, Simplequeue, Status};
use streamgauge_core::topic::{Next, Place, TooManySubscribers};
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

fn queue_of(items: &[Vec<u8>], settings: Settings) -> Simplequeue<Vec<u8>> {
    let mut service = Simplequeue::new(vec![0; 1 << 14], settings);
    for item in items {
        service.queue_mut().put(item, |_| unreachable!()).unwrap();
    }
    service
}

fn call(service: &mut Simplequeue<Vec<u8>>, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut answer = Vec::new();
    let request = Request::new(target.as_bytes()).with_body(body);
    let Ok(reply) = service.call(request, &mut answer, |_| ()) as Result<_, Infallible>;
    let Reply::Response(response) = reply else { panic!("{reply:?}") };
    (response.status.code(), answer)
}

fn held(service: &Simplequeue<Vec<u8>>) -> Vec<Vec<u8>> {
    service.queue().iter().map(<[u8]>::to_vec).collect()
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
    let mut service = queue_of(&[], Settings::default());
    for (target, body, status) in [
        ("/put?data=a%00b", &b"unused"[..], 200),
        ("/put", b"body", 200),
        ("/put?data=", b"unused", 200),
        ("/put", b"", 400),
    ] {
        assert_eq!(call(&mut service, target, body).0, status, "{target}");
    }
    assert_eq!(held(&service), [&b"a\0b"[..], b"body"]);
    assert_eq!(service.queue().counters().accepted, 2);
}

#[test]
fn mget_asks_for_at_least_one_item() {
    let mut service = queue_of(&[b"item".to_vec()], Settings::default());
    for items in ["0", "-1", "many", ""] {
        let refused = (400, b"number of items must be > 0\n".to_vec());
        assert_eq!(call(&mut service, &format!("/mget?items={items}"), b""), refused, "{items}");
    }
    assert_eq!(held(&service).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mput_takes_the_same_items_from_the_query_and_from_the_body(data in text(60), separator in proptest::option::of(text(4))) {
        let named = separator.as_ref().map_or(String::new(), |separator| format!("&separator={}", encoded(separator)));
        // One that is named and empty separates nothing.
        let expected = naive_split(&data, separator.as_deref().unwrap_or(b"\n"));
        let mut by_query = queue_of(&[], Settings::default());
        prop_assert_eq!(call(&mut by_query, &format!("/mput?data={}{named}", encoded(&data)), b"unused"), (200, Vec::new()));
        prop_assert_eq!(&held(&by_query), &expected);
        let mut by_body = queue_of(&[], Settings::default());
        let (status, answer) = call(&mut by_body, &format!("/mput?x{named}"), &data);
        if data.is_empty() {
            prop_assert_eq!((status, &answer[..]), (400, &b"missing data\n"[..]));
        } else {
            prop_assert_eq!((status, answer), (200, Vec::new()));
        }
        prop_assert_eq!(&held(&by_body), &expected);
    }

    #[test]
    fn a_batch_with_an_item_too_long_is_refused_whole(data in text(80), in_query in any::<bool>()) {
        let settings = Settings { max_item: 9, ..Settings::default() };
        let mut service = queue_of(&[b"before".to_vec()], settings);
        let pieces = naive_split(&data, b"\n");
        let too_long = pieces.iter().find(|piece| piece.len() > 9);
        let (status, answer) = if in_query {
            call(&mut service, &format!("/mput?data={}", encoded(&data)), b"")
        } else {
            prop_assume!(!data.is_empty());
            call(&mut service, "/mput", &data)
        };
        let mut expected = vec![b"before".to_vec()];
        if let Some(piece) = too_long {
            let text = format!("item of {} bytes is over the limit max-item-bytes 9\n", piece.len());
            prop_assert_eq!((status, answer), (413, text.into_bytes()));
        } else {
            prop_assert_eq!(status, 200);
            expected.extend(pieces);
        }
        prop_assert_eq!(held(&service), expected);
    }

    #[test]
    fn mget_gives_what_fits_and_keeps_the_rest(
        items in vec(vec(any::<u8>().prop_filter("no separator", |byte| *byte != b'|'), 1..20), 0..12),
        asked in 1..15_u64,
        max_mget in proptest::option::of(1..10_u64),
        max_answer in 0..120_usize,
    ) {
        let mut service = queue_of(&items, Settings { max_mget, max_answer, ..Settings::default() });
        let (status, answer) = call(&mut service, &format!("/mget?items={asked}&separator=%7C"), b"");
        prop_assert_eq!(status, 200);
        let kept = held(&service);
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
        let counters = service.queue().counters();
        prop_assert_eq!(counters.accepted, counters.delivered + counters.depth + counters.overflow);
        prop_assert_eq!(counters.delivered, taken as u64);
    }

    #[test]
    fn what_a_writer_refuses_stays_queued(items in vec(vec(any::<u8>(), 1..20), 1..8), room in 0..100_usize, many in any::<bool>()) {
        let mut service = queue_of(&items, Settings::default());
        let mut writer = FailingWriter { room, ..FailingWriter::default() };
        let target = if many { "/mget?items=8&separator=%7C%7C" } else { "/get" };
        let outcome = service.call(Request::new(target.as_bytes()), &mut writer, |_| ());
        let kept = held(&service);
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
        let counters = service.queue().counters();
        prop_assert_eq!(counters.accepted, counters.delivered + counters.depth + counters.overflow);
    }

    #[test]
    fn a_dump_shows_each_item_once_whatever_happens_meanwhile(
        items in vec(vec(1..255_u8, 1..6), 0..30),
        room in 1..20_usize,
        meanwhile in vec((0..4_usize, 0..3_usize), 0..40),
    ) {
        let items: Vec<_> = items.into_iter().enumerate().map(|(i, item)| [format!("{i}:").into_bytes(), item].concat()).collect();
        let items: Vec<_> = items.into_iter().map(|item| item.into_iter().filter(|byte| *byte != b'\n').collect::<Vec<u8>>()).collect();
        let mut service = queue_of(&items, Settings::default());
        let mut nothing = Vec::new();
        let Ok(Reply::Dump(mut dump)) = service.call(Request::new(b"/dump"), &mut nothing, |_| ()) else { panic!("no dump") };
        let (mut shown, mut meanwhile, mut gone) = (Vec::new(), meanwhile.into_iter(), 0);
        loop {
            let Ok(more) = service.dump(&mut dump, &mut shown, room) as Result<bool, Infallible>;
            if !more {
                break;
            }
            let (gets, puts) = meanwhile.next().unwrap_or_default();
            for _ in 0..gets {
                gone += usize::from(service.queue_mut().get().is_some());
            }
            for _ in 0..puts {
                service.queue_mut().put(b"later", |_| ()).unwrap();
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
    let mut service = queue_of(&[], Settings::default());
    let refused = (400, b"separator must have at most 16 bytes\n".to_vec());
    assert_eq!(call(&mut service, "/mput?data=a&separator=12345678901234567", b""), refused);
    assert_eq!(call(&mut service, "/mget?separator=12345678901234567", b""), refused);
}

#[test]
fn a_dump_stops_where_there_is_no_more_room() {
    let service = queue_of(&[b"ab".to_vec(), b"c".to_vec()], Settings::default());
    let Ok(Reply::Dump(mut dump)) = service.clone().call(Request::new(b"/dump"), &mut Vec::new(), |_| ()) else {
        panic!("no dump")
    };
    let mut shown = Vec::new();
    // Without any room it goes on all the same, so that it ends.
    let mut slowly = dump;
    assert_eq!([(); 3].map(|()| service.dump(&mut slowly, &mut Vec::new(), 0)), [Ok(true), Ok(true), Ok(false)]);
    assert_eq!(service.dump(&mut dump, &mut shown, 3), Ok(true));
    assert_eq!(shown, b"ab\n");
    assert_eq!(service.dump(&mut dump, &mut shown, 3), Ok(false));
    assert_eq!(shown, b"ab\nc\n");
}

#[test]
fn counters_begin_anew_for_who_says_so() {
    let mut service = queue_of(&[b"a".to_vec(), b"b".to_vec()], Settings::default());
    service.queue_mut().get();
    let stats = |puts, gets| {
        format!("puts:{puts}\ngets:{gets}\ndepth:1\ndepth_high_water:2\nbytes:1\noverflow:0\n").into_bytes()
    };
    assert_eq!(call(&mut service, "/stats?reset=0", b""), (200, stats(2, 1)));
    let head = Request { method: Method::Head, ..Request::new(b"/stats?reset=1") };
    service.call(head, &mut Vec::new(), |_| ()).unwrap();
    assert_eq!(call(&mut service, "/stats", b""), (200, stats(2, 1)));
    assert_eq!(call(&mut service, "/stats?reset=1", b""), (200, Vec::new()));
    let (_, answer) = call(&mut service, "/stats?format=json", b"");
    let expected = r#"{"puts": 0,"gets": 0,"depth": 1,"depth_high_water": 0,"bytes": 1,"overflow": 0}"#;
    assert_eq!(String::from_utf8(answer).unwrap().trim_end(), expected);
}

type Town = Pubsub<[u8; 64], [Place; 2]>;

fn town() -> Town {
    Pubsub::new([0; 64], [Place::FREE; 2], 20, 0)
}

fn said(town: &mut Town, request: Request<'_>) -> (Response, String) {
    let mut answer = Vec::new();
    let Ok(reply) = town.call(request, &mut answer) as Result<_, Infallible>;
    let pubsub::Reply::Response(response) = reply else { panic!("{reply:?}") };
    (response, String::from_utf8(answer).unwrap())
}

fn publish(town: &mut Town, body: &[u8]) -> (u16, String) {
    let (response, answer) = said(town, Request::new(b"/pub").with_body(body));
    (response.status.code(), answer)
}

/// What is asked for at `/sub`, or the answer of one that can't be understood.
fn asked(request: Request<'_>) -> Result<(Framing, Option<u64>), String> {
    let mut answer = Vec::new();
    let Ok(reply) = town().call(request, &mut answer) as Result<_, Infallible>;
    match reply {
        pubsub::Reply::Subscribe(Subscription { framing, last_seen }) => Ok((framing, last_seen)),
        pubsub::Reply::Response(Response { status: Status::BadRequest, .. }) => Err(String::from_utf8(answer).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_is_published_whole_or_not_at_all() {
    let mut town = town();
    assert_eq!(publish(&mut town, &[b'x'; 20]), (200, "Published 1 messages to 0 clients.\n".into()));
    let refused = "message of 21 bytes is over the limit max-message-bytes 20\n";
    assert_eq!(publish(&mut town, b"first\n123456789012345678901"), (413, refused.into()));
    assert_eq!(town.fanout().published(), 1);
    let mut narrow = Pubsub::new([0; 4], [Place::FREE; 1], 20, 0);
    let mut answer = Vec::new();
    narrow.call(Request::new(b"/pub").with_body(b"1234"), &mut answer).unwrap();
    assert_eq!(answer, b"message of 4 bytes is over the limit log-bytes 4\n");
    // Nobody is told that it failed after it was done.
    let mut small = [0; 16];
    assert!(town.call(Request::new(b"/pub").with_body(b"x"), &mut &mut small[..]).is_err());
    assert_eq!(town.fanout().published(), 1);
    // HEAD publishes nothing, and what nobody knows is not there.
    let head = Request { method: Method::Head, ..Request::new(b"/pub").with_body(b"x") };
    assert_eq!(said(&mut town, head).0.status, Status::Ok);
    assert_eq!(said(&mut town, Request::new(b"/clients/")).0.status, Status::NotFound);
    assert_eq!(town.fanout().published(), 1);
}

#[test]
fn statistics_are_told_three_ways_and_reset_by_who_reads_them() {
    let mut town = town();
    let villager = town.subscribe(&Subscription { framing: Framing::Lines, last_seen: None }).unwrap();
    publish(&mut town, b"a\nb");
    assert_eq!(town.fanout_mut().next(villager), Ok(Next::Message(b"a")));
    town.count_kick();
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
    response.headers.for_each(|name, value| headers.push((name, value)));
    assert_eq!(
        headers[2..],
        [("X-PUBSUB-MESSAGES-RECEIVED", 2), ("X-PUBSUB-MESSAGES-SENT", 1), ("X-PUBSUB-KICKED-CLIENTS", 1)]
    );
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
    assert_eq!(asked(after(b"/sub?last_event_id=9")), Ok((Framing::Multipart, Some(9))));
    let last = Some(u64::MAX);
    assert_eq!(asked(Request::new(b"/sub?last_event_id=18446744073709551615")), Ok((Framing::Multipart, last)));
    let too_great = &b"/sub?last_event_id=18446744073709551616"[..];
    for wrong in [b"/sub?last_event_id=-1", &b"/sub?last_event_id=x"[..], b"/sub?last_event_id=", too_great] {
        assert_eq!(asked(Request::new(wrong)), Err("last_event_id must be the number of an event\n".into()));
    }
}

#[test]
fn who_finds_no_place_is_told_when_to_come_back() {
    let mut town = town();
    let subscription = Subscription { framing: Framing::Lines, last_seen: None };
    assert!(town.subscribe(&subscription).is_ok() && town.subscribe(&subscription).is_ok());
    let full: TooManySubscribers = town.subscribe(&subscription).unwrap_err();
    let mut answer = Vec::new();
    let Ok(response) = Town::refuse(full, &mut answer) as Result<Response, Infallible>;
    assert_eq!((response.status, response.headers), (Status::ServiceUnavailable, Headers::RetryAfter(5)));
    assert_eq!(answer, b"the limit max-subscribers 2 is reached\n");
    // What the writer says is not swallowed.
    let mut writer = FailingWriter { room: 5, ..FailingWriter::default() };
    assert_eq!(Town::refuse(full, &mut writer), Err(NoRoom));
}
