//! Sequences of operations on a queue with leases, against a sorted map of what it must hold.
#![no_main]

use core::ops::ControlFlow;
use core::time::Duration;
use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use streamgauge_core::queue::Limits;
use streamgauge_core::queue::leases::{LeaseQueue, Overflow, Settings, Slot, State, Token};
use streamgauge_core::storage::Fixed;
use streamgauge_core::time::Time;
use streamgauge_fuzz::{item, operations};

fuzz_target!(|data: &[u8]| {
    let Some((&[capacity, slots, limits, behaviour], data)) = data.split_first_chunk() else { return };
    let limit = |limit: u8| (limit > 0).then_some(u64::from(limit));
    let settings = Settings {
        limits: Limits { depth: limit(limits & 7), bytes: limit(limits >> 3) },
        overflow: if behaviour & 1 == 0 { Overflow::DropOldest } else { Overflow::Reject },
        ttl: limit(behaviour >> 3).map(|ttl| Duration::from_millis(4 * ttl)),
        max_attempts: (behaviour & 6 > 0).then_some(u16::from(behaviour >> 1 & 3)),
    };
    let slots = Fixed(vec![Slot::FREE; usize::from(slots & 15)]);
    let mut queue = LeaseQueue::new(vec![0; usize::from(capacity)], slots, settings, u64::from(behaviour));
    // What was accepted and has not left for good, by its bytes, which say when it was made.
    let mut held: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    // Leases, with their items, and until when each is out for sure, unless it is settled or its item leaves by a limit.
    let mut tokens: Vec<(Token, u64, Option<u64>)> = Vec::new();
    let mut left_by_limits = 0;
    let (mut now, mut overflow, mut out) = (0, 0_u64, 0_u64);
    for (serial, (what, amount)) in operations(data).enumerate() {
        now += u64::from(what >> 4);
        let (time, span) = (Time::from_millis(now), Duration::from_millis(u64::from(amount >> 3)));
        let few = u64::from(amount & 7);
        let which = (!tokens.is_empty()).then(|| usize::from(amount & 7) % tokens.len());
        // What a lease that is out must not be refused for.
        let is_out = |held: &BTreeMap<u64, Vec<u8>>, (_, id, until): (Token, u64, Option<u64>)| {
            until.is_some_and(|until| now < until) && held.contains_key(&id)
        };
        match what & 15 {
            0..=3 => {
                let new = item(usize::from(amount) % 40, serial);
                let delay = if what & 15 == 3 { span } else { Duration::ZERO };
                let mut left = 0;
                let fill = |room: &mut [u8]| room.copy_from_slice(&new);
                let put = queue.put_with(time, new.len(), delay, fill, |oldest| {
                    assert!(oldest == new || held.values().any(|held| held == oldest), "it was held");
                    left += 1;
                });
                overflow += left;
                match put {
                    Ok(id) => assert!(held.insert(id, new).is_none(), "an id is given once"),
                    Err(_) => assert_eq!(left, 0, "what is refused changes nothing"),
                }
            }
            4 => {
                let mut last = None;
                out += queue.get(time, few, |item| {
                    assert!(last.replace(item.id) < Some(item.id), "oldest first");
                    assert_eq!(held.remove(&item.id).as_deref(), Some(item.data));
                    ControlFlow::Continue(())
                });
            }
            5..=7 => {
                let mut given = Vec::new();
                let random = || (serial as u64 + 1) << 8;
                let lent = queue.lease(time, few, span, random, |item| {
                    assert_eq!(held.get(&item.id).map(Vec::as_slice), Some(item.data));
                    given.extend(item.token.map(|token| (token, item.id)));
                    ControlFlow::Continue(())
                });
                assert_eq!(lent.unwrap_or_default(), given.len() as u64);
                for (token, id) in given {
                    assert!(tokens.iter().all(|(other, ..)| *other != token), "a token is given once");
                    assert_eq!(Token::parse(token.to_string().as_bytes()), Some(token));
                    tokens.insert(0, (token, id, Some(time.after(span).as_millis())));
                }
            }
            8 | 9 => {
                let Some(which) = which else { continue };
                let (token, id, _) = tokens[which];
                let (expired, must) = (queue.counters().expired, is_out(&held, tokens[which]));
                if queue.ack(time, token).is_ok() {
                    assert!(held.remove(&id).is_some(), "nothing is acknowledged twice");
                    out += 1;
                } else {
                    assert!(!must || queue.counters().expired > expired, "a lease that is not over is refused");
                }
                tokens[which].2 = None;
                assert!(queue.ack(time, token).is_err());
            }
            10 | 11 => {
                let Some(which) = which else { continue };
                let (token, ..) = tokens[which];
                let (expired, must) = (queue.counters().expired, is_out(&held, tokens[which]));
                let reason = item(usize::from(amount), serial);
                let nacked = queue.nack(time, token, if what & 1 == 0 { span } else { Duration::ZERO }, &reason);
                assert!(nacked.is_ok() || !must || queue.counters().expired > expired, "it is not over");
                tokens[which].2 = None;
                assert!(queue.ack(time, token).is_err());
            }
            12 => {
                let Some(which) = which else { continue };
                let (token, ..) = tokens[which];
                let (expired, must) = (queue.counters().expired, is_out(&held, tokens[which]));
                let touched = queue.touch(time, token, span);
                assert!(touched.is_ok() || !must || queue.counters().expired > expired, "it is not over");
                tokens[which].2 = touched.ok().map(|until| until.as_millis());
            }
            13 => _ = queue.advance(time, few),
            14 => {
                // Dead letters get new ids.
                let mut dead = Vec::new();
                queue.peek(time, State::Dead, u64::MAX, |item| {
                    dead.extend(held.remove(&item.id));
                    assert_eq!(dead.last().map(Vec::as_slice), Some(item.data));
                    ControlFlow::Continue(())
                });
                assert_eq!(queue.redrive(time, u64::MAX), dead.len() as u64);
                queue.peek(time, State::Ready, u64::MAX, |item| {
                    held.entry(item.id).or_insert_with(|| item.data.to_vec());
                    ControlFlow::Continue(())
                });
            }
            _ if amount & 15 == 0 => _ = queue.purge(time, u64::MAX),
            _ => {
                queue.take_dead(time, few, |letter| {
                    assert_eq!(held.remove(&letter.id).as_deref(), Some(letter.data));
                    assert!(letter.reason.len() <= 128 && letter.died_at >= letter.accepted_at);
                    ControlFlow::Continue(())
                });
            }
        }
        let counters = queue.counters();
        assert!(counters.balanced(), "{counters:?}");
        assert_eq!((counters.overflow, counters.delivered + counters.acked), (overflow, out));
        assert!(counters.stored <= u64::from(capacity));
        // Each item is in one state, and as it was put.
        let mut seen: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut copy = queue.clone();
        for state in [State::Ready, State::Leased, State::Delayed, State::Dead] {
            copy.peek(Time::ZERO, state, u64::MAX, |item| {
                assert_eq!(held.get(&item.id).map(Vec::as_slice), Some(item.data));
                assert!(seen.insert(item.id, item.data.to_vec()).is_none(), "in one state at a time");
                ControlFlow::Continue(())
            });
        }
        let counters = copy.counters();
        assert_eq!(seen.len() as u64, counters.ready + counters.leased + counters.delayed + counters.letters);
        assert_eq!(seen.values().map(|item| item.len() as u64).sum::<u64>(), counters.bytes);
        // What is not held any more has left by a limit, its age or its attempts, or the queue was emptied.
        let letters_lost = counters.dead - counters.letters;
        let all_left = counters.overflow + counters.expired + counters.purged + letters_lost;
        assert!((held.len() - seen.len()) as u64 <= all_left - left_by_limits, "{counters:?}");
        left_by_limits = all_left;
        held = seen;
    }
});
