//! Streams to play with: random numbers that are the same on every machine.
//!
//! | module | idea |
//! | --- | --- |
//! | `rng` | [`Rng`]: xoshiro256++ |
//! | `distribution` | [`Distribution`]: numbers with a given distribution |
//! | `zipf` | [`Zipf`]: ranks, the first ones most often |
//!
//! A seed gives the same numbers everywhere, to the last bit: logarithms and the like are `libm`'s, whatever the
//! machine has. Not for secrets.
//!
//! ```
//! use streamgauge_core::generate::{Distribution, Rng};
//! let mut rng = Rng::new(42);
//! let normal = Distribution::Normal { mean: 3.0, deviation: 0.5 };
//! assert_eq!(normal.sample(&mut rng), 2.615503473089497);
//! ```

mod distribution;
mod rng;
mod zipf;

pub use distribution::Distribution;
pub use rng::Rng;
pub use zipf::Zipf;
