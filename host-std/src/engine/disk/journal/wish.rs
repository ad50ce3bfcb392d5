//! Whether somebody needs room, and whether a checkpoint may find some that nobody has looked for.
//!
//! What stays for no other reason than that there is room for it leaves where somebody needs that, and not because a server
//! stops or starts, or has less of the disk than the last one.

/// Whether somebody needs room.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// Since it was last looked for: what is new does, and what takes items where the log has hardly any left.
    is_there: bool,
    /// There is who looks for it, and has found some the last time if there was one: so whoever lacks some waits.
    may_come_true: bool,
    /// Somebody waits.
    is_waited_for: bool,
}

impl Wish {
    /// Somebody needs room.
    pub(super) const fn need(&mut self) {
        self.is_there = true;
    }

    /// Somebody lacks room; whether there may be some when it was looked for again.
    pub(super) const fn lack(&mut self) -> bool {
        self.is_there = true;
        self.is_waited_for |= self.may_come_true;
        self.may_come_true
    }

    /// Whether somebody waits.
    pub(super) const fn is_waited_for(&self) -> bool {
        self.is_waited_for
    }

    /// From now on it is looked for.
    pub(super) const fn hope(&mut self) {
        self.may_come_true = true;
    }

    /// Whether room is to be looked for now.
    pub(super) const fn take(&mut self) -> bool {
        std::mem::replace(&mut self.is_there, false)
    }

    /// It was looked for, and some was found or not.
    pub(super) const fn settle(&mut self, has_found: bool) {
        (self.may_come_true, self.is_waited_for) = (has_found, false);
    }
}
