//! A reading as JSON: the form for programs, from which every number reads back to the same bits.
//!
//! serde-json-core is kept out of it: whatever it writes it writes into a slice, which has to have room for all groups,
//! and the linker sees a way to a panic in it (see the definition's module, where it writes texts). Numbers are what it
//! would write, by the same library: the shortest that read back to the same bits.

use embedded_io::Write;

use super::super::{Alert, Definition, Gauge, Key, Measured, Reading, Span, Storage, Whose};
use super::figures::Figure::{self, Float, Whole};
use super::figures::{of_change, of_counters, of_distinct, of_moments, of_pair, of_quantiles, of_rate};
use crate::select::Number;
use crate::stats::space_saving::Counted;
use crate::time::Time;
use crate::wire::decimal::Decimal;
use crate::wire::json::write;
use crate::wire::units::Rfc3339;
use crate::wire::write_fmt;

/// Writes what the gauge `name` measures now as one line of [JSON](Json). O(groups × panes × state).
///
/// # Errors
/// Those of `out`.
pub fn write_json<S: Storage, W: Write>(
    gauge: &mut Gauge<S>,
    name: &str,
    now: Time,
    out: &mut W,
) -> Result<(), W::Error> {
    let mut json = Json::new(name, now, out);
    gauge.read(Span::Window, now, |reading, whose, cell| json.part(reading, whose, cell));
    json.finish()
}

/// Writes a reading, part by part, as one line of JSON.
///
/// `{"gauge":…,"topic":…,"from":…,"to":…,"messages":…,"bytes":…,` then with groups `"groups":{VALUE:{…},…},"other":{…},`
/// then what is measured of all, and `"counters":{…}}`. What is measured of one group, or of all, are the members of
/// `streamgauge moments --json` (`count`, `mean`, …), `p50`, `p90`, `p99`, `p999` and their `quantile_error`, `distinct`,
/// `top`, `histogram`, `rate`, `change`, `pair`, `graph`, as far as it is measured. A result that there isn't is `null`.
pub struct Json<'w, W: Write> {
    out: &'w mut W,
    name: &'w str,
    now: Time,
    begun: bool,
    /// Whether a group has been written.
    grouped: bool,
    result: Result<(), W::Error>,
}

impl<'w, W: Write> Json<'w, W> {
    /// Writes the reading of the gauge `name` to `out`.
    pub const fn new(name: &'w str, now: Time, out: &'w mut W) -> Self {
        Self { out, name, now, begun: false, grouped: false, result: Ok(()) }
    }

    /// Writes one part, in the order in which they are [read](super::super::Gauge::read). O(what is measured).
    pub fn part<S: Storage>(&mut self, reading: &Reading<'_>, whose: Whose<'_>, cell: &mut [Measured<S>]) {
        if self.result.is_ok() {
            self.result = self.write(reading, whose, cell);
        }
    }

    /// Whether all could be written.
    ///
    /// # Errors
    /// The first of `out`.
    pub fn finish(self) -> Result<(), W::Error> {
        self.result
    }

    fn write<S: Storage>(
        &mut self,
        reading: &Reading<'_>,
        whose: Whose<'_>,
        cell: &mut [Measured<S>],
    ) -> Result<(), W::Error> {
        if !self.begun {
            self.begun = true;
            self.now = reading.as_of(self.now);
            self.begin(reading)?;
        }
        match whose {
            Whose::Group(group) => {
                self.out.write_all(if self.grouped { b"," } else { b",\"groups\":{" })?;
                self.grouped = true;
                write::string(&group.name(), self.out)?;
                self.out.write_all(b":{")?;
                self.measures(cell, false)?;
                self.out.write_all(b"}")
            }
            Whose::Other => {
                self.out.write_all(if self.grouped { b"},\"other\":{" } else { b",\"groups\":{},\"other\":{" })?;
                self.measures(cell, false)?;
                self.out.write_all(b"}")
            }
            Whose::All => {
                self.measures(cell, true)?;
                self.out.write_all(b",\"counters\":")?;
                object(&of_counters(reading.counters), self.out)?;
                self.out.write_all(b"}\n")
            }
        }
    }

