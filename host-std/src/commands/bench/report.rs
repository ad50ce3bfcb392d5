//! A row of figures, as a table or as JSON.

use core::time::Duration;
use std::fmt::Write as _;

use super::process::Usage;
use crate::terminal::json::string;

/// What one measurement has found.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) work: String,
    pub(super) messages: u64,
    pub(super) elapsed: Duration,
    /// Before and after.
    pub(super) usage: Option<(Usage, Usage)>,
    pub(super) latencies: Vec<Duration>,
    /// What the server's memory has grown by for each of so many.
    pub(super) growth: Option<Growth>,
    /// How much a message costs beside one that is got for good.
    pub(super) times_a_plain_get: Option<f64>,
    /// How much more a message costs than without what is measured, in microseconds.
    pub(super) beyond: Option<f64>,
    /// Requests that were answered with an error.
    pub(super) refused: u64,
    /// Messages that should have come and didn't.
    pub(super) missing: u64,
}

/// What takes memory, and how many of it there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    /// One of them, such as `queued item`.
    pub(super) each: &'static str,
    pub(super) number: u64,
}

/// The figures that follow from the others; `None` where there is nothing to measure.
struct Figures {
    per_second: Option<f64>,
    cpu_micros: Option<f64>,
    busy: Option<f64>,
    p50: Option<f64>,
    p99: Option<f64>,
    resident: Option<f64>,
    bytes_each: Option<f64>,
}

impl Row {
    pub(super) fn header() -> String {
        format!(
            "{:<42} {:>9} {:>10} {:>8} {:>6} {:>8} {:>8} {:>8}  {}",
            "work", "messages", "a second", "CPU µs", "busy %", "p50 µs", "p99 µs", "RSS MiB", "memory"
        )
    }

    pub(super) fn table(&self) -> String {
        let figures = self.figures();
        let number = |value: Option<f64>, digits| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        let mut line = format!(
            "{:<42} {:>9} {:>10} {:>8} {:>6} {:>8} {:>8} {:>8}  ",
            self.work,
            self.messages,
            number(figures.per_second, 0),
            number(figures.cpu_micros, 3),
            number(figures.busy, 0),
            number(figures.p50, 0),
            number(figures.p99, 0),
            number(figures.resident.map(|bytes| bytes / f64::from(1 << 20)), 1),
        );
        if let Some((Growth { each, .. }, bytes)) = self.growth.zip(figures.bytes_each) {
            let _ = match bytes < 1024.0 {
                true => write!(line, "{bytes:.1} B for each {each}"),
                false => write!(line, "{:.2} KiB for each {each}", bytes / 1024.0),
            };
        }
        if let Some(times) = self.times_a_plain_get {
            let comma = if self.growth.is_some() { ", " } else { "" };
            let _ = write!(line, "{comma}{times:.2} times a plain get");
        }
        if let Some(micros) = self.beyond {
            let _ = write!(line, "{micros:.3} µs on top");
        }
        if self.refused + self.missing > 0 {
            let _ = write!(line, " ({} requests refused, {} messages missing)", self.refused, self.missing);
        }
        line.trim_end().to_owned()
    }

    pub(super) fn json(&self) -> String {
        let figures = self.figures();
        let number = |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:.3}"));
        format!(
            "{{\"work\": {}, \"messages\": {}, \"seconds\": {:.3}, \"per_second\": {}, \"cpu_us\": {}, \
             \"busy_percent\": {}, \"p50_us\": {}, \"p99_us\": {}, \"resident_bytes\": {}, \
             \"each\": {}, \"bytes_each\": {}, \"times_a_plain_get\": {}, \"beyond_us\": {}, \"refused\": {}, \"missing\": {}}}",
            string(&self.work),
            self.messages,
            self.elapsed.as_secs_f64(),
            number(figures.per_second),
            number(figures.cpu_micros),
            number(figures.busy),
            number(figures.p50),
            number(figures.p99),
            number(figures.resident),
            self.growth.map_or("null".to_owned(), |growth| string(growth.each)),
            number(figures.bytes_each),
            number(self.times_a_plain_get),
            number(self.beyond),
            self.refused,
            self.missing,
        )
    }

    /// What a message costs: the server's time, or where that is not known the time that passes.
    pub(super) fn cost(&self) -> Option<f64> {
        let Figures { cpu_micros, per_second, .. } = self.figures();
        cpu_micros.filter(|micros| *micros > 0.0).or(per_second.map(|messages| 1e6 / messages))
    }

    fn figures(&self) -> Figures {
        let messages = Some(self.messages as f64).filter(|messages| *messages > 0.0);
        let seconds = Some(self.elapsed.as_secs_f64()).filter(|seconds| *seconds > 0.0);
        let cpu = self.usage.map(|(before, after)| after.cpu - before.cpu);
        let growth = self.usage.map(|(before, after)| after.resident - before.resident);
        let of = |number: u64| growth.filter(|_| number > 0).map(|bytes| bytes / number as f64);
        let mut micros: Vec<_> = self.latencies.iter().map(|latency| latency.as_secs_f64() * 1e6).collect();
        micros.sort_unstable_by(f64::total_cmp);
        Figures {
            per_second: messages.zip(seconds).map(|(messages, seconds)| messages / seconds),
            cpu_micros: cpu.zip(messages).map(|(cpu, messages)| cpu * 1e6 / messages),
            busy: cpu.zip(seconds).map(|(cpu, seconds)| cpu / seconds * 100.0),
            p50: quantile(&micros, 50),
            p99: quantile(&micros, 99),
            resident: self.usage.map(|(_, after)| after.resident),
            bytes_each: self.growth.and_then(|growth| of(growth.number)),
        }
    }
}

/// The smallest value that `percent` of all are not above (the nearest-rank method).
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!(quantile(&[7.0], 99), Some(7.0));
        let hundred: Vec<_> = (1..=100).map(f64::from).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 99)), (Some(50.0), Some(99.0)));
    }

    #[test]
    fn figures_follow_from_what_was_counted() {
        let usage = |cpu, resident| Usage { cpu, resident };
        let row = Row {
            work: "put".into(),
            messages: 1000,
            elapsed: Duration::from_millis(500),
            usage: Some((usage(1.0, 1e6), usage(1.25, 1e6 + 110_000.0))),
            growth: Some(Growth { each: "waiting message", number: 1000 }),
            times_a_plain_get: Some(2.5),
            latencies: vec![Duration::from_micros(3)],
            ..Row::default()
        };
        assert_eq!(
            row.json(),
            "{\"work\": \"put\", \"messages\": 1000, \"seconds\": 0.500, \"per_second\": 2000.000, \
             \"cpu_us\": 250.000, \"busy_percent\": 50.000, \"p50_us\": 3.000, \"p99_us\": 3.000, \
             \"resident_bytes\": 1110000.000, \"each\": \"waiting message\", \"bytes_each\": 110.000, \
             \"times_a_plain_get\": 2.500, \"beyond_us\": null, \"refused\": 0, \"missing\": 0}"
        );
        assert!(row.table().ends_with("  110.0 B for each waiting message, 2.50 times a plain get"), "{}", row.table());
        assert_eq!(row.cost(), Some(250.0));
        assert_eq!(Row { usage: None, ..row }.cost(), Some(500.0));
        let nothing = Row::default().json();
        assert!(nothing.contains("\"per_second\": null") && nothing.contains("\"cpu_us\": null"), "{nothing}");
    }
}
