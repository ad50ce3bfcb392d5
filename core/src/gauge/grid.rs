//! Where what of which group in which pane is measured.

use super::definition::{Definition, Last, Measures};
use super::measured::Measured;
use super::storage::Storage;

/// The shape of all cells: those of the panes, a row each; those that last; and two to add up in.
///
/// A cell has what is measured of one group, in the order of [`Measure::ALL`](super::Measure::ALL). The first of each row
/// is that of all messages that are in no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) groups: usize,
    /// What the cells of panes have.
    pub(super) paned: Measures,
    /// What those have that last.
    pub(super) lasting: Measures,
    /// What is added up.
    pub(super) all: Measures,
}

/// Which cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Of a group in a row of the ring.
    Pane { row: usize, group: usize },
    /// Of a group, from the start.
    Lasting { group: usize },
    /// Where a reading is added up.
    Sum,
    /// Where all groups of a reading are added up.
    Total,
}

impl Shape {
    pub(super) fn of(definition: &Definition) -> Self {
        let all = definition.measures;
        let panes = |last| definition.every.and_then(|every| every.panes(last)).unwrap_or(0) as usize;
        let late = if definition.lateness.is_zero() { 0 } else { panes(Last::Time(definition.lateness)) };
        let rows = match (definition.every, definition.last) {
            (None, _) => 0,
            (Some(_), None) => late.saturating_add(1),
            (Some(_), Some(last)) => panes(last).saturating_add(late).saturating_add(1),
        };
        let paned = all.paned();
        let lasting = if definition.last.is_some() { all.lasting() } else { all };
        let groups = if definition.by.is_some() { usize::from(definition.groups).saturating_add(1) } else { 1 };
        Self { rows, groups, paned, lasting, all }
    }

    /// How many measures all cells have together.
    pub(super) fn len(&self) -> usize {
        let rows = self.rows.saturating_mul(self.paned.len()).saturating_add(self.lasting.len());
        rows.saturating_mul(self.groups).saturating_add(self.all.len().saturating_mul(2))
    }

    /// What the cell has that the measure with this number is in.
    pub(super) fn measure(&self, number: usize) -> Option<super::Measure> {
        let paned = self.rows.saturating_mul(self.groups).saturating_mul(self.paned.len());
        let lasting = self.groups.saturating_mul(self.lasting.len());
        let (of, number) = match number.checked_sub(paned) {
            None => (self.paned, number),
            Some(number) => match number.checked_sub(lasting) {
                None => (self.lasting, number),
                Some(number) => (self.all, number),
            },
        };
        of.iter().nth(number.checked_rem(of.len())?)
    }

    fn span(&self, at: At) -> (usize, usize) {
        let paned = self.rows.saturating_mul(self.groups).saturating_mul(self.paned.len());
        let lasting = self.groups.saturating_mul(self.lasting.len());
        match at {
            At::Pane { row, group } => {
                let cell = row.saturating_mul(self.groups).saturating_add(group);
                (cell.saturating_mul(self.paned.len()), self.paned.len())
            }
            At::Lasting { group } => {
                (paned.saturating_add(group.saturating_mul(self.lasting.len())), self.lasting.len())
            }
            At::Sum => (paned.saturating_add(lasting), self.all.len()),
            At::Total => (paned.saturating_add(lasting).saturating_add(self.all.len()), self.all.len()),
        }
    }
}

/// All cells of a gauge.
pub(super) struct Grid<S: Storage> {
    shape: Shape,
    cells: S::Cells,
}

impl<S: Storage> Grid<S> {
    /// Empty cells; `None` where there is no room.
    pub(super) fn new(definition: &Definition, storage: &mut S) -> Option<Self> {
        let shape = Shape::of(definition);
        let make = |storage: &mut S, number| Measured::new(shape.measure(number)?, definition, storage);
        Some(Self { shape, cells: storage.cells(shape.len(), make)? })
    }

    pub(super) const fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(super) fn cell(&self, at: At) -> &[Measured<S>] {
        let (start, len) = self.shape.span(at);
        self.cells.as_ref().get(start..start.saturating_add(len)).unwrap_or_default()
    }

    pub(super) fn cell_mut(&mut self, at: At) -> &mut [Measured<S>] {
        let (start, len) = self.shape.span(at);
        self.cells.as_mut().get_mut(start..start.saturating_add(len)).unwrap_or_default()
    }

    pub(super) fn clear(&mut self, at: At) {
        self.cell_mut(at).iter_mut().for_each(Measured::clear);
    }

    /// Adds what one cell has seen to another one, as far as both measure the same.
    pub(super) fn merge(&mut self, from: At, to: At) {
        self.merge_some(from, to, |_| true);
    }

    /// The same for some of what it measures.
    pub(super) fn merge_some(&mut self, from: At, to: At, which: impl Fn(&Measured<S>) -> bool) {
        let ((from, from_len), (to, to_len)) = (self.shape.span(from), self.shape.span(to));
        let cells = self.cells.as_mut();
        let (source, target) = if from < to {
            let Some((before, behind)) = cells.split_at_mut_checked(to) else { return };
            (before.get(from..from.saturating_add(from_len)), behind.get_mut(..to_len))
        } else {
            let Some((before, behind)) = cells.split_at_mut_checked(from) else { return };
            (behind.get(..from_len), before.get_mut(to..to.saturating_add(to_len)))
        };
        let (Some(source), Some(target)) = (source, target) else { return };
        let mut targets = target.iter_mut();
        for one in source.iter().filter(|one| which(one)) {
            // Both are in the same order.
            if let Some(same) = targets.find(|target| target.is_like(one)) {
                same.merge(one);
            }
        }
    }
}
