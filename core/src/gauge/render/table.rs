//! A reading as a table for people.

use embedded_io::Write;

use super::super::{Gauge, Measured, Reading, Span, Storage, Whose};
use super::figures::quantiles;
use super::lines::{self, ALL, OTHER, key, number, outside, text, whole, whose};
use crate::time::Time;
use crate::wire::units::Rfc3339;
use crate::wire::write_fmt;

/// How many of the most frequent values are shown.
const SHOWN: usize = 10;

/// Writes what a gauge measures now: what it is of, a paragraph for each group and for all, and what was not measured.
pub(super) fn write<S: Storage, W: Write>(
    gauge: &mut Gauge<S>,
    name: &str,
    now: Time,
    out: &mut W,
) -> Result<(), W::Error> {
    let mut result = Ok(());
    let mut first = true;
    gauge.read(Span::Window, now, |reading, who, cell| {
        if result.is_ok() {
            result = part(reading, &who, cell, name, core::mem::take(&mut first), now, out);
        }
    });
    result?;
    losses(gauge, out)
}

fn part<S: Storage, W: Write>(
    reading: &Reading<'_>,
    who: &Whose<'_>,
    cell: &mut [Measured<S>],
    name: &str,
    is_first: bool,
    now: Time,
    out: &mut W,
) -> Result<(), W::Error> {
    if is_first {
        text(name, out)?;
        out.write_all(b"  topic ")?;
        text(reading.definition.topic.as_str(), out)?;
        let times = format_args!("  from {} to {}", Rfc3339(reading.from), Rfc3339(reading.to));
        write_fmt(out, times)?;
        out.write_all(b"  messages ")?;
        whole(reading.messages, out)?;
        out.write_all(b"\n")?;
    }
    if reading.definition.by.is_some() {
        out.write_all(b"\n")?;
        text(&whose(who, &[OTHER, ALL]), out)?;
        out.write_all(b"\n")?;
    }
    cell.iter_mut().try_for_each(|measured| line(measured, reading.as_of(now), out))
}

/// What one measure has to say, a line or several.
fn line<S: Storage, W: Write>(measured: &mut Measured<S>, as_of: Time, out: &mut W) -> Result<(), W::Error> {
    match measured {
        Measured::Moments(moments) => {
            out.write_all(b"  count ")?;
            whole(moments.count(), out)?;
            pairs(
                &[
                    ("mean", moments.mean()),
                    ("variance", moments.sample_variance()),
                    ("stddev", moments.sample_stddev()),
                    ("skewness", moments.skewness()),
                    ("kurtosis", moments.excess_kurtosis()),
                    ("min", moments.min()),
                    ("max", moments.max()),
                ],
                out,
            )?;
        }
        Measured::Quantiles(sketch) => {
            let (all, error) = quantiles(sketch);
            pairs(&all, out)?;
            pairs(&[("within", Some(error))], out)?;
            if sketch.collapsed() > 0 {
                out.write_all(b"  collapsed ")?;
                whole(sketch.collapsed(), out)?;
            }
        }
        Measured::Distinct(sketch) => {
            out.write_all(b"  distinct ")?;
            number(Some(sketch.estimate().estimate), out)?;
            out.write_all(b"  standard error ")?;
            number(Some(sketch.estimate().error), out)?;
        }
        Measured::Top(heaviest) => {
            out.write_all(b"  top")?;
            for counted in heaviest.heaviest().take(SHOWN) {
                out.write_all(b"\n    ")?;
                whole(counted.weight, out)?;
                error(counted.error, out)?;
                out.write_all(b"  ")?;
                key(&counted.key, out)?;
            }
        }
        Measured::Histogram(histogram) => {
            let edge = |bin| histogram.edge(bin);
            beside([histogram.underflow(), histogram.overflow()], 0, out)?;
            bins(histogram.bins(), edge, out)?;
        }
        Measured::Integers(histogram, not_whole) => {
            let edge = |bin| histogram.edge(bin) as f64;
            beside([histogram.underflow(), histogram.overflow()], *not_whole, out)?;
            bins(histogram.bins(), edge, out)?;
        }
        Measured::Rate(rate) => {
            let (messages, bytes) = (rate.messages_per_second(as_of), rate.bytes_per_second(as_of));
            out.write_all(b"  a second")?;
            pairs(
                &[("1m", messages.one_minute), ("5m", messages.five_minutes), ("15m", messages.fifteen_minutes)]
                    .map(some),
                out,
            )?;
            out.write_all(b"  bytes")?;
            pairs(
                &[("1m", bytes.one_minute), ("5m", bytes.five_minutes), ("15m", bytes.fifteen_minutes)].map(some),
                out,
            )?;
        }
        Measured::Change(detector) => {
            out.write_all(b"  changes up ")?;
            whole(detector.alarms_up(), out)?;
            out.write_all(b"  down ")?;
            whole(detector.alarms_down(), out)?;
        }
        Measured::Pair(pair) => {
            let line = [
                ("covariance", pair.sample_covariance()),
                ("correlation", pair.correlation()),
                ("slope", pair.slope()),
                ("intercept", pair.intercept()),
            ];
            pairs(&line, out)?;
        }
        Measured::Graph(graph) => {
            out.write_all(b"  edges")?;
            for counted in graph.heaviest().take(SHOWN) {
                out.write_all(b"\n    ")?;
                whole(counted.weight, out)?;
                error(counted.error, out)?;
                out.write_all(b"  ")?;
                key(&counted.key.from, out)?;
                out.write_all(b" -> ")?;
                key(&counted.key.to, out)?;
            }
        }
    }
    out.write_all(b"\n")
}

