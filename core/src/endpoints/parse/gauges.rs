//! What is asked of gauges.

use super::Wrong;
use crate::endpoints::Request;
use crate::engine::{Name, Prefix};
use crate::gauge::Format;

/// What is asked of gauges, which only a host can answer: it feeds them, and the body of [`Set`](Self::Set) and
/// [`Merge`](Self::Merge) is that of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GaugeRequest {
    /// Those whose names begin so.
    List(Prefix),
    /// What one measures now.
    Show(Name, Format),
    /// Make one, or change it: the body is its [`Definition`](crate::gauge::Definition).
    Set(Name),
    /// Remove one.
    Remove(Name),
    /// Add to one what another has measured, as [`Format::Binary`] gave it.
    Merge(Name),
}

/// The format that a request names, or else the first of its `Accept` that there is, or else a table.
pub(super) fn format<'a>(request: &Request<'a>) -> Result<Format, Wrong<'a>> {
    const FORMATS: &str = "text, json, openmetrics, svg, binary or definition";
    if let Some(named) = request.query.get("format") {
        let known = [
            ("text", Format::Table),
            ("json", Format::Json),
            ("openmetrics", Format::OpenMetrics),
            ("svg", Format::Svg),
            ("binary", Format::Binary),
            ("definition", Format::Definition),
        ];
        let found = known.into_iter().find(|(name, _)| named == **name);
        return found.map(|(_, format)| format).ok_or(Wrong::Parameter("format", FORMATS));
    }
    for accepted in request.accepted() {
        let format = [
            (&b"application/json"[..], Format::Json),
            (b"application/openmetrics-text", Format::OpenMetrics),
            (b"image/svg+xml", Format::Svg),
            (b"application/octet-stream", Format::Binary),
            (b"text/plain", Format::Table),
        ]
        .into_iter()
        .find(|(media_type, _)| accepted.eq_ignore_ascii_case(media_type));
        if let Some((_, format)) = format {
            return Ok(format);
        }
    }
    Ok(Format::Table)
}
