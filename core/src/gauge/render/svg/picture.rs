//! What all parts of a picture are drawn with.

use embedded_io::Write;

use super::super::lines::{Labels, is_narrow, rounded, whole};
use crate::wire::decimal::Decimal;

/// Where the drawing is in the picture, whose width is 720.
pub(super) const LEFT: f64 = 70.0;
pub(super) const WIDTH: f64 = 630.0;

/// Where the first part begins.
pub(super) const TOP: f64 = 60.0;

pub(super) struct Picture<'o, W> {
    pub(super) out: &'o mut W,
    /// Where the next part begins.
    pub(super) top: f64,
    /// How high it is.
    pub(super) height: f64,
}

impl<W: Write> Picture<'_, W> {
    /// The beginning of all pictures, 720 wide.
    pub(super) fn open(&mut self, title: &str, height: f64) -> Result<(), W::Error> {
        self.text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 ")?;
        self.at(height)?;
        self.text("\" width=\"720\" height=\"")?;
        self.at(height)?;
        self.text(
            "\" font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"currentColor\" role=\"img\">\n<title>",
        )?;
        self.escaped(title)?;
        self.text("</title>\n")
    }

    /// The axes of a part, its name, and what the ends of the upright one are.
    pub(super) fn frame(&mut self, name: &str, ends: Option<(f64, f64)>) -> Result<(), W::Error> {
        self.text("<text x=\"10\" y=\"")?;
        self.at(self.top - 12.0)?;
        self.text("\">")?;
        self.text(name)?;
        self.text("</text><path fill=\"none\" stroke=\"currentColor\" opacity=\".4\" d=\"M")?;
        self.at(LEFT)?;
        self.text(" ")?;
        self.at(self.top)?;
        self.text("v")?;
        self.at(self.height)?;
        self.text("h")?;
        self.at(WIDTH)?;
        self.text("\"/>\n")?;
        let Some((low, high)) = ends else { return Ok(()) };
        let labels = Labels::between(low, high);
        for (value, down) in [(low, self.height), (high, 10.0)] {
            self.label("end", [LEFT - 6.0, self.top + down], value, labels)?;
        }
        Ok(())
    }

    /// What the ends of the level axis are.
    pub(super) fn ends(&mut self, low: f64, high: f64) -> Result<(), W::Error> {
        let labels = Labels::between(low, high);
        for (value, anchor, x) in [(low, "start", LEFT), (high, "end", LEFT + WIDTH)] {
            self.label(anchor, [x, self.top + self.height + 14.0], value, labels)?;
        }
        Ok(())
    }

    /// The beginning of words there, which begin there themselves if `anchor` says nothing else.
    pub(super) fn words(&mut self, anchor: &str, x: f64, y: f64) -> Result<(), W::Error> {
        self.begin_words(anchor, x, y)?;
        self.text(">")
    }

    /// The same, to be closed.
    fn begin_words(&mut self, anchor: &str, x: f64, y: f64) -> Result<(), W::Error> {
        self.text("<text ")?;
        if !anchor.is_empty() {
            self.text("text-anchor=\"")?;
            self.text(anchor)?;
            self.text("\" ")?;
        }
        self.text("x=\"")?;
        self.at(x)?;
        self.text("\" y=\"")?;
        self.at(y)?;
        self.text("\"")
    }

    /// How often something came, left of the drawing: exact, as far as there is room.
    pub(super) fn count(&mut self, [x, y]: [f64; 2], count: u64) -> Result<(), W::Error> {
        if count >= 100_000_000 {
            return self.label("end", [x, y], count as f64, Labels::Brief);
        }
        self.words("end", x, y)?;
        whole(count, self.out)?;
        self.text("</text>\n")
    }

    /// A number at an axis, made to fit where it is wider than its place.
    pub(super) fn label(&mut self, anchor: &str, [x, y]: [f64; 2], value: f64, labels: Labels) -> Result<(), W::Error> {
        let decimal = labels.of(value);
        let is_wide = decimal.is_some_and(|decimal| !is_narrow(&decimal));
        // The last one below a histogram would reach over the edge.
        let x = if is_wide && anchor == "middle" { x.min(LEFT + WIDTH - 11.0) } else { x };
        self.begin_words(anchor, x, y)?;
        if is_wide {
            self.text(" textLength=\"62\" lengthAdjust=\"spacingAndGlyphs\"")?;
        }
        self.text(">")?;
        self.text(decimal.as_ref().map_or("-", Decimal::as_str))?;
        self.text("</text>\n")
    }

    pub(super) fn bar(&mut self, place: [f64; 4], opacity: u8) -> Result<(), W::Error> {
        self.rectangle(place, opacity)?;
        self.text("/>\n")
    }

    /// A bar, to be closed.
    pub(super) fn rectangle(&mut self, [x, y, width, height]: [f64; 4], opacity: u8) -> Result<(), W::Error> {
        for (name, value) in [("<rect x=\"", x), ("\" y=\"", y), ("\" width=\"", width), ("\" height=\"", height)] {
            self.text(name)?;
            self.at(value)?;
        }
        self.text("\" opacity=\"")?;
        rounded(Some(f64::from(opacity) / 100.0), 5, self.out)?;
        self.text("\"")
    }

    /// A coordinate.
    pub(super) fn at(&mut self, value: f64) -> Result<(), W::Error> {
        match Decimal::rounded(libm::round(value * 100.0) / 100.0, 6) {
            Some(decimal) => self.out.write_all(decimal.as_bytes()),
            None => self.out.write_all(b"0"),
        }
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), W::Error> {
        self.out.write_all(text.as_bytes())
    }

    /// A text in which nothing is markup, and nothing that XML does not allow.
    pub(super) fn escaped(&mut self, text: &str) -> Result<(), W::Error> {
        for char in text.chars() {
            match char {
                '&' => self.text("&amp;")?,
                '<' => self.text("&lt;")?,
                '>' => self.text("&gt;")?,
                '"' => self.text("&quot;")?,
                char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => self.text("\u{fffd}")?,
                char => self.text(char.encode_utf8(&mut [0; 4]))?,
            }
        }
        Ok(())
    }
}
