use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::FutureExt as _;
use streamgauge_core::engine::{Data, Lease, Name, Part, Pieces};
use tokio::sync::watch;

use super::*;
use crate::engine::disk::{self, SyncMode};
use crate::gateway::{Gateway, Settings};
use crate::operations::rights::{Id, Rights, Sources, tokens};
use crate::server::Budget;

/// A gateway whose disk writes nothing before it is started.
fn kept(folder: &tempfile::TempDir) -> Arc<Gateway> {
    let (folder, sync) = (folder.path().to_owned(), SyncMode::Always);
    let disk = disk::Settings { folder, sync, most: 1 << 30, longest: 1 << 20 };
    let settings = Settings { disk: Some(disk), ..Settings::new(Surface::Everything) };
    Gateway::new(settings, watch::Sender::new(false)).unwrap()
}

#[tokio::test]
async fn who_waits_for_items_of_a_queue_that_is_gone_does_not_make_it_again() {
    let folder = tempfile::TempDir::new().unwrap();
    let gateway = kept(&folder);
    let engine = &gateway.sides[0].engine;
    engine.own().keeper().unwrap().journal().start().unwrap();
    let queue = Name::new(b"gone").unwrap();
    let get = Command::Get { queue, items: 1, lease: Lease::None };
    let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
    assert_eq!(engine.execute_again(&get, sink).await, Outcome::Told(0));
    assert!(!engine.own().has_queue(&queue));
    assert_eq!(engine.execute(&get, sink).await, Outcome::Told(0));
    assert!(engine.own().has_queue(&queue), "who asks first makes it");
}

#[tokio::test]
async fn what_waits_for_the_disk_counts_and_more_stays_queued() {
    let folder = tempfile::TempDir::new().unwrap();
    let gateway = kept(&folder);
    let shard = gateway.sides[0].engine.own();
    let item = vec![b'x'; 40_000];
    let items = Pieces::whole(Data::Plain(&item));
    let put = Command::Put { queue: Name::MAIN, items, delay: Duration::ZERO, id: None };
    let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
    for _ in 0..4 {
        assert!(matches!(gateway.sides[0].engine.execute_now(&put, sink), Some(Outcome::Put { items: 1, .. })));
    }
    let limits = Limits { max_body: 100_000, max_buffered: 200_000, ..Limits::default() };
    let budget = Arc::new(Budget::new(&limits));
    let asks = || Context::new(([192, 0, 2, 1], 1).into(), 1, &[]).within(&budget);
    let door = gateway.door(Surface::Everything, limits);
    let (first, second) = (asks(), asks());
    let get = || Request::new(b"/mget?items=9&wait=1");
    let mut waiting = std::pin::pin!(door.call(get(), &first));
    assert!(waiting.as_mut().now_or_never().is_none());
    let left = first.left();
    assert!(left < 20_000, "{left} are left");
    // One that came at the same time has the same room, and all of it is taken.
    let mut refused = std::pin::pin!(door.call(get(), &second));
    assert!(refused.as_mut().now_or_never().is_none());
    assert_eq!(shard.with(|memory| memory.ready(&Name::MAIN)), 2);
    shard.keeper().unwrap().journal().close();
    let Answer::Response(refused) = refused.await else { panic!("an answer") };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let Answer::Whole(_, body) = waiting.await else { panic!("no answer") };
    assert_eq!((body.len(), first.left()), (80_002, left), "until it is sent");
    drop(body);
    assert_eq!(first.left(), 100_000);
}

#[tokio::test]
async fn what_is_never_safe_is_not_in_what_is_said_instead() {
    let folder = tempfile::TempDir::new().unwrap();
    let gateway = kept(&folder);
    let engine = &gateway.sides[0].engine;
    // Nothing is written yet.
    let items = Pieces::whole(Data::Plain(b"an item"));
    let put = Command::Put { queue: Name::MAIN, items, delay: Duration::ZERO, id: None };
    let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
    assert!(matches!(engine.execute_now(&put, sink), Some(Outcome::Put { items: 1, .. })));
    let door = gateway.door(Surface::Everything, Limits::default());
    let context = Context::new(([127, 0, 0, 1], 1).into(), 1, &[]);
    let mut answer = std::pin::pin!(door.call(Request::new(b"/get?wait=1"), &context));
    assert!(answer.as_mut().now_or_never().is_none());
    engine.own().keeper().unwrap().journal().fail("a test");
    let Answer::Whole(response, body) = answer.await else { panic!("no answer") };
    assert_eq!(response.status, Status::ServiceUnavailable);
    assert_eq!(String::from_utf8_lossy(&body).lines().count(), 1, "{}", String::from_utf8_lossy(&body));
    assert!(!body.starts_with(b"an item"));
}

