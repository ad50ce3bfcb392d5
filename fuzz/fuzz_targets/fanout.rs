//! Sequences of operations on a fan-out, against a plain list of all messages and a place in it for each subscriber.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge_core::log::prefix_len;
use streamgauge_core::topic::{Fanout, Id, Next, Place, Unsubscribed};
use streamgauge_fuzz::{item, operations};

struct Subscriber {
    id: Id,
    since: usize,
    /// The next message to be read.
    at: usize,
    received: u64,
    lagged: u64,
}

fuzz_target!(|data: &[u8]| {
    let Some((&[capacity, places], data)) = data.split_first_chunk() else { return };
    let (capacity, places) = (usize::from(capacity), usize::from(places % 6));
    // Near the wrap of sequence numbers.
    let origin = u64::MAX - 5;
    let mut fanout = Fanout::starting_at(vec![0; capacity], vec![Place::FREE; places], origin);
    let mut published: Vec<Vec<u8>> = Vec::new();
    let mut subscribers: Vec<Subscriber> = Vec::new();
    let mut gone: Vec<Id> = Vec::new();
    let mut delivered = 0;
    for (serial, (what, amount)) in operations(data).enumerate() {
        let amount = usize::from(amount);
        let held_from = published.len() - fanout.log().len() as usize;
        let chosen = if subscribers.is_empty() { None } else { Some(amount % subscribers.len()) };
        match (what % 8, chosen) {
            (0..=2, _) => {
                let message = item(amount % 40, serial);
                let fits = message.len() + prefix_len(message.len()) <= capacity;
                let sequence = fanout.publish(&message);
                assert_eq!(sequence.ok(), fits.then_some(origin.wrapping_add(published.len() as u64)));
                if fits {
                    published.push(message);
                }
            }
            (3, _) => {
                let subscribed = fanout.subscribe();
                assert_eq!(subscribed.is_ok(), subscribers.len() < places);
                if let Ok(id) = subscribed {
                    let at = published.len();
                    subscribers.push(Subscriber { id, since: at, at, received: 0, lagged: 0 });
                }
            }
            (4, _) => {
                // It saw everything up to message number `amount`; one that is yet to come counts as the newest,
                // and one that is less than the origin is of an earlier life.
                let seen = amount % (published.len() + 2);
                let resumed = fanout.resume(origin.wrapping_add(seen as u64));
                assert_eq!(resumed.is_ok(), subscribers.len() < places);
                if let Ok(id) = resumed {
                    let earlier = seen >= published.len() && origin.wrapping_add(seen as u64) < origin;
                    let at = if earlier { 0 } else { (seen + 1).min(published.len()) };
                    subscribers.push(Subscriber { id, since: at, at, received: 0, lagged: 0 });
                }
            }
            (5, Some(chosen)) => {
                let subscriber = &mut subscribers[chosen];
                let expected = if subscriber.at < held_from {
                    let missed = (held_from - subscriber.at) as u64;
                    subscriber.at = held_from;
                    subscriber.lagged += missed;
                    Next::Lagged(missed)
                } else if let Some(message) = published.get(subscriber.at) {
                    subscriber.at += 1;
                    subscriber.received += 1;
                    delivered += 1;
                    Next::Message(message)
                } else {
                    Next::Empty
                };
                assert_eq!(fanout.next(subscriber.id), Ok(expected));
            }
            (6, Some(chosen)) => {
                let subscriber = &mut subscribers[chosen];
                let mut messages = fanout.messages(fanout.position(subscriber.id).unwrap());
                let readable = if subscriber.at < held_from { &[][..] } else { &published[subscriber.at..] };
                let count = readable.len().min(amount >> 3);
                for message in &readable[..count] {
                    assert_eq!(messages.next(), Some(&message[..]));
                }
                let to = messages.position();
                fanout.advance(subscriber.id, to).unwrap();
                subscriber.at += count;
                subscriber.received += count as u64;
                delivered += count as u64;
            }
            (7, Some(chosen)) => {
                let subscriber = subscribers.swap_remove(chosen);
                assert!(fanout.unsubscribe(subscriber.id).is_ok());
                gone.push(subscriber.id);
            }
            _ => {}
        }
        assert_eq!(fanout.published(), published.len() as u64);
        assert_eq!(fanout.delivered(), delivered);
        assert_eq!(fanout.subscribers(), subscribers.len());
        let held_from = published.len() - fanout.log().len() as usize;
        assert!(fanout.log().iter(fanout.log().start()).eq(published[held_from..].iter().map(Vec::as_slice)));
        for subscriber in &subscribers {
            let account = fanout.delivery(subscriber.id).unwrap();
            assert_eq!(account.received + account.lagged + account.pending, account.published);
            assert_eq!(account.published, (published.len() - subscriber.since) as u64);
            assert_eq!(account.received, subscriber.received);
            let missed = held_from.saturating_sub(subscriber.at) as u64;
            assert_eq!(account.lagged, subscriber.lagged + missed);
        }
        for id in &gone {
            assert_eq!(fanout.next(*id), Err(Unsubscribed));
        }
    }
});
