//! A histogram as SVG, for light and dark pages.

use std::fmt::Write as _;

use crate::commands::measure::number::{grouped, short};
use crate::results::tally::{Bars, Shape};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 45.0;

/// Colours that a dark page changes.
pub(in crate::commands::measure) const STYLE: &str = "\
svg{font:12px system-ui,sans-serif;background:#fff}\
text{fill:#333}.quiet{fill:#777}.grid{stroke:#ddd}.axis{stroke:#777}.mark{fill:#2a78d6}\
@media(prefers-color-scheme:dark){svg{background:#16181c}text{fill:#ddd}.quiet{fill:#999}.grid{stroke:#333}\
.axis{stroke:#888}.mark{fill:#5aa2f0}}";

/// The whole file.
pub(super) fn svg(bars: &Bars) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Histogram\">\n<style>{STYLE}</style>\n"
    );
    let most = bars.bins.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"22\">{}</text>", title(bars));
    let step = nice_step(most);
    let top = most.div_ceil(step).saturating_mul(step);
    let (plot_width, plot_height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let y = |count: u64| TOP + plot_height * (1.0 - count as f64 / top as f64);
    for line in 0..=top / step {
        let (count, at) = (line * step, y(line * step));
        let end = WIDTH - RIGHT;
        let _ = writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{end}\"/>");
        let (x, text_y) = (LEFT - 8.0, at + 4.0);
        let _ = writeln!(
            out,
            "<text class=\"quiet\" x=\"{x}\" y=\"{text_y:.1}\" text-anchor=\"end\">{}</text>",
            grouped(count)
        );
    }
    let axis = Axis::of(bars);
    let x = |value: f64| LEFT + plot_width * ((value - axis.low) / (axis.high - axis.low)).clamp(0.0, 1.0);
    for bar in &bars.bins {
        let (left, right) = (x(bar.low + axis.shift), x(bar.high + axis.shift));
        let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
        let (width, at) = ((right - left - gap).max(0.5), y(bar.count));
        let height = TOP + plot_height - at;
        let name = if axis.shift < 0.0 { format!("{}", bar.low) } else { format!("{} to {}", bar.low, bar.high) };
        let _ = writeln!(
            out,
            "<rect class=\"mark\" x=\"{left:.2}\" y=\"{at:.2}\" width=\"{width:.2}\" height=\"{height:.2}\">\
             <title>{name}: {}</title></rect>",
            grouped(bar.count)
        );
    }
    let (base, end) = (TOP + plot_height, WIDTH - RIGHT);
    let _ = writeln!(out, "<path class=\"axis\" d=\"M{LEFT} {base}H{end}\"/>");
    for (value, label) in axis.ticks() {
        let _ = writeln!(
            out,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            x(value),
            base + 20.0
        );
    }
    out.push_str("</svg>\n");
    out
}

fn title(bars: &Bars) -> String {
    let mut out = format!("{} values", grouped(bars.count()));
    let outside = &bars.outside;
    for (number, what) in [(outside.underflow, "below"), (outside.overflow, "above"), (outside.other, "other")] {
        if number > 0 {
            let _ = write!(out, ", {} {what}", grouped(number));
        }
    }
    out
}

/// 1, 2 or 5 times a power of ten, so that some five of them reach `most`.
fn nice_step(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if most.div_ceil(step) <= 5 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

struct Axis {
    low: f64,
    high: f64,
    /// Bars of whole numbers stand around the number.
    shift: f64,
}

impl Axis {
    fn of(bars: &Bars) -> Self {
        let (first, last) = (bars.bins.first(), bars.bins.last());
        let (low, high) = match (first, last) {
            (Some(first), Some(last)) => (first.low, last.high),
            _ => (0.0, 1.0),
        };
        let shift = if matches!(bars.shape, Shape::Integers { .. }) { -0.5 } else { 0.0 };
        Self { low: low + shift, high: high + shift, shift }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        const TICKS: u32 = 8;
        if self.shift < 0.0 {
            let (first, last) = (self.low + 0.5, self.high - 0.5);
            let step = (((last - first) / f64::from(TICKS)).ceil()).max(1.0);
            let count = ((last - first) / step).floor() as u32;
            return (0..=count).map(|n| first + f64::from(n) * step).map(|x| (x, format!("{x}"))).collect();
        }
        let tick = |n: u32| self.low + (self.high - self.low) * (f64::from(n) / f64::from(TICKS));
        (0..=TICKS).map(tick).map(|x| (x, short(x, 4))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_nice() {
        for (most, step) in [(1, 1), (5, 1), (6, 2), (11, 5), (26, 10), (1_000_000, 200_000)] {
            assert_eq!(nice_step(most), step, "{most}");
        }
        assert!(nice_step(u64::MAX) > 0);
    }
}
