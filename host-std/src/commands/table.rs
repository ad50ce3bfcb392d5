//! Rows under names, aligned for people.

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
        self.rows.push(cells.into_iter().collect());
    }

    /// A line of names, and a line a row. O(cells).
    pub(super) fn text(&self) -> String {
        let width = |text: &str| text.chars().count();
        let widths = self.columns.iter().enumerate().map(|(i, (name, _))| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(|cell| width(cell));
            cells.fold(width(name), usize::max)
        });
        let widths: Vec<usize> = widths.collect();
        let names: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut text = String::new();
        for row in [&names].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, wide), (_, is_number)) in row.iter().zip(&widths).zip(&self.columns) {
                line += &if *is_number { format!("{cell:>wide$}  ") } else { format!("{cell:<wide$}  ") };
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
}
