//! Those who wait until a place of a log is safe, in the order of their places.
//!
//! Who writes wakes the first of them alone, however many may go on: that one wakes the others, on the thread where all of
//! them are at home. So what a group costs in wake-ups from thread to thread does not depend on how many share it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::Failed;
use crate::engine::disk::log::Position;

/// How far a log is safe, and who waits for more.
///
/// Wakers run, and are dropped, when its lock is free.
#[derive(Debug)]
pub(super) struct Line(Mutex<State>);

#[derive(Debug)]
struct State {
    safe: Position,
    failed: Option<Failed>,
    /// By their places, and those of one place in the order in which they came.
    waiting: VecDeque<Waiter>,
    /// The number of the next one.
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    place: (Position, u64),
    waker: Waker,
}

impl Line {
    /// A line for a log that is safe up to a place.
    pub(super) const fn new(safe: Position) -> Self {
        Self(Mutex::new(State { safe, failed: None, waiting: VecDeque::new(), next: 0 }))
    }

    /// All before it is safe.
    pub(super) fn safe(&self) -> Position {
        self.0.lock().safe
    }

    /// Waits until all before a place is safe. It may be dropped at any time, and takes no room before its first poll.
    ///
    /// # Errors
    /// The log has failed.
    pub(super) const fn until(&self, end: Position) -> Until<'_> {
        Until { line: self, end, number: None }
    }

    /// More is safe.
    pub(super) fn advance(&self, safe: Position) {
        self.change(|state| state.safe = safe);
    }

    /// Nobody is told of anything from now on: something may have happened that has no place.
    pub(super) fn fail(&self, why: Failed) {
        self.change(|state| state.failed = Some(why));
    }

    fn change(&self, f: impl FnOnce(&mut State)) {
        let first = {
            let mut state = self.0.lock();
            f(&mut state);
            // It stays in the line until it has looked: if it is dropped instead, it wakes the others all the same.
            let first = state.waiting.front().filter(|first| state.is_over(first.place.0));
            first.map(|first| first.waker.clone())
        };
        if let Some(first) = first {
            first.wake();
        }
    }
}

impl State {
    fn is_over(&self, end: Position) -> bool {
        self.safe >= end || self.failed.is_some()
    }

    /// Waits with a number, or takes another one.
    fn enter(&mut self, end: Position, number: Option<u64>, waker: &Waker) -> (u64, Option<Waker>) {
        if let Some(number) = number
            && let Ok(at) = self.find((end, number))
        {
            let old = &mut self.waiting[at].waker;
            return (number, (!old.will_wake(waker)).then(|| std::mem::replace(old, waker.clone())));
        }
        let number = self.next;
        self.next += 1;
        let waiter = Waiter { place: (end, number), waker: waker.clone() };
        // Places are asked for in their order, but for a few.
        match self.find(waiter.place) {
            Ok(at) | Err(at) => self.waiting.insert(at, waiter),
        }
        (number, None)
    }

    fn leave(&mut self, place: (Position, u64)) -> Option<Waiter> {
        self.find(place).ok().and_then(|at| self.waiting.remove(at))
    }

    fn find(&self, place: (Position, u64)) -> Result<usize, usize> {
        match self.waiting.back() {
            Some(last) if last.place >= place => self.waiting.binary_search_by_key(&place, |waiter| waiter.place),
            _ => Err(self.waiting.len()),
        }
    }

    /// All who need not wait any more.
    fn take_over(&mut self) -> Vec<Waiter> {
        let count = self.waiting.iter().take_while(|waiter| self.is_over(waiter.place.0)).count();
        self.waiting.drain(..count).collect()
    }
}

/// The future of [`Line::until`].
#[derive(Debug)]
pub(super) struct Until<'l> {
    line: &'l Line,
    end: Position,
    /// Under which it waits.
    number: Option<u64>,
}

impl Until<'_> {
    /// Leaves the line, and wakes those who may go on: it may have been woken for all of them.
    fn leave(&mut self, mut state: parking_lot::MutexGuard<'_, State>) {
        let number = self.number.take();
        let own = number.and_then(|number| state.leave((self.end, number)));
        let over = state.take_over();
        drop(state);
        drop(own);
        over.into_iter().for_each(|waiter| waiter.waker.wake());
    }
}

