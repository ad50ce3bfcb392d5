//! One measure of one group in one pane.

use super::definition::{Definition, Measure, Scale};
use super::hasher::KeyHasher;
use super::key::Key;
use super::sample::Sample;
use super::storage::Storage;
use crate::stats::change::Detector;
use crate::stats::distinct::UltraLogLog;
use crate::stats::graph::{Direction, Edge, Graph};
use crate::stats::histogram::Counted;
use crate::stats::moments::NonFinite;
use crate::stats::quantiles::{Accuracy, DdSketch};
use crate::stats::rate::Rate;
use crate::stats::space_saving::{Slot, SpaceSaving};
use crate::stats::{Bivariate, Histogram, IntHistogram, Moments};
use crate::time::Time;

/// What one measure has seen.
#[non_exhaustive]
pub enum Measured<S: Storage> {
    /// Moments.
    Moments(Moments),
    /// Quantiles.
    Quantiles(DdSketch<S::Bins>),
    /// Distinct values.
    Distinct(UltraLogLog<S::Registers>),
    /// Frequent values.
    Top(SpaceSaving<Key, S::Slots, KeyHasher>),
    /// A histogram.
    Histogram(Histogram<S::Counts>),
    /// A histogram of integers, and how many numbers were not whole.
    Integers(IntHistogram<S::Counts>, u64),
    /// A rate.
    Rate(Rate),
    /// Changes of the mean.
    Change(Detector),
    /// Two numbers.
    Pair(Bivariate),
    /// Edges.
    Graph(Graph<Key, S::Edges, KeyHasher>),
}

impl<S: Storage> Measured<S> {
    /// Nothing, to fill storage with before there is a gauge.
    pub const BLANK: Self = Self::Rate(Rate::new());

    /// A measure of nothing yet; `None` where there is no room.
    pub(super) fn new(measure: Measure, definition: &Definition, storage: &mut S) -> Option<Self> {
        Some(match measure {
            Measure::Moments => Self::Moments(Moments::with_policy(NonFinite::LeaveOut)),
            Measure::Quantiles => {
                let bins = storage.bins(usize::from(definition.bins).saturating_mul(2))?;
                Self::Quantiles(DdSketch::new(bins, Accuracy::new(definition.accuracy).ok()?))
            }
            Measure::Distinct => {
                let registers = storage.registers(1_usize.checked_shl(u32::from(definition.precision))?)?;
                Self::Distinct(UltraLogLog::new(registers).ok()?)
            }
            Measure::Top => {
                let slots = storage.slots(usize::from(definition.top))?;
                Self::Top(SpaceSaving::new(slots, KeyHasher::default()))
            }
            Measure::Histogram => match definition.histogram {
                Scale::None => return None,
                Scale::Range { low, high, bins } => {
                    Self::Histogram(Histogram::new(storage.counts(usize::try_from(bins).ok()?)?, low, high).ok()?)
                }
                Scale::Integers { low, high } => {
                    let bins = i64::from(high).wrapping_sub(i64::from(low)).saturating_add(1);
                    let counts = storage.counts(usize::try_from(bins).ok()?)?;
                    Self::Integers(IntHistogram::new(counts, low, 1).ok()?, 0)
                }
            },
            Measure::Rate => Self::Rate(Rate::new()),
            Measure::Change => Self::Change(Detector::new(definition.change.settings()).ok()?),
            Measure::Pair => Self::Pair(Bivariate::with_policy(NonFinite::LeaveOut)),
            Measure::Graph => {
                let direction = if definition.directed { Direction::Directed } else { Direction::Undirected };
                let edges = storage.edges(usize::try_from(definition.edges).ok()?)?;
                Self::Graph(Graph::new(edges, KeyHasher::default(), direction))
            }
        })
    }

    /// Bytes of storage beside itself that a measure takes. O(1).
    pub(super) fn room(measure: Measure, definition: &Definition) -> u64 {
        let (one, many) = match measure {
            Measure::Quantiles => (size_of::<u32>(), u64::from(definition.bins).saturating_mul(2)),
            Measure::Distinct => (size_of::<u8>(), 1_u64.checked_shl(u32::from(definition.precision)).unwrap_or(0)),
            Measure::Top => (size_of::<Slot<Key>>(), u64::from(definition.top)),
            Measure::Graph => (size_of::<Slot<Edge<Key>>>(), u64::from(definition.edges)),
            Measure::Histogram => match definition.histogram {
                Scale::None => (0, 0),
                Scale::Range { bins, .. } => (size_of::<u64>(), u64::from(bins)),
                Scale::Integers { low, high } => {
                    let bins = i64::from(high).wrapping_sub(i64::from(low)).saturating_add(1);
                    (size_of::<u64>(), u64::try_from(bins).unwrap_or(0))
                }
            },
            Measure::Moments | Measure::Rate | Measure::Change | Measure::Pair => (0, 0),
        };
        many.saturating_mul(one as u64)
    }

