//! Readings, written: for programs, for people, to be looked at.
//!
//! | module | idea |
//! | --- | --- |
//! | [`Json`] | for programs: every number reads back to the same bits |
//! | `table` | for people |
//! | `metrics` | OpenMetrics, for those who collect it |
//! | `svg` | a picture: what came over time, quantiles and distinct values over time, a histogram, frequent values, and other results as text |
//! | `figures` | results by their names |
//! | `lines` | numbers and texts as these write them |
//! | `longest` | how long a reading can be |

mod figures;
mod json;
mod lines;
mod longest;
mod metrics;
mod svg;
mod table;

pub use json::{Json, write_alert, write_json};
pub use svg::{Bar, write_histogram, write_svg};

use embedded_io::Write;

use super::{Gauge, Storage};
use crate::time::Time;

/// How a reading is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A table for people.
    Table,
    /// JSON, for programs.
    Json,
    /// OpenMetrics, for those who collect it.
    OpenMetrics,
    /// A picture.
    Svg,
    /// All of the state, to be merged elsewhere.
    Binary,
    /// What the gauge measures, as JSON.
    Definition,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Json | Self::Definition => "application/json",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Svg => "image/svg+xml",
            Self::Binary => "application/octet-stream",
        }
    }
}

/// Writes what the gauge `name` measures now, in any format. O(groups × panes × state).
///
/// # Errors
/// Those of `out`.
pub fn render<S: Storage, W: Write>(
    gauge: &mut Gauge<S>,
    name: &str,
    format: Format,
    now: Time,
    out: &mut W,
) -> Result<(), W::Error> {
    match format {
        Format::Definition => {
            gauge.definition().write_json(out)?;
            out.write_all(b"\n")
        }
        Format::Json => write_json(gauge, name, now, out),
        Format::Table => table::write(gauge, name, now, out),
        Format::OpenMetrics => metrics::write(gauge, name, now, out),
        Format::Svg => write_svg(gauge, name, now, out),
        Format::Binary => gauge.write_binary(now, out),
    }
}
