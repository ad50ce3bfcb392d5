//! Statistics of a stream, in constant memory: moments, correlation and histograms that can be updated, merged and shared.
//!
//! | type | samples | what for |
//! | --- | --- | --- |
//! | [`Moments`] | `f64` | mean, variance, skewness, kurtosis to the last digit or the one before, on any data |
//! | [`Bivariate`] | pairs of `f64` | covariance, correlation and the regression line, as exact |
//! | [`FixedMoments`] | `i16`, `i32`, any Qm.n | the same in exact integers, for chips without an FPU; values can be removed |
//! | [`Welford`] | `f64` | the textbook's mean and variance, to learn from and to measure against |
//! | [`Histogram`], [`IntHistogram`] | `f64`, `i32` | bins of equal width over storage of the caller's, and quantiles with bounds |
//! | [`DdSketch`] | `f64` | quantiles within a relative error that is set, over any range of values |
//! | [`change::Detector`] | `f64` | whether the mean has changed: CUSUM, and Page and Hinkley's test |
//! | [`Rate`] | messages, bytes | how many, and how many a second over the last 1, 5 and 15 minutes |
//! | [`SpaceSaving`](space_saving::SpaceSaving) | bytes | the most frequent items, and how far each count may be off |
//! | [`Graph`](graph::Graph) | pairs of bytes | the heaviest edges of a weighted graph |
//! | [`UltraLogLog`] | bytes, hashes | how many different ones there are, to 1.7 % in 2 KiB |
//!
//! All of them merge: what several readers have seen apart becomes what one reader would have seen. What a result
//! needs and doesn't have (values, spread) makes it `None`; no result is ever NaN.

pub(crate) mod between;
pub mod change;
mod dd;
pub mod distinct;
mod extent;
pub mod fixed;
pub mod graph;
pub mod histogram;
pub mod moments;
pub mod pair;
mod pivot;
pub mod quantiles;
mod rank;
pub mod rate;
mod scale;
pub mod space_saving;
mod totals;
mod welford;
mod wide;

pub use distinct::UltraLogLog;
pub use fixed::FixedMoments;
pub use histogram::{Histogram, IntHistogram};
pub use moments::Moments;
pub use pair::Bivariate;
pub use quantiles::DdSketch;
pub use rate::Rate;
pub use welford::Welford;
