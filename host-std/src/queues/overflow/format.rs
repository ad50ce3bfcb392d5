//! What an item looks like in the file.

use embedded_io::Write;
use streamgauge_core::endpoints::overflow_line;
use streamgauge_core::engine::Name;

use super::held::Item;

/// How items are written to the overflow log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The item and a newline, as the original has it: one that has newlines is several lines.
    Lines,
    /// A line of JSON an item, {"queue":"…","data":"…"}, or data64 for what is no UTF-8: exact, whatever is in it.
    Json,
}

impl Format {
    /// Writes an item.
    pub(super) fn write<W: Write>(self, item: &Item<'_>, out: &mut W) -> Result<(), W::Error> {
        match self {
            Self::Lines => {
                out.write_all(item.data)?;
                out.write_all(b"\n")
            }
            // It was a name when it was pushed.
            Self::Json => overflow_line(&Name::new(item.queue).unwrap_or(Name::MAIN), item.data, out),
        }
    }
}
