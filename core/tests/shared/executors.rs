//! The same types under every lock, under tokio, and under an executor as firmware has it.

use core::cell::Cell;

use super::*;

/// The three locks that the core knows, the last one with real threads.
#[test]
fn every_lock_serves() {
    static QUEUE: SharedQueue<CriticalSection<QueueState<[u8; 8], [Slot; 1]>>> =
        SharedQueue::new(CriticalSection::new(RefCell::new(QueueState::of([0; 8], Limits::NONE, [Slot::FREE; 1]))));
    QUEUE.put(b"static", |_| ()).unwrap();
    assert_eq!(QUEUE.try_get(&mut [0; 8]), Ok(Some(&b"static"[..])));

    let state = QueueState::of(vec![0; 64].into_boxed_slice(), Limits::NONE, vec![Slot::FREE; 4]);
    let queue: SharedQueue<parking_lot::Mutex<_>> = SharedQueue::new(parking_lot::Mutex::new(state));
    let items = if cfg!(miri) { 20 } else { 10_000 };
    let produce = || (0..items).for_each(|_| queue.put(b"item", |_| ()).unwrap());
    let consume = || std::iter::from_fn(|| pollster(queue.get_with(<[u8]>::len)).ok()).count() as u64;
    let delivered = std::thread::scope(|scope| {
        let consumers = [scope.spawn(consume), scope.spawn(consume)];
        let producers = [scope.spawn(produce), scope.spawn(produce)];
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        queue.close();
        consumers.map(|consumer| consumer.join().unwrap())
    });
    let counters = queue.counters();
    assert_eq!((counters.accepted, counters.depth, queue.waiting()), (2 * items, 0, 0));
    assert_eq!(delivered.iter().sum::<u64>(), counters.delivered);
    assert_eq!(counters.accepted, counters.delivered + counters.overflow);
}

/// The same types under tokio, with the time-outs and dropped branches that a server has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_under_tokio() {
    const MESSAGES: u64 = if cfg!(miri) { 20 } else { 2_000 };
    let state = FanoutState::of(vec![0; 256].into_boxed_slice(), vec![Place::FREE; 8], vec![Slot::FREE; 16]);
    let fanout: Arc<SharedFanout<parking_lot::Mutex<_>>> = Arc::new(SharedFanout::new(parking_lot::Mutex::new(state)));
    let subscribers: Vec<_> = (0..4)
        .map(|_| {
            let (fanout, id) = (Arc::clone(&fanout), fanout.subscribe().unwrap());
            tokio::spawn(async move {
                let mut buffer = [0; 16];
                loop {
                    // Whichever branch is dropped, its slot and its wake-up are not lost.
                    let next = tokio::select! {
                        next = fanout.next(id, &mut buffer) => next,
                        _ = fanout.published(0) => continue,
                    };
                    match next {
                        Ok(_) => {}
                        Err(Unmet::Wait(WaitError::Closed)) => return fanout.unsubscribe(id).unwrap(),
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for i in 0..MESSAGES {
        fanout.publish(&i.to_be_bytes()).unwrap();
        if i % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    fanout.close();
    for subscriber in subscribers {
        let delivery = subscriber.await.unwrap();
        assert_eq!((delivery.published, delivery.pending), (MESSAGES, 0));
        assert_eq!(delivery.received + delivery.lagged, MESSAGES);
    }
    assert_eq!(fanout.waiting(), 0);
}

/// The same types under an executor as firmware has it: two tasks in static order, a ready flag each that their
/// wakers set, nothing but `core`.
#[test]
fn serves_under_an_executor_of_the_main_loop() {
    static READY: [AtomicBool; 2] = [AtomicBool::new(true), AtomicBool::new(true)];
    let (queue, seen) = (queue::<1>(), Cell::new(0));
    let mut produce = pin!(async {
        for i in 0..100_u8 {
            queue.put(&[i], |_| panic!("the consumer runs in between")).unwrap();
            let mut first = true;
            core::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if core::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
        }
        queue.close().unwrap();
    });
    let mut consume = pin!(async {
        while let Ok(item) = queue.get_with(|item| item[0]).await {
            assert_eq!(item, seen.get());
            seen.set(item + 1);
        }
    });
    let tasks: [Pin<&mut dyn Future<Output = ()>>; 2] = [produce.as_mut(), consume.as_mut()];
    let mut tasks = tasks.map(Some);
    while tasks.iter().any(Option::is_some) {
        let mut idle = true;
        for (task, ready) in tasks.iter_mut().zip(&READY) {
            let Some(future) = task.as_mut().filter(|_| ready.swap(false, Ordering::Relaxed)) else { continue };
            idle = false;
            if poll(future.as_mut(), &flag_waker(ready)).is_ready() {
                *task = None;
            }
        }
        assert!(!idle, "everyone sleeps, and no interrupt can wake them");
    }
    assert_eq!(seen.get(), 100);
}

/// A waker that sets a flag, as executors without an allocator make them.
fn flag_waker(flag: &'static AtomicBool) -> Waker {
    const fn flag_of(data: *const ()) -> &'static AtomicBool {
        // SAFETY: It is the `&'static AtomicBool` that the waker was made from.
        unsafe { &*data.cast() }
    }
    static TABLE: RawWakerVTable = RawWakerVTable::new(
        |data| RawWaker::new(data, &TABLE),
        |data| flag_of(data).store(true, Ordering::Relaxed),
        |data| flag_of(data).store(true, Ordering::Relaxed),
        |_| (),
    );
    // SAFETY: The flag is static, so it outlives all copies, and setting it is fine from any thread.
    unsafe { Waker::new(core::ptr::from_ref(flag).cast(), &TABLE) }
}

/// Blocks a thread on a future, and notices when it is not woken within a minute.
fn pollster<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut(), &waker) {
            return output;
        }
        let since = std::time::Instant::now();
        std::thread::park_timeout(core::time::Duration::from_secs(60));
        assert!(since.elapsed().as_secs() < 60, "a wake-up was lost");
    }
}
