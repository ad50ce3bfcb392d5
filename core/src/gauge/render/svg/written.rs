//! Results that there is no drawing of, as text: a name and a number each, in rows; and the heaviest edges.

use embedded_io::Write;

use super::super::super::{Key, Measured, Storage};
use super::super::figures::{Figure, of_change, of_distinct, of_moments, of_pair, of_rate};
use super::super::lines::{number, whole};
use super::GAP;
use super::picture::{LEFT, Picture, WIDTH};
use crate::stats::graph::Edge;
use crate::stats::space_saving::Counted;
use crate::time::Time;

/// How high a row is, and how many results are in it: with three the longest would reach into the next.
const ROW: f64 = 18.0;
const COLUMNS: usize = 2;

/// How many edges are written, and how many characters of each end.
const EDGES: usize = 12;
const CHARACTERS: usize = 40;

/// Results by their names.
type Figures = heapless::Vec<(&'static str, Figure), 9>;

/// What is written of a measure, and the name of that.
fn figures<S: Storage>(measured: &Measured<S>, as_of: Time) -> Option<(&'static str, Figures)> {
    let of = |figures: &[(&'static str, Figure)]| Figures::from_slice(figures).unwrap_or_default();
    Some(match measured {
        Measured::Moments(moments) => ("moments", of(&of_moments(moments))),
        Measured::Distinct(sketch) => ("distinct", of(&of_distinct(sketch.estimate()))),
        Measured::Rate(rate) => ("rate, a second", of(&of_rate(rate, as_of))),
        Measured::Change(detector) => ("changes", of(&of_change(detector))),
        Measured::Pair(pair) => ("pair", of(&of_pair(pair))),
        _ => return None,
    })
}

/// How high what is written of a measure is, with what is below it; nothing of what is drawn.
pub(super) fn height<S: Storage>(measured: &Measured<S>, as_of: Time) -> f64 {
    let rows = match measured {
        Measured::Graph(graph) => graph.sketch().len().min(EDGES),
        _ => match figures(measured, as_of) {
            Some((_, figures)) => figures.len().div_ceil(COLUMNS),
            None => return 0.0,
        },
    };
    rows as f64 * ROW + GAP
}

impl<W: Write> Picture<'_, W> {
    /// Writes what there is of a measure that is not drawn.
    pub(super) fn written<S: Storage>(&mut self, measured: &mut Measured<S>, as_of: Time) -> Result<(), W::Error> {
        if let Measured::Graph(graph) = measured {
            self.name("heaviest edges")?;
            graph.heaviest().take(EDGES).try_for_each(|counted| self.edge(counted))?;
        } else if let Some((name, figures)) = figures(measured, as_of) {
            self.name(name)?;
            figures.chunks(COLUMNS).try_for_each(|row| self.row(row))?;
        } else {
            return Ok(());
        }
        self.top += GAP;
        Ok(())
    }

    /// The name of a part that has no axes.
    pub(super) fn name(&mut self, name: &str) -> Result<(), W::Error> {
        self.words("", 10.0, self.top - 12.0)?;
        self.text(name)?;
        self.text("</text>\n")
    }

    fn row(&mut self, figures: &[(&'static str, Figure)]) -> Result<(), W::Error> {
        self.text("<text y=\"")?;
        self.at(self.top + 4.0)?;
        self.text("\">")?;
        let mut left = LEFT;
        for (name, figure) in figures {
            self.text("<tspan opacity=\".6\" x=\"")?;
            self.at(left)?;
            self.text("\">")?;
            self.text(name)?;
            self.text("</tspan> ")?;
            match figure {
                Figure::Whole(value) => whole(*value, self.out)?,
                Figure::Float(value) => number(*value, self.out)?,
            }
            left += WIDTH / COLUMNS as f64;
        }
        self.top += ROW;
        self.text("</text>\n")
    }

    fn edge(&mut self, counted: &Counted<Edge<Key>>) -> Result<(), W::Error> {
        self.count([LEFT - 6.0, self.top + 4.0], counted.weight)?;
        self.words("", LEFT + 4.0, self.top + 4.0)?;
        self.end(&counted.key.from)?;
        self.text(" → ")?;
        self.end(&counted.key.to)?;
        self.text("</text>\n")?;
        self.top += ROW;
        Ok(())
    }

    /// One end of an edge, of which there have to be two beside each other.
    fn end(&mut self, key: &Key) -> Result<(), W::Error> {
        let name = key.name();
        match name.char_indices().nth(CHARACTERS).and_then(|(end, _)| name.get(..end)) {
            Some(begin) => {
                self.escaped(begin)?;
                self.text("…")
            }
            None => self.escaped(&name),
        }
    }
}