#[test]
fn a_piece_of_a_dump_has_no_more_than_it_counts_for() {
    let gateway = Gateway::new(Settings::new(Surface::Everything), watch::Sender::new(false)).unwrap();
    let queue = Name::MAIN;
    for len in [60_000, 60_000, 100_000, 5_000, 60_000] {
        let items = vec![b'x'; len];
        let items = Pieces::whole(Data::Plain(&items));
        let put = Command::Put { queue, items, delay: Duration::ZERO, id: None };
        assert!(matches!(gateway.execute(&put), Outcome::Put { items: 1, .. }));
    }
    let Outcome::Dump(dump) = gateway.execute(&Command::Dump { queue }) else { panic!("no dump") };
    let Answer::Response(response) = dump_pieces(gateway.sides[0].engine.clone(), dump, 100_000) else {
        panic!("no response")
    };
    let Body::Pieces { longest, mut next } = response.into_body() else { panic!("no pieces") };
    let pieces: Vec<_> = std::iter::from_fn(|| next().now_or_never()?.unwrap().map(|piece| piece.len())).collect();
    assert_eq!((longest, pieces), (100_000, vec![60_001, 60_001, 100_001, 65_002]));
}

/// A gateway where a token has these grants, and what `Authorization` says with it.
fn guarded(grants: &str) -> (Arc<Gateway>, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let (path, token) = (folder.path().join("tokens"), tokens::random().unwrap());
    std::fs::write(&path, format!("sha256:{} {grants}\n", Id::of(token.as_bytes()))).unwrap();
    let rights = Rights::open(Sources { tokens: Some(path), jwt: None }, Vec::new()).unwrap();
    let settings = Settings { rights: Some(rights), ..Settings::new(Surface::Everything) };
    (Gateway::new(settings, watch::Sender::new(false)).unwrap(), format!("Bearer {token}"))
}

/// What names beside what it changes something that a token with rights on `own.*` has none on, and what is missing.
const BESIDE: [(&[u8], &str, &str); 4] = [
    (b"/queues/own.a", r#"{"topic":"secret"}"#, "sub on secret"),
    (b"/queues/own.a", r#"{"dead_letter":"letters"}"#, "put on letters"),
    (b"/gauges/own.g", r#"{"topic":"secret","measure":"rate"}"#, "sub on secret"),
    (
        b"/gauges/own.r",
        r#"{"topic":"own.a","measure":"moments","every":"1m","when":{"count >":100,"to":"told"}}"#,
        "pub on told",
    ),
];

#[tokio::test]
async fn what_a_change_names_beside_needs_a_right_whichever_way_it_comes_in() {
    let (gateway, authorization) = guarded("admin:own.* sub:own.*");
    let door = gateway.door(Surface::Everything, Limits::default());
    let mut context = Context::new(([127, 0, 0, 1], 1).into(), 1, &[]);
    context.authorization = Some(authorization.as_bytes());
    for (target, body, lacks) in BESIDE {
        let request = Request { method: Method::Put, body: body.as_bytes(), ..Request::new(target) };
        let Answer::Response(answer) = door.call(request, &context).await else { panic!("{body}: no response") };
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{body}");
        let Body::Whole(line) = answer.into_body() else { panic!("{body}: no line") };
        assert_eq!(line, format!("this token has no right {lacks}\n"), "{body}");
    }
    let request = Request { method: Method::Put, body: br#"{"topic":"own.b"}"#, ..Request::new(b"/queues/own.a") };
    let Answer::Whole(answer, _) = door.call(request, &context).await else { panic!("no answer") };
    assert_eq!(answer.status, Status::Created);
}

#[tokio::test]
async fn what_the_server_itself_declares_needs_none() {
    let (gateway, _) = guarded("sub:*");
    let mut inbox = std::mem::take(&mut *gateway.inboxes.lock()).remove(0);
    let declaring = async {
        for (target, body, _) in BESIDE {
            let target = std::str::from_utf8(target).unwrap();
            assert_eq!(gateway.declare(target, body.as_bytes()).await, Ok(()), "{body}");
        }
    };
    tokio::select! {
        () = declaring => {}
        () = inbox.work() => panic!("its thread ended"),
    }
}
