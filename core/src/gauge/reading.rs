//! What is measured, read: of all groups, over as many panes as a reading reaches back to.

use super::definition::Definition;
use super::grid::At;
use super::panes::Came;
use super::{Counters, Gauge, Measured, Named, Storage};
use crate::time::Time;

/// What a reading is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// As far back as the gauge reaches.
    Window,
    /// One pane.
    Pane(u64),
}

/// A reading, beside what is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading<'a> {
    /// What the gauge measures.
    pub definition: &'a Definition,
    /// What it has counted since the start.
    pub counters: &'a Counters,
    /// When what is read begins.
    pub from: Time,
    /// When it ends.
    pub to: Time,
    /// Messages in it.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Where a field tells the time, the latest that it told, as far as it is not behind `to`.
    latest: Option<Time>,
}

impl Reading<'_> {
    /// As of when rates are, read `now`: of a stream that tells its own time as of then, or all of it would be long ago.
    #[must_use]
    pub fn as_of(&self, now: Time) -> Time {
        self.latest.unwrap_or(now)
    }
}

/// Whose results they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Those of a group.
    Group(Named<'a>),
    /// Those of all messages that are in no group.
    Other,
    /// Those of all.
    All,
}

/// Who is told what is measured of each group.
type Each<'e, S> = dyn FnMut(&Reading<'_>, Whose<'_>, u64, &mut [Measured<S>]) + 'e;

/// Who is told of each pane.
type EachPane<'e, S> = dyn FnMut(u64, &[Measured<S>]) + 'e;

impl<S: Storage> Gauge<S> {
    /// Reads what is measured: `each` is called for every group in no order, for the messages that are in none, and last
    /// for all together; a gauge without groups has only the last. O(groups × panes × state), of one pane O(groups × state).
    pub fn read(&mut self, span: Span, now: Time, mut each: impl FnMut(&Reading<'_>, Whose<'_>, &mut [Measured<S>])) {
        self.read_until(None, span, now, &mut |reading, whose, _, cell| each(reading, whose, cell));
    }

    /// All that is measured, as it stands, of a gauge without panes and groups: nothing has to be added up. O(1).
    pub fn measured(&self) -> Option<&[Measured<S>]> {
        let is_one = self.panes.is_none() && self.groups.is_none();
        is_one.then(|| self.grid.cell(At::Lasting { group: 0 }))
    }

    /// Reads the panes that a reading reaches back to one by one, in their order, each of all groups together: how many
    /// messages came, and what was measured. O(groups × panes × state).
    pub fn read_panes(&mut self, now: Time, mut each: impl FnMut(u64, &[Measured<S>])) {
        self.read_each_pane(now, &mut each);
    }

    fn read_each_pane(&mut self, now: Time, each: &mut EachPane<'_, S>) {
        let now = self.latest.max(now);
        let Some(panes) = &self.panes else { return };
        let (first, last) = panes.window(self.back(), now, self.own);
        let rows = self.grid.shape().rows as u64;
        for pane in first.max(last.saturating_sub(rows.saturating_sub(1)))..=last {
            self.grid.clear(At::Total);
            let row = self.panes.as_ref().and_then(|panes| panes.row_of(pane));
            let messages = row.and_then(|row| Some(self.panes.as_ref()?.get(row).came().messages));
            if let Some(row) = row {
                for group in 0..self.grid.shape().groups {
                    self.grid.merge(At::Pane { row, group }, At::Total);
                }
            }
            each(messages.unwrap_or(0), self.grid.cell(At::Total));
        }
    }

