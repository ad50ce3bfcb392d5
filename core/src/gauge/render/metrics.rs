//! A reading as OpenMetrics 1.0, for those who collect it.
//!
//! All results are samples of one family, `streamgauge_gauge`, and a label says which result it is: what is measured
//! depends on the gauge, and a family has to stand together.

use embedded_io::Write;

use super::super::name::{ends, look_alike};
use super::super::{Gauge, Measured, Named, Reading, Span, Storage, Whose};
use super::figures::{Figure, of_quantiles};
use super::lines::{OTHER, exact, whole, whose};
use crate::time::Time;
use crate::wire::write_fmt;

/// A value at the edge of two bins is in the one above, so that of numbers no bucket can have it at its own edge.
const HEAD: &[u8] = b"# TYPE streamgauge_gauge gauge\n# HELP streamgauge_gauge Results of a gauge. \
A bucket of integers counts what is at most le, one of other numbers what is below le.\n";

/// Writes what a gauge measures now.
pub(super) fn write<S: Storage, W: Write>(
    gauge: &mut Gauge<S>,
    name: &str,
    now: Time,
    out: &mut W,
) -> Result<(), W::Error> {
    out.write_all(HEAD)?;
    let mut result = Ok(());
    gauge.read(Span::Window, now, |reading, who, cell| {
        if result.is_ok() {
            let mut samples = Samples { name, who: &who, as_of: reading.as_of(now), out };
            result = samples.reading(reading, cell);
        }
    });
    result?;
    let counters = gauge.counters();
    let unmeasured = counters.unmeasured.total();
    for (family, help, value) in [
        ("messages", "Messages that came.", counters.messages),
        ("measured", "Messages that were measured.", counters.measured),
        ("filtered", "Messages that the filter did not let pass.", counters.filtered),
        ("unmeasured", "Messages of which something could not be measured.", unmeasured),
        ("late", "Messages that came when their pane had been told.", counters.late),
        ("early", "Messages whose time is yet to come, beyond what may be late.", counters.early),
        ("moved", "Messages of groups that gave way to heavier ones: they are of the others.", counters.moved),
        ("untold", "Panes that were not told, or whose reading could not be published.", counters.untold),
        ("missed", "Messages that were gone before they were read.", counters.missed),
    ] {
        let head = format_args!(
            "# TYPE streamgauge_gauge_{family} counter\n# HELP streamgauge_gauge_{family} {help}\n\
             streamgauge_gauge_{family}_total{{gauge=\"{name}\"}} {value}\n"
        );
        write_fmt(out, head)?;
    }
    out.write_all(b"# EOF\n")
}

/// The samples of one group, or of all.
struct Samples<'s, W> {
    name: &'s str,
    who: &'s Whose<'s>,
    as_of: Time,
    out: &'s mut W,
}

