//! A table with a row for each sketch.

use crate::cost::{Run, nanoseconds};

pub(crate) struct Row<'a> {
    pub(crate) name: &'static str,
    pub(crate) promised: String,
    pub(crate) bytes: usize,
    /// The errors seen.
    pub(crate) seen: Vec<String>,
    /// What is timed.
    pub(crate) run: Run<'a>,
}

/// Times are of one of so many items, and in `times` those of the first row.
pub(crate) fn print(title: &str, seen_of: &[&str], items: usize, rows: &[Row<'_>]) {
    let runs: Vec<_> = rows.iter().map(|row| &row.run).collect();
    let nanoseconds = nanoseconds(&runs, items);
    print!("{title:<30} {:>6} {:>6} {:>6} {:>11}", "bytes", "ns", "times", "promised");
    seen_of.iter().for_each(|name| print!(" {name:>18}"));
    println!();
    for (Row { name, promised, bytes, seen, .. }, ns) in rows.iter().zip(&nanoseconds) {
        print!("{name:<30} {bytes:>6} {ns:>6.1} {:>6.2} {promised:>11}", ns / nanoseconds[0]);
        seen.iter().for_each(|error| print!(" {error:>18}"));
        println!();
    }
    println!();
}

pub(crate) fn percent(part: f64) -> String {
    let percents = 100.0 * part;
    if percents < 1e3 { format!("{percents:.2} %") } else { format!("{percents:.0e} %") }
}