    /// [`read`](Self::read), as if no pane behind `until` had begun; and of each group how many messages it has had since
    /// it has a place. There is one of it for all that read: who is called is told as it runs.
    pub(super) fn read_until(&mut self, until: Option<u64>, span: Span, now: Time, each: &mut Each<'_, S>) {
        let now = self.latest.max(now);
        let shape = *self.grid.shape();
        let (first, last) = match (span, &self.panes) {
            (Span::Pane(pane), _) => (pane, pane),
            (Span::Window, Some(panes)) => match (until, self.back()) {
                // No part of another pane is among them.
                (Some(until), back) => (back.map_or(0, |back| until.saturating_add(1).saturating_sub(back)), until),
                (None, back) => panes.window(back, now, self.own),
            },
            (Span::Window, None) => (0, 0),
        };
        let spanned = self.describe(span, (first, last), now);
        let is_grouped = self.groups.is_some();
        // One pane is in one row at most: the others need not be looked at for each group.
        let rows = match &self.panes {
            Some(panes) if first == last => panes.row_of(first).map_or(0..0, |row| row..row.saturating_add(1)),
            _ => 0..shape.rows,
        };
        self.grid.clear(At::Total);
        let groups = self.groups.as_ref().map_or(0, |groups| groups.held.len() as usize);
        // The one for those who are in none comes behind the groups.
        for group in (1..=groups).chain([0]) {
            self.grid.clear(At::Sum);
            let is_all = span == Span::Window;
            self.grid.merge_some(At::Lasting { group }, At::Sum, |measured| is_all || measured.is_lasting());
            for row in rows.clone() {
                let number = self.panes.as_ref().map(|panes| panes.get(row).number());
                if number.is_some_and(|number| number >= first && number <= last) {
                    self.grid.merge(At::Pane { row, group }, At::Sum);
                }
            }
            self.grid.merge(At::Sum, At::Total);
            if is_grouped {
                let held = group.checked_sub(1).and_then(|number| self.groups.as_ref()?.held.named(number as u32));
                let (whose, messages) = held.map_or((Whose::Other, 0), |(key, messages)| (Whose::Group(key), messages));
                let reading = spanned.of(&self.definition, &self.counters);
                each(&reading, whose, messages, self.grid.cell_mut(At::Sum));
            }
        }
        let reading = spanned.of(&self.definition, &self.counters);
        each(&reading, Whose::All, 0, self.grid.cell_mut(At::Total));
    }

    /// How many panes before the newest one a reading reaches back; `None`: to the start.
    pub(super) fn back(&self) -> Option<u64> {
        self.definition.every?.panes(self.definition.last?)
    }

    fn describe(&self, span: Span, (first, last): (u64, u64), now: Time) -> Spanned {
        let mut came = self.came;
        if let Some(panes) = self.panes.as_ref().filter(|_| !self.is_from_start(span)) {
            let rows = (0..self.grid.shape().rows).map(|row| panes.get(row));
            came = Came::NOTHING;
            rows.filter(|pane| (first..=last).contains(&pane.number())).for_each(|pane| came.add(pane.came()));
        }
        let (from, to) = self.between(span, (first, last), &came, now);
        let to = to.max(from);
        Spanned { from, to, messages: came.messages, bytes: came.bytes, latest: self.latest_told(to) }
    }

    /// The latest time that a field told until then.
    fn latest_told(&self, to: Time) -> Option<Time> {
        self.definition.time?;
        let of_panes = self.panes.as_ref().and_then(|panes| panes.latest());
        let measured = self.came.times().map(|(_, last)| last);
        Some(of_panes.max(measured)?.min(to))
    }

    /// Whether all is read that there was, in panes that are told no more, too.
    fn is_from_start(&self, span: Span) -> bool {
        self.panes.is_none() || (span == Span::Window && self.definition.last.is_none())
    }

    /// From when to when a span is of which these messages came.
    fn between(&self, span: Span, (first, last): (u64, u64), came: &Came, now: Time) -> (Time, Time) {
        let bounds = |pane| self.panes.as_ref()?.bounds(pane);
        let is_from_start = self.is_from_start(span);
        let begin = bounds(first).map(|(begin, _)| begin).filter(|_| !is_from_start);
        let end = bounds(last).map(|(_, end)| end);
        if self.definition.time.is_some() {
            // Now is no time of the stream, nor is when the gauge was set up.
            if self.came.messages == 0 {
                return (now, now);
            }
            let (from, to) = came.times().or(begin.zip(end)).unwrap_or((now, now));
            return (begin.map_or(from, |begin| begin.min(from)), end.map_or(to, |end| end.max(to)));
        }
        let began = self.began.unwrap_or(now);
        if is_from_start {
            return (began, end.map_or(now, |end| end.min(now)));
        }
        let (earliest, latest) = came.times().unwrap_or((now, now));
        let until = if matches!(span, Span::Pane(_)) { latest } else { now };
        // Before it was set up nothing was measured, and what is to come has not been yet.
        (begin.map_or(earliest, |begin| begin.max(began)), end.map_or(until, |end| end.min(now)))
    }
}

/// What is known of a span without looking at a cell.
#[derive(Debug, Clone, Copy)]
struct Spanned {
    from: Time,
    to: Time,
    messages: u64,
    bytes: u64,
    latest: Option<Time>,
}

impl Spanned {
    const fn of<'a>(&self, definition: &'a Definition, counters: &'a Counters) -> Reading<'a> {
        let Self { from, to, messages, bytes, latest } = *self;
        Reading { definition, counters, from, to, messages, bytes, latest }
    }
}