impl<W: Write> Samples<'_, W> {
    fn reading<S: Storage>(&mut self, reading: &Reading<'_>, cell: &mut [Measured<S>]) -> Result<(), W::Error> {
        if matches!(self.who, Whose::All) {
            self.count("messages", reading.messages)?;
            self.count("bytes", reading.bytes)?;
        }
        cell.iter_mut().try_for_each(|measured| self.measured(measured))
    }

    fn measured<S: Storage>(&mut self, measured: &mut Measured<S>) -> Result<(), W::Error> {
        match measured {
            Measured::Moments(moments) => {
                self.count("count", moments.count())?;
                self.value("mean", moments.mean())?;
                self.value("variance", moments.sample_variance())?;
                self.value("stddev", moments.sample_stddev())?;
                self.value("skewness", moments.skewness())?;
                self.value("kurtosis", moments.excess_kurtosis())?;
                self.value("min", moments.min())?;
                self.value("max", moments.max())
            }
            Measured::Quantiles(sketch) => {
                of_quantiles(sketch).into_iter().try_for_each(|(name, figure)| match figure {
                    Figure::Whole(count) => self.count(name, count),
                    Figure::Float(value) => self.value(name, value),
                })
            }
            Measured::Distinct(sketch) => {
                let estimate = sketch.estimate();
                self.value("distinct", Some(estimate.estimate))?;
                self.value("distinct_error", Some(estimate.error))
            }
            Measured::Top(heaviest) => {
                let floor = heaviest.floor();
                let (held, sorted) = heaviest.sorted();
                for counted in sorted {
                    let value = [("value", Named::among(&counted.key, |other| held.get(other).is_some()))];
                    self.labelled("top", &value, counted.weight)?;
                    self.labelled("top_error", &value, counted.error)?;
                }
                self.count("top_floor", floor)
            }
            Measured::Histogram(histogram) => {
                // What is at an edge is in the bin above it: the first bucket is all that is below the bins.
                let begins = [0].iter().chain(histogram.bins());
                self.buckets(begins, |bin| histogram.edge(bin), [histogram.underflow(), histogram.overflow()])
            }
            Measured::Integers(histogram, not_whole) => {
                let number = |bin| histogram.edge(bin) as f64;
                self.buckets(histogram.bins().iter(), number, [histogram.underflow(), histogram.overflow()])?;
                self.count("not_whole", *not_whole)
            }
            Measured::Rate(rate) => {
                let (messages, bytes) = (rate.messages_per_second(self.as_of), rate.bytes_per_second(self.as_of));
                self.value("rate_1m", Some(messages.one_minute))?;
                self.value("rate_5m", Some(messages.five_minutes))?;
                self.value("rate_15m", Some(messages.fifteen_minutes))?;
                self.value("bytes_1m", Some(bytes.one_minute))?;
                self.value("bytes_5m", Some(bytes.five_minutes))?;
                self.value("bytes_15m", Some(bytes.fifteen_minutes))
            }
            Measured::Change(detector) => {
                self.count("changes_up", detector.alarms_up())?;
                self.count("changes_down", detector.alarms_down())
            }
            Measured::Pair(pair) => {
                self.value("covariance", pair.sample_covariance())?;
                self.value("correlation", pair.correlation())?;
                self.value("slope", pair.slope())?;
                self.value("intercept", pair.intercept())
            }
            Measured::Graph(graph) => {
                let floor = graph.sketch().floor();
                let (held, sorted) = graph.sketch_mut().sorted();
                for counted in sorted {
                    let edge = &counted.key;
                    let holds = |other: &_| held.get(other).is_some_and(|other| look_alike(edge, &other.key));
                    let [from, to] = ends(edge, holds);
                    let ends = [("from", from), ("to", to)];
                    self.labelled("edge", &ends, counted.weight)?;
                    self.labelled("edge_error", &ends, counted.error)?;
                }
                self.count("edge_floor", floor)
            }
        }
    }

    /// Counts of all that has come up to the end of each bin, as histograms are collected.
    fn buckets<'c>(
        &mut self,
        counts: impl Iterator<Item = &'c u64>,
        end: impl Fn(usize) -> f64,
        [below, above]: [u64; 2],
    ) -> Result<(), W::Error> {
        let mut sum = below;
        for (bin, count) in counts.enumerate() {
            sum = sum.saturating_add(*count);
            self.begin("bucket")?;
            self.out.write_all(b",le=\"")?;
            exact(Some(end(bin)), self.out)?;
            self.out.write_all(b"\"} ")?;
            whole(sum, self.out)?;
            self.out.write_all(b"\n")?;
        }
        self.begin("bucket")?;
        self.out.write_all(b",le=\"+Inf\"} ")?;
        whole(sum.saturating_add(above), self.out)?;
        self.out.write_all(b"\n")
    }

    fn count(&mut self, statistic: &str, count: u64) -> Result<(), W::Error> {
        self.begin(statistic)?;
        self.out.write_all(b"} ")?;
        whole(count, self.out)?;
        self.out.write_all(b"\n")
    }

    /// A result that there isn't is no sample.
    fn value(&mut self, statistic: &str, value: Option<f64>) -> Result<(), W::Error> {
        if value.is_none() {
            return Ok(());
        }
        self.begin(statistic)?;
        self.out.write_all(b"} ")?;
        exact(value, self.out)?;
        self.out.write_all(b"\n")
    }

    fn labelled(&mut self, statistic: &str, labels: &[(&str, Named<'_>)], count: u64) -> Result<(), W::Error> {
        self.begin(statistic)?;
        for (name, value) in labels {
            self.out.write_all(b",")?;
            self.out.write_all(name.as_bytes())?;
            self.out.write_all(b"=\"")?;
            label(&value.name(), self.out)?;
            self.out.write_all(b"\"")?;
        }
        self.out.write_all(b"} ")?;
        whole(count, self.out)?;
        self.out.write_all(b"\n")
    }

    fn begin(&mut self, statistic: &str) -> Result<(), W::Error> {
        self.out.write_all(b"streamgauge_gauge{gauge=\"")?;
        self.out.write_all(self.name.as_bytes())?;
        if !matches!(self.who, Whose::All) {
            self.out.write_all(b"\",group=\"")?;
            // To who collects them, an empty label is none, which all together have.
            label(&whose(self.who, &[OTHER, ""]), self.out)?;
        }
        self.out.write_all(b"\",statistic=\"")?;
        self.out.write_all(statistic.as_bytes())?;
        self.out.write_all(b"\"")
    }
}

/// The value of a label: backslash, quote and newline are escaped.
fn label<W: Write>(text: &str, out: &mut W) -> Result<(), W::Error> {
    for char in text.chars() {
        match char {
            '\\' => out.write_all(b"\\\\")?,
            '"' => out.write_all(b"\\\"")?,
            '\n' => out.write_all(b"\\n")?,
            char => out.write_all(char.encode_utf8(&mut [0; 4]).as_bytes())?,
        }
    }
    Ok(())
}
