//! A gauge that is fed, told and read by many.

use core::ops::ControlFlow;

use super::{Closed, Guarded, Lock, Shared, Slot, WaitError, Wake};
use crate::gauge::{Alert, Gauge, MOST_RULES, Measured, MergeError, Reading, Storage, Whose};
use crate::time::Time;

/// A [`Gauge`] that tasks or interrupt handlers feed, and others read.
///
/// - Whoever holds the lock does one thing: one message is taken, one pane told, one reading read, one gauge merged. So
///   nobody waits for longer than for one of them, and who reads sees each message counted whole or not at all.
/// - A pane that is over is told to one caller of [`tell`](Self::tell), or else counted as
///   [`untold`](crate::gauge::Counters::untold): [`take`](Self::take) waits for nobody, and
///   [`try_take`](Self::try_take) lets none be lost.
///
/// ```
/// use core::cell::RefCell;
/// use streamgauge_core::gauge::{Blocks, Definition, Format, Gauge, Measured, render};
/// use streamgauge_core::shared::{Guarded, SharedGauge, Slot};
/// use streamgauge_core::time::Time;
///
/// // On a microcontroller both are `cortex_m::singleton!`s.
/// let blocks: &'static Blocks<1> = Box::leak(Box::new(Blocks::new()));
/// blocks.cells.cut(Box::leak(Box::new([const { Measured::BLANK }; 3])), 3);
/// let definition = Definition::from_json(br#"{"measure":"moments"}"#).unwrap();
/// let gauge = Gauge::new(&definition, &mut &*blocks).unwrap();
/// let gauge = SharedGauge::new(RefCell::new(Guarded::new(gauge, [Slot::FREE; 1])));
///
/// gauge.take(b"17", Time::ZERO).unwrap().unwrap();
/// let mut json = Vec::new();
/// gauge.with(|gauge| render(gauge, "t", Format::Json, Time::ZERO, &mut json)).unwrap().unwrap();
/// assert!(String::from_utf8(json).unwrap().contains(r#""count":1,"mean":17"#));
/// ```
#[derive(Debug)]
pub struct SharedGauge<L>(Shared<L>);

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeError {
    /// The gauge was closed.
    Closed,
    /// A pane is over that has to be [told](SharedGauge::tell) before.
    Untold,
}

impl core::fmt::Display for TakeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Closed => Closed.fmt(f),
            Self::Untold => f.write_str("a pane is over and has not been told"),
        }
    }
}

impl core::error::Error for TakeError {}

impl From<Closed> for TakeError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl<L> SharedGauge<L> {
    /// Shares what `lock` protects.
    pub const fn new(lock: L) -> Self {
        Self(Shared::new(lock))
    }
}

impl<L, S, W> SharedGauge<L>
where
    L: Lock<Value = Guarded<Gauge<S>, W>>,
    S: Storage,
    W: AsMut<[Slot]>,
{
    /// [Measures](Gauge::take) a message that came `now`, and wakes everyone who waits; a pane that is over and was not
    /// told is counted. O(bytes), and the tasks that wait.
    ///
    /// # Errors
    /// [`Closed`]; the message is not measured.
    pub fn take(&self, message: &[u8], now: Time) -> L::Answer<Result<(), Closed>> {
        self.0.update_open(|gauge| (gauge.take(message, now), Wake::ALL))
    }

    /// The same, unless a pane is over that has to be told before.
    ///
    /// # Errors
    /// [`TakeError`]; the message is not measured.
    pub fn try_take(&self, message: &[u8], now: Time) -> L::Answer<Result<(), TakeError>> {
        let taken = self.0.locked_open(|gauge| {
            if gauge.is_over(now) {
                return (Err(TakeError::Untold), Wake::NONE);
            }
            gauge.take(message, now);
            (Ok(()), Wake::ALL)
        });
        L::answer(taken.map(|taken| taken?))
    }

    /// [Tells](Gauge::close) one pane that is over, with what the rules had to say as it ended, and wakes everyone who
    /// waits; `None` if there is no such pane. O(groups × panes × state), and the tasks that wait.
    pub fn tell(
        &self,
        now: Time,
        each: impl FnMut(&Reading<'_>, Whose<'_>, &mut [Measured<S>]),
    ) -> L::Answer<Option<heapless::Vec<Alert, MOST_RULES>>> {
        self.0.update(|gauge| {
            if !gauge.is_over(now) {
                return (None, Wake::NONE);
            }
            gauge.close(now, each);
            // Under the same lock: the next pane that is told has alerts of its own.
            (Some(gauge.take_alerts()), Wake::ALL)
        })
    }

    /// [Adds](Gauge::merge) what another gauge has measured, and wakes everyone who waits. O(n), and the tasks that wait.
    ///
    /// # Errors
    /// [`Closed`], or [`MergeError`]; nothing has changed.
    pub fn merge(&self, bytes: &[u8], now: Time, storage: &mut S) -> L::Answer<Result<Result<(), MergeError>, Closed>> {
        self.0.update_open(|gauge| match gauge.merge(bytes, now, storage) {
            Ok(()) => (Ok(()), Wake::ALL),
            refused => (refused, Wake::NONE),
        })
    }

    /// Reads the gauge under the lock, with [`Gauge::read`] or [`render`](crate::gauge::render()): it adds up in cells of
    /// its own, and so has to be lent mutably. What `f` changes wakes nobody.
    pub fn with<R>(&self, f: impl FnOnce(&mut Gauge<S>) -> R) -> L::Answer<R> {
        self.0.update(|gauge| (f(gauge), Wake::NONE))
    }

    /// Waits until `f` finds what it looks for. It looks when there were changes, perhaps several at once; that time
    /// passes is none: [`Gauge::next_over`] says when to look.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn wait_for<R>(&self, mut f: impl FnMut(&Gauge<S>) -> Option<R>) -> Result<R, WaitError> {
        let found = self.0.wait(0, |gauge| match f(gauge) {
            Some(found) => ControlFlow::Break((found, Wake::NONE)),
            None => ControlFlow::Continue(()),
        });
        found.await
    }

    /// Refuses messages and merges from now on, and wakes everyone who waits. Panes can still be told.
    pub fn close(&self) -> L::Answer<()> {
        self.0.close()
    }
}
