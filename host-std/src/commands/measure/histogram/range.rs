//! The range of a histogram that nobody has said: that of a whole file, or of the first numbers of a stream.

use core::future::Future;

use tokio::time::Instant;

use super::Values;
use crate::commands::measure::drive;
use crate::commands::number::shortest;
use crate::results::tally::{HistogramTally, Shape};
use crate::terminal::exit::Failure;
use crate::terminal::{StartError, say};

/// How many numbers of a stream say what its range is.
const FIRST: usize = 1000;

/// What is known of a range, and what has to be found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    /// At most so many, where both ends are found; else exactly.
    pub(super) bins: u32,
}

/// The least and the largest number of those that are finite.
#[derive(Debug, Clone, Copy)]
struct Extent {
    least: f64,
    most: f64,
}

impl Extent {
    const NONE: Self = Self { least: f64::INFINITY, most: f64::NEG_INFINITY };

    fn take(&mut self, numbers: &[f64]) {
        for x in numbers.iter().filter(|x| x.is_finite()) {
            self.least = self.least.min(*x);
            self.most = self.most.max(*x);
        }
    }
}

impl Wanted {
    /// An empty histogram in which all that was seen has a bin, with round edges where both ends are free.
    fn around(&self, seen: Extent) -> Result<HistogramTally, StartError> {
        let Extent { least, most } = if seen.least <= seen.most { seen } else { Extent { least: 0.0, most: 0.0 } };
        let away = |x: f64| x.abs().max(1.0);
        // Above the largest number there is none: it is the end of the range, and counted above.
        let above = |min: f64| if most > min { most.next_up() } else { min + away(min) }.min(f64::MAX);
        let (min, max) = match (self.min, self.max) {
            (Some(min), Some(max)) => (min, max),
            (Some(min), None) => (min, above(min)),
            (None, Some(max)) => (if least < max { least } else { (max - away(max)).max(f64::MIN) }, max),
            (None, None) => match round(least, most, self.bins) {
                Some(tally) => return Ok(tally),
                None => (least.min(f64::MAX / 2.0), above(least)),
            },
        };
        let exact = HistogramTally::new(Shape::Range { min, max, bins: self.bins });
        exact.map_err(|error| {
            let (min, max) = (shortest(min), shortest(max));
            StartError::new(format_args!("--min, --max, --bins: from {min} to {max} {error}"))
        })
    }

    /// The same after the whole of a file has been read once, or as much of it as can be read until `half`: the other half
    /// of the time is for the second time.
    pub(super) async fn of_file(
        &self,
        options: &drive::Options,
        mut values: Values,
        half: Option<Instant>,
        stopped: impl Future<Output = ()>,
    ) -> Result<Result<HistogramTally, Failure>, StartError> {
        let mut seen = Extent::NONE;
        let mut source = options.open()?;
        let read = async {
            let mut left = options.most();
            while let Some(block) = source.next(left).await? {
                let mut input = block.bytes.as_slice();
                left -= values.take(&mut input, block.separator, left, |some| seen.take(some)).records;
                source.recycle(block);
                if left == 0 {
                    break;
                }
            }
            source.end();
            Ok(())
        };
        let end = tokio::select! {
            biased;
            () = stopped => Err(Failure::Interrupted),
            () = drive::over(half) => Ok(()),
            end = read => end,
        };
        match end {
            Ok(()) => self.around(seen).map(Ok),
            Err(failure) => Ok(Err(failure)),
        }
    }
}

/// Holds the first numbers of a stream back, until they say what the range is.
#[derive(Debug)]
pub(super) struct Finding {
    wanted: Wanted,
    first: Vec<f64>,
}

impl Finding {
    /// With the histogram that stands for the one that will be found.
    pub(super) fn new(wanted: Wanted) -> Result<(Self, HistogramTally), StartError> {
        Ok((Self { wanted, first: Vec::with_capacity(FIRST) }, wanted.around(Extent::NONE)?))
    }

