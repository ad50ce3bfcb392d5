use super::*;

fn ledger(lanes: usize, round_robin: bool, messages: usize) -> Ledger {
    let urls = (0..lanes).map(|lane| format!("http://{lane}/")).collect();
    Ledger::new(urls, round_robin, messages * (Buffer::COST + 1))
}

fn send(ledger: &mut Ledger, lane: usize) -> Option<u8> {
    let mut sent = None;
    ledger.take(lane, |message| sent = message.first().copied());
    sent
}

fn send_all(ledger: &mut Ledger, lane: usize) -> Vec<u8> {
    core::iter::from_fn(|| send(ledger, lane)).collect()
}

fn settle_all(ledger: &mut Ledger, lane: usize) {
    while ledger.pending(lane) > 0 && ledger.counts.destinations[lane].delivered < 1000 {
        ledger.settle(lane, Outcome::Delivered);
    }
}

#[test]
fn every_destination_gets_every_message_in_order() {
    let mut ledger = ledger(2, false, 10);
    for message in b"abc" {
        ledger.receive(&[*message]);
    }
    assert_eq!(send_all(&mut ledger, 0), b"abc");
    ledger.settle(0, Outcome::Delivered);
    ledger.settle(0, Outcome::Refused);
    ledger.lose(0);
    assert_eq!(send_all(&mut ledger, 0), b"c", "what was not answered is sent again");
    settle_all(&mut ledger, 0);
    assert_eq!(ledger.buffer.first(), 0, "the other one has them to come");
    assert_eq!(send_all(&mut ledger, 1), b"abc");
    settle_all(&mut ledger, 1);
    assert!(ledger.is_drained());
    assert_eq!(ledger.buffer.first(), 3);
    let summary = ledger.summary();
    assert_eq!((summary.received, summary.losses()), (3, [1, 0, 0, 0]));
}

#[test]
fn the_oldest_leaves_a_full_buffer_and_is_counted_once_it_cannot_arrive() {
    let mut ledger = ledger(2, false, 3);
    for message in b"abc" {
        ledger.receive(&[*message]);
    }
    assert_eq!(send(&mut ledger, 0), Some(b'a'));
    assert_eq!(send(&mut ledger, 0), Some(b'b'));
    for message in b"de" {
        ledger.receive(&[*message]);
    }
    let dropped = |ledger: &Ledger| ledger.counts.destinations.iter().map(|counts| counts.dropped).collect::<Vec<_>>();
    assert_eq!(dropped(&ledger), [0, 2], "what is in flight may still arrive");
    ledger.settle(0, Outcome::Delivered);
    ledger.lose(0);
    assert_eq!(dropped(&ledger), [1, 2]);
    assert_eq!((send_all(&mut ledger, 0), send_all(&mut ledger, 1)), (b"cde".to_vec(), b"cde".to_vec()));
    ledger.receive(&[b'x'; 1000]);
    assert_eq!(dropped(&ledger), [2, 3], "longer than the whole buffer");
}

#[test]
fn messages_go_in_turns_and_past_whom_is_down() {
    let mut ledger = ledger(3, true, 100);
    for message in b"abcdef" {
        ledger.receive(&[*message]);
    }
    assert_eq!(send_all(&mut ledger, 0), b"ad");
    assert_eq!(send(&mut ledger, 1), Some(b'b'));
    ledger.lose(1);
    ledger.set_up(1, false);
    for message in b"gh" {
        ledger.receive(&[*message]);
    }
    // b and e of the one that is down come first in what is left to hand out.
    assert_eq!(send_all(&mut ledger, 0), b"bg");
    assert_eq!(send_all(&mut ledger, 2), b"cefh");
    for lane in [0, 2] {
        settle_all(&mut ledger, lane);
        ledger.set_up(lane, false);
    }
    ledger.receive(b"i");
    assert_eq!((ledger.is_drained(), ledger.summary().waiting), (false, 1));
    ledger.receive(b"j");
    ledger.set_up(1, true);
    assert_eq!(send_all(&mut ledger, 1), b"i", "one at first, after a failure");
    ledger.settle(1, Outcome::Delivered);
    assert_eq!(send_all(&mut ledger, 1), b"j");
    settle_all(&mut ledger, 1);
    assert!(ledger.is_drained());
    assert_eq!(ledger.counts.destinations.iter().map(|counts| counts.delivered).collect::<Vec<_>>(), [4, 2, 4]);
}

/// Conservation, order and the bound, under many random histories.
#[test]
fn nothing_is_lost_unseen() {
    for seed in 0..300u64 {
        let round_robin = seed % 2 == 1;
        let lanes = 1 + (seed / 2 % 3) as usize;
        let mut ledger = ledger(lanes, round_robin, 1 + (seed / 6 % 9) as usize);
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut in_flight = vec![0u32; lanes];
        for step in 0..400u32 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let lane = (random >> 8) as usize % lanes;
            match random % 8 {
                0..=2 => ledger.receive(&[step as u8]),
                3..=4 => in_flight[lane] += u32::from(ledger.take(lane, |_| {})),
                5 if in_flight[lane] > 0 => {
                    in_flight[lane] -= 1;
                    ledger.settle(lane, if step % 5 == 0 { Outcome::Refused } else { Outcome::Delivered });
                }
                6 => {
                    in_flight[lane] = 0;
                    ledger.lose(lane);
                    ledger.set_up(lane, random & 1024 == 0);
                }
                _ => ledger.set_up(lane, true),
            }
            check(&ledger.summary(), round_robin, seed);
        }
        for lane in 0..lanes {
            ledger.lose(lane);
            ledger.set_up(lane, true);
        }
        for _ in 0..20 {
            for lane in 0..lanes {
                while ledger.take(lane, |_| {}) {
                    ledger.settle(lane, Outcome::Delivered);
                }
            }
        }
        assert!(ledger.is_drained(), "seed {seed}");
        assert_eq!(ledger.buffer.first(), ledger.buffer.end());
        assert!(ledger.buffer.has_room(0));
        check(&ledger.summary(), round_robin, seed);
    }
}

fn check(summary: &Summary, round_robin: bool, seed: u64) {
    let all = |counts: &Counts| counts.delivered + counts.refused + counts.dropped + counts.pending;
    if round_robin {
        let sum: u64 = summary.destinations.iter().map(all).sum();
        assert_eq!(summary.received, sum + summary.dropped + summary.waiting, "seed {seed}: {summary:?}");
    } else {
        for counts in &summary.destinations {
            assert_eq!(summary.received, all(counts), "seed {seed}: {summary:?}");
        }
    }
}
