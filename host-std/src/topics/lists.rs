//! Values in lists, each value in one of them: moving one costs the same however many there are.

use slab::Slab;

/// Values by key, and `N` lists through them.
///
/// Every method is O(1) unless it says otherwise. None of them walks room that is not in use.
pub(super) struct Lists<T, const N: usize> {
    entries: Slab<Entry<T>>,
    lists: [List; N],
}

struct Entry<T> {
    /// In a place of its own: where all of them move to make room for one more, these are few bytes.
    value: Box<T>,
    list: usize,
    before: usize,
    after: usize,
}

#[derive(Clone, Copy)]
struct List {
    first: usize,
    last: usize,
    len: usize,
}

/// No value has this key.
const NONE: usize = usize::MAX;

impl<T, const N: usize> Lists<T, N> {
    pub(super) const fn new() -> Self {
        Self { entries: Slab::new(), lists: [List { first: NONE, last: NONE, len: 0 }; N] }
    }

    pub(super) fn len(&self, list: usize) -> usize {
        self.lists[list].len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn get_mut(&mut self, key: usize) -> Option<&mut T> {
        self.entries.get_mut(key).map(|entry| &mut *entry.value)
    }

    /// The list that a value is in.
    pub(super) fn list_of(&self, key: usize) -> Option<usize> {
        self.entries.get(key).map(|entry| entry.list)
    }

    /// Puts `value` at the end of `list`, and returns its key.
    pub(super) fn insert(&mut self, list: usize, value: T) -> usize {
        let key = self.entries.insert(Entry { value: Box::new(value), list, before: NONE, after: NONE });
        self.link(list, key);
        key
    }

    pub(super) fn remove(&mut self, key: usize) -> Option<T> {
        self.entries.contains(key).then(|| {
            self.unlink(key);
            *self.entries.remove(key).value
        })
    }

    /// The key of the first value in `list`.
    pub(super) fn first(&self, list: usize) -> Option<usize> {
        Some(self.lists[list].first).filter(|key| *key != NONE)
    }

    /// Puts a value at the end of `list`, whichever it is in.
    pub(super) fn move_to(&mut self, list: usize, key: usize) {
        if self.entries.contains(key) {
            self.unlink(key);
            self.link(list, key);
        }
    }

    /// Puts all values of one list at the end of another. O(values in it).
    pub(super) fn move_all(&mut self, from: usize, to: usize) {
        for _ in 0..self.len(from) {
            if let Some(key) = self.first(from) {
                self.move_to(to, key);
            }
        }
    }

    /// The keys and values of `list`, in order.
    pub(super) fn iter(&self, list: usize) -> impl Iterator<Item = (usize, &T)> {
        let mut next = self.first(list);
        std::iter::from_fn(move || {
            let key = next?;
            let entry = self.entries.get(key)?;
            next = Some(entry.after).filter(|key| *key != NONE);
            Some((key, &*entry.value))
        })
    }

    fn link(&mut self, list: usize, key: usize) {
        let List { last, .. } = self.lists[list];
        let entry = &mut self.entries[key];
        (entry.list, entry.before, entry.after) = (list, last, NONE);
        match self.entries.get_mut(last) {
            Some(last) => last.after = key,
            None => self.lists[list].first = key,
        }
        self.lists[list].last = key;
        self.lists[list].len += 1;
    }

    fn unlink(&mut self, key: usize) {
        let Entry { list, before, after, .. } = self.entries[key];
        match self.entries.get_mut(before) {
            Some(entry) => entry.after = after,
            None => self.lists[list].first = after,
        }
        match self.entries.get_mut(after) {
            Some(entry) => entry.before = before,
            None => self.lists[list].last = before,
        }
        self.lists[list].len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Lists;

    /// As three queues would hold them.
    #[test]
    fn each_value_is_in_one_list_and_in_order() {
        let mut lists = Lists::<u64, 3>::new();
        let mut model: [Vec<(usize, u64)>; 3] = Default::default();
        let mut random: u64 = 1;
        for step in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [what, list, from, at] = [60, 58, 56, 40].map(|bits| (random >> bits) as usize);
            let (list, from) = (list % 3, from % 3);
            let chosen = (!model[from].is_empty()).then(|| at % model[from].len());
            match (what % 8, chosen) {
                (0..3, _) => model[list].push((lists.insert(list, step), step)),
                (3, Some(chosen)) => {
                    let (key, value) = model[from].remove(chosen);
                    assert_eq!(lists.remove(key), Some(value));
                    assert_eq!((lists.remove(key), lists.list_of(key)), (None, None));
                }
                (4, _) if list != from => {
                    lists.move_all(from, list);
                    let moved = std::mem::take(&mut model[from]);
                    model[list].extend(moved);
                }
                (_, Some(chosen)) => {
                    let moved = model[from].remove(chosen);
                    lists.move_to(list, moved.0);
                    assert_eq!(lists.get_mut(moved.0), Some(&mut moved.1.clone()));
                    assert_eq!(lists.list_of(moved.0), Some(list));
                    model[list].push(moved);
                }
                _ => {}
            }
            for (list, expected) in model.iter().enumerate() {
                let found: Vec<_> = lists.iter(list).map(|(key, value)| (key, *value)).collect();
                assert_eq!((&found, lists.len(list)), (expected, expected.len()));
            }
            assert_eq!(lists.is_empty(), model.iter().all(Vec::is_empty));
            if step % 1000 == 999 {
                for list in &mut model {
                    list.drain(..).for_each(|(key, _)| assert!(lists.remove(key).is_some()));
                }
            }
        }
    }
}
