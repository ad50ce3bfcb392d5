//! Medians of the rounds.

use super::Load;
use super::contender::{Contender, Side};
use super::crowd::Answered;
use super::program::Absence;
use super::usage::Usage;

/// What one measurement has found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    per_second: f64,
    /// Of the server, for a message, in microseconds.
    cpu: f64,
    /// What of it the kernel took.
    kernel: f64,
    written: f64,
    pages: f64,
    /// Bytes and flushes.
    disk: Option<(f64, f64)>,
    /// In microseconds.
    p50: f64,
    p99: f64,
}

impl Figures {
    pub(super) fn new(answered: &Answered, usage: Usage) -> Self {
        let messages = answered.latencies.len() as f64;
        let mut micros: Vec<_> = answered.latencies.iter().map(|latency| latency.as_secs_f64() * 1e6).collect();
        micros.sort_unstable_by(f64::total_cmp);
        Self {
            per_second: messages / answered.elapsed.as_secs_f64(),
            cpu: usage.cpu.as_secs_f64() * 1e6 / messages,
            kernel: usage.kernel.as_secs_f64() * 1e6 / messages,
            written: usage.written as f64 / messages,
            pages: usage.pages as f64 / messages,
            disk: usage.disk.map(|(bytes, flushes)| (bytes as f64 / messages, flushes as f64 / messages)),
            p50: quantile(&micros, 50),
            p99: quantile(&micros, 99),
        }
    }
}

/// A contender, and what its rounds have found.
#[derive(Debug)]
pub(super) struct Row {
    contender: &'static Contender,
    rounds: Vec<Figures>,
    absent: Option<Absence>,
}

impl Row {
    pub(super) const fn new(contender: &'static Contender) -> Self {
        Self { contender, rounds: Vec::new(), absent: None }
    }

    /// Measures once more, if it is there.
    pub(super) fn take_turn(&mut self, measure: impl FnOnce(&Contender) -> Result<Figures, Absence>) {
        if self.absent.is_some() {
            return;
        }
        match measure(self.contender) {
            Ok(figures) => self.rounds.push(figures),
            Err(absent) => self.absent = Some(absent),
        }
    }

    /// Why there is nothing.
    pub(super) const fn absent(&self) -> Option<&Absence> {
        self.absent.as_ref()
    }

    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }

    /// CPU time beside that of another, round by round.
    fn times(&self, other: &Self) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(one, other)| one.cpu / other.cpu).collect())
    }

    fn line(&self, memory: Option<&Self>, peer: Option<&Self>) -> String {
        let name = self.contender.name;
        if let Some(absent) = &self.absent {
            return format!("{name:<34} {absent}");
        }
        let times = |other: Option<&Self>| {
            let other = other.filter(|_| self.contender.side != Side::Machine);
            other.map_or("-".to_owned(), |other| format!("{:.2}", self.times(other)))
        };
        let disk: Option<Vec<_>> = self.rounds.iter().map(|round| round.disk).collect();
        let (bytes, flushes): (Vec<_>, Vec<_>) = disk.unwrap_or_default().into_iter().unzip();
        let cpu = self.rounds.iter().map(|round| round.cpu);
        let (least, most) = (cpu.clone().fold(f64::INFINITY, f64::min), cpu.fold(0.0, f64::max));
        format!(
            "{name:<34} {:>9.0} {:>8.2} {:>13} {:>8.1} {:>8} {:>8} {:>8.0} {:>8.0} {:>8.0} {:>8.3} {:>8.0} {:>8.0}",
            self.median(|round| round.per_second),
            self.median(|round| round.cpu),
            format!("{least:.2}-{most:.2}"),
            self.median(|round| round.kernel),
            times(memory),
            times(peer),
            self.median(|round| round.written),
            self.median(|round| round.pages),
            median(bytes),
            median(flushes),
            self.median(|round| round.p50),
            self.median(|round| round.p99),
        )
    }
}

