//! Coming back to a full log costs a walk between two marks, however many messages it holds.

use core::cell::Cell;
use core::time::Duration;

use streamgauge_core::log::Mark;
use streamgauge_core::time::Time;
use streamgauge_core::topic::{From, Place, Settings, Topic};

thread_local! {
    /// How often the storage of this thread's topic was looked at.
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// Storage that counts how often it is looked at: once or twice for each record that is read.
struct Counted(Box<[u8]>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        LOOKS.set(LOOKS.get() + 1);
        &self.0
    }
}

impl AsMut<[u8]> for Counted {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// As a server has it: a mark for so many bytes.
const BYTES_A_MARK: usize = 16 << 10;

type Town = Topic<Counted, [Place; 8], Box<[Mark]>>;

/// A log of so many bytes, full of messages of one byte, twice over; and how many there were.
fn full(bytes: usize) -> (Town, u64) {
    let marks = vec![Mark::default(); bytes / BYTES_A_MARK].into_boxed_slice();
    let storage = Counted(vec![0; bytes].into_boxed_slice());
    let mut topic = Topic::new(storage, [Place::FREE; 8], marks, Settings::default(), 0);
    // A record is its length, its stamp and its byte.
    let count = 2 * (bytes as u64 / 3);
    for number in 0..count {
        topic.publish(b"x", Time::ZERO.after(Duration::from_millis(number / 64))).unwrap();
    }
    (topic, count)
}

/// The most looks that any way to begin takes.
fn worst(bytes: usize) -> u64 {
    let (mut topic, count) = full(bytes);
    let (held, mut worst) = (count / 2, 0);
    for part in 0..100 {
        let number = count - 1 - held * part / 100;
        let time = Time::ZERO.after(Duration::from_millis(number / 64));
        for from in [From::After(number), From::Sequence(number), From::Time(time)] {
            LOOKS.set(0);
            let begun = topic.subscribe_from(from).unwrap();
            worst = worst.max(LOOKS.get());
            topic.unsubscribe(begun.id).unwrap();
        }
    }
    worst
}

#[test]
fn coming_back_to_a_full_log_walks_no_further_than_a_mark() {
    let (small, large) = (worst(1 << 20), worst(16 << 20));
    // Two marks are about as far apart as a mark stands for, and a time is the same for 64 messages.
    let between = BYTES_A_MARK as u64 / 3;
    assert!(large < 4 * between, "{large} looks at the storage, and {between} messages between two marks");
    assert!(large < 2 * small, "{small} looks in a log of 1 MiB, {large} in one of 16");
}
