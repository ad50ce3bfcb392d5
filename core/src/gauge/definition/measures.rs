//! What can be measured.

/// One thing that a gauge measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Count, mean, variance, skewness, kurtosis, least and largest of numbers.
    Moments,
    /// Quantiles of numbers, within a relative error.
    Quantiles,
    /// How many different values there are.
    Distinct,
    /// The most frequent values.
    Top,
    /// Numbers by bins of equal width.
    Histogram,
    /// Messages and bytes a second.
    Rate,
    /// When the mean of numbers changes.
    Change,
    /// How two numbers go together.
    Pair,
    /// Which value leads to which.
    Graph,
}

impl Measure {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 9] = [
        Self::Moments,
        Self::Quantiles,
        Self::Distinct,
        Self::Top,
        Self::Histogram,
        Self::Rate,
        Self::Change,
        Self::Pair,
        Self::Graph,
    ];

    /// Its name, as a definition has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moments => "moments",
            Self::Quantiles => "quantiles",
            Self::Distinct => "distinct",
            Self::Top => "top",
            Self::Histogram => "histogram",
            Self::Rate => "rate",
            Self::Change => "change",
            Self::Pair => "pair",
            Self::Graph => "graph",
        }
    }

    /// The measure of that name. O(1).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// Whether it goes on from pane to pane: its state is about all that came so far.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        matches!(self, Self::Rate | Self::Change)
    }

    /// Whether it is of numbers.
    pub(in crate::gauge) const fn is_of_numbers(self) -> bool {
        matches!(self, Self::Moments | Self::Quantiles | Self::Histogram | Self::Change | Self::Pair)
    }

    /// Whether it is of values that are told apart.
    pub(in crate::gauge) const fn is_of_keys(self) -> bool {
        matches!(self, Self::Distinct | Self::Top | Self::Graph)
    }

    /// Whether it is of two fields.
    pub(in crate::gauge) const fn is_of_two(self) -> bool {
        matches!(self, Self::Pair | Self::Graph)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measures(u16);

impl Measures {
    /// None.
    pub const NONE: Self = Self(0);

    /// The same and this one.
    #[must_use]
    pub const fn with(self, measure: Measure) -> Self {
        Self(self.0 | measure.bit())
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, measure: Measure) -> bool {
        self.0 & measure.bit() != 0
    }

    /// Each, in the order of [`Measure::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Measure> {
        Measure::ALL.into_iter().filter(move |measure| self.has(*measure))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Those that each pane has by itself.
    pub(in crate::gauge) fn paned(self) -> Self {
        self.iter().filter(|measure| !measure.is_lasting()).fold(Self::NONE, Self::with)
    }

    /// Those that go on from pane to pane.
    pub(in crate::gauge) fn lasting(self) -> Self {
        self.iter().filter(|measure| measure.is_lasting()).fold(Self::NONE, Self::with)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
