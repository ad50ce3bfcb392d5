//! What is told when it begins and when it ends.

use super::definition::{Bound, MOST_RULES, Rule, Statistic};
use super::measured::Measured;
use super::storage::Storage;
use crate::time::Time;

/// Whether each rule holds, and since when it may be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Watch {
    states: [State; MOST_RULES],
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct State {
    holds: bool,
    /// Since when it has been otherwise than it was told.
    differs: Option<Time>,
    /// Changes counted so far, for rules about those.
    seen: u64,
}

/// A rule that has begun to hold, or has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert {
    /// Which one, by its place in the definition.
    pub rule: usize,
    /// Whether it holds from now on.
    pub begins: bool,
    /// What the result was; `None`: there was none.
    pub value: Option<f64>,
    /// Until when what was looked at reaches, as a reading's `to`: the end of a pane.
    pub to: Time,
}

impl Watch {
    /// Looks at what a rule is about, as of `now`: whether there is something to tell. O(1).
    pub(super) fn look(&mut self, number: usize, rule: &Rule, value: Option<f64>, now: Time) -> Option<Alert> {
        let state = self.states.get_mut(number)?;
        let is_so = match rule.bound {
            Bound::Above(bound, _) if !state.holds => value.is_some_and(|value| value > bound),
            Bound::Above(_, clear) => value.is_some_and(|value| value > clear),
            Bound::Below(bound, _) if !state.holds => value.is_some_and(|value| value < bound),
            Bound::Below(_, clear) => value.is_some_and(|value| value < clear),
            Bound::Up | Bound::Down => {
                // Of changes in that direction the value is how many there were.
                let changes = value.unwrap_or(0.0) as u64;
                core::mem::replace(&mut state.seen, changes) < changes
            }
        };
        if is_so == state.holds {
            state.differs = None;
            return None;
        }
        let since = *state.differs.get_or_insert(now);
        if now.since(since) < rule.hold {
            return None;
        }
        (state.holds, state.differs) = (is_so, None);
        Some(Alert { rule: number, begins: is_so, value, to: now })
    }
}

/// What a rule is about, in a cell as of `now`.
pub(super) fn value<S: Storage>(rule: &Rule, cell: &[Measured<S>], now: Time) -> Option<f64> {
    cell.iter().find_map(|measured| match measured {
        Measured::Moments(moments) => match rule.statistic {
            Statistic::Count => Some(moments.count() as f64),
            Statistic::Mean => moments.mean(),
            Statistic::Variance => moments.sample_variance(),
            Statistic::Stddev => moments.sample_stddev(),
            Statistic::Min => moments.min(),
            Statistic::Max => moments.max(),
            _ => None,
        },
        Measured::Quantiles(sketch) => {
            let q = match rule.statistic {
                Statistic::P50 => 0.5,
                Statistic::P90 => 0.9,
                Statistic::P99 => 0.99,
                Statistic::P999 => 0.999,
                _ => return None,
            };
            Some(sketch.quantile(q)?.estimate)
        }
        Measured::Distinct(sketch) if rule.statistic == Statistic::Distinct => Some(sketch.estimate().estimate),
        Measured::Rate(rate) if rule.statistic == Statistic::Rate => Some(rate.messages_per_second(now).one_minute),
        Measured::Pair(pair) if rule.statistic == Statistic::Correlation => pair.correlation(),
        Measured::Change(detector) => match rule.bound {
            Bound::Up => Some(detector.alarms_up() as f64),
            Bound::Down => Some(detector.alarms_down() as f64),
            _ => None,
        },
        _ => None,
    })
}
