//! The settings of a gauge, by name.

use super::Wrong;

/// A member of a definition, or of an object in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Topic,
    Filter,
    Field,
    With,
    By,
    Groups,
    Measure,
    Accuracy,
    Bins,
    Precision,
    Top,
    Edges,
    Directed,
    Histogram,
    Change,
    Every,
    Last,
    Time,
    Lateness,
    Shared,
    When,
    HistogramMin,
    HistogramMax,
    HistogramBins,
    HistogramIntegers,
    ChangeDrift,
    ChangeThreshold,
    ChangeLearn,
    WhenChange,
    WhenUntil,
    WhenFor,
    WhenTo,
}

const NAME: &str = "a name: 1 to 64 of the characters A-Z a-z 0-9 _ . -, the first one no point";
const PATH: &str = "the path of a field, such as \"user.langs[0]\", of 64 bytes at most";
const COUNT: &str = "a whole number from 1 to 65535";
const MANY: &str = "a whole number from 1 to 1048576";
const NUMBER: &str = "a number";
const DURATION: &str =
    "a number of seconds, or a text such as \"500ms\", \"2s\", \"5m\" or \"1h\", in whole milliseconds";
const HISTOGRAM: &str = "such as {\"min\":0,\"max\":100,\"bins\":50} or {\"integers\":[0,100]}, of 1048576 bins at most, or 65535 integers, which can be told apart";
const MEASURE: &str = "one or a list of moments, quantiles, distinct, top, histogram, rate, change, pair and graph";

impl Setting {
    /// Those of a definition.
    pub(super) const OF_DEFINITION: [Self; 21] = [
        Self::Topic,
        Self::Filter,
        Self::Field,
        Self::With,
        Self::By,
        Self::Groups,
        Self::Measure,
        Self::Accuracy,
        Self::Bins,
        Self::Precision,
        Self::Top,
        Self::Edges,
        Self::Directed,
        Self::Histogram,
        Self::Change,
        Self::Every,
        Self::Last,
        Self::Time,
        Self::Lateness,
        Self::Shared,
        Self::When,
    ];

    /// Those of a histogram.
    pub(super) const OF_HISTOGRAM: [Self; 4] =
        [Self::HistogramMin, Self::HistogramMax, Self::HistogramBins, Self::HistogramIntegers];

    /// Those of changes.
    pub(super) const OF_CHANGE: [Self; 3] = [Self::ChangeDrift, Self::ChangeThreshold, Self::ChangeLearn];

    /// Those of a rule, beside the bound of a statistic.
    pub(super) const OF_RULE: [Self; 4] = [Self::WhenChange, Self::WhenUntil, Self::WhenFor, Self::WhenTo];

    /// Its name in its object.
    pub(super) const fn member(self) -> &'static str {
        self.texts().0
    }

    /// It is not what it has to be.
    pub(super) const fn wrong(self) -> Wrong {
        let (_, name, what) = self.texts();
        Wrong::Setting(name, what)
    }

    /// It is given twice.
    pub(super) const fn twice(self) -> Wrong {
        Wrong::Twice(self.texts().1)
    }

    /// Its name in its object and in a definition, and what it has to be.
    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Topic => ("topic", "topic", NAME),
            Self::Filter => ("filter", "filter", "such as \"country:de\", or an array of two at most"),
            Self::Field => ("field", "field", PATH),
            Self::With => ("with", "with", PATH),
            Self::By => ("by", "by", PATH),
            Self::Groups => ("groups", "groups", "a whole number from 1 to 4096"),
            Self::Measure => ("measure", "measure", MEASURE),
            Self::Accuracy => ("accuracy", "accuracy", "a relative error from 0.0001 to 0.5"),
            Self::Bins => ("bins", "bins", COUNT),
            Self::Precision => ("precision", "precision", "a whole number from 4 to 18: 2^precision bytes are held"),
            Self::Top => ("top", "top", COUNT),
            Self::Edges => ("edges", "edges", MANY),
            Self::Directed => ("directed", "directed", "true or false"),
            Self::Histogram => ("histogram", "histogram", HISTOGRAM),
            Self::Change => ("change", "change", "such as {\"drift\":0.5,\"threshold\":5,\"learn\":100}"),
            Self::Every => ("every", "every", "a time such as \"10s\", or \"1000 messages\""),
            Self::Last => ("last", "last", "as every, a time or messages, and at most 4096 times as long"),
            Self::Time => ("time", "time", PATH),
            Self::Lateness => {
                ("lateness", "lateness", "a time of at most 64 times every, and time has to name a field")
            }
            Self::Shared => ("shared", "shared", "true or false"),
            Self::When => ("when", "when", "such as {\"p99 >\":250,\"for\":\"30s\"}, or an array of four at most"),
            Self::HistogramMin => ("min", "histogram.min", NUMBER),
            Self::HistogramMax => ("max", "histogram.max", NUMBER),
            Self::HistogramBins => ("bins", "histogram.bins", MANY),
            Self::HistogramIntegers => {
                ("integers", "histogram.integers", "the least and the largest, such as [0,100], of 32 bits each")
            }
            Self::ChangeDrift => ("drift", "change.drift", "a number from 0 to 1000"),
            Self::ChangeThreshold => ("threshold", "change.threshold", "a number from 0.001 to 1000000"),
            Self::ChangeLearn => ("learn", "change.learn", "a whole number from 2 to 4294967295"),
            Self::WhenChange => ("change", "when.change", "\"up\" or \"down\""),
            Self::WhenUntil => {
                ("until", "when.until", "a number: no more than the bound behind >, no less than the one behind <")
            }
            Self::WhenFor => ("for", "when.for", DURATION),
            Self::WhenTo => ("to", "when.to", NAME),
        }
    }
}
