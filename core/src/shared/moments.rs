//! Statistics that many tasks contribute to.

use core::ops::ControlFlow;

use super::{Closed, Guarded, Lock, Shared, Slot, WaitError, Wake};
use crate::stats::fixed::Sample;
use crate::stats::{FixedMoments, Moments, Welford};

/// A summary of some values that another part's summary can be added to, as if one had seen them all.
pub trait Merge {
    /// Takes in what `part` has seen.
    fn merge(&mut self, part: &Self);
}

impl Merge for Welford {
    fn merge(&mut self, part: &Self) {
        Self::merge(self, part);
    }
}

impl Merge for Moments {
    fn merge(&mut self, part: &Self) {
        Self::merge(self, part);
    }
}

impl<T: Sample, const FRACTION: u32> Merge for FixedMoments<T, FRACTION> {
    fn merge(&mut self, part: &Self) {
        Self::merge(self, part);
    }
}

/// A summary shared by any number of tasks: moments, or whatever else [`Merge`]s.
///
/// A task that has much to say keeps a summary of its own and merges it now and then: then the lock is held once for
/// many values. What can refuse to merge, as a histogram with other bins, is merged in [`update`](Self::update).
///
/// ```
/// use core::cell::RefCell;
/// use streamgauge_core::shared::{Guarded, SharedMoments, Slot};
/// use streamgauge_core::stats::Moments;
///
/// let total = SharedMoments::new(RefCell::new(Guarded::new(Moments::new(), [Slot::FREE; 1])));
/// let mut part = Moments::new();
/// part.extend_from_slice(&[1.0, 2.0, 6.0]);
/// total.merge(&part).unwrap().unwrap();
/// total.update(|moments| moments.push(3.0)).unwrap().unwrap();
/// assert_eq!(total.with(Moments::mean), Ok(Some(3.0)));
/// ```
#[derive(Debug)]
pub struct SharedMoments<L>(Shared<L>);

impl<L> SharedMoments<L> {
    /// Shares what `lock` protects.
    pub const fn new(lock: L) -> Self {
        Self(Shared::new(lock))
    }
}

impl<L, T, W> SharedMoments<L>
where
    L: Lock<Value = Guarded<T, W>>,
    W: AsMut<[Slot]>,
{
    /// Takes in a part, and wakes everyone who waits. O(the merge, and the tasks that wait).
    ///
    /// # Errors
    /// [`Closed`]; nothing has changed.
    pub fn merge(&self, part: &T) -> L::Answer<Result<(), Closed>>
    where
        T: Merge,
    {
        self.update(|moments| moments.merge(part))
    }

    /// Changes the summary, under the lock, and wakes everyone who waits.
    ///
    /// # Errors
    /// [`Closed`]; `f` was not called.
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> R) -> L::Answer<Result<R, Closed>> {
        self.0.update_open(|moments| (f(moments), Wake::ALL))
    }

    /// A copy of the summary as it is now.
    pub fn snapshot(&self) -> L::Answer<T>
    where
        T: Clone,
    {
        self.0.with(T::clone)
    }

    /// Looks at the summary, under the lock.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> L::Answer<R> {
        self.0.with(f)
    }

    /// Waits until `f` finds what it looks for. It looks when there were changes, perhaps several at once.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn wait_for<R>(&self, mut f: impl FnMut(&T) -> Option<R>) -> Result<R, WaitError> {
        let found = self.0.wait(0, |moments| match f(moments) {
            Some(found) => ControlFlow::Break((found, Wake::NONE)),
            None => ControlFlow::Continue(()),
        });
        found.await
    }

    /// Refuses changes from now on, and wakes everyone who waits.
    pub fn close(&self) -> L::Answer<()> {
        self.0.close()
    }
}
