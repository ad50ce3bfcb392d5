//! A histogram in a terminal, as JSON, and as a picture.

use std::convert::Infallible;
use std::fmt::Write as _;

use streamgauge_core::gauge::{Bar, write_histogram};

use crate::commands::number::{exact, grouped, short};
use crate::results::tally::{Bars, Shape};

/// What is drawn on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canvas {
    /// Columns.
    pub(super) width: usize,
    /// Whether eighths of a block can be drawn.
    pub(super) unicode: bool,
}

impl Canvas {
    pub(super) fn of_stdout() -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        // The first that is set decides, as in every program that asks for a locale.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
        let locale = locale.into_iter().find(|locale| !locale.is_empty()).unwrap_or_default().to_ascii_lowercase();
        Self {
            width: width.or(columns).unwrap_or(80).clamp(40, 200),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }
}

/// A line for each bin, and for what is outside of them.
pub(super) fn terminal(bars: &Bars, canvas: &Canvas) -> String {
    let rows = rows(bars);
    let label = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
    let count = rows.iter().map(|row| row.count.len()).max().unwrap_or(0);
    let most = bars.bins.iter().map(|bar| bar.count).max().unwrap_or(0);
    let width = canvas.width.saturating_sub(label + count + 5).max(8);
    let mut out = String::new();
    let edge = if canvas.unicode { '▏' } else { '|' };
    for row in &rows {
        let bar = row.bar.map_or(String::new(), |count| bar(count, most, width, canvas.unicode));
        let edge = if row.bar.is_some() { edge } else { ' ' };
        let line = format!("{:>label$}  {:>count$} {edge}{bar}", row.label, row.count);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let _ = write!(out, "{} values", grouped(bars.count()));
    for (what, number) in bars.rejected() {
        if number > 0 {
            let _ = write!(out, ", {} {}", grouped(number), what.replace('_', " "));
        }
    }
    out.push('\n');
    out
}

/// More bins than a page has lines are drawn several to a line.
const MOST_ROWS: usize = 200;

struct Row {
    label: String,
    count: String,
    /// Absent of what is outside: one large number there would hide all others.
    bar: Option<u64>,
}

fn rows(bars: &Bars) -> Vec<Row> {
    let outside = |label: &str, count: u64| {
        (count > 0).then(|| Row { label: label.to_owned(), count: grouped(count), bar: None })
    };
    let step = bars.bins.len().div_ceil(MOST_ROWS).max(1);
    let whole = matches!(bars.shape, Shape::Integers { .. });
    let digits = digits(&bars.bins);
    let mut rows = Vec::new();
    rows.extend(outside("below", bars.outside.underflow));
    for some in bars.bins.chunks(step) {
        let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
        let count = some.iter().fold(0_u64, |sum, bar| sum.saturating_add(bar.count));
        let label = if whole { whole_label(first, last) } else { short(first.low, digits) };
        rows.push(Row { label, count: grouped(count), bar: Some(count) });
    }
    if let (false, Some(last)) = (whole, bars.bins.last()) {
        rows.push(Row { label: short(last.high, digits), count: String::new(), bar: None });
    }
    rows.extend(outside("above", bars.outside.overflow));
    rows.extend(outside("other", bars.outside.other));
    rows
}

/// Digits of labels that are off by less than a hundredth of a bin, so that each row says where it is.
fn digits(bins: &[Bar]) -> usize {
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return LEAST_DIGITS };
    let largest = first.low.abs().max(last.high.abs());
    let needed = (largest / (first.high - first.low)).log10().ceil() as usize;
    needed.saturating_add(2).clamp(LEAST_DIGITS, 17)
}

const LEAST_DIGITS: usize = 6;

fn whole_label(first: &Bar, last: &Bar) -> String {
    if first == last { format!("{}", first.low) } else { format!("{} … {}", first.low, last.low) }
}

/// A bar of up to `width` columns; whatever was counted can be seen.
fn bar(count: u64, most: u64, width: usize, unicode: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if count == 0 {
        return String::new();
    }
    let parts = if unicode { 8 } else { 1 };
    let length = count as f64 / most.max(1) as f64 * (width * parts) as f64;
    let length = (length.round() as usize).clamp(1, width * parts);
    let (full, rest) = (length / parts, length % parts);
    let mut out = if unicode { "█".repeat(full) } else { "#".repeat(full) };
    out.push_str(EIGHTHS.get(rest).copied().unwrap_or_default());
    out
}

