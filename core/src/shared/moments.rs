//! Statistics that many tasks contribute to.

use core::ops::ControlFlow;

use super::{Closed, Guarded, Lock, Shared, Slot, WaitError, Wake};

/// A summary of some values that another part's summary can be added to, as if one had seen them all.
pub trait Merge {
    /// Takes in what `part` has seen.
    fn merge(&mut self, part: &Self);
}

/// A summary shared by any number of tasks: moments, a histogram, whatever [`Merge`]s.
///
/// A task that has much to say keeps a summary of its own and merges it now and then: then the lock is held once for
/// many values.
///
/// ```
/// use core::cell::RefCell;
/// use streamgauge_core::shared::{Guarded, Merge, SharedMoments, Slot};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Count(u64);
///
/// impl Merge for Count {
///     fn merge(&mut self, part: &Self) {
///         self.0 += part.0;
///     }
/// }
///
/// let total = SharedMoments::new(RefCell::new(Guarded::new(Count(0), [Slot::FREE; 1])));
/// total.merge(&Count(3)).unwrap();
/// total.merge(&Count(4)).unwrap();
/// assert_eq!(total.snapshot(), Count(7));
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
    pub fn merge(&self, part: &T) -> Result<(), Closed>
    where
        T: Merge,
    {
        self.update(|moments| moments.merge(part))
    }

    /// Changes the summary, under the lock, and wakes everyone who waits.
    ///
    /// # Errors
    /// [`Closed`]; `f` was not called.
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> R) -> Result<R, Closed> {
        self.0.update_open(|moments| (f(moments), Wake::ALL))
    }

    /// A copy of the summary as it is now.
    pub fn snapshot(&self) -> T
    where
        T: Clone,
    {
        self.0.with(T::clone)
    }

    /// Looks at the summary, under the lock.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }

    /// Waits until `f` finds what it looks for; it looks after every change.
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
    pub fn close(&self) {
        self.0.close();
    }
}
