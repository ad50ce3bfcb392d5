use core::fmt;

/// What has become of the messages so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages that came from the source.
    pub received: u64,
    /// Messages that the source no longer had when it was asked again.
    pub missed: u64,
    /// Messages that were longer than a message may be, and were skipped.
    pub too_long: u64,
    /// Messages in the buffer that no destination can take now; only in turns.
    pub waiting: u64,
    /// Messages that left the buffer before any destination could take them; only in turns.
    pub dropped: u64,
    /// Each destination's own count.
    pub destinations: Vec<Counts>,
}

/// What has become of the messages for one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The destination.
    pub url: String,
    /// Answered with 2xx.
    pub delivered: u64,
    /// Answered with a status that trying again won't change.
    pub refused: u64,
    /// Left the buffer undelivered, because it was full.
    pub dropped: u64,
    /// Still in the buffer.
    pub pending: u64,
}

impl Counts {
    pub(super) fn new(url: String) -> Self {
        Self { url, ..Self::default() }
    }
}

impl Summary {
    /// Messages that did not arrive, and why: refused, dropped, missed, too long. They only grow.
    #[must_use]
    pub fn losses(&self) -> [u64; 4] {
        let sum = |of: fn(&Counts) -> u64| self.destinations.iter().map(of).sum::<u64>();
        let dropped = self.dropped + sum(|counts| counts.dropped);
        [sum(|counts| counts.refused), dropped, self.missed, self.too_long]
    }

    /// Messages that are still in the buffer, once for each destination that has to get them.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.waiting + self.destinations.iter().map(|counts| counts.pending).sum::<u64>()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "received {}", self.received)?;
        for (what, count) in [
            ("lost by the source", self.missed),
            ("too long", self.too_long),
            ("dropped before any destination took them", self.dropped),
            ("undelivered for want of a destination", self.waiting),
        ] {
            if count > 0 {
                write!(f, ", {what} {count}")?;
            }
        }
        for Counts { url, delivered, refused, dropped, pending } in &self.destinations {
            write!(f, "; {url} delivered {delivered}, refused {refused}, dropped {dropped}, undelivered {pending}")?;
        }
        Ok(())
    }
}
