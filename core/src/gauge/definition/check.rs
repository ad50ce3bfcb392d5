//! Whether there can be such a gauge.

use core::time::Duration;

use super::window::whole_millis;
use super::{Bound, Definition, Every, Last, MOST_PANES, Measure, Rule, Scale, Setting, Wrong};
use crate::select::Path;
use crate::stats::histogram::density;

/// The most bins of a histogram.
const MOST_BINS: f64 = 1_048_576.0;

/// The most panes that are held for messages that come late.
const MOST_LATE: u64 = 64;

impl Definition {
    /// Whether there can be such a gauge. O(1).
    ///
    /// # Errors
    /// Which setting is wrong, and what it has to be.
    pub fn check(&self) -> Result<(), Wrong> {
        let paths = [
            (Setting::Field, &self.field),
            (Setting::With, &self.with),
            (Setting::By, &self.by),
            (Setting::Time, &self.time),
        ];
        for (setting, path) in paths {
            if let Some(path) = path {
                let text = core::str::from_utf8(path.as_bytes()).map_err(|_| setting.wrong())?;
                Path::parse(text).map_err(|bad| Wrong::Path(setting.member(), bad))?;
            }
        }
        self.check_measures()?;
        self.check_time()?;
        self.rules.iter().try_for_each(|rule| self.check_rule(rule))
    }

    fn check_measures(&self) -> Result<(), Wrong> {
        let change = &self.change;
        if self.measures.iter().any(Measure::is_of_two) && self.with.is_none() {
            return Err(Wrong::Setting("with", "the second field, for pair and graph"));
        }
        for (setting, is_fine) in [
            (Setting::Measure, !self.measures.is_empty()),
            (Setting::Accuracy, (1e-4..=0.5).contains(&self.accuracy)),
            (Setting::Bins, self.bins > 0),
            (Setting::Precision, (4..=18).contains(&self.precision)),
            (Setting::Top, self.top > 0),
            (Setting::Edges, (1..=1 << 20).contains(&self.edges)),
            (Setting::Groups, (1..=4096).contains(&self.groups)),
            (Setting::ChangeDrift, (0.0..=1e3).contains(&change.drift)),
            (Setting::ChangeThreshold, (1e-3..=1e6).contains(&change.threshold)),
            (Setting::ChangeLearn, change.learn >= 2),
            (Setting::Histogram, self.histogram.is_possible()),
        ] {
            if !is_fine {
                return Err(setting.wrong());
            }
        }
        if self.measures.has(Measure::Histogram) && self.histogram == Scale::None {
            return Err(Setting::Histogram.wrong());
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), Wrong> {
        match self.every {
            Some(Every::Time(pane)) if whole_millis(pane).is_none_or(|millis| millis == 0) => {
                return Err(Setting::Every.wrong());
            }
            Some(Every::Messages(0)) => return Err(Setting::Every.wrong()),
            Some(Every::Messages(_)) if self.time.is_some() => {
                return Err(Wrong::Setting("every", "a time, when a field says when a message was"));
            }
            _ => {}
        }
        if let Some(last) = self.last {
            let every = self.every.ok_or(Wrong::Setting("every", "given with last: how long a pane of it is"))?;
            let is_whole = !matches!(last, Last::Time(all) if whole_millis(all).is_none());
            let panes = every.panes(last).filter(|panes| is_whole && (1..=u64::from(MOST_PANES)).contains(panes));
            panes.ok_or(Setting::Last.wrong())?;
        }
        if self.lateness != Duration::ZERO {
            let is_whole = self.time.is_some() && whole_millis(self.lateness).is_some();
            let panes = self.every.and_then(|every| every.panes(Last::Time(self.lateness)));
            panes.filter(|panes| is_whole && *panes <= MOST_LATE).ok_or(Setting::Lateness.wrong())?;
        }
        Ok(())
    }

    fn check_rule(&self, rule: &Rule) -> Result<(), Wrong> {
        if self.every.is_none() {
            return Err(Wrong::Setting("every", "given with when: its rules are looked at each time"));
        }
        if rule.is_of_change() != matches!(rule.bound, Bound::Up | Bound::Down) {
            return Err(Setting::When.wrong());
        }
        let is_fine = match rule.bound {
            // Which NaN is not.
            Bound::Above(bound, until) => bound.is_finite() && until.is_finite() && until <= bound,
            Bound::Below(bound, until) => bound.is_finite() && until.is_finite() && until >= bound,
            Bound::Up | Bound::Down => true,
        };
        if !is_fine {
            return Err(Setting::WhenUntil.wrong());
        }
        whole_millis(rule.hold).ok_or(Setting::WhenFor.wrong())?;
        if rule.is_of_change() && !rule.hold.is_zero() {
            return Err(Wrong::Setting("when.for", "left out: a change does not last"));
        }
        if self.measures.has(rule.statistic.measure()) { Ok(()) } else { Err(Wrong::Unmeasured(rule.statistic)) }
    }
}

impl Scale {
    /// Whether there can be such bins: what [`Histogram`](crate::stats::Histogram) and
    /// [`IntHistogram`](crate::stats::IntHistogram) take.
    fn is_possible(&self) -> bool {
        match *self {
            Self::None => true,
            Self::Range { low, high, bins } => {
                let number = f64::from(bins);
                number <= MOST_BINS && density(number, low, high).is_some()
            }
            Self::Integers { low, high } => low <= high && high.abs_diff(low) < u32::from(u16::MAX),
        }
    }
}
