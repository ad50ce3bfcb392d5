//! Subscribers and who publishes on one thread, where the clients' ends of the connections are pipes.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use streamgauge_core::endpoints::Subscription;
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Command, Data, Engine as _, Kind, Outcome, Part, Pieces, Short, TopicSettings};
use streamgauge_core::select::Selection;
use streamgauge_core::topic::{From, OnLag, Speed};
use streamgauge_core::wire::{Framing, Stream};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, watch};
use tokio::task::yield_now;

use super::*;
use crate::engine::disk::Notes;
use crate::engine::memory::{Budget, Rooms, Settings, Shard, Shards};
use crate::engine::remote::{Order, Replica};
use crate::server::Taken;
use crate::threads::Threads;
use crate::topics::StillMay;
use crate::topics::feed::SLICE;
use crate::topics::task::Task;
use crate::transport::{End, Secure, Transport, pipe};

/// A hub of a shard without anything in it.
fn hub() -> Arc<Hub> {
    let settings =
        Settings { defaults: Defaults::default(), main_topic: None, main_queue: None, max_names: 4, max_waiting: 4 };
    let shards = Shards::new(&settings, &Budget::new(256 << 20), None, &Threads::new(1).0, &[]).unwrap();
    Hub::new(Arc::clone(shards[0].own()), 1 << 20, Arc::new(HashKey::new(&[0; 32])), Places::new(10_000))
}

fn topic(name: &str) -> Name {
    Name::new(name.as_bytes()).unwrap()
}

/// A hub of what others have too, whose log is there since the beginning of time.
fn ordered() -> Arc<Hub> {
    let settings =
        Settings { defaults: Defaults::default(), main_topic: None, main_queue: None, max_names: 4, max_waiting: 4 };
    let rooms = || Rooms::of_group(Budget::new(256 << 20), Budget::new(1 << 20), 4);
    let order = Arc::new(Order::new(1, Duration::from_secs(1)));
    let shard = Arc::new(Shard::ordered(&settings, rooms(), order, Budget::new(1 << 20), None));
    shard.join(Memory::with_defaults(rooms(), settings.defaults), Replica::alone(Time::ZERO, Notes::new()));
    Hub::new(shard, 1 << 20, Arc::new(HashKey::new(&[0; 32])), Places::new(10))
}

/// Every message of a topic from now on.
fn plain(name: &str) -> Subscription {
    Subscription {
        topic: topic(name),
        framing: Framing::Lines,
        from: From::Now,
        follow: true,
        limit: None,
        on_lag: OnLag::Kick,
        max_lag: None,
        rate: None,
        speed: None,
        client: Short::EMPTY,
    }
}

fn admit(hub: &Arc<Hub>, subscription: &Subscription) -> Admission {
    hub.admit(subscription, Selection::default()).unwrap()
}

/// Hands the connection of who was let in to the pump, and returns the client's end of it.
fn hand_over(admission: Admission) -> End {
    let (client, stream) = pipe();
    hand_over_at(admission, stream.into());
    client
}

fn hand_over_at(admission: Admission, stream: Transport) {
    hand_over_as(admission, stream, Stream { framing: Framing::Lines, chunked: false });
}

fn hand_over_as(admission: Admission, connection: Transport, stream: Stream) {
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let taken = Taken { stream: connection, read: Bytes::new(), place, shutdown: watch::channel(false).1 };
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    tokio::spawn(Task::new(admission, stream, Vec::new(), peer, taken));
}

/// Two ends of a connection with TLS, and little room in between.
async fn secure() -> (Transport, Transport) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.der(), PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into()));
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let server = server.unwrap().with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    let server = ServerConnection::new(Arc::new(server)).unwrap();
    let client = ClientConnection::new(Arc::new(client), ServerName::try_from("localhost").unwrap()).unwrap();

    let [ours, theirs] = [TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap()];
    theirs.set_send_buffer_size(4 << 10).unwrap();
    ours.set_recv_buffer_size(4 << 10).unwrap();
    theirs.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = theirs.listen(1).unwrap();
    let ours = ours.connect(listener.local_addr().unwrap()).await.unwrap();
    let (theirs, _) = listener.accept().await.unwrap();
    let both = tokio::try_join!(Secure::handshake(ours, client), Secure::handshake(theirs, server));
    let (ours, theirs) = both.unwrap();
    (ours.into(), theirs.into())
}

