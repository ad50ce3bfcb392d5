//! The fan-out keeps an account of every message for every subscriber.

use proptest::collection::vec;
use proptest::prelude::*;
use streamgauge_core::topic::{Delivery, Fanout, Id, Next, Place, TooManySubscribers, Unsubscribed};

use crate::{Placement, after, capacity, record, start};

#[derive(Debug, Clone)]
enum FanoutStep {
    Publish(Vec<u8>),
    Subscribe,
    /// Resumes after the message this many before the newest one.
    Resume(i16),
    /// Resumes after any number.
    ResumeAfter(u64),
    /// These pick one of all that ever subscribed.
    Unsubscribe(usize),
    Next(usize),
    /// Reads so many messages at once.
    Batch(usize, usize),
}

fn fanout_step() -> impl Strategy<Value = FanoutStep> {
    prop_oneof![
        6 => record().prop_map(FanoutStep::Publish),
        2 => Just(FanoutStep::Subscribe),
        1 => (-4..60_i16).prop_map(FanoutStep::Resume),
        1 => prop_oneof![Just(1), Just(u64::MAX), any::<u64>()].prop_map(FanoutStep::ResumeAfter),
        2 => any::<usize>().prop_map(FanoutStep::Unsubscribe),
        6 => any::<usize>().prop_map(FanoutStep::Next),
        2 => (any::<usize>(), 0..5_usize).prop_map(|(who, n)| FanoutStep::Batch(who, n)),
    ]
}

