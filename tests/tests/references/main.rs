//! Sketches and gauges against what no one here wrote: numpy, datasketches, ddsketch and river, and Python's fractions.
//!
//! | module | against |
//! | --- | --- |
//! | `moments` | fractions, numpy's longest floating point, river |
//! | `pair` | fractions, numpy |
//! | `quantiles` | numpy, ddsketch, and KLL of datasketches |
//! | `distinct` | exact numbers, and HyperLogLog and CPC of datasketches |
//! | `top` | exact counts, and frequent items of datasketches |
//! | `histogram` | numpy |
//! | `change` | Page-Hinkley of river, cumulated sums of numpy |
//! | `windows` | rolling statistics of river |
//! | `clicks` | numpy and datasketches on the real clicks |
//!
//! A gauge is read twice ([`readings`](readings::readings)): as the values came, and as panes that were added up.
//!
//! `tests/run references` installs them and writes what they compute on the streams of `streams` to a file, which
//! `values` reads. Without it nothing is compared: that is said, and a failure where `CI` is set.

mod change;
mod clicks;
mod distinct;
mod histogram;
mod moments;
mod pair;
mod quantiles;
mod readings;
mod streams;
#[path = "../../../core/tests/gauge/support.rs"]
mod support;
mod top;
mod values;
mod windows;
