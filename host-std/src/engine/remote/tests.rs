//! Gateways over a log that is a list.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::{
    Allowance, Command, Data, Engine as _, Kind, Lease, Name, Outcome, Part, Pieces, Prefix, Sink,
};
use streamgauge_core::time::Time;
use streamgauge_core::topic::From;

use super::world::{Gateway, World, first, in_a_world};
use super::*;
use crate::engine::memory::Message;

#[test]
fn a_gateway_that_came_to_something_else_stops() {
    in_a_world(async || {
        let mut world = World::new(7);
        let queue = Name::new(b"a").unwrap();
        let ask = async |world: &mut World, command: Command<'static>| {
            let shard = Arc::clone(&world.gateways[1].shard);
            let sink = |_: Part<'_>| ControlFlow::Continue(());
            tokio::task::spawn_local(async move { shard.execute(&command, &mut { sink }).await });
            tokio::task::yield_now().await;
            world.write(1);
            for who in 0..2 {
                let gateway = &mut world.gateways[who];
                let (at, bytes) = &world.log[gateway.next as usize - 1];
                let message = Message { position: gateway.next, at: *at, bytes };
                gateway.next += 1;
                gateway.shard.apply(&gateway.order, message).await?;
            }
            Ok::<_, Stop>(())
        };
        let items = Pieces::whole(Data::Plain(b"x"));
        ask(&mut world, Command::Put { queue, items, delay: Duration::ZERO, id: None }).await.unwrap();
        // One of them loses what the other has: it is found out behind the first answer that tells.
        let get = Command::Get { queue, items: 1, lease: Lease::None };
        world.gateways[0]
            .shard
            .with(|memory| memory.execute(&get, Time::ZERO, &mut |_: Part<'_>| ControlFlow::Continue(())));
        ask(&mut world, get).await.unwrap();
        assert_eq!(ask(&mut world, get).await, Err(Stop::Diverged(2)));
    });
}

#[test]
fn what_somebody_else_publishes_there_does_nothing_at_any_gateway() {
    in_a_world(async || {
        let mut world = World::new(5);
        for foreign in [&b""[..], b"{}", &[b'x'; 200]] {
            world.ask(0);
            world.log.push((world.now, foreign.to_vec()));
            world.settle().await;
        }
        let all: Vec<_> = world.gateways.iter().map(Gateway::saved).collect();
        assert!(all.iter().all(|one| *one == all[0]), "they differ");
        assert_eq!(world.gateways[0].next, world.log.len() as u64 + 1);
        // What a newer version writes is not passed over.
        let newer = Message { position: world.gateways[0].next, at: world.now, bytes: &[2; 99] };
        let Gateway { shard, order, .. } = &world.gateways[0];
        assert_eq!(shard.apply(order, newer).await, Err(Stop::Unknown(newer.position)));
    });
}

#[test]
fn who_has_seen_more_elsewhere_waits_until_it_has_come_here() {
    in_a_world(async || {
        let mut world = World::new(3);
        let topic = Name::new(b"t").unwrap();
        let [ahead, behind] = [0, 1].map(|who| Arc::clone(&world.gateways[who].shard));
        let publish = Command::Publish { topic, messages: Pieces::whole(Data::Plain(b"x")), id: None };
        for _ in 0..3 {
            let shard = Arc::clone(&ahead);
            tokio::task::spawn_local(async move {
                shard.execute(&publish, &mut { |_: Part<'_>| ControlFlow::Continue(()) }).await
            });
            tokio::task::yield_now().await;
            world.write(0);
        }
        for _ in 0..3 {
            world.read_one(0).await;
        }
        world.read_one(1).await;
        let first = behind.with(|memory| memory.topic(&topic).map(|topic| topic.origin())).unwrap();
        // What it has of one message: who goes on behind that, and with the next one, finds all.
        for (from, here) in [
            (From::Now, true),
            (From::First, true),
            (From::Time(Time::from_millis(u64::MAX)), true),
            (From::After(first), true),
            (From::Sequence(first + 1), true),
            (From::After(first + 1), false),
            (From::Sequence(first + 2), false),
        ] {
            assert_eq!(behind.has_at_hand(&topic, from), here, "{from:?}");
            assert!(ahead.has_at_hand(&topic, from), "{from:?}");
        }
        let seen = From::After(first + 2);
        let order = Arc::clone(&world.gateways[1].order);
        let waits = {
            let behind = Arc::clone(&behind);
            tokio::task::spawn_local(async move { behind.prepare(&order, &topic, seen).await })
        };
        tokio::task::yield_now().await;
        world.write(1);
        for _ in 0..2 {
            world.read_one(1).await;
            tokio::task::yield_now().await;
            assert!(!waits.is_finished());
        }
        world.read_one(1).await;
        assert_eq!(waits.await.unwrap(), Ok(()));
        assert!(behind.has_at_hand(&topic, seen));
    });
}

#[test]
fn what_can_not_be_proposed_says_why_and_nothing_is_left_behind() {
    in_a_world(async || {
        let gateway = Gateway::new(1, &first());
        let put = |data| Command::Put {
            queue: Name::MAIN,
            items: Pieces::whole(Data::Plain(data)),
            delay: Duration::ZERO,
            id: None,
        };
        gateway.order.set_longest(1_000);
        let long = vec![b'x'; 2_000];
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        let outcome = gateway.shard.execute(&put(&long), sink).await;
        assert!(matches!(outcome, Outcome::Refused(streamgauge_core::engine::Refusal::TooLarge { .. })), "{outcome:?}");
        assert!(gateway.order.take(Seen::default(), [0; 2]).is_none());
        gateway.order.set_away(Some("a test".to_owned()));
        assert_eq!(gateway.shard.execute(&put(b"x"), sink).await, Outcome::Refused(AWAY));
        gateway.order.set_away(None);
        let shard = Arc::clone(&gateway.shard);
        let asked = tokio::task::spawn_local(async move {
            let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
            shard.execute(&put(b"x"), sink).await
        });
        tokio::task::yield_now().await;
        let batch = gateway.order.take(Seen::default(), [0; 2]).unwrap();
        gateway.order.refuse(&batch, UNKNOWN);
        assert_eq!(asked.await.unwrap(), Outcome::Refused(UNKNOWN));
        let shard = Arc::clone(&gateway.shard);
        let asked = tokio::task::spawn_local(async move {
            let get = Command::Get { queue: Name::MAIN, items: 1, lease: Lease::None };
            shard.execute(&get, &mut |_: Part<'_>| ControlFlow::Continue(())).await
        });
        tokio::task::yield_now().await;
        let batch = gateway.order.take(Seen::default(), [0; 2]).unwrap();
        gateway.order.refuse(&batch, UNKNOWN);
        assert_eq!(asked.await.unwrap(), Outcome::Refused(order::UNKNOWN_ITEMS));
        // As much waits as there is room for, and no more; what the engine has taken makes room.
        let advance = || gateway.order.propose(Call::Advance(Kind::Queue, Name::MAIN));
        let waiting = (0..).take_while(|_| advance()).count();
        assert!((100_000..1_000_000).contains(&waiting), "{waiting}");
        let batch = gateway.order.take(Seen::default(), [0; 2]).unwrap();
        assert!(!advance());
        gateway.order.taken(&batch);
        assert!(advance());
        while let Some(batch) = gateway.order.take(Seen::default(), [0; 2]) {
            gateway.order.taken(&batch);
        }
        // Whoever goes is forgotten.
        let shard = Arc::clone(&gateway.shard);
        let asked = tokio::task::spawn_local(async move {
            let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
            shard.execute(&put(b"x"), sink).await
        });
        tokio::task::yield_now().await;
        asked.abort();
        let _ = asked.await;
        assert!(gateway.order.is_idle());
    });
}

#[test]
fn what_the_log_takes_too_late_does_nothing_and_is_proposed_again_while_somebody_waits() {
    in_a_world(async || {
        let mut world = World::new(13);
        let queue = Name::new(b"a").unwrap();
        let items = Pieces::whole(Data::Plain(b"x"));
        let put = Command::Put { queue, items, delay: Duration::ZERO, id: None };
        let ask = |world: &World| {
            let shard = Arc::clone(&world.gateways[0].shard);
            let sink = |_: Part<'_>| ControlFlow::Continue(());
            tokio::task::spawn_local(async move { shard.execute(&put, &mut { sink }).await })
        };
        let ready = |world: &World| [0, 1, 2].map(|who| world.gateways[who].shard.with(|memory| memory.ready(&queue)));
        let first = ask(&world);
        world.round().await;
        assert_eq!((first.await.unwrap(), ready(&world)), (Outcome::Put { items: 1, duplicate: false }, [1; 3]));
        let late = ask(&world);
        world.now = world.now.after(Duration::from_secs(62));
        world.round().await;
        assert_eq!((late.is_finished(), ready(&world)), (false, [1; 3]), "nothing has happened");
        world.round().await;
        assert_eq!((late.await.unwrap(), ready(&world)), (Outcome::Put { items: 1, duplicate: false }, [2; 3]));
        // Whoever does not wait any more gets it nowhere.
        let gone = ask(&world);
        tokio::task::yield_now().await;
        gone.abort();
        let _ = gone.await;
        world.now = world.now.after(Duration::from_secs(62));
        world.round().await;
        world.round().await;
        assert_eq!(ready(&world), [2; 3]);
        let all: Vec<_> = world.gateways.iter().map(Gateway::saved).collect();
        assert!(all.iter().all(|one| *one == all[0]), "they differ");
    });
}

#[test]
fn looks_are_answered_while_the_engine_is_away_whatever_is_due() {
    in_a_world(async || {
        let mut world = World::new(17);
        let [queue, other] = [b"a", b"b"].map(|name| Name::new(name).unwrap());
        let shard = Arc::clone(&world.gateways[0].shard);
        let items = Pieces::whole(Data::Plain(b"x"));
        let put = Command::Put { queue, items, delay: Duration::from_secs(1), id: None };
        let sink = |_: Part<'_>| ControlFlow::Continue(());
        let asked = tokio::task::spawn_local(async move { shard.execute(&put, &mut { sink }).await });
        world.round().await;
        asked.await.unwrap();
        // It is not delayed any more, which nobody has proposed yet.
        world.now = world.now.after(Duration::from_secs(3));
        world.gateways[0].order.propose(Call::Advance(Kind::Queue, other));
        world.round().await;
        world.gateways[0].order.set_away(Some("a test".to_owned()));
        let all = Command::List { kind: Kind::Queue, prefix: Prefix::cut(b"") };
        for look in [all, Command::QueueStats { queue, reset: false }] {
            let outcome = world.gateways[0].shard.execute(&look, &mut { sink }).await;
            assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        }
        let all: Vec<_> = world.gateways.iter().map(Gateway::saved).collect();
        assert!(all.iter().all(|one| *one == all[0]), "a look changes nothing");
    });
}

#[test]
fn what_nobody_waits_for_is_proposed_when_the_engine_is_back_as_far_as_there_is_room() {
    in_a_world(async || {
        let mut world = World::new(19);
        let queue = Name::new(b"a").unwrap();
        let items = Pieces::whole(Data::Plain(&[b'x'; 100]));
        let put = Call::Execute(Command::Put { queue, items, delay: Duration::ZERO, id: None });
        world.gateways[0].order.set_away(Some("a test".to_owned()));
        assert!(world.gateways[0].order.propose_later(put) && world.gateways[0].order.propose_later(put));
        assert!(world.gateways[0].order.take(Seen::default(), [0; 2]).is_none());
        world.settle().await;
        for who in 0..3 {
            assert_eq!(world.gateways[who].shard.with(|memory| memory.ready(&queue)), 2);
        }
        let order = &world.gateways[0].order;
        order.set_away(Some("a test".to_owned()));
        let kept = (0..).take_while(|_| order.propose_later(put)).count();
        assert!((1_000..20_000).contains(&kept), "{kept}");
    });
}

/// Has so much room for items, of which it keeps what it is asked to, and writes down what is told.
struct Bounded {
    most: u64,
    kept: Vec<u64>,
    items: Vec<Vec<u8>>,
}

impl Sink for Bounded {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        if let Part::Item(item) = part {
            self.items.push(item.item.data.into());
        }
        ControlFlow::Continue(())
    }

    fn allowance(&self) -> Allowance {
        Allowance { bytes: 10, first: self.most, beside: 0, factor: 1 }
    }

    fn keep(&mut self, bytes: u64) -> u64 {
        self.kept.push(bytes);
        bytes.max(5).min(self.most)
    }
}

#[test]
fn an_item_for_which_there_is_no_room_stays_where_it_is() {
    in_a_world(async || {
        let mut world = World::new(11);
        let queue = Name::new(b"a").unwrap();
        let ask = async |world: &mut World, who: usize, command: Command<'static>, most| {
            let shard = Arc::clone(&world.gateways[who].shard);
            let asked = tokio::task::spawn_local(async move {
                let mut sink = Bounded { most, kept: Vec::new(), items: Vec::new() };
                (shard.execute(&command, &mut sink).await, sink.items, sink.kept)
            });
            tokio::task::yield_now().await;
            while !asked.is_finished() {
                world.write(who);
                while world.gateways[who].next as usize <= world.log.len() {
                    world.read_one(who).await;
                }
                tokio::task::yield_now().await;
            }
            asked.await.unwrap()
        };
        const ITEM: &[u8] = b"an item of twenty by";
        let items = Pieces::whole(Data::Plain(ITEM));
        let put = Command::Put { queue, items, delay: Duration::ZERO, id: None };
        ask(&mut world, 0, put, 0).await;
        for lease in [Lease::For(None), Lease::None] {
            let get = Command::Get { queue, items: 2, lease };
            let refused = Outcome::Refused(told::TOO_LONG);
            assert_eq!(ask(&mut world, 0, get, 19).await, (refused, vec![], vec![20]), "{lease:?}");
            assert_eq!(world.gateways[0].shard.with(|memory| memory.ready(&queue)), 1, "{lease:?}");
        }
        // As much is kept as is needed: one that has it knows, and another one finds out.
        let get = Command::Get { queue, items: 2, lease: Lease::None };
        assert_eq!(ask(&mut world, 0, get, 99).await, (Outcome::Told(1), vec![ITEM.to_vec()], vec![20]));
        ask(&mut world, 0, put, 0).await;
        assert_eq!(ask(&mut world, 1, get, 99).await, (Outcome::Told(1), vec![ITEM.to_vec()], vec![0, 20]));
        for who in [0, 2] {
            while world.gateways[who].next as usize <= world.log.len() {
                world.read_one(who).await;
            }
        }
        let all: Vec<_> = world.gateways.iter().map(Gateway::saved).collect();
        assert!(all.iter().all(|one| *one == all[0]), "they differ");
    });
}

#[test]
fn who_joins_takes_no_time_for_settled_that_its_clock_shows() {
    let shard = Gateway::joining(1, &first()).shard;
    let executed = shard.time_of_log().unwrap();
    assert_eq!(shard.settled(), executed, "what others did since is yet to come");
    shard.arrive();
    assert!(shard.settled() > executed);
}
