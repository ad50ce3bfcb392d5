//! The gauge of a command that measures numbers.

use streamgauge_core::engine::Name;
use streamgauge_core::gauge::{Definition, Gauge, Measure, Measured, Measures, Scale, SetupError};
use streamgauge_core::stats::{Histogram, Moments};
use streamgauge_core::time::Time;

use crate::gauges::Boxes;

/// A gauge of one measure, in no panes and no groups, that is given numbers and no messages.
///
/// It could read a field itself. The commands do that for it: a record may be what JSON has no number for (`+7`, `.5`,
/// `NaN`), a path may be longer than those of gauges, and the first record without a number is told.
pub(super) struct Numbers(Box<Gauge<Boxes>>);

impl Numbers {
    pub(super) fn new(measure: Measure, histogram: Scale) -> Result<Self, SetupError> {
        let measures = Measures::NONE.with(measure);
        let definition = Definition { histogram, ..Definition::new(Name::MAIN, measures) };
        Gauge::new(&definition, &mut Boxes::unbounded()).map(|gauge| Self(Box::new(gauge)))
    }

    /// Takes numbers in, whenever they came.
    pub(super) fn take(&mut self, numbers: &[f64]) {
        self.0.take_numbers(numbers, Time::ZERO);
    }

    /// What is measured, if it is moments.
    pub(super) fn moments(&self) -> Option<&Moments> {
        self.0.measured()?.iter().find_map(|one| if let Measured::Moments(one) = one { Some(one) } else { None })
    }

    /// What is measured, if it is a histogram of a range.
    pub(super) fn histogram(&self) -> Option<&Histogram<Box<[u64]>>> {
        self.0.measured()?.iter().find_map(|one| if let Measured::Histogram(one) = one { Some(one) } else { None })
    }
}