    /// Takes numbers in; when there are enough, those that are left.
    pub(super) fn hold<'n>(&mut self, numbers: &'n [f64]) -> Option<&'n [f64]> {
        let (first, left) = numbers.split_at(numbers.len().min(FIRST - self.first.len()));
        self.first.extend_from_slice(first);
        (self.first.len() == FIRST).then_some(left)
    }

    /// The histogram of what was held back, if no more comes, beside so many records that held no number.
    pub(super) fn found(&self, rejected: u64) -> Option<HistogramTally> {
        let mut seen = Extent::NONE;
        seen.take(&self.first);
        let mut found = [seen, Extent::NONE].into_iter().find_map(|seen| self.wanted.around(seen).ok())?;
        found.reject(rejected);
        found.extend(&self.first);
        Some(found)
    }

    /// Puts the histogram that was found in the place of `tally`.
    pub(super) fn settle(self, tally: &mut HistogramTally) {
        if let Some(found) = self.found(tally.outside().not_a_number) {
            *tally = found;
        }
        if let Shape::Range { min, max, bins } = tally.shape() {
            let first = self.first.len();
            let (min, max) = (shortest(min), shortest(max));
            say(format_args!("range {min} to {max} in {bins} bins, from the first {first} numbers (see --min, --max)"));
        }
    }
}

