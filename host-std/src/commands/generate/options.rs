//! What can be generated, and its flags.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use streamgauge_core::generate::Distribution;

use super::target::Target;
use super::{Clicks, Source};
use crate::client::Url;
use crate::terminal::StartError;

/// The end of the help.
const EXIT_CODES: &str = "\
Exit codes:
  0    all is well, also when a signal ended it
  1    a server refused, or stdout can't be written
  2    wrong flags, or a file that a variable names can't be read
  3    a server can't be reached, or not again within 60 s";

/// Generate a stream: numbers of a distribution, clicks, or the edges of a graph
///
/// A server that goes away is waited for, up to 60 s; messages whose answer was lost are sent again, and counted.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    #[command(subcommand)]
    pub(super) kind: Kind,
    /// Messages a second [default: as fast as possible]
    #[arg(long, global = true, value_name = "N", value_parser = above_zero)]
    pub(super) rate: Option<f64>,
    /// Stop after so many messages [default: never]
    #[arg(long, global = true, value_name = "N")]
    pub(super) count: Option<u64>,
    /// The same seed gives the same stream, byte for byte [default: another one each time]
    #[arg(long, global = true, value_name = "N")]
    seed: Option<u64>,
    /// Make each number a JSON record with this field, instead of a line of its own
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) field: Option<String>,
    /// Publish on this pubsub, such as http://127.0.0.1:8080 or http://127.0.0.1:8080/?topic=clicks (may be repeated)
    #[arg(long, global = true, value_name = "URL")]
    pubsub: Vec<Url>,
    /// Put on this queue, such as http://127.0.0.1:8081 or http://127.0.0.1:8081/?queue=jobs (may be repeated)
    #[arg(long, global = true, value_name = "URL")]
    queue: Vec<Url>,
    /// Print too, if there is another target
    #[arg(long, global = true)]
    stdout: bool,
}

/// What is generated.
#[derive(Debug, Clone, Subcommand)]
#[expect(missing_docs, reason = "it would take the place of what the help says")]
pub enum Kind {
    /// Integers, one more each time
    Count {
        /// The first one
        #[arg(long, default_value_t = 1, allow_negative_numbers = true)]
        min: i64,
    },
    /// Numbers that are equally likely between two bounds
    Uniform {
        /// Lower bound
        #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
        min: f64,
        /// Upper bound
        #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
        max: f64,
    },
    /// Gaussian numbers
    Normal {
        #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
        mean: f64,
        #[arg(long, default_value_t = 1.0)]
        variance: f64,
    },
    /// The times between events that happen at a rate
    Exponential {
        /// Events in a unit of time; the mean is its inverse
        #[arg(long, default_value_t = 1.0)]
        rate_parameter: f64,
    },
    /// Numbers whose logarithm is normal
    Lognormal {
        /// Mean of the logarithm
        #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
        mean: f64,
        /// Variance of the logarithm
        #[arg(long, default_value_t = 1.0)]
        variance: f64,
    },
    /// Numbers with a heavy tail: P(X > x) = (min / x)^alpha
    Pareto {
        /// How fast the tail falls; the variance is infinite at 2 and below, the mean at 1 and below
        #[arg(long, default_value_t = 3.0)]
        alpha: f64,
        /// Least number
        #[arg(long, default_value_t = 1.0)]
        min: f64,
    },
    /// Integers that are equally likely, both bounds included
    Integers {
        /// Least integer
        #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
        min: i64,
        /// Greatest integer
        #[arg(long, default_value_t = 9, allow_negative_numbers = true)]
        max: i64,
    },
    /// Clicks on short links, as JSON records with the fields of the 1.USA.gov stream
    Clicks {
        /// Long URLs that are clicked on, a few of them very often
        #[arg(long, value_name = "N", default_value_t = 500)]
        urls: u64,
        /// Pages that the clicks come from, likewise
        #[arg(long, value_name = "N", default_value_t = 800)]
        referrers: u64,
        /// Time of the first click, in seconds since 1970
        #[arg(long, value_name = "SECONDS", default_value_t = 1_700_000_000)]
        start: u64,
    },
    /// The edges of a directed graph, as JSON records {"from": …, "to": …}
    Graph {
        /// Nodes of the graph
        #[arg(long, value_name = "N", default_value_t = 100)]
        nodes: u64,
        /// How much the first nodes are preferred: the exponent of Zipf's law (0: not at all)
        #[arg(long, default_value_t = 1.0)]
        alpha: f64,
    },
}

