//! The fan-out: each subscriber's account is right, and nobody sleeps while there is news.

use loom::future::block_on;
use loom::sync::Arc;
use streamgauge_core::shared::{FanoutState, NoMessage, Received, SharedFanout, Slot, Unmet, WaitError};
use streamgauge_core::topic::{Delivery, Id, Place};

use crate::{Mutex, model, spawn};

type Fanout = SharedFanout<Mutex<FanoutState<[u8; 4], [Place; 2], [Slot; 2]>>>;

/// It holds two messages of a byte.
fn fanout() -> Arc<Fanout> {
    Arc::new(SharedFanout::new(Mutex::new(FanoutState::of([0; 4], [Place::FREE; 2], [Slot::FREE; 2]))))
}

fn next(fanout: &Fanout, id: Id) -> Result<Received<u8>, Unmet<NoMessage>> {
    block_on(fanout.next_with(id, |message| message[0]))
}

fn assert_conserved(delivery: Delivery) {
    assert_eq!(delivery.received + delivery.lagged + delivery.pending, delivery.published);
}

/// Reads to the end; what was received, and how many were missed.
fn read_all(fanout: &Fanout, id: Id) -> (Vec<u8>, u64) {
    let (mut received, mut lagged) = (Vec::new(), 0);
    loop {
        match next(fanout, id) {
            Ok(Received::Message(message)) => received.push(message),
            Ok(Received::Lagged(n)) => lagged += n,
            Err(error) => {
                assert_eq!(error, Unmet::Wait(WaitError::Closed));
                return (received, lagged);
            }
        }
    }
}

#[test]
fn every_subscriber_accounts_for_every_message() {
    model("every_subscriber_accounts_for_every_message", Some(4), 50000, || {
        let fanout = fanout();
        let read = |id: Id| {
            move |fanout: &Fanout| {
                let (received, lagged) = read_all(fanout, id);
                let first = u8::try_from(lagged).unwrap();
                // What is missed is always the oldest, so the rest is in order.
                assert!(received.is_sorted() && received.last() == Some(&2) && received.len() as u8 + first == 3);
            }
        };
        let (first, second) = (fanout.subscribe().unwrap(), fanout.subscribe().unwrap());
        let (a, b) = (spawn(&fanout, read(first)), spawn(&fanout, read(second)));
        for message in 0..3 {
            fanout.publish(&[message]).unwrap();
        }
        fanout.close();
        a.join().unwrap();
        b.join().unwrap();
        for id in [first, second] {
            let delivery = fanout.unsubscribe(id).unwrap();
            assert_eq!((delivery.published, delivery.pending), (3, 0));
            assert_conserved(delivery);
        }
        assert_eq!(fanout.waiting(), 0);
    });
}

/// Nothing but the one message can wake them.
#[test]
fn one_message_wakes_everyone() {
    model("one_message_wakes_everyone", Some(4), 500, || {
        let fanout = fanout();
        let ids = [fanout.subscribe().unwrap(), fanout.subscribe().unwrap()];
        let waiting = ids.map(|id| spawn(&fanout, move |fanout| next(fanout, id)));
        fanout.publish(&[7]).unwrap();
        for next in waiting {
            assert_eq!(next.join().unwrap(), Ok(Received::Message(7)));
        }
        assert_eq!(fanout.waiting(), 0);
    });
}

#[test]
fn publish_against_subscribe() {
    model("publish_against_subscribe", None, 200, || {
        let fanout = fanout();
        let subscriber = spawn(&fanout, |fanout| {
            let id = fanout.subscribe().unwrap();
            let (received, lagged) = read_all(fanout, id);
            let delivery = fanout.delivery(id).unwrap();
            assert_conserved(delivery);
            assert_eq!(delivery.published, received.len() as u64 + lagged);
            // From some message on, and then all of them.
            assert_eq!(received.as_slice(), &[0, 1, 2][3 - received.len()..]);
        });
        for message in 0..3 {
            fanout.publish(&[message]).unwrap();
        }
        fanout.close();
        subscriber.join().unwrap();
    });
}

