//! Leases: an item has one fate, whoever is the first to say which.

use core::ops::ControlFlow;
use core::time::Duration;

use loom::sync::Arc;
use streamgauge_core::queue::leases::{LeaseQueue, Nacked, Settings, Slot as Place, Token};
use streamgauge_core::shared::{Guarded, Shared, Slot, Wake};
use streamgauge_core::time::Time;

use crate::{Mutex, model, spawn};

type State = LeaseQueue<[u8; 64], [Place; 2]>;
type Leases = Shared<Mutex<Guarded<State, [Slot; 2]>>>;

const SPAN: Duration = Duration::from_secs(5);
const BEFORE: Time = Time::from_millis(4_999);
const AFTER: Time = Time::from_millis(5_000);

/// A queue with an item that is lent until 5 s, and its lease.
fn lent(max_attempts: Option<u16>) -> (Arc<Leases>, Token) {
    let mut queue = LeaseQueue::new([0; 64], [Place::FREE; 2], Settings { max_attempts, ..Settings::DEFAULT }, 7);
    queue.put(Time::ZERO, b"1", |_| unreachable!()).unwrap();
    let token = lend(&mut queue, Time::ZERO).unwrap();
    (Arc::new(Shared::new(Mutex::new(Guarded::new(queue, [Slot::FREE; 2])))), token)
}

fn lend(queue: &mut State, now: Time) -> Option<Token> {
    let mut token = None;
    queue
        .lease(
            now,
            1,
            SPAN,
            || 0x5eed,
            |item| {
                assert_eq!(item.data, b"1");
                token = item.token;
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    token
}

/// Does something to the queue, and wakes one who waits for an item if there is one now.
fn with<R>(leases: &Leases, f: impl FnOnce(&mut State) -> R) -> R {
    leases.update(|queue| {
        let result = f(queue);
        (result, if queue.ready() > 0 { Wake::ONE } else { Wake::NONE })
    })
}

fn ack(leases: &Leases, now: Time, token: Token) -> bool {
    with(leases, |queue| queue.ack(now, token).is_ok())
}

/// What has become of one item: acknowledged, ready, on lease, dead.
fn fates(leases: &Leases) -> [u64; 4] {
    leases.with(|queue| {
        let counters = queue.counters();
        assert!(counters.balanced(), "{counters:?}");
        [counters.acked, counters.ready, counters.leased, counters.dead]
    })
}

#[test]
fn expiry_against_ack() {
    model("expiry_against_ack", None, 4, || {
        let (leases, token) = lent(None);
        let timer = spawn(&leases, |leases| with(leases, |queue| queue.advance(AFTER, 10).ready));
        let acked = ack(&leases, BEFORE, token);
        let came_back = timer.join().unwrap();
        // Time that was told once is not taken back by who is late.
        assert_eq!((u64::from(acked), u64::from(!acked)), (1 - came_back, came_back));
        assert_eq!(fates(&leases), [u64::from(acked), came_back, 0, 0]);
        assert!(!ack(&leases, BEFORE, token));
    });
}

#[test]
fn ack_against_nack() {
    model("ack_against_nack", None, 4, || {
        let (leases, token) = lent(None);
        let nack = spawn(&leases, move |leases| {
            with(leases, |queue| queue.nack(BEFORE, token, Duration::ZERO, b"").map(|nacked| nacked == Nacked::Ready))
        });
        let acked = ack(&leases, BEFORE, token);
        let nacked = nack.join().unwrap();
        assert_eq!(nacked, if acked { Err(streamgauge_core::queue::leases::LeaseOver) } else { Ok(true) });
        assert_eq!(fates(&leases), [u64::from(acked), u64::from(!acked), 0, 0]);
    });
}

#[test]
fn touch_against_expiry() {
    model("touch_against_expiry", None, 4, || {
        let (leases, token) = lent(Some(1));
        let timer = spawn(&leases, |leases| with(leases, |queue| queue.advance(AFTER, 10).dead));
        let touched = with(&leases, |queue| queue.touch(BEFORE, token, SPAN).is_ok());
        let dead = timer.join().unwrap();
        assert_eq!(dead, u64::from(!touched), "it is kept longer, or dead: never both");
        assert_eq!(fates(&leases), [0, 0, u64::from(touched), dead]);
        assert_eq!(ack(&leases, AFTER, token), touched);
    });
}

#[test]
fn one_token_is_answered_once() {
    model("one_token_is_answered_once", Some(4), 100, || {
        let (leases, token) = lent(None);
        let others = [(); 2].map(|()| spawn(&leases, move |leases| u64::from(ack(leases, BEFORE, token))));
        let mut acked = u64::from(ack(&leases, BEFORE, token));
        for other in others {
            acked += other.join().unwrap();
        }
        assert_eq!(acked, 1);
        assert_eq!(fates(&leases), [1, 0, 0, 0]);
    });
}

/// Who waits for an item gets the one whose lease ran out, under a token of its own.
#[test]
fn what_comes_back_wakes_who_waits() {
    model("what_comes_back_wakes_who_waits", Some(4), 200, || {
        let (leases, first) = lent(None);
        let waiting = spawn(&leases, |leases| {
            let lease = leases.wait(0, |queue| match lend(queue, BEFORE) {
                Some(token) => ControlFlow::Break((token, Wake::NONE)),
                None => ControlFlow::Continue(()),
            });
            loom::future::block_on(lease).unwrap()
        });
        let timer = spawn(&leases, |leases| with(leases, |queue| queue.advance(AFTER, 10).ready));
        let late = ack(&leases, AFTER, first);
        let second = waiting.join().unwrap();
        assert!(!late && first != second, "the first one is over at 5 s");
        timer.join().unwrap();
        assert_eq!(fates(&leases), [0, 0, 1, 0]);
        assert!(!ack(&leases, AFTER, first) && ack(&leases, AFTER, second));
    });
}