impl Options {
    pub(super) fn seed(&self) -> u64 {
        // Nothing secret hangs on it.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.seed.unwrap_or(now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(32))
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        let pubsubs = self.pubsub.iter().map(Target::pubsub);
        let mut targets: Vec<Target> = pubsubs.chain(self.queue.iter().map(Target::queue)).collect();
        if self.stdout || targets.is_empty() {
            targets.push(Target::Stdout);
        }
        targets
    }
}

impl Kind {
    /// The stream of a seed, numbers as records with a `field` if there is one.
    ///
    /// # Errors
    /// Parameters that make no sense, or a field for what is no number.
    pub fn source(&self, seed: u64, field: Option<&str>) -> Result<Source, StartError> {
        let check = |flag: &str, is_right: bool, what: &str| {
            if is_right { Ok(()) } else { Err(StartError::new(format_args!("{flag} must {what}"))) }
        };
        let finite = |flag: &str, value: f64| check(flag, value.is_finite(), "be finite").map(|()| value);
        let positive = |flag: &str, value: f64| {
            finite(flag, value)?;
            check(flag, value > 0.0, "be above 0").map(|()| value)
        };
        let not_negative = |flag: &str, value: f64| {
            finite(flag, value)?;
            check(flag, value >= 0.0, "not be below 0").map(|()| value)
        };
        let deviation = |variance| not_negative("--variance", variance).map(f64::sqrt);
        let ordered = |is_ordered| check("--min", is_ordered, "not be above --max");
        let distribution = match *self {
            Self::Count { min } => return Ok(Source::count(min, field)),
            Self::Clicks { .. } | Self::Graph { .. } if field.is_some() => {
                return Err(StartError::new("--field is for numbers: these are records already"));
            }
            Self::Clicks { urls, referrers, start } => {
                check("--urls", urls > 0, "be above 0")?;
                check("--referrers", referrers > 0, "be above 0")?;
                return Ok(Source::clicks(Clicks::new(seed, urls, referrers, start)));
            }
            Self::Graph { nodes, alpha } => {
                check("--nodes", nodes > 0, "be above 0")?;
                return Ok(Source::graph(seed, nodes, not_negative("--alpha", alpha)?));
            }
            Self::Uniform { min, max } => {
                ordered(finite("--min", min)? <= finite("--max", max)?)?;
                finite("--max - --min", max - min)?;
                Distribution::Uniform { min, max }
            }
            Self::Normal { mean, variance } => {
                Distribution::Normal { mean: finite("--mean", mean)?, deviation: deviation(variance)? }
            }
            Self::Exponential { rate_parameter } => {
                Distribution::Exponential { rate: positive("--rate-parameter", rate_parameter)? }
            }
            Self::Lognormal { mean, variance } => {
                Distribution::LogNormal { mean: finite("--mean", mean)?, deviation: deviation(variance)? }
            }
            Self::Pareto { alpha, min } => {
                Distribution::Pareto { alpha: positive("--alpha", alpha)?, min: positive("--min", min)? }
            }
            Self::Integers { min, max } => {
                ordered(min <= max)?;
                Distribution::Integers { min, max }
            }
        };
        Ok(Source::numbers(seed, distribution, field))
    }
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "must be a number above 0".to_owned())
}
