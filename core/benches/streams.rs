//! What a message costs in the structures that keep it: the record log, the queue, the fan-out.

use core::ops::ControlFlow;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use streamgauge_core::endpoints::simplequeue::Settings;
use streamgauge_core::endpoints::{Pubsub, Request, Simplequeue};
use streamgauge_core::log::Log;
use streamgauge_core::queue::{Limits, Queue};
use streamgauge_core::topic::{Fanout, Next, Place};

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

#[divan::bench(max_time = 0.5)]
fn service_put_and_get(bencher: Bencher<'_, '_>) {
    let mut service = Simplequeue::new(storage(), Settings::default());
    let (item, mut answer) = ([b'x'; 100], Vec::with_capacity(1 << 10));
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        answer.clear();
        let put = service.call(Request::new(black_box(b"/put")).with_body(&item), &mut answer, |_| ());
        let got = service.call(Request::new(black_box(b"/get")), &mut answer, |_| ());
        assert!(put.is_ok() && got.is_ok() && answer.len() == item.len());
    });
}

#[divan::bench(max_time = 0.5)]
fn service_publish(bencher: Bencher<'_, '_>) {
    let mut service = Pubsub::new(storage(), [Place::FREE; 1], 1 << 16, 0);
    let (message, mut answer) = ([b'x'; 100], Vec::with_capacity(1 << 10));
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        answer.clear();
        service.call(Request::new(black_box(b"/pub")).with_body(&message), &mut answer).is_ok()
    });
}
