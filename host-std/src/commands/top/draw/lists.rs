//! Topics, queues and gauges, a row each.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{HighlightSpacing, Row, Table, TableState};

use super::Paint;
use super::columns::{LATELY, beside_name, columns};
use crate::commands::sparkline::sparkline;
use crate::commands::top::view::{List, View};
use crate::commands::top::watched::{Gauge, Queue, Series, Topic, Watched};
use crate::commands::top::words::{age, bytes, count, rate};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, list: List, watched: &Watched, view: &View, paint: Paint) {
    if area.height == 0 {
        return;
    }
    let columns = columns(list, area.width);
    let names = view.names(list, watched);
    let is_focused = list == view.list;
    let titles = columns.iter().map(|column| aligned(column.title.to_owned(), column.is_number));
    let heading = Text::styled(
        heading(list, names.len(), watched, view),
        if is_focused { paint.focused() } else { paint.title() },
    );
    let header = Row::new([heading].into_iter().chain(titles)).style(paint.title());
    let (shown, at) = window(&names, view.at(list, &names), usize::from(area.height - 1));
    let rows = shown.iter().map(|name| {
        let shown = columns.iter().map(|column| {
            let cell = cell(list, name, column.title, usize::from(column.width), watched);
            aligned(cell, column.is_number).style(style(list, name, column.title, watched, paint))
        });
        Row::new([Text::raw(title(list, name, watched))].into_iter().chain(shown))
    });
    let widths =
        [area.width.saturating_sub(beside_name(&columns))].into_iter().chain(columns.iter().map(|column| column.width));
    let widths = widths.map(Constraint::Length);
    let table = Table::new(rows, widths).header(header).column_spacing(1);
    let table =
        table.highlight_spacing(HighlightSpacing::Always).highlight_symbol(if is_focused { "› " } else { "  " });
    let table = table.row_highlight_style(if is_focused { paint.selected() } else { Style::new() });
    let mut state = TableState::new().with_selected(at);
    if names.is_empty() {
        let below = Rect { y: area.y + 1, height: 1, ..area }.intersection(area);
        frame.render_widget(Line::styled(format!("  {}", nothing(list, view)), paint.quiet()), below);
    }
    frame.render_stateful_widget(table, area, &mut state);
}

/// As many names as there is room for, with the one that is looked at in the middle of them as far as that can be; and
/// which of them it is.
fn window<'n>(names: &'n [&'n str], at: Option<usize>, room: usize) -> (&'n [&'n str], Option<usize>) {
    let last = names.len().saturating_sub(room);
    let start = at.unwrap_or(0).saturating_sub(room / 2).min(last);
    let shown = names.get(start..).unwrap_or_default();
    (shown.get(..room).unwrap_or(shown), at.map(|at| at - start))
}

fn aligned(text: String, is_number: bool) -> Text<'static> {
    if is_number { Text::from(Line::raw(text).right_aligned()) } else { Text::raw(text) }
}

fn heading(list: List, shown: usize, watched: &Watched, view: &View) -> String {
    let (what, all) = match list {
        List::Topics => ("topic", watched.topics.len()),
        List::Queues => ("queue", watched.queues.len()),
        List::Gauges => ("gauge", watched.gauges.len()),
    };
    let plural = if all == 1 { "" } else { "s" };
    let many = if shown == all { count(all as u64) } else { format!("{shown} of {}", count(all as u64)) };
    match view.order(list) {
        "name" => format!("{many} {what}{plural}"),
        order => format!("{many} {what}{plural} by {order}"),
    }
}

const fn nothing(list: List, view: &View) -> &'static str {
    match list {
        _ if !view.prefix.is_empty() => "none whose name begins so",
        List::Topics => "none: streamgauge pub makes one",
        List::Queues => "none: streamgauge put makes one",
        List::Gauges => "none: streamgauge gauge set makes one",
    }
}

fn title(list: List, name: &str, watched: &Watched) -> String {
    let is_paused = list == List::Queues && watched.queues.get(name).is_some_and(|queue| queue.is_paused);
    if is_paused { format!("{name} (paused)") } else { name.to_owned() }
}

fn style(list: List, name: &str, column: &str, watched: &Watched, paint: Paint) -> Style {
    let dead = || list == List::Queues && watched.queues.get(name).is_some_and(|queue| queue.dead > 0);
    match column {
        LATELY => paint.water(),
        "dead" if dead() => paint.alarm(),
        _ => Style::new(),
    }
}

/// What a row has in a column of that width.
pub(in super::super) fn cell(list: List, name: &str, column: &str, width: usize, watched: &Watched) -> String {
    let cell = match list {
        List::Topics => watched.topics.get(name).map(|topic| of_topic(topic, column, width)),
        List::Queues => watched.queues.get(name).map(|queue| of_queue(queue, column, width, watched)),
        List::Gauges => watched.gauges.get(name).map(|gauge| of_gauge(gauge, column, width)),
    };
    cell.unwrap_or_default()
}

fn of_topic(topic: &Topic, column: &str, width: usize) -> String {
    match column {
        "in/s" => rate(topic.into.last()),
        "out/s" => rate(topic.out.last()),
        "subs" => count(topic.subscribers),
        "kept" => count(topic.messages),
        "bytes" => bytes(topic.bytes),
        "sent away" => count(topic.kicked),
        _ => lately(&topic.into.series, width),
    }
}

fn of_queue(queue: &Queue, column: &str, width: usize, watched: &Watched) -> String {
    match column {
        "waiting" => count(queue.waiting()),
        "lease" => count(queue.leased),
        "delay" => count(queue.delayed),
        "dead" => count(queue.dead),
        "oldest" => age(queue.oldest.as_deref(), watched.time),
        "in/s" => rate(queue.into.last()),
        "out/s" => rate(queue.out.last()),
        "bytes" => bytes(queue.bytes),
        "overflow" => count(queue.overflow),
        _ => lately(&queue.depth, width),
    }
}

fn of_gauge(gauge: &Gauge, column: &str, width: usize) -> String {
    match column {
        "each/s" => rate(gauge.rate.last()),
        "topic" => gauge.topic.clone(),
        "measures" => gauge.measures.clone(),
        "messages" => count(gauge.messages),
        "missed" => count(gauge.missed),
        "behind" => count(gauge.behind),
        _ => lately(&gauge.rate.series, width),
    }
}

/// From nothing to the most; the newest stands to the right.
fn lately(series: &Series, width: usize) -> String {
    let line = sparkline(series.newest(width), Some(0.0));
    format!("{line:>width$}")
}
