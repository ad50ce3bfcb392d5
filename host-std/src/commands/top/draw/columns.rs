//! Which columns a list has, and how wide they are.

use crate::commands::top::view::List;

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Column {
    pub(in super::super) title: &'static str,
    pub(in super::super) is_number: bool,
    pub(super) width: u16,
}

impl Column {
    pub(in super::super) fn is_series(&self) -> bool {
        self.title == LATELY
    }
}

/// The title of the column with sparklines, which has what is left where others have enough.
pub(super) const LATELY: &str = "lately";

/// From so many columns of the screen on there is room for what is looked at less often.
const WIDE: u16 = 100;
/// As much of a name as nearly all have.
const NAME: u16 = 24;
/// As much of one as a screen is too narrow without: rather than cut that, or a number, a column is left out.
const SHORT: u16 = 12;
/// Of a series.
const LEAST: u16 = 10;
const MOST: u16 = 60;

/// Columns that so much stands before: what tells which row is looked at.
const MARK: u16 = 2;

/// The columns behind the name, on a screen of that width. Where there is no room for all, how it went lately is left out
/// first, and then the last one each time.
pub(in super::super) fn columns(list: List, screen: u16) -> Vec<Column> {
    let number = |title, width| Column { title, is_number: true, width };
    let text = |title, width| Column { title, is_number: false, width };
    let (always, wide) = match list {
        List::Topics => (
            vec![
                number("in/s", 7),
                number(LATELY, LEAST),
                number("out/s", 7),
                number("subs", 6),
                number("kept", 7),
                number("bytes", 9),
            ],
            vec![number("sent away", 9)],
        ),
        List::Queues => (
            vec![
                number("waiting", 7),
                number(LATELY, LEAST),
                number("lease", 6),
                number("delay", 6),
                number("dead", 6),
                number("oldest", 6),
                number("in/s", 6),
                number("out/s", 6),
            ],
            vec![number("bytes", 9), number("overflow", 8)],
        ),
        List::Gauges => (
            vec![
                number("each/s", 7),
                number(LATELY, LEAST),
                text("topic", 14),
                text("measures", 20),
                number("missed", 7),
            ],
            vec![number("messages", 8), number("behind", 7)],
        ),
    };
    let mut columns = always;
    if screen >= WIDE {
        columns.extend(wide);
    }
    while beside_name(&columns) + SHORT > screen && !columns.is_empty() {
        let series = columns.iter().position(Column::is_series);
        columns.remove(series.unwrap_or(columns.len() - 1));
    }
    let more = screen.saturating_sub(beside_name(&columns) + NAME);
    if let Some(series) = columns.iter_mut().find(|column| column.is_series()) {
        series.width = (series.width + more).min(MOST);
    }
    columns
}

/// What of a row is not its name.
pub(super) fn beside_name(columns: &[Column]) -> u16 {
    columns.iter().map(|column| column.width + 1).sum::<u16>() + MARK
}
