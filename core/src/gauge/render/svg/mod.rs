//! A reading as a picture: what came over time, quantiles and distinct values over time, how values are distributed,
//! which are frequent; and as text what there is no drawing of.
//!
//! Each part stands under the last one and is there as far as it is measured. Colours are the reader's: text and lines
//! are drawn in `currentColor`, and what is drawn over each other by how opaque it is.
//!
//! | module | idea |
//! | --- | --- |
//! | `picture` | what all parts are drawn with |
//! | [`write_histogram`] | a histogram: a part of a picture, or one by itself |
//! | `written` | what there is no drawing of, as text |

mod histogram;
mod picture;
mod written;

pub use histogram::{Bar, write_histogram};

use embedded_io::Write;

use super::super::{Gauge, Measured, Span, Storage, Whose};
use super::lines::whole;
use crate::stats::between::share;
use crate::stats::quantiles::Bin;
use crate::time::Time;
use picture::{LEFT, Picture, TOP, WIDTH};

/// How high a part is, and what is between two.
const HEIGHT: f64 = 120.0;
const GAP: f64 = 50.0;

/// Columns of a distribution.
const COLUMNS: usize = 126;

/// How many of the most frequent values are drawn.
const BARS: usize = 12;
const BAR: f64 = 18.0;

/// Writes what the gauge `name` measures now as a picture, as [`render`](super::render()) does. O(groups × panes × state).
///
/// # Errors
/// Those of `out`.
pub fn write_svg<S: Storage, W: Write>(
    gauge: &mut Gauge<S>,
    name: &str,
    now: Time,
    out: &mut W,
) -> Result<(), W::Error> {
    let parts = Parts::of(gauge, now);
    let mut picture = Picture { out, top: TOP, height: HEIGHT };
    picture.begin(name, gauge.definition().topic.as_str(), parts.height())?;
    if parts.panes > 1 {
        picture.messages(gauge, now, &parts)?;
        if parts.has_quantiles {
            picture.quantiles(gauge, now, &parts)?;
        }
        if parts.most_distinct > 0.0 {
            picture.distinct(gauge, now, &parts)?;
        }
    }
    let mut result = Ok(());
    gauge.read(Span::Window, now, |reading, whose, cell| {
        if result.is_ok() && matches!(whose, Whose::All) {
            result = cell.iter_mut().try_for_each(|measured| picture.measured(measured, reading.as_of(now)));
        }
    });
    result?;
    picture.out.write_all(b"</svg>\n")
}

/// What there is to be drawn, and how large it is.
struct Parts {
    panes: u64,
    most_messages: u64,
    has_quantiles: bool,
    /// Of all that is drawn of quantiles.
    least: f64,
    largest: f64,
    /// The most distinct values that a pane may have had.
    most_distinct: f64,
    /// How high what is not over time is.
    rest: f64,
}

impl Parts {
    fn of<S: Storage>(gauge: &mut Gauge<S>, now: Time) -> Self {
        let (infinite, nothing) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut parts = Self {
            panes: 0,
            most_messages: 1,
            has_quantiles: false,
            least: infinite,
            largest: nothing,
            most_distinct: 0.0,
            rest: 0.0,
        };
        gauge.read_panes(now, |messages, cell| {
            parts.panes = parts.panes.saturating_add(1);
            parts.most_messages = parts.most_messages.max(messages);
            if let Some([low, _, _, high]) = quantiles(cell) {
                parts.has_quantiles = true;
                (parts.least, parts.largest) = (parts.least.min(low), parts.largest.max(high));
            }
            if let Some([_, _, high]) = distinct(cell) {
                parts.most_distinct = parts.most_distinct.max(high);
            }
        });
        gauge.read(Span::Window, now, |reading, whose, cell| {
            for measured in cell.iter().filter(|_| matches!(whose, Whose::All)) {
                parts.rest += match measured {
                    Measured::Top(heaviest) => heaviest.len().min(BARS) as f64 * BAR + GAP,
                    Measured::Quantiles(_) | Measured::Histogram(_) | Measured::Integers(..) => HEIGHT + GAP,
                    _ => written::height(measured, reading.as_of(now)),
                };
            }
        });
        parts
    }

    fn height(&self) -> f64 {
        let others = u8::from(self.has_quantiles).saturating_add(u8::from(self.most_distinct > 0.0));
        let over_time = if self.panes > 1 { 1.0 + f64::from(others) } else { 0.0 };
        TOP + over_time * (HEIGHT + GAP) + self.rest
    }
}

