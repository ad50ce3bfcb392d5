//! Whether the mean of a stream has changed.

mod excursion;
mod learned;
mod parts;
mod settings;

pub use excursion::Excursion;
use learned::Learned;
pub use parts::{InvalidParts, Parts};
pub use settings::{AfterAlarm, InvalidSettings, Mean, Settings, Sigma};

/// A two-sided test for a change of the mean: the cumulative sums of E. S. Page (*Continuous inspection schemes*, 1954).
///
/// With z = (x - mean) / sigma of each value x, `up` = max(0, `up` + z - drift) and `down` = max(0, `down` - z - drift).
/// A sum above the threshold is an alarm. About a mean that is given or learned this is CUSUM; about the mean of all
/// values so far ([`Mean::Running`]) it is the test of Page and Hinkley, whose cumulated deviation, less its least so
/// far, is the same as `up`.
///
/// How long it takes, in values, with a drift of 0.5 (tuned to shifts of one sigma), normal and independent values, and
/// mean and sigma known (D. C. Montgomery, *Introduction to Statistical Quality Control*, table 9.3):
///
/// | threshold | until a false alarm | shift of 0.5 sigma | 1 sigma | 2 sigma |
/// | --- | --- | --- | --- | --- |
/// | 4 | 168 | 26.6 | 8.38 | 3.34 |
/// | 5 | 465 | 38.0 | 10.4 | 4.01 |
///
/// A threshold one higher is e times (with this drift) as long without a false alarm, and 2 values slower. (D. Siegmund,
/// *Sequential Analysis*, 1985: for one side (e^(2 δ b) - 1 - 2 δ b) / (2 δ²) values, where δ is the drift less the
/// shift in sigmas, and b the threshold and 1.166.)
///
/// Values that aren't finite are counted and left out.
///
/// ```
/// use streamgauge_core::stats::change::{Change, Detector, Settings};
///
/// let mut detector = Detector::new(Settings::given(20.0, 2.0))?;
/// for x in [21.0, 19.0, 18.0, 21.0, 20.0] {
///     assert_eq!(detector.push(x), None);
/// }
/// let changes = [23.0, 24.0, 26.0, 25.0, 24.0].map(|x| detector.push(x));
/// let Some(Change::Up(excursion)) = changes[3] else { panic!("{changes:?}") };
/// assert_eq!((excursion.sum, excursion.values), (7.0, 4));
/// assert_eq!((detector.alarms_up(), detector.alarms_down()), (1, 0));
/// # Ok::<(), streamgauge_core::stats::change::InvalidSettings>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    settings: Settings,
    /// INVARIANT: nothing, if nothing is to be learned.
    learned: Learned,
    up: Excursion,
    down: Excursion,
    alarms_up: u64,
    alarms_down: u64,
    count: u64,
    nan: u64,
    positive_infinities: u64,
    negative_infinities: u64,
}

/// The mean has changed: the sum of that side exceeded the threshold with the excursion told here. It is 0 again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// It has become larger.
    Up(Excursion),
    /// It has become less.
    Down(Excursion),
}

/// The detectors to be merged don't have the same settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DifferentSettings;

impl core::fmt::Display for DifferentSettings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the detectors differ in their settings")
    }
}

impl core::error::Error for DifferentSettings {}

