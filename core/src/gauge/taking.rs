//! Messages come in, panes are over, and rules are looked at.

use core::time::Duration;

use super::definition::{Definition, Every, MOST_RULES};
use super::grid::At;
use super::groups::Placed;
use super::panes::{Belongs, Came};
use super::rules::{self, Alert};
use super::sample::{Read, Sample};
use super::{Gauge, Measured, Reading, Span, Storage, Whose, cell_of};
use crate::time::Time;

impl<S: Storage> Gauge<S> {
    /// Measures a message that came `now`. O(bytes), and what each measure takes.
    pub fn take(&mut self, message: &[u8], now: Time) {
        let now = self.catch_up(now);
        self.counters.messages = self.counters.messages.saturating_add(1);
        match self.reader.read(message, now, &mut self.counters.unmeasured) {
            Read::Sample(sample) => self.place(sample, now),
            Read::Filtered => self.counters.filtered = self.counters.filtered.saturating_add(1),
            Read::Nothing => {}
        }
    }

    /// Measures numbers that came `now`, each as the [field](Definition::field) of a message of no bytes: for a host that
    /// has numbers already, such as samples of a converter. O(n), and what each measure takes; of moments that is less than
    /// half of what numbers take one by one.
    ///
    /// What they do not have is as if it was missing: a second field, the one that says when it was, and all that a filter
    /// asks for; they are in no group. NaN and infinities count as what can't be measured, and each measure counts them in
    /// its own way, too. Panes of messages that end among the numbers are not told.
    pub fn take_numbers(&mut self, mut numbers: &[f64], now: Time) {
        while !numbers.is_empty() {
            let now = self.catch_up(now);
            let room = self.panes.as_ref().map_or(u64::MAX, |panes| panes.until_over(self.own));
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(numbers.len());
            let Some((some, rest)) = numbers.split_at_checked(room) else { return };
            numbers = rest;
            let messages = some.len() as u64;
            self.counters.messages = self.counters.messages.saturating_add(messages);
            match self.reader.read_numbers(some, &mut self.counters.unmeasured) {
                Read::Sample(()) => self.place_numbers(some, now),
                Read::Filtered => self.counters.filtered = self.counters.filtered.saturating_add(messages),
                Read::Nothing => {}
            }
        }
    }

    /// Lets it begin `now`, if it has not, and not with what comes first: from then on a pane is told though nothing comes
    /// in it. Where a field tells the time, its panes begin with the first message all the same. O(1).
    pub fn begin(&mut self, now: Time) {
        let now = self.pass(now);
        if let Some(panes) = self.panes.as_mut().filter(|_| self.definition.time.is_none()) {
            panes.begin(now, self.own);
        }
    }

    /// Whether a pane is over and has not been told.
    pub fn is_over(&self, now: Time) -> bool {
        self.over(now).is_some()
    }

    /// When the next pane is over though no message comes; `None` if that is told by messages alone.
    pub fn next_over(&self) -> Option<Time> {
        self.panes.as_ref()?.next_over()
    }

    /// Tells the pane that is over: its reading goes to `tell`, part by part as with [`read`](Self::read), and which rules
    /// begin to hold or have ended is [kept](Self::take_alerts). O(1) if there is none.
    pub fn close(&mut self, now: Time, tell: impl FnMut(&Reading<'_>, Whose<'_>, &mut [Measured<S>])) {
        let Some(pane) = self.over(now) else { return };
        self.read(Span::Pane(pane), now, tell);
        self.look_at_rules(pane, now);
        self.finish(pane, now);
    }

    /// What the rules had to tell when the last pane was [closed](Self::close), for each at most one thing, unless it was
    /// taken already. O(1).
    pub fn take_alerts(&mut self) -> heapless::Vec<Alert, MOST_RULES> {
        core::mem::take(&mut self.alerts)
    }

    /// Looks whether rules hold as a pane ends: over all that a reading reaches back to.
    fn look_at_rules(&mut self, pane: u64, now: Time) {
        if self.definition.rules.is_empty() {
            return;
        }
        let end = self.panes.as_ref().and_then(|panes| panes.bounds(pane)).map_or(now, |(_, end)| end);
        let mut values = [None; MOST_RULES];
        let rules = self.definition.rules.clone();
        self.read_until(Some(pane), Span::Window, now, &mut |_, whose, _, cell| {
            if matches!(whose, Whose::All) {
                for (value, rule) in values.iter_mut().zip(&rules) {
                    *value = rules::value(rule, cell, end);
                }
            }
        });
        self.alerts.clear();
        for (number, (rule, value)) in rules.iter().zip(values).enumerate() {
            if let Some(alert) = self.watch.look(number, rule, value, end) {
                let _ = self.alerts.push(alert);
            }
        }
    }

    fn over(&self, now: Time) -> Option<u64> {
        self.panes.as_ref()?.over(self.latest.max(now), self.own)
    }

    /// Lets the time be now: what is over by then and was not told is lost, and counted.
    pub(super) fn catch_up(&mut self, now: Time) -> Time {
        while let Some(pane) = self.over(now) {
            self.counters.untold = self.counters.untold.saturating_add(1);
            self.finish(pane, now);
        }
        self.pass(now)
    }

    fn pass(&mut self, now: Time) -> Time {
        self.latest = self.latest.max(now);
        self.began.get_or_insert(self.latest);
        self.latest
    }

