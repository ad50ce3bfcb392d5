//! The one that is looked at.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Paragraph};
use serde_json::Value;

use super::Paint;
use crate::commands::table::Table;
use crate::commands::top::asked::Detail;
use crate::commands::top::view::{List, View};
use crate::commands::top::watched::Watched;
use crate::commands::top::words::{NONE, age, bytes, count, duration, seconds_since};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, watched: &Watched, view: &View, paint: Paint) {
    let Some((list, name)) = view.one(watched) else { return };
    let (title, told) = match (list, watched.detail_of(list, &name)) {
        (List::Topics, told) => (format!("subscribers of topic {name} "), told),
        (List::Queues, told) => (format!("items of queue {name} "), told),
        (List::Gauges, told) => (format!("gauge {name} "), told),
    };
    let text = match told {
        None => String::new(),
        Some(Detail::Topic(said)) => subscribers(said, watched.time, area.width.into()),
        Some(Detail::Queue(items)) => self::items(items, watched.time),
        Some(Detail::Gauge(text) | Detail::Refused(text)) => text.clone(),
    };
    let block = Block::new().borders(Borders::TOP).border_style(paint.quiet()).title(title).title_style(paint.title());
    let mut lines: Vec<_> = text.lines().map(Line::raw).collect();
    if matches!(told, Some(Detail::Topic(_) | Detail::Queue(_)))
        && let Some(heading) = lines.first_mut()
    {
        heading.style = paint.quiet();
    }
    frame.render_widget(Paragraph::new(Text::from(lines)).block(block), area);
}

fn subscribers(said: &Value, now: Timestamp, width: usize) -> String {
    let clients = said["clients"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = String::new();
    if clients.is_empty() {
        text += "nobody subscribes\n";
    } else {
        let mut table = Table::new([
            ("peer", false),
            ("name", false),
            ("for", true),
            ("policy", false),
            ("sent", true),
            ("behind", true),
            ("bytes", true),
            ("missed", true),
        ]);
        for client in clients {
            let number = |name: &str| client[name].as_u64().unwrap_or_default();
            let blocked = client["blocked"].as_f64().filter(|seconds| *seconds > 0.0);
            let policy =
                self::text(client, "policy") + &blocked.map_or_else(String::new, |it| format!(", {}", duration(it)));
            table.row([
                self::text(client, "peer"),
                self::text(client, "name"),
                age(client["since"].as_str(), now),
                policy,
                count(number("sent")),
                count(number("lag_messages")),
                bytes(number("lag_bytes")),
                count(number("missed").saturating_add(number("skipped"))),
            ]);
        }
        text += &table.within(width);
    }
    if let Some((last, others)) = said["sent_away"].as_array().and_then(|away| away.split_last()) {
        let (peer, ago, why) = (self::text(last, "peer"), age(last["at"].as_str(), now), self::text(last, "reason"));
        text += &format!("sent away: {}, the last {ago} ago: {peer}, {why}\n", others.len() + 1);
    }
    text
}

fn items(items: &[Value], now: Timestamp) -> String {
    if items.is_empty() {
        return "nothing is in it\n".to_owned();
    }
    let mut table =
        Table::new([("state", false), ("item", true), ("tries", true), ("put", true), ("", false), ("data", false)]);
    for item in items {
        let until = seconds_since(item["until"].as_str(), now).map(|ago| format!("{} left", duration(-ago)));
        let reason = item["reason"].as_str().or_else(|| item["died"]["reason"].as_str()).map(shown);
        let data = item["data"].as_str().map(shown);
        table.row([
            self::text(item, "state"),
            item["item"].to_string(),
            item["attempt"].to_string(),
            age(item["put"].as_str(), now),
            until.or(reason).unwrap_or_default(),
            data.unwrap_or_else(|| format!("(base64) {}", self::text(item, "data64"))),
        ]);
    }
    table.text()
}

fn text(said: &Value, name: &str) -> String {
    said[name].as_str().map_or_else(|| NONE.to_owned(), shown)
}

/// Longer ones are wider than any screen.
const MOST: usize = 500;

/// What has no width, or does something to a terminal, is escaped.
fn shown(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().take(MOST).map(escape).collect()
}
