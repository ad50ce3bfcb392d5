//! Numbers between `f64` and decimal text, the same bits and the same text on every target.
//!
//! | what | does |
//! | --- | --- |
//! | [`Decimal::shortest`] | an `f64` as text that reads back to the same bits, as JSON has it |
//! | [`Decimal::rounded`], [`Decimal::readable`] | an `f64` for people, to so many significant digits |
//! | [`Number::to_f64`](crate::select::Number::to_f64) | the `f64` that is nearest to a number of JSON |
//!
//! All are correctly rounded: as if they knew every digit, ties to even. The standard library's own ways between
//! the two are correct as well, but can panic as far as a linker sees; these can't.

mod exact;
mod nearest;
mod plain;
mod powers;
mod scanned;
mod text;

pub use text::Decimal;

pub(crate) use nearest::nearest;
pub(crate) use plain::plain;
pub(crate) use scanned::Scanned;
