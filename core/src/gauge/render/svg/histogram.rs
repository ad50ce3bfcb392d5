//! A histogram: how high its bars are is at one side, where they are below, and each says on being pointed at what it is.

use embedded_io::Write;

use super::super::lines::{Labels, edge, outside, whole};
use super::picture::{LEFT, Picture, TOP, WIDTH};
use crate::stats::between::{half_distance, share};

/// A bar of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Where it begins: of whole numbers, the number.
    pub low: f64,
    /// Where it ends: the next one's beginning, if it is there.
    pub high: f64,
    /// Values in it.
    pub count: u64,
}

/// Writes a picture of these bars, which follow each other, for pages light and dark. O(bars).
///
/// # Errors
/// Those of `out`.
pub fn write_histogram<W: Write>(title: &str, bars: &[Bar], are_integers: bool, out: &mut W) -> Result<(), W::Error> {
    let mut picture = Picture { out, top: TOP, height: HEIGHT };
    picture.open(title, TOP + HEIGHT + BELOW)?;
    picture.text(STYLE)?;
    picture.text("<text x=\"10\" y=\"22\" font-size=\"16\">")?;
    picture.escaped(title)?;
    picture.text("</text>\n")?;
    let nothing = Bar { low: 0.0, high: 0.0, count: 0 };
    picture.histogram(bars.len(), &|number| bars.get(number).copied().unwrap_or(nothing), are_integers)?;
    picture.text("</svg>\n")
}

/// How high the drawing is in a picture of its own, and what is below it.
const HEIGHT: f64 = 300.0;
const BELOW: f64 = 30.0;

/// Such a picture is a file of its own, that no page gives colours to.
const STYLE: &str = "<style>svg{background:#fff;color:#333}rect{fill:#2a78d6;opacity:1}\
@media(prefers-color-scheme:dark){svg{background:#16181c;color:#ddd}rect{fill:#5aa2f0}}</style>\n";

/// The most lines across it, and numbers below it.
const LINES: u32 = 5;
const TICKS: u32 = 8;

impl<W: Write> Picture<'_, W> {
    /// So many bars, as high as the part is.
    pub(super) fn histogram(
        &mut self,
        len: usize,
        bar: &dyn Fn(usize) -> Bar,
        are_integers: bool,
    ) -> Result<(), W::Error> {
        let bars = || (0..len).map(bar);
        let most = bars().map(|bar| bar.count).max().unwrap_or(0).max(1) as f64;
        let step = nice_step(most);
        let top = libm::ceil(most / step) * step;
        self.frame("histogram", None)?;
        for line in 0..=LINES {
            let count = f64::from(line) * step;
            if count <= top {
                self.line_at(count, self.height * (1.0 - count / top))?;
            }
        }
        // Those of integers stand around the number.
        let shift = if are_integers { -0.5 } else { 0.0 };
        let (low, high) = len.checked_sub(1).map_or((0.0, 1.0), |last| (bar(0).low, bar(last).high));
        let (from, to) = (low + shift, high + shift);
        let place = |value: f64| LEFT + WIDTH * share(from, to, value);
        for bar in bars().filter(|bar| bar.count > 0) {
            let (left, right) = (place(bar.low + shift), place(bar.high + shift));
            let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
            let height = self.height * bar.count as f64 / top;
            self.rectangle([left, self.top + self.height - height, (right - left - gap).max(0.5), height], 60)?;
            self.text("><title>")?;
            edge(bar.low, self.out)?;
            if !are_integers {
                self.text(" to ")?;
                edge(bar.high, self.out)?;
            }
            self.text(": ")?;
            whole(bar.count, self.out)?;
            self.text("</title></rect>\n")?;
        }
        let (last, apart) = if are_integers {
            let last = (high - 1.0).max(low);
            (last, libm::ceil((last - low) / f64::from(TICKS)).max(1.0))
        } else {
            // Added up, one after the other: all of it may be more than a double holds.
            (high, half_distance(low, high) / f64::from(TICKS / 2))
        };
        let labels = Labels::between(low, last);
        let mut value = low;
        for _ in 0..=TICKS {
            // But for rounding, the last one is there.
            if value <= last + apart * 1e-9 {
                let value = value.min(last);
                self.label("middle", [place(value), self.top + self.height + 16.0], value, labels)?;
            }
            value += apart;
        }
        Ok(())
    }

    /// How many numbers are in no bin, above the part, if there are any: who looks at the bars takes them for all. It ends
    /// the part.
    pub(super) fn outside(&mut self, beside: [u64; 2], not_whole: u64) -> Result<(), W::Error> {
        if beside != [0, 0] || not_whole > 0 {
            self.words("end", LEFT + WIDTH, self.top - 12.0)?;
            outside(beside, not_whole, self.out)?;
            self.text("</text>\n")?;
        }
        self.end_part();
        Ok(())
    }

    /// A line across, and what it stands for.
    fn line_at(&mut self, count: f64, down: f64) -> Result<(), W::Error> {
        self.text("<path stroke=\"currentColor\" opacity=\".15\" d=\"M")?;
        self.at(LEFT)?;
        self.text(" ")?;
        self.at(self.top + down)?;
        self.text("h")?;
        self.at(WIDTH)?;
        self.text("\"/>\n")?;
        self.label("end", [LEFT - 6.0, self.top + down + 4.0], count, Labels::Brief)
    }
}

/// 1, 2 or 5 times a power of ten, so that at most [`LINES`] of them reach `most`, which is 1 or more and a count.
fn nice_step(most: f64) -> f64 {
    let mut power = 1.0;
    for _ in 0..20 {
        for factor in [1.0, 2.0, 5.0] {
            let step = power * factor;
            if most <= step * f64::from(LINES) {
                return step;
            }
        }
        power *= 10.0;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_nice() {
        for (most, step) in [(1, 1.0), (5, 1.0), (6, 2.0), (11, 5.0), (26, 10.0), (1_000_000, 200_000.0)] {
            assert_eq!(nice_step(f64::from(most)), step, "{most}");
        }
        assert_eq!(nice_step(u64::MAX as f64), 5e18);
    }
}