impl Future for Until<'_> {
    type Output = Result<(), Failed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut state = this.line.0.lock();
        if !state.is_over(this.end) {
            let (number, _old) = state.enter(this.end, this.number, cx.waker());
            this.number = Some(number);
            drop(state);
            return Poll::Pending;
        }
        let result = state.failed.clone().map_or(Ok(()), Err);
        this.leave(state);
        Poll::Ready(result)
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        if self.number.is_some() {
            self.leave(self.line.0.lock());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use streamgauge_core::generate::Rng;

    use super::*;
    use crate::engine::disk::seeds;

    /// Who waits, as a task that is polled when it was woken.
    struct Task<'l> {
        until: Pin<Box<Until<'l>>>,
        end: Position,
        woken: Arc<Woken>,
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Woken {
        fn take(&self) -> bool {
            self.0.swap(0, Ordering::SeqCst) > 0
        }
    }

    impl<'l> Task<'l> {
        fn begin(line: &'l Line, end: Position) -> Self {
            let task = Self { until: Box::pin(line.until(end)), end, woken: Arc::default() };
            task.woken.0.store(1, Ordering::SeqCst);
            task
        }

        /// Polled if it was woken; what it came to.
        fn run(&mut self) -> Option<Result<(), Failed>> {
            if !self.woken.take() {
                return None;
            }
            let waker = Waker::from(Arc::clone(&self.woken));
            match self.until.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            }
        }
    }

    fn at(offset: u32) -> Position {
        Position { segment: 3, offset }
    }

    /// Lets all run who were woken, until nobody is; those who are done leave, and have to be right.
    fn settle(tasks: &mut Vec<Task<'_>>, safe: Position, has_failed: bool) {
        loop {
            let before = tasks.len();
            tasks.retain_mut(|task| match task.run() {
                Some(told) => {
                    assert!(task.end <= safe || has_failed, "told too early");
                    assert_eq!(told.is_err(), has_failed);
                    false
                }
                None => true,
            });
            if tasks.len() == before && tasks.iter().all(|task| task.woken.0.load(Ordering::SeqCst) == 0) {
                return;
            }
        }
    }

    #[test]
    fn nobody_is_told_too_early_and_nobody_waits_for_ever() {
        seeds(|seed| {
            let mut random = Rng::new(seed);
            let line = Line::new(at(0));
            let (mut tasks, mut safe, mut has_failed) = (Vec::new(), 0, false);
            for _ in 0..random.below(60) {
                match random.below(8) {
                    0..4 => tasks.push(Task::begin(&line, at(safe + random.below(5) as u32))),
                    4 if !tasks.is_empty() => drop(tasks.swap_remove(random.below(tasks.len() as u64) as usize)),
                    5 if random.below(20) == 0 => {
                        line.fail(Failed("a test".to_owned()));
                        has_failed = true;
                    }
                    6 => {
                        safe += random.below(4) as u32;
                        line.advance(at(safe));
                    }
                    // Some run before the next thing happens, and others don't.
                    _ => {
                        let some = random.below(tasks.len() as u64 + 1) as usize;
                        let mut first: Vec<_> = tasks.drain(..some).collect();
                        settle(&mut first, at(safe), has_failed);
                        tasks.append(&mut first);
                    }
                }
            }
            settle(&mut tasks, at(safe), has_failed);
            assert!(tasks.iter().all(|task| task.end > at(safe) && !has_failed), "somebody waits for what is there");
            assert_eq!(line.0.lock().waiting.len(), tasks.len());
            tasks.clear();
            assert!(line.0.lock().waiting.is_empty(), "who has gone still waits");
        });
    }

    #[test]
    fn who_writes_wakes_one_and_that_one_the_others() {
        let line = Line::new(at(0));
        let mut tasks: Vec<_> = (1..=9).map(|end| Task::begin(&line, at(end))).collect();
        tasks.iter_mut().for_each(|task| assert!(task.run().is_none()));
        let woken =
            |tasks: &[Task<'_>]| tasks.iter().map(|task| task.woken.0.load(Ordering::SeqCst)).collect::<Vec<_>>();
        line.advance(at(4));
        assert_eq!(woken(&tasks), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(tasks[0].run(), Some(Ok(())));
        assert_eq!(woken(&tasks), [0, 1, 1, 1, 0, 0, 0, 0, 0]);
        line.advance(at(6));
        drop(tasks.remove(4));
        assert_eq!(woken(&tasks), [0, 1, 1, 1, 1, 0, 0, 0], "who was woken and has gone wakes the others");
    }
}