fn some((name, value): (&'static str, f64)) -> (&'static str, Option<f64>) {
    (name, Some(value))
}

fn pairs<W: Write>(pairs: &[(&str, Option<f64>)], out: &mut W) -> Result<(), W::Error> {
    for (name, value) in pairs {
        out.write_all(b"  ")?;
        out.write_all(name.as_bytes())?;
        out.write_all(b" ")?;
        number(*value, out)?;
    }
    Ok(())
}

/// A count may be too high by so much.
fn error<W: Write>(error: u64, out: &mut W) -> Result<(), W::Error> {
    if error == 0 {
        return Ok(());
    }
    out.write_all(b" -")?;
    whole(error, out)
}

/// What is in no bin.
fn beside<W: Write>(counts: [u64; 2], not_whole: u64, out: &mut W) -> Result<(), W::Error> {
    out.write_all(b"  histogram  ")?;
    outside(counts, not_whole, out)
}

/// The bins that have something, a line each.
fn bins<W: Write>(counts: &[u64], edge: impl Fn(usize) -> f64, out: &mut W) -> Result<(), W::Error> {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        out.write_all(b"\n    ")?;
        lines::edge(edge(bin), out)?;
        out.write_all(b"  ")?;
        whole(*count, out)?;
        out.write_all(b"  ")?;
        let bar = u128::from(*count).saturating_mul(40).div_ceil(u128::from(most));
        for _ in 0..bar {
            out.write_all(b"#")?;
        }
    }
    Ok(())
}

/// What was not measured, if anything, and why; and what became of the rest.
fn losses<S: Storage, W: Write>(gauge: &Gauge<S>, out: &mut W) -> Result<(), W::Error> {
    let counters = gauge.counters();
    let unmeasured = &counters.unmeasured;
    let not_measured = [
        ("filtered", counters.filtered),
        ("not JSON", unmeasured.not_json),
        ("without the field", unmeasured.missing),
        ("not a number", unmeasured.not_a_number),
        ("beyond a double", unmeasured.infinite),
        ("without a time", unmeasured.no_time),
        ("late", counters.late),
        ("early", counters.early),
        ("missed", counters.missed),
    ];
    counts(b"not measured: ", &not_measured, out)?;
    counts(b"measured, but: ", &[("moved to other", counters.moved), ("panes untold", counters.untold)], out)
}

/// A line of what there is any of.
fn counts<W: Write>(what: &[u8], all: &[(&str, u64)], out: &mut W) -> Result<(), W::Error> {
    let mut first = true;
    for (name, count) in all.iter().filter(|(_, count)| *count > 0) {
        out.write_all(if core::mem::take(&mut first) { what } else { b", " })?;
        whole(*count, out)?;
        out.write_all(b" ")?;
        out.write_all(name.as_bytes())?;
    }
    if first { Ok(()) } else { out.write_all(b"\n") }
}
