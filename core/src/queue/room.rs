//! Putting only where there is room: for those who would rather wait, or be refused, than let the oldest leave.

use super::{Limits, Queue};
use crate::log::TooLarge;

/// Why an item was not taken by a queue that may let nothing leave for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRoom {
    /// There would be none even if the queue were empty: in its storage, or by its limits.
    TooLarge(TooLarge),
    /// There is none until something has left.
    Full(Limit),
}

/// Which of a queue's bounds is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::bytes`].
    Bytes,
    /// The storage.
    Storage,
}

impl<S> Queue<S> {
    /// How many items [`try_put`](Self::try_put) has refused because the queue was full. O(1).
    ///
    /// They were not accepted: no other counter has seen them.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Queue<S> {
    /// Appends `item` if nothing has to leave for it; if not, that is counted as [`refused`](Self::refused). O(1).
    ///
    /// ```
    /// use streamgauge_core::queue::{Limit, Limits, NoRoom, Queue};
    ///
    /// let mut queue = Queue::new([0; 64], Limits { depth: Some(1), ..Limits::NONE });
    /// assert_eq!(queue.try_put(b"first"), Ok(()));
    /// assert_eq!(queue.try_put(b"second"), Err(NoRoom::Full(Limit::Depth)));
    /// assert_eq!(queue.refused(), 1);
    /// ```
    ///
    /// # Errors
    /// [`NoRoom`]; nothing else has changed.
    pub fn try_put(&mut self, item: &[u8]) -> Result<(), NoRoom> {
        let put = self.put_in_room(item);
        if let Err(NoRoom::Full(_)) = put {
            self.refused = self.refused.wrapping_add(1);
        }
        put
    }

    /// [`try_put`](Self::try_put) by one who will come back if the queue is full, and so was not refused. O(1).
    ///
    /// # Errors
    /// [`NoRoom`]; nothing has changed.
    pub fn put_in_room(&mut self, item: &[u8]) -> Result<(), NoRoom> {
        let (len, bytes) = (item.len(), u64::try_from(item.len()).unwrap_or(u64::MAX));
        self.check(len).map_err(NoRoom::TooLarge)?;
        let Limits { depth: most_items, bytes: most_bytes } = self.limits;
        let most = if most_items == Some(0) { Some(0) } else { most_bytes.filter(|&most| bytes > most) };
        if let Some(most) = most {
            let capacity = usize::try_from(most).unwrap_or(usize::MAX);
            return Err(NoRoom::TooLarge(TooLarge { len, capacity }));
        }
        if most_items.is_some_and(|most| self.log.len() >= most) {
            return Err(NoRoom::Full(Limit::Depth));
        }
        if most_bytes.is_some_and(|most| self.log.bytes().saturating_add(bytes) > most) {
            return Err(NoRoom::Full(Limit::Bytes));
        }
        let appended = self.log.append(len, |room| room.copy_from_slice(item));
        appended.map_err(|_full| NoRoom::Full(Limit::Storage))?;
        self.accepted = self.accepted.wrapping_add(1);
        self.high_water = self.high_water.max(self.log.len());
        Ok(())
    }
}

impl core::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLarge(too_large) => too_large.fmt(f),
            Self::Full(limit) => limit.fmt(f),
        }
    }
}

impl core::error::Error for NoRoom {}

impl core::fmt::Display for Limit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Depth => "the queue holds as many items as it may",
            Self::Bytes => "the queue holds as many bytes as it may",
            Self::Storage => "the queue's storage is full",
        })
    }
}
