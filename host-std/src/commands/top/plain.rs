//! The same once, as text.

use super::draw::{cell, columns};
use super::view::{List, View};
use super::watched::Watched;
use super::words::{bytes, duration};
use crate::commands::table::Table;

/// So that all columns are there.
const WIDTH: u16 = 120;

/// A line of the server, and a table for each list that has something.
pub(super) fn text(watched: &Watched) -> String {
    let mut text = String::new();
    if let Some(overview) = &watched.overview {
        let used = |name: &str, (held, budget)| format!("  {name} {} of {}", bytes(held), bytes(budget));
        let disk = overview.disk.map_or_else(String::new, |disk| used("disk", disk));
        let health = watched.health.as_deref().unwrap_or_default();
        let (version, up) = (&overview.version, duration(overview.up as f64));
        text += &format!("streamgauge {version}  up {up}  {health}{}{disk}\n", used("memory", overview.memory));
    }
    let view = View::new();
    for (list, title) in List::ALL.into_iter().zip(["topic", "queue", "gauge"]) {
        let names = view.names(list, watched);
        if names.is_empty() {
            continue;
        }
        // A series has one value yet.
        let columns: Vec<_> = columns(list, WIDTH).into_iter().filter(|column| !column.is_series()).collect();
        let titles = columns.iter().map(|column| (column.title, column.is_number));
        let mut table = Table::new([(title, false)].into_iter().chain(titles));
        for name in names {
            let cells = columns.iter().map(|column| cell(list, name, column.title, 0, watched));
            table.row([name.to_owned()].into_iter().chain(cells));
        }
        text += "\n";
        text += &table.text();
    }
    text
}
