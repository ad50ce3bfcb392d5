//! How records lie in the storage of a log, and the same again in another storage.
//!
//! What fits into a ring depends on where its records lie: so who goes on with a log that was kept has them lie there again.

use embedded_io::{Read, Write};

use super::{Full, Log, Position, prefix_len, stamp_room, stamped_len, write_prefix, write_stamp};
use crate::saved::{Broken, Get, Input, Output};

/// Where the records of a log begin, and behind which byte they go on at the start of the storage, if they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    head: usize,
    wraps_at: Option<usize>,
}

impl<S, const STAMPED: bool> Log<S, STAMPED> {
    /// How its records lie. O(1).
    pub(crate) const fn layout(&self) -> Layout {
        // Of a log without records nothing is left of where they were.
        if self.is_empty() {
            Layout { head: 0, wraps_at: None }
        } else {
            Layout { head: self.head, wraps_at: self.wrapped_at }
        }
    }

    /// As if so many bytes had been appended and had left. Of a log without records.
    pub(crate) const fn with_removed(mut self, bytes: u64) -> Self {
        (self.appended, self.removed) = (bytes, bytes);
        self
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, const STAMPED: bool> Log<S, STAMPED> {
    /// Appends a record where it lay in a log of this layout, and returns its place. [`is_laid`](Self::is_laid) tells at
    /// the end whether all lie as they did.
    pub(crate) fn lay(
        &mut self,
        layout: &Layout,
        stamp: u64,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Position, Full> {
        let stamp_len = stamp_room::<STAMPED>(stamp);
        let needed = stamped_len(len, stamp_len).ok_or(Full)?;
        let (at, limit) = if self.is_empty() {
            (layout.head, layout.wraps_at.unwrap_or(self.capacity()))
        } else if self.wrapped_at.is_some() {
            (self.tail, self.head)
        } else if layout.wraps_at == Some(self.tail) {
            (0, self.head)
        } else {
            (self.tail, layout.wraps_at.unwrap_or(self.capacity()))
        };
        let end = at.checked_add(needed).filter(|end| *end <= limit).ok_or(Full)?;
        let room = self.storage.as_mut().get_mut(at..end).ok_or(Full)?;
        let (prefix, room) = room.split_at_mut_checked(prefix_len(len)).ok_or(Full)?;
        let (stamped, record) = room.split_at_mut_checked(stamp_len).ok_or(Full)?;
        write_prefix(len, prefix);
        if STAMPED {
            write_stamp(stamp, stamped);
        }
        fill(record);
        Ok(self.extend(at, end, len))
    }

    /// Whether the records that were [laid](Self::lay) are all of that layout.
    pub(crate) fn is_laid(&self, layout: &Layout) -> bool {
        self.layout() == *layout
    }
}

impl Layout {
    pub(crate) fn save<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        out.number(self.head as u64)?;
        out.maybe(self.wraps_at, |out, at| out.number(at as u64))
    }

    pub(crate) fn restore<R: Read>(input: &mut Input<R>) -> Get<Self, R> {
        let (head, wraps_at) = (input.size()?, input.maybe(Input::size)?);
        if wraps_at.is_some_and(|at| at <= head) {
            return Err(Broken::Wrong("records wrap before they begin"));
        }
        Ok(Self { head, wraps_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_lie_where_they_lay() {
        let mut log = Log::<_>::new([0; 16]);
        for round in 0..40_u8 {
            let len = usize::from(round % 5);
            while log.append(len, |room| room.fill(round)).is_err() {
                log.pop();
            }
            let layout = log.layout();
            let mut other = Log::<_>::new([0xff; 16]);
            for record in log.iter(log.start()) {
                other.lay(&layout, 0, record.len(), |room| room.copy_from_slice(record)).unwrap();
            }
            assert!(other.is_laid(&layout) && other.iter(other.start()).eq(log.iter(log.start())));
            assert_eq!((other.head, other.tail, other.wrapped_at), (log.head, log.tail, log.wrapped_at));
        }
    }

    #[test]
    fn what_does_not_lie_so_is_seen() {
        let layout = Layout { head: 4, wraps_at: Some(8) };
        let mut log = Log::<_>::new([0; 16]);
        assert_eq!(log.lay(&layout, 0, 4, |_| ()), Err(Full), "beyond the wrap");
        log.lay(&layout, 0, 1, |_| ()).unwrap();
        assert!(!log.is_laid(&layout), "it has not wrapped");
        log.lay(&layout, 0, 1, |_| ()).unwrap();
        log.lay(&layout, 0, 3, |_| ()).unwrap();
        assert!(log.is_laid(&layout));
        assert_eq!(log.lay(&layout, 0, 0, |_| ()), Err(Full), "where the first one is");
        assert_eq!(Log::<_>::new([0; 16]).lay(&Layout { head: 17, wraps_at: None }, 0, 0, |_| ()), Err(Full));
    }
}