#[derive(Debug, Clone, Copy)]
struct PlainSubscriber {
    id: Id,
    active: bool,
    /// The number of the message (counted from 0) that it reads next, and where its account began.
    at: u64,
    since: u64,
    received: u64,
    lagged: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_subscriber_accounts_for_every_message(
        capacity in capacity(),
        places in 0..4_usize,
        first in start(),
        steps in vec(fanout_step(), 0..150),
    ) {
        let mut fanout = Fanout::starting_at(vec![0; capacity], vec![Place::FREE; places], first);
        prop_assert_eq!(fanout.origin(), first);
        let mut held = Placement::new(capacity);
        let mut messages: Vec<Vec<u8>> = Vec::new();
        let mut all: Vec<PlainSubscriber> = Vec::new();
        let mut delivered = 0;
        for step in steps {
            let published = messages.len() as u64;
            let gone = published - held.records.len() as u64;
            let active = all.iter().filter(|subscriber| subscriber.active).count();
            match step {
                FanoutStep::Publish(message) => {
                    let outcome = fanout.publish(&message);
                    prop_assert_eq!(outcome.is_ok(), held.can_ever_hold(&message));
                    if let Ok(sequence) = outcome {
                        prop_assert_eq!(sequence, first.wrapping_add(published));
                        while !held.append(&message) {
                            held.pop();
                        }
                        messages.push(message);
                    }
                }
                FanoutStep::Subscribe => match fanout.subscribe() {
                    Ok(id) => {
                        prop_assert!(active < places);
                        let (at, since) = (published, published);
                        all.push(PlainSubscriber { id, active: true, at, since, received: 0, lagged: 0 });
                    }
                    Err(TooManySubscribers { limit, .. }) => prop_assert_eq!((limit, active), (places, places)),
                },
                FanoutStep::Resume(_) | FanoutStep::ResumeAfter(_) => {
                    let sequence = match step {
                        FanoutStep::ResumeAfter(sequence) => sequence,
                        FanoutStep::Resume(back) => {
                            first.wrapping_add(published).wrapping_sub(1).wrapping_sub(i64::from(back) as u64)
                        }
                        _ => unreachable!(),
                    };
                    let expected = after(sequence, first, published);
                    prop_assert_eq!(fanout.knows(sequence), expected.is_some());
                    match fanout.resume(sequence) {
                        Ok(id) => {
                            prop_assert!(active < places);
                            let at = expected.unwrap_or(0);
                            all.push(PlainSubscriber { id, active: true, at, since: at, received: 0, lagged: 0 });
                        }
                        Err(TooManySubscribers { limit, .. }) => prop_assert_eq!((limit, active), (places, places)),
                    }
                }
                FanoutStep::Unsubscribe(who) => if !all.is_empty() {
                    let index = who % all.len();
                    let before = fanout.delivery(all[index].id);
                    let outcome = fanout.unsubscribe(all[index].id);
                    prop_assert_eq!(outcome.is_ok(), all[index].active);
                    prop_assert_eq!(outcome, before);
                    all[index].active = false;
                },
                FanoutStep::Next(who) => if !all.is_empty() {
                    let index = who % all.len();
                    let subscriber = &mut all[index];
                    let next = fanout.next(subscriber.id);
                    if !subscriber.active {
                        prop_assert_eq!(next, Err(Unsubscribed));
                    } else if subscriber.at < gone {
                        prop_assert_eq!(next, Ok(Next::Lagged(gone - subscriber.at)));
                        subscriber.lagged += gone - subscriber.at;
                        subscriber.at = gone;
                    } else if subscriber.at == published {
                        prop_assert_eq!(next, Ok(Next::Empty));
                    } else {
                        prop_assert_eq!(next, Ok(Next::Message(&messages[subscriber.at as usize])));
                        subscriber.at += 1;
                        subscriber.received += 1;
                        delivered += 1;
                    }
                },
                FanoutStep::Batch(who, most) => if !all.is_empty() {
                    let index = who % all.len();
                    let subscriber = &mut all[index];
                    let position = fanout.position(subscriber.id);
                    prop_assert_eq!(position.is_ok(), subscriber.active);
                    if let Ok(position) = position {
                        let mut rest = fanout.messages(position);
                        let batch: Vec<_> = rest.by_ref().take(most).map(<[u8]>::to_vec).collect();
                        let to = rest.position();
                        let readable = if subscriber.at < gone { 0 } else { published - subscriber.at };
                        prop_assert_eq!(batch.len() as u64, readable.min(most as u64));
                        let at = subscriber.at as usize;
                        prop_assert_eq!(&batch[..], &messages[at..at + batch.len()]);
                        fanout.advance(subscriber.id, to).unwrap();
                        subscriber.at += batch.len() as u64;
                        subscriber.received += batch.len() as u64;
                        delivered += batch.len() as u64;
                    }
                },
            }
            let published = messages.len() as u64;
            let gone = published - held.records.len() as u64;
            prop_assert_eq!(fanout.published(), published);
            prop_assert_eq!(fanout.delivered(), delivered);
            prop_assert_eq!(fanout.subscribers(), all.iter().filter(|subscriber| subscriber.active).count());
            prop_assert_eq!(fanout.log().iter(fanout.log().start()).map(<[u8]>::to_vec).collect::<Vec<_>>(), held.contents());
            for subscriber in &all {
                let delivery = fanout.delivery(subscriber.id);
                if !subscriber.active {
                    prop_assert_eq!(delivery, Err(Unsubscribed));
                    continue;
                }
                let delivery = delivery.unwrap();
                prop_assert_eq!(delivery.received + delivery.lagged + delivery.pending, delivery.published);
                let late = gone.saturating_sub(subscriber.at);
                let expected = Delivery {
                    published: published - subscriber.since,
                    received: subscriber.received,
                    lagged: subscriber.lagged + late,
                    pending: published - subscriber.at.max(gone),
                    bytes_behind: delivery.bytes_behind,
                    ..Delivery::default()
                };
                prop_assert_eq!(delivery, expected);
                let unread: u64 = messages[subscriber.at.max(gone) as usize..].iter().map(|m| m.len() as u64).sum();
                prop_assert!(delivery.bytes_behind >= unread);
                if late == 0 {
                    prop_assert_eq!(delivery.bytes_behind, unread);
                }
            }
        }
    }
}
