//! Rows under names, aligned for people.

use crate::terminal::display::printable;

/// What is between two columns.
const GAP: &str = "  ";

/// A table whose columns are as wide as they have to be.
#[derive(Debug)]
pub(super) struct Table {
    /// The name of each column, and whether it is of numbers, which stand to the right.
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let columns = columns.into_iter().map(|(name, is_number)| (name.to_owned(), is_number));
        Self { columns: columns.collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// A line of names, and a line a row. O(cells).
    pub(super) fn text(&self) -> String {
        self.within(usize::MAX)
    }

    /// The same with as many of the first columns as so many characters have room for, and the first one in any case.
    pub(super) fn within(&self, room: usize) -> String {
        let width = |text: &str| text.chars().count();
        let widths = self.columns.iter().enumerate().map(|(i, (name, _))| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(|cell| width(cell));
            cells.fold(width(name), usize::max)
        });
        let mut widths: Vec<usize> = widths.collect();
        while widths.len() > 1 && widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1) > room {
            widths.pop();
        }
        let names: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut text = String::new();
        for row in [&names].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, wide), (_, is_number)) in row.iter().zip(&widths).zip(&self.columns) {
                line += &if *is_number { format!("{cell:>wide$}{GAP}") } else { format!("{cell:<wide$}{GAP}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new([("name", false), ("ready", true), ("more", false)]);
        table.row(["a", "1", "x y"].map(str::to_owned));
        table.row(["längst", "1234567", ""].map(str::to_owned));
        assert_eq!(table.text(), "name      ready  more\na             1  x y\nlängst  1234567\n");
    }

    #[test]
    fn a_cell_does_nothing_to_the_terminal() {
        let mut table = Table::new([("name", false)]);
        table.row(["a\u{1b}c\n\u{9b}b".to_owned()]);
        assert_eq!(table.text(), "name\na\u{fffd}c\u{fffd}\u{fffd}b\n");
    }

    #[test]
    fn what_there_is_no_room_for_is_left_out() {
        let mut table = Table::new([("name", false), ("ready", true), ("more", true)]);
        table.row(["long name", "12", "345"].map(str::to_owned));
        assert_eq!(table.within(22), table.text());
        assert_eq!(table.within(21), "name       ready\nlong name     12\n");
        assert_eq!(table.within(3), "name\nlong name\n");
    }
}