/// Prints all rows of a load.
pub(super) fn print(rows: &[Row], load: &Load, rounds: usize, others: u64) {
    let Load { connections, items, at_most, .. } = load;
    println!("puts of 100 bytes, one in flight on each of {connections} connections");
    println!(
        "medians of {rounds} rounds in turn, each of {items} puts, or {at_most:?}; others took {others} % of all CPU time"
    );
    println!(
        "{:<34} {:>9} {:>8} {:>13} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "",
        "a second",
        "CPU µs",
        "from-to",
        "kernel",
        "x memory",
        "x peer",
        "wchar B",
        "pages B",
        "disk B",
        "flushes",
        "p50 µs",
        "p99 µs"
    );
    for row in rows {
        println!("{}", row.line(memory(rows), peer_of(row, rows)));
    }
    println!();
}

/// What the columns are.
pub(super) const LEGEND: &str = "\
CPU     of the server, user and system, for a message; in the last row of the process that writes and syncs
kernel  what of it is system time, in ticks of the clock: what the same requests take of any program
x       CPU time of that in memory; of the peer that takes the least of those whose answer promises as much: to outlive
        a power cut, or for memory, interval and each 2 minutes the server's own end; round by round
wchar   bytes for a message that the server has given to write() and its like; for some servers also to sockets
pages   bytes of the file pages that it has changed (write_bytes); the system may keep many small ones as one large one
disk    bytes that the disk was given for a message, and its flushes, whoever on this machine wanted them; NaN where
flushes nobody counts them";

fn memory(rows: &[Row]) -> Option<&Row> {
    rows.first().filter(|row| row.absent.is_none())
}

/// The peer that takes the least CPU time of those that promise as much.
fn peer_of<'a>(row: &Row, rows: &'a [Row]) -> Option<&'a Row> {
    let is_peer = |other: &&Row| {
        let Contender { side, promise, .. } = other.contender;
        *side == Side::Peer && *promise >= row.contender.promise && other.absent.is_none()
    };
    let cpu = |row: &Row| row.median(|round| round.cpu);
    rows.iter().filter(is_peer).min_by(|one, other| cpu(one).total_cmp(&cpu(other)))
}

/// The value in the middle, or the lower of the two there.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    quantile(&values, 50)
}

/// The smallest value that `percent` of all are not above (the nearest-rank method).
pub(super) fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::super::contender::CONTENDERS;
    use super::*;

    fn row(number: usize, cpu: &[f64]) -> Row {
        let figures = |cpu| Figures {
            per_second: 1.0,
            cpu,
            kernel: 1.0,
            written: 0.0,
            pages: 0.0,
            disk: None,
            p50: 1.0,
            p99: 1.0,
        };
        Row { contender: &CONTENDERS[number], rounds: cpu.iter().map(|cpu| figures(*cpu)).collect(), absent: None }
    }

    #[test]
    fn ratios_are_of_the_same_round_and_of_a_peer_that_promises_as_much() {
        let rows = [
            row(0, &[2.0, 4.0, 3.0]),
            row(1, &[4.0, 8.0, 9.0]),
            row(2, &[3.0]),
            row(3, &[8.0, 16.0, 9.0]),
            row(5, &[1.0]),
        ];
        assert_eq!(rows[1].times(&rows[0]), 2.0);
        let peer = |number: usize| peer_of(&rows[number], &rows).unwrap().contender.name;
        assert_eq!((peer(1), peer(2)), (CONTENDERS[3].name, CONTENDERS[5].name));
        assert!(rows[1].line(memory(&rows), peer_of(&rows[1], &rows)).contains(" 2.00     0.50 "));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut row = row(6, &[]);
        row.take_turn(|_| Err(Absence::NotInstalled("nats-server")));
        row.take_turn(|_| panic!("it is not there"));
        assert!(row.line(None, None).ends_with("not installed (apt-get install nats-server)"));
        assert!(peer_of(&row, std::slice::from_ref(&row)).is_none());
    }
}