#[test]
fn publish_against_unsubscribe() {
    model("publish_against_unsubscribe", Some(4), 2000, || {
        let fanout = fanout();
        let (leaving, staying) = (fanout.subscribe().unwrap(), fanout.subscribe().unwrap());
        let leaver = spawn(&fanout, move |fanout| {
            let delivery = fanout.unsubscribe(leaving).unwrap();
            assert_conserved(delivery);
            assert_eq!(next(fanout, leaving), Err(Unmet::Because(NoMessage::Unsubscribed)));
            // The place is free again, for one who is not mistaken for the other.
            let newcomer = fanout.subscribe().unwrap();
            assert_eq!(next(fanout, leaving), Err(Unmet::Because(NoMessage::Unsubscribed)));
            fanout.unsubscribe(newcomer).unwrap()
        });
        let reader = spawn(&fanout, move |fanout| [next(fanout, staying), next(fanout, staying)]);
        fanout.publish(&[0]).unwrap();
        fanout.publish(&[1]).unwrap();
        assert_conserved(leaver.join().unwrap());
        assert_eq!(reader.join().unwrap(), [Ok(Received::Message(0)), Ok(Received::Message(1))]);
    });
}

/// A subscriber that waits is told when another one ends its subscription, and so is nobody else.
#[test]
fn a_kick_wakes_who_is_kicked() {
    model("a_kick_wakes_who_is_kicked", None, 1000, || {
        let fanout = fanout();
        let (kicked, staying) = (fanout.subscribe().unwrap(), fanout.subscribe().unwrap());
        let waits = spawn(&fanout, move |fanout| next(fanout, kicked));
        let stays = spawn(&fanout, move |fanout| next(fanout, staying));
        let delivery = fanout.unsubscribe(kicked).unwrap();
        assert_conserved(delivery);
        assert_eq!((delivery.published, delivery.received), (0, 0));
        assert_eq!(waits.join().unwrap(), Err(Unmet::Because(NoMessage::Unsubscribed)));
        fanout.publish(&[7]).unwrap();
        assert_eq!(stays.join().unwrap(), Ok(Received::Message(7)));
    });
}

#[test]
fn a_kick_against_publish() {
    model("a_kick_against_publish", None, 1000, || {
        let fanout = fanout();
        let id = fanout.subscribe().unwrap();
        let reader = spawn(&fanout, move |fanout| {
            let mut received = 0;
            loop {
                match next(fanout, id) {
                    Ok(Received::Message(_)) => received += 1,
                    Ok(Received::Lagged(_)) => panic!("both messages fit"),
                    Err(error) => {
                        assert_eq!(error, Unmet::Because(NoMessage::Unsubscribed));
                        return received;
                    }
                }
            }
        });
        let kicker = spawn(&fanout, move |fanout| fanout.unsubscribe(id).unwrap());
        fanout.publish(&[0]).unwrap();
        fanout.publish(&[1]).unwrap();
        let delivery = kicker.join().unwrap();
        assert_conserved(delivery);
        assert_eq!(reader.join().unwrap(), delivery.received);
    });
}

/// One who waits for any message, as a server's pump does, sees the last one whatever comes between.
#[test]
fn published_misses_nothing() {
    model("published_misses_nothing", Some(4), 1500, || {
        let fanout = fanout();
        let pump = spawn(&fanout, |fanout| {
            let mut seen = 0;
            while let Ok(published) = block_on(fanout.published(seen)) {
                assert!(published > seen);
                seen = published;
            }
            seen
        });
        let other = spawn(&fanout, |fanout| fanout.publish(&[0]).is_ok());
        fanout.publish(&[1]).unwrap();
        assert!(other.join().unwrap());
        fanout.close();
        assert_eq!(pump.join().unwrap(), 2);
    });
}

#[test]
fn close_wakes_everyone() {
    model("close_wakes_everyone", None, 1000, || {
        let fanout = fanout();
        let id = fanout.subscribe().unwrap();
        let subscriber = spawn(&fanout, move |fanout| read_all(fanout, id));
        let pump = spawn(&fanout, |fanout| block_on(fanout.published(0)));
        fanout.close();
        assert_eq!(subscriber.join().unwrap(), (Vec::new(), 0));
        assert_eq!(pump.join().unwrap(), Err(WaitError::Closed));
    });
}
