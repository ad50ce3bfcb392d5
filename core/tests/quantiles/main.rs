//! The sketch of quantiles against sorted values, exact arithmetic, and a model of its state.

mod bins;
mod exact;
mod model;
mod numbers;
mod order;
mod promise;
mod streams;