    fn begin(&mut self, reading: &Reading<'_>) -> Result<(), W::Error> {
        self.out.write_all(b"{\"gauge\":")?;
        write::string(self.name, self.out)?;
        self.out.write_all(b",\"topic\":")?;
        write::string(reading.definition.topic.as_str(), self.out)?;
        for (name, time) in [(&b",\"from\":\""[..], reading.from), (b",\"to\":\"", reading.to)] {
            self.out.write_all(name)?;
            write_fmt(self.out, format_args!("{}", Rfc3339(time)))?;
            self.out.write_all(b"\"")?;
        }
        for (name, number) in [(&b",\"messages\":"[..], reading.messages), (b",\"bytes\":", reading.bytes)] {
            self.out.write_all(name)?;
            whole(number, self.out)?;
        }
        Ok(())
    }

    /// The members of what is measured; behind others there is a comma before the first.
    fn measures<S: Storage>(&mut self, cell: &mut [Measured<S>], behind: bool) -> Result<(), W::Error> {
        for (number, measured) in cell.iter_mut().enumerate() {
            if behind || number > 0 {
                self.out.write_all(b",")?;
            }
            self.measure(measured)?;
        }
        Ok(())
    }
}

impl<W: Write> Json<'_, W> {
    fn measure<S: Storage>(&mut self, measured: &mut Measured<S>) -> Result<(), W::Error> {
        let out = &mut *self.out;
        match measured {
            Measured::Moments(moments) => members(&of_moments(moments), out),
            Measured::Quantiles(sketch) => members(&of_quantiles(sketch), out),
            Measured::Distinct(sketch) => {
                out.write_all(b"\"distinct\":")?;
                object(&of_distinct(sketch.estimate()), out)
            }
            Measured::Top(heaviest) => {
                out.write_all(b"\"top\":[")?;
                let mut first = true;
                for counted in heaviest.heaviest() {
                    separate(&mut first, out)?;
                    out.write_all(b"{\"value\":")?;
                    key(&counted.key, out)?;
                    counts(counted, out)?;
                }
                out.write_all(b"],\"top_floor\":")?;
                whole(heaviest.floor(), out)
            }
            Measured::Histogram(histogram) => {
                let edges = [histogram.edge(0), histogram.edge(histogram.bins().len())];
                let outside = [("below", histogram.underflow()), ("above", histogram.overflow())];
                histogram_members(edges, histogram.bins(), &outside, out)
            }
            Measured::Integers(histogram, not_whole) => {
                let edges = [histogram.edge(0), histogram.edge(histogram.bins().len())].map(|edge| edge as f64);
                let (below, above) = (histogram.underflow(), histogram.overflow());
                let outside = [("below", below), ("above", above), ("not_whole", *not_whole)];
                histogram_members(edges, histogram.bins(), &outside, out)
            }
            Measured::Rate(rate) => {
                out.write_all(b"\"rate\":")?;
                object(&of_rate(rate, self.now), out)
            }
            Measured::Change(detector) => {
                out.write_all(b"\"change\":")?;
                object(&of_change(detector), out)
            }
            Measured::Pair(pair) => {
                out.write_all(b"\"pair\":")?;
                object(&of_pair(pair), out)
            }
            Measured::Graph(graph) => {
                out.write_all(b"\"graph\":[")?;
                let mut first = true;
                for counted in graph.heaviest() {
                    separate(&mut first, out)?;
                    out.write_all(b"{\"from\":")?;
                    key(&counted.key.from, out)?;
                    out.write_all(b",\"to\":")?;
                    key(&counted.key.to, out)?;
                    counts(counted, out)?;
                }
                out.write_all(b"],\"graph_floor\":")?;
                whole(graph.sketch().floor(), out)
            }
        }
    }
}

