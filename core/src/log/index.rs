//! A sparse index: where some of a log's records lie, so that any is found without walking the log.

use super::{Log, Position};
use crate::time::Time;

/// Marks on a log at about even distances, in storage that the caller owns.
///
/// With `n` marks on a log of `b` bytes a search takes O(log n), and a walk over the records in at most about
/// `2 b / n` bytes. Without any it walks the log, and is as right.
///
/// The owner of the log tells what happens to it: [`note`](Self::note) when a record was appended, and
/// [`forget`](Self::forget) when records have left.
///
/// ```
/// use streamgauge_core::log::{Index, Log, Mark};
/// use streamgauge_core::time::Time;
///
/// let (mut log, mut index) = (Log::new([0; 64]), Index::new([Mark::FREE; 4]));
/// for number in 0..100_u8 {
///     let mut at = log.end();
///     while log.append(1, |room| room.fill(number)).is_err() {
///         log.pop();
///         index.forget(&log);
///         at = log.end();
///     }
///     index.note(&log, at, Time::ZERO);
/// }
/// assert_eq!(log.read(&mut index.seek(&log, 90)), Some(&[90][..]));
/// ```
#[derive(Debug, Clone)]
pub struct Index<M> {
    marks: M,
    /// INVARIANT: the `len` marks from `oldest` on, round the end of the storage, are in order, and the records that
    /// they mark are held.
    oldest: usize,
    len: usize,
    /// Bytes of records since the newest mark.
    since: usize,
}

/// Room for one mark of an [`Index`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark {
    position: Position,
    time: Time,
}

impl Mark {
    /// A place that has no mark.
    pub const FREE: Self = Self { position: Position::NONE, time: Time::ZERO };
}

/// A record that was looked for, or the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) position: Position,
    /// When the record was published; `None` at the end.
    pub(crate) time: Option<Time>,
}

impl<M> Index<M> {
    /// No marks yet, on a log that is empty.
    pub const fn new(marks: M) -> Self {
        Self { marks, oldest: 0, len: 0, since: 0 }
    }
}

impl<M: AsRef<[Mark]> + AsMut<[Mark]>> Index<M> {
    /// Takes note of the newest record, which was appended when the end of the log was `at`. `time` is when. O(1).
    pub fn note<S: AsRef<[u8]>, const STAMPED: bool>(&mut self, log: &Log<S, STAMPED>, at: Position, time: Time) {
        // Without a division, which a microcontroller may not have.
        if self.since.saturating_mul(self.marks.as_ref().len()) >= log.capacity() {
            self.mark(Mark { position: at, time });
            self.since = 0;
        }
        // A record that did not fit behind the others lies at the start.
        let begin = if log.tail > at.offset { at.offset } else { 0 };
        self.since = self.since.saturating_add(log.tail.saturating_sub(begin));
    }

    /// Forgets the marks of records that have left. O(1), and the marks that go.
    pub fn forget<S, const STAMPED: bool>(&mut self, log: &Log<S, STAMPED>) {
        while self.get(0).is_some_and(|mark| log.missed(&mark.position) > 0) {
            self.drop_oldest();
        }
    }

    /// Goes on with a log that was [renumbered](Log::renumber). O(marks).
    pub(crate) fn renumber(&mut self, by: u64) {
        self.marks.as_mut().iter_mut().for_each(|mark| mark.position = mark.position.renumbered(by));
    }

    /// The position of the record numbered `sequence`, as [`Log::seek`] finds it. O(log n) and a short walk.
    pub fn seek<S: AsRef<[u8]>, const STAMPED: bool>(&self, log: &Log<S, STAMPED>, sequence: u64) -> Position {
        let ahead = log.next.wrapping_sub(sequence);
        if ahead == 0 || ahead > u64::MAX / 2 {
            return log.end();
        }
        let wanted = log.len().saturating_sub(ahead);
        self.find(log, Time::ZERO, |position, _| position.sequence.wrapping_sub(log.first) >= wanted).position
    }

    /// The oldest record for which `reached` holds, as it does for all after it. The time of the log's oldest record
    /// is `oldest`.
    pub(crate) fn find<S: AsRef<[u8]>, const STAMPED: bool>(
        &self,
        log: &Log<S, STAMPED>,
        oldest: Time,
        reached: impl Fn(&Position, Time) -> bool,
    ) -> Found {
        let (mut position, mut time) = match self.before(&reached).filter(|mark| log.missed(&mark.position) == 0) {
            Some(mark) => (mark.position, mark.time),
            None => (log.start(), oldest),
        };
        // The time of the first is known; that of any other is the stamp after the one before it.
        let mut known = true;
        loop {
            let here = position;
            let Some((stamp, _)) = log.read_stamped(&mut position) else {
                return Found { position: here, time: None };
            };
            if !known {
                time = Time::from_millis(time.as_millis().saturating_add(stamp));
            }
            known = false;
            if reached(&here, time) {
                return Found { position: here, time: Some(time) };
            }
        }
    }

    /// The newest mark for which `reached` does not hold yet.
    fn before(&self, reached: &impl Fn(&Position, Time) -> bool) -> Option<Mark> {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle) {
                Some(mark) if !reached(&mark.position, mark.time) => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        self.get(low.checked_sub(1)?).copied()
    }

    /// The mark so many after the oldest.
    fn get(&self, nth: usize) -> Option<&Mark> {
        if nth >= self.len {
            return None;
        }
        self.marks.as_ref().get(self.slot(nth))
    }

    fn slot(&self, nth: usize) -> usize {
        let (slot, most) = (self.oldest.saturating_add(nth), self.marks.as_ref().len());
        if slot < most { slot } else { slot.saturating_sub(most) }
    }

    fn mark(&mut self, mark: Mark) {
        if self.len == self.marks.as_ref().len() {
            self.drop_oldest();
        }
        let slot = self.slot(self.len);
        if let Some(free) = self.marks.as_mut().get_mut(slot) {
            *free = mark;
            self.len = self.len.saturating_add(1);
        }
    }

    fn drop_oldest(&mut self) {
        self.oldest = self.slot(1);
        self.len = self.len.saturating_sub(1);
    }
}