#[test]
fn what_others_have_too_leaves_by_the_time_of_their_log_whoever_subscribes() {
    let hub = ordered();
    let aging = TopicSettings { max_age: Some(Duration::from_secs(1)), ..TopicSettings::DEFAULT };
    let origin = hub.shard.with(|memory| {
        memory.make_topic(&topic("t"), aging).unwrap();
        memory.topic(&topic("t")).unwrap().origin()
    });
    publish_at(&hub, "t", "old by the clock of this machine", Time::ZERO);
    let admission = admit(&hub, &Subscription { from: From::First, ..plain("t") });
    assert_eq!((admission.first, admission.missed), (origin, None));
}

fn subscribe(hub: &Arc<Hub>, subscription: &Subscription, still: Option<StillMay>) -> End {
    hand_over(Admission { still, ..admit(hub, subscription) })
}

fn execute(hub: &Hub, command: &Command<'_>, now: Time) -> Outcome {
    hub.shard.with(|memory| memory.execute(command, now, &mut |_: Part<'_>| ControlFlow::Continue(())))
}

fn publish_at(hub: &Hub, name: &str, message: &str, now: Time) {
    let messages = Pieces::whole(Data::Plain(message.as_bytes()));
    let published = execute(hub, &Command::Publish { topic: topic(name), messages, id: None }, now);
    assert!(matches!(published, Outcome::Published(_)), "{published:?}");
}

fn publish(hub: &Hub, name: &str, message: &str) {
    publish_at(hub, name, message, hub.shard.clock().now());
}

/// What has come to a client since this was last asked.
fn got(client: &End) -> String {
    let mut bytes = Vec::new();
    client.take(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

/// Lets the pump run until the test ends.
fn pump(hub: &Arc<Hub>) -> watch::Sender<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(Arc::clone(hub).pump(stopped));
    stop
}

#[tokio::test(start_paused = true)]
async fn who_publishes_without_pause_holds_up_nothing_that_has_its_time() {
    let hub = hub();
    let may = Arc::new(AtomicBool::new(true));
    let still: StillMay = Box::new({
        let may = Arc::clone(&may);
        move || may.load(Ordering::Relaxed)
    });
    // More than are written to in one go: who publishes has its turn in between, and there is always more to send.
    let crowd: Vec<_> = (0..SLICE * 2).map(|_| subscribe(&hub, &plain("busy"), None)).collect();
    let revoked = subscribe(&hub, &plain("busy"), Some(still));
    let begun = hub.shard.clock().now();
    let span = Duration::from_millis(20);
    hub.shard.with(|memory| memory.make_topic(&topic("old"), TopicSettings::DEFAULT)).unwrap();
    publish_at(&hub, "old", "first", begun);
    publish_at(&hub, "old", "second", begun.after(span));
    let replay = Subscription { from: From::First, speed: Some(Speed::SAME), ..plain("old") };
    let replayed = subscribe(&hub, &replay, None);
    // From when it was let in, which is somewhat later.
    let due = hub.shard.clock().now().after(span);
    let _stop = pump(&hub);
    let turn = async || {
        publish(&hub, "busy", "x");
        crowd.iter().chain([&revoked]).for_each(|client| drop(got(client)));
        yield_now().await;
    };
    for _ in 0..100 {
        turn().await;
    }
    may.store(false, Ordering::Relaxed);
    while hub.shard.clock().now() <= due {
        turn().await;
    }
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(1)).await;
        turn().await;
    }
    assert!(revoked.is_left(), "a token is looked at every second");
    assert_eq!(got(&replayed), "first\nsecond\n", "a message is due at its time");
    assert!(crowd.iter().all(|client| !client.is_left()));
}

/// Removes a topic and makes another one of its name.
fn make_again(hub: &Hub, name: &str) {
    remove(hub, name);
    hub.shard.with(|memory| memory.make_topic(&topic(name), TopicSettings::DEFAULT)).unwrap();
}

fn remove(hub: &Hub, name: &str) {
    let remove = Command::Remove { kind: Kind::Topic, name: topic(name) };
    assert_eq!(execute(hub, &remove, hub.shard.clock().now()), Outcome::Removed);
}

/// Lets all others do what they can.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_subscribes_to_a_topic_that_was_made_again_is_not_with_those_of_the_one_before() {
    let hub = hub();
    let before = subscribe(&hub, &plain("t"), None);
    make_again(&hub, "t");
    let after = subscribe(&hub, &plain("t"), None);
    publish(&hub, "t", "new");
    let _stop = pump(&hub);
    settle().await;
    assert!(before.is_left(), "its topic was removed");
    assert!(!after.is_left(), "its own is there");
    assert_eq!((got(&before), got(&after)), (String::new(), "new\n".to_owned()));
    publish(&hub, "t", "newer");
    settle().await;
    assert_eq!(got(&after), "newer\n");
}