    /// Takes in what was read of a message, as far as there is something for it.
    #[inline]
    pub(super) fn take(&mut self, sample: &Sample) {
        match self {
            Self::Rate(rate) => rate.push(sample.time, sample.bytes),
            Self::Pair(pair) => {
                if let (Some(x), Some(y)) = (sample.x, sample.y) {
                    pair.push(x, y);
                }
            }
            Self::Graph(graph) => {
                if let (Some(key), Some(other)) = (sample.key, sample.other) {
                    graph.add(key, other, 1);
                }
            }
            Self::Distinct(_) | Self::Top(_) => sample.key.into_iter().for_each(|key| self.take_key(key)),
            _ => sample.x.into_iter().for_each(|x| self.take_number(x)),
        }
    }

    /// Takes in numbers that are in no message: what is measured of two fields sees nothing.
    pub(super) fn take_numbers(&mut self, numbers: &[f64], now: Time) {
        match self {
            Self::Moments(moments) => moments.extend_from_slice(numbers),
            Self::Histogram(histogram) => numbers.iter().for_each(|x| histogram.push(*x)),
            Self::Rate(rate) => numbers.iter().for_each(|_| rate.push(now, 0)),
            Self::Distinct(_) | Self::Top(_) => {
                numbers.iter().filter_map(|x| Key::of_float(*x)).for_each(|key| self.take_key(key));
            }
            Self::Pair(_) | Self::Graph(_) => {}
            Self::Quantiles(_) | Self::Integers(..) | Self::Change(_) => {
                numbers.iter().for_each(|x| self.take_number(*x));
            }
        }
    }

    #[inline]
    fn take_number(&mut self, x: f64) {
        match self {
            Self::Moments(moments) => moments.push(x),
            Self::Quantiles(sketch) => sketch.push(x),
            Self::Histogram(histogram) => histogram.push(x),
            Self::Integers(histogram, not_whole) => match place_of(x) {
                Whole::Integer(x) => histogram.push(x),
                Whole::Beyond(side) => _ = histogram.add(side, 1),
                Whole::Not => *not_whole = not_whole.saturating_add(1),
            },
            Self::Change(detector) => _ = detector.push(x),
            _ => {}
        }
    }

    fn take_key(&mut self, key: Key) {
        match self {
            Self::Distinct(sketch) => sketch.add_hash(key.hash()),
            Self::Top(heaviest) => heaviest.add(key, 1),
            _ => {}
        }
    }

    /// Whether it goes on from pane to pane.
    pub(super) const fn is_lasting(&self) -> bool {
        matches!(self, Self::Rate(_) | Self::Change(_))
    }

    /// Whether the other one measures the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        core::mem::discriminant(self) == core::mem::discriminant(other)
    }

    /// Adds what another one has seen that [is like](Self::is_like) this one, and of the same definition: none of the
    /// sketches then has a reason to refuse.
    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Moments(this), Self::Moments(other)) => this.merge(other),
            (Self::Quantiles(this), Self::Quantiles(other)) => _ = this.merge(other),
            (Self::Distinct(this), Self::Distinct(other)) => _ = this.merge(other),
            (Self::Top(this), Self::Top(other)) => this.merge(other),
            (Self::Histogram(this), Self::Histogram(other)) => _ = this.merge(other),
            (Self::Integers(this, here), Self::Integers(other, there)) => {
                let _ = this.merge(other);
                *here = here.saturating_add(*there);
            }
            (Self::Rate(this), Self::Rate(other)) => this.merge(other),
            (Self::Change(this), Self::Change(other)) => _ = this.merge(other),
            (Self::Pair(this), Self::Pair(other)) => this.merge(other),
            (Self::Graph(this), Self::Graph(other)) => _ = this.merge(other),
            _ => {}
        }
    }

    /// Forgets all that it has seen.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Moments(moments) => *moments = Moments::with_policy(moments.non_finite()),
            Self::Quantiles(sketch) => sketch.clear(),
            Self::Distinct(sketch) => sketch.clear(),
            Self::Top(heaviest) => heaviest.clear(),
            Self::Histogram(histogram) => histogram.clear(),
            Self::Integers(histogram, not_whole) => {
                histogram.clear();
                *not_whole = 0;
            }
            Self::Rate(rate) => *rate = Rate::new(),
            Self::Change(detector) => {
                // Its settings have been taken before.
                if let Ok(fresh) = Detector::new(detector.settings()) {
                    *detector = fresh;
                }
            }
            Self::Pair(pair) => *pair = Bivariate::with_policy(pair.non_finite()),
            Self::Graph(graph) => graph.clear(),
        }
    }
}

/// What a number is where integers are counted.
enum Whole {
    Integer(i32),
    /// Whole, and beyond all that may have a bin.
    Beyond(Counted),
    Not,
}

/// As `streamgauge histogram` has it: what is whole and has no bin is below or above, up to the infinities.
fn place_of(x: f64) -> Whole {
    let integer = x as i32;
    if f64::from(integer) == x {
        Whole::Integer(integer)
    } else if libm::trunc(x) == x {
        Whole::Beyond(if x < 0.0 { Counted::Below } else { Counted::Above })
    } else {
        Whole::Not
    }
}
