//! What a message costs in the structures that keep it: the record log, the queue, the fan-out.

use core::ops::ControlFlow;
use core::time::Duration;
use std::time::Instant;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use streamgauge_core::endpoints::{Request, Settings, Surface, answer};
use streamgauge_core::engine::memory::{self, Memory};
use streamgauge_core::log::{Log, Mark};
use streamgauge_core::queue::leases::{self, LeaseQueue, Slot};
use streamgauge_core::queue::{Limits, Queue};
use streamgauge_core::storage;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{self, Fanout, From, Next, Place, Topic};

fn main() {
    divan::main();
}

const STORAGE: usize = 1 << 20;
const BATCH: usize = 100;
const LENGTHS: [usize; 2] = [100, 1000];

fn storage() -> Box<[u8]> {
    vec![0; STORAGE].into()
}

#[divan::bench(args = LENGTHS, max_time = 0.5)]
fn log_append_and_pop(bencher: Bencher<'_, '_>, len: usize) {
    let (mut log, record) = (Log::new(storage()), vec![b'x'; len]);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let sequence = log.append(len, |room| room.copy_from_slice(black_box(&record)));
        black_box(log.pop().map(<[u8]>::len)).and(sequence.ok())
    });
}

/// The log is full of records all the time, so that they move through all of its storage.
#[divan::bench(args = LENGTHS, max_time = 0.5)]
fn log_append_and_pop_when_full(bencher: Bencher<'_, '_>, len: usize) {
    let (mut log, record) = (Log::new(storage()), vec![b'x'; len]);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        while log.append(len, |room| room.copy_from_slice(black_box(&record))).is_err() {
            black_box(log.pop());
        }
    });
}

#[divan::bench(args = LENGTHS, max_time = 0.5)]
fn queue_put_and_get(bencher: Bencher<'_, '_>, len: usize) {
    let (mut queue, item) = (Queue::new(storage(), Limits::NONE), vec![b'x'; len]);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let put = queue.put(black_box(&item), |_| ());
        black_box(queue.get().map(<[u8]>::len)).and(put.ok())
    });
}

#[divan::bench(args = LENGTHS, max_time = 0.5)]
fn queue_mput_and_mget(bencher: Bencher<'_, '_>, len: usize) {
    let mut queue = Queue::new(storage(), Limits::NONE);
    let body = vec![vec![b'x'; len]; BATCH].join(&b'\n');
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        let put = queue.mput(black_box(&body), b"\n", |_| ());
        let taken = queue.mget(BATCH as u64, |item| {
            black_box(item);
            ControlFlow::Continue(())
        });
        (put.is_ok(), taken)
    });
}

type Leases = LeaseQueue<Box<[u8]>, storage::Fixed<Box<[Slot]>>>;

fn lease_queue() -> Leases {
    LeaseQueue::new(storage(), storage::Fixed(vec![Slot::FREE; 10_000].into()), leases::Settings::DEFAULT, 0x5eed)
}

/// Beside `queue_put_and_get`.
#[divan::bench(args = LENGTHS, max_time = 0.5)]
fn lease_queue_put_and_get(bencher: Bencher<'_, '_>, len: usize) {
    let (mut queue, item, now) = (lease_queue(), vec![b'x'; len], Time::from_millis(1));
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let put = queue.put(now, black_box(&item), |_| ());
        let got = queue.get(now, 1, |item| {
            black_box(item.data.len());
            ControlFlow::Continue(())
        });
        (put.is_ok(), got)
    });
}

/// A lease and its acknowledgement instead of a plain get, while so many other items are on lease.
#[divan::bench(args = [0, 100, 9_000], max_time = 0.5)]
fn lease_queue_put_lease_and_ack(bencher: Bencher<'_, '_>, others: u64) {
    let (mut queue, item) = (lease_queue(), [b'x'; 100]);
    let (mut now, mut random) = (0, 1_u64);
    for _ in 0..others {
        let put = queue.put(Time::ZERO, &item, |_| ());
        let lent = queue.lease(Time::ZERO, 1, Duration::from_secs(1 << 40), || 7, |_| ControlFlow::Continue(()));
        assert!(put.is_ok() && lent == Ok(1));
    }
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        now += 1;
        let time = Time::from_millis(now / 1000);
        let put = queue.put(time, black_box(&item), |_| ());
        let mut token = None;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            random
        };
        let lent = queue.lease(time, 1, Duration::from_secs(30), &mut next, |item| {
            black_box(item.data.len());
            token = item.token;
            ControlFlow::Continue(())
        });
        let acked = token.map(|token| queue.ack(time, token));
        assert!(put.is_ok() && lent == Ok(1) && acked == Some(Ok(())));
    });
}

/// One message to so many subscribers, each of which reads it through its own cursor.
#[divan::bench(args = [1, 100, 1000], max_time = 0.5)]
fn fanout_publish_and_next(bencher: Bencher<'_, '_>, subscribers: usize) {
    let mut fanout = Fanout::new(storage(), vec![Place::FREE; subscribers].into_boxed_slice());
    let ids: Vec<_> = (0..subscribers).filter_map(|_| fanout.subscribe().ok()).collect();
    let message = [b'x'; 100];
    bencher.counter(ItemsCount::new(subscribers)).bench_local(|| {
        let published = fanout.publish(black_box(&message)).is_ok();
        let received = ids.iter().filter(|id| matches!(fanout.next(**id), Ok(Next::Message(_)))).count();
        assert!(published && received == subscribers);
    });
}