/// The least that is drawn of quantiles, the median, and what 90 and 99 of 100 do not exceed.
fn quantiles<S: Storage>(cell: &[Measured<S>]) -> Option<[f64; 4]> {
    let sketch = cell.iter().find_map(|measured| match measured {
        Measured::Quantiles(sketch) => Some(sketch),
        _ => None,
    })?;
    let quantile = |q| sketch.quantile(q).map(|quantile| quantile.estimate);
    Some([quantile(0.1)?, quantile(0.5)?, quantile(0.9)?, quantile(0.99)?])
}

/// Between which bounds the number of distinct values is 19 of 20 times, and the estimate of it: low, estimate, high.
fn distinct<S: Storage>(cell: &[Measured<S>]) -> Option<[f64; 3]> {
    let estimate = cell.iter().find_map(|measured| match measured {
        Measured::Distinct(sketch) => Some(sketch.estimate()),
        _ => None,
    })?;
    let reach = 2.0 * estimate.error * estimate.estimate;
    Some([(estimate.estimate - reach).max(0.0), estimate.estimate, estimate.estimate + reach])
}

impl<W: Write> Picture<'_, W> {
    /// The name and the topic of what is drawn.
    fn begin(&mut self, name: &str, topic: &str, height: f64) -> Result<(), W::Error> {
        self.open(name, height)?;
        self.text("<text x=\"10\" y=\"22\" font-size=\"16\">")?;
        self.escaped(name)?;
        self.text(" <tspan opacity=\".6\" font-size=\"12\">topic ")?;
        self.escaped(topic)?;
        self.text("</tspan></text>\n")
    }

    pub(super) fn end_part(&mut self) {
        self.top += HEIGHT + GAP;
    }

    /// Bars: messages in each pane.
    fn messages<S: Storage>(&mut self, gauge: &mut Gauge<S>, now: Time, parts: &Parts) -> Result<(), W::Error> {
        self.frame("messages", Some((0.0, parts.most_messages as f64)))?;
        let (step, mut place, mut result) = (WIDTH / parts.panes as f64, 0.0, Ok(()));
        gauge.read_panes(now, |messages, _| {
            let height = HEIGHT * messages as f64 / parts.most_messages as f64;
            if result.is_ok() && messages > 0 {
                result = self.bar([LEFT + place * step, self.top + HEIGHT - height, step, height], 60);
            }
            place += 1.0;
        });
        result?;
        self.end_part();
        Ok(())
    }

    /// Bands over time: 10 to 50, 50 to 90, 90 to 99 of 100.
    fn quantiles<S: Storage>(&mut self, gauge: &mut Gauge<S>, now: Time, parts: &Parts) -> Result<(), W::Error> {
        self.frame("p10, p50, p90, p99", Some((parts.least, parts.largest)))?;
        let scale = Axis::over(parts.least, parts.largest, self.top);
        let (step, mut place, mut result) = (WIDTH / parts.panes as f64, 0.0, Ok(()));
        gauge.read_panes(now, |_, cell| {
            let left = LEFT + place * step;
            place += 1.0;
            let Some(values) = quantiles(cell).filter(|_| result.is_ok()) else { return };
            let [p10, p50, p90, p99] = values.map(|value| scale.place(value));
            result = self
                .bar([left, p50, step, p10 - p50], 45)
                .and_then(|()| self.bar([left, p90, step, p50 - p90], 45))
                .and_then(|()| self.bar([left, p99, step, p90 - p99], 20))
                .and_then(|()| self.bar([left, p50 - 1.0, step, 2.0], 100));
        });
        result?;
        self.end_part();
        Ok(())
    }

    /// A band over time: where the number of distinct values is 19 of 20 times.
    fn distinct<S: Storage>(&mut self, gauge: &mut Gauge<S>, now: Time, parts: &Parts) -> Result<(), W::Error> {
        self.frame("distinct, and twice its error", Some((0.0, parts.most_distinct)))?;
        let scale = Axis::over(0.0, parts.most_distinct, self.top);
        let (step, mut place, mut result) = (WIDTH / parts.panes as f64, 0.0, Ok(()));
        gauge.read_panes(now, |messages, cell| {
            let left = LEFT + place * step;
            place += 1.0;
            let Some(values) = distinct(cell).filter(|_| result.is_ok() && messages > 0) else { return };
            let [low, estimate, high] = values.map(|value| scale.place(value));
            result = self
                .bar([left, high, step, low - high], 30)
                .and_then(|()| self.bar([left, estimate - 1.0, step, 2.0], 100));
        });
        result?;
        self.end_part();
        Ok(())
    }

    /// What is drawn of one measure, or else written.
    fn measured<S: Storage>(&mut self, measured: &mut Measured<S>, as_of: Time) -> Result<(), W::Error> {
        match measured {
            Measured::Quantiles(sketch) => {
                self.frame("distribution", None)?;
                let (Some(min), Some(max)) = (sketch.min(), sketch.max()) else {
                    self.end_part();
                    return Ok(());
                };
                let mut columns = [0.0_f64; COLUMNS];
                sketch.bins().for_each(|bin| spread(&bin, min, max, &mut columns));
                let most = columns.iter().copied().fold(0.0, f64::max);
                self.ends(min, max)?;
                let step = WIDTH / COLUMNS as f64;
                for (place, count) in columns.iter().enumerate().filter(|(_, count)| **count > 0.0) {
                    let height = HEIGHT * count / most;
                    self.bar([LEFT + place as f64 * step, self.top + HEIGHT - height, step, height], 60)?;
                }
                self.end_part();
                Ok(())
            }
            Measured::Histogram(histogram) => {
                let (edge, bins) = (|bin| histogram.edge(bin), histogram.bins());
                self.histogram(bins.len(), &|bin| bar(bin, edge, bins), false)?;
                self.outside([histogram.underflow(), histogram.overflow()], 0)
            }
            Measured::Integers(histogram, not_whole) => {
                let (edge, bins) = (|bin| histogram.edge(bin) as f64, histogram.bins());
                self.histogram(bins.len(), &|bin| bar(bin, edge, bins), true)?;
                self.outside([histogram.underflow(), histogram.overflow()], *not_whole)
            }
            Measured::Top(heaviest) => {
                let most = heaviest.heaviest().next().map_or(1, |counted| counted.weight.max(1));
                self.name("most frequent")?;
                for counted in heaviest.heaviest().take(BARS) {
                    let share = counted.weight as f64 / most as f64;
                    let certain = counted.weight.saturating_sub(counted.error) as f64 / most as f64;
                    self.bar([LEFT, self.top, share * WIDTH, BAR - 4.0], 12)?;
                    self.bar([LEFT, self.top, certain * WIDTH, BAR - 4.0], 20)?;
                    self.text("<text x=\"")?;
                    self.at(LEFT + 4.0)?;
                    self.text("\" y=\"")?;
                    self.at(self.top + BAR - 7.0)?;
                    self.text("\">")?;
                    self.escaped(&counted.key.name())?;
                    if counted.error > 0 {
                        self.text(" <tspan opacity=\".6\">at least ")?;
                        whole(counted.weight.saturating_sub(counted.error), self.out)?;
                        self.text("</tspan>")?;
                    }
                    self.text("</text>")?;
                    self.count([LEFT - 6.0, self.top + BAR - 7.0], counted.weight)?;
                    self.top += BAR;
                }
                self.top += GAP;
                Ok(())
            }
            _ => self.written(measured, as_of),
        }
    }
}