/// A picture, in a file of its own.
pub(super) fn svg(bars: &Bars) -> Vec<u8> {
    let mut title = format!("{} values", grouped(bars.count()));
    let outside = &bars.outside;
    for (number, what) in [(outside.underflow, "below"), (outside.overflow, "above"), (outside.other, "other")] {
        if number > 0 {
            let _ = write!(title, ", {} {what}", grouped(number));
        }
    }
    let mut out = Vec::new();
    let are_integers = matches!(bars.shape, Shape::Integers { .. });
    let Ok(()) = write_histogram(&title, &bars.bins, are_integers, &mut out) as Result<(), Infallible>;
    out
}

/// One JSON object on a line.
pub(super) fn json(bars: &Bars) -> String {
    let mut out = format!("{{\"count\":{},", bars.count());
    match bars.shape {
        Shape::Range { min, max, .. } => {
            let _ = write!(out, "\"min\":{},\"max\":{},\"bins\":[", exact(Some(min)), exact(Some(max)));
            join(&mut out, bars, |out, bar| write!(out, "{}", bar.count));
            out.push(']');
        }
        Shape::Integers { .. } => {
            out.push_str("\"values\":{");
            join(&mut out, bars, |out, bar| write!(out, "\"{}\":{}", bar.low, bar.count));
            let _ = write!(out, "}},\"other\":{}", bars.outside.other);
        }
    }
    let _ = write!(out, ",\"underflow\":{},\"overflow\":{},", bars.outside.underflow, bars.outside.overflow);
    out.push_str("\"rejected\":{");
    for (at, (what, number)) in bars.rejected().into_iter().enumerate() {
        let _ = write!(out, "{}\"{what}\":{number}", if at > 0 { "," } else { "" });
    }
    out.push_str("}}\n");
    out
}

fn join(out: &mut String, bars: &Bars, write: impl Fn(&mut String, &Bar) -> std::fmt::Result) {
    for (at, bar) in bars.bins.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        // A string takes everything.
        let _ = write(out, bar);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::measure::histogram::HistogramTally;
    use crate::results::tally::Tally as _;

    #[test]
    fn bars_fit_the_width() {
        assert_eq!(bar(0, 10, 4, true), "");
        assert_eq!(bar(1, 1000, 4, true), "▏");
        assert_eq!(bar(10, 10, 4, true), "████");
        assert_eq!(bar(5, 8, 4, true), "██▌");
        assert_eq!(bar(5, 8, 4, false), "###");
    }

    #[test]
    fn a_range_is_drawn() {
        let mut tally = HistogramTally::new(Shape::Range { min: 0.0, max: 1.0, bins: 2 }).unwrap();
        tally.extend(&[0.1, 0.2, 0.7, 2.0, 3.0]);
        tally.reject(1);
        let bars = tally.total();
        let canvas = Canvas { width: 40, unicode: false };
        let full = "#".repeat(29);
        let half = "#".repeat(15);
        let expected = format!("    0  2 |{full}\n  0.5  1 |{half}\n    1\nabove  2\n5 values, 1 not a number\n");
        let drawn = terminal(&bars, &canvas);
        assert!(drawn.lines().all(|line| line.len() <= canvas.width), "{drawn}");
        assert_eq!(drawn, expected);
        let json = "{\"count\":5,\"min\":0.0000000000000000,\"max\":1.0000000000000000,\"bins\":[2,1],\
                    \"underflow\":0,\"overflow\":2,\"rejected\":{\"not_a_number\":1,\"nan\":0,\"not_whole\":0}}\n";
        assert_eq!(super::json(&bars), json);
    }

    #[test]
    fn labels_tell_narrow_bins_apart() {
        let mut tally =
            HistogramTally::new(Shape::Range { min: 1_331_923_250.0, max: 1_331_923_400.0, bins: 3 }).unwrap();
        tally.extend(&[1_331_923_251.0]);
        let drawn = terminal(&tally.total(), &Canvas { width: 40, unicode: false });
        let labels: Vec<_> = drawn.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(labels[..4], ["1331923250", "1331923300", "1331923350", "1331923400"]);
    }

    #[test]
    fn whole_numbers_are_drawn() {
        let mut tally = HistogramTally::new(Shape::Integers { min: i64::MIN, max: i64::MAX, most: 9 }).unwrap();
        tally.extend(&[1.0, -1.0, 1.0]);
        let drawn = terminal(&tally.total(), &Canvas { width: 40, unicode: true });
        assert_eq!(
            drawn.lines().map(|line| line.trim_end_matches('█')).collect::<Vec<_>>()[..2],
            ["-1  1 ▏", " 1  2 ▏"]
        );
        let json = "{\"count\":3,\"values\":{\"-1\":1,\"1\":2},\"other\":0,\"underflow\":0,\"overflow\":0,\
                    \"rejected\":{\"not_a_number\":0,\"nan\":0,\"not_whole\":0}}\n";
        assert_eq!(super::json(&tally.total()), json);
    }
}
