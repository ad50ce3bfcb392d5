//! Statistics against exact rational arithmetic.

mod fixed;
mod histogram;
mod moments;
mod pair;
mod parts;