/// Writes what a rule has to tell, as one line of JSON: `to` is the end of the pane that it was looked at with, a time of
/// the stream where a field tells it, and `time` when that was told.
///
/// # Errors
/// Those of `out`.
pub fn write_alert<W: Write>(
    name: &str,
    definition: &Definition,
    alert: &Alert,
    at: Time,
    out: &mut W,
) -> Result<(), W::Error> {
    out.write_all(b"{\"gauge\":")?;
    write::string(name, out)?;
    out.write_all(b",\"rule\":")?;
    match definition.rules.get(alert.rule) {
        Some(rule) => rule.write_json(out)?,
        None => out.write_all(b"null")?,
    }
    out.write_all(if alert.begins { b",\"state\":\"begins\"" } else { b",\"state\":\"ends\"" })?;
    out.write_all(b",\"value\":")?;
    float(alert.value, out)?;
    write_fmt(out, format_args!(",\"to\":\"{}\",\"time\":\"{}\"}}\n", Rfc3339(alert.to), Rfc3339(at)))
}

fn histogram_members<W: Write>(
    [low, high]: [f64; 2],
    bins: &[u64],
    outside: &[(&'static str, u64)],
    out: &mut W,
) -> Result<(), W::Error> {
    out.write_all(b"\"histogram\":{")?;
    members(&[("min", Float(Some(low))), ("max", Float(Some(high)))], out)?;
    for (name, count) in outside {
        out.write_all(b",")?;
        members(&[(*name, Whole(*count))], out)?;
    }
    out.write_all(b",\"bins\":[")?;
    let mut first = true;
    for count in bins {
        separate(&mut first, out)?;
        whole(*count, out)?;
    }
    out.write_all(b"]}")
}

/// The rest of an object that tells how often something came.
fn counts<K, W: Write>(counted: &Counted<K>, out: &mut W) -> Result<(), W::Error> {
    out.write_all(b",\"count\":")?;
    whole(counted.weight, out)?;
    out.write_all(b",\"error\":")?;
    whole(counted.error, out)?;
    out.write_all(b"}")
}

fn separate<W: Write>(first: &mut bool, out: &mut W) -> Result<(), W::Error> {
    if core::mem::take(first) { Ok(()) } else { out.write_all(b",") }
}

/// A value as JSON: a number or a word as it was written; a text, what is cut, and a number that no double can be, as a
/// string with its name.
fn key<W: Write>(key: &Key, out: &mut W) -> Result<(), W::Error> {
    let is_beyond = || Number::parse(key.shown()).is_some_and(|number| !number.to_f64().is_finite());
    if key.is_text() || !key.is_whole() || is_beyond() {
        return write::string(&key.name(), out);
    }
    out.write_all(key.shown().as_bytes())
}

/// Writes an object of numbers.
fn object<W: Write>(numbers: &[(&'static str, Figure)], out: &mut W) -> Result<(), W::Error> {
    out.write_all(b"{")?;
    members(numbers, out)?;
    out.write_all(b"}")
}

/// Writes numbers as members.
fn members<W: Write>(numbers: &[(&'static str, Figure)], out: &mut W) -> Result<(), W::Error> {
    let mut first = true;
    for (name, number) in numbers {
        separate(&mut first, out)?;
        out.write_all(b"\"")?;
        out.write_all(name.as_bytes())?;
        out.write_all(b"\":")?;
        match number {
            Whole(number) => whole(*number, out)?,
            Float(number) => float(*number, out)?,
        }
    }
    Ok(())
}

fn whole<W: Write>(number: u64, out: &mut W) -> Result<(), W::Error> {
    write_fmt(out, format_args!("{number}"))
}

/// Writes a number so that it reads back to the same bits; `null` if there is none.
fn float<W: Write>(number: Option<f64>, out: &mut W) -> Result<(), W::Error> {
    match number.and_then(Decimal::shortest) {
        Some(decimal) => out.write_all(decimal.as_bytes()),
        None => out.write_all(b"null"),
    }
}
