//! Subscribers and who publishes on one thread, where the clients' ends of the connections are pipes.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use streamgauge_core::endpoints::Subscription;
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Command, Data, Engine as _, Outcome, Part, Pieces, Short, TopicSettings};
use streamgauge_core::select::Selection;
use streamgauge_core::topic::{From, OnLag, Speed};
use streamgauge_core::wire::{Framing, Stream};
use tokio::sync::{Semaphore, watch};
use tokio::task::yield_now;

use super::*;
use crate::engine::memory::{Budget, Settings, Shards};
use crate::server::Taken;
use crate::threads::Threads;
use crate::topics::StillMay;
use crate::topics::feed::SLICE;
use crate::topics::task::Task;
use crate::transport::{End, pipe};

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
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let taken = Taken { stream: stream.into(), read: Bytes::new(), place, shutdown: watch::channel(false).1 };
    let stream = Stream { framing: Framing::Lines, chunked: false };
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    tokio::spawn(Task::new(admission, stream, Vec::new(), peer, taken));
    client
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
    let due = begun.after(Duration::from_millis(20));
    hub.shard.with(|memory| memory.make_topic(&topic("old"), TopicSettings::DEFAULT)).unwrap();
    publish_at(&hub, "old", "first", begun);
    publish_at(&hub, "old", "second", due);
    let replay = Subscription { from: From::First, speed: Some(Speed::SAME), ..plain("old") };
    let replayed = subscribe(&hub, &replay, None);
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
    assert_eq!(hub.places.left(), hub.places.all());
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
    assert_eq!(hub.places.left(), hub.places.all());
}

#[tokio::test(start_paused = true)]
async fn how_often_plans_are_looked_at_does_not_grow_with_the_slices_of_a_pass() {
    let hub = hub();
    let skip = Subscription { on_lag: OnLag::Skip, ..plain("t") };
    let clients: Vec<_> = (0..SLICE * 10).map(|_| subscribe(&hub, &skip, None)).collect();
    let _stop = pump(&hub);
    settle().await;
    let looks = || hub.crowds.lock().topics.get(&topic("t")).unwrap().looks;
    let before = looks();
    publish(&hub, "t", "x");
    settle().await;
    assert!(clients.iter().all(|client| got(client) == "x\n"));
    // Once before each has what it lacks, and once when it has it; and so when all are found to have everything.
    let each = (looks() - before) / clients.len();
    assert!(each <= 4, "each was looked at {each} times for one message");
}