fn bar(bin: usize, edge: impl Fn(usize) -> f64, bins: &[u64]) -> Bar {
    let count = bins.get(bin).copied().unwrap_or(0);
    Bar { low: edge(bin), high: edge(bin.saturating_add(1)), count }
}

/// Where values are on the upright axis.
struct Axis {
    least: f64,
    largest: f64,
    top: f64,
}

impl Axis {
    const fn over(least: f64, largest: f64, top: f64) -> Self {
        Self { least, largest, top }
    }

    fn place(&self, value: f64) -> f64 {
        self.top + HEIGHT * (1.0 - share(self.least, self.largest, value))
    }
}

/// Adds the values of a bin to the columns that it reaches over, as if they were spread evenly: bins are not equally wide.
fn spread(bin: &Bin, min: f64, max: f64, columns: &mut [f64; COLUMNS]) {
    let place = |value: f64| share(min, max, value) * COLUMNS as f64;
    let (left, right) = (place(bin.lower), place(bin.upper));
    let width = right - left;
    for (number, column) in columns.iter_mut().enumerate() {
        let (begin, end) = (number as f64, number as f64 + 1.0);
        let is_last = number >= COLUMNS.wrapping_sub(1);
        if width > 0.0 {
            *column += bin.count as f64 * ((right.min(end) - left.max(begin)).max(0.0) / width);
        } else if left >= begin && (left < end || is_last) {
            *column += bin.count as f64;
        }
    }
}