/// Bins with round edges around both, at most so many: steps of 1, 2 or 5, times a power of ten.
fn round(least: f64, most: f64, bins: u32) -> Option<HistogramTally> {
    // Each by itself: the distance of two doubles may be none.
    let part = |x: f64| x / f64::from(bins);
    let width = if most > least { part(most) - part(least) } else { part(least.abs().max(1.0)) };
    // Thinner ones would be more in one than a double can say.
    let magnitude = width.log10().floor().max(-308.0) as i32;
    // More bins than fit between two doubles take a million times as much room.
    let steps = (0..9).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| (digit, magnitude.saturating_add(power))));
    steps.into_iter().find_map(|(digit, power)| {
        // Read as a decimal, so that an edge such as 0.3 is the nearest to it.
        let edge = |steps: f64| format!("{}e{power}", steps * digit).parse().unwrap_or(f64::NAN);
        let step = edge(1.0);
        let (low, high) = ((least / step).floor(), (most / step).floor() + 1.0);
        // A quotient is rounded: 0.35 / 0.05 is below 7.
        let low = if edge(low) > least { low - 1.0 } else { low };
        let high = if edge(high) <= most { high + 1.0 } else { high };
        let needed = high - low;
        let shape = Shape::Range { min: edge(low), max: edge(high), bins: needed as u32 };
        (needed <= f64::from(bins)).then(|| HistogramTally::new(shape).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::measure::histogram::MAX_BINS;

    #[test]
    fn edges_are_round_and_everything_is_inside() {
        for (least, most, bins, expected) in [
            (0.0, 1.0, 20, (0.0, 1.1, 11)),
            (1.0, 6.0, 20, (1.0, 6.5, 11)),
            (-36.8, 65.6, 20, (-40.0, 70.0, 11)),
            (0.1, 0.35, 10, (0.1, 0.4, 6)),
            (7.0, 7.0, 20, (7.0, 7.1, 1)),
            (-1.0, 1.0, 2, (-2.0, 2.0, 2)),
            (-1e308, 1e308, 20, (-1e308, 1.2e308, 11)),
            (1e-310, 3e-310, 20, (0.0, 1e-308, 1)),
        ] {
            let (min, max, bins) = match round(least, most, bins).map(|tally| tally.shape()) {
                Some(Shape::Range { min, max, bins }) => (min, max, bins),
                other => panic!("{least} {most}: {other:?}"),
            };
            assert_eq!((min, max, bins), expected, "{least} {most}");
        }
        // Zero is an edge of every step, so that both sides of it don't go into one bin.
        assert!(round(-1.0, 1.0, 1).is_none());
    }

    #[test]
    fn all_that_was_seen_has_a_bin() {
        let wanted = |min, max, bins| Wanted { min, max, bins };
        for (wanted, numbers) in [
            (wanted(None, None, 1), &[-1.0, 1.0][..]),
            (wanted(None, None, 20), &[1e308, -1e308]),
            (wanted(None, None, 1), &[1e308, -1e308]),
            (wanted(None, None, 20), &[f64::MAX.next_down(), f64::MIN]),
            (wanted(None, None, 20), &[1e300, 1e300_f64.next_up()]),
            (wanted(None, None, MAX_BINS), &[1e300, 1e300_f64.next_up()]),
            (wanted(None, None, 20), &[5e-324]),
            (wanted(None, None, 20), &[1e-310, -3e-310]),
            (wanted(None, None, 3), &[]),
            (wanted(Some(0.0), None, 4), &[1.0, 3.0]),
            (wanted(Some(f64::MIN), None, 4), &[1.0, f64::MAX.next_down()]),
            (wanted(None, Some(4.0), 4), &[1.0, 3.0]),
            (wanted(None, Some(f64::MAX), 4), &[f64::MIN, 3.0]),
        ] {
            let (mut finding, mut tally) = Finding::new(wanted).unwrap();
            tally.reject(2);
            assert_eq!(finding.hold(numbers), None);
            finding.settle(&mut tally);
            let bars = crate::results::tally::Tally::total(&tally);
            let in_bins: u64 = bars.bins.iter().map(|bar| bar.count).sum();
            assert_eq!((in_bins, bars.outside.not_a_number), (numbers.len() as u64, 2), "{wanted:?} {numbers:?}");
        }
    }

    #[test]
    fn what_no_bin_can_hold_is_counted_beside_them() {
        for (min, max, numbers, outside) in [
            (Some(9.0), None, [1.0, 3.0], (2, 0)),
            (Some(1e308), None, [1e308, 0.0], (1, 0)),
            (None, Some(-4e20), [1.0, 3.0], (0, 2)),
            (None, Some(-1e308), [1.0, 3.0], (0, 2)),
            (None, None, [f64::MAX, 1.0], (0, 1)),
            (None, None, [f64::MAX, f64::MAX], (0, 2)),
        ] {
            let (mut finding, mut tally) = Finding::new(Wanted { min, max, bins: 4 }).unwrap();
            assert_eq!(finding.hold(&numbers), None);
            finding.settle(&mut tally);
            assert_eq!((tally.outside().underflow, tally.outside().overflow), outside, "{min:?} {max:?} {numbers:?}");
        }
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: drive::Options,
    }

    #[tokio::test]
    async fn a_range_is_that_of_the_whole_file_or_of_what_there_was_time_for() {
        use clap::Parser as _;
        use core::future::{pending, ready};

        let path = std::env::temp_dir().join(format!("streamgauge-range-{}", std::process::id()));
        std::fs::write(&path, "1\n2\n").unwrap();
        let Line { options } = Line::parse_from(["x", "--source", path.to_str().unwrap()]);
        let wanted = Wanted { min: None, max: None, bins: 20 };
        let values = || Values::new(None);
        let whole = wanted.of_file(&options, values(), None, pending()).await.unwrap().unwrap();
        let Shape::Range { min, max, .. } = whole.shape() else { panic!("{:?}", whole.shape()) };
        assert!(min == 1.0 && max > 2.0, "{min} {max}");
        // Nobody waits for numbers that would be those of a file that has none.
        let stopped = wanted.of_file(&options, values(), None, ready(())).await.unwrap();
        assert!(matches!(stopped, Err(Failure::Interrupted)));
        let over = wanted.of_file(&options, values(), Some(Instant::now()), pending()).await.unwrap();
        assert!(over.is_ok());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_range_that_can_not_be_is_named() {
        let wanted = |min, max, bins| Wanted { min, max, bins };
        assert!(wanted(Some(5.0), Some(4.0), 4).around(Extent::NONE).is_err());
        let narrow = wanted(Some(5.0), None, 4).around(Extent { least: 5.0, most: 5.0_f64.next_up() });
        let error = narrow.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("from 5 to 5.000000000000002 the range can't be divided"), "{error}");
        let all = Wanted { min: None, max: None, bins: 3 }.around(Extent { least: -1.0, most: 2.0 }).unwrap();
        assert_eq!(all.shape(), Shape::Range { min: -2.0, max: 4.0, bins: 3 });
    }
}
