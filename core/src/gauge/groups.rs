//! Which messages are measured together.

use super::key::Key;
use super::name::Named;

/// Room for one group.
///
/// The groups are two structures in one storage: what each one is, where it came to lie, and the heads of the hash
/// chains.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    key: Option<Key>,
    /// Messages that came at least, of all that are remembered.
    weight: u64,
    /// Those of them that came before it had a place: what they measure is not its own.
    before: u64,
    /// The next in this one's chain.
    next: u32,
    /// The first of the chain with this number.
    chain: u32,
}

impl Group {
    /// Nothing.
    pub const EMPTY: Self = Self { key: None, weight: 0, before: 0, next: NONE, chain: NONE };
}

impl Group {
    /// Messages since it has a place.
    const fn messages(&self) -> u64 {
        self.weight.saturating_sub(self.before)
    }
}

const NONE: u32 = u32::MAX;

/// The groups that have a place of their own, each with a number from 0 on.
#[derive(Debug, Clone)]
pub(super) struct Groups<G> {
    groups: G,
    len: u32,
    /// No group is lighter, as far as is known.
    lightest: u64,
}

/// Where a key belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// To the group with that number.
    In(u32),
    /// To none.
    Nowhere,
}

impl<G: AsRef<[Group]> + AsMut<[Group]>> Groups<G> {
    pub(super) fn new(mut groups: G) -> Self {
        groups.as_mut().fill(Group::EMPTY);
        Self { groups, len: 0, lightest: 0 }
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The key of a group among the others, and its messages since it has a place.
    pub(super) fn named(&self, number: u32) -> Option<(Named<'_>, u64)> {
        let group = self.get(number)?;
        Some((Named::among(group.key.as_ref()?, |other| self.find(other).is_some()), group.messages()))
    }

    /// The group of a key, which is made while there is room; so many more messages are counted for it. O(1) on average.
    pub(super) fn place(&mut self, key: &Key, messages: u64) -> Placed {
        let Some(number) = self.find_or_insert(key) else { return Placed::Nowhere };
        if let Some(group) = self.get_mut(number) {
            group.weight = group.weight.saturating_add(messages);
        }
        Placed::In(number)
    }

    /// The group that gives way to a key of which at least so many messages came: the lightest, if it has so many fewer
    /// that they do not take turns. O(1), or O(groups) when there may be one.
    pub(super) fn gives_way(&mut self, weight: u64) -> Option<u32> {
        if weight <= margin(self.lightest) {
            return None;
        }
        let held = self.groups.as_ref().iter().take(self.len as usize);
        let (number, lightest) = held.map(|group| group.weight).enumerate().min_by_key(|(_, weight)| *weight)?;
        self.lightest = lightest;
        (weight > margin(lightest)).then_some(number as u32)
    }

    /// Gives the place of a group to another key, of which so many messages came before, and returns the one that had it,
    /// with its messages since then. O(1) on average.
    pub(super) fn replace(&mut self, number: u32, key: &Key, before: u64) -> Option<(Key, u64)> {
        let group = self.get(number)?;
        let left = (group.key?, group.messages());
        self.unlink(number, &left.0);
        self.link(number, key);
        let group = self.get_mut(number)?;
        (group.key, group.weight, group.before) = (Some(*key), before.saturating_add(1), before);
        Some(left)
    }

    /// The group of a key, which is made while there is room. O(1) on average.
    fn find_or_insert(&mut self, key: &Key) -> Option<u32> {
        let free = (self.len as usize) < self.capacity();
        self.find(key).or_else(|| free.then(|| self.insert(self.len, key)))
    }

    fn find(&self, key: &Key) -> Option<u32> {
        let mut number = self.get(self.chain_of(key))?.chain;
        loop {
            let group = self.get(number)?;
            if group.key.as_ref() == Some(key) {
                return Some(number);
            }
            number = group.next;
        }
    }

    fn insert(&mut self, number: u32, key: &Key) -> u32 {
        if let Some(group) = self.get_mut(number) {
            (group.key, group.weight, group.before) = (Some(*key), 0, 0);
        }
        self.link(number, key);
        self.len = self.len.saturating_add(1);
        self.lightest = 0;
        number
    }

    fn link(&mut self, number: u32, key: &Key) {
        let chain = self.chain_of(key);
        let Some(head) = self.get_mut(chain) else { return };
        let next = core::mem::replace(&mut head.chain, number);
        if let Some(group) = self.get_mut(number) {
            group.next = next;
        }
    }

    fn unlink(&mut self, number: u32, key: &Key) {
        let chain = self.chain_of(key);
        let after = self.get(number).map_or(NONE, |group| group.next);
        let Some(head) = self.get_mut(chain) else { return };
        if head.chain == number {
            head.chain = after;
            return;
        }
        let mut before = head.chain;
        while let Some(group) = self.get_mut(before) {
            if group.next == number {
                group.next = after;
                return;
            }
            before = group.next;
        }
    }

    fn chain_of(&self, key: &Key) -> u32 {
        key.hash().checked_rem(self.capacity() as u64).unwrap_or(0) as u32
    }

    fn capacity(&self) -> usize {
        self.groups.as_ref().len().min(NONE as usize)
    }

    fn get(&self, number: u32) -> Option<&Group> {
        self.groups.as_ref().get(number as usize)
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Group> {
        self.groups.as_mut().get_mut(number as usize)
    }
}

/// What one has to be heavier than to take the place of a group: moving it costs a merge of every pane, so it has to be
/// worth as many messages.
const fn margin(weight: u64) -> u64 {
    weight.saturating_add(weight / 4).saturating_add(16)
}
