//! One gauge and many threads: what they fed, told, merged and read adds up.

use core::cell::RefCell;
use core::pin::pin;
use core::task::Poll;

use streamgauge_core::gauge::{Blocks, Definition, Format, Gauge, Measured, MergeError, Pane, Span, render};
use streamgauge_core::shared::{Closed, CriticalSection, Guarded, Reentered, SharedGauge, Slot, TakeError, WaitError};
use streamgauge_core::time::Time;

use super::{bells, poll};

type Room = &'static Blocks<8>;
type Mutex<T> = parking_lot::Mutex<T>;

const NOW: Time = Time::ZERO;

/// What blocks are cut of lasts as long as the program, and is held here: Miri looks for what nobody holds.
static ROOMS: Mutex<Vec<Room>> = Mutex::new(Vec::new());

fn room() -> Room {
    let room: Room = Box::leak(Box::default());
    ROOMS.lock().push(room);
    room.cells.cut(Box::leak(Box::new([const { Measured::BLANK }; 48])), 12);
    room.bins.cut(Box::leak(Box::new([0; 8 * 128])), 128);
    room.panes.cut(Box::leak(Box::new([Pane::EMPTY; 16])), 4);
    room
}

fn gauge(definition: &str, mut room: Room) -> Gauge<Room> {
    Gauge::new(&Definition::from_json(definition.as_bytes()).unwrap(), &mut room).unwrap()
}

fn json(gauge: &mut Gauge<Room>) -> String {
    let mut out = Vec::new();
    let Ok(()) = render(gauge, "g", Format::Json, NOW, &mut out);
    String::from_utf8(out).unwrap()
}

const ALL: &str = r#"{"measure":["moments","quantiles"],"bins":64}"#;

/// It makes no difference who fed what, nor who looked on.
#[test]
#[cfg_attr(miri, ignore = "libm takes square roots with inline assembly")]
fn many_threads_measure_what_one_does() {
    const FEEDERS: u64 = 3;
    let rounds: u64 = 2000;
    let room = room();
    let mut alone = gauge(ALL, room);
    let mut part = gauge(ALL, room);
    (0..rounds).for_each(|x| part.take(x.to_string().as_bytes(), NOW));
    let mut bytes = Vec::new();
    let Ok(()) = part.write_binary(NOW, &mut bytes);
    drop(part);
    for feeder in 0..FEEDERS {
        (0..rounds).for_each(|x| alone.take((feeder * rounds + x).to_string().as_bytes(), NOW));
    }
    alone.merge(&bytes, NOW, &mut { room }).unwrap();
    let expected = json(&mut alone);
    drop(alone);

    let shared = SharedGauge::new(Mutex::new(Guarded::new(gauge(ALL, room), [Slot::FREE; 2])));
    let (shared, bytes) = (&shared, &bytes);
    std::thread::scope(|scope| {
        for feeder in 0..FEEDERS {
            scope.spawn(move || {
                (0..rounds).for_each(|x| shared.take((feeder * rounds + x).to_string().as_bytes(), NOW).unwrap());
            });
        }
        scope.spawn(move || shared.merge(bytes, NOW, &mut { room }).unwrap().unwrap());
        scope.spawn(move || {
            let mut before = 0;
            while before < (FEEDERS + 1) * rounds {
                let mut read = (0, 0);
                shared.with(|gauge| {
                    gauge.read(Span::Window, NOW, |reading, _, cell| {
                        let Some(Measured::Moments(moments)) = cell.first() else { panic!("moments come first") };
                        read = (reading.messages, moments.count());
                    });
                });
                assert!(read.0 == read.1 && read.0 >= before, "{read:?} after {before}");
                before = read.0;
            }
        });
    });
    assert_eq!(shared.with(json), expected);
}