#[tokio::test(start_paused = true)]
async fn who_comes_before_the_tasks_of_those_are_gone_whose_topic_was_removed_stays() {
    let hub = hub();
    let before = subscribe(&hub, &plain("t"), None);
    settle().await;
    remove(&hub, "t");
    // Its task has its turn later.
    hub.pass().await;
    let after = subscribe(&hub, &plain("t"), None);
    publish(&hub, "t", "new");
    let _stop = pump(&hub);
    settle().await;
    assert!(before.is_left() && !after.is_left());
    assert_eq!(got(&after), "new\n");
    drop((before, after));
    settle().await;
    assert!(hub.crowds.lock().topics.is_empty());
    assert!(hub.places.take(hub.places.all()).is_some());
}

#[tokio::test]
async fn nobody_is_sent_what_another_topic_of_that_name_has_for_who_is_in_the_same_place() {
    let hub = hub();
    let before = subscribe(&hub, &plain("t"), None);
    settle().await;
    make_again(&hub, "t");
    let after = admit(&hub, &plain("t"));
    publish(&hub, "t", "new");
    // As between two slices of a pass that began before.
    hub.serve(&topic("t"), SLICE, true);
    assert_eq!(got(&before), "");
    let after = hand_over(after);
    let _stop = pump(&hub);
    settle().await;
    assert_eq!(got(&after), "new\n");
}

#[tokio::test]
async fn who_was_let_in_to_a_topic_that_is_removed_before_it_is_there_leaves_nobody_behind() {
    let hub = hub();
    let late = admit(&hub, &plain("t"));
    remove(&hub, "t");
    hub.pass().await;
    let late = hand_over(late);
    assert!(hub.crowds.lock().topics.is_empty(), "nobody would ever tell the pump that they are over");
    settle().await;
    assert!(late.is_left(), "its topic is gone");
    assert!(hub.places.take(hub.places.all()).is_some());
}

#[tokio::test]
async fn plans_are_looked_at_in_the_first_slice_of_a_pass_and_in_the_last_one_and_in_no_other() {
    let hub = hub();
    let skip = Subscription { on_lag: OnLag::Skip, max_lag: Some(1 << 10), ..plain("t") };
    let _client = subscribe(&hub, &skip, None);
    let skipped = || {
        let mut skipped = 0;
        hub.for_each_client(&topic("t"), |_, account| skipped = account.unwrap().skipped);
        skipped
    };
    // Nobody reads, and it is more than a pipe takes.
    publish(&hub, "t", &"x".repeat(20 << 10));
    hub.serve(&topic("t"), 1, true);
    for (left, is_first) in [(SLICE, false), (SLICE, true), (1, false), (SLICE, false)] {
        publish(&hub, "t", &"x".repeat(2 << 10));
        let before = skipped();
        let is_last = hub.serve(&topic("t"), left, is_first) == 0;
        assert_eq!(skipped() > before, is_first || is_last, "{left} are left, {is_first}");
    }
}

#[tokio::test]
async fn what_is_copied_is_given_back_though_the_last_record_of_it_was_taken_and_not_sent() {
    let hub = hub();
    let (mut client, stream) = secure().await;
    let skip = Subscription { on_lag: OnLag::Skip, max_lag: Some(1 << 10), ..plain("t") };
    hand_over_at(admit(&hub, &skip), stream);
    let _stop = pump(&hub);
    settle().await;
    // Each is more than the socket takes, so that the rest of it is copied.
    for length in [300 << 10, 200 << 10] {
        publish(&hub, "t", &"x".repeat(length));
        settle().await;
        assert!(hub.farewells.take(FAREWELLS).is_none(), "the rest is copied");
        let (mut left, mut buffer) = (length + 1, [0; 1 << 10]);
        while left > 0 {
            let read = client.read(&mut buffer).await.unwrap();
            assert!((1..=left).contains(&read), "the stream goes on");
            left -= read;
        }
        settle().await;
        assert!(hub.farewells.take(FAREWELLS).is_some(), "and sent");
    }
}

/// Publishes as many messages of 64 KiB.
fn publish_long(hub: &Hub, messages: usize) {
    (0..messages).for_each(|_| publish(hub, "t", &"x".repeat(64 << 10)));
}

/// Reads until nothing more comes.
async fn read(client: &End) -> String {
    let mut all = String::new();
    loop {
        settle().await;
        match got(client) {
            more if more.is_empty() => return all,
            more => all += &more,
        }
    }
}