impl Detector {
    /// Nothing seen yet.
    ///
    /// # Errors
    /// [`InvalidSettings`], and which of them.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        Ok(Self {
            settings,
            learned: Learned::NOTHING,
            up: Excursion::NONE,
            down: Excursion::NONE,
            alarms_up: 0,
            alarms_down: 0,
            count: 0,
            nan: 0,
            positive_infinities: 0,
            negative_infinities: 0,
        })
    }

    /// Takes a value in, and tells whether the mean has changed. O(1), a division; with a running mean, two; three and
    /// a root or three while sigma is learned.
    #[inline]
    pub fn push(&mut self, x: f64) -> Option<Change> {
        if !x.is_finite() {
            self.count_not_finite(x);
            return None;
        }
        self.count = self.count.saturating_add(1);
        if self.learned.count < self.settings.needed() {
            self.learned.learn(x);
            return None;
        }
        if self.settings.mean == Mean::Running {
            self.learned.follow(x);
        }
        let (mean, sigma) = self.reference();
        let distance = in_sigmas(x, mean, sigma);
        self.up.add(distance - self.settings.drift);
        self.down.add(-distance - self.settings.drift);
        if self.up.sum > self.settings.threshold || self.down.sum > self.settings.threshold {
            return Some(self.alarm());
        }
        None
    }

    /// Takes in what a detector of the same settings has seen, of another part of the same stream. O(1).
    ///
    /// Values and alarms are added up. Of the two excursions of each side the one of the larger sum stays (if they are
    /// as large, the longer one): the part that is nearest to an alarm decides. What was learned becomes that of all
    /// values that either learned from, even where only one has learned enough. `a.merge(&b)` and `b.merge(&a)` give the
    /// same to the bit; in another order what was learned may differ in its last digits.
    ///
    /// # Errors
    /// [`DifferentSettings`]; nothing has changed.
    pub fn merge(&mut self, other: &Self) -> Result<(), DifferentSettings> {
        if self.settings != other.settings {
            return Err(DifferentSettings);
        }
        self.learned = self.learned.merged(other.learned);
        self.up = self.up.or_larger(other.up);
        self.down = self.down.or_larger(other.down);
        for (count, more) in [
            (&mut self.alarms_up, other.alarms_up),
            (&mut self.alarms_down, other.alarms_down),
            (&mut self.count, other.count),
            (&mut self.nan, other.nan),
            (&mut self.positive_infinities, other.positive_infinities),
            (&mut self.negative_infinities, other.negative_infinities),
        ] {
            *count = count.saturating_add(more);
        }
        Ok(())
    }

    /// What it was made with.
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// How far the mean seems to be above what it was.
    pub const fn up(&self) -> Excursion {
        self.up
    }

    /// How far the mean seems to be below what it was.
    pub const fn down(&self) -> Excursion {
        self.down
    }

    /// How often the mean has become larger.
    pub const fn alarms_up(&self) -> u64 {
        self.alarms_up
    }

    /// How often the mean has become less.
    pub const fn alarms_down(&self) -> u64 {
        self.alarms_down
    }

    /// What values are compared with; `None` while it is learned.
    pub fn mean(&self) -> Option<f64> {
        (self.learned.count >= self.settings.needed()).then_some(self.reference().0)
    }

    /// The unit of distances from the mean; `None` while it is learned. 0: all values were the same that it was learned
    /// from, and any other will be an alarm.
    pub fn sigma(&self) -> Option<f64> {
        (self.learned.count >= self.settings.needed()).then_some(self.reference().1)
    }

    /// Number of finite values; it stays at `u64::MAX` once there, like all counts.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Number of values that were NaN.
    pub const fn nan(&self) -> u64 {
        self.nan
    }

    /// Number of values that were +∞.
    pub const fn positive_infinities(&self) -> u64 {
        self.positive_infinities
    }

    /// Number of values that were -∞.
    pub const fn negative_infinities(&self) -> u64 {
        self.negative_infinities
    }

    #[cold]
    fn count_not_finite(&mut self, x: f64) {
        let counter = match x {
            f64::INFINITY => &mut self.positive_infinities,
            f64::NEG_INFINITY => &mut self.negative_infinities,
            _ => &mut self.nan,
        };
        *counter = counter.saturating_add(1);
    }

    /// Only one of the sums can be above the threshold: together they never grow.
    #[cold]
    fn alarm(&mut self) -> Change {
        let change = if self.up.sum > self.settings.threshold {
            self.alarms_up = self.alarms_up.saturating_add(1);
            Change::Up(core::mem::replace(&mut self.up, Excursion::NONE))
        } else {
            self.alarms_down = self.alarms_down.saturating_add(1);
            Change::Down(core::mem::replace(&mut self.down, Excursion::NONE))
        };
        if self.settings.relearns() {
            (self.learned, self.up, self.down) = (Learned::NOTHING, Excursion::NONE, Excursion::NONE);
        }
        change
    }

    /// Mean and sigma.
    #[inline]
    fn reference(&self) -> (f64, f64) {
        let mean = match self.settings.mean {
            Mean::Given(mean) => mean,
            Mean::Learned | Mean::Running => self.learned.mean,
        };
        let sigma = match self.settings.sigma {
            Sigma::Given(sigma) => sigma,
            Sigma::Learned => self.learned.sigma,
        };
        (mean, sigma)
    }
}

/// 0 from the mean itself, also without a sigma; and without one, anything else is infinitely far.
#[inline]
fn in_sigmas(x: f64, mean: f64, sigma: f64) -> f64 {
    let apart = x - mean;
    if apart == 0.0 {
        return 0.0;
    }
    if apart.is_infinite() {
        return (x * 0.5 - mean * 0.5) / (sigma * 0.5);
    }
    apart / sigma
}
