//! The storage of a gauge: boxes, within a bound.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;

use streamgauge_core::gauge::{Group, Key, Measured, Pane, Storage};
use streamgauge_core::stats::graph::Edge;
use streamgauge_core::stats::space_saving::Slot;
use wasm_bindgen::prelude::*;

/// The length of a box of so many, if there is memory for it: where a box finds none, the whole module ends.
pub(crate) fn room<T>(len: u32) -> Result<usize, JsError> {
    if is_free((len as usize).saturating_mul(size_of::<T>())) {
        Ok(len as usize)
    } else {
        Err(JsError::new("there is no memory for so much"))
    }
}

#[inline(never)]
fn is_free(bytes: usize) -> bool {
    let mut tried = Vec::<u8>::new();
    let is_free = tried.try_reserve_exact(bytes).is_ok();
    // What nobody looks at would not be asked for.
    black_box(&tried);
    is_free
}

/// Counts the bytes of each box before it makes it.
#[derive(Debug)]
pub(crate) struct Boxes {
    held: u64,
    most: u64,
}

impl Boxes {
    /// Boxes of at most so many bytes together.
    pub(crate) const fn within(most: u64) -> Self {
        Self { held: 0, most }
    }

    /// Bytes of all that was made.
    pub(crate) const fn held(&self) -> u64 {
        self.held
    }

    fn hold(&mut self, len: usize, each: usize) -> Option<()> {
        let held = (len as u64).checked_mul(each as u64)?.checked_add(self.held)?;
        (held <= self.most && is_free(len.checked_mul(each)?)).then(|| self.held = held)
    }

    fn filled<T: Clone>(&mut self, len: usize, with: T) -> Option<Box<[T]>> {
        self.hold(len, size_of::<T>())?;
        Some(vec![with; len].into_boxed_slice())
    }
}

impl Storage for Boxes {
    type Bins = Box<[u32]>;
    type Registers = Box<[u8]>;
    type Counts = Box<[u64]>;
    type Slots = Box<[Slot<Key>]>;
    type Edges = Box<[Slot<Edge<Key>>]>;
    type Cells = Box<[Measured<Self>]>;
    type Panes = Box<[Pane]>;
    type Groups = Box<[Group]>;

    fn bins(&mut self, len: usize) -> Option<Self::Bins> {
        self.filled(len, 0)
    }

    fn registers(&mut self, len: usize) -> Option<Self::Registers> {
        self.filled(len, 0)
    }

    fn counts(&mut self, len: usize) -> Option<Self::Counts> {
        self.filled(len, 0)
    }

    fn slots(&mut self, len: usize) -> Option<Self::Slots> {
        self.filled(len, Slot::EMPTY)
    }

    fn edges(&mut self, len: usize) -> Option<Self::Edges> {
        self.filled(len, Slot::EMPTY)
    }

    fn cells(
        &mut self,
        len: usize,
        mut make: impl FnMut(&mut Self, usize) -> Option<Measured<Self>>,
    ) -> Option<Self::Cells> {
        self.hold(len, size_of::<Measured<Self>>())?;
        (0..len).map(|number| make(self, number)).collect()
    }

    fn panes(&mut self, len: usize) -> Option<Self::Panes> {
        self.filled(len, Pane::EMPTY)
    }

    fn groups(&mut self, len: usize) -> Option<Self::Groups> {
        self.filled(len, Group::EMPTY)
    }
}
