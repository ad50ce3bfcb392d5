//! Storage out of a budget: all of it from the start, or more as more is needed.

use std::cell::OnceCell;

use streamgauge_core::storage::{Grow, Optional};

use crate::engine::memory::budget::Held;

/// Bytes that are there once they are looked at: a topic or a queue that nobody uses takes none.
#[derive(Debug)]
pub(crate) struct Bytes {
    bytes: OnceCell<Box<[u8]>>,
    len: usize,
    _held: Held,
}

impl Bytes {
    pub(super) fn new(len: u64, held: Held) -> Self {
        Self { bytes: OnceCell::new(), len: usize::try_from(len).unwrap_or(usize::MAX), _held: held }
    }

    fn make(&self) -> &[u8] {
        self.bytes.get_or_init(|| vec![0; self.len].into_boxed_slice())
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.make()
    }
}

impl AsMut<[u8]> for Bytes {
    fn as_mut(&mut self) -> &mut [u8] {
        self.make();
        self.bytes.get_mut().map_or(&mut [], |bytes| &mut **bytes)
    }
}

/// Room for items: all of it from the start, or more as there are more, where it holds but their places.
#[derive(Debug)]
pub(crate) enum Items {
    Fixed(Bytes),
    Growing(Bounded<u8>),
}

impl AsRef<[u8]> for Items {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Fixed(bytes) => bytes.as_ref(),
            Self::Growing(bytes) => bytes.as_ref(),
        }
    }
}

impl AsMut<[u8]> for Items {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Fixed(bytes) => bytes.as_mut(),
            Self::Growing(bytes) => bytes.as_mut(),
        }
    }
}

impl Grow<u8> for Items {
    fn grow(&mut self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Growing(bytes) => bytes.grow(),
        }
    }
}

/// As [`Bytes`], for what comes out of the same budget as its bytes.
#[derive(Debug)]
pub(crate) struct Lazy<T> {
    values: OnceCell<Box<[T]>>,
    len: usize,
}

impl<T: Clone + Default> Lazy<T> {
    pub(super) const fn new(len: usize) -> Self {
        Self { values: OnceCell::new(), len }
    }

    fn make(&self) -> &[T] {
        self.values.get_or_init(|| vec![T::default(); self.len].into_boxed_slice())
    }
}

impl<T: Clone + Default> AsRef<[T]> for Lazy<T> {
    fn as_ref(&self) -> &[T] {
        self.make()
    }
}

impl<T: Clone + Default> AsMut<[T]> for Lazy<T> {
    fn as_mut(&mut self) -> &mut [T] {
        self.make();
        self.values.get_mut().map_or(&mut [], |values| &mut **values)
    }
}

/// Values that become more as they are needed, as far as a limit and the budget go.
#[derive(Debug)]
pub(crate) struct Bounded<T> {
    values: Vec<T>,
    most: usize,
    steps: Steps,
    held: Held,
}

impl<T> Bounded<T> {
    /// None yet, and so many at the most.
    pub(super) const fn new(most: usize, steps: Steps, held: Held) -> Self {
        Self { values: Vec::new(), most, steps, held }
    }
}

/// By how much there are more each time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Steps {
    /// By little: what is made is memory that is used. The room for them doubles, which costs nothing until then.
    Small,
    /// By as many: each time all of them have to find another place.
    Double,
    /// By a quarter, and some pages at least: what is there may have to be moved each time.
    Quarter,
}

impl<T> AsRef<[T]> for Bounded<T> {
    fn as_ref(&self) -> &[T] {
        &self.values
    }
}

impl<T> AsMut<[T]> for Bounded<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.values
    }
}

impl<T: Clone + Default> Grow<T> for Bounded<T> {
    fn grow(&mut self) -> bool {
        let len = self.values.len();
        let step = match self.steps {
            Steps::Small => (len / 256).clamp(4, 4096),
            Steps::Double => len.max(4),
            Steps::Quarter => (len / 4).max(4096),
        };
        let more = step.min(self.most - len);
        if more == 0 || !self.held.extend((more * size_of::<T>()) as u64) {
            return false;
        }
        self.values.reserve(more);
        self.values.resize(len + more, T::default());
        true
    }
}

/// The most bytes of what only some queues have.
pub(super) const TIES: u64 = 320;

/// A value in a place of its own, if it is there at all.
#[derive(Debug)]
pub(crate) struct Boxed<T>(Option<Box<T>>);

impl<T> Default for Boxed<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Optional<T> for Boxed<T> {
    fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    fn set(&mut self, value: Option<T>) {
        const { assert!(size_of::<T>() as u64 <= TIES) };
        self.0 = value.map(Box::new);
    }
}
