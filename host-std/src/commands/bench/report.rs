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
    /// Requests that were answered with an error.
    pub(super) refused: u64,
    /// Messages that should have come and didn't.
    pub(super) missing: u64,
}

/// What takes memory, and how many of it there are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Growth {
    Waiting(u64),
    Subscribers(u64),
}

/// The figures that follow from the others; `None` where there is nothing to measure.
struct Figures {
    per_second: Option<f64>,
    cpu_micros: Option<f64>,
    busy: Option<f64>,
    p50: Option<f64>,
    p99: Option<f64>,
    resident: Option<f64>,
    bytes_a_waiting: Option<f64>,
    kib_a_subscriber: Option<f64>,
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
        match (figures.bytes_a_waiting, figures.kib_a_subscriber) {
            (Some(bytes), _) => drop(write!(line, "{bytes:.1} B a waiting message")),
            (_, Some(kib)) => drop(write!(line, "{kib:.2} KiB an idle subscriber")),
            (None, None) => {}
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
             \"bytes_a_waiting_message\": {}, \"kib_an_idle_subscriber\": {}, \"refused\": {}, \"missing\": {}}}",
            string(&self.work),
            self.messages,
            self.elapsed.as_secs_f64(),
            number(figures.per_second),
            number(figures.cpu_micros),
            number(figures.busy),
            number(figures.p50),
            number(figures.p99),
            number(figures.resident),
            number(figures.bytes_a_waiting),
            number(figures.kib_a_subscriber),
            self.refused,
            self.missing,
        )
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
            bytes_a_waiting: self.growth.and_then(|growth| match growth {
                Growth::Waiting(number) => of(number),
                Growth::Subscribers(_) => None,
            }),
            kib_a_subscriber: self.growth.and_then(|growth| match growth {
                Growth::Subscribers(number) => of(number).map(|bytes| bytes / 1024.0),
                Growth::Waiting(_) => None,
            }),
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
            growth: Some(Growth::Waiting(1000)),
            latencies: vec![Duration::from_micros(3)],
            ..Row::default()
        };
        assert_eq!(
            row.json(),
            "{\"work\": \"put\", \"messages\": 1000, \"seconds\": 0.500, \"per_second\": 2000.000, \
             \"cpu_us\": 250.000, \"busy_percent\": 50.000, \"p50_us\": 3.000, \"p99_us\": 3.000, \
             \"resident_bytes\": 1110000.000, \"bytes_a_waiting_message\": 110.000, \
             \"kib_an_idle_subscriber\": null, \"refused\": 0, \"missing\": 0}"
        );
        let nothing = Row::default().json();
        assert!(nothing.contains("\"per_second\": null") && nothing.contains("\"cpu_us\": null"), "{nothing}");
    }
}
