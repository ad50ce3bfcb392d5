//! The shared forms as statics, for the tasks and interrupt handlers of a microcontroller.

use core::cell::RefCell;

use super::{CriticalSection, FanoutState, Guarded, QueueState, SharedFanout, SharedMoments, SharedQueue, Slot};
use crate::queue::Limits;
use crate::topic::Place;

/// A [`SharedQueue`] with its storage inside, of so many bytes, and so many tasks that may wait at a time.
///
/// ```
/// use streamgauge_core::queue::Limits;
/// use streamgauge_core::shared::StaticQueue;
///
/// static QUEUE: StaticQueue<1024, 4> = StaticQueue::of(Limits::NONE);
///
/// QUEUE.put(b"H3110", |_oldest| ()).unwrap();
/// assert_eq!(QUEUE.try_get(&mut [0; 16]), Ok(Some(&b"H3110"[..])));
/// ```
pub type StaticQueue<const BYTES: usize, const SLOTS: usize> =
    SharedQueue<CriticalSection<QueueState<[u8; BYTES], [Slot; SLOTS]>>>;

/// A [`SharedFanout`] with its storage inside, of so many bytes, for so many subscribers, and so many tasks that may
/// wait at a time.
///
/// ```
/// use streamgauge_core::shared::{Received, StaticFanout};
///
/// static NEWS: StaticFanout<1024, 4, 4> = StaticFanout::of();
///
/// let villager = NEWS.subscribe().unwrap().unwrap();
/// NEWS.publish(b"news").unwrap();
/// assert_eq!(NEWS.try_next_with(villager, <[u8]>::len), Ok(Some(Received::Message(4))));
/// ```
pub type StaticFanout<const BYTES: usize, const SUBSCRIBERS: usize, const SLOTS: usize> =
    SharedFanout<CriticalSection<FanoutState<[u8; BYTES], [Place; SUBSCRIBERS], [Slot; SLOTS]>>>;

/// [`SharedMoments`] of the kind `T`, and so many tasks that may wait at a time.
///
/// ```
/// use streamgauge_core::shared::StaticMoments;
/// use streamgauge_core::stats::FixedMoments;
///
/// static TOTAL: StaticMoments<FixedMoments<i32>, 1> = StaticMoments::of(FixedMoments::new());
///
/// TOTAL.update(|moments| moments.push(17)).unwrap().unwrap();
/// assert_eq!(TOTAL.with(|moments| moments.count()), Ok(1));
/// ```
pub type StaticMoments<T, const SLOTS: usize> = SharedMoments<CriticalSection<Guarded<T, [Slot; SLOTS]>>>;

impl<const BYTES: usize, const SLOTS: usize> StaticQueue<BYTES, SLOTS> {
    /// An empty queue.
    pub const fn of(limits: Limits) -> Self {
        Self::new(section(QueueState::of([0; BYTES], limits, [Slot::FREE; SLOTS])))
    }
}

impl<const BYTES: usize, const SUBSCRIBERS: usize, const SLOTS: usize> StaticFanout<BYTES, SUBSCRIBERS, SLOTS> {
    /// No message and no subscriber.
    pub const fn of() -> Self {
        Self::new(section(FanoutState::of([0; BYTES], [Place::FREE; SUBSCRIBERS], [Slot::FREE; SLOTS])))
    }
}

impl<T, const SLOTS: usize> StaticMoments<T, SLOTS> {
    /// Begins with what `moments` have seen.
    pub const fn of(moments: T) -> Self {
        Self::new(section(Guarded::new(moments, [Slot::FREE; SLOTS])))
    }
}

const fn section<T>(value: T) -> CriticalSection<T> {
    CriticalSection::new(RefCell::new(value))
}
