//! Who waits: wakers in slots that the caller gives, woken in the order in which they began to wait.

use core::task::Waker;

use super::Wake;

/// Room for one waiting task.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    state: State,
    tag: u32,
    /// Neighbours among the waiting, or the next free slot.
    before: Option<u32>,
    after: Option<u32>,
}

impl Slot {
    /// A slot that nobody waits in.
    pub const FREE: Self = Self { state: State::Free, tag: 0, before: None, after: None };
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Free,
    Waiting(Waker),
    /// Taken out of the line by a wake-up that the owner has yet to act upon.
    Woken(Heir),
}

/// Who gets the wake-up of an owner who leaves before it has acted upon it.
#[derive(Debug, Clone, Copy)]
enum Heir {
    /// It was meant for everyone, and they have it.
    Nobody,
    Anyone,
    /// The next one with the same tag: for another it would be lost.
    SameTag,
}

/// The slots, and the line of those who wait.
#[derive(Debug)]
pub(super) struct Waiters<W> {
    slots: W,
    first: Option<u32>,
    last: Option<u32>,
    waiting: usize,
    /// Slots below this index have been used; those of them that are free form a list.
    touched: usize,
    free: Option<u32>,
}

impl<W> Waiters<W> {
    pub(super) const fn new(slots: W) -> Self {
        Self { slots, first: None, last: None, waiting: 0, touched: 0, free: None }
    }

    /// How many wait for a wake-up.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }
}

impl<W: AsMut<[Slot]>> Waiters<W> {
    /// Lets `waker`'s task wait in a slot of its own, at the end of the line. O(1).
    ///
    /// Fails with the number of slots when each is taken.
    pub(super) fn enter(&mut self, tag: u32, waker: &Waker) -> Result<u32, usize> {
        let slots = self.slots.as_mut();
        let full = slots.len();
        let key = match self.free {
            Some(key) => key,
            None => u32::try_from(self.touched).map_err(|_| full)?,
        };
        let slot = slots.get_mut(key as usize).ok_or(full)?;
        // Not before there is a place for it: it would be dropped under the lock.
        let state = State::Waiting(waker.clone());
        match self.free {
            Some(_) => self.free = slot.after,
            None => self.touched = self.touched.saturating_add(1),
        }
        (slot.tag, slot.state) = (tag, state);
        self.link_last(key);
        Ok(key)
    }

    /// Goes on waiting in slot `key`: in its place, or at the end of the line after a wake-up. O(1).
    ///
    /// Returns a waker to drop once the lock is free.
    pub(super) fn wait_on(&mut self, key: u32, waker: &Waker) -> Option<Waker> {
        let slot = self.slots.as_mut().get_mut(key as usize)?;
        match &mut slot.state {
            State::Waiting(known) if known.will_wake(waker) => None,
            State::Waiting(known) => Some(core::mem::replace(known, waker.clone())),
            state => {
                *state = State::Waiting(waker.clone());
                self.link_last(key);
                None
            }
        }
    }

    /// Gives slot `key` back. Returns a waker to drop once the lock is free, and whom to wake in its owner's place.
    /// O(1).
    pub(super) fn leave(&mut self, key: u32) -> (Option<Waker>, Wake) {
        let Some(slot) = self.slots.as_mut().get_mut(key as usize) else { return (None, Wake::NONE) };
        let left = match core::mem::take(&mut slot.state) {
            State::Waiting(waker) => {
                self.unlink(key);
                (Some(waker), Wake::NONE)
            }
            State::Woken(Heir::Nobody) => (None, Wake::NONE),
            State::Woken(Heir::Anyone) => (None, Wake::ONE),
            State::Woken(Heir::SameTag) => (None, Wake::several_of(1, slot.tag)),
            State::Free => return (None, Wake::NONE),
        };
        if let Some(slot) = self.slots.as_mut().get_mut(key as usize) {
            slot.after = self.free;
            self.free = Some(key);
        }
        left
    }

    /// Takes the first in the line out of it, or the first with that tag, and returns the waker to call once the
    /// lock is free. O(1), or O(waiting) for a tag.
    pub(super) fn pop(&mut self, tag: Option<u32>, for_all: bool) -> Option<Waker> {
        let heir = match tag {
            _ if for_all => Heir::Nobody,
            None => Heir::Anyone,
            Some(_) => Heir::SameTag,
        };
        let mut at = self.first;
        loop {
            let key = at?;
            let slot = self.slots.as_mut().get_mut(key as usize)?;
            if tag.is_none_or(|tag| tag == slot.tag) {
                let state = core::mem::replace(&mut slot.state, State::Woken(heir));
                self.unlink(key);
                return if let State::Waiting(waker) = state { Some(waker) } else { None };
            }
            at = slot.after;
        }
    }

    fn link_last(&mut self, key: u32) {
        let slots = self.slots.as_mut();
        if let Some(slot) = slots.get_mut(key as usize) {
            (slot.before, slot.after) = (self.last, None);
        }
        match self.last.and_then(|last| slots.get_mut(last as usize)) {
            Some(last) => last.after = Some(key),
            None => self.first = Some(key),
        }
        self.last = Some(key);
        self.waiting = self.waiting.saturating_add(1);
    }

    fn unlink(&mut self, key: u32) {
        let slots = self.slots.as_mut();
        let Some(&mut Slot { before, after, .. }) = slots.get_mut(key as usize) else { return };
        match before.and_then(|before| slots.get_mut(before as usize)) {
            Some(slot) => slot.after = after,
            None => self.first = after,
        }
        match after.and_then(|after| slots.get_mut(after as usize)) {
            Some(slot) => slot.before = before,
            None => self.last = before,
        }
        self.waiting = self.waiting.saturating_sub(1);
    }
}