/// The same with times and an index.
#[divan::bench(args = [1, 100, 1000], max_time = 0.5)]
fn topic_publish_and_next(bencher: Bencher<'_, '_>, subscribers: usize) {
    let places = vec![Place::FREE; subscribers].into_boxed_slice();
    let mut topic =
        Topic::new(storage(), storage::Fixed(places), vec![Mark::FREE; STORAGE >> 13], topic::Settings::NONE, 0);
    let ids: Vec<_> = (0..subscribers).filter_map(|_| topic.subscribe().ok()).collect();
    let (message, mut now) = ([b'x'; 100], 0);
    bencher.counter(ItemsCount::new(subscribers)).bench_local(|| {
        now += 1;
        let published = topic.publish(black_box(&message), Time::from_millis(now)).is_ok();
        let received = ids.iter().filter(|id| matches!(topic.next(**id), Ok(Next::Message(_)))).count();
        assert!(published && received == subscribers);
    });
}

/// A message in the middle of a full log of 64 MiB whose messages have one byte, by number and by time; a mark for
/// every 8 KiB, and none.
#[divan::bench(args = [8192, 0], max_time = 2, sample_size = 1)]
fn topic_seek(bencher: Bencher<'_, '_>, marks: usize) {
    let topic = full(marks);
    let mut wanted = topic.log().start().sequence();
    bencher.counter(ItemsCount::new(2_usize)).bench_local(|| {
        // All over the log.
        wanted += topic.log().len() / 7 + 1;
        if wanted >= topic.log().end().sequence() {
            wanted -= topic.log().len();
        }
        (topic.seek(black_box(wanted)), topic.seek_time(Time::from_millis(black_box(wanted >> 4))))
    });
}

/// A subscriber that comes back to the same log, whose marks are those of a server, behind the message that takes
/// longest to find: all that is done under the topic's lock.
#[divan::bench(max_time = 2)]
fn topic_resume_at_the_worst_place(bencher: Bencher<'_, '_>) {
    let mut topic = full(8192);
    let (first, messages) = (topic.log().start().sequence(), topic.log().len());
    let mut resume = |last: u64| {
        let begun = topic.subscribe_from(From::After(black_box(last)));
        begun.is_ok_and(|begun| topic.next(begun.id).is_ok() && topic.unsubscribe(begun.id).is_ok())
    };
    // As far from the next mark as can be, which is somewhere in a few thousand messages: in the middle of the log.
    let mut took = |last: u64| {
        let once = |_| {
            let began = Instant::now();
            assert!(resume(last));
            began.elapsed()
        };
        (0..9).map(once).min()
    };
    let worst = (0..20_000).step_by(20).map(|more| first + messages / 2 + more).max_by_key(|last| took(*last));
    bencher.bench_local(|| resume(worst.unwrap_or(first)));
}

fn full(marks: usize) -> Topic<Box<[u8]>, [Place; 1], Box<[Mark]>> {
    let marks = vec![Mark::FREE; marks].into_boxed_slice();
    let mut topic = Topic::new(vec![0; 64 << 20].into_boxed_slice(), [Place::FREE], marks, topic::Settings::NONE, 0);
    let mut number = 0_u64;
    while topic.counters().evicted < 1_000_000 {
        assert_eq!(topic.publish(b"x", Time::from_millis(number >> 4)), Ok(number));
        number += 1;
    }
    topic
}

type Engine = Memory<memory::Fixed<1, STORAGE, 64>>;

fn engine() -> Box<Engine> {
    Box::new(Memory::new(memory::Fixed::seeded(0)))
}

#[divan::bench(max_time = 0.5)]
fn service_put_and_get(bencher: Bencher<'_, '_>) {
    let (mut engine, settings) = (engine(), Settings::new(Surface::Everything));
    let (item, mut out) = ([b'x'; 100], Vec::with_capacity(1 << 10));
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        out.clear();
        let put = Request::new(black_box(b"/put")).with_body(&item);
        let put = answer(&put, &settings, &mut *engine, Time::ZERO, &mut out);
        let got = answer(&Request::new(black_box(b"/get")), &settings, &mut *engine, Time::ZERO, &mut out);
        assert!(put.is_ok() && got.is_ok() && out.len() == item.len());
    });
}

#[divan::bench(max_time = 0.5)]
fn service_publish(bencher: Bencher<'_, '_>) {
    let (mut engine, settings) = (engine(), Settings::new(Surface::Everything));
    let (message, mut out) = ([b'x'; 100], Vec::with_capacity(1 << 10));
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        out.clear();
        let publish = Request::new(black_box(b"/pub")).with_body(&message);
        answer(&publish, &settings, &mut *engine, Time::ZERO, &mut out).is_ok()
    });
}
