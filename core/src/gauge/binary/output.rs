//! Bytes of numbers, and the sum of all of them.

use embedded_io::Write;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::super::{Counters, Reading, Unmeasured, Whose};
use super::MAGIC;

/// Where a binary form is written.
pub(in crate::gauge) struct Output<'w, W> {
    out: &'w mut W,
    sum: Xxh3Default,
}

/// The sum that stands behind such bytes.
pub(super) fn sum_of(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

impl<'w, W: Write> Output<'w, W> {
    pub(super) const fn new(out: &'w mut W) -> Self {
        Self { out, sum: Xxh3Default::new() }
    }

    pub(in crate::gauge) fn bytes(&mut self, bytes: &[u8]) -> Result<(), W::Error> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }

    pub(super) fn u32(&mut self, number: u32) -> Result<(), W::Error> {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn u64s(&mut self, numbers: &[u64]) -> Result<(), W::Error> {
        numbers.iter().try_for_each(|number| self.bytes(&number.to_le_bytes()))
    }

    pub(super) fn f64s(&mut self, numbers: &[f64]) -> Result<(), W::Error> {
        numbers.iter().try_for_each(|number| self.bytes(&number.to_le_bytes()))
    }

    /// Writes the sum.
    pub(super) fn finish(self) -> Result<(), W::Error> {
        self.out.write_all(&self.sum.digest().to_le_bytes())
    }
}

/// Writes what stands before so many cells.
pub(super) fn head<W: Write>(reading: &Reading<'_>, cells: u32, out: &mut Output<'_, W>) -> Result<(), W::Error> {
    out.bytes(MAGIC)?;
    // Its length has to be known before it is written.
    let mut counted = Counted(0);
    let Ok(()) = reading.definition.write_json(&mut counted);
    out.u32(counted.0)?;
    reading.definition.write_json(&mut Embedded(out))?;
    let Counters { messages, measured, bytes, filtered, late, early, unmeasured, moved, missed, .. } =
        counters(reading);
    let Unmeasured { not_json, missing, not_a_number, infinite, no_time } = unmeasured;
    out.u64s(&[messages, measured, bytes, filtered, late, early])?;
    out.u64s(&[not_json, missing, not_a_number, infinite, no_time, moved, missed])?;
    out.u64s(&[reading.from.as_millis(), reading.to.as_millis()])?;
    out.u32(cells)
}

/// What is counted of what is read: of a window its own messages, as which of the others came in it nobody knows.
fn counters(reading: &Reading<'_>) -> Counters {
    if reading.definition.last.is_none() {
        return *reading.counters;
    }
    let (messages, bytes) = (reading.messages, reading.bytes);
    Counters { messages, measured: messages, bytes, ..Counters::default() }
}

/// Writes whose cell follows, and of a group how many messages it has had.
pub(super) fn whose<W: Write>(whose: &Whose<'_>, messages: u64, out: &mut Output<'_, W>) -> Result<(), W::Error> {
    match whose {
        Whose::Group(group) => {
            out.bytes(&[1])?;
            group.key().write(out)?;
            out.u64s(&[messages])
        }
        Whose::Other | Whose::All => out.bytes(&[0]),
    }
}

/// Counts what is written.
struct Counted(u32);

impl embedded_io::ErrorType for Counted {
    type Error = core::convert::Infallible;
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0 = self.0.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    // The one that embedded-io has could panic.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.write(bytes).map(drop)
    }
}

/// An [`Output`] as what others write to.
struct Embedded<'e, 'w, W>(&'e mut Output<'w, W>);

impl<W: Write> embedded_io::ErrorType for Embedded<'_, '_, W> {
    type Error = W::Error;
}

impl<W: Write> Write for Embedded<'_, '_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0.bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.out.flush()
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.bytes(bytes)
    }
}