/// Panes of 5 messages, told by who finds them.
#[test]
fn many_threads_tell_each_pane_once() {
    let rounds: u64 = if cfg!(miri) { 20 } else { 2000 };
    let gauge = gauge(r#"{"measure":"moments","every":"5 messages"}"#, room());
    let gauge = SharedGauge::new(Mutex::new(Guarded::new(gauge, [Slot::FREE; 2])));
    let tell = || {
        let mut messages = None;
        let told = gauge.tell(NOW, |reading, _, _| messages = Some(reading.messages));
        assert_eq!(told.is_some(), messages.is_some());
        messages
    };
    let feed = || {
        let mut told = Vec::new();
        for x in 0..rounds {
            while gauge.try_take(x.to_string().as_bytes(), NOW) == Err(TakeError::Untold) {
                told.extend(tell());
            }
        }
        told
    };
    let mut told: Vec<u64> = std::thread::scope(|scope| {
        let feeders = [(); 3].map(|()| scope.spawn(feed));
        feeders.into_iter().flat_map(|feeder| feeder.join().unwrap()).collect()
    });
    told.extend(tell());
    assert_eq!((told.len() as u64, told.iter().sum::<u64>()), (3 * rounds / 5, 3 * rounds));
    let counters = gauge.with(|gauge| *gauge.counters());
    assert_eq!((counters.measured, counters.untold), (3 * rounds, 0));
}

#[test]
#[cfg_attr(miri, ignore = "libm takes square roots with inline assembly")]
fn changes_wake_those_who_wait_and_a_closed_gauge_does_not_change() {
    let (room, [(bell, waker)]) = (room(), bells());
    let shared = SharedGauge::new(RefCell::new(Guarded::new(
        gauge(r#"{"measure":"moments","every":"2 messages","when":{"count >":1}}"#, room),
        [Slot::FREE; 1],
    )));
    let mut third = pin!(shared.wait_for(|gauge| (gauge.counters().measured == 3).then_some(())));
    assert!(poll(third.as_mut(), &waker).is_pending());
    shared.take(b"1", NOW).unwrap().unwrap();
    assert_eq!(bell.rings(), 1);
    assert!(poll(third.as_mut(), &waker).is_pending());
    assert_eq!(shared.tell(NOW, |_, _, _| panic!("no pane is over")).unwrap(), None);
    shared.try_take(b"2", NOW).unwrap().unwrap();
    assert_eq!(bell.rings(), 2);
    assert!(poll(third.as_mut(), &waker).is_pending());
    assert_eq!(shared.try_take(b"3", NOW).unwrap(), Err(TakeError::Untold));
    assert_eq!(bell.rings(), 2, "nothing has changed");
    let alerts = shared.tell(NOW, |reading, _, _| assert_eq!(reading.messages, 2)).unwrap().expect("a pane was over");
    assert!(alerts.first().is_some_and(|alert| alert.begins), "its rule holds: {alerts:?}");
    assert_eq!(bell.rings(), 3);
    assert!(poll(third.as_mut(), &waker).is_pending());
    assert_eq!(shared.merge(b"?", NOW, &mut { room }).unwrap().unwrap(), Err(MergeError::NotAGauge));
    assert_eq!(bell.rings(), 3);
    shared.take(b"3", NOW).unwrap().unwrap();
    assert_eq!(poll(third, &waker), Poll::Ready(Ok(())));

    let mut never = pin!(shared.wait_for(|_| None::<()>));
    assert!(poll(never.as_mut(), &waker).is_pending());
    let before = shared.with(json).unwrap();
    shared.close().unwrap();
    assert_eq!(poll(never, &waker), Poll::Ready(Err(WaitError::Closed)));
    assert_eq!(shared.take(b"4", NOW).unwrap(), Err(Closed));
    assert_eq!(shared.try_take(b"4", NOW).unwrap(), Err(TakeError::Closed));
    assert_eq!(shared.merge(b"?", NOW, &mut { room }).unwrap(), Err(Closed));
    assert_eq!(shared.with(json).unwrap(), before);
}

/// As on a microcontroller: an interrupt feeds what the main loop reads.
#[test]
fn it_is_shared_in_a_critical_section_and_says_who_comes_back() {
    fn is_sync<T: Sync>(_: &T) {}
    let shared =
        SharedGauge::new(CriticalSection::new(RefCell::new(Guarded::new(gauge(ALL, room()), [Slot::FREE; 1]))));
    is_sync(&shared);
    shared.take(b"1", NOW).unwrap().unwrap();
    let inner = shared.with(|_| (shared.take(b"2", NOW), shared.try_take(b"2", NOW), shared.with(|_| ()))).unwrap();
    assert_eq!(inner, (Err(Reentered), Err(Reentered), Err(Reentered)));
    assert_eq!(shared.with(|gauge| gauge.counters().measured), Ok(1));
}
