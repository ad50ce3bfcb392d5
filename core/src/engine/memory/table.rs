//! Where topics and queues are found by their names.

use crate::engine::Name;

/// Values by name. A host gives one that it likes: a hash table, a few places in a static.
pub trait Table<V> {
    /// Names, by themselves: values can be changed while one goes through them.
    type Names: Iterator<Item = Name>;

    /// The value of that name.
    fn get(&self, name: &Name) -> Option<&V>;

    /// The value of that name, to be changed.
    fn get_mut(&mut self, name: &Name) -> Option<&mut V>;

    /// Keeps a value under a name that has none yet.
    ///
    /// # Errors
    /// The value, when there is no place for it.
    fn insert(&mut self, name: Name, value: V) -> Result<(), V>;

    /// Takes a value out.
    fn remove(&mut self, name: &Name) -> Option<V>;

    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there may be.
    fn limit(&self) -> usize;

    /// All names, in their order.
    fn names(&self) -> Self::Names;
}

/// At most `N` values, found by looking at each: for a handful of names. O(N) for all that it does.
#[derive(Debug, Clone)]
pub struct Few<V, const N: usize> {
    values: heapless::Vec<(Name, V), N>,
}

impl<V, const N: usize> Few<V, N> {
    /// No value.
    pub const fn new() -> Self {
        Self { values: heapless::Vec::new() }
    }

    fn place(&self, name: &Name) -> Option<usize> {
        self.values.iter().position(|(known, _)| known == name)
    }
}

impl<V, const N: usize> Default for Few<V, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V, const N: usize> Table<V> for Few<V, N> {
    type Names = InOrder<N>;

    fn get(&self, name: &Name) -> Option<&V> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn get_mut(&mut self, name: &Name) -> Option<&mut V> {
        self.values.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn insert(&mut self, name: Name, value: V) -> Result<(), V> {
        self.values.push((name, value)).map_err(|(_, value)| value)
    }

    fn remove(&mut self, name: &Name) -> Option<V> {
        let place = self.place(name)?;
        // Which is in range: it was found there.
        (place < self.values.len()).then(|| self.values.swap_remove(place).1)
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn limit(&self) -> usize {
        N
    }

    fn names(&self) -> InOrder<N> {
        let mut names = heapless::Vec::<Name, N>::new();
        for (name, _) in &self.values {
            // There is room: it has as many places.
            let _ = names.push(*name);
        }
        // Insertion sort: what the library has may panic.
        for end in 1..names.len() {
            for at in (1..=end).rev() {
                if names.get(at.wrapping_sub(1)) > names.get(at) && at < names.len() {
                    names.swap(at, at.wrapping_sub(1));
                }
            }
        }
        InOrder { names, next: 0 }
    }
}

/// The names of [`Few`] values, in their order.
#[derive(Debug, Clone)]
pub struct InOrder<const N: usize> {
    names: heapless::Vec<Name, N>,
    next: usize,
}

impl<const N: usize> Iterator for InOrder<N> {
    type Item = Name;

    fn next(&mut self) -> Option<Name> {
        let name = *self.names.get(self.next)?;
        self.next = self.next.wrapping_add(1);
        Some(name)
    }
}