/// How many were sent away from the topic.
fn kicked(hub: &Hub) -> usize {
    let mut kicked = 0;
    hub.for_each_sent_away(&topic("t"), |_| kicked += 1);
    kicked
}

/// Four times what a subscriber may lag by.
const HISTORY: usize = 64;

#[tokio::test]
async fn what_a_subscriber_asked_for_of_the_past_is_not_its_lag() {
    let hub = hub();
    let first = || Subscription { from: From::First, ..plain("t") };
    publish_long(&hub, HISTORY);
    let block = OnLag::Block(Duration::from_secs(1 << 20));
    let wanted = [
        first(),
        Subscription { follow: false, ..first() },
        Subscription { limit: Some(1 << 20), ..first() },
        Subscription { on_lag: OnLag::Skip, ..first() },
        Subscription { on_lag: block, max_lag: Some(1 << 10), ..first() },
    ];
    let clients = wanted.each_ref().map(|wanted| subscribe(&hub, wanted, None));
    let _stop = pump(&hub);
    settle().await;
    publish(&hub, "t", "last");
    settle().await;
    assert!(hub.crowds.lock().held.is_empty(), "no publisher waits for what is past");
    for (client, wanted) in clients.iter().zip(&wanted) {
        let all = read(client).await;
        let lines = all.lines().filter(|line| line.len() == 64 << 10).count();
        assert_eq!((lines, all.ends_with("\nlast\n")), (HISTORY, wanted.follow), "{wanted:?}");
    }
    assert_eq!(kicked(&hub), 0);
    // From now on they have to keep up: the one with a limit of its own, and the others.
    publish_long(&hub, 1);
    settle().await;
    assert!(!hub.crowds.lock().held.is_empty());
    assert_eq!(read(&clients[4]).await.len(), (64 << 10) + 1);
    publish_long(&hub, 20);
    settle().await;
    assert_eq!(kicked(&hub), 2, "the first and the one with a limit of messages");
}

#[tokio::test]
async fn who_never_catches_up_is_sent_away_when_the_log_goes_past_it() {
    let hub = hub();
    publish_long(&hub, HISTORY);
    let all = Subscription { from: From::First, ..plain("t") };
    let deaf = [all, Subscription { follow: false, ..all }].map(|wanted| subscribe(&hub, &wanted, None));
    let _stop = pump(&hub);
    settle().await;
    while kicked(&hub) < deaf.len() {
        publish_long(&hub, 1);
        settle().await;
    }
    let left = hub.shard.with(|memory| memory.topic(&topic("t")).unwrap().log().start().sequence());
    let origin = hub.shard.with(|memory| memory.topic(&topic("t")).unwrap().origin());
    assert!(left > origin);
}

#[tokio::test]
async fn who_skips_goes_on_when_the_log_would_go_past_what_is_half_sent() {
    let hub = hub();
    publish_long(&hub, HISTORY);
    let skip = Subscription { from: From::First, on_lag: OnLag::Skip, framing: Framing::Events, ..plain("t") };
    let (client, connection) = pipe();
    let events = Stream { framing: Framing::Events, chunked: false };
    hand_over_as(admit(&hub, &skip), connection.into(), events);
    let _stop = pump(&hub);
    settle().await;
    // More than the log holds.
    for _ in 0..3 * HISTORY {
        publish_long(&hub, 1);
        settle().await;
    }
    let text = read(&client).await;
    let gaps =
        text.split("event: gap\ndata: ").skip(1).map(|rest| rest.lines().next().unwrap().parse::<usize>().unwrap());
    let (sent, skipped) = (text.lines().filter(|line| line.len() > 64 << 10).count(), gaps.sum::<usize>());
    assert!(sent > 1 && skipped > 0, "{sent} {skipped}");
    assert_eq!(sent + skipped, 4 * HISTORY);
}

#[tokio::test]
async fn a_stream_with_an_end_of_its_own_is_not_whole_when_its_reader_is_kicked() {
    for (limit, end) in [(Some(100), "pending bytes\n\r\n"), (None, "pending bytes\n\r\n0\r\n\r\n")] {
        let hub = hub();
        publish_long(&hub, 8);
        let wanted = Subscription { from: From::First, limit, ..plain("t") };
        let (client, connection) = pipe();
        hand_over_as(admit(&hub, &wanted), connection.into(), Stream { framing: Framing::Lines, chunked: true });
        let _stop = pump(&hub);
        settle().await;
        publish_long(&hub, 20);
        settle().await;
        assert_eq!(kicked(&hub), 1);
        let all = read(&client).await;
        assert!(all.ends_with(end), "{}", &all[all.len() - 100..]);
    }
}