    /// A pane is told: where readings reach to the start its cells are added to those that last.
    fn finish(&mut self, pane: u64, now: Time) {
        let (now, back) = (self.pass(now), self.back());
        let Some(panes) = &mut self.panes else { return };
        if self.definition.last.is_none()
            && let Some(row) = panes.row_of(pane)
        {
            for group in 0..self.grid.shape().groups {
                let at = At::Pane { row, group };
                self.grid.merge(at, At::Lasting { group });
                self.grid.clear(at);
            }
            panes.forget(row);
        }
        panes.told(pane, now, self.own, back);
        if let Some(sample) = self.pending.take() {
            self.place(sample, now);
        }
    }

    /// Measures what was read of a message.
    fn place(&mut self, sample: Sample, now: Time) {
        let back = self.back();
        let counters = &mut self.counters;
        let (time, before, bytes) = (sample.time, self.own, sample.bytes);
        if self.definition.time.is_some() && is_yet_to_come(time, now, &self.definition) {
            counters.early = counters.early.saturating_add(1);
            return;
        }
        let row = match &mut self.panes {
            None => None,
            Some(panes) => {
                panes.begin(time, before);
                match panes.belongs(time, before, back) {
                    Belongs::Late => {
                        counters.late = counters.late.saturating_add(1);
                        return;
                    }
                    Belongs::Ahead => {
                        self.pending = Some(sample);
                        return;
                    }
                    Belongs::Row { row, fresh } => Some((row, fresh)),
                }
            }
        };
        let came = Came::at(time, 1, bytes);
        let row = row.map(|(row, fresh)| self.enter(row, fresh, time, &came));
        let group = self.group_of(&sample);
        self.measure(row, group, &came, |measured| measured.take(&sample));
    }

    /// Measures numbers that are all in the pane of now.
    fn place_numbers(&mut self, numbers: &[f64], now: Time) {
        let (before, back, messages) = (self.own, self.back(), numbers.len() as u64);
        let row = match &mut self.panes {
            None => None,
            Some(panes) => {
                panes.begin(now, before);
                match panes.belongs(now, before, back) {
                    Belongs::Row { row, fresh } => Some((row, fresh)),
                    // Neither is: all panes before that of now are over, and told.
                    Belongs::Late | Belongs::Ahead => {
                        self.counters.late = self.counters.late.saturating_add(messages);
                        return;
                    }
                }
            }
        };
        let came = Came::at(now, messages, 0);
        let row = row.map(|(row, fresh)| self.enter(row, fresh, now, &came));
        self.measure(row, 0, &came, |measured| measured.take_numbers(numbers, now));
    }

    /// Lets each measure of a group take what came.
    fn measure(&mut self, row: Option<usize>, group: usize, came: &Came, take: impl Fn(&mut Measured<S>)) {
        self.counters.measured = self.counters.measured.saturating_add(came.messages);
        self.counters.bytes = self.counters.bytes.saturating_add(came.bytes);
        self.came.add(came);
        self.own = self.own.saturating_add(came.messages);
        if let Some(row) = row {
            self.grid.cell_mut(At::Pane { row, group }).iter_mut().for_each(&take);
        }
        let is_paned = row.is_some();
        self.grid.cell_mut(At::Lasting { group }).iter_mut().filter(|one| !is_paned || one.is_lasting()).for_each(take);
    }

    /// Counts messages in the row of the pane of `time`, which is emptied first if it is of an earlier one.
    pub(super) fn enter(&mut self, row: usize, fresh: bool, time: Time, more: &Came) -> usize {
        if fresh {
            (0..self.grid.shape().groups).for_each(|group| self.grid.clear(At::Pane { row, group }));
        }
        if let Some(panes) = &mut self.panes {
            panes.count(row, time, self.own, more);
        }
        row
    }

    /// The cell that a message belongs to: 0 for those that are in no group.
    fn group_of(&mut self, sample: &Sample) -> usize {
        let (Some(groups), Some(key)) = (&mut self.groups, &sample.by) else { return 0 };
        if let Placed::In(number) = groups.held.place(key, 1) {
            return cell_of(number);
        }
        let before = groups.waiting.get(key).map_or(0, |counted| counted.weight.saturating_sub(counted.error));
        let Some(number) = groups.held.gives_way(before.saturating_add(1)) else {
            groups.waiting.add(*key, 1);
            return 0;
        };
        // What has come before still waits, if it is not forgotten: only what came since is added when it leaves.
        if let Some((left, messages)) = groups.held.replace(number, key, before) {
            groups.waiting.add(left, messages);
            self.counters.moved = self.counters.moved.saturating_add(messages);
        }
        self.move_to_other(cell_of(number));
        cell_of(number)
    }

    /// Adds all that a group has to those who are in none.
    fn move_to_other(&mut self, group: usize) {
        for row in 0..self.grid.shape().rows {
            self.grid.merge(At::Pane { row, group }, At::Pane { row, group: 0 });
            self.grid.clear(At::Pane { row, group });
        }
        self.grid.merge(At::Lasting { group }, At::Lasting { group: 0 });
        self.grid.clear(At::Lasting { group });
    }
}

/// How far messages may be ahead where there are no panes: as far as clocks are apart that somebody sets.
const WITHOUT_PANES: Duration = Duration::from_secs(60);

/// Whether a message says of itself that it is yet to come, beyond what may be late.
fn is_yet_to_come(time: Time, now: Time, definition: &Definition) -> bool {
    let pane = match definition.every {
        Some(Every::Time(pane)) => pane,
        // With a field for the time they are a matter of time.
        Some(Every::Messages(_)) | None => WITHOUT_PANES,
    };
    time > now.after(definition.lateness).after(pane)
}
